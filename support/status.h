// Status codes: what every fallible function below cli/ returns.
#ifndef RNNC_SUPPORT_STATUS_H
#define RNNC_SUPPORT_STATUS_H

typedef enum rnnc_status {
    RNNC_OK = 0,
    RNNC_INVALID_ARGUMENT, // the caller broke the contract of the function
    RNNC_SYNTAX,           // a text does not parse
    RNNC_TYPE,             // names, shapes, axes or element types do not agree
    RNNC_UNSUPPORTED,      // legal, but nothing here can do it
    RNNC_OUT_OF_MEMORY,    // memory, or a stated limit of it, is used up
    RNNC_IO,               // the system refused to open, read, write or rename
    RNNC_CORRUPT,          // a file's contents contradict its format
    RNNC_INTERNAL,         // a defect of rnnc itself
} rnnc_status;

// A result that must be looked at.
#define RNNC_MUST_USE __attribute__((warn_unused_result))

// Returns early from the calling function when |expr| fails.
#define TRY(expr)                         \
    do {                                  \
        rnnc_status try_status_ = (expr); \
        if (try_status_ != RNNC_OK) {     \
            return try_status_;           \
        }                                 \
    } while (0)

// A short English phrase for |status|, never NULL.
const char *status_text(rnnc_status status);

#endif
