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

// (ln(1 + x) - x) / x^2, 0 <= x <= 0.3622; error 2.9e-18.
static const double log1p_small_coefficients[] = {
    -0x1.fffffffffffd7p-2, 0x1.5555555552cb3p-2, -0x1.fffffffe3bac5p-3, 0x1.99999949dccaap-3,
    -0x1.55554cf892ed9p-3, 0x1.2491b72ee51a3p-3, -0x1.fff25729dc576p-4, 0x1.c6a84353af200p-4,
    -0x1.96cd39ae58f77p-4, 0x1.67b7601ba7ccfp-4, -0x1.2b4971d0e37ddp-4, 0x1.a8d60e178b0e7p-5,
    -0x1.b3266a4f60c3bp-6, 0x1.cbd0968e12c33p-8,
};

// ln(cosh(x / 2)) / x^2 by powers of x^2, 0 <= x <= 1.0157; error 1.2e-18.
static const double log_cosh_coefficients[] = {
    0x1.ffffffffffffap-4,  -0x1.555555555443fp-8,  0x1.6c16c16b08201p-12, -0x1.ba1ba134a0fc1p-16,
    0x1.1ea5c091cc4a2p-19, -0x1.833a3a5672c62p-23, 0x1.0cd9b1b2e3825p-26, -0x1.79f2edc7cb450p-30,
    0x1.f9711a0960ccfp-34, -0x1.e341eb2c4ff0ap-38,
};

// (-ln(erfc(x)) / x - 2 / sqrt(pi)) / x - 1 by powers of x - erf_centre,
// 0 <= x <= 6, its coefficients rounded all at once; error 2.4e-17.
static const double erf_coefficients[] = {
    -0x1.9e3b21d7350f1p-3,  0x1.34d0d350abf10p-5,   -0x1.bbdff55413bb9p-8,  0x1.26aefd1f6294ep-10,
    -0x1.53f2f37fc6511p-13, 0x1.200bccc06a850p-16,  -0x1.0a53133e6768ap-23, -0x1.45cbf4b90803ap-21,
    0x1.dd968500cbb79p-23,  -0x1.df56ddc4d329dp-25, 0x1.794069691faf9p-27,  -0x1.e03ea80e757d4p-30,
    0x1.8cbd6d18f8982p-33,  0x1.5a4a94c64d5e9p-34,  -0x1.3a61e18d40171p-37, -0x1.9d7975e278318p-37,
    -0x1.42ae60607eb4bp-37, 0x1.489d3c43b7d51p-40,  0x1.c3a7c865fed99p-40,  0x1.64ecd41e3e80ap-42,
    -0x1.4fcd9c1f65976p-44, -0x1.4a43a29e5acdep-45, -0x1.0668300a65ebap-48,
};

const vmath_constants vmath_constants_f64 = {
    .mantissa_bits = 52,
    .exponent_bias = 1023,
    .sqrt_half_bits = 0x3fe6a09e667f3bcd,
    .smallest_normal = 0x1p-1022,
    .rounder = 0x1.8p+52,
    .log2_e = 0x1.71547652b82fep+0,
    .ln2 = 0x1.62e42fefa39efp-1,
    .ln2_high = 0x1.62e42fefp-1,
    .ln2_low = 0x1.473de6af278edp-34,
    .exp_low = -0x1.6232bdd7abcd2p+9,
    .exp_high = 0x1.62e42fefa39efp+9,
    .flush = 708.39,
    .sigmoid_one = 40.0,
    .tanh_one = 20.0,
    .softplus_near = 0x1.04p+0,
    .erf_one = 6.0,
    .erf_slope = 0x1.20dd750429b6dp+0,
    .erf_slope_rest = 0x1.1ae3a9p-56,
    .erf_centre = 2.5,
    .expm1 = {11, expm1_coefficients},
    .log1p_short = {20, log1p_short_coefficients},
    .log1p_small = {14, log1p_small_coefficients},
    .log_cosh = {10, log_cosh_coefficients},
    .erf = {23, erf_coefficients},
};
