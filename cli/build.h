// What only `build` needs.
#ifndef RNNC_CLI_BUILD_H
#define RNNC_CLI_BUILD_H

#include "cli/command.h"

// codegen_build_ahead in a process of its own: LLVM ends the process that asks for what it cannot do, and that end,
// however it comes, is an error here.
rnnc_status build_in_child(const codegen *c, const target_facts *facts, const ahead_request *r, diag_sink *d,
                           strbuf *out);

// ---- What the object becomes (build_kind.c) ----

typedef enum build_kind {
    BUILD_OBJECT,  // NAME.o
    BUILD_ARCHIVE, // NAME.a
    BUILD_SHARED,  // NAME.so
    BUILD_MODULE,  // NAME.wasm
    BUILD_PROGRAM, // NAME
} build_kind;

// The kind that the ending of --output says. Errors: another ending; a kind that the target cannot have; no linker,
// with the name of the package that has one.
rnnc_status choose_kind(const command_line *line, diag_sink *d, build_kind *out_kind);
// Makes of |object| what |kind| says. |header| is the text of the object's header.
rnnc_status finish_object(const command_line *line, build_kind kind, const strbuf *header, diag_sink *d,
                          strbuf *object);

// ---- Programs of others (build_tool.c) ----

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
// Runs argv[0] with |argv|, which NULL ends, in |w|'s folder, and waits for its end. Another end than exit code 0 is an
// error that shows what it wrote.
rnnc_status run_tool(const workplace *w, const char *const *argv, diag_sink *d);

#endif
