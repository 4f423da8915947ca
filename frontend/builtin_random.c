// What is drawn by seed: dropout, random numbers as values. The op `random` says by what rule (support/philox.h).
#include "frontend/builtin.h"

// Uniform in [0, 1), of the site EQUATION.|what|.
static node_id build_random(const builtin_call *c, const char *what, value_type type) {
    const char *local =
        place_unique(c->el, arena_printf(c->el->memory, "%s.%s", place_equation(c->el), what));
    attr_value site[MAX_ATTRS] = {{.text = place_join(c->el, c->el->frame->state_place, local)}};
    return graph_add_node(c->el->g, NULL, OP_RANDOM, type, NULL, 0, site);
}

// In training each element is kept with probability |keep| and divided by it, else 0; otherwise x itself.
// dropout[T] draws once for all of T.
meaning builtin_dropout(const builtin_call *c) {
    graph *g = c->el->g;
    double keep;
    if (!number_of_meaning(c->el, c->slots[0], c->places[0], "the share that 'dropout' keeps", &keep)) {
        return meaning_poison();
    }
    if (!(keep > 0 && keep <= 1)) {
        return elaborate_error(c->el, c->places[0],
                               "the share that 'dropout' keeps must be in (0, 1], found %g", keep);
    }
    node_id x = call_real(c, 1);
    reduction same;
    if (x == NO_NODE || (c->has_axes && !call_reduction(c, x, &same))) {
        return meaning_poison();
    }
    if (keep == 1 || !c->el->training) {
        return meaning_real(x);
    }
    value_type type = graph_type(g, x);
    type.axes &= (axis_set)~c->axes;
    node_id drawn = build_random(c, "dropout", type);
    node_id kept = build_binary(g, OP_LESS, drawn, build_real(g, keep));
    node_id scaled = build_binary(g, OP_MUL, x, build_real(g, 1 / keep));
    return meaning_real(build_select(g, kept, scaled, build_real(g, 0)));
}

// ---- Random values ----

enum { RANDOM_N, RANDOM_A, RANDOM_B };

typedef struct random_call {
    value_type type;
    double a, b;
} random_call;

static bool number_or(const builtin_call *c, uint32_t slot, double otherwise, double *out) {
    *out = otherwise;
    return !c->bound[slot] ||
           number_of_meaning(
               c->el, c->slots[slot], c->places[slot],
               arena_printf(c->el->memory, "'%s' of '%s'", builtin_slot_name(c->b, slot), c->b->name), out);
}

// Values along the batch and what stands in brackets.
static bool open_random(const builtin_call *c, random_call *out) {
    const char *what = arena_printf(c->el->memory, "the size of '%s'", c->b->name);
    int32_t n = size_of_meaning(c->el, c->slots[RANDOM_N], c->places[RANDOM_N], what);
    out->type = type_vector(c->el->g->real, c->axes | AXIS_BIT(AXIS_BATCH), n);
    return n && number_or(c, RANDOM_A, 0, &out->a) && number_or(c, RANDOM_B, 1, &out->b);
}

// a + b x
static meaning scaled(const builtin_call *c, node_id x, double a, double b) {
    graph *g = c->el->g;
    node_id product = build_binary(g, OP_MUL, x, build_real(g, b));
    return meaning_real(build_binary(g, OP_ADD, product, build_real(g, a)));
}

meaning builtin_random_uniform(const builtin_call *c) {
    random_call r;
    if (!open_random(c, &r)) {
        return meaning_poison();
    }
    if (!(r.a < r.b)) {
        return elaborate_error(c->el, c->where, "'%s' needs low < high, found %g and %g", c->b->name, r.a,
                               r.b);
    }
    return scaled(c, build_random(c, "random", r.type), r.a, r.b - r.a);
}

// factors[0] + x (factors[1] + x (…))
static node_id polynomial(graph *g, node_id x, const double *factors, int count) {
    node_id sum = build_real(g, factors[count - 1]);
    for (int i = count - 2; i >= 0; i--) {
        node_id product = build_binary(g, OP_MUL, sum, x);
        sum = build_binary(g, OP_ADD, product, build_real(g, factors[i]));
    }
    return sum;
}

static node_id rational(graph *g, node_id x, const double *above, int above_count, const double *below,
                        int below_count) {
    node_id numerator = polynomial(g, x, above, above_count);
    node_id denominator = polynomial(g, x, below, below_count);
    return build_binary(g, OP_DIV, numerator, denominator);
}

// The middle of the distribution: q times a function of q squared.
static node_id normal_middle(graph *g, node_id q) {
    static const double above[] = {3.3871327179, 50.434271938, 159.29113202, 59.109374720};
    static const double below[] = {1, 17.895169469, 78.757757664, 67.187563600};
    node_id r = build_binary(g, OP_SUB, build_real(g, 0.180625), build_binary(g, OP_MUL, q, q));
    return build_binary(g, OP_MUL, q, rational(g, r, above, 4, below, 4));
}

// The tails, of u below and 1 - u above the middle.
static node_id normal_tail(graph *g, node_id u, node_id q) {
    static const double above[] = {1.4234372777, 2.7568153900, 1.3067284816, 0.17023821103};
    static const double below[] = {1, 0.73700164250, 0.12021132975};
    node_id rest = build_binary(g, OP_SUB, build_real(g, 1), u);
    node_id nearer = build_binary(g, OP_MIN, u, rest);
    node_id p = build_binary(g, OP_MAX, nearer, build_real(g, 0x1p-25));
    node_id r = build_unary(g, OP_SQRT, build_unary(g, OP_NEG, build_unary(g, OP_LOG, p)));
    node_id size = rational(g, build_binary(g, OP_SUB, r, build_real(g, 1.6)), above, 4, below, 3);
    node_id low = build_binary(g, OP_LESS, q, build_real(g, 0));
    return build_select(g, low, build_unary(g, OP_NEG, size), size);
}

// The normal distribution's inverse at a uniform number: Wichura, "Algorithm AS 241: the percentage points of the normal
// distribution", Applied Statistics 37 (1988), PPND7, seven digits. A number that is drawn has 24 bits, so the
// outermost branch of the algorithm is never reached: no value is beyond 5.42 deviations.
static node_id standard_normal(const builtin_call *c, value_type type) {
    graph *g = c->el->g;
    node_id u = build_random(c, "random", type);
    node_id q = build_binary(g, OP_SUB, u, build_real(g, 0.5));
    node_id outside = build_binary(g, OP_LESS, build_real(g, 0.425), build_unary(g, OP_ABS, q));
    node_id middle = normal_middle(g, q);
    node_id tail = normal_tail(g, u, q);
    return build_select(g, outside, tail, middle);
}

meaning builtin_random_normal(const builtin_call *c) {
    random_call r;
    if (!open_random(c, &r)) {
        return meaning_poison();
    }
    if (!(r.b >= 0)) {
        return elaborate_error(c->el, c->where, "'%s' needs a deviation of at least 0, found %g", c->b->name,
                               r.b);
    }
    return scaled(c, standard_normal(c, r.type), r.a, r.b);
}
