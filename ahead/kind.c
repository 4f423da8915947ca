// Which kinds of files there are for which targets, and what they need.
#include <string.h>

#include "ahead/build_parts.h"
#include "ahead/tool.h"

static bool begins(const char *text, const char *with) {
    return text && strncmp(text, with, strlen(with)) == 0;
}

static rnnc_status check_module(const build_request *r, diag_sink *d) {
    if (!begins(r->target, "wasm32")) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "%s: a module of WebAssembly goes with %s wasm32 or wasm32-simd128", r->file,
                         r->terms->target);
    }
    return find_wasm_linker() ? RNNC_OK
                              : diag_fail(d, RNNC_IO, NO_SPAN,
                                          "%s: there is no wasm-ld to link it: on Debian, apt-get install "
                                          "lld-19; %s needs no linker",
                                          r->file, r->terms->object);
}

// Compilers that link for another system than the object's may take it, and make what runs nowhere.
static rnnc_status check_system(const build_request *r, diag_sink *d) {
    bool wasm = begins(r->target, "wasm32");
    bool elsewhere = r->target && (strstr(r->target, "-windows") || strstr(r->target, "-macos"));
    if (!wasm && !elsewhere) {
        return RNNC_OK;
    }
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s: what goes with %s %s is %sNAME.o or NAME.a",
                     r->file, r->terms->target, r->target, wasm ? "NAME.wasm, " : "");
}

// What would be of no use in a program: it has no caller who could have threads, or ask it to learn.
static rnnc_status check_program(const build_request *r, diag_sink *d) {
    const struct {
        bool wanted;
        const char *option, *why;
    } useless[] = {
        {r->train, r->terms->train, "what a program learned would be gone when it ends"},
        {r->parallel != 0, r->terms->parallel, "a program has one thread"},
        {r->weights_apart, r->terms->weights_apart,
         "processes share the weights in a program as those in a file"},
    };
    for (size_t i = 0; i < sizeof useless / sizeof *useless; i++) {
        if (useless[i].wanted) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "%s: %s is for objects and libraries, since %s: leave it out, or make NAME.o",
                             r->file, useless[i].option, useless[i].why);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_linked(const build_request *r, diag_sink *d) {
    TRY(check_system(r, d));
    if (!build_is_native(r) && !r->cc) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "%s: say which C compiler links for %s, as %s aarch64-linux-gnu-gcc", r->file,
                         r->target, r->terms->cc);
    }
    const char *linker = build_linker(r);
    if (find_tool(linker)) {
        return RNNC_OK;
    }
    return diag_fail(d, RNNC_IO, NO_SPAN,
                     "%s: there is no %s to link it: on Debian, apt-get install %s; %s needs no linker",
                     r->file, linker, r->cc ? "the package that has it" : "gcc", r->terms->object);
}

rnnc_status build_check_kind(const build_request *r, diag_sink *d) {
    bool linked = r->kind == BUILD_SHARED || r->kind == BUILD_PROGRAM;
    if (r->cc && !linked) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s is not linked: leave %s out", r->file,
                         r->terms->cc);
    }
    TRY(r->kind == BUILD_PROGRAM ? check_program(r, d) : RNNC_OK);
    return r->kind == BUILD_MODULE ? check_module(r, d) : linked ? check_linked(r, d) : RNNC_OK;
}
