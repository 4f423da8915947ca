#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"

typedef struct path_lists {
    arena memory;
    VEC(const char *) written, read;
} path_lists;

// A device may be written by several options, and be read, too.
static bool is_same_file(const char *a, const char *b) {
    struct stat first, second;
    if (stat(a, &first) == 0 && stat(b, &second) == 0) {
        return S_ISREG(first.st_mode) && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
    }
    return strcmp(a, b) == 0;
}

static void list_written(const command_line *line, path_lists *l) {
    const char *const alone[] = {line->output,      line->header,  line->weights_file,
                                 line->weights_out, line->metrics, line->plot};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
        if (alone[i]) {
            vec_push(&l->memory, l->written, alone[i]);
        }
    }
    for (uint32_t i = 0; i < line->outputs.count; i++) {
        vec_push(&l->memory, l->written, line->outputs.at[i].value);
    }
}

static void list_read(const command_line *line, path_lists *l) {
    // A training may put its weights in the place of those that it began with: then they are in the other list.
    if (line->weights && !(line->weights_out && is_same_file(line->weights, line->weights_out))) {
        vec_push(&l->memory, l->read, line->weights);
    }
    if (line->file) {
        vec_push(&l->memory, l->read, line->file);
    }
    for (uint32_t i = 1; i < line->files.count; i++) {
        vec_push(&l->memory, l->read, line->files.at[i]);
    }
    const pair_list *pairs[] = {&line->data, &line->inputs};
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        for (uint32_t i = 0; i < pairs[k]->count; i++) {
            vec_push(&l->memory, l->read, pairs[k]->at[i].value);
        }
    }
}

static rnnc_status check_written(const path_lists *l, uint32_t index, diag_sink *d) {
    const char *path = l->written.at[index];
    for (uint32_t i = index + 1; i < l->written.count; i++) {
        if (is_same_file(path, l->written.at[i])) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "%s would be written twice: give each file a name of its own", path);
        }
    }
    for (uint32_t i = 0; i < l->read.count; i++) {
        if (is_same_file(path, l->read.at[i])) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "%s is read, and would be written over: give what is written another name",
                             path);
        }
    }
    return RNNC_OK;
}

rnnc_status check_paths(const command_line *line, diag_sink *d) {
    path_lists lists = {0};
    arena_init(&lists.memory);
    list_written(line, &lists);
    list_read(line, &lists);
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < lists.written.count && status == RNNC_OK; i++) {
        status = check_written(&lists, i, d);
    }
    arena_deinit(&lists.memory);
    return status;
}
