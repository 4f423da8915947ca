#include "runtime/data/progress.h"

#include "tests/unit/data_files.h"

static double scripted_clock(void *context) {
    return *(double *)context;
}

// A progress line into memory, with a clock that the test moves.
typedef struct recording {
    progress p;
    double seconds;
    char *text;
    size_t size;
} recording;

static void start(recording *r, bool terminal, int width, int64_t total) {
    *r = (recording){.seconds = 100};
    FILE *stream = open_memstream(&r->text, &r->size);
    assert_non_null(stream);
    progress_init(&r->p, stream, "epoch 3/13", total);
    assert_false(r->p.terminal);
    r->p.terminal = terminal;
    r->p.width = width;
    r->p.now = scripted_clock;
    r->p.context = &r->seconds;
}

// What was written since the last call.
static void expect(recording *r, const char *text) {
    fflush(r->p.stream);
    assert_string_equal(r->text, text);
    rewind(r->p.stream);
    memset(r->text, 0, r->size);
}

static void stop(recording *r) {
    fclose(r->p.stream);
    free(r->text);
}

static const progress_field fields[] = {
    {"loss", 4.812, PROGRESS_VALUE},
    {"perplexity", 123.1, PROGRESS_VALUE},
    {"words/s", 12345, PROGRESS_RATE},
};

static void draws_in_place(void **state) {
    (void)state;
    recording r;
    start(&r, true, 120, 2000);
    progress_update(&r.p, 0, fields, 1);
    expect(&r, "\repoch 3/13  [........................]  0/2000  loss 4.812\x1b[K");
    r.seconds += 0.05;
    progress_update(&r.p, 10, fields, 1);
    expect(&r, "");
    r.seconds += 65 - 0.05;
    progress_update(&r.p, 1000, fields, 3);
    expect(&r, "\repoch 3/13  [############............]  1000/2000  loss 4.812  perplexity 123.1  "
               "12.3k words/s  1:05 left\x1b[K");
    progress_clear(&r.p);
    expect(&r, "\r\x1b[K");
    progress_clear(&r.p);
    expect(&r, "");
    progress_update(&r.p, 1000, fields, 0);
    expect(&r, "\repoch 3/13  [############............]  1000/2000  1:05 left\x1b[K");
    r.seconds += 3600;
    progress_finish(&r.p, 2000, fields, 0);
    expect(&r, "\repoch 3/13  [########################]  2000/2000  1:01:05\x1b[K\n");
    stop(&r);
}

static void is_redrawn_ten_times_a_second(void **state) {
    (void)state;
    recording r;
    start(&r, true, 100, 100000);
    int redraws = 0;
    for (int i = 0; i < 10000; i++) {
        r.seconds += 0.001;
        progress_update(&r.p, i, fields, 3);
        fflush(r.p.stream);
        redraws += r.size > 0;
        rewind(r.p.stream);
        r.size = 0;
    }
    assert_true(redraws > 80 && redraws <= 101);
    stop(&r);
}

static void fits_the_width(void **state) {
    (void)state;
    for (int width = 10; width < 130; width++) {
        recording r;
        start(&r, true, width, 2000);
        progress_update(&r.p, 1, fields, 3);
        r.seconds += 10;
        progress_update(&r.p, 500, fields, 3);
        fflush(r.p.stream);
        const char *second = strchr(r.text + 1, '\r');
        assert_non_null(second);
        const char *end = strstr(second, "\x1b[K");
        assert_non_null(end);
        assert_true(end - second - 1 < width);
        assert_true(width < 40 || strstr(second, "500/2000"));
        assert_null(strchr(second, '\n'));
        stop(&r);
    }
}

static void prints_plain_lines(void **state) {
    (void)state;
    recording r;
    start(&r, false, 0, 1000);
    r.p.plain_interval = 0.25;
    for (int i = 0; i < 1000; i++) {
        r.seconds += 0.1;
        progress_update(&r.p, i + 1, fields, 1);
    }
    progress_finish(&r.p, 1000, fields, 3);
    expect(&r, "epoch 3/13  250/1000  loss 4.812  1:15 left\n"
               "epoch 3/13  500/1000  loss 4.812  0:50 left\n"
               "epoch 3/13  750/1000  loss 4.812  0:25 left\n"
               "epoch 3/13  1000/1000  loss 4.812  perplexity 123.1  12.3k words/s  1:40\n");
    stop(&r);
}

static void prints_a_line_each_tenth(void **state) {
    (void)state;
    recording r;
    start(&r, false, 0, 10);
    for (int i = 0; i <= 10; i++) {
        progress_update(&r.p, i, NULL, 0);
    }
    expect(&r, "epoch 3/13  1/10\nepoch 3/13  2/10\nepoch 3/13  3/10\nepoch 3/13  4/10\nepoch 3/13  5/10\n"
               "epoch 3/13  6/10\nepoch 3/13  7/10\nepoch 3/13  8/10\nepoch 3/13  9/10\n");
    stop(&r);
}

// Steps of an earlier run count for the bar but not for the time left.
static void continues_an_earlier_run(void **state) {
    (void)state;
    recording r;
    start(&r, true, 60, 100);
    r.p.first = 50;
    progress_update(&r.p, 50, NULL, 0);
    r.seconds += 10;
    progress_update(&r.p, 60, NULL, 0);
    expect(&r, "\repoch 3/13  [############............]  50/100\x1b[K"
               "\repoch 3/13  [##############..........]  60/100  0:40 left\x1b[K");
    stop(&r);
}

static void formats_numbers(void **state) {
    (void)state;
    recording r;
    start(&r, true, 200, 0);
    const progress_field odd[] = {
        {"a", 0, PROGRESS_VALUE},         {"b", -12.345, PROGRESS_VALUE}, {"c", 1e-5, PROGRESS_VALUE},
        {"d", 123456, PROGRESS_VALUE},    {"e", 1e300, PROGRESS_VALUE},   {"f", 0.0 / 0.0, PROGRESS_VALUE},
        {"g", 0.97812, PROGRESS_PERCENT}, {"h/s", 2.5e6, PROGRESS_RATE},  {"i/s", 999.4, PROGRESS_RATE},
        {"j/s", 999.6, PROGRESS_RATE},    {"k", 3, PROGRESS_COUNT},
    };
    progress_update(&r.p, 7, odd, sizeof odd / sizeof *odd);
    expect(&r, "\repoch 3/13  7  a 0.0000  b -12.35  c 1.000e-05  d 123456  e 1.000e+300  f nan  g 97.81 %  "
               "2.5M h/s  999 i/s  1.0k j/s  k 3\x1b[K");
    stop(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_in_place),           cmocka_unit_test(is_redrawn_ten_times_a_second),
        cmocka_unit_test(fits_the_width),           cmocka_unit_test(prints_plain_lines),
        cmocka_unit_test(prints_a_line_each_tenth), cmocka_unit_test(continues_an_earlier_run),
        cmocka_unit_test(formats_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
