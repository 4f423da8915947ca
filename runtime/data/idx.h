// IDX files, the format of the MNIST images and labels: a magic number 00 00 TT NN with element type TT and
// NN dimensions, the dimensions as big-endian 32-bit numbers, the elements in C order.
#ifndef RNNC_RUNTIME_DATA_IDX_H
#define RNNC_RUNTIME_DATA_IDX_H

#include "runtime/data/gzfile.h"
#include "runtime/data/tensor.h"

// Reads unsigned bytes (type 08) of 1 to ARRAY_MAX_RANK dimensions as a U8 array. The file must end with the
// last element. idx_read also takes gzip.
rnnc_status idx_parse(file_view view, diag_sink *d, array *out_array);
rnnc_status idx_read(const char *path, diag_sink *d, array *out_array);

// The same, but |out_array| stays in the file, mapped (gzfile_map); gzip is read.
rnnc_status idx_map(const char *path, diag_sink *d, array *out_array);

#endif
