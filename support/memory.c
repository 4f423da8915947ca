#include "support/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

// Linux counts in units of 1024 bytes.
int64_t memory_peak(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// What a container may have; the file says "max" where there is no limit.
static int64_t allowed_by_group(void) {
    FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
    long long bytes = 0;
    bool stated = file && fscanf(file, "%lld", &bytes) == 1 && bytes > 0;
    if (file) {
        fclose(file);
    }
    return stated ? bytes : INT64_MAX;
}

int64_t memory_allowed(void) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    struct rlimit limit;
    int64_t allowed = pages > 0 && size > 0 ? (int64_t)pages * size : INT64_MAX;
    bool limited = getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur < (rlim_t)INT64_MAX;
    allowed = least(allowed, limited ? (int64_t)limit.rlim_cur : INT64_MAX);
    return least(allowed, allowed_by_group());
}
