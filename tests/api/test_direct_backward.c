// Arrays of the caller's that lie in all ways, in backward passes and in training: the bits are those of arrays without
// gaps, and nothing is copied.
#include "tests/api/job.h"
#include "tests/api/pool.h"
#include "tests/api/spread.h"

enum { MOST_ELEMENTS = MOST_STEPS * MOST_ROWS * 2 * UNITS, MOST_WEIGHTS = 1 << 12, ROUNDS = 2 };

// ---- What is run ----

static void free_job(job *j) {
    fixture_free(&j->f);
}

// What ROUNDS runs leave.
typedef struct results {
    float out[JOB_MOST_VALUES][MOST_ELEMENTS];
    double losses[ROUNDS];
    double weights[MOST_WEIGHTS]; // or their gradients
    size_t weight_count;
} results;

static void read_weights(const job *j, rnnc_context *c, rnnc_weights *weights, results *r) {
    r->weight_count = 0;
    for (uint32_t i = 0; i < rnnc_weights_count(weights); i++) {
        rnnc_weight w;
        double *to = r->weights + r->weight_count;
        assert_int_equal(rnnc_weights_get(weights, i, &w), RNNC_OK);
        size_t count = (size_t)(w.rows * w.columns);
        r->weight_count += count;
        assert_true(r->weight_count <= MOST_WEIGHTS);
        fixture_ok(j->trains ? rnnc_weights_read(weights, i, RNNC_F64, to, count, j->f.d)
                             : rnnc_context_read_gradient(c, w.name, RNNC_F64, to, count, j->f.d),
                   j->f.d);
    }
}

// ---- Its numbers ----

static float numbers[JOB_MOST_VALUES][MOST_ELEMENTS];

static void make_numbers(const job *j) {
    for (uint32_t i = 0; i < j->inputs; i++) {
        fixture_fill(numbers[i], MOST_ELEMENTS, i);
        for (int32_t n = 0; n < MOST_ELEMENTS && j->in[i].type == RNNC_I32; n++) {
            int32_t token = n * 5 % 7 * (n % 3) % 7;
            memcpy(&numbers[i][n], &token, sizeof token);
        }
    }
}

static bool is_gradient(const rnnc_value *v) {
    return strncmp(v->name, "gradient/", 9) == 0;
}

static void write_inputs(const job *j, rnnc_context *c, bool gradients) {
    for (uint32_t i = 0; i < j->inputs; i++) {
        if (is_gradient(&j->in[i]) == gradients) {
            fixture_ok(rnnc_context_write_input(c, i, RNNC_STEPS_FIRST, numbers[i],
                                                rnnc_context_input_elements(c, i), j->f.d),
                       j->f.d);
        }
    }
}

// ---- Runs ----

static spread in[JOB_MOST_VALUES], out[JOB_MOST_VALUES];

// An array for |v|, with guards in all places.
static void arrange_for(spread *s, const rnnc_value *v, uint32_t kind, int64_t rows, int64_t steps) {
    arrange(s, (arrangement)(kind % KINDS), v->has_batch ? rows : 1, v->axis_count ? steps : 1, v->columns);
}

static void bind_all(const job *j, rnnc_context *c, int64_t rows, int64_t steps, arrangement kind) {
    for (uint32_t i = 0; i < j->inputs; i++) {
        arrange_for(&in[i], &j->in[i], kind + i, rows, steps);
        scatter(&in[i], numbers[i]);
        fixture_ok(rnnc_context_bind_input_strided(c, i, in[i].at, ROOM, &in[i].strides, j->f.d), j->f.d);
    }
    for (uint32_t i = 0; i < j->outputs; i++) {
        arrange_for(&out[i], &j->out[i], kind + 2 * i, rows, steps);
        fixture_ok(rnnc_context_bind_output(c, i, out[i].at, ROOM, &out[i].strides, j->f.d), j->f.d);
    }
}

// One round; |writes|: the inputs are not bound.
static void run_round(const job *j, rnnc_context *c, bool writes, double *out_loss) {
    rnnc_training said = {.loss = 0};
    if (writes) {
        write_inputs(j, c, false);
    }
    if (j->trains) {
        fixture_ok(rnnc_train_step(c, j->f.d, &said), j->f.d);
    } else {
        fixture_ok(rnnc_run(c, j->f.d), j->f.d);
        if (writes) {
            write_inputs(j, c, true);
        }
        fixture_ok(rnnc_backward(c, j->f.d), j->f.d);
    }
    *out_loss = said.loss;
}

static const arrangement unbound = KINDS;

// Returns how many arrays are copied.
static size_t run(const job *j, const rnnc_context_options *o, int64_t rows, int64_t steps, arrangement kind,
                  results *r) {
    rnnc_context *c = NULL;
    rnnc_weights *weights = NULL;
    fixture_ok(rnnc_weights_create(j->f.program, j->f.d, &weights), j->f.d);
    fixture_ok(rnnc_weights_initialize(weights, 1, j->f.d), j->f.d);
    fixture_ok(rnnc_context_create_with(j->f.program, weights, o, j->f.d, &c), j->f.d);
    fixture_ok(rnnc_context_set_extents(c, rows, steps, j->f.d), j->f.d);
    if (kind != unbound) {
        bind_all(j, c, rows, steps, kind);
    }
    for (int i = 0; i < ROUNDS; i++) {
        run_round(j, c, kind == unbound, &r->losses[i]);
    }
    for (uint32_t i = 0; i < j->outputs; i++) {
        fixture_ok(rnnc_context_read_output(c, i, RNNC_STEPS_FIRST, r->out[i],
                                            rnnc_context_output_elements(c, i), j->f.d),
                   j->f.d);
    }
    read_weights(j, c, weights, r);
    size_t copied = rnnc_context_copied_arrays(c);
    rnnc_context_destroy(c);
    rnnc_weights_release(weights);
    return copied;
}

static void compare(const job *j, arrangement kind, const results *found, const results *wanted) {
    assert_memory_equal(found->losses, wanted->losses, sizeof wanted->losses);
    for (uint32_t i = 0; i < j->outputs; i++) {
        check_spread(&out[i], wanted->out[i], j->what);
        assert_memory_equal(found->out[i], wanted->out[i],
                            (size_t)(out[i].rows * out[i].steps * out[i].columns) * sizeof(float));
    }
    for (uint32_t i = 0; i < j->inputs; i++) {
        check_spread(&in[i], numbers[i], j->what);
    }
    if (memcmp(found->weights, wanted->weights, wanted->weight_count * sizeof(double)) != 0) {
        fail_msg("%s, arrangement %d, %lld rows, %lld steps: other weights", j->what, (int)kind,
                 (long long)in[0].rows, (long long)in[0].steps);
    }
}

static results wanted, found;

static void check_sizes(const job *j, const rnnc_context_options *o, const int64_t (*sizes)[2], int count) {
    make_numbers(j);
    for (int i = 0; i < count; i++) {
        run(j, o, sizes[i][0], sizes[i][1], unbound, &wanted);
        for (int kind = 0; kind < KINDS; kind++) {
            size_t copied = run(j, o, sizes[i][0], sizes[i][1], (arrangement)kind, &found);
            compare(j, (arrangement)kind, &found, &wanted);
            if (copied) {
                fail_msg("%s, arrangement %d, %d rows, %d steps: %zu arrays are copied", j->what, kind,
                         (int)sizes[i][0], (int)sizes[i][1], copied);
            }
        }
    }
}

// ---- As a layer of something larger ----

static job make_layer(const char *cell, const char *form, int threads) {
    static const char *const given[] = {"h"}, *const of[] = {"x"};
    static char text[2048], what[128];
    snprintf(text, sizeof text,
             "%smodel m(n = %d, cell = %s) {\n    input x: real(%d)[T]\n    h = %s\n    output h\n}\n",
             own_cells, UNITS, cell, INPUTS, form);
    snprintf(what, sizeof what, "%s, %s, %d threads", cell, form, threads);
    rnnc_compile_options o = fixture_options(RNNC_GRADIENTS, MOST_ROWS, MOST_STEPS);
    o.threads = threads;
    o.given_gradients = given;
    o.gradients = of;
    o.given_gradient_count = o.gradient_count = 1;
    return make_job(text, what, &o);
}

static const char *const cells[] = {"rnn",     "lstm",      "lstm_coupled",  "lstm_peephole",
                                    "gru_cho", "gru_chung", "gru_cho_after", "gru_chung_after",
                                    "own",     "leak"};
static const char *const forms[] = {"cell(n, x)", "backward cell(n, x)", "cell(n, cell(n, x))",
                                    "backward cell(n, cell(n, x))",
                                    "concat(cell(n, x), backward cell(n, x))"};
enum { CELLS = sizeof cells / sizeof *cells, FORMS = sizeof forms / sizeof *forms };

static void test_layers(void **state) {
    (void)state;
    static const int64_t sizes[][2] = {{2, 3}, {1, 20}, {3, 1}, {1, 1}, {5, 2}, {17, 20}};
    for (int cell = 0; cell < CELLS; cell++) {
        for (int form = 0; form < FORMS; form++) {
            job j = make_layer(cells[cell], forms[form], 1);
            check_sizes(&j, NULL, sizes, fixture_is_slow() ? 2 : 6);
            free_job(&j);
        }
    }
}

// ---- In training ----

static const char trained_text[] =
    "%smodel m(n = %d, cell = %s) {\n    input x: real(%d)[T]\n    input k: token(7)[T]\n    target t: "
    "real(2)[T]\n"
    "    h = %s\n    y = linear(2, h)\n    loss = mean[T, batch] mean squared_error(y, t)\n    output h\n}\n"
    "train r {\n    batch 3  steps T = 9  optimizer %s(rate = 0.01)\n}\n";

static job make_trained(const char *cell, const char *form, const char *optimizer, int threads) {
    static const char *const shown[] = {"h", "y"};
    static char text[2048], what[192];
    snprintf(text, sizeof text, trained_text, own_cells, UNITS, cell, INPUTS, form, optimizer);
    snprintf(what, sizeof what, "training of %s, %s by %s, %d threads", cell, form, optimizer, threads);
    rnnc_compile_options o = fixture_options(RNNC_TRAIN, MOST_ROWS, MOST_STEPS);
    o.threads = threads;
    o.outputs = shown;
    o.output_count = 2;
    return make_job(text, what, &o);
}

// Embeddings are sums over rows that go by number, in order; biases and losses are sums over steps and rows.
static void test_training(void **state) {
    (void)state;
    static const char *const trained[] = {"cell(n, concat(x, embedding(7, 4, k)))",
                                          "backward cell(n, cell(n, embedding(7, 3, k) + x))",
                                          "cell(n, embedding(7, 4, k)) + linear(n, x - mean[T, batch](x))"};
    static const char *const optimizers[] = {"sgd", "adam"};
    static const int64_t sizes[][2] = {{3, 9}, {17, 40}, {1, 6}, {4, 1}, {1, 1}};
    for (int k = 0; k < 18; k++) {
        job j = make_trained(cells[k % CELLS], trained[k % 3], optimizers[k / 3 % 2], 1);
        check_sizes(&j, NULL, sizes, fixture_is_slow() ? 1 : 5);
        free_job(&j);
    }
}

// Shared by two threads, of the library's or of a pool.
static void test_threads(void **state) {
    (void)state;
    static const int64_t sizes[][2] = {{17, 40}, {4, 7}};
    for (int k = 0; k < 6; k++) {
        pool p = {2, 0};
        rnnc_context_options o = RNNC_CONTEXT_OPTIONS;
        o.parallel_for = parallel_for;
        o.parallel_user = &p;
        const char *cell = cells[k * 3 % CELLS], *with_table = "cell(n, concat(x, embedding(7, 4, k)))";
        job j = k % 2 ? make_trained(cell, with_table, "adam", 2) : make_layer(cell, forms[k % FORMS], 2);
        check_sizes(&j, k < 3 ? &o : NULL, sizes, 2);
        free_job(&j);
    }
}

// ---- What is copied after all ----

// The gradient of a weight that scales a state is a sum over all states together with the one before the first.
static void test_scaled(void **state) {
    (void)state;
    job j = make_layer("scaled", "cell(n, x)", 1);
    make_numbers(&j);
    run(&j, NULL, 3, 4, unbound, &wanted);
    for (int kind = 0; kind < KINDS; kind++) {
        assert_int_equal(run(&j, NULL, 3, 4, (arrangement)kind, &found), 1);
        compare(&j, (arrangement)kind, &found, &wanted);
    }
    free_job(&j);
}

// A kernel has three dimensions. Of four, in an array with the rows first, the sum over the axes alone finds one stride; sums
// over the batch, too, do not.
static void test_many_axes(void **state) {
    (void)state;
    enum { LENGTH = 3, ROWS = 2, COUNT = LENGTH * LENGTH * LENGTH * ROWS * INPUTS };
    static const char *const sums[] = {"mean[T, S, U](x)", "mean[S, U, batch](x)", "mean[T, S, U, batch](x)"};
    for (int k = 0; k < 3; k++) {
        char text[256];
        float x[COUNT], first[COUNT], second[COUNT];
        snprintf(text, sizeof text, "model m() {\n    input x: real(%d)[T, S, U]\n    output m = %s\n}\n",
                 INPUTS, sums[k]);
        fixture f = fixture_make(text, RNNC_FORWARD);
        rnnc_strides strides;
        fixture_fill(x, COUNT, 1);
        fixture_ok(rnnc_context_set_extents(f.context, ROWS, LENGTH, f.d), f.d);
        size_t count = rnnc_context_output_elements(f.context, 0);
        fixture_ok(rnnc_context_write_input(f.context, 0, RNNC_ROWS_FIRST, x, COUNT, f.d), f.d);
        fixture_ok(rnnc_run(f.context, f.d), f.d);
        fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_STEPS_FIRST, first, count, f.d), f.d);
        fixture_ok(rnnc_context_input_strides(f.context, 0, RNNC_ROWS_FIRST, &strides), f.d);
        fixture_ok(rnnc_context_bind_input_strided(f.context, 0, x, COUNT, &strides, f.d), f.d);
        assert_int_equal(rnnc_context_copied_arrays(f.context), k > 0);
        fixture_ok(rnnc_run(f.context, f.d), f.d);
        fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_STEPS_FIRST, second, count, f.d), f.d);
        assert_memory_equal(second, first, count * sizeof *first);
        fixture_free(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers), cmocka_unit_test(test_training),  cmocka_unit_test(test_threads),
        cmocka_unit_test(test_scaled), cmocka_unit_test(test_many_axes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
