#include "codegen/backend.h"

#include <stdio.h>
#include <stdlib.h>

#include "codegen/cache.h"
#include "codegen/compiler.h"
#include "codegen/host.h"
#include "codegen/perf_map.h"
#include "codegen/symbol.h"

// What changes while it is used, by one thread at a time.
typedef struct codegen_state {
    compiler_module module;
    code_cache cache;
} codegen_state;

struct codegen {
    allocator from;
    target_facts facts;
    bool caches;
    codegen_state *state;
};

rnnc_status codegen_create(const char *cpu, diag_sink *d, codegen **out_codegen) {
    return codegen_create_in(&(allocator){NULL, NULL, NULL}, cpu, d, out_codegen);
}

rnnc_status codegen_create_in(const allocator *from, const char *cpu, diag_sink *d, codegen **out_codegen) {
    codegen *c = allocator_array(from, 1, sizeof *c);
    codegen_state *state = allocator_array(from, 1, sizeof *state);
    rnnc_status status = c && state
                             ? host_choose(cpu, d, &c->facts)
                             : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the code generator");
    if (status != RNNC_OK) {
        allocator_free(from, c);
        allocator_free(from, state);
        return status;
    }
    c->from = state->cache.from = *from;
    c->state = state;
    *out_codegen = c;
    return RNNC_OK;
}

void codegen_destroy(codegen *c) {
    if (c) {
        allocator from = c->from;
        code_cache_close(&c->state->cache);
        compiler_module_close(&c->state->module);
        allocator_free(&from, c->state);
        allocator_free(&from, c);
    }
}

// ---- Compiling and loading ----

// What `compile` gives as a handle.
typedef struct compiled_set {
    mapped_image mapped;
    void *loaded; // by LLVM's loader; NULL: it is an image
    void (*unload)(void *loaded);
    kernel_function *functions[];
} compiled_set;

static void release(void *self, kernel_code_set *code) {
    const codegen *c = self;
    compiled_set *set = code->handle;
    if (set) {
        image_unmap(&set->mapped);
        if (set->loaded) {
            set->unload(set->loaded);
        }
        allocator_free(&c->from, set);
    }
    *code = (kernel_code_set){.handle = NULL};
}

static rnnc_status load_by_llvm(codegen *c, const kernel_desc *const *kernels, uint32_t count, int threads,
                                diag_sink *d, compiled_set *set) {
    compiler_module *m = &c->state->module;
    TRY(compiler_module_open(m, d));
    set->unload = m->compiler->unload;
    return m->compiler->load(&c->facts, kernels, count, threads, d, set->functions, &set->loaded);
}

// Compiles what the cache lacks, and keeps it there if |key| is not NULL.
static rnnc_status build_image(codegen *c, const kernel_desc *const *kernels, uint32_t count, int threads,
                               const code_key *key, diag_sink *d, code_image *out_image) {
    compiler_module *m = &c->state->module;
    TRY(compiler_module_open(m, d));
    TRY(m->compiler->build(&c->facts, kernels, count, threads, d, out_image));
    if (key) {
        code_cache_keep(&c->state->cache, key, out_image, m->compiler->library_path());
    }
    return RNNC_OK;
}

static rnnc_status get_image(codegen *c, const kernel_desc *const *kernels, uint32_t count, int threads,
                             diag_sink *d, code_image *out_image) {
    code_key key;
    code_cache *cache = &c->state->cache;
    bool caches = c->caches && code_key_make(&c->facts, kernels, count, &key);
    if (caches) {
        code_cache_open(cache, d);
    }
    if (caches && code_cache_find(cache, &key, count, d, out_image)) {
        return RNNC_OK;
    }
    return build_image(c, kernels, count, threads, caches ? &key : NULL, d, out_image);
}

static rnnc_status map_image(const code_image *image, uint32_t count, diag_sink *d, compiled_set *set) {
    TRY(image_map(image, d, &set->mapped));
    for (uint32_t i = 0; i < count; i++) {
        set->functions[i] = image_kernel(image, &set->mapped, i);
    }
    perf_map_add(image, &set->mapped, d);
    return RNNC_OK;
}

static rnnc_status fill_set(codegen *c, const kernel_desc *const *kernels, uint32_t count, int threads,
                            diag_sink *d, compiled_set *set) {
    // Debuggers read what LLVM's loader tells them.
    if (!image_supported() || getenv("RNNC_JIT_DEBUG")) {
        return load_by_llvm(c, kernels, count, threads, d, set);
    }
    code_image image;
    TRY(get_image(c, kernels, count, threads, d, &image));
    rnnc_status status = map_image(&image, count, d, set);
    image_deinit(&image);
    return status;
}

static rnnc_status compile(void *self, const kernel_desc *const *kernels, uint32_t count, int threads,
                           diag_sink *d, kernel_code_set *out_code) {
    const codegen *c = self;
    *out_code = (kernel_code_set){.handle = NULL};
    compiled_set *set = allocator_array(&c->from, 1, sizeof *set + count * sizeof *set->functions);
    if (!set) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a table of %u kernels", count);
    }
    *out_code = (kernel_code_set){.handle = set, .functions = set->functions};
    rnnc_status status = count ? fill_set(self, kernels, count, threads, d, set) : RNNC_OK;
    if (status != RNNC_OK) {
        release(self, out_code);
    }
    return status;
}

kernel_backend codegen_backend(codegen *c) {
    return (kernel_backend){"llvm", c, target_shape_of(&c->facts), compile, release};
}

// ---- The cache ----

void codegen_use_cache(codegen *c) {
    c->caches = true;
}

void codegen_cache_statistics(const codegen *c, strbuf *out) {
    const code_cache *cache = &c->state->cache;
    if (cache->path) {
        strbuf_addf(out, "kernel cache %s: found %u, compiled %u, kept %u\n", cache->path, cache->found,
                    cache->missed, cache->kept);
    } else if (cache->opened) {
        strbuf_addf(out, "no kernel cache: %s\n", cache->why);
    }
}

// ---- Looking ----

void codegen_describe(const codegen *c, strbuf *out) {
    const target_facts *f = &c->facts;
    strbuf_addf(out, "%s, %d vector registers of %d bits, %s", f->cpu, f->vector_registers,
                f->vector_bytes * 8, f->has_fma ? "fused multiply-add" : "no fused multiply-add");
}

rnnc_status codegen_render(const codegen *c, const kernel_desc *k, codegen_form form, diag_sink *d,
                           strbuf *out) {
    compiler_module *m = &c->state->module;
    TRY(compiler_module_open(m, d));
    return m->compiler->render(&c->facts, k, form, d, out);
}

const target_facts *codegen_facts(const codegen *c) {
    return &c->facts;
}

rnnc_status codegen_build_ahead(const codegen *c, const target_facts *facts, const ahead_request *r,
                                diag_sink *d, strbuf *out) {
    compiler_module *m = &c->state->module;
    TRY(compiler_module_open(m, d));
    return m->compiler->ahead(facts, r, d, out);
}

rnnc_status codegen_makes(const codegen *c, const char *triple, diag_sink *d, bool *out_makes) {
    compiler_module *m = &c->state->module;
    TRY(compiler_module_open(m, d));
    *out_makes = m->compiler->makes(triple);
    return RNNC_OK;
}

rnnc_status codegen_inspect(const codegen *c, const char *bytes, size_t size, diag_sink *d,
                            object_report *out_report) {
    compiler_module *m = &c->state->module;
    TRY(compiler_module_open(m, d));
    return m->compiler->inspect(bytes, size, d, out_report);
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
