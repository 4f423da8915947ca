// Stored cases that hold an input and what must come of it, divided by the line "# ----".
#ifndef RNNC_TESTS_UNIT_GOLDEN_TEXT_H
#define RNNC_TESTS_UNIT_GOLDEN_TEXT_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct golden_case {
    const char *name; // of the file, without its folder
    char *input;      // the whole text; ends where the dividing line began
    char *expected;   // what follows the dividing line, inside the same text; NULL if there is no such line
} golden_case;

// The text of a file, zero-terminated; NULL if it cannot be read. The caller frees it.
static inline char *read_text(const char *path) {
    enum { BLOCK = 4096 };
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0, more = file ? BLOCK : 0;
    while (more == BLOCK) {
        char *longer = realloc(text, size + BLOCK + 1);
        if (!longer) {
            break;
        }
        text = longer;
        more = fread(text + size, 1, BLOCK, file);
        size += more;
        text[size] = '\0';
    }
    if (file) {
        fclose(file);
    }
    return text;
}

static inline void divide_case(golden_case *c) {
    static const char line[] = "\n# ----\n";
    char *found = strstr(c->input, line);
    if (found) {
        found[1] = '\0';
        c->expected = found + sizeof line - 1;
    }
}

// Calls |run| with each case of |folder| in the order of their names. Returns their number, 0 if there is no folder.
static inline int for_each_case(const char *folder, void (*run)(const golden_case *c)) {
    struct dirent **entries;
    int total = scandir(folder, &entries, NULL, alphasort), count = 0;
    for (int i = 0; i < total; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        golden_case c = {.name = entries[i]->d_name};
        if (entries[i]->d_name[0] != '.' && (c.input = read_text(path))) {
            divide_case(&c);
            run(&c);
            count++;
        }
        free(c.input);
        free(entries[i]);
    }
    if (total >= 0) {
        free(entries);
    }
    return count;
}

#endif
