// What the machine code is made for: the host, or a processor by name.
#ifndef RNNC_CODEGEN_TARGET_H
#define RNNC_CODEGEN_TARGET_H

#include <llvm-c/TargetMachine.h>

#include "codegen/emit.h"
#include "support/diag.h"

// Owned strings behind the facts.
typedef struct target {
    target_facts facts;
    char *triple, *cpu, *features;
} target;

// |cpu|: NULL or "native" for the host's own processor and features; a level "x86-64" … "x86-64-v4"; or
// LLVM's name of a processor. Code for the target runs on this machine, or it is an error. Unknown names are
// an error that says the nearest known one. Initialises LLVM's native target; may be called by several
// threads at once.
rnnc_status target_init(target *t, const char *cpu, diag_sink *d);
void target_deinit(target *t);

// A machine to compile with; each thread needs one of its own. NULL if LLVM cannot make one.
LLVMTargetMachineRef target_machine(const target *t);

#endif
