#include "runtime/data/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, LARGEST_HEADER = 100 * 1000 * 1000 };

static const char metadata_key[] = "__metadata__";

static rnnc_status no_memory(const char *name, diag_sink *d) {
    return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for the header", name);
}

const char *safetensors_dtype(array_kind kind) {
    static const char *const names[ARRAY_KIND_COUNT] = {
        [ARRAY_F32] = "F32",   [ARRAY_F64] = "F64",   [ARRAY_I32] = "I32",
        [ARRAY_I64] = "I64",   [ARRAY_U8] = "U8",     [ARRAY_F16] = "F16",
        [ARRAY_BF16] = "BF16", [ARRAY_BOOL] = "BOOL", [ARRAY_U16] = "U16",
    };
    return names[kind];
}

static bool parse_dtype(const char *text, array_kind *out_kind) {
    for (int i = 0; i < ARRAY_KIND_COUNT; i++) {
        if (strcmp(safetensors_dtype((array_kind)i), text) == 0) {
            *out_kind = (array_kind)i;
            return true;
        }
    }
    return false;
}

static rnnc_status refuse_tensor(const safetensors *s, const char *tensor, const char *problem,
                                 diag_sink *d) {
    return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: tensor %s: %s", s->name, tensor, problem);
}

static rnnc_status read_dtype(const safetensors *s, const json_t *fields, safetensors_entry *e,
                              diag_sink *d) {
    const char *dtype = json_string_value(json_object_get(fields, "dtype"));
    if (!dtype) {
        return refuse_tensor(s, e->name, "\"dtype\" is missing or not a string", d);
    }
    if (!parse_dtype(dtype, &e->kind)) {
        return diag_fail(
            d, RNNC_UNSUPPORTED, NO_SPAN,
            "%s: tensor %s: dtype %s is not supported; expected one of F16, BF16, F32, F64, I32, I64, "
            "U8, U16, BOOL",
            s->name, e->name, dtype);
    }
    return RNNC_OK;
}

static rnnc_status read_shape(const safetensors *s, const json_t *fields, safetensors_entry *e,
                              diag_sink *d) {
    const json_t *shape = json_object_get(fields, "shape");
    if (!json_is_array(shape)) {
        return refuse_tensor(s, e->name, "\"shape\" is missing or not an array", d);
    }
    if (json_array_size(shape) > ARRAY_MAX_RANK) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                         "%s: tensor %s has %zu dimensions, at most %d are supported", s->name, e->name,
                         json_array_size(shape), ARRAY_MAX_RANK);
    }
    e->rank = (int)json_array_size(shape);
    for (int i = 0; i < e->rank; i++) {
        const json_t *item = json_array_get(shape, (size_t)i);
        if (!json_is_integer(item) || json_integer_value(item) < 0) {
            return refuse_tensor(s, e->name, "a dimension is not a whole number from 0 on", d);
        }
        e->dim[i] = json_integer_value(item);
    }
    return RNNC_OK;
}

static rnnc_status read_offsets(const safetensors *s, const json_t *fields, safetensors_entry *e,
                                diag_sink *d) {
    const json_t *offsets = json_object_get(fields, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *second = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(second)) {
        return refuse_tensor(s, e->name, "\"data_offsets\" is missing or not two whole numbers", d);
    }
    int64_t begin = json_integer_value(first), end = json_integer_value(second);
    if (begin < 0 || end < begin) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s: tensor %s: data_offsets [%" PRId64 ",%" PRId64 "] are no range", s->name,
                         e->name, begin, end);
    }
    e->begin = (size_t)begin;
    e->end = (size_t)end;
    return RNNC_OK;
}

// Whether the range of data is as long as dtype and shape say.
static rnnc_status check_bytes(const safetensors *s, const safetensors_entry *e, diag_sink *d) {
    int64_t count = 0;
    size_t item = array_kind_bytes(e->kind), found = e->end - e->begin;
    bool possible = shape_count(e->dim, e->rank, item, &count);
    if (possible && (size_t)count * item == found) {
        return RNNC_OK;
    }
    strbuf shape = {0};
    shape_describe(e->kind, e->rank, e->dim, &shape);
    if (possible) {
        diag_error(d, NO_SPAN, "%s: tensor %s: %s has %zu bytes, its data_offsets span %zu", s->name, e->name,
                   strbuf_text(&shape), (size_t)count * item, found);
    } else {
        diag_error(d, NO_SPAN, "%s: tensor %s: the shape %s is not possible or too large", s->name, e->name,
                   strbuf_text(&shape));
    }
    strbuf_deinit(&shape);
    return RNNC_CORRUPT;
}

static rnnc_status read_entry(safetensors *s, const char *name, const json_t *fields, diag_sink *d) {
    safetensors_entry *e = &s->entries[s->count];
    e->name = strdup(name);
    if (!e->name) {
        return no_memory(s->name, d);
    }
    s->count++;
    if (!json_is_object(fields)) {
        return refuse_tensor(s, name, "its description is not an object", d);
    }
    if (json_object_size(fields) > 3) {
        return refuse_tensor(s, name,
                             "its description has more than \"dtype\", \"shape\" and \"data_offsets\"", d);
    }
    TRY(read_dtype(s, fields, e, d));
    TRY(read_shape(s, fields, e, d));
    TRY(read_offsets(s, fields, e, d));
    return check_bytes(s, e, d);
}

static rnnc_status read_metadata(safetensors *s, json_t *map, diag_sink *d) {
    if (!json_is_object(map)) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: \"__metadata__\" is not an object", s->name);
    }
    s->metadata = calloc(json_object_size(map) + 1, sizeof *s->metadata);
    if (!s->metadata) {
        return no_memory(s->name, d);
    }
    const char *key;
    json_t *value;
    json_object_foreach(map, key, value) {
        if (!json_is_string(value)) {
            return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: metadata %s is not a string", s->name, key);
        }
        text_pair *pair = &s->metadata[s->metadata_count++];
        pair->key = strdup(key);
        pair->value = strdup(json_string_value(value));
        if (!pair->key || !pair->value) {
            return no_memory(s->name, d);
        }
    }
    return RNNC_OK;
}

static rnnc_status read_members(safetensors *s, json_t *header, diag_sink *d) {
    if (!json_is_object(header)) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s: not a safetensors file: the header is not a JSON object", s->name);
    }
    s->entries = calloc(json_object_size(header) + 1, sizeof *s->entries);
    if (!s->entries) {
        return no_memory(s->name, d);
    }
    const char *key;
    json_t *value;
    json_object_foreach(header, key, value) {
        bool is_metadata = strcmp(key, metadata_key) == 0;
        TRY(is_metadata ? read_metadata(s, value, d) : read_entry(s, key, value, d));
    }
    return RNNC_OK;
}

// Tensors without data sort before the tensor that begins where they do.
static int compare_entries(const void *left, const void *right) {
    const safetensors_entry *a = left, *b = right;
    if (a->begin != b->begin) {
        return a->begin < b->begin ? -1 : 1;
    }
    if (a->end != b->end) {
        return a->end < b->end ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

// The data of all tensors cover |size| bytes exactly.
static rnnc_status check_coverage(const safetensors *s, size_t size, diag_sink *d) {
    size_t covered = 0;
    for (size_t i = 0; i < s->count; i++) {
        const safetensors_entry *e = &s->entries[i];
        if (e->begin < covered) {
            return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: the data of tensors %s and %s overlap", s->name,
                             s->entries[i - 1].name, e->name);
        }
        if (e->begin > covered) {
            return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: %zu bytes before tensor %s belong to no tensor",
                             s->name, e->begin - covered, e->name);
        }
        covered = e->end;
    }
    if (covered != size) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: %s: header says %zu bytes of data, the file has %zu",
                         s->name, covered > size ? "truncated" : "too long", covered, size);
    }
    return RNNC_OK;
}

static rnnc_status locate_header(file_view view, diag_sink *d, size_t *out_length) {
    if (view.size < LENGTH_BYTES) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s: truncated: %zu bytes are too few for a safetensors file", view.name, view.size);
    }
    uint64_t length;
    memcpy(&length, view.bytes, sizeof length);
    bool plausible = length >= 2 && length <= LARGEST_HEADER;
    if (!plausible || (view.size > LENGTH_BYTES && view.bytes[LENGTH_BYTES] != '{')) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s: not a safetensors file: expected the length of a header and '{'", view.name);
    }
    if (length > view.size - LENGTH_BYTES) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s: truncated: the header has %" PRIu64 " bytes, the file only %zu more", view.name,
                         length, view.size - LENGTH_BYTES);
    }
    *out_length = (size_t)length;
    return RNNC_OK;
}

static rnnc_status parse_into(safetensors *s, file_view view, size_t length, diag_sink *d) {
    json_error_t error;
    json_t *header =
        json_loadb((const char *)view.bytes + LENGTH_BYTES, length, JSON_REJECT_DUPLICATES, &error);
    if (!header && json_error_code(&error) == json_error_out_of_memory) {
        return no_memory(view.name, d);
    }
    if (!header) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: malformed safetensors header at byte %d: %s",
                         view.name, LENGTH_BYTES + error.position, error.text);
    }
    rnnc_status status = read_members(s, header, d);
    json_decref(header);
    TRY(status);
    qsort(s->entries, s->count, sizeof *s->entries, compare_entries);
    return check_coverage(s, view.size - LENGTH_BYTES - length, d);
}

rnnc_status safetensors_parse(file_view view, diag_sink *d, safetensors *out_file) {
    *out_file = (safetensors){.name = view.name};
    size_t length = 0;
    TRY(locate_header(view, d, &length));
    out_file->data = view.bytes + LENGTH_BYTES + length;
    rnnc_status status = parse_into(out_file, view, length, d);
    if (status != RNNC_OK) {
        safetensors_deinit(out_file);
    }
    return status;
}

rnnc_status safetensors_read(const char *path, diag_sink *d, safetensors *out_file) {
    *out_file = (safetensors){0};
    file_bytes bytes;
    TRY(gzfile_read(path, 0, d, &bytes));
    rnnc_status status = safetensors_parse((file_view){path, bytes.data, bytes.size}, d, out_file);
    if (status != RNNC_OK) {
        file_bytes_deinit(&bytes);
        return status;
    }
    out_file->owned = bytes;
    return RNNC_OK;
}

void safetensors_deinit(safetensors *s) {
    for (size_t i = 0; i < s->count; i++) {
        free(s->entries[i].name);
    }
    for (size_t i = 0; i < s->metadata_count; i++) {
        free(s->metadata[i].key);
        free(s->metadata[i].value);
    }
    free(s->entries);
    free(s->metadata);
    file_bytes_deinit(&s->owned);
    *s = (safetensors){0};
}

const safetensors_entry *safetensors_find(const safetensors *s, const char *name) {
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->entries[i].name, name) == 0) {
            return &s->entries[i];
        }
    }
    return NULL;
}

const char *safetensors_metadata(const safetensors *s, const char *key) {
    for (size_t i = 0; i < s->metadata_count; i++) {
        if (strcmp(s->metadata[i].key, key) == 0) {
            return s->metadata[i].value;
        }
    }
    return NULL;
}

static rnnc_status refuse_name(const safetensors *s, const char *name, diag_sink *d) {
    const char **names = (const char **)calloc(s->count + 1, sizeof *names);
    for (size_t i = 0; names && i < s->count; i++) {
        names[i] = s->entries[i].name;
    }
    const char *nearest = names ? nearest_name(name, names, s->count) : NULL;
    free((void *)names);
    return nearest
               ? diag_error(d, NO_SPAN, "%s: no tensor %s; did you mean %s?", s->name, name, nearest)
               : diag_error(d, NO_SPAN, "%s: no tensor %s among its %zu tensors", s->name, name, s->count);
}

rnnc_status safetensors_load(const safetensors *s, const char *name, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    const safetensors_entry *e = safetensors_find(s, name);
    if (!e) {
        return refuse_name(s, name, d);
    }
    TRY(array_create(e->kind, e->rank, e->dim, s->name, d, out_array));
    if (e->end > e->begin) {
        memcpy(out_array->data, s->data + e->begin, e->end - e->begin);
    }
    return RNNC_OK;
}

static bool belongs(const char *name, const char *prefix) {
    return prefix ? strncmp(name, prefix, strlen(prefix)) == 0 : !strchr(name, '/');
}

static bool add_to_subset(safetensors *subset, const safetensors_entry *e, size_t skipped) {
    safetensors_entry *copy = &subset->entries[subset->count];
    *copy = *e;
    copy->name = strdup(e->name + skipped);
    subset->count += copy->name != NULL;
    return copy->name != NULL;
}

rnnc_status safetensors_subset(const safetensors *s, const char *prefix, diag_sink *d,
                               safetensors *out_subset) {
    *out_subset = (safetensors){.name = s->name, .data = s->data};
    out_subset->entries = calloc(s->count + 1, sizeof *out_subset->entries);
    bool sound = out_subset->entries != NULL;
    for (size_t i = 0; i < s->count && sound; i++) {
        if (belongs(s->entries[i].name, prefix)) {
            sound = add_to_subset(out_subset, &s->entries[i], prefix ? strlen(prefix) : 0);
        }
    }
    if (!sound) {
        safetensors_deinit(out_subset);
        return no_memory(s->name, d);
    }
    return RNNC_OK;
}
