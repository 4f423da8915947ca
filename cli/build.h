// What only `build` needs.
#ifndef RNNC_CLI_BUILD_H
#define RNNC_CLI_BUILD_H

#include "cli/command.h"

// codegen_build_ahead in a process of its own: LLVM ends the process that asks for what it cannot do, and that end,
// however it comes, is an error here.
rnnc_status build_in_child(const codegen *c, const target_facts *facts, const ahead_request *r, diag_sink *d,
                           strbuf *out);

#endif
