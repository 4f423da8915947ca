// Rates of single compiled kernels beside the machine's peak, on one and two threads.
//     cmake -B build -DRNNC_BENCH=ON && ninja -C build bench_kernels
//     build/bench/kernels [--cpu NAME] [pattern]     a pattern picks rows of the table by how their names begin
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codegen/backend.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum { MOST_INSTRS = 64, SAMPLES = 9 };

static double read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// One thread is measured by its own processor time, so that others at work on the machine count less.
static double own_time(void) {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static double least(const double *values, int count) {
    double best = values[0];
    for (int i = 1; i < count; i++) {
        best = values[i] < best ? values[i] : best;
    }
    return best;
}

// ---- The peak: independent chains of multiply-adds in registers ----

enum { PEAK_TURNS = 4000000, PEAK_CHAINS = 16 };

#ifdef __x86_64__
__attribute__((target("avx512f"))) static double peak_512(void) {
    __m512 sum[PEAK_CHAINS];
    __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);
    for (int i = 0; i < PEAK_CHAINS; i++) {
        sum[i] = _mm512_set1_ps((float)i);
    }
    for (long n = 0; n < PEAK_TURNS; n += PEAK_CHAINS) {
#pragma GCC unroll 16
        for (int i = 0; i < PEAK_CHAINS; i++) {
            sum[i] = _mm512_fmadd_ps(sum[i], x, y);
        }
    }
    float all = 0;
    for (int i = 0; i < PEAK_CHAINS; i++) {
        all += _mm512_reduce_add_ps(sum[i]);
    }
    return all * 0.0 + 32;
}

__attribute__((target("avx2,fma"))) static double peak_256(void) {
    enum { CHAINS = 12 };
    __m256 sum[CHAINS];
    __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++) {
        sum[i] = _mm256_set1_ps((float)i);
    }
    for (long n = 0; n < PEAK_TURNS; n += CHAINS) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) {
            sum[i] = _mm256_fmadd_ps(sum[i], x, y);
        }
    }
    float all[8] = {0};
    for (int i = 0; i < CHAINS; i++) {
        float part[8];
        _mm256_storeu_ps(part, sum[i]);
        all[i % 8] += part[0];
    }
    return all[0] * 0.0 + 16;
}
#endif

// GFLOP/s of one core in f32.
static double peak_rate(int vector_bytes) {
    double samples[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        double began = own_time(), flops = 0;
#ifdef __x86_64__
        flops = vector_bytes == 64 ? peak_512() : vector_bytes == 32 ? peak_256() : 0;
#else
        (void)vector_bytes;
#endif
        samples[i] = flops * PEAK_TURNS / (own_time() - began) * -1e-9;
    }
    return -least(samples, SAMPLES);
}

// ---- Kernels ----

typedef enum epilogue { PLAIN, BIAS, LSTM, SOFTMAX, SGD } epilogue;

typedef struct bench_case {
    const char *name;
    kernel_kind kind;
    int gates;
    int32_t columns;
    int64_t rows, inner;
    bool transposed; // PRODUCT: an outer product, B in plain rows; PACK: a transposed source
    epilogue epilogue;
} bench_case;

static const bench_case cases[] = {
    {"lstm 20x200 4*200", KERNEL_PRODUCT, 4, 200, 20, 200, false, PLAIN},
    {"lstm 20x200 4*200 with cell", KERNEL_PRODUCT, 4, 200, 20, 200, false, LSTM},
    {"lstm 20x650 4*650", KERNEL_PRODUCT, 4, 650, 20, 650, false, PLAIN},
    {"gru 20x200 3*200", KERNEL_PRODUCT, 3, 200, 20, 200, false, PLAIN},
    {"rnn 20x200 200", KERNEL_PRODUCT, 1, 200, 20, 200, false, PLAIN},
    {"rnn 150x150 150", KERNEL_PRODUCT, 1, 150, 150, 150, false, PLAIN},
    {"lstm 50x128 4*128 with cell", KERNEL_PRODUCT, 4, 128, 50, 128, false, LSTM},
    {"back 50x512 128", KERNEL_PRODUCT, 1, 128, 50, 512, false, PLAIN},
    {"back 20x800 200", KERNEL_PRODUCT, 1, 200, 20, 800, false, PLAIN},
    {"step 1x128 4*128", KERNEL_PRODUCT, 4, 128, 1, 128, false, PLAIN},
    {"step 1x200 4*200", KERNEL_PRODUCT, 4, 200, 1, 200, false, PLAIN},
    {"step 1x256 4*256", KERNEL_PRODUCT, 4, 256, 1, 256, false, PLAIN},
    {"step 1x512 4*512", KERNEL_PRODUCT, 4, 512, 1, 512, false, PLAIN},
    {"step 1x1024 4*1024", KERNEL_PRODUCT, 4, 1024, 1, 1024, false, PLAIN},
    {"step 1x200 200", KERNEL_PRODUCT, 1, 200, 1, 200, false, PLAIN},
    {"step 2x256 4*256", KERNEL_PRODUCT, 4, 256, 2, 256, false, PLAIN},
    {"step 4x256 4*256", KERNEL_PRODUCT, 4, 256, 4, 256, false, PLAIN},
    {"small 20x7 4*7", KERNEL_PRODUCT, 4, 7, 20, 7, false, PLAIN},
    {"small 20x100 1", KERNEL_PRODUCT, 1, 1, 20, 100, false, BIAS},
    {"large 400x200 800", KERNEL_PRODUCT, 1, 800, 400, 200, false, BIAS},
    {"large 400x200 10000", KERNEL_PRODUCT, 1, 10000, 400, 200, false, BIAS},
    {"large 400x10000 200", KERNEL_PRODUCT, 1, 200, 400, 10000, false, PLAIN},
    {"large 1024x1024 1024", KERNEL_PRODUCT, 1, 1024, 1024, 1024, false, PLAIN},
    {"outer 200x400 800", KERNEL_PRODUCT, 1, 800, 200, 400, true, PLAIN},
    {"outer 200x400 10000", KERNEL_PRODUCT, 1, 10000, 200, 400, true, PLAIN},
    {"outer 10000x400 200", KERNEL_PRODUCT, 1, 200, 10000, 400, true, PLAIN},
    {"outer 128x2500 512", KERNEL_PRODUCT, 1, 512, 128, 2500, true, PLAIN},
    {"outer 650x700 2600", KERNEL_PRODUCT, 1, 2600, 650, 700, true, PLAIN},
    {"outer 28x4200 150", KERNEL_PRODUCT, 1, 150, 28, 4200, true, PLAIN},
    {"pack 200 800", KERNEL_PACK, 4, 200, 0, 200, false, PLAIN},
    {"pack transposed 200 800", KERNEL_PACK, 4, 200, 0, 200, true, PLAIN},
    {"pack transposed 200 10000", KERNEL_PACK, 1, 200, 0, 10000, true, PLAIN},
    {"softmax 400x10000", KERNEL_MAP, 1, 10000, 400, 0, false, SOFTMAX},
    {"lstm cell 400x200", KERNEL_MAP, 1, 200, 400, 0, false, LSTM},
    {"sgd 160000", KERNEL_MAP, 1, 1, 160000, 0, false, SGD},
    {"sum of rows 400x800", KERNEL_FOLD, 1, 800, 400, 0, false, PLAIN},
    {"sum of rows 400x10000", KERNEL_FOLD, 1, 10000, 400, 0, false, PLAIN},
    {"random 400x200", KERNEL_RANDOM, 1, 200, 400, 0, false, PLAIN},
};

typedef struct bench_kernel {
    const bench_case *c;
    kernel_desc k;
    kernel_instr instrs[MOST_INSTRS];
    int64_t ints[KERNEL_MAX_INTS];
    void *args[KERNEL_MAX_ARGS];
    double bytes; // read and written once
} bench_kernel;

// An argument of |rows| rows, filled with small numbers, its rows |stride| elements apart.
static int16_t add_arg(bench_kernel *b, bool written, int64_t columns, int64_t rows, int64_t stride) {
    int64_t count = columns * rows;
    float *data = NULL;
    if (posix_memalign((void **)&data, 64, (size_t)count * sizeof *data)) {
        exit(1);
    }
    for (int64_t i = 0; i < count; i++) {
        data[i] = (float)((i * 7919) % 1000 - 500) * 1e-3f;
    }
    uint32_t n = b->k.arg_count++;
    b->k.args[n] = (kernel_arg){DT_F32, written, stride == 0, (int32_t)columns};
    b->args[n] = data;
    b->ints[KERNEL_STRIDES + 4 * n] = stride;
    b->bytes += 4.0 * (double)count;
    return (int16_t)n;
}

static int16_t add_instr(bench_kernel *b, int code, bool full, int16_t a, int16_t other) {
    b->instrs[b->k.instr_count] = (kernel_instr){(uint16_t)code, DT_F32, full, a, other, -1, -1, 0, 0};
    return (int16_t)b->k.instr_count++;
}

static int16_t add_load(bench_kernel *b, int16_t arg, bool full, int32_t column) {
    int16_t i = add_instr(b, KI_LOAD, full, -1, -1);
    b->instrs[i].arg = arg;
    b->instrs[i].column = column;
    return i;
}

static int16_t add_gate(bench_kernel *b, int gate) {
    int16_t i = add_instr(b, KI_PRODUCT, true, -1, -1);
    b->instrs[i].column = gate;
    return i;
}

static void add_store(bench_kernel *b, int16_t arg, int32_t column, int16_t value) {
    int16_t i = add_instr(b, KI_STORE, true, value, -1);
    b->instrs[i].arg = arg;
    b->instrs[i].column = column;
}

// The LSTM's element-wise part; |gate| gives the four sums.
static void add_cell(bench_kernel *b, const int16_t *gate) {
    int32_t n = b->c->columns;
    int16_t old = add_arg(b, false, n, b->c->rows, n), h = add_arg(b, true, n, b->c->rows, n);
    int16_t gates = add_arg(b, true, 4 * n, b->c->rows, 4 * n), c = add_arg(b, true, n, b->c->rows, n);
    int16_t value[4];
    for (int g = 0; g < 4; g++) {
        value[g] = add_instr(b, g == 2 ? OP_TANH : OP_SIGMOID, true, gate[g], -1);
        add_store(b, gates, g * n, value[g]);
    }
    int16_t kept = add_instr(b, OP_MUL, true, value[1], add_load(b, old, true, 0));
    int16_t cell = add_instr(b, OP_ADD, true, kept, add_instr(b, OP_MUL, true, value[0], value[2]));
    add_store(b, c, 0, cell);
    add_store(b, h, 0, add_instr(b, OP_MUL, true, value[3], add_instr(b, OP_TANH, true, cell, -1)));
}

static void make_product(bench_kernel *b, target_shape shape) {
    const bench_case *c = b->c;
    int32_t width = c->gates * c->columns;
    product_tiling t = product_tile(shape, DT_F32, c->gates, c->columns);
    b->k.packed = !c->transposed;
    b->k.transposed = c->transposed;
    b->k.inner = c->transposed ? 0 : (int32_t)c->inner;
    add_arg(b, false, c->transposed ? c->rows : c->inner, c->transposed ? c->inner : c->rows,
            c->transposed ? 1 : c->inner);
    if (c->transposed) {
        add_arg(b, false, width, c->inner, 0);
    } else {
        add_arg(b, false, product_packed_elements(t, c->gates, (int32_t)c->inner), 1, 0);
    }
    b->ints[KERNEL_INNER] = c->inner;
    b->ints[KERNEL_STRIDES + 3] = c->transposed ? c->rows : 1;
    b->ints[KERNEL_STRIDES + 4 + 3] = width;
    int16_t gate[16];
    for (int g = 0; g < c->gates; g++) {
        gate[g] = add_gate(b, g);
    }
    if (c->epilogue == LSTM) {
        add_cell(b, gate);
        return;
    }
    int16_t bias = c->epilogue == BIAS ? add_arg(b, false, c->columns, 1, 0) : -1;
    int16_t out = add_arg(b, true, width, c->rows, width);
    for (int g = 0; g < c->gates; g++) {
        int16_t value = gate[g];
        if (bias >= 0) {
            value = add_instr(b, OP_ADD, true, value, add_load(b, bias, true, 0));
        }
        add_store(b, out, g * c->columns, value);
    }
}

static void make_softmax(bench_kernel *b) {
    int32_t n = b->c->columns;
    int16_t x = add_arg(b, false, n, b->c->rows, n), y = add_arg(b, true, n, b->c->rows, n);
    int16_t value = add_load(b, x, true, 0);
    int16_t sum = add_instr(b, OP_LSE, false, value, -1);
    add_store(b, y, 0, add_instr(b, OP_EXP, true, add_instr(b, OP_SUB, true, value, sum), -1));
}

static void make_cell(bench_kernel *b) {
    int32_t n = b->c->columns;
    int16_t sums = add_arg(b, false, 4 * n, b->c->rows, 4 * n), gate[4];
    for (int g = 0; g < 4; g++) {
        gate[g] = add_load(b, sums, true, g * n);
    }
    add_cell(b, gate);
}

static void make_sgd(bench_kernel *b) {
    b->k.flat = 1;
    b->k.dims = 0;
    int16_t w = add_arg(b, true, 1, b->c->rows, 1), g = add_arg(b, false, 1, b->c->rows, 1);
    int16_t rate = add_arg(b, false, 1, 1, 0);
    int16_t step = add_instr(b, OP_MUL, true, add_load(b, g, true, 0), add_load(b, rate, false, 0));
    add_store(b, w, 0, add_instr(b, OP_SUB, true, add_load(b, w, true, 0), step));
}

static void make_map(bench_kernel *b) {
    if (b->c->epilogue == SOFTMAX) {
        make_softmax(b);
    } else if (b->c->epilogue == LSTM) {
        make_cell(b);
    } else {
        make_sgd(b);
    }
}

static void make_pack(bench_kernel *b, target_shape shape) {
    const bench_case *c = b->c;
    int32_t width = c->gates * c->columns;
    b->k.dims = 0;
    b->k.transposed = c->transposed;
    b->k.inner = (int32_t)c->inner;
    product_tiling t = product_tile(shape, DT_F32, c->gates, c->columns);
    add_arg(b, false, c->transposed ? c->inner : width, c->transposed ? width : c->inner, 0);
    add_arg(b, true, product_packed_elements(t, c->gates, (int32_t)c->inner), 1, 0);
}

static void make_kernel(bench_kernel *b, const bench_case *c, target_shape shape) {
    memset(b, 0, sizeof *b);
    b->c = c;
    b->k = (kernel_desc){.kind = c->kind,
                         .dims = 1,
                         .elem = DT_F32,
                         .columns = c->columns,
                         .gates = c->gates,
                         .instrs = b->instrs,
                         .name = c->name,
                         .site = "bench"};
    b->ints[0] = c->rows;
    switch (c->kind) {
    case KERNEL_PRODUCT: make_product(b, shape); break;
    case KERNEL_PACK: make_pack(b, shape); break;
    case KERNEL_MAP: make_map(b); break;
    case KERNEL_RANDOM:
        add_arg(b, true, c->columns, c->rows, c->columns);
        add_arg(b, false, 4, 1, 0);
        b->k.args[1].elem = DT_I32;
        break;
    default:
        b->k.fold = OP_SUM;
        add_load(b, add_arg(b, false, c->columns, c->rows, c->columns), true, 0);
        add_arg(b, true, c->columns, 1, 0);
    }
}

static void free_kernel(bench_kernel *b) {
    for (uint32_t i = 0; i < b->k.arg_count; i++) {
        free(b->args[i]);
    }
}

// ---- Running ----

typedef struct team {
    bench_kernel *b;
    kernel_function *function;
    int64_t units, grain;
    bool turns_back; // every other turn goes from the last unit to the first, as a loop would
    void *scratch[2];
    int members;
    long turns;
    atomic_long arrived;
} team;

static void run_share(team *t, int member) {
    void *args[KERNEL_MAX_ARGS + 1];
    memcpy(args, t->b->args, sizeof t->b->args);
    args[t->b->k.arg_count] = t->scratch[member];
    int64_t blocks = (t->units + t->grain - 1) / t->grain;
    int64_t begin = blocks * member / t->members * t->grain,
            end = blocks * (member + 1) / t->members * t->grain;
    end = end < t->units ? end : t->units;
    for (long i = 0; i < t->turns; i++) {
        bool back = t->turns_back && i % 2;
        if (begin < end) {
            t->function(args, t->b->ints, back ? end : begin, back ? begin : end);
        }
        atomic_fetch_add(&t->arrived, 1);
        for (int spins = 0; atomic_load(&t->arrived) < (i + 1) * t->members; spins++) {
            if (spins > 10000) {
                sched_yield();
            }
        }
    }
}

static void *run_second(void *user) {
    run_share(user, 1);
    return NULL;
}

static double seconds(team *t, int members, long turns) {
    pthread_t second;
    t->members = members;
    t->turns = turns;
    atomic_store(&t->arrived, 0);
    if (members == 2 && pthread_create(&second, NULL, run_second, t)) {
        exit(1);
    }
    clockid_t clock = members == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    double began = read_clock(clock);
    run_share(t, 0);
    double took = read_clock(clock) - began;
    if (members == 2) {
        pthread_join(second, NULL);
    }
    return took / (double)turns;
}

// The least time of a call: what it takes where nobody else is at work.
static double measure(team *t, int members) {
    double once = seconds(t, members, 3);
    long turns = (long)(0.02 / once) + 1;
    double samples[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        samples[i] = seconds(t, members, turns);
    }
    return least(samples, SAMPLES);
}

static kernel_code_set compile(kernel_backend *backend, const kernel_desc *k, diag_sink *d,
                               double *out_seconds) {
    kernel_code_set code;
    double began = own_time();
    if (backend->compile(backend->self, &k, 1, 1, d, &code) != RNNC_OK) {
        strbuf text = {0};
        diag_render(d, &text);
        fputs(strbuf_text(&text), stderr);
        exit(1);
    }
    *out_seconds = own_time() - began;
    return code;
}

static size_t object_size(codegen *c, const kernel_desc *k, diag_sink *d) {
    strbuf bytes = {0};
    codegen_render(c, k, CODEGEN_OBJECT, d, &bytes);
    size_t length = bytes.length;
    strbuf_deinit(&bytes);
    return length;
}

static void bench(codegen *c, const bench_case *at, diag_sink *d) {
    kernel_backend backend = codegen_backend(c);
    double peak = peak_rate(backend.shape.vector_bytes);
    bench_kernel b;
    make_kernel(&b, at, backend.shape);
    double compile_seconds;
    kernel_code_set code = compile(&backend, &b.k, d, &compile_seconds);
    team t = {.b = &b, .function = code.functions[0], .grain = b.k.flat ? 16 : 1};
    t.units = kernel_units(&b.k, backend.shape, b.ints);
    t.turns_back = kernel_turns(&b.k, backend.shape);
    size_t scratch = (size_t)kernel_scratch_bytes(&b.k, backend.shape) + 64;
    if (posix_memalign(&t.scratch[0], 64, scratch) || posix_memalign(&t.scratch[1], 64, scratch)) {
        exit(1);
    }
    double one = measure(&t, 1), two = measure(&t, 2);
    double flops =
        at->kind == KERNEL_PRODUCT ? 2.0 * (double)at->rows * (double)at->inner * at->gates * at->columns : 0;
    printf("%-28s %5.1f | %9.2f us %7.1f GFLOP/s %4.0f %% %6.1f GB/s | %9.2f us %7.1f GFLOP/s | %5.1f ms "
           "%6zu B\n",
           at->name, peak, one * 1e6, flops / one * 1e-9, peak > 0 ? flops / one * 1e-7 / peak : 0,
           b.bytes / one * 1e-9, two * 1e6, flops / two * 1e-9, compile_seconds * 1e3,
           object_size(c, &b.k, d));
    fflush(stdout);
    backend.release(backend.self, &code);
    free(t.scratch[0]);
    free(t.scratch[1]);
    free_kernel(&b);
}

int main(int argc, char **argv) {
    const char *cpu = NULL, *pattern = "";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--cpu") == 0 && i + 1 < argc) {
            cpu = argv[++i];
        } else {
            pattern = argv[i];
        }
    }
    diag_sink d;
    diag_init(&d);
    codegen *c;
    strbuf text = {0};
    if (codegen_create(cpu, &d, &c) != RNNC_OK) {
        diag_render(&d, &text);
        fputs(strbuf_text(&text), stderr);
        return 1;
    }
    codegen_describe(c, &text);
    printf("%s\n%-28s peak of one core | one thread, of peak, bytes | two threads | compiling, object\n",
           strbuf_text(&text), "kernel");
    strbuf_deinit(&text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strncmp(cases[i].name, pattern, strlen(pattern)) == 0) {
            bench(c, &cases[i], &d);
        }
    }
    codegen_destroy(c);
    diag_deinit(&d);
    return 0;
}
