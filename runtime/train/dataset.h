// The data of a recipe: files and computed series, read, checked against the model's inputs, and laid out so
// that batches can be cut from them (feed.h).
//
// Examples: the first dimension of every array counts examples; the others are the input's sequence and fixed
// axes in the order in which the model declares them, then its columns (which may be left out where there is one). How long the
// sequences are is what the data says; a recipe that says otherwise is an error.
// Windows, random windows and streams: the first dimension counts places along the model's one sequence axis, the
// rest are columns. A window holds the recipe's steps; `ahead(x, k)` is x k places later; an input without the
// sequence axis takes the value at the window's last place.
#ifndef RNNC_RUNTIME_TRAIN_DATASET_H
#define RNNC_RUNTIME_TRAIN_DATASET_H

#include "frontend/model.h"
#include "runtime/data/tensor.h"
#include "runtime/data/text.h"

// A `--data KEY=PATH`.
typedef struct data_path {
    const char *key;
    const char *path;
} data_path;

// The characters that an earlier training numbered, for the key of a text.
typedef struct data_vocabulary {
    const char *key;
    const vocabulary *vocabulary;
} data_vocabulary;

typedef struct dataset_request {
    const model *model;     // with the recipe to be used; must outlive the dataset
    const data_path *paths; // borrowed as long as the dataset lives
    uint32_t path_count;
    const data_vocabulary *vocabularies;
    uint32_t vocabulary_count;
    bool given_only; // no recipe: keys are names of inputs, states and targets; others stay unfilled
} dataset_request;

// What one line of the recipe's data block reads. Kinds of values: F32, F64, I32, U8.
typedef struct data_source {
    const char *input; // the input it was bound to
    const char *key;   // NULL: a series
    const char *label; // begins messages: the path, or "the series of 'value'"
    array values;
    double divisor;        // values are divided by it: 255 for the bytes of images
    vocabulary characters; // of a text; else count is 0
} data_source;

// Where an input of the model finds its values.
typedef struct data_input {
    const char *name;
    bool is_lengths;  // and not bound: full extents
    bool is_unfilled; // with |given_only|: nothing was given for it
    bool is_target;
    value_type type;
    uint32_t source;
    int64_t shift;   // places further on
    int64_t classes; // of tokens; 0: not known
} data_input;

typedef struct dataset {
    arena memory;
    const model *model;
    const recipe *recipe; // NULL: batches of at most DATASET_BATCH examples
    batching_kind batching;
    int64_t batch, stride, validation_last;
    int64_t advance; // streams: steps from one training window to the next
    VEC(data_source) sources;
    VEC(data_input) inputs;
    int64_t extents[MAX_AXES]; // of a full batch; 0: not an axis of the model
    int step_axis;             // of windows and streams; else NO_AXIS
    int64_t places;            // examples, or places
    int64_t reach;             // the largest shift
} dataset;

enum { DATASET_BATCH = 100 };

// Reads everything. A model without a recipe, or whose recipe has no data block, takes examples from .npy files whose
// keys are the names of the inputs and targets.
// Errors: keys that are missing or that nothing asks for; unreadable files; NaN and infinities, values too large
// for the model's float type, tokens out of range, each with its place; shapes and lengths that do not fit;
// empty data.
rnnc_status dataset_load(const dataset_request *request, diag_sink *d, dataset **out_dataset);
void dataset_destroy(dataset *s);

// The source with characters, or NULL.
const data_source *dataset_text(const dataset *s);

// ---- dataset_split.c ----

typedef enum data_part { DATA_ALL, DATA_TRAINING, DATA_VALIDATION } data_part;

// Units [begin, end): examples, windows (number i begins at place i * stride) or, for streams, places.
typedef struct data_range {
    int64_t begin, end;
    int64_t rows;   // of a full batch
    int64_t length; // of each stream
} data_range;

// What belongs to |part|. The last `validation last` units are held out; windows that would see a place of the held
// out ones, targets included, belong to neither part. Errors: too few of anything.
rnnc_status dataset_range(const dataset *s, data_part part, diag_sink *d, data_range *out_range);

// ---- dataset_read.c ----

// Reads what |b| names into |out_source|, whose input is known.
rnnc_status data_source_read(const dataset_request *request, const data_binding *b, diag_sink *d,
                             arena *memory, data_source *out_source);
// Checks the values for one input and converts them where its type needs it.
rnnc_status data_source_check(data_source *s, const data_input *input, diag_sink *d);

#endif
