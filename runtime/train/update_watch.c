#include "runtime/train/update_watch.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

void update_watch_init(update_watch *w, const machine *m) {
    *w = (update_watch){.machine = m};
    w->rate = engine_find_output(m->engine, UPDATE_RATE);
    w->norm = engine_find_output(m->engine, UPDATE_NORM);
    w->skipped_last = engine_find_output(m->engine, UPDATE_SKIPPED_LAST);
}

static double read(const update_watch *w, int output) {
    return output < 0 ? 0 : engine_output_number(w->machine->engine, (uint32_t)output);
}

bool update_watch_read(update_watch *w, update_sums *sums, double loss, int64_t step) {
    double norm = read(w, w->norm);
    sums->rate = read(w, w->rate);
    w->last_loss = loss;
    w->skipped_in_a_row = (int64_t)read(w, w->skipped_last);
    if (isfinite(norm)) {
        w->sound_norm = norm;
        w->sound_step = step;
    }
    if (w->skipped_in_a_row) {
        sums->skipped++;
        sums->skipped_in_all++;
        return false;
    }
    sums->norms += norm;
    sums->made++;
    return true;
}

uint32_t update_watch_values(const update_watch *w, const update_sums *sums, metric *out_values) {
    uint32_t count = 0;
    if (w->rate >= 0) {
        out_values[count++] = (metric){"learning_rate", sums->rate};
    }
    if (w->norm >= 0) {
        out_values[count++] = (metric){"gradient_norm", sums->made ? sums->norms / (double)sums->made : 0};
    }
    if (sums->skipped) {
        out_values[count++] = (metric){"skipped_updates", (double)sums->skipped};
    }
    return count;
}

// ---- Sums ----

void update_sums_start_epoch(update_sums *s) {
    s->norms = 0;
    s->made = s->skipped = 0;
}

void update_sums_save(const update_sums *s, record *to) {
    record_real(to, "training.updates.rate", s->rate);
    record_real(to, "training.updates.norms", s->norms);
    record_whole(to, "training.updates.made", s->made);
    record_whole(to, "training.updates.skipped", s->skipped);
    record_whole(to, "training.updates.skipped_in_all", s->skipped_in_all);
}

rnnc_status update_sums_restore(update_sums *s, const safetensors *from, diag_sink *d) {
    TRY(record_read_real(from, "training.updates.rate", d, &s->rate));
    TRY(record_read_real(from, "training.updates.norms", d, &s->norms));
    TRY(record_read_whole(from, "training.updates.made", d, &s->made));
    TRY(record_read_whole(from, "training.updates.skipped", d, &s->skipped));
    return record_read_whole(from, "training.updates.skipped_in_all", d, &s->skipped_in_all);
}

// ---- Divergence ----

static const size_t prefix_length = sizeof UPDATE_SQUARES - 1;

// The name of output |i|'s variable if it is a sum of squares, else NULL.
static const char *squares_of(const engine *e, uint32_t i) {
    const char *name = engine_output_info(e, i).name;
    return strncmp(name, UPDATE_SQUARES, prefix_length) == 0 ? name + prefix_length : NULL;
}

static const char *first_bad_tensor(engine *e) {
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        const char *variable = squares_of(e, i);
        if (variable && !isfinite(engine_output_number(e, i))) {
            return variable;
        }
    }
    return NULL;
}

// "'lstm.0.i.x'", and what it is joined with.
static const char *describe_tensor(const update_watch *w, const char *variable, arena *memory) {
    for (uint32_t i = 0; i < w->machine->variable_count; i++) {
        const graph_variable *v = &w->machine->variables[i];
        if (strcmp(v->name, variable) == 0 && v->parts.count > 1) {
            return arena_printf(memory, "'%s' (or of the %u more that are computed with it)",
                                v->parts.at[0].name, v->parts.count - 1);
        }
    }
    return arena_printf(memory, "'%s'", variable);
}

static bool is_number(const char *from, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)from[i])) {
            return false;
        }
    }
    return length > 0;
}

// The layer of a weight: its name up to the last number with something behind it, as "lstm.0" of "lstm.0.i.x"; without
// one, up to the first dot.
static size_t layer_length(const char *name) {
    size_t first = strcspn(name, "."), length = first, from = 0;
    for (const char *dot = name + first; *dot; dot = name + from + strcspn(name + from, ".")) {
        size_t at = (size_t)(dot - name);
        length = is_number(name + from, at - from) ? at : length;
        from = at + 1;
    }
    return length;
}

enum { MOST_LAYERS = 12 };

typedef struct layer {
    const char *name;
    size_t length;
    double squares;
} layer;

// In the order of the model; what is beyond MOST_LAYERS goes to the last one. Returns their number.
static uint32_t sum_layers(engine *e, layer out_layers[MOST_LAYERS]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        const char *variable = squares_of(e, i);
        if (!variable) {
            continue;
        }
        size_t length = layer_length(variable);
        uint32_t k = 0;
        while (k < count &&
               (out_layers[k].length != length || memcmp(out_layers[k].name, variable, length))) {
            k++;
        }
        if (k == MOST_LAYERS) {
            k = MOST_LAYERS - 1;
            out_layers[k].name = "others";
            out_layers[k].length = strlen("others");
        } else if (k == count) {
            out_layers[count++] = (layer){variable, length, 0};
        }
        out_layers[k].squares += engine_output_number(e, i);
    }
    return count;
}

static void note_norms(const update_watch *w, diag_sink *d) {
    layer layers[MOST_LAYERS];
    uint32_t count = sum_layers(w->machine->engine, layers);
    strbuf text = {0};
    for (uint32_t i = 0; i < count; i++) {
        strbuf_addf(&text, "%s%.*s %.3g", i ? ", " : "", (int)layers[i].length, layers[i].name,
                    sqrt(layers[i].squares));
    }
    if (count) {
        diag_note(d, NO_SPAN, "norms of the gradients by layer: %s", strbuf_text(&text));
    }
    if (w->sound_step && w->norm >= 0) {
        diag_note(d, NO_SPAN, "the last finite norm of all gradients was %.3g, at step %lld", w->sound_norm,
                  (long long)w->sound_step);
    }
    strbuf_deinit(&text);
}

static double one_digit(double x) {
    double unit = pow(10, floor(log10(x)));
    return round(x / unit) * unit;
}

static void note_remedies(const recipe *r, diag_sink *d) {
    diag_note(d, NO_SPAN, "try a smaller rate: --set rate=%g", one_digit(r->rate > 0 ? r->rate / 3 : 1e-3));
    if (r->clip_norm > 0) {
        diag_note(d, NO_SPAN, "try to clip more: --set clip_norm=%g", one_digit(r->clip_norm / 5));
    } else {
        diag_note(d, NO_SPAN, "try to clip the gradients: --set clip_norm=5");
    }
    diag_note(d, NO_SPAN,
              "try to begin slowly: `schedule warm_up over 1000 steps` in the recipe; if it diverges all the "
              "same, look for a log, a division or a sqrt in the loss that meets 0, and at the data");
}

rnnc_status update_watch_diverged(const update_watch *w, const recipe *r, int64_t step, int64_t epoch,
                                  diag_sink *d) {
    arena memory;
    arena_init(&memory);
    const char *tensor = first_bad_tensor(w->machine->engine);
    strbuf what = {0};
    strbuf_addf(&what, "step %lld (epoch %lld): the loss is %g", (long long)step, (long long)epoch,
                w->last_loss);
    if (tensor) {
        strbuf_addf(&what, ", and the gradient of %s is not finite", describe_tensor(w, tensor, &memory));
    }
    if (w->skipped_in_a_row) {
        strbuf_addf(&what, "; so were the last %lld updates left out, the most that skip_limit allows",
                    (long long)w->skipped_in_a_row);
    }
    rnnc_status status =
        diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "training diverged at %s", strbuf_text(&what));
    note_norms(w, d);
    if (r) {
        note_remedies(r, d);
    }
    strbuf_deinit(&what);
    arena_deinit(&memory);
    return status;
}
