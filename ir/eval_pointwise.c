// Element-wise ops: the formula column of the op table, as a loop.
#include <math.h>

#include "ir/eval.h"

// Place 0 is the result, places 1 to 3 are the operands; the last is repeated where an op has fewer. |context|
// is the attribute f.
#define OP(id, mnemonic, operands, attributes, traits, shape, gradient, formula)               \
    static void formula_##id(void *context, double *const p[], const int64_t s[], int64_t n) { \
        const double f = *(const double *)context;                                             \
        for (int64_t i = 0; i < n; i++) {                                                      \
            const double a = p[1][i * s[1]], b = p[2][i * s[2]], c = p[3][i * s[3]];           \
            (void)a, (void)b, (void)c, (void)f;                                                \
            p[0][i * s[0]] = formula;                                                          \
        }                                                                                      \
    }
#include "ir/ops.def"
#undef OP

static eval_inner *const formulas[OP_COUNT] = {
#define OP(id, ...) [OP_##id] = formula_##id,
#include "ir/ops.def"
#undef OP
};

rnnc_status eval_pointwise(eval_call *c) {
    double f = op_get(c->n->op)->attr[0].kind == ATTR_FLOAT ? c->n->attr[0].f : 0;
    eval_place places[MAX_PLACES] = {c->out};
    for (uint32_t i = 0; i < MAX_FORMULA_OPERANDS; i++) {
        uint32_t operand = i < c->n->operand_count ? i : c->n->operand_count - 1;
        places[1 + i] = eval_operand(c, operand);
    }
    eval_walk(&c->box, places, MAX_PLACES, formulas[c->n->op], &f);
    return RNNC_OK;
}
