// The models of the differential tests: every standard cell in every form of layer, from source text.
#ifndef RNNC_TESTS_DIFF_MODELS_H
#define RNNC_TESTS_DIFF_MODELS_H

#include "ir/graph.h"
#include "support/strbuf.h"

typedef struct named_text {
    const char *name; // as a case of a test is called
    const char *text;
} named_text;

// Cells, as they are written in a model's source; `one(n, x)` then applies the cell.
extern const named_text diff_cells[];
extern const uint32_t diff_cell_count;

// The definitions of those that are not standard, and of what the forms use.
extern const char diff_own_cells[];

// Forms of layers: what `y` is.
extern const named_text diff_forms[];
extern const uint32_t diff_form_count;

// How many layers of both directions a form has, each of one loop forward and one backward; 0: none.
uint32_t diff_layers_both_ways(uint32_t form);

typedef struct diff_model {
    uint32_t cell, form; // of the tables
    int32_t hidden;
    dtype real;
    bool inference; // dropout is the identity
} diff_model;

// The position of |name| in a table; |count| if it is not there.
uint32_t diff_find(const named_text *table, uint32_t count, const char *name);

// The model's source text.
void diff_model_text(const diff_model *m, strbuf *out);
// The graph of a source text; the caller destroys it. Errors fail the test.
graph *diff_graph_of_text(const char *text, bool training);
graph *diff_model_graph(const diff_model *m);

#endif
