// rnnc eval
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "runtime/train/trainer.h"

typedef struct evaluation {
    const command_line *line;
    diag_sink *d;
    loaded source;
    model *model;
    carried_data carried;
    dataset *data;
    compiler compiler;
    machine machine;
} evaluation;

static void print_measures(const command_line *line, const measures *m) {
    metric values[MEASURES_MOST + 3];
    uint32_t count = measures_values(m, values);
    strbuf text = {0};
    if (line->json) {
        metrics_render(values, count, &text);
    }
    for (uint32_t i = 0; i < count && !line->json; i++) {
        bool percent = strcmp(values[i].key, "accuracy") == 0;
        strbuf_addf(&text, percent ? "%s %.2f %%\n" : "%s %.6g\n", values[i].key,
                    percent ? 100 * values[i].value : values[i].value);
    }
    fputs(strbuf_text(&text), stdout);
    strbuf_deinit(&text);
}

// So that nobody takes the figures for those of the whole file.
static void print_part(const dataset *data) {
    if (data->test_last) {
        const char *unit = data->batching == BATCH_EXAMPLES  ? "examples"
                           : data->batching == BATCH_STREAMS ? "places"
                                                             : "windows";
        fprintf(stderr, "test part: the last %lld %s (--set test_last=0: all)\n", (long long)data->test_last,
                unit);
    }
}

static rnnc_status run_evaluation(evaluation *e) {
    const command_line *line = e->line;
    if (!line->weights) {
        return diag_fail(e->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "eval needs --weights F.safetensors");
    }
    TRY(load_source(line, e->d, &e->source));
    TRY(load_model(&e->source, false, e->d, &e->model));
    TRY(open_compiler(line, e->d, &e->compiler));
    TRY(load_vocabularies(line->weights, e->d, &e->carried));
    TRY(load_data(line, e->model, &e->carried, false, e->d, &e->data));
    graph_keep_measured(e->model->graph);
    TRY(build_machine(&e->compiler, e->model->graph, NULL, e->data->extents, e->d, &e->machine));
    TRY(load_weights(line->weights, false, &e->machine, e->d));
    data_part part = dataset_evaluated(e->data);
    if (!line->json) {
        print_streams(e->data, part, &e->source.memory);
        print_part(e->data);
    }
    measures m;
    TRY(training_evaluate(&e->machine, e->data, part, (uint64_t)line->seed, e->d, &m));
    print_measures(line, &m);
    return RNNC_OK;
}

rnnc_status command_eval(const command_line *line, diag_sink *d) {
    evaluation e = {.line = line, .d = d};
    rnnc_status status = run_evaluation(&e);
    machine_destroy(&e.machine);
    close_compiler(&e.compiler);
    dataset_destroy(e.data);
    carried_deinit(&e.carried);
    model_destroy(e.model);
    unload_source(&e.source);
    return status;
}
