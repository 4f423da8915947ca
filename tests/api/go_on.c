// Goes on with texts and series as the command does, through the library: what text.sh compares with the command's.
// Usage: go_on sample MODEL WEIGHTS PROMPT LENGTH TEMPERATURE TOP-K SEED [SETTING…]
//        go_on best   MODEL WEIGHTS PROMPT LENGTH TEMPERATURE TOP-K SEED [SETTING…]
//        go_on continue MODEL WEIGHTS DATA.npy WINDOW STEPS [SETTING…]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/rnnc.h"

static rnnc_diagnostics *said;

static void check(rnnc_status status) {
    if (status != RNNC_OK) {
        fputs(rnnc_diagnostics_text(said), stderr);
        exit(1);
    }
}

typedef struct machine {
    rnnc_model *model;
    rnnc_program *program;
    rnnc_weights *weights;
    rnnc_context *context;
} machine;

static machine make(char **paths, char **settings, int setting_count, int64_t length) {
    machine m = {NULL, NULL, NULL, NULL};
    rnnc_model_options chosen = RNNC_MODEL_OPTIONS;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    chosen.settings = (const char *const *)settings;
    chosen.setting_count = (size_t)setting_count;
    options.max_length = length;
    check(rnnc_model_from_file(paths[0], &chosen, said, &m.model));
    check(rnnc_program_compile(m.model, &options, said, &m.program));
    check(rnnc_weights_create(m.program, said, &m.weights));
    check(rnnc_weights_load(m.weights, paths[1], said));
    check(rnnc_context_create(m.program, m.weights, said, &m.context));
    return m;
}

static void release(machine *m) {
    rnnc_context_destroy(m->context);
    rnnc_weights_release(m->weights);
    rnnc_program_release(m->program);
    rnnc_model_release(m->model);
}

// What comes next: drawn, or the likeliest.
static void write_token(rnnc_sampler *s, const rnnc_speller *spells, int best, int32_t *previous) {
    int32_t token;
    const char *text = NULL;
    if (best) {
        double probability;
        size_t count;
        check(rnnc_sampler_best(s, 1, &token, &probability, said, &count));
        text = rnnc_speller_piece(spells, token, *previous);
        check(rnnc_sampler_feed(s, token, said));
    } else {
        check(rnnc_sampler_next(s, said, &token, &text));
    }
    fputs(text, stdout);
    *previous = token;
}

// MODEL WEIGHTS PROMPT LENGTH TEMPERATURE TOP-K SEED [SETTING…]
static void sample(int argc, char **argv, int best) {
    machine m = make(argv, argv + 7, argc - 7, 1);
    rnnc_sampling how = {sizeof how, strtod(argv[4], NULL), atoll(argv[5]), (uint64_t)atoll(argv[6])};
    rnnc_speller *spells;
    rnnc_sampler *s;
    rnnc_array *tokens;
    check(rnnc_speller_create(m.weights, NULL, said, &spells));
    check(rnnc_sampler_create(m.context, spells, &how, said, &s));
    check(rnnc_sampler_prompt(s, argv[2], strlen(argv[2]), said));
    check(rnnc_speller_encode(spells, argv[2], strlen(argv[2]), said, &tokens));
    size_t count = rnnc_array_count(tokens);
    int32_t previous = count ? ((const int32_t *)rnnc_array_data(tokens))[count - 1] : -1;
    fputs(argv[2], stdout);
    for (long i = atol(argv[3]); i > 0; i--) {
        write_token(s, spells, best, &previous);
    }
    putchar('\n');
    rnnc_array_destroy(tokens);
    rnnc_sampler_destroy(s);
    rnnc_speller_release(spells);
    release(&m);
}

// MODEL WEIGHTS DATA.npy WINDOW STEPS [SETTING…]: what the command says of its error.
static void go_on(int argc, char **argv) {
    size_t window = (size_t)atol(argv[3]), steps = (size_t)atol(argv[4]);
    machine m = make(argv, argv + 5, argc - 5, (int64_t)window);
    rnnc_array *data;
    check(rnnc_array_load(argv[2], NULL, said, &data));
    const float *truth = rnnc_array_data(data);
    float *found = calloc(steps, sizeof *found);
    size_t known = rnnc_array_count(data), end = known < window + steps ? known : window + steps;
    double sum = 0;
    check(rnnc_forecast(m.context, truth, window, found, steps, said));
    for (size_t i = window; i < end; i++) {
        double error = (double)found[i - window] - (double)truth[i];
        sum += error * error;
    }
    printf("continued from %zu values: mean squared error %.4g over the next %zu\n", window,
           sum / (double)(end - window), end - window);
    free(found);
    rnnc_array_destroy(data);
    release(&m);
}

int main(int argc, char **argv) {
    check(rnnc_diagnostics_create(&said));
    if (argc >= 9 && (strcmp(argv[1], "sample") == 0 || strcmp(argv[1], "best") == 0)) {
        sample(argc - 2, argv + 2, strcmp(argv[1], "best") == 0);
    } else if (argc >= 7 && strcmp(argv[1], "continue") == 0) {
        go_on(argc - 2, argv + 2);
    } else {
        fputs("go_on sample|best|continue …\n", stderr);
        return 2;
    }
    rnnc_diagnostics_destroy(said);
    return 0;
}
