#include "codegen/compiler.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codegen/identity.h"

const char *codegen_identity(void) {
    return CODEGEN_IDENTITY;
}

// ---- Finding the module ----

// The folder of the file that this code was loaded from, or that of the program; "": not known.
static void own_folder(bool of_program, char *out_folder, size_t size) {
    Dl_info info;
    char started[PATH_MAX];
    const char *path = NULL;
    if (of_program) {
        ssize_t length = readlink("/proc/self/exe", started, sizeof started - 1);
        started[length > 0 ? length : 0] = 0;
        path = started;
    } else if (dladdr((const void *)(uintptr_t)own_folder, &info)) {
        path = info.dli_fname;
    }
    // A program's name alone, as it was typed, says nothing of where it lies.
    const char *slash = path ? strrchr(path, '/') : NULL;
    snprintf(out_folder, size, "%.*s", slash ? (int)(slash - path) : 0, path ? path : "");
}

// As installed, from bin/ or from lib/, and as built.
static const char *const places[] = {"../lib/rnnc", "rnnc", "lib/rnnc"};
enum { PLACES = sizeof places / sizeof *places };

bool codegen_find_file(const char *name, char *out_path, size_t size) {
    char folder[PATH_MAX];
    for (int i = 0; i < 2 * PLACES; i++) {
        own_folder(i >= PLACES, folder, sizeof folder);
        int length = snprintf(out_path, size, "%s/%s/%s", folder, places[i % PLACES], name);
        if (*folder && length > 0 && (size_t)length < size && access(out_path, R_OK) == 0) {
            return true;
        }
    }
    return false;
}

static bool find_module(char *out_path, size_t size) {
    const char *stated = secure_getenv("RNNC_LLVM_MODULE");
    if (stated && *stated) {
        int length = snprintf(out_path, size, "%s", stated);
        return length > 0 && (size_t)length < size;
    }
    return codegen_find_file(CODEGEN_MODULE, out_path, size);
}

// ---- Loading ----

static rnnc_status cannot_load(diag_sink *d, const char *path, const char *why) {
    return diag_fail(
        d, RNNC_IO, NO_SPAN,
        "%s: the code generator cannot be loaded: %s; RNNC_LLVM_MODULE may say its path, and the "
        "processor \"interpret\" does without it",
        path, why);
}

rnnc_status compiler_module_open(compiler_module *m, diag_sink *d) {
    if (m->compiler) {
        return RNNC_OK;
    }
    char path[2 * PATH_MAX];
    if (!find_module(path, sizeof path)) {
        return cannot_load(d, CODEGEN_MODULE,
                           "it is in none of the folders lib/rnnc beside or above the program's");
    }
    // LLVM looks for its own door to debuggers among the symbols that all of the process sees. Its exit handlers do
    // not expect it to go early, so it stays.
    int seen = getenv("RNNC_JIT_DEBUG") ? RTLD_GLOBAL : RTLD_LOCAL;
    void *library = dlopen(path, RTLD_LAZY | RTLD_NODELETE | seen);
    if (!library) {
        return cannot_load(d, path, dlerror());
    }
    void *symbol = dlsym(library, CODEGEN_COMPILER_SYMBOL);
    codegen_compiler_function *get = NULL;
    memcpy(&get, &symbol, sizeof get);
    const codegen_compiler *compiler = get ? get() : NULL;
    if (!compiler || strcmp(compiler->identity, codegen_identity()) != 0) {
        dlclose(library);
        return cannot_load(d, path, "it belongs to another build of rnnc");
    }
    *m = (compiler_module){library, compiler};
    return RNNC_OK;
}

void compiler_module_close(compiler_module *m) {
    if (m->library) {
        dlclose(m->library);
    }
    *m = (compiler_module){.library = NULL};
}
