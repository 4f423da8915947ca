// The elementary functions, compiled for several targets and run: every k-th f32 argument (--full: each of
// the 2^32) against libm's double functions, samples of f64 against long double; and that each of them ascends.
//     test_vmath [--full] [--bench] [pattern]     a pattern such as 'exp*' picks tests by name
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/vmath_fixture.h"

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

// With a stride, each pattern and the next one.
static void fill_chunk(f32_chunk *chunk, uint64_t first, uint32_t stride, size_t count) {
    for (size_t i = 0; i < CHUNK + PAD; i++) {
        size_t at = i < count ? i : 0;
        chunk->x[i] = float32((uint32_t)(first + (stride == 1 ? at : at / 2 * stride + at % 2)));
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

static void check_chunk(sweep *s, uint64_t first, uint32_t stride, size_t count) {
    const function_case *f = &cases[s->job->function];
    f32_chunk *c = s->chunk;
    fill_chunk(c, first, stride, count);
    fill_reference(c, f, count);
    for (unsigned t = 0; t < s->job->fix->target_count; t++) {
        f32_kernel *kernel = s->job->fix->targets[t].f32[s->job->function][0];
        run_f32(kernel, c->x, c->y, (int64_t)count);
        judge_order(&s->found[t], c->x, c->y, count);
        judge_errors(&s->found[t], c->x, c->exact, c->y, count);
        if (f->odd) {
            run_f32(kernel, c->negated, c->y_negated, (int64_t)count);
            judge_oddness(&s->found[t], c->y, c->y_negated, count);
        }
    }
}

// One half of the patterns, from |first| on: every one, or every 97th with its neighbour. Chunks share an
// argument with the next one.
static void sweep_half(sweep *s, uint64_t first) {
    const uint64_t half = (uint64_t)1 << 31;
    uint32_t stride = s->job->fix->full ? 1 : 97;
    uint64_t arguments = stride == 1 ? half : half / stride * 2;
    for (uint64_t done = 0; done < arguments; done += CHUNK) {
        uint64_t left = arguments - done, from = stride == 1 ? done : done / 2 * stride;
        check_chunk(s, first + from, stride, left < CHUNK + 1 ? left : CHUNK + 1);
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
        assert_int_equal(s.found[t].falls, 0);
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
        assert_int_equal(found[t].falls, 0);
        assert_true(found[t].ulp > 0 && found[t].ulp <= f->f64_ulp[!j->fix->targets[t].facts.has_fma]);
    }
}

// ---- Seams ----

enum { SEAM_RADIUS = 256 };

// Some limits of ranges, of either type and of any function.
static const double edges[] = {
    0,  0.25, 0x1p-126, 0x1p-1022, -0x1.5d589ep+6, -0x1.6232bdd7abcd2p+9, 1,        4, 6, 10,
    20, 40,   87.33,    708.39,    0x1.62e42ep+6,  0x1.62e42fefa39efp+9,  0x1.04p+0};

static void seam_falls(const char *label, const function_case *f, double x) {
    fail_msg("%s: %s falls near %a", label, f->name, x);
}

// The neighbours of |x|, of one sign, in ascending order of their patterns.
static void check_f32_seam(const job *j, float middle) {
    static const uint32_t infinity = 0x7f800000u;
    float x[2 * SEAM_RADIUS], y[2 * SEAM_RADIUS];
    uint32_t sign = bits32(middle) & 0x80000000u, at = bits32(middle) & 0x7fffffffu;
    uint32_t from = at > SEAM_RADIUS ? at - SEAM_RADIUS : 0;
    for (uint32_t i = 0; i < 2 * SEAM_RADIUS; i++) {
        x[i] = float32(sign | (from + i < infinity ? from + i : infinity));
    }
    for (unsigned t = 0; t < j->fix->target_count; t++) {
        run_f32(j->fix->targets[t].f32[j->function][0], x, y, 2 * SEAM_RADIUS);
        for (size_t i = 0; i + 1 < 2 * SEAM_RADIUS; i++) {
            if (sign ? y[i + 1] > y[i] : y[i] > y[i + 1]) {
                seam_falls(j->fix->targets[t].label, &cases[j->function], (double)x[i]);
            }
        }
    }
}

static void check_f64_seam(const job *j, double middle) {
    static const uint64_t infinity = (uint64_t)0x7ff << 52;
    double x[2 * SEAM_RADIUS], y[2 * SEAM_RADIUS];
    uint64_t sign = bits64(middle) & (uint64_t)1 << 63, at = bits64(fabs(middle));
    uint64_t from = at > SEAM_RADIUS ? at - SEAM_RADIUS : 0;
    for (uint64_t i = 0; i < 2 * SEAM_RADIUS; i++) {
        x[i] = float64(sign | (from + i < infinity ? from + i : infinity));
    }
    for (unsigned t = 0; t < j->fix->target_count; t++) {
        run_f64(j->fix->targets[t].f64[j->function][0], x, y, 2 * SEAM_RADIUS);
        for (size_t i = 0; i + 1 < 2 * SEAM_RADIUS; i++) {
            if (sign ? y[i + 1] > y[i] : y[i] > y[i + 1]) {
                seam_falls(j->fix->targets[t].label, &cases[j->function], x[i]);
            }
        }
    }
}

static void check_seam(const job *j, double x) {
    for (int sign = 0; sign < 2 && isfinite(x); sign++) {
        check_f32_seam(j, (float)(sign ? -x : x));
        check_f64_seam(j, sign ? -x : x);
    }
}

static double value_at(const job *j, double x) {
    double in[PAD], out[PAD];
    for (size_t i = 0; i < PAD; i++) {
        in[i] = x;
    }
    run_f64(j->fix->targets[0].f64[j->function][0], in, out, PAD);
    return out[0];
}

// A step of the function, found by halving: where it is flat, few arguments but those beside a step could show
// that it falls.
static void check_step(const job *j, double x) {
    double start = value_at(j, x);
    uint64_t low = bits64(x), high = bits64(x * 1.25);
    if (value_at(j, float64(high)) == start) {
        return;
    }
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        bool same = value_at(j, float64(middle)) == start;
        low = same ? middle : low;
        high = same ? high : middle;
    }
    check_f64_seam(j, float64(low));
}

static void steps_ascend(void **state) {
    const job *j = *state;
    uint64_t random = 3;
    unsigned rounds = j->fix->full ? 65536 : 2048;
    for (unsigned i = 0; i < rounds; i++) {
        check_step(j, draw_argument(&random, cases[j->function].range, i));
    }
}

// Where the decomposition takes another k, where the format takes another exponent, and where a range ends.
static void seams_ascend(void **state) {
    const job *j = *state;
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        check_seam(j, edges[i]);
    }
    for (int k = -1100; k < 1100; k++) {
        check_seam(j, ldexp(1.0, k));
        check_seam(j, cases[j->function].seam((k + 0.5) * 0.69314718055994530942));
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

enum { KINDS = 6, TESTS = 1 + FUNCTIONS * KINDS };

// The tests are the symbols' and six of each function, named like "exp f32".
typedef struct plan {
    job jobs[FUNCTIONS];
    char names[FUNCTIONS * KINDS][32];
    struct CMUnitTest tests[TESTS];
} plan;

static void make_plan(plan *p, fixture *fix) {
    static const char *const names[KINDS] = {"limits", "lanes", "seams", "steps", "f64", "f32"};
    static const CMUnitTestFunction runs[KINDS] = {limits_are_exact, lanes_agree,   seams_ascend,
                                                   steps_ascend,     f64_arguments, f32_arguments};
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
