// The element-wise ops as functions of numbers, by other formulas than the op table's: what tests compare with.
#ifndef RNNC_TESTS_POINTWISE_FORMULAS_H
#define RNNC_TESTS_POINTWISE_FORMULAS_H

#include <math.h>

#include "ir/graph.h"

static double n_neg(double a, double b, double c) {
    return (void)b, (void)c, 0 - a;
}
static double n_exp(double a, double b, double c) {
    return (void)b, (void)c, pow(2.718281828459045235, a);
}
static double n_log(double a, double b, double c) {
    return (void)b, (void)c, log2(a) / 1.4426950408889634074;
}
static double n_sqrt(double a, double b, double c) {
    return (void)b, (void)c, pow(a, 0.5);
}
static double n_abs(double a, double b, double c) {
    return (void)b, (void)c, a < 0 ? -a : a;
}
static double n_tanh(double a, double b, double c) {
    return (void)b, (void)c, 1 - 2 / (exp(2 * a) + 1);
}
static double n_sigmoid(double a, double b, double c) {
    return (void)b, (void)c, 0.5 + 0.5 * tanh(a / 2);
}
static double n_softplus(double a, double b, double c) {
    return (void)b, (void)c, log(1 + exp(a));
}
static double n_same(double a, double b, double c) {
    return (void)b, (void)c, a;
}
static double n_cut(double a, double b, double c) {
    return (void)b, (void)c, a < 0 ? -floor(-a) : floor(a);
}
static double n_add(double a, double b, double c) {
    return (void)c, a + b;
}
static double n_sub(double a, double b, double c) {
    return (void)c, a - b;
}
static double n_mul(double a, double b, double c) {
    return (void)c, a * b;
}
static double n_div(double a, double b, double c) {
    return (void)c, a * (1 / b);
}
static double n_min(double a, double b, double c) {
    return (void)c, fmin(a, b);
}
static double n_max(double a, double b, double c) {
    return (void)c, fmax(a, b);
}
static double n_less(double a, double b, double c) {
    return (void)c, a < b ? 1 : 0;
}
static double n_less_equal(double a, double b, double c) {
    return (void)c, a > b ? 0 : 1;
}
static double n_equal(double a, double b, double c) {
    return (void)c, a == b ? 1 : 0;
}
static double n_select(double a, double b, double c) {
    return a == 1 ? b : c;
}

// erf x = 2/sqrt(pi) times the integral of exp(-u^2) from 0 to x, by Simpson's rule.
static double n_erf(double a, double b, double c) {
    (void)b, (void)c;
    enum { STEPS = 2000 };
    double h = a / STEPS, sum = 1 + exp(-a * a);
    for (int i = 1; i < STEPS; i++) {
        sum += (i % 2 ? 4 : 2) * exp(-(i * h) * (i * h));
    }
    return 1.1283791670955125739 * sum * h / 3;
}

typedef struct pointwise_case {
    op_id op;
    int operands;
    double (*scalar)(double a, double b, double c);
    double low, high; // of the operands' elements
    dtype elem;       // of the operands; SELECT's mask is i32 in any case
} pointwise_case;

static const pointwise_case pointwise[] = {
    {OP_NEG, 1, n_neg, -2, 2, DT_F64},       {OP_NEG, 1, n_neg, -9, 9, DT_I32},
    {OP_EXP, 1, n_exp, -3, 3, DT_F64},       {OP_LOG, 1, n_log, 0.1, 5, DT_F64},
    {OP_SQRT, 1, n_sqrt, 0, 5, DT_F64},      {OP_ABS, 1, n_abs, -2, 2, DT_F64},
    {OP_TANH, 1, n_tanh, -3, 3, DT_F64},     {OP_SIGMOID, 1, n_sigmoid, -5, 5, DT_F64},
    {OP_ERF, 1, n_erf, -2, 2, DT_F64},       {OP_SOFTPLUS, 1, n_softplus, -5, 5, DT_F64},
    {OP_COPY, 1, n_same, -2, 2, DT_F64},     {OP_ADD, 2, n_add, -2, 2, DT_F64},
    {OP_ADD, 2, n_add, -9, 9, DT_I32},       {OP_SUB, 2, n_sub, -2, 2, DT_F64},
    {OP_MUL, 2, n_mul, -2, 2, DT_F64},       {OP_DIV, 2, n_div, 0.5, 2, DT_F64},
    {OP_MIN, 2, n_min, -2, 2, DT_F64},       {OP_MAX, 2, n_max, -2, 2, DT_F64},
    {OP_LESS, 2, n_less, 0, 3, DT_I32},      {OP_LESS_EQUAL, 2, n_less_equal, 0, 3, DT_I32},
    {OP_EQUAL, 2, n_equal, 0, 3, DT_I32},    {OP_LESS, 2, n_less, -2, 2, DT_F64},
    {OP_SELECT, 3, n_select, -2, 2, DT_F64},
};

#endif
