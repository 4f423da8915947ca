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
    context_bind_input(e->context, index, data ? data : s->data, data ? strides : NULL);
}

void engine_bind_output(engine *e, uint32_t index, void *data, const int64_t *strides) {
    context_bind_output(e->context, index, data, data ? strides : NULL);
}

// A row's elements, of which |before| came in other rows.
static rnnc_status check_row(const engine_slot *s, const int32_t *tokens, int64_t before, diag_sink *d) {
    for (int64_t i = 0; i < type_columns(s->info.type); i++) {
        if (tokens[i] < 0 || tokens[i] >= s->limit) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "input %s: element %lld is %d, tokens are 0 to %lld", s->info.name,
                             (long long)(before + i), tokens[i], (long long)s->limit - 1);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_tokens(const engine *e, uint32_t index, diag_sink *d) {
    const engine_slot *s = &e->inputs[index];
    walk_rows w;
    const int32_t *tokens = engine_input_values(e, index, &w);
    int64_t before = 0;
    do {
        TRY(check_row(s, tokens + w.at[0], before, d));
        before += type_columns(s->info.type);
    } while (walk_next(&w));
    return RNNC_OK;
}

rnnc_status engine_check_tokens(const engine *e, diag_sink *d) {
    for (uint32_t i = 0; i < e->input_count; i++) {
        TRY(e->inputs[i].limit ? check_tokens(e, i, d) : RNNC_OK);
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
