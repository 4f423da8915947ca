#include "runtime/weights.h"

#include <string.h>

#include "runtime/block.h"

enum { ALIGNMENT = BLOCK_LINE };

int64_t weights_count(const weight_array *a) {
    return type_columns(a->variable->type);
}

static weights *allocate_table(const allocator *from, const graph_variable *variables, uint32_t count) {
    weights *w = allocator_array(from, 1, sizeof *w);
    weight_array *arrays = allocator_array(from, count, sizeof *arrays);
    if (!w || !arrays) {
        allocator_free(from, w);
        allocator_free(from, arrays);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        arrays[i] = (weight_array){&variables[i], variables[i].type.elem, NULL};
    }
    *w = (weights){arrays, count, 1, NULL, *from};
    return w;
}

// Bytes of all arrays, each rounded up to the alignment; false if they do not fit in memory at all.
static bool total_bytes(const weights *w, size_t *out_bytes) {
    size_t total = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        // Two 31-bit dimensions times 8 fit in 65 bits: one check is enough.
        uint64_t count = (uint64_t)weights_count(&w->arrays[i]),
                 item = (uint64_t)dtype_bytes(w->arrays[i].elem);
        if (count > SIZE_MAX / 16 || __builtin_add_overflow(total, count * item + ALIGNMENT, &total)) {
            return false;
        }
    }
    *out_bytes = total + ALIGNMENT - total % ALIGNMENT;
    return true;
}

static rnnc_status no_memory(diag_sink *d, weights *w) {
    uint32_t count = w ? w->count : 0;
    weights_destroy(w);
    return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the model's %u variables", count);
}

rnnc_status weights_create(const graph_variable *variables, uint32_t count, diag_sink *d,
                           weights **out_weights) {
    return weights_create_in(&(allocator){NULL, NULL, NULL}, variables, count, d, out_weights);
}

rnnc_status weights_create_in(const allocator *from, const graph_variable *variables, uint32_t count,
                              diag_sink *d, weights **out_weights) {
    weights *w = allocate_table(from, variables, count);
    size_t bytes = 0;
    if (!w || !total_bytes(w, &bytes)) {
        return no_memory(d, w);
    }
    w->memory = block_allocate(from, bytes);
    if (!w->memory) {
        return no_memory(d, w);
    }
    char *next = w->memory;
    for (uint32_t i = 0; i < count; i++) {
        size_t used = (size_t)weights_count(&w->arrays[i]) * (size_t)dtype_bytes(w->arrays[i].elem);
        w->arrays[i].data = next;
        next += (used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    *out_weights = w;
    return RNNC_OK;
}

rnnc_status weights_borrow(const graph_variable *variables, uint32_t count, double *const *data, diag_sink *d,
                           weights **out_weights) {
    weights *w = allocate_table(&(allocator){NULL, NULL, NULL}, variables, count);
    if (!w) {
        return no_memory(d, w);
    }
    for (uint32_t i = 0; i < count; i++) {
        w->arrays[i].elem = DT_F64;
        w->arrays[i].data = data[i];
    }
    *out_weights = w;
    return RNNC_OK;
}

void weights_destroy(weights *w) {
    if (w) {
        allocator from = w->from;
        allocator_free(&from, w->memory);
        allocator_free(&from, w->arrays);
        allocator_free(&from, w);
    }
}

weight_part weights_part(const weights *w, uint32_t array, uint32_t part) {
    const weight_array *a = &w->arrays[array];
    const variable_part *p = &a->variable->parts.at[part];
    value_type t = a->variable->type;
    bool matrix = t.rank == 2;
    return (weight_part){a, p, matrix ? t.dim[0] : 1, p->size, matrix ? t.dim[1] : t.dim[0]};
}

bool weights_find_part(const weights *w, const char *name, weight_part *out_part) {
    for (uint32_t i = 0; i < w->count; i++) {
        const graph_variable *v = w->arrays[i].variable;
        for (uint32_t j = 0; j < v->parts.count; j++) {
            if (strcmp(v->parts.at[j].name, name) == 0) {
                *out_part = weights_part(w, i, j);
                return true;
            }
        }
    }
    return false;
}

const weight_array *weights_find(const weights *w, const char *variable_name) {
    for (uint32_t i = 0; i < w->count; i++) {
        if (strcmp(w->arrays[i].variable->name, variable_name) == 0) {
            return &w->arrays[i];
        }
    }
    return NULL;
}

static int64_t element_of(const weight_part *p, int64_t row, int64_t column) {
    return row * p->stride + p->part->from + column;
}

double weight_get(const weight_part *p, int64_t row, int64_t column) {
    int64_t i = element_of(p, row, column);
    switch (p->array->elem) {
    case DT_F32: return ((const float *)p->array->data)[i];
    case DT_F64: return ((const double *)p->array->data)[i];
    default: return ((const int32_t *)p->array->data)[i];
    }
}

void weight_set(const weight_part *p, int64_t row, int64_t column, double value) {
    int64_t i = element_of(p, row, column);
    dtype type = p->array->variable->type.elem;
    double rounded = type == DT_F32 ? (double)(float)value : type == DT_I32 ? (double)(int32_t)value : value;
    switch (p->array->elem) {
    case DT_F32: ((float *)p->array->data)[i] = (float)rounded; break;
    case DT_F64: ((double *)p->array->data)[i] = rounded; break;
    default: ((int32_t *)p->array->data)[i] = (int32_t)rounded; break;
    }
}

static bool copy_part(const weight_part *to, const weights *from) {
    weight_part source;
    if (!weights_find_part(from, to->part->name, &source) || source.rows != to->rows ||
        source.columns != to->columns) {
        return false;
    }
    for (int64_t row = 0; row < to->rows; row++) {
        for (int64_t column = 0; column < to->columns; column++) {
            weight_set(to, row, column, weight_get(&source, row, column));
        }
    }
    return true;
}

uint32_t weights_copy(weights *to, const weights *from) {
    uint32_t missing = 0;
    for (uint32_t i = 0; i < to->count; i++) {
        for (uint32_t j = 0; j < to->arrays[i].variable->parts.count; j++) {
            weight_part part = weights_part(to, i, j);
            missing += copy_part(&part, from) ? 0 : 1;
        }
    }
    weights_changed(to);
    return missing;
}
