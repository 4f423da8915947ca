// Bodies of kernels: instructions for the nodes of a group.
#include "passes/outline_internal.h"

#include <math.h>

static kernel_instr blank(uint16_t code, dtype elem, bool full) {
    return (kernel_instr){
        .code = code, .elem = (uint8_t)elem, .full = full, .a = -1, .b = -1, .c = -1, .arg = -1};
}

// FULL: a value per column. In groups of single columns, those of a product's epilogue and those that run flat over
// elements are FULL too, but for numbers that are the same for all rows.
static bool is_full(const outliner *o, node_id n) {
    bool many_columns = type_columns(graph_type(o->g, n)) > 1;
    bool of_product = o->kernel.kind == KERNEL_PRODUCT && o->kernel.columns == 1;
    if (o->kernel.flat || of_product) {
        return many_columns || o->p->group_of[n] == o->group || !outline_is_uniform(o, n);
    }
    return many_columns;
}

static int16_t load(outliner *o, node_id n) {
    const node *at = graph_node(o->g, n);
    if (at->op == OP_CONST) {
        kernel_instr constant = blank(OP_CONST, at->type.elem, false);
        // There is one nan, as in the text.
        constant.f = at->attr[0].f == at->attr[0].f ? at->attr[0].f : (double)NAN;
        return outline_instr(o, constant);
    }
    if (at->op == OP_COLUMN) {
        return outline_instr(o, blank(OP_COLUMN, DT_I32, true));
    }
    kernel_instr instr = blank(KI_LOAD, at->type.elem, is_full(o, n));
    bool uniform = outline_is_uniform(o, n) && (at->type.rank == 1 || o->kernel.kind == KERNEL_MAP);
    if (o->kernel.flat) {
        uniform = !instr.full;
    }
    instr.arg = outline_arg(o, outline_place(o, n), false, uniform);
    return outline_instr(o, instr);
}

// A slice of this group's product is one of its gates.
static bool is_gate(const outliner *o, node_id n) {
    const node *at = graph_node(o->g, n);
    const plan_group *group = outlined(o);
    return at->op == OP_SLICE && group->kind == KERNEL_PRODUCT && group->gates > 1 &&
           at->operands[0] == group->root;
}

static int16_t product_gate(outliner *o, node_id n) {
    kernel_instr gate = blank(KI_PRODUCT, graph_type(o->g, n).elem, true);
    const plan_group *group = outlined(o);
    gate.column = n == group->root ? 0 : (int32_t)(graph_node(o->g, n)->attr[0].i / group->dim[0]);
    return outline_instr(o, gate);
}

int16_t outline_value(outliner *o, node_id n) {
    if (o->instr_of[n] < 0) {
        o->instr_of[n] = is_gate(o, n) ? product_gate(o, n) : load(o, n);
    }
    return o->instr_of[n];
}

static int16_t table_op(outliner *o, node_id n, uint16_t code) {
    const node *at = graph_node(o->g, n);
    kernel_instr instr = blank(code, at->type.elem, is_full(o, n));
    instr.a = outline_value(o, at->operands[1]);
    bool table = code == OP_GATHER;
    instr.arg = outline_arg(o, outline_place(o, at->operands[0]), false,
                            table || outline_is_uniform(o, at->operands[0]));
    return outline_instr(o, instr);
}

static int16_t compute(outliner *o, node_id n) {
    const node *at = graph_node(o->g, n);
    if (at->op == OP_GATHER || at->op == OP_PICK) {
        return table_op(o, n, (uint16_t)at->op);
    }
    int16_t operand[3] = {-1, -1, -1};
    for (uint32_t i = 0; i < at->operand_count; i++) {
        operand[i] = outline_value(o, at->operands[i]);
    }
    if (at->op == OP_COPY || at->op == OP_BROADCAST) {
        return operand[0];
    }
    bool folds = op_has(at->op, REDUCE) || at->op == OP_ARGMAX;
    kernel_instr instr = blank((uint16_t)at->op, at->type.elem, !folds && is_full(o, n));
    instr.a = operand[0];
    instr.b = operand[1];
    instr.c = operand[2];
    return outline_instr(o, instr);
}

static void store(outliner *o, program_place place, int16_t value, bool full) {
    kernel_instr instr = blank(KI_STORE, place.elem, full);
    instr.a = value;
    instr.arg = outline_arg(o, place, true, false);
    outline_instr(o, instr);
}

// A product that is read elsewhere is stored gate by gate, each at its columns.
static void store_product(outliner *o, node_id n) {
    const plan_group *group = outlined(o);
    for (int32_t gate = 0; gate < group->gates; gate++) {
        kernel_instr product = blank(KI_PRODUCT, graph_type(o->g, n).elem, true);
        product.column = gate;
        int16_t value = outline_instr(o, product);
        kernel_instr instr = blank(KI_STORE, graph_type(o->g, n).elem, true);
        instr.a = value;
        instr.column = gate * group->dim[0];
        instr.arg = outline_arg(o, outline_place(o, n), true, false);
        outline_instr(o, instr);
    }
}

static void outline_effect(outliner *o, node_id n) {
    const node *at = graph_node(o->g, n);
    store(o, outline_place(o, at->operands[0]), outline_value(o, at->operands[1]), is_full(o, n));
}

void outline_body(outliner *o) {
    const plan_group *group = outlined(o);
    if (group->boundary != NO_NODE) {
        node_id boundary = graph_node(o->g, group->boundary)->operands[1];
        store(o, outline_boundary_place(o, group->boundary), outline_value(o, boundary),
              is_full(o, boundary));
        return;
    }
    for (uint32_t i = 0; i < group->nodes.count; i++) {
        node_id n = group->nodes.at[i];
        bool product = n == group->root;
        if (op_has(graph_node(o->g, n)->op, EFFECT)) {
            outline_effect(o, n);
            continue;
        }
        if (!product || group->gates == 1) {
            o->instr_of[n] = product ? product_gate(o, n) : compute(o, n);
        }
        if (o->stored[n] && product) {
            store_product(o, n);
        } else if (o->stored[n]) {
            store(o, outline_place(o, n), o->instr_of[n], is_full(o, n));
        }
    }
}
