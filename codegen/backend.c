#include "codegen/backend.h"

#include <stdio.h>
#include <stdlib.h>

#include "codegen/compile.h"
#include "codegen/jit.h"
#include "codegen/kernel_emit.h"
#include "codegen/object.h"

struct codegen {
    target target;
};

rnnc_status codegen_create(const char *cpu, diag_sink *d, codegen **out_codegen) {
    codegen *c = calloc(1, sizeof *c);
    if (!c) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the code generator");
    }
    rnnc_status status = target_init(&c->target, cpu, d);
    if (status != RNNC_OK) {
        free(c);
        return status;
    }
    *out_codegen = c;
    return RNNC_OK;
}

void codegen_destroy(codegen *c) {
    if (c) {
        target_deinit(&c->target);
        free(c);
    }
}

// ---- Compiling and loading ----

// What `compile` gives as a handle.
typedef struct compiled_set {
    jit jit;
    kernel_function *functions[];
} compiled_set;

static void release(void *self, kernel_code_set *code) {
    (void)self;
    compiled_set *set = code->handle;
    if (set) {
        jit_deinit(&set->jit);
        free(set);
    }
    *code = (kernel_code_set){.handle = NULL};
}

// Of equal kernels the first one has the code.
static uint32_t first_equal(const kernel_desc *const *kernels, uint32_t i) {
    uint32_t first = 0;
    while (first < i && !kernel_equal(kernels[first], kernels[i])) {
        first++;
    }
    return first;
}

static rnnc_status load(compiled_set *set, const kernel_desc *const *kernels, uint32_t count,
                        compiled_objects *objects, diag_sink *d) {
    TRY(jit_init(&set->jit, d));
    for (uint32_t i = 0; i < objects->count; i++) {
        LLVMMemoryBufferRef object = objects->at[i];
        objects->at[i] = NULL;
        TRY(jit_add(&set->jit, object, d));
    }
    char symbol[KERNEL_SYMBOL_SIZE];
    for (uint32_t i = 0; i < count; i++) {
        kernel_symbol(kernels[first_equal(kernels, i)], symbol);
        TRY(jit_find(&set->jit, symbol, d, &set->functions[i]));
    }
    return RNNC_OK;
}

static rnnc_status compile(void *self, const kernel_desc *const *kernels, uint32_t count, int threads,
                           diag_sink *d, kernel_code_set *out_code) {
    codegen *c = self;
    *out_code = (kernel_code_set){.handle = NULL};
    compiled_set *set = calloc(1, sizeof *set + count * sizeof *set->functions);
    if (!set) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a table of %u kernels", count);
    }
    *out_code = (kernel_code_set){.handle = set, .functions = set->functions};
    compiled_objects objects;
    rnnc_status status = compile_objects(&c->target, kernels, count, threads, d, &objects);
    if (status == RNNC_OK) {
        status = load(set, kernels, count, &objects, d);
        compiled_objects_dispose(&objects);
    }
    if (status != RNNC_OK) {
        release(self, out_code);
    }
    return status;
}

kernel_backend codegen_backend(codegen *c) {
    return (kernel_backend){"llvm", c, target_shape_of(&c->target.facts), compile, release};
}

// ---- Looking ----

void codegen_describe(const codegen *c, strbuf *out) {
    const target_facts *f = &c->target.facts;
    strbuf_addf(out, "%s, %d vector registers of %d bits, %s", f->cpu, f->vector_registers,
                f->vector_bytes * 8, f->has_fma ? "fused multiply-add" : "no fused multiply-add");
}

rnnc_status codegen_render(const codegen *c, const kernel_desc *k, codegen_form form, diag_sink *d,
                           strbuf *out) {
    static const object_form forms[] = {OBJECT_BYTES, OBJECT_ASSEMBLY, OBJECT_LLVM, OBJECT_LLVM_OPTIMIZED};
    const char *name = k->name ? k->name : "", *defect = kernel_defect(k);
    if (defect) {
        return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "kernel %s has %s", name, defect);
    }
    LLVMTargetMachineRef machine = target_machine(&c->target);
    char *error = NULL;
    LLVMMemoryBufferRef buffer =
        machine ? object_compile(&k, 1, &c->target, machine, forms[form], &error) : NULL;
    rnnc_status status = RNNC_OK;
    if (buffer) {
        strbuf_add_bytes(out, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
        LLVMDisposeMemoryBuffer(buffer);
    } else {
        status = diag_fail(d, RNNC_INTERNAL, NO_SPAN, "kernel %s cannot be compiled: %s", name,
                           error ? error : "LLVM has no target machine");
    }
    free(error);
    if (machine) {
        LLVMDisposeTargetMachine(machine);
    }
    return status;
}

rnnc_status codegen_object_hash(const codegen *c, const kernel_desc *k, diag_sink *d, uint64_t *out_hash) {
    strbuf bytes = {0};
    rnnc_status status = codegen_render(c, k, CODEGEN_OBJECT, d, &bytes);
    uint64_t hash = 0xCBF29CE484222325u; // FNV-1a
    for (size_t i = 0; i < bytes.length; i++) {
        hash = (hash ^ (unsigned char)bytes.text[i]) * 0x100000001B3u;
    }
    if (status == RNNC_OK && bytes.failed) {
        status = diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the code of kernel %s",
                           k->name ? k->name : "");
    }
    strbuf_deinit(&bytes);
    *out_hash = hash;
    return status;
}

void codegen_symbol(const kernel_desc *k, char *out_symbol, size_t size) {
    char symbol[KERNEL_SYMBOL_SIZE];
    kernel_symbol(k, symbol);
    snprintf(out_symbol, size, "%s", symbol);
}
