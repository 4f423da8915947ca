// Inputs and outputs in the caller's memory, with a stride for each dimension.
#include <string.h>

#include "api/parts.h"

// ---- Dimensions ----

static void add_dimension(api_binding *b, int64_t extent, int64_t mine) {
    b->extent[b->count] = extent;
    b->mine[b->count] = mine;
    b->count++;
}

// The dimensions of |type|, with the engine's strides: the axes by number, the batch, the columns.
static api_binding dimensions_of(const rnnc_context *c, value_type type) {
    const graph *g = c->program->model->graph;
    const int64_t *extents = engine_extents(c->engine);
    bool batch = type.axes & AXIS_BIT(AXIS_BATCH);
    api_binding b = {.begin = NULL};
    int64_t dense[MAX_AXES];
    walk_dense(type.axes, extents, type_columns(type), dense);
    for (uint32_t place = 1; place < g->axes.count; place++) {
        int axis = graph_declared_axis(g, place);
        if (type.axes & AXIS_BIT(axis)) {
            add_dimension(&b, extents[axis], dense[axis]);
        }
    }
    add_dimension(&b, batch ? extents[AXIS_BATCH] : 1, type_columns(type));
    add_dimension(&b, type_columns(type), 1);
    return b;
}

// The strides of an array without gaps.
static void fill_dense(api_binding *b, rnnc_layout layout) {
    int rows = b->count - 2;
    int64_t stride = b->extent[b->count - 1];
    b->theirs[b->count - 1] = 1;
    if (layout == RNNC_STEPS_FIRST) {
        b->theirs[rows] = stride;
        stride *= b->extent[rows];
    }
    for (int i = rows - 1; i >= 0; i--) {
        b->theirs[i] = stride;
        stride *= b->extent[i];
    }
    if (layout == RNNC_ROWS_FIRST) {
        b->theirs[rows] = stride;
    }
}

static rnnc_status give_strides(const rnnc_context *c, const program_value *v, rnnc_layout layout,
                                rnnc_strides *out_strides) {
    if (!v || !out_strides || (layout != RNNC_STEPS_FIRST && layout != RNNC_ROWS_FIRST)) {
        return RNNC_INVALID_ARGUMENT;
    }
    api_binding b = dimensions_of(c, v->type);
    fill_dense(&b, layout);
    *out_strides = (rnnc_strides){.batch = b.theirs[b.count - 2], .columns = b.theirs[b.count - 1]};
    memcpy(out_strides->axes, b.theirs, (size_t)(b.count - 2) * sizeof *b.theirs);
    return RNNC_OK;
}

rnnc_status rnnc_context_input_strides(const rnnc_context *c, uint32_t index, rnnc_layout layout,
                                       rnnc_strides *out_strides) {
    return give_strides(c, api_input_of(c, index), layout, out_strides);
}

rnnc_status rnnc_context_output_strides(const rnnc_context *c, uint32_t index, rnnc_layout layout,
                                        rnnc_strides *out_strides) {
    return give_strides(c, api_output_of(c, index), layout, out_strides);
}

// ---- Checks ----

static void take_strides(api_binding *b, const rnnc_strides *strides) {
    if (!strides) {
        fill_dense(b, RNNC_STEPS_FIRST);
        return;
    }
    memcpy(b->theirs, strides->axes, (size_t)(b->count - 2) * sizeof *b->theirs);
    b->theirs[b->count - 2] = strides->batch;
    b->theirs[b->count - 1] = strides->columns;
}

// No array is larger; what strides lead to can be multiplied by sizes and extents of elements.
enum { LARGEST_ELEMENT = 8 };
static const int64_t most_elements = INT64_MAX / LARGEST_ELEMENT / 2;

// Whether all elements are among the |count| that are there; writes how far behind the first the last one lies.
static bool stays_within(const api_binding *b, size_t count, int64_t *out_last) {
    int64_t last = 0, part = 0;
    for (int i = 0; i < b->count; i++) {
        if (b->extent[i] > 1 &&
            (b->theirs[i] < 0 || __builtin_mul_overflow(b->extent[i] - 1, b->theirs[i], &part) ||
             __builtin_add_overflow(last, part, &last))) {
            return false;
        }
    }
    *out_last = last;
    return (size_t)last < count && last < most_elements;
}

// Whether no two indices have the same element, in arrays whose dimensions lie within each other.
static bool is_distinct(const api_binding *b) {
    int64_t reach = 0; // of the dimensions that are done, the shortest strides first
    bool done[RNNC_MOST_AXES + 2] = {false};
    for (int round = 0; round < b->count; round++) {
        int least = -1;
        for (int i = 0; i < b->count; i++) {
            bool open = !done[i] && b->extent[i] > 1;
            least = open && (least < 0 || b->theirs[i] < b->theirs[least]) ? i : least;
        }
        if (least < 0) {
            return true;
        }
        if (b->theirs[least] <= reach) {
            return false;
        }
        reach += (b->extent[least] - 1) * b->theirs[least];
        done[least] = true;
    }
    return true;
}

typedef struct wanted {
    const program_value *value;
    const void *data;
    size_t count;
    const rnnc_strides *strides;
    bool is_output;
} wanted;

static rnnc_status make_binding(const rnnc_context *c, const wanted *w, rnnc_diagnostics *d,
                                api_binding *out_binding) {
    const program_value *v = w->value;
    if (!v || !w->data || (uintptr_t)w->data % (uintptr_t)dtype_bytes(v->type.elem)) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "binding needs a context, the number of an input or output, and an array that is "
                        "aligned to its elements");
    }
    api_binding b = dimensions_of(c, v->type);
    take_strides(&b, w->strides);
    int64_t last = 0;
    if (!stays_within(&b, w->count, &last)) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "the %lld elements of '%s' do not lie within the %zu that are there, with these "
                        "strides",
                        (long long)api_elements(c, v->type), v->name, w->count);
    }
    if (w->is_output && !is_distinct(&b)) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "with these strides elements of '%s' may share a place",
                        v->name);
    }
    b.begin = (char *)(uintptr_t)w->data;
    b.end = b.begin + (last + 1) * dtype_bytes(v->type.elem);
    b.whole = last + 1 == api_elements(c, v->type) && is_distinct(&b);
    *out_binding = b;
    return RNNC_OK;
}

static bool has_dense_columns(const api_binding *b) {
    int columns = b->count - 1;
    return b->extent[columns] == 1 || b->theirs[columns] == 1;
}

// The caller's strides by axis of the engine. Those of dimensions with one index are never looked at.
static void find_engine_strides(const rnnc_context *c, value_type type, const api_binding *b,
                                int64_t *out_strides) {
    const graph *g = c->program->model->graph;
    int i = 0;
    memset(out_strides, 0, MAX_AXES * sizeof *out_strides);
    for (uint32_t place = 1; place < g->axes.count; place++) {
        int axis = graph_declared_axis(g, place);
        if (type.axes & AXIS_BIT(axis)) {
            out_strides[axis] = b->extent[i] == 1 ? b->mine[i] : b->theirs[i];
            i++;
        }
    }
    out_strides[AXIS_BATCH] = b->extent[i] == 1 ? b->mine[i] : b->theirs[i];
}

static bool is_engine_layout(const api_binding *b) {
    bool same = true;
    for (int i = 0; i < b->count; i++) {
        same &= b->extent[i] == 1 || b->mine[i] == b->theirs[i];
    }
    return same;
}

// ---- Binding ----

static size_t count_gathered(const rnnc_context *c) {
    size_t count = 0;
    for (uint32_t i = 0; i < c->program->input_count; i++) {
        count += c->inputs[i].copied;
    }
    for (uint32_t i = 0; i < c->program->output_count; i++) {
        count += c->outputs[i].copied;
    }
    return count;
}

static void look_for_copies(rnnc_context *c) {
    c->copies = count_gathered(c) > 0;
}

size_t rnnc_context_copied_arrays(rnnc_context *c) {
    return c ? count_gathered(c) + engine_count_copies(c->engine) : 0;
}

rnnc_status rnnc_context_bind_input_strided(rnnc_context *c, uint32_t index, const void *data, size_t count,
                                            const rnnc_strides *strides, rnnc_diagnostics *diagnostics) {
    api_binding b;
    int64_t by_axis[MAX_AXES];
    wanted w = {api_input_of(c, index), data, count, strides, false};
    TRY(make_binding(c, &w, diagnostics, &b));
    TRY(api_check_free(c, diagnostics));
    uint32_t number = c->program->inputs[index].index;
    find_engine_strides(c, w.value->type, &b, by_axis);
    bool dense = is_engine_layout(&b);
    bool direct = dense || (has_dense_columns(&b) && engine_reads_directly(c->engine, number, by_axis));
    api_change_input(c, index, w.value);
    engine_bind_input(c->engine, number, direct ? b.begin : NULL, dense ? NULL : by_axis);
    b.copied = !direct;
    c->inputs[index] = b;
    look_for_copies(c);
    return RNNC_OK;
}

rnnc_status rnnc_context_bind_output(rnnc_context *c, uint32_t index, void *data, size_t count,
                                     const rnnc_strides *strides, rnnc_diagnostics *diagnostics) {
    api_binding b = {.begin = NULL};
    int64_t by_axis[MAX_AXES] = {0};
    wanted w = {api_output_of(c, index), data, count, strides, true};
    if (!w.value || data) {
        TRY(make_binding(c, &w, diagnostics, &b));
        find_engine_strides(c, w.value->type, &b, by_axis);
    }
    TRY(api_check_free(c, diagnostics));
    bool direct = b.begin && has_dense_columns(&b) && engine_binds_outputs(c->engine);
    if (engine_binds_outputs(c->engine)) {
        engine_bind_output(c->engine, c->program->outputs[index].index, direct ? b.begin : NULL,
                           is_engine_layout(&b) ? NULL : by_axis);
    }
    b.copied = b.begin && !direct;
    c->outputs[index] = b;
    // What a run has left is not at the new places, where the second half of one would look for it.
    c->has_run = c->waiting = c->has_gradients = false;
    look_for_copies(c);
    c->settled = false;
    return RNNC_OK;
}

// Of arrays with gaps the elements may lie between each other's.
static bool meet(const api_binding *a, const api_binding *b) {
    bool bound = a->begin && b->begin && a->whole && b->whole;
    return bound && (uintptr_t)a->begin < (uintptr_t)b->end && (uintptr_t)b->begin < (uintptr_t)a->end;
}

rnnc_status api_check_apart(const rnnc_context *c, rnnc_diagnostics *d) {
    for (uint32_t i = 0; i < c->program->output_count; i++) {
        const program_value *other = NULL;
        for (uint32_t j = 0; j < c->program->input_count; j++) {
            other = meet(&c->outputs[i], &c->inputs[j]) ? api_input_of(c, j) : other;
        }
        for (uint32_t j = 0; j < i; j++) {
            other = meet(&c->outputs[i], &c->outputs[j]) ? api_output_of(c, j) : other;
        }
        if (other) {
            return api_fail(d, RNNC_INVALID_ARGUMENT,
                            "the output '%s' is bound to memory that '%s' is bound to: each needs its own",
                            api_output_of(c, i)->name, other->name);
        }
    }
    return RNNC_OK;
}

void api_forget_bindings(rnnc_context *c) {
    for (uint32_t i = 0; i < c->program->input_count; i++) {
        c->inputs[i] = (api_binding){.begin = NULL};
    }
    for (uint32_t i = 0; i < c->program->output_count; i++) {
        c->outputs[i] = (api_binding){.begin = NULL};
        if (engine_binds_outputs(c->engine)) {
            engine_bind_output(c->engine, c->program->outputs[i].index, NULL, NULL);
        }
    }
    c->copies = false;
}

// ---- Copies ----

// Copies the columns of one row.
static void copy_row(const api_binding *b, size_t size, const char *from, char *to, bool to_engine) {
    int64_t columns = b->extent[b->count - 1], stride = b->theirs[b->count - 1];
    if (stride == 1 || columns == 1) {
        memcpy(to, from, (size_t)columns * size);
        return;
    }
    for (int64_t i = 0; i < columns; i++) {
        memcpy(to + (size_t)(to_engine ? i : i * stride) * size,
               from + (size_t)(to_engine ? i * stride : i) * size, size);
    }
}

static void copy_all(const api_binding *b, size_t size, void *engine_array, bool to_engine) {
    if (is_engine_layout(b)) {
        size_t bytes = size;
        for (int i = 0; i < b->count; i++) {
            bytes *= (size_t)b->extent[i];
        }
        memcpy(to_engine ? engine_array : b->begin, to_engine ? b->begin : engine_array, bytes);
        return;
    }
    walk_rows w = {.count = 0};
    for (int i = 0; i < b->count - 1; i++) {
        walk_add(&w, b->extent[i], b->mine[i], b->theirs[i]);
    }
    do {
        char *engine_row = (char *)engine_array + (size_t)w.at[0] * size;
        char *caller_row = b->begin + (size_t)w.at[1] * size;
        copy_row(b, size, to_engine ? caller_row : engine_row, to_engine ? engine_row : caller_row,
                 to_engine);
    } while (walk_next(&w));
}

void api_copy_values(const rnnc_context *c, value_type type, rnnc_layout layout, void *engine_array,
                     void *caller_array, bool to_engine) {
    api_binding b = dimensions_of(c, type);
    fill_dense(&b, layout);
    b.begin = caller_array;
    copy_all(&b, (size_t)dtype_bytes(type.elem), engine_array, to_engine);
}

static bool is_second(const rnnc_context *c, const program_value *v) {
    return c->program->waits && program_is_gradient(v);
}

void api_gather_inputs(const rnnc_context *c, bool second) {
    for (uint32_t i = 0; i < c->program->input_count; i++) {
        if (c->inputs[i].copied && is_second(c, api_input_of(c, i)) == second) {
            int64_t count = 0;
            uint32_t number = c->program->inputs[i].index;
            copy_all(&c->inputs[i], (size_t)dtype_bytes(api_input_of(c, i)->type.elem),
                     engine_input(c->engine, number, &count), true);
        }
    }
}

void api_scatter_outputs(const rnnc_context *c, bool second) {
    for (uint32_t i = 0; i < c->program->output_count; i++) {
        if (c->outputs[i].copied && is_second(c, api_output_of(c, i)) == second) {
            int64_t count = 0;
            const void *from = engine_output(c->engine, c->program->outputs[i].index, &count);
            copy_all(&c->outputs[i], (size_t)dtype_bytes(api_output_of(c, i)->type.elem),
                     (void *)(uintptr_t)from, false);
        }
    }
}
