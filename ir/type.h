// Types of graph values: an element type, named axes, and a static shape of one or two dimensions.
//
// A value is a family of vectors, one for every index of its axes: f32<T,B>[200] holds, for each step of T
// and each row of the batch B, 200 numbers. A number is a vector of one. Weights have no axes, and one or
// two dimensions.
#ifndef RNNC_IR_TYPE_H
#define RNNC_IR_TYPE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum dtype { DT_F32, DT_F64, DT_I32, DTYPE_COUNT } dtype;

// Axes are numbered by the graph that declares them. Axis 0 is always the batch.
enum { AXIS_BATCH = 0, MAX_AXES = 8, NO_AXIS = -1 };
typedef uint8_t axis_set; // bit a is axis number a
#define AXIS_BIT(axis) ((axis_set)(1u << (axis)))

typedef struct value_type {
    dtype elem;
    axis_set axes;
    uint8_t rank;   // 1 or 2
    int32_t dim[2]; // dim[1] is 1 where rank is 1
} value_type;

const char *dtype_name(dtype t); // "f32", "f64", "i32"
int dtype_bytes(dtype t);
static inline bool dtype_is_float(dtype t) {
    return t != DT_I32;
}

bool type_equal(value_type a, value_type b);
// Elements of one member of the family: the product of the static dimensions.
static inline int64_t type_columns(value_type t) {
    return (int64_t)t.dim[0] * t.dim[1];
}
value_type type_vector(dtype elem, axis_set axes, int32_t n);
value_type type_matrix(dtype elem, int32_t rows, int32_t columns);
static inline int axis_count(axis_set axes) {
    return __builtin_popcount(axes);
}

#endif
