// Whole files in memory, unpacked if they are gzip; what is large lies on the disk (store.h).
#ifndef RNNC_RUNTIME_DATA_GZFILE_H
#define RNNC_RUNTIME_DATA_GZFILE_H

#include <stddef.h>
#include <stdint.h>

#include "support/diag.h"
#include "support/status.h"

// The contents of a file; owned by whoever holds the struct. A zero byte, not counted, follows the last.
typedef struct file_bytes {
    uint8_t *data;
    size_t size;
} file_bytes;

// What the parsers of this folder read: borrowed bytes, and the name that begins their messages.
typedef struct file_view {
    const char *name;
    const uint8_t *bytes;
    size_t size;
} file_view;

// More than this many bytes, packed or unpacked, is refused where the caller states no limit of its own.
#define GZFILE_DEFAULT_LIMIT ((size_t)1 << 36)

// Reads all of |path|. gzip is recognised by its first two bytes, not by the name; members that follow each
// other are joined (RFC 1952), zero padding at the end is skipped. |limit| bounds the bytes on disk and the
// bytes unpacked; 0 means GZFILE_DEFAULT_LIMIT. RNNC_IO: the system refused; RNNC_CORRUPT: damaged gzip.
rnnc_status gzfile_read(const char *path, size_t limit, diag_sink *d, file_bytes *out_bytes);
void file_bytes_deinit(file_bytes *b);

// A file mapped into memory, to be read only: pages come in as they are touched and go as memory is needed, so that it
// may be larger than memory. It must not become shorter as long as it is mapped.
typedef struct file_map {
    uint8_t *data; // NULL: not mapped
    size_t size;
} file_map;

// Maps |path|. What cannot be mapped (gzip, a pipe, an empty file) stays unmapped, without an error: read it then.
rnnc_status gzfile_map(const char *path, diag_sink *d, file_map *out_map);
void file_unmap(file_map *m);

// All of a file, to be looked at: read, or mapped if it is too large for that (store.h).
typedef struct file_contents {
    file_view view;
    file_map map;
    file_bytes bytes;
} file_contents;

rnnc_status file_contents_open(const char *path, diag_sink *d, file_contents *out_contents);
void file_contents_close(file_contents *c);

// The same as gzfile_read for bytes in memory, which are copied when they are not gzip.
rnnc_status gzfile_unpack(file_view packed, size_t limit, diag_sink *d, file_bytes *out_bytes);

#endif
