// Time for measuring: of no calendar, never set back. Any thread.
#ifndef RNNC_SUPPORT_CLOCK_H
#define RNNC_SUPPORT_CLOCK_H

#include <stdint.h>

// Since some moment before the process began.
int64_t clock_nanoseconds(void);
double clock_milliseconds(void);

#endif
