// The state of one module while its kernels are written, and short wrappers over LLVM's C builder.
// Everything in codegen/ that produces instructions takes an `emitter`.
#ifndef RNNC_CODEGEN_EMIT_H
#define RNNC_CODEGEN_EMIT_H

#include <llvm-c/Core.h>
#include <stdbool.h>
#include <stdint.h>

#include "codegen/facts.h"

typedef struct emitter {
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    const target_facts *target;
    LLVMTypeRef i1, i8, i32, i64, f32, f64, pointer, nothing;
} emitter;

// Fills |e| with a fresh context, module and builder for |target|. emitter_deinit disposes all three
// unless the module was taken (set e->module to NULL after handing it over).
void emitter_init(emitter *e, const char *module_name, const target_facts *target);
void emitter_deinit(emitter *e);

// Constants of the same type as |like|: a scalar, or a vector with all lanes equal. |like| may be f32, f64
// or an integer type, or a vector of them. l_float is rounded to |like|'s precision.
LLVMValueRef l_float(emitter *e, LLVMTypeRef like, double value);
LLVMValueRef l_int(emitter *e, LLVMTypeRef like, int64_t value);
LLVMValueRef l_i64(emitter *e, int64_t value);

// The vector type with |lanes| of |element|; lanes == 1 gives the scalar type itself.
LLVMTypeRef l_vector_type(LLVMTypeRef element, unsigned lanes);
// The number of lanes of |type|, 1 for a scalar.
unsigned l_lanes(LLVMTypeRef type);
LLVMTypeRef l_element(LLVMTypeRef type);
// The integer type (or vector) of the same width and lanes as the float type |type|.
LLVMTypeRef l_int_like(emitter *e, LLVMTypeRef type);

// |scalar| in all lanes of a vector of |lanes|; lanes == 1 gives |scalar| itself.
LLVMValueRef l_splat(emitter *e, LLVMValueRef scalar, unsigned lanes);

// a * b + c: one rounding (llvm.fma) where the target has it, two (fmul, fadd) where it has not.
// Never llvm.fmuladd, whose rounding the target would choose.
LLVMValueRef l_fma(emitter *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);

// Calls the intrinsic |name| overloaded on |types|.
LLVMValueRef l_intrinsic(emitter *e, const char *name, LLVMTypeRef *types, unsigned type_count,
                         LLVMValueRef *args, unsigned arg_count);

LLVMValueRef l_select(emitter *e, LLVMValueRef mask, LLVMValueRef a, LLVMValueRef b);

#endif
