#include "runtime/data/metrics.h"

#include <float.h>
#include <math.h>
#include <signal.h>

#include "tests/unit/data_files.h"

static void renders(void **state) {
    (void)state;
    const metric line[] = {{"epoch", 3},
                           {"loss", 0.1},
                           {"a\"b\\\n", -2.5e-10},
                           {"nan", (double)NAN},
                           {"inf", (double)INFINITY},
                           {"below", -(double)INFINITY},
                           {"large", 1e300}};
    strbuf text = {0};
    metrics_render(line, 7, &text);
    metrics_render(line, 0, &text);
    assert_string_equal(strbuf_text(&text), "{\"epoch\":3,\"loss\":0.1,\"a\\\"b\\\\\\u000a\":-2.5e-10,"
                                            "\"nan\":null,\"inf\":\"inf\",\"below\":\"-inf\","
                                            "\"large\":1e+300}\n{}\n");
    strbuf_deinit(&text);
}

static void numbers_come_back(void **state) {
    (void)state;
    const double values[] = {1.0 / 3, DBL_MAX, DBL_MIN, 5e-324, -0.1 - 0.2, 1.2345678901234567e17,
                             4.35,    2e22};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        strbuf text = {0};
        metrics_render(&(metric){"v", values[i]}, 1, &text);
        assert_true(strtod(strbuf_text(&text) + 5, NULL) == values[i]);
        strbuf_deinit(&text);
    }
}

static void lines_are_read(void **state) {
    fixture *f = *state;
    metrics_writer m;
    metrics_table t;
    const metric first[] = {{"p", (double)INFINITY}, {"q", (double)NAN}};
    const metric second[] = {{"p", 2}, {"r", -(double)INFINITY}};
    assert_int_equal(metrics_open("m.jsonl", false, &f->sink, &m), RNNC_OK);
    assert_int_equal(metrics_write(&m, first, 2, &f->sink), RNNC_OK);
    assert_int_equal(metrics_write(&m, second, 2, &f->sink), RNNC_OK);
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
    assert_int_equal(metrics_read("m.jsonl", &f->sink, &t), RNNC_OK);
    assert_int_equal(t.rows, 2);
    assert_true(metrics_find(&t, "p")[0] == (double)INFINITY && metrics_find(&t, "p")[1] == 2);
    assert_null(metrics_find(&t, "q"));
    assert_true(isnan(metrics_find(&t, "r")[0]) && metrics_find(&t, "r")[1] == -(double)INFINITY);
    metrics_table_deinit(&t);
}

static void check_contents(fixture *f, const char *expected) {
    file_bytes bytes = read_file(f, "m.jsonl");
    assert_string_equal((char *)bytes.data, expected);
    file_bytes_deinit(&bytes);
}

static void appends_or_begins_anew(void **state) {
    fixture *f = *state;
    metrics_writer m;
    assert_int_equal(metrics_open("m.jsonl", false, &f->sink, &m), RNNC_OK);
    assert_int_equal(metrics_write(&m, &(metric){"a", 1}, 1, &f->sink), RNNC_OK);
    check_contents(f, "{\"a\":1}\n");
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
    assert_int_equal(metrics_open("m.jsonl", true, &f->sink, &m), RNNC_OK);
    assert_int_equal(metrics_write(&m, &(metric){"b", 2}, 1, &f->sink), RNNC_OK);
    check_contents(f, "{\"a\":1}\n{\"b\":2}\n");
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
    assert_int_equal(metrics_open("m.jsonl", false, &f->sink, &m), RNNC_OK);
    check_contents(f, "");
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
}

static void reports_failures(void **state) {
    fixture *f = *state;
    metrics_writer m;
    assert_fails(f, metrics_open("none/m.jsonl", false, &f->sink, &m), RNNC_IO,
                 "none/m.jsonl: cannot write: No such");
    assert_int_equal(metrics_open("/dev/full", true, &f->sink, &m), RNNC_OK);
    assert_fails(f, metrics_write(&m, &(metric){"a", 1}, 1, &f->sink), RNNC_IO,
                 "/dev/full: cannot write: No space left on device");
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
}

static void keeps_whole_lines(void **state) {
    fixture *f = *state;
    metrics_writer m;
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 12;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(metrics_open("m.jsonl", false, &f->sink, &m), RNNC_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    rnnc_status first = metrics_write(&m, &(metric){"a", 1}, 1, &f->sink);
    rnnc_status second = metrics_write(&m, &(metric){"b", 2}, 1, &f->sink);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(first, RNNC_OK);
    assert_int_equal(second, RNNC_IO);
    check_contents(f, "{\"a\":1}\n");
    assert_int_equal(metrics_close(&m, &f->sink), RNNC_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(renders),          data_test(numbers_come_back),
        data_test(lines_are_read),   data_test(appends_or_begins_anew),
        data_test(reports_failures), data_test(keeps_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
