#include "report/dot.h"

// Quotes and backslashes end or change a label.
static void add_escaped(strbuf *out, const char *text) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            strbuf_add(out, "\\");
        }
        strbuf_add_bytes(out, text, 1);
    }
}

static const char *node_shape(op_id op) {
    return op_has(op, LEAF)      ? "box"
           : op_has(op, PRODUCT) ? "octagon"
           : op_has(op, EFFECT)  ? "house"
                                 : "ellipse";
}

static void add_text_attributes(const node *n, strbuf *out) {
    const op_info *info = op_get(n->op);
    for (int i = 0; i < op_attr_count(n->op); i++) {
        if (info->attr[i].kind == ATTR_TEXT && n->attr[i].text) {
            strbuf_add(out, " ");
            add_escaped(out, n->attr[i].text);
        }
    }
}

static void add_node(const graph *g, node_id id, arena *memory, strbuf *out) {
    const node *n = graph_node(g, id);
    strbuf_addf(out, "  n%u [shape=%s, label=\"%s", id, node_shape(n->op), op_get(n->op)->mnemonic);
    add_text_attributes(n, out);
    strbuf_addf(out, "\\n%s", type_text(g, n->type, memory));
    const char *path = graph_origin(g, id)->path;
    if (path && *path) {
        strbuf_add(out, "\\n");
        add_escaped(out, path);
    }
    strbuf_add(out, "\"];\n");
    for (uint32_t i = 0; i < n->operand_count; i++) {
        bool delayed = i == 0 && op_has(n->op, DELAY);
        strbuf_addf(out, "  n%u -> n%u%s;\n", n->operands[i], id,
                    delayed ? " [style=dashed, constraint=false]" : "");
    }
}

void graph_print_dot(const graph *g, arena *memory, strbuf *out) {
    strbuf_add(out, "digraph \"");
    add_escaped(out, g->name);
    strbuf_add(out, "\" {\n  rankdir=TB;\n");
    for (node_id n = 0; n < g->nodes.count; n++) {
        add_node(g, n, memory, out);
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        strbuf_addf(out, "  o%u [shape=plaintext, label=\"", i);
        add_escaped(out, g->outputs.at[i].name);
        strbuf_addf(out, "\"];\n  n%u -> o%u;\n", g->outputs.at[i].node, i);
    }
    strbuf_add(out, "}\n");
}
