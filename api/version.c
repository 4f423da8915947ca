// The library's version: what its soname and its packages say, too.
#include "include/rnnc.h"

const char *rnnc_version(void) {
    return RNNC_VERSION;
}
