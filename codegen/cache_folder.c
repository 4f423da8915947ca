#include "codegen/cache_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int64_t mebibyte = 1 << 20, default_mebibytes = 256, most_mebibytes = 1 << 20;
// Nobody writes one file for this long.
static const time_t temporary_seconds = 3600;

// ---- Where it is ----

bool cache_is_own(const struct stat *s) {
    return s->st_uid == geteuid() && !(s->st_mode & (S_IWGRP | S_IWOTH));
}

void cache_tell_foreign(code_cache *c, const char *what, diag_sink *d) {
    if (!c->told) {
        diag_note(d, NO_SPAN, "%s%s belongs to somebody else or can be written by others: it is ignored",
                  what, c->path);
        c->told = true;
    }
}

// A variable of the environment that is an absolute path, or NULL: others are to be ignored (XDG Base Directory
// Specification).
static const char *absolute_path(const char *variable) {
    const char *path = getenv(variable);
    return path && *path == '/' ? path : NULL;
}

// The folder's path, with the one above it made; NULL without memory or without a place for it.
static char *make_path(const allocator *from, const char **out_why) {
    const char *cache = absolute_path("XDG_CACHE_HOME"), *home = absolute_path("HOME");
    if (!cache && !home) {
        *out_why = "neither XDG_CACHE_HOME nor HOME is set";
        return NULL;
    }
    strbuf path = {0};
    strbuf_addf(&path, "%s%s", cache ? cache : home, cache ? "" : "/.cache");
    if (!path.failed) {
        mkdir(path.text, 0700); // It is there, or the next one fails.
    }
    strbuf_add(&path, "/rnnc");
    char *kept = path.failed ? NULL : allocator_array(from, path.length + 1, 1);
    if (kept) {
        memcpy(kept, path.text, path.length + 1);
    } else {
        *out_why = "no memory for its path";
    }
    strbuf_deinit(&path);
    return kept;
}

static int64_t read_limit(diag_sink *d) {
    const char *text = getenv("RNNC_CACHE_MIB");
    if (!text || !*text) {
        return default_mebibytes * mebibyte;
    }
    char *end = NULL;
    errno = 0;
    long long wanted = strtoll(text, &end, 10);
    if (end == text || *end || errno || wanted < 0 || wanted > most_mebibytes) {
        diag_warning(d, NO_SPAN,
                     "RNNC_CACHE_MIB: a whole number from 0 to %lld is expected, found '%s'; %lld is used",
                     (long long)most_mebibytes, text, (long long)default_mebibytes);
        wanted = default_mebibytes;
    }
    return wanted * mebibyte;
}

static const char *open_folder(code_cache *c, diag_sink *d) {
    if (mkdir(c->path, 0700) && errno != EEXIST) {
        return "the folder cannot be made";
    }
    c->folder = open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat found;
    if (c->folder < 0) {
        return "the folder cannot be opened";
    }
    if (fstat(c->folder, &found) || !cache_is_own(&found)) {
        cache_tell_foreign(c, "the kernel cache ", d);
        close(c->folder);
        return "the folder is not the user's own";
    }
    return NULL;
}

void code_cache_open(code_cache *c, diag_sink *d) {
    if (c->opened) {
        return;
    }
    c->opened = true;
    c->limit = read_limit(d);
    if (!c->limit) {
        c->why = "RNNC_CACHE_MIB is 0";
        return;
    }
    c->path = make_path(&c->from, &c->why);
    c->why = c->path ? open_folder(c, d) : c->why;
    if (c->why) {
        allocator_free(&c->from, c->path);
        c->path = NULL;
    }
}

void code_cache_close(code_cache *c) {
    if (c->path) {
        close(c->folder);
        allocator_free(&c->from, c->path);
    }
    *c = (code_cache){.from = c->from};
}

// ---- How large it is ----

typedef struct kept_file {
    char name[CACHE_NAME_SIZE];
    int64_t bytes;
    struct timespec used;
} kept_file;

typedef struct kept_files {
    kept_file *at;
    size_t count, capacity;
    int64_t bytes;
} kept_files;

static bool ends_with(const char *name, const char *suffix) {
    size_t length = strlen(name), own = strlen(suffix);
    return length > own && length < CACHE_NAME_SIZE && strcmp(name + length - own, suffix) == 0;
}

static void add_file(kept_files *files, const char *name, const struct stat *found) {
    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? 2 * files->capacity : 64;
        kept_file *grown = realloc(files->at, capacity * sizeof *grown);
        if (!grown) {
            return; // The folder is looked through again after the next write.
        }
        files->at = grown;
        files->capacity = capacity;
    }
    kept_file *f = &files->at[files->count++];
    *f = (kept_file){.bytes = found->st_size, .used = found->st_mtim};
    memcpy(f->name, name, strlen(name) + 1); // ends_with has seen that there is room
    files->bytes += f->bytes;
}

static void look_at(const code_cache *c, const char *name, time_t now, kept_files *files) {
    bool kept = ends_with(name, CACHE_SUFFIX), temporary = ends_with(name, CACHE_TEMPORARY_SUFFIX);
    struct stat found;
    if ((!kept && !temporary) || fstatat(c->folder, name, &found, AT_SYMLINK_NOFOLLOW) ||
        !S_ISREG(found.st_mode)) {
        return;
    }
    if (kept) {
        add_file(files, name, &found);
    } else if (now - found.st_mtim.tv_sec > temporary_seconds) {
        unlinkat(c->folder, name, 0);
    }
}

static int by_use(const void *a, const void *b) {
    const struct timespec *x = &((const kept_file *)a)->used, *y = &((const kept_file *)b)->used;
    return x->tv_sec != y->tv_sec ? (x->tv_sec > y->tv_sec) - (x->tv_sec < y->tv_sec)
                                  : (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

void cache_shrink(const code_cache *c) {
    int again = openat(c->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    if (!folder) {
        return;
    }
    kept_files files = {.at = NULL};
    time_t now = time(NULL);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        look_at(c, entry->d_name, now, &files);
    }
    closedir(folder);
    if (files.bytes > c->limit) {
        qsort(files.at, files.count, sizeof *files.at, by_use);
        for (size_t i = 0; i < files.count && files.bytes > c->limit; i++) {
            unlinkat(c->folder, files.at[i].name, 0);
            files.bytes -= files.at[i].bytes;
        }
    }
    free(files.at);
}
