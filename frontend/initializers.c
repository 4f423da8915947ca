#include "frontend/initializers.h"

#include <string.h>

enum { INITIALIZER_ARGUMENTS = 2 };

typedef struct initializer_row {
    const char *name;
    init_kind kind;
    double a, b;
    const char *parameters[INITIALIZER_ARGUMENTS + 1]; // '?' marks one with a default
} initializer_row;

static const initializer_row rows[] = {
    {"zero", INIT_CONSTANT, 0, 0, {NULL}},
    {"one", INIT_CONSTANT, 1, 0, {NULL}},
    {"constant", INIT_CONSTANT, 0, 0, {"value"}},
    {"uniform", INIT_UNIFORM, 0, 0, {"low", "high"}},
    {"normal", INIT_NORMAL, 0, 0, {"mean", "deviation"}},
    {"truncated", INIT_TRUNCATED, 0, 0, {"mean", "deviation"}},
    {"xavier", INIT_XAVIER, 0, 0, {NULL}},
    {"he", INIT_HE, 0, 0, {NULL}},
    {"orthogonal", INIT_ORTHOGONAL, 1, 0, {"?scale"}},
};

static const initializer_row *find_row(const char *name) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

bool initializer_is_name(const char *name) {
    return find_row(name) != NULL;
}

static const initializer_row *report_unknown(elaborator *el, const char *name, span where) {
    const char *names[sizeof rows / sizeof *rows];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        names[i] = rows[i].name;
    }
    const char *near = nearest_name(name, names, sizeof rows / sizeof *rows);
    if (near) {
        elaborate_error(el, where, "unknown initialiser '%s'; did you mean '%s'?", name, near);
    } else {
        elaborate_error(el, where,
                        "unknown initialiser '%s'; there are zero, one, constant, uniform, normal, "
                        "truncated, xavier, he and orthogonal",
                        name);
    }
    return NULL;
}

static const char *parameter_name(const initializer_row *row, int i) {
    return row->parameters[i] + (*row->parameters[i] == '?');
}

static int find_parameter(const initializer_row *row, const argument *arg, int place) {
    for (int i = 0; row->parameters[i]; i++) {
        if (arg->name ? strcmp(parameter_name(row, i), arg->name) == 0 : i == place) {
            return i;
        }
    }
    return -1;
}

static bool set_arguments(elaborator *el, const initializer_row *row, const expression *call,
                          initializer *out) {
    bool given[INITIALIZER_ARGUMENTS] = {false};
    for (uint32_t k = 0; call->kind == EXPR_CALL && k < call->args.count; k++) {
        const argument *arg = &call->args.at[k];
        int i = find_parameter(row, arg, (int)k);
        if (i < 0) {
            elaborate_error(el, arg->where, "the initialiser '%s' does not take this value", row->name);
            return false;
        }
        given[i] = true;
        if (!number_of_meaning(el, evaluate(el, arg->value), arg->where, "an initialiser's value",
                               i == 0 ? &out->a : &out->b)) {
            return false;
        }
    }
    for (int i = 0; row->parameters[i]; i++) {
        if (!given[i] && *row->parameters[i] != '?') {
            elaborate_error(el, call->where, "the initialiser '%s' needs its '%s'", row->name,
                            parameter_name(row, i));
            return false;
        }
    }
    return true;
}

static bool check_values(elaborator *el, const initializer_row *row, const initializer *init, span where) {
    if (init->kind == INIT_UNIFORM && !(init->a < init->b)) {
        elaborate_error(el, where, "uniform needs low < high, found %g and %g", init->a, init->b);
        return false;
    }
    if ((init->kind == INIT_NORMAL || init->kind == INIT_TRUNCATED) && !(init->b >= 0)) {
        elaborate_error(el, where, "%s needs a deviation of at least 0, found %g", row->name, init->b);
        return false;
    }
    return true;
}

initializer initializer_evaluate(elaborator *el, const expression *e) {
    const initializer none = {.kind = INIT_DEFAULT};
    const expression *name = e->kind == EXPR_CALL ? e->a : e;
    if (name->kind != EXPR_NAME) {
        elaborate_error(el, e->where, "expected an initialiser, as uniform(-0.1, 0.1)");
        return none;
    }
    const initializer_row *row = find_row(name->text);
    row = row ? row : report_unknown(el, name->text, name->where);
    if (!row) {
        return none;
    }
    initializer init = {row->kind, row->a, row->b};
    return set_arguments(el, row, e, &init) && check_values(el, row, &init, e->where) ? init : none;
}
