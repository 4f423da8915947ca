// The data of a recipe: files and computed series, read, checked against the model's inputs, and laid out so
// that batches can be cut from them (feed.h).
//
// Examples: the first dimension of every array counts examples; the others are the input's sequence and fixed
// axes in the order in which the model declares them, then its columns (which may be left out where there is one). How long the
// sequences are is what the data says; a recipe that says otherwise is an error.
// Lines of texts: an example has the tokens of its line and is as long as they are. Batches are as long as their
// longest row; the lengths of the axis, which the model must declare, are those of the rows.
// Windows, random windows and streams: the first dimension counts places along the model's one sequence axis, the
// rest are columns. A window holds the recipe's steps; `ahead(x, k)` is x k places later; an input without the
// sequence axis takes the value at the window's last place.
#ifndef RNNC_RUNTIME_TRAIN_DATASET_H
#define RNNC_RUNTIME_TRAIN_DATASET_H

#include "frontend/model.h"
#include "runtime/data/tensor.h"
#include "runtime/data/text.h"
#include "runtime/data/words.h"

// A `--data KEY=PATH`.
typedef struct data_path {
    const char *key;
    const char *path;
} data_path;

// What an earlier training numbered: the characters of a text, by its key, or the words of an input, by its name.
typedef struct data_vocabulary {
    const char *key;
    const vocabulary *vocabulary; // or
    const word_list *words;
} data_vocabulary;

typedef struct dataset_request {
    const model *model;     // with the recipe to be used; must outlive the dataset
    const data_path *paths; // borrowed as long as the dataset lives
    uint32_t path_count;
    const data_vocabulary *vocabularies;
    uint32_t vocabulary_count;
    const char
        *weights;       // the file that the vocabularies are from and must be in; NULL: vocabularies are made
    bool no_validation; // files for validation are not read
    bool no_test;       // all is one part, whatever the recipe keeps for the test
    uint64_t seed;      // of values that are drawn
    bool given_only;    // no recipe: keys are names of inputs, states and targets; others stay unfilled
    bool by_library;    // errors name options as C does
} dataset_request;

// What one line of the recipe's data block reads. Kinds of values: F32, F64, I32, U16, U8.
typedef struct data_source {
    const char *input; // the input it was bound to
    const char *key;   // NULL: a series
    bool is_drawn;     // and not a series
    const char *label; // begins messages: the path, or "the series of 'value'"
    array values;
    double divisor; // values are divided by it: 255 for the bytes of images
    // What the tokens of a text stand for: one of them, or none. Owned by the request or by the dataset.
    const vocabulary *characters;
    const word_list *words;
    bool made_vocabulary; // it is the dataset's own
    // Rows of their own lengths: |values| are all rows one after the other, row i from starts[i] to starts[i + 1].
    int64_t *starts;    // NULL: all rows have the same length
    int64_t rows;       // examples, or places
    int64_t longest;    // of the rows
    int64_t *file_rows; // of a source of several files, the rows of each; else NULL
    uint32_t file_count;
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
    int64_t test_last; // behind those of validation
    int64_t advance;   // streams: steps from one training window to the next
    VEC(data_source) sources;
    VEC(data_input) inputs;
    int64_t extents[MAX_AXES];  // of a full batch; 0: not an axis of the model
    int step_axis;              // of windows and streams; else NO_AXIS
    int64_t places;             // examples, or places
    int64_t reach;              // the largest shift
    bool has_lengths[MAX_AXES]; // the model takes a length of each row
    int64_t *order;             // by unit: its example, where some of each file are held out; else NULL
    struct dataset *validation; // of files of its own; NULL: none
} dataset;

enum { DATASET_BATCH = 100 };

// Reads everything. A model without a recipe, or whose recipe has no data block, takes examples from .npy files whose
// keys are the names of the inputs and targets.
// Errors: keys that are missing or that nothing asks for; unreadable files; NaN and infinities, values too large
// for the model's float type, tokens out of range, each with its place; shapes and lengths that do not fit;
// empty data.
rnnc_status dataset_load(const dataset_request *request, diag_sink *d, dataset **out_dataset);
void dataset_destroy(dataset *s);

// Whether something is held out or has files of its own.
bool dataset_has_validation(const dataset *s);
// The input or target |name|; NULL if the model has none.
const data_input *dataset_find_input(const dataset *s, const char *name);
// What the places of streams are counted in: "characters/s".
const char *dataset_unit(const dataset *s);

// ---- dataset_text.c ----


// How the texts of |b| are cut into words.
word_rules data_word_rules(const data_binding *b);
// Whether |b| reads words, and adds those of a file's contents to |t|.
bool data_reads_words(const data_binding *b);
rnnc_status data_add_words(const data_binding *b, file_view view, const word_rules *rules, diag_sink *d,
                           word_text *t);

// ---- dataset_split.c ----

typedef enum data_part { DATA_ALL, DATA_TRAINING, DATA_VALIDATION, DATA_TEST } data_part;

// Units [begin, end): examples, windows (number i begins at place i * stride) or, for streams, places.
typedef struct data_range {
    int64_t begin, end;
    int64_t rows;   // of a full batch
    int64_t length; // of each stream
} data_range;

// What belongs to |part|. The last `test last` units are held out, and of the others the last `validation last`; windows
// that would see a place of those of a later part, targets included, belong to none. Errors: too few of anything.
rnnc_status dataset_range(const dataset *s, data_part part, diag_sink *d, data_range *out_range);
// Places of |range| that no stream has, because streams are equally long.
int64_t dataset_left_over(const dataset *s, const data_range *range);
// What `eval` looks at: the test part if the recipe keeps one, else all.
data_part dataset_evaluated(const dataset *s);

// ---- dataset_read.c ----

// Reads what |b| names into |out_source|, whose input is known.
rnnc_status data_source_read(const dataset_request *request, const data_binding *b, diag_sink *d,
                             arena *memory, data_source *out_source);
// How whoever asks names what he gives paths by: "--data".
const char *data_option(const dataset_request *request);
// The path for a key, or NULL.
const char *data_find_path(const dataset_request *request, const char *key);
// Checks the values for one input, but for padding, and converts them where its type needs it. All inputs have their
// sources.
rnnc_status data_source_check(const dataset *data, data_source *s, const data_input *input, diag_sink *d);
// Once all extents are known: checks that no row's length, of those that the data says, is beyond its axis.
rnnc_status data_lengths_check(const dataset *data, diag_sink *d);

// ---- dataset_random.c ----

// Draws what |b| says for |input|: the axes of an example are as long as |s->extents| says. Tokens are uniform among
// the input's classes, reals in [0, 1). Element i of the array [examples, axes …, columns] is from word i % 4 of
//     key = {low word of the seed ^ philox_site("data.NAME"), high word}, counter = {i / 4 in two words, 0, 0}
// (support/philox.h), so that more examples begin with the same ones.
rnnc_status data_random_read(const dataset *s, const data_binding *b, const data_input *input, uint64_t seed,
                             diag_sink *d, data_source *out_source);

// ---- dataset_text.c ----

// The same as data_source_read for the kinds that are text: |out_source| has its label.
rnnc_status data_text_read(const dataset_request *request, const data_binding *b, diag_sink *d, arena *memory,
                           data_source *out_source);
void data_text_deinit(data_source *s);

// ---- dataset_trained.c ----

// The words of |t|, read for |b| into |s|, that are in the training part. Returns how many ranges they are; 0, where
// nothing is held out or the recipe's numbers do not fit the text: *|out_ranges| is NULL then.
uint32_t data_trained_words(const dataset_request *request, const data_binding *b, const data_source *s,
                            const word_text *t, arena *memory, word_range **out_ranges);

// ---- dataset_rows.c ----

// Checks that rows of their own lengths fit |input| and each other, and takes their greatest extent.
rnnc_status data_rows_fit(dataset *s, const data_input *input, diag_sink *d);
// Whether element |index| of |input|'s data, an array of examples, lies behind its example's length along the first of its
// axes: nothing depends on what stands there.
bool data_is_padding(const dataset *s, const data_input *input, int64_t index);
// The lengths of rows along |axis| that the data says, or NULL.
const data_source *data_lengths_of_axis(const dataset *s, int axis);
// The source whose rows are as long as |axis|, or NULL.
const data_source *data_rows_of_axis(const dataset *s, int axis);
// Puts the examples that are held out of each file behind all others, those of the test last.
rnnc_status data_rows_order(dataset *s, diag_sink *d);

#endif
