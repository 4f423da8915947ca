// Loss, accuracy, perplexity and top-k accuracy of small models against sums in plain C.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/model.h"
#include "runtime/train/measures.h"

enum { STEPS = 4, ROWS = 3, CLASSES = 4, PLACES = STEPS * ROWS };

static const int32_t row_lengths[ROWS] = {4, 0, 2};

// ---- A model and its inputs ----

typedef struct measured {
    diag_sink d;
    source_unit *unit;
    model *m;
    engine *e;
    double logits[PLACES][CLASSES], weight[PLACES];
    int32_t target[PLACES];
} measured;

static void build(measured *b, const char *loss, bool lengths) {
    const char *axis = lengths ? "T lengths" : "T";
    strbuf text = {0};
    strbuf_addf(
        &text,
        "model m() {\n    float = f64\n    input logits: real(4)[%s]\n    input w: real[%s]\n"
        "    target t: token(4)[%s]\n    loss = %s\n    metric top2 = mean[T, batch] in_top(2, logits, t)\n"
        "    metric heavy = sum[T, batch] w\n}\n",
        axis, axis, axis, loss);
    diag_init(&b->d);
    assert_int_equal(source_parse(&b->d, "m.rnn", text.text, text.length, &b->unit), RNNC_OK);
    assert_int_equal(model_build(&b->d, b->unit, &(model_options){0}, &b->m), RNNC_OK);
    assert_int_equal(engine_create_interpreter(b->m->graph, INTERPRET_F64, &b->d, &b->e), RNNC_OK);
    int64_t extents[MAX_AXES] = {ROWS, STEPS};
    assert_int_equal(engine_set_extents(b->e, extents, &b->d), RNNC_OK);
    strbuf_deinit(&text);
}

static void release(measured *b) {
    engine_destroy(b->e);
    model_destroy(b->m);
    source_destroy(b->unit);
    diag_deinit(&b->d);
}

static void put(measured *b, const char *name, const void *from, size_t bytes) {
    int input = engine_find_input(b->e, name);
    if (input >= 0) {
        int64_t count;
        memcpy(engine_input(b->e, (uint32_t)input, &count), from, bytes);
    }
}

static void fill(measured *b, double scale) {
    for (int i = 0; i < PLACES; i++) {
        b->target[i] = i * 7 % CLASSES;
        b->weight[i] = i % 3 == 0 ? 0 : 1 + i;
        for (int k = 0; k < CLASSES; k++) {
            b->logits[i][k] = scale * sin(i * 5 + k * 3 + 1);
        }
    }
    put(b, "logits", b->logits, sizeof b->logits);
    put(b, "w", b->weight, sizeof b->weight);
    put(b, "t", b->target, sizeof b->target);
    put(b, "T.lengths", row_lengths, sizeof row_lengths);
}

// ---- What is expected ----

typedef struct sums {
    double count, correct, nats, top2;
} sums;

static bool always(const measured *b, int place) {
    (void)b;
    (void)place;
    return true;
}

static bool weighted(const measured *b, int place) {
    return b->weight[place] != 0;
}

static bool within_length(const measured *b, int place) {
    (void)b;
    return place / ROWS < row_lengths[place % ROWS];
}

static sums sums_over(const measured *b, bool counts(const measured *, int)) {
    sums s = {0};
    for (int i = 0; i < PLACES; i++) {
        double right = b->logits[i][b->target[i]], total = 0;
        int above = 0;
        for (int k = 0; k < CLASSES; k++) {
            above += b->logits[i][k] > right;
            total += exp(b->logits[i][k] - right);
        }
        if (counts(b, i)) {
            s = (sums){s.count + 1, s.correct + (above == 0), s.nats + log(total), s.top2 + (above < 2)};
        }
    }
    return s;
}

static double value_of(const metric *values, uint32_t count, const char *key) {
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(values[i].key, key) == 0) {
            return values[i].value;
        }
    }
    fail_msg("no %s", key);
    return 0;
}

static void assert_near(double found, double expected) {
    if (!(fabs(found - expected) <= 1e-12 * fabs(expected))) {
        fail_msg("found %.17g, expected %.17g", found, expected);
    }
}

// Two batches of the same: sums double, means do not.
static void check(const char *loss, bool lengths, bool counts(const measured *, int),
                  double expected_loss(sums)) {
    measured b = {0};
    measures m = {0};
    metric values[MEASURES_MOST + 3];
    build(&b, loss, lengths);
    fill(&b, 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(engine_run(b.e, 1, 0, &b.d), RNNC_OK);
        measures_add(&m, b.e, ROWS);
    }
    sums s = sums_over(&b, counts), top = sums_over(&b, lengths ? within_length : always);
    uint32_t count = measures_values(&m, values);
    assert_near(value_of(values, count, "accuracy"), s.correct / s.count);
    assert_near(value_of(values, count, "perplexity"), exp(s.nats / s.count));
    assert_near(value_of(values, count, "top2"), top.top2 / top.count);
    if (expected_loss) {
        assert_near(value_of(values, count, "loss"), expected_loss(s));
    }
    release(&b);
}

static double mean_nats(sums s) {
    return s.nats / s.count;
}

static double nats_per_row(sums s) {
    return s.nats / ROWS;
}

static void perplexity_does_not_depend_on_the_reduction(void **state) {
    (void)state;
    check("mean[T, batch] cross_entropy(logits, t)", false, always, mean_nats);
    check("sum[T] mean[batch] cross_entropy(logits, t)", false, always, nats_per_row);
}

static double weighted_sum(sums s) {
    return 3 * s.nats / ROWS - 0.25 * s.top2 / s.count;
}

static void losses_are_added_with_weights(void **state) {
    (void)state;
    check("3 * sum[T] mean[batch] cross_entropy(logits, t) - 0.25 * mean[T, batch] in_top(2, logits, t)",
          false, always, weighted_sum);
}

static void what_is_behind_a_length_does_not_count(void **state) {
    (void)state;
    check("mean[T, batch] cross_entropy(logits, t)", true, within_length, mean_nats);
    check("sum[T] mean[batch] cross_entropy(logits, t)", true, within_length, nats_per_row);
}

static bool weighted_within_length(const measured *b, int place) {
    return weighted(b, place) && within_length(b, place);
}

static void what_has_no_weight_does_not_count(void **state) {
    (void)state;
    check("weighted_mean[T, batch](w, cross_entropy(logits, t))", false, weighted, NULL);
    check("weighted_mean[T, batch](w > 0, cross_entropy(logits, t))", false, weighted, mean_nats);
    check("weighted_mean[T, batch](w > 0, cross_entropy(logits, t))", true, weighted_within_length,
          mean_nats);
}

static void perplexity_overflows_to_inf(void **state) {
    (void)state;
    measured b = {0};
    measures m = {0};
    metric values[MEASURES_MOST + 3];
    build(&b, "mean[T, batch] cross_entropy(logits, t)", false);
    fill(&b, 1e4);
    assert_int_equal(engine_run(b.e, 1, 0, &b.d), RNNC_OK);
    assert_true(isfinite(measures_add(&m, b.e, ROWS)));
    uint32_t count = measures_values(&m, values);
    assert_true(value_of(values, count, "perplexity") == (double)INFINITY);
    strbuf line = {0};
    metrics_render(values, count, &line);
    assert_non_null(strstr(strbuf_text(&line), "\"perplexity\":\"inf\""));
    strbuf_deinit(&line);
    release(&b);
}

static void nan_is_in_no_top(void **state) {
    (void)state;
    measured b = {0};
    build(&b, "mean[T, batch] cross_entropy(logits, t)", false);
    fill(&b, 1);
    for (int i = 0; i < PLACES; i++) {
        b.logits[i][i % CLASSES] = NAN;
        b.logits[i][b.target[i]] = NAN;
    }
    put(&b, "logits", b.logits, sizeof b.logits);
    assert_int_equal(engine_run(b.e, 1, 0, &b.d), RNNC_OK);
    assert_true(engine_output_number(b.e, (uint32_t)engine_find_output(b.e, "top2")) == 0);
    release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perplexity_does_not_depend_on_the_reduction),
        cmocka_unit_test(losses_are_added_with_weights),
        cmocka_unit_test(what_is_behind_a_length_does_not_count),
        cmocka_unit_test(what_has_no_weight_does_not_count),
        cmocka_unit_test(perplexity_overflows_to_inf),
        cmocka_unit_test(nan_is_in_no_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
