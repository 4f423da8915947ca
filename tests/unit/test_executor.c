// Programs written by hand, run by the interpreting backend: places, loops, extents and threads.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "passes/stage_text.h"
#include "runtime/context.h"
#include "runtime/kernel_interpret.h"
#include "tests/unit/hand_program.h"

#define BATCH AXIS_BIT(AXIS_BATCH)
#define STEPS AXIS_BIT(AXIS_T)

enum { N = 5 };

// A program with what is needed to run it.
typedef struct fixture {
    program *p;
    interpreter_home interpreter;
    kernel_backend backend;
    kernel_code_set code;
    weights *w;
    context *c;
    diag_sink d;
    float x[MAX_T * MAX_B * N], h0[MAX_B * N];
} fixture;

static void start(fixture *f, program *p, int threads) {
    memset(f, 0, sizeof *f);
    f->p = p;
    f->interpreter.shape = hand_shape;
    f->backend = kernel_interpret_backend(&f->interpreter);
    diag_init(&f->d);
    const kernel_desc *kernels[8];
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        kernels[i] = &p->kernels.at[i];
    }
    assert_int_equal(f->backend.compile(f->backend.self, kernels, p->kernels.count, 1, &f->d, &f->code),
                     RNNC_OK);
    assert_int_equal(weights_create(p->variables.at, p->variables.count, &f->d, &f->w), RNNC_OK);
    assert_int_equal(context_create(p, &f->code, f->w, &(team_options){.members = threads}, &f->d, &f->c),
                     RNNC_OK);
    context_set_split_cost(f->c, 0);
    for (int i = 0; i < MAX_T * MAX_B * N; i++) {
        f->x[i] = (float)sin(i * 0.7);
    }
    for (int i = 0; i < MAX_B * N; i++) {
        f->h0[i] = (float)cos(i * 0.3);
    }
}

static void stop(fixture *f) {
    context_destroy(f->c);
    weights_destroy(f->w);
    f->backend.release(f->backend.self, &f->code);
    diag_deinit(&f->d);
    program_destroy(f->p);
}

static void set_extents(fixture *f, int64_t batch, int64_t steps) {
    int64_t extents[] = {batch, steps};
    assert_int_equal(context_set_extents(f->c, extents, &f->d), RNNC_OK);
}

// y = 2 x, z = tanh(y) + x, over all steps and rows at once; |flat|: as single elements.
static program *two_calls(bool flat) {
    program *p = hand_program();
    value_type type = type_vector(DT_F32, BATCH | STEPS, N);
    uint32_t x = hand_input(p, "x", "data", type);
    int64_t y = hand_room(p, MAX_T * MAX_B * N, DT_F32), z = hand_room(p, MAX_T * MAX_B * N, DT_F32);
    uint32_t twice = hand_kernel(p, KERNEL_MAP, "twice", N);
    hand_arg(p, twice, DT_F32, false, false, N);
    hand_arg(p, twice, DT_F32, true, false, N);
    int16_t value = hand_load(p, twice, 0);
    hand_store(p, twice, 1, hand_op(p, twice, OP_ADD, value, value));
    uint32_t last = hand_kernel(p, KERNEL_MAP, "last", N);
    hand_arg(p, last, DT_F32, false, false, N);
    hand_arg(p, last, DT_F32, false, false, N);
    hand_arg(p, last, DT_F32, true, false, N);
    value = hand_load(p, last, 0);
    int16_t tangent = hand_op(p, last, OP_TANH, value, -1);
    hand_store(p, last, 2, hand_op(p, last, OP_ADD, tangent, hand_load(p, last, 1)));
    program_place places[] = {hand_place(PLACE_INPUT, x, 0, type), hand_place(PLACE_ARENA, 0, y, type)};
    hand_run_call(p, hand_call(p, twice, BATCH | STEPS, places));
    program_place more[] = {places[1], places[0], hand_place(PLACE_ARENA, 0, z, type)};
    hand_run_call(p, hand_call(p, last, BATCH | STEPS, more));
    hand_output(p, "z", type, more[2]);
    for (uint32_t i = 0; flat && i < p->kernels.count; i++) {
        p->kernels.at[i].flat = 1;
        p->kernels.at[i].dims = 0;
        p->kernels.at[i].columns = 1;
        p->calls.at[i].row_extents[0] = N;
    }
    return p;
}

static void check_two_calls(fixture *f, int64_t batch, int64_t steps) {
    set_extents(f, batch, steps);
    context_bind_input(f->c, 0, f->x, NULL);
    assert_int_equal(context_run(f->c, 0, 0, &f->d), RNNC_OK);
    int64_t count = 0;
    const float *z = context_output(f->c, 0, &count);
    assert_int_equal(count, batch * steps * N);
    for (int64_t i = 0; i < count; i++) {
        float y = f->x[i] + f->x[i], t = (float)tanh(y);
        assert_true(z[i] == t + f->x[i]);
    }
}

static void test_two_calls(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        for (int flat = 0; flat < 2; flat++) {
            fixture f;
            start(&f, two_calls(flat), threads);
            check_two_calls(&f, 3, 2);
            check_two_calls(&f, MAX_B, MAX_T);
            check_two_calls(&f, 1, 1);
            context_begin(f.c, false);
            check_two_calls(&f, 7, 5);
            check_two_calls(&f, 7, 5);
            context_end(f.c);
            check_two_calls(&f, 2, 9);
            stop(&f);
        }
    }
}

// h[t] = 0.5 h[t-1] + x[t] with h[-1] = h0 (or the mirror image), its states kept in one block with a slot
// for the boundary (modulus 0), or in a ring of two.
static program *recurrence(int direction, int32_t modulus) {
    program *p = hand_program();
    value_type xs = type_vector(DT_F32, BATCH | STEPS, N), row = type_vector(DT_F32, BATCH, N);
    uint32_t x = hand_input(p, "x", "data", xs), h0 = hand_input(p, "h0", "state", row);
    int64_t h = hand_room(p, (modulus ? modulus : MAX_T + 1) * MAX_B * N, DT_F32);
    uint32_t copy = hand_kernel(p, KERNEL_MAP, "copy", N), step = hand_kernel(p, KERNEL_MAP, "step", N);
    hand_arg(p, copy, DT_F32, false, false, N);
    hand_arg(p, copy, DT_F32, true, false, N);
    hand_store(p, copy, 1, hand_load(p, copy, 0));
    hand_arg(p, step, DT_F32, false, false, N);
    hand_arg(p, step, DT_F32, false, false, N);
    hand_arg(p, step, DT_F32, true, false, N);
    int16_t before = hand_load(p, step, 0);
    int16_t half = hand_op(p, step, OP_MUL, before, hand_const(p, step, 0.5));
    hand_store(p, step, 2, hand_op(p, step, OP_ADD, half, hand_load(p, step, 1)));
    program_place block = hand_place(PLACE_ARENA, 0, h, row), in = hand_place(PLACE_INPUT, x, 0, row);
    int32_t read = direction > 0 ? 0 : 1, write = direction > 0 ? 1 : 0;
    program_place boundary = hand_slot(block, AXIS_T, 0, modulus, direction < 0);
    program_place copied[] = {hand_place(PLACE_INPUT, h0, 0, row), boundary};
    hand_run_call(p, hand_call(p, copy, BATCH, copied));
    program_place stepped[] = {hand_slot(block, AXIS_T, read, modulus, false),
                               hand_slot(in, AXIS_T, 0, 0, false),
                               hand_slot(block, AXIS_T, write, modulus, false)};
    uint32_t call = hand_call(p, step, BATCH, stepped);
    hand_run_loop(p, AXIS_T, direction, 1);
    hand_run_call(p, call);
    hand_output(p, "last", row, hand_slot(block, AXIS_T, 0, modulus, direction > 0));
    return p;
}

static void check_recurrence(fixture *f, int direction, int64_t batch, int64_t steps) {
    set_extents(f, batch, steps);
    context_bind_input(f->c, 0, f->x, NULL);
    context_bind_input(f->c, 1, f->h0, NULL);
    assert_int_equal(context_run(f->c, 0, 0, &f->d), RNNC_OK);
    int64_t count = 0;
    const float *last = context_output(f->c, 0, &count);
    assert_int_equal(count, batch * N);
    for (int64_t i = 0; i < count; i++) {
        float h = f->h0[i];
        for (int64_t t = 0; t < steps; t++) {
            h = h * 0.5f + f->x[(direction > 0 ? t : steps - 1 - t) * batch * N + i];
        }
        assert_true(last[i] == h);
    }
}

static void test_recurrence(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        for (int form = 0; form < 4; form++) {
            int direction = form & 1 ? -1 : 1;
            fixture f;
            start(&f, recurrence(direction, form & 2 ? 2 : 0), threads);
            for (int64_t steps = 1; steps <= MAX_T; steps++) {
                check_recurrence(&f, direction, (steps * 13) % MAX_B + 1, steps);
            }
            stop(&f);
        }
    }
}

// s[t] = x[t] + s[t-1] W by a product that is left out in the first iteration.
static program *product_loop(void) {
    program *p = hand_program();
    value_type xs = type_vector(DT_F32, BATCH | STEPS, N), matrix = type_matrix(DT_F32, N, N);
    uint32_t x = hand_input(p, "x", "data", xs), w = hand_variable(p, "w", matrix, VARIABLE_WEIGHT);
    int64_t s = hand_room(p, MAX_T * MAX_B * N, DT_F32);
    uint32_t k = hand_kernel(p, KERNEL_PRODUCT, "step", N);
    hand_arg(p, k, DT_F32, false, false, N);
    hand_arg(p, k, DT_F32, false, true, N);
    hand_arg(p, k, DT_F32, false, false, N);
    hand_arg(p, k, DT_F32, true, false, N);
    int16_t product = hand_instr(p, k, (kernel_instr){KI_PRODUCT, DT_F32, 1, -1, -1, -1, -1, 0, 0});
    hand_store(p, k, 3, hand_op(p, k, OP_ADD, hand_load(p, k, 2), product));
    value_type row = type_vector(DT_F32, BATCH, N);
    program_place block = hand_place(PLACE_ARENA, 0, s, row);
    program_place places[] = {hand_slot(block, AXIS_T, -1, 0, false),
                              hand_place(PLACE_VARIABLE, w, 0, matrix),
                              hand_slot(hand_place(PLACE_INPUT, x, 0, row), AXIS_T, 0, 0, false),
                              hand_slot(block, AXIS_T, 0, 0, false)};
    uint32_t call = hand_call(p, k, BATCH, places);
    p->calls.at[call].inner = N;
    p->calls.at[call].skip_inner_first = true;
    hand_run_loop(p, AXIS_T, 1, 1);
    hand_run_call(p, call);
    hand_output(p, "s", xs, hand_place(PLACE_ARENA, 0, s, xs));
    return p;
}

static void test_product_is_skipped_first(void **state) {
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        fixture f;
        start(&f, product_loop(), threads);
        float *w = f.w->arrays[0].data;
        for (int i = 0; i < N * N; i++) {
            w[i] = (float)sin(i);
        }
        context_bind_input(f.c, 0, f.x, NULL);
        enum { B = 30, T = 4 };
        set_extents(&f, B, T);
        assert_int_equal(context_run(f.c, 0, 0, &f.d), RNNC_OK);
        int64_t count = 0;
        const float *s = context_output(f.c, 0, &count);
        for (int64_t i = 0; i < B * T * N; i++) {
            const float *before = s + (i / N - B) * N;
            float sum = 0;
            for (int64_t k = 0; k < N && i >= B * N; k++) {
                sum = fmaf(before[k], w[k * N + i % N], sum);
            }
            assert_true(s[i] == f.x[i] + sum);
        }
        stop(&f);
    }
}

// Threads change no bit, in a program whose values depend on the order of everything.
static void test_threads_agree(void **state) {
    (void)state;
    float expected[MAX_T * MAX_B * N];
    for (int threads = 1; threads <= 3; threads++) {
        fixture f;
        start(&f, product_loop(), threads);
        float *w = f.w->arrays[0].data;
        for (int i = 0; i < N * N; i++) {
            w[i] = (float)cos(i * 1.3);
        }
        context_bind_input(f.c, 0, f.x, NULL);
        set_extents(&f, MAX_B, MAX_T);
        for (int run = 0; run < 20; run++) {
            assert_int_equal(context_run(f.c, 0, 0, &f.d), RNNC_OK);
            int64_t count = 0;
            const float *s = context_output(f.c, 0, &count);
            if (threads == 1 && run == 0) {
                memcpy(expected, s, sizeof expected);
            }
            assert_memory_equal(expected, s, sizeof expected);
        }
        stop(&f);
    }
}

// The recurrence of |recurrence|, upwards or downwards, added to |p| as a loop.
static void add_recurrence(program *p, uint32_t step, uint32_t x, int64_t h, int direction) {
    value_type row = type_vector(DT_F32, BATCH, N);
    program_place block = hand_place(PLACE_ARENA, 0, h, row), in = hand_place(PLACE_INPUT, x, 0, row);
    int32_t read = direction > 0 ? 0 : 1, write = direction > 0 ? 1 : 0;
    program_place stepped[] = {hand_slot(block, AXIS_T, read, 0, false), hand_slot(in, AXIS_T, 0, 0, false),
                               hand_slot(block, AXIS_T, write, 0, false)};
    uint32_t call = hand_call(p, step, BATCH, stepped);
    hand_run_loop(p, AXIS_T, direction, 1);
    hand_run_call(p, call);
}

// u up from zeros, d down from zeros, and y = x + x by a call, in one set; then z = u + d over all steps. The slots of
// the boundaries are never written: the arena begins as zeros.
static program *set_of_three(void) {
    program *p = hand_program();
    value_type xs = type_vector(DT_F32, BATCH | STEPS, N);
    uint32_t x = hand_input(p, "x", "data", xs);
    int64_t elements = MAX_T * MAX_B * N, room = (MAX_T + 1) * MAX_B * N;
    int64_t u = hand_room(p, room, DT_F32), d = hand_room(p, room, DT_F32);
    int64_t y = hand_room(p, elements, DT_F32), z = hand_room(p, elements, DT_F32);
    uint32_t step = hand_kernel(p, KERNEL_MAP, "step", N), sum = hand_kernel(p, KERNEL_MAP, "sum", N);
    for (int i = 0; i < 3; i++) {
        hand_arg(p, step, DT_F32, i == 2, false, N);
        hand_arg(p, sum, DT_F32, i == 2, false, N);
    }
    int16_t half = hand_op(p, step, OP_MUL, hand_load(p, step, 0), hand_const(p, step, 0.5));
    hand_store(p, step, 2, hand_op(p, step, OP_ADD, half, hand_load(p, step, 1)));
    int16_t first = hand_load(p, sum, 0);
    hand_store(p, sum, 2, hand_op(p, sum, OP_ADD, first, hand_load(p, sum, 1)));
    hand_run_set(p, 5);
    add_recurrence(p, step, x, u, 1);
    add_recurrence(p, step, x, d, -1);
    program_place in = hand_place(PLACE_INPUT, x, 0, xs);
    program_place twice[] = {in, in, hand_place(PLACE_ARENA, 0, y, xs)};
    hand_run_call(p, hand_call(p, sum, BATCH | STEPS, twice));
    // d has its boundary behind the steps, u before them.
    program_place up = hand_slot(hand_place(PLACE_ARENA, 0, u, xs), AXIS_T, 1, 0, false);
    up.pinned = up.spans = true;
    program_place both[] = {up, hand_place(PLACE_ARENA, 0, d, xs), hand_place(PLACE_ARENA, 0, z, xs)};
    hand_run_call(p, hand_call(p, sum, BATCH | STEPS, both));
    hand_output(p, "y", xs, twice[2]);
    hand_output(p, "z", xs, both[2]);
    return p;
}

static float step_up_or_down(const float *x, int64_t row, int64_t t, int64_t batch, int64_t steps,
                             int direction) {
    float h = 0;
    for (int64_t i = 0; i <= (direction > 0 ? t : steps - 1 - t); i++) {
        h = h * 0.5f + x[(direction > 0 ? i : steps - 1 - i) * batch * N + row];
    }
    return h;
}

static void check_set_of_three(fixture *f, int64_t batch, int64_t steps) {
    set_extents(f, batch, steps);
    context_bind_input(f->c, 0, f->x, NULL);
    assert_int_equal(context_run(f->c, 0, 0, &f->d), RNNC_OK);
    int64_t count = 0;
    const float *y = context_output(f->c, 0, &count), *z = context_output(f->c, 1, &count);
    assert_int_equal(count, batch * steps * N);
    for (int64_t i = 0; i < count; i++) {
        int64_t row = i % (batch * N), t = i / (batch * N);
        float up = step_up_or_down(f->x, row, t, batch, steps, 1);
        assert_true(z[i] == up + step_up_or_down(f->x, row, t, batch, steps, -1));
        assert_true(y[i] == f->x[i] + f->x[i]);
    }
}

static void test_sets(void **state) {
    (void)state;
    static const set_choice choices[] = {SETS_BY_COST, SETS_BESIDE, SETS_SPLIT};
    for (int threads = 1; threads <= 4; threads++) {
        for (int i = 0; i < 3; i++) {
            fixture f;
            start(&f, set_of_three(), threads);
            context_choose_sets(f.c, choices[i]);
            check_set_of_three(&f, MAX_B, MAX_T);
            // The boundary of d moves with the number of steps, so that of fewer steps has been written.
            stop(&f);
            start(&f, set_of_three(), threads);
            context_choose_sets(f.c, choices[i]);
            assert_int_equal(context_time_calls(f.c, true, &f.d), RNNC_OK);
            for (int run = 0; run < 5; run++) {
                check_set_of_three(&f, 3, MAX_T - 2);
            }
            assert_int_equal(context_times(f.c)[0].runs, 5 * (MAX_T - 2));
            assert_int_equal(context_times(f.c)[2].runs, 5);
            assert_int_equal(context_times(f.c)[3].runs, 5);
            stop(&f);
        }
    }
}

// Sets that are not whole, or stand in a loop or in another set, are found before anything runs.
static void test_unsound_sets_are_refused(void **state) {
    (void)state;
    fixture f;
    program *p = set_of_three();
    start(&f, p, 2);
    const struct {
        uint32_t item;
        program_item wrong;
        const char *what;
    } cases[] = {
        {0, {ITEM_SET, 0, 0, 0, 7}, "the set at item 0"},
        {0, {ITEM_SET, 0, 0, 0, 1}, "the loop at item 1"}, // the loop leaves the set
        {2, {ITEM_SET, 0, 0, 0, 1}, "the set at item 2"},
        {3, {ITEM_SET, 0, 0, 0, 2}, "the set at item 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        program_item right = p->body.at[cases[i].item];
        p->body.at[cases[i].item] = cases[i].wrong;
        context *c = NULL;
        uint32_t before = f.d.entries.count;
        assert_int_equal(context_create(p, &f.code, f.w, &(team_options){.members = 2}, &f.d, &c),
                         RNNC_INTERNAL);
        assert_non_null(strstr(f.d.entries.at[before].message, cases[i].what));
        p->body.at[cases[i].item] = right;
    }
    stop(&f);
}

static void expect_error(fixture *f, int64_t batch, int64_t steps, const char *text) {
    int64_t extents[] = {batch, steps};
    uint32_t before = f->d.entries.count;
    assert_int_equal(context_set_extents(f->c, extents, &f->d), RNNC_INVALID_ARGUMENT);
    assert_int_equal(f->d.entries.count, before + 1);
    assert_string_equal(f->d.entries.at[before].message, text);
}

static void test_extents_are_checked(void **state) {
    (void)state;
    fixture f;
    start(&f, two_calls(false), 1);
    check_two_calls(&f, 4, 3);
    expect_error(&f, MAX_B + 1, 3, "rows of the batch: this program runs 1 to 70, found 71");
    expect_error(&f, 4, MAX_T + 1, "steps of T: this program runs 1 to 9, found 10");
    expect_error(&f, 4, 0, "steps of T: this program runs 1 to 9, found 0");
    assert_int_equal(context_extents(f.c)[0], 4);
    check_two_calls(&f, 4, 3);
    f.p->axes.at[AXIS_T].fixed = 6;
    expect_error(&f, 4, 3, "axis T has 6 members in every run, found 3");
    check_two_calls(&f, 4, 6);
    stop(&f);
}

static void test_unbound_input_is_an_error(void **state) {
    (void)state;
    fixture f;
    start(&f, two_calls(false), 1);
    assert_int_equal(context_run(f.c, 0, 0, &f.d), RNNC_INVALID_ARGUMENT);
    assert_string_equal(f.d.entries.at[0].message, "input x has no values");
    stop(&f);
}

// A place that leaves the arena is found before anything runs.
static void test_unsound_program_is_refused(void **state) {
    (void)state;
    fixture f;
    program *p = two_calls(false);
    start(&f, p, 1);
    context *c = NULL;
    p->arena_bytes -= 64;
    assert_int_equal(context_create(p, &f.code, f.w, &(team_options){.members = 1}, &f.d, &c), RNNC_INTERNAL);
    assert_string_equal(f.d.entries.at[0].message,
                        "the program is not sound: call 1 of kernel last: an argument leaves the arena");
    p->arena_bytes += 64;
    p->calls.at[0].args[0].elem = DT_I32;
    assert_int_equal(context_create(p, &f.code, f.w, &(team_options){.members = 1}, &f.d, &c), RNNC_INTERNAL);
    p->calls.at[0].args[0].elem = DT_F32;
    p->body.at[0].call = 9;
    assert_int_equal(context_create(p, &f.code, f.w, &(team_options){.members = 1}, &f.d, &c), RNNC_INTERNAL);
    p->body.at[0].call = 0;
    stop(&f);
}

// out = x * extent of T + index of T, from the values that the context keeps for kernels.
static program *with_axis_values(void) {
    program *p = hand_program();
    value_type type = type_vector(DT_F32, STEPS, 1), index = type_vector(DT_I32, STEPS, 1);
    value_type number = type_vector(DT_F32, 0, 1);
    p->axes.at[AXIS_T].index_offset = hand_room(p, MAX_T, DT_I32);
    p->axes.at[AXIS_T].extent_offset[DT_F32] = hand_room(p, 1, DT_F32);
    p->settings_offset = hand_room(p, 4, DT_I32);
    int64_t out = hand_room(p, MAX_T, DT_F32);
    uint32_t k = hand_kernel(p, KERNEL_MAP, "numbers", 1);
    hand_arg(p, k, DT_I32, false, false, 1);
    hand_arg(p, k, DT_F32, false, true, 1);
    hand_arg(p, k, DT_F32, true, false, 1);
    int16_t i = hand_op(p, k, OP_CONVERT, hand_load(p, k, 0), -1);
    hand_store(p, k, 2, hand_op(p, k, OP_SUB, hand_load(p, k, 1), i));
    program_place places[] = {hand_place(PLACE_ARENA, 0, p->axes.at[AXIS_T].index_offset, index),
                              hand_place(PLACE_ARENA, 0, p->axes.at[AXIS_T].extent_offset[DT_F32], number),
                              hand_place(PLACE_ARENA, 0, out, type)};
    hand_run_call(p, hand_call(p, k, STEPS, places));
    hand_output(p, "out", type, places[2]);
    hand_output(p, "settings", type_vector(DT_I32, 0, 4),
                hand_place(PLACE_ARENA, 0, p->settings_offset, type_vector(DT_I32, 0, 4)));
    return p;
}

static void test_axis_values_and_settings(void **state) {
    (void)state;
    fixture f;
    start(&f, with_axis_values(), 1);
    for (int64_t steps = MAX_T; steps >= 1; steps -= 4) {
        set_extents(&f, 1, steps);
        assert_int_equal(context_run(f.c, 0x100000002, 0x300000004, &f.d), RNNC_OK);
        int64_t count = 0;
        const float *out = context_output(f.c, 0, &count);
        assert_int_equal(count, steps);
        for (int64_t i = 0; i < steps; i++) {
            assert_true(out[i] == (float)(steps - i));
        }
        const int32_t *settings = context_output(f.c, 1, &count);
        const int32_t expected[] = {2, 1, 4, 3};
        assert_memory_equal(settings, expected, sizeof expected);
    }
    stop(&f);
}

static void test_times_are_counted(void **state) {
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        fixture f;
        start(&f, recurrence(1, 0), threads);
        assert_null(context_times(f.c));
        assert_int_equal(context_time_calls(f.c, true, &f.d), RNNC_OK);
        check_recurrence(&f, 1, 3, 5);
        check_recurrence(&f, 1, 3, 4);
        assert_int_equal(context_times(f.c)[0].runs, 2);
        assert_int_equal(context_times(f.c)[1].runs, 9);
        assert_true(context_times(f.c)[1].nanoseconds > 0);
        assert_int_equal(context_time_calls(f.c, false, &f.d), RNNC_OK);
        stop(&f);
    }
}

static unsigned control_word(void) {
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr() & ~0x3fu; // without the sticky flags
#else
    return 0;
#endif
}

// Denormals are zero within a run; the caller's mode comes back.
static void test_denormals_are_flushed(void **state) {
    (void)state;
    fixture f;
    start(&f, two_calls(false), 1);
    unsigned before = control_word();
    for (int i = 0; i < N; i++) {
        f.x[i] = 1e-42f;
    }
    set_extents(&f, 1, 1);
    context_bind_input(f.c, 0, f.x, NULL);
    assert_int_equal(context_run(f.c, 0, 0, &f.d), RNNC_OK);
    assert_int_equal(control_word(), before);
    int64_t count = 0;
    const float *z = context_output(f.c, 0, &count);
#if defined(__x86_64__)
    assert_true(z[0] == 0);
#else
    (void)z;
#endif
    stop(&f);
}

// A program with a ring is printed, and what is read back prints the same.
static void test_print(void **state) {
    (void)state;
    program *p = recurrence(1, 2);
    strbuf text = {0}, again = {0};
    program_print(p, &text);
    assert_non_null(strstr(strbuf_text(&text), "\nrun loop T up calls 1\n"));
    assert_non_null(strstr(strbuf_text(&text), "\nplace arena at 0 f32<T,B>[5] slot T step 1 mod 2\n"));
    assert_non_null(
        strstr(strbuf_text(&text),
               "\noutput value \"last\" : f32<B>[5] place arena at 0 f32<T,B>[5] slot T only 0 end mod 2\n"));
    diag_sink d;
    diag_init(&d);
    stage_text read;
    rnnc_status status =
        stage_parse(&d, diag_add_file(&d, "program.ir", strbuf_text(&text), text.length), &read);
    if (status != RNNC_OK) {
        strbuf errors = {0};
        diag_render(&d, &errors);
        fail_msg("%s\n%s", strbuf_text(&text), strbuf_text(&errors));
    }
    program_print(read.program, &again);
    assert_string_equal(strbuf_text(&again), strbuf_text(&text));
    stage_text_deinit(&read);
    diag_deinit(&d);
    strbuf_deinit(&again);
    strbuf_deinit(&text);
    program_destroy(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_calls),
        cmocka_unit_test(test_recurrence),
        cmocka_unit_test(test_product_is_skipped_first),
        cmocka_unit_test(test_threads_agree),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_unsound_sets_are_refused),
        cmocka_unit_test(test_extents_are_checked),
        cmocka_unit_test(test_unbound_input_is_an_error),
        cmocka_unit_test(test_unsound_program_is_refused),
        cmocka_unit_test(test_axis_values_and_settings),
        cmocka_unit_test(test_times_are_counted),
        cmocka_unit_test(test_denormals_are_flushed),
        cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
