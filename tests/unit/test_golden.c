// Stored cases of passes: tests/golden/PASS/*.ir hold a graph, with a plan or without, the line "# ----", and the graph
// and its plan after the passes that the first line names:
//     # RUN: --passes=differentiate,update --rule=sgd --rate=0.1 --clip-norm=1
// --extent=N is the maximum of all axes, --unroll=N the extent of sequence axes that `unroll` unrolls.
// `test_golden update` (or RNNC_GOLDEN=update) writes what comes out in place of what was expected.
#include <unistd.h>

#include "passes/compile.h"
#include "passes/stage_text.h"
#include "tests/unit/golden_text.h"
#include "tests/unit/graph_runs.h"

typedef struct golden_run {
    const char *folder;
    bool update;
    int cases;
} golden_run;

// for_each_case takes no context; this is the run that it is in.
static golden_run *current(void) {
    static golden_run run;
    return &run;
}

typedef struct run_line {
    char passes[256];
    int64_t extent, unroll;
    update_options update;
    rate_rule schedule;
} run_line;

static bool take_number(const char *word, const char *name, double *out) {
    size_t length = strlen(name);
    if (strncmp(word, name, length) != 0) {
        return false;
    }
    *out = strtod(word + length, NULL);
    return true;
}

static bool take_rule(run_line *r, const char *name) {
    static const char *const names[] = {[UPDATE_SGD] = "sgd",
                                        [UPDATE_MOMENTUM] = "momentum",
                                        [UPDATE_RMSPROP] = "rmsprop",
                                        [UPDATE_ADAGRAD] = "adagrad",
                                        [UPDATE_ADAM] = "adam"};
    for (int i = UPDATE_SGD; i <= UPDATE_ADAM; i++) {
        if (strcmp(names[i], name) == 0) {
            r->update.rule = (update_rule)i;
            return true;
        }
    }
    return false;
}

static bool take_word(run_line *r, const char *word) {
    if (strncmp(word, "--passes=", 9) == 0) {
        snprintf(r->passes, sizeof r->passes, "%s", word + 9);
        return true;
    }
    if (strncmp(word, "--rule=", 7) == 0) {
        return take_rule(r, word + 7);
    }
    double number = 0;
    if (take_number(word, "--extent=", &number)) {
        r->extent = (int64_t)number;
        return true;
    }
    if (take_number(word, "--unroll=", &number)) {
        r->unroll = (int64_t)number;
        return true;
    }
    if (take_number(word, "--after=", &number)) {
        r->schedule.after = (int64_t)number;
        return true;
    }
    if (take_number(word, "--guarded=", &number)) {
        r->update.guarded = number != 0;
        return true;
    }
    if (take_number(word, "--lazy=", &number)) {
        r->update.lazy_rows = number != 0;
        return true;
    }
    if (take_number(word, "--factor=", &r->schedule.factor)) {
        r->update.schedule_count = 1;
        return true;
    }
    return take_number(word, "--rate=", &r->update.rate) || take_number(word, "--beta1=", &r->update.beta1) ||
           take_number(word, "--beta2=", &r->update.beta2) ||
           take_number(word, "--momentum=", &r->update.momentum) ||
           take_number(word, "--weight-decay=", &r->update.weight_decay) ||
           take_number(word, "--epsilon=", &r->update.epsilon) ||
           take_number(word, "--clip-norm=", &r->update.clip_norm) ||
           take_number(word, "--clip-value=", &r->update.clip_value);
}

// Reads the words of the first line.
static void read_run_line(const char *name, const char *text, run_line *out) {
    static const char begin[] = "# RUN: ";
    char line[512];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
    if (strncmp(line, begin, strlen(begin)) != 0) {
        fail_msg("%s: the first line does not begin with \"%s\"", name, begin);
    }
    char *rest = NULL;
    for (char *word = strtok_r(line + strlen(begin), " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (!take_word(out, word)) {
            fail_msg("%s: unknown option %s", name, word);
        }
    }
    out->update.schedule = &out->schedule;
}

static void write_case(const golden_case *c, const char *result) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", current()->folder, c->name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s# ----\n%s", c->input, result);
    assert_int_equal(fclose(file), 0);
}

static void read_stage(const char *text, stage_text *out) {
    diag_sink d;
    diag_init(&d);
    if (stage_parse(&d, diag_add_file(&d, "stage", text, strlen(text)), out) != RNNC_OK || out->program) {
        print_diagnostics(&d);
        fail_msg("the text does not parse, or is a program");
    }
    // Spans point into a text that goes away with |d|.
    for (uint32_t i = 0; i < out->g->origins.count; i++) {
        out->g->origins.at[i].where = NO_SPAN;
    }
    diag_deinit(&d);
}

static void run_case(const run_line *r, stage_text *at) {
    diag_sink d;
    diag_init(&d);
    pass_hooks hooks = {.verify_each = true, .bisect_limit = -1};
    compile_options o = {
        .pipeline = r->passes, .hooks = &hooks, .update = &r->update, .plan = at->p, .shape = {32, 16}};
    for (int a = 0; a < MAX_AXES; a++) {
        o.maxima[a] = r->extent ? r->extent : 4;
        o.unroll[a] = a == AXIS_BATCH ? 0 : r->unroll;
    }
    if (compile_passes(at->g, &o, &d, &at->p) != RNNC_OK) {
        print_diagnostics(&d);
        fail_msg("pipeline \"%s\" failed", r->passes);
    }
    diag_deinit(&d);
}

static void check_case(const golden_case *c) {
    print_message("%s/%s\n", current()->folder, c->name);
    run_line r = {0};
    read_run_line(c->name, c->input, &r);
    stage_text at, again;
    read_stage(c->input, &at);
    run_case(&r, &at);
    strbuf out = {0};
    stage_print(at.g, at.p, &out);
    if (current()->update) {
        write_case(c, strbuf_text(&out));
    } else {
        assert_non_null(c->expected);
        assert_string_equal(strbuf_text(&out), c->expected);
        read_stage(c->expected, &again); // and it can be read again
        stage_text_deinit(&again);
    }
    strbuf_deinit(&out);
    stage_text_deinit(&at);
    current()->cases++;
}

static void graphs_are_as_stored(void **state) {
    (void)state;
    int total = 0;
    for (const pass_info *p = pass_registry(); p->name; p++) {
        char folder[256];
        snprintf(folder, sizeof folder, "tests/golden/%s", p->name);
        current()->folder = folder;
        total += for_each_case(folder, check_case);
    }
    assert_true(total >= 50);
}

int main(int count, char **arguments) {
    const char *wish = getenv("RNNC_GOLDEN");
    current()->update =
        (count > 1 && strcmp(arguments[1], "update") == 0) || (wish && strcmp(wish, "update") == 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(graphs_are_as_stored)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
