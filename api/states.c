// The states of a context, one by one and as a block.
#include <string.h>

#include "api/parts.h"

static const program_value *state_of(const rnnc_context *c, uint32_t index) {
    return c && index < c->program->state_count
               ? &c->program->program->inputs.at[c->program->states[index].index]
               : NULL;
}

static size_t state_bytes(const rnnc_context *c, uint32_t index) {
    const program_value *v = state_of(c, index);
    return (size_t)api_elements(c, v->type) * (size_t)dtype_bytes(v->type.elem);
}

void api_clear_states(rnnc_context *c) {
    for (uint32_t i = 0; i < c->program->state_count; i++) {
        memset(c->states[i].data, 0, c->states[i].capacity);
    }
}

rnnc_status rnnc_context_reset(rnnc_context *c) {
    if (!c) {
        return RNNC_INVALID_ARGUMENT;
    }
    api_clear_states(c);
    return RNNC_OK;
}

size_t rnnc_context_state_elements(const rnnc_context *c, uint32_t index) {
    const program_value *v = state_of(c, index);
    return v ? (size_t)api_elements(c, v->type) : 0;
}

static rnnc_status check(const rnnc_context *c, uint32_t index, const void *data, size_t count,
                         rnnc_diagnostics *d) {
    const program_value *v = state_of(c, index);
    if (!v || !data) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "a state needs a context, its number and an array");
    }
    if (count != rnnc_context_state_elements(c, index)) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "the state '%s' has %zu elements for this batch, found %zu",
                        v->name, rnnc_context_state_elements(c, index), count);
    }
    return RNNC_OK;
}

rnnc_status rnnc_context_read_state(const rnnc_context *c, uint32_t index, void *data, size_t count,
                                    rnnc_diagnostics *diagnostics) {
    TRY(check(c, index, data, count, diagnostics));
    memcpy(data, c->states[index].data, state_bytes(c, index));
    return RNNC_OK;
}

rnnc_status rnnc_context_write_state(rnnc_context *c, uint32_t index, const void *data, size_t count,
                                     rnnc_diagnostics *diagnostics) {
    TRY(check(c, index, data, count, diagnostics));
    memcpy(c->states[index].data, data, state_bytes(c, index));
    return RNNC_OK;
}

size_t rnnc_context_state_bytes(const rnnc_context *c) {
    size_t bytes = 0;
    for (uint32_t i = 0; c && i < c->program->state_count; i++) {
        bytes += state_bytes(c, i);
    }
    return bytes;
}

static rnnc_status check_block(const rnnc_context *c, const void *block, size_t bytes, rnnc_diagnostics *d) {
    if (!c || !block || bytes != rnnc_context_state_bytes(c)) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "all states need a context and a block of %zu bytes, found %zu",
                        rnnc_context_state_bytes(c), bytes);
    }
    return RNNC_OK;
}

rnnc_status rnnc_context_save_states(const rnnc_context *c, void *block, size_t bytes,
                                     rnnc_diagnostics *diagnostics) {
    TRY(check_block(c, block, bytes, diagnostics));
    char *to = block;
    for (uint32_t i = 0; i < c->program->state_count; i++) {
        memcpy(to, c->states[i].data, state_bytes(c, i));
        to += state_bytes(c, i);
    }
    return RNNC_OK;
}

rnnc_status rnnc_context_load_states(rnnc_context *c, const void *block, size_t bytes,
                                     rnnc_diagnostics *diagnostics) {
    TRY(check_block(c, block, bytes, diagnostics));
    const char *from = block;
    for (uint32_t i = 0; i < c->program->state_count; i++) {
        memcpy(c->states[i].data, from, state_bytes(c, i));
        from += state_bytes(c, i);
    }
    return RNNC_OK;
}

static bool equal_states(const rnnc_context *a, const rnnc_context *b) {
    bool equal = a->program->state_count == b->program->state_count;
    for (uint32_t i = 0; equal && i < a->program->state_count; i++) {
        const program_value *x = state_of(a, i), *y = state_of(b, i);
        equal = strcmp(x->name, y->name) == 0 && x->type.elem == y->type.elem &&
                type_columns(x->type) == type_columns(y->type) && state_bytes(a, i) == state_bytes(b, i);
    }
    return equal;
}

rnnc_status rnnc_context_copy_states(rnnc_context *to, const rnnc_context *from,
                                     rnnc_diagnostics *diagnostics) {
    if (!to || !from) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "copying states needs two contexts");
    }
    if (!equal_states(to, from)) {
        return api_fail(diagnostics, RNNC_TYPE,
                        "the contexts' states differ: another model, or another batch");
    }
    for (uint32_t i = 0; to != from && i < to->program->state_count; i++) {
        memcpy(to->states[i].data, from->states[i].data, state_bytes(to, i));
    }
    return RNNC_OK;
}
