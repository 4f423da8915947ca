// NumPy's .npz files: zip archives of .npy files, stored or deflated.
// Format: PKWARE's APPNOTE 6.3, with the 64-bit sizes of its section 4.5.3; one disk, no encryption.
#ifndef RNNC_RUNTIME_DATA_NPZ_H
#define RNNC_RUNTIME_DATA_NPZ_H

#include "runtime/data/gzfile.h"
#include "runtime/data/tensor.h"

// Reads the array called |member|, with or without the ".npy" that its file's name ends in. The archive's directory,
// which stands at its end, says where the member is; its size and checksum are verified. Errors: what is no zip
// archive or damaged, members packed in other ways, names that are not in it (the nearest one and all others
// are listed), and whatever npy_parse refuses.
rnnc_status npz_parse(file_view view, const char *member, diag_sink *d, array *out_array);
rnnc_status npz_read(const char *path, const char *member, diag_sink *d, array *out_array);

#endif
