// Drawing of tokens: the distribution, its options, and the states carried from token to token.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ir/text.h"
#include "runtime/train/sampler.h"

enum { CLASSES = 5, DRAWS = 40000 };

// scores[t] = scores[t-1] + the token's row of a table: they show which tokens have been seen.
static const char running_sum[] = "graph \"sums\" f64\n"
                                  "axis B batch\n"
                                  "axis T sequence\n"
                                  "variable $table : f64[5,5] weight default\n"
                                  "%0 = input {name = \"word\", role = \"data\"} : i32<T,B>[1]\n"
                                  "%1 = input {name = \"sum\", role = \"state\"} : f64<B>[5]\n"
                                  "%2 = variable {name = \"table\"} : f64[5,5]\n"
                                  "%3 = gather %2, %0 : f64<T,B>[5]\n"
                                  "%4 = previous %5, %1 {axis = T} : f64<T,B>[5]\n"
                                  "%5 = add %4, %3 : f64<T,B>[5]\n"
                                  "%6 = last %5 {axis = T} : f64<B>[5]\n"
                                  "%7 = log_sum_exp %5 {over = <>, columns = 1} : f64<T,B>[1]\n"
                                  "%8 = sub %5, %7 : f64<T,B>[5]\n"
                                  "%9 = exp %8 : f64<T,B>[5]\n"
                                  "output state \"sum\" %6\n";

typedef struct subject {
    diag_sink d;
    graph *g;
    engine *e;
    sampler *s;
} subject;

static double table_entry(int64_t row, int64_t column) {
    return sin((double)(3 * row + column)) * 1.5;
}

// |output|: the number of the node that is handed out, under |name|.
static rnnc_status open_subject(subject *u, const char *name, int output, int64_t classes) {
    char text[2048];
    snprintf(text, sizeof text, "%soutput value \"%s\" %%%d\n", running_sum, name, output);
    *u = (subject){0};
    diag_init(&u->d);
    uint32_t file = diag_add_file(&u->d, "sums.ir", text, strlen(text));
    assert_int_equal(graph_parse(&u->d, file, &u->g), RNNC_OK);
    assert_int_equal(engine_create_interpreter(u->g, INTERPRET_F64, &u->d, &u->e), RNNC_OK);
    weight_part table;
    assert_true(weights_find_part(engine_weights(u->e), "table", &table));
    for (int64_t i = 0; i < CLASSES; i++) {
        for (int64_t j = 0; j < CLASSES; j++) {
            weight_set(&table, i, j, table_entry(i, j));
        }
    }
    weights_changed(engine_weights(u->e));
    return sampler_create(u->e, classes, &u->d, &u->s);
}

static void close_subject(subject *u) {
    sampler_destroy(u->s);
    engine_destroy(u->e);
    graph_destroy(u->g);
    diag_deinit(&u->d);
}

static void feed(subject *u, const int32_t *tokens, int count) {
    for (int i = 0; i < count; i++) {
        assert_int_equal(sampler_feed(u->s, tokens[i], &u->d), RNNC_OK);
    }
}

static void count_draws(subject *u, draw_rules how, int *out_counts) {
    memset(out_counts, 0, CLASSES * sizeof *out_counts);
    for (int i = 0; i < DRAWS; i++) {
        int32_t token = sampler_draw(u->s, &how);
        assert_in_range(token, 0, CLASSES - 1);
        out_counts[token]++;
    }
}

static void check_share(int count, double expected) {
    double deviation = sqrt(expected * (1 - expected) * DRAWS);
    assert_true(fabs(count - expected * DRAWS) <= 4.5 * deviation + 1e-9);
}

// After tokens 1, 4, 2 at |temperature|, from the |kept| best.
static void check_distribution(const char *name, int output, double temperature, int64_t top_k,
                               int64_t kept) {
    subject u;
    assert_int_equal(open_subject(&u, name, output, CLASSES), RNNC_OK);
    feed(&u, (int32_t[]){1, 4, 2}, 3);
    double weight[CLASSES], sum = 0;
    for (int i = 0; i < CLASSES; i++) {
        double score = table_entry(1, i) + table_entry(4, i) + table_entry(2, i);
        int better = 0;
        for (int j = 0; j < CLASSES; j++) {
            better += table_entry(1, j) + table_entry(4, j) + table_entry(2, j) > score;
        }
        weight[i] = better < kept ? exp(score / temperature) : 0;
        sum += weight[i];
    }
    int counts[CLASSES];
    count_draws(&u, (draw_rules){temperature, top_k, 7}, counts);
    for (int i = 0; i < CLASSES; i++) {
        check_share(counts[i], weight[i] / sum);
    }
    close_subject(&u);
}

static void draws_follow_the_scores(void **state) {
    (void)state;
    check_distribution("logits", 5, 1, 0, CLASSES);
    check_distribution("logits", 5, 0.5, 0, CLASSES);
    check_distribution("scores", 5, 2, CLASSES, CLASSES);
    check_distribution("scores", 5, 1, 2, 2);
    check_distribution("scores", 5, 1, 1, 1);
}

static void probabilities_do_as_well(void **state) {
    (void)state;
    check_distribution("probabilities", 9, 1, 0, CLASSES);
    check_distribution("p", 9, 0.7, 3, 3);
}

static void zero_temperature_takes_the_best(void **state) {
    (void)state;
    subject u;
    assert_int_equal(open_subject(&u, "logits", 5, CLASSES), RNNC_OK);
    feed(&u, (int32_t[]){0}, 1);
    int counts[CLASSES], best = 0;
    for (int i = 1; i < CLASSES; i++) {
        best = table_entry(0, i) > table_entry(0, best) ? i : best;
    }
    count_draws(&u, (draw_rules){0, 0, 1}, counts);
    assert_int_equal(counts[best], DRAWS);
    close_subject(&u);
}

// A vocabulary of fewer words than the model has room for: its last token, and the best ones, may have none.
static void only_named_tokens_are_drawn(void **state) {
    (void)state;
    subject u;
    assert_int_equal(open_subject(&u, "logits", 5, CLASSES), RNNC_OK);
    feed(&u, (int32_t[]){1, 4, 2}, 3);
    int counts[CLASSES];
    for (int64_t named = 1; named <= CLASSES; named++) {
        sampler_limit(u.s, named);
        for (int64_t top_k = 0; top_k <= CLASSES; top_k++) {
            count_draws(&u, (draw_rules){5, top_k, 7}, counts);
            for (int64_t i = 0; i < CLASSES; i++) {
                bool any = i < named && (top_k == 0 || top_k >= named);
                assert_true(any ? counts[i] > 0 : i < named || counts[i] == 0);
            }
        }
        count_draws(&u, (draw_rules){0, 0, 7}, counts);
        for (int64_t i = named; i < CLASSES; i++) {
            assert_int_equal(counts[i], 0);
        }
    }
    close_subject(&u);
}

static void a_seed_says_all(void **state) {
    (void)state;
    int32_t drawn[3][50];
    for (int run = 0; run < 3; run++) {
        subject u;
        assert_int_equal(open_subject(&u, "logits", 5, CLASSES), RNNC_OK);
        int32_t token = 3;
        for (int i = 0; i < 50; i++) {
            feed(&u, &token, 1);
            token = sampler_draw(u.s, &(draw_rules){3, 0, run < 2 ? 11 : 12});
            drawn[run][i] = token;
        }
        close_subject(&u);
    }
    assert_memory_equal(drawn[0], drawn[1], sizeof drawn[0]);
    assert_memory_not_equal(drawn[0], drawn[2], sizeof drawn[0]);
}

static void other_models_are_refused(void **state) {
    (void)state;
    subject u;
    assert_int_equal(open_subject(&u, "logits", 5, CLASSES + 1), RNNC_UNSUPPORTED);
    close_subject(&u);
    assert_int_equal(open_subject(&u, "total", 7, CLASSES), RNNC_UNSUPPORTED);
    close_subject(&u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_follow_the_scores),         cmocka_unit_test(probabilities_do_as_well),
        cmocka_unit_test(zero_temperature_takes_the_best), cmocka_unit_test(a_seed_says_all),
        cmocka_unit_test(other_models_are_refused),        cmocka_unit_test(only_named_tokens_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
