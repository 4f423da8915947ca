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

// (ln(1 + x) - x) / x^2, weight x^2 / ln(1 + x), 0 <= x <= 1; error 5.3e-9.
static const double log1p_unit_coefficients[] = {
    -0x1.ffffd2p-2, 0x1.554dd0p-2,  -0x1.ff23e6p-3, 0x1.934b54p-3,  -0x1.3a435ep-3,
    0x1.b4ae06p-4,  -0x1.d6b07ep-5, 0x1.4917acp-6,  -0x1.af495ep-9,
};

// -ln(erfc(x)) / x - erf_slope, weight x erfc(x) / erf(x), which is how an error here reaches erf;
// 0 <= x <= 4; error 4.1e-9.
static const double erf_coefficients[] = {
    -0x1.d0edc0p-25, 0x1.45f2fap-1,   0x1.a4fa4ap-4,  -0x1.39cc9ep-6,  -0x1.516b6cp-13,
    0x1.b520c4p-10,  -0x1.4bec58p-11, 0x1.edb73cp-14, -0x1.36d7cap-17,
};

const vmath_constants vmath_constants_f32 = {
    .mantissa_bits = 23,
    .exponent_bias = 127,
    .sqrt_half_bits = 0x3f3504f3,
    .smallest_normal = 0x1p-126,
    .rounder = 0x1.8p+23,
    .log2_e = 0x1.715476p+0,
    .ln2_high = 0x1.63p-1,
    .ln2_low = -0x1.bd0106p-13,
    .exp_low = -0x1.5d589ep+6,
    .exp_high = 0x1.62e42ep+6,
    .flush = 87.33,
    .sigmoid_one = 20.0,
    .tanh_one = 10.0,
    .erf_one = 4.0,
    .erf_slope = 0x1.20dd76p+0,
    .expm1 = {5, expm1_coefficients},
    .log1p_short = {9, log1p_short_coefficients},
    .log1p_unit = {9, log1p_unit_coefficients},
    .erf = {9, erf_coefficients},
};
