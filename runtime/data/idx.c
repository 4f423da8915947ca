#include "runtime/data/idx.h"

#include <string.h>

enum { MAGIC_BYTES = 4, DIMENSION_BYTES = 4, TYPE_U8 = 0x08 };

static const char *type_name(uint8_t type) {
    switch (type) {
    case 0x08: return "unsigned bytes";
    case 0x09: return "signed bytes";
    case 0x0B: return "16-bit integers";
    case 0x0C: return "32-bit integers";
    case 0x0D: return "32-bit floats";
    case 0x0E: return "64-bit floats";
    default: return NULL;
    }
}

static rnnc_status check_magic(file_view view, diag_sink *d) {
    const uint8_t *m = view.bytes;
    if (view.size < MAGIC_BYTES) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: truncated: %zu bytes are too few for an IDX file",
                         view.name, view.size);
    }
    if (m[0] || m[1] || !type_name(m[2]) || m[3] == 0) {
        return diag_fail(
            d, RNNC_CORRUPT, NO_SPAN,
            "%s: not an IDX file: it begins with %02x %02x %02x %02x, expected 00 00 08 and the number "
            "of dimensions",
            view.name, m[0], m[1], m[2], m[3]);
    }
    if (m[2] != TYPE_U8) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "%s: an IDX file of %s; expected unsigned bytes",
                         view.name, type_name(m[2]));
    }
    if (m[3] > ARRAY_MAX_RANK) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                         "%s: an IDX file of %d dimensions; expected at most %d", view.name, m[3],
                         ARRAY_MAX_RANK);
    }
    return RNNC_OK;
}

static int64_t big_endian(const uint8_t *at) {
    return (int64_t)at[0] << 24 | (int64_t)at[1] << 16 | (int64_t)at[2] << 8 | (int64_t)at[3];
}

static rnnc_status refuse_size(file_view view, int rank, const int64_t *dim, size_t found, diag_sink *d) {
    strbuf shape = {0};
    shape_describe(ARRAY_U8, rank, dim, &shape);
    int64_t count = 0;
    bool possible = shape_count(dim, rank, 1, &count);
    if (possible) {
        diag_error(d, NO_SPAN, "%s: %s: %s has %lld bytes of data, the file has %zu", view.name,
                   found < (size_t)count ? "truncated" : "too long", strbuf_text(&shape), (long long)count,
                   found);
    } else {
        diag_error(d, NO_SPAN, "%s: the shape %s is not possible or too large", view.name,
                   strbuf_text(&shape));
    }
    strbuf_deinit(&shape);
    return RNNC_CORRUPT;
}

// Finds the array's shape, and where its elements begin.
static rnnc_status read_shape(file_view view, diag_sink *d, array *out_shape, size_t *out_at) {
    *out_shape = (array){.kind = ARRAY_U8};
    TRY(check_magic(view, d));
    int rank = view.bytes[3];
    size_t data_at = MAGIC_BYTES + DIMENSION_BYTES * (size_t)rank;
    if (view.size < data_at) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s: truncated: an IDX header of %d dimensions has %zu bytes, "
                         "the file has %zu",
                         view.name, rank, data_at, view.size);
    }
    int64_t *dim = out_shape->dim, count = 0;
    out_shape->rank = rank;
    for (int i = 0; i < rank; i++) {
        dim[i] = big_endian(view.bytes + MAGIC_BYTES + DIMENSION_BYTES * i);
    }
    size_t found = view.size - data_at;
    if (!shape_count(dim, rank, 1, &count) || (size_t)count != found) {
        return refuse_size(view, rank, dim, found, d);
    }
    *out_at = data_at;
    return RNNC_OK;
}

rnnc_status idx_parse(file_view view, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    array shape;
    size_t at = 0;
    TRY(read_shape(view, d, &shape, &at));
    TRY(array_create(ARRAY_U8, shape.rank, shape.dim, view.name, d, out_array));
    memcpy(out_array->data, view.bytes + at, view.size - at);
    return RNNC_OK;
}

rnnc_status idx_map(const char *path, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    file_map map;
    TRY(gzfile_map(path, d, &map));
    if (!map.data) {
        return idx_read(path, d, out_array);
    }
    array made;
    size_t at = 0;
    rnnc_status status = read_shape((file_view){path, map.data, map.size}, d, &made, &at);
    if (status != RNNC_OK) {
        file_unmap(&map);
        return status;
    }
    made.data = map.data + at;
    made.mapping = map.data;
    made.mapped = map.size;
    *out_array = made;
    return RNNC_OK;
}

rnnc_status idx_read(const char *path, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    file_bytes bytes;
    TRY(gzfile_read(path, 0, d, &bytes));
    rnnc_status status = idx_parse((file_view){path, bytes.data, bytes.size}, d, out_array);
    file_bytes_deinit(&bytes);
    return status;
}
