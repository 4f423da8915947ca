// Golden tests of the language. Called with the name of a folder beside this file: for every .rnn text in it the
// diagnostics, and the graph if there is one, must be what stands in the .expected file beside it.
// A text's first line may give options: `# options: --model m --recipe r --set name=value --training`.
#include <dirent.h>
#include <stdlib.h>

#include "frontend/model.h"
#include "ir/text.h"
#include "ir/verify.h"

enum { MOST_WORDS = 32 };

typedef struct options {
    char line[1024];
    model_setting settings[MOST_WORDS];
    model_options build;
} options;

static bool read_file(const char *path, strbuf *out) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        return false;
    }
    char bytes[4096];
    size_t got;
    while ((got = fread(bytes, 1, sizeof bytes, file)) > 0) {
        strbuf_add_bytes(out, bytes, got);
    }
    fclose(file);
    return true;
}

static void take_option(options *o, const char *word) {
    char *value = strtok(NULL, " ");
    if (strcmp(word, "--training") == 0) {
        o->build.training = true;
    } else if (strcmp(word, "--model") == 0) {
        o->build.model = value;
    } else if (strcmp(word, "--recipe") == 0) {
        o->build.recipe = value;
    } else if (strcmp(word, "--set") == 0 && value && strchr(value, '=')) {
        char *equals = strchr(value, '=');
        *equals = '\0';
        o->settings[o->build.setting_count++] = (model_setting){value, equals + 1};
    }
}

static void read_options(options *o, const char *text) {
    static const char mark[] = "# options: ";
    o->build.settings = o->settings;
    if (strncmp(text, mark, strlen(mark)) != 0) {
        return;
    }
    size_t length = strcspn(text + strlen(mark), "\n");
    snprintf(o->line, sizeof o->line, "%.*s", (int)length, text + strlen(mark));
    for (char *word = strtok(o->line, " "); word; word = strtok(NULL, " ")) {
        take_option(o, word);
    }
}

static void build(diag_sink *d, const char *name, const strbuf *text, strbuf *out) {
    options o = {0};
    read_options(&o, strbuf_text(text));
    source_unit *unit;
    model *m = NULL;
    if (source_parse(d, name, strbuf_text(text), text->length, &unit) == RNNC_OK) {
        if (model_build(d, unit, &o.build, &m) == RNNC_OK && graph_verify(m->graph, d) == RNNC_OK) {
            graph_print(m->graph, out);
            strbuf_addf(out, "# loss: %s\n# reduction: %s\n", m->loss_text ? m->loss_text : "none",
                        m->loss_reduction ? m->loss_reduction : "none");
        }
        model_destroy(m);
        source_destroy(unit);
    }
    diag_render(d, out);
}

static bool write_expected(const char *path, const strbuf *text) {
    FILE *file = fopen(path, "wb");
    if (!file) {
        return false;
    }
    fwrite(strbuf_text(text), 1, text->length, file);
    return fclose(file) == 0;
}

// The first line that differs; the rest seldom says more.
static void report_difference(const char *path, const char *expected, const char *found) {
    int line = 1;
    size_t begin = 0;
    for (size_t i = 0; expected[i] && expected[i] == found[i]; i++) {
        if (expected[i] == '\n') {
            line++;
            begin = i + 1;
        }
    }
    fprintf(stderr, "%s:%d: expected\n    %.*s\nfound\n    %.*s\n", path, line,
            (int)strcspn(expected + begin, "\n"), expected + begin, (int)strcspn(found + begin, "\n"),
            found + begin);
}

// Compares, or writes if the environment asks for it.
static bool check(const char *path, const strbuf *found) {
    if (getenv("RNNC_UPDATE")) {
        return write_expected(path, found);
    }
    strbuf expected = {0};
    bool same = read_file(path, &expected) && strcmp(strbuf_text(&expected), strbuf_text(found)) == 0;
    if (!same) {
        report_difference(path, strbuf_text(&expected), strbuf_text(found));
    }
    strbuf_deinit(&expected);
    return same;
}

static bool run_text(const char *folder, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "tests/lang/%s/%s", folder, name);
    strbuf text = {0}, found = {0};
    if (!read_file(path, &text)) {
        fprintf(stderr, "%s cannot be read\n", path);
        return false;
    }
    diag_sink d;
    diag_init(&d);
    build(&d, name, &text, &found);
    diag_deinit(&d);
    snprintf(strrchr(path, '.'), 16, ".expected");
    bool same = check(path, &found);
    strbuf_deinit(&text);
    strbuf_deinit(&found);
    return same;
}

static int is_text(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".rnn") == 0;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: test_lang errors|graphs\n");
        return 2;
    }
    char folder[256];
    snprintf(folder, sizeof folder, "tests/lang/%s", argv[1]);
    struct dirent **entries;
    int count = scandir(folder, &entries, is_text, alphasort);
    int wrong = count <= 0;
    for (int i = 0; i < count; i++) {
        wrong += !run_text(argv[1], entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    printf("%d texts, %d wrong\n", count, wrong);
    return wrong != 0;
}
