// The constants of the elementary functions, one set for each float type. Private to vmath*.c.
#ifndef RNNC_CODEGEN_VMATH_INTERNAL_H
#define RNNC_CODEGEN_VMATH_INTERNAL_H

#include <stdint.h>

// coefficients[i] belongs to the i-th power.
typedef struct polynomial {
    unsigned count;
    const double *coefficients;
} polynomial;

typedef struct vmath_constants {
    unsigned mantissa_bits; // 23 or 52
    int64_t exponent_bias;  // 127 or 1023
    int64_t sqrt_half_bits; // the bit pattern of the first number not below sqrt(1/2)
    double smallest_normal;
    double rounder; // 1.5 * 2^mantissa_bits: adding and subtracting it rounds to an integer
    double log2_e;  // 1 / ln 2
    double ln2;
    double ln2_high;        // ln 2 cut so short that k * ln2_high is exact for each exponent k
    double ln2_low;         // ln 2 - ln2_high
    double exp_low;         // the least x with e^x >= smallest_normal
    double exp_high;        // the greatest x with e^x finite
    double flush;           // sigmoid(-x) and softplus(-x) are 0 for x above this
    double softplus_near;   // softplus has a formula for |x| below this, and another one
    double sigmoid_one;     // from here on sigmoid is 1,
    double tanh_one;        // tanh is 1,
    double erf_one;         // and erf is 1
    double erf_slope;       // 2 / sqrt(pi), rounded: the slope of erf at 0
    double erf_slope_rest;  // what it is rounded by
    double erf_centre;      // the polynomial |erf| runs in x - erf_centre
    polynomial expm1;       // (e^w - 1 - w) / w^2 on |w| <= ln(2) / 2
    polynomial log1p_short; // (ln(1 + f) - f + f^2 / 2) / f^3 on sqrt(1/2) - 1 <= f <= sqrt(2) - 1
    polynomial log1p_small; // (ln(1 + x) - x) / x^2 on 0 <= x <= e^-softplus_near
    polynomial log_cosh;    // ln(cosh(x / 2)) / x^2 on |x| <= softplus_near, a polynomial in x^2
    polynomial erf;         // (-ln(1 - erf(x)) / x - 2 / sqrt(pi)) / x - 1 on 0 <= x <= erf_one
} vmath_constants;

// ORDER: vmath_f32.c and vmath_f64.c hold the same fits, made for 24 and for 53 bits.
extern const vmath_constants vmath_constants_f32;
extern const vmath_constants vmath_constants_f64;

#endif
