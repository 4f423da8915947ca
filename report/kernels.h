// What the kernels of a program do in a run, and how long they took.
#ifndef RNNC_REPORT_KERNELS_H
#define RNNC_REPORT_KERNELS_H

#include "runtime/context.h"

typedef struct kernel_total {
    const char *name; // the program's
    bool product;
    double nanoseconds;
    double work; // floating-point operations of products, else bytes that are read and written
    int64_t calls;
} kernel_total;

// Of kernel number |kernel|: all that |times|, one per call of the program, has of runs of |extents|.
kernel_total kernel_total_of(const program *p, uint32_t kernel, const call_time *times,
                             const int64_t *extents);
// What a run of |extents| does: the operations of products, and the bytes of all else.
void program_work(const program *p, const int64_t *extents, double *out_flops, double *out_bytes);

#endif
