// The command `rnnc`: finds the subcommand, reads its options, shows what went wrong.
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

enum { EXIT_FINE = 0, EXIT_FAULT = 1, EXIT_MISUSE = 2 };

typedef struct command_row {
    const char *name;
    unsigned bit;
    command_function *run;
    const char *summary;
    const char *usage;
    const char *example;
} command_row;

static const command_row commands[] = {
    {"check", ON_CHECK, command_check, "what a model is: signature, parameters, loss, memory",
     "rnnc check MODEL [--recipe R] [--set N=V] [--json]", "rnnc check examples/ptb.rnn --recipe large"},
    {"dump", ON_DUMP, command_dump, "a stage of compilation as text",
     "rnnc dump MODEL [--stage source|graph|program|llvm|asm|dot] [--passes TEXT] [--print-after PASS]",
     "rnnc dump examples/series.rnn --passes \"simplify, differentiate\""},
    {"train", ON_TRAIN, command_train, "train a model by a recipe",
     "rnnc train MODEL --data KEY=PATH … [--recipe R] [--set N=V] [--epochs N] [--steps N] [--threads N]\n"
     "           [--seed N] [--weights-out F.safetensors] [--metrics F.jsonl] [--interpret]\n"
     "           [--checkpoint DIR [--resume] [--max-time TIME]]",
     "rnnc train examples/series.rnn --weights-out series.safetensors --continue 300 --plot series.svg"},
    {"eval", ON_EVAL, command_eval, "the loss and metrics of a trained model on some data",
     "rnnc eval MODEL --weights F.safetensors --data KEY=PATH … [--json]",
     "rnnc eval examples/series.rnn --weights series.safetensors"},
    {"run", ON_RUN, command_run, "a trained model's outputs for given inputs",
     "rnnc run MODEL --weights F.safetensors --in NAME=F.npy … --out NAME=F.npy … [--interpret] [--cpu C]\n"
     "           [--threads N]",
     "rnnc run examples/series.rnn --weights series.safetensors --in value=x.npy --out forecast=y.npy"},
    {"sample", ON_SAMPLE, command_sample, "let a language model go on with a text",
     "rnnc sample MODEL --weights F.safetensors [--prompt TEXT] [--length N] [--temperature T] [--top-k K]\n"
     "           [--seed N]",
     "rnnc sample examples/characters.rnn --weights characters.safetensors --prompt ROMEO: --temperature "
     "0.8"},
    {"build", ON_BUILD, command_build, "a trained model as an object, a library or a program",
     "rnnc build MODEL --weights F.safetensors -o NAME[.o|.a|.so|.wasm] [--header NAME.h] [--name NAME] "
     "[--batch B]\n"
     "           [--length T] [--cpu C[,C…]] [--target TARGET|list] [--cc CC] [--weights-file F] "
     "[--train]\n"
     "           [--parallel N] [--size-report]",
     "rnnc build examples/series.rnn --weights series.safetensors -o series.o --header series.h --batch 1"},
    {"inspect", ON_INSPECT, command_inspect, "what an object made by build holds",
     "rnnc inspect NAME[.o|.a|.so|.wasm]|F", "rnnc inspect series.o"},
    {"bench", ON_BENCH, command_bench, "how long a training step takes, and where the time goes",
     "rnnc bench MODEL --batch B --length T [--threads N] [--json]",
     "rnnc bench examples/ptb.rnn --batch 20 --length 20 --threads 2"},
    {"plot", ON_PLOT, command_plot, "draw the curves of runs, as `train --metrics` wrote them",
     "rnnc plot RUN.jsonl … [--metric NAME] [--log] [--plot F.svg]",
     "rnnc plot small.jsonl large.jsonl --metric perplexity --plot both.svg"},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

void show_diagnostics(diag_sink *d) {
    strbuf text = {0};
    diag_render(d, &text);
    fputs(strbuf_text(&text), stderr);
    strbuf_deinit(&text);
    d->entries.count = 0;
}

static void print_usage(FILE *out) {
    fprintf(out, "rnnc %s: recurrent networks, compiled\n\nusage: rnnc COMMAND MODEL [options]\n\n",
            RNNC_VERSION);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-7s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\nrnnc COMMAND --help explains a command, rnnc --version tells the version.\n"
                 "Compiled kernels are kept in $XDG_CACHE_HOME/rnnc, else in ~/.cache/rnnc, up to "
                 "RNNC_CACHE_MIB (256).\n"
                 "example: rnnc train examples/series.rnn --weights-out series.safetensors\n");
}

static void print_help(const command_row *c) {
    printf("rnnc %s: %s\n\nusage: %s\n\n", c->name, c->summary, c->usage);
    options_print_help(c->bit, stdout);
    printf("\nexample: %s\n", c->example);
}

static const command_row *find_command(const char *name) {
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int report_unknown(const char *name) {
    const char *names[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i].name;
    }
    const char *near = nearest_name(name, names, COMMAND_COUNT);
    fprintf(stderr, "rnnc: error: there is no command '%s'%s%s%s\n", name,
            near ? "; did you mean '" : "; see rnnc --help", near ? near : "", near ? "'?" : "");
    return EXIT_MISUSE;
}

// Standard output that cannot be written is an error like any other.
static rnnc_status flush_output(rnnc_status status, diag_sink *d) {
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (failed && status == RNNC_OK) {
        return diag_fail(d, RNNC_IO, NO_SPAN, "standard output cannot be written");
    }
    return status;
}

static int run_command(const command_row *c, int argc, char **argv) {
    diag_sink d;
    diag_init(&d);
    command_line line;
    int code = EXIT_FINE;
    if (options_parse(argc, argv, c->bit, &d, &line) != RNNC_OK) {
        code = EXIT_MISUSE;
    } else if (line.help) {
        print_help(c);
    } else {
        rnnc_status status = check_paths(&line, &d);
        status = flush_output(status == RNNC_OK ? c->run(&line, &d) : status, &d);
        if (status != RNNC_OK && d.error_count == 0) {
            diag_fail(&d, status, NO_SPAN, "%s", status_text(status));
        }
        code = status == RNNC_OK ? EXIT_FINE : EXIT_FAULT;
    }
    show_diagnostics(&d);
    options_deinit(&line);
    diag_deinit(&d);
    return code;
}

int main(int argc, char **argv) {
    const char *first = argc > 1 ? argv[1] : "--help";
    if (strcmp(first, "--version") == 0) {
        printf("rnnc %s\n", RNNC_VERSION);
        return EXIT_FINE;
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
        print_usage(argc > 1 ? stdout : stderr);
        return argc > 1 ? EXIT_FINE : EXIT_MISUSE;
    }
    const command_row *c = find_command(first);
    return c ? run_command(c, argc, argv) : report_unknown(first);
}
