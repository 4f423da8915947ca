#include "runtime/data/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/data/store.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file formats here are read by copying");

typedef struct kind_facts {
    const char *name;
    size_t bytes;
    bool is_float;
} kind_facts;

static const kind_facts facts[ARRAY_KIND_COUNT] = {
    [ARRAY_F32] = {"f32", 4, true},   [ARRAY_F64] = {"f64", 8, true},    [ARRAY_I32] = {"i32", 4, false},
    [ARRAY_I64] = {"i64", 8, false},  [ARRAY_U8] = {"u8", 1, false},     [ARRAY_F16] = {"f16", 2, true},
    [ARRAY_BF16] = {"bf16", 2, true}, [ARRAY_BOOL] = {"bool", 1, false}, [ARRAY_U16] = {"u16", 2, false},
};

const char *array_kind_name(array_kind kind) {
    return facts[kind].name;
}

size_t array_kind_bytes(array_kind kind) {
    return facts[kind].bytes;
}

bool array_kind_is_float(array_kind kind) {
    return facts[kind].is_float;
}

bool shape_count(const int64_t *dim, int rank, size_t item_bytes, int64_t *out_count) {
    int64_t count = 1, bytes = 0;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0) {
            return false;
        }
        empty = empty || dim[i] == 0;
    }
    for (int i = 0; i < rank && !empty; i++) {
        if (__builtin_mul_overflow(count, dim[i], &count)) {
            return false;
        }
    }
    *out_count = empty ? 0 : count;
    return !__builtin_mul_overflow(*out_count, (int64_t)item_bytes, &bytes);
}

void shape_describe(array_kind kind, int rank, const int64_t *dim, strbuf *out) {
    strbuf_add(out, array_kind_name(kind));
    strbuf_add(out, "[");
    for (int i = 0; i < rank; i++) {
        strbuf_addf(out, "%s%" PRId64, i ? "," : "", dim[i]);
    }
    strbuf_add(out, "]");
}

void array_describe(const array *a, strbuf *out) {
    shape_describe(a->kind, a->rank, a->dim, out);
}

static rnnc_status refuse_shape(array_kind kind, int rank, const int64_t *dim, const char *what,
                                diag_sink *d) {
    strbuf shape = {0};
    shape_describe(kind, rank, dim, &shape);
    rnnc_status status = diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: the shape %s is not possible or too large",
                                   what, strbuf_text(&shape));
    strbuf_deinit(&shape);
    return status;
}

rnnc_status array_create(array_kind kind, int rank, const int64_t *dim, const char *what, diag_sink *d,
                         array *out_array) {
    *out_array = (array){0};
    if (rank < 0 || rank > ARRAY_MAX_RANK) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "%s: %d dimensions, at most %d are supported", what,
                         rank, ARRAY_MAX_RANK);
    }
    int64_t count = 0;
    if (!shape_count(dim, rank, array_kind_bytes(kind), &count)) {
        return refuse_shape(kind, rank, dim, what, d);
    }
    size_t bytes = (size_t)count * array_kind_bytes(kind);
    array made = {.kind = kind, .rank = rank, .data = store_create(bytes)};
    if (!made.data) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for %zu bytes", what, bytes);
    }
    if (rank) {
        memcpy(made.dim, dim, (size_t)rank * sizeof *dim);
    }
    *out_array = made;
    return RNNC_OK;
}

void array_deinit(array *a) {
    if (a->mapping) {
        munmap(a->mapping, a->mapped);
    } else {
        store_free(a->data);
    }
    *a = (array){0};
}

int64_t array_count(const array *a) {
    int64_t count = 0;
    shape_count(a->dim, a->rank, array_kind_bytes(a->kind), &count);
    return count;
}

size_t array_bytes(const array *a) {
    return (size_t)array_count(a) * array_kind_bytes(a->kind);
}

// IEEE 754 binary16: 1 sign bit, 5 exponent bits biased by 15, 10 fraction bits.
static double half_to_double(uint16_t bits) {
    int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    if (exponent == 31) {
        magnitude = fraction ? (double)NAN : (double)INFINITY;
    }
    return bits >> 15 ? -magnitude : magnitude;
}

// bfloat16 is the upper half of a binary32.
static double bfloat_to_double(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

double array_to_double(const array *a, int64_t index) {
    switch (a->kind) {
    case ARRAY_F32: return (double)((const float *)a->data)[index];
    case ARRAY_F64: return ((const double *)a->data)[index];
    case ARRAY_I32: return (double)((const int32_t *)a->data)[index];
    case ARRAY_I64: return (double)((const int64_t *)a->data)[index];
    case ARRAY_U8:
    case ARRAY_BOOL: return (double)((const uint8_t *)a->data)[index];
    case ARRAY_U16: return (double)((const uint16_t *)a->data)[index];
    case ARRAY_F16: return half_to_double(((const uint16_t *)a->data)[index]);
    case ARRAY_BF16: return bfloat_to_double(((const uint16_t *)a->data)[index]);
    case ARRAY_KIND_COUNT: break;
    }
    return 0;
}

static int64_t integer_at(const array *a, int64_t index) {
    return a->kind == ARRAY_I64 ? ((const int64_t *)a->data)[index] : (int64_t)array_to_double(a, index);
}

// Whether integer |value| could be stored as element |index| of |out| without a change.
static bool store_integer(array *out, int64_t index, int64_t value) {
    // 2^63 itself is not an int64_t, and a value that rounds to it was not exact.
    const double past_int64 = 9223372036854775808.0;
    switch (out->kind) {
    case ARRAY_F32: ((float *)out->data)[index] = (float)value; break;
    case ARRAY_F64: ((double *)out->data)[index] = (double)value; break;
    case ARRAY_I32: ((int32_t *)out->data)[index] = (int32_t)value; break;
    case ARRAY_I64: ((int64_t *)out->data)[index] = value; return true;
    default: return false;
    }
    double stored = array_to_double(out, index);
    return stored < past_int64 && (int64_t)stored == value;
}

static bool store_float(array *out, int64_t index, double value) {
    if (out->kind == ARRAY_F64) {
        ((double *)out->data)[index] = value;
        return true;
    }
    float rounded = (float)value;
    ((float *)out->data)[index] = rounded;
    return isfinite(rounded) || !isfinite(value);
}

rnnc_status array_convert(const array *a, array_kind kind, const char *what, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    bool from_float = array_kind_is_float(a->kind);
    bool to_float = kind == ARRAY_F32 || kind == ARRAY_F64;
    if ((from_float && !to_float) || (!to_float && kind != ARRAY_I32 && kind != ARRAY_I64)) {
        return diag_fail(d, RNNC_TYPE, NO_SPAN, "%s: expected %s, found %s", what, array_kind_name(kind),
                         array_kind_name(a->kind));
    }
    TRY(array_create(kind, a->rank, a->dim, what, d, out_array));
    int64_t count = array_count(a);
    for (int64_t i = 0; i < count; i++) {
        bool fits = from_float ? store_float(out_array, i, array_to_double(a, i))
                               : store_integer(out_array, i, integer_at(a, i));
        if (!fits) {
            array_deinit(out_array);
            return diag_fail(d, RNNC_TYPE, NO_SPAN, "%s: element %" PRId64 " is %.17g, which %s cannot hold",
                             what, i, array_to_double(a, i), array_kind_name(kind));
        }
    }
    return RNNC_OK;
}
