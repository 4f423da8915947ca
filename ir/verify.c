#include "ir/verify.h"

#include <setjmp.h>
#include <stdlib.h>

#include "ir/order.h"

typedef struct checker {
    const graph *g;
    diag_sink *d;
    arena scratch;
    bool *sound; // by node: op and type are in their ranges, so that others may look at it
    rnnc_status status;
    jmp_buf exhausted;
} checker;

static void complain_at(checker *c, span where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void complain(checker *c, node_id id, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void report(checker *c, span where, const char *prefix, const char *format, va_list args) {
    strbuf message = {0};
    strbuf_vaddf(&message, format, args);
    c->status = diag_error(c->d, where, "%s%s", prefix, strbuf_text(&message));
    strbuf_deinit(&message);
}

static void complain_at(checker *c, span where, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report(c, where, "", format, args);
    va_end(args);
}

static const char *mnemonic(op_id op) {
    return (unsigned)op < OP_COUNT ? op_get(op)->mnemonic : "?";
}

static span place_of(const checker *c, node_id id) {
    uint32_t origin = graph_node(c->g, id)->origin;
    return origin < c->g->origins.count ? c->g->origins.at[origin].where : NO_SPAN;
}

// About a node: "%7 add: …", at its origin.
static void complain(checker *c, node_id id, const char *format, ...) {
    const char *prefix = arena_printf(&c->scratch, "%%%u %s: ", id, mnemonic(graph_node(c->g, id)->op));
    va_list args;
    va_start(args, format);
    report(c, place_of(c, id), prefix, format, args);
    va_end(args);
}

// Things that must differ in their names, if they are of one group.
typedef struct named {
    const char *name;
    int group;
    uint32_t number;
} named;

typedef VEC(named) named_list;
typedef void report_equal(checker *c, uint32_t first, uint32_t second);

static bool same_name(const named *x, const named *y) {
    return x->group == y->group && strcmp(x->name, y->name) == 0;
}

static int compare_named(const void *a, const void *b) {
    const named *x = a, *y = b;
    int by_name = strcmp(x->name, y->name);
    int by_number = x->number < y->number ? -1 : x->number > y->number;
    return x->group != y->group ? x->group - y->group : by_name ? by_name : by_number;
}

static void check_unique(checker *c, named_list *list, report_equal *found) {
    if (list->count) {
        qsort(list->at, list->count, sizeof *list->at, compare_named);
    }
    for (uint32_t i = 1; i < list->count; i++) {
        if (same_name(&list->at[i - 1], &list->at[i])) {
            found(c, list->at[i - 1].number, list->at[i].number);
        }
    }
}

static bool is_named(const char *name) {
    return name && *name;
}

static void add_named(checker *c, named_list *list, const char *name, int group, uint32_t number) {
    if (!is_named(name)) {
        return;
    }
    named added = {name, group, number};
    vec_push(&c->scratch, *list, added);
}

// Axes.

static void check_axis_part(checker *c, uint32_t number, axis_part part) {
    bool known = part.of > AXIS_BATCH && (uint32_t)part.of < number;
    const axis_info *of = known ? &c->g->axes.at[part.of] : NULL;
    if (!of || of->kind == AXIS_IS_PART || !part_is_sound(part)) {
        complain_at(c, NO_SPAN, "axis %u is no part of another: axis %d from %lld to %lld", number, part.of,
                    (long long)part.from, (long long)part.to);
    } else if (of->kind == AXIS_IS_FIXED && of->size < part_least(part)) {
        complain_at(c, NO_SPAN, "axis %u is a part of %s, whose %lld indices are too few", number, of->name,
                    (long long)of->size);
    }
}

static void check_axis(checker *c, uint32_t number) {
    const axis_info *axis = &c->g->axes.at[number];
    if (!is_named(axis->name)) {
        complain_at(c, NO_SPAN, "axis %u has no name", number);
    }
    if ((axis->kind == AXIS_IS_BATCH) != (number == AXIS_BATCH)) {
        complain_at(c, NO_SPAN, "axis %u must %sbe the batch", number, number == AXIS_BATCH ? "" : "not ");
    }
    if (axis->kind == AXIS_IS_FIXED ? axis->size < 1 || axis->size > INT32_MAX : axis->size != 0) {
        complain_at(c, NO_SPAN, "axis %u has extent %lld", number, (long long)axis->size);
    }
    if (axis->kind == AXIS_IS_PART) {
        check_axis_part(c, number, axis->part);
    }
}

static void report_axes(checker *c, uint32_t first, uint32_t second) {
    complain_at(c, NO_SPAN, "axes %u and %u are both named '%s'", first, second, c->g->axes.at[first].name);
}

static void check_axes(checker *c) {
    named_list names = {0};
    if (c->g->axes.count < 1 || c->g->axes.count > MAX_AXES) {
        complain_at(c, NO_SPAN, "the graph has %u axes, expected 1 to %d", c->g->axes.count, MAX_AXES);
    }
    for (uint32_t i = 0; i < c->g->axes.count; i++) {
        check_axis(c, i);
        add_named(c, &names, c->g->axes.at[i].name, 0, i);
    }
    check_unique(c, &names, report_axes);
}

static bool is_valid_type(const checker *c, value_type t) {
    bool shape = (t.rank == 1 && t.dim[1] == 1) || (t.rank == 2 && t.axes == 0);
    return (unsigned)t.elem < DTYPE_COUNT && shape && t.dim[0] >= 1 && t.dim[1] >= 1 &&
           !(t.axes >> c->g->axes.count);
}

// Variables.

static bool is_valid_init(initializer init) {
    return (unsigned)init.kind <= INIT_ORTHOGONAL && __builtin_isfinite(init.a) && __builtin_isfinite(init.b);
}

static void check_part(checker *c, const graph_variable *v, uint32_t number, int64_t begin) {
    const variable_part *part = &v->parts.at[number];
    if (!is_named(part->name)) {
        complain_at(c, NO_SPAN, "variable '%s': part %u has no name", v->name, number);
    }
    if (part->from != begin || part->size < 1) {
        complain_at(c, NO_SPAN, "variable '%s': part %u has %d columns from %d, expected them from %lld",
                    v->name, number, part->size, part->from, (long long)begin);
    }
    if (!is_valid_init(part->init)) {
        complain_at(c, NO_SPAN, "variable '%s': part %u has no valid initialiser", v->name, number);
    }
}

static void check_parts(checker *c, const graph_variable *v) {
    int64_t begin = 0;
    for (uint32_t i = 0; i < v->parts.count; i++) {
        check_part(c, v, i, begin);
        begin = (int64_t)v->parts.at[i].from + v->parts.at[i].size;
    }
    int32_t columns = v->type.dim[v->type.rank - 1];
    if (begin != columns) {
        complain_at(c, NO_SPAN, "variable '%s': the parts cover %lld of %d columns", v->name,
                    (long long)begin, columns);
    }
}

static void check_variable(checker *c, uint32_t number) {
    const graph_variable *v = &c->g->variables.at[number];
    if (!is_named(v->name)) {
        complain_at(c, NO_SPAN, "variable %u has no name", number);
    } else if (!is_valid_type(c, v->type) || v->type.axes) {
        complain_at(c, NO_SPAN, "variable '%s': the type is not valid", v->name);
    } else {
        check_parts(c, v);
    }
    if ((unsigned)v->role > VARIABLE_SLOT) {
        complain_at(c, NO_SPAN, "variable %u: unknown role %d", number, (int)v->role);
    }
}

static void report_variables(checker *c, uint32_t first, uint32_t second) {
    complain_at(c, NO_SPAN, "variables %u and %u are both named '%s'", first, second,
                c->g->variables.at[first].name);
}

static void report_parts(checker *c, uint32_t first, uint32_t second) {
    complain_at(c, NO_SPAN, "variables '%s' and '%s' have parts of one name", c->g->variables.at[first].name,
                c->g->variables.at[second].name);
}

static void check_variables(checker *c) {
    named_list names = {0}, parts = {0};
    for (uint32_t i = 0; i < c->g->variables.count; i++) {
        const graph_variable *v = &c->g->variables.at[i];
        check_variable(c, i);
        add_named(c, &names, v->name, 0, i);
        // A model file finds weights by their parts' names; the slots of an optimiser are not in it.
        for (uint32_t k = 0; v->role != VARIABLE_SLOT && k < v->parts.count; k++) {
            add_named(c, &parts, v->parts.at[k].name, 0, i);
        }
    }
    check_unique(c, &names, report_variables);
    check_unique(c, &parts, report_parts);
}

// Nodes.

static bool check_op(checker *c, node_id id) {
    const node *n = graph_node(c->g, id);
    if ((unsigned)n->op >= OP_COUNT) {
        complain(c, id, "there is no op number %d", (int)n->op);
        return false;
    }
    if (!is_valid_type(c, n->type)) {
        complain(c, id, "the type is not valid: rank %d, dimensions %d and %d, axes 0x%02x", n->type.rank,
                 n->type.dim[0], n->type.dim[1], n->type.axes);
        return false;
    }
    if (n->origin >= c->g->origins.count) {
        complain(c, id, "there is no origin number %u", n->origin);
        return false;
    }
    return true;
}

static bool check_operand_count(checker *c, node_id id) {
    const node *n = graph_node(c->g, id);
    int expected = op_get(n->op)->operands;
    if (expected >= 0 && n->operand_count != (uint32_t)expected) {
        complain(c, id, "has %u operands, expected %d", n->operand_count, expected);
        return false;
    }
    if (n->operand_count == 0 && expected < 0) {
        complain(c, id, "has no operands, expected one or more");
        return false;
    }
    return true;
}

static bool check_operand(checker *c, node_id id, uint32_t index) {
    const node *n = graph_node(c->g, id);
    node_id operand = n->operands[index];
    if (operand == NO_NODE) {
        complain(c, id, "operand %u was never set", index);
        return false;
    }
    if (operand >= c->g->nodes.count) {
        complain(c, id, "operand %u is %%%u, which does not exist", index, operand);
        return false;
    }
    if (operand >= id && !(index == 0 && op_has(n->op, DELAY))) {
        complain(c, id, "operand %u is %%%u, which does not come before it", index, operand);
    }
    return c->sound[operand];
}

static bool check_operands(checker *c, node_id id) {
    bool known = true;
    for (uint32_t i = 0; i < graph_node(c->g, id)->operand_count; i++) {
        known = check_operand(c, id, i) && known;
    }
    return known;
}

// Counts of rows and columns; within this no sum or difference of two can overflow.
static const int64_t largest_attr = (int64_t)1 << 53;

static bool is_integer(double value) {
    return value >= INT32_MIN && value <= INT32_MAX && value == (double)(int32_t)value;
}

static const char *attr_fault(const checker *c, const node *n, attr_kind kind, attr_value value) {
    switch (kind) {
    case ATTR_NONE: return NULL;
    case ATTR_AXIS: return value.i >= 0 && value.i < c->g->axes.count ? NULL : "is not an axis of the graph";
    case ATTR_AXES: return value.i >> c->g->axes.count ? "has axes that the graph lacks" : NULL;
    case ATTR_INT: return value.i >= -largest_attr && value.i <= largest_attr ? NULL : "is out of range";
    case ATTR_FLOAT: return n->type.elem != DT_I32 || is_integer(value.f) ? NULL : "is not an i32";
    case ATTR_TEXT: return value.text ? NULL : "is missing";
    }
    return NULL;
}

static bool check_attrs(checker *c, node_id id) {
    const node *n = graph_node(c->g, id);
    const op_info *info = op_get(n->op);
    bool valid = true;
    for (int i = 0; i < op_attr_count(n->op); i++) {
        const char *fault = attr_fault(c, n, info->attr[i].kind, n->attr[i]);
        if (fault) {
            complain(c, id, "attribute '%s' %s", info->attr[i].name, fault);
            valid = false;
        }
    }
    return valid;
}

static const char *text_of(checker *c, value_type t) {
    return type_text(c->g, t, &c->scratch);
}

static bool check_delay(checker *c, node_id id) {
    const node *n = graph_node(c->g, id);
    if (!op_has(n->op, DELAY) || type_equal(graph_type(c->g, n->operands[0]), n->type)) {
        return true;
    }
    complain(c, id, "the type is %s, operand 0 is %s", text_of(c, n->type),
             text_of(c, graph_type(c->g, n->operands[0])));
    return false;
}

// The shape rule's own words, with the node's number before them.
static void repeat_inference(checker *c, node_id id, const graph *view) {
    const node *n = graph_node(c->g, id);
    diag_sink sink;
    diag_init(&sink);
    value_type type;
    op_infer(view, &sink, n->op, n->operands, n->operand_count, n->attr, n->type, &type);
    for (uint32_t i = 0; i < sink.entries.count; i++) {
        c->status = diag_error(c->d, place_of(c, id), "%%%u %s", id, sink.entries.at[i].message);
    }
    diag_deinit(&sink);
}

static void check_type(checker *c, node_id id) {
    const node *n = graph_node(c->g, id);
    graph view = *c->g;
    view.current_origin = 0;
    value_type type;
    if (op_infer(&view, NULL, n->op, n->operands, n->operand_count, n->attr, n->type, &type) != RNNC_OK) {
        repeat_inference(c, id, &view);
    } else if (!type_equal(type, n->type)) {
        complain(c, id, "the type is %s, but the operands give %s", text_of(c, n->type), text_of(c, type));
    }
}

// What the type of a leaf may be, beyond what every type may.
static bool is_counter(value_type t) {
    return t.elem == DT_I32 && t.rank == 1 && t.axes == 0;
}

static bool is_single(value_type t) {
    return t.rank == 1 && t.dim[0] == 1 && t.axes == 0;
}

static bool is_real_single(value_type t) {
    return dtype_is_float(t.elem) && is_single(t);
}

static bool is_real(value_type t) {
    return dtype_is_float(t.elem);
}

typedef struct leaf_rule {
    bool (*fits)(value_type t);
    const char *expected;
} leaf_rule;

static void check_leaf(checker *c, node_id id) {
    static const leaf_rule rules[OP_COUNT] = {
        [OP_COLUMN] = {is_counter, "a vector of i32 without axes"},
        [OP_EXTENT] = {is_real_single, "a single real number"},
        [OP_RANDOM] = {is_real, "real numbers"},
    };
    const node *n = graph_node(c->g, id);
    const leaf_rule *rule = &rules[n->op];
    if (rule->fits && !rule->fits(n->type)) {
        complain(c, id, "gives %s, found %s", rule->expected, text_of(c, n->type));
    }
}

static void check_node(checker *c, node_id id) {
    bool counted = check_operand_count(c, id);
    bool known = check_operands(c, id);
    bool attrs = check_attrs(c, id);
    if (counted && known && attrs && check_delay(c, id)) {
        check_type(c, id);
        check_leaf(c, id);
    }
}

static const char *input_name(const node *n) {
    return n->attr[0].text;
}

static void report_inputs(checker *c, uint32_t first, uint32_t second) {
    value_type a = graph_type(c->g, first), b = graph_type(c->g, second);
    if (!type_equal(a, b)) {
        complain(c, second, "input '%s' is %s here and %s in %%%u", input_name(graph_node(c->g, second)),
                 text_of(c, b), text_of(c, a), first);
    }
}

static void report_assignments(checker *c, uint32_t first, uint32_t second) {
    complain(c, second, "the variable is assigned by %%%u already", first);
}

// Inputs of one name must agree, and a variable has one new value. Needs valid nodes.
static void check_names_of_nodes(checker *c) {
    named_list inputs = {0}, assigned = {0};
    for (node_id id = 0; id < c->g->nodes.count; id++) {
        const node *n = graph_node(c->g, id);
        if (n->op == OP_INPUT) {
            add_named(c, &inputs, input_name(n), 0, id);
        } else if (n->op == OP_ASSIGN) {
            add_named(c, &assigned, graph_node(c->g, n->operands[0])->attr[0].text, 0, id);
        }
    }
    check_unique(c, &inputs, report_inputs);
    check_unique(c, &assigned, report_assignments);
}

static void check_nodes(checker *c) {
    c->sound = arena_new_array(&c->scratch, bool, c->g->nodes.count);
    for (node_id id = 0; id < c->g->nodes.count; id++) {
        c->sound[id] = check_op(c, id);
    }
    for (node_id id = 0; id < c->g->nodes.count; id++) {
        if (c->sound[id]) {
            check_node(c, id);
        }
    }
}

// Outputs.

static void check_output_type(checker *c, const graph_output *output) {
    value_type t = graph_type(c->g, output->node);
    if (output->role == OUTPUT_LOSS && !is_real_single(t)) {
        complain(c, output->node, "the loss '%s' must be a single real number, found %s", output->name,
                 text_of(c, t));
    }
    if (output->role == OUTPUT_METRIC && !is_single(t)) {
        complain(c, output->node, "the metric '%s' must be a single number, found %s", output->name,
                 text_of(c, t));
    }
}

static void check_output(checker *c, uint32_t number) {
    const graph_output *output = &c->g->outputs.at[number];
    if (!is_named(output->name)) {
        complain_at(c, NO_SPAN, "output %u has no name", number);
    } else if ((unsigned)output->role > OUTPUT_METRIC) {
        complain_at(c, NO_SPAN, "output '%s': unknown role %d", output->name, (int)output->role);
    } else if (output->node >= c->g->nodes.count) {
        complain_at(c, NO_SPAN, "output '%s' is %%%u, which does not exist", output->name, output->node);
    } else if (c->sound[output->node]) {
        check_output_type(c, output);
        if (op_has(graph_node(c->g, output->node)->op, EFFECT)) {
            complain(c, output->node, "output '%s' is an effect, which has no value", output->name);
        }
    }
}

static void report_outputs(checker *c, uint32_t first, uint32_t second) {
    const graph_output *outputs = c->g->outputs.at;
    complain_at(c, NO_SPAN, "outputs %u and %u are both named '%s'", first, second, outputs[first].name);
}

static void check_outputs(checker *c) {
    named_list names = {0};
    uint32_t losses = 0;
    for (uint32_t i = 0; i < c->g->outputs.count; i++) {
        const graph_output *output = &c->g->outputs.at[i];
        check_output(c, i);
        add_named(c, &names, output->name, (int)output->role, i);
        losses += output->role == OUTPUT_LOSS;
    }
    check_unique(c, &names, report_outputs);
    if (losses > 1) {
        complain_at(c, NO_SPAN, "the graph has %u losses, expected one at most", losses);
    }
}

static void check_recurrences(checker *c) {
    graph_order order;
    c->status = graph_order_compute(c->g, &c->scratch, c->d, &order);
}

static void check_graph(checker *c) {
    if (!c->g->name || !dtype_is_float(c->g->real) || (unsigned)c->g->real >= DTYPE_COUNT) {
        complain_at(c, NO_SPAN, "the graph lacks a name or a float type");
    }
    check_axes(c);
    check_variables(c);
    if (c->status != RNNC_OK) {
        return; // nodes are judged by axes and variables
    }
    check_nodes(c);
    check_outputs(c);
    if (c->status == RNNC_OK) {
        check_names_of_nodes(c);
    }
    if (c->status == RNNC_OK) {
        check_recurrences(c);
    }
}

static rnnc_status check_guarded(checker *c) {
    arena_init(&c->scratch);
    c->scratch.exhausted = &c->exhausted;
    if (setjmp(c->exhausted)) {
        return diag_fail(c->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "out of memory");
    }
    check_graph(c);
    return c->status;
}

rnnc_status graph_verify(const graph *g, diag_sink *d) {
    checker c = {.g = g, .d = d};
    rnnc_status status = check_guarded(&c);
    arena_deinit(&c.scratch);
    return status;
}
