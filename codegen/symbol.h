// Kernels' names in objects, profilers and debuggers.
#ifndef RNNC_CODEGEN_SYMBOL_H
#define RNNC_CODEGEN_SYMBOL_H

#include "passes/kernel.h"

enum { KERNEL_SYMBOL_SIZE = 160 };

// A kernel's symbol: its name with all but letters, digits, '_' and '.' replaced, and its hash.
void kernel_symbol(const kernel_desc *k, char out_symbol[KERNEL_SYMBOL_SIZE]);

#endif
