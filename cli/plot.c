// The curves of one or several runs: of rnnc plot, from their metrics files, and of rnnc train.
#include "cli/command.h"
#include "report/curves.h"

typedef struct drawing {
    const command_line *line;
    bool on_screen;
} drawing;

static rnnc_status draw(void *self, const plot *p, diag_sink *d) {
    const drawing *how = self;
    if (how->on_screen) {
        draw_plot(p);
    }
    return how->line->plot ? plot_svg_write(how->line->plot, p, d) : RNNC_OK;
}

static curves_options options_of(const command_line *line, const char *const *paths, uint32_t count) {
    return (curves_options){
        .paths = paths, .count = count, .metric = line->metric, .log_scale = line->log_scale};
}

rnnc_status draw_training(const command_line *line, const metrics_table *curves, diag_sink *d) {
    drawing how = {.line = line};
    if (line->metrics && line->resume) {
        curves_options options = options_of(line, &line->metrics, 1);
        return curves_draw_files(&options, d, draw, &how);
    }
    curves_options options = options_of(line, &line->file, 1);
    options.runs = curves;
    return curves->rows ? curves_draw(&options, d, draw, &how) : RNNC_OK;
}

rnnc_status command_plot(const command_line *line, diag_sink *d) {
    drawing how = {.line = line, .on_screen = true};
    curves_options options = options_of(line, line->files.at, line->files.count);
    TRY(curves_draw_files(&options, d, draw, &how));
    if (line->plot) {
        printf("drawn into %s\n", line->plot);
    }
    return RNNC_OK;
}
