// What an object, or several in an archive, or a file of weights holds, as a text.
#ifndef RNNC_AHEAD_INSPECT_H
#define RNNC_AHEAD_INSPECT_H

#include "codegen/backend.h"

// Everything is borrowed.
typedef struct inspect_request {
    const char *name; // what the text and errors call the file
    const char *bytes;
    size_t size;
    bool in_this_process; // LLVM, which a damaged file may let end it; else in a child
} inspect_request;

// Appends the text of `rnnc inspect`.
rnnc_status inspect_file(const inspect_request *r, diag_sink *d, strbuf *out);
// Appends what the object |bytes| holds: sizes of its code by kernel, and of its data.
rnnc_status inspect_sizes(const codegen *c, const strbuf *object, bool in_this_process, diag_sink *d,
                          strbuf *out);

#endif
