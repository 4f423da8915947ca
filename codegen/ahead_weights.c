// Weights in a file beside the object, as it maps them.
#include <string.h>

#include "codegen/ahead_train.h"

int64_t ahead_variable_bytes(const ahead_request *r, uint32_t variable) {
    value_type t = r->program->variables.at[variable].type;
    return (int64_t)t.dim[0] * (t.rank == 2 ? t.dim[1] : 1) * dtype_bytes(t.elem);
}

int64_t ahead_weights_block(const ahead_request *r, uint32_t block) {
    int64_t at = AHEAD_ALIGN;
    for (uint32_t i = 0; i < block; i++) {
        at += ahead_round_up(r->blocks[i].bytes);
    }
    return at;
}

static int64_t variable_begin(const ahead_request *r, uint32_t variable) {
    int64_t at = ahead_weights_block(r, r->block_count);
    for (uint32_t i = 0; i < variable; i++) {
        at += r->variables[i] ? ahead_round_up(ahead_variable_bytes(r, i)) : 0;
    }
    return at;
}

int64_t ahead_weights_variable(const ahead_request *r, uint32_t variable) {
    return r->variables[variable] ? variable_begin(r, variable) : -1;
}

int64_t ahead_weights_bytes(const ahead_request *r) {
    return variable_begin(r, r->program->variables.count);
}

int64_t ahead_weight_bytes(const ahead_request *r) {
    const ahead_training *t = r->training;
    int64_t bytes = t ? 0 : ahead_weights_bytes(r) - AHEAD_ALIGN;
    for (uint32_t i = 0; t && i < t->weight_count; i++) {
        bytes += (int64_t)t->weights[i].rows * t->weights[i].columns * dtype_bytes(t->request.program->real);
    }
    return bytes;
}

// ---- The sum ----

uint64_t ahead_sum_word(uint64_t sum, uint64_t word) {
    sum = (sum ^ word) * AHEAD_SUM_FACTOR;
    return sum ^ sum >> AHEAD_SUM_SHIFT;
}

// Up to eight bytes, the first of them lowest.
static uint64_t take_word(const unsigned char *bytes, int64_t count) {
    uint64_t word = 0;
    for (int64_t b = 0; b < count && b < 8; b++) {
        word |= (uint64_t)bytes[b] << 8 * b;
    }
    return word;
}

static uint64_t add_words(uint64_t sum, const void *data, int64_t bytes) {
    const unsigned char *at = data;
    for (int64_t i = 0; i < ahead_round_up(bytes); i += 8) {
        sum = ahead_sum_word(sum, i < bytes ? take_word(at + i, bytes - i) : 0);
    }
    return sum;
}

uint64_t ahead_weights_sum(const ahead_request *r) {
    uint64_t sum = AHEAD_SUM_BEGIN;
    for (uint32_t i = 0; i < r->block_count; i++) {
        sum = add_words(sum, r->blocks[i].data, r->blocks[i].bytes);
    }
    for (uint32_t i = 0; i < r->program->variables.count; i++) {
        sum = r->variables[i] ? add_words(sum, r->variables[i], ahead_variable_bytes(r, i)) : sum;
    }
    return sum;
}

// ---- The file ----

static void add_u64(strbuf *out, uint64_t value) {
    for (int b = 0; b < 8; b++) {
        char byte = (char)(value >> 8 * b & 0xff);
        strbuf_add_bytes(out, &byte, 1);
    }
}

static void fill_line(strbuf *out) {
    static const char zeros[AHEAD_ALIGN];
    strbuf_add_bytes(out, zeros, (size_t)ahead_round_up((int64_t)out->length) - out->length);
}

void ahead_print_weights(const ahead_request *r, strbuf *out) {
    strbuf_add(out, AHEAD_WEIGHTS_MAGIC);
    add_u64(out, ahead_weights_sum(r));
    add_u64(out, (uint64_t)(ahead_weights_bytes(r) - AHEAD_ALIGN));
    fill_line(out);
    for (uint32_t i = 0; i < r->block_count; i++) {
        strbuf_add_bytes(out, r->blocks[i].data, (size_t)r->blocks[i].bytes);
        fill_line(out);
    }
    for (uint32_t i = 0; i < r->program->variables.count; i++) {
        if (r->variables[i]) {
            strbuf_add_bytes(out, r->variables[i], (size_t)ahead_variable_bytes(r, i));
            fill_line(out);
        }
    }
}
