// The table of builtins, and the element-wise ones.
#include "frontend/builtin.h"

#include <math.h>
#include <string.h>

static const builtin table[] = {
#define BUILTIN(name, handler, op, flags, ...) {name, handler, op, flags, {__VA_ARGS__}},
#include "frontend/builtins.def"
#undef BUILTIN
};

uint32_t builtin_count(void) {
    return sizeof table / sizeof *table;
}

const builtin *builtin_at(uint32_t i) {
    return &table[i];
}

const builtin *builtin_find(const char *name) {
    for (uint32_t i = 0; i < builtin_count(); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

uint32_t builtin_slot_count(const builtin *b) {
    uint32_t count = 0;
    while (b->slots[count]) {
        count++;
    }
    return count;
}

const char *builtin_slot_name(const builtin *b, uint32_t slot) {
    const char *name = b->slots[slot];
    return *name == '?' || *name == '~' ? name + 1 : name;
}

bool builtin_slot_required(const builtin *b, uint32_t slot) {
    return *b->slots[slot] != '?' && *b->slots[slot] != '~';
}

bool builtin_slot_by_name(const builtin *b, uint32_t slot) {
    return *b->slots[slot] == '?';
}

int builtin_find_slot(const builtin *b, const char *name) {
    for (uint32_t i = 0; b->slots[i]; i++) {
        if (strcmp(builtin_slot_name(b, i), name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

node_id call_real(const builtin_call *c, uint32_t slot) {
    const char *what = arena_printf(c->el->memory, "'%s'", c->b->name);
    return real_operand(c->el, c->slots[slot], c->places[slot], what);
}

bool call_all_numbers(const builtin_call *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->bound[i] && c->slots[i].kind != MEANING_NUMBER) {
            return false;
        }
    }
    return true;
}

// ---- Element-wise ----

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

static double soft_plus(double x) {
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

typedef struct number_function {
    const char *name;
    double (*apply)(double);
} number_function;

static const number_function number_functions[] = {
    {"exp", exp},   {"log", log},          {"sqrt", sqrt},          {"abs", fabs},
    {"tanh", tanh}, {"sigmoid", logistic}, {"softplus", soft_plus}, {"erf", erf},
    {"sin", sin},   {"cos", cos},
};

static meaning fold(const builtin_call *c) {
    for (size_t i = 0; i < sizeof number_functions / sizeof *number_functions; i++) {
        if (strcmp(number_functions[i].name, c->b->name) == 0) {
            return meaning_number(number_functions[i].apply(c->slots[0].number));
        }
    }
    return meaning_poison();
}

meaning builtin_elementary(const builtin_call *c) {
    if (call_all_numbers(c)) {
        return fold(c);
    }
    node_id x = call_real(c, 0);
    return x == NO_NODE ? meaning_poison() : meaning_real(build_unary(c->el->g, c->b->op, x));
}

meaning builtin_number_only(const builtin_call *c) {
    if (call_all_numbers(c)) {
        return fold(c);
    }
    return elaborate_error(c->el, c->where,
                           "'%s' works on numbers known when the model is compiled, found %s", c->b->name,
                           meaning_text(c->el, c->slots[0]));
}

static bool both_in_domain(meaning a, meaning b, domain_kind domain) {
    return is_node(a) && is_node(b) && a.domain == domain && b.domain == domain;
}

static bool select_values(const builtin_call *c, node_id out[2], meaning *out_like) {
    meaning a = c->slots[1], b = c->slots[2];
    *out_like = a;
    bool tokens = both_in_domain(a, b, DOMAIN_TOKEN);
    if (tokens && a.classes != b.classes) {
        elaborate_error(c->el, c->where, "'%s' needs values of one type, found %s and %s", c->b->name,
                        meaning_text(c->el, a), meaning_text(c->el, b));
        return false;
    }
    if (tokens || both_in_domain(a, b, DOMAIN_MASK)) {
        out[0] = a.node;
        out[1] = b.node;
        return true;
    }
    *out_like = meaning_real(0);
    out[0] = call_real(c, 1);
    out[1] = call_real(c, 2);
    return out[0] != NO_NODE && out[1] != NO_NODE;
}

// A condition known when compiling picks one of the values, whatever they are.
meaning builtin_select(const builtin_call *c) {
    meaning condition = c->slots[0];
    if (condition.kind == MEANING_TRUTH) {
        return c->slots[condition.truth ? 1 : 2];
    }
    const char *what = arena_printf(c->el->memory, "'%s'", c->b->name);
    node_id mask = mask_operand(c->el, condition, c->places[0], what), values[2];
    meaning result;
    if (mask == NO_NODE || !select_values(c, values, &result) ||
        !check_columns(c->el, what, values[0], values[1], c->where) ||
        !check_columns(c->el, what, mask, values[0], c->where) ||
        !check_columns(c->el, what, mask, values[1], c->where)) {
        return meaning_poison();
    }
    result.node = build_select(c->el->g, mask, values[0], values[1]);
    return result;
}

// 0 and 1 of a mask, the number of a token or a place, as a real number.
meaning builtin_number(const builtin_call *c) {
    meaning v = c->slots[0];
    if (v.kind == MEANING_TRUTH) {
        return meaning_number(v.truth);
    }
    if (is_node(v) && (v.domain == DOMAIN_MASK || v.domain == DOMAIN_TOKEN)) {
        return meaning_real(build_convert(c->el->g, v.node, c->el->g->real));
    }
    return v.kind == MEANING_NUMBER ? v : meaning_real(call_real(c, 0));
}
