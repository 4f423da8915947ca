#include "ir/text.h"
#include "ir/text_print.h"
#include "passes/plan_words.h"
#include "passes/program_text.h"

// ---- Kernels ----

static const char *code_name(uint16_t code) {
    static const char *const own[] = {"load", "store", "product"};
    return code < OP_COUNT ? op_get((op_id)code)->mnemonic : own[code - OP_COUNT];
}

static void print_instr(const kernel_instr *i, uint32_t number, strbuf *out) {
    if (i->code != KI_STORE) {
        strbuf_addf(out, "%%%u = ", number);
    }
    strbuf_add(out, code_name(i->code));
    const int16_t operands[] = {i->a, i->b, i->c};
    for (int k = 0; k < 3 && operands[k] >= 0; k++) {
        strbuf_addf(out, "%s%%%d", k ? ", " : " ", operands[k]);
    }
    if (i->arg >= 0) {
        strbuf_addf(out, " arg %d", i->arg);
    }
    if (i->column) {
        strbuf_addf(out, i->code == KI_PRODUCT ? " gate %d" : " column %d", i->column);
    }
    if (i->code == OP_CONST) {
        strbuf_add(out, " value ");
        irprint_float(out, i->f);
    }
    strbuf_addf(out, " : %s%s\n", dtype_name((dtype)i->elem), i->full ? " full" : "");
}

static void print_number(const char *word, int64_t value, int64_t usual, strbuf *out) {
    if (value != usual) {
        strbuf_addf(out, " %s %lld", word, (long long)value);
    }
}

static void kernel_print(const kernel_desc *k, uint32_t number, strbuf *out) {
    strbuf_addf(out, "kernel %u %s ", number, kernel_kind_words().words[k->kind]);
    irprint_quoted(out, k->name ? k->name : "");
    strbuf_addf(out, " dims %d columns %d elem %s", k->dims, k->columns, dtype_name((dtype)k->elem));
    print_number("kept", k->kept_dims, 0, out);
    strbuf_add(out, k->flat ? " flat" : "");
    if (k->fold) {
        strbuf_addf(out, " fold %s", op_get((op_id)k->fold)->mnemonic);
    }
    print_number("gates", k->gates, 1, out);
    print_number("inner", k->inner, 0, out);
    strbuf_add(out, k->packed ? " packed" : "");
    strbuf_add(out, k->transposed ? " transposed" : "");
    if (k->site) {
        strbuf_add(out, " site ");
        irprint_quoted(out, k->site);
    }
    strbuf_addf(out, "%s # %016llx\n", k->batched ? " batched" : "", (unsigned long long)kernel_hash(k));
    for (uint32_t i = 0; i < k->arg_count; i++) {
        const kernel_arg *a = &k->args[i];
        strbuf_addf(out, "arg %s [%d]%s%s\n", dtype_name((dtype)a->elem), a->columns,
                    a->uniform ? " uniform" : "", a->written ? " written" : "");
    }
    for (uint32_t i = 0; i < k->instr_count; i++) {
        print_instr(&k->instrs[i], i, out);
    }
}

// ---- Places and calls ----

static void print_slot(const graph *g, const program_place *at, strbuf *out) {
    if (at->slot_axis == NO_AXIS) {
        return;
    }
    slot_choice choice = at->spans ? SLOT_ALL : at->pinned ? SLOT_ONLY : SLOT_STEP;
    strbuf_add(out, " slot ");
    irprint_name(out, g->axes.at[at->slot_axis].name);
    strbuf_addf(out, " %s %d", place_slot_words().words[choice], at->shift);
    strbuf_add(out, at->from_end ? " end" : "");
    print_number("mod", at->modulus, 0, out);
    if (at->part) {
        strbuf_add(out, " as ");
        irprint_name(out, g->axes.at[at->part].name);
    }
}

static void print_place(const program *p, const graph *g, const program_place *at, strbuf *out) {
    switch (at->base) {
    case PLACE_ARENA: strbuf_add(out, "arena"); break;
    case PLACE_INPUT:
        strbuf_add(out, "input ");
        irprint_quoted(out, p->inputs.at[at->index].name);
        break;
    case PLACE_VARIABLE:
        strbuf_add(out, "variable $");
        irprint_name(out, p->variables.at[at->index].name);
        break;
    }
    strbuf_addf(out, " at %lld %s", (long long)at->offset, dtype_name(at->elem));
    irprint_axes(g, at->axes, out);
    strbuf_addf(out, "[%d]", at->columns);
    print_number("from", at->first_column, 0, out);
    print_slot(g, at, out);
}

static void print_rows(const program_call *call, const graph *g, strbuf *out) {
    for (int d = 0; d < KERNEL_MAX_DIMS; d++) {
        if (call->row_axes[d] || call->row_extents[d]) {
            strbuf_addf(out, " dim %d ", d);
            irprint_axes(g, call->row_axes[d], out);
            strbuf_addf(out, " %lld", (long long)call->row_extents[d]);
        }
    }
    if (call->inner_axes || call->inner) {
        strbuf_add(out, " inner ");
        irprint_axes(g, call->inner_axes, out);
        strbuf_addf(out, " %lld", (long long)call->inner);
    }
    strbuf_add(out, call->skip_inner_first ? " skip_inner_first" : "");
    strbuf_add(out, call->alone ? " alone" : "");
}

static void print_call(const program *p, const graph *g, uint32_t number, strbuf *out) {
    const program_call *call = &p->calls.at[number];
    strbuf_addf(out, "call %u kernel %u", number, call->kernel);
    print_rows(call, g, out);
    strbuf_add(out, "\n");
    for (uint32_t i = 0; i < call->arg_count; i++) {
        strbuf_add(out, "place ");
        print_place(p, g, &call->args[i], out);
        strbuf_add(out, "\n");
    }
}

static uint32_t count_members(const program_item *set) {
    uint32_t members = 0;
    for (uint32_t i = 1; i <= set->length; i += 1 + (set[i].kind == ITEM_LOOP ? set[i].length : 0)) {
        members++;
    }
    return members;
}

static void print_loop(const graph *g, const char *word, const program_item *loop, strbuf *out) {
    strbuf_addf(out, "%s loop ", word);
    irprint_name(out, g->axes.at[loop->axis].name);
    strbuf_addf(out, " %s calls", plan_direction_words().words[loop->direction < 0]);
    for (uint32_t k = 1; k <= loop->length; k++) {
        strbuf_addf(out, "%s%u", k > 1 ? ", " : " ", loop[k].call);
    }
    strbuf_add(out, "\n");
}

// The members of a set are the lines behind it.
static void print_items(const graph *g, const char *word, const program_item *items, uint32_t count,
                        strbuf *out) {
    for (uint32_t i = 0; i < count; i++) {
        switch (items[i].kind) {
        case ITEM_CALL: strbuf_addf(out, "%s call %u\n", word, items[i].call); break;
        case ITEM_SET: strbuf_addf(out, "%s set %u\n", word, count_members(&items[i])); break;
        case ITEM_LOOP:
            print_loop(g, word, &items[i], out);
            i += items[i].length;
            break;
        }
    }
}

// ---- The whole ----

static void print_axis(const program_axis *a, strbuf *out) {
    strbuf_add(out, "extent ");
    irprint_name(out, a->name);
    strbuf_addf(out, " %lld", (long long)a->maximum);
    print_number("indices", a->index_offset, -1, out);
    for (int t = 0; t < DTYPE_COUNT; t++) {
        print_number(dtype_name((dtype)t), a->extent_offset[t], -1, out);
    }
    strbuf_add(out, "\n");
}

static void print_values(const program *p, const graph *g, strbuf *out) {
    for (uint32_t i = 0; i < p->inputs.count; i++) {
        const program_value *v = &p->inputs.at[i];
        strbuf_add(out, "input ");
        irprint_quoted(out, v->name);
        strbuf_add(out, " role ");
        irprint_quoted(out, v->role);
        strbuf_add(out, " : ");
        irprint_type(g, v->type, out);
        strbuf_add(out, "\n");
    }
    for (uint32_t i = 0; i < p->outputs.count; i++) {
        const program_value *v = &p->outputs.at[i];
        strbuf_addf(out, "output %s ", v->role);
        irprint_quoted(out, v->name);
        strbuf_add(out, " : ");
        irprint_type(g, v->type, out);
        strbuf_add(out, " place ");
        print_place(p, g, &v->place, out);
        strbuf_add(out, "\n");
    }
}

static void print_section(const program *p, const graph *g, strbuf *out) {
    strbuf_addf(out, "program vectors %d registers %d arena %lld live %lld copies %u loop_copies %u",
                p->shape.vector_bytes, p->shape.vector_registers, (long long)p->arena_bytes,
                (long long)p->live_bytes, p->copies, p->loop_copies);
    print_number("settings", p->settings_offset, -1, out);
    strbuf_add(out, "\n");
    for (uint32_t i = 0; i < p->axes.count; i++) {
        print_axis(&p->axes.at[i], out);
    }
    print_values(p, g, out);
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        kernel_print(&p->kernels.at[i], i, out);
    }
    for (uint32_t i = 0; i < p->calls.count; i++) {
        print_call(p, g, i, out);
    }
    print_items(g, "prepare", p->prepare.at, p->prepare.count, out);
    print_items(g, "run", p->body.at, p->body.count, out);
}

// A program's axes and variables as a graph without nodes, which the text begins with.
static graph *declarations_of(const program *p) {
    graph *g = graph_create(p->name ? p->name : "", p->real);
    for (uint32_t i = 0; g && i < p->axes.count; i++) {
        const program_axis *a = &p->axes.at[i];
        if (i == AXIS_BATCH) {
            g->axes.at[AXIS_BATCH].name = a->name;
        } else if (a->kind == AXIS_IS_PART) {
            graph_add_part(g, a->name, a->part);
        } else {
            graph_add_axis(g, a->name, a->kind, a->fixed);
        }
    }
    for (uint32_t i = 0; g && i < p->variables.count; i++) {
        vec_push(&g->memory, g->variables, p->variables.at[i]);
    }
    return g;
}

void program_print(const program *p, strbuf *out) {
    graph *g = declarations_of(p);
    if (!g) {
        out->failed = true;
        return;
    }
    graph_print(g, out);
    print_section(p, g, out);
    graph_destroy(g);
}
