// Gradients of inputs and states, from gradients that the caller gives of outputs: against differences, interpreted, cut
// into pieces; and what is refused.
#include "tests/api/pair.h"

static void check_weights(const pair *p, numbers *n) {
    rnnc_weights *checked = NULL;
    fixture_ok(rnnc_weights_create(p->forward, p->d, &checked), p->d);
    fixture_ok(rnnc_weights_copy(checked, p->weights, p->d), p->d);
    pair other = *p;
    fixture_ok(rnnc_context_create(p->forward, checked, p->d, &other.check), p->d);
    for (uint32_t i = 0; i < rnnc_weights_count(checked); i++) {
        rnnc_weight w;
        double values[MOST], gradient[MOST];
        assert_int_equal(rnnc_weights_get(checked, i, &w), RNNC_OK);
        size_t count = (size_t)(w.rows * w.columns), at = count / 2;
        fixture_ok(rnnc_context_read_gradient(p->run, w.name, RNNC_F64, gradient, count, p->d), p->d);
        fixture_ok(rnnc_weights_read(checked, i, RNNC_F64, values, count, p->d), p->d);
        double before = values[at], sides[2];
        for (int k = 0; k < 2; k++) {
            values[at] = before + (k ? -1e-5 : 1e-5);
            fixture_ok(rnnc_weights_write(checked, i, RNNC_F64, values, count, p->d), p->d);
            sides[k] = objective(&other, n);
        }
        values[at] = before;
        fixture_ok(rnnc_weights_write(checked, i, RNNC_F64, values, count, p->d), p->d);
        check_close(gradient[at], (sides[0] - sides[1]) / 2e-5, w.name);
    }
    rnnc_context_destroy(other.check);
    rnnc_weights_release(checked);
}

static const char *const cells[] = {
    "rnn(3, x)",
    "lstm(3, x)",
    "lstm_peephole(3, x)",
    "gru_cho(3, x)",
    "gru_chung(3, x)",
    "gru_chung_after(3, x)",
    "stack(3, 2, lstm, x)",
    "stack(3, 2, gru_cho, x)",
    "backward lstm(3, x)",
    "tanh(rnn(3, x))",
    "last[T](gru_cho(3, x))",
    "rnn(3, x) + backward rnn(3, x)",
    "tanh(linear(3, x))",
};

static void check_cell(const char *cell, const char *axis) {
    char text[512];
    write_model(text, cell, axis);
    pair p = make_pair(text, NULL, 1);
    numbers n = some_numbers(&p);
    double dx[STEPS * ROWS * IN], ds[8][ROWS * OUT], y[STEPS * ROWS * OUT], again[STEPS * ROWS * OUT];
    run_both(&p, &n, dx, ds);
    // The outputs of both halves are those of the forward program.
    read_named(p.run, p.back, "y", y, n.y_count, p.d);
    objective(&p, &n);
    read_named(p.check, p.forward, "y", again, n.y_count, p.d);
    for (size_t i = 0; i < n.y_count; i++) {
        assert_true(fabs(y[i] - again[i]) < 1e-13);
    }
    for (size_t i = 0; i < STEPS * ROWS * IN; i++) {
        check_close(dx[i], slope(&p, &n, &n.x[i]), cell);
    }
    for (uint32_t s = 0; s < rnnc_program_state_count(p.forward); s++) {
        for (size_t i = 0; i < ROWS * OUT; i++) {
            check_close(ds[s][i], slope(&p, &n, &n.states[s][i]), state_names[s]);
        }
    }
    check_weights(&p, &n);
    free_pair(&p);
}

static void test_differences(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        check_cell(cells[i], "");
        check_cell(cells[i], " lengths");
    }
}

// Outputs that no given gradient leads to are there after the forward pass, whatever could be computed beside or together
// with the backward one; and they stay.
static void test_first_half(void **state) {
    (void)state;
    static const char *const others[] = {"backward lstm(3, x)", "tanh(linear(3, x))",     "exp(y) * y",
                                         "gru_cho(3, y)",       "last[T](y) + rnn(3, x)", "1 - y * y"};
    static const char *const firsts[] = {"rnn(3, x)", "tanh(linear(3, x))", "gru_cho(3, x)"};
    const char *names[] = {"x", "y"};
    for (size_t i = 0; i < sizeof others / sizeof *others * 3; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "model m() {\n    float = f64\n    input x: real(2)[T]\n    y = %s\n    output y\n"
                 "    output z = %s\n}\n",
                 firsts[i % 3], others[i / 3]);
        fixture f = fixture_make(text, RNNC_FORWARD);
        fixture b = {.d = f.d, .model = f.model};
        rnnc_compile_options o = options_for(i % 2 ? "interpret" : NULL, 1);
        o.max_length = 9;
        o.purpose = RNNC_GRADIENTS;
        o.gradients = names;
        o.given_gradients = names + 1;
        o.gradient_count = o.given_gradient_count = 1;
        fixture_ok(rnnc_program_compile(b.model, &o, b.d, &b.program), b.d);
        fixture_ok(rnnc_weights_create(b.program, b.d, &b.weights), b.d);
        fixture_ok(rnnc_weights_initialize(b.weights, 1, b.d), b.d);
        fixture_ok(rnnc_context_create(b.program, b.weights, b.d, &b.context), b.d);
        enum { LONG = 9 };
        double x[LONG * ROWS * IN], out[3][2][LONG * ROWS * OUT];
        fill(x, LONG * ROWS * IN, 51);
        for (int k = 0; k < 3; k++) {
            fixture *at = k ? &b : &f;
            if (k < 2) {
                write_named(at->context, at->program, "x", x, LONG * ROWS * IN, f.d);
                fixture_ok(rnnc_run(at->context, f.d), f.d);
            } else {
                write_named(b.context, b.program, "gradient/y", out[0][0], LONG * ROWS * OUT, f.d);
                fixture_ok(rnnc_backward(b.context, f.d), f.d);
            }
            read_named(at->context, at->program, "y", out[k][0], LONG * ROWS * OUT, f.d);
            read_named(at->context, at->program, "z", out[k][1], LONG * ROWS * OUT, f.d);
        }
        for (size_t j = 0; j < 2 * LONG * ROWS * OUT; j++) {
            assert_true(fabs((&out[1][0][0])[j] - (&out[0][0][0])[j]) < 1e-12);
        }
        assert_memory_equal(out[1], out[2], sizeof out[1]);
        rnnc_context_destroy(b.context);
        rnnc_weights_release(b.weights);
        rnnc_program_release(b.program);
        fixture_free(&f);
    }
}

// Machine code, interpreted kernels and several threads give the same gradients.
static void test_interpreted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        double dx[3][STEPS * ROWS * IN], ds[3][8][ROWS * OUT];
        char text[512];
        write_model(text, cells[i], " lengths");
        for (int k = 0; k < 3; k++) {
            pair p = make_pair(text, k == 1 ? "interpret" : NULL, k == 2 ? 2 : 1);
            numbers n = some_numbers(&p);
            run_both(&p, &n, dx[k], ds[k]);
            uint32_t states = rnnc_program_state_count(p.forward);
            for (uint32_t s = 0; s < states && k == 1; s++) {
                for (size_t j = 0; j < ROWS * OUT; j++) {
                    assert_true(fabs(ds[0][s][j] - ds[1][s][j]) < 1e-12);
                }
            }
            for (uint32_t s = 0; s < states && k == 2; s++) {
                assert_memory_equal(ds[0][s], ds[2][s], sizeof ds[0][s]);
            }
            free_pair(&p);
        }
        for (size_t j = 0; j < STEPS * ROWS * IN; j++) {
            assert_true(fabs(dx[0][j] - dx[1][j]) < 1e-12);
        }
        assert_memory_equal(dx[0], dx[2], sizeof dx[0]);
    }
}

// ---- A sequence in two pieces ----

// Gradients of the first states of the second piece are those of the last states of the first; gradients of weights add
// up to those of the whole.
static void test_pieces(void **state) {
    (void)state;
    enum { FIRST = 2, SECOND = STEPS - FIRST };
    char text[512];
    write_model(text, "lstm(3, x)", "");
    pair p = make_pair(text, NULL, 1);
    numbers n = some_numbers(&p);
    double dx[STEPS * ROWS * IN], ds[8][ROWS * OUT], parts[STEPS * ROWS * IN], between[ROWS * OUT];
    run_both(&p, &n, dx, ds);
    double whole[9], sum[9] = {0};
    fixture_ok(rnnc_context_read_gradient(p.run, "lstm.0.f.h", RNNC_F64, whole, 9, p.d), p.d);
    rnnc_context *piece[2] = {0};
    const int64_t lengths_of[2] = {FIRST, SECOND};
    const size_t begins[2] = {0, FIRST};
    for (int k = 0; k < 2; k++) {
        fixture_ok(rnnc_context_create(p.back, p.weights, p.d, &piece[k]), p.d);
        fixture_ok(rnnc_context_set_extents(piece[k], ROWS, lengths_of[k], p.d), p.d);
        write_named(piece[k], p.back, "x", n.x + begins[k] * ROWS * IN, (size_t)lengths_of[k] * ROWS * IN,
                    p.d);
        for (uint32_t s = 0; s < 2 && k == 0; s++) {
            fixture_ok(rnnc_context_write_state(piece[k], s, n.states[s], ROWS * OUT, p.d), p.d);
        }
        if (k == 1) {
            fixture_ok(rnnc_context_copy_states(piece[1], piece[0], p.d), p.d);
        }
        fixture_ok(rnnc_run(piece[k], p.d), p.d);
    }
    for (int k = 2; k-- > 0;) {
        write_named(piece[k], p.back, "gradient/y", n.y + begins[k] * ROWS * OUT,
                    (size_t)lengths_of[k] * ROWS * OUT, p.d);
        for (uint32_t s = 0; s < 2; s++) {
            char name[96];
            snprintf(name, sizeof name, "gradient/%.63s", state_names[s]);
            if (k == 0) {
                read_named(piece[1], p.back, name, between, ROWS * OUT, p.d);
            }
            write_named(piece[k], p.back, name, k ? n.finals[s] : between, ROWS * OUT, p.d);
        }
        fixture_ok(rnnc_backward(piece[k], p.d), p.d);
        fixture_ok(rnnc_context_add_gradient(piece[k], "lstm.0.f.h", RNNC_F64, sum, 9, p.d), p.d);
        read_named(piece[k], p.back, "gradient/x", parts + begins[k] * ROWS * IN,
                   (size_t)lengths_of[k] * ROWS * IN, p.d);
    }
    for (size_t i = 0; i < STEPS * ROWS * IN; i++) {
        assert_true(fabs(parts[i] - dx[i]) < 1e-12);
    }
    for (size_t i = 0; i < 9; i++) {
        assert_true(fabs(sum[i] - whole[i]) < 1e-12);
    }
    rnnc_context_destroy(piece[0]);
    rnnc_context_destroy(piece[1]);
    free_pair(&p);
}

// ---- Bad use ----

static void refuse(rnnc_model *m, rnnc_purpose purpose, const char *given_name, const char *wanted_name,
                   const char *why, rnnc_diagnostics *d) {
    rnnc_compile_options o = options_for("interpret", 1);
    rnnc_program *p = NULL;
    const char *names[] = {given_name, wanted_name};
    o.purpose = purpose;
    o.given_gradients = names;
    o.given_gradient_count = given_name != NULL;
    o.gradients = names + 1;
    o.gradient_count = wanted_name != NULL;
    fixture_refused(rnnc_program_compile(m, &o, d, &p), RNNC_INVALID_ARGUMENT, d, why);
    assert_null(p);
}

static void test_bad_names(void **state) {
    (void)state;
    rnnc_diagnostics *d = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    rnnc_model *m = fixture_model("model m() {\n    input x: real(2)[T lengths]\n    input k: token(4)[T]\n"
                                  "    input unread: real[T]\n    y = rnn(3, concat(x, embedding(4, 2, k)))\n"
                                  "    output y\n    output plain = x\n    output tokens = argmax(y)\n}\n",
                                  d);
    refuse(m, RNNC_FORWARD, "y", NULL, "RNNC_GRADIENTS or RNNC_TRAIN", d);
    refuse(m, RNNC_GRADIENTS, NULL, "x", "has no loss", d);
    refuse(m, RNNC_GRADIENTS, "z", NULL, "none called 'z'", d);
    refuse(m, RNNC_GRADIENTS, "y", "z", "none called 'z'", d);
    refuse(m, RNNC_GRADIENTS, "y", "k", "whole numbers", d);
    refuse(m, RNNC_GRADIENTS, "tokens", "x", "whole numbers", d);
    refuse(m, RNNC_GRADIENTS, "y", "unread", "depends on 'unread'", d);
    refuse(m, RNNC_GRADIENTS, "plain", NULL, "depends on no trained weight", d);
    refuse(m, RNNC_TRAIN, "y", "x", "needs a recipe", d);
    rnnc_compile_options o = options_for("interpret", 1);
    const char *twice[] = {"y", "y"};
    rnnc_program *p = NULL;
    o.purpose = RNNC_GRADIENTS;
    o.given_gradient_count = 2;
    fixture_refused(rnnc_program_compile(m, &o, d, &p), RNNC_INVALID_ARGUMENT, d, "missing");
    o.given_gradients = twice;
    fixture_refused(rnnc_program_compile(m, &o, d, &p), RNNC_INVALID_ARGUMENT, d, "twice");
    twice[1] = NULL;
    fixture_refused(rnnc_program_compile(m, &o, d, &p), RNNC_INVALID_ARGUMENT, d, "none called ''");
    o.given_gradient_count = 1;
    o.keep_gradients = 1;
    fixture_refused(rnnc_program_compile(m, &o, d, &p), RNNC_INVALID_ARGUMENT, d, "RNNC_TRAIN");
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

static void test_bad_order(void **state) {
    (void)state;
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    char text[512];
    write_model(text, "lstm(3, x)", "");
    pair p = make_pair(text, "interpret", 1);
    numbers n = some_numbers(&p);
    double dx[STEPS * ROWS * IN], weight[9];
    uint32_t x = (uint32_t)rnnc_program_find_output(p.back, "gradient/x");
    rnnc_value v;
    assert_int_equal(rnnc_program_output(p.back, x, &v), RNNC_OK);
    assert_true(v.role == RNNC_ROLE_GRADIENT && v.columns == IN && v.type == RNNC_F64 && v.has_batch);
    assert_int_equal(rnnc_backward(NULL, NULL), bad);
    fixture_refused(rnnc_backward(p.check, p.d), bad, p.d, "RNNC_GRADIENTS with given");
    fixture_refused(rnnc_backward(p.run, p.d), bad, p.d, "needs rnnc_run before it");
    start(p.run, p.back, &n, p.d);
    fixture_refused(rnnc_backward(p.run, p.d), bad, p.d, "'gradient/y' has no values");
    fixture_refused(rnnc_context_read_output(p.run, x, RNNC_STEPS_FIRST, dx, STEPS * ROWS * IN, p.d), bad,
                    p.d, "before the backward pass");
    fixture_refused(rnnc_context_read_gradient(p.run, "lstm.0.f.h", RNNC_F64, weight, 9, p.d), bad, p.d,
                    "after its backward");
    fixture_refused(rnnc_context_add_gradient(p.run, "lstm.0.f.h", RNNC_F64, weight, 9, p.d), bad, p.d,
                    "after its backward");
    give_gradients(&p, &n);
    // Another input, other weights, other extents: the first half does not hold any more.
    write_named(p.run, p.back, "x", n.x, STEPS * ROWS * IN, p.d);
    fixture_refused(rnnc_backward(p.run, p.d), bad, p.d, "needs rnnc_run before it");
    fixture_ok(rnnc_run(p.run, p.d), p.d);
    fixture_ok(rnnc_weights_read(p.weights, 0, RNNC_F64, dx, 6, p.d), p.d);
    fixture_ok(rnnc_weights_write(p.weights, 0, RNNC_F64, dx, 6, p.d), p.d);
    fixture_refused(rnnc_backward(p.run, p.d), bad, p.d, "weights have changed");
    fixture_ok(rnnc_run(p.run, p.d), p.d);
    fixture_ok(rnnc_backward(p.run, p.d), p.d);
    fixture_refused(rnnc_backward(p.run, p.d), bad, p.d, "needs rnnc_run before it");
    fixture_ok(rnnc_run(p.run, p.d), p.d);
    fixture_ok(rnnc_context_set_extents(p.run, 2, 3, p.d), p.d);
    fixture_refused(rnnc_backward(p.run, p.d), bad, p.d, "needs rnnc_run before it");
    fixture_refused(rnnc_step(p.run, p.d), bad, p.d, "rnnc_start_steps");
    free_pair(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_half),  cmocka_unit_test(test_differences),
        cmocka_unit_test(test_interpreted), cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_bad_names),   cmocka_unit_test(test_bad_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
