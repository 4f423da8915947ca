// The options of the command line: one table for all subcommands.
#ifndef RNNC_CLI_OPTIONS_H
#define RNNC_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "support/diag.h"

// Bits: which subcommands take an option.
enum command_bits {
    ON_CHECK = 1,
    ON_DUMP = 2,
    ON_TRAIN = 4,
    ON_EVAL = 8,
    ON_RUN = 16,
    ON_BENCH = 32,
    ON_PLOT = 64,
    ON_SAMPLE = 128,
    ON_BUILD = 256,
    ON_INSPECT = 512,
    ON_ALL = 63 | ON_SAMPLE | ON_BUILD, // all that take a model
};

// KEY=VALUE
typedef struct option_pair {
    const char *key;
    const char *value;
} option_pair;

typedef VEC(option_pair) pair_list;

// What a command line says. Texts are those of argv or copies in |memory|.
typedef struct command_line {
    arena memory;
    const char *file;        // the model, or IR text
    VEC(const char *) files; // of `plot`: the metrics; |file| is the first
    const char *model;
    const char *recipe;
    pair_list settings, data, inputs, outputs;
    int64_t seed, threads, epochs, steps, batch, length, runs;
    int64_t bisect_limit; // -1: none
    const char *weights, *weights_out, *metrics;
    const char *cpu, *unroll, *passes, *print_after, *dump_folder, *stage;
    bool interpret, no_cache, json, verify_each, stats, time_passes, quiet;
    int64_t continue_steps; // 0: no forecast
    const char *plot, *metric;
    bool log_scale;
    const char *checkpoint; // folder
    const char *resume;     // NULL: no; "": from that folder; else another folder, or a checkpoint
    int64_t checkpoint_every, checkpoint_keep, max_steps;
    double max_seconds;
    const char *prompt;
    double temperature;
    int64_t top_k; // 0: all
    bool partial;
    const char *output, *header, *prefix, *target, *cc;
    const char *weights_file;
    bool size_report;
    bool train;       // `build`: the object learns
    int64_t parallel; // `build`: threads that a run may be shared out among; 0: there is no such run
    int argc;         // of the process
    char **argv;
    bool help;
} command_line;

// Reads argv[2 …] for the subcommand |bit|. On a mistake reports it and returns RNNC_INVALID_ARGUMENT.
rnnc_status options_parse(int argc, char **argv, unsigned bit, diag_sink *d, command_line *out_line);
void options_deinit(command_line *line);

// Whether |text|, behind an option whose value may be left out, is that value: neither an option nor a model.
bool options_is_place(const char *text);

// The options of a subcommand with their explanations.
void options_print_help(unsigned bit, FILE *out);

#endif
