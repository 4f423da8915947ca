#include "runtime/train/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/number.h"

void record_deinit(record *r) {
    strbuf_deinit(&r->scratch);
    arena_deinit(&r->memory);
    *r = (record){0};
}

void record_text(record *r, const char *key, const char *value) {
    text_pair pair = {arena_strdup(&r->memory, key), arena_strdup(&r->memory, value)};
    vec_push(&r->memory, r->pairs, pair);
}

void record_whole(record *r, const char *key, int64_t value) {
    record_text(r, key, arena_printf(&r->memory, "%lld", (long long)value));
}

void record_real(record *r, const char *key, double value) {
    char text[40];
    number_print_exact(text, sizeof text, value);
    record_text(r, key, text);
}

strbuf *record_scratch(record *r) {
    strbuf_deinit(&r->scratch);
    return &r->scratch;
}

const char *record_scratch_text(const record *r) {
    if (r->scratch.failed) {
        arena_give_up(&r->memory);
    }
    return strbuf_text(&r->scratch);
}

const char *record_key(record *r, const char *prefix, const char *name) {
    return arena_printf(&r->memory, "%s%s", prefix, name);
}

static rnnc_status refuse(const safetensors *file, const char *key, const char *text, diag_sink *d) {
    if (!text) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: no complete checkpoint: it does not say '%s'",
                         file->name, key);
    }
    return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: no sound checkpoint: '%s' is '%s', expected a number",
                     file->name, key, text);
}

rnnc_status record_read_whole(const safetensors *file, const char *key, diag_sink *d, int64_t *out_value) {
    const char *text = safetensors_metadata(file, key);
    char *end = NULL;
    errno = 0;
    long long value = text ? strtoll(text, &end, 10) : 0;
    if (!text || end == text || *end || errno) {
        return refuse(file, key, text, d);
    }
    *out_value = value;
    return RNNC_OK;
}

rnnc_status record_read_real(const safetensors *file, const char *key, diag_sink *d, double *out_value) {
    const char *text = safetensors_metadata(file, key);
    char *end = NULL;
    double value = text ? number_parse(text, &end) : 0;
    if (!text || end == text || *end) {
        return refuse(file, key, text, d);
    }
    *out_value = value;
    return RNNC_OK;
}
