#include "passes/program_text.h"

typedef struct kernel_check {
    const kernel_desc *k;
    uint32_t number;
    span where;
    diag_sink *d;
} kernel_check;

static rnnc_status fail(const kernel_check *c, const char *what) {
    return diag_error(c->d, c->where, "kernel %u \"%s\": %s", c->number, c->k->name ? c->k->name : "", what);
}

static rnnc_status fail_instr(const kernel_check *c, uint32_t i, const char *what) {
    return diag_error(c->d, c->where, "kernel %u \"%s\": instruction %u %s", c->number,
                      c->k->name ? c->k->name : "", i, what);
}

// ---- Instructions ----

static bool is_float_only(op_id op) {
    return op == OP_EXP || op == OP_LOG || op == OP_TANH || op == OP_SIGMOID || op == OP_ERF ||
           op == OP_SOFTPLUS || op == OP_SQRT;
}

static bool compares(op_id op) {
    return op == OP_LESS || op == OP_LESS_EQUAL || op == OP_EQUAL;
}

static uint8_t elem_of(const kernel_desc *k, int16_t i) {
    return k->instrs[i].elem;
}

// The shape rule of element types.
static bool pointwise_types_fit(const kernel_desc *k, const kernel_instr *in) {
    op_id op = (op_id)in->code;
    if (op == OP_CONVERT) {
        return true;
    }
    if (op == OP_SELECT) {
        return elem_of(k, in->a) == DT_I32 && elem_of(k, in->b) == in->elem && elem_of(k, in->c) == in->elem;
    }
    if (compares(op)) {
        return in->elem == DT_I32 && elem_of(k, in->a) == elem_of(k, in->b);
    }
    bool same = elem_of(k, in->a) == in->elem && (in->b < 0 || elem_of(k, in->b) == in->elem);
    return same && (!is_float_only(op) || dtype_is_float((dtype)in->elem));
}

static int operand_count(const kernel_instr *in) {
    return in->a < 0 ? 0 : in->b < 0 ? 1 : in->c < 0 ? 2 : 3;
}

// How many values an instruction reads; -1: it cannot stand in a body.
static int wanted_operands(uint16_t code) {
    if (code >= OP_COUNT) {
        return code == KI_STORE;
    }
    op_id op = (op_id)code;
    if (op == OP_CONST || op == OP_COLUMN) {
        return 0;
    }
    bool one = op == OP_GATHER || op == OP_PICK || op == OP_ARGMAX || op_has(op, REDUCE);
    return one ? 1 : op_has(op, POINTWISE) ? op_get(op)->operands : -1;
}

static rnnc_status check_operands(const kernel_check *c, uint32_t i) {
    const kernel_instr *in = &c->k->instrs[i];
    const int16_t operands[] = {in->a, in->b, in->c};
    for (int o = 0; o < 3; o++) {
        bool reads = operands[o] >= 0;
        if (reads && (operands[o] >= (int)i || c->k->instrs[operands[o]].code == KI_STORE)) {
            return fail_instr(c, i, "reads what has no value yet");
        }
    }
    return operand_count(in) == wanted_operands(in->code)
               ? RNNC_OK
               : fail_instr(c, i, "has a number of operands that its code does not have");
}

static rnnc_status check_arg(const kernel_check *c, uint32_t i) {
    const kernel_instr *in = &c->k->instrs[i];
    bool needs = in->code == KI_LOAD || in->code == KI_STORE || in->code == OP_GATHER || in->code == OP_PICK;
    if (needs != (in->arg >= 0) || in->arg >= (int)c->k->arg_count) {
        return fail_instr(c, i, needs ? "names no argument of the kernel" : "reads no argument");
    }
    if (!needs) {
        return RNNC_OK;
    }
    const kernel_arg *arg = &c->k->args[in->arg];
    if (arg->elem != in->elem || (in->code == KI_STORE && !arg->written)) {
        return fail_instr(c, i, "and its argument have different element types, or it is not written");
    }
    return in->column >= 0 ? RNNC_OK : fail_instr(c, i, "begins before the first column");
}

// Codes that a kernel of this kind has no place for.
static bool suits_kind(const kernel_desc *k, const kernel_instr *in) {
    bool folds = in->code < OP_COUNT && (op_has((op_id)in->code, REDUCE) || in->code == OP_ARGMAX);
    bool by_number = in->code == OP_GATHER || in->code == OP_PICK;
    if (in->code == KI_PRODUCT) {
        return k->kind == KERNEL_PRODUCT && in->column >= 0 && in->column < k->gates && in->full &&
               in->elem == k->elem;
    }
    bool plain = k->kind == KERNEL_MAP && !k->flat;
    return plain || !(folds || by_number || (k->flat && in->code == OP_COLUMN));
}

static rnnc_status check_types(const kernel_check *c, uint32_t i) {
    const kernel_desc *k = c->k;
    const kernel_instr *in = &k->instrs[i];
    bool fits = true;
    if (in->code == OP_CONST) {
        fits = in->elem != DT_I32 || (in->f >= INT32_MIN && in->f <= INT32_MAX);
    } else if (in->code == OP_GATHER || in->code == OP_PICK) {
        const kernel_instr *number = &k->instrs[in->a];
        fits = number->elem == DT_I32 && !number->full;
    } else if (in->code == OP_ARGMAX) {
        fits = in->elem == DT_I32 && !in->full;
    } else if (in->code == KI_STORE) {
        fits = elem_of(k, in->a) == in->elem;
    } else if (in->code < OP_COUNT && op_has((op_id)in->code, REDUCE)) {
        fits = !in->full && elem_of(k, in->a) == in->elem && dtype_is_float((dtype)in->elem);
    } else if (in->code < OP_COUNT && op_has((op_id)in->code, POINTWISE)) {
        fits = pointwise_types_fit(k, in);
    }
    return fits ? RNNC_OK : fail_instr(c, i, "has operands of types that it does not take");
}

static rnnc_status check_instr(const kernel_check *c, uint32_t i) {
    const kernel_instr *in = &c->k->instrs[i];
    if (in->code > KI_PRODUCT || in->elem >= DTYPE_COUNT || wanted_operands(in->code) < 0 ||
        !suits_kind(c->k, in)) {
        return fail_instr(c, i, "cannot stand in a kernel of this kind");
    }
    TRY(check_operands(c, i));
    TRY(check_arg(c, i));
    return check_types(c, i);
}

// ---- Kinds ----

static rnnc_status check_product(const kernel_check *c, target_shape shape) {
    const kernel_desc *k = c->k;
    int32_t columns;
    if (k->gates > product_max_gates(shape) || __builtin_mul_overflow(k->gates, k->columns, &columns)) {
        return fail(c, "has more gates or columns than the target has registers or memory for");
    }
    if (k->kind == KERNEL_PACK) {
        return k->inner >= 1 ? RNNC_OK : fail(c, "packs a matrix without rows");
    }
    // Plain rows may be columns of wider ones.
    bool operands = k->arg_count >= 2 && k->args[0].elem == k->elem && k->args[1].elem == k->elem &&
                    (k->packed ? k->args[1].columns == columns : k->args[1].columns >= columns);
    if (!operands || k->dims != 1 || (k->packed && k->inner < 1) || (k->packed && k->transposed)) {
        return fail(c, "is a product whose operands do not fit");
    }
    return RNNC_OK;
}

static rnnc_status check_fold(const kernel_check *c) {
    const kernel_desc *k = c->k;
    bool known = k->fold == OP_SUM || k->fold == OP_MAXIMUM || k->fold == OP_LSE;
    bool result =
        k->arg_count >= 1 && k->args[k->arg_count - 1].written && k->args[k->arg_count - 1].elem == k->elem;
    bool body = k->instr_count >= 1;
    for (uint32_t i = 0; i < k->instr_count; i++) {
        body &= k->instrs[i].code != KI_STORE && k->instrs[i].elem == k->elem;
    }
    bool full = body && (k->columns == 1 || k->instrs[k->instr_count - 1].full);
    return known && result && full ? RNNC_OK : fail(c, "is a fold without a value to fold or a result");
}

// What the arguments of the kinds without a body must be: element type and whether they are written.
static rnnc_status check_fixed_args(const kernel_check *c) {
    static const uint32_t counts[] = {[KERNEL_PACK] = 2,
                                      [KERNEL_SEGMENT] = 4,
                                      [KERNEL_SCATTER] = 3,
                                      [KERNEL_ADD_ROWS] = 3,
                                      [KERNEL_RANDOM] = 2};
    const kernel_desc *k = c->k;
    bool fits = k->arg_count == counts[k->kind] && k->instr_count == 0;
    uint32_t written = k->kind == KERNEL_PACK ? 1 : k->kind == KERNEL_RANDOM ? 0 : 2;
    bool by_rows = k->kind != KERNEL_PACK && k->kind != KERNEL_RANDOM;
    for (uint32_t i = 0; fits && i < k->arg_count; i++) {
        bool number = (by_rows && (i == 0 || i == 3)) || (k->kind == KERNEL_RANDOM && i == 1);
        fits = k->args[i].elem == (number ? DT_I32 : k->elem) && (i != written || k->args[i].written);
    }
    return fits ? RNNC_OK : fail(c, "has other arguments than its kind, or a body");
}

static rnnc_status check_kind(const kernel_check *c, target_shape shape) {
    const kernel_desc *k = c->k;
    if (!dtype_is_float((dtype)k->elem) && k->kind != KERNEL_MAP) {
        return fail(c, "computes whole numbers, which only a map does");
    }
    if (k->kind == KERNEL_PRODUCT || k->kind == KERNEL_PACK) {
        TRY(check_product(c, shape));
    }
    bool body = k->kind == KERNEL_MAP || k->kind == KERNEL_PRODUCT || k->kind == KERNEL_FOLD;
    if (k->kind == KERNEL_FOLD) {
        TRY(check_fold(c));
    }
    if (k->kind == KERNEL_SCATTER && k->inner < 1) {
        return fail(c, "scatters into a table without rows");
    }
    bool rows = k->kind != KERNEL_SEGMENT && k->kind != KERNEL_SCATTER && k->kind != KERNEL_ADD_ROWS;
    if (!rows && k->dims < 1) {
        return fail(c, "goes by row numbers and has no row dimension");
    }
    return body ? RNNC_OK : check_fixed_args(c);
}

rnnc_status kernel_verify(const kernel_desc *k, uint32_t number, target_shape shape, span where,
                          diag_sink *d) {
    kernel_check c = {k, number, where, d};
    if (k->dims > KERNEL_MAX_DIMS || k->kept_dims > k->dims || k->columns < 1 || k->gates < 1 ||
        k->inner < 0 || k->elem >= DTYPE_COUNT || k->arg_count > KERNEL_MAX_ARGS ||
        k->instr_count > KERNEL_MAX_INSTRS) {
        return fail(&c, "has dimensions, columns or counts out of range");
    }
    if (k->flat && (k->kind != KERNEL_MAP || k->columns != 1 || k->dims)) {
        return fail(&c, "is flat, which only a map of one column without rows can be");
    }
    for (uint32_t i = 0; i < k->arg_count; i++) {
        if (k->args[i].elem >= DTYPE_COUNT || k->args[i].columns < 1) {
            return fail(&c, "has an argument of no known type");
        }
    }
    for (uint32_t i = 0; i < k->instr_count; i++) {
        TRY(check_instr(&c, i));
    }
    return check_kind(&c, shape);
}
