// Archives of one object, as `ar` makes them: what `cc main.c NAME.a` takes.
#ifndef RNNC_CODEGEN_ARCHIVE_H
#define RNNC_CODEGEN_ARCHIVE_H

#include "support/status.h"
#include "support/strbuf.h"

typedef struct archive_request {
    const char *member; // file name of the object
    const void *object;
    size_t size;
    const char *const *symbols; // what the object defines for others
    size_t symbol_count;
    bool mach; // the index of macOS, else that of System V, which ELF, COFF and WebAssembly share
} archive_request;

// Appends the archive with an index of its symbols to |out|. No dates, no owners: the same object gives the same bytes.
// RNNC_UNSUPPORTED: an object of 4 GiB or more, which the index cannot tell the place of.
rnnc_status archive_write(const archive_request *r, strbuf *out);

#endif
