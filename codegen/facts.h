// What code is made for, without a word of LLVM: the contract between the two halves of codegen/.
#ifndef RNNC_CODEGEN_FACTS_H
#define RNNC_CODEGEN_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "passes/kernel.h"

typedef struct target_facts {
    const char *triple;         // LLVM's; NULL: the host's
    const char *cpu;            // LLVM's processor name; "native": the host's own, which LLVM is asked for
    const char *features;       // LLVM's feature string, "+avx2,+fma,…"; NULL: as |cpu| says
    bool has_fma;               // false: a multiply-add is emitted as two roundings
    bool has_masked_memory;     // masked vector loads and stores are quick (AVX-512)
    int vector_bytes;           // 16, 32 or 64
    int vector_registers;       // 8, 16 or 32
    int64_t l1_bytes, l2_bytes; // of one core's data caches
    target_shape
        panels; // what panels are laid out for, if not for these registers: objects for several levels
} target_facts;

static inline target_shape target_shape_of(const target_facts *t) {
    return (target_shape){t->vector_bytes, t->vector_registers};
}

static inline target_shape target_panels_of(const target_facts *t) {
    return t->panels.vector_bytes ? t->panels : target_shape_of(t);
}

#endif
