// Levels of x86-64, 1 … 4 (System V ABI, AMD64 supplement): what each is for code, and several of them in one
// object.
#ifndef RNNC_CODEGEN_LEVELS_H
#define RNNC_CODEGEN_LEVELS_H

#include "codegen/facts.h"
#include "support/diag.h"

enum { LOWEST_LEVEL = 1, HIGHEST_LEVEL = 4 };

// The registers that the system must save for code of |level|, as bits of XCR0: the vectors of AVX, and the
// wide and masked ones of AVX-512.
static inline unsigned level_registers(int level) {
    return level >= 4 ? 0xe6 : level == 3 ? 0x6 : 0;
}

// What CPUID answers in.
typedef enum cpu_register { EAX, EBX, ECX, EDX, REGISTERS } cpu_register;

// A bit of an answer that says what |level| adds to the one below it.
typedef struct level_bit {
    int level;
    unsigned leaf;
    cpu_register where;
    int bit;
} level_bit;

// Row |index|, those of one register side by side; NULL behind the last one (level_bits.def).
const level_bit *level_bit_at(int index);

// What code of |level| can use; caches, processor and triple stay as they are.
void level_fill(int level, target_facts *f);
// "x86-64-v3"; LLVM's name, too.
const char *level_name(int level);

typedef struct level_set {
    int count;                         // at least 1
    int level[HIGHEST_LEVEL];          // ascending
    target_facts facts[HIGHEST_LEVEL]; // of each, with panels that all of them read
    target_facts base;                 // for what runs before a level is chosen
} level_set;

// Whether |text| names levels: "x86-64-v3", or several with commas.
bool levels_are_named(const char *text);
// Reads "x86-64-v2,x86-64-v3", in any order. The facts have |triple|, which is one of x86-64 and outlives
// them. An unknown name, or one that stands twice, is an error.
rnnc_status levels_choose(const char *text, const char *triple, diag_sink *d, level_set *out_set);

#endif
