// Patterns of names, as recipes have them: `*.b`, `embedding.*`.
#ifndef RNNC_SUPPORT_PATTERN_H
#define RNNC_SUPPORT_PATTERN_H

#include <stdbool.h>

// Whether |pattern|, in which '*' stands for any characters, fits the whole of |name|.
bool pattern_fits(const char *pattern, const char *name);

#endif
