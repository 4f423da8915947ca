// Programs of others: linkers, and the folder that they work in.
#ifndef RNNC_AHEAD_TOOL_H
#define RNNC_AHEAD_TOOL_H

#include "support/diag.h"

// The linker of WebAssembly on this machine, or NULL.
const char *find_wasm_linker(void);
// Whether |name| is a program that can be run, looked for as a shell does.
bool find_tool(const char *name);

// A folder for files that are gone when it is closed.
typedef struct workplace {
    char path[64]; // "" where there is none
} workplace;

rnnc_status workplace_open(diag_sink *d, workplace *out_place);
void workplace_close(workplace *w);
// Runs argv[0] with |argv|, which NULL ends and which makes the file |result|, and waits for its end. Another end than
// exit code 0, or no such file, is an error that shows what it wrote, which is kept in |w| so long.
rnnc_status run_tool(const workplace *w, const char *const *argv, const char *result, diag_sink *d);

#endif
