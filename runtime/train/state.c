#include "runtime/train/state.h"

#include <stdlib.h>
#include <string.h>

typedef struct carried {
    uint32_t input, output;
    size_t capacity; // bytes
    size_t bytes;    // taken from the last run; 0: zeros
    void *data;
} carried;

struct state_carrier {
    engine *engine;
    carried *states;
    uint32_t count;
};

static size_t element_bytes(const engine *e, uint32_t input) {
    return (size_t)dtype_bytes(engine_input_info(e, input).type.elem);
}

static rnnc_status add_state(state_carrier *c, uint32_t input, int64_t rows, diag_sink *d) {
    engine_value info = engine_input_info(c->engine, input);
    int output = engine_find_output(c->engine, info.name);
    if (output < 0) {
        return RNNC_OK; // nothing gives its final value: it stays zero
    }
    carried *s = &c->states[c->count++];
    *s = (carried){.input = input, .output = (uint32_t)output};
    s->capacity = (size_t)rows * (size_t)type_columns(info.type) * element_bytes(c->engine, input);
    s->data = malloc(s->capacity);
    return s->data ? RNNC_OK
                   : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the state %s", info.name);
}

rnnc_status state_carrier_create(engine *e, int64_t rows, diag_sink *d, state_carrier **out_carrier) {
    state_carrier *c = calloc(1, sizeof *c);
    carried *states = calloc(engine_input_count(e) + (size_t)1, sizeof *states);
    if (!c || !states) {
        free(c);
        free(states);
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the states");
    }
    *c = (state_carrier){.engine = e, .states = states};
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < engine_input_count(e) && status == RNNC_OK; i++) {
        if (strcmp(engine_input_info(e, i).role, "state") == 0) {
            status = add_state(c, i, rows, d);
        }
    }
    if (status != RNNC_OK) {
        state_carrier_destroy(c);
        return status;
    }
    *out_carrier = c;
    return RNNC_OK;
}

void state_carrier_destroy(state_carrier *c) {
    if (!c) {
        return;
    }
    for (uint32_t i = 0; i < c->count; i++) {
        free(c->states[i].data);
    }
    free(c->states);
    free(c);
}

void state_clear(state_carrier *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        c->states[i].bytes = 0;
    }
}

void state_put(const state_carrier *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        const carried *s = &c->states[i];
        int64_t count = 0;
        void *to = engine_input(c->engine, s->input, &count);
        size_t bytes = (size_t)count * element_bytes(c->engine, s->input);
        if (s->bytes == bytes) {
            memcpy(to, s->data, bytes);
        } else {
            memset(to, 0, bytes);
        }
    }
}

void state_take(state_carrier *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        carried *s = &c->states[i];
        int64_t count = 0;
        const void *from = engine_output(c->engine, s->output, &count);
        size_t bytes = (size_t)count * element_bytes(c->engine, s->input);
        s->bytes = bytes <= s->capacity ? bytes : 0;
        memcpy(s->data, from, s->bytes);
    }
}

uint32_t state_count(const state_carrier *c) {
    return c->count;
}

state_values state_get(const state_carrier *c, uint32_t index) {
    const carried *s = &c->states[index];
    engine_value info = engine_input_info(c->engine, s->input);
    int64_t bytes = dtype_bytes(info.type.elem);
    return (state_values){info.name, info.type.elem, s->data, (int64_t)s->bytes / bytes};
}

bool state_set(state_carrier *c, uint32_t index, const void *data, int64_t count) {
    carried *s = &c->states[index];
    size_t bytes = element_bytes(c->engine, s->input);
    if (count < 0 || (uint64_t)count > s->capacity / bytes) {
        return false;
    }
    s->bytes = (size_t)count * bytes;
    memcpy(s->data, data, s->bytes);
    return true;
}
