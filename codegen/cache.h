// Compiled kernels on disk: one file for all kernels of a program, under a name that follows from everything their
// code depends on.
//
// The folder is rnnc/ in $XDG_CACHE_HOME, else in $HOME/.cache. Code is only taken from a folder and from files that
// belong to the user and that nobody else can write to, and only after a SHA-256 over all of the file has been
// checked. The sum guards against broken files, not against the user: who can write these files can also replace
// the program. Files are written under a temporary name and renamed, so processes may race. Where there is no such
// folder, or it cannot be written, everything works without.
//
// RNNC_CACHE_MIB is the folder's largest size in MiB (256 if not set; 0: nothing is read or kept). What was not used
// for longest goes first.
#ifndef RNNC_CODEGEN_CACHE_H
#define RNNC_CODEGEN_CACHE_H

#include "codegen/facts.h"
#include "codegen/image.h"
#include "support/allocator.h"
#include "support/sha256.h"

// Starts as all zeros but |from|. Used by one thread at a time.
typedef struct code_cache {
    allocator from; // where the path comes from
    bool opened;
    bool told;       // that something is ignored because others could have written it: once is enough
    char *path;      // of the folder; NULL: there is none
    int folder;      // descriptor; with path alone
    const char *why; // without a folder: the reason, for people
    int64_t limit;   // bytes of all files
    uint32_t found, missed, kept;
} code_cache;

typedef struct code_key {
    unsigned char sum[SHA256_BYTES];
} code_key;

// Opens the folder, which is made if need be, the first time. Reports nothing but notes and warnings.
void code_cache_open(code_cache *c, diag_sink *d);
void code_cache_close(code_cache *c);

// The key of |count| kernels' code. False if there is none: this processor cannot be told from others.
bool code_key_make(const target_facts *facts, const kernel_desc *const *kernels, uint32_t count,
                   code_key *out_key);

// Whether the image of |key| is there and sound, and made by an LLVM that is still the same file. The image is the
// caller's then.
bool code_cache_find(code_cache *c, const code_key *key, uint32_t kernel_count, diag_sink *d,
                     code_image *out_image);
// Keeps |image|, which the LLVM in the file |library| has made, if that can be done.
void code_cache_keep(code_cache *c, const code_key *key, const code_image *image, const char *library);

#endif
