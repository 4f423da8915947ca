// From source text to a typed graph and a training recipe: the one door of the frontend.
#ifndef RNNC_FRONTEND_MODEL_H
#define RNNC_FRONTEND_MODEL_H

#include "ir/graph.h"

// The parsed definitions of a file, of the files it uses, and of the standard library. Immutable.
typedef struct source_unit source_unit;

// Reads and parses |path|. All syntax errors go to |d|, which must outlive the unit, and where its memory comes from, the
// unit's comes from.
rnnc_status source_load(diag_sink *d, const char *path, source_unit **out_unit);
// The same for a text in memory; |name| stands in diagnostics, `use` is looked up beside it.
rnnc_status source_parse(diag_sink *d, const char *name, const char *text, size_t length,
                         source_unit **out_unit);
void source_destroy(source_unit *unit);

// A `--set name=value`: the value's text is parsed as an expression of the language.
typedef struct model_setting {
    const char *name;
    const char *value;
} model_setting;

typedef struct model_options {
    const char *model;  // NULL: the file's only model, or the last
    const char *recipe; // NULL: the file's first `train`, or none if it has none
    const model_setting *settings;
    uint32_t setting_count;
    const char *const *shown; // equations that are outputs, too
    uint32_t shown_count;
    bool training;    // dropout is in the graph; else it is the identity
    bool by_library;  // errors name settings as C does
    allocator memory; // where the model's comes from
} model_options;

enum { MODEL_MOST_METRICS = 16 }; // of its own, beside those of classes

typedef enum optimizer_kind {
    OPTIMIZER_SGD,
    OPTIMIZER_MOMENTUM,
    OPTIMIZER_NESTEROV,
    OPTIMIZER_RMSPROP,
    OPTIMIZER_ADAGRAD,
    OPTIMIZER_ADAM,
    OPTIMIZER_ADAMW,
} optimizer_kind;

// `init PATTERN KIND(…)`: the last rule whose pattern ('*' any characters) fits a part's name decides.
typedef struct init_rule {
    const char *pattern;
    initializer init;
} init_rule;

// The forms of `schedule`, each a factor of the rate. docs/language.md section 10 has the equations.
typedef enum schedule_kind {
    SCHEDULE_DECAY,        // rate *= factor each epoch after `after`, each `length` steps after `after`
    SCHEDULE_DECAY_SMOOTH, // rate *= factor per `length` steps after `after`
    SCHEDULE_ONCE,         // rate *= factor after epochs (or steps) `after`
    SCHEDULE_PLATEAU,      // rate *= factor on plateau of `length` epochs
    SCHEDULE_WARM_UP,      // warm_up over `length`
    SCHEDULE_COSINE,       // cosine over `length` to `factor`
    SCHEDULE_INVERSE_SQRT, // inverse_sqrt after `after`
} schedule_kind;

typedef struct schedule_rule {
    schedule_kind kind;
    bool steps; // counts steps, else epochs
    double factor;
    int64_t after, length;
} schedule_rule;

typedef enum data_kind {
    DATA_NPY,
    DATA_IDX,
    DATA_CSV,
    DATA_PRESENT,  // of a table's columns: 1 where there is a value, 0 where it is missing
    DATA_CATEGORY, // a table's column of words, as tokens
    DATA_CHARACTERS,
    DATA_WORDS,
    DATA_LINES,   // a text's lines, each an example of its own length
    DATA_LABELS,  // a text's lines, each a token
    DATA_COLUMN,  // a column of a table of tokens, blank lines between the examples
    DATA_FILE_OF, // the number of the file, of several, that an example comes from
    DATA_SERIES,
    DATA_RANDOM, // drawn by the seed
    DATA_AHEAD,
} data_kind;

// What is done about values of a table that are missing.
typedef enum missing_rule { MISSING_IS_ERROR, MISSING_FILL, MISSING_PREVIOUS } missing_rule;

// How texts are cut into words; docs/language.md section 10 says what each means.
typedef struct text_options {
    bool characters, punctuation, lower, numbers, line_ends, unknown;
    int64_t least, most; // 0: not stated
    int64_t longest;     // of a row; 0: any
} text_options;

// `weight_decay PATTERN x`: the last rule whose pattern fits a part's name decides.
typedef struct weight_decay_rule {
    const char *pattern;
    double decay;
} weight_decay_rule;

// One line of a recipe's `data` block: how the input or target |input| is filled.
typedef struct data_binding {
    const char *input;
    data_kind kind;
    const char *key;   // --data KEY=PATH; NULL for series and ahead
    const char **keys; // all of them: files that follow each other; the first is |key|
    uint32_t key_count;
    const char *of;       // DATA_AHEAD: the binding whose values, |by| places later, these are
    int64_t by;           // also of a source of its own: ahead(csv(…), 24)
    const char **columns; // DATA_CSV, DATA_PRESENT, DATA_CATEGORY
    uint32_t column_count;
    missing_rule missing;
    double fill;
    text_options text;
    int64_t column;       // DATA_COLUMN, counted from 1
    const char *member;   // DATA_NPY: the array's name in an .npz file; NULL: an .npy file
    const double *values; // DATA_SERIES: the values, computed from the expression
    int64_t value_count;  // also DATA_RANDOM: examples, or places
    int32_t classes;      // k, where the input is a token(k)
    span where;
} data_binding;

typedef enum batching_kind {
    BATCH_EXAMPLES, // arrays whose first dimension counts examples; shuffled each epoch
    BATCH_WINDOWS,  // windows of the recipe's steps, cut from the series every |stride| places; shuffled
    BATCH_RANDOM_WINDOWS, // windows at uniformly random places
    BATCH_STREAMS,        // the series cut into `batch` parallel streams read in order, step after step
} batching_kind;

typedef enum keep_rule {
    KEEP_LAST,
    KEEP_BEST_LOSS,
    KEEP_BEST_ACCURACY
} keep_rule; // by the held-out examples

typedef struct recipe {
    const char *name;
    int64_t batch; // rows of a batch
    struct {
        int axis;
        int64_t extent;
        int64_t advance; // steps from window to window; 0: as many as a window has
    } steps[MAX_AXES];
    uint32_t step_axis_count;
    bool carry_state;
    VEC(init_rule) init;
    optimizer_kind optimizer;
    double rate;
    double beta1, beta2, epsilon; // of the optimisers that have them
    double momentum;              // of momentum, nesterov and rmsprop
    double decay;                 // of rmsprop's mean square
    double start;                 // of adagrad's sum of squares
    bool lazy_rows;               // rows = lazy: what a batch does not touch of an embedding stays as it is
    double adamw_decay;           // adamw(weight_decay = …), where `weight_decay` says nothing
    double weight_decay;          // of matrices without a rule below; 0: none
    VEC(weight_decay_rule) weight_decays;
    int64_t skip_limit; // updates in a row left out for want of finite numbers that end training; 0: none is
    int64_t patience;   // epochs without better validation that end training; 0: any number
    double clip_norm;   // 0: none
    double clip_value;  // 0: none
    VEC(schedule_rule) schedule;
    int64_t epochs;    // 0: not stated
    int64_t max_steps; // 0: not stated
    VEC(data_binding) data;
    batching_kind batching;
    int64_t stride;
    int64_t validation_last; // that many last examples (or windows, or series places) are held out; 0: none
    bool validation_of_each; // that many of each file
    int64_t test_last;       // behind those of validation; only `eval` sees them; 0: none
    bool test_of_each;
    VEC(const char *) validation_keys; // validation is by files of these keys, one for each key of the data
    keep_rule keep;                    // which weights are the ones that are kept
    VEC(model_setting) settings;       // what the recipe sets, for `check`
} recipe;

// An input or target whose tokens are as many as a parameter of the model says.
typedef struct token_parameter {
    const char *input;
    const char *parameter;
} token_parameter;

// What `standardise` knows of an input or target: the mean and the deviation of each column, frozen weights that
// are measured on the training data before training begins.
typedef struct measured_data {
    const char *input;
    const char *mean, *deviation; // names of weights
} measured_data;

typedef struct model {
    arena memory;
    VEC(measured_data) measured;
    VEC(token_parameter) token_parameters;
    VEC(const char *) equations; // the names of all whose values a run computes, as "lstm.0.i"
    graph *graph;
    recipe *recipe; // NULL if the file has none and none was asked for
    const char
        *loss_text; // the loss as written, "sum[T] mean[batch] cross_entropy(logits, next)"; NULL: no loss
    const char *loss_reduction; // in words, for `check`: "summed over T, averaged over the batch"
    const char
        *settings; // what begins a setting in a text for whoever gives them: "--set ", or "settings " in C
} model;

// Elaborates a model: binds parameters (recipe's, then the settings), infers and checks shapes, builds the graph.
// Errors go to |d|, the sink that |unit| was read with or one beside it (diag_init_beside). Inputs have
// the roles "data", "target" and "state" in the graph (OP_INPUT's role).
rnnc_status model_build(diag_sink *d, const source_unit *unit, const model_options *options,
                        model **out_model);
void model_destroy(model *m);

// The keys of a recipe's data in the order in which they are first named, each once. Returns how many.
uint32_t recipe_data_keys(const recipe *r, arena *memory, const char *const **out_keys);

// The names of the models and recipes of the unit's own file, in order.
uint32_t source_model_names(const source_unit *unit, const char *const **out_names);
uint32_t source_recipe_names(const source_unit *unit, const char *const **out_names);
// The text of that file; the unit's.
const char *source_whole_text(const source_unit *unit);

#endif
