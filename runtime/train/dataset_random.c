// Values that are drawn: data for tasks that can be computed, as adding numbers.
#include "runtime/train/dataset.h"
#include "support/philox.h"

typedef struct drawer {
    uint32_t key[2];
    uint32_t word[4];
} drawer;

static drawer start_drawing(uint64_t seed, const char *site) {
    return (drawer){.key = {(uint32_t)seed ^ philox_site(site), (uint32_t)(seed >> 32)}};
}

// The word of element |i|; elements are asked for in order, from 0.
static uint32_t next_word(drawer *r, int64_t i) {
    if (i % 4 == 0) {
        uint64_t block = (uint64_t)i / 4;
        const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
        philox4x32(r->key, counter, r->word);
    }
    return r->word[i % 4];
}

// [examples, axes …, columns], or [places, columns] of a series.
static int shape_of(const dataset *s, const data_binding *b, const data_input *input, int64_t *dim) {
    const graph *g = s->model->graph;
    int rank = 0;
    dim[rank++] = b->value_count;
    for (uint32_t place = 1; s->batching == BATCH_EXAMPLES && place < g->axes.count; place++) {
        int axis = graph_declared_axis(g, place);
        if (input->type.axes & AXIS_BIT(axis)) {
            dim[rank++] = s->extents[axis];
        }
    }
    dim[rank] = type_columns(input->type);
    return rank + (dim[rank] > 1);
}

static array_kind kind_of(const data_input *input, int32_t classes) {
    return dtype_is_float(input->type.elem) ? ARRAY_F32
           : classes <= UINT8_MAX + 1       ? ARRAY_U8
           : classes <= UINT16_MAX + 1      ? ARRAY_U16
                                            : ARRAY_I32;
}

static void draw_values(drawer *r, int64_t classes, array *values) {
    int64_t count = array_count(values);
    for (int64_t i = 0; i < count; i++) {
        uint32_t word = next_word(r, i), token = (uint32_t)((uint64_t)word * (uint64_t)classes >> 32);
        switch (values->kind) {
        case ARRAY_U8: ((uint8_t *)values->data)[i] = (uint8_t)token; break;
        case ARRAY_U16: ((uint16_t *)values->data)[i] = (uint16_t)token; break;
        case ARRAY_I32: ((int32_t *)values->data)[i] = (int32_t)token; break;
        default: ((float *)values->data)[i] = (float)philox_uniform(word); break;
        }
    }
}

rnnc_status data_random_read(const dataset *s, const data_binding *b, const data_input *input, uint64_t seed,
                             diag_sink *d, data_source *out_source) {
    arena *memory = (arena *)&s->memory;
    int64_t dim[MAX_AXES + 2];
    int rank = shape_of(s, b, input, dim);
    *out_source = (data_source){.input = b->input,
                                .is_drawn = true,
                                .label = arena_printf(memory, "the random values of '%s'", b->input),
                                .divisor = 1,
                                .rows = b->value_count};
    TRY(array_create(kind_of(input, b->classes), rank, dim, out_source->label, d, &out_source->values));
    drawer r = start_drawing(seed, arena_printf(memory, "data.%s", b->input));
    draw_values(&r, b->classes, &out_source->values);
    return RNNC_OK;
}
