// The optimisers. g is the gradient after clipping; rate and the powers of Adam are computed in f64 and
// rounded to the model's type once, where they meet weights; slots are of the model's type.
//
//   SGD       d = g
//   momentum  v <- mu v + g;  d = v                                               (Polyak 1964)
//   Nesterov  v <- mu v + g;  d = g + mu v       (Nesterov 1983, as Sutskever et al. 2013 rewrite it, with the
//                                                 rate outside of v)
//   RMSProp   s <- rho s + (1 - rho) g^2;  d = g / (sqrt(s) + epsilon)             (Tieleman and Hinton 2012)
//             with momentum: v <- mu v + d;  d = v
//   Adagrad   s <- s + g^2;  d = g / (sqrt(s) + epsilon)                           (Duchi et al. 2011)
//   Adam      m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;
//             d = (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)              (Kingma and Ba 2015)
//
//   W <- W - (rate d + rate lambda W)      with lambda > 0 the decoupled decay of Loshchilov and Hutter 2019
//
// The same equations serve for a whole variable and for the rows of a table that a batch has touched. Then
// all values are a row for each position, variables are read by `gather` and changed by `add_rows`, and
// positions that are not the first of their token change nothing: their gradients are in the first one's
// (`segment`).
#include "passes/update_internal.h"

typedef struct site {
    updater *u;
    const char *variable;
    double decay;
    node_id gradient; // of the variable, or of the rows
    node_id tokens;   // of the rows; NO_NODE: the whole variable
    node_id first; // i32: the first position of its token; NO_NODE: what changes is zero at the others anyway
    node_id rate;  // in the model's type
} site;

static node_id mul(updater *u, node_id a, node_id b) {
    return build_binary(u->g, OP_MUL, a, b);
}

static node_id scaled(updater *u, double factor, node_id x) {
    return mul(u, build_real(u->g, factor), x);
}

static node_id add(updater *u, node_id a, node_id b) {
    return build_binary(u->g, OP_ADD, a, b);
}

// ---- Reading and changing a variable, or rows of it ----

const char *update_slot(updater *u, const char *name, value_type type, double start) {
    graph_add_variable(u->g, name, type, VARIABLE_SLOT, (initializer){INIT_CONSTANT, start, 0});
    return name;
}

static node_id read(const site *s, const char *name) {
    node_id whole = build_variable(s->u->g, name);
    return s->tokens == NO_NODE ? whole : build_gather(s->u->g, whole, s->tokens);
}

// Adding -0 leaves every number as it is, with its sign.
static void add_rows(const site *s, const char *name, node_id change) {
    updater *u = s->u;
    node_id nothing = build_real(u->g, -0.0);
    if (s->first != NO_NODE) {
        change = build_select(u->g, s->first, change, nothing);
    }
    change = update_where_sound(u, change, nothing);
    node_id operands[] = {build_variable(u->g, name), s->tokens, change};
    graph_add_node(u->g, NULL, OP_ADD_ROWS, (value_type){0}, operands, 3, NULL);
}

// The new value of what |read| gave. Of rows the difference is added: exact where a number changes by less
// than a half.
static void write(const site *s, const char *name, node_id old, node_id made) {
    updater *u = s->u;
    if (s->tokens != NO_NODE) {
        add_rows(s, name, build_binary(u->g, OP_SUB, made, old));
    } else {
        build_assign(u->g, build_variable(u->g, name), update_where_sound(u, made, old));
    }
}

typedef struct slot_value {
    const char *name;
    node_id old;
} slot_value;

static slot_value slot_of(const site *s, const char *kind, double start) {
    updater *u = s->u;
    value_type type = graph_find_variable(u->g, s->variable)->type;
    slot_value v = {arena_printf(u->cx->scratch, "%s.%s", kind, s->variable), NO_NODE};
    update_slot(u, v.name, type, start);
    v.old = read(s, v.name);
    return v;
}

// slot <- keep * slot + take * value; gives the new value.
static node_id moving(const site *s, const char *kind, double keep, double take, node_id value) {
    updater *u = s->u;
    slot_value v = slot_of(s, kind, 0);
    node_id kept = scaled(u, keep, v.old);
    node_id made = add(u, kept, take == 1 ? value : scaled(u, take, value));
    write(s, v.name, v.old, made);
    return made;
}

// ---- The optimisers: rate times d ----

static node_id over_root(const site *s, node_id top, node_id squares) {
    updater *u = s->u;
    node_id root = build_unary(u->g, OP_SQRT, squares);
    node_id bottom = add(u, root, build_real(u->g, u->options->epsilon));
    return build_binary(u->g, OP_DIV, top, bottom);
}

static node_id sgd(const site *s) {
    return mul(s->u, s->rate, s->gradient);
}

static node_id momentum(const site *s) {
    updater *u = s->u;
    double mu = u->options->momentum;
    node_id v = moving(s, "momentum.v", mu, 1, s->gradient);
    return mul(u, s->rate, u->options->nesterov ? add(u, s->gradient, scaled(u, mu, v)) : v);
}

static node_id rmsprop(const site *s) {
    updater *u = s->u;
    double rho = u->options->decay, mu = u->options->momentum;
    node_id squares = moving(s, "rmsprop.s", rho, 1 - rho, mul(u, s->gradient, s->gradient));
    node_id d = over_root(s, s->gradient, squares);
    return mul(u, s->rate, mu > 0 ? moving(s, "rmsprop.v", mu, 1, d) : d);
}

static node_id adagrad(const site *s) {
    updater *u = s->u;
    slot_value sum = slot_of(s, "adagrad.s", u->options->start);
    node_id squares = add(u, sum.old, mul(u, s->gradient, s->gradient));
    write(s, sum.name, sum.old, squares);
    return over_root(s, mul(u, s->rate, s->gradient), squares);
}

// top / (1 - base^t), t counting the updates that were made, with this one.
static node_id unbiased(updater *u, const char *slot, double base, node_id top) {
    graph *g = u->g;
    node_id old = build_variable(g, update_slot(u, slot, type_vector(DT_F64, 0, 1), 1));
    node_id power = mul(u, old, update_exact(u, base));
    build_assign(g, old, update_where_sound(u, power, old));
    node_id bottom = build_binary(g, OP_SUB, update_exact(u, 1), power);
    return update_real(u, build_binary(g, OP_DIV, top, bottom));
}

static node_id adam(const site *s) {
    updater *u = s->u;
    const update_options *o = u->options;
    if (u->first_scale == NO_NODE) {
        u->first_scale = unbiased(u, "adam.power.beta1", o->beta1, u->rate);
        u->second_scale = unbiased(u, "adam.power.beta2", o->beta2, update_exact(u, 1));
    }
    node_id m = moving(s, "adam.m", o->beta1, 1 - o->beta1, s->gradient);
    node_id v = moving(s, "adam.v", o->beta2, 1 - o->beta2, mul(u, s->gradient, s->gradient));
    node_id top = mul(u, u->first_scale, m);
    return over_root(s, top, mul(u, u->second_scale, v));
}

static node_id change_of(const site *s) {
    switch (s->u->options->rule) {
    case UPDATE_NONE: break;
    case UPDATE_SGD: return sgd(s);
    case UPDATE_MOMENTUM: return momentum(s);
    case UPDATE_RMSPROP: return rmsprop(s);
    case UPDATE_ADAGRAD: return adagrad(s);
    case UPDATE_ADAM: return adam(s);
    }
    return s->gradient;
}

// ---- A variable ----

// A row whose gradient is zero stays as it is without being looked at: by SGD and Adagrad always, by the
// others because the recipe wants it so.
static bool works_on_rows(const updater *u, const site *s, node_id gradient) {
    bool scattered = graph_node(u->g, gradient)->op == OP_SCATTER;
    bool rests = (u->options->rule == UPDATE_SGD || u->options->rule == UPDATE_ADAGRAD) && s->decay <= 0;
    return scattered && (rests || u->options->lazy_rows);
}

// Counts are zero but at the first position of each token.
static node_id first_positions(updater *u, node_id tokens) {
    graph *g = u->g;
    node_id ones = build_const(g, type_vector(g->real, graph_type(g, tokens).axes, 1), 1);
    node_id counts = build_binary(g, OP_SEGMENT, tokens, ones);
    return build_binary(g, OP_LESS, build_real(g, 0), counts);
}

static void choose_rows(site *s, node_id gradient) {
    updater *u = s->u;
    if (!works_on_rows(u, s, gradient)) {
        return;
    }
    const node *scatter = graph_node(u->g, gradient);
    s->tokens = scatter->operands[0];
    s->gradient = scatter->operands[1];
    if (u->options->rule != UPDATE_SGD || s->decay > 0) {
        s->first = first_positions(u, s->tokens);
    }
}

void update_variable(updater *u, const trained *t) {
    graph *g = u->g;
    // All parts of a joined variable have one decay: fuse-gates sees to it.
    double decay = update_weight_decay(u->options, &graph_find_variable(g, t->variable)->parts.at[0]);
    site s = {u, t->variable, decay, t->gradient, NO_NODE, NO_NODE, update_real(u, u->rate)};
    choose_rows(&s, t->gradient);
    node_id change = change_of(&s);
    if (s.decay > 0) {
        node_id share = update_real(u, mul(u, u->rate, update_exact(u, s.decay)));
        change = add(u, change, mul(u, share, read(&s, t->variable)));
    }
    if (s.tokens != NO_NODE) {
        add_rows(&s, t->variable, build_unary(g, OP_NEG, change));
        return;
    }
    node_id weight = build_variable(g, t->variable);
    build_assign(g, weight, update_where_sound(u, build_binary(g, OP_SUB, weight, change), weight));
}
