#include "cli/checkpoints.h"

#include <string.h>
#include <sys/stat.h>

// ---- Opening ----

static bool is_folder(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

static const char *folder_of(const char *path, arena *memory) {
    const char *slash = strrchr(path, '/');
    return !slash ? "." : slash == path ? "/" : arena_strndup(memory, path, (size_t)(slash - path));
}

static bool is_same_folder(const char *a, const char *b) {
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

// The folder to write to; NULL: none.
static const char *choose_folder(const command_line *line, arena *memory) {
    if (line->checkpoint || !line->resume || !*line->resume) {
        return line->checkpoint;
    }
    return is_folder(line->resume) ? line->resume : folder_of(line->resume, memory);
}

static rnnc_status check_options(const command_line *line, const char *folder, diag_sink *d) {
    const char *option = line->resume ? "--resume" : line->checkpoint_every ? "--checkpoint-every" : NULL;
    return folder || !option ? RNNC_OK
                             : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                                         "%s needs a folder of checkpoints: --checkpoint DIR", option);
}

// Checkpoints of a training that is not gone on with must not be mixed with new ones, or removed as too old.
static rnnc_status check_unused(const char *folder, diag_sink *d) {
    uint32_t count = 0;
    TRY(checkpoint_count(folder, d, &count));
    if (count == 0) {
        return RNNC_OK;
    }
    return diag_fail(
        d, RNNC_INVALID_ARGUMENT, NO_SPAN,
        "%s holds %u checkpoints of an earlier training: go on with it by --resume, or name another "
        "folder",
        folder, count);
}

static rnnc_status open_file(const char *path, diag_sink *d, kept_training *kept) {
    TRY(checkpoint_read(path, d, &kept->from));
    kept->resumes = true;
    bool inside = is_same_folder(folder_of(path, &kept->memory), kept->folder.path);
    return inside ? RNNC_OK : check_unused(kept->folder.path, d);
}

static rnnc_status open_newest(const char *folder, diag_sink *d, kept_training *kept) {
    if (!is_same_folder(folder, kept->folder.path)) {
        TRY(check_unused(kept->folder.path, d));
    }
    TRY(checkpoint_newest(folder, &kept->memory, d, &kept->from, &kept->resumes));
    if (!kept->resumes) {
        diag_note(d, NO_SPAN, "%s holds no checkpoint yet: the training begins", folder);
    }
    return RNNC_OK;
}

rnnc_status open_kept(const command_line *line, diag_sink *d, kept_training *out_kept) {
    *out_kept = (kept_training){.folder = {NULL, -1}};
    const char *folder = choose_folder(line, &out_kept->memory);
    TRY(check_options(line, folder, d));
    if (!folder) {
        return RNNC_OK;
    }
    if (line->resume && *line->resume && !is_folder(line->resume)) {
        struct stat facts;
        if (stat(line->resume, &facts)) {
            return diag_fail(d, RNNC_IO, NO_SPAN, "--resume %s: there is no such folder or checkpoint",
                             line->resume);
        }
    }
    TRY(checkpoint_folder_open(folder, d, &out_kept->folder));
    if (!line->resume) {
        return check_unused(folder, d);
    }
    bool file = *line->resume && !is_folder(line->resume);
    return file ? open_file(line->resume, d, out_kept)
                : open_newest(*line->resume ? line->resume : folder, d, out_kept);
}

rnnc_status identify_kept(const command_line *line, const loaded *source, const dataset *data, diag_sink *d,
                          kept_training *kept) {
    if (!kept->folder.path) {
        return RNNC_OK;
    }
    TRY(describe_weights(line, data, d, &kept->about));
    TRY(describe_training(line, source, data, d, &kept->about));
    if (!kept->resumes) {
        return RNNC_OK;
    }
    TRY(check_identity(&kept->about, &kept->from, d));
    const char *version = safetensors_metadata(&kept->from, "rnnc.version");
    if (!version || strcmp(version, RNNC_VERSION) != 0) {
        diag_note(d, NO_SPAN, "%s was written by rnnc %s; this is rnnc %s", kept->from.name,
                  version ? version : "of unknown version", RNNC_VERSION);
    }
    return RNNC_OK;
}

void close_kept(kept_training *kept) {
    if (kept->resumes) {
        safetensors_deinit(&kept->from);
    }
    checkpoint_folder_close(&kept->folder);
    record_deinit(&kept->about);
    arena_deinit(&kept->memory);
}

// ---- How to go on ----

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
