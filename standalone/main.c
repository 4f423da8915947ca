// The program around an object: its options and its help.
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "standalone/parts.h"

// ---- What all parts use ----

void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fflush(stdout);
    fprintf(stderr, "%s: error: ", standalone_model_of.name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

void *take_memory(int64_t count, int64_t size) {
    bool fits = count >= 0 && (uint64_t)count < SIZE_MAX / 2 / (uint64_t)size;
    void *memory = fits ? calloc((size_t)count + 1, (size_t)size) : NULL;
    if (!memory) {
        die("no memory for %lld numbers", (long long)count);
    }
    return memory;
}

void flush_output(void) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        die("standard output cannot be written");
    }
}

// ---- Help ----

static void show_extent(const standalone_model *m, int axis) {
    const standalone_axis *a = &m->axes[axis];
    if (axis == 0) {
        printf("[rows]");
    } else if (a->given) {
        printf("[%s]", a->name);
    } else if (a->whole >= 0) {
        printf("[%s - %d]", m->axes[a->whole].name, -a->more);
    } else {
        printf("[%d]", a->most);
    }
}

static void show_value(const standalone_model *m, const standalone_value *v, const char *what) {
    static const char *const kinds[] = {"float32", "float64", "int32"};
    printf("  %-6s %-12s %s", what, v->name, kinds[v->kind]);
    for (int32_t i = 0; i < m->axis_count; i++) {
        if (v->axes >> m->order[i] & 1) {
            show_extent(m, m->order[i]);
        }
    }
    if (v->columns > 1) {
        printf("[%d]", v->columns);
    }
    if (v->limit > 0) {
        printf(", tokens: 0 to %d", v->limit - 1);
    }
    printf("%s\n", v->lengths >= 0 ? ", steps that count of each row; may be left out" : "");
}

static void show_values(const standalone_model *m) {
    printf("\nvalues, and their dimensions in files:\n");
    for (int32_t i = 0; i < m->input_count; i++) {
        show_value(m, &m->inputs[i], "input");
    }
    for (int32_t i = 0; i < m->output_count; i++) {
        show_value(m, &m->outputs[i], "output");
    }
    for (int32_t a = 1; a < m->axis_count; a++) {
        if (m->axes[a].given && !m->streams) {
            printf("%s is %d to %d.\n", m->axes[a].name, m->axes[a].least, m->axes[a].most);
        }
    }
}

static bool is_generator(const standalone_model *m) {
    return m->encode && m->text >= 0 && m->scores >= 0;
}

static void show_usage(const standalone_model *m, const char *self) {
    printf("%s: a recurrent network, compiled by rnnc\n\nusage:\n", m->name);
    if (is_generator(m)) {
        printf("  %s [--prompt TEXT] [--length N] [--temperature T] [--top-k K] [--seed N]\n", self);
    } else if (reads_lines(m)) {
        printf("  %s %-21s each line is a sequence\n", self, "< text");
    }
    bool text = is_generator(m) || reads_lines(m);
    printf("  %s %-21s numbers on standard input, parted by spaces or lines\n", self,
           text ? "--numbers < numbers" : "< numbers");
    printf("  %s %-21s the same as they lie in memory\n", self, "--raw < bytes");
    printf("  %s --in NAME=F.npy ... --out NAME=F.npy ...\n\n", self);
}

static void show_help(const standalone_model *m, const char *self) {
    show_usage(m, self);
    if (is_generator(m)) {
        printf("  --prompt TEXT      what the text begins with; else a new line\n"
               "  --length N         how many characters or words to add; else 500\n"
               "  --temperature T    below 1 the likely becomes likelier; 0: always the likeliest; else 1\n"
               "  --top-k K          draw from the K likeliest only; else from all\n"
               "  --seed N           of what is drawn; else 1\n");
    } else if (!m->streams) {
        printf("  --length N         steps of a sequence on standard input; else as many as there may be\n");
    }
    printf("  --in NAME=F.npy    an input's values; once for each\n"
           "  --out NAME=F.npy   where to write an output's values\n"
           "  --raw              values on standard input and output as they lie in memory\n");
    if (is_generator(m) || reads_lines(m)) {
        printf("  --numbers          tokens and answers as numbers\n");
    }
    printf("  --help             this text\n");
    printf("%s", m->streams ? "\nOn standard input each step is answered as it comes.\n"
                            : "\nOn standard input a sequence is read whole, then answered.\n");
    show_values(m);
}

// ---- Options ----

static int64_t read_whole(const char *name, const char *text, int64_t least) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || value < least || errno == ERANGE) {
        die("--%s takes a whole number of at least %lld, found '%s'", name, (long long)least, text);
    }
    return value;
}

static double read_real(const char *name, const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= 0 && value <= 1e300)) {
        die("--%s takes a number of at least 0, found '%s'", name, text);
    }
    return value;
}

static void add_choice(choice *list, int *count, const char *name, char *text) {
    char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) {
        die("--%s takes NAME=F.npy, found '%s'", name, text);
    }
    *equals = 0;
    for (int i = 0; i < *count; i++) {
        if (strcmp(list[i].name, text) == 0) {
            die("--%s %s stands twice", name, text);
        }
    }
    list[(*count)++] = (choice){text, equals + 1};
}

static bool takes_value(const char *name) {
    static const char *const names[] = {"in", "out", "prompt", "length", "temperature", "top-k", "seed"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        found |= strcmp(name, names[i]) == 0;
    }
    return found;
}

// An option with a value. False: there is none of that name.
static bool take_option(program_line *line, choice *in, choice *out, const char *name, char *value) {
    if (strcmp(name, "in") == 0) {
        add_choice(in, &line->in_count, name, value);
    } else if (strcmp(name, "out") == 0) {
        add_choice(out, &line->out_count, name, value);
    } else if (strcmp(name, "prompt") == 0) {
        line->prompt = value;
    } else if (strcmp(name, "length") == 0) {
        line->length = read_whole(name, value, 1);
    } else if (strcmp(name, "temperature") == 0) {
        line->temperature = read_real(name, value);
    } else if (strcmp(name, "top-k") == 0) {
        line->top_k = read_whole(name, value, 1);
    } else if (strcmp(name, "seed") == 0) {
        line->seed = (uint64_t)read_whole(name, value, 0);
    } else {
        return false;
    }
    return true;
}

static bool take_flag(program_line *line, const char *name, bool *out_help) {
    bool help = strcmp(name, "help") == 0, raw = strcmp(name, "raw") == 0,
         text = strcmp(name, "numbers") == 0;
    line->raw |= raw;
    line->text |= text;
    *out_help |= help;
    return help || raw || text;
}

// Reads all options; true if help is wanted.
static bool read_options(int argc, char **argv, program_line *line, choice *in, choice *out) {
    bool help = false;
    for (int at = 1; at < argc; at++) {
        bool is_option = strncmp(argv[at], "--", 2) == 0 || strcmp(argv[at], "-h") == 0;
        char help_name[] = "help";
        char *name = strcmp(argv[at], "-h") == 0 ? help_name : argv[at] + 2;
        if (is_option && take_flag(line, name, &help)) {
            continue;
        }
        char *equals = is_option ? strchr(name, '=') : NULL;
        if (equals) {
            *equals = 0;
        }
        char *value = equals ? equals + 1 : at + 1 < argc ? argv[at + 1] : NULL;
        if (!is_option || !value || !take_option(line, in, out, name, value)) {
            bool lacks = is_option && !value && takes_value(name);
            die("%s %s; see --help", argv[at], lacks ? "needs a value" : "is no option");
        }
        at += !equals;
    }
    return help;
}

int main(int argc, char **argv) {
    const standalone_model *m = &standalone_model_of;
    choice *in = take_memory(argc, sizeof *in), *out = take_memory(argc, sizeof *out);
    program_line line = {.in = in, .out = out, .temperature = 1, .seed = 1};
    if (read_options(argc, argv, &line, in, out)) {
        show_help(m, argc ? argv[0] : m->name);
    } else if (line.in_count || line.out_count) {
        run_files(m, &line);
    } else if (is_generator(m) && !line.raw && !line.text) {
        run_generator(m, &line);
    } else if (reads_lines(m) && !line.raw && !line.text) {
        run_lines(m, &line);
    } else {
        run_stream(m, &line);
    }
    free(in);
    free(out);
    flush_output();
    return 0;
}
