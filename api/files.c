// Arrays in files: what `rnnc run` reads inputs from and writes outputs to.
#include <string.h>

#include "api/parts.h"
#include "runtime/data/npy.h"

struct rnnc_array {
    allocator memory;
    rnnc_type type;
    int rank;
    int64_t dimension[RNNC_MOST_DIMENSIONS];
    size_t count;
    void *data;
};

_Static_assert((int)RNNC_MOST_DIMENSIONS == (int)ARRAY_MAX_RANK, "files and the header have the same limit");

static const array_kind kinds[] = {[RNNC_F32] = ARRAY_F32, [RNNC_F64] = ARRAY_F64, [RNNC_I32] = ARRAY_I32};

// The type that holds all elements of |kind|; 64-bit integers must be small enough, or it is an error later.
static rnnc_type type_for(array_kind kind) {
    return kind == ARRAY_F64 ? RNNC_F64 : array_kind_is_float(kind) ? RNNC_F32 : RNNC_I32;
}

static rnnc_status take(const array *from, const char *path, rnnc_array *to, diag_sink *d) {
    to->type = type_for(from->kind);
    to->rank = from->rank;
    memcpy(to->dimension, from->dim, sizeof to->dimension);
    to->count = (size_t)array_count(from);
    array converted = {0};
    TRY(array_convert(from, kinds[to->type], path, d, &converted));
    size_t bytes = array_bytes(&converted);
    to->data = allocator_array(&to->memory, 1, bytes + 1); // there may be no elements
    if (to->data) {
        memcpy(to->data, converted.data, bytes);
    }
    array_deinit(&converted);
    return to->data ? RNNC_OK
                    : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: no memory for its elements", path);
}

rnnc_status api_array_create(const allocator *memory, const array *from, const char *name, diag_sink *d,
                             rnnc_array **out_array) {
    rnnc_array *made = allocator_array(memory, 1, sizeof *made);
    if (!made) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: no memory for an array", name);
    }
    made->memory = *memory;
    rnnc_status status = take(from, name, made, d);
    if (status != RNNC_OK) {
        rnnc_array_destroy(made);
        return status;
    }
    *out_array = made;
    return RNNC_OK;
}

static rnnc_status load(const char *path, const allocator *memory, diag_sink *d, rnnc_array **out_array) {
    array from = {0};
    TRY(npy_read(path, d, &from));
    rnnc_status status = api_array_create(memory, &from, path, d, out_array);
    array_deinit(&from);
    return status;
}

rnnc_status rnnc_array_load(const char *path, const rnnc_allocator *given, rnnc_diagnostics *diagnostics,
                            rnnc_array **out_array) {
    if (out_array) {
        *out_array = NULL;
    }
    if (!path || !out_array) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "loading an array needs a path and a place for it");
    }
    allocator memory;
    TRY(api_take_allocator(given, diagnostics, &memory));
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, load(path, &memory, &sink, out_array));
    diag_deinit(&sink);
    return status;
}

void rnnc_array_destroy(rnnc_array *a) {
    if (a) {
        allocator memory = a->memory;
        allocator_free(&memory, a->data);
        allocator_free(&memory, a);
    }
}

rnnc_type rnnc_array_type(const rnnc_array *a) {
    return a ? a->type : RNNC_F32;
}

int rnnc_array_rank(const rnnc_array *a) {
    return a ? a->rank : 0;
}

int64_t rnnc_array_dimension(const rnnc_array *a, int index) {
    return a && index >= 0 && index < a->rank ? a->dimension[index] : 0;
}

size_t rnnc_array_count(const rnnc_array *a) {
    return a ? a->count : 0;
}

const void *rnnc_array_data(const rnnc_array *a) {
    return a ? a->data : NULL;
}

rnnc_status rnnc_array_save(const char *path, rnnc_type type, int rank, const int64_t *dimensions,
                            const void *data, rnnc_diagnostics *diagnostics) {
    bool known = type == RNNC_F32 || type == RNNC_F64 || type == RNNC_I32;
    int64_t count = 0;
    if (!path || !known || rank < 0 || rank > RNNC_MOST_DIMENSIONS || (rank && !dimensions) || !data ||
        !shape_count(dimensions, rank, array_kind_bytes(kinds[type]), &count)) {
        return api_fail(
            diagnostics, RNNC_INVALID_ARGUMENT,
            "saving an array needs a path, a type, up to %d dimensions of at least 0, and elements",
            RNNC_MOST_DIMENSIONS);
    }
    array a = {.kind = kinds[type], .rank = rank, .data = (void *)data}; // is only read
    for (int i = 0; i < rank; i++) {
        a.dim[i] = dimensions[i];
    }
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, npy_write(path, &a, &sink));
    diag_deinit(&sink);
    return status;
}
