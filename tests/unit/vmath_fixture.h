// The elementary functions, compiled for several targets as loops over arrays: for test_vmath.c.
#ifndef RNNC_TESTS_VMATH_FIXTURE_H
#define RNNC_TESTS_VMATH_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Object.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <cmocka.h>

#ifdef __x86_64__
#include <xmmintrin.h>
#endif

#include "codegen/vmath.h"

enum { FUNCTIONS = 6, LANE_KINDS = 3, MAX_TARGETS = 3, CHUNK = 4096, PAD = 16 };

typedef struct function_case {
    const char *name;
    LLVMValueRef (*emit)(emitter *e, LLVMValueRef x);
    double (*reference)(double x);
    long double (*precise)(long double x);
    double (*seam)(double v); // the x, or the |x| of an odd function, at which e^v or 2^v is decomposed
    bool odd;
    double f32_ulp[2], f64_ulp[2]; // the errors that vmath.h states, with fused multiply-add and without
    double range;                  // where f64 arguments are drawn from evenly
} function_case;

static inline double sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}

static inline double softplus(double x) {
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static inline long double precise_sigmoid(long double x) {
    return 1.0L / (1.0L + expl(-x));
}

static inline long double precise_softplus(long double x) {
    return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x));
}

// Where a function's exponent v is, in terms of its argument.
static inline double seam_itself(double v) {
    return v;
}

static inline double seam_of_tanh(double v) {
    return v / 2;
}

static inline double seam_of_erf(double v) {
    double low = 0, high = 26;
    for (int i = 0; i < 64; i++) {
        double middle = (low + high) / 2;
        bool above = -log(erfc(middle)) > v;
        low = above ? low : middle;
        high = above ? middle : high;
    }
    return low;
}

static const function_case cases[FUNCTIONS] = {
    {"exp", vmath_exp, exp, expl, seam_itself, false, {1.04, 1.01}, {1.1, 1.1}, 760},
    {"log", vmath_log, log, logl, exp, false, {0.83, 0.9}, {0.85, 1.0}, 1e4},
    {"tanh", vmath_tanh, tanh, tanhl, seam_of_tanh, true, {1.97, 2.02}, {2.2, 2.2}, 25},
    {"sigmoid", vmath_sigmoid, sigmoid, precise_sigmoid, seam_itself, false, {1.75, 1.78}, {1.8, 1.8}, 50},
    {"erf", vmath_erf, erf, erfl, seam_of_erf, true, {1.84, 2.0}, {1.75, 2.1}, 8},
    {"softplus",
     vmath_softplus,
     softplus,
     precise_softplus,
     seam_itself,
     false,
     {1.64, 1.72},
     {1.7, 1.8},
     50},
};

// Lanes of f32 and f64 kernels; the first is the one that the sweeps run.
static const unsigned f32_lanes[LANE_KINDS] = {16, 4, 1};
static const unsigned f64_lanes[LANE_KINDS] = {8, 2, 1};

typedef void f32_kernel(const float *in, float *out, int64_t count);
typedef void f64_kernel(const double *in, double *out, int64_t count);

typedef struct compiled {
    const char *label;
    target_facts facts;
    LLVMOrcLLJITRef jit;
    f32_kernel *f32[FUNCTIONS][LANE_KINDS];
    f64_kernel *f64[FUNCTIONS][LANE_KINDS];
} compiled;

typedef struct fixture {
    compiled targets[MAX_TARGETS];
    unsigned target_count;
    char *triple, *host_cpu, *host_features; // LLVM's strings
    bool full;
} fixture;

typedef struct job {
    const fixture *fix;
    unsigned function;
} job;

// ---- Compiling ----

static inline void kernel_name(char *text, size_t size, unsigned function, const char *type, unsigned lanes) {
    snprintf(text, size, "%s_%s_%u", cases[function].name, type, lanes);
}

static inline void set_attribute(emitter *e, LLVMValueRef function, const char *key, const char *value) {
    LLVMAttributeRef attribute =
        LLVMCreateStringAttribute(e->context, key, (unsigned)strlen(key), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute);
}

static inline LLVMValueRef new_function(emitter *e, const char *name) {
    LLVMTypeRef type =
        LLVMFunctionType(e->nothing, (LLVMTypeRef[]){e->pointer, e->pointer, e->i64}, 3, false);
    LLVMValueRef function = LLVMAddFunction(e->module, name, type);
    unsigned nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->context, nounwind, 0));
    set_attribute(e, function, "no-builtins", "");
    set_attribute(e, function, "target-cpu", e->target->cpu);
    set_attribute(e, function, "target-features", e->target->features);
    set_attribute(e, function, "prefer-vector-width", "512");
    return function;
}

// for (i = 0; i < count; i += lanes) out[i …] = f(in[i …]);  count is positive and a multiple of lanes.
static inline void emit_loop(emitter *e, const function_case *f, const char *name, LLVMTypeRef element,
                             unsigned lanes) {
    LLVMValueRef function = new_function(e, name);
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(e->context, function, "entry");
    LLVMBasicBlockRef loop = LLVMAppendBasicBlockInContext(e->context, function, "loop");
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(e->context, function, "done");
    LLVMPositionBuilderAtEnd(e->builder, entry);
    LLVMBuildBr(e->builder, loop);
    LLVMPositionBuilderAtEnd(e->builder, loop);
    LLVMValueRef i = LLVMBuildPhi(e->builder, e->i64, "i");
    unsigned alignment = element == e->f64 ? 8 : 4;
    LLVMValueRef from = LLVMBuildGEP2(e->builder, element, LLVMGetParam(function, 0), &i, 1, "");
    LLVMValueRef to = LLVMBuildGEP2(e->builder, element, LLVMGetParam(function, 1), &i, 1, "");
    LLVMValueRef x = LLVMBuildLoad2(e->builder, l_vector_type(element, lanes), from, "");
    LLVMSetAlignment(x, alignment);
    LLVMSetAlignment(LLVMBuildStore(e->builder, f->emit(e, x), to), alignment);
    LLVMValueRef next = LLVMBuildAdd(e->builder, i, l_i64(e, lanes), "");
    LLVMAddIncoming(i, (LLVMValueRef[]){l_i64(e, 0), next}, (LLVMBasicBlockRef[]){entry, loop}, 2);
    LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntSLT, next, LLVMGetParam(function, 2), "");
    LLVMBuildCondBr(e->builder, more, loop, done);
    LLVMPositionBuilderAtEnd(e->builder, done);
    LLVMBuildRetVoid(e->builder);
}

static inline void emit_all(emitter *e) {
    char name[64];
    for (unsigned f = 0; f < FUNCTIONS; f++) {
        for (unsigned k = 0; k < LANE_KINDS; k++) {
            kernel_name(name, sizeof name, f, "f32", f32_lanes[k]);
            emit_loop(e, &cases[f], name, e->f32, f32_lanes[k]);
            kernel_name(name, sizeof name, f, "f64", f64_lanes[k]);
            emit_loop(e, &cases[f], name, e->f64, f64_lanes[k]);
        }
    }
}

// The object code of |module| for |facts|. The module is optimised in place.
static inline LLVMMemoryBufferRef compile_module(LLVMModuleRef module, const target_facts *facts) {
    char *message = NULL;
    LLVMTargetRef target;
    if (LLVMGetTargetFromTriple(facts->triple, &target, &message) != 0) {
        fail_msg("%s: %s", facts->triple, message);
    }
    LLVMTargetMachineRef machine =
        LLVMCreateTargetMachine(target, facts->triple, facts->cpu, facts->features, LLVMCodeGenLevelDefault,
                                LLVMRelocPIC, LLVMCodeModelDefault);
    assert_non_null(machine);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(module, layout);
    LLVMDisposeTargetData(layout);
    if (LLVMVerifyModule(module, LLVMReturnStatusAction, &message) != 0) {
        fail_msg("%s", message);
    }
    LLVMDisposeMessage(message);
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    assert_null(LLVMRunPasses(module, "function(early-cse)", machine, options));
    LLVMDisposePassBuilderOptions(options);
    LLVMMemoryBufferRef object = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, LLVMObjectFile, &message, &object) != 0) {
        fail_msg("%s", message);
    }
    LLVMDisposeTargetMachine(machine);
    return object;
}

static inline LLVMMemoryBufferRef compile_all(const target_facts *facts) {
    emitter e;
    emitter_init(&e, "vmath", facts);
    LLVMSetSourceFileName(e.module, "", 0);
    emit_all(&e);
    LLVMMemoryBufferRef object = compile_module(e.module, facts);
    emitter_deinit(&e);
    return object;
}

static inline void *look_up(LLVMOrcLLJITRef jit, unsigned function, const char *type, unsigned lanes) {
    char name[64];
    kernel_name(name, sizeof name, function, type, lanes);
    LLVMOrcExecutorAddress address = 0;
    assert_null(LLVMOrcLLJITLookup(jit, &address, name));
    return (void *)(uintptr_t)address;
}

static inline void load(compiled *c) {
    assert_null(LLVMOrcCreateLLJIT(&c->jit, NULL));
    LLVMOrcJITDylibRef library = LLVMOrcLLJITGetMainJITDylib(c->jit);
    assert_null(LLVMOrcLLJITAddObjectFile(c->jit, library, compile_all(&c->facts))); // takes the buffer
    for (unsigned f = 0; f < FUNCTIONS; f++) {
        for (unsigned k = 0; k < LANE_KINDS; k++) {
            *(void **)&c->f32[f][k] = look_up(c->jit, f, "f32", f32_lanes[k]);
            *(void **)&c->f64[f][k] = look_up(c->jit, f, "f64", f64_lanes[k]);
        }
    }
}

static inline void add_target(fixture *fix, const char *label, const char *cpu, const char *features) {
    compiled *c = &fix->targets[fix->target_count++];
    c->label = label;
    c->facts = (target_facts){.triple = fix->triple, .cpu = cpu, .features = features};
    // AArch64 always has the instruction.
    c->facts.has_fma = strstr(features, "+fma") != NULL || strstr(c->facts.triple, "aarch64") != NULL;
    load(c);
}

static inline void set_up(fixture *fix) {
    LLVMInitializeAllTargetInfos();
    LLVMInitializeAllTargets();
    LLVMInitializeAllTargetMCs();
    LLVMInitializeAllAsmPrinters();
    fix->triple = LLVMGetDefaultTargetTriple();
    fix->host_cpu = LLVMGetHostCPUName();
    fix->host_features = LLVMGetHostCPUFeatures();
#ifdef __x86_64__
    add_target(fix, "x86-64", "x86-64", "");
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        add_target(fix, "x86-64-v3", "x86-64-v3", "+avx2,+fma");
    }
#endif
    add_target(fix, "native", fix->host_cpu, fix->host_features);
}

static inline void tear_down(fixture *fix) {
    for (unsigned t = 0; t < fix->target_count; t++) {
        assert_null(LLVMOrcDisposeLLJIT(fix->targets[t].jit));
    }
    LLVMDisposeMessage(fix->triple);
    LLVMDisposeMessage(fix->host_cpu);
    LLVMDisposeMessage(fix->host_features);
}

// ---- Running ----

// The mode in which programs run: denormal results become 0, denormal arguments count as 0.
static inline unsigned flush_denormals(bool on) {
#ifdef __x86_64__
    unsigned before = _mm_getcsr();
    _mm_setcsr(on ? before | 0x8040u : before & ~0x8040u);
    return before;
#else
    return on ? 1 : 0;
#endif
}

static inline void restore_mode(unsigned before) {
#ifdef __x86_64__
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

static inline void run_f32(f32_kernel *kernel, const float *in, float *out, int64_t count) {
    unsigned before = flush_denormals(true);
    kernel(in, out, (count + PAD - 1) / PAD * PAD);
    restore_mode(before);
}

static inline void run_f64(f64_kernel *kernel, const double *in, double *out, int64_t count) {
    unsigned before = flush_denormals(true);
    kernel(in, out, (count + PAD - 1) / PAD * PAD);
    restore_mode(before);
}

static inline uint32_t bits32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float32(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t bits64(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double float64(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
