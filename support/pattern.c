#include "support/pattern.h"

#include <stddef.h>

bool pattern_fits(const char *pattern, const char *name) {
    const char *star = NULL, *resume = NULL; // the last '*', and where in |name| to try again after it
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return !*pattern;
}
