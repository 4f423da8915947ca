// The half of codegen/ that speaks with LLVM, as the other half sees it (compiler.h).
#include <dlfcn.h>
#include <stdlib.h>

#include "codegen/compile.h"
#include "codegen/compiler.h"
#include "codegen/identity.h"
#include "codegen/jit.h"
#include "codegen/kernel_emit.h"
#include "codegen/link.h"
#include "codegen/object.h"

// Of equal kernels the first one has the code.
static uint32_t first_equal(const kernel_desc *const *kernels, uint32_t i) {
    uint32_t first = 0;
    while (first < i && !kernel_equal(kernels[first], kernels[i])) {
        first++;
    }
    return first;
}

// Compiles for |facts|, which are completed on the way.
static rnnc_status compile(const target_facts *facts, const kernel_desc *const *kernels, uint32_t count,
                           int threads, diag_sink *d, compiled_objects *out_objects) {
    target t;
    TRY(target_init(&t, facts, d));
    rnnc_status status = compile_objects(&t, kernels, count, threads, d, out_objects);
    target_deinit(&t);
    return status;
}

// ---- Images ----

static rnnc_status link_image(const compiled_objects *objects, const kernel_desc *const *kernels,
                              uint32_t count, diag_sink *d, code_image *out_image) {
    object_bytes *files = calloc(objects->count + 1u, sizeof *files);
    const kernel_desc **firsts = calloc(count + 1u, sizeof *firsts);
    rnnc_status status = RNNC_OUT_OF_MEMORY;
    if (!files || !firsts) {
        diag_fail(d, status, NO_SPAN, "no memory for a table of %u kernels", count);
    } else {
        for (uint32_t i = 0; i < objects->count; i++) {
            files[i] = (object_bytes){LLVMGetBufferStart(objects->at[i]), LLVMGetBufferSize(objects->at[i])};
        }
        for (uint32_t i = 0; i < count; i++) {
            firsts[i] = kernels[first_equal(kernels, i)];
        }
        status = link_objects(files, objects->count, firsts, count, d, out_image);
    }
    free(files);
    free(firsts);
    return status;
}

static rnnc_status build(const target_facts *facts, const kernel_desc *const *kernels, uint32_t count,
                         int threads, diag_sink *d, code_image *out_image) {
    compiled_objects objects;
    TRY(compile(facts, kernels, count, threads, d, &objects));
    rnnc_status status = link_image(&objects, kernels, count, d, out_image);
    compiled_objects_dispose(&objects);
    return status;
}

// ---- LLVM's loader ----

static void unload(void *loaded) {
    jit *j = loaded;
    if (j) {
        jit_deinit(j);
        free(j);
    }
}

static rnnc_status load_objects(jit *j, const kernel_desc *const *kernels, uint32_t count,
                                compiled_objects *objects, diag_sink *d, kernel_function **functions) {
    TRY(jit_init(j, d));
    for (uint32_t i = 0; i < objects->count; i++) {
        LLVMMemoryBufferRef object = objects->at[i];
        objects->at[i] = NULL;
        TRY(jit_add(j, object, d));
    }
    char symbol[KERNEL_SYMBOL_SIZE];
    for (uint32_t i = 0; i < count; i++) {
        kernel_symbol(kernels[first_equal(kernels, i)], symbol);
        TRY(jit_find(j, symbol, d, &functions[i]));
    }
    return RNNC_OK;
}

static rnnc_status load(const target_facts *facts, const kernel_desc *const *kernels, uint32_t count,
                        int threads, diag_sink *d, kernel_function **functions, void **out_loaded) {
    *out_loaded = NULL;
    compiled_objects objects;
    TRY(compile(facts, kernels, count, threads, d, &objects));
    jit *j = calloc(1, sizeof *j);
    rnnc_status status =
        j ? load_objects(j, kernels, count, &objects, d, functions)
          : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the loader of the kernels' code");
    compiled_objects_dispose(&objects);
    if (status == RNNC_OK) {
        *out_loaded = j;
    } else {
        unload(j);
    }
    return status;
}

// ---- Looking ----

static rnnc_status render_for(const target *t, const kernel_desc *k, codegen_form form, diag_sink *d,
                              strbuf *out) {
    static const object_form forms[] = {OBJECT_BYTES, OBJECT_ASSEMBLY, OBJECT_LLVM, OBJECT_LLVM_OPTIMIZED};
    LLVMTargetMachineRef machine = target_machine(t);
    char *error = NULL;
    LLVMMemoryBufferRef buffer = machine ? object_compile(&k, 1, t, machine, forms[form], &error) : NULL;
    rnnc_status status = RNNC_OK;
    if (buffer) {
        strbuf_add_bytes(out, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
        LLVMDisposeMemoryBuffer(buffer);
    } else {
        status = diag_fail(d, RNNC_INTERNAL, NO_SPAN, "kernel %s cannot be compiled: %s",
                           k->name ? k->name : "", error ? error : "LLVM has no target machine");
    }
    free(error);
    if (machine) {
        LLVMDisposeTargetMachine(machine);
    }
    return status;
}

static rnnc_status render(const target_facts *facts, const kernel_desc *k, codegen_form form, diag_sink *d,
                          strbuf *out) {
    const char *wrong = kernel_defect(k);
    if (wrong) {
        return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "kernel %s has %s", k->name ? k->name : "", wrong);
    }
    target t;
    TRY(target_init(&t, facts, d));
    rnnc_status status = render_for(&t, k, form, d, out);
    target_deinit(&t);
    return status;
}

// ---- Ahead of time ----

static rnnc_status ahead_for(const target *t, const ahead_request *r, diag_sink *d, strbuf *out) {
    LLVMTargetMachineRef machine = target_machine(t);
    if (!machine) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "this LLVM makes no code for %s", t->triple);
    }
    LLVMMemoryBufferRef buffer = NULL;
    rnnc_status status = object_compile_ahead(r, t, machine, d, &buffer);
    LLVMDisposeTargetMachine(machine);
    TRY(status);
    strbuf_add_bytes(out, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
    LLVMDisposeMemoryBuffer(buffer);
    return RNNC_OK;
}

static rnnc_status ahead(const target_facts *facts, const ahead_request *r, diag_sink *d, strbuf *out) {
    target t;
    TRY(target_init(&t, facts, d));
    rnnc_status status = ahead_for(&t, r, d, out);
    target_deinit(&t);
    return status;
}

// ---- The table ----

static const char *library_path(void) {
    Dl_info info;
    bool found = dladdr((const void *)(uintptr_t)LLVMContextCreate, &info) && info.dli_fname;
    return found ? info.dli_fname : "";
}

__attribute__((visibility("default"))) const codegen_compiler *codegen_compiler_get(void) {
    static const codegen_compiler compiler = {
        CODEGEN_IDENTITY, build, load, unload, render, ahead, target_is_made, inspect_object, library_path};
    return &compiler;
}
