#include "ir/text.h"
#include "ir/text_print.h"
#include "ir/text_words.h"
#include "support/number.h"

static void print_escaped(strbuf *out, unsigned char c) {
    if (c == '"' || c == '\\') {
        strbuf_addf(out, "\\%c", c);
    } else if (c == '\n') {
        strbuf_add(out, "\\n");
    } else if (c == '\t') {
        strbuf_add(out, "\\t");
    } else if (c < 0x20 || c == 0x7f) {
        strbuf_addf(out, "\\x%02x", c);
    } else {
        strbuf_add_bytes(out, &c, 1);
    }
}

void irprint_quoted(strbuf *out, const char *text) {
    strbuf_add(out, "\"");
    for (const char *c = text; *c; c++) {
        print_escaped(out, (unsigned char)*c);
    }
    strbuf_add(out, "\"");
}

void irprint_name(strbuf *out, const char *name) {
    if (text_is_bare_name(name)) {
        strbuf_add(out, name);
    } else {
        irprint_quoted(out, name);
    }
}

static bool same_bits(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

// The fewest digits that read back to the same bits; 17 always do. A nan has one spelling.
void irprint_float(strbuf *out, double value) {
    if (value != value) {
        strbuf_add(out, "nan");
        return;
    }
    char text[32] = "";
    for (int digits = 1; digits <= 17; digits++) {
        number_print(text, sizeof text, digits, value);
        if (same_bits(number_parse(text, NULL), value)) {
            break;
        }
    }
    strbuf_add(out, text);
}

// Axes stand in layout order: sequence axes by number, the batch last.
void irprint_axes(const graph *g, axis_set axes, strbuf *out) {
    const char *separator = "<";
    for (uint32_t i = 1; i <= g->axes.count; i++) {
        uint32_t axis = i % g->axes.count;
        if (axes & AXIS_BIT(axis)) {
            strbuf_add(out, separator);
            irprint_name(out, g->axes.at[axis].name);
            separator = ",";
        }
    }
    strbuf_add(out, *separator == '<' ? "<>" : ">");
}

void irprint_type(const graph *g, value_type t, strbuf *out) {
    strbuf_add(out, dtype_name(t.elem));
    if (t.axes) {
        irprint_axes(g, t.axes, out);
    }
    strbuf_addf(out, t.rank == 2 ? "[%d,%d]" : "[%d]", t.dim[0], t.dim[1]);
}

static void print_part(const graph *g, axis_part part, strbuf *out) {
    strbuf_add(out, " of ");
    irprint_name(out, g->axes.at[part.of].name);
    strbuf_addf(out, " from %lld to ", (long long)part.from);
    if (part.to) {
        strbuf_addf(out, "%lld", (long long)part.to);
    } else {
        strbuf_add(out, "end");
    }
}

static void print_axis(const graph *g, uint32_t number, strbuf *out) {
    const axis_info *axis = &g->axes.at[number];
    strbuf_add(out, "axis ");
    irprint_name(out, axis->name);
    strbuf_addf(out, " %s", text_axis_words().words[axis->kind]);
    if (axis->kind == AXIS_IS_FIXED) {
        strbuf_addf(out, " %lld", (long long)axis->size);
    }
    if (axis->kind == AXIS_IS_PART) {
        print_part(g, axis->part, out);
    }
    strbuf_add(out, "\n");
}

static void print_init(initializer init, strbuf *out) {
    strbuf_add(out, text_init_words().words[init.kind]);
    int arguments = text_init_arguments(init.kind);
    if (arguments >= 1) {
        strbuf_add(out, "(");
        irprint_float(out, init.a);
    }
    if (arguments == 2) {
        strbuf_add(out, ", ");
        irprint_float(out, init.b);
    }
    strbuf_add(out, arguments ? ")" : "");
}

// A matrix is regular and a vector exempt unless the text says otherwise.
static void print_filling(const graph_variable *v, const variable_part *part, strbuf *out) {
    print_init(part->init, out);
    if (part->regular != (v->type.rank == 2)) {
        strbuf_add(out, part->regular ? " regular" : " exempt");
    }
}

static bool is_whole(const graph_variable *v) {
    const variable_part *first = v->parts.at;
    return v->parts.count == 1 && strcmp(first->name, v->name) == 0 && first->from == 0 &&
           first->size == v->type.dim[v->type.rank - 1];
}

static void print_parts(const graph_variable *v, strbuf *out) {
    strbuf_add(out, "parts(");
    for (uint32_t i = 0; i < v->parts.count; i++) {
        const variable_part *part = &v->parts.at[i];
        strbuf_add(out, i ? ", " : "");
        irprint_name(out, part->name);
        strbuf_addf(out, " %d %d ", part->from, part->size);
        print_filling(v, part, out);
    }
    strbuf_add(out, ")");
}

static void print_variable(const graph *g, const graph_variable *v, strbuf *out) {
    strbuf_add(out, "variable $");
    irprint_name(out, v->name);
    strbuf_add(out, " : ");
    irprint_type(g, v->type, out);
    strbuf_addf(out, " %s ", text_variable_words().words[v->role]);
    if (is_whole(v)) {
        print_filling(v, v->parts.at, out);
    } else {
        print_parts(v, out);
    }
    strbuf_add(out, "\n");
}

static void print_axis_attr(const graph *g, int64_t axis, strbuf *out) {
    if (axis < 0 || axis >= g->axes.count) {
        strbuf_add(out, "none");
    } else if (strcmp(g->axes.at[axis].name, "none") == 0) {
        strbuf_add(out, "\"none\"");
    } else {
        irprint_name(out, g->axes.at[axis].name);
    }
}

static void print_attr_value(const graph *g, attr_kind kind, attr_value value, strbuf *out) {
    switch (kind) {
    case ATTR_NONE: break;
    case ATTR_AXIS: print_axis_attr(g, value.i, out); break;
    case ATTR_AXES: irprint_axes(g, (axis_set)value.i, out); break;
    case ATTR_INT: strbuf_addf(out, "%lld", (long long)value.i); break;
    case ATTR_FLOAT: irprint_float(out, value.f); break;
    case ATTR_TEXT: irprint_quoted(out, value.text ? value.text : ""); break;
    }
}

static void print_attrs(const graph *g, const node *n, strbuf *out) {
    const op_info *info = op_get(n->op);
    int count = op_attr_count(n->op);
    for (int i = 0; i < count; i++) {
        strbuf_addf(out, "%s%s = ", i ? ", " : " {", info->attr[i].name);
        print_attr_value(g, info->attr[i].kind, n->attr[i], out);
    }
    strbuf_add(out, count ? "}" : "");
}

static void print_operands(const node *n, strbuf *out) {
    for (uint32_t i = 0; i < n->operand_count; i++) {
        strbuf_add(out, i ? ", " : " ");
        if (n->operands[i] == NO_NODE) {
            strbuf_add(out, "none"); // only in a graph that is not finished, which does not read back
        } else {
            strbuf_addf(out, "%%%u", n->operands[i]);
        }
    }
}

static void print_node(const graph *g, node_id id, strbuf *out) {
    const node *n = graph_node(g, id);
    strbuf_addf(out, "%%%u = %s", id, op_get(n->op)->mnemonic);
    print_operands(n, out);
    print_attrs(g, n, out);
    strbuf_add(out, " : ");
    irprint_type(g, n->type, out);
    const char *path = graph_origin(g, id)->path;
    if (path && *path) {
        strbuf_add(out, " @");
        irprint_quoted(out, path);
    }
    strbuf_add(out, "\n");
}

static void print_output(const graph_output *output, strbuf *out) {
    strbuf_addf(out, "output %s ", text_output_words().words[output->role]);
    irprint_quoted(out, output->name);
    strbuf_addf(out, " %%%u\n", output->node);
}

void graph_print(const graph *g, strbuf *out) {
    strbuf_add(out, "graph ");
    irprint_quoted(out, g->name);
    strbuf_addf(out, " %s\n", dtype_name(g->real));
    for (uint32_t i = 0; i < g->axes.count; i++) {
        print_axis(g, i, out);
    }
    for (uint32_t i = 0; i < g->variables.count; i++) {
        print_variable(g, &g->variables.at[i], out);
    }
    for (node_id id = 0; id < g->nodes.count; id++) {
        print_node(g, id, out);
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        print_output(&g->outputs.at[i], out);
    }
}
