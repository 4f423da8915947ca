// The door between the two halves of codegen/: what loads kernels, and the module with LLVM, which is brought into
// the process when something has to be compiled and stays out of it otherwise.
#ifndef RNNC_CODEGEN_COMPILER_H
#define RNNC_CODEGEN_COMPILER_H

#include "codegen/ahead.h"
#include "codegen/backend.h"
#include "codegen/facts.h"
#include "codegen/image.h"
#include "codegen/inspect.h"

// What the module has. All functions may be called by several threads at once.
typedef struct codegen_compiler {
    const char *identity; // codegen_identity of the build that the module belongs to
    // Compiles |count| kernels on up to |threads| threads to an image of the caller's. On failure reports to |d| and
    // leaves nothing to free. Not where image_supported() is false.
    rnnc_status (*build)(const target_facts *facts, const kernel_desc *const *kernels, uint32_t count,
                         int threads, diag_sink *d, code_image *out_image);
    // The same, loaded by LLVM, which tells debuggers of the code if RNNC_JIT_DEBUG is set. |functions| has room for
    // |count|; |*out_loaded| is for unload.
    rnnc_status (*load)(const target_facts *facts, const kernel_desc *const *kernels, uint32_t count,
                        int threads, diag_sink *d, kernel_function **functions, void **out_loaded);
    void (*unload)(void *loaded);
    rnnc_status (*render)(const target_facts *facts, const kernel_desc *k, codegen_form form, diag_sink *d,
                          strbuf *out);
    // Appends the object file of a whole program to |out|.
    rnnc_status (*ahead)(const target_facts *facts, const ahead_request *r, diag_sink *d, strbuf *out);
    // target_is_made.
    bool (*makes)(const char *triple);
    // inspect_object.
    rnnc_status (*inspect)(const char *bytes, size_t size, diag_sink *d, object_report *out_report);
    // The path of the file that LLVM was loaded from; "" if that is not known.
    const char *(*library_path)(void);
} codegen_compiler;

// The one symbol that the module exports.
typedef const codegen_compiler *codegen_compiler_function(void);
codegen_compiler_function codegen_compiler_get;
#define CODEGEN_COMPILER_SYMBOL "codegen_compiler_get"

// Differs between builds whose generated code may differ: a sum over the sources of the code generator and LLVM's
// version.
const char *codegen_identity(void);

// A compiler found and loaded. Starts as all zeros.
typedef struct compiler_module {
    void *library;
    const codegen_compiler *compiler; // NULL: not loaded
} compiler_module;

// Loads the module unless that has been done; it lies in lib/rnnc/ beside or above the folder of the program or the
// library, or where the environment variable RNNC_LLVM_MODULE says (what is linked statically with another program
// knows no folder of its own). One error says which file is missing or does not fit.
rnnc_status compiler_module_open(compiler_module *m, diag_sink *d);
void compiler_module_close(compiler_module *m);

#endif
