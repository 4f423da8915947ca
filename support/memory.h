// Memory that the system has given to this process, or would.
#ifndef RNNC_SUPPORT_MEMORY_H
#define RNNC_SUPPORT_MEMORY_H

#include <stdint.h>

// Bytes that the process had in memory at most, since it began; 0 where the system does not tell. Any thread.
int64_t memory_peak(void);

// Bytes that this process may have in memory: the machine's, or a limit below that (RLIMIT_DATA, a control group's).
// Any thread.
int64_t memory_allowed(void);

#endif
