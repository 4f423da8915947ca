#include "cli/options.h"

#include <errno.h>
#include <float.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_NUMBER,
    OPTION_REAL, // at least 0
    OPTION_PAIR,
    OPTION_TIME,  // 90, 90s, 10m, 1.5h, 2d
    OPTION_PLACE, // a folder or file that may be left out
} option_kind;

typedef struct option_row {
    const char *name;
    option_kind kind;
    unsigned commands;
    const char *value; // what stands for the value in the help
    size_t offset;     // in command_line
    int64_t least;     // OPTION_NUMBER
    const char *help;
} option_row;

#define AT(field) offsetof(command_line, field)
enum { ON_COMPILING = ON_ALL };

static const option_row options[] = {
    {"data", OPTION_PAIR, ON_TRAIN | ON_EVAL | ON_RUN, "KEY=PATH", AT(data), 0,
     "the file for a key of the recipe's data block; may be repeated"},
    {"in", OPTION_PAIR, ON_RUN, "NAME=F.npy", AT(inputs), 0, "an input's values, [rows, steps, columns]"},
    {"out", OPTION_PAIR, ON_RUN, "NAME=F.npy", AT(outputs), 0, "where to write an output's values"},
    {"model", OPTION_TEXT, ON_ALL, "NAME", AT(model), 0, "which model of the file; else the last"},
    {"recipe", OPTION_TEXT, ON_ALL, "NAME", AT(recipe), 0, "which recipe; else the file's first"},
    {"set", OPTION_PAIR, ON_ALL, "NAME=VALUE", AT(settings), 0,
     "a parameter of the model or a number of the recipe (batch, rate, T …); each name once"},
    {"epochs", OPTION_NUMBER, ON_TRAIN, "N", AT(epochs), 1,
     "passes over the data, instead of what the recipe says"},
    {"steps", OPTION_NUMBER, ON_TRAIN, "N", AT(steps), 1, "training steps, instead of what the recipe says"},
    {"weights", OPTION_TEXT, ON_TRAIN | ON_EVAL | ON_RUN | ON_SAMPLE | ON_BUILD, "F.safetensors", AT(weights),
     0, "the weights to use, or to begin with"},
    {"weights-out", OPTION_TEXT, ON_TRAIN, "F.safetensors", AT(weights_out), 0,
     "where to write the trained weights; vocabularies of texts lie beside them, F.INPUT.txt or F.KEY.json"},
    {"metrics", OPTION_TEXT, ON_TRAIN, "F.jsonl", AT(metrics), 0,
     "where to write a JSON line for each epoch"},
    {"partial", OPTION_FLAG, ON_TRAIN, NULL, AT(partial), 0,
     "with --weights: take what fits, leave the rest as it is, say which"},
    {"checkpoint", OPTION_TEXT, ON_TRAIN, "DIR", AT(checkpoint), 0,
     "a folder for checkpoints, one at the end of each epoch, and for the best weights"},
    {"checkpoint-every", OPTION_NUMBER, ON_TRAIN, "N", AT(checkpoint_every), 1, "one every N steps, too"},
    {"checkpoint-keep", OPTION_NUMBER, ON_TRAIN, "K", AT(checkpoint_keep), 1,
     "how many of the newest to keep; else 3"},
    {"resume", OPTION_PLACE, ON_TRAIN, "[DIR|F]", AT(resume), 0,
     "go on from the newest checkpoint of the folder, or from a given one"},
    {"max-time", OPTION_TIME, ON_TRAIN, "TIME", AT(max_seconds), 0,
     "stop this run after 90 (seconds), 10m, 1.5h or 2d, with a checkpoint"},
    {"max-steps", OPTION_NUMBER, ON_TRAIN, "N", AT(max_steps), 1,
     "stop this run after N steps, with a checkpoint"},
    {"continue", OPTION_NUMBER, ON_TRAIN | ON_RUN, "N", AT(continue_steps), 1,
     "let the model go on by itself for N steps and draw it"},
    {"plot", OPTION_TEXT, ON_TRAIN, "F.svg", AT(plot), 0,
     "draw the training's losses into a file; with --continue: what that shows"},
    {"plot", OPTION_TEXT, ON_RUN, "F.svg", AT(plot), 0, "draw what --continue shows into a file, too"},
    {"plot", OPTION_TEXT, ON_PLOT, "F.svg", AT(plot), 0, "draw into a file, too"},
    {"metric", OPTION_TEXT, ON_PLOT, "NAME", AT(metric), 0, "what to draw; else loss"},
    {"log", OPTION_FLAG, ON_PLOT, NULL, AT(log_scale), 0, "on a logarithmic scale"},
    {"prompt", OPTION_TEXT, ON_SAMPLE, "TEXT", AT(prompt), 0, "what the text begins with; else a new line"},
    {"length", OPTION_NUMBER, ON_SAMPLE, "N", AT(length), 1, "how many characters or words to add; else 500"},
    {"temperature", OPTION_REAL, ON_SAMPLE, "T", AT(temperature), 0,
     "below 1 the likely becomes likelier; 0: always the likeliest; else 1"},
    {"top-k", OPTION_NUMBER, ON_SAMPLE, "K", AT(top_k), 1, "draw from the K likeliest only; else from all"},
    {"stage", OPTION_TEXT, ON_DUMP, "STAGE", AT(stage), 0,
     "source, graph (the default), program, llvm, asm or dot"},
    {"output", OPTION_TEXT, ON_BUILD, "NAME", AT(output), 0,
     "what to write, -o for short: NAME.o, NAME.a, NAME.so, NAME.wasm, or NAME, a program"},
    {"header", OPTION_TEXT, ON_BUILD, "NAME.h", AT(header), 0, "where to write the header for C and C++"},
    {"name", OPTION_TEXT, ON_BUILD, "NAME", AT(prefix), 0,
     "what the functions' names begin with; else the model's name"},
    {"train", OPTION_FLAG, ON_BUILD, NULL, AT(train), 0,
     "the object learns, too: NAME_train_step, by the recipe; --weights may be left out"},
    {"parallel", OPTION_NUMBER, ON_BUILD, "N", AT(parallel), 1,
     "add NAME_run_parallel, which shares a run out among up to N threads of the caller's"},
    {"target", OPTION_TEXT, ON_BUILD, "TARGET", AT(target), 0,
     "another machine, as aarch64-linux-gnu, or levels, as x86-64-v2,x86-64-v3; \"list\" shows all"},
    {"cc", OPTION_TEXT, ON_BUILD, "CC", AT(cc), 0,
     "the C compiler that links programs and NAME.so; else cc, for this machine alone"},
    {"weights-file", OPTION_TEXT, ON_BUILD, "F", AT(weights_file), 0,
     "write the weights there, to be mapped into memory, and not into the object"},
    {"size-report", OPTION_FLAG, ON_BUILD, NULL, AT(size_report), 0,
     "print the sizes of code, by kernel, of data, weights, arena and state"},
    {"batch", OPTION_NUMBER, ON_BENCH | ON_BUILD | ON_CHECK | ON_DUMP, "B", AT(batch), 1, "rows of a batch"},
    {"length", OPTION_NUMBER, ON_BENCH | ON_BUILD | ON_CHECK | ON_DUMP, "T", AT(length), 1,
     "steps of every sequence axis"},
    {"runs", OPTION_NUMBER, ON_BENCH, "N", AT(runs), 1, "how often to run; else for a second"},
    {"seed", OPTION_NUMBER, ON_ALL, "N", AT(seed), 0, "of first weights, orders and dropout; else 1"},
    {"threads", OPTION_NUMBER, ON_ALL, "N", AT(threads), 1, "else as many as there are processors"},
    {"interpret", OPTION_FLAG, ON_ALL, NULL, AT(interpret), 0, "run by the reference interpreter: slow"},
    {"cpu", OPTION_TEXT, ON_ALL, "CPU", AT(cpu), 0,
     "compile for this processor, as x86-64-v3; \"interpret\": make no machine code"},
    {"no-cache", OPTION_FLAG, ON_COMPILING, NULL, AT(no_cache), 0,
     "compile all kernels: read none from the cache on disk, keep none there"},
    {"json", OPTION_FLAG, ON_TRAIN | ON_EVAL | ON_BENCH | ON_CHECK, NULL, AT(json), 0,
     "print results as JSON"},
    {"quiet", OPTION_FLAG, ON_TRAIN, NULL, AT(quiet), 0, "no progress"},
    {"passes", OPTION_TEXT, ON_COMPILING, "TEXT", AT(passes), 0,
     "the passes to run, as \"simplify, differentiate\"; else the default ones"},
    {"print-after", OPTION_TEXT, ON_COMPILING, "PASS", AT(print_after), 0,
     "print the graph and its plan after a pass, or \"all\""},
    {"dump-dir", OPTION_TEXT, ON_COMPILING, "DIR", AT(dump_folder), 0,
     "write the graph and its plan after each pass into a folder"},
    {"unroll", OPTION_TEXT, ON_COMPILING & ~ON_BENCH & ~ON_BUILD, "full", AT(unroll), 0,
     "compile every step of the sequences by itself; all runs are then equally long"},
    {"verify-each", OPTION_FLAG, ON_COMPILING, NULL, AT(verify_each), 0, "check the graph after each pass"},
    {"stats", OPTION_FLAG, ON_COMPILING, NULL, AT(stats), 0,
     "print what each pass did and what the program needs"},
    {"time-passes", OPTION_FLAG, ON_COMPILING, NULL, AT(time_passes), 0, "print how long each pass took"},
    {"bisect-limit", OPTION_NUMBER, ON_COMPILING, "N", AT(bisect_limit), 0,
     "stop rewriting after N rewrites"},
    {"help", OPTION_FLAG, ON_ALL | ON_PLOT | ON_INSPECT, NULL, AT(help), 0, "this text"},
};

enum { OPTION_COUNT = sizeof options / sizeof *options };

static rnnc_status misuse(diag_sink *d, const char *name, const char *text) {
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "--%s %s", name, text);
}

static const option_row *find_option(const char *name, size_t length, unsigned bit) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        const option_row *row = &options[i];
        bool same = strlen(row->name) == length && strncmp(row->name, name, length) == 0;
        if (same && (row->commands & bit)) {
            return row;
        }
    }
    return NULL;
}

static rnnc_status report_unknown(diag_sink *d, const char *name, size_t length, unsigned bit,
                                  arena *memory) {
    const char *known[OPTION_COUNT];
    size_t count = 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (options[i].commands & bit) {
            known[count++] = options[i].name;
        }
    }
    const char *given = arena_strndup(memory, name, length), *near = nearest_name(given, known, count);
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "there is no option --%s%s%s%s", given,
                     near ? "; did you mean --" : "", near ? near : "", near ? "?" : "; see --help");
}

static rnnc_status read_number(const option_row *row, const char *text, diag_sink *d, int64_t *out) {
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < row->least) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "--%s takes a whole number of at least %lld, found '%s'", row->name,
                         (long long)row->least, text);
    }
    *out = value;
    return RNNC_OK;
}

static double unit_seconds(const char *unit) {
    return !*unit || strcmp(unit, "s") == 0 ? 1
           : strcmp(unit, "m") == 0         ? 60
           : strcmp(unit, "h") == 0         ? 3600
           : strcmp(unit, "d") == 0         ? 86400
                                            : 0;
}

static rnnc_status read_time(const option_row *row, const char *text, diag_sink *d, double *out) {
    char *end = NULL;
    double value = strtod(text, &end) * (end == text ? 0 : unit_seconds(end));
    if (!(value > 0 && value < 1e12)) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "--%s takes a time above 0 as 90, 90s, 10m, 1.5h or 2d, found '%s'", row->name,
                         text);
    }
    *out = value;
    return RNNC_OK;
}

static rnnc_status read_real(const option_row *row, const char *text, diag_sink *d, double *out) {
    char *end = NULL;
    double value = strtod(text, &end);
    bool fits = end != text && !*end && value >= 0 && value <= DBL_MAX;
    if (!fits) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "--%s takes a number of at least 0, found '%s'",
                         row->name, text);
    }
    *out = value;
    return RNNC_OK;
}

static rnnc_status read_pair(const option_row *row, const char *text, diag_sink *d, command_line *line,
                             pair_list *list) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "--%s takes %s, found '%s'", row->name,
                         row->value, text);
    }
    option_pair pair = {arena_strndup(&line->memory, text, (size_t)(equals - text)), equals + 1};
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcmp(list->at[i].key, pair.key) == 0) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "--%s %s stands twice", row->name, pair.key);
        }
    }
    vec_push(&line->memory, *list, pair);
    return RNNC_OK;
}

static rnnc_status store(const option_row *row, const char *value, diag_sink *d, command_line *line) {
    char *at = (char *)line + row->offset;
    switch (row->kind) {
    case OPTION_FLAG: *(bool *)at = true; return RNNC_OK;
    case OPTION_TEXT:
    case OPTION_PLACE: *(const char **)at = value; return RNNC_OK;
    case OPTION_TIME: return read_time(row, value, d, (double *)at);
    case OPTION_NUMBER: return read_number(row, value, d, (int64_t *)at);
    case OPTION_REAL: return read_real(row, value, d, (double *)at);
    case OPTION_PAIR: return read_pair(row, value, d, line, (pair_list *)at);
    }
    return RNNC_INTERNAL;
}

bool options_is_place(const char *text) {
    size_t length = strlen(text);
    bool is_model = length >= 4 && strcmp(text + length - 4, ".rnn") == 0;
    return *text && *text != '-' && !is_model;
}

// Reads argv[*at], which begins with "--" or is "-o", and its value.
static rnnc_status read_option(int argc, char **argv, int *at, unsigned bit, diag_sink *d,
                               command_line *line) {
    bool is_short = argv[*at][1] != '-'; // -o
    const char *name = is_short ? "output" : argv[*at] + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] ? name + length + 1 : NULL;
    const option_row *row = find_option(name, length, bit);
    if (!row) {
        return report_unknown(d, name, length, bit, &line->memory);
    }
    if (row->kind == OPTION_FLAG && value) {
        return misuse(d, row->name, "takes no value");
    }
    if (row->kind == OPTION_PLACE && !value) {
        value = *at + 1 < argc && options_is_place(argv[*at + 1]) ? argv[++*at] : "";
    } else if (row->kind != OPTION_FLAG && !value) {
        if (*at + 1 >= argc) {
            return misuse(d, row->name,
                          arena_printf(&line->memory, "needs a value: --%s %s", row->name, row->value));
        }
        value = argv[++*at];
    }
    if (row->kind == OPTION_TEXT && !*value) {
        return misuse(d, row->name, "needs a value that is not empty");
    }
    return store(row, value, d, line);
}

static rnnc_status read_argument(int argc, char **argv, int *at, unsigned bit, diag_sink *d,
                                 command_line *line) {
    const char *text = argv[*at];
    if (strcmp(text, "-h") == 0) {
        line->help = true;
        return RNNC_OK;
    }
    bool is_output = strcmp(text, "-o") == 0 && (bit & ON_BUILD);
    if ((strncmp(text, "--", 2) == 0 && text[2]) || is_output) {
        return read_option(argc, argv, at, bit, d, line);
    }
    if (text[0] == '-' && text[1]) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "there is no option %s; see --help", text);
    }
    if (line->file && !(bit & ON_PLOT)) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "one model at a time: found '%s' after '%s'",
                         text, line->file);
    }
    line->file = line->file ? line->file : text;
    vec_push(&line->memory, line->files, text);
    return RNNC_OK;
}

rnnc_status options_parse(int argc, char **argv, unsigned bit, diag_sink *d, command_line *out_line) {
    *out_line = (command_line){
        .seed = 1, .temperature = 1, .checkpoint_keep = 3, .bisect_limit = -1, .argc = argc, .argv = argv};
    arena_init(&out_line->memory);
    for (int at = 2; at < argc; at++) {
        TRY(read_argument(argc, argv, &at, bit, d, out_line));
    }
    if (!out_line->file && !out_line->help && (bit & ON_PLOT)) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "name a run: rnnc plot RUN.jsonl; see --help");
    }
    if (!out_line->file && !out_line->help && (bit & ON_INSPECT)) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "name an object: rnnc inspect NAME.o; see --help");
    }
    bool lists = out_line->target && strcmp(out_line->target, "list") == 0; // which needs no model
    if (!out_line->file && !out_line->help && !lists) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "name a model: rnnc %s MODEL.rnn; see --help",
                         argv[1]);
    }
    return RNNC_OK;
}

void options_deinit(command_line *line) {
    arena_deinit(&line->memory);
}

void options_print_help(unsigned bit, FILE *out) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        const option_row *row = &options[i];
        if (row->commands & bit) {
            char left[64];
            snprintf(left, sizeof left, "--%s%s%s", row->name, row->value ? " " : "",
                     row->value ? row->value : "");
            fprintf(out, "  %-30s %s\n", left, row->help);
        }
    }
}
