// The public door of codegen/: kernels as machine code of this machine, made by LLVM. No LLVM header is
// needed to use it, and LLVM itself is loaded when the first kernel has to be compiled: not where the cache on
// disk (cache.h) has all of them.
//
// LLVM reports its own running out of memory, and what it cannot select, by ending the process; kernels hold
// only what the tests have seen selected for every supported target.
//
// Two environment variables help to look at the code from outside: with RNNC_PERF_MAP set, /tmp/perf-PID.map
// names all kernels for `perf report`; with RNNC_JIT_DEBUG set, debuggers are told of them by GDB's interface
// for compiled code, and the cache is left alone.
#ifndef RNNC_CODEGEN_BACKEND_H
#define RNNC_CODEGEN_BACKEND_H

#include "codegen/ahead.h"
#include "codegen/inspect.h"
#include "passes/backend.h"
#include "support/strbuf.h"

typedef struct codegen codegen;

// |cpu|: NULL or "native", "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", or LLVM's name of a processor,
// which stands for its level. An error if it is not known or this machine cannot run its code.
rnnc_status codegen_create(const char *cpu, diag_sink *d, codegen **out_codegen);
// The same. What it and its code keep comes from |from|, but for the pages of machine code, which are the system's, what
// LLVM allocates, and what is given back before a call returns.
rnnc_status codegen_create_in(const allocator *from, const char *cpu, diag_sink *d, codegen **out_codegen);
// All code made by the backend must have been released.
void codegen_destroy(codegen *c);

// Lets `compile` look for code in the user's cache of kernels, and keep there what it had to compile. Without this
// call every program is compiled. The folder is opened at the first use.
void codegen_use_cache(codegen *c);
// One line for people about the cache, and how often it had a program's code; nothing before it was used.
void codegen_cache_statistics(const codegen *c, strbuf *out);

// The function table for the runtime. |c| must outlive it. `compile` may be called by one thread at a time;
// the code it gives is immutable.
kernel_backend codegen_backend(codegen *c);

// One line for people: level of processor, width and number of vector registers, fused multiply-add.
void codegen_describe(const codegen *c, strbuf *out);

typedef enum codegen_form {
    CODEGEN_OBJECT, // the bytes of an object file
    CODEGEN_ASSEMBLY,
    CODEGEN_LLVM,           // as written
    CODEGEN_LLVM_OPTIMIZED, // after LLVM's passes
} codegen_form;

// Appends kernel |k| in |form| to |out|; not while another thread uses |c|. The same description gives the same bytes on the same target.
rnnc_status codegen_render(const codegen *c, const kernel_desc *k, codegen_form form, diag_sink *d,
                           strbuf *out);

// What code is made for.
const target_facts *codegen_facts(const codegen *c);
// Appends to |out| the object file for |r|, whose program was made for the shape of |facts|. What LLVM cannot compile
// for a target ends the process (see above), so call this in one that may end.
rnnc_status codegen_build_ahead(const codegen *c, const target_facts *facts, const ahead_request *r,
                                diag_sink *d, strbuf *out);

// Whether LLVM makes code for |triple|; an error if it cannot be loaded.
rnnc_status codegen_makes(const codegen *c, const char *triple, diag_sink *d, bool *out_makes);

// The path of |name|, a file that was installed or built together with this code: it lies in lib/rnnc beside or above the
// folder of the program or the library. False if there is none, or if |size| bytes do not hold its path.
bool codegen_find_file(const char *name, char *out_path, size_t size);

// Reads an object file (inspect.h).
rnnc_status codegen_inspect(const codegen *c, const char *bytes, size_t size, diag_sink *d,
                            object_report *out_report);

// A 64-bit hash of the kernel's object file.
rnnc_status codegen_object_hash(const codegen *c, const kernel_desc *k, diag_sink *d, uint64_t *out_hash);

// The kernel's symbol in objects and profiles: its name and hash. |size| bytes at |out_symbol|, cut if too
// long.
void codegen_symbol(const kernel_desc *k, char *out_symbol, size_t size);

#endif
