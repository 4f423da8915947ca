#include "runtime/engine.h"

#include <string.h>

#include "passes/place.h"
#include "runtime/engine_parts.h"

enum { LINE = 64 };

int64_t engine_slot_count(const engine *e, const engine_slot *s) {
    return axes_extent(s->info.type.axes, e->extents) * type_columns(s->info.type);
}

rnnc_status engine_slot_reserve(const engine *e, engine_slot *s, int64_t count, diag_sink *d) {
    size_t bytes = (size_t)count * (size_t)dtype_bytes(s->info.type.elem);
    if (count > s->capacity) {
        allocator_free(&e->memory, s->data);
        s->data = count < INT64_MAX / 16 ? allocator_get(&e->memory, bytes, LINE) : NULL;
        s->capacity = s->data ? count : 0;
    }
    if (!s->data) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for %lld elements of %s",
                         (long long)count, s->info.name);
    }
    memset(s->data, 0, bytes);
    return RNNC_OK;
}

static void free_slots(const allocator *memory, engine_slot *slots, uint32_t count) {
    for (uint32_t i = 0; slots && i < count; i++) {
        allocator_free(memory, slots[i].data);
    }
    allocator_free(memory, slots);
}

void engine_destroy(engine *e) {
    if (!e) {
        return;
    }
    allocator memory = e->memory;
    e->kind->destroy(e);
    free_slots(&memory, e->inputs, e->input_count);
    free_slots(&memory, e->outputs, e->output_count);
    if (e->owns_weights) {
        weights_destroy(e->weights);
    }
    allocator_free(&memory, e);
}

uint32_t engine_axis_count(const engine *e) {
    return e->axis_count;
}

int engine_find_axis(const engine *e, const char *name) {
    for (uint32_t i = 0; i < e->axis_count; i++) {
        if (strcmp(e->axis_names[i], name) == 0) {
            return (int)i;
        }
    }
    return NO_AXIS;
}

static rnnc_status bind_parts(const engine *e, int64_t *extents, diag_sink *d) {
    for (uint32_t i = 0; i < e->axis_count; i++) {
        const axis_part *part = &e->parts[i];
        TRY(part->of ? part_bind(*part, (int)i, e->axis_names[part->of], extents, d) : RNNC_OK);
    }
    return RNNC_OK;
}

rnnc_status engine_set_extents(engine *e, const int64_t *extents, diag_sink *d) {
    size_t bytes = e->axis_count * sizeof *extents;
    int64_t before[MAX_AXES], all[MAX_AXES];
    memcpy(all, extents, bytes);
    TRY(bind_parts(e, all, d));
    if (memcmp(e->extents, all, bytes) == 0) {
        return RNNC_OK;
    }
    memcpy(before, e->extents, sizeof before);
    memcpy(e->extents, all, bytes);
    rnnc_status status = e->kind->set_extents(e, d);
    if (status != RNNC_OK) {
        memcpy(e->extents, before, sizeof before);
    }
    return status;
}

const int64_t *engine_extents(const engine *e) {
    return e->extents;
}

bool engine_is_fixed(const engine *e, int axis) {
    return e->context && context_is_fixed(e->context, axis);
}

static int find_slot(const engine_slot *slots, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(slots[i].info.name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

uint32_t engine_input_count(const engine *e) {
    return e->input_count;
}

engine_value engine_input_info(const engine *e, uint32_t index) {
    return e->inputs[index].info;
}

int engine_find_input(const engine *e, const char *name) {
    return find_slot(e->inputs, e->input_count, name);
}

int64_t engine_input_limit(const engine *e, uint32_t index) {
    return e->inputs[index].limit;
}

void *engine_input(engine *e, uint32_t index, int64_t *out_count) {
    *out_count = engine_slot_count(e, &e->inputs[index]);
    return e->inputs[index].data;
}

const void *engine_input_values(const engine *e, uint32_t index, walk_rows *out_walk) {
    const engine_slot *s = &e->inputs[index];
    int64_t dense[MAX_AXES];
    walk_dense(s->info.type.axes, e->extents, type_columns(s->info.type), dense);
    const int64_t *strides = s->given && s->strided ? s->strides : dense;
    *out_walk = walk_value(s->info.type.axes, e->extents, strides, strides);
    return s->given ? s->given : s->data;
}

void engine_bind_input(engine *e, uint32_t index, void *data, const int64_t *strides) {
    engine_slot *s = &e->inputs[index];
    s->given = data;
    s->strided = data && strides;
    if (s->strided) {
        memcpy(s->strides, strides, sizeof s->strides);
    }
    if (e->context) {
        context_bind_input(e->context, index, data ? data : s->data, data ? strides : NULL);
    }
}

void engine_bind_output(engine *e, uint32_t index, void *data, const int64_t *strides) {
    context_bind_output(e->context, index, data, data ? strides : NULL);
}

bool engine_reads_directly(const engine *e, uint32_t index, const int64_t *strides) {
    return !e->context || context_reads_directly(e->context, index, strides);
}

bool engine_binds_outputs(const engine *e) {
    return e->context != NULL;
}

uint32_t engine_count_copies(engine *e) {
    return e->context ? context_count_copies(e->context) : 0;
}

bool engine_output_stays(const engine *e, uint32_t index) {
    return e->context && context_output_stays(e->context, index);
}

// The length of |row| along |axis|, if the program has lengths there; else the axis's own.
static int64_t row_length(const engine *e, int axis, int64_t row) {
    for (uint32_t i = 0; i < e->input_count; i++) {
        if (program_lengths_axis(e->program, &e->program->inputs.at[i]) == axis) {
            walk_rows w;
            const int32_t *lengths = engine_input_values(e, i, &w);
            return lengths[row * w.stride[0][0]];
        }
    }
    return e->extents[axis];
}

// Whether what is at |w|, a place of a value over |axes|, is behind its row's length: it may be anything.
static bool is_padding(const engine *e, axis_set axes, const walk_rows *w) {
    bool behind = false;
    int dimension = 0;
    for (int axis = AXIS_BATCH + 1; axes & AXIS_BIT(AXIS_BATCH) && axis < MAX_AXES; axis++) {
        if (axes & AXIS_BIT(axis)) {
            behind |= w->index[dimension++] >= row_length(e, axis, w->index[w->count - 1]);
        }
    }
    return behind;
}

// What the graph says of the input's tokens where they count.
static int64_t known_limit(const engine *e, uint32_t index) {
    bool tokens = e->program && e->inputs[index].info.type.elem == DT_I32;
    return tokens ? e->program->inputs.at[index].limit : 0;
}

static bool is_outside(int32_t token, int64_t limit) {
    return limit > 0 && (token < 0 || token >= limit);
}

static rnnc_status check_tokens(const engine *e, uint32_t index, int64_t known, diag_sink *d) {
    const engine_slot *s = &e->inputs[index];
    walk_rows w;
    const int32_t *tokens = engine_input_values(e, index, &w);
    int64_t columns = type_columns(s->info.type), at = 0;
    do {
        for (int64_t i = 0; i < columns; i++, at++) {
            int32_t token = tokens[w.at[0] + i];
            bool wrong = is_outside(token, known) && !is_padding(e, s->info.type.axes, &w);
            if (wrong || is_outside(token, s->limit)) {
                return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                                 "input %s: element %lld is %d, tokens are 0 to %lld", s->info.name,
                                 (long long)at, token, (long long)(known ? known : s->limit) - 1);
            }
        }
    } while (walk_next(&w));
    return RNNC_OK;
}

rnnc_status engine_check_tokens(const engine *e, diag_sink *d) {
    for (uint32_t i = 0; i < e->input_count; i++) {
        int64_t known = known_limit(e, i);
        TRY(known || e->inputs[i].limit ? check_tokens(e, i, known, d) : RNNC_OK);
    }
    return RNNC_OK;
}

rnnc_status engine_run(engine *e, uint64_t seed, uint64_t step, diag_sink *d) {
    return e->kind->run(e, seed, step, d);
}

void engine_begin(engine *e) {
    if (e->context) {
        context_begin(e->context, false);
    }
}

void engine_begin_silent(engine *e) {
    if (e->context) {
        context_begin(e->context, true);
    }
}

void engine_end(engine *e) {
    if (e->context) {
        context_end(e->context);
    }
}

uint32_t engine_output_count(const engine *e) {
    return e->output_count;
}

engine_value engine_output_info(const engine *e, uint32_t index) {
    return e->outputs[index].info;
}

int engine_find_output(const engine *e, const char *name) {
    return find_slot(e->outputs, e->output_count, name);
}

const void *engine_output(engine *e, uint32_t index, int64_t *out_count) {
    *out_count = engine_slot_count(e, &e->outputs[index]);
    return e->kind->output(e, index);
}

double engine_output_number(engine *e, uint32_t index) {
    double value = 0;
    e->kind->doubles(e, index, 1, &value);
    return value;
}

void engine_output_doubles(engine *e, uint32_t index, double *out_values) {
    e->kind->doubles(e, index, engine_slot_count(e, &e->outputs[index]), out_values);
}

weights *engine_weights(engine *e) {
    return e->weights;
}

const program *engine_program(const engine *e) {
    return e->program;
}

context *engine_context(engine *e) {
    return e->context;
}
