#include "runtime/train/trainer_parts.h"

// ---- Records ----

typedef rnnc_status record_user(trainer *r, record *about);

// The record's arena comes back here without memory.
static rnnc_status use_guarded(trainer *r, record *about, record_user *use) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(r->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what a checkpoint says");
    }
    about->memory.exhausted = &exhausted;
    return use(r, about);
}

static rnnc_status with_record(trainer *r, record_user *use) {
    record about = {0};
    rnnc_status status = use_guarded(r, &about, use);
    record_deinit(&about);
    return status;
}

// ---- The position in words ----

static void add_position(const trainer *r, record *about) {
    const training_position *at = &r->at;
    record_whole(about, "training.epoch", at->epoch);
    record_whole(about, "training.batch", at->batch);
    record_whole(about, "training.step", at->step);
    record_whole(about, "training.best_epoch", at->best_epoch);
    record_real(about, "training.best_judged", at->patience.best);
    record_whole(about, "training.judged", at->patience.judged);
    record_whole(about, "training.waited", at->patience.waited);
    record_whole(about, "training.flat", at->patience.flat);
    record_whole(about, "training.plateaus", at->patience.plateaus);
    record_real(about, "training.seconds", r->seconds_before + trainer_now() - r->begin);
    record_whole(about, "training.metrics_bytes", at->metrics_bytes);
    measures_save(&at->sums, "training.sums.", about);
    measures_save(&at->last, "training.last.", about);
    measures_save(&at->validation, "training.validation.", about);
    measures_save(&at->best_validation, "training.best.", about);
    update_sums_save(&at->updates, about);
}

static rnnc_status read_patience(trainer *r, const safetensors *file) {
    patience *p = &r->at.patience;
    TRY(record_read_real(file, "training.best_judged", r->d, &p->best));
    TRY(record_read_whole(file, "training.judged", r->d, &p->judged));
    TRY(record_read_whole(file, "training.waited", r->d, &p->waited));
    TRY(record_read_whole(file, "training.flat", r->d, &p->flat));
    return record_read_whole(file, "training.plateaus", r->d, &p->plateaus);
}

static rnnc_status read_position(trainer *r, record *keys) {
    const safetensors *file = r->t->checkpoints.resume_from;
    training_position *at = &r->at;
    engine *validation = r->t->validation ? r->t->validation->engine : r->engine;
    TRY(record_read_whole(file, "training.epoch", r->d, &at->epoch));
    TRY(record_read_whole(file, "training.batch", r->d, &at->batch));
    TRY(record_read_whole(file, "training.step", r->d, &at->step));
    TRY(record_read_whole(file, "training.best_epoch", r->d, &at->best_epoch));
    TRY(read_patience(r, file));
    TRY(update_sums_restore(&at->updates, file, r->d));
    TRY(record_read_real(file, "training.seconds", r->d, &at->seconds));
    TRY(record_read_whole(file, "training.metrics_bytes", r->d, &at->metrics_bytes));
    TRY(measures_restore(&at->sums, "training.sums.", file, r->engine, keys, r->d));
    TRY(measures_restore(&at->last, "training.last.", file, r->engine, keys, r->d));
    TRY(measures_restore(&at->validation, "training.validation.", file, validation, keys, r->d));
    return measures_restore(&at->best_validation, "training.best.", file, validation, keys, r->d);
}

// ---- Writing ----

static checkpoint_arrays arrays_of(const trainer *r) {
    return (checkpoint_arrays){engine_weights(r->engine), r->best, r->carry ? r->states : NULL};
}

static void copy_pairs(record *to, const record *from) {
    for (uint32_t i = 0; from && i < from->pairs.count; i++) {
        record_text(to, from->pairs.at[i].key, from->pairs.at[i].value);
    }
}

static rnnc_status write_checkpoint(trainer *r, record *about) {
    const training_checkpoints *c = &r->t->checkpoints;
    record_text(about, CHECKPOINT_KEY, CHECKPOINT_FORM);
    copy_pairs(about, c->about);
    add_position(r, about);
    checkpoint_arrays arrays = arrays_of(r);
    const char *path = checkpoint_path(&about->memory, c->folder, r->at.step);
    rnnc_status status = checkpoint_write(path, &arrays, about, r->d);
    if (status != RNNC_OK) {
        diag_note(r->d, NO_SPAN, "the training ends here; the checkpoints before step %lld are as they were",
                  (long long)r->at.step);
        return status;
    }
    return checkpoint_prune(c->folder, r->at.step, c->keep, r->d);
}

rnnc_status save_checkpoint(trainer *r) {
    if (!r->t->checkpoints.folder) {
        return RNNC_OK;
    }
    // A line of metrics must be on the disk before a checkpoint that counts on it.
    r->at.metrics_bytes = -1;
    TRY(r->writes ? metrics_sync(&r->writer, r->d, &r->at.metrics_bytes) : RNNC_OK);
    return with_record(r, write_checkpoint);
}

static rnnc_status write_best(trainer *r, record *about) {
    const training_checkpoints *c = &r->t->checkpoints;
    copy_pairs(about, c->about);
    record_whole(about, "training.epoch", r->at.epoch);
    record_whole(about, "training.step", r->at.step);
    const char *path = arena_printf(&about->memory, "%s/best.safetensors", c->folder);
    return weights_save(engine_weights(r->engine), SELECT_WEIGHTS, about->pairs.at, about->pairs.count, path,
                        r->d);
}

rnnc_status save_best(trainer *r) {
    return r->t->checkpoints.folder ? with_record(r, write_best) : RNNC_OK;
}

// ---- Reading ----

rnnc_status restore_checkpoint(trainer *r) {
    const safetensors *file = r->t->checkpoints.resume_from;
    TRY(with_record(r, read_position));
    if (checkpoint_has_best(file) && !r->best) {
        TRY(weights_create(r->t->machine->variables, r->t->machine->variable_count, r->d, &r->best));
    }
    checkpoint_arrays arrays = arrays_of(r);
    TRY(checkpoint_restore(file, &arrays, r->d));
    weights_changed(engine_weights(r->engine));
    r->seconds_before = r->at.seconds;
    r->steps_before = r->at.step;
    *r->result = (training_result){
        .epochs = r->at.epoch - 1,
        .steps = r->at.step,
        .skipped = r->at.updates.skipped_in_all,
        .last = r->at.last,
        .validation = r->at.validation,
    };
    return RNNC_OK;
}
