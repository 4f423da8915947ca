#include "codegen/vmath_internal.h"

// The same fits as in vmath_f32.c, with the same weights, rounded to f64 coefficient by coefficient.
// 2^-53 = 1.1e-16 is half an ulp of 1.

// (e^w - 1 - w) / w^2, |w| <= 0.347; error 2.9e-19.
static const double expm1_coefficients[] = {
    0x1.0000000000000p-1,  0x1.5555555555559p-3,  0x1.5555555555557p-5,  0x1.111111110f6f1p-7,
    0x1.6c16c16c177f6p-10, 0x1.a01a01afb2f6fp-13, 0x1.a01a0199c8daep-16, 0x1.71ddf8e44e3a5p-19,
    0x1.27e500a30df3bp-22, 0x1.af5dc1114ded8p-26, 0x1.1f2fd70609922p-29,
};

// (ln(1 + f) - f + f^2 / 2) / f^3, sqrt(1/2) - 1 <= f <= sqrt(2) - 1; error 1.4e-18.
static const double log1p_short_coefficients[] = {
    0x1.555555555556bp-2, -0x1.ffffffffffe85p-3, 0x1.9999999994d9fp-3, -0x1.555555556ab59p-3,
    0x1.249249275cfe8p-3, -0x1.fffffff3dcddfp-4, 0x1.c71c702e9ba5ep-4, -0x1.99999a9941f62p-4,
    0x1.745d58ba1087fp-4, -0x1.5555774aeb644p-4, 0x1.3b0d7aebcd930p-4, -0x1.248945bb8f70fp-4,
    0x1.1169e2fe939ecp-4, -0x1.00cfc5c82cb30p-4, 0x1.dc998c9112026p-5, -0x1.b45e788f4d61dp-5,
    0x1.bba56c66621cep-5, -0x1.010439d8f55e6p-4, 0x1.d2bc536112995p-5, -0x1.8dd7a3b84b824p-6,
};

// (ln(1 + x) - x) / x^2, 0 <= x <= 1; error 1.6e-18.
static const double log1p_unit_coefficients[] = {
    -0x1.fffffffffffeep-2,  0x1.5555555554755p-2, -0x1.ffffffff84b52p-3,  0x1.999999882f4a7p-3,
    -0x1.555553d7c5aabp-3,  0x1.2492336326c3ep-3, -0x1.fffe3e2e3584ap-4,  0x1.c70f05a208db6p-4,
    -0x1.994b7899ec537p-4,  0x1.72fa770d371bfp-4, -0x1.505775b730ccfp-4,  0x1.2c96cde2e33cep-4,
    -0x1.02475fe377417p-4,  0x1.9c27ffb78890cp-5, -0x1.25293704d04c2p-5,  0x1.63f9357be8119p-6,
    -0x1.6059b24443656p-7,  0x1.0d86034cedcf7p-8, -0x1.285116e40ae2fp-10, 0x1.9e2e8ba22e4a0p-13,
    -0x1.134be830f7ec9p-16,
};

// -ln(erfc(x)) / x - erf_slope, 0 <= x <= 6; error 2.2e-17.
static const double erf_coefficients[] = {
    -0x1.4dff482c613c3p-57, 0x1.45f306dc9c8d9p-1,   0x1.a4f4e2a1a9bc1p-4,   -0x1.396685908f7d0p-6,
    -0x1.b6b6a1bebe631p-13, 0x1.bca691d5ca683p-10,  -0x1.35663b83284d5p-11, 0x1.b29ad11e60760p-16,
    0x1.0e330e2c5400bp-14,  -0x1.f033464c30ee1p-16, 0x1.a975b6dcdbec1p-19,  0x1.a4761a5557edbp-19,
    -0x1.1164be8c71ec8p-19, 0x1.32434967855aap-21,  -0x1.8ef7e5b299293p-27, -0x1.1a82096d6b5eep-24,
    0x1.293636c12f263p-25,  -0x1.7250665b7e8f1p-27, 0x1.448d1f630b433p-29,  -0x1.9da853f6bd5f7p-32,
    0x1.7a8b8d616e849p-35,  -0x1.d9b2409777d83p-39, 0x1.6bcde9378b808p-43,  -0x1.02f8b19ae223cp-48,
};

const vmath_constants vmath_constants_f64 = {
    .mantissa_bits = 52,
    .exponent_bias = 1023,
    .sqrt_half_bits = 0x3fe6a09e667f3bcd,
    .smallest_normal = 0x1p-1022,
    .rounder = 0x1.8p+52,
    .log2_e = 0x1.71547652b82fep+0,
    .ln2_high = 0x1.62e42fefp-1,
    .ln2_low = 0x1.473de6af278edp-34,
    .exp_low = -0x1.6232bdd7abcd2p+9,
    .exp_high = 0x1.62e42fefa39efp+9,
    .flush = 708.39,
    .sigmoid_one = 40.0,
    .tanh_one = 20.0,
    .erf_one = 6.0,
    .erf_slope = 0x1.20dd750429b6dp+0,
    .expm1 = {11, expm1_coefficients},
    .log1p_short = {20, log1p_short_coefficients},
    .log1p_unit = {21, log1p_unit_coefficients},
    .erf = {24, erf_coefficients},
};
