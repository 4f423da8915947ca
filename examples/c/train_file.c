// Trains by a recipe on a file, with progress, checkpoints and the best weights, and goes on where it was stopped.
//
//     cc train_file.c $(pkg-config --cflags --libs rnnc) -lm -o train_file
//
//     ./train_file [tide.csv]      without a file it writes one to train on
#include <math.h>
#include <rnnc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "model tide(hidden = 12) {\n"
                           "    input  height: real[T]\n"
                           "    target next:   real[T]\n"
                           "    forecast = linear(1, lstm(hidden, standardise(height)))\n"
                           "    loss = mean[T, batch] mean squared_error(forecast, next)\n"
                           "    output forecast\n"
                           "}\n"
                           "train daily {\n"
                           "    batch 16  steps T = 24\n"
                           "    optimizer adam(rate = 0.01)  clip_norm 1\n"
                           "    epochs 12\n"
                           "    data { height = csv(\"table\", \"height\")  next = ahead(height, 1)  windows "
                           " validation last 60  keep best }\n"
                           "}\n";

static rnnc_diagnostics *said;

static void check(rnnc_status status) {
    if (status != RNNC_OK) {
        fprintf(stderr, "%s: %s\n", rnnc_status_text(status), rnnc_diagnostics_text(said));
        exit(1);
    }
}

static const char *write_table(void) {
    FILE *file = fopen("tide.csv", "w");
    if (!file) {
        perror("tide.csv");
        exit(1);
    }
    fputs("height\n", file);
    for (int hour = 0; hour < 400; hour++) {
        fprintf(file, "%.5f\n", 4 + 2 * sin(hour / 2.0) + 0.5 * sin(hour / 17.0));
    }
    fclose(file);
    return "tide.csv";
}

// A line for each epoch. Anything but 0 would stop the training.
static int show(void *user, const rnnc_fit_report *report) {
    (void)user;
    if (report->epoch_over) {
        printf("epoch %2lld: loss %.5f, validation %.5f\n", (long long)report->epoch,
               report->training.at[0].value, report->validation.at[0].value);
    }
    return 0;
}

// A context of a program for |data|. The first one makes the weights, which the others share.
static rnnc_context *make_context(rnnc_model *model, const rnnc_data *data, rnnc_purpose purpose,
                                  rnnc_weights **weights) {
    rnnc_program *program;
    rnnc_context *context;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.purpose = purpose;
    options.data = data; // how large batches are, and how long
    check(rnnc_program_compile(model, &options, said, &program));
    if (!*weights) {
        check(rnnc_weights_create(program, said, weights));
    }
    check(rnnc_context_create(program, *weights, said, &context));
    rnnc_program_release(program); // the context keeps it
    return context;
}

int main(int argc, char **argv) {
    char pair[4096];
    const char *paths = pair;
    rnnc_model *model;
    rnnc_data *data;
    rnnc_weights *weights = NULL;
    snprintf(pair, sizeof pair, "table=%s", argc > 1 ? argv[1] : write_table());
    check(rnnc_diagnostics_create(&said));
    check(rnnc_model_from_text(text, strlen(text), "tide.rnn", NULL, said, &model));

    rnnc_data_options from = RNNC_DATA_OPTIONS;
    from.paths = &paths;
    from.path_count = 1;
    check(rnnc_data_open(model, &from, said, &data));
    printf("%lld windows to train on, %lld to validate by\n",
           (long long)rnnc_data_count(data, RNNC_PART_TRAINING),
           (long long)rnnc_data_count(data, RNNC_PART_VALIDATION));

    rnnc_context *training = make_context(model, data, RNNC_TRAIN, &weights);
    rnnc_context *validation = make_context(model, data, RNNC_EVALUATE, &weights);
    check(rnnc_weights_initialize(weights, 1, said));
    check(rnnc_data_measure(data, weights, said)); // what `standardise` divides by

    rnnc_fit_options options = RNNC_FIT_OPTIONS;
    rnnc_fit_result result;
    options.checkpoint_folder = "kept";
    options.resume = ""; // from the newest checkpoint there, if there is one
    options.progress = show;
    check(rnnc_fit(training, validation, data, &options, said, &result));
    check(rnnc_weights_save(weights, "tide.safetensors", said));

    rnnc_measures all;
    check(rnnc_evaluate(validation, data, RNNC_PART_VALIDATION, 1, said, &all));
    printf("kept epoch %lld, whose validation is %.5f\n", (long long)result.best_epoch, all.at[0].value);
    rnnc_context_destroy(training);
    rnnc_context_destroy(validation);
    rnnc_weights_release(weights);
    rnnc_data_release(data);
    rnnc_model_release(model);
    rnnc_diagnostics_destroy(said);
    return all.at[0].value < 0.1 ? 0 : 1;
}
