// What code is made for ahead of time: machines by name, other than the one that compiles.
#ifndef RNNC_CODEGEN_AHEAD_TARGET_H
#define RNNC_CODEGEN_AHEAD_TARGET_H

#include "codegen/backend.h"
#include "support/diag.h"
#include "support/strbuf.h"

// An unknown name is an error that says the nearest known one, or that |list| shows all. The facts hold no memory; their
// texts are constants.
rnnc_status ahead_target_choose(const char *name, const char *list, diag_sink *d, target_facts *out_facts);
// All names, one a line, with what they stand for, and whether |c|'s LLVM can do it.
rnnc_status ahead_target_list(const codegen *c, diag_sink *d, strbuf *out);

#endif
