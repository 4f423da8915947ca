#include "frontend/model_data.h"

#include <string.h>

// ---- Inputs and targets ----

static int report_axis(elaborator *el, span where, const char *name, const char *why) {
    elaborate_error(el, where, "the axis '%s' %s", name, why);
    return NO_AXIS;
}

static int find_or_add_axis(elaborator *el, const axis_declaration *decl) {
    const char *name = decl->axis.name;
    int32_t size = decl->size ? evaluate_size(el, decl->size, "the size of an axis") : 0;
    if (decl->size && !size) {
        return NO_AXIS;
    }
    int axis = graph_find_axis(el->g, name);
    if (axis == AXIS_BATCH || strcmp(name, "batch") == 0) {
        return report_axis(el, decl->axis.where, name,
                           "is the batch's, which every input has and none declares");
    }
    if (axis == NO_AXIS) {
        if (el->g->axes.count == MAX_AXES) {
            return report_axis(el, decl->axis.where, name,
                               "is one too many: there can be seven beside the batch");
        }
        axis = graph_add_axis(el->g, name, size ? AXIS_IS_FIXED : AXIS_IS_SEQUENCE, size);
        axis_binding added = {el->g->axes.at[axis].name, axis};
        vec_push(el->memory, el->frame->axes, added);
        return axis;
    }
    if (size && el->g->axes.at[axis].size != size) {
        return report_axis(el, decl->axis.where, name, "has another size above");
    }
    return axis;
}

static bool declare_axes(elaborator *el, const declaration *decl, axis_set *out_axes) {
    *out_axes = AXIS_BIT(AXIS_BATCH);
    for (uint32_t i = 0; i < decl->axes.count; i++) {
        const axis_declaration *declared = &decl->axes.at[i];
        int axis = find_or_add_axis(el, declared);
        if (axis == NO_AXIS) {
            return false;
        }
        if (*out_axes & AXIS_BIT(axis)) {
            return report_axis(el, declared->axis.where, declared->axis.name, "stands twice") != NO_AXIS;
        }
        if (declared->lengths && el->g->axes.at[axis].kind == AXIS_IS_FIXED) {
            return report_axis(el, declared->axis.where, declared->axis.name,
                               "has a fixed size and no lengths") != NO_AXIS;
        }
        *out_axes |= AXIS_BIT(axis);
        if (declared->lengths) {
            lengths_declare(el, axis);
        }
    }
    return true;
}

// The padding behind a row's length never comes further than here.
static node_id hide_padding(elaborator *el, node_id n) {
    return lengths_zero(el, n);
}

static meaning build_data(elaborator *el, const declaration *decl, bool is_target, axis_set axes,
                          int32_t columns) {
    const char *role = is_target ? "target" : "data";
    bool tokens = decl->type == TYPE_TOKEN;
    value_type type = tokens ? type_vector(DT_I32, axes, 1) : type_vector(el->g->real, axes, columns);
    node_id n = hide_padding(el, build_input(el->g, decl->name, role, type));
    return (meaning){.kind = MEANING_NODE,
                     .domain = tokens ? DOMAIN_TOKEN : DOMAIN_REAL,
                     .classes = tokens ? columns : 0,
                     .node = n};
}

void model_declare_data(elaborator *el, const declaration *decl, bool is_target) {
    place_set_origin(el, decl->where, decl->name);
    axis_set axes;
    int32_t columns = 1;
    meaning v = meaning_poison();
    if (decl->type == TYPE_NONE) {
        elaborate_error(el, decl->where, "an input of a model needs a type: %s: real(n)[T] or token(k)[T]",
                        decl->name);
    } else {
        columns = decl->columns ? evaluate_size(el, decl->columns, "the size of an input") : 1;
        v = declare_axes(el, decl, &axes) && columns ? build_data(el, decl, is_target, axes, columns) : v;
    }
    data_entry added = {decl->name, decl->where, is_target, v};
    vec_push(el->memory, el->data, added);
    scope_define(el, decl->name, decl->where, v, ROLE_INPUT);
}

// ---- Outputs ----

static bool output_is_taken(const elaborator *el, const char *name) {
    return graph_find_output(el->g, name) != NO_NODE;
}

void model_add_output(elaborator *el, const char *name, span where, meaning v) {
    if (is_poison(v)) {
        return;
    }
    if (!name) {
        elaborate_error(el, where, "an output of a model needs a name: output name = …");
    } else if (output_is_taken(el, name)) {
        elaborate_error(el, where, "there is already an output '%s'", name);
    } else if (v.kind != MEANING_NUMBER && !is_node(v)) {
        elaborate_error(el, where, "an output must be a value of a run, found %s", meaning_text(el, v));
    } else {
        model_add_value(el, name, v);
    }
}

void model_add_value(elaborator *el, const char *name, meaning v) {
    node_id n = is_node(v) ? lengths_zero(el, v.node) : build_real(el->g, v.number);
    graph_add_output(el->g, name, n, OUTPUT_VALUE);
}

// What is still to be done to make a single number of |n|: "mean[T], mean[batch]".
static const char *missing_reductions(elaborator *el, node_id n) {
    value_type type = graph_type(el->g, n);
    const char *text = "";
    for (uint32_t i = 1; i <= el->g->axes.count; i++) {
        uint32_t axis = i % el->g->axes.count;
        if (type.axes & AXIS_BIT(axis)) {
            const axis_info *info = &el->g->axes.at[axis];
            // In brackets a part goes by the name of what it is a part of.
            info = info->kind == AXIS_IS_PART ? &el->g->axes.at[info->part.of] : info;
            const char *name = axis == AXIS_BATCH ? "batch" : info->name;
            text = arena_printf(el->memory, "%s%ssum or mean over %s", text, *text ? ", " : "", name);
        }
    }
    if (type_columns(type) > 1) {
        text = arena_printf(el->memory, "%s%ssum or mean over its %lld columns", text, *text ? ", " : "",
                            (long long)type_columns(type));
    }
    return text;
}

static node_id single_number(elaborator *el, span where, meaning v, const char *what) {
    if (is_poison(v)) {
        return NO_NODE;
    }
    node_id n = real_operand(el, v, where, what);
    if (n != NO_NODE && *missing_reductions(el, n)) {
        elaborate_error(el, where, "%s must be a single number, found %s: take %s", what,
                        meaning_text(el, meaning_real(n)), missing_reductions(el, n));
        return NO_NODE;
    }
    return n;
}

// What stands in a line of metrics whatever the model is (docs/training.md, section 7).
static bool is_name_of_training(const char *name) {
    static const char *const names[] = {"epoch",         "step",
                                        "loss",          "learning_rate",
                                        "gradient_norm", "skipped_updates",
                                        "seconds",       "tokens_per_second",
                                        "peak_memory",   "examples_per_second"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return strncmp(name, "validation_", strlen("validation_")) == 0;
}

static uint32_t count_metrics(const elaborator *el) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < el->g->outputs.count; i++) {
        count += el->g->outputs.at[i].role == OUTPUT_METRIC;
    }
    return count;
}

void model_add_metric(elaborator *el, const char *name, span where, meaning v) {
    node_id n = single_number(el, where, v, "a metric");
    if (n == NO_NODE) {
        return;
    }
    if (is_name_of_training(name)) {
        elaborate_error(el, where, "training measures something called '%s': the metric needs another name",
                        name);
    } else if (output_is_taken(el, name)) {
        elaborate_error(el, where, "there is already an output '%s'", name);
    } else if (count_metrics(el) == MODEL_MOST_METRICS) {
        elaborate_error(el, where, "a model has at most %d metrics", MODEL_MOST_METRICS);
    } else {
        graph_add_output(el->g, name, n, OUTPUT_METRIC);
    }
}

void model_set_loss(elaborator *el, const statement *s) {
    local_name *name = scope_find_local(el->frame, "loss");
    name->used = true;
    node_id n = single_number(el, s->value->where, name->value, "the loss");
    if (n != NO_NODE && el->loss_node == NO_NODE) {
        el->loss = s->value;
        el->loss_node = n;
        graph_add_output(el->g, "loss", n, OUTPUT_LOSS);
    }
}

// ---- Metrics of classification ----

static node_id sum_all(elaborator *el, node_id n) {
    n = lengths_zero(el, n);
    return build_reduce(el->g, OP_SUM, n, axes_of(el, n), false);
}

// |n| where it counts, else 0.
static node_id counted(elaborator *el, const class_loss *of, node_id n) {
    return of->uncounted == NO_NODE ? n : build_select(el->g, of->uncounted, build_real(el->g, 0), n);
}

static node_id count_all(elaborator *el, axis_set axes) {
    node_id counted = lengths_count(el, axes, axes);
    axis_set rest = axes;
    node_id count = NO_NODE;
    if (counted != NO_NODE) {
        rest &= (axis_set)~axes_of(el, counted);
        count = build_reduce(el->g, OP_SUM, counted, axes_of(el, counted), false);
    }
    for (uint32_t axis = 0; axis < el->g->axes.count; axis++) {
        if (rest & AXIS_BIT(axis)) {
            node_id extent = build_extent(el->g, (int)axis);
            count = count == NO_NODE ? extent : build_binary(el->g, OP_MUL, count, extent);
        }
    }
    return count == NO_NODE ? build_real(el->g, 1) : count;
}

static node_id count_of(elaborator *el, const class_loss *of) {
    return of->uncounted == NO_NODE ? count_all(el, axes_of(el, of->loss))
                                    : sum_all(el, counted(el, of, build_real(el->g, 1)));
}

// Two values of one name would hide each other.
static bool class_names_are_free(elaborator *el) {
    static const char *const names[] = {"correct", "count", "nats", "accuracy", "perplexity"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (output_is_taken(el, names[i])) {
            elaborate_error(el, el->loss->where,
                            "'%s' is measured of a cross_entropy against tokens: the model's own needs "
                            "another name",
                            names[i]);
            return false;
        }
    }
    return true;
}

void model_add_class_metrics(elaborator *el) {
    if (el->class_losses.count == 0 || el->loss_node == NO_NODE || !class_names_are_free(el)) {
        return;
    }
    const class_loss *first = &el->class_losses.at[0];
    graph *g = el->g;
    place_set_origin(el, NO_SPAN, "metrics");
    node_id guess = graph_add_node(g, NULL, OP_ARGMAX, (value_type){0}, &first->logits, 1, NULL);
    node_id correct = build_convert(g, build_binary(g, OP_EQUAL, guess, first->target), g->real);
    graph_add_output(g, "correct", sum_all(el, counted(el, first, correct)), OUTPUT_METRIC);
    graph_add_output(g, "count", count_of(el, first), OUTPUT_METRIC);
    graph_add_output(g, "nats", sum_all(el, counted(el, first, first->loss)), OUTPUT_METRIC);
}
