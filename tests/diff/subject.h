// What the differential tests compare: a graph run by the reference interpreter, or compiled and run. All numbers that
// go in depend on names and places alone, so that two subjects of one model compute with the same weights and the
// same inputs, whatever their extents are.
#ifndef RNNC_TESTS_DIFF_SUBJECT_H
#define RNNC_TESTS_DIFF_SUBJECT_H

#include "codegen/backend.h"
#include "passes/compile.h"
#include "runtime/engine.h"
#include "runtime/kernel_interpret.h"

// A backend by name: "interpret" runs kernels by their descriptions, "llvm" as this machine's code. Counts what it
// compiles. At most one use at a time.
typedef struct diff_backend {
    const char *name;
    kernel_backend backend; // to be given to engines
    kernel_backend inner;
    interpreter_home interpreter;
    codegen *codegen;  // NULL: not by LLVM
    uint64_t compiled; // kernels so far
} diff_backend;

void diff_backend_open(const char *name, diff_backend *out_backend);
// The machine code of a processor; false if this machine does not run it. NULL: this machine's own.
bool diff_backend_open_cpu(const char *cpu, diff_backend *out_backend);
void diff_backend_close(diff_backend *b);

typedef struct subject_options {
    diff_backend *backend;        // NULL: the reference interpreter, all in f64
    const char *pipeline;         // NULL: the default one of compile_graph; for the interpreter: no passes
    const update_options *update; // NULL: none
    int64_t longest, largest;     // a compiled program's maxima: of all sequence axes, of the batch
    int64_t unroll;               // > 0: of all sequence axes; |pipeline| must have the pass in it or be NULL
    int threads;                  // 0: one
    bool reread;                  // the program that runs is read from the printed text of the compiled one
    bool split_all;               // every call is shared out among the threads, however small
    bool nan_padding;             // inputs are NaN behind their rows' lengths; tokens are not
    set_choice sets;              // how sets of independent loops run with several threads
} subject_options;

typedef struct subject {
    graph *g;
    program *program; // NULL: interpreted
    engine *engine;
    bool nan_padding;
} subject;

// Takes |g| in any case. On failure |why| tells the errors, and nothing is to be destroyed.
rnnc_status subject_create(graph *g, const subject_options *o, strbuf *why, subject *out_subject);
void subject_destroy(subject *s);

// The extents of a run, and the row of the whole batch that its first row is.
typedef struct subject_run {
    int64_t sequence, batch, first_row;
} subject_run;

typedef struct run_value {
    const char *name; // of an output, or "gradient.PART", "weight.PART" of a weight as a file knows it
    const char *role; // of an output; "gradient", "weight"
    axis_set axes;
    int64_t count;
    double *values;
} run_value;

typedef struct run_values {
    arena memory;
    VEC(run_value) at;
} run_values;

// Fills all inputs, runs, and collects all outputs and, in a program that updates them, the weights.
rnnc_status subject_execute(subject *s, subject_run run, strbuf *why, run_values *out_values);
void run_values_deinit(run_values *v);
const run_value *run_values_find(const run_values *v, const char *name);

// The length along T of a row of the whole batch, where lengths are given, in a run of |sequence| steps.
int64_t subject_length(int64_t row, int64_t sequence);

// Fills the weights, all but slots, which become zero. Done by subject_create, too.
void subject_fill_weights(subject *s);

// Whether both have the same values bit for bit; says the first difference in |why|.
bool values_equal(const run_values *expected, const run_values *found, strbuf *why);

typedef struct value_limits {
    double outputs,
        gradients; // of |found - expected| / max |expected over the value|; gradients 0: not compared
    bool by_role;  // that maximum is over all values of the same role, as gradients
} value_limits;

// Whether what is found is within the limits of what is expected. |why| says the first value that is not, and by how
// much. *out_worst (may be NULL) is raised to the largest part of its limit that any value takes up.
bool values_near(const run_values *expected, const run_values *found, value_limits limits, strbuf *why,
                 double *out_worst);

// The pipelines of a compiled program with gradients as outputs, and of one without.
extern const char diff_gradient_pipeline[];
extern const char diff_unrolled_gradient_pipeline[];
// Appends diff_gradient_pipeline without an optional pass, or without "all" of them; "": with all.
void diff_pipeline_without(const char *dropped, strbuf *out);

#endif
