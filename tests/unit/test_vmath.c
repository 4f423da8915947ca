// The elementary functions, compiled for several targets and run: every k-th f32 argument (--full: each of
// the 2^32) against libm's double functions, samples of f64 against long double.
//     test_vmath [--full] [--bench] [pattern]     a pattern such as 'exp*' picks tests by name
#include "codegen/vmath.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

enum { FUNCTIONS = 6, LANE_KINDS = 3, MAX_TARGETS = 3, CHUNK = 4096, PAD = 16 };

typedef struct function_case {
    const char *name;
    LLVMValueRef (*emit)(emitter *e, LLVMValueRef x);
    double (*reference)(double x);
    long double (*precise)(long double x);
    bool odd;
    // The bounds that vmath.h states: the error in ulp with fused multiply-add and without, and by how many
    // ulp a value may be below its left neighbour's.
    double f32_ulp[2], f64_ulp[2];
    uint32_t f32_fall, f64_fall;
    double range; // where f64 arguments are drawn from evenly
} function_case;

static double sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}

static double softplus(double x) {
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static long double precise_sigmoid(long double x) {
    return 1.0L / (1.0L + expl(-x));
}

static long double precise_softplus(long double x) {
    return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x));
}

static const function_case cases[FUNCTIONS] = {
    {"exp", vmath_exp, exp, expl, false, {1.04, 1.01}, {1.1, 1.1}, 0, 0, 760},
    {"log", vmath_log, log, logl, false, {0.83, 0.9}, {0.85, 1.0}, 0, 0, 1e4},
    {"tanh", vmath_tanh, tanh, tanhl, true, {1.97, 2.02}, {2.2, 2.2}, 0, 0, 25},
    {"sigmoid", vmath_sigmoid, sigmoid, precise_sigmoid, false, {1.75, 1.78}, {1.8, 1.8}, 0, 0, 50},
    {"erf", vmath_erf, erf, erfl, true, {1.83, 2.57}, {1.9, 2.6}, 1, 1, 8},
    {"softplus", vmath_softplus, softplus, precise_softplus, false, {1.87, 2.28}, {1.9, 2.3}, 2, 2, 50},
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

static void kernel_name(char *text, size_t size, unsigned function, const char *type, unsigned lanes) {
    snprintf(text, size, "%s_%s_%u", cases[function].name, type, lanes);
}

static void set_attribute(emitter *e, LLVMValueRef function, const char *key, const char *value) {
    LLVMAttributeRef attribute =
        LLVMCreateStringAttribute(e->context, key, (unsigned)strlen(key), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute);
}

static LLVMValueRef new_function(emitter *e, const char *name) {
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
static void emit_loop(emitter *e, const function_case *f, const char *name, LLVMTypeRef element,
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

static void emit_all(emitter *e) {
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
static LLVMMemoryBufferRef compile_module(LLVMModuleRef module, const target_facts *facts) {
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

static LLVMMemoryBufferRef compile_all(const target_facts *facts) {
    emitter e;
    emitter_init(&e, "vmath", facts);
    LLVMSetSourceFileName(e.module, "", 0);
    emit_all(&e);
    LLVMMemoryBufferRef object = compile_module(e.module, facts);
    emitter_deinit(&e);
    return object;
}

static void *look_up(LLVMOrcLLJITRef jit, unsigned function, const char *type, unsigned lanes) {
    char name[64];
    kernel_name(name, sizeof name, function, type, lanes);
    LLVMOrcExecutorAddress address = 0;
    assert_null(LLVMOrcLLJITLookup(jit, &address, name));
    return (void *)(uintptr_t)address;
}

static void load(compiled *c) {
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

static void add_target(fixture *fix, const char *label, const char *cpu, const char *features) {
    compiled *c = &fix->targets[fix->target_count++];
    c->label = label;
    c->facts = (target_facts){.triple = fix->triple, .cpu = cpu, .features = features};
    // AArch64 always has the instruction.
    c->facts.has_fma = strstr(features, "+fma") != NULL || strstr(c->facts.triple, "aarch64") != NULL;
    load(c);
}

static void set_up(fixture *fix) {
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

static void tear_down(fixture *fix) {
    for (unsigned t = 0; t < fix->target_count; t++) {
        assert_null(LLVMOrcDisposeLLJIT(fix->targets[t].jit));
    }
    LLVMDisposeMessage(fix->triple);
    LLVMDisposeMessage(fix->host_cpu);
    LLVMDisposeMessage(fix->host_features);
}

// ---- Running ----

// The mode in which programs run: denormal results become 0, denormal arguments count as 0.
static unsigned flush_denormals(bool on) {
#ifdef __x86_64__
    unsigned before = _mm_getcsr();
    _mm_setcsr(on ? before | 0x8040u : before & ~0x8040u);
    return before;
#else
    return on ? 1 : 0;
#endif
}

static void restore_mode(unsigned before) {
#ifdef __x86_64__
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

static void run_f32(f32_kernel *kernel, const float *in, float *out, int64_t count) {
    unsigned before = flush_denormals(true);
    kernel(in, out, (count + PAD - 1) / PAD * PAD);
    restore_mode(before);
}

static void run_f64(f64_kernel *kernel, const double *in, double *out, int64_t count) {
    unsigned before = flush_denormals(true);
    kernel(in, out, (count + PAD - 1) / PAD * PAD);
    restore_mode(before);
}

static uint32_t bits32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float32(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t bits64(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double float64(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// ---- f32 ----

// What one target's results were worst at.
typedef struct findings {
    double ulp;
    float ulp_at;
    uint64_t wrong; // not a rounding: a limit, a NaN or a sign missed
    float wrong_at;
    uint64_t falls; // neighbours in the wrong order
    uint32_t fall_depth;
    float fall_at;
    uint64_t not_odd;
} findings;

// Half the spacing rule: the ulp of the f32 numbers around |exact|, which is normal.
static double f32_ulp(double exact) {
    return float64((bits64(exact) & 0x7ff0000000000000u) - ((uint64_t)23 << 52));
}

// |y|, found for |x| where |exact| was due, in ulp; INFINITY where no rounding explains it.
static double f32_error(double exact, float y) {
    if (exact != exact) {
        return y != y ? 0 : INFINITY;
    }
    double size = fabs(exact);
    if (size > FLT_MAX) {
        double top = size < 0x1p+128 ? 1.0 : 0.0; // between the last number and inf both are near enough
        return (isinf(y) || (top > 0 && fabsf(y) == FLT_MAX)) && (y < 0) == (exact < 0) ? top : INFINITY;
    }
    if (size < FLT_MIN * 1.02) { // here it may be flushed
        return fabsf(y) == 0 || fabs(y - exact) < 4 * FLT_TRUE_MIN ? 0 : INFINITY;
    }
    return isfinite(y) ? fabs(y - exact) / f32_ulp(exact) : INFINITY;
}

static void judge_errors(findings *found, const float *x, const double *exact, const float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double error = f32_error(exact[i], y[i]);
        if (error > found->ulp && isfinite(error)) {
            found->ulp = error;
            found->ulp_at = x[i];
        } else if (!isfinite(error)) {
            found->wrong++;
            found->wrong_at = x[i];
        }
    }
}

// The patterns ascend, so that x and f(x) do for positive arguments; negative ones run the other way.
static void judge_order(findings *found, const float *x, const float *y, size_t count) {
    for (size_t i = 0; i + 1 < count; i++) {
        float low = y[i], high = y[i + 1];
        if (signbit(x[i])) {
            low = y[i + 1];
            high = y[i];
        }
        if (low > high) {
            uint32_t a = bits32(low), b = bits32(high);
            uint32_t depth = a > b ? a - b : b - a;
            found->falls++;
            if (depth > found->fall_depth) {
                found->fall_depth = depth;
                found->fall_at = x[i];
            }
        }
    }
}

static void judge_oddness(findings *found, const float *y, const float *y_negated, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bool odd = (bits32(y[i]) ^ bits32(y_negated[i])) == 0x80000000u;
        found->not_odd += !odd && y[i] == y[i];
    }
}

typedef struct f32_chunk {
    float x[CHUNK + PAD], negated[CHUNK + PAD], y[CHUNK + PAD], y_negated[CHUNK + PAD];
    double exact[CHUNK + PAD];
} f32_chunk;

static void fill_chunk(f32_chunk *chunk, uint64_t first, uint32_t stride, size_t count) {
    for (size_t i = 0; i < CHUNK + PAD; i++) {
        chunk->x[i] = float32((uint32_t)(first + (i < count ? i : 0) * stride));
        chunk->negated[i] = -chunk->x[i];
    }
}

// A denormal argument counts as 0.
static void fill_reference(f32_chunk *chunk, const function_case *f, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double x = chunk->x[i];
        chunk->exact[i] = f->reference(fabs(x) < FLT_MIN ? copysign(0.0, x) : x);
    }
}

typedef struct sweep {
    const job *job;
    f32_chunk *chunk;
    findings found[MAX_TARGETS];
} sweep;

static void check_chunk(sweep *s, uint64_t first, uint32_t stride, size_t count, bool with_reference) {
    const function_case *f = &cases[s->job->function];
    f32_chunk *c = s->chunk;
    fill_chunk(c, first, stride, count);
    if (with_reference) {
        fill_reference(c, f, count);
    }
    for (unsigned t = 0; t < s->job->fix->target_count; t++) {
        f32_kernel *kernel = s->job->fix->targets[t].f32[s->job->function][0];
        run_f32(kernel, c->x, c->y, (int64_t)count);
        judge_order(&s->found[t], c->x, c->y, count);
        if (with_reference) {
            judge_errors(&s->found[t], c->x, c->exact, c->y, count);
        }
        if (f->odd) {
            run_f32(kernel, c->negated, c->y_negated, (int64_t)count);
            judge_oddness(&s->found[t], c->y, c->y_negated, count);
        }
    }
}

// One half of the patterns, from |first| on: every 97th one against the reference, and every 97th block of
// neighbours for their order; or all of both. Blocks share an argument with the next one.
static void sweep_half(sweep *s, uint64_t first) {
    const uint64_t half = (uint64_t)1 << 31;
    bool full = s->job->fix->full;
    uint64_t stride = full ? 1 : 97;
    for (uint64_t done = 0; !full && done < half; done += CHUNK * stride) {
        uint64_t left = (half - done + stride - 1) / stride;
        check_chunk(s, first + done, (uint32_t)stride, left < CHUNK ? left : CHUNK, true);
    }
    for (uint64_t done = 0; done < half; done += CHUNK * stride) {
        uint64_t left = half - done;
        check_chunk(s, first + done, 1, left < CHUNK + 1 ? left : CHUNK + 1, full);
    }
}

static void report(const char *name, const char *label, const findings *found) {
    print_message("%-9s f32 %-10s %.4f ulp at %a; %llu falls, deepest %u ulp at %a\n", name, label,
                  found->ulp, found->ulp_at, (unsigned long long)found->falls, found->fall_depth,
                  found->fall_at);
    if (found->wrong + found->not_odd > 0) {
        print_message("    %llu wrong, such as at %a; %llu not odd\n", (unsigned long long)found->wrong,
                      found->wrong_at, (unsigned long long)found->not_odd);
    }
}

static void f32_arguments(void **state) {
    const job *j = *state;
    const function_case *f = &cases[j->function];
    sweep s = {.job = j, .chunk = malloc(sizeof *s.chunk)};
    assert_non_null(s.chunk);
    sweep_half(&s, 0);
    if (!f->odd) { // the negative half of an odd function follows from its oddness
        sweep_half(&s, (uint64_t)1 << 31);
    }
    free(s.chunk);
    for (unsigned t = 0; t < j->fix->target_count; t++) {
        report(f->name, j->fix->targets[t].label, &s.found[t]);
    }
    for (unsigned t = 0; t < j->fix->target_count; t++) {
        assert_int_equal(s.found[t].wrong, 0);
        assert_int_equal(s.found[t].not_odd, 0);
        assert_true(s.found[t].fall_depth <= f->f32_fall);
        assert_true(s.found[t].ulp > 0 && s.found[t].ulp <= f->f32_ulp[!j->fix->targets[t].facts.has_fma]);
    }
}

// ---- f64 ----

static uint64_t next_random(uint64_t *state) { // splitmix64
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// By turns from the whole interesting range evenly, around 1, and from all magnitudes 2^-64 … 2^11.
static double draw_argument(uint64_t *random, double range, uint64_t turn) {
    uint64_t r = next_random(random);
    double unit = (double)(r >> 11) * 0x1p-53;
    double sign = (r & 1) != 0 ? -1.0 : 1.0;
    switch (turn % 4) {
    case 0: return sign * unit * range;
    case 1: return sign * (0.5 + unit * 1.5);
    case 2: return sign * unit * 0.75;
    default: return sign * ldexp(1.0 + unit, (int)(r / 2 % 76) - 64);
    }
}

static double f64_error(long double exact, double y) {
    if (exact != exact) {
        return y != y ? 0 : INFINITY;
    }
    long double size = fabsl(exact);
    if (size > DBL_MAX) {
        return isinf(y) && (y < 0) == (exact < 0) ? 0 : INFINITY;
    }
    if (size < DBL_MIN * 1.02L) {
        return fabs(y) == 0 || fabsl(y - exact) < 4 * DBL_TRUE_MIN ? 0 : INFINITY;
    }
    return isfinite(y) ? (double)(fabsl(y - exact) / ldexpl(1.0L, ilogbl(exact) - 52)) : INFINITY;
}

typedef struct f64_chunk {
    double x[CHUNK], y[CHUNK];
    long double exact[CHUNK];
} f64_chunk;

typedef struct f64_findings {
    double ulp, ulp_at;
    uint64_t falls, fall_depth;
    double fall_at;
} f64_findings;

static void sample_errors(const job *j, f64_chunk *c, uint64_t *random, f64_findings *found) {
    const function_case *f = &cases[j->function];
    for (size_t i = 0; i < CHUNK; i++) {
        c->x[i] = draw_argument(random, f->range, i);
        c->exact[i] = f->precise(c->x[i]);
    }
    for (unsigned t = 0; t < j->fix->target_count; t++) {
        run_f64(j->fix->targets[t].f64[j->function][0], c->x, c->y, CHUNK);
        for (size_t i = 0; i < CHUNK; i++) {
            double error = f64_error(c->exact[i], c->y[i]);
            if (error > found[t].ulp) {
                found[t].ulp = error;
                found[t].ulp_at = c->x[i];
            }
        }
    }
}

// Runs of 16 neighbours, ascending in magnitude.
static void sample_order(const job *j, f64_chunk *c, uint64_t *random, f64_findings *found) {
    for (size_t i = 0; i < CHUNK; i += 16) {
        uint64_t first = bits64(draw_argument(random, cases[j->function].range, i / 16));
        for (size_t k = 0; k < 16; k++) {
            c->x[i + k] = float64(first + k);
        }
    }
    for (unsigned t = 0; t < j->fix->target_count; t++) {
        run_f64(j->fix->targets[t].f64[j->function][0], c->x, c->y, CHUNK);
        for (size_t i = 0; i + 1 < CHUNK; i++) {
            bool negative = signbit(c->x[i]);
            bool fall = negative ? c->y[i + 1] > c->y[i] : c->y[i] > c->y[i + 1];
            if (i % 16 != 15 && fall) {
                uint64_t a = bits64(c->y[i]), b = bits64(c->y[i + 1]);
                uint64_t depth = a > b ? a - b : b - a;
                found[t].falls++;
                found[t].fall_at = depth > found[t].fall_depth ? c->x[i] : found[t].fall_at;
                found[t].fall_depth = depth > found[t].fall_depth ? depth : found[t].fall_depth;
            }
        }
    }
}

static void f64_arguments(void **state) {
    const job *j = *state;
    const function_case *f = &cases[j->function];
    f64_findings found[MAX_TARGETS] = {0};
    f64_chunk *chunk = malloc(sizeof *chunk);
    assert_non_null(chunk);
    uint64_t random = 1;
    unsigned rounds = j->fix->full ? 8192 : 512;
    for (unsigned i = 0; i < rounds; i++) {
        sample_errors(j, chunk, &random, found);
        sample_order(j, chunk, &random, found);
    }
    free(chunk);
    for (unsigned t = 0; t < j->fix->target_count; t++) {
        print_message("%-9s f64 %-10s %.4f ulp at %a; %llu falls, deepest %llu ulp at %a\n", f->name,
                      j->fix->targets[t].label, found[t].ulp, found[t].ulp_at,
                      (unsigned long long)found[t].falls, (unsigned long long)found[t].fall_depth,
                      found[t].fall_at);
    }
    for (unsigned t = 0; t < j->fix->target_count; t++) {
        assert_true(found[t].fall_depth <= f->f64_fall);
        assert_true(found[t].ulp > 0 && found[t].ulp <= f->f64_ulp[!j->fix->targets[t].facts.has_fma]);
    }
}

// ---- Lanes and limits ----

static bool same32(float a, float b) {
    return (a != a && b != b) || bits32(a) == bits32(b);
}

static bool same64(double a, double b) {
    return (a != a && b != b) || bits64(a) == bits64(b);
}

// Vectors of each width and scalars give the same bits, in both denormal modes. (A NaN's payload is free.)
static void lanes_agree(void **state) {
    const job *j = *state;
    float x[CHUNK], y[LANE_KINDS][CHUNK];
    double wide_x[CHUNK], wide_y[LANE_KINDS][CHUNK];
    uint64_t random = 2;
    for (unsigned round = 0; round < 64; round++) {
        for (size_t i = 0; i < CHUNK; i++) {
            uint64_t r = next_random(&random);
            wide_x[i] = round % 2 == 0 ? float64(r) : draw_argument(&random, cases[j->function].range, i);
            x[i] = round % 2 == 0 ? float32((uint32_t)r) : (float)wide_x[i];
        }
        for (unsigned t = 0; t < j->fix->target_count; t++) {
            const compiled *c = &j->fix->targets[t];
            unsigned before = flush_denormals(round % 4 < 2);
            for (unsigned k = 0; k < LANE_KINDS; k++) {
                c->f32[j->function][k](x, y[k], CHUNK);
                c->f64[j->function][k](wide_x, wide_y[k], CHUNK);
            }
            restore_mode(before);
            for (size_t i = 0; i < CHUNK; i++) {
                assert_true(same32(y[0][i], y[1][i]) && same32(y[0][i], y[2][i]));
                assert_true(same64(wide_y[0][i], wide_y[1][i]) && same64(wide_y[0][i], wide_y[2][i]));
            }
        }
    }
}

typedef struct limit {
    const char *function;
    double x, y;
} limit;

static const limit limits[] = {
    {"exp", 0.0, 1.0},           {"exp", -0.0, 1.0},
    {"exp", -INFINITY, 0.0},     {"exp", INFINITY, INFINITY},
    {"exp", 1e30, INFINITY},     {"exp", -1e30, 0.0},
    {"exp", NAN, NAN},           {"log", 1.0, 0.0},
    {"log", 0.0, -INFINITY},     {"log", -0.0, -INFINITY},
    {"log", -1.0, NAN},          {"log", -INFINITY, NAN},
    {"log", NAN, NAN},           {"log", -1e-30, NAN},
    {"tanh", 0.0, 0.0},          {"tanh", -0.0, -0.0},
    {"tanh", INFINITY, 1.0},     {"tanh", NAN, NAN},
    {"tanh", -INFINITY, -1},     {"sigmoid", 0.0, 0.5},
    {"sigmoid", -0.0, 0.5},      {"sigmoid", NAN, NAN},
    {"erf", 0.0, 0.0},           {"sigmoid", INFINITY, 1.0},
    {"erf", -0.0, -0.0},         {"erf", INFINITY, 1.0},
    {"erf", -INFINITY, -1},      {"sigmoid", -INFINITY, 0.0},
    {"erf", NAN, NAN},           {"softplus", NAN, NAN},
    {"erf", 1e30, 1.0},          {"softplus", -INFINITY, 0.0},
    {"tanh", -1e30, -1.0},       {"tanh", 1e-30, 1e-30},
    {"softplus", 1e30, 1e30},    {"softplus", INFINITY, INFINITY},
    {"log", INFINITY, INFINITY},
};

static void check_limit(const compiled *c, unsigned function, const limit *l) {
    float x[PAD], y[PAD];
    double wide_x[PAD], wide_y[PAD];
    for (unsigned i = 0; i < PAD; i++) {
        x[i] = (float)l->x;
        wide_x[i] = l->x;
    }
    run_f32(c->f32[function][0], x, y, PAD);
    run_f64(c->f64[function][0], wide_x, wide_y, PAD);
    for (unsigned i = 0; i < PAD; i++) {
        if (!same32(y[i], (float)l->y) || !same64(wide_y[i], l->y)) {
            fail_msg("%s: %s(%g) gives %a (f32) and %a (f64)", c->label, l->function, l->x, y[i], wide_y[i]);
        }
    }
}

static void limits_are_exact(void **state) {
    const job *j = *state;
    unsigned checked = 0;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (strcmp(limits[i].function, cases[j->function].name) != 0) {
            continue;
        }
        for (unsigned t = 0; t < j->fix->target_count; t++) {
            check_limit(&j->fix->targets[t], j->function, &limits[i]);
            checked++;
        }
    }
    assert_true(checked > 0);
}

// ---- Symbols ----

static unsigned count_undefined(LLVMMemoryBufferRef object, const char *label) {
    char *message = NULL;
    LLVMBinaryRef binary = LLVMCreateBinary(object, NULL, &message);
    assert_non_null(binary);
    LLVMSectionIteratorRef section = LLVMObjectFileCopySectionIterator(binary);
    LLVMSymbolIteratorRef symbol = LLVMObjectFileCopySymbolIterator(binary);
    unsigned undefined = 0;
    for (; !LLVMObjectFileIsSymbolIteratorAtEnd(binary, symbol); LLVMMoveToNextSymbol(symbol)) {
        LLVMMoveToContainingSection(section, symbol);
        bool named = LLVMGetSymbolName(symbol)[0] != '\0'; // the entry for the source file is not
        if (named && LLVMObjectFileIsSectionIteratorAtEnd(binary, section)) {
            print_message("%s: the undefined symbol %s\n", label, LLVMGetSymbolName(symbol));
            undefined++;
        }
    }
    LLVMDisposeSymbolIterator(symbol);
    LLVMDisposeSectionIterator(section);
    LLVMDisposeBinary(binary);
    LLVMDisposeMemoryBuffer(object);
    return undefined;
}

// A call of a library function must show, or the test below would see nothing.
static unsigned undefined_in_calling_module(const target_facts *facts) {
    emitter e;
    emitter_init(&e, "calls", facts);
    LLVMSetSourceFileName(e.module, "", 0);
    const function_case calls = {.emit = vmath_exp};
    emit_loop(&e, &calls, "plain", e.f32, 1);
    LLVMValueRef called = new_function(&e, "elsewhere");
    LLVMValueRef plain = LLVMGetNamedFunction(e.module, "plain");
    LLVMPositionBuilderBefore(e.builder, LLVMGetFirstInstruction(LLVMGetEntryBasicBlock(plain)));
    LLVMValueRef arguments[] = {LLVMGetParam(plain, 0), LLVMGetParam(plain, 1), LLVMGetParam(plain, 2)};
    LLVMBuildCall2(e.builder, LLVMGlobalGetValueType(called), called, arguments, 3, "");
    unsigned undefined = count_undefined(compile_module(e.module, facts), "a call on purpose");
    emitter_deinit(&e);
    return undefined;
}

static void nothing_is_called(void **state) {
    const fixture *fix = *state;
    static const target_facts foreign[] = {
        {.triple = "x86_64-linux-gnu", .cpu = "x86-64", .features = ""},
        {.triple = "x86_64-linux-gnu", .cpu = "x86-64-v2", .features = ""},
        {.triple = "x86_64-linux-gnu", .cpu = "x86-64-v3", .features = "+avx2,+fma", .has_fma = true},
        {.triple = "x86_64-linux-gnu", .cpu = "x86-64-v4", .features = "+avx512f,+fma", .has_fma = true},
        {.triple = "aarch64-linux-gnu", .cpu = "generic", .features = "+neon", .has_fma = true},
        {.triple = "armv7-linux-gnueabihf", .cpu = "generic", .features = "+neon,+vfp3"},
        {.triple = "riscv64-linux-gnu", .cpu = "generic-rv64", .features = "+m,+f,+d", .has_fma = true},
        {.triple = "wasm32-unknown-unknown", .cpu = "generic", .features = "+simd128"},
    };
    for (unsigned t = 0; t < fix->target_count; t++) {
        assert_int_equal(count_undefined(compile_all(&fix->targets[t].facts), fix->targets[t].label), 0);
        assert_int_equal(undefined_in_calling_module(&fix->targets[t].facts), 1);
    }
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        assert_int_equal(count_undefined(compile_all(&foreign[i]), foreign[i].triple), 0);
        assert_int_equal(undefined_in_calling_module(&foreign[i]), 1);
    }
}

// ---- Speed ----

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Nanoseconds for an element of a 16 KiB array, the best of several runs.
static void print_speed(const compiled *c, unsigned function) {
    float x[CHUNK], y[CHUNK];
    double wide_x[CHUNK], wide_y[CHUNK];
    double best = INFINITY, wide_best = INFINITY;
    for (unsigned i = 0; i < CHUNK; i++) {
        x[i] = (float)(wide_x[i] = 8.0 * (i + 1) / CHUNK);
    }
    for (unsigned round = 0; round < 20; round++) {
        double start = now();
        for (unsigned i = 0; i < 200; i++) {
            run_f32(c->f32[function][0], x, y, CHUNK);
        }
        double middle = now();
        for (unsigned i = 0; i < 200; i++) {
            run_f64(c->f64[function][0], wide_x, wide_y, CHUNK);
        }
        best = fmin(best, middle - start);
        wide_best = fmin(wide_best, now() - middle);
    }
    printf("%-9s %-10s %.3f ns f32  %.3f ns f64\n", cases[function].name, c->label, best * 1e9 / 200 / CHUNK,
           wide_best * 1e9 / 200 / CHUNK);
}

static void print_speeds(const fixture *fix) {
    for (unsigned t = 0; t < fix->target_count; t++) {
        for (unsigned f = 0; f < FUNCTIONS; f++) {
            print_speed(&fix->targets[t], f);
        }
    }
}

enum { KINDS = 4, TESTS = 1 + FUNCTIONS * KINDS };

// The tests are the symbols' and four of each function, named like "exp f32".
typedef struct plan {
    job jobs[FUNCTIONS];
    char names[FUNCTIONS * KINDS][32];
    struct CMUnitTest tests[TESTS];
} plan;

static void make_plan(plan *p, fixture *fix) {
    static const char *const names[KINDS] = {"limits", "lanes", "f64", "f32"};
    static const CMUnitTestFunction runs[KINDS] = {limits_are_exact, lanes_agree, f64_arguments,
                                                   f32_arguments};
    p->tests[0] = (struct CMUnitTest){"symbols", nothing_is_called, NULL, NULL, fix};
    for (unsigned f = 0; f < FUNCTIONS; f++) {
        p->jobs[f] = (job){fix, f};
        for (unsigned k = 0; k < KINDS; k++) {
            char *name = p->names[f * KINDS + k];
            snprintf(name, sizeof p->names[0], "%s %s", cases[f].name, names[k]);
            p->tests[1 + f * KINDS + k] = (struct CMUnitTest){name, runs[k], NULL, NULL, &p->jobs[f]};
        }
    }
}

int main(int argc, char **argv) {
    fixture fix = {0};
    bool speed = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--full") == 0) {
            fix.full = true;
        } else if (strcmp(argv[i], "--bench") == 0) {
            speed = true;
        } else {
            cmocka_set_test_filter(argv[i]);
        }
    }
    set_up(&fix);
    int failures = 0;
    if (speed) {
        print_speeds(&fix);
    } else {
        plan p;
        make_plan(&p, &fix);
        failures = cmocka_run_group_tests_name("vmath", p.tests, NULL, NULL);
    }
    tear_down(&fix);
    return failures;
}
