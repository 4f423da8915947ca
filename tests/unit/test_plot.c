#include "runtime/data/plot.h"

#include <math.h>

#include "runtime/data/plot_scale.h"
#include "tests/unit/data_files.h"

static const double line_y[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
static const double gap_y[] = {10, 9, 8, (double)NAN, 6, (double)INFINITY, 4, 3, 2, 1, 0};

static const plot_series two_series[] = {
    {"up", NULL, line_y, 11, PLOT_LINE},
    {"down", NULL, gap_y, 11, PLOT_POINTS},
};

static const plot two = {.title = "Two", .x_label = "step", .series = two_series, .count = 2};

static void ascii_chart_is_exact(void **state) {
    (void)state;
    const plot_text_options options = {.width = 30, .height = 14, .ascii = true};
    strbuf out = {0};
    plot_text(&two, &options, &out);
    assert_string_equal(out.text, "               Two\n"
                                  " 10+o                       **\n"
                                  "   |   o                  **\n"
                                  "   |     o             ***\n"
                                  "   |          o   *****\n"
                                  "  5+            **\n"
                                  "   |       *****   o  o\n"
                                  "   |    ***             o\n"
                                  "   |  **                   o\n"
                                  "  0+**                       o\n"
                                  "   ++------------+-----------+\n"
                                  "    0            5          10\n"
                                  "               step\n"
                                  "    ** up   oo down\n");
    strbuf_deinit(&out);
}

static void braille_chart_is_exact(void **state) {
    (void)state;
    const plot_text_options options = {.width = 40, .height = 12};
    plot p = two;
    p.has_mark = true;
    p.mark = 4;
    strbuf out = {0};
    plot_text(&p, &options, &out);
    assert_string_equal(out.text, "                    Two\n"
                                  " 10┤⠶  ⢀⡀         ┊                ⢀⣀⠤⠤⠒\n"
                                  "   │   ⠈⠁  ⣤      ┊           ⣀⣀⠤⠔⠊⠁\n"
                                  "   │              ⣀      ⣀⡠⠔⠊⠉\n"
                                  "  5┤              ⠉⣀⠤⠔⠒⠉⠉\n"
                                  "   │          ⣀⡠⠔⠊⠉      ⠘⠃  ⣀\n"
                                  "   │   ⣀⡠⠤⠔⠒⠉⠉    ┊          ⠉  ⠰⠆  ⣀\n"
                                  "  0┤⠤⠒⠉           ┊                 ⠉  ⢠\n"
                                  "   └┬─────────────────┬────────────────┬\n"
                                  "    0                 5               10\n"
                                  "                    step\n"
                                  "    ── up   ∷∷ down\n");
    strbuf_deinit(&out);
}

static size_t count_lines(const char *text, size_t *out_longest) {
    size_t lines = 0;
    *out_longest = 0;
    char copy[4096];
    for (const char *end = strchr(text, '\n'); end; end = strchr(text, '\n')) {
        size_t length = (size_t)(end - text);
        assert_true(length < sizeof copy);
        memcpy(copy, text, length);
        copy[length] = '\0';
        size_t characters = plot_text_length(copy);
        *out_longest = characters > *out_longest ? characters : *out_longest;
        assert_true(length == 0 || copy[length - 1] != ' ');
        lines++;
        text = end + 1;
    }
    assert_int_equal(*text, '\0');
    return lines;
}

static void charts_fit_their_size(void **state) {
    (void)state;
    plot p = two;
    p.y_label = "a rather long label for the axis of y that has to be cut";
    p.has_mark = true;
    p.mark = 4;
    for (int width = 24; width < 150; width += 9) {
        for (int height = 10; height < 40; height += 7) {
            for (int ascii = 0; ascii < 2; ascii++) {
                const plot_text_options options = {.width = width, .height = height, .ascii = ascii};
                strbuf out = {0};
                size_t longest;
                plot_text(&p, &options, &out);
                size_t lines = count_lines(strbuf_text(&out), &longest);
                assert_true(longest <= (size_t)width);
                assert_true(lines <= (size_t)height);
                strbuf_deinit(&out);
            }
        }
    }
}

static void colours_are_closed(void **state) {
    (void)state;
    const plot_text_options options = {.width = 60, .height = 12, .colour = true};
    strbuf out = {0};
    plot_text(&two, &options, &out);
    size_t opened = 0, closed = 0;
    for (const char *c = out.text; (c = strchr(c, '\x1b')); c++) {
        bool closes = strncmp(c, "\x1b[0m", 4) == 0;
        closed += closes;
        opened += !closes;
        assert_true(opened == closed || opened == closed + 1);
    }
    assert_true(opened > 2 && opened == closed);
    strbuf_deinit(&out);
}

static void odd_data_are_drawn(void **state) {
    (void)state;
    const double huge[] = {-1e300, 1e300, 1e305}, same[] = {5, 5, 5}, none[] = {(double)NAN, (double)NAN};
    const double close[] = {1, 1 + 1e-15}, tiny[] = {1e-320, 0, 3e-320}, mixed[] = {-1, 0, 1e-9, 1e9};
    const double least[] = {0, 5e-324}, wide[] = {5e-324, 2e-300, 1, 1e300}, far[] = {-1e300, 5e-324};
    const struct {
        const double *y;
        size_t count;
    } rows[] = {{huge, 3}, {same, 3}, {none, 2},  {close, 2}, {tiny, 3}, {mixed, 4},
                {same, 0}, {same, 1}, {least, 2}, {wide, 4},  {far, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int log_y = 0; log_y < 2; log_y++) {
            const plot_series s = {"s", NULL, rows[i].y, rows[i].count, PLOT_LINE};
            const plot p = {.series = &s, .count = 1, .log_y = log_y};
            strbuf out = {0}, svg = {0};
            plot_text(&p, &(plot_text_options){.width = 50, .height = 12}, &out);
            plot_svg(&p, &svg);
            assert_null(strstr(svg.text, "nan"));
            assert_null(strstr(svg.text, "inf\""));
            assert_non_null(strstr(svg.text, "</svg>\n"));
            if (rows[i].y == none || rows[i].count == 0) {
                assert_non_null(strstr(out.text, "no finite values"));
                assert_non_null(strstr(svg.text, "no finite values"));
            }
            strbuf_deinit(&out);
            strbuf_deinit(&svg);
        }
    }
}

static void check_ticks(double low, double high, const char *const *labels, size_t count) {
    const double y[] = {low, high};
    const plot_series s = {"s", y, y, 2, PLOT_LINE};
    const plot p = {.series = &s, .count = 1};
    plot_axes axes = plot_measure(&p, 5, 5);
    assert_int_equal(axes.x.tick_count, count);
    for (size_t i = 0; i < count; i++) {
        char label[PLOT_LABEL_SPACE];
        plot_label(&axes.x, axes.x.tick[i], label);
        assert_string_equal(label, labels[i]);
    }
}

static void ticks_are_round(void **state) {
    (void)state;
    check_ticks(0, 30, (const char *const[]){"0", "10", "20", "30"}, 4);
    check_ticks(-0.25, 0.3, (const char *const[]){"-0.2", "0", "0.2"}, 3);
    check_ticks(0, 5e6, (const char *const[]){"0", "1e6", "2e6", "3e6", "4e6", "5e6"}, 6);
    check_ticks(2e-7, 4e-7, (const char *const[]){"2.0e-7", "2.5e-7", "3.0e-7", "3.5e-7", "4.0e-7"}, 5);
    check_ticks(1001, 1003, (const char *const[]){"1001.0", "1001.5", "1002.0", "1002.5", "1003.0"}, 5);
}

// Epochs have no halves.
static void whole_ticks_are_whole(void **state) {
    (void)state;
    const double x[] = {1, 2, 3}, y[] = {0, 1, 2};
    for (size_t count = 1; count <= 3; count++) {
        const plot_series s = {"s", x, y, count, PLOT_LINE};
        const plot p = {.series = &s, .count = 1, .whole_x = true};
        plot_axes axes = plot_measure(&p, 10, 5);
        assert_int_equal(axes.x.tick_count, count);
        for (size_t i = 0; i < count; i++) {
            assert_true(fabs(axes.x.tick[i] - x[i]) < 1e-9);
        }
    }
}

static void logarithmic_ticks_are_powers(void **state) {
    (void)state;
    const double y[] = {0.001, 100};
    const plot_series s = {"s", NULL, y, 2, PLOT_LINE};
    const plot p = {.series = &s, .count = 1, .log_y = true};
    plot_axes axes = plot_measure(&p, 5, 6);
    const char *const labels[] = {"0.001", "0.01", "0.1", "1", "10", "100"};
    assert_int_equal(axes.y.tick_count, 6);
    for (int i = 0; i < 6; i++) {
        char label[PLOT_LABEL_SPACE];
        plot_label(&axes.y, axes.y.tick[i], label);
        assert_string_equal(label, labels[i]);
    }
    assert_true(fabs(plot_fraction(&axes.y, 0.31622776601683794) - 0.5) < 1e-12);
}

static void svg_escapes_and_thins_out(void **state) {
    fixture *f = *state;
    enum { POINTS = 200000 };
    double *y = malloc(POINTS * sizeof *y);
    for (int i = 0; i < POINTS; i++) {
        y[i] = sin(i * 0.1) + (i == 123457 ? 50 : 0);
    }
    const plot_series s = {"a < b & \"c\"", NULL, y, POINTS, PLOT_LINE};
    const plot p = {.title = "x > y\n", .series = &s, .count = 1};
    assert_int_equal(plot_svg_write("p.svg", &p, &f->sink), RNNC_OK);
    file_bytes bytes = read_file(f, "p.svg");
    const char *text = (const char *)bytes.data;
    assert_true(bytes.size < 150000);
    assert_non_null(strstr(text, "a &lt; b &amp; &quot;c&quot;"));
    assert_non_null(strstr(text, "x &gt; y </text>"));
    strbuf all = {0};
    plot_svg(&p, &all);
    assert_int_equal(all.length, bytes.size);
    assert_memory_equal(all.text, bytes.data, bytes.size);
    strbuf_deinit(&all);
    file_bytes_deinit(&bytes);
    assert_fails(f, plot_svg_write("none/p.svg", &p, &f->sink), RNNC_IO, "none/p.svg: cannot write");
    free(y);
}

// The extreme points of each column survive: the path reaches as high and as low as without thinning.
static void thinning_keeps_extremes(void **state) {
    (void)state;
    enum { POINTS = 50001 };
    double *y = calloc(POINTS, sizeof *y);
    y[12345] = 1;
    y[12346] = -1;
    const plot_series s = {NULL, NULL, y, POINTS, PLOT_LINE};
    const plot p = {.series = &s, .count = 1};
    strbuf out = {0};
    plot_svg(&p, &out);
    const char *path = strstr(out.text, "stroke-width=\"1.8\" d=\"M");
    assert_non_null(path);
    double lowest = 1e9, highest = -1e9;
    for (const char *c = strstr(path, "d=\"M") + 3; *c != '"';) {
        double at_x, at_y;
        int used = 0;
        assert_int_equal(sscanf(c + 1, "%lf %lf%n", &at_x, &at_y, &used), 2);
        lowest = fmin(lowest, at_y);
        highest = fmax(highest, at_y);
        c += 1 + used;
    }
    plot_axes axes = plot_measure(&p, 10, 6);
    double height = (highest - lowest) / (plot_fraction(&axes.y, 1) - plot_fraction(&axes.y, -1));
    assert_true(height > 100); // the height of the drawing area
    strbuf_deinit(&out);
    free(y);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(ascii_chart_is_exact),         data_test(charts_fit_their_size),
        data_test(braille_chart_is_exact),       data_test(colours_are_closed),
        data_test(odd_data_are_drawn),           data_test(ticks_are_round),
        data_test(logarithmic_ticks_are_powers), data_test(svg_escapes_and_thins_out),
        data_test(thinning_keeps_extremes),      data_test(whole_ticks_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
