// The variables' storage: what training changes and files keep. Row-major, as in the graph; one array per
// variable. Several contexts may share it, for instance one that trains and one that evaluates.
//
// Reading by several threads at once is safe while none writes.
#ifndef RNNC_RUNTIME_WEIGHTS_H
#define RNNC_RUNTIME_WEIGHTS_H

#include "ir/graph.h"
#include "support/allocator.h"

typedef struct weight_array {
    const graph_variable *variable; // borrowed
    dtype elem;                     // of |data|: the variable's own, or DT_F64 in the interpreter's storage
    void *data;
} weight_array;

typedef struct weights {
    weight_array *arrays; // as many and in the order of the variables
    uint32_t count;
    uint64_t version; // grows when contents change: contexts then repack what they keep of them
    void *memory;     // NULL: the arrays are borrowed
    allocator from;   // of all of it
} weights;

// Zeros, each array aligned to 64 bytes. The variables must outlive the weights.
rnnc_status weights_create(const graph_variable *variables, uint32_t count, diag_sink *d,
                           weights **out_weights);
// The same in memory of |from|'s.
rnnc_status weights_create_in(const allocator *from, const graph_variable *variables, uint32_t count,
                              diag_sink *d, weights **out_weights);
// The same over arrays of doubles that somebody else owns: |data| has one pointer per variable.
rnnc_status weights_borrow(const graph_variable *variables, uint32_t count, double *const *data, diag_sink *d,
                           weights **out_weights);
void weights_destroy(weights *w);

// To be called after any change made from outside a run.
static inline void weights_changed(weights *w) {
    w->version++;
}

// A variable, or the part that a file or a user knows: columns of a variable's last dimension.
typedef struct weight_part {
    const weight_array *array;
    const variable_part *part;
    int64_t rows;    // 1 for a vector
    int64_t columns; // the part's own
    int64_t stride;  // elements from row to row
} weight_part;

weight_part weights_part(const weights *w, uint32_t array, uint32_t part);
// By the part's name, whatever variable it lies in. False if there is none.
bool weights_find_part(const weights *w, const char *name, weight_part *out_part);
const weight_array *weights_find(const weights *w, const char *variable_name); // NULL if there is none
int64_t weights_count(const weight_array *a);                                  // elements

// One element of a part; i32 variables too. A written value is rounded to the variable's type.
double weight_get(const weight_part *p, int64_t row, int64_t column);
void weight_set(const weight_part *p, int64_t row, int64_t column, double value);

// Copies every part of |to| that |from| has too (by name), rounding where the types differ; shapes must
// agree. Slots count too. Returns how many parts of |to| found no source.
uint32_t weights_copy(weights *to, const weights *from);

#endif
