// A model that runs forward and backward in two halves, beside one that only runs forward, for tests of gradients.
#ifndef RNNC_TESTS_API_PAIR_H
#define RNNC_TESTS_API_PAIR_H

#include "tests/api/fixture.h"

#include <math.h>

enum { ROWS = 3, STEPS = 5, IN = 2, OUT = 3, MOST = 512 };

// One side of a comparison: a program with gradients, and one that only runs forward, over the same weights.
typedef struct pair {
    rnnc_diagnostics *d;
    rnnc_model *model;
    rnnc_program *back, *forward;
    rnnc_weights *weights;
    rnnc_context *run, *check;
} pair;

static const char *given[8], *wanted[8];
static char state_names[8][64];

// All states, by their names in |p|; returns how many there are.
static inline uint32_t list_states(const rnnc_program *p) {
    uint32_t count = rnnc_program_state_count(p);
    for (uint32_t i = 0; i < count; i++) {
        rnnc_value v;
        assert_int_equal(rnnc_program_state(p, i, &v), RNNC_OK);
        snprintf(state_names[i], sizeof state_names[i], "%s", v.name);
    }
    return count;
}

static inline rnnc_compile_options options_for(const char *cpu, int threads) {
    rnnc_compile_options o = RNNC_COMPILE_OPTIONS;
    o.max_batch = ROWS;
    o.max_length = STEPS;
    o.threads = threads;
    o.cpu = cpu ? cpu : fixture_cpu();
    o.use_cache = 1;
    return o;
}

static inline pair make_pair(const char *text, const char *cpu, int threads) {
    pair p = {0};
    assert_int_equal(rnnc_diagnostics_create(&p.d), RNNC_OK);
    p.model = fixture_model(text, p.d);
    rnnc_compile_options o = options_for(cpu, threads);
    fixture_ok(rnnc_program_compile(p.model, &o, p.d, &p.forward), p.d);
    uint32_t states = list_states(p.forward);
    wanted[0] = "x";
    given[0] = "y";
    for (uint32_t i = 0; i < states; i++) {
        wanted[1 + i] = given[1 + i] = state_names[i];
    }
    o.purpose = RNNC_GRADIENTS;
    o.gradients = wanted;
    o.given_gradients = given;
    o.gradient_count = o.given_gradient_count = 1 + states;
    fixture_ok(rnnc_program_compile(p.model, &o, p.d, &p.back), p.d);
    fixture_ok(rnnc_weights_create(p.back, p.d, &p.weights), p.d);
    fixture_ok(rnnc_weights_initialize(p.weights, 5, p.d), p.d);
    fixture_ok(rnnc_context_create(p.back, p.weights, p.d, &p.run), p.d);
    rnnc_weights *copy = NULL;
    fixture_ok(rnnc_weights_create(p.forward, p.d, &copy), p.d);
    fixture_ok(rnnc_weights_copy(copy, p.weights, p.d), p.d);
    fixture_ok(rnnc_context_create(p.forward, copy, p.d, &p.check), p.d);
    rnnc_weights_release(copy);
    return p;
}

static inline void free_pair(pair *p) {
    rnnc_context_destroy(p->run);
    rnnc_context_destroy(p->check);
    rnnc_weights_release(p->weights);
    rnnc_program_release(p->back);
    rnnc_program_release(p->forward);
    rnnc_model_release(p->model);
    rnnc_diagnostics_destroy(p->d);
}

static inline void fill(double *values, size_t count, unsigned seed) {
    float some[MOST];
    assert_true(count <= MOST);
    fixture_fill(some, count, seed);
    for (size_t i = 0; i < count; i++) {
        values[i] = (double)some[i];
    }
}

static inline void write_named(rnnc_context *c, const rnnc_program *p, const char *name, const double *x,
                               size_t count, rnnc_diagnostics *d) {
    int index = rnnc_program_find_input(p, name);
    assert_true(index >= 0);
    fixture_ok(rnnc_context_write_input(c, (uint32_t)index, RNNC_STEPS_FIRST, x, count, d), d);
}

static inline void read_named(rnnc_context *c, const rnnc_program *p, const char *name, double *x,
                              size_t count, rnnc_diagnostics *d) {
    int index = rnnc_program_find_output(p, name);
    assert_true(index >= 0);
    fixture_ok(rnnc_context_read_output(c, (uint32_t)index, RNNC_STEPS_FIRST, x, count, d), d);
}

// Numbers of a run: inputs, first states, and the gradients that are given.
typedef struct numbers {
    double x[STEPS * ROWS * IN], y[STEPS * ROWS * OUT], states[8][ROWS * OUT], finals[8][ROWS * OUT];
    size_t y_count;
} numbers;

static const int32_t lengths[ROWS] = {5, 2, 4};

static inline void start(rnnc_context *c, const rnnc_program *p, const numbers *n, rnnc_diagnostics *d) {
    write_named(c, p, "x", n->x, STEPS * ROWS * IN, d);
    int index = rnnc_program_find_input(p, "T.lengths");
    if (index >= 0) {
        fixture_ok(rnnc_context_write_input(c, (uint32_t)index, RNNC_STEPS_FIRST, lengths, ROWS, d), d);
    }
    for (uint32_t i = 0; i < rnnc_program_state_count(p); i++) {
        fixture_ok(rnnc_context_write_state(c, i, n->states[i], ROWS * OUT, d), d);
    }
    fixture_ok(rnnc_run(c, d), d);
}

// What is differentiated: outputs and final states, each times the gradient that is given of it.
static inline double objective(const pair *p, const numbers *n) {
    double y[STEPS * ROWS * OUT], state[ROWS * OUT], sum = 0;
    start(p->check, p->forward, n, p->d);
    read_named(p->check, p->forward, "y", y, n->y_count, p->d);
    for (size_t i = 0; i < n->y_count; i++) {
        sum += y[i] * n->y[i];
    }
    for (uint32_t s = 0; s < rnnc_program_state_count(p->forward); s++) {
        fixture_ok(rnnc_context_read_state(p->check, s, state, ROWS * OUT, p->d), p->d);
        for (size_t i = 0; i < ROWS * OUT; i++) {
            sum += state[i] * n->finals[s][i];
        }
    }
    return sum;
}

static inline double slope(const pair *p, numbers *n, double *at) {
    const double step = 1e-5, kept = *at;
    *at = kept + step;
    double more = objective(p, n);
    *at = kept - step;
    double less = objective(p, n);
    *at = kept;
    return (more - less) / (2 * step);
}

static inline void check_close(double found, double wants, const char *what) {
    if (!(fabs(found - wants) <= 1e-7 * (1 + fabs(wants)))) {
        fail_msg("%s: %.12g, and by differences %.12g", what, found, wants);
    }
}

static inline void give_gradients(const pair *p, const numbers *n) {
    char name[96];
    write_named(p->run, p->back, "gradient/y", n->y, n->y_count, p->d);
    for (uint32_t s = 0; s < rnnc_program_state_count(p->forward); s++) {
        snprintf(name, sizeof name, "gradient/%.63s", state_names[s]);
        write_named(p->run, p->back, name, n->finals[s], ROWS * OUT, p->d);
    }
}

static inline numbers some_numbers(const pair *p) {
    numbers n;
    int y = rnnc_program_find_output(p->back, "y");
    n.y_count = rnnc_context_output_elements(p->run, (uint32_t)y);
    fill(n.x, STEPS * ROWS * IN, 1);
    fill(n.y, STEPS * ROWS * OUT, 2);
    for (unsigned s = 0; s < 8; s++) {
        fill(n.states[s], ROWS * OUT, 10 + s);
        fill(n.finals[s], ROWS * OUT, 20 + s);
    }
    return n;
}

// Both passes; the gradient of x goes to |dx|, those of the states to |ds|.
static inline void run_both(const pair *p, const numbers *n, double *dx, double ds[8][ROWS * OUT]) {
    char name[96];
    start(p->run, p->back, n, p->d);
    give_gradients(p, n);
    fixture_ok(rnnc_backward(p->run, p->d), p->d);
    read_named(p->run, p->back, "gradient/x", dx, STEPS * ROWS * IN, p->d);
    for (uint32_t s = 0; s < rnnc_program_state_count(p->forward); s++) {
        snprintf(name, sizeof name, "gradient/%.63s", state_names[s]);
        read_named(p->run, p->back, name, ds[s], ROWS * OUT, p->d);
    }
}

static inline void write_model(char text[512], const char *cell, const char *axis) {
    snprintf(text, 512, "model m() {\n    float = f64\n    input x: real(2)[T%s]\n    output y = %s\n}\n",
             axis, cell);
}

#endif
