// What an object says of itself, for `rnnc inspect`: a text in a section of its own.
#include <inttypes.h>
#include <string.h>

#include "codegen/ahead_train.h"
#include "codegen/symbol.h"
#include "support/sha256.h"

static void add_data(sha256 *h, const void *data, int64_t bytes) {
    sha256_add(h, data, (size_t)bytes);
}

static void add_program(sha256 *h, const program *p, strbuf *out) {
    strbuf text = {0};
    program_print(p, &text);
    add_data(h, strbuf_text(&text), (int64_t)text.length);
    out->failed |= text.failed;
    strbuf_deinit(&text);
}

static void add_variables(sha256 *h, const ahead_request *r, const void *const *contents) {
    for (uint32_t i = 0; i < r->program->variables.count; i++) {
        add_data(h, contents[i] ? contents[i] : "", contents[i] ? ahead_variable_bytes(r, i) : 0);
    }
}

// Of the programs as texts and of the weights as the object has them: equal for equal objects, whatever made
// them.
static void add_hash(const ahead_request *r, strbuf *out) {
    sha256 h;
    unsigned char sum[SHA256_BYTES];
    sha256_init(&h);
    add_program(&h, r->program, out);
    for (uint32_t i = 0; i < r->block_count; i++) {
        add_data(&h, r->blocks[i].data, r->blocks[i].bytes);
    }
    add_variables(&h, r, r->variables);
    if (r->training) {
        add_program(&h, r->training->request.program, out);
        add_variables(&h, &r->training->request, r->training->first);
    }
    sha256_end(&h, sum);
    strbuf_add(out, "hash ");
    for (int i = 0; i < SHA256_BYTES; i++) {
        strbuf_addf(out, "%02x", sum[i]);
    }
    strbuf_add(out, "\n");
}

// "+fma,-sse4a,+avx" without what the processor does not have.
static void add_features(const char *features, strbuf *out) {
    const char *separator = "features ";
    for (const char *at = features; *at;) {
        size_t length = strcspn(at, ",");
        if (*at == '+') {
            strbuf_addf(out, "%s%.*s", separator, (int)length, at);
            separator = ",";
        }
        at += length + (at[length] == ',');
    }
    strbuf_add(out, *separator == ',' ? "\n" : "features \n");
}

static void add_target(const ahead_request *r, const target_facts *facts, strbuf *out) {
    strbuf_addf(out, "target %s\n", facts->triple ? facts->triple : "this machine");
    if (!r->levels) {
        strbuf_addf(out, "cpu %s\n", facts->cpu);
        add_features(facts->features ? facts->features : "", out);
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
    strbuf_addf(out, "arena %" PRId64 "\nstate %" PRId64 "\nweights %" PRId64 "%s%s\n", layout.bytes,
                r->streams ? layout.state_bytes : 0, ahead_weight_bytes(r), r->weights_apart ? " apart" : "",
                r->training ? " in the arena" : "");
    for (uint32_t axis = 0; axis < p->axes.count; axis++) {
        if (ahead_is_parameter(p, (int)axis)) {
            strbuf_addf(out, "maximum %s %" PRId64 "\n", axis == AXIS_BATCH ? "batch" : p->axes.at[axis].name,
                        p->axes.at[axis].maximum);
        }
    }
}

static bool is_called(const program *p, const program_item *items, uint32_t count, uint32_t kernel) {
    bool called = false;
    for (uint32_t i = 0; i < count; i++) {
        called |= items[i].kind == ITEM_CALL && p->calls.at[items[i].call].kernel == kernel;
    }
    return called;
}

// |learns|: the object has the kernels, too, that derive what it reads from the weights.
static void add_kernels(const program *p, bool learns, strbuf *out) {
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        if (is_called(p, p->body.at, p->body.count, i) ||
            (learns && is_called(p, p->prepare.at, p->prepare.count, i))) {
            char symbol[KERNEL_SYMBOL_SIZE];
            kernel_symbol(&p->kernels.at[i], symbol);
            strbuf_addf(out, "kernel %s\n", symbol);
        }
    }
}

void ahead_print_facts(const ahead_request *r, const target_facts *facts, strbuf *out) {
    strbuf_addf(out, "%s\nmodel %s\nfunctions %s\n", AHEAD_FACTS_FIRST,
                r->program->name ? r->program->name : r->name, r->name);
    add_hash(r, out);
    add_target(r, facts, out);
    add_sizes(r, out);
    add_kernels(r->program, r->training != NULL, out);
    if (r->training) {
        add_kernels(r->training->request.program, true, out);
    }
}
