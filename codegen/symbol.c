#include "codegen/symbol.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

void kernel_symbol(const kernel_desc *k, char out_symbol[KERNEL_SYMBOL_SIZE]) {
    char name[KERNEL_SYMBOL_SIZE / 2];
    snprintf(name, sizeof name, "%s", k->name && *k->name ? k->name : "kernel");
    for (char *c = name; *c; c++) {
        *c = isalnum((unsigned char)*c) || *c == '.' ? *c : '_';
    }
    snprintf(out_symbol, KERNEL_SYMBOL_SIZE, "%s.%016" PRIx64, name, kernel_hash(k));
}
