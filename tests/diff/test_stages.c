// Every stage of compilation as text: what is printed after a pass is read back, prints the same, and goes on to the
// same program, kernel for kernel; and a program that was read computes the same bits as the one that was printed.
// All examples and all standard cells, for training and for use.
//
//   test_stages quick | default     how many models
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "passes/stage_text.h"
#include "tests/diff/models.h"
#include "tests/diff/subject.h"
#include "tests/unit/golden_text.h"

static const update_options adam = {
    .rule = UPDATE_ADAM, .rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .clip_norm = 0.1};

typedef struct stages {
    bool all;
    const char *name;             // of the model being looked at
    const update_options *update; // NULL: the model in use
    int64_t unroll;               // of its sequence axes; 0: rolled
    uint32_t read;                // texts
} stages;

static void refuse(const stages *s, const diag_sink *d, const char *text, const char *what) {
    strbuf errors = {0};
    diag_render(d, &errors);
    print_error("%s\n%s", text, strbuf_text(&errors));
    fail_msg("%s, %s: %s", s->name, s->update ? "training" : "in use", what);
}

// A few indices of each axis, but as many as the graph's slices need.
static compile_options options_of(const stages *s, const graph *g, const pass_hooks *hooks) {
    compile_options o = {.update = s->update, .hooks = hooks, .shape = {32, 16}};
    for (int a = 0; a < MAX_AXES; a++) {
        int64_t least = a < (int)g->axes.count ? graph_least_extent(g, a) : 1,
                wanted = s->unroll ? s->unroll : 5 + a;
        o.maxima[a] = wanted > least ? wanted : least;
        o.unroll[a] = a == AXIS_BATCH || !s->unroll ? 0 : o.maxima[a];
    }
    return o;
}

// The text of the program that a graph, with what is planned of it, becomes by |pipeline|.
static void compile_text(const stages *s, graph *g, plan *p, const char *pipeline, strbuf *out) {
    diag_sink d;
    diag_init(&d);
    pass_hooks hooks = {.verify_each = true, .bisect_limit = -1};
    compile_options o = options_of(s, g, &hooks);
    o.pipeline = pipeline;
    o.plan = p;
    program *made = NULL;
    if (compile_graph(g, &o, &d, &made) != RNNC_OK) {
        strbuf text = {0};
        stage_print(g, p, &text);
        refuse(s, &d, strbuf_text(&text), "it does not compile");
    }
    program_print(made, out);
    program_destroy(made);
    diag_deinit(&d);
}

static void read_stage(const stages *s, const char *text, diag_sink *d, stage_text *out) {
    strbuf again = {0};
    diag_init(d);
    if (stage_parse(d, diag_add_file(d, "stage.ir", text, strlen(text)), out) != RNNC_OK) {
        refuse(s, d, text, "it does not read back");
    }
    if (out->program) {
        program_print(out->program, &again);
    } else {
        stage_print(out->g, out->p, &again);
    }
    assert_string_equal(strbuf_text(&again), text);
    strbuf_deinit(&again);
}

// One stage: its text, the passes behind it, and the text of the program that must come of it.
static void check_stage(stages *s, const char *text, const char *rest, const char *expected) {
    diag_sink d;
    stage_text read;
    strbuf found = {0};
    read_stage(s, text, &d, &read);
    compile_text(s, read.g, read.p, rest, &found);
    assert_string_equal(strbuf_text(&found), expected);
    strbuf_deinit(&found);
    stage_text_deinit(&read);
    diag_deinit(&d);
    s->read++;
}

// Takes the next text off |*all|, which holds "# after 03 lower\n" before each.
static char *next_text(char **all, char name[64]) {
    static const char mark[] = "# after ";
    char *head = *all, *text = strchr(head, '\n') + 1, *end = strstr(text, mark);
    sscanf(head, "# after %*d %63s", name);
    *all = end;
    if (end) {
        end[-1] = '\0';
    }
    return text;
}

// A text between two others ends where the next begins; its last line's end was cut off by that.
static void check_texts(stages *s, char *all, const char *expected) {
    const char *unrolled = s->unroll ? ", unroll" : "";
    char pipeline[512];
    const char *usual = s->update ? pass_pipeline_training : pass_pipeline_inference;
    const char *lower = strstr(usual, ", lower");
    snprintf(pipeline, sizeof pipeline, "%.*s%s%s", (int)(lower - usual), usual, unrolled, lower);
    const char *rest = pipeline;
    while (all && *all) {
        char name[64];
        char *text = next_text(&all, name);
        strbuf whole = {0};
        strbuf_addf(&whole, "%s%s", text, all ? "\n" : "");
        rest = strchr(rest, ',') ? strchr(rest, ',') + 2 : "";
        check_stage(s, strbuf_text(&whole), rest, expected);
        strbuf_deinit(&whole);
    }
    assert_string_equal(rest, "");
}

// Takes |g|.
static void check_graph(stages *s, graph *g) {
    diag_sink d;
    diag_init(&d);
    strbuf printed = {0}, expected = {0};
    pass_hooks hooks = {.print_after = "all", .printed = &printed, .bisect_limit = -1};
    compile_options o = options_of(s, g, &hooks);
    program *made = NULL;
    if (compile_graph(g, &o, &d, &made) != RNNC_OK) {
        refuse(s, &d, strbuf_text(&printed), "it does not compile");
    }
    program_print(made, &expected);
    stage_text read;
    diag_sink other;
    read_stage(s, strbuf_text(&expected), &other, &read);
    assert_int_equal(read.program->kernels.count, made->kernels.count);
    for (uint32_t i = 0; i < made->kernels.count; i++) {
        assert_true(kernel_equal(&read.program->kernels.at[i], &made->kernels.at[i]));
    }
    check_texts(s, printed.text, strbuf_text(&expected));
    stage_text_deinit(&read);
    diag_deinit(&other);
    program_destroy(made);
    graph_destroy(g);
    strbuf_deinit(&printed);
    strbuf_deinit(&expected);
    diag_deinit(&d);
}

static diff_model model_number(uint32_t i, bool inference) {
    return (diff_model){.cell = i % diff_cell_count,
                        .form = (i + i / diff_cell_count) % diff_form_count,
                        .hidden = 7,
                        .real = i % 2 ? DT_F64 : DT_F32,
                        .inference = inference};
}

static void cells_read_back(void **state) {
    stages s = {.all = *(const bool *)*state};
    for (uint32_t i = 0; i < diff_cell_count * (s.all ? diff_form_count : 1); i += s.all ? 1 : 4) {
        diff_model model = model_number(i, false), used = model_number(i, true);
        s.name = diff_cells[model.cell].name;
        s.unroll = 0;
        s.update = &adam;
        check_graph(&s, diff_model_graph(&model));
        s.update = NULL;
        check_graph(&s, diff_model_graph(&used));
        s.unroll = i % 3 == 0 ? 3 : 0;
        if (s.unroll) {
            check_graph(&s, diff_model_graph(&model));
        }
    }
    print_message("%u texts\n", s.read);
}

static void check_example(stages *s, const char *path) {
    char *text = read_text(path);
    assert_non_null(text);
    s->name = path;
    s->update = &adam;
    check_graph(s, diff_graph_of_text(text, true));
    s->update = NULL;
    check_graph(s, diff_graph_of_text(text, false));
    free(text);
}

static void examples_read_back(void **state) {
    stages s = {.all = *(const bool *)*state};
    struct dirent **entries;
    int count = scandir("examples", &entries, NULL, alphasort), examples = 0;
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, "examples/%s", entries[i]->d_name);
        size_t length = strlen(path);
        if (length > 4 && strcmp(path + length - 4, ".rnn") == 0) {
            check_example(&s, path);
            examples++;
        }
        free(entries[i]);
    }
    free(entries);
    assert_true(examples >= 4);
}

// ---- Runs ----

static void run_model(const diff_model *m, subject_options o, run_values *out) {
    strbuf why = {0};
    subject s;
    if (subject_create(diff_model_graph(m), &o, &why, &s) != RNNC_OK ||
        subject_execute(&s, (subject_run){4, 3, 0}, &why, out) != RNNC_OK) {
        fail_msg("%s: %s", diff_cells[m->cell].name, strbuf_text(&why));
    }
    subject_destroy(&s);
    strbuf_deinit(&why);
}

static void compare_runs(const diff_model *m, diff_backend *backend, const update_options *update) {
    subject_options o = {.backend = backend, .update = update, .longest = 5, .largest = 4};
    run_values expected, found;
    strbuf why = {0};
    run_model(m, o, &expected);
    o.reread = true;
    run_model(m, o, &found);
    if (!values_equal(&expected, &found, &why)) {
        fail_msg("%s on %s: %s", diff_cells[m->cell].name, backend->name, strbuf_text(&why));
    }
    run_values_deinit(&expected);
    run_values_deinit(&found);
}

static void programs_that_were_read_compute_the_same(void **state) {
    bool all = *(const bool *)*state;
    static const char *const backends[] = {"interpret", "llvm"};
    for (size_t b = 0; b < 2; b++) {
        diff_backend backend;
        diff_backend_open(backends[b], &backend);
        for (uint32_t i = 0; i < diff_cell_count; i += all ? 1 + (uint32_t)b : 4 + 4 * (uint32_t)b) {
            diff_model model = model_number(i, false), used = model_number(i, true);
            compare_runs(&model, &backend, &adam);
            compare_runs(&used, &backend, NULL);
        }
        diff_backend_close(&backend);
    }
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: test_stages quick|default\n");
        return 2;
    }
    bool all = strcmp(arguments[1], "quick") != 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(cells_read_back, &all),
        cmocka_unit_test_prestate(examples_read_back, &all),
        cmocka_unit_test_prestate(programs_that_were_read_compute_the_same, &all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
