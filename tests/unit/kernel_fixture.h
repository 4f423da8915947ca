// Kernels by hand, compiled for several targets: for test_kernels.c and test_product.c.
#ifndef RNNC_TESTS_KERNEL_FIXTURE_H
#define RNNC_TESTS_KERNEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codegen/backend.h"

enum { MOST_TARGETS = 3, SCRATCH_GUARD = 64 };

typedef struct backend_case {
    const char *cpu;
    codegen *codegen;
    kernel_backend backend;
    bool fused;
} backend_case;

typedef struct backends {
    backend_case at[MOST_TARGETS];
    int count;
    diag_sink sink;
} backends;

static inline void fail_with_diagnostics(const diag_sink *d) {
    strbuf text = {0};
    diag_render(d, &text);
    print_error("%s\n", strbuf_text(&text));
    strbuf_deinit(&text);
    fail();
}

// Targets that this machine cannot run are left out.
static inline void backends_init(backends *b) {
    static const char *const cpus[MOST_TARGETS] = {"native", "x86-64-v3", "x86-64"};
    memset(b, 0, sizeof *b);
    diag_init(&b->sink);
    for (int i = 0; i < MOST_TARGETS; i++) {
        backend_case *c = &b->at[b->count];
        if (codegen_create(cpus[i], &b->sink, &c->codegen) == RNNC_OK) {
            strbuf text = {0};
            codegen_describe(c->codegen, &text);
            c->cpu = cpus[i];
            c->backend = codegen_backend(c->codegen);
            c->fused = !strstr(strbuf_text(&text), "no fused");
            strbuf_deinit(&text);
            b->count++;
        }
    }
}

static inline void backends_deinit(backends *b) {
    for (int i = 0; i < b->count; i++) {
        codegen_destroy(b->at[i].codegen);
    }
    diag_deinit(&b->sink);
}

// For a group of tests: their state is a `backends`.
static inline int backends_setup(void **state) {
    backends *b = malloc(sizeof *b);
    if (!b) {
        return -1;
    }
    backends_init(b);
    *state = b;
    return 0;
}

static inline int backends_teardown(void **state) {
    backends_deinit(*state);
    free(*state);
    return 0;
}

// A description with room for its instructions.
typedef struct hand_kernel {
    kernel_desc k;
    kernel_instr instrs[64];
} hand_kernel;

static inline void hand_init(hand_kernel *h, kernel_kind kind, dtype elem, int32_t columns) {
    memset(h, 0, sizeof *h);
    h->k.kind = kind;
    h->k.elem = (uint8_t)elem;
    h->k.columns = columns;
    h->k.gates = 1;
    h->k.dims = kind == KERNEL_PACK ? 0 : 1;
    h->k.name = "by/hand";
}

static inline int16_t hand_arg(hand_kernel *h, dtype elem, bool written, int32_t columns) {
    h->k.args[h->k.arg_count] = (kernel_arg){(uint8_t)elem, written, false, columns};
    return (int16_t)h->k.arg_count++;
}

static inline int16_t hand_uniform(hand_kernel *h, dtype elem, bool written, int32_t columns) {
    int16_t arg = hand_arg(h, elem, written, columns);
    h->k.args[arg].uniform = 1;
    return arg;
}

static inline int16_t hand_instr(hand_kernel *h, kernel_instr in) {
    h->instrs[h->k.instr_count] = in;
    h->k.instrs = h->instrs;
    return (int16_t)h->k.instr_count++;
}

static inline int16_t hand_op(hand_kernel *h, int code, dtype elem, bool full, int16_t a, int16_t b,
                              int16_t c) {
    return hand_instr(h, (kernel_instr){(uint16_t)code, (uint8_t)elem, full, a, b, c, -1, 0, 0});
}

static inline int16_t hand_load(hand_kernel *h, int16_t arg, bool full, int32_t column) {
    return hand_instr(h, (kernel_instr){KI_LOAD, h->k.args[arg].elem, full, -1, -1, -1, arg, column, 0});
}

static inline int16_t hand_const(hand_kernel *h, dtype elem, double value) {
    return hand_instr(h, (kernel_instr){OP_CONST, (uint8_t)elem, false, -1, -1, -1, -1, 0, value});
}

static inline int16_t hand_gate(hand_kernel *h, int32_t gate) {
    return hand_instr(h, (kernel_instr){KI_PRODUCT, h->k.elem, true, -1, -1, -1, -1, gate, 0});
}

static inline void hand_store(hand_kernel *h, int16_t arg, bool full, int32_t column, int16_t a) {
    hand_instr(h, (kernel_instr){KI_STORE, h->k.args[arg].elem, full, a, -1, -1, arg, column, 0});
}

// A call's ints: extents and strides, all strides by default those of dense rows.
typedef struct hand_ints {
    int64_t at[KERNEL_MAX_INTS];
} hand_ints;

static inline hand_ints hand_rows(const hand_kernel *h, int64_t rows) {
    hand_ints ints = {{0}};
    ints.at[0] = rows;
    for (uint32_t i = 0; i < h->k.arg_count; i++) {
        ints.at[KERNEL_STRIDES + 4 * i] = h->k.args[i].uniform ? 0 : h->k.args[i].columns;
    }
    return ints;
}

// Compiles |h| for |c|.
static inline kernel_code_set hand_compile(backends *b, const backend_case *c, const hand_kernel *h) {
    kernel_code_set code;
    const kernel_desc *k = &h->k;
    if (c->backend.compile(c->backend.self, &k, 1, 1, &b->sink, &code) != RNNC_OK) {
        fail_with_diagnostics(&b->sink);
    }
    return code;
}

// Runs all units in |pieces| calls, the last units first, with scratch of the promised size.
static inline void hand_run(const backend_case *c, const hand_kernel *h, kernel_function *function,
                            void *const *args, const hand_ints *ints, int64_t pieces) {
    size_t bytes = (size_t)kernel_scratch_bytes(&h->k, c->backend.shape);
    unsigned char *scratch = NULL;
    assert_int_equal(posix_memalign((void **)&scratch, 64, bytes + SCRATCH_GUARD), 0);
    memset(scratch, 0xA5, bytes + SCRATCH_GUARD);
    void *with_scratch[KERNEL_MAX_ARGS + 1];
    memcpy(with_scratch, args, h->k.arg_count * sizeof *args);
    with_scratch[h->k.arg_count] = scratch;
    int64_t units = kernel_units(&h->k, c->backend.shape, ints->at), grain = h->k.flat ? 16 : 1;
    int64_t blocks = (units + grain - 1) / grain;
    for (int64_t i = pieces; i-- > 0;) {
        int64_t begin = blocks * i / pieces * grain, end = blocks * (i + 1) / pieces * grain;
        end = end < units ? end : units;
        if (begin < end && kernel_turns(&h->k, c->backend.shape) && i % 2 == pieces / 2 % 2) {
            function(with_scratch, ints->at, end, begin);
        } else if (begin < end) {
            function(with_scratch, ints->at, begin, end);
        }
    }
    for (int i = 0; i < SCRATCH_GUARD; i++) {
        assert_int_equal(scratch[bytes + (size_t)i], 0xA5);
    }
    free(scratch);
}

// A deterministic number of [-1, 1) for place |i| of array |array|.
static inline double hand_number(uint64_t array, uint64_t i) {
    uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u ^ (array + 1) * 0xD1B54A32D192ED03u;
    x = (x ^ (x >> 31)) * 0x7FB5D329728EA185u;
    x = (x ^ (x >> 27)) * 0x81DADEF4BC2DD44Du;
    return (double)((x ^ (x >> 33)) >> 40) * 0x1p-23 - 1;
}

// An array between guards.
typedef struct hand_array {
    dtype elem;
    int64_t count;
    unsigned char *memory;
    void *at;
} hand_array;

enum { ARRAY_GUARD = 128 };

static inline hand_array array_new(dtype elem, int64_t count) {
    hand_array a = {.elem = elem, .count = count};
    size_t bytes = (size_t)count * (size_t)dtype_bytes(elem);
    assert_int_equal(posix_memalign((void **)&a.memory, 64, bytes + 2 * ARRAY_GUARD), 0);
    memset(a.memory, 0x5A, bytes + 2 * ARRAY_GUARD);
    a.at = a.memory + ARRAY_GUARD;
    return a;
}

static inline void array_free(hand_array *a) {
    size_t bytes = (size_t)a->count * (size_t)dtype_bytes(a->elem);
    for (size_t i = 0; i < ARRAY_GUARD; i++) {
        assert_int_equal(a->memory[i], 0x5A);
        assert_int_equal(a->memory[ARRAY_GUARD + bytes + i], 0x5A);
    }
    free(a->memory);
}

static inline double array_get(const hand_array *a, int64_t i) {
    return a->elem == DT_F32   ? (double)((const float *)a->at)[i]
           : a->elem == DT_F64 ? ((const double *)a->at)[i]
                               : (double)((const int32_t *)a->at)[i];
}

static inline void array_set(hand_array *a, int64_t i, double value) {
    if (a->elem == DT_F32) {
        ((float *)a->at)[i] = (float)value;
    } else if (a->elem == DT_F64) {
        ((double *)a->at)[i] = value;
    } else {
        ((int32_t *)a->at)[i] = (int32_t)value;
    }
}

static inline void array_fill(hand_array *a, uint64_t number) {
    for (int64_t i = 0; i < a->count; i++) {
        array_set(a, i, hand_number(number, (uint64_t)i));
    }
}

#endif
