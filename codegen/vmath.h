// Elementary functions as inline vector code: polynomials and bit operations, no library calls, no tables,
// the same instructions for any number of lanes, so that a value does not depend on its place in a vector.
// (The payload of a NaN may.) Each takes and returns a float value of scalar or vector type (f32 or f64)
// and emits at e->builder.
//
// Common contract: the exact result at 0 (and the right sign of zero for odd functions; softplus(0) = ln 2 is
// within its bound), at +-inf the limit, NaN gives NaN; odd functions are odd bit for bit.
//
// Error bounds in ulp of the exact result stand at each declaration, for targets with fused multiply-add
// and without. Those for f32 are proved by running every argument; those for f64 are the largest that tens
// of millions of samples showed, with a margin. "Monotonic" means f(x) <= f(next x) for all neighbours,
// proved for f32 in the same way and sampled for f64, beside all seams between ranges and beside steps.
//
// Denormal numbers: programs run with results flushed to 0 and denormal arguments counting as 0, and the
// bounds hold in that mode. A result below 1.02 times the smallest normal number may be 0. In the other
// mode log still takes a denormal argument for 0.
#ifndef RNNC_CODEGEN_VMATH_H
#define RNNC_CODEGEN_VMATH_H

#include "codegen/emit.h"

// e^x; 0 where the result is not normal, +inf above the range. Monotonic.
// f32: 1.04 ulp, 1.01 unfused; f64: 1.1 ulp.
LLVMValueRef vmath_exp(emitter *e, LLVMValueRef x);

// The natural logarithm; -inf at 0, NaN below. Monotonic.
// f32: 0.83 ulp, 0.9 unfused; f64: 0.85 ulp, 1.0 unfused.
LLVMValueRef vmath_log(emitter *e, LLVMValueRef x);

// Monotonic. f32: 1.97 ulp, 2.02 unfused; f64: 2.2 ulp.
LLVMValueRef vmath_tanh(emitter *e, LLVMValueRef x);

// 1 / (1 + e^-x); 0 below -87.33 (f32) and -708.39 (f64). Monotonic.
// f32: 1.75 ulp, 1.78 unfused; f64: 1.8 ulp.
LLVMValueRef vmath_sigmoid(emitter *e, LLVMValueRef x);

// Monotonic. f32: 1.84 ulp, 2.0 unfused; f64: 1.75 ulp, 2.1 unfused.
LLVMValueRef vmath_erf(emitter *e, LLVMValueRef x);

// ln(1 + e^x), without overflow; 0 below -87.33 (f32) and -708.39 (f64). Monotonic.
// f32: 1.64 ulp, 1.72 unfused; f64: 1.7 ulp, 1.8 unfused.
LLVMValueRef vmath_softplus(emitter *e, LLVMValueRef x);

#endif
