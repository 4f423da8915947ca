// The part of a driver that knows texts: NAME_encode and NAME_decode.
#ifndef RNNC_CODEGEN_DRIVER_TEXT_H
#define RNNC_CODEGEN_DRIVER_TEXT_H

#include "codegen/driver.h"
#include "codegen/variables.h"

typedef struct text_driver {
    const driver *w;
    const ahead_text *text;
    // Constants; those of words alone are NULL where there are only characters.
    LLVMValueRef bytes, begin, sorted, marks, run_begin, run_entry;
    LLVMValueRef decode, classify, bound; // functions
} text_driver;

// Adds both functions.
void driver_emit_text(const driver *w);
// Adds NAME_encode and what it needs.
void driver_emit_encode(text_driver *t);

#endif
