// Dense arrays as they come from and go to files: the common currency of the readers and writers here.
#ifndef RNNC_RUNTIME_DATA_TENSOR_H
#define RNNC_RUNTIME_DATA_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/diag.h"
#include "support/status.h"

typedef enum array_kind {
    ARRAY_F32,
    ARRAY_F64,
    ARRAY_I32,
    ARRAY_I64,
    ARRAY_U8,
    ARRAY_F16,
    ARRAY_BF16,
    ARRAY_BOOL, // a byte each, 0 or 1
    ARRAY_U16,
    ARRAY_KIND_COUNT,
} array_kind;

enum { ARRAY_MAX_RANK = 8 };

// An array starts as all zeros. Rank 0 is a single element. The product of the dimensions and its size in
// bytes are known to fit in an int64_t for every array made by array_create.
typedef struct array {
    array_kind kind;
    int rank;
    int64_t dim[ARRAY_MAX_RANK];
    // In C order, little endian, never NULL once created. Owned and from store.h, but if |mapping| is not NULL: then
    // it lies in a file mapped there, owned as well, and is to be read only.
    void *data;
    void *mapping;
    size_t mapped; // bytes of the mapping
} array;

const char *array_kind_name(array_kind kind); // "f32"
size_t array_kind_bytes(array_kind kind);
bool array_kind_is_float(array_kind kind);

// The product of |rank| dimensions; false if one is negative or the size in bytes does not fit in an int64_t.
bool shape_count(const int64_t *dim, int rank, size_t item_bytes, int64_t *out_count);

// Makes a zeroed array. |what| (a path or a tensor's name) begins the message of an error: a shape too large
// is RNNC_CORRUPT, memory that cannot be had RNNC_OUT_OF_MEMORY.
rnnc_status array_create(array_kind kind, int rank, const int64_t *dim, const char *what, diag_sink *d,
                         array *out_array);
void array_deinit(array *a);

// Elements, and bytes of data.
int64_t array_count(const array *a);
size_t array_bytes(const array *a);

// Element |index| in C order as a double. Exact for all kinds but I64, which is rounded.
double array_to_double(const array *a, int64_t index);

// A copy as |kind|, which is F32, F64, I32 or I64. Float to float rounds to nearest, but a finite value that
// would become infinite is an error; integers (and U8, BOOL) to floats or to narrower integers must be exact;
// floats do not become integers. |what| begins the message.
rnnc_status array_convert(const array *a, array_kind kind, const char *what, diag_sink *d, array *out_array);

// Appends "f32[20,200]".
void array_describe(const array *a, strbuf *out);
void shape_describe(array_kind kind, int rank, const int64_t *dim, strbuf *out);

#endif
