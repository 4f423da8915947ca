#include "runtime/kernel_row.h"

#include <math.h>

enum { LANES = 16 }; // of a sum over columns (docs/numerics.md)

double element_get(const void *data, dtype elem, int64_t i) {
    switch (elem) {
    case DT_F32: return ((const float *)data)[i];
    case DT_F64: return ((const double *)data)[i];
    default: return ((const int32_t *)data)[i];
    }
}

static int32_t to_i32(double value) {
    if (isnan(value)) {
        return 0;
    }
    return value <= INT32_MIN ? INT32_MIN : value >= INT32_MAX ? INT32_MAX : (int32_t)value;
}

void element_set(void *data, dtype elem, int64_t i, double value) {
    switch (elem) {
    case DT_F32: ((float *)data)[i] = (float)value; break;
    case DT_F64: ((double *)data)[i] = value; break;
    default: ((int32_t *)data)[i] = to_i32(value); break;
    }
}

double element_round(dtype elem, double value) {
    switch (elem) {
    case DT_F32: return (float)value;
    case DT_F64: return value;
    default: return to_i32(value);
    }
}

bool element_exceeds(double value, double most) {
    return value > most || (isnan(value) && !isnan(most));
}

int64_t row_element(const kernel_row *r, int arg, int64_t element) {
    const int64_t *strides = r->ints + KERNEL_STRIDES + 4 * arg;
    for (int d = 0; d < r->k->dims; d++) {
        element += r->index[d] * strides[d];
    }
    return element;
}

// Where the row of inner index |inner| of a product's operand |arg| begins.
static int64_t inner_row(const kernel_row *r, int arg, int64_t inner) {
    const int64_t *strides = r->ints + KERNEL_STRIDES + 4 * arg;
    int64_t run = r->k->transposed ? r->ints[KERNEL_RUN] : 0;
    if (!run) {
        return inner * strides[3];
    }
    int64_t within = inner % (r->ints[KERNEL_RUNS] * run), outer = inner / (r->ints[KERNEL_RUNS] * run);
    int64_t moved = r->ints[KERNEL_MOVED], distance = moved >> 32;
    if (arg == 0 && distance && outer == (int32_t)moved) {
        return r->ints[KERNEL_MOVE] + within * distance;
    }
    return outer * strides[1] + within / run * strides[2] + within % run * strides[3];
}

// Where B[k, column] is in its panels, or in plain rows.
static int64_t product_b_element(const kernel_row *r, int64_t inner, int64_t column) {
    const kernel_desc *k = r->k;
    if (!k->packed) {
        return inner_row(r, 1, inner) + column;
    }
    int64_t width = r->unit_columns, gate = column / k->columns, c = column % k->columns;
    return ((c / width * k->inner + inner) * k->gates + gate) * width + c % width;
}

// One chain of multiply-adds over the inner indices [from, to).
static double chain(const kernel_row *r, int64_t column, int64_t from, int64_t to) {
    const kernel_desc *k = r->k;
    dtype elem = (dtype)k->elem;
    int64_t row = r->index[0] * (k->transposed ? 1 : r->ints[KERNEL_STRIDES]);
    double sum = 0;
    for (int64_t i = from; i < to; i++) {
        double a = element_get(r->args[0], elem, row + inner_row(r, 0, i));
        double b = element_get(r->args[1], elem, product_b_element(r, i, column));
        sum = elem == DT_F32 ? (double)fmaf((float)a, (float)b, (float)sum) : fma(a, b, sum);
    }
    return sum;
}

// P[row, column] of KERNEL_PRODUCT, where |column| counts through all gates.
static double row_product(const kernel_row *r, int64_t column) {
    int64_t inner = r->ints[KERNEL_INNER];
    double sum = 0;
    for (int64_t from = 0; from < inner; from += PRODUCT_BLOCK) {
        int64_t to = inner - from < PRODUCT_BLOCK ? inner : from + PRODUCT_BLOCK;
        sum = element_round((dtype)r->k->elem, sum + chain(r, column, from, to));
    }
    return sum;
}

static double pointwise(uint16_t code, double a, double b, double c) {
    switch (code) {
#define OP(id, mnemonic, operands, attributes, traits, shape, gradient, formula) \
    case OP_##id: return (formula);
#include "ir/ops.def"
#undef OP
    default: return 0;
    }
}

static double operand(const kernel_row *r, int16_t i) {
    return i < 0 ? 0 : r->value[i];
}

// Instructions that are not pointwise: how each computes its value at column |c|.
typedef double instr_rule(const kernel_row *r, const kernel_instr *in, int64_t c);

static double compute_load(const kernel_row *r, const kernel_instr *in, int64_t c) {
    int64_t i = row_element(r, in->arg, in->column + (in->full ? c : 0));
    return element_get(r->args[in->arg], (dtype)r->k->args[in->arg].elem, i);
}

static double compute_product(const kernel_row *r, const kernel_instr *in, int64_t c) {
    return row_product(r, in->column * (int64_t)r->k->columns + c);
}

static double compute_const(const kernel_row *r, const kernel_instr *in, int64_t c) {
    (void)r, (void)c;
    return in->f;
}

static double compute_column(const kernel_row *r, const kernel_instr *in, int64_t c) {
    (void)r, (void)in;
    return (double)c;
}

static double compute_gather(const kernel_row *r, const kernel_instr *in, int64_t c) {
    const kernel_arg *table = &r->k->args[in->arg];
    return element_get(r->args[in->arg], (dtype)table->elem, (int64_t)operand(r, in->a) * table->columns + c);
}

static double compute_pick(const kernel_row *r, const kernel_instr *in, int64_t c) {
    (void)c;
    int64_t i = row_element(r, in->arg, (int64_t)operand(r, in->a));
    return element_get(r->args[in->arg], (dtype)r->k->args[in->arg].elem, i);
}

static double compute(const kernel_row *r, const kernel_instr *in, int64_t c) {
    static instr_rule *const rules[KI_PRODUCT + 1] = {
        [KI_LOAD] = compute_load,     [KI_PRODUCT] = compute_product, [OP_CONST] = compute_const,
        [OP_COLUMN] = compute_column, [OP_GATHER] = compute_gather,   [OP_PICK] = compute_pick,
    };
    instr_rule *rule = rules[in->code];
    return rule ? rule(r, in, c)
                : pointwise(in->code, operand(r, in->a), operand(r, in->b), operand(r, in->c));
}

static bool reduces(const kernel_instr *in) {
    return !in->full &&
           (in->code == OP_SUM || in->code == OP_MAXIMUM || in->code == OP_LSE || in->code == OP_ARGMAX);
}

void row_compute_column(kernel_row *r, int64_t c, int last) {
    for (int i = 0; i <= last; i++) {
        const kernel_instr *in = &r->k->instrs[i];
        if (in->full && in->code != KI_STORE) {
            r->value[i] = element_round((dtype)in->elem, compute(r, in, c));
        }
    }
}

// The value of FULL instruction |i| at column |c|.
static double column_value(kernel_row *r, int16_t i, int64_t c) {
    row_compute_column(r, c, i);
    return r->value[i];
}

// The lanes' sums, joined by halves: lane l with l + 8, then + 4, + 2, + 1.
static double join_lanes(dtype elem, double *lanes) {
    for (int half = LANES / 2; half; half /= 2) {
        for (int l = 0; l < half; l++) {
            lanes[l] = element_round(elem, lanes[l] + lanes[l + half]);
        }
    }
    return lanes[0];
}

static double largest(kernel_row *r, const kernel_instr *in, int64_t *out_column) {
    double best = column_value(r, in->a, 0);
    *out_column = 0;
    for (int64_t c = 1; c < r->k->columns; c++) {
        double v = column_value(r, in->a, c);
        if (element_exceeds(v, best)) {
            best = v;
            *out_column = c;
        }
    }
    return best;
}

// The sum over the columns, of the values themselves or of e to the power of the values less |base|.
static double sum_columns(kernel_row *r, const kernel_instr *in, bool powers, double base) {
    double lanes[LANES] = {0};
    dtype elem = (dtype)r->k->instrs[in->a].elem;
    for (int64_t c = 0; c < r->k->columns; c++) {
        double v = column_value(r, in->a, c);
        v = powers ? element_round(elem, exp(element_round(elem, v - base))) : v;
        lanes[c % LANES] = element_round(elem, lanes[c % LANES] + v);
    }
    return join_lanes(elem, lanes);
}

static double reduce(kernel_row *r, const kernel_instr *in) {
    int64_t column = 0;
    if (in->code == OP_SUM) {
        return sum_columns(r, in, false, 0);
    }
    double best = largest(r, in, &column);
    if (in->code == OP_ARGMAX) {
        return (double)column;
    }
    if (in->code == OP_MAXIMUM || isinf(best)) {
        return best;
    }
    return best + log(sum_columns(r, in, true, best));
}

void row_compute_ones(kernel_row *r) {
    for (uint32_t i = 0; i < r->k->instr_count; i++) {
        const kernel_instr *in = &r->k->instrs[i];
        if (!in->full && in->code != KI_STORE) {
            double v = reduces(in) ? reduce(r, in) : compute(r, in, 0);
            r->value[i] = element_round((dtype)in->elem, v);
        }
    }
}

static void store(kernel_row *r, bool full, int64_t c) {
    for (uint32_t i = 0; i < r->k->instr_count; i++) {
        const kernel_instr *in = &r->k->instrs[i];
        if (in->code == KI_STORE && (in->full != 0) == full) {
            element_set(r->args[in->arg], (dtype)r->k->args[in->arg].elem,
                        row_element(r, in->arg, in->column + c), r->value[in->a]);
        }
    }
}

void row_store_column(kernel_row *r, int64_t c) {
    store(r, true, c);
}

void row_store_ones(kernel_row *r) {
    store(r, false, 0);
}
