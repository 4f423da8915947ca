// What LLVM calls what code is made for.
#ifndef RNNC_CODEGEN_TARGET_H
#define RNNC_CODEGEN_TARGET_H

#include <llvm-c/TargetMachine.h>

#include "codegen/facts.h"
#include "support/diag.h"

// Owned strings behind the facts.
typedef struct target {
    target_facts facts; // with LLVM's names
    char *triple, *cpu, *features;
} target;

// Asks LLVM for the names that |facts| leaves open. Initialises LLVM's native target, or all if |facts| have a triple; may be called by several
// threads at once.
rnnc_status target_init(target *t, const target_facts *facts, diag_sink *d);
void target_deinit(target *t);

// Whether this LLVM makes code for |triple|.
bool target_is_made(const char *triple);

// A machine to compile with; each thread needs one of its own. NULL if LLVM cannot make one.
LLVMTargetMachineRef target_machine(const target *t);

#endif
