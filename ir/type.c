#include "ir/type.h"

static const char *const names[DTYPE_COUNT] = {"f32", "f64", "i32"};
static const int bytes[DTYPE_COUNT] = {4, 8, 4};

const char *dtype_name(dtype t) {
    return names[t];
}

int dtype_bytes(dtype t) {
    return bytes[t];
}

bool type_equal(value_type a, value_type b) {
    return a.elem == b.elem && a.axes == b.axes && a.rank == b.rank && a.dim[0] == b.dim[0] &&
           a.dim[1] == b.dim[1];
}

value_type type_vector(dtype elem, axis_set axes, int32_t n) {
    return (value_type){elem, axes, 1, {n, 1}};
}

value_type type_matrix(dtype elem, int32_t rows, int32_t columns) {
    return (value_type){elem, 0, 2, {rows, columns}};
}
