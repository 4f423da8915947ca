#include "cli/checkpoints.h"

#include <string.h>

static void print_quoted(const char *text, FILE *out) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";
    if (*text && !text[strspn(text, plain)]) {
        fputs(text, out);
        return;
    }
    fputc('\'', out);
    for (const char *c = text; *c; c++) {
        if (*c == '\'') {
            fputs("'\\''", out);
        } else {
            fputc(*c, out);
        }
    }
    fputc('\'', out);
}

// How many arguments from |at| on belong to a --resume; 0: it is something else.
static int resume_arguments(const command_line *line, int at) {
    const char *text = line->argv[at];
    if (strncmp(text, "--resume=", 9) == 0) {
        return 1;
    }
    if (strcmp(text, "--resume") != 0) {
        return 0;
    }
    return at + 1 < line->argc && options_is_place(line->argv[at + 1]) ? 2 : 1;
}

void print_resuming(const command_line *line, const kept_training *kept, FILE *out) {
    for (int i = 0; i < line->argc;) {
        int passed = i > 1 ? resume_arguments(line, i) : 0;
        if (!passed) {
            fputs(i ? " " : "", out);
            print_quoted(line->argv[i++], out);
        }
        i += passed;
    }
    fputs(" --resume", out);
    if (!line->checkpoint) {
        fputc(' ', out);
        print_quoted(kept->folder.path, out);
    }
    fputc('\n', out);
}
