// What the files share that write an object's header.
#ifndef RNNC_CODEGEN_AHEAD_HEADER_H
#define RNNC_CODEGEN_AHEAD_HEADER_H

#include "codegen/ahead_train.h"

enum { HEADER_NAME_SIZE = 256 };

typedef struct header {
    const ahead_request *r;
    const program *p;
    ahead_layout layout;
    char upper[HEADER_NAME_SIZE]; // the model's name for macros
    strbuf *out;
} header;

// A line of the leading comment about an input or output; |limit|: as in a request.
void header_describe_value(const header *h, const program_value *v, const char *prefix, int64_t limit);
// "#define NAME_WHAT value".
void header_add_number(const header *h, const char *what, int64_t value, const char *comment);
// Extents, inputs and outputs, each behind a comma; |step|: of extents the batch alone.
void header_add_parameters(const header *h, bool step);
const char *header_c_type(dtype elem);
// Those by which a function takes a file of weights, behind a comma; "" where there is none.
const char *header_weights_parameters(const header *h);

// ---- ahead_train_header.c: nothing where there are neither training nor threads ----

void header_describe_training(const header *h);
void header_add_training(const header *h);
void header_add_parallel(const header *h);

#endif
