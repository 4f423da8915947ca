// The folder of the cache: where it is, whose it is, and how large it may grow.
#ifndef RNNC_CODEGEN_CACHE_FOLDER_H
#define RNNC_CODEGEN_CACHE_FOLDER_H

#include <sys/stat.h>

#include "codegen/cache.h"

#define CACHE_SUFFIX ".code"
#define CACHE_TEMPORARY_SUFFIX ".tmp"
enum { CACHE_NAME_DIGITS = 32, CACHE_NAME_SIZE = 64 };

// Whether a file or folder belongs to the user, and nobody else can write to it.
bool cache_is_own(const struct stat *s);

// Says once that |what| (a text before the folder's path) is ignored because it is not the user's own.
void cache_tell_foreign(code_cache *c, const char *what, diag_sink *d);

// Removes what was not used for longest until the limit is kept, and what writers left behind long ago.
void cache_shrink(const code_cache *c);

#endif
