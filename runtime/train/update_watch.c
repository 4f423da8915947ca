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

// The sum of squares of variable |i|'s gradient, -1 if there is none.
static double squares_of(const update_watch *w, uint32_t i) {
    strbuf name = {0};
    strbuf_addf(&name, UPDATE_SQUARES "%s", w->machine->variables[i].name);
    int output = engine_find_output(w->machine->engine, strbuf_text(&name));
    strbuf_deinit(&name);
    return output < 0 ? -1 : read(w, output);
}

// "the gradient of 'lstm.0.i.x' is not finite": of the first variable of which it is true.
static void describe_bad_gradient(const update_watch *w, strbuf *out) {
    for (uint32_t i = 0; i < w->machine->variable_count; i++) {
        const graph_variable *v = &w->machine->variables[i];
        if (isfinite(squares_of(w, i))) {
            continue;
        }
        strbuf_addf(out, ", the gradient of '%s'", v->parts.at[0].name);
        if (v->parts.count > 1) {
            strbuf_addf(out, " (or of the %u weights that are computed with it)", v->parts.count - 1);
        }
        strbuf_add(out, " is not finite");
        return;
    }
}

static bool is_part_finite(const weight_part *part) {
    for (int64_t row = 0; row < part->rows; row++) {
        for (int64_t column = 0; column < part->columns; column++) {
            if (!isfinite(weight_get(part, row, column))) {
                return false;
            }
        }
    }
    return true;
}

// Where a weight itself has overflown, leaving updates out cannot help any more.
static void describe_bad_weight(const update_watch *w, strbuf *out) {
    const weights *all = engine_weights(w->machine->engine);
    for (uint32_t i = 0; i < all->count; i++) {
        const graph_variable *v = all->arrays[i].variable;
        for (uint32_t k = 0; v->role != VARIABLE_SLOT && k < v->parts.count; k++) {
            weight_part part = weights_part(all, i, k);
            if (!is_part_finite(&part)) {
                strbuf_addf(out, ", the weight '%s' itself is not finite any more", v->parts.at[k].name);
                return;
            }
        }
    }
}

static bool is_number(const char *from, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)from[i])) {
            return false;
        }
    }
    return length > 0;
}

// The layer of a weight: its name up to the last number with something behind it, as "lstm.0" of
// "lstm.0.i.x"; without one, up to the first dot.
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

static void add_to_layer(layer *layers, uint32_t *count, const char *name, double squares) {
    size_t length = layer_length(name);
    uint32_t k = 0;
    while (k < *count && (layers[k].length != length || memcmp(layers[k].name, name, length) != 0)) {
        k++;
    }
    if (k == MOST_LAYERS) {
        k = MOST_LAYERS - 1;
        layers[k].name = "others";
        layers[k].length = strlen("others");
    } else if (k == *count) {
        layers[(*count)++] = (layer){name, length, 0};
    }
    layers[k].squares += squares;
}

// In the order of the model; what is beyond MOST_LAYERS goes to the last one. Returns their number.
static uint32_t sum_layers(const update_watch *w, layer out_layers[MOST_LAYERS]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->machine->variable_count; i++) {
        double squares = squares_of(w, i);
        if (!(squares < 0)) {
            add_to_layer(out_layers, &count, w->machine->variables[i].name, squares);
        }
    }
    return count;
}

static void add_number(strbuf *out, double x) {
    strbuf_addf(out, "%.3g", isnan(x) ? NAN : x); // without a sign
}

static void note_norms(const update_watch *w, diag_sink *d) {
    layer layers[MOST_LAYERS];
    uint32_t count = sum_layers(w, layers);
    strbuf text = {0};
    for (uint32_t i = 0; i < count; i++) {
        strbuf_addf(&text, "%s%.*s ", i ? ", " : "", (int)layers[i].length, layers[i].name);
        add_number(&text, sqrt(layers[i].squares));
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

static void note_remedies(const model *m, diag_sink *d) {
    const recipe *r = m->recipe;
    diag_note(d, NO_SPAN, "try a smaller rate: %srate=%g", m->settings,
              one_digit(r->rate > 0 ? r->rate / 3 : 1e-3));
    if (r->clip_norm > 0) {
        diag_note(d, NO_SPAN, "try to clip more: %sclip_norm=%g", m->settings, one_digit(r->clip_norm / 5));
    } else {
        diag_note(d, NO_SPAN, "try to clip the gradients: %sclip_norm=5", m->settings);
    }
    diag_note(d, NO_SPAN,
              "try to begin slowly: `schedule warm_up over 1000 steps` in the recipe; if it diverges all the "
              "same, look for a log, a division or a sqrt in the loss that meets 0, and at the data");
}

rnnc_status update_watch_diverged(const update_watch *w, const model *m, int64_t step, int64_t epoch,
                                  diag_sink *d) {
    strbuf what = {0};
    strbuf_addf(&what, "step %lld (epoch %lld): the loss is ", (long long)step, (long long)epoch);
    add_number(&what, w->last_loss);
    describe_bad_gradient(w, &what);
    describe_bad_weight(w, &what);
    if (w->skipped_in_a_row) {
        strbuf_addf(&what, "; %lld updates in a row were left out (skip_limit)",
                    (long long)w->skipped_in_a_row);
    }
    rnnc_status status =
        diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "training diverged at %s", strbuf_text(&what));
    note_norms(w, d);
    if (m->recipe) {
        note_remedies(m, d);
    }
    strbuf_deinit(&what);
    return status;
}
