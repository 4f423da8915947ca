// The engine's two kinds behind one interface: the same model as a graph and as a program written by hand.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ir/build.h"
#include "runtime/engine.h"
#include "runtime/kernel_interpret.h"
#include "tests/unit/hand_program.h"

#define BATCH AXIS_BIT(AXIS_BATCH)
#define STEPS AXIS_BIT(AXIS_T)

enum { N = 4, VOCABULARY = 6 };

// out<T,B>[N] = row of the table for each token, plus x; total = the same as one number, kept as metric.
static graph *make_graph(void) {
    graph *g = graph_create("test", DT_F32);
    graph_add_axis(g, "T", AXIS_IS_SEQUENCE, 0);
    graph_add_variable(g, "table", type_matrix(DT_F32, VOCABULARY, N), VARIABLE_WEIGHT, (initializer){0});
    node_id tokens = build_input(g, "words", "data", type_vector(DT_I32, BATCH | STEPS, 1));
    node_id x = build_input(g, "x", "data", type_vector(DT_F32, BATCH | STEPS, N));
    node_id rows = build_gather(g, build_variable(g, "table"), tokens);
    node_id sum = build_binary(g, OP_ADD, rows, x);
    graph_add_output(g, "out", sum, OUTPUT_VALUE);
    graph_add_output(g, "loss", build_reduce(g, OP_SUM, sum, BATCH | STEPS, true), OUTPUT_LOSS);
    return g;
}

static program *make_program(void) {
    program *p = hand_program();
    value_type numbers = type_vector(DT_I32, BATCH | STEPS, 1), type = type_vector(DT_F32, BATCH | STEPS, N);
    value_type matrix = type_matrix(DT_F32, VOCABULARY, N), number = type_vector(DT_F32, 0, 1);
    uint32_t words = hand_input(p, "words", "data", numbers), x = hand_input(p, "x", "data", type);
    uint32_t table = hand_variable(p, "table", matrix, VARIABLE_WEIGHT);
    // The result is a column range of a wider array, as a fused product would leave it.
    int64_t out = hand_room(p, MAX_T * MAX_B * (N + 3), DT_F32), loss = hand_room(p, 1, DT_F32);
    uint32_t k = hand_kernel(p, KERNEL_MAP, "add", N);
    hand_arg(p, k, DT_I32, false, false, 1);
    hand_arg(p, k, DT_F32, false, true, N);
    hand_arg(p, k, DT_F32, false, false, N);
    hand_arg(p, k, DT_F32, true, false, N + 3);
    int16_t token = hand_load(p, k, 0);
    p->kernels.at[k].instrs[token].full = 0;
    int16_t row = hand_instr(p, k, (kernel_instr){OP_GATHER, DT_F32, 1, token, -1, -1, 1, 0, 0});
    hand_store(p, k, 3, hand_op(p, k, OP_ADD, row, hand_load(p, k, 2)));
    uint32_t sum = hand_kernel(p, KERNEL_FOLD, "sum", 1);
    p->kernels.at[sum].fold = OP_SUM;
    hand_arg(p, sum, DT_F32, false, false, N + 3);
    hand_arg(p, sum, DT_F32, true, false, 1);
    int16_t parts = -1;
    for (int32_t c = 0; c < N; c++) {
        int16_t part = hand_load(p, sum, 0);
        p->kernels.at[sum].instrs[part].column = c;
        parts = parts < 0 ? part : hand_op(p, sum, OP_ADD, parts, part);
    }
    program_place wide = hand_place(PLACE_ARENA, 0, out, type_vector(DT_F32, BATCH | STEPS, N + 3));
    wide.first_column = 2;
    program_place places[] = {hand_place(PLACE_INPUT, words, 0, numbers),
                              hand_place(PLACE_VARIABLE, table, 0, matrix),
                              hand_place(PLACE_INPUT, x, 0, type), wide};
    hand_run_call(p, hand_call(p, k, BATCH | STEPS, places));
    program_place folded[] = {wide, hand_place(PLACE_ARENA, 0, loss, number)};
    hand_run_call(p, hand_call(p, sum, BATCH | STEPS, folded));
    hand_output(p, "out", type, wide);
    hand_output(p, "loss", number, folded[1]);
    return p;
}

static void fill_engine(engine *e, int64_t batch, int64_t steps, diag_sink *d) {
    int64_t extents[] = {batch, steps}, count = 0;
    assert_int_equal(engine_set_extents(e, extents, d), RNNC_OK);
    int32_t *words = engine_input(e, (uint32_t)engine_find_input(e, "words"), &count);
    assert_int_equal(count, batch * steps);
    for (int64_t i = 0; i < count; i++) {
        words[i] = (int32_t)(i * 5 % VOCABULARY);
    }
    float *x = engine_input(e, (uint32_t)engine_find_input(e, "x"), &count);
    assert_int_equal(count, batch * steps * N);
    for (int64_t i = 0; i < count; i++) {
        x[i] = (float)sin((double)i);
    }
    weight_part table;
    assert_true(weights_find_part(engine_weights(e), "table", &table));
    for (int64_t i = 0; i < VOCABULARY * N; i++) {
        weight_set(&table, i / N, i % N, cos((double)i));
    }
    weights_changed(engine_weights(e));
}

static void check_runs(engine *e, diag_sink *d) {
    const int64_t sizes[][2] = {{3, 2}, {MAX_B, MAX_T}, {1, 1}, {5, 7}};
    for (int s = 0; s < 4; s++) {
        fill_engine(e, sizes[s][0], sizes[s][1], d);
        assert_int_equal(engine_run(e, 0, 0, d), RNNC_OK);
        int64_t count = 0;
        const float *out = engine_output(e, (uint32_t)engine_find_output(e, "out"), &count);
        assert_int_equal(count, sizes[s][0] * sizes[s][1] * N);
        double sum = 0;
        for (int64_t i = 0; i < count; i++) {
            float row = (float)cos((double)(i / N * 5 % VOCABULARY * N + i % N));
            assert_true(out[i] == row + (float)sin((double)i));
            sum += out[i];
        }
        double loss = engine_output_number(e, (uint32_t)engine_find_output(e, "loss"));
        assert_true(fabs(loss - sum) < 1e-3);
        double values[MAX_B * MAX_T * N];
        engine_output_doubles(e, 0, values);
        assert_true(fabs(values[count - 1] - out[count - 1]) < 1e-6);
    }
}

static void check_interface(engine *e) {
    assert_int_equal(engine_axis_count(e), 2);
    assert_int_equal(engine_find_axis(e, "T"), AXIS_T);
    assert_int_equal(engine_find_axis(e, "S"), NO_AXIS);
    assert_int_equal(engine_input_count(e), 2);
    assert_int_equal(engine_output_count(e), 2);
    assert_int_equal(engine_find_input(e, "nothing"), -1);
    assert_int_equal(engine_find_output(e, "nothing"), -1);
    assert_string_equal(engine_input_info(e, 0).role, "data");
    assert_int_equal(engine_input_info(e, 0).type.elem, DT_I32);
    assert_string_equal(engine_output_info(e, 0).name, "out");
}

// A token that no row of the table has is an error, not a read beyond it.
static void check_tokens(engine *e, diag_sink *d) {
    const int32_t wrong[] = {VOCABULARY, -1, 1 << 30};
    for (int i = 0; i < 3; i++) {
        fill_engine(e, 2, 3, d);
        int64_t count = 0;
        int32_t *words = engine_input(e, 0, &count);
        words[4] = wrong[i];
        uint32_t errors = d->error_count;
        assert_int_equal(engine_run(e, 0, 0, d), RNNC_INVALID_ARGUMENT);
        assert_int_equal(d->error_count, errors + 1);
    }
}

static void test_interpreter(void **state) {
    (void)state;
    diag_sink d;
    diag_init(&d);
    graph *g = make_graph();
    for (int precision = INTERPRET_AS_TYPED; precision <= INTERPRET_F64; precision++) {
        engine *e = NULL;
        assert_int_equal(engine_create_interpreter(g, (interpret_precision)precision, &d, &e), RNNC_OK);
        check_interface(e);
        assert_null(engine_context(e));
        if (precision == INTERPRET_AS_TYPED) {
            check_runs(e, &d);
        }
        check_tokens(e, &d);
        int64_t none[] = {2, 0};
        assert_int_equal(engine_set_extents(e, none, &d), RNNC_INVALID_ARGUMENT);
        assert_int_equal(engine_extents(e)[AXIS_T], 3);
        engine_destroy(e);
    }
    graph_destroy(g);
    diag_deinit(&d);
}

static void test_program(void **state) {
    (void)state;
    diag_sink d;
    diag_init(&d);
    interpreter_home home = {.shape = hand_shape};
    kernel_backend backend = kernel_interpret_backend(&home);
    for (int threads = 1; threads <= 2; threads++) {
        program *p = make_program();
        engine *e = NULL, *second = NULL;
        assert_int_equal(engine_create_program(p, &backend, NULL, threads, &d, &e), RNNC_OK);
        context_set_split_cost(engine_context(e), 0);
        check_interface(e);
        engine_begin(e);
        check_runs(e, &d);
        engine_end(e);
        check_tokens(e, &d);
        int64_t many[] = {2, MAX_T + 1};
        assert_int_equal(engine_set_extents(e, many, &d), RNNC_INVALID_ARGUMENT);
        assert_int_equal(engine_extents(e)[AXIS_T], 3);
        assert_int_equal(engine_create_program(p, &backend, engine_weights(e), 1, &d, &second), RNNC_OK);
        assert_ptr_equal(engine_weights(second), engine_weights(e));
        check_runs(second, &d);
        engine_destroy(second);
        engine_destroy(e);
        program_destroy(p);
    }
    diag_deinit(&d);
}

// Updates inside a run: an interpreter's variable is what the engine's weights show.
static void test_effects(void **state) {
    (void)state;
    diag_sink d;
    diag_init(&d);
    graph *g = graph_create("counter", DT_F32);
    graph_add_variable(g, "n", type_vector(DT_F32, 0, 1), VARIABLE_SLOT, (initializer){0});
    node_id n = build_variable(g, "n");
    build_assign(g, n, build_binary(g, OP_ADD, n, build_real(g, 1)));
    graph_add_output(g, "before", n, OUTPUT_VALUE);
    engine *e = NULL;
    assert_int_equal(engine_create_interpreter(g, INTERPRET_AS_TYPED, &d, &e), RNNC_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(engine_run(e, 0, 0, &d), RNNC_OK);
        weight_part part;
        assert_true(weights_find_part(engine_weights(e), "n", &part));
        assert_true(weight_get(&part, 0, 0) == i + 1);
    }
    engine_destroy(e);
    graph_destroy(g);
    diag_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interpreter),
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
