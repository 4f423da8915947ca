#include "passes/program.h"

#include <stdlib.h>

void program_destroy(program *p) {
    if (p) {
        arena_deinit(&p->memory);
        free(p);
    }
}

rnnc_status program_bind_parts(const program *p, int64_t *extents, diag_sink *d) {
    for (uint32_t i = 0; i < p->axes.count; i++) {
        const program_axis *a = &p->axes.at[i];
        bool part = a->kind == AXIS_IS_PART;
        TRY(part ? part_bind(a->part, (int)i, p->axes.at[a->part.of].name, extents, d) : RNNC_OK);
    }
    return RNNC_OK;
}

int64_t program_least_extent(const program *p, int axis) {
    int64_t least = 1;
    for (uint32_t i = 0; i < p->axes.count; i++) {
        const program_axis *a = &p->axes.at[i];
        int64_t needed = a->kind == AXIS_IS_PART && a->part.of == axis ? part_least(a->part) : 1;
        least = needed > least ? needed : least;
    }
    return least;
}

// "B" or "T*B", in the order of the layout; "1" for none.
static void print_axes(const program *p, axis_set axes, strbuf *out) {
    const char *before = "";
    for (uint32_t i = 1; i <= p->axes.count; i++) {
        uint32_t axis = i == p->axes.count ? AXIS_BATCH : i; // the batch is innermost
        if (axes & AXIS_BIT(axis)) {
            strbuf_addf(out, "%s%s", before, p->axes.at[axis].name);
            before = "*";
        }
    }
    strbuf_add(out, *before ? "" : "1");
}

static void print_type(const program *p, value_type t, strbuf *out) {
    strbuf_addf(out, "%s<", dtype_name(t.elem));
    if (t.axes) {
        print_axes(p, t.axes, out);
    }
    strbuf_addf(out, ">[%d", t.dim[0]);
    if (t.rank == 2) {
        strbuf_addf(out, ",%d", t.dim[1]);
    }
    strbuf_add(out, "]");
}

static void print_slot(const program *p, const program_place *place, strbuf *out) {
    if (place->slot_axis == NO_AXIS) {
        return;
    }
    const char *axis = p->axes.at[place->slot_axis].name;
    bool moves = !place->pinned;
    strbuf_addf(out, " %s[%s%s%s", axis, place->from_end ? "end" : "", place->from_end && moves ? "+" : "",
                moves ? "t" : "");
    if (place->shift || (place->pinned && !place->from_end)) {
        strbuf_addf(out, place->pinned && !place->from_end ? "%d" : "%+d", place->shift);
    }
    if (place->modulus) {
        strbuf_addf(out, " mod %d", place->modulus);
    }
    strbuf_add(out, place->spans ? "…]" : "]");
    if (place->part) {
        strbuf_addf(out, " as %s", p->axes.at[place->part].name);
    }
}

// "arena+4096 T[t-1] T*B x 200 +50": base, slot, axes, columns, first column.
static void print_place(const program *p, const program_place *place, strbuf *out) {
    switch (place->base) {
    case PLACE_ARENA: strbuf_add(out, "arena"); break;
    case PLACE_INPUT: strbuf_addf(out, "input %s", p->inputs.at[place->index].name); break;
    case PLACE_VARIABLE: strbuf_addf(out, "variable %s", p->variables.at[place->index].name); break;
    }
    if (place->offset || place->base == PLACE_ARENA) {
        strbuf_addf(out, "+%lld", (long long)place->offset);
    }
    print_slot(p, place, out);
    strbuf_addf(out, " %s ", dtype_name(place->elem));
    print_axes(p, place->axes, out);
    strbuf_addf(out, " x %d", place->columns);
    if (place->first_column) {
        strbuf_addf(out, " from %d", place->first_column);
    }
}

static void print_rows(const program *p, const program_call *call, strbuf *out) {
    for (int d = 0; d < KERNEL_MAX_DIMS; d++) {
        if (!call->row_axes[d] && call->row_extents[d] <= 0) {
            continue;
        }
        strbuf_add(out, d ? ", " : " rows ");
        if (call->row_axes[d]) {
            print_axes(p, call->row_axes[d], out);
        }
        if (call->row_extents[d] > 0) {
            strbuf_addf(out, "%s%lld", call->row_axes[d] ? "*" : "", (long long)call->row_extents[d]);
        }
    }
    if (call->inner_axes) {
        strbuf_add(out, " inner ");
        print_axes(p, call->inner_axes, out);
    } else if (call->inner) {
        strbuf_addf(out, " inner %lld", (long long)call->inner);
    }
    strbuf_add(out, call->skip_inner_first ? " skip-first" : "");
    strbuf_add(out, call->alone ? " alone" : "");
}

static void print_call(const program *p, uint32_t index, const char *indent, strbuf *out) {
    const program_call *call = &p->calls.at[index];
    const kernel_desc *k = &p->kernels.at[call->kernel];
    strbuf_addf(out, "%scall %u kernel %u %s", indent, index, call->kernel, k->name ? k->name : "");
    print_rows(p, call, out);
    strbuf_add(out, "\n");
    for (uint32_t i = 0; i < call->arg_count; i++) {
        strbuf_addf(out, "%s    %u%s ", indent, i, i < k->arg_count && k->args[i].written ? " out" : " in");
        print_place(p, &call->args[i], out);
        strbuf_add(out, "\n");
    }
}

// What is in a set or a loop stands four columns further in than its head.
static void print_items(const program *p, const program_item *items, uint32_t count, strbuf *out) {
    static const char *const indents[] = {"    ", "        ", "            "};
    uint32_t set_end = 0, loop_end = 0;
    for (uint32_t i = 0; i < count; i++) {
        const program_item *item = &items[i];
        const char *indent = indents[(i < set_end) + (i < loop_end)];
        switch (item->kind) {
        case ITEM_CALL: print_call(p, item->call, indent, out); break;
        case ITEM_LOOP:
            strbuf_addf(out, "%sloop %s %s\n", indent, p->axes.at[item->axis].name,
                        item->direction > 0 ? "up" : "down");
            loop_end = i + 1 + item->length;
            break;
        case ITEM_SET:
            strbuf_addf(out, "%sset\n", indent);
            set_end = i + 1 + item->length;
            break;
        }
    }
}

static void print_axis(const program_axis *a, strbuf *out) {
    static const char *const kinds[] = {"batch", "sequence", "fixed", "part"};
    strbuf_addf(out, "axis %s %s maximum %lld", a->name, kinds[a->kind], (long long)a->maximum);
    if (a->fixed > 0) {
        strbuf_addf(out, " fixed %lld", (long long)a->fixed);
    }
    if (a->index_offset >= 0) {
        strbuf_addf(out, " indices at %lld", (long long)a->index_offset);
    }
    for (int t = 0; t < DTYPE_COUNT; t++) {
        if (a->extent_offset[t] >= 0) {
            strbuf_addf(out, " extent %s at %lld", dtype_name((dtype)t), (long long)a->extent_offset[t]);
        }
    }
    strbuf_add(out, "\n");
}

static void print_values(const program *p, strbuf *out) {
    for (uint32_t i = 0; i < p->variables.count; i++) {
        strbuf_addf(out, "variable %s ", p->variables.at[i].name);
        print_type(p, p->variables.at[i].type, out);
        strbuf_add(out, "\n");
    }
    for (uint32_t i = 0; i < p->inputs.count; i++) {
        strbuf_addf(out, "input %s %s ", p->inputs.at[i].name, p->inputs.at[i].role);
        print_type(p, p->inputs.at[i].type, out);
        strbuf_add(out, "\n");
    }
    for (uint32_t i = 0; i < p->outputs.count; i++) {
        strbuf_addf(out, "output %s %s ", p->outputs.at[i].name, p->outputs.at[i].role);
        print_type(p, p->outputs.at[i].type, out);
        strbuf_add(out, " at ");
        print_place(p, &p->outputs.at[i].place, out);
        strbuf_add(out, "\n");
    }
}

void program_print(const program *p, strbuf *out) {
    strbuf_addf(out, "program arena %lld live %lld copies %u in loops %u", (long long)p->arena_bytes,
                (long long)p->live_bytes, p->copies, p->loop_copies);
    if (p->settings_offset >= 0) {
        strbuf_addf(out, " settings at %lld", (long long)p->settings_offset);
    }
    strbuf_add(out, "\n");
    for (uint32_t i = 0; i < p->axes.count; i++) {
        print_axis(&p->axes.at[i], out);
    }
    print_values(p, out);
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        strbuf_addf(out, "[%u] ", i);
        kernel_print(&p->kernels.at[i], out);
    }
    strbuf_add(out, "prepare\n");
    print_items(p, p->prepare.at, p->prepare.count, out);
    strbuf_add(out, "body\n");
    print_items(p, p->body.at, p->body.count, out);
}
