// NumPy's .npy files: one array each.
// Format: NumPy Enhancement Proposal 1, versions 1.0, 2.0 and 3.0.
#ifndef RNNC_RUNTIME_DATA_NPY_H
#define RNNC_RUNTIME_DATA_NPY_H

#include "runtime/data/gzfile.h"
#include "runtime/data/tensor.h"

// Reads little-endian f2, f4, f8, i4, i8, u1, u2 and b1 (1-byte booleans that are 0 or 1). An array in Fortran
// order is transposed, so that the result is always in C order. The header is read strictly, and the file
// must end with the last element. Up to ARRAY_MAX_RANK dimensions; the shape () gives rank 0.
// npy_read also takes gzip.
rnnc_status npy_parse(file_view view, diag_sink *d, array *out_array);
rnnc_status npy_read(const char *path, diag_sink *d, array *out_array);

// The same, but |out_array| stays in the file, mapped (gzfile_map), where its elements can be used as they lie there;
// else it is read.
rnnc_status npy_map(const char *path, diag_sink *d, array *out_array);

// Writes F32, F64, I32, I64 or U8 as version 1.0; the file appears complete or not at all.
rnnc_status npy_write(const char *path, const array *a, diag_sink *d);

#endif
