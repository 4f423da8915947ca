#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/data/atomic_file.h"
#include "runtime/train/checkpoint.h"

// ---- Names ----

#define STEP_DIGITS "12"

static const char name_format[] = "step-%0" STEP_DIGITS "lld.safetensors";

static void name_of(int64_t step, char name[64]) {
    snprintf(name, 64, name_format, (long long)step);
}

static const char *separator_of(const char *folder) {
    size_t length = strlen(folder);
    return length && folder[length - 1] == '/' ? "" : "/";
}

char *checkpoint_path(arena *memory, const char *folder, int64_t step) {
    char name[64];
    name_of(step, name);
    return arena_printf(memory, "%s%s%s", folder, separator_of(folder), name);
}

// The same on the heap.
static rnnc_status make_path(const char *folder, int64_t step, diag_sink *d, char **out_path) {
    char name[64];
    name_of(step, name);
    size_t size = strlen(folder) + sizeof name + 1;
    *out_path = malloc(size);
    if (!*out_path) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a path");
    }
    snprintf(*out_path, size, "%s%s%s", folder, separator_of(folder), name);
    return RNNC_OK;
}

// The step that a name speaks of, -1 if it is no checkpoint's.
static int64_t step_of(const char *name) {
    static const char begin[] = "step-";
    bool may = strncmp(name, begin, strlen(begin)) == 0;
    int64_t step = may ? strtoll(name + strlen(begin), NULL, 10) : -1;
    char exact[64];
    name_of(step, exact);
    return step >= 0 && strcmp(exact, name) == 0 ? step : -1;
}

// The process that a temporary file of runtime/data/atomic_file.c belongs to; 0 if it is none.
static long process_of(const char *name) {
    long process = 0;
    int number = 0, end = 0;
    bool fits = sscanf(name, ".rnnc-%ld-%d.tmp%n", &process, &number, &end) == 2 && end > 0 && !name[end];
    return fits ? process : 0;
}

// ---- Opening ----

static rnnc_status make_folder(const char *path, diag_sink *d) {
    struct stat facts;
    int error = mkdir(path, 0777) == 0 ? 0 : errno; // stat has an error of its own
    if (error == 0 || (stat(path, &facts) == 0 && S_ISDIR(facts.st_mode))) {
        return RNNC_OK;
    }
    return file_error(d, path, "make the folder", error);
}

static rnnc_status lock_folder(checkpoint_folder *f, diag_sink *d) {
    f->descriptor = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->descriptor < 0) {
        return file_error(d, f->path, "open the folder", errno);
    }
    // Some file systems know no locks; there it is the user who takes care.
    if (flock(f->descriptor, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
        return diag_fail(d, RNNC_IO, NO_SPAN, "%s: another training is writing its checkpoints there",
                         f->path);
    }
    return RNNC_OK;
}

static rnnc_status probe_folder(const char *path, diag_sink *d) {
    atomic_file probe;
    char *file;
    TRY(make_path(path, 0, d, &file));
    rnnc_status status = atomic_file_open(file, d, &probe);
    if (status == RNNC_OK) {
        atomic_file_abandon(&probe);
    }
    free(file);
    return status;
}

// A file that a living process may still be writing is left alone.
static void remove_leftovers(const checkpoint_folder *f) {
    DIR *folder = opendir(f->path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        long process = process_of(entry->d_name);
        if (process > 0 && kill((pid_t)process, 0) && errno == ESRCH) {
            unlinkat(f->descriptor, entry->d_name, 0);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

rnnc_status checkpoint_folder_open(const char *path, diag_sink *d, checkpoint_folder *out_folder) {
    *out_folder = (checkpoint_folder){path, -1};
    TRY(make_folder(path, d));
    rnnc_status status = lock_folder(out_folder, d);
    status = status == RNNC_OK ? probe_folder(path, d) : status;
    if (status != RNNC_OK) {
        checkpoint_folder_close(out_folder);
        return status;
    }
    remove_leftovers(out_folder);
    return RNNC_OK;
}

void checkpoint_folder_close(checkpoint_folder *f) {
    if (f->path && f->descriptor >= 0) {
        close(f->descriptor);
    }
    *f = (checkpoint_folder){NULL, -1};
}

// ---- Lists ----

typedef struct step_list {
    int64_t *steps; // falling; malloc's
    uint32_t count, capacity;
} step_list;

static int compare_falling(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left > right ? -1 : left < right;
}

static bool add_step(step_list *l, int64_t step) {
    if (l->count == l->capacity) {
        uint32_t more = l->capacity ? l->capacity * 2 : 16;
        int64_t *grown = realloc(l->steps, more * sizeof *grown);
        if (!grown) {
            return false;
        }
        l->steps = grown;
        l->capacity = more;
    }
    l->steps[l->count++] = step;
    return true;
}

// The list is to be freed also after an error.
static rnnc_status list_steps(const char *path, diag_sink *d, step_list *out_list) {
    *out_list = (step_list){0};
    DIR *folder = opendir(path);
    if (!folder) {
        return errno == ENOENT ? RNNC_OK : file_error(d, path, "read the folder", errno);
    }
    bool room = true;
    for (struct dirent *entry; room && (entry = readdir(folder));) {
        int64_t step = step_of(entry->d_name);
        room = step < 0 || add_step(out_list, step);
    }
    closedir(folder);
    if (out_list->count) {
        qsort(out_list->steps, out_list->count, sizeof(int64_t), compare_falling);
    }
    return room
               ? RNNC_OK
               : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of checkpoints in %s", path);
}

rnnc_status checkpoint_count(const char *path, diag_sink *d, uint32_t *out_count) {
    step_list list;
    rnnc_status status = list_steps(path, d, &list);
    *out_count = list.count;
    free(list.steps);
    return status;
}

// Opens one; if it is damaged or cannot be read, a note says so and |*out_sound| is false. Damage may look like anything,
// also like a file of a kind that is not known here.
static rnnc_status try_file(const char *path, diag_sink *d, safetensors *out_file, bool *out_sound) {
    diag_sink own;
    diag_init(&own);
    rnnc_status status = checkpoint_read(path, &own, out_file);
    *out_sound = status == RNNC_OK;
    const char *why = own.entries.count ? own.entries.at[0].message : path;
    if (status == RNNC_OUT_OF_MEMORY) {
        diag_fail(d, status, NO_SPAN, "%s", why);
    } else if (status != RNNC_OK) {
        diag_note(d, NO_SPAN, "passed over: %s", why);
        status = RNNC_OK;
    }
    diag_deinit(&own);
    return status;
}

// |path| is in the caller's arena, as the open file keeps it.
static rnnc_status try_listed(const step_list *list, const char *folder, char *path, diag_sink *d,
                              safetensors *out_file, bool *out_found) {
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < list->count && !*out_found && status == RNNC_OK; i++) {
        name_of(list->steps[i], path + strlen(folder) + strlen(separator_of(folder)));
        status = try_file(path, d, out_file, out_found);
    }
    return status;
}

rnnc_status checkpoint_newest(const char *path, arena *memory, diag_sink *d, safetensors *out_file,
                              bool *out_found) {
    step_list list;
    *out_found = false;
    char *file = arena_printf(memory, "%s%s%64s", path, separator_of(path), "");
    rnnc_status status = list_steps(path, d, &list);
    status = status == RNNC_OK ? try_listed(&list, path, file, d, out_file, out_found) : status;
    uint32_t count = list.count;
    free(list.steps);
    if (status == RNNC_OK && count && !*out_found) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s: none of its %u checkpoints is complete; to begin anew name another folder",
                         path, count);
    }
    return status;
}

static rnnc_status remove_one(const char *path, int64_t step, diag_sink *d) {
    char *file;
    TRY(make_path(path, step, d, &file));
    rnnc_status status = unlink(file) && errno != ENOENT ? file_error(d, file, "remove", errno) : RNNC_OK;
    free(file);
    return status;
}

rnnc_status checkpoint_prune(const char *path, int64_t step, int64_t keep, diag_sink *d) {
    step_list list;
    rnnc_status status = list_steps(path, d, &list);
    int64_t seen = 0;
    for (uint32_t i = 0; i < list.count && status == RNNC_OK; i++) {
        bool old = list.steps[i] <= step && ++seen > keep;
        status = old ? remove_one(path, list.steps[i], d) : RNNC_OK;
    }
    free(list.steps);
    return status;
}
