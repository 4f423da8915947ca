#include "ir/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static eval_rule *const rules[OP_COUNT] = {
#define OP(id, mnemonic, operands, attributes, traits, ...) \
    [OP_##id] = ((traits) & POINTWISE) ? eval_pointwise : eval_##id,
#include "ir/ops.def"
#undef OP
};

// --- Places.

// Dimension number |i| of the layout, the fastest last: axes 1, 2, …, the batch, columns.
static int dimension_in_layout(int i) {
    return i == COLUMNS ? COLUMNS : (i + 1) % MAX_AXES;
}

int64_t eval_count(const eval_run *run, value_type t) {
    int64_t count = type_columns(t);
    for (int axis = 0; axis < MAX_AXES; axis++) {
        if ((t.axes & AXIS_BIT(axis)) && __builtin_mul_overflow(count, run->extent[axis], &count)) {
            return -1;
        }
    }
    return count > PTRDIFF_MAX / (int64_t)sizeof(double) ? -1 : count;
}

eval_box eval_box_of(const eval_run *run, value_type t) {
    eval_box box = {0};
    for (int axis = 0; axis < MAX_AXES; axis++) {
        box.to[axis] = t.axes & AXIS_BIT(axis) ? run->extent[axis] : 1;
    }
    box.to[COLUMNS] = type_columns(t);
    return box;
}

eval_place eval_place_of(const eval_run *run, value_type t, double *at) {
    eval_place place = {.at = at};
    int64_t apart = type_columns(t);
    place.stride[COLUMNS] = apart > 1;
    for (int i = COLUMNS - 1; i >= 0; i--) {
        int axis = dimension_in_layout(i);
        if (t.axes & AXIS_BIT(axis)) {
            place.stride[axis] = apart;
            apart *= run->extent[axis];
        }
    }
    return place;
}

eval_place eval_operand(const eval_call *c, uint32_t i) {
    return eval_place_of(c->run, eval_operand_type(c, i), c->run->values[c->n->operands[i]]);
}

// --- The walk.

typedef struct walk {
    int dimensions, places;
    int64_t extent[DIMENSIONS];
    int64_t stride[DIMENSIONS][MAX_PLACES];
    double *at[MAX_PLACES];
} walk;

// Two neighbouring dimensions are one if in every place the outer continues where the inner ends.
static bool continues(const walk *w, const int64_t *inner_stride, int64_t inner_extent) {
    for (int i = 0; i < w->places; i++) {
        if (w->stride[w->dimensions - 1][i] != inner_stride[i] * inner_extent) {
            return false;
        }
    }
    return true;
}

static void add_dimension(walk *w, int64_t extent, const int64_t *stride) {
    if (extent == 1) {
        return;
    }
    if (w->dimensions > 0 && continues(w, stride, extent)) {
        w->extent[w->dimensions - 1] *= extent;
    } else {
        w->extent[w->dimensions++] = extent;
    }
    memcpy(w->stride[w->dimensions - 1], stride, sizeof w->stride[0]);
}

static bool prepare(walk *w, const eval_box *box, const eval_place *places, int count) {
    *w = (walk){.places = count};
    for (int i = 0; i < count; i++) {
        w->at[i] = places[i].at;
    }
    for (int i = 0; i < DIMENSIONS; i++) {
        int dimension = dimension_in_layout(i);
        int64_t stride[MAX_PLACES] = {0};
        for (int p = 0; p < count; p++) {
            stride[p] = places[p].stride[dimension];
            w->at[p] += box->from[dimension] * stride[p];
        }
        if (box->to[dimension] <= box->from[dimension]) {
            return false;
        }
        add_dimension(w, box->to[dimension] - box->from[dimension], stride);
    }
    return true;
}

// Advances the outer dimensions by one; false at the end.
static bool advance(walk *w, int64_t *index) {
    for (int d = w->dimensions - 2; d >= 0; d--) {
        int64_t back = ++index[d] == w->extent[d] ? w->extent[d] - 1 : 0;
        for (int p = 0; p < w->places; p++) {
            w->at[p] += back ? -back * w->stride[d][p] : w->stride[d][p];
        }
        if (!back) {
            return true;
        }
        index[d] = 0;
    }
    return false;
}

void eval_walk(const eval_box *box, const eval_place *places, int count, eval_inner *inner, void *context) {
    walk w;
    if (!prepare(&w, box, places, count)) {
        return;
    }
    int last = w.dimensions - 1;
    int64_t index[DIMENSIONS] = {0};
    do {
        inner(context, w.at, last >= 0 ? w.stride[last] : index, last >= 0 ? w.extent[last] : 1);
    } while (advance(&w, index));
}

static void fill_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    double value = *(const double *)context;
    for (int64_t i = 0; i < n; i++) {
        p[0][i * s[0]] = value;
    }
}

void eval_fill(const eval_box *box, const eval_place *to, double value) {
    eval_walk(box, to, 1, fill_inner, &value);
}

static void copy_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    (void)context;
    if (s[0] == 1 && s[1] == 1) {
        memmove(p[0], p[1], (size_t)n * sizeof(double));
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        p[0][i * s[0]] = p[1][i * s[1]];
    }
}

void eval_copy(const eval_box *box, const eval_place *to, const eval_place *from) {
    eval_walk(box, (eval_place[]){*to, *from}, 2, copy_inner, NULL);
}

eval_box eval_rows_of(const eval_box *box) {
    eval_box rows = *box;
    rows.from[COLUMNS] = 0;
    rows.to[COLUMNS] = 1;
    return rows;
}

int64_t eval_box_count(const eval_box *box) {
    int64_t count = 1;
    for (int i = 0; i < DIMENSIONS; i++) {
        count *= box->to[i] - box->from[i];
    }
    return count;
}

typedef struct offset_list {
    const double *origin;
    int64_t *next;
} offset_list;

static void offset_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    offset_list *list = context;
    for (int64_t i = 0; i < n; i++) {
        *list->next++ = p[0] - list->origin + i * s[0];
    }
}

void eval_row_offsets(const eval_box *rows, const eval_place *place, int64_t *out_offsets) {
    offset_list list = {place->at, out_offsets};
    eval_walk(rows, place, 1, offset_inner, &list);
}

// --- Rounding.

static void round_f32(void *context, double *const p[], const int64_t s[], int64_t n) {
    (void)context;
    for (int64_t i = 0; i < n; i++) {
        p[0][i * s[0]] = (float)p[0][i * s[0]];
    }
}

// The sum makes 0 of -0, which no whole number is.
static double to_i32(double value) {
    if (isnan(value)) {
        return 0;
    }
    return value <= INT32_MIN ? INT32_MIN : value >= INT32_MAX ? INT32_MAX : trunc(value) + 0.0;
}

static void round_i32(void *context, double *const p[], const int64_t s[], int64_t n) {
    (void)context;
    for (int64_t i = 0; i < n; i++) {
        p[0][i * s[0]] = to_i32(p[0][i * s[0]]);
    }
}

static void round_result(const eval_call *c) {
    if (c->n->type.elem == DT_I32) {
        eval_walk(&c->box, &c->out, 1, round_i32, NULL);
    } else if (c->n->type.elem == DT_F32 && !c->run->f64) {
        eval_walk(&c->box, &c->out, 1, round_f32, NULL);
    }
}

// --- Calls.

rnnc_status eval_node(eval_run *run, node_id id, int axis, int64_t index) {
    const node *n = graph_node(run->g, id);
    eval_call c = {run, id, n, eval_box_of(run, n->type), {0}};
    if (op_has(n->op, EFFECT)) {
        return rules[n->op](&c);
    }
    c.out = eval_place_of(run, n->type, run->values[id]);
    if (axis != NO_AXIS) {
        c.box.from[axis] = index;
        c.box.to[axis] = index + 1;
    }
    TRY(rules[n->op](&c));
    round_result(&c);
    return RNNC_OK;
}

void *eval_scratch(eval_run *run, size_t bytes) {
    if (bytes > run->scratch_bytes) {
        free(run->scratch);
        run->scratch = malloc(bytes);
        run->scratch_bytes = run->scratch ? bytes : 0;
    }
    return run->scratch;
}

rnnc_status eval_fail(const eval_call *c, rnnc_status status, const char *format, ...) {
    strbuf message = {0};
    va_list args;
    va_start(args, format);
    strbuf_vaddf(&message, format, args);
    va_end(args);
    const node_origin *from = graph_origin(c->run->g, c->id);
    strbuf name = {0};
    if (from->path && from->path[0]) {
        strbuf_add(&name, from->path);
    } else {
        strbuf_addf(&name, "node %u", c->id);
    }
    diag_fail(c->run->d, status, from->where, "%s: %s: %s", strbuf_text(&name), op_get(c->n->op)->mnemonic,
              strbuf_text(&message));
    strbuf_deinit(&name);
    strbuf_deinit(&message);
    return status;
}
