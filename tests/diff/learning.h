// An object that learns, and the same training run by the executor with machine code, side by side: equal bits of the
// loss of every step, of all weights and of the optimiser's memory, and then of what the model gives with these weights.
// Whatever fails, fails the test.
#ifndef RNNC_TESTS_DIFF_LEARNING_H
#define RNNC_TESTS_DIFF_LEARNING_H

#include "ahead/learner_parts.h"
#include "codegen/ahead_train.h"
#include "runtime/train/machine.h"
#include "tests/diff/models.h"
#include "tests/diff/subject.h"

enum { LEARNING_MOST_VALUES = 8, LEARNING_LONGEST = 9, LEARNING_LARGEST = 5 };

// The functions of an object. Callers on all our machines may leave arguments over at the end.
typedef int32_t init_function(void *arena, const void *weights, uint64_t bytes);
typedef int32_t run_function(void *arena, int32_t batch, int32_t length, const void *, const void *,
                             const void *, const void *, const void *, const void *, const void *,
                             const void *);
typedef int32_t move_function(void *arena, void *bytes);
typedef int32_t rate_function(void *arena, double rate);
typedef int32_t position_function(void *arena, int64_t epoch, int64_t step);
typedef int32_t find_function(const char *name);
typedef const char *name_function(int32_t weight);
typedef int32_t number_function(int32_t weight);
typedef int32_t access_function(void *arena, int32_t weight, void *values);

typedef struct learning_object {
    void *library;
    init_function *init, *train_init;
    run_function *run, *train_step;
    move_function *save, *load;
    rate_function *set_rate;
    position_function *set_position;
    find_function *find_weight;
    name_function *weight_name;
    number_function *weight_rows, *weight_columns;
    access_function *get_weight, *set_weight;
    char *arena;
    ahead_layout layout;
    learner_layout learner;
} learning_object;

// A training: what the executor runs, and what the object is made of. The first fields are for the test to fill.
typedef struct learning {
    const char *text; // of the model
    update_options update;
    bool carries;
    bool apart;               // the first weights are in a file
    int32_t threads;          // that runs may be shared out among
    const level_set *levels;  // of the object; NULL: it is for this machine
    int64_t longest, largest; // 0: LEARNING_LONGEST, LEARNING_LARGEST
    diff_backend slow;
    subject expected, used;   // |used| runs the model with the executor's weights
    subject trained, shipped; // never run: the object's programs and first weights
    learner_parts parts;
    learning_object o;
    char *file; // the weights, where they are apart
} learning;

// Fills what the test has left open. |backend| runs what is expected; |name| is the object's file in the test's folder.
void learning_open(learning *l, diff_backend *backend, const char *name);
void learning_close(learning *l);
// The address of a function that the object must have.
void learning_find(const learning_object *o, const char *name, void *out_function);
// NAME_init of the arena |memory|, with what it wants.
int32_t learning_init(const learning *l, void *memory);

// Fills the inputs of |e| that are given, in order, with numbers of which |numbers| is the state; states and settings
// stay as they are. |broken|: with one that is not finite. Gives how many there are.
uint32_t learning_fill(engine *e, uint64_t *numbers, bool broken, const void **out_values);
// Makes step |step|, from 1, on both sides, and compares the loss. A broken one is not made where the update is guarded.
void learning_step(learning *l, int64_t step, int64_t batch, int64_t length, bool broken, uint64_t *numbers);
void learning_compare_weights(learning *l);
// What the model gives with the weights that have been learned.
void learning_compare_answers(learning *l, int64_t batch, int64_t length);
// A dozen steps, and comparisons before, amid and after them. |broken_step|: 0: none.
void learning_run(learning *l, int broken_step);

#endif
