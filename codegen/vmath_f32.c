#include "codegen/vmath_internal.h"

// Each polynomial is a weighted minimax fit (Remez exchange at 60 digits), its coefficients rounded to f32
// one after the other from the lowest up and the remaining ones fitted again after each rounding. "Error"
// is the largest contribution to the relative error of the function's result; 2^-24 = 6.0e-8 is half an ulp
// of 1.

// (e^w - 1 - w) / w^2, weight w^2 / (e^w - 1), |w| <= 0.347; error 1.4e-8.
static const double expm1_coefficients[] = {
    0x1.fffffep-2, 0x1.5554b4p-3, 0x1.5556f2p-5, 0x1.12256ap-7, 0x1.6b9d42p-10,
};

// (ln(1 + f) - f + f^2 / 2) / f^3, weight f^3 / ln(1 + f), sqrt(1/2) - 1 <= f <= sqrt(2) - 1; error 7.8e-10.
static const double log1p_short_coefficients[] = {
    0x1.555548p-2,  -0x1.000006p-2, 0x1.99a476p-3,  -0x1.555c44p-3, 0x1.233ba2p-3,
    -0x1.fc28e2p-4, 0x1.e6c048p-4,  -0x1.de00fcp-4, 0x1.1470f8p-4,
};

// (ln(1 + x) - x) / x^2, weight x^2 / ln(1 + x), 0 <= x <= 0.3622; error 4.8e-9.
static const double log1p_small_coefficients[] = {
    -0x1.ffffc8p-2, 0x1.554942p-2, -0x1.fe3e20p-3, 0x1.8a324ep-3, -0x1.0ddfcap-3, 0x1.bae7dcp-5,
};

// ln(cosh(x / 2)) / x^2 by powers of x^2, weight x^2 / ln(1 + e^-x), 0 <= x <= 1.0157; error 1.1e-8.
static const double log_cosh_coefficients[] = {
    0x1.ffffd4p-4,
    -0x1.553d02p-8,
    0x1.67c25ep-12,
    -0x1.695960p-16,
};

// (-ln(erfc(x)) / x - 2 / sqrt(pi)) / x - 1 by powers of x - erf_centre, weight x^2 erfc(x) / erf(x), which is how an error
// here reaches erf,
// 0 <= x <= 4, its coefficients rounded all at once; error 5.0e-9.
static const double erf_coefficients[] = {
    -0x1.c89c5cp-3,  0x1.73e8cap-5,  -0x1.1dbb1cp-7,  0x1.89acb4p-10,
    -0x1.98810cp-13, 0x1.8d9d2cp-21, -0x1.9e0d62p-17, -0x1.39656ap-17,
};

const vmath_constants vmath_constants_f32 = {
    .mantissa_bits = 23,
    .exponent_bias = 127,
    .sqrt_half_bits = 0x3f3504f3,
    .smallest_normal = 0x1p-126,
    .rounder = 0x1.8p+23,
    .log2_e = 0x1.715476p+0,
    .ln2 = 0x1.62e430p-1,
    .ln2_high = 0x1.63p-1,
    .ln2_low = -0x1.bd0106p-13,
    .exp_low = -0x1.5d589ep+6,
    .exp_high = 0x1.62e42ep+6,
    .flush = 87.33,
    .sigmoid_one = 20.0,
    .tanh_one = 10.0,
    .softplus_near = 0x1.04p+0,
    .erf_one = 4.0,
    .erf_slope = 0x1.20dd76p+0,
    .erf_slope_rest = -0x1.f7ac92p-25,
    .erf_centre = 2.0,
    .expm1 = {5, expm1_coefficients},
    .log1p_short = {9, log1p_short_coefficients},
    .log1p_small = {6, log1p_small_coefficients},
    .log_cosh = {4, log_cosh_coefficients},
    .erf = {8, erf_coefficients},
};
