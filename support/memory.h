// Memory that the system has given to this process.
#ifndef RNNC_SUPPORT_MEMORY_H
#define RNNC_SUPPORT_MEMORY_H

#include <stdint.h>

// Bytes that the process had in memory at most, since it began; 0 where the system does not tell. Any thread.
int64_t memory_peak(void);

#endif
