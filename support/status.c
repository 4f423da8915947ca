#include "support/status.h"

const char *status_text(rnnc_status status) {
    switch (status) {
    case RNNC_OK: return "ok";
    case RNNC_INVALID_ARGUMENT: return "invalid argument";
    case RNNC_SYNTAX: return "syntax error";
    case RNNC_TYPE: return "type error";
    case RNNC_UNSUPPORTED: return "unsupported";
    case RNNC_OUT_OF_MEMORY: return "out of memory";
    case RNNC_IO: return "input/output error";
    case RNNC_CORRUPT: return "corrupt data";
    case RNNC_INTERNAL: return "internal error";
    }
    return "unknown status";
}
