// Trains and evaluates by data through the public header, as `rnnc train` and `rnnc eval` do, for tests/api/fit.sh.
//
//     fit_tool train|loop|eval|same|continue MODEL [OPTION VALUE]…
//
// `loop` trains by a loop of its own over a feed, for so many epochs as the recipe says; `same` compares two files of
// weights, --weights and --out, bit by bit; `continue` draws what `rnnc run --continue` does, for --steps steps, into --out.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/rnnc.h"

enum { MOST_PATHS = 8 };

typedef struct job {
    const char *what, *model_path, *weights_path, *out, *metrics, *checkpoint, *resume, *cpu;
    const char *paths[MOST_PATHS];
    size_t path_count;
    int64_t every, call_steps, max_steps, stop_after;
    int threads;
    rnnc_diagnostics *d;
    rnnc_model *model;
    rnnc_data *data;
    rnnc_weights *weights;
    rnnc_context *context, *validation;
} job;

static void check(const job *j, rnnc_status status) {
    if (status != RNNC_OK) {
        fprintf(stderr, "%s: %s\n", rnnc_status_text(status), rnnc_diagnostics_text(j->d));
        exit(1);
    }
}

static void take_option(job *j, const char *name, const char *value) {
    if (strcmp(name, "--data") == 0 && j->path_count < MOST_PATHS) {
        j->paths[j->path_count++] = value;
        return;
    }
    const struct {
        const char *name, **text;
        int64_t *number;
    } options[] = {
        {"--weights", &j->weights_path, NULL}, {"--out", &j->out, NULL},
        {"--metrics", &j->metrics, NULL},      {"--checkpoint", &j->checkpoint, NULL},
        {"--resume", &j->resume, NULL},        {"--cpu", &j->cpu, NULL},
        {"--every", NULL, &j->every},          {"--call-steps", NULL, &j->call_steps},
        {"--steps", NULL, &j->max_steps},      {"--stop-after", NULL, &j->stop_after},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (strcmp(options[i].name, name) != 0) {
            continue;
        }
        if (options[i].text) {
            *options[i].text = value;
        } else {
            *options[i].number = strtoll(value, NULL, 10);
        }
        return;
    }
    if (strcmp(name, "--threads") != 0) {
        fprintf(stderr, "there is no option %s\n", name);
        exit(2);
    }
    j->threads = atoi(value);
}

static rnnc_context *make_context(job *j, rnnc_purpose purpose) {
    rnnc_program *program;
    rnnc_context *made;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.purpose = purpose;
    options.data = j->data;
    options.threads = j->threads;
    options.cpu = j->cpu;
    check(j, rnnc_program_compile(j->model, &options, j->d, &program));
    if (!j->weights) {
        check(j, rnnc_weights_create(program, j->d, &j->weights));
    }
    check(j, rnnc_context_create(program, j->weights, j->d, &made));
    rnnc_program_release(program);
    return made;
}

static void open_data(job *j, int evaluates) {
    rnnc_data_options options = RNNC_DATA_OPTIONS;
    options.paths = j->paths;
    options.path_count = j->path_count;
    options.without_validation = evaluates;
    options.weights = j->weights;
    check(j, rnnc_data_open(j->model, &options, j->d, &j->data));
}

// ---- Training ----

static int count_down(void *user, const rnnc_fit_report *report) {
    int64_t *left = user;
    return !report->epoch_over && *left > 0 && --*left == 0;
}

static void train(job *j) {
    rnnc_fit_options options = RNNC_FIT_OPTIONS;
    options.metrics_path = j->metrics;
    options.checkpoint_folder = j->checkpoint;
    options.checkpoint_every = j->every;
    options.resume = j->resume;
    options.call_steps = j->call_steps;
    options.max_steps = j->max_steps;
    options.progress = count_down;
    options.progress_user = &j->stop_after;
    rnnc_fit_result result;
    check(j, rnnc_fit(j->context, j->validation, j->data, &options, j->d, &result));
    printf("end %d, epochs %lld, steps %lld, best %lld\n", (int)result.end, (long long)result.epochs,
           (long long)result.steps, (long long)result.best_epoch);
}

static void train_epoch(job *j, rnnc_feed *feed, int64_t epoch, int64_t *step) {
    int64_t rows;
    check(j, rnnc_feed_start(feed, epoch, 0));
    for (;;) {
        check(j, rnnc_feed_next(feed, j->context, j->d, &rows));
        if (rows == 0) {
            return;
        }
        check(j, rnnc_context_set_position(j->context, epoch, ++*step));
        check(j, rnnc_train_step(j->context, j->d, NULL));
    }
}

static void loop(job *j) {
    rnnc_feed *feed;
    rnnc_recipe recipe;
    int64_t step = 0;
    check(j, rnnc_model_recipe(j->model, &recipe));
    check(j, rnnc_feed_create(j->data, RNNC_PART_TRAINING, RNNC_SHUFFLED, 1, j->d, &feed));
    check(j, rnnc_context_set_seed(j->context, 1));
    for (int64_t epoch = 1; epoch <= recipe.epochs; epoch++) {
        train_epoch(j, feed, epoch, &step);
    }
    if (rnnc_feed_batches(feed) * recipe.epochs != step) {
        fprintf(stderr, "%lld steps are not all batches\n", (long long)step);
        exit(1);
    }
    rnnc_feed_destroy(feed);
    check(j, rnnc_data_keep_vocabularies(j->data, j->weights, j->d));
}

static void run_training(job *j) {
    open_data(j, 0);
    j->context = make_context(j, RNNC_TRAIN);
    if (rnnc_data_count(j->data, RNNC_PART_VALIDATION)) {
        j->validation = make_context(j, RNNC_EVALUATE);
    }
    check(j, rnnc_weights_initialize(j->weights, 1, j->d));
    check(j, rnnc_data_measure(j->data, j->weights, j->d));
    if (strcmp(j->what, "loop") == 0) {
        loop(j);
    } else {
        train(j);
    }
    if (j->out) {
        check(j, rnnc_weights_save(j->weights, j->out, j->d));
        check(j, rnnc_data_save_vocabularies(j->data, j->out, j->d));
    }
}

// ---- What is done with weights ----

// A program whose weights are there before the data, which their vocabularies number.
static void load_weights(job *j) {
    rnnc_program *program;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.cpu = "interpret";
    options.max_length = 32;
    check(j, rnnc_program_compile(j->model, &options, j->d, &program));
    check(j, rnnc_weights_create(program, j->d, &j->weights));
    check(j, rnnc_weights_load(j->weights, j->weights_path, j->d));
    rnnc_program_release(program);
}

static void run_evaluation(job *j) {
    rnnc_measures all;
    load_weights(j);
    open_data(j, 1);
    rnnc_weights *loaded = j->weights;
    j->weights = NULL;
    j->context = make_context(j, RNNC_EVALUATE);
    check(j, rnnc_weights_copy(j->weights, loaded, j->d));
    check(j, rnnc_evaluate(j->context, j->data, RNNC_PART_EVALUATED, 1, j->d, &all));
    for (uint32_t i = 0; i < all.count; i++) {
        printf("%s %.17g\n", all.at[i].name, all.at[i].value);
    }
    rnnc_weights_release(loaded);
}

static void compare(job *j) {
    load_weights(j);
    rnnc_weights *first = j->weights;
    j->weights_path = j->out;
    load_weights(j);
    for (uint32_t i = 0; i < rnnc_weights_count(first); i++) {
        rnnc_weight w;
        check(j, rnnc_weights_get(first, i, &w));
        size_t count = (size_t)(w.rows * w.columns);
        double *a = calloc(count, 2 * sizeof *a), *b = a + count;
        check(j, rnnc_weights_read(first, i, RNNC_F64, a, count, j->d));
        check(j, rnnc_weights_read(j->weights, i, RNNC_F64, b, count, j->d));
        if (memcmp(a, b, count * sizeof *a) != 0) {
            printf("%s differs\n", w.name);
            exit(1);
        }
        free(a);
    }
    rnnc_weights_release(first);
}

// ---- Going on with a series of the recipe's ----

enum { MOST_PLACES = 1000 };

// |values| has the first |window| places, and receives |steps| more. One column in f32.
static void go_on(job *j, size_t window, size_t steps, float *values, double *out_curve) {
    check(j, rnnc_context_set_extents(j->context, 1, (int64_t)window, j->d));
    check(j, rnnc_forecast(j->context, values, window, values + window, steps, j->d));
    for (size_t i = 0; i < window + steps; i++) {
        out_curve[i] = values[i];
    }
}

static void run_forecast(job *j) {
    static float seen[MOST_PLACES], zeros[MOST_PLACES];
    static double truth[MOST_PLACES], curves[2][MOST_PLACES];
    rnnc_array *values;
    rnnc_bytes *drawing;
    open_data(j, 1);
    j->context = make_context(j, RNNC_FORWARD);
    check(j, rnnc_weights_load(j->weights, j->weights_path, j->d));
    size_t window = (size_t)rnnc_data_length(j->data, "T"), steps = (size_t)j->max_steps;
    check(j, rnnc_data_values(j->data, "value", j->d, &values));
    size_t known = rnnc_array_count(values);
    if (rnnc_array_type(values) != RNNC_F64 || known > MOST_PLACES || window + steps > MOST_PLACES) {
        exit(2);
    }
    memcpy(truth, rnnc_array_data(values), known * sizeof *truth);
    for (size_t i = 0; i < window; i++) {
        seen[i] = (float)truth[i];
    }
    go_on(j, window, steps, seen, curves[0]);
    go_on(j, window, steps, zeros, curves[1]);
    char title[96];
    snprintf(title, sizeof title, "%zu steps continued from %zu values", steps, window);
    const rnnc_curve shown[] = {{"truth", NULL, truth, known, RNNC_CURVE_LINE},
                                {"continued from a window", NULL, curves[0], window + steps, RNNC_CURVE_LINE},
                                {"continued from zeros", NULL, curves[1], window + steps, RNNC_CURVE_DASHED}};
    rnnc_plot_options how = RNNC_PLOT_OPTIONS;
    how.svg = 1;
    how.title = title;
    how.x_label = "step";
    how.has_mark = 1;
    how.mark = (double)window;
    how.mark_label = "the model goes on by itself";
    check(j, rnnc_plot(shown, 3, &how, j->d, &drawing));
    check(j, rnnc_bytes_save(drawing, j->out, j->d));
    rnnc_bytes_destroy(drawing);
    rnnc_array_destroy(values);
}

int main(int argc, char **argv) {
    job j = {.threads = 1};
    if (argc < 3) {
        return 2;
    }
    j.what = argv[1];
    j.model_path = argv[2];
    for (int i = 3; i + 1 < argc; i += 2) {
        take_option(&j, argv[i], argv[i + 1]);
    }
    check(&j, rnnc_diagnostics_create(&j.d));
    check(&j, rnnc_model_from_file(j.model_path, NULL, j.d, &j.model));
    if (strcmp(j.what, "eval") == 0) {
        run_evaluation(&j);
    } else if (strcmp(j.what, "same") == 0) {
        compare(&j);
    } else if (strcmp(j.what, "continue") == 0) {
        run_forecast(&j);
    } else {
        run_training(&j);
    }
    rnnc_context_destroy(j.validation);
    rnnc_context_destroy(j.context);
    rnnc_weights_release(j.weights);
    rnnc_data_release(j.data);
    rnnc_model_release(j.model);
    rnnc_diagnostics_destroy(j.d);
    return 0;
}
