#include "codegen/cache.h"

#include <string.h>

#include "codegen/compiler.h"
#include "codegen/host.h"

static void add_number(sha256 *h, uint64_t number) {
    sha256_add(h, &number, sizeof number);
}

static void add_text(sha256 *h, const char *text) {
    size_t length = text ? strlen(text) : 0;
    add_number(h, length);
    sha256_add(h, text ? text : "", length);
}

// What LLVM will find this machine to be, without asking it.
static bool add_host(sha256 *h) {
    strbuf said = {0};
    bool told = host_fingerprint(&said);
    add_number(h, said.length);
    sha256_add(h, strbuf_text(&said), said.length);
    strbuf_deinit(&said);
    return told;
}

static void add_facts(sha256 *h, const target_facts *f) {
    add_text(h, f->triple);
    add_text(h, f->cpu);
    add_text(h, f->features);
    add_number(h, f->has_fma);
    add_number(h, f->has_masked_memory);
    add_number(h, (uint64_t)f->vector_bytes);
    add_number(h, (uint64_t)f->vector_registers);
    add_number(h, (uint64_t)f->l1_bytes);
    add_number(h, (uint64_t)f->l2_bytes);
    add_number(h, (uint64_t)f->panels.vector_bytes);
    add_number(h, (uint64_t)f->panels.vector_registers);
}

static void add_field(void *user, uint64_t field) {
    add_number(user, field);
}

bool code_key_make(const target_facts *facts, const kernel_desc *const *kernels, uint32_t count,
                   code_key *out_key) {
    sha256 h;
    sha256_init(&h);
    add_text(&h, codegen_identity());
    bool told = add_host(&h);
    add_facts(&h, facts);
    add_number(&h, count);
    for (uint32_t i = 0; i < count; i++) {
        add_text(&h, kernels[i]->name);
        kernel_fields(kernels[i], add_field, &h);
    }
    sha256_end(&h, out_key->sum);
    return told;
}
