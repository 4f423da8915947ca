// Reductions over axes and columns, and the place of the maximum.
#include <math.h>

#include "ir/eval.h"

// The elements that are folded into the part of the result that is asked for. In the result's places the folded
// dimensions have stride 0, so that a walk over this box meets each result once per element folded into it.
static eval_box folded_box(const eval_call *c) {
    eval_box whole = eval_box_of(c->run, eval_operand_type(c, 0)), box = c->box;
    for (int axis = 0; axis < MAX_AXES; axis++) {
        if (c->n->attr[0].i & AXIS_BIT(axis)) {
            box.to[axis] = whole.to[axis];
        }
    }
    box.to[COLUMNS] = whole.to[COLUMNS];
    return box;
}

static void add_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    (void)context;
    for (int64_t i = 0; i < n; i++) {
        p[0][i * s[0]] += p[1][i * s[1]];
    }
}

rnnc_status eval_SUM(eval_call *c) {
    eval_box box = folded_box(c);
    eval_fill(&c->box, &c->out, 0);
    eval_walk(&box, (eval_place[]){c->out, eval_operand(c, 0)}, 2, add_inner, NULL);
    return RNNC_OK;
}

// Whether |value| takes the place of the largest so far: if it is greater, or the first NaN.
static bool exceeds(double value, double most) {
    return value > most || (isnan(value) && !isnan(most));
}

static void maximum_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    (void)context;
    for (int64_t i = 0; i < n; i++) {
        double *most = &p[0][i * s[0]], value = p[1][i * s[1]];
        *most = exceeds(value, *most) ? value : *most;
    }
}

// A NaN among the elements is the result.
rnnc_status eval_MAXIMUM(eval_call *c) {
    eval_box box = folded_box(c);
    eval_fill(&c->box, &c->out, -INFINITY);
    eval_walk(&box, (eval_place[]){c->out, eval_operand(c, 0)}, 2, maximum_inner, NULL);
    return RNNC_OK;
}

// p[0] sum, p[1] maximum, p[2] element.
static void add_exp_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    (void)context;
    for (int64_t i = 0; i < n; i++) {
        p[0][i * s[0]] += exp(p[2][i * s[2]] - p[1][i * s[1]]);
    }
}

// p[0] result, which is the maximum before, p[1] sum. An infinite maximum is the result itself.
static void add_log_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    (void)context;
    for (int64_t i = 0; i < n; i++) {
        double *result = &p[0][i * s[0]];
        *result = isinf(*result) ? *result : *result + log(p[1][i * s[1]]);
    }
}

// log sum exp x = m + log sum exp(x - m) with m the maximum, so that no exponential overflows.
rnnc_status eval_LSE(eval_call *c) {
    TRY(eval_MAXIMUM(c));
    eval_place sum = c->out;
    sum.at = eval_scratch(c->run, (size_t)eval_count(c->run, c->n->type) * sizeof(double));
    if (!sum.at) {
        return eval_fail(c, RNNC_OUT_OF_MEMORY, "no memory left");
    }
    eval_box box = folded_box(c);
    eval_fill(&c->box, &sum, 0);
    eval_walk(&box, (eval_place[]){sum, c->out, eval_operand(c, 0)}, 3, add_exp_inner, NULL);
    eval_walk(&c->box, (eval_place[]){c->out, sum}, 2, add_log_inner, NULL);
    return RNNC_OK;
}

// p[0] the place, p[1] the first element of the vector; |context| is the number of columns.
static void argmax_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    int64_t columns = *(const int64_t *)context;
    for (int64_t i = 0; i < n; i++) {
        const double *x = p[1] + i * s[1];
        int64_t best = 0;
        for (int64_t k = 1; k < columns; k++) {
            best = exceeds(x[k], x[best]) ? k : best;
        }
        p[0][i * s[0]] = (double)best;
    }
}

// The first of equal maxima, or of NaNs if there are any.
rnnc_status eval_ARGMAX(eval_call *c) {
    int64_t columns = type_columns(eval_operand_type(c, 0));
    eval_walk(&c->box, (eval_place[]){c->out, eval_operand(c, 0)}, 2, argmax_inner, &columns);
    return RNNC_OK;
}
