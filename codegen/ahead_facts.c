// What an object says of itself, for `rnnc inspect`: a text in a section of its own.
#include <inttypes.h>

#include "codegen/ahead.h"
#include "codegen/symbol.h"
#include "support/sha256.h"

static void add_data(sha256 *h, const void *data, int64_t bytes) {
    sha256_add(h, data, (size_t)bytes);
}

// Of the program as text and of the weights as the object has them: equal for equal objects, whatever made
// them.
static void add_hash(const ahead_request *r, strbuf *out) {
    sha256 h;
    unsigned char sum[SHA256_BYTES];
    strbuf text = {0};
    program_print(r->program, &text);
    sha256_init(&h);
    add_data(&h, strbuf_text(&text), (int64_t)text.length);
    for (uint32_t i = 0; i < r->block_count; i++) {
        add_data(&h, r->blocks[i].data, r->blocks[i].bytes);
    }
    for (uint32_t i = 0; i < r->program->variables.count; i++) {
        add_data(&h, r->variables[i] ? r->variables[i] : "",
                 r->variables[i] ? ahead_variable_bytes(r, i) : 0);
    }
    sha256_end(&h, sum);
    strbuf_add(out, "hash ");
    for (int i = 0; i < SHA256_BYTES; i++) {
        strbuf_addf(out, "%02x", sum[i]);
    }
    strbuf_add(out, "\n");
    out->failed |= text.failed;
    strbuf_deinit(&text);
}

static void add_target(const ahead_request *r, const target_facts *facts, strbuf *out) {
    strbuf_addf(out, "target %s\n", facts->triple ? facts->triple : "this machine");
    if (!r->levels) {
        strbuf_addf(out, "cpu %s\nfeatures %s\n", facts->cpu, facts->features ? facts->features : "");
        return;
    }
    strbuf_add(out, "cpu");
    for (int i = 0; i < r->levels->count; i++) {
        strbuf_addf(out, " %s", level_name(r->levels->level[i]));
    }
    strbuf_add(out, ", chosen in init\nfeatures \n");
}

static void add_sizes(const ahead_request *r, strbuf *out) {
    const program *p = r->program;
    ahead_layout layout;
    ahead_lay_out(r, &layout);
    strbuf_addf(out, "arena %" PRId64 "\nstate %" PRId64 "\nweights %" PRId64 "%s\n", layout.bytes,
                r->streams ? layout.state_bytes : 0, ahead_weights_bytes(r) - AHEAD_ALIGN,
                r->weights_apart ? " apart" : "");
    for (uint32_t axis = 0; axis < p->axes.count; axis++) {
        if (ahead_is_parameter(p, (int)axis)) {
            strbuf_addf(out, "maximum %s %" PRId64 "\n", axis == AXIS_BATCH ? "batch" : p->axes.at[axis].name,
                        p->axes.at[axis].maximum);
        }
    }
}

static bool is_called(const program *p, uint32_t kernel) {
    bool called = false;
    for (uint32_t i = 0; i < p->body.count; i++) {
        const program_item *item = &p->body.at[i];
        called |= item->kind == ITEM_CALL && p->calls.at[item->call].kernel == kernel;
    }
    return called;
}

void ahead_print_facts(const ahead_request *r, const target_facts *facts, strbuf *out) {
    const program *p = r->program;
    strbuf_addf(out, "%s\nmodel %s\nfunctions %s\n", AHEAD_FACTS_FIRST, p->name ? p->name : r->name, r->name);
    add_hash(r, out);
    add_target(r, facts, out);
    add_sizes(r, out);
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        if (is_called(p, i)) {
            char symbol[KERNEL_SYMBOL_SIZE];
            kernel_symbol(&p->kernels.at[i], symbol);
            strbuf_addf(out, "kernel %s\n", symbol);
        }
    }
}
