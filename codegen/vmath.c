#include "codegen/vmath.h"

#include <math.h>
#include <stddef.h>

#include "codegen/vmath_internal.h"

// Every function but the logarithm rests on one decomposition, v = k ln 2 + w with an integer k and |w| <=
// ln(2) / 2, and on one polynomial for e^w - 1. Multiplying it by 2^k and adding what is missing in one
// step gives e^v, 1 + e^v and 1 - e^v without cancellation, so that tanh and erf need no second formula
// near 0. NaN is never tested for: all arguments pass through additions, products and selects that keep it.
// Clamps are written select(a > limit, limit, a), which leaves a NaN in place.

static const vmath_constants *constants_of(emitter *e, LLVMValueRef x) {
    return l_element(LLVMTypeOf(x)) == e->f64 ? &vmath_constants_f64 : &vmath_constants_f32;
}

static LLVMValueRef number(emitter *e, LLVMValueRef like, double value) {
    return l_float(e, LLVMTypeOf(like), value);
}

static LLVMValueRef add(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFAdd(e->builder, a, b, "");
}

static LLVMValueRef sub(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFSub(e->builder, a, b, "");
}

static LLVMValueRef mul(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFMul(e->builder, a, b, "");
}

// c - a * b, rounded as l_fma rounds.
static LLVMValueRef negated_fma(emitter *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c) {
    if (e->target->has_fma) {
        return l_fma(e, LLVMBuildFNeg(e->builder, a, ""), b, c);
    }
    return sub(e, c, mul(e, a, b));
}

static LLVMValueRef less(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildFCmp(e->builder, LLVMRealOLT, a, b, "");
}

static LLVMValueRef at_most(emitter *e, LLVMValueRef a, double limit) {
    LLVMValueRef bound = number(e, a, limit);
    return l_select(e, less(e, bound, a), bound, a);
}

static LLVMValueRef at_least(emitter *e, LLVMValueRef a, double limit) {
    LLVMValueRef bound = number(e, a, limit);
    return l_select(e, less(e, a, bound), bound, a);
}

static LLVMValueRef bits_of(emitter *e, LLVMValueRef x) {
    return LLVMBuildBitCast(e->builder, x, l_int_like(e, LLVMTypeOf(x)), "");
}

static LLVMValueRef float_of(emitter *e, LLVMValueRef bits, LLVMTypeRef type) {
    return LLVMBuildBitCast(e->builder, bits, type, "");
}

// The sign bit of |x| in an otherwise empty pattern; x without it goes to |out_magnitude|.
static LLVMValueRef split_sign(emitter *e, LLVMValueRef x, LLVMValueRef *out_magnitude) {
    LLVMValueRef bits = bits_of(e, x);
    LLVMTypeRef type = LLVMTypeOf(bits);
    int64_t sign_bit = l_element(type) == e->i64 ? INT64_MIN : INT32_MIN;
    LLVMValueRef sign = LLVMBuildAnd(e->builder, bits, l_int(e, type, sign_bit), "");
    *out_magnitude = float_of(e, LLVMBuildXor(e->builder, bits, sign, ""), LLVMTypeOf(x));
    return sign;
}

static LLVMValueRef join_sign(emitter *e, LLVMValueRef magnitude, LLVMValueRef sign) {
    LLVMValueRef bits = LLVMBuildOr(e->builder, bits_of(e, magnitude), sign, "");
    return float_of(e, bits, LLVMTypeOf(magnitude));
}

// Horner's scheme in |x|, or in -x where |alternate| is set.
static LLVMValueRef evaluate(emitter *e, const polynomial *p, LLVMValueRef x, bool alternate) {
    LLVMValueRef sum = NULL;
    for (unsigned i = p->count; i-- > 0;) {
        double c = alternate && i % 2 == 1 ? -p->coefficients[i] : p->coefficients[i];
        LLVMValueRef constant = number(e, x, c);
        sum = sum == NULL ? constant : l_fma(e, sum, x, constant);
    }
    return sum;
}

// v = k ln 2 + w: the integer k as the low bits of |rounded|'s pattern, and w.
typedef struct reduction {
    LLVMValueRef rounded, w;
} reduction;

static reduction reduce(emitter *e, const vmath_constants *c, LLVMValueRef v) {
    LLVMValueRef rounder = number(e, v, c->rounder);
    LLVMValueRef rounded = l_fma(e, v, number(e, v, c->log2_e), rounder);
    LLVMValueRef k = sub(e, rounded, rounder);
    LLVMValueRef w = l_fma(e, k, number(e, v, -c->ln2_high), v);
    return (reduction){rounded, l_fma(e, k, number(e, v, -c->ln2_low), w)};
}

// k moved to where a float has its exponent; what lies above it in |rounded| is shifted out.
static LLVMValueRef exponent_field(emitter *e, const vmath_constants *c, LLVMValueRef rounded) {
    LLVMValueRef bits = bits_of(e, rounded);
    return LLVMBuildShl(e->builder, bits, l_int(e, LLVMTypeOf(bits), c->mantissa_bits), "");
}

// e^w - 1, or 1 - e^-w where |negate| is set. The leading term stands outside the polynomial: what the rest
// is rounded by is then small against a step of w, and the value never falls where w grows.
static LLVMValueRef growth(emitter *e, const vmath_constants *c, LLVMValueRef w, bool negate) {
    LLVMValueRef curve = evaluate(e, &c->expm1, w, negate);
    LLVMValueRef square = mul(e, w, w);
    return negate ? negated_fma(e, square, curve, w) : l_fma(e, square, curve, w);
}

// e^-v = scale (1 - loss), where scale = 2^-k. The product of the two is exact.
typedef struct decay {
    LLVMValueRef scale, loss;
} decay;

// Expects -k within the exponents of normal numbers.
static decay decay_parts(emitter *e, const vmath_constants *c, LLVMValueRef v) {
    reduction r = reduce(e, c, v);
    LLVMValueRef field = exponent_field(e, c, r.rounded);
    LLVMValueRef one = l_int(e, LLVMTypeOf(field), c->exponent_bias << c->mantissa_bits);
    LLVMValueRef scale = float_of(e, LLVMBuildSub(e->builder, one, field, ""), LLVMTypeOf(v));
    return (decay){scale, growth(e, c, r.w, true)};
}

// 1 - e^-v for v >= 0, with a small relative error also where v is small.
static LLVMValueRef one_minus_decay(emitter *e, const decay *d) {
    return l_fma(e, d->scale, d->loss, sub(e, number(e, d->scale, 1.0), d->scale));
}

// 1 + e^-v for v >= 0, where the sum 1 + scale is exact as long as it matters.
static LLVMValueRef one_plus_decay(emitter *e, const decay *d) {
    return negated_fma(e, d->scale, d->loss, add(e, number(e, d->scale, 1.0), d->scale));
}

// 1 + e^-v for any v: what the sum 1 + scale is rounded by goes into the smaller term.
static LLVMValueRef one_plus_power(emitter *e, const decay *d) {
    LLVMValueRef one = number(e, d->scale, 1.0);
    LLVMValueRef sum = add(e, one, d->scale);
    LLVMValueRef rest = sub(e, one, sub(e, sum, d->scale));
    return add(e, sum, negated_fma(e, d->scale, d->loss, rest));
}

// e^-v / scale, around 1.
static LLVMValueRef remaining(emitter *e, const decay *d) {
    return sub(e, number(e, d->loss, 1.0), d->loss);
}

LLVMValueRef vmath_exp(emitter *e, LLVMValueRef x) {
    const vmath_constants *c = constants_of(e, x);
    LLVMTypeRef type = LLVMTypeOf(x);
    reduction r = reduce(e, c, x);
    LLVMValueRef power = add(e, number(e, x, 1.0), growth(e, c, r.w, false));
    // |power| lies around 1, so adding k to its exponent cannot leave the normal numbers within the two
    // limits.
    LLVMValueRef field = exponent_field(e, c, r.rounded);
    LLVMValueRef scaled = float_of(e, LLVMBuildAdd(e->builder, bits_of(e, power), field, ""), type);
    // x + inf is the limit above the range and keeps a NaN.
    LLVMValueRef finite = LLVMBuildFCmp(e->builder, LLVMRealOLE, x, number(e, x, c->exp_high), "");
    LLVMValueRef bounded = l_select(e, finite, scaled, add(e, x, number(e, x, INFINITY)));
    return l_select(e, less(e, x, number(e, x, c->exp_low)), number(e, x, 0.0), bounded);
}

LLVMValueRef vmath_sigmoid(emitter *e, LLVMValueRef x) {
    const vmath_constants *c = constants_of(e, x);
    decay d = decay_parts(e, c, at_most(e, at_least(e, x, -c->flush), c->sigmoid_one));
    LLVMValueRef y = LLVMBuildFDiv(e->builder, number(e, x, 1.0), one_plus_power(e, &d), "");
    return l_select(e, less(e, x, number(e, x, -c->flush)), number(e, x, 0.0), y);
}

LLVMValueRef vmath_tanh(emitter *e, LLVMValueRef x) {
    const vmath_constants *c = constants_of(e, x);
    LLVMValueRef magnitude;
    LLVMValueRef sign = split_sign(e, x, &magnitude);
    LLVMValueRef a = at_most(e, magnitude, c->tanh_one);
    decay d = decay_parts(e, c, add(e, a, a));
    LLVMValueRef y = LLVMBuildFDiv(e->builder, one_minus_decay(e, &d), one_plus_decay(e, &d), "");
    return join_sign(e, y, sign);
}

// x^2 for x >= 0 as the number |out_high| plus a small |out_low|. Without fused multiply-add x is cut in a
// short part, whose square is exact, and a rest.
static void square_parts(emitter *e, const vmath_constants *c, LLVMValueRef x, LLVMValueRef *out_high,
                         LLVMValueRef *out_low) {
    if (e->target->has_fma) {
        *out_high = mul(e, x, x);
        *out_low = l_fma(e, x, x, LLVMBuildFNeg(e->builder, *out_high, ""));
        return;
    }
    LLVMValueRef bits = bits_of(e, x);
    int64_t cut = ~(((int64_t)1 << (c->mantissa_bits + 2) / 2) - 1);
    LLVMValueRef kept = LLVMBuildAnd(e->builder, bits, l_int(e, LLVMTypeOf(bits), cut), "");
    LLVMValueRef head = float_of(e, kept, LLVMTypeOf(x));
    *out_high = mul(e, head, head);
    *out_low = mul(e, add(e, x, head), sub(e, x, head));
}

// -ln(erfc(a)) for a >= 0, as slope a + (a^2 + a h(a)) with a small h. What is rounded before the last sum is less
// than this value grows by from one a to the next. The polynomial runs in a - centre, where it converges on all of the
// range: in powers of a itself, large terms would cancel.
static LLVMValueRef erf_exponent(emitter *e, const vmath_constants *c, LLVMValueRef a) {
    LLVMValueRef high, low;
    square_parts(e, c, a, &high, &low);
    LLVMValueRef curve = evaluate(e, &c->erf, sub(e, a, number(e, a, c->erf_centre)), false);
    LLVMValueRef slope = number(e, a, c->erf_slope);
    if (e->target->has_fma) {
        LLVMValueRef h = l_fma(e, curve, a, number(e, a, c->erf_slope_rest));
        return l_fma(e, a, slope, add(e, high, l_fma(e, a, h, low)));
    }
    // Here the slope is cut to 1, so that its product is exact, and the rest of it is part of h; but for a small a the
    // product with that would be flushed.
    LLVMValueRef h = l_fma(e, curve, a, number(e, a, c->erf_slope - 1.0 + c->erf_slope_rest));
    LLVMValueRef sum = add(e, a, add(e, high, l_fma(e, a, h, low)));
    return l_select(e, less(e, a, number(e, a, 0x1p-60)), mul(e, a, slope), sum);
}

// erf(a) = 1 - e^-u with u = -ln(erfc(a)), which is smooth on all of [0, erf_one]. An error of u matters less
// and less as u grows, so that a polynomial of moderate degree is enough.
LLVMValueRef vmath_erf(emitter *e, LLVMValueRef x) {
    const vmath_constants *c = constants_of(e, x);
    LLVMValueRef magnitude;
    LLVMValueRef sign = split_sign(e, x, &magnitude);
    LLVMValueRef a = at_most(e, magnitude, c->erf_one);
    decay d = decay_parts(e, c, erf_exponent(e, c, a));
    return join_sign(e, one_minus_decay(e, &d), sign);
}

// ln(1 + e^x) = ln 2 + x / 2 + ln(cosh(x / 2)), for |x| < softplus_near. There neighbours of x lie closer than
// results; but what is added to the constant never falls, and a sum with a constant keeps that.
static LLVMValueRef softplus_near_zero(emitter *e, const vmath_constants *c, LLVMValueRef x) {
    LLVMValueRef square = mul(e, x, x);
    LLVMValueRef curve = evaluate(e, &c->log_cosh, square, false);
    LLVMValueRef half = mul(e, x, number(e, x, 0.5));
    return add(e, number(e, x, c->ln2), l_fma(e, square, curve, half));
}

// ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), and e^-|x| is at most about 1/e.
static LLVMValueRef softplus_far(emitter *e, const vmath_constants *c, LLVMValueRef x,
                                 LLVMValueRef magnitude) {
    decay d = decay_parts(e, c, at_most(e, magnitude, c->flush));
    // A product, not an addition to the exponent, because it keeps a NaN.
    LLVMValueRef power = mul(e, d.scale, remaining(e, &d));
    LLVMValueRef curve = evaluate(e, &c->log1p_small, power, false);
    LLVMValueRef logarithm = l_fma(e, mul(e, power, power), curve, power);
    return add(e, at_least(e, x, 0.0), logarithm);
}

LLVMValueRef vmath_softplus(emitter *e, LLVMValueRef x) {
    const vmath_constants *c = constants_of(e, x);
    LLVMValueRef magnitude;
    split_sign(e, x, &magnitude);
    LLVMValueRef near = less(e, magnitude, number(e, x, c->softplus_near));
    LLVMValueRef y = l_select(e, near, softplus_near_zero(e, c, x), softplus_far(e, c, x, magnitude));
    return l_select(e, less(e, x, number(e, x, -c->flush)), number(e, x, 0.0), y);
}

// x = 2^k m with sqrt(1/2) <= m < sqrt(2), for positive normal x: k as a float, and m - 1.
static void split_exponent(emitter *e, const vmath_constants *c, LLVMValueRef x, LLVMValueRef *out_k,
                           LLVMValueRef *out_f) {
    LLVMTypeRef type = LLVMTypeOf(x);
    LLVMTypeRef integers = l_int_like(e, type);
    int64_t one_bits = c->exponent_bias << c->mantissa_bits;
    int64_t mantissa = ((int64_t)1 << c->mantissa_bits) - 1;
    LLVMValueRef shifted =
        LLVMBuildAdd(e->builder, bits_of(e, x), l_int(e, integers, one_bits - c->sqrt_half_bits), "");
    LLVMValueRef low = LLVMBuildAnd(e->builder, shifted, l_int(e, integers, mantissa), "");
    LLVMValueRef m = LLVMBuildAdd(e->builder, low, l_int(e, integers, c->sqrt_half_bits), "");
    *out_f = sub(e, float_of(e, m, type), number(e, x, 1.0));
    // The biased exponent, put into the low bits of 2^mantissa_bits, counts ones there.
    double base = ldexp(1.0, (int)c->mantissa_bits);
    int64_t base_bits = (c->exponent_bias + c->mantissa_bits) << c->mantissa_bits;
    LLVMValueRef biased = LLVMBuildLShr(e->builder, shifted, l_int(e, integers, c->mantissa_bits), "");
    LLVMValueRef counted = LLVMBuildOr(e->builder, biased, l_int(e, integers, base_bits), "");
    *out_k = sub(e, float_of(e, counted, type), number(e, x, base + (double)c->exponent_bias));
}

LLVMValueRef vmath_log(emitter *e, LLVMValueRef x) {
    const vmath_constants *c = constants_of(e, x);
    LLVMValueRef k, f;
    split_exponent(e, c, x, &k, &f);
    LLVMValueRef cubic = evaluate(e, &c->log1p_short, f, false);
    LLVMValueRef square = l_fma(e, f, cubic, number(e, x, -0.5));
    LLVMValueRef rest = l_fma(e, mul(e, f, f), square, mul(e, k, number(e, x, c->ln2_low)));
    LLVMValueRef y = l_fma(e, k, number(e, x, c->ln2_high), add(e, f, rest));
    // +inf and NaN stay; what is not positive and normal has its limit or no logarithm.
    LLVMValueRef infinite = number(e, x, INFINITY);
    LLVMValueRef bounded = l_select(e, less(e, x, infinite), y, x);
    LLVMValueRef tiny = number(e, x, c->smallest_normal);
    LLVMValueRef positive = l_select(e, less(e, x, tiny), number(e, x, -INFINITY), bounded);
    LLVMValueRef negative = LLVMBuildFCmp(e->builder, LLVMRealOLE, x, number(e, x, -c->smallest_normal), "");
    return l_select(e, negative, number(e, x, NAN), positive);
}
