// Kernels' names for `perf report`.
#ifndef RNNC_CODEGEN_PERF_MAP_H
#define RNNC_CODEGEN_PERF_MAP_H

#include "codegen/image.h"

// The file /tmp/perf-PID.map, to be closed by the caller; NULL if RNNC_PERF_MAP is not set, or, with a warning, if it
// cannot be written.
FILE *perf_map_open(diag_sink *d);

// Names all functions of an image in it, if it is wanted.
void perf_map_add(const code_image *image, const mapped_image *m, diag_sink *d);

#endif
