// Room for data that may be larger than memory: what is large lies in a file of the disk that has no name, so that the
// system can put it away and bring it back as it is touched.
#ifndef RNNC_RUNTIME_DATA_STORE_H
#define RNNC_RUNTIME_DATA_STORE_H

#include <stddef.h>

// More bytes than this are kept in a file: an eighth of the memory that the process may have.
size_t store_limit(void);

// As calloc and realloc: aligned for any type, NULL if there is no room. A file is made in $TMPDIR, else in /var/tmp; its
// disk space is taken at once. NULL as |at| is nothing yet.
void *store_create(size_t bytes);
void *store_resize(void *at, size_t bytes);
void store_free(void *at);

#endif
