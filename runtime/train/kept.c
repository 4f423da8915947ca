#include "runtime/train/kept.h"

#include <string.h>
#include <sys/stat.h>

typedef struct option_names {
    const char *resume, *every, *folder, *weights;
} option_names;

static const option_names *names_of(bool by_library) {
    static const option_names command = {"--resume", "--checkpoint-every", "--checkpoint DIR", "--weights"},
                              library = {"resume", "checkpoint_every", "checkpoint_folder",
                                         "rnnc_weights_load"};
    return by_library ? &library : &command;
}

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
static const char *choose_folder(const kept_request *r, arena *memory) {
    if (r->folder || !r->resume || !*r->resume) {
        return r->folder;
    }
    return is_folder(r->resume) ? r->resume : folder_of(r->resume, memory);
}

static rnnc_status check_request(const kept_request *r, const char *folder, diag_sink *d) {
    const option_names *names = names_of(r->by_library);
    const char *option = r->resume ? names->resume : r->every ? names->every : NULL;
    return folder || !option ? RNNC_OK
                             : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                                         "%s needs a folder of checkpoints: %s", option, names->folder);
}

// Checkpoints of a training that is not gone on with must not be mixed with new ones, or removed as too old.
static rnnc_status check_unused(const kept_training *kept, diag_sink *d) {
    const char *folder = kept->folder.path;
    uint32_t count = 0;
    TRY(checkpoint_count(folder, d, &count));
    if (count == 0) {
        return RNNC_OK;
    }
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                     "%s holds %u checkpoints of an earlier training: go on with it by %s, or name another "
                     "folder",
                     folder, count, names_of(kept->by_library)->resume);
}

static rnnc_status open_file(const char *path, diag_sink *d, kept_training *kept) {
    TRY(checkpoint_read(path, d, &kept->from));
    kept->resumes = true;
    bool inside = is_same_folder(folder_of(path, &kept->memory), kept->folder.path);
    return inside ? RNNC_OK : check_unused(kept, d);
}

static rnnc_status open_newest(const char *folder, diag_sink *d, kept_training *kept) {
    if (!is_same_folder(folder, kept->folder.path)) {
        TRY(check_unused(kept, d));
    }
    TRY(checkpoint_newest(folder, &kept->memory, d, &kept->from, &kept->resumes));
    if (!kept->resumes) {
        diag_note(d, NO_SPAN, "%s holds no checkpoint yet: the training begins", folder);
    }
    return RNNC_OK;
}

rnnc_status kept_open(const kept_request *r, diag_sink *d, kept_training *kept) {
    const char *folder = choose_folder(r, &kept->memory);
    kept->by_library = r->by_library;
    TRY(check_request(r, folder, d));
    if (!folder) {
        return RNNC_OK;
    }
    struct stat facts;
    if (r->resume && *r->resume && stat(r->resume, &facts)) {
        return diag_fail(d, RNNC_IO, NO_SPAN, "%s %s: there is no such folder or checkpoint",
                         names_of(r->by_library)->resume, r->resume);
    }
    TRY(checkpoint_folder_open(folder, d, &kept->folder));
    if (!r->resume) {
        return check_unused(kept, d);
    }
    bool file = *r->resume && !is_folder(r->resume);
    return file ? open_file(r->resume, d, kept) : open_newest(*r->resume ? r->resume : folder, d, kept);
}

rnnc_status kept_identify(kept_training *kept, const training_subject *subject, diag_sink *d) {
    if (!kept->folder.path) {
        return RNNC_OK;
    }
    TRY(describe_weights(subject, d, &kept->about));
    TRY(describe_training(subject, d, &kept->about));
    if (!kept->resumes) {
        return RNNC_OK;
    }
    TRY(check_identity(&kept->about, &kept->from, names_of(kept->by_library)->weights, d));
    const char *version = safetensors_metadata(&kept->from, "rnnc.version");
    if (!version || strcmp(version, subject->version) != 0) {
        diag_note(d, NO_SPAN, "%s was written by rnnc %s; this is rnnc %s", kept->from.name,
                  version ? version : "of unknown version", subject->version);
    }
    return RNNC_OK;
}

training_checkpoints kept_checkpoints(const kept_training *kept, int64_t every, int64_t keep) {
    return (training_checkpoints){.folder = kept->folder.path,
                                  .every = every,
                                  .keep = keep,
                                  .about = &kept->about,
                                  .resume_from = kept->resumes ? &kept->from : NULL};
}

void kept_close(kept_training *kept) {
    if (kept->resumes) {
        safetensors_deinit(&kept->from);
    }
    checkpoint_folder_close(&kept->folder);
    record_deinit(&kept->about);
    arena_deinit(&kept->memory);
}
