// A compiled model as one layer: in the middle of a network written by hand, behind its own loss, and in training steps
// whose gradients come from outside.
#include "tests/api/pair.h"

// ---- A layer in the middle ----

// u -> x = tanh(u A) -> y = the model -> (y B - target)^2 / 2, the outer two by hand.
typedef struct network {
    pair *p;
    double u[STEPS * ROWS], a[IN], b[OUT], target[STEPS * ROWS];
    double da[IN], db[OUT];
} network;

static double network_forward(const network *net, rnnc_context *c, const rnnc_program *p, numbers *n,
                              double *out_error) {
    double y[STEPS * ROWS * OUT], loss = 0;
    for (size_t i = 0; i < STEPS * ROWS; i++) {
        for (size_t k = 0; k < IN; k++) {
            n->x[i * IN + k] = tanh(net->u[i] * net->a[k]);
        }
    }
    start(c, p, n, net->p->d);
    read_named(c, p, "y", y, n->y_count, net->p->d);
    for (size_t i = 0; i < STEPS * ROWS; i++) {
        double error = -net->target[i];
        for (size_t k = 0; k < OUT; k++) {
            error += y[i * OUT + k] * net->b[k];
        }
        loss += error * error / 2;
        out_error[i] = error;
    }
    return loss;
}

static void network_backward(network *net, numbers *n, const double *error) {
    double y[STEPS * ROWS * OUT], dx[STEPS * ROWS * IN];
    const pair *p = net->p;
    read_named(p->run, p->back, "y", y, n->y_count, p->d);
    memset(net->da, 0, sizeof net->da);
    memset(net->db, 0, sizeof net->db);
    for (size_t i = 0; i < STEPS * ROWS * OUT; i++) {
        n->y[i] = error[i / OUT] * net->b[i % OUT];
        net->db[i % OUT] += error[i / OUT] * y[i];
    }
    memset(n->finals, 0, sizeof n->finals);
    give_gradients(p, n);
    fixture_ok(rnnc_backward(p->run, p->d), p->d);
    read_named(p->run, p->back, "gradient/x", dx, STEPS * ROWS * IN, p->d);
    for (size_t i = 0; i < STEPS * ROWS * IN; i++) {
        net->da[i % IN] += dx[i] * (1 - n->x[i] * n->x[i]) * net->u[i / IN];
    }
}

static double network_slope(network *net, numbers *n, double *at) {
    double error[STEPS * ROWS], kept = *at;
    *at = kept + 1e-5;
    double more = network_forward(net, net->p->check, net->p->forward, n, error);
    *at = kept - 1e-5;
    double less = network_forward(net, net->p->check, net->p->forward, n, error);
    *at = kept;
    return (more - less) / 2e-5;
}

static void test_middle_layer(void **state) {
    (void)state;
    static const char *const layers[] = {"rnn(3, x)", "lstm(3, x)", "gru_cho(3, x)", "stack(3, 2, lstm, x)"};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        char text[512];
        write_model(text, layers[i], " lengths");
        pair p = make_pair(text, NULL, 1);
        numbers n = some_numbers(&p);
        network net = {.p = &p};
        double error[STEPS * ROWS];
        fill(net.u, STEPS * ROWS, 31);
        fill(net.a, IN, 32);
        fill(net.b, OUT, 33);
        fill(net.target, STEPS * ROWS, 34);
        network_forward(&net, p.run, p.back, &n, error);
        network_backward(&net, &n, error);
        for (size_t k = 0; k < IN; k++) {
            check_close(net.da[k], network_slope(&net, &n, &net.a[k]), "A");
        }
        for (size_t k = 0; k < OUT; k++) {
            check_close(net.db[k], network_slope(&net, &n, &net.b[k]), "B");
        }
        free_pair(&p);
    }
}

// ---- With a loss, and in training ----

static const char with_loss[] =
    "model m() {\n    float = f64\n    input x: real(2)[T]\n    target t: real(3)[T]\n"
    "    y = stack(3, 2, lstm, x)\n"
    "    loss = sum[T] sum[batch] sum squared_error(y, t)\n    output y\n}\n"
    "train by_adam {\n    batch 3  steps T = 5\n    optimizer adam(rate = 0.01)\n"
    "    clip_norm 0.5\n    max_steps 5\n}\n";

static rnnc_program *compile_loss(rnnc_model *m, rnnc_purpose purpose, const char *given_name,
                                  const char *wanted_name, rnnc_diagnostics *d) {
    rnnc_compile_options o = options_for(NULL, 1);
    rnnc_program *p = NULL;
    o.purpose = purpose;
    o.given_gradients = &given_name;
    o.given_gradient_count = given_name != NULL;
    o.gradients = &wanted_name;
    o.gradient_count = wanted_name != NULL;
    fixture_ok(rnnc_program_compile(m, &o, d, &p), d);
    return p;
}

// The gradient of x from the loss in one run; from the loss, given as 2; and from the outputs, by hand.
static void test_loss(void **state) {
    (void)state;
    rnnc_diagnostics *d = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    rnnc_model *m = fixture_model(with_loss, d);
    rnnc_program *programs[] = {compile_loss(m, RNNC_GRADIENTS, NULL, "x", d),
                                compile_loss(m, RNNC_GRADIENTS, "loss", "x", d),
                                compile_loss(m, RNNC_GRADIENTS, "y", "x", d)};
    double x[STEPS * ROWS * IN], t[STEPS * ROWS * OUT], y[STEPS * ROWS * OUT], dx[3][STEPS * ROWS * IN];
    const double two = 2;
    fill(x, STEPS * ROWS * IN, 41);
    fill(t, STEPS * ROWS * OUT, 42);
    rnnc_weights *w = NULL;
    fixture_ok(rnnc_weights_create(programs[0], d, &w), d);
    fixture_ok(rnnc_weights_initialize(w, 3, d), d);
    for (int k = 0; k < 3; k++) {
        rnnc_context *c = NULL;
        fixture_ok(rnnc_context_create(programs[k], w, d, &c), d);
        write_named(c, programs[k], "x", x, STEPS * ROWS * IN, d);
        // Without the loss nobody reads targets.
        assert_int_equal(rnnc_program_find_input(programs[k], "t") >= 0, k < 2);
        if (k < 2) {
            write_named(c, programs[k], "t", t, STEPS * ROWS * OUT, d);
        }
        fixture_ok(rnnc_run(c, d), d);
        if (k == 1) {
            write_named(c, programs[k], "gradient/loss", &two, 1, d);
        }
        if (k == 2) {
            read_named(c, programs[k], "y", y, STEPS * ROWS * OUT, d);
            for (size_t i = 0; i < STEPS * ROWS * OUT; i++) {
                y[i] = 2 * (y[i] - t[i]);
            }
            write_named(c, programs[k], "gradient/y", y, STEPS * ROWS * OUT, d);
        }
        if (k > 0) {
            fixture_ok(rnnc_backward(c, d), d);
        }
        read_named(c, programs[k], "gradient/x", dx[k], STEPS * ROWS * IN, d);
        rnnc_context_destroy(c);
    }
    for (size_t i = 0; i < STEPS * ROWS * IN; i++) {
        assert_true(fabs(dx[1][i] - 2 * dx[0][i]) < 1e-12);
        assert_true(fabs(dx[2][i] - dx[0][i]) < 1e-12);
    }
    for (int k = 0; k < 3; k++) {
        rnnc_program_release(programs[k]);
    }
    rnnc_weights_release(w);
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

// Training steps from gradients by hand go where those from the loss go.
static void test_training(void **state) {
    (void)state;
    rnnc_diagnostics *d = NULL;
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    rnnc_model *m = fixture_model(with_loss, d);
    double x[STEPS * ROWS * IN], t[STEPS * ROWS * OUT], y[STEPS * ROWS * OUT], weight[2][IN * OUT];
    double dx[2][STEPS * ROWS * IN];
    fill(x, STEPS * ROWS * IN, 41);
    fill(t, STEPS * ROWS * OUT, 42);
    for (int k = 0; k < 2; k++) {
        rnnc_program *p = compile_loss(m, RNNC_TRAIN, k ? "y" : NULL, "x", d);
        rnnc_weights *w = NULL;
        rnnc_context *c = NULL;
        rnnc_training step = {0};
        fixture_ok(rnnc_weights_create(p, d, &w), d);
        fixture_ok(rnnc_weights_initialize(w, 3, d), d);
        fixture_ok(rnnc_context_create(p, w, d, &c), d);
        write_named(c, p, "x", x, STEPS * ROWS * IN, d);
        for (int i = 0; i < 5 && k == 0; i++) {
            write_named(c, p, "t", t, STEPS * ROWS * OUT, d);
            fixture_ok(rnnc_train_step(c, d, &step), d);
        }
        for (int i = 0; i < 5 && k == 1; i++) {
            fixture_ok(rnnc_run(c, d), d);
            read_named(c, p, "y", y, STEPS * ROWS * OUT, d);
            for (size_t j = 0; j < STEPS * ROWS * OUT; j++) {
                y[j] = 2 * (y[j] - t[j]);
            }
            write_named(c, p, "gradient/y", y, STEPS * ROWS * OUT, d);
            fixture_ok(rnnc_train_step(c, d, &step), d);
            fixture_refused(rnnc_train_step(c, d, &step), RNNC_INVALID_ARGUMENT, d,
                            "needs rnnc_run before it");
        }
        assert_true(step.step == 5 && step.gradient_norm > 0);
        read_named(c, p, "gradient/x", dx[k], STEPS * ROWS * IN, d);
        rnnc_weight first;
        assert_int_equal(rnnc_weights_get(w, 0, &first), RNNC_OK);
        assert_int_equal(first.rows * first.columns, IN * OUT);
        fixture_ok(rnnc_weights_read(w, 0, RNNC_F64, weight[k], IN * OUT, d), d);
        rnnc_context_destroy(c);
        rnnc_weights_release(w);
        rnnc_program_release(p);
    }
    for (size_t i = 0; i < STEPS * ROWS * IN; i++) {
        assert_true(fabs(dx[0][i] - dx[1][i]) < 1e-9);
    }
    for (size_t i = 0; i < IN * OUT; i++) {
        assert_true(fabs(weight[0][i] - weight[1][i]) < 1e-9);
    }
    rnnc_model_release(m);
    rnnc_diagnostics_destroy(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_middle_layer),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
