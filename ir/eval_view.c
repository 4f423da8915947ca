// Columns and time: the operand's elements, or a part of them, at other indices.
#include "ir/eval.h"

rnnc_status eval_CONCAT(eval_call *c) {
    eval_place to = c->out;
    for (uint32_t i = 0; i < c->n->operand_count; i++) {
        eval_place from = eval_operand(c, i);
        eval_box box = c->box;
        box.to[COLUMNS] = type_columns(eval_operand_type(c, i));
        eval_copy(&box, &to, &from);
        to.at += box.to[COLUMNS];
    }
    return RNNC_OK;
}

rnnc_status eval_SLICE(eval_call *c) {
    eval_place from = eval_operand(c, 0);
    from.at += c->n->attr[0].i;
    eval_copy(&c->box, &c->out, &from);
    return RNNC_OK;
}

rnnc_status eval_PAD(eval_call *c) {
    eval_place from = eval_operand(c, 0), to = c->out;
    eval_box box = c->box;
    eval_fill(&box, &to, 0);
    to.at += c->n->attr[0].i;
    box.to[COLUMNS] = type_columns(eval_operand_type(c, 0));
    eval_copy(&box, &to, &from);
    return RNNC_OK;
}

// Operand 0 |shift| indices away along the axis, and operand 1 at index |edge|, where there is no such index.
static void copy_shifted(const eval_call *c, int64_t shift, int64_t edge) {
    int axis = (int)c->n->attr[0].i;
    eval_place to = c->out, x = eval_operand(c, 0), boundary = eval_operand(c, 1);
    eval_box inner = c->box, outer = c->box;
    inner.from[axis] += shift < 0 && inner.from[axis] == edge;
    inner.to[axis] -= shift > 0 && inner.to[axis] == edge + 1;
    if (inner.from[axis] < inner.to[axis]) {
        to.at += inner.from[axis] * to.stride[axis];
        x.at += (inner.from[axis] + shift) * x.stride[axis];
        inner.to[axis] -= inner.from[axis];
        inner.from[axis] = 0;
        eval_copy(&inner, &to, &x);
    }
    if (outer.from[axis] <= edge && edge < outer.to[axis]) {
        outer.from[axis] = edge;
        outer.to[axis] = edge + 1;
        eval_copy(&outer, &c->out, &boundary);
    }
}

rnnc_status eval_PREVIOUS(eval_call *c) {
    copy_shifted(c, -1, 0);
    return RNNC_OK;
}

rnnc_status eval_FOLLOWING(eval_call *c) {
    copy_shifted(c, 1, c->run->extent[c->n->attr[0].i] - 1);
    return RNNC_OK;
}

static void copy_index(const eval_call *c, int axis, int64_t index) {
    eval_place from = eval_operand(c, 0);
    from.at += index * from.stride[axis];
    eval_copy(&c->box, &c->out, &from);
}

rnnc_status eval_FIRST(eval_call *c) {
    copy_index(c, (int)c->n->attr[0].i, 0);
    return RNNC_OK;
}

rnnc_status eval_LAST(eval_call *c) {
    int axis = (int)c->n->attr[0].i;
    copy_index(c, axis, c->run->extent[axis] - 1);
    return RNNC_OK;
}

rnnc_status eval_AT(eval_call *c) {
    int axis = (int)c->n->attr[0].i;
    int64_t index = c->n->attr[1].i;
    if (index >= c->run->extent[axis]) {
        return eval_fail(c, RNNC_INVALID_ARGUMENT, "index %lld of axis %s, which has %lld in this run",
                         (long long)index, c->run->g->axes.at[axis].name, (long long)c->run->extent[axis]);
    }
    copy_index(c, axis, index);
    return RNNC_OK;
}

rnnc_status eval_STACK(eval_call *c) {
    int axis = (int)c->n->attr[0].i;
    if (c->run->extent[axis] != c->n->operand_count) {
        return eval_fail(c, RNNC_INVALID_ARGUMENT,
                         "%u values along axis %s, which has %lld indices in this run", c->n->operand_count,
                         c->run->g->axes.at[axis].name, (long long)c->run->extent[axis]);
    }
    eval_box box = c->box;
    for (int64_t i = c->box.from[axis]; i < c->box.to[axis]; i++) {
        eval_place from = eval_operand(c, (uint32_t)i);
        box.from[axis] = i;
        box.to[axis] = i + 1;
        eval_copy(&box, &c->out, &from);
    }
    return RNNC_OK;
}

static int64_t section_begin(const eval_call *c) {
    int64_t from = c->n->attr[2].i;
    return from < 0 ? c->run->extent[c->n->attr[0].i] + from : from;
}

rnnc_status eval_SECTION(eval_call *c) {
    int axis = (int)c->n->attr[0].i, part = (int)c->n->attr[1].i;
    eval_place from = eval_operand(c, 0);
    from.at += section_begin(c) * from.stride[axis];
    from.stride[part] = from.stride[axis];
    from.stride[axis] = 0;
    eval_copy(&c->box, &c->out, &from);
    return RNNC_OK;
}

// Copies operand |i|, which runs along the part, to where it stands along the axis, as far as the call's box goes.
static void copy_inserted(const eval_call *c, uint32_t i) {
    int axis = (int)c->n->attr[0].i, part = (int)c->n->attr[1].i;
    int64_t begin = section_begin(c), end = begin + c->run->extent[part];
    eval_place from = eval_operand(c, i);
    eval_box box = c->box;
    from.at -= begin * from.stride[part];
    from.stride[axis] = from.stride[part];
    from.stride[part] = 0;
    box.from[axis] = box.from[axis] > begin ? box.from[axis] : begin;
    box.to[axis] = box.to[axis] < end ? box.to[axis] : end;
    eval_copy(&box, &c->out, &from);
}

rnnc_status eval_SPREAD(eval_call *c) {
    eval_fill(&c->box, &c->out, 0);
    copy_inserted(c, 0);
    return RNNC_OK;
}

rnnc_status eval_INSERT(eval_call *c) {
    eval_place from = eval_operand(c, 0);
    eval_copy(&c->box, &c->out, &from);
    copy_inserted(c, 1);
    return RNNC_OK;
}

// The interpreter has one layout for all matrices, so a packed one is the matrix itself.
rnnc_status eval_PACK(eval_call *c) {
    eval_place from = eval_operand(c, 0);
    eval_copy(&c->box, &c->out, &from);
    return RNNC_OK;
}
