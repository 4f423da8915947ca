#include "codegen/emit.h"

#include <string.h>

void emitter_init(emitter *e, const char *module_name, const target_facts *target) {
    LLVMContextRef context = LLVMContextCreate();
    e->context = context;
    e->module = LLVMModuleCreateWithNameInContext(module_name, context);
    e->builder = LLVMCreateBuilderInContext(context);
    e->target = target;
    e->i1 = LLVMInt1TypeInContext(context);
    e->i8 = LLVMInt8TypeInContext(context);
    e->i32 = LLVMInt32TypeInContext(context);
    e->i64 = LLVMInt64TypeInContext(context);
    e->f32 = LLVMFloatTypeInContext(context);
    e->f64 = LLVMDoubleTypeInContext(context);
    e->pointer = LLVMPointerTypeInContext(context, 0);
    e->nothing = LLVMVoidTypeInContext(context);
    if (target->triple != NULL) {
        LLVMSetTarget(e->module, target->triple);
    }
}

void emitter_deinit(emitter *e) {
    LLVMDisposeBuilder(e->builder);
    if (e->module != NULL) {
        LLVMDisposeModule(e->module);
    }
    LLVMContextDispose(e->context);
    memset(e, 0, sizeof *e);
}

// The constant |scalar| in every lane of |like|. The C API has no splat, and a constant shuffle folds to one.
static LLVMValueRef splat_constant(emitter *e, LLVMTypeRef like, LLVMValueRef scalar) {
    if (LLVMGetTypeKind(like) != LLVMVectorTypeKind) {
        return scalar;
    }
    LLVMValueRef poison = LLVMGetPoison(like);
    LLVMValueRef first = LLVMConstInsertElement(poison, scalar, LLVMConstInt(e->i32, 0, false));
    LLVMValueRef zeros = LLVMConstNull(LLVMVectorType(e->i32, LLVMGetVectorSize(like)));
    return LLVMConstShuffleVector(first, poison, zeros);
}

LLVMValueRef l_float(emitter *e, LLVMTypeRef like, double value) {
    return splat_constant(e, like, LLVMConstReal(l_element(like), value));
}

LLVMValueRef l_int(emitter *e, LLVMTypeRef like, int64_t value) {
    return splat_constant(e, like, LLVMConstInt(l_element(like), (unsigned long long)value, true));
}

LLVMValueRef l_i64(emitter *e, int64_t value) {
    return LLVMConstInt(e->i64, (unsigned long long)value, true);
}

LLVMTypeRef l_vector_type(LLVMTypeRef element, unsigned lanes) {
    return lanes == 1 ? element : LLVMVectorType(element, lanes);
}

unsigned l_lanes(LLVMTypeRef type) {
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetVectorSize(type) : 1;
}

LLVMTypeRef l_element(LLVMTypeRef type) {
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
}

LLVMTypeRef l_int_like(emitter *e, LLVMTypeRef type) {
    LLVMTypeRef element = l_element(type) == e->f64 ? e->i64 : e->i32;
    return l_vector_type(element, l_lanes(type));
}

LLVMValueRef l_splat(emitter *e, LLVMValueRef scalar, unsigned lanes) {
    if (lanes == 1) {
        return scalar;
    }
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), lanes);
    LLVMValueRef poison = LLVMGetPoison(type);
    LLVMValueRef zero = LLVMConstInt(e->i32, 0, false);
    LLVMValueRef first = LLVMBuildInsertElement(e->builder, poison, scalar, zero, "");
    LLVMValueRef zeros = LLVMConstNull(LLVMVectorType(e->i32, lanes));
    return LLVMBuildShuffleVector(e->builder, first, poison, zeros, "");
}

LLVMValueRef l_fma(emitter *e, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c) {
    if (!e->target->has_fma) {
        // Without the flag `contract`, which nothing here sets, LLVM never fuses these two.
        return LLVMBuildFAdd(e->builder, LLVMBuildFMul(e->builder, a, b, ""), c, "");
    }
    LLVMTypeRef type = LLVMTypeOf(a);
    return l_intrinsic(e, "llvm.fma", &type, 1, (LLVMValueRef[]){a, b, c}, 3);
}

LLVMValueRef l_intrinsic(emitter *e, const char *name, LLVMTypeRef *types, unsigned type_count,
                         LLVMValueRef *args, unsigned arg_count) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, types, type_count);
    LLVMTypeRef type = LLVMIntrinsicGetType(e->context, id, types, type_count);
    return LLVMBuildCall2(e->builder, type, function, args, arg_count, "");
}

LLVMValueRef l_select(emitter *e, LLVMValueRef mask, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildSelect(e->builder, mask, a, b, "");
}
