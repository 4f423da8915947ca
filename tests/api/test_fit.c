// Whole trainings and evaluation by data through the library. tests/api/fit.sh compares them with the command.
#include <sys/stat.h>

#include "tests/api/trained.h"

enum { EPOCHS_OF_BEST = 3 };

static rnnc_fit_result fit(const trained *t, const rnnc_fit_options *options) {
    rnnc_fit_result result;
    fixture_ok(rnnc_fit(t->context, t->validation, t->data, options, t->d, &result), t->d);
    return result;
}

static const rnnc_measure *find(const rnnc_measures *m, const char *name) {
    for (uint32_t i = 0; i < m->count; i++) {
        if (strcmp(m->at[i].name, name) == 0) {
            return &m->at[i];
        }
    }
    return NULL;
}

// ---- Reports ----

typedef struct watcher {
    int64_t stop_at; // step; 0: none
    int steps, epochs;
    double last_validation;
} watcher;

static int watch(void *user, const rnnc_fit_report *report) {
    watcher *w = user;
    assert_non_null(find(&report->training, "loss"));
    assert_non_null(find(&report->training, "learning_rate"));
    if (report->epoch_over) {
        w->epochs++;
        assert_int_equal(report->epoch, w->epochs);
        assert_int_equal(report->batch, report->batches);
        w->last_validation = find(&report->validation, "loss")->value;
        return 0;
    }
    w->steps++;
    assert_int_equal(report->validation.count, 0);
    assert_in_range(report->batch, 1, report->batches);
    return w->stop_at && report->step == w->stop_at;
}

static rnnc_fit_options watched(watcher *w) {
    rnnc_fit_options options = RNNC_FIT_OPTIONS;
    options.progress = watch;
    options.progress_user = w;
    return options;
}

static void test_reports(void **state) {
    (void)state;
    trained t = trained_make("best", 1);
    watcher w = {0};
    rnnc_fit_options options = watched(&w);
    rnnc_fit_result result = fit(&t, &options);
    assert_int_equal(result.end, RNNC_FIT_DONE);
    assert_int_equal(result.epochs, EPOCHS_OF_BEST);
    assert_int_equal(result.steps, w.steps);
    assert_int_equal(result.steps, (rnnc_data_count(t.data, RNNC_PART_TRAINING) + TRAINED_BATCH - 1) /
                                       TRAINED_BATCH * EPOCHS_OF_BEST);
    assert_int_equal(w.epochs, EPOCHS_OF_BEST);
    assert_in_range(result.best_epoch, 1, EPOCHS_OF_BEST);
    // The weights that are kept have the validation that the result says.
    rnnc_measures kept;
    fixture_ok(rnnc_evaluate(t.validation, t.data, RNNC_PART_VALIDATION, 1, t.d, &kept), t.d);
    assert_true(kept.at[0].value == result.validation.at[0].value);
    assert_true(result.best_epoch != EPOCHS_OF_BEST || kept.at[0].value == w.last_validation);
    trained_release(&t);
}

// ---- Stopped and gone on with ----

static void empty_folder(char folder[4096], const char *name) {
    char command[4200];
    trained_path(folder, name);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

static void test_stopped(void **state) {
    (void)state;
    char folder[4096];
    trained whole = trained_make("best", 1);
    rnnc_fit_result wanted = fit(&whole, NULL);
    for (int64_t stop_at = 1; stop_at <= wanted.steps; stop_at += 3) {
        empty_folder(folder, "stopped");
        trained first = trained_make("best", 1), second = trained_make("best", 2);
        watcher w = {.stop_at = stop_at};
        rnnc_fit_options options = watched(&w);
        options.checkpoint_folder = folder;
        rnnc_fit_result result = fit(&first, &options);
        assert_int_equal(result.end, stop_at < wanted.steps ? RNNC_FIT_STOPPED : result.end);
        assert_int_equal(result.steps, stop_at);
        // Weights that are another training's do not matter, nor does the rate of this one.
        fixture_ok(rnnc_weights_initialize(second.weights, 7, second.d), second.d);
        options = (rnnc_fit_options)RNNC_FIT_OPTIONS;
        options.resume = folder;
        result = fit(&second, &options);
        assert_int_equal(result.end, RNNC_FIT_DONE);
        assert_int_equal(result.steps, wanted.steps);
        assert_int_equal(result.best_epoch, wanted.best_epoch);
        assert_true(fixture_equal_weights(whole.weights, second.weights));
        trained_release(&first);
        trained_release(&second);
    }
    trained_release(&whole);
}

// Weights without values are those of the checkpoint.
static void test_unset(void **state) {
    (void)state;
    char folder[4096];
    empty_folder(folder, "unset");
    trained t = trained_make("plain", 1), other = trained_make("plain", 1);
    rnnc_fit_options options = RNNC_FIT_OPTIONS;
    options.checkpoint_folder = folder;
    options.call_steps = 3;
    assert_int_equal(fit(&t, &options).end, RNNC_FIT_OUT_OF_STEPS);
    rnnc_weights *unset = NULL;
    rnnc_context *c = trained_context(&t, RNNC_TRAIN, 1, &unset);
    fixture_refused(rnnc_fit(c, NULL, t.data, NULL, t.d, NULL), RNNC_INVALID_ARGUMENT, t.d, "has no values");
    options.resume = "";
    options.call_steps = 0;
    fixture_ok(rnnc_fit(c, NULL, t.data, &options, t.d, NULL), t.d);
    fit(&other, NULL);
    assert_true(fixture_equal_weights(unset, other.weights));
    rnnc_context_destroy(c);
    rnnc_weights_release(unset);
    trained_release(&t);
    trained_release(&other);
}

static void test_time(void **state) {
    (void)state;
    trained t = trained_make("plain", 1);
    rnnc_fit_options options = RNNC_FIT_OPTIONS;
    options.call_seconds = 1e-9;
    assert_int_equal(fit(&t, &options).end, RNNC_FIT_OUT_OF_TIME);
    trained_release(&t);
}

// ---- Contexts before and after ----

// Weights of its own for the validation, which training then changes, make no difference, nor do threads.
static void test_apart(void **state) {
    (void)state;
    trained shared = trained_make("best", 1), apart = trained_make("best", 2);
    rnnc_weights *own = NULL;
    rnnc_context_destroy(apart.validation);
    apart.validation = trained_context(&apart, RNNC_EVALUATE, 2, &own);
    rnnc_fit_result a = fit(&shared, NULL), b = fit(&apart, NULL);
    assert_true(a.validation.at[0].value == b.validation.at[0].value);
    assert_true(a.training.at[0].value == b.training.at[0].value);
    assert_true(fixture_equal_weights(shared.weights, apart.weights));
    // They had no values, and have those that were kept.
    rnnc_measures kept;
    assert_true(fixture_equal_weights(apart.weights, own));
    fixture_ok(rnnc_evaluate(apart.validation, apart.data, RNNC_PART_VALIDATION, 1, apart.d, &kept), apart.d);
    assert_true(kept.at[0].value == b.validation.at[0].value);
    rnnc_weights_release(own);
    trained_release(&shared);
    trained_release(&apart);
}

// What runs compute with afterwards are the new weights, whatever contexts had prepared of the old ones.
static void test_seen(void **state) {
    (void)state;
    trained t = trained_make("plain", 1);
    rnnc_measures before, after, fresh;
    rnnc_context *other = trained_context(&t, RNNC_EVALUATE, 1, &t.weights);
    fixture_ok(rnnc_evaluate(other, t.data, RNNC_PART_EVALUATED, 1, t.d, &before), t.d);
    fit(&t, NULL);
    fixture_ok(rnnc_evaluate(other, t.data, RNNC_PART_EVALUATED, 1, t.d, &after), t.d);
    rnnc_context *made_now = trained_context(&t, RNNC_EVALUATE, 1, &t.weights);
    fixture_ok(rnnc_evaluate(made_now, t.data, RNNC_PART_EVALUATED, 1, t.d, &fresh), t.d);
    assert_true(before.at[0].value != after.at[0].value);
    assert_true(after.at[0].value == fresh.at[0].value);
    rnnc_context_destroy(made_now);
    rnnc_context_destroy(other);
    trained_release(&t);
}

static void train_by_hand(const trained *t, rnnc_status wanted) {
    static float value[TRAINED_STEPS * TRAINED_BATCH * 2], next[TRAINED_STEPS * TRAINED_BATCH];
    fixture_ok(rnnc_context_set_extents(t->context, TRAINED_BATCH, TRAINED_STEPS, t->d), t->d);
    assert_int_equal(rnnc_train_step(t->context, NULL, NULL), RNNC_INVALID_ARGUMENT); // no inputs
    fixture_ok(rnnc_context_bind_input(t->context, 0, value, sizeof value / sizeof *value, t->d), t->d);
    fixture_ok(rnnc_context_bind_input(t->context, 1, next, sizeof next / sizeof *next, t->d), t->d);
    assert_int_equal(rnnc_train_step(t->context, t->d, NULL), wanted);
}

static void test_context(void **state) {
    (void)state;
    trained t = trained_make("plain", 1);
    rnnc_fit_result result = fit(&t, NULL);
    int64_t epoch, step;
    assert_int_equal(rnnc_context_position(t.context, &epoch, &step), RNNC_OK);
    assert_int_equal(epoch, result.epochs + 1);
    assert_int_equal(step, result.steps + 1);
    train_by_hand(&t, RNNC_OK);
    // Bound arrays are let go of, and trainings may follow trainings.
    fit(&t, NULL);
    train_by_hand(&t, RNNC_OK);
    trained_release(&t);
}

static void test_rate(void **state) {
    (void)state;
    trained plain = trained_make("plain", 1), faster = trained_make("faster", 1);
    assert_int_equal(rnnc_context_set_rate(plain.context, 0.3), RNNC_OK);
    fit(&plain, NULL);
    fit(&faster, NULL);
    assert_true(fixture_equal_weights(plain.weights, faster.weights));
    trained_release(&plain);
    trained_release(&faster);
}

static void test_diverged(void **state) {
    (void)state;
    trained t = trained_make("wild", 1);
    rnnc_status status = rnnc_fit(t.context, NULL, t.data, NULL, t.d, NULL);
    assert_int_equal(status, RNNC_INVALID_ARGUMENT);
    assert_non_null(strstr(rnnc_diagnostics_text(t.d), "training diverged at step"));
    train_by_hand(&t, RNNC_OK);
    trained_release(&t);
}

// ---- A loop of the caller's ----

// Evaluation is a feed in order, its losses weighted by their rows.
static void test_evaluate(void **state) {
    (void)state;
    trained t = trained_make("plain", 1);
    rnnc_measures all;
    rnnc_feed *feed = NULL;
    double loss = 0, rows = 0;
    int64_t count;
    fixture_ok(rnnc_evaluate(t.validation, t.data, RNNC_PART_TRAINING, 1, t.d, &all), t.d);
    fixture_ok(rnnc_feed_create(t.data, RNNC_PART_TRAINING, RNNC_IN_ORDER, 0, t.d, &feed), t.d);
    for (;;) {
        fixture_ok(rnnc_feed_next(feed, t.validation, t.d, &count), t.d);
        if (count == 0) {
            break;
        }
        float one;
        fixture_ok(rnnc_run(t.validation, t.d), t.d);
        fixture_ok(rnnc_context_read_output(t.validation, 0, RNNC_STEPS_FIRST, &one, 1, t.d), t.d);
        loss += (double)one * (double)count;
        rows += (double)count;
    }
    assert_true(rows == (double)rnnc_data_count(t.data, RNNC_PART_TRAINING));
    assert_true(loss / rows == all.at[0].value);
    assert_string_equal(all.at[0].name, "loss");
    rnnc_feed_destroy(feed);
    trained_release(&t);
}

// ---- Bad use ----

static void test_bad_options(void **state) {
    (void)state;
    trained t = trained_make("best", 1);
    rnnc_fit_options good = RNNC_FIT_OPTIONS, bad[7];
    for (int i = 0; i < 7; i++) {
        bad[i] = good;
    }
    bad[0].struct_size = 8;
    bad[1].epochs = -1;
    bad[2].max_steps = -1;
    bad[3].call_steps = -1;
    bad[4].call_seconds = NAN;
    bad[5].checkpoint_every = -1;
    bad[6].checkpoint_keep = 0;
    for (int i = 0; i < 7; i++) {
        fixture_refused(rnnc_fit(t.context, t.validation, t.data, &bad[i], t.d, NULL), RNNC_INVALID_ARGUMENT,
                        t.d, "begin with RNNC_FIT_OPTIONS");
    }
    good.resume = "";
    fixture_refused(rnnc_fit(t.context, t.validation, t.data, &good, t.d, NULL), RNNC_INVALID_ARGUMENT, t.d,
                    "needs a folder of checkpoints");
    good = (rnnc_fit_options)RNNC_FIT_OPTIONS;
    good.metrics_path = "/nowhere/metrics.jsonl";
    fixture_refused(rnnc_fit(t.context, t.validation, t.data, &good, t.d, NULL), RNNC_IO, t.d, "/nowhere");
    good = (rnnc_fit_options)RNNC_FIT_OPTIONS;
    good.checkpoint_folder = "/nowhere/kept";
    fixture_refused(rnnc_fit(t.context, t.validation, t.data, &good, t.d, NULL), RNNC_IO, t.d, "/nowhere");
    trained_release(&t);
}

// Kernels find out which extents they have no room for; graphs that are interpreted would take any.
static void test_no_room(void **state) {
    (void)state;
    const struct {
        const char *cpu;
        int64_t batch, length;
    } small[] = {{"interpret", 1, TRAINED_STEPS},
                 {"interpret", TRAINED_BATCH, 2},
                 {"reference", 1, TRAINED_STEPS},
                 {"reference", TRAINED_BATCH, 2}};
    trained t = trained_make("plain", 1);
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        rnnc_weights *w = NULL;
        rnnc_measures all;
        rnnc_context *contexts[2];
        for (int k = 0; k < 2; k++) {
            rnnc_program *p = NULL;
            rnnc_compile_options options =
                fixture_options(k ? RNNC_EVALUATE : RNNC_TRAIN, small[i].batch, small[i].length);
            options.cpu = small[i].cpu;
            fixture_ok(rnnc_program_compile(t.model, &options, t.d, &p), t.d);
            fixture_ok(w ? RNNC_OK : rnnc_weights_create(p, t.d, &w), t.d);
            fixture_ok(rnnc_context_create(p, w, t.d, &contexts[k]), t.d);
            rnnc_program_release(p);
        }
        fixture_ok(rnnc_weights_initialize(w, 1, t.d), t.d);
        fixture_ok(rnnc_data_measure(t.data, w, t.d), t.d);
        fixture_refused(rnnc_fit(contexts[0], NULL, t.data, NULL, t.d, NULL), RNNC_INVALID_ARGUMENT, t.d,
                        "this program runs 1 to");
        fixture_refused(rnnc_evaluate(contexts[1], t.data, RNNC_PART_TRAINING, 1, t.d, &all),
                        RNNC_INVALID_ARGUMENT, t.d, "this program runs 1 to");
        rnnc_context_destroy(contexts[0]);
        rnnc_context_destroy(contexts[1]);
        rnnc_weights_release(w);
    }
    trained_release(&t);
}

static void test_endless(void **state) {
    (void)state;
    trained t = trained_make("endless", 1);
    rnnc_fit_options options = RNNC_FIT_OPTIONS;
    fixture_refused(rnnc_fit(t.context, NULL, t.data, &options, t.d, NULL), RNNC_INVALID_ARGUMENT, t.d,
                    "neither the recipe 'endless' nor");
    options.max_steps = 3;
    assert_int_equal(fit(&t, &options).steps, 3);
    trained_release(&t);
}

static void test_bad_contexts(void **state) {
    (void)state;
    trained t = trained_make("best", 1), other = trained_make("best", 1);
    const struct {
        rnnc_context *context, *validation;
        rnnc_data *data;
        const char *text;
    } cases[] = {
        {NULL, t.validation, t.data, "needs a context and data"},
        {t.context, t.validation, NULL, "needs a context and data"},
        {t.validation, t.validation, t.data, "for RNNC_TRAIN"},
        {t.context, t.context, t.data, "a context of its own"},
        {t.context, other.context, t.data, "for RNNC_EVALUATE"},
        {t.context, other.validation, t.data, "another model"},
        {t.context, t.validation, other.data, "another model"},
        {t.context, NULL, t.data, "goes by a validation"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rnnc_status status = rnnc_fit(cases[i].context, cases[i].validation, cases[i].data, NULL, t.d, NULL);
        fixture_refused(status, RNNC_INVALID_ARGUMENT, t.d, cases[i].text);
    }
    rnnc_measures all;
    fixture_refused(rnnc_evaluate(t.context, t.data, RNNC_PART_ALL, 1, t.d, &all), RNNC_INVALID_ARGUMENT, t.d,
                    "for RNNC_EVALUATE");
    fixture_refused(rnnc_evaluate(t.validation, other.data, RNNC_PART_ALL, 1, t.d, &all),
                    RNNC_INVALID_ARGUMENT, t.d, "another model");
    fixture_refused(rnnc_evaluate(t.validation, t.data, (rnnc_part)9, 1, t.d, &all), RNNC_INVALID_ARGUMENT,
                    t.d, "there is no part 9");
    fixture_refused(rnnc_evaluate(t.validation, t.data, RNNC_PART_TEST, 1, t.d, &all), RNNC_INVALID_ARGUMENT,
                    t.d, "nothing is held out for a test");
    assert_int_equal(rnnc_evaluate(t.validation, t.data, RNNC_PART_ALL, 1, NULL, NULL),
                     RNNC_INVALID_ARGUMENT);
    trained_release(&t);
    trained_release(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),     cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_unset),       cmocka_unit_test(test_time),
        cmocka_unit_test(test_apart),       cmocka_unit_test(test_seen),
        cmocka_unit_test(test_context),     cmocka_unit_test(test_rate),
        cmocka_unit_test(test_diverged),    cmocka_unit_test(test_evaluate),
        cmocka_unit_test(test_bad_options), cmocka_unit_test(test_bad_contexts),
        cmocka_unit_test(test_endless),     cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
