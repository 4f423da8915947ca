#include "report/check_parts.h"

#include <inttypes.h>

static const char *rows_text(const recipe *r) {
    return r->lazy_rows ? ", rows = lazy" : "";
}

static void add_optimizer(const recipe *r, strbuf *out) {
    const char *rows = rows_text(r);
    switch (r->optimizer) {
    case OPTIMIZER_SGD: strbuf_addf(out, "  sgd(rate = %g%s)\n", r->rate, rows); return;
    case OPTIMIZER_MOMENTUM:
    case OPTIMIZER_NESTEROV:
        strbuf_addf(out, "  %s(rate = %g, momentum = %g%s)\n",
                    r->optimizer == OPTIMIZER_MOMENTUM ? "momentum" : "nesterov", r->rate, r->momentum, rows);
        return;
    case OPTIMIZER_RMSPROP:
        strbuf_addf(out, "  rmsprop(rate = %g, decay = %g, epsilon = %g, momentum = %g%s)\n", r->rate,
                    r->decay, r->epsilon, r->momentum, rows);
        return;
    case OPTIMIZER_ADAGRAD:
        strbuf_addf(out, "  adagrad(rate = %g, start = %g, epsilon = %g%s)\n", r->rate, r->start, r->epsilon,
                    rows);
        return;
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW:
        strbuf_addf(out, "  %s(rate = %g, beta1 = %g, beta2 = %g, epsilon = %g%s)\n",
                    r->optimizer == OPTIMIZER_ADAM ? "adam" : "adamw", r->rate, r->beta1, r->beta2,
                    r->epsilon, rows);
        return;
    }
}

static void add_rule(const schedule_rule *rule, strbuf *out) {
    const char *unit = rule->steps ? "steps" : "epochs";
    switch (rule->kind) {
    case SCHEDULE_DECAY:
        strbuf_addf(out, "  rate *= %g each ", rule->factor);
        if (rule->steps) {
            strbuf_addf(out, "%" PRId64 " steps after %" PRId64 "\n", rule->length, rule->after);
        } else {
            strbuf_addf(out, "epoch after %" PRId64 "\n", rule->after);
        }
        return;
    case SCHEDULE_DECAY_SMOOTH:
        strbuf_addf(out, "  rate *= %g per %" PRId64 " steps after %" PRId64 "\n", rule->factor, rule->length,
                    rule->after);
        return;
    case SCHEDULE_ONCE:
        strbuf_addf(out, "  rate *= %g after %s %" PRId64 "\n", rule->factor, unit, rule->after);
        return;
    case SCHEDULE_PLATEAU:
        strbuf_addf(out, "  rate *= %g on plateau of %" PRId64 " epochs\n", rule->factor, rule->length);
        return;
    case SCHEDULE_WARM_UP: strbuf_addf(out, "  warm_up over %" PRId64 " %s\n", rule->length, unit); return;
    case SCHEDULE_COSINE:
        strbuf_addf(out, "  cosine over %" PRId64 " %s to %g\n", rule->length, unit, rule->factor);
        return;
    case SCHEDULE_INVERSE_SQRT:
        strbuf_addf(out, "  inverse_sqrt after %" PRId64 " %s\n", rule->after, unit);
        return;
    }
}

static void add_decay(const recipe *r, strbuf *out) {
    if (r->weight_decay > 0) {
        strbuf_addf(out, "  weight_decay %.10g of matrices\n", r->weight_decay);
    }
    for (uint32_t i = 0; i < r->weight_decays.count; i++) {
        strbuf_addf(out, "  weight_decay %s %.10g\n", r->weight_decays.at[i].pattern,
                    r->weight_decays.at[i].decay);
    }
}

static void add_numbers(const recipe *r, strbuf *out) {
    const struct {
        const char *text;
        double value;
        const char *after;
    } numbers[] = {{"clip_norm", r->clip_norm, ""},
                   {"clip_value", r->clip_value, ""},
                   {"skip_limit", (double)r->skip_limit, ""},
                   {"epochs", (double)r->epochs, ""},
                   {"max_steps", (double)r->max_steps, ""},
                   {"validation last", (double)r->validation_last, r->validation_of_each ? " of each" : ""},
                   {"test last", (double)r->test_last, r->test_of_each ? " of each" : ""},
                   {"stop after", (double)r->patience, " epochs without better validation"}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].value > 0) {
            strbuf_addf(out, "  %s %.10g%s\n", numbers[i].text, numbers[i].value, numbers[i].after);
        }
    }
}

void add_recipe(const model *m, strbuf *out) {
    const recipe *how = m->recipe;
    if (!how) {
        return;
    }
    strbuf_addf(out, "\nrecipe %s: batch %" PRId64, how->name, how->batch);
    for (uint32_t i = 0; i < how->step_axis_count; i++) {
        strbuf_addf(out, ", %s = %" PRId64, m->graph->axes.at[how->steps[i].axis].name, how->steps[i].extent);
        if (how->steps[i].advance) {
            strbuf_addf(out, " every %" PRId64, how->steps[i].advance);
        }
    }
    strbuf_addf(out, "%s\n", how->carry_state ? ", states carried on" : "");
    for (uint32_t i = 0; i < how->settings.count; i++) {
        strbuf_addf(out, "  set %s = %s\n", how->settings.at[i].name, how->settings.at[i].value);
    }
    add_optimizer(how, out);
    for (uint32_t i = 0; i < how->schedule.count; i++) {
        add_rule(&how->schedule.at[i], out);
    }
    add_decay(how, out);
    add_numbers(how, out);
    for (uint32_t i = 0; i < how->validation_keys.count; i++) {
        strbuf_addf(out, "  validation \"%s\"\n", how->validation_keys.at[i]);
    }
    if (how->keep != KEEP_LAST) {
        strbuf_addf(out, "  keep best%s\n", how->keep == KEEP_BEST_ACCURACY ? " accuracy" : "");
    }
}
