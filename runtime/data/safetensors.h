// safetensors files: named tensors, and a map of texts about them.
// Layout: 8 bytes, the header's length as a little-endian number; the header, a JSON object that maps a name
// to {"dtype", "shape", "data_offsets"} and "__metadata__" to a map of strings; the data, without gaps.
#ifndef RNNC_RUNTIME_DATA_SAFETENSORS_H
#define RNNC_RUNTIME_DATA_SAFETENSORS_H

#include "runtime/data/gzfile.h"
#include "runtime/data/tensor.h"

typedef struct safetensors_entry {
    char *name;
    array_kind kind;
    int rank;
    int64_t dim[ARRAY_MAX_RANK];
    size_t begin, end; // bytes of the file's data, [begin, end)
} safetensors_entry;

typedef struct text_pair {
    char *key;
    char *value;
} text_pair;

// An open file. Everything in it is owned and dies with safetensors_deinit, but |name| is borrowed.
typedef struct safetensors {
    const char *name;           // begins the messages
    file_bytes owned;           // the file, where safetensors_read made this
    const uint8_t *data;        // the first byte after the header
    safetensors_entry *entries; // in the order of their data, then of their names
    size_t count;
    text_pair *metadata; // in the order of the file
    size_t metadata_count;
} safetensors;

// Reads strictly: dtypes F16, BF16, F32, F64, I32, I64, U8, U16, BOOL; no name twice; the tensors' data cover
// the rest of the file exactly, each byte once; each tensor has the bytes of its dtype and shape.
// safetensors_parse borrows the view's bytes, which must outlive the result; safetensors_read borrows |path|.
rnnc_status safetensors_parse(file_view view, diag_sink *d, safetensors *out_file);
rnnc_status safetensors_read(const char *path, diag_sink *d, safetensors *out_file);
void safetensors_deinit(safetensors *s);

// The format's own name of an element type: "F32".
const char *safetensors_dtype(array_kind kind);

// The tensor called |name|, or NULL.
const safetensors_entry *safetensors_find(const safetensors *s, const char *name);
// Copies a tensor out. An unknown name is an error that tells the nearest one.
rnnc_status safetensors_load(const safetensors *s, const char *name, diag_sink *d, array *out_array);
// The metadata for |key|, or NULL.
const char *safetensors_metadata(const safetensors *s, const char *key);

// The tensors of |s| whose names begin with |prefix|, under the rest of their names; with NULL those without a '/'
// in their names. Borrows everything but its table from |s|, which must outlive it; safetensors_deinit ends it.
rnnc_status safetensors_subset(const safetensors *s, const char *prefix, diag_sink *d,
                               safetensors *out_subset);

// Whether the file, one of safetensors_read, is as it was written with a checksum: every byte of it. RNNC_CORRUPT
// if not, or if it has no checksum.
rnnc_status safetensors_verify(const safetensors *s, diag_sink *d);

// A tensor to be written; both are borrowed.
typedef struct named_array {
    const char *name;
    const array *value;
} named_array;

typedef struct safetensors_contents {
    const named_array *tensors;
    size_t count;
    const text_pair *metadata;
    size_t metadata_count;
} safetensors_contents;

// Writes the tensors in the given order, but wider elements first, so that each tensor is aligned to its
// elements; the header is padded with spaces to a multiple of 8 bytes. Names and metadata are UTF-8; two
// equal names, or two equal keys, are RNNC_INVALID_ARGUMENT. The file appears complete or not at all, and the
// same contents give the same bytes.
rnnc_status safetensors_write(const char *path, const safetensors_contents *contents, diag_sink *d);
// The same with a checksum of the whole file in its metadata, for safetensors_verify.
rnnc_status safetensors_write_checked(const char *path, const safetensors_contents *contents, diag_sink *d);

// ---- safetensors_checksum.c ----

#define SAFETENSORS_CHECKSUM_KEY "rnnc.checksum"
// What stands there while the checksum is computed: a CRC-32 in hexadecimal digits.
#define SAFETENSORS_NO_CHECKSUM "00000000"

// The place of the digits in a header without blanks, or NULL.
const char *safetensors_checksum_digits(const char *header, size_t length);
// Continues the CRC-32 |crc|, 0 at first, with |size| bytes.
uint32_t safetensors_crc(uint32_t crc, const void *bytes, size_t size);

#endif
