// What a recipe says of updates: every optimiser, every form of a schedule, decay, frozen weights, and --set.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/model.h"

typedef struct built {
    diag_sink d;
    source_unit *unit;
    model *m;
    const recipe *r;
} built;

// A recipe of the items |items|, by which the model is built.
static void build(built *b, const char *items, const model_setting *settings, uint32_t count) {
    strbuf text = {0};
    strbuf_addf(&text,
                "model m(words = 9, lambda = 0.25) {\n"
                "    input word: token(words)[T]\n"
                "    target next: token(words)[T]\n"
                "    x = embedding(words, 4, word)\n"
                "    y = linear(words, lstm(4, x))\n"
                "    loss = mean[T, batch] cross_entropy(y, next) + lambda * mean[T, batch] mean square(y)\n"
                "}\n"
                "train r {\n"
                "    batch 2  steps T = 3\n"
                "    %s\n"
                "    epochs 1\n"
                "    data { word = npy(\"w\")  next = npy(\"n\")  validation last 5 }\n"
                "}\n",
                items);
    diag_init(&b->d);
    b->m = NULL;
    rnnc_status status =
        source_parse(&b->d, "test.rnn", strbuf_text(&text), strlen(strbuf_text(&text)), &b->unit);
    model_options options = {.settings = settings, .setting_count = count, .training = true};
    if (status == RNNC_OK) {
        status = model_build(&b->d, b->unit, &options, &b->m);
    }
    if (status != RNNC_OK) {
        strbuf message = {0};
        diag_render(&b->d, &message);
        fail_msg("%s\n%s", strbuf_text(&text), strbuf_text(&message));
    }
    b->r = b->m->recipe;
    strbuf_deinit(&text);
}

static void release(built *b) {
    model_destroy(b->m);
    source_destroy(b->unit);
    diag_deinit(&b->d);
}

static void optimizers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        optimizer_kind kind;
        double momentum, decay, start, epsilon, weight_decay;
        bool lazy;
    } rows[] = {
        {"sgd(1)", OPTIMIZER_SGD, 0.9, 0.9, 0, 1e-8, 0, false},
        {"momentum(rate = 1)", OPTIMIZER_MOMENTUM, 0.9, 0.9, 0, 1e-8, 0, false},
        {"momentum(1, momentum = 0.5, rows = lazy)", OPTIMIZER_MOMENTUM, 0.5, 0.9, 0, 1e-8, 0, true},
        {"nesterov(rate = 1, momentum = 0.8, rows = dense)", OPTIMIZER_NESTEROV, 0.8, 0.9, 0, 1e-8, 0, false},
        {"rmsprop(rate = 1)", OPTIMIZER_RMSPROP, 0, 0.9, 0, 1e-8, 0, false},
        {"rmsprop(rate = 1, decay = 0.99, epsilon = 0.1, momentum = 0.2)", OPTIMIZER_RMSPROP, 0.2, 0.99, 0,
         0.1, 0, false},
        {"adagrad(rate = 1)", OPTIMIZER_ADAGRAD, 0.9, 0.9, 0, 1e-10, 0, false},
        {"adagrad(rate = 1, start = 0.1)", OPTIMIZER_ADAGRAD, 0.9, 0.9, 0.1, 1e-10, 0, false},
        {"adam(rate = 1, epsilon = 1e-3)", OPTIMIZER_ADAM, 0.9, 0.9, 0, 1e-3, 0, false},
        {"adamw(rate = 1)", OPTIMIZER_ADAMW, 0.9, 0.9, 0, 1e-8, 0.01, false},
        {"adamw(rate = 1, weight_decay = 0.2)", OPTIMIZER_ADAMW, 0.9, 0.9, 0, 1e-8, 0.2, false},
        {"adamw(rate = 1) weight_decay 0", OPTIMIZER_ADAMW, 0.9, 0.9, 0, 1e-8, 0, false},
        {"adamw(rate = 1) optimizer sgd(1)", OPTIMIZER_SGD, 0.9, 0.9, 0, 1e-8, 0, false},
        {"sgd(1) weight_decay 0.5 optimizer adamw(1)", OPTIMIZER_ADAMW, 0.9, 0.9, 0, 1e-8, 0.5, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char items[128];
        snprintf(items, sizeof items, "optimizer %s", rows[i].text);
        built b;
        build(&b, items, NULL, 0);
        assert_int_equal(b.r->optimizer, rows[i].kind);
        assert_true(b.r->rate == 1 && b.r->momentum == rows[i].momentum && b.r->decay == rows[i].decay);
        assert_true(b.r->start == rows[i].start && b.r->epsilon == rows[i].epsilon);
        assert_true(b.r->weight_decay == rows[i].weight_decay && b.r->lazy_rows == rows[i].lazy);
        assert_int_equal(b.r->skip_limit, 10);
        release(&b);
    }
}

static void schedules(void **state) {
    (void)state;
    static const struct {
        const char *text;
        schedule_rule rule; // the last one of |count|
        uint32_t count;
    } rows[] = {
        {"rate *= 0.5 each epoch after 4", {SCHEDULE_DECAY, false, 0.5, 4, 1}, 1},
        {"rate *= 0.5 each 10 steps", {SCHEDULE_DECAY, true, 0.5, 0, 10}, 1},
        {"rate *= 0.5 per 10 steps after 3", {SCHEDULE_DECAY_SMOOTH, true, 0.5, 3, 10}, 1},
        {"rate *= 0.1 after epochs 30, 60", {SCHEDULE_ONCE, false, 0.1, 60, 1}, 2},
        {"rate *= 0.1 after steps 2 * 50", {SCHEDULE_ONCE, true, 0.1, 100, 1}, 1},
        {"rate *= 0.5 on plateau of 3 epochs", {SCHEDULE_PLATEAU, false, 0.5, 0, 3}, 1},
        {"warm_up over 100 steps", {SCHEDULE_WARM_UP, true, 0, 0, 100}, 1},
        {"warm_up over 5 epochs", {SCHEDULE_WARM_UP, false, 0, 0, 5}, 1},
        {"cosine over 100 steps", {SCHEDULE_COSINE, true, 0, 0, 100}, 1},
        {"warm_up over 3 steps schedule cosine over 20 epochs to 0.1",
         {SCHEDULE_COSINE, false, 0.1, 0, 20},
         2},
        {"inverse_sqrt after 4000 steps", {SCHEDULE_INVERSE_SQRT, true, 0, 4000, 1}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char items[128];
        snprintf(items, sizeof items, "optimizer sgd(1) schedule %s clip_norm 5", rows[i].text);
        built b;
        build(&b, items, NULL, 0);
        assert_int_equal(b.r->schedule.count, rows[i].count);
        schedule_rule found = b.r->schedule.at[rows[i].count - 1], expected = rows[i].rule;
        assert_true(found.kind == expected.kind && found.steps == expected.steps);
        assert_true(found.factor == expected.factor && found.after == expected.after);
        assert_int_equal(found.length, expected.length);
        assert_true(b.r->clip_norm == 5);
        release(&b);
    }
}

static void patterns(void **state) {
    (void)state;
    built b;
    build(&b,
          "optimizer sgd(1)  weight_decay 0.01, *.table 0, lstm.0.* (2 * 0.1)  freeze lstm.0.i.*, x.table\n"
          "    skip_limit 3  stop after 4 epochs without better validation",
          NULL, 0);
    assert_true(b.r->weight_decay == 0.01);
    assert_int_equal(b.r->weight_decays.count, 2);
    assert_string_equal(b.r->weight_decays.at[0].pattern, "*.table");
    assert_string_equal(b.r->weight_decays.at[1].pattern, "lstm.0.*");
    assert_true(b.r->weight_decays.at[0].decay == 0 && b.r->weight_decays.at[1].decay == 0.2);
    assert_true(b.r->skip_limit == 3 && b.r->patience == 4);
    const graph *g = b.m->graph;
    for (uint32_t i = 0; i < g->variables.count; i++) {
        const graph_variable *v = &g->variables.at[i];
        bool frozen = strncmp(v->name, "lstm.0.i.", 9) == 0 || strcmp(v->name, "x.table") == 0;
        assert_int_equal(v->role, frozen ? VARIABLE_FROZEN : VARIABLE_WEIGHT);
    }
    release(&b);
}

static void numbers_by_command(void **state) {
    (void)state;
    const model_setting settings[] = {{"momentum", "0.25"},
                                      {"decay", "0.5"},
                                      {"weight_decay", "0.125"},
                                      {"skip_limit", "2"},
                                      {"patience", "3 + 4"}};
    built b;
    build(&b, "optimizer rmsprop(rate = 1)", settings, 5);
    assert_true(b.r->momentum == 0.25 && b.r->decay == 0.5 && b.r->weight_decay == 0.125);
    assert_true(b.r->skip_limit == 2 && b.r->patience == 7);
    release(&b);
    const model_setting start = {"start", "0.5"};
    build(&b, "optimizer adagrad(rate = 1)", &start, 1);
    assert_true(b.r->start == 0.5);
    release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimizers),
        cmocka_unit_test(schedules),
        cmocka_unit_test(patterns),
        cmocka_unit_test(numbers_by_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
