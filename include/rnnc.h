/**
 * @file rnnc.h
 * @brief Models of recurrent networks, compiled at run time and run from C or C++.
 *
 * A *model* is a text of equations (docs/language.md), parsed and typed. A *program* is a model compiled for stated
 * maxima of batch and length. *Weights* are the numbers that training changes and files keep. A *context* is all that
 * moves in a run: working memory, inputs, outputs and states.
 *
 * **Errors.** Functions that can fail return a status. They also take an object that collects diagnostics, texts for
 * people with a place in the model's source; it may be NULL. A null handle, a wrong size or a call out of turn is
 * #RNNC_INVALID_ARGUMENT, and nothing has changed. Functions that only look return 0 or NULL for a null handle.
 *
 * **What the library leaves alone.** It does not print, end the process, or touch the locale or signal handlers. There
 * are two exceptions to the second: LLVM ends the process when it runs out of memory or meets code that it cannot
 * select, both only within rnnc_program_compile(), rnnc_model_bench(), rnnc_targets(), the functions that dump machine code,
 * rnnc_build() for this machine, and where options say `in_this_process`. It reads the environment variables RNNC_PERF_MAP,
 * RNNC_JIT_DEBUG, RNNC_LLVM_MODULE, with `use_cache` XDG_CACHE_HOME, HOME and RNNC_CACHE_MIB, where a linker works PATH, and
 * there and for data too large for memory TMPDIR; LLVM looks for some of its own when it is loaded, and nothing here depends
 * on them. Only rnnc_build() and rnnc_inspect() start processes. Numbers in models and files have a decimal point in every
 * locale.
 *
 * Runs compute in a mode of the processor of their own (denormal numbers are zero, rounding to nearest, no traps) and
 * leave the caller's as it was. Memory and threads may be the caller's, too: rnnc_allocator, for each kind of handle, and
 * rnnc_context_options.
 *
 * **Threads.** Each handle is used by one thread at a time, but: a program may be used by any number of threads at
 * once, and so may weights, as long as nobody changes them. Retaining and releasing is always safe.
 *
 * **Ownership.** Every create, compile or load gives one reference to the caller, who gives it back with the release
 * function; releasing NULL does nothing. Handles keep alive what they stand on: a context its weights and program, a
 * program its model. Texts that functions return belong to the handle that was asked.
 *
 * **Arrays.** A value has one vector of columns for every index of its axes. As an array its dimensions are, with
 * #RNNC_STEPS_FIRST, the sequence axes in the order in which the model declares them, the batch, the columns; with
 * #RNNC_ROWS_FIRST the batch comes first. What a value lacks is left out. Rows of an array follow each other without
 * gaps, but where one is bound with #rnnc_strides. Counts are of elements, never of bytes.
 *
 * **What is here.** All that the command `rnnc` does can be done from C: models, programs, weights, runs, steps, gradients,
 * training and evaluation on arrays of the caller's or by the recipe's data, checkpoints, texts, sampling, forecasts,
 * objects made ahead of time, what it says of models (`check`, `dump`, `bench`), and drawings. The caller's are options,
 * signals, and what is shown of progress.
 */
#ifndef RNNC_H
#define RNNC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Stands before every function: it is seen outside of the shared library. */
#if defined(__GNUC__)
#define RNNC_API __attribute__((visibility("default")))
#else
#define RNNC_API
#endif

/** @name Status
 * @{ */

#ifndef RNNC_SUPPORT_STATUS_H
/** What a function that can fail returns. */
typedef enum rnnc_status {
    RNNC_OK = 0,           /**< done */
    RNNC_INVALID_ARGUMENT, /**< the caller broke the contract of the function */
    RNNC_SYNTAX,           /**< a text does not parse */
    RNNC_TYPE,             /**< names, shapes, axes or element types do not agree */
    RNNC_UNSUPPORTED,      /**< legal, but nothing here can do it */
    RNNC_OUT_OF_MEMORY,    /**< memory, or a stated limit of it, is used up */
    RNNC_IO,               /**< the system refused to open, read, write or rename */
    RNNC_CORRUPT,          /**< a file's contents contradict its format */
    RNNC_INTERNAL          /**< a defect of rnnc itself */
} rnnc_status;
#endif

/** A short English phrase for @p status, never NULL. */
RNNC_API const char *rnnc_status_text(rnnc_status status);

/** The library's version, as "0.1.0". */
RNNC_API const char *rnnc_version(void);

/** @} */
/** @name Memory of the caller's
 * @{ */

/**
 * Where handles get their memory from, each from the allocator that it was made with: what they stand on may have
 * another. Called by whoever calls the library, on his thread, and never during a run, but by diagnostics for the text of
 * an error. The functions must stay callable until the last of what was made with them has been released or destroyed.
 *
 * All that a handle keeps from call to call comes from there: texts, graphs, tables, arrays. The system's are data of
 * files (rnnc_data, rnnc_feed), which take no allocator, and what is given back before a call returns, that is the work
 * space of compiling, of rnnc_weights_initialize(), of loading and saving, of texts and forecasts, of rnnc_fit(); the
 * pages of machine code; the stacks of threads that a context starts; and whatever LLVM, the loader of shared libraries
 * and the C library keep for themselves, which know no other memory.
 */
typedef struct rnnc_allocator {
    void *user; /**< handed on to both functions */
    /** @p bytes, 1 or more, at a multiple of @p alignment, a power of two; NULL: there are none. Need not be zeros. */
    void *(*allocate)(void *user, size_t bytes, size_t alignment);
    /** Takes back what allocate gave; never NULL. */
    void (*release)(void *user, void *block);
} rnnc_allocator;

/** @} */
/** @name Diagnostics
 * @{ */

/** Collects diagnostics, in order, until it is cleared. */
typedef struct rnnc_diagnostics rnnc_diagnostics;

/** How bad it is. */
typedef enum rnnc_severity {
    RNNC_ERROR = 0, /**< why it failed */
    RNNC_NOTE,      /**< belongs to the diagnostic before it */
    RNNC_WARNING    /**< it did not fail, but look */
} rnnc_severity;

/** One diagnostic. Its texts are valid until the collection is cleared or destroyed. */
typedef struct rnnc_diagnostic {
    rnnc_severity severity; /**< how bad it is */
    const char *message;    /**< one line, without a full stop */
    const char *file;       /**< the source's name, or NULL if there is no place to point at */
    uint32_t line;          /**< from 1; 0 without a place */
    uint32_t column;        /**< from 1, in bytes; 0 without a place */
    uint32_t begin;         /**< its first byte in the source */
    uint32_t end;           /**< the byte behind its last */
} rnnc_diagnostic;

/** Makes an empty collection. @return #RNNC_OUT_OF_MEMORY, #RNNC_INVALID_ARGUMENT */
RNNC_API rnnc_status rnnc_diagnostics_create(rnnc_diagnostics **out_diagnostics);
/** The same in memory of @p allocator, which is copied; NULL: the system's. What it has none for is left out. */
RNNC_API rnnc_status rnnc_diagnostics_create_with(const rnnc_allocator *allocator,
                                                  rnnc_diagnostics **out_diagnostics);
/** Destroys a collection; NULL is fine. */
RNNC_API void rnnc_diagnostics_destroy(rnnc_diagnostics *diagnostics);
/** Forgets all diagnostics. */
RNNC_API void rnnc_diagnostics_clear(rnnc_diagnostics *diagnostics);
/** How many there are. */
RNNC_API size_t rnnc_diagnostics_count(const rnnc_diagnostics *diagnostics);
/** Diagnostic number @p index, from 0. @return #RNNC_INVALID_ARGUMENT if there is none */
RNNC_API rnnc_status rnnc_diagnostics_get(const rnnc_diagnostics *diagnostics, size_t index,
                                          rnnc_diagnostic *out_diagnostic);
/** All of them for people, with source lines and carets; "" if there are none. Valid until the next call. */
RNNC_API const char *rnnc_diagnostics_text(const rnnc_diagnostics *diagnostics);

/** @} */
/** @name Bytes
 * @{ */

/** What the library writes for its caller: a text or the contents of a file. In memory of the handle that it was made
 * from, unless options say otherwise; it outlives that handle. */
typedef struct rnnc_bytes rnnc_bytes;

/** The bytes, and a zero behind the last: a text can be printed as it is. "" for NULL. */
RNNC_API const char *rnnc_bytes_data(const rnnc_bytes *bytes);
/** How many there are, without that zero; 0 for NULL. */
RNNC_API size_t rnnc_bytes_size(const rnnc_bytes *bytes);
/** Writes them to a file, which appears complete or not at all. @return #RNNC_INVALID_ARGUMENT, #RNNC_IO */
RNNC_API rnnc_status rnnc_bytes_save(const rnnc_bytes *bytes, const char *path,
                                     rnnc_diagnostics *diagnostics);
/** Gives them back; NULL is fine. */
RNNC_API void rnnc_bytes_destroy(rnnc_bytes *bytes);

/** @} */
/** @name Models
 * @{ */

/** A model, parsed and typed. Reference-counted. Used by one thread at a time. */
typedef struct rnnc_model rnnc_model;

/** What to choose from a text. Begin with #RNNC_MODEL_OPTIONS. */
typedef struct rnnc_model_options {
    size_t struct_size; /**< sizeof(rnnc_model_options) */
    const char *model;  /**< the model's name; NULL: the text's only one, or its last */
    const char *recipe; /**< the recipe's name; NULL: the text's first, if it has one */
    const char *const
        *settings;        /**< parameters of the model and numbers of the recipe (batch, rate, T …), each
                                          "name=value", the value as in the language; each name once */
    size_t setting_count; /**< how many there are */
    const rnnc_allocator *allocator; /**< of all that the model keeps; copied; NULL: the system's */
} rnnc_model_options;

/** Nothing chosen. */
#define RNNC_MODEL_OPTIONS {sizeof(rnnc_model_options), NULL, NULL, NULL, 0, NULL}

/**
 * Makes a model of a text in memory.
 * @param text      the text, @p length bytes; copied
 * @param name      stands in diagnostics; `use "other.rnn"` looks beside it
 * @param options   NULL: nothing chosen
 * @return #RNNC_SYNTAX, #RNNC_TYPE (diagnostics say where), #RNNC_INVALID_ARGUMENT, #RNNC_IO, #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_model_from_text(const char *text, size_t length, const char *name,
                                          const rnnc_model_options *options, rnnc_diagnostics *diagnostics,
                                          rnnc_model **out_model);
/** Makes a model of a file. Like rnnc_model_from_text(). */
RNNC_API rnnc_status rnnc_model_from_file(const char *path, const rnnc_model_options *options,
                                          rnnc_diagnostics *diagnostics, rnnc_model **out_model);
/** Takes another reference. */
RNNC_API void rnnc_model_retain(rnnc_model *model);
/** Gives a reference back. */
RNNC_API void rnnc_model_release(rnnc_model *model);
/** The model's name. */
RNNC_API const char *rnnc_model_name(const rnnc_model *model);
/** How many equations have a name: those of the model, and those of cells and functions at each of their uses. */
RNNC_API uint32_t rnnc_model_equation_count(const rnnc_model *model);
/** Equation number @p index, as "forecast", "lstm.0.i", "lstm.0.c" (the new state); NULL if there is none. */
RNNC_API const char *rnnc_model_equation(const rnnc_model *model, uint32_t index);

/** What a recipe says that a program does not do by itself. */
typedef struct rnnc_recipe {
    const char *name;  /**< belongs to the model */
    int64_t batch;     /**< rows of a batch */
    int64_t epochs;    /**< how many; 0: it does not say */
    int64_t max_steps; /**< after how many steps training ends; 0: it does not say */
    double rate;       /**< of learning, before the schedule */
    int carries_state; /**< not 0: a step begins with the states that the one before left, until the caller resets them */
} rnnc_recipe;

/** The model's recipe. @return #RNNC_INVALID_ARGUMENT if it has none */
RNNC_API rnnc_status rnnc_model_recipe(const rnnc_model *model, rnnc_recipe *out_recipe);

/** @} */
/** @name Programs
 * @{ */

/** A model compiled for one purpose, with stated maxima. Immutable, reference-counted, shared between threads. */
typedef struct rnnc_program rnnc_program;

/** What a program is for. */
typedef enum rnnc_purpose {
    RNNC_FORWARD = 0, /**< the model's outputs, by rnnc_run() and rnnc_step() */
    RNNC_EVALUATE,    /**< also the loss and the metrics; targets are inputs too */
    RNNC_GRADIENTS,   /**< gradients of the loss, or of given outputs, for every weight; dropout is active */
    RNNC_TRAIN        /**< training steps by the model's recipe: rnnc_train_step() */
} rnnc_purpose;

/** The length of a sequence axis. */
typedef struct rnnc_length {
    const char *axis; /**< as in the model, "T" */
    int64_t length;   /**< in steps, from 1 */
} rnnc_length;

/** How to compile. Begin with #RNNC_COMPILE_OPTIONS. */
typedef struct rnnc_compile_options {
    size_t struct_size;             /**< sizeof(rnnc_compile_options) */
    rnnc_purpose purpose;           /**< what runs are to compute */
    int64_t max_batch;              /**< the most rows of a run; 0: the recipe's, or 1 */
    int64_t max_length;             /**< the longest sequence of a run; 0: the recipe's */
    const rnnc_length *max_lengths; /**< by axis, where they differ */
    size_t max_length_count;        /**< how many there are */
    int threads; /**< of a context, its caller's among them, at most 256; 0: 1. Also how many compile */
    /**
     * "native", "x86-64-v3" …; NULL: "native". For comparisons, both slow: "interpret" makes no machine code and
     * interprets the kernels; "reference" makes no kernels and interprets the graph. What runs of that need is the
     * system's memory, outputs that are bound are copied, gradients cannot be given, and the last bits are its own.
     */
    const char *cpu;
    int use_cache; /**< not 0: machine code is looked for and kept in the user's cache of kernels */
    /** For #RNNC_GRADIENTS and #RNNC_TRAIN: inputs and states whose gradients are outputs, "gradient/NAME". */
    const char *const *gradients;
    size_t gradient_count; /**< how many there are */
    /** For the same: outputs and states whose gradients are inputs, "gradient/NAME"; see rnnc_backward(). */
    const char *const *given_gradients;
    size_t given_gradient_count; /**< how many there are */
    int keep_gradients; /**< #RNNC_TRAIN, not 0: gradients of weights can be read after a step, as before clipping */
    /**
     * Equations that are outputs, too, by rnnc_model_equation()'s names. Their gradients may be given like those of
     * others; where an equation has the name of a state, a given gradient is that of the state after the last step.
     */
    const char *const *outputs;
    size_t output_count;             /**< how many there are */
    const rnnc_allocator *allocator; /**< of all that the program keeps; copied; NULL: the system's */
    const struct rnnc_pass_options
        *passes; /**< how to go about it, and what to list; NULL: as usual, and nothing */
    /**
     * Data that the program is to be fed with (rnnc_data_open()), of this model; NULL: the caller's own alone. Their batch
     * and lengths are then the maxima, where options say none. With #RNNC_EVALUATE only what is measured is computed, and
     * `outputs`. With #RNNC_TRAIN and a recipe whose windows overlap, only the steps that are new to the training count,
     * and which these are rnnc_feed_next() and rnnc_fit() say. Not kept.
     */
    const struct rnnc_data *data;
} rnnc_compile_options;

/** A forward program of one row, one thread, this processor, without the cache. */
#define RNNC_COMPILE_OPTIONS       \
    {sizeof(rnnc_compile_options), \
     RNNC_FORWARD,                 \
     0,                            \
     0,                            \
     NULL,                         \
     0,                            \
     0,                            \
     NULL,                         \
     0,                            \
     NULL,                         \
     0,                            \
     NULL,                         \
     0,                            \
     0,                            \
     NULL,                         \
     0,                            \
     NULL,                         \
     NULL,                         \
     NULL}

/**
 * Compiles @p model. LLVM is loaded when the first program needs it. It is in a module of its own, looked for in
 * lib/rnnc/ beside or above the library's or the program's folder, or where RNNC_LLVM_MODULE says.
 * @return #RNNC_INVALID_ARGUMENT (a maximum is missing, the purpose needs a loss or a recipe), #RNNC_UNSUPPORTED,
 *         #RNNC_TYPE, #RNNC_IO (no code generator), #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_program_compile(rnnc_model *model, const rnnc_compile_options *options,
                                          rnnc_diagnostics *diagnostics, rnnc_program **out_program);
/** Takes another reference. */
RNNC_API void rnnc_program_retain(rnnc_program *program);
/** Gives a reference back. */
RNNC_API void rnnc_program_release(rnnc_program *program);
/** Bytes of working memory that each context has, inputs and states aside. */
RNNC_API int64_t rnnc_program_arena_bytes(const rnnc_program *program);
/** NULL if the program can run step by step; else why it cannot, with the place in the source. */
RNNC_API const char *rnnc_program_step_obstacle(const rnnc_program *program);

/** Types of elements. */
typedef enum rnnc_type {
    RNNC_F32 = 0, /**< float */
    RNNC_F64,     /**< double */
    RNNC_I32      /**< int32_t: tokens and lengths */
} rnnc_type;

/** What a value is. */
typedef enum rnnc_role {
    RNNC_ROLE_DATA = 0, /**< an input */
    RNNC_ROLE_TARGET,   /**< an input that only the loss reads */
    RNNC_ROLE_LENGTHS,  /**< an input, the length of each row; full lengths unless it is written */
    RNNC_ROLE_STATE,    /**< what a step leaves for the next */
    RNNC_ROLE_OUTPUT,   /**< what the model says */
    RNNC_ROLE_LOSS,     /**< a single number */
    RNNC_ROLE_METRIC,   /**< a single number, a sum over counted elements */
    RNNC_ROLE_GRADIENT /**< "gradient/NAME": as an output, of the input or initial state NAME; as an input, of the
                             output or final state NAME, like it in shape and type */
} rnnc_role;

/** Limits of values. */
enum {
    RNNC_MOST_AXES = 8 /**< no value has more */
};

/** The shape of an input, an output or a state. Texts belong to the program. */
typedef struct rnnc_value {
    const char *name;                 /**< as in the model; of a state like "lstm.0.c" */
    rnnc_role role;                   /**< what it is */
    rnnc_type type;                   /**< of its elements */
    int64_t columns;                  /**< 1 for a number */
    int has_batch;                    /**< 1: a vector for every row */
    int axis_count;                   /**< sequence and fixed axes */
    const char *axes[RNNC_MOST_AXES]; /**< their names, in the order in which the model declares them */
} rnnc_value;

/** How many inputs there are. Inputs that nothing computed depends on are not among them. */
RNNC_API uint32_t rnnc_program_input_count(const rnnc_program *program);
/** Input number @p index. @return #RNNC_INVALID_ARGUMENT if there is none */
RNNC_API rnnc_status rnnc_program_input(const rnnc_program *program, uint32_t index, rnnc_value *out_value);
/** The number of the input @p name; -1 if there is none. */
RNNC_API int rnnc_program_find_input(const rnnc_program *program, const char *name);
/** How many outputs there are. */
RNNC_API uint32_t rnnc_program_output_count(const rnnc_program *program);
/** Output number @p index. @return #RNNC_INVALID_ARGUMENT if there is none */
RNNC_API rnnc_status rnnc_program_output(const rnnc_program *program, uint32_t index, rnnc_value *out_value);
/** The number of the output @p name; -1 if there is none. */
RNNC_API int rnnc_program_find_output(const rnnc_program *program, const char *name);
/** How many states there are. */
RNNC_API uint32_t rnnc_program_state_count(const rnnc_program *program);
/** State number @p index, named like "lstm.0.c". @return #RNNC_INVALID_ARGUMENT if there is none */
RNNC_API rnnc_status rnnc_program_state(const rnnc_program *program, uint32_t index, rnnc_value *out_value);
/** The number of the state @p name; -1 if there is none. */
RNNC_API int rnnc_program_find_state(const rnnc_program *program, const char *name);

/** @} */
/** @name Arrays in files
 * @{ */

/** An array that was read from a file, or made by the library. Immutable: any number of threads may look at it. */
typedef struct rnnc_array rnnc_array;

/** Limits of arrays in files. */
enum {
    RNNC_MOST_DIMENSIONS = 8 /**< no array in a file has more */
};

/**
 * Reads a NumPy file (.npy, may be gzipped), all of it, into memory of @p allocator (copied; NULL: the system's). Its
 * elements become #RNNC_F64 if they are f8, #RNNC_F32 if they are other floats, #RNNC_I32 if they are integers or
 * booleans.
 * @return #RNNC_IO, #RNNC_CORRUPT, #RNNC_OUT_OF_MEMORY; #RNNC_TYPE for an integer that does not fit
 */
RNNC_API rnnc_status rnnc_array_load(const char *path, const rnnc_allocator *allocator,
                                     rnnc_diagnostics *diagnostics, rnnc_array **out_array);
/** Gives it back; NULL is fine. */
RNNC_API void rnnc_array_destroy(rnnc_array *array);
/** The type of its elements. */
RNNC_API rnnc_type rnnc_array_type(const rnnc_array *array);
/** How many dimensions it has; 0: it is a single number. */
RNNC_API int rnnc_array_rank(const rnnc_array *array);
/** The size of dimension number @p index, the outermost first; 0 if there is none. */
RNNC_API int64_t rnnc_array_dimension(const rnnc_array *array, int index);
/** How many elements it has. */
RNNC_API size_t rnnc_array_count(const rnnc_array *array);
/** Its elements, the last dimension innermost, without gaps. */
RNNC_API const void *rnnc_array_data(const rnnc_array *array);
/**
 * Writes a NumPy file, which appears complete or not at all.
 * @param dimensions  @p rank of them, the outermost first
 * @param data        the elements, of @p type, the last dimension innermost, without gaps
 * @return #RNNC_INVALID_ARGUMENT, #RNNC_IO
 */
RNNC_API rnnc_status rnnc_array_save(const char *path, rnnc_type type, int rank, const int64_t *dimensions,
                                     const void *data, rnnc_diagnostics *diagnostics);

/** @} */
/** @name Weights
 * @{ */

/**
 * The numbers of a model: its weights and, of a training program, the optimiser's memory. Reference-counted.
 *
 * Contexts of several programs of one model may share them, a training one and a forward one for instance.
 */
typedef struct rnnc_weights rnnc_weights;

/** The shape of a weight. */
typedef struct rnnc_weight {
    const char *name; /**< "lstm.0.i.x"; belongs to the weights */
    rnnc_type type;   /**< of its elements */
    int64_t rows;     /**< 1 for a vector */
    int64_t columns;  /**< an array is [rows, columns] */
    int trained;      /**< 0: frozen */
} rnnc_weight;

/**
 * Makes room for the weights of @p program. They are unset: a run fails until each has values, by initialising, loading
 * or writing. The optimiser's memory is as before the first step.
 */
RNNC_API rnnc_status rnnc_weights_create(rnnc_program *program, rnnc_diagnostics *diagnostics,
                                         rnnc_weights **out_weights);
/** The same in memory of @p allocator, which is copied; NULL: the system's. */
RNNC_API rnnc_status rnnc_weights_create_with(rnnc_program *program, const rnnc_allocator *allocator,
                                              rnnc_diagnostics *diagnostics, rnnc_weights **out_weights);
/** Takes another reference. */
RNNC_API void rnnc_weights_retain(rnnc_weights *weights);
/** Gives a reference back. */
RNNC_API void rnnc_weights_release(rnnc_weights *weights);
/**
 * First values, by the model's and the recipe's initialisers. An element is a function of @p seed, the weight's name
 * and its place in the weight alone.
 */
RNNC_API rnnc_status rnnc_weights_initialize(rnnc_weights *weights, uint64_t seed,
                                             rnnc_diagnostics *diagnostics);
/**
 * Reads all weights from a safetensors file: each under its name, with its shape, and nothing else.
 * Of a checkpoint (rnnc_context_save_training(), `rnnc train --checkpoint`) the weights without the rest. The vocabularies
 * by which `rnnc train` has numbered texts come along, and go where the weights are copied and saved to; with a file
 * that has none they are gone.
 * @return #RNNC_TYPE and the like if the file is of another model; one diagnostic lists what does not fit, and a note says
 *         with which recipe and settings the file was made, if it knows
 */
RNNC_API rnnc_status rnnc_weights_load(rnnc_weights *weights, const char *path,
                                       rnnc_diagnostics *diagnostics);
/** The same from the @p size bytes of such a file in memory. */
RNNC_API rnnc_status rnnc_weights_load_memory(rnnc_weights *weights, const void *bytes, size_t size,
                                              rnnc_diagnostics *diagnostics);
/**
 * Reads those weights for which the file has a tensor of the same name and shape; the others keep what they have, so all
 * must have values before. A note says what was taken and what not. Vocabularies are taken if there are none yet.
 * @return #RNNC_TYPE if nothing fits
 */
RNNC_API rnnc_status rnnc_weights_load_partial(rnnc_weights *weights, const char *path,
                                               rnnc_diagnostics *diagnostics);
/**
 * Writes all weights as a safetensors file, which appears complete or not at all. It also says what `rnnc train
 * --weights-out` lets its file say: the model's text, settings and recipe, rnnc's version, and the vocabularies; so the two
 * files of one training are equal. rnnc_data_save_vocabularies() writes the files that lie beside that one.
 */
RNNC_API rnnc_status rnnc_weights_save(const rnnc_weights *weights, const char *path,
                                       rnnc_diagnostics *diagnostics);
/** Copies every weight that @p from has too, by name. @return #RNNC_TYPE if one of @p to found no source */
RNNC_API rnnc_status rnnc_weights_copy(rnnc_weights *to, const rnnc_weights *from,
                                       rnnc_diagnostics *diagnostics);
/** How many weights there are. */
RNNC_API uint32_t rnnc_weights_count(const rnnc_weights *weights);
/** Weight number @p index. @return #RNNC_INVALID_ARGUMENT if there is none */
RNNC_API rnnc_status rnnc_weights_get(const rnnc_weights *weights, uint32_t index, rnnc_weight *out_weight);
/** The number of the weight @p name; -1 if there is none. */
RNNC_API int rnnc_weights_find(const rnnc_weights *weights, const char *name);
/** Copies weight number @p index to @p data, rounded to @p type (#RNNC_F32 or #RNNC_F64). */
RNNC_API rnnc_status rnnc_weights_read(const rnnc_weights *weights, uint32_t index, rnnc_type type,
                                       void *data, size_t count, rnnc_diagnostics *diagnostics);
/** Copies @p data to weight number @p index, rounded to its own type. */
RNNC_API rnnc_status rnnc_weights_write(rnnc_weights *weights, uint32_t index, rnnc_type type,
                                        const void *data, size_t count, rnnc_diagnostics *diagnostics);

/**
 * Measures what the model's `standardise` takes off input @p input and divides it by, as training from the command line
 * does at its beginning: the mean and the deviation of each column (1 for a column that never changes), in f64. They are
 * weights (frozen ones), set by this, saved and loaded with the others; initialising makes them 0 and 1.
 * @param data   vectors of the input, [vectors, columns], @p count elements of type #RNNC_F32 or #RNNC_F64. Each value
 *               once; steps behind a row's length do not belong to it
 * @return #RNNC_INVALID_ARGUMENT if the program does not standardise that input; #RNNC_TYPE if the model's type cannot
 *         hold a mean or a deviation
 */
RNNC_API rnnc_status rnnc_weights_measure(rnnc_weights *weights, const char *input, rnnc_type type,
                                          const void *data, size_t count, rnnc_diagnostics *diagnostics);

/** @} */
/** @name Contexts
 * @{ */

/** Working memory, inputs, outputs and states. Used by one thread at a time. */
typedef struct rnnc_context rnnc_context;

/** How the arrays of inputs and outputs lie in memory. */
typedef enum rnnc_layout {
    RNNC_STEPS_FIRST = 0, /**< sequence axes, batch, columns */
    RNNC_ROWS_FIRST       /**< batch, sequence axes, columns */
} rnnc_layout;

/**
 * Makes a context and everything that its runs need, with all pages touched. The batch and all lengths are at their
 * maxima, the states are zeros.
 * @return #RNNC_INVALID_ARGUMENT if the weights do not fit the program: another model's, or (for #RNNC_TRAIN) made
 *         for a program without an optimiser
 */
RNNC_API rnnc_status rnnc_context_create(rnnc_program *program, rnnc_weights *weights,
                                         rnnc_diagnostics *diagnostics, rnnc_context **out_context);

/** What a context stands on. Begin with #RNNC_CONTEXT_OPTIONS. */
typedef struct rnnc_context_options {
    size_t struct_size;              /**< sizeof(rnnc_context_options) */
    const rnnc_allocator *allocator; /**< of all of its memory; copied; NULL: the system's */
    int threads;                     /**< in place of the program's; 0: as many as that says */
    /**
     * A pool of the caller's in place of threads of the library's; NULL: there is none. It calls @p body(argument, i)
     * once for each i from 0 to @p n - 1, on whatever threads, in any order, one after the other or at once, and
     * returns when all are done, with what they wrote to be seen by its caller. @p n is `threads`. Runs call it for each
     * call of a kernel that is worth sharing, on the thread that called rnnc_run() or the like. Results have the same
     * bits with any pool, with threads of the library's, and with none.
     */
    void (*parallel_for)(void *user, int n, void (*body)(void *argument, int i), void *argument);
    void *parallel_user; /**< handed on to it */
} rnnc_context_options;

/** The system's memory, and threads as the program says. */
#define RNNC_CONTEXT_OPTIONS {sizeof(rnnc_context_options), NULL, 0, NULL, NULL}

/** Like rnnc_context_create(). @p options NULL: just that. */
RNNC_API rnnc_status rnnc_context_create_with(rnnc_program *program, rnnc_weights *weights,
                                              const rnnc_context_options *options,
                                              rnnc_diagnostics *diagnostics, rnnc_context **out_context);
/** Destroys a context; NULL is fine. */
RNNC_API void rnnc_context_destroy(rnnc_context *context);

/**
 * The batch and the length of every sequence axis in the runs that follow. If anything changes, inputs must be given
 * anew, and outputs are bound no longer; if the batch changes, states become zeros.
 * @return #RNNC_INVALID_ARGUMENT beyond the program's maxima, or below 1
 */
RNNC_API rnnc_status rnnc_context_set_extents(rnnc_context *context, int64_t batch, int64_t length,
                                              rnnc_diagnostics *diagnostics);
/** The same with lengths by axis; axes that are not named keep theirs. */
RNNC_API rnnc_status rnnc_context_set_lengths(rnnc_context *context, int64_t batch,
                                              const rnnc_length *lengths, size_t length_count,
                                              rnnc_diagnostics *diagnostics);
/** Elements of input number @p index in a run as it is set; 0 if there is none. */
RNNC_API size_t rnnc_context_input_elements(const rnnc_context *context, uint32_t index);
/** Elements of output number @p index in a run as it is set; 0 if there is none. */
RNNC_API size_t rnnc_context_output_elements(const rnnc_context *context, uint32_t index);

/** Copies an input, @p count elements of the input's own type. */
RNNC_API rnnc_status rnnc_context_write_input(rnnc_context *context, uint32_t index, rnnc_layout layout,
                                              const void *data, size_t count, rnnc_diagnostics *diagnostics);
/**
 * Lets runs read an input where it lies, #RNNC_STEPS_FIRST, aligned to its elements (64 bytes may be faster). It must
 * stay there, and may change between runs, until the extents change, another array is given, or the context ends.
 * rnnc_context_bind_input_strided() with no strides, but @p count must be just the elements that there are.
 */
RNNC_API rnnc_status rnnc_context_bind_input(rnnc_context *context, uint32_t index, const void *data,
                                             size_t count, rnnc_diagnostics *diagnostics);

/** Elements from one index of a dimension to the next, in an array of the caller's. Those that a value lacks are
 * not looked at, nor are those of dimensions of which a run has only one index. */
typedef struct rnnc_strides {
    int64_t axes[RNNC_MOST_AXES]; /**< in the order of rnnc_value::axes */
    int64_t batch;                /**< from row to row */
    int64_t columns;              /**< from column to column */
} rnnc_strides;

/** The strides of input number @p index in an array without gaps, for a run as it is set: something to begin with. */
RNNC_API rnnc_status rnnc_context_input_strides(const rnnc_context *context, uint32_t index,
                                                rnnc_layout layout, rnnc_strides *out_strides);
/** The same of an output. */
RNNC_API rnnc_status rnnc_context_output_strides(const rnnc_context *context, uint32_t index,
                                                 rnnc_layout layout, rnnc_strides *out_strides);
/**
 * Binds an input like rnnc_context_bind_input(), with any strides from 0 up (0 repeats one element), in any order of
 * axes; @p strides NULL: #RNNC_STEPS_FIRST without gaps. The elements must lie within the @p count at @p data.
 *
 * The array is read where it lies, and nothing is copied, with these exceptions, in which all of it is copied, to memory
 * that the context has for it, at the beginning of each run and step:
 * - the columns do not lie side by side;
 * - the input is an output of the program, too;
 * - the program adds over more than three dimensions of the input at once, columns aside, in an order that is part of the
 *   result, and no single stride leads through them in the order of #RNNC_STEPS_FIRST. Gradients of weights and of
 *   embeddings are such sums, over the batch and all axes. Where a sum of the model keeps some dimensions, all are counted;
 * - more than four dimensions besides the columns have more than one index.
 *
 * rnnc_context_copied_arrays() says whether one of them holds. Dimensions of which the run has only one index do not
 * matter. Nothing is copied of a model with one sequence axis, or two, whatever the program is for, but for the first two.
 * @return #RNNC_INVALID_ARGUMENT for strides that leave the array, or an array that is not aligned to its elements
 */
RNNC_API rnnc_status rnnc_context_bind_input_strided(rnnc_context *context, uint32_t index, const void *data,
                                                     size_t count, const rnnc_strides *strides,
                                                     rnnc_diagnostics *diagnostics);
/**
 * Lets runs write an output to memory of the caller's; @p data NULL: no longer. Otherwise like
 * rnnc_context_bind_input_strided(), but no two elements may have the same place: each dimension must lie within one
 * stride of the next larger one, other strides are refused. What lies between the elements is left as it is. The array
 * must be none of the bound inputs, and not overlap that of another output; where neither has gaps, runs refuse what
 * does.
 *
 * Kernels write the array where it lies, and it may then change at any time of a run, with these exceptions, in which it
 * is copied at the end of each run and step:
 * - the columns do not lie side by side;
 * - the output is an input or a weight, or a part of the columns of something wider;
 * - it shares its memory with something else that the run computes, such as another bound output of the same values;
 * - something that is no product reads all of its steps at once together with the state before the first: gradients, of a
 *   state that is only multiplied element by element, by a weight or by a gate that does not read it;
 * - it is the gradient of an initial state: the last of those that went back from step to step, it lies with the others;
 * - it has strides, and the program does with it what the last two exceptions above are about.
 *
 * With given gradients, outputs "gradient/NAME" are written by the backward pass, all others by rnnc_run().
 * rnnc_context_read_output() and rnnc_context_output() work as ever, from the next run on, on what is in the array then:
 * what the last run has left is there no more, so outputs cannot be bound between rnnc_run() and rnnc_backward(). States
 * are taken at the end of a run; afterwards the array is the caller's to change.
 */
RNNC_API rnnc_status rnnc_context_bind_output(rnnc_context *context, uint32_t index, void *data, size_t count,
                                              const rnnc_strides *strides, rnnc_diagnostics *diagnostics);
/** How many of the arrays that are bound now each run or step copies: rnnc_context_bind_input_strided() and
 * rnnc_context_bind_output() say when. 0 for NULL. */
RNNC_API size_t rnnc_context_copied_arrays(rnnc_context *context);

/**
 * Runs a whole sequence, from the states as they are, which then are those after the last step. On one thread: no
 * allocation, no lock, no system call; nor any with more threads between rnnc_begin() and rnnc_end(), a pool's own
 * aside.
 * @return #RNNC_INVALID_ARGUMENT if a weight or an input has no values, a token or a row's length is out of range, or a
 *         bound output lies in the memory of another bound array
 */
RNNC_API rnnc_status rnnc_run(rnnc_context *context, rnnc_diagnostics *diagnostics);
/**
 * Makes every length 1 for the calls of rnnc_step() that follow; the states stay. Inputs are given afterwards, for one
 * step: [batch, columns].
 * @return #RNNC_UNSUPPORTED for a model that looks ahead, or depends on where in the sequence a step is
 */
RNNC_API rnnc_status rnnc_start_steps(rnnc_context *context, rnnc_diagnostics *diagnostics);
/**
 * Runs one step. Like rnnc_run(), with the same code, weights and states: steps and runs of one context may follow each
 * other, with the bits of one run over the whole sequence.
 */
RNNC_API rnnc_status rnnc_step(rnnc_context *context, rnnc_diagnostics *diagnostics);
/**
 * From here to rnnc_end() the context's worker threads wait awake, and while a thread waits for another it makes no
 * system call, not even to let others have its processor. So there should be a free one for each of them. A pool of the
 * caller's (rnnc_context_options) is not told.
 */
RNNC_API rnnc_status rnnc_begin(rnnc_context *context);
/** The worker threads may sleep again. */
RNNC_API rnnc_status rnnc_end(rnnc_context *context);

/** Copies an output after a run, @p count elements of its own type. */
RNNC_API rnnc_status rnnc_context_read_output(const rnnc_context *context, uint32_t index, rnnc_layout layout,
                                              void *data, size_t count, rnnc_diagnostics *diagnostics);
/**
 * An output where it lies after a run, #RNNC_STEPS_FIRST; valid until the next run. Of one that is bound with strides, a
 * copy.
 * @return #RNNC_UNSUPPORTED if the program has the output's axes in another order
 */
RNNC_API rnnc_status rnnc_context_output(const rnnc_context *context, uint32_t index,
                                         rnnc_diagnostics *diagnostics, const void **out_data);

/** @} */
/** @name States
 * @{ */

/** Makes all states zeros. */
RNNC_API rnnc_status rnnc_context_reset(rnnc_context *context);
/** Elements of state number @p index for the batch as it is; 0 if there is none. */
RNNC_API size_t rnnc_context_state_elements(const rnnc_context *context, uint32_t index);
/** Copies state number @p index, [batch, columns], its own type. */
RNNC_API rnnc_status rnnc_context_read_state(const rnnc_context *context, uint32_t index, void *data,
                                             size_t count, rnnc_diagnostics *diagnostics);
/** Sets state number @p index. */
RNNC_API rnnc_status rnnc_context_write_state(rnnc_context *context, uint32_t index, const void *data,
                                              size_t count, rnnc_diagnostics *diagnostics);
/** Bytes of all states together for the batch as it is. */
RNNC_API size_t rnnc_context_state_bytes(const rnnc_context *context);
/** Copies all states into one block of rnnc_context_state_bytes() bytes: the states in order, without gaps. */
RNNC_API rnnc_status rnnc_context_save_states(const rnnc_context *context, void *block, size_t bytes,
                                              rnnc_diagnostics *diagnostics);
/** Sets all states from such a block. */
RNNC_API rnnc_status rnnc_context_load_states(rnnc_context *context, const void *block, size_t bytes,
                                              rnnc_diagnostics *diagnostics);
/** Copies all states from one context to another of the same model and batch. @return #RNNC_TYPE if they differ */
RNNC_API rnnc_status rnnc_context_copy_states(rnnc_context *to, const rnnc_context *from,
                                              rnnc_diagnostics *diagnostics);

/** @} */
/** @name Texts and sampling
 * @{ */

/**
 * How texts become tokens and tokens texts: the vocabulary of one input. Vocabularies travel with weights: `rnnc train`
 * and rnnc_weights_number_text() put them there. Immutable, reference-counted, shared between threads.
 */
typedef struct rnnc_speller rnnc_speller;

/**
 * Numbers a text's characters, or its words if the model's recipe reads words, as `rnnc train` does with its data, and
 * lets @p weights have that vocabulary for @p input, in place of one that is there.
 * @param input  an input or target; NULL: the first input
 * @return #RNNC_CORRUPT if the text is not UTF-8, #RNNC_TYPE if there are more than the model has tokens,
 *         #RNNC_INVALID_ARGUMENT, #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_weights_number_text(rnnc_weights *weights, const char *input, const char *text,
                                              size_t length, rnnc_diagnostics *diagnostics);
/**
 * Makes a speller from the vocabulary that @p weights have now, in memory of theirs. What cuts a text into words is what
 * the model's recipe says. Nothing of the weights is used afterwards.
 * @param input  an input or target; NULL: the first input
 * @return #RNNC_INVALID_ARGUMENT if the weights have no vocabulary for it, #RNNC_CORRUPT if that is damaged,
 *         #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_speller_create(const rnnc_weights *weights, const char *input,
                                         rnnc_diagnostics *diagnostics, rnnc_speller **out_speller);
/** Takes another reference. */
RNNC_API void rnnc_speller_retain(rnnc_speller *speller);
/** Gives a reference back. */
RNNC_API void rnnc_speller_release(rnnc_speller *speller);
/** How many tokens it has: numbers from 0 to one less. A model may have room for more. */
RNNC_API int32_t rnnc_speller_count(const rnnc_speller *speller);
/** The token to begin with where there is no text: the end of a line if it has one, else 0. */
RNNC_API int32_t rnnc_speller_begin(const rnnc_speller *speller);
/**
 * What @p token adds to a text behind the token @p previous; -1: at its beginning, where it is the token's text alone.
 * Words are parted by spaces, but not from the sign that follows them; `<eos>` is the end of a line. A token out of range
 * is U+FFFD, or `<unk>`. Valid as long as the speller; nothing is allocated.
 */
RNNC_API const char *rnnc_speller_piece(const rnnc_speller *speller, int32_t token, int32_t previous);
/**
 * Cuts a text into tokens, an array of #RNNC_I32 with one dimension, never more than the text has bytes. A line that the
 * text leaves open is not ended. The array is in memory of the speller's.
 * @return #RNNC_CORRUPT if it is not UTF-8, #RNNC_TYPE for a character or word that the vocabulary lacks, unless it has
 *         `<unk>`; #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_speller_encode(const rnnc_speller *speller, const char *text, size_t length,
                                         rnnc_diagnostics *diagnostics, rnnc_array **out_tokens);
/** The text of @p count tokens, in memory of the speller's. */
RNNC_API rnnc_status rnnc_speller_decode(const rnnc_speller *speller, const int32_t *tokens, size_t count,
                                         rnnc_diagnostics *diagnostics, rnnc_bytes **out_text);

/** How a token is drawn. Begin with #RNNC_SAMPLING. */
typedef struct rnnc_sampling {
    size_t struct_size; /**< sizeof(rnnc_sampling) */
    double temperature; /**< scores are divided by it; 0: always the best one, of equals the first */
    int64_t top_k;      /**< only so many, the best ones, are drawn from; 0: all */
    uint64_t seed;      /**< of what is drawn */
} rnnc_sampling;

/** What `rnnc sample` does when it is told nothing: temperature 1, all tokens, seed 1. */
#define RNNC_SAMPLING {sizeof(rnnc_sampling), 1, 0, 1}

/**
 * Draws one of @p count tokens. A pure function: nothing is allocated, equal arguments give equal tokens.
 * @param type      of the scores: #RNNC_F32 or #RNNC_F64
 * @param scores    an array like `logits`: scores before softmax, or probabilities, which is found out from the numbers
 * @param sampling  NULL: #RNNC_SAMPLING
 * @param number    of the draw: draws with one seed and other numbers are independent of each other
 * @return #RNNC_INVALID_ARGUMENT
 */
RNNC_API rnnc_status rnnc_draw(rnnc_type type, const void *scores, size_t count,
                               const rnnc_sampling *sampling, uint64_t number, int32_t *out_token);
/**
 * The @p most likeliest of @p count tokens, or all of them if there are fewer, the best first, of equals the first one; a
 * keyboard's suggestions. A pure function like rnnc_draw().
 * @param tokens         room for @p most
 * @param probabilities  room for @p most: those of the tokens, as they would be drawn at temperature 1
 * @return #RNNC_INVALID_ARGUMENT
 */
RNNC_API rnnc_status rnnc_best(rnnc_type type, const void *scores, size_t count, size_t most, int32_t *tokens,
                               double *probabilities);

/**
 * A language model that goes on with a text, token by token, as `rnnc sample` does, and with the same tokens for equal
 * weights, prompts and rules. It stands on a context, of a program for #RNNC_FORWARD with at least one step and one row,
 * whose states are those of the text: what is drawn is part of the text, and is fed to the model by the next call.
 * Between two calls the states may be saved, or others loaded; then the token that was drawn last is to be fed. Used by
 * one thread at a time, as the context is, which must outlive it. Calls allocate nothing, but for rnnc_sampler_prompt().
 */
typedef struct rnnc_sampler rnnc_sampler;

/**
 * Makes a sampler, in memory of the context's. The context is set to one row of one step (rnnc_start_steps()); its states
 * stay if it has one row already. The model has one input, of tokens along one sequence, and an output with a column of
 * scores for each, called `logits` or `probabilities` if there are several.
 * @param speller   whose tokens are drawn; kept. NULL: all are, and there are no texts
 * @param sampling  NULL: #RNNC_SAMPLING
 * @return #RNNC_UNSUPPORTED for a model that looks ahead, or has another form; #RNNC_INVALID_ARGUMENT,
 *         #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_sampler_create(rnnc_context *context, rnnc_speller *speller,
                                         const rnnc_sampling *sampling, rnnc_diagnostics *diagnostics,
                                         rnnc_sampler **out_sampler);
/** Destroys a sampler; NULL is fine. The context stays as it is. */
RNNC_API void rnnc_sampler_destroy(rnnc_sampler *sampler);
/** Adds a token to the text. @return like rnnc_step() */
RNNC_API rnnc_status rnnc_sampler_feed(rnnc_sampler *sampler, int32_t token, rnnc_diagnostics *diagnostics);
/**
 * Adds the tokens of @p text, @p length bytes. At the beginning, one without tokens feeds rnnc_speller_begin(), which is
 * not part of the text.
 * @return like rnnc_speller_encode() (then nothing is fed) and rnnc_step(); #RNNC_INVALID_ARGUMENT without a speller
 */
RNNC_API rnnc_status rnnc_sampler_prompt(rnnc_sampler *sampler, const char *text, size_t length,
                                         rnnc_diagnostics *diagnostics);
/**
 * Draws the next token.
 * @param out_text  what it adds to the text (rnnc_speller_piece()), valid as long as the speller; NULL without a speller.
 *                  May be NULL itself
 * @return #RNNC_INVALID_ARGUMENT if nothing has been fed; else like rnnc_step()
 */
RNNC_API rnnc_status rnnc_sampler_next(rnnc_sampler *sampler, rnnc_diagnostics *diagnostics,
                                       int32_t *out_token, const char **out_text);
/** The likeliest next tokens, like rnnc_best(); nothing is added to the text. @p out_count: how many there are. */
RNNC_API rnnc_status rnnc_sampler_best(rnnc_sampler *sampler, size_t most, int32_t *tokens,
                                       double *probabilities, rnnc_diagnostics *diagnostics,
                                       size_t *out_count);
/** Begins another text: the states are zeros, nothing is fed, draws are counted from 0 again, by @p seed. */
RNNC_API rnnc_status rnnc_sampler_restart(rnnc_sampler *sampler, uint64_t seed);

/**
 * Goes on with a series, as `--continue` of the command does: each value is the model's last output for the values
 * before it, as many as were given, in a run whose states begin as zeros; and it is the last one that the next run sees.
 *
 * The model has one input of real numbers along one sequence, and one output like it. The context is of a program for
 * #RNNC_FORWARD; it is set to one row of as many steps as there are values, with nothing bound, its input written and
 * the states after the last run. Work space is allocated and given back.
 * @param values          [steps, columns] of the input's own type, @p value_count elements
 * @param forecast        [more steps, columns] of the same type, @p forecast_count elements
 * @return #RNNC_UNSUPPORTED for a model of another form, #RNNC_INVALID_ARGUMENT, #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_forecast(rnnc_context *context, const void *values, size_t value_count,
                                   void *forecast, size_t forecast_count, rnnc_diagnostics *diagnostics);

/** @} */
/** @name Training
 * @{ */

/** What a training step says of itself. */
typedef struct rnnc_training {
    double loss;          /**< of this step, before the weights changed */
    double rate;          /**< the learning rate of this step */
    double gradient_norm; /**< the norm of all gradients before clipping; -1 if the recipe needs none */
    int updated;          /**< 0: the loss or the norm was not finite, so the weights are as before */
    int64_t step;         /**< number of the step, from 1 */
} rnnc_training;

/** Where random numbers (dropout) begin. 0 at first. */
RNNC_API rnnc_status rnnc_context_set_seed(rnnc_context *context, uint64_t seed);
/** The epoch and the step that the next training step belongs to, both from 1: what schedules count. */
RNNC_API rnnc_status rnnc_context_set_position(rnnc_context *context, int64_t epoch, int64_t step);
/** The epoch and the number of the next training step: as they were set, and counted on by training steps. */
RNNC_API rnnc_status rnnc_context_position(const rnnc_context *context, int64_t *out_epoch,
                                           int64_t *out_step);
/** How many plateaus there were, for a schedule `on plateau`; whoever validates counts them. 0 at first. */
RNNC_API rnnc_status rnnc_context_set_plateaus(rnnc_context *context, int64_t plateaus);
/**
 * The learning rate of the steps that begin afterwards. It stands for the recipe's: a schedule multiplies it, so that
 * the rate of a step is this one times the schedule's factors (rnnc_training::rate says it). For a rate of one's own at
 * each step, take a recipe without a schedule.
 * @return #RNNC_INVALID_ARGUMENT if the program is not for #RNNC_TRAIN, or @p rate negative or not finite
 */
RNNC_API rnnc_status rnnc_context_set_rate(rnnc_context *context, double rate);
/** The learning rate before the schedule, at first the recipe's; 0 without a recipe. */
RNNC_API double rnnc_context_rate(const rnnc_context *context);
/**
 * One step of training by the recipe: forward, backward, clipping, optimiser. States begin at zero unless the recipe
 * says `carry state`. The weights that the context shares with others have changed afterwards.
 *
 * With given gradients, rnnc_run() was the forward half, with the states, rate and position as they were then, and this
 * is the other, from the gradients that have been written since. As after rnnc_backward(), one follows each rnnc_run().
 * @param out_training may be NULL. Its loss is 0 if the program has none
 * @return like rnnc_run(); also #RNNC_INVALID_ARGUMENT if the program is not for #RNNC_TRAIN
 */
RNNC_API rnnc_status rnnc_train_step(rnnc_context *context, rnnc_diagnostics *diagnostics,
                                     rnnc_training *out_training);
/**
 * Saves a training, so that it can go on with the same bits: the weights, the optimiser's memory, the states, epoch and
 * step, plateaus, learning rate and seed. A safetensors file with a checksum (docs/training.md, section 1) that appears
 * complete or not at all, and serves as weights, too: for rnnc_weights_load(), `rnnc eval`, `rnnc run`.
 * @return #RNNC_INVALID_ARGUMENT if the program is not for #RNNC_TRAIN or a weight has no values, #RNNC_IO
 */
RNNC_API rnnc_status rnnc_context_save_training(const rnnc_context *context, const char *path,
                                                rnnc_diagnostics *diagnostics);
/**
 * Takes up a saved training, into the context and the weights that it shares with others. The batch must be the one
 * that the states were saved with; inputs are the caller's. A checkpoint of `rnnc train` is taken, too; it has no
 * learning rate and no seed, so these stay.
 * @return #RNNC_CORRUPT, #RNNC_TYPE and the like if the file is damaged or of something else; then nothing has changed
 */
RNNC_API rnnc_status rnnc_context_load_training(rnnc_context *context, const char *path,
                                                rnnc_diagnostics *diagnostics);

/** @} */
/** @name Data and training loops
 * @{ */

/**
 * Data as a model's recipe names them, read and checked, as `rnnc train` does. Reference-counted. They never change, so any
 * number of threads may use them at once. They lie in the system's memory, and keep their model alive.
 */
typedef struct rnnc_data rnnc_data;

/** A part of data, as the recipe divides them: `validation last …`, `test last …`, files of their own. */
typedef enum rnnc_part {
    RNNC_PART_ALL = 0,    /**< everything, but for files of their own */
    RNNC_PART_TRAINING,   /**< what is not held out */
    RNNC_PART_VALIDATION, /**< what is held out to look at between epochs */
    RNNC_PART_TEST,       /**< what is held out to the end */
    RNNC_PART_EVALUATED   /**< what `rnnc eval` looks at: the test part if there is one, else everything */
} rnnc_part;

/** Which data, and how. Begin with #RNNC_DATA_OPTIONS. */
typedef struct rnnc_data_options {
    size_t struct_size;       /**< sizeof(rnnc_data_options) */
    const char *const *paths; /**< files, each "KEY=PATH", the key as in the recipe; each key once */
    size_t path_count;        /**< how many there are */
    const rnnc_weights
        *weights;           /**< number texts by their vocabularies; NULL: by those of the texts themselves */
    int without_validation; /**< not 0: files that the recipe only validates by are not read */
    int by_name; /**< not 0: no recipe is asked; keys are names of inputs, targets and states, files are .npy */
    uint64_t seed; /**< of values that the recipe draws */
} rnnc_data_options;

/** No files, the seed of the command. */
#define RNNC_DATA_OPTIONS {sizeof(rnnc_data_options), NULL, 0, NULL, 0, 0, 1}

/**
 * Reads and checks all of the data that the model's recipe names: its data block, or without one an .npy file for each
 * input and target, whose name is the key. docs/language.md says what the forms of data are.
 * @param options   NULL: no files, as for a recipe whose data are computed
 * @return #RNNC_INVALID_ARGUMENT (keys that are missing or unknown), #RNNC_IO, #RNNC_CORRUPT (values that are no data),
 *         #RNNC_TYPE (shapes, tokens, vocabularies that do not fit), #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_data_open(rnnc_model *model, const rnnc_data_options *options,
                                    rnnc_diagnostics *diagnostics, rnnc_data **out_data);
/** Takes another reference. */
RNNC_API void rnnc_data_retain(rnnc_data *data);
/** Gives a reference back. */
RNNC_API void rnnc_data_release(rnnc_data *data);
/** Examples, windows, or places of streams in @p part; 0 if there is no such part. */
RNNC_API int64_t rnnc_data_count(const rnnc_data *data, rnnc_part part);
/** Rows of a full batch. */
RNNC_API int64_t rnnc_data_batch(const rnnc_data *data);
/** The length of the longest batches along @p axis; 0 if the model has no such axis. */
RNNC_API int64_t rnnc_data_length(const rnnc_data *data, const char *axis);
/** How many tokens the text of @p input is numbered by; 0 if it is none. */
RNNC_API uint32_t rnnc_data_vocabulary(const rnnc_data *data, const char *input);
/**
 * Measures what the model's `standardise` takes off its inputs and divides them by, over the training part, as `rnnc train`
 * does after initialising: rnnc_weights_measure() for all of them. Nothing for a model without `standardise`.
 * @return #RNNC_INVALID_ARGUMENT if the weights are of another model; else as rnnc_weights_measure()
 */
RNNC_API rnnc_status rnnc_data_measure(const rnnc_data *data, rnnc_weights *weights,
                                       rnnc_diagnostics *diagnostics);
/** Gives the weights the vocabularies by which the texts are numbered, in place of what they have, so that saving keeps
 * them. Nothing for data without texts. rnnc_fit() does it, too. */
RNNC_API rnnc_status rnnc_data_keep_vocabularies(const rnnc_data *data, rnnc_weights *weights,
                                                 rnnc_diagnostics *diagnostics);

/**
 * Writes each vocabulary of the data into a file of its own beside the weights at @p weights_path, as `rnnc train` does
 * beside `--weights-out F.safetensors`: words of an input as F.INPUT.txt, characters as F.KEY.json. Nothing for data
 * without texts. The weights themselves have them, too, so that nobody needs these files but people and other tools;
 * commands that read such weights refuse files beside them that say something else.
 * @return #RNNC_IO
 */
RNNC_API rnnc_status rnnc_data_save_vocabularies(const rnnc_data *data, const char *weights_path,
                                                 rnnc_diagnostics *diagnostics);
/**
 * All values that the recipe reads for @p input, in the system's memory: real numbers as #RNNC_F64, before they are
 * rounded to the input's type, tokens as #RNNC_I32. Of windows and streams [places, columns], of examples as in their
 * file, of lines of texts all tokens one after the other; where there is one column, that dimension may be missing. Of
 * what is `ahead(x, k)` those of x. So series can be drawn, and gone on with (rnnc_forecast()).
 * @return #RNNC_INVALID_ARGUMENT if there are no data for it, #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_data_values(const rnnc_data *data, const char *input, rnnc_diagnostics *diagnostics,
                                      rnnc_array **out_values);

/** Batches cut from data, one after the other, for loops of the caller's. In the system's memory. */
typedef struct rnnc_feed rnnc_feed;

/** In which order. */
typedef enum rnnc_order {
    RNNC_IN_ORDER = 0, /**< as they lie: for evaluation */
    RNNC_SHUFFLED /**< as `rnnc train` does: examples and windows in a new order each epoch, random windows drawn, streams
                       in order, overlapping where the recipe says so */
} rnnc_order;

/**
 * Makes a feed that stands before the first batch of epoch 1. It keeps the data alive.
 * @param seed   of orders and windows: a function of it and of the epoch alone
 * @return #RNNC_INVALID_ARGUMENT if there is no such part, or too little of it
 */
RNNC_API rnnc_status rnnc_feed_create(rnnc_data *data, rnnc_part part, rnnc_order order, uint64_t seed,
                                      rnnc_diagnostics *diagnostics, rnnc_feed **out_feed);
/** Destroys a feed; NULL is fine. */
RNNC_API void rnnc_feed_destroy(rnnc_feed *feed);
/** Batches of an epoch. */
RNNC_API int64_t rnnc_feed_batches(const rnnc_feed *feed);
/** Goes to the begin of an epoch, from 1, and passes over its first @p done batches. */
RNNC_API rnnc_status rnnc_feed_start(rnnc_feed *feed, int64_t epoch, int64_t done);
/**
 * Sets the extents of @p context for the next batch and writes its inputs; those that the program does not read are left
 * out. The states become zeros, unless the recipe carries them on and this is not the epoch's first batch, or the data
 * have them. Then comes rnnc_train_step() or rnnc_run(). With the seed of rnnc_context_set_seed(), the epoch of
 * rnnc_context_set_position() and a #RNNC_SHUFFLED feed training steps have the bits of `rnnc train`. Where a step has
 * made no update (rnnc_training::updated) `rnnc train` makes carried states zeros: rnnc_context_reset().
 * @param out_rows   of the batch; 0: the epoch is over, and nothing was done
 * @return #RNNC_INVALID_ARGUMENT if the context's program is of another model, cannot hold the batch, or should have been
 *         compiled with rnnc_compile_options::data; then the batch is the next call's
 */
RNNC_API rnnc_status rnnc_feed_next(rnnc_feed *feed, rnnc_context *context, rnnc_diagnostics *diagnostics,
                                    int64_t *out_rows);

/** What was measured. */
typedef struct rnnc_measure {
    const char *name; /**< "loss", "accuracy" (a share), "perplexity", a metric's; belongs to the program */
    double value;     /**< the mean, over rows or counted elements */
} rnnc_measure;

/** Limits of measures. */
enum {
    RNNC_MOST_MEASURES = 24 /**< there are never more at a time */
};

/** All that was measured. */
typedef struct rnnc_measures {
    uint32_t count;                      /**< how many there are */
    rnnc_measure at[RNNC_MOST_MEASURES]; /**< in the order in which `rnnc train` writes them */
} rnnc_measures;

/**
 * The loss and the metrics over a part of the data, as `rnnc eval` prints them. Inputs must be given anew afterwards,
 * nothing is bound any more, and the states are zeros; so after rnnc_fit().
 * @param context   of a program for #RNNC_EVALUATE, compiled for batches as large as those of the data
 * @param seed      of random numbers in the model, if it has any in use
 * @return #RNNC_INVALID_ARGUMENT for a program of another model or purpose, a part that is not there, weights without
 *         values; #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_evaluate(rnnc_context *context, const rnnc_data *data, rnnc_part part,
                                   uint64_t seed, rnnc_diagnostics *diagnostics, rnnc_measures *out_measures);

/** How far a training is. */
typedef struct rnnc_fit_report {
    int64_t epoch;          /**< from 1 */
    int64_t step;           /**< steps done in all */
    int64_t batch;          /**< batches done of the epoch */
    int64_t batches;        /**< that it has */
    int epoch_over;         /**< not 0: the epoch has ended, and was validated */
    rnnc_measures training; /**< over the epoch so far; "learning_rate", "gradient_norm", "skipped_updates" */
    rnnc_measures validation; /**< of an epoch that is over, if there is a validation; else none */
} rnnc_fit_report;

/** How to train. Begin with #RNNC_FIT_OPTIONS. */
typedef struct rnnc_fit_options {
    size_t struct_size;            /**< sizeof(rnnc_fit_options) */
    uint64_t seed;                 /**< of orders, windows and dropout */
    int64_t epochs;                /**< how many; 0: as many as the steps allow */
    int64_t max_steps;             /**< how many; 0: as many as the epochs have; both 0: as the recipe says */
    int64_t call_steps;            /**< after so many steps this call stops; 0: never */
    double call_seconds;           /**< after so many seconds this call stops; 0: never */
    const char *metrics_path;      /**< gets a JSON line per epoch; NULL: none */
    const char *checkpoint_folder; /**< is made if need be; NULL: that of `resume`, if there is one */
    int64_t checkpoint_every; /**< steps between checkpoints, besides the ends of epochs; 0: only there */
    int64_t checkpoint_keep;  /**< so many of the newest stay, 1 or more */
    /** A checkpoint to go on from, of this training; a folder: its newest; "": the newest of `checkpoint_folder`. In a
     * folder without any the training begins. NULL: it begins. */
    const char *resume;
    /** Called after each step and at the end of each epoch, on the caller's thread; not 0 stops the training. It must not
     * change or destroy the weights, nor destroy the contexts, which refuse what would run, feed, load or save them. NULL:
     * nobody is told. */
    int (*progress)(void *user, const rnnc_fit_report *report);
    void *progress_user; /**< handed on to it */
} rnnc_fit_options;

/** As the recipe says, with the seed of the command and three checkpoints, if there are any. */
#define RNNC_FIT_OPTIONS {sizeof(rnnc_fit_options), 1, 0, 0, 0, 0, NULL, NULL, 0, 3, NULL, NULL, NULL}

/** Why a training has ended. */
typedef enum rnnc_fit_end {
    RNNC_FIT_DONE = 0,    /**< it is complete, or has waited in vain for a better validation */
    RNNC_FIT_STOPPED,     /**< rnnc_fit_options::progress said so */
    RNNC_FIT_OUT_OF_TIME, /**< rnnc_fit_options::call_seconds are used up */
    RNNC_FIT_OUT_OF_STEPS /**< rnnc_fit_options::call_steps are used up */
} rnnc_fit_end;

/** What a training has come to. */
typedef struct rnnc_fit_result {
    rnnc_fit_end end;       /**< why it has ended */
    int64_t epochs;         /**< that are whole */
    int64_t steps;          /**< in all */
    int64_t skipped;        /**< steps whose update was left out */
    int64_t best_epoch;     /**< whose weights were kept, by the recipe's `keep best`; 0: the last ones are */
    double seconds;         /**< with those of the calls that it goes on from */
    rnnc_measures training; /**< over the last epoch */
    rnnc_measures validation; /**< after it, or of the best epoch */
} rnnc_fit_result;

/**
 * Trains by the recipe on its data: epochs of shuffled batches, validation, schedules, early stopping, the best weights,
 * metrics and checkpoints, as `rnnc train` does, with the same bits. The weights are what they are to begin with:
 *
 *     rnnc_weights_initialize(weights, 1, d);
 *     rnnc_data_measure(data, weights, d);
 *     rnnc_fit(context, validation, data, NULL, d, &result);
 *
 * Afterwards they are those of the last step, or the best ones if the training is done and the recipe keeps them, and have
 * the data's vocabularies; the context stands behind the last step (rnnc_context_position()). Checkpoints (docs/training.md)
 * are those of `rnnc train`: each goes on with what the other has left. A training that was stopped and goes on ends with
 * the bits of one that was not; with the learning rate of the recipe, that is, unless rnnc_context_set_rate() is called
 * before each call.
 * @param context      of a program for #RNNC_TRAIN with rnnc_compile_options::data; without given gradients
 * @param validation   of a program for #RNNC_EVALUATE with the same; on the same weights or others, which end as copies of
 *                     them. NULL: nothing is validated
 * @param options      NULL: #RNNC_FIT_OPTIONS
 * @param out_result   may be NULL
 * @return #RNNC_OK also for a training that was stopped. #RNNC_INVALID_ARGUMENT for programs of other models or purposes, a
 *         recipe that needs a validation where there is none, weights without values, and a training that diverges
 *         (diagnostics say where); #RNNC_TYPE for a checkpoint of another training; #RNNC_IO, #RNNC_CORRUPT,
 *         #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_fit(rnnc_context *context, rnnc_context *validation, rnnc_data *data,
                              const rnnc_fit_options *options, rnnc_diagnostics *diagnostics,
                              rnnc_fit_result *out_result);

/** @} */
/** @name Gradients
 * @{ */

/**
 * The backward pass of a program that was compiled with given gradients: rnnc as a layer of something larger.
 *
 * rnnc_compile_options::given_gradients names outputs (or states, that is, their values after the last step), and
 * the gradients of all else are computed from theirs alone; the model's loss counts only if it is named, and the model
 * needs none. Such a program runs in two halves. rnnc_run() is the forward pass: outputs and states are there as after
 * any run. Then the caller writes or binds the inputs "gradient/NAME", and this runs the backward pass. Afterwards the
 * outputs "gradient/NAME" of rnnc_compile_options::gradients are there, and those of the weights.
 *
 * One backward pass follows each rnnc_run(). Until then extents, weights and inputs must stay as they are, and bound
 * outputs with what the run has written there; states may change. The gradient of a final state in one run is that of
 * the initial state in the run that went on from it: so sequences can be cut. Without given gradients a run does all
 * at once, from the loss.
 * @return like rnnc_run(); also #RNNC_INVALID_ARGUMENT without a forward pass before it, if the weights have changed
 *         since, or if the program is not for #RNNC_GRADIENTS with given gradients
 */
RNNC_API rnnc_status rnnc_backward(rnnc_context *context, rnnc_diagnostics *diagnostics);
/**
 * After a run (with given gradients, after the backward pass) of a program for #RNNC_GRADIENTS, or for #RNNC_TRAIN with
 * rnnc_compile_options::keep_gradients: the gradient for the weight @p name, an array like the weight, rounded to
 * @p type (#RNNC_F32 or #RNNC_F64). Zeros if nothing depends on it.
 */
RNNC_API rnnc_status rnnc_context_read_gradient(const rnnc_context *context, const char *name, rnnc_type type,
                                                void *data, size_t count, rnnc_diagnostics *diagnostics);
/** The same, added to what is in @p data: gradients over several runs. */
RNNC_API rnnc_status rnnc_context_add_gradient(const rnnc_context *context, const char *name, rnnc_type type,
                                               void *data, size_t count, rnnc_diagnostics *diagnostics);
/** The norm of all gradients of weights together. */
RNNC_API rnnc_status rnnc_context_gradient_norm(const rnnc_context *context, rnnc_diagnostics *diagnostics,
                                                double *out_norm);

/** @} */
/** @name Looking inside
 * @{ */

/**
 * Which passes the compiler runs, and what it lists of them (docs/passes.md). Begin with #RNNC_PASS_OPTIONS.
 *
 * Results do not depend on the passes that can be left out, nor on unrolling, but for rounding; the order of weights may,
 * so weights that several programs share want the same passes in all. Texts are put where the pointers say, also when
 * compiling fails, in the memory of what is made, and are the caller's to destroy.
 */
typedef struct rnnc_pass_options {
    size_t struct_size; /**< sizeof(rnnc_pass_options) */
    const char *passes; /**< names, "simplify, lower, …", in place of the usual ones; NULL: these */
    int unroll;         /**< not 0: each step is compiled by itself, and all runs are as long as the maxima */
    int verify_each;    /**< not 0: what each pass leaves is checked */
    int64_t bisect_limit;     /**< so many rewrites, and no more; negative: any number */
    const char *print_after;  /**< a pass, or "all": the graph after it is printed; NULL: none */
    const char *dump_folder;  /**< the graph after each pass goes into a file there; NULL: it does not */
    rnnc_bytes **out_printed; /**< receives what is printed; reports have it in their own text */
    rnnc_bytes *
        *out_statistics;      /**< receives what each pass did, and the program's sizes; NULL: not wanted */
    rnnc_bytes **out_timings; /**< receives how long each pass took, and the machine code; NULL: not wanted */
} rnnc_pass_options;

/** The usual passes, and nothing listed. */
#define RNNC_PASS_OPTIONS {sizeof(rnnc_pass_options), NULL, 0, 0, -1, NULL, NULL, NULL, NULL, NULL}

/** What a report is about. Begin with #RNNC_REPORT_OPTIONS. */
typedef struct rnnc_report_options {
    size_t struct_size;              /**< sizeof(rnnc_report_options) */
    int64_t batch;                   /**< rows; 0: the recipe's, or 1 */
    int64_t length;                  /**< of every sequence axis; 0: the recipe's */
    const rnnc_length *lengths;      /**< by axis, where they differ */
    size_t length_count;             /**< how many there are */
    int threads;                     /**< 0: 1 */
    const char *cpu;                 /**< as in rnnc_compile_options */
    int use_cache;                   /**< the same */
    int json;                        /**< not 0: rnnc_model_check() and rnnc_model_bench() write JSON */
    int64_t runs;                    /**< rnnc_model_bench(): of each phase; 0: nine or more, for a second */
    uint64_t seed;                   /**< the same: of the weights */
    const rnnc_pass_options *passes; /**< as in rnnc_compile_options */
    const rnnc_allocator *allocator; /**< of the text; copied; NULL: the system's */
} rnnc_report_options;

/** The recipe's sizes, one thread, this processor, as text. */
#define RNNC_REPORT_OPTIONS {sizeof(rnnc_report_options), 0, 0, NULL, 0, 0, NULL, 0, 0, 0, 0, NULL, NULL}

/**
 * What `rnnc check` says: the model's inputs, outputs, weights, loss and recipe, why it cannot run step by step if it
 * cannot, and the memory of a training step, where all lengths are known. Compiles no machine code. Warnings, if a
 * training step needs more memory than there is for one, are diagnostics.
 * @param options NULL: nothing chosen
 * @return #RNNC_TYPE and the like if the model cannot be compiled, #RNNC_INVALID_ARGUMENT, #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_model_check(rnnc_model *model, const rnnc_report_options *options,
                                      rnnc_diagnostics *diagnostics, rnnc_bytes **out_text);
/**
 * What `rnnc dump` shows: a stage of compilation. A model with a recipe is compiled as it is trained, another as it is
 * used; unknown lengths are 32. rnnc_program_dump() shows a certain program.
 * @param stage   "source", "graph", "dot" (the graph for Graphviz), "program", "llvm", "asm"; NULL: "graph". A graph is
 *                shown after the passes only if options say something about passes; with print_after, the graphs after
 *                passes are all of the text
 * @param options NULL: nothing chosen
 * @return like rnnc_model_check(); also #RNNC_IO without LLVM, for "llvm" and "asm"
 */
RNNC_API rnnc_status rnnc_model_dump(rnnc_model *model, const char *stage, const rnnc_report_options *options,
                                     rnnc_diagnostics *diagnostics, rnnc_bytes **out_text);
/**
 * The same from a text that one of these functions has written at the stages "graph" or "program", or a pass into
 * rnnc_pass_options::dump_folder: @p length bytes, called @p name in diagnostics. A program is shown as a program unless
 * @p stage says "llvm" or "asm".
 */
RNNC_API rnnc_status rnnc_dump_text(const char *text, size_t length, const char *name, const char *stage,
                                    const rnnc_report_options *options, rnnc_diagnostics *diagnostics,
                                    rnnc_bytes **out_text);
/**
 * A program that was compiled: its kernels and calls ("program"), or the code of its kernels ("llvm", "asm"; only one
 * thread at a time may ask for these). In memory of the program's.
 */
RNNC_API rnnc_status rnnc_program_dump(const rnnc_program *program, const char *stage,
                                       rnnc_diagnostics *diagnostics, rnnc_bytes **out_text);

/** A program in numbers. */
typedef struct rnnc_facts {
    uint32_t kernels;            /**< that are different */
    uint32_t calls;              /**< of kernels, those in loops once */
    uint32_t copies;             /**< calls that only move data, outside loops */
    uint32_t loop_copies;        /**< the same in loops */
    int64_t arena_bytes;         /**< of a context's working memory, for the maxima */
    int64_t live_bytes;          /**< the most that is needed of it at once */
    int64_t scratch_bytes;       /**< work space of all threads */
    int64_t weight_bytes;        /**< weights */
    int64_t optimizer_bytes;     /**< the optimiser's memory */
    double flops;                /**< floating-point operations of the products in a run of the maxima */
    double bytes;                /**< that all else reads and writes in such a run */
    double compile_milliseconds; /**< what the passes and the machine code took */
    double code_milliseconds;    /**< what the machine code took; less if the cache had it */
} rnnc_facts;

/** What a program is in numbers. */
RNNC_API rnnc_status rnnc_program_facts(const rnnc_program *program, rnnc_facts *out_facts);

/**
 * Measures as `rnnc bench` does, for some seconds, with inputs of its own: the times of a forward pass, a backward pass
 * and an update, and the share of each kernel. Other things that the machine does meanwhile are in the numbers.
 * @param options NULL: nothing chosen
 * @return like rnnc_program_compile()
 */
RNNC_API rnnc_status rnnc_model_bench(rnnc_model *model, const rnnc_report_options *options,
                                      rnnc_diagnostics *diagnostics, rnnc_bytes **out_text);

/**
 * Has the runs and steps that follow look at the clock around each call of a kernel, from nothing on, or no longer. Runs
 * take longer then, and give the same bits. Other extents begin a profile anew.
 * @return #RNNC_OUT_OF_MEMORY the first time
 */
RNNC_API rnnc_status rnnc_context_profile(rnnc_context *context, int on, rnnc_diagnostics *diagnostics);

/** A kernel in a profile: all of its calls since it began. */
typedef struct rnnc_profile {
    const char *name;    /**< belongs to the program */
    int64_t calls;       /**< how many */
    int64_t nanoseconds; /**< with the wait for the slowest thread */
    double flops;        /**< floating-point operations of a product; else 0 */
    double bytes;        /**< read and written by any other kernel; else 0 */
} rnnc_profile;

/** How many kernels there are in the context's profile: the program's, or 0 if there is none. */
RNNC_API uint32_t rnnc_context_profile_count(const rnnc_context *context);
/** Kernel number @p index. @return #RNNC_INVALID_ARGUMENT if there is none, or no profile */
RNNC_API rnnc_status rnnc_context_profile_get(const rnnc_context *context, uint32_t index,
                                              rnnc_profile *out_profile);

/** How a curve is drawn. */
typedef enum rnnc_curve_style {
    RNNC_CURVE_LINE = 0, /**< from point to point */
    RNNC_CURVE_DASHED,   /**< the same, dashed */
    RNNC_CURVE_POINTS    /**< the points alone */
} rnnc_curve_style;

/** Points in order. Numbers that are not finite leave a gap. */
typedef struct rnnc_curve {
    const char *name;       /**< in the legend, UTF-8; NULL: none */
    const double *x;        /**< NULL: 0, 1, 2, … */
    const double *y;        /**< as many */
    size_t count;           /**< how many points */
    rnnc_curve_style style; /**< how they are drawn */
} rnnc_curve;

/** How to draw. Begin with #RNNC_PLOT_OPTIONS. */
typedef struct rnnc_plot_options {
    size_t struct_size;              /**< sizeof(rnnc_plot_options) */
    int svg;                         /**< not 0: an SVG document; 0: text for a terminal */
    int width;                       /**< of text, in characters; 0: 80 */
    int height;                      /**< of text, in lines; 0: 16 */
    int ascii;                       /**< of text, not 0: ASCII alone; 0: Braille dots */
    int colour;                      /**< of text, not 0: ANSI colours */
    int log_scale;                   /**< not 0: a logarithmic y axis */
    const char *metric;              /**< rnnc_plot_metrics(): which; NULL: "loss" */
    const char *title;               /**< rnnc_plot(), as what follows: above the drawing; NULL: none */
    const char *x_label;             /**< below it; NULL: none */
    const char *y_label;             /**< beside it; NULL: none */
    int whole_x;                     /**< not 0: x are whole numbers, with no ticks between them */
    int has_mark;                    /**< not 0: a vertical line at @c mark */
    double mark;                     /**< where it is */
    const char *mark_label;          /**< what it is, in an SVG; NULL: nothing */
    const rnnc_allocator *allocator; /**< of the drawing; copied; NULL: the system's */
} rnnc_plot_options;

/** Text of 80 by 16 characters. */
#define RNNC_PLOT_OPTIONS \
    {sizeof(rnnc_plot_options), 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL}

/** Draws @p count curves, later ones over earlier ones. @p options NULL: nothing chosen. */
RNNC_API rnnc_status rnnc_plot(const rnnc_curve *curves, size_t count, const rnnc_plot_options *options,
                               rnnc_diagnostics *diagnostics, rnnc_bytes **out_drawing);
/**
 * Draws what `rnnc plot` does: a metric of each of the @p count files at @p paths, which `rnnc train --metrics` wrote,
 * and dashed that of the held-out data.
 * @return #RNNC_INVALID_ARGUMENT if a file lacks the metric, #RNNC_IO, #RNNC_CORRUPT
 */
RNNC_API rnnc_status rnnc_plot_metrics(const char *const *paths, size_t count,
                                       const rnnc_plot_options *options, rnnc_diagnostics *diagnostics,
                                       rnnc_bytes **out_drawing);

/** @} */
/** @name Building ahead of time
 * Objects, libraries and programs for this machine and others, as `rnnc build` makes them, byte for byte: docs/aot.md
 * says what is in them and how they are used.
 * @{ */

/** What is made of a model. */
typedef enum rnnc_build_kind {
    RNNC_BUILD_OBJECT = 0, /**< NAME.o, for a linker */
    RNNC_BUILD_ARCHIVE,    /**< NAME.a, the object with an index */
    RNNC_BUILD_SHARED,     /**< NAME.so; needs a C compiler that links */
    RNNC_BUILD_WASM,       /**< NAME.wasm, with a target of WebAssembly; needs wasm-ld */
    RNNC_BUILD_PROGRAM     /**< NAME, which can be run; needs a C compiler that links */
} rnnc_build_kind;

/** What to build. Begin with #RNNC_BUILD_OPTIONS. */
typedef struct rnnc_build_options {
    size_t struct_size;    /**< sizeof(rnnc_build_options) */
    rnnc_build_kind kind;  /**< what is made */
    const char *name;      /**< what the functions' names begin with; NULL: the model's name */
    const char *file_name; /**< how the result will be called, which archives and libraries keep, and errors
                                         say; NULL: the name with the kind's ending */
    const char *target; /**< a line of rnnc_targets(), or levels as "x86-64-v2,x86-64-v3"; NULL: "native" */
    const char *cpu;    /**< a level of x86-64, or several with commas; NULL: as the target says */
    const char *cc;     /**< the C compiler that links; NULL: "cc", for this machine alone */
    int64_t max_batch;  /**< the most rows of a run; 0: the recipe's, or 1 */
    int64_t max_length; /**< the longest sequence of a run; 0: the recipe's */
    const rnnc_length *max_lengths; /**< by axis, where they differ */
    size_t max_length_count;        /**< how many there are */
    int parallel;      /**< threads that NAME_run_parallel shares a run out among; 0: there is none */
    int train;         /**< not 0: the object learns, by the model's recipe */
    int weights_apart; /**< not 0: the weights are a file of their own */
    int size_report;   /**< not 0: #RNNC_FILE_SIZES is wanted */
    int use_cache;     /**< as in rnnc_compile_options */
    /** Not 0: LLVM works in this process, which it ends where it runs out of memory or meets what it cannot compile for
     * the target. 0: it does so in a child process, and that is a status. See rnnc_build(). */
    int in_this_process;
    uint64_t seed;                   /**< of what is random; of first weights, if none are given */
    const rnnc_allocator *allocator; /**< of the artifact; copied; NULL: the system's */
    const rnnc_pass_options
        *passes; /**< as in rnnc_compile_options, but for `unroll`; of times those of passes */
} rnnc_build_options;

/** An object of one row for this machine; the seed is that of `rnnc build`, 1. */
#define RNNC_BUILD_OPTIONS       \
    {sizeof(rnnc_build_options), \
     RNNC_BUILD_OBJECT,          \
     NULL,                       \
     NULL,                       \
     NULL,                       \
     NULL,                       \
     NULL,                       \
     0,                          \
     0,                          \
     NULL,                       \
     0,                          \
     0,                          \
     0,                          \
     0,                          \
     0,                          \
     0,                          \
     0,                          \
     1,                          \
     NULL,                       \
     NULL}

/** What was built: files in memory. */
typedef struct rnnc_artifact rnnc_artifact;

/** The files of an artifact. */
typedef enum rnnc_file {
    RNNC_FILE_BINARY = 0, /**< the object, or what was made of it */
    RNNC_FILE_HEADER,     /**< a header for C11 and C++ */
    RNNC_FILE_WEIGHTS,    /**< with rnnc_build_options::weights_apart: what NAME_init takes */
    RNNC_FILE_SIZES       /**< with rnnc_build_options::size_report: a text for people */
} rnnc_file;

/**
 * Builds @p model with @p weights, which may be of any program of the model. A model of texts has its vocabulary in the
 * object if the weights have it. The model and the weights are as they were.
 *
 * **Processes.** LLVM compiles the object in a child, made by fork() and waited for by its id. In it lives only the
 * thread that called; none of the host's signal handlers run there, and it ends with the calling thread. Where somebody
 * else takes the child's end first (SIGCHLD is ignored, or the host waits for whatever ends) its answer says how it
 * went. For this machine some kernels are compiled and run in this process in any case, those that lay out the weights:
 * as in rnnc_program_compile(). Hosts that must not fork, and those in which other threads may be within LLVM at that
 * time, so compile programs or build for this machine, and hold locks that nobody would open in the child, set
 * rnnc_build_options::in_this_process; a child that stands still before such a lock is ended after half a minute, and that
 * is #RNNC_UNSUPPORTED. Linkers are programs, looked for by PATH, that work in a folder of their own, below
 * TMPDIR or /tmp, and are waited for in the same way.
 *
 * @param weights   NULL with rnnc_build_options::train: first values, by the model's and the recipe's initialisers
 * @return #RNNC_INVALID_ARGUMENT (a maximum, a weight's values, or a loss is missing; no such target; a kind and a target
 *         that do not go together), #RNNC_TYPE for weights of another model, #RNNC_UNSUPPORTED if LLVM cannot do it or
 *         gave up, #RNNC_IO (no code generator, no linker, or it fails), #RNNC_OUT_OF_MEMORY
 */
RNNC_API rnnc_status rnnc_build(const rnnc_model *model, const rnnc_weights *weights,
                                const rnnc_build_options *options, rnnc_diagnostics *diagnostics,
                                rnnc_artifact **out_artifact);
/** One of the files, the artifact's own; NULL if it has none of these. */
RNNC_API const rnnc_bytes *rnnc_artifact_file(const rnnc_artifact *artifact, rnnc_file which);
/**
 * Writes the binary, the header and the weights; NULL: that one is not wanted. All of them appear, complete, or none. A
 * program may be run.
 * @return #RNNC_INVALID_ARGUMENT for two paths of one file or a file that the artifact does not have, #RNNC_IO
 */
RNNC_API rnnc_status rnnc_artifact_save(const rnnc_artifact *artifact, const char *path,
                                        const char *header_path, const char *weights_path,
                                        rnnc_diagnostics *diagnostics);
/** Destroys an artifact with its files; NULL is fine. */
RNNC_API void rnnc_artifact_destroy(rnnc_artifact *artifact);

/** How to look into a file. Begin with #RNNC_INSPECT_OPTIONS. */
typedef struct rnnc_inspect_options {
    size_t struct_size;  /**< sizeof(rnnc_inspect_options) */
    const char *name;    /**< what the text calls the file; NULL: "object" */
    int in_this_process; /**< not 0: LLVM reads it in this process, which a damaged file may let it end */
    const rnnc_allocator *allocator; /**< of the text; copied; NULL: the system's */
} rnnc_inspect_options;

/** Without a name, and in a child process. */
#define RNNC_INSPECT_OPTIONS {sizeof(rnnc_inspect_options), NULL, 0, NULL}

/**
 * What `rnnc inspect` says of an object, an archive, a library, a module or a program in memory, or of weights apart:
 * model, hash, target, kernels, sizes, imports. In a child process, of which rnnc_build() says what there is to say; it
 * has a minute.
 * @param options   NULL: none
 * @return #RNNC_UNSUPPORTED, #RNNC_CORRUPT and the like if there is no model of rnnc's in it
 */
RNNC_API rnnc_status rnnc_inspect(const void *bytes, size_t size, const rnnc_inspect_options *options,
                                  rnnc_diagnostics *diagnostics, rnnc_bytes **out_text);
/** The targets that objects can be built for, one a line: the name, what it stands for, and whether this LLVM can do it.
 * In the system's memory. */
RNNC_API rnnc_status rnnc_targets(rnnc_diagnostics *diagnostics, rnnc_bytes **out_text);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
