// Under a locale with decimal commas, the caller's, everything means what it means under his other ones: numbers in
// models and settings, checkpoints, the cache. The locale is his own: after each call it is what it was.
// Usage: api_locale NAME FOLDER: the locale, and a folder to write to.
#include <locale.h>

#include "tests/api/trained.h"

enum { STEPS = 5, ROWS = 3, UNITS = 5, TIMES = 4 };

static const char text[] = "model m(scale = 0.25) {\n"
                           "    input  x: real[T]\n"
                           "    target t: real[T]\n"
                           "    y = 0.75 * linear(1, lstm(5, scale * x, forget_bias = 1.5e-1)) + 0.5\n"
                           "    loss = mean[T, batch] squared_error(y, t)\n"
                           "    output y\n"
                           "}\n"
                           "train quick {\n"
                           "    batch 3  steps T = 5\n"
                           "    optimizer adam(rate = 0.0125, beta1 = 0.875)  clip_norm 0.75\n"
                           "    schedule rate *= 0.5 after steps 2\n"
                           "    max_steps 4\n"
                           "}\n";

typedef struct answer {
    double losses[2 * TIMES];
    float weights[UNITS];
} answer;

static const char *names[2]; // of both locales
static const char *folder;

static void choose(int number) {
    assert_non_null(setlocale(LC_ALL, names[number]));
    assert_int_equal(localeconv()->decimal_point[0], number ? ',' : '.');
}

static void train(const fixture *f, double *losses) {
    float x[STEPS * ROWS], t[STEPS * ROWS];
    fixture_fill(x, STEPS * ROWS, 1);
    fixture_fill(t, STEPS * ROWS, 2);
    fixture_ok(rnnc_context_write_input(f->context, 0, RNNC_STEPS_FIRST, x, STEPS * ROWS, f->d), f->d);
    fixture_ok(rnnc_context_write_input(f->context, 1, RNNC_STEPS_FIRST, t, STEPS * ROWS, f->d), f->d);
    for (int i = 0; i < TIMES; i++) {
        rnnc_training said;
        fixture_ok(rnnc_train_step(f->context, f->d, &said), f->d);
        losses[i] = said.loss;
    }
}

// Four steps, a checkpoint, and four more from it in another context; each half under a locale of its own.
static answer learn(int first, int second) {
    fixture f = {0};
    answer a = {0};
    char path[4096];
    const char *const settings[] = {"scale=0.375"};
    rnnc_model_options chosen = RNNC_MODEL_OPTIONS;
    chosen.settings = settings;
    chosen.setting_count = 1;
    snprintf(path, sizeof path, "%s/training%d%d.safetensors", folder, first, second);
    choose(first);
    assert_int_equal(rnnc_diagnostics_create(&f.d), RNNC_OK);
    fixture_ok(rnnc_model_from_text(text, strlen(text), "m.rnn", &chosen, f.d, &f.model), f.d);
    f.program = fixture_program(f.model, RNNC_TRAIN, 1, f.d);
    fixture_ok(rnnc_weights_create(f.program, f.d, &f.weights), f.d);
    fixture_ok(rnnc_weights_initialize(f.weights, 1, f.d), f.d);
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &f.context), f.d);
    fixture_ok(rnnc_context_set_extents(f.context, ROWS, STEPS, f.d), f.d);
    fixture_ok(rnnc_context_set_rate(f.context, 0.1), f.d);
    train(&f, a.losses);
    fixture_ok(rnnc_context_save_training(f.context, path, f.d), f.d);
    assert_int_equal(localeconv()->decimal_point[0], first ? ',' : '.');
    choose(second);
    rnnc_context_destroy(f.context);
    fixture_ok(rnnc_weights_initialize(f.weights, 2, f.d), f.d);
    fixture_ok(rnnc_context_create(f.program, f.weights, f.d, &f.context), f.d);
    fixture_ok(rnnc_context_set_extents(f.context, ROWS, STEPS, f.d), f.d);
    fixture_ok(rnnc_context_load_training(f.context, path, f.d), f.d);
    assert_true(rnnc_context_rate(f.context) == 0.1);
    train(&f, a.losses + TIMES);
    int last = rnnc_weights_find(f.weights, "y.in1");
    fixture_ok(rnnc_weights_read(f.weights, (uint32_t)last, RNNC_F32, a.weights, UNITS, f.d), f.d);
    assert_int_equal(localeconv()->decimal_point[0], second ? ',' : '.');
    fixture_free(&f);
    return a;
}

static void test_locales(void **state) {
    (void)state;
    answer plain = learn(0, 0);
    assert_true(plain.losses[0] > 0 && plain.losses[2 * TIMES - 1] != plain.losses[0]);
    for (int i = 1; i < 4; i++) {
        answer other = learn(i & 1, i >> 1);
        assert_memory_equal(&plain, &other, sizeof plain);
    }
}

// What is written about the model, and drawn. The caller destroys it.
static rnnc_bytes *describe(const fixture *f, int which) {
    static const double y[] = {0.25, 1.5, 3.75};
    static const rnnc_curve curve = {"y", NULL, y, 3, RNNC_CURVE_LINE};
    rnnc_report_options report = RNNC_REPORT_OPTIONS;
    rnnc_plot_options plot = RNNC_PLOT_OPTIONS;
    rnnc_bytes *said = NULL;
    report.cpu = "interpret";
    plot.svg = which == 3;
    fixture_ok(which == 0   ? rnnc_model_check(f->model, &report, f->d, &said)
               : which == 1 ? rnnc_model_dump(f->model, "program", &report, f->d, &said)
                            : rnnc_plot(&curve, 1, &plot, f->d, &said),
               f->d);
    return said;
}

static void test_texts(void **state) {
    (void)state;
    choose(0);
    fixture f = fixture_make(text, RNNC_FORWARD);
    for (int which = 0; which < 4; which++) {
        choose(0);
        rnnc_bytes *plain = describe(&f, which);
        choose(1);
        rnnc_bytes *other = describe(&f, which);
        assert_string_equal(rnnc_bytes_data(plain), rnnc_bytes_data(other));
        assert_non_null(strchr(rnnc_bytes_data(plain), '.'));
        assert_int_equal(localeconv()->decimal_point[0], ',');
        rnnc_bytes_destroy(plain);
        rnnc_bytes_destroy(other);
    }
    fixture_free(&f);
}

// Errors quote numbers, which then can be found in the text that they are about.
static void test_errors(void **state) {
    (void)state;
    static const char bad[] = "model m(k = 0.5) {\n input x: real[T]\n y = k(x)\n output y\n}\n";
    rnnc_diagnostics *d = NULL;
    rnnc_model *m = NULL;
    choose(1);
    assert_int_equal(rnnc_diagnostics_create(&d), RNNC_OK);
    fixture_refused(rnnc_model_from_text(bad, strlen(bad), "m", NULL, d, &m), RNNC_TYPE, d,
                    "found the number 0.5");
    rnnc_diagnostics_destroy(d);
}

// ---- Trainings by data ----

// What the metrics say but for the last columns, which are of this run.
static void read_metrics(const char *path, char *out, size_t size) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    out[fread(out, 1, size - 1, file)] = '\0';
    fclose(file);
    char *end = strstr(out, "\"seconds\"");
    assert_non_null(end);
    *end = '\0';
}

// Trains two epochs in two pieces, the table's file written under the first locale.
static rnnc_fit_result fit(int locale, char *metrics, size_t size, double *out_weight) {
    char path[4096], kept[4096];
    choose(0);
    trained t = trained_make("plain", 1);
    rnnc_fit_options options = RNNC_FIT_OPTIONS;
    rnnc_fit_result result;
    snprintf(path, sizeof path, "%s/metrics%d.jsonl", folder, locale);
    snprintf(kept, sizeof kept, "%s/kept%d", folder, locale);
    choose(locale);
    rnnc_data_release(t.data);
    snprintf(metrics, size, "table=%s/trained.table", getenv("RNNC_SCRATCH"));
    t.data = trained_open(t.model, metrics, t.d);
    options.metrics_path = path;
    options.checkpoint_folder = kept;
    options.call_steps = 3;
    fixture_ok(rnnc_fit(t.context, t.validation, t.data, &options, t.d, &result), t.d);
    options.call_steps = 0;
    options.resume = "";
    fixture_ok(rnnc_fit(t.context, t.validation, t.data, &options, t.d, &result), t.d);
    assert_int_equal(localeconv()->decimal_point[0], locale ? ',' : '.');
    fixture_ok(rnnc_weights_read(t.weights, (uint32_t)rnnc_weights_find(t.weights, "forecast.b"), RNNC_F64,
                                 out_weight, 1, t.d),
               t.d);
    trained_release(&t);
    read_metrics(path, metrics, size);
    return result;
}

static void test_fit(void **state) {
    (void)state;
    static char plain[4096], other[4096];
    double a, b;
    rnnc_fit_result first = fit(0, plain, sizeof plain, &a), second = fit(1, other, sizeof other, &b);
    assert_true(a == b);
    assert_true(first.training.at[0].value == second.training.at[0].value);
    assert_string_equal(plain, other);
    assert_non_null(strstr(plain, "0."));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_locales), cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_errors), cmocka_unit_test(test_fit)};
    if (argc != 3) {
        return 2;
    }
    names[0] = "C";
    names[1] = argv[1];
    folder = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
