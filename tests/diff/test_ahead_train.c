// Objects that learn against the same training program run by the executor with machine code: equal bits of the loss of
// every step, of all weights and of the optimiser's memory, and then of what the model gives with these weights.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/diff/learning.h"

static void check(const char *name, const char *text, update_options update, bool carries, int broken_step) {
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = {.text = text, .update = update, .carries = carries};
    learning_open(&l, &backend, name);
    learning_run(&l, broken_step);
    learning_close(&l);
    diff_backend_close(&backend);
}

// ---- Cases ----

#define MODEL(float_type, equation)                                                                          \
    "model m() {\n    float = " float_type "\n    input x: real(5)[T]\n    target wanted: real(3)[T]\n"      \
    "    target kind: token(4)\n    y = " equation "\n    p = linear(3, y)\n    k = linear(4, last[T](y))\n" \
    "    loss = mean[T, batch] mean squared_error(p, wanted) + mean[batch] cross_entropy(k, kind)\n"         \
    "    output y\n    output p\n    output kinds = softmax(k)\n    output other = linear(2, y)\n}\n"

static const char lstm[] = MODEL("f32", "lstm(19, x)");
static const char tokens[] = "model m() {\n    input t: token(6)[T]\n    target wanted: token(6)[T]\n"
                             "    p = linear(6, gru_cho(11, embedding(6, 7, t)))\n"
                             "    loss = mean[T, batch] cross_entropy(p, wanted)\n    output p\n}\n";

static void test_sgd(void **state) {
    (void)state;
    check("sgd", lstm, (update_options){.rule = UPDATE_SGD, .rate = 0.1}, false, 0);
    check("sgd-clipped", lstm,
          (update_options){.rule = UPDATE_SGD, .rate = 1, .clip_norm = 0.3, .clip_value = 0.05}, false, 0);
    check("sgd-tokens", tokens, (update_options){.rule = UPDATE_SGD, .rate = 0.1}, false, 0);
}

static void test_momentum(void **state) {
    (void)state;
    update_options o = {.rule = UPDATE_MOMENTUM, .rate = 0.05, .momentum = 0.9};
    check("momentum", lstm, o, false, 0);
    o.nesterov = true;
    o.weight_decay = 0.01;
    check("nesterov", lstm, o, false, 0);
}

static void test_rmsprop(void **state) {
    (void)state;
    update_options o = {.rule = UPDATE_RMSPROP, .rate = 0.01, .decay = 0.9, .epsilon = 1e-6, .clip_norm = 1};
    check("rmsprop", lstm, o, false, 0);
}

static void test_adagrad(void **state) {
    (void)state;
    update_options o = {.rule = UPDATE_ADAGRAD, .rate = 0.1, .start = 0.1, .epsilon = 1e-7};
    check("adagrad", lstm, o, false, 0);
    check("adagrad-tokens", tokens, o, false, 0);
}

static const update_options adam = {
    .rule = UPDATE_ADAM, .rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};

static void test_adam(void **state) {
    (void)state;
    check("adam", lstm, adam, false, 0);
    check("adam-f64", MODEL("f64", "gru_chung(13, x)"), adam, false, 0);
    check("adam-both", MODEL("f32", "concat(lstm(6, x), backward lstm(6, x))"), adam, false, 0);
    update_options o = adam;
    o.lazy_rows = true;
    o.weight_decay = 0.1;
    check("adamw-rows", tokens, o, false, 0);
}

// Not an update with infinities in it, and the next as if that had not been.
static void test_guard(void **state) {
    (void)state;
    update_options o = adam;
    o.guarded = true;
    o.clip_norm = 1;
    check("guard", lstm, o, false, 5);
    check("guard-carried", lstm, o, true, 5);
}

static void test_dropout(void **state) {
    (void)state;
    check("dropout", MODEL("f32", "stack(9, x, layers = 2, inner = lstm, keep = 0.6)"), adam, false, 0);
}

static void test_carried(void **state) {
    (void)state;
    check("carried", lstm, adam, true, 0);
}

static void test_schedule(void **state) {
    (void)state;
    static const rate_rule rules[] = {
        {.kind = RATE_WARM_UP, .steps = true, .length = 4},
        {.kind = RATE_COSINE, .steps = true, .factor = 0.1, .length = 10},
        {.kind = RATE_DECAY, .steps = true, .factor = 0.5, .after = 2, .length = 3},
        {.kind = RATE_INVERSE_ROOT, .steps = true, .after = 3}};
    update_options o = adam;
    o.schedule = rules;
    o.schedule_count = sizeof rules / sizeof *rules;
    check("schedule", lstm, o, false, 0);
}

// ---- Access ----

static void test_access(void **state) {
    (void)state;
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = {.text = lstm, .update = adam};
    learning_open(&l, &backend, "access");
    const learning_object *o = &l.o;
    const weights *w = engine_weights(l.expected.engine);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        for (uint32_t j = 0; j < w->arrays[i].variable->parts.count; j++) {
            weight_part part = weights_part(w, i, j);
            if (w->arrays[i].variable->role == VARIABLE_SLOT) {
                assert_int_equal(o->find_weight(part.part->name), -1);
                continue;
            }
            int32_t number = o->find_weight(part.part->name);
            float values[4096];
            assert_true(number >= 0 && part.rows * part.columns < 4096);
            assert_string_equal(o->weight_name(number), part.part->name);
            assert_int_equal(o->weight_rows(number), part.rows);
            assert_int_equal(o->weight_columns(number), part.columns);
            assert_int_equal(o->get_weight(o->arena, number, values), AHEAD_OK);
            for (int64_t k = 0; k < part.rows * part.columns; k++) {
                float wanted = (float)weight_get(&part, k / part.columns, k % part.columns);
                assert_memory_equal(&wanted, &values[k], sizeof wanted);
                values[k] = (float)k / 64;
                weight_set(&part, k / part.columns, k % part.columns, values[k]);
            }
            assert_int_equal(o->set_weight(o->arena, number, values), AHEAD_OK);
            seen++;
        }
    }
    assert_int_equal(seen, l.parts.training.weight_count);
    // Both ways of coming from training to use: a head that only use has is joined to one that is trained.
    assert_true(l.parts.training.copy_count > 0);
    assert_true(l.parts.training.source[0] != AHEAD_COPIED || l.parts.training.source[1] != AHEAD_COPIED);
    weights_changed(engine_weights(l.expected.engine));
    learning_compare_weights(&l);
    learning_compare_answers(&l, 2, 3);
    float values[4096];
    assert_null(o->weight_name((int32_t)seen));
    assert_int_equal(o->weight_rows(-1), 0);
    assert_int_equal(o->find_weight("lstm"), -1);
    assert_int_equal(o->find_weight(NULL), -1);
    assert_int_equal(o->get_weight(o->arena, (int32_t)seen, values), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->get_weight(o->arena, -1, values), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->set_weight(o->arena, 0, NULL), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->set_weight(o->arena + 8, 0, values), AHEAD_BAD_ARENA);
    assert_int_equal(o->set_rate(o->arena, -1), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->set_rate(o->arena, NAN), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->set_rate(o->arena, INFINITY), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->set_position(o->arena, 1, 0), AHEAD_BAD_ARGUMENT);
    learning_close(&l);
    diff_backend_close(&backend);
}

// What was kept goes on as if nothing had been in between; with a rate of zero nothing is learned.
static void test_kept(void **state) {
    (void)state;
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = {.text = lstm, .update = adam};
    learning_open(&l, &backend, "kept");
    learning_object *o = &l.o;
    char *kept = malloc((size_t)o->learner.learned_bytes);
    uint64_t numbers = 1;
    assert_non_null(kept);
    for (int step = 1; step <= 4; step++) {
        learning_step(&l, step, 2, 3, false, &numbers);
    }
    assert_int_equal(o->save(o->arena, kept), AHEAD_OK);
    assert_int_equal(learning_init(&l, o->arena), AHEAD_OK);
    assert_int_equal(o->load(o->arena, kept), AHEAD_OK);
    learning_compare_weights(&l);
    learning_compare_answers(&l, 2, 3);
    learning_step(&l, 5, 2, 3, false, &numbers);
    learning_compare_weights(&l);
    kept[LEARNED_IDENTITY] ^= 1;
    assert_int_equal(o->load(o->arena, kept), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->load(o->arena, NULL), AHEAD_BAD_ARGUMENT);
    learning_compare_weights(&l);
    free(kept);
    learning_close(&l);
    diff_backend_close(&backend);
}

// A rate that is set is the recipe's rate; a position that is set is that of the next step.
static void test_set(void **state) {
    (void)state;
    static const rate_rule rules[] = {{.kind = RATE_DECAY_SMOOTH, .steps = true, .factor = 0.5, .length = 3}};
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = {.text = lstm, .update = adam};
    l.update.schedule = rules;
    l.update.schedule_count = 1;
    l.update.rate = 0.02;
    learning_open(&l, &backend, "set");
    uint64_t numbers = 1;
    assert_int_equal(l.o.set_rate(l.o.arena, 0.5), AHEAD_OK);
    assert_int_equal(l.o.set_rate(l.o.arena, 0.02), AHEAD_OK);
    assert_int_equal(l.o.set_position(l.o.arena, 1, 9), AHEAD_OK);
    learning_step(&l, 9, 2, 3, false, &numbers);
    learning_step(&l, 10, 2, 3, false, &numbers);
    learning_compare_weights(&l);
    assert_int_equal(l.o.set_rate(l.o.arena, 0), AHEAD_OK);
    numbers = 1;
    char *before = malloc((size_t)l.o.learner.learned_bytes);
    assert_non_null(before);
    access_function *get = l.o.get_weight;
    float first[4096], second[4096];
    assert_int_equal(get(l.o.arena, 0, first), AHEAD_OK);
    free(before);
    const void *v[LEARNING_MOST_VALUES] = {NULL};
    learning_fill(l.expected.engine, &numbers, false, v);
    assert_int_equal(l.o.train_step(l.o.arena, 2, 3, v[0], v[1], v[2], NULL, NULL, NULL, NULL, NULL),
                     AHEAD_OK);
    assert_int_equal(get(l.o.arena, 0, second), AHEAD_OK);
    size_t bytes = (size_t)(l.o.weight_rows(0) * l.o.weight_columns(0)) * sizeof(float);
    assert_memory_equal(first, second, bytes);
    learning_close(&l);
    diff_backend_close(&backend);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgd),     cmocka_unit_test(test_momentum), cmocka_unit_test(test_rmsprop),
        cmocka_unit_test(test_adagrad), cmocka_unit_test(test_adam),     cmocka_unit_test(test_guard),
        cmocka_unit_test(test_dropout), cmocka_unit_test(test_carried),  cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_access),  cmocka_unit_test(test_kept),     cmocka_unit_test(test_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
