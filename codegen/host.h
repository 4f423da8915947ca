// This machine's processor, asked without LLVM, and the choice of what code is made for.
#ifndef RNNC_CODEGEN_HOST_H
#define RNNC_CODEGEN_HOST_H

#include "codegen/facts.h"
#include "support/diag.h"
#include "support/strbuf.h"

// |cpu|: NULL or "native" for the host's own processor; a level "x86-64" … "x86-64-v4"; or LLVM's name of a
// processor, which stands for its level. Code for the facts runs on this machine, or it is an error. Unknown
// names are an error that says the nearest known one. The facts hold no memory; their texts are constants.
rnnc_status host_choose(const char *cpu, diag_sink *d, target_facts *out_facts);

// The level of the x86-64 ABI that this machine reaches, 1 … 4; 0: it is of another kind.
int host_level(void);

// Appends what the processor says of itself: equal bytes for equal instruction sets and models, on every core
// of a machine. False where that cannot be asked.
bool host_fingerprint(strbuf *out);

#endif
