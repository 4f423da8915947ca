// Truncated backpropagation through time against the same computed by hand: states carried and zeroed, windows that
// follow each other and windows that overlap, and evaluation of every place of a text.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/kernel_interpret.h"
#include "runtime/train/overlap.h"
#include "runtime/train/trainer.h"

enum { ROWS = 2, LENGTH = 11, PLACES = ROWS * LENGTH + 1, EPOCHS = 2 };

#define RATE 0.3

// h[t] = tanh(b + x[t] wx + h[t-1] wh), the loss its squared distance from the next value.
static const char text[] =
    "cell one() {\n"
    "    input x\n"
    "    state h[1]\n"
    "    next h = tanh(linear(1, x, h))\n"
    "    output next h\n"
    "}\n"
    "model m() {\n"
    "    input value: real[T]\n"
    "    target next: real[T]\n"
    "    h = one(value)\n"
    "    loss = %s squared_error(h, next)\n"
    "    metric error = sum[T, batch] squared_error(h, next)\n"
    "}\n"
    "train r {\n"
    "    batch 2   steps T = %d%s   carry state\n"
    "    set float = f64\n"
    "    init uniform(-1, 1)\n"
    "    optimizer sgd(rate = 0.3)\n"
    "    epochs 2\n"
    "    data { value = series(sin(1.3 * t) in t, t = 0 to 22 by 1)  next = ahead(value, 1)  streams }\n"
    "}\n";

typedef struct bench {
    diag_sink d;
    source_unit *unit;
    model *model;
    dataset *data;
    interpreter_home interpreter;
    kernel_backend backend;
    machine machine;
} bench;

static void check(bench *b, rnnc_status status) {
    if (status != RNNC_OK) {
        strbuf shown = {0};
        diag_render(&b->d, &shown);
        fail_msg("%s", strbuf_text(&shown));
    }
}

// |advance| 0: windows that follow each other.
static void open_bench(bench *b, int steps, int advance, bool summed, bool interpreted) {
    char source[2048], every[32] = "";
    if (advance) {
        snprintf(every, sizeof every, " every %d", advance);
    }
    snprintf(source, sizeof source, text, summed ? "sum[T] mean[batch]" : "mean[T, batch]", steps, every);
    *b = (bench){.interpreter = {.shape = {.vector_bytes = 16, .vector_registers = 16}}};
    diag_init(&b->d);
    check(b, source_parse(&b->d, "test.rnn", source, strlen(source), &b->unit));
    model_options options = {.training = true};
    check(b, model_build(&b->d, b->unit, &options, &b->model));
    dataset_request request = {.model = b->model};
    check(b, dataset_load(&request, &b->d, &b->data));
    graph_keep_measured(b->model->graph);
    if (b->data->advance) {
        check(b, graph_overlap(b->model->graph, b->data->step_axis, &b->d));
    }
    update_options update = recipe_update(b->model->recipe, &b->d.memory);
    b->backend = kernel_interpret_backend(&b->interpreter);
    machine_options made = {.threads = 1, .update = &update, .backend = interpreted ? NULL : &b->backend};
    memcpy(made.maxima, b->data->extents, sizeof made.maxima);
    check(b, machine_create(b->model->graph, &made, &b->d, &b->machine));
}

static void close_bench(bench *b) {
    machine_destroy(&b->machine);
    dataset_destroy(b->data);
    model_destroy(b->model);
    source_destroy(b->unit);
    diag_deinit(&b->d);
}

static const char *const names[3] = {"one.0.h.b", "one.0.h.x", "one.0.h.h"};

static double *weight(bench *b, int i) {
    weight_part p;
    assert_true(weights_find_part(engine_weights(b->machine.engine), names[i], &p));
    return (double *)p.array->data + p.part->from;
}

// ---- By hand ----

static double value_at(int place) {
    return sin(1.3 * place);
}

// One row's window [begin, end), whose steps from |counted| on count: adds the gradient, returns the error.
// |h| holds the states before each step of the stream, with weights as they were when they were computed;
// those after |begin| are computed anew.
static double by_hand_row(const double w[3], int row, int begin, int counted, int end, double *h,
                          double scale, double gradient[3]) {
    double error = 0, back = 0;
    for (int t = begin; t < end; t++) {
        h[t + 1] = tanh(w[0] + w[1] * value_at(row * LENGTH + t) + w[2] * h[t]);
    }
    for (int t = end; t-- > begin;) {
        double difference = h[t + 1] - value_at(row * LENGTH + t + 1);
        double from_loss = t >= counted ? 2 * difference * scale : 0;
        double at_sum = (from_loss + back) * (1 - h[t + 1] * h[t + 1]);
        error += t >= counted ? difference * difference : 0;
        gradient[0] += at_sum;
        gradient[1] += at_sum * value_at(row * LENGTH + t);
        gradient[2] += at_sum * h[t];
        back = at_sum * w[2];
    }
    return error;
}

// Williams & Peng's BPTT(steps; advance); returns the last epoch's error per place.
static double by_hand(double w[3], int steps, int advance, bool summed) {
    double error = 0;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        double h[ROWS][LENGTH + 1] = {{0}};
        error = 0;
        for (int counted = 0; counted < LENGTH; counted += advance) {
            int end = counted + advance < LENGTH ? counted + advance : LENGTH;
            int begin = counted + advance > steps ? counted + advance - steps : 0;
            double gradient[3] = {0}, scale = summed ? 1.0 / ROWS : 1.0 / ROWS / (end - counted);
            for (int row = 0; row < ROWS; row++) {
                error += by_hand_row(w, row, begin, counted, end, h[row], scale, gradient);
            }
            for (int i = 0; i < 3; i++) {
                w[i] -= RATE * gradient[i];
            }
        }
    }
    return error;
}

static void compare(int steps, int advance, bool summed, bool interpreted) {
    bench b;
    open_bench(&b, steps, advance, summed, interpreted);
    double expected[3] = {0.1, 0.7, 0.9};
    for (int i = 0; i < 3; i++) {
        *weight(&b, i) = expected[i];
    }
    weights_changed(engine_weights(b.machine.engine));
    training t = {.machine = &b.machine, .data = b.data, .seed = 1, .epochs = EPOCHS};
    training_result result;
    check(&b, training_run(&t, &b.d, &result));
    double error = by_hand(expected, steps, advance ? advance : steps, summed);
    for (int i = 0; i < 3; i++) {
        if (!(fabs(*weight(&b, i) - expected[i]) < 1e-12)) {
            fail_msg("%d every %d, %s: %s is %.17g, by hand %.17g", steps, advance, summed ? "sum" : "mean",
                     names[i], *weight(&b, i), expected[i]);
        }
    }
    // Each place counts once: the metric is summed over the runs, weighted by their rows.
    assert_int_equal(result.last.other_count, 1);
    assert_true(fabs(result.last.sums[0] - ROWS * error) < 1e-12);
    close_bench(&b);
}

static void test_against_hand(void **state) {
    (void)state;
    static const int forms[][2] = {{4, 0}, {5, 5}, {5, 2}, {4, 3}, {6, 1}, {3, 2}, {11, 4}, {1, 1}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        for (int kind = 0; kind < 4; kind++) {
            compare(forms[i][0], forms[i][1], kind & 1, kind & 2);
        }
    }
}

// Every window once: where it begins, how many of its steps count, where the next one begins.
static void test_windows(void **state) {
    (void)state;
    bench b;
    open_bench(&b, 5, 2, false, true);
    static const int begins[] = {0, 0, 1, 3, 5, 7}, ends[] = {2, 4, 6, 8, 10, 11},
                     seen[] = {0, 2, 4, 6, 8, 10};
    feed *f;
    check(&b, feed_create(b.data, DATA_TRAINING, FEED_SHUFFLED, 1, &b.d, &f));
    assert_int_equal(feed_steps(f), 6);
    for (int i = 0; i < 6; i++) {
        feed_batch batch;
        check(&b, feed_next(f, b.machine.engine, &b.d, &batch));
        assert_int_equal(batch.steps, ends[i] - begins[i]);
        assert_int_equal(batch.context, seen[i] - begins[i]);
        assert_int_equal(i < 5 ? batch.carried : 0, i < 5 ? begins[i + 1] - begins[i] : 0);
        assert_int_equal(batch.places, ROWS * (ends[i] - seen[i]));
        int64_t count;
        const double *values =
            engine_input(b.machine.engine, (uint32_t)engine_find_input(b.machine.engine, "value"), &count);
        assert_int_equal(count, ROWS * batch.steps);
        assert_true(values[0] == value_at(begins[i]) && values[1] == value_at(begins[i] + LENGTH));
    }
    // The order of evaluation: windows that follow each other.
    feed_destroy(f);
    check(&b, feed_create(b.data, DATA_ALL, FEED_IN_ORDER, 1, &b.d, &f));
    assert_int_equal(feed_steps(f), 3);
    feed_destroy(f);
    close_bench(&b);
}

// The loss may not fold the steps in a way of which a part makes no sense.
static void test_refused(void **state) {
    (void)state;
    static const char source[] = "model m() {\n"
                                 "    input value: real[T]\n"
                                 "    target next: real[T]\n"
                                 "    loss = mean[batch] max[T] squared_error(rnn(1, value), next)\n"
                                 "}\n";
    bench b = {0};
    diag_init(&b.d);
    check(&b, source_parse(&b.d, "test.rnn", source, strlen(source), &b.unit));
    model_options options = {.training = true};
    check(&b, model_build(&b.d, b.unit, &options, &b.model));
    graph_keep_measured(b.model->graph);
    assert_int_equal(graph_overlap(b.model->graph, graph_find_axis(b.model->graph, "T"), &b.d),
                     RNNC_UNSUPPORTED);
    assert_non_null(strstr(b.d.entries.at[0].message, "'loss' has a maximum"));
    close_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_hand),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
