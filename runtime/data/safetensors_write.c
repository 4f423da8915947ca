#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/data/atomic_file.h"
#include "runtime/data/safetensors.h"
#include "runtime/data/text.h"

enum { HEADER_ALIGNMENT = 8 };

// The tensors sorted by falling width of their elements, otherwise as given.
static const named_array **order_by_width(const safetensors_contents *contents) {
    const named_array **order = (const named_array **)calloc(contents->count + 1, sizeof *order);
    size_t placed = 0;
    for (size_t width = 8; order && width; width /= 2) {
        for (size_t i = 0; i < contents->count; i++) {
            if (array_kind_bytes(contents->tensors[i].value->kind) == width) {
                order[placed++] = &contents->tensors[i];
            }
        }
    }
    return order;
}

// NULL without memory.
static json_t *describe_tensor(const array *a, size_t begin) {
    json_t *shape = json_array();
    for (int i = 0; i < a->rank; i++) {
        if (json_array_append_new(shape, json_integer(a->dim[i]))) {
            json_decref(shape);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", safetensors_dtype(a->kind), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)(begin + array_bytes(a)));
}

static bool is_utf8(const char *text) {
    size_t left = strlen(text), length = 1;
    for (uint32_t code; left && length; left -= length, text += length) {
        length = text_decode_one((const uint8_t *)text, left, &code);
    }
    return !left;
}

static rnnc_status cannot_describe(const char *key, const char *text, const char *path, diag_sink *d) {
    return is_utf8(text)
               ? diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: no memory to describe %s", path, key)
               : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s: cannot describe %s: not UTF-8", path, key);
}

static rnnc_status add_member(json_t *map, const char *key, json_t *value, const char *path, diag_sink *d) {
    if (json_object_get(map, key)) {
        json_decref(value);
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s: %s is to be written twice", path, key);
    }
    return json_object_set_new(map, key, value) ? cannot_describe(key, key, path, d) : RNNC_OK;
}

static rnnc_status add_metadata(json_t *header, const safetensors_contents *contents, const char *path,
                                diag_sink *d) {
    json_t *map = contents->metadata_count ? json_object() : NULL;
    for (size_t i = 0; i < contents->metadata_count; i++) {
        const text_pair *pair = &contents->metadata[i];
        json_t *value = json_string(pair->value);
        rnnc_status status = value ? add_member(map, pair->key, value, path, d)
                                   : cannot_describe(pair->key, pair->value, path, d);
        if (status != RNNC_OK) {
            json_decref(map);
            return status;
        }
    }
    return contents->metadata_count ? add_member(header, "__metadata__", map, path, d) : RNNC_OK;
}

static rnnc_status build_header(json_t *header, const safetensors_contents *contents,
                                const named_array **order, const char *path, diag_sink *d) {
    TRY(add_metadata(header, contents, path, d));
    size_t begin = 0;
    for (size_t i = 0; i < contents->count; i++) {
        if (strcmp(order[i]->name, "__metadata__") == 0) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s: a tensor cannot be called __metadata__",
                             path);
        }
        TRY(add_member(header, order[i]->name, describe_tensor(order[i]->value, begin), path, d));
        begin += array_bytes(order[i]->value);
    }
    return RNNC_OK;
}

// The length, the header and its padding.
static rnnc_status render_header(const json_t *header, const char *path, diag_sink *d, strbuf *out) {
    char *text = json_dumps(header, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (text) {
        size_t length = strlen(text);
        size_t padding = (HEADER_ALIGNMENT - length % HEADER_ALIGNMENT) % HEADER_ALIGNMENT;
        uint64_t padded = length + padding;
        strbuf_add_bytes(out, &padded, sizeof padded);
        strbuf_addf(out, "%s%*s", text, (int)padding, "");
        free(text);
    }
    if (!text || out->failed) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for the header", path);
    }
    return RNNC_OK;
}

// Puts the checksum of header and data into the header.
static void put_checksum(strbuf *header, const safetensors_contents *contents, const named_array **order) {
    uint32_t crc = safetensors_crc(0, header->text, header->length);
    for (size_t i = 0; i < contents->count; i++) {
        crc = safetensors_crc(crc, order[i]->value->data, array_bytes(order[i]->value));
    }
    size_t skipped = sizeof(uint64_t);
    const char *digits = safetensors_checksum_digits(header->text + skipped, header->length - skipped);
    if (digits) {
        char text[sizeof SAFETENSORS_NO_CHECKSUM];
        snprintf(text, sizeof text, "%08x", crc);
        memcpy(header->text + (digits - header->text), text, sizeof text - 1);
    }
}

static rnnc_status write_parts(const char *path, const strbuf *header, const safetensors_contents *contents,
                               const named_array **order, diag_sink *d) {
    atomic_file file;
    TRY(atomic_file_open(path, d, &file));
    TRY(atomic_file_add(&file, header->text, header->length, d));
    for (size_t i = 0; i < contents->count; i++) {
        TRY(atomic_file_add(&file, order[i]->value->data, array_bytes(order[i]->value), d));
    }
    return atomic_file_commit(&file, d);
}

static rnnc_status write_file(const char *path, const safetensors_contents *contents, bool checked,
                              diag_sink *d) {
    json_t *header = json_object();
    const named_array **order = order_by_width(contents);
    strbuf text = {0};
    rnnc_status status = RNNC_OK;
    if (!header || !order) {
        status = diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for the header", path);
        goto out;
    }
    status = build_header(header, contents, order, path, d);
    if (status != RNNC_OK) {
        goto out;
    }
    status = render_header(header, path, d, &text);
    if (status != RNNC_OK) {
        goto out;
    }
    if (checked) {
        put_checksum(&text, contents, order);
    }
    status = write_parts(path, &text, contents, order, d);
out:
    strbuf_deinit(&text);
    free((void *)order);
    json_decref(header);
    return status;
}

rnnc_status safetensors_write(const char *path, const safetensors_contents *contents, diag_sink *d) {
    return write_file(path, contents, false, d);
}

rnnc_status safetensors_write_checked(const char *path, const safetensors_contents *contents, diag_sink *d) {
    text_pair *pairs = calloc(contents->metadata_count + 1, sizeof *pairs);
    if (!pairs) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for the header", path);
    }
    if (contents->metadata_count) {
        memcpy(pairs + 1, contents->metadata, contents->metadata_count * sizeof *pairs);
    }
    pairs[0] = (text_pair){(char *)SAFETENSORS_CHECKSUM_KEY, (char *)SAFETENSORS_NO_CHECKSUM};
    safetensors_contents all = *contents;
    all.metadata = pairs;
    all.metadata_count = contents->metadata_count + 1;
    rnnc_status status = write_file(path, &all, true, d);
    free(pairs);
    return status;
}
