// What the subcommands share.
#ifndef RNNC_CLI_COMMAND_H
#define RNNC_CLI_COMMAND_H

#include "cli/options.h"
#include "codegen/backend.h"
#include "frontend/model.h"
#include "passes/pass.h"
#include "report/describe.h"
#include "runtime/data/metrics.h"
#include "runtime/data/plot.h"
#include "runtime/kernel_interpret.h"
#include "runtime/train/about.h"
#include "runtime/train/carried.h"
#include "runtime/train/machine.h"

#define RNNC_VERSION "0.1.0"

typedef rnnc_status command_function(const command_line *line, diag_sink *d);

rnnc_status command_check(const command_line *line, diag_sink *d);
rnnc_status command_dump(const command_line *line, diag_sink *d);
rnnc_status command_train(const command_line *line, diag_sink *d);
rnnc_status command_eval(const command_line *line, diag_sink *d);
rnnc_status command_run(const command_line *line, diag_sink *d);
rnnc_status command_bench(const command_line *line, diag_sink *d);
rnnc_status command_build(const command_line *line, diag_sink *d);
rnnc_status command_inspect(const command_line *line, diag_sink *d);
rnnc_status command_sample(const command_line *line, diag_sink *d);
rnnc_status command_plot(const command_line *line, diag_sink *d);

// Checks that no file would be written over another, or over what is read (paths.c).
rnnc_status check_paths(const command_line *line, diag_sink *d);

// Writes what |d| has collected to standard error and forgets it, so that nothing appears twice.
void show_diagnostics(diag_sink *d);

// ---- A source file and its models (source.c) ----

typedef struct loaded {
    source_unit *unit;
    model_options options; // as the command line has them; |training| is set per model
    VEC(model_setting) settings;
    arena memory;
} loaded;

// True for the texts of graphs, which are no models: `dump` alone reads them.
bool is_ir_text(const char *path);
rnnc_status load_source(const command_line *line, diag_sink *d, loaded *out_source);
void unload_source(loaded *s);
// A model with or without what only training has in it.
rnnc_status load_model(const loaded *s, bool training, diag_sink *d, model **out_model);
// The same, with the recipe required.
rnnc_status load_model_with_recipe(const loaded *s, bool training, diag_sink *d, model **out_model);

// The extents to compile for: |line|'s --batch and --length, else the recipe's, else those of |fallback| (may be NULL). False if a sequence's
// extent is not known; *|out_axis| is then its number.
bool choose_extents(const command_line *line, const model *m, const int64_t *fallback, int64_t *out_extents,
                    int *out_axis);

// ---- What runs the programs (backend.c) ----

// Backend and hooks of a command line. |printed| etc. are shown by show_compiler_output. Stays where it was opened:
// |timed| points at it.
typedef struct compiler {
    bool interpret;
    codegen *codegen;      // NULL: no machine code is made
    const codegen *cached; // whose cache statistics are about; NULL: nobody's
    kernel_backend backend;
    kernel_backend timed; // the same, and leaves in |code_milliseconds| how long the machine code took
    double compiled_at;   // on the same clock
    double code_milliseconds;
    interpreter_home interpreter;
    int threads;
    bool unroll;
    const char *pipeline;
    pass_hooks hooks;
    strbuf printed, timings, statistics;
} compiler;

rnnc_status open_compiler(const command_line *line, diag_sink *d, compiler *out_compiler);
// The same in two: all but the backend, and that.
rnnc_status open_passes(const command_line *line, diag_sink *d, compiler *out_compiler);
void use_backend(compiler *c, const kernel_backend *backend, const codegen *cached);
void close_compiler(compiler *c);

typedef rnnc_status compiling_command(const command_line *line, const loaded *source, compiler *c,
                                      diag_sink *d);
// Loads the model, opens its compiler, runs the command, and closes both.
rnnc_status with_compiler(const command_line *line, compiling_command *run, diag_sink *d);

// Prints the graphs to standard output, times and statistics to standard error, and forgets them.
void show_compiler_output(compiler *c);
// Makes a machine for |extents|.
rnnc_status build_machine(compiler *c, graph *g, const update_options *update, const int64_t *extents,
                          diag_sink *d, machine *out_machine);

// ---- Data and weights (files.c) ----

// |validation|: with the files that the recipe validates by. |carried| (may be NULL) is from --weights.
rnnc_status load_data(const command_line *line, const model *m, const carried_data *carried, bool validation,
                      diag_sink *d, dataset **out_dataset);
// Fills the machine's weights from a file of weights or a checkpoint. |partial|: as far as they fit.
rnnc_status load_weights(const char *path, bool partial, machine *m, diag_sink *d);
// What the training of a command line is of.
training_subject subject_of(const command_line *line, const loaded *source, const dataset *data);
// Writes weights with the model's text, its settings and vocabularies.
rnnc_status save_weights(const machine *m, const training_subject *subject, const char *path, diag_sink *d);
// Whether a file can be written at |path|, found out before long work.
rnnc_status check_writable(const char *path, diag_sink *d);

// ---- Forecasts (continue.c) ----

// Continues the recipe's series as --continue says and draws it.
rnnc_status show_forecast(const command_line *line, machine *m, const dataset *data, diag_sink *d);

// ---- Curves (plot.c) ----

// Draws the loss of a training, and that of its validation, into the file of --plot: what |curves| has, the epochs of this
// run, or in one with --resume all lines of --metrics. Nothing where there is no epoch.
rnnc_status draw_training(const command_line *line, const metrics_table *curves, diag_sink *d);

// ---- Drawings (screen.c) ----

// To standard output, as wide as the terminal, in what its locale can show.
void draw_plot(const plot *p);

// ---- Texts (describe.c) ----

// Streams are equally long: says on standard error what that leaves over. Nothing for data of other kinds.
void print_streams(const dataset *data, data_part part, arena *memory);

#endif
