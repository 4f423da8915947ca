#include "support/memory.h"

#include <sys/resource.h>

// Linux counts in units of 1024 bytes.
int64_t memory_peak(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}
