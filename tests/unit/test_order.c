#include "ir/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ir/build.h"

typedef struct fixture {
    graph *g;
    diag_sink d;
    arena memory;
    graph_order order;
    int t, s; // two sequence axes
} fixture;

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    f->g = graph_create("test", DT_F32);
    diag_init(&f->d);
    arena_init(&f->memory);
    f->t = graph_add_axis(f->g, "T", AXIS_IS_SEQUENCE, 0);
    f->s = graph_add_axis(f->g, "S", AXIS_IS_SEQUENCE, 0);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    graph_destroy(f->g);
    diag_deinit(&f->d);
    arena_deinit(&f->memory);
    free(f);
    return 0;
}

static value_type sequence(const fixture *f) {
    return type_vector(DT_F32, (axis_set)(AXIS_BIT(f->t) | AXIS_BIT(AXIS_BATCH)), 4);
}

static value_type row(void) {
    return type_vector(DT_F32, AXIS_BIT(AXIS_BATCH), 4);
}

static rnnc_status compute(fixture *f) {
    return graph_order_compute(f->g, &f->memory, &f->d, &f->order);
}

static const graph_step *step_of(const fixture *f, node_id n) {
    assert_true(f->order.step_of[n] < f->order.count);
    return &f->order.steps[f->order.step_of[n]];
}

static uint32_t place_in_step(const graph_step *s, node_id n) {
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->nodes[i] == n) {
            return i;
        }
    }
    fail_msg("node %u is not in its step", n);
    return 0;
}

// Each operand is in an earlier step, or earlier in the same one, or read across the step's axis.
static void assert_valid(const fixture *f) {
    uint32_t listed = 0, needed = 0;
    for (uint32_t i = 0; i < f->order.count; i++) {
        listed += f->order.steps[i].count;
    }
    for (node_id at = 0; at < f->g->nodes.count; at++) {
        if (f->order.step_of[at] == UINT32_MAX) {
            continue;
        }
        needed++;
        const graph_step *s = step_of(f, at);
        const node *n = graph_node(f->g, at);
        for (uint32_t i = 0; i < n->operand_count; i++) {
            uint32_t of = f->order.step_of[n->operands[i]];
            assert_true(of <= f->order.step_of[at]);
            bool across = i == 0 && op_has(n->op, DELAY) && n->attr[0].i == s->axis;
            if (of == f->order.step_of[at] && !across) {
                assert_true(place_in_step(s, n->operands[i]) < place_in_step(s, at));
            }
        }
    }
    assert_int_equal(listed, needed);
}

static void assert_error(fixture *f, const char *part) {
    assert_int_equal(compute(f), RNNC_TYPE);
    assert_int_equal(f->d.error_count, 1);
    if (!strstr(f->d.entries.at[0].message, part)) {
        fail_msg("expected \"%s\" in \"%s\"", part, f->d.entries.at[0].message);
    }
}

// h[t] = tanh(x[t] + delay(h)[t]); returns h.
static node_id add_recurrence(fixture *f, op_id delay, node_id x, node_id *out_delay) {
    node_id zero = build_const(f->g, row(), 0);
    node_id before = build_delay(f->g, delay, NO_NODE, zero, f->t, sequence(f));
    node_id h = build_unary(f->g, OP_TANH, build_binary(f->g, OP_ADD, x, before));
    graph_set_operand(f->g, before, 0, h);
    *out_delay = before;
    return h;
}

static void chain_in_order_of_numbers(void **state) {
    fixture *f = *state;
    node_id x = build_input(f->g, "x", "input", sequence(f));
    node_id unused = build_unary(f->g, OP_EXP, x);
    node_id y = build_input(f->g, "y", "input", sequence(f));
    node_id sum = build_binary(f->g, OP_ADD, y, x);
    graph_add_output(f->g, "sum", sum, OUTPUT_VALUE);
    assert_int_equal(compute(f), RNNC_OK);
    assert_int_equal(f->order.count, 3);
    assert_int_equal(f->order.steps[0].nodes[0], x);
    assert_int_equal(f->order.steps[1].nodes[0], y);
    assert_int_equal(f->order.steps[2].nodes[0], sum);
    assert_int_equal(f->order.steps[2].axis, NO_AXIS);
    assert_int_equal(f->order.steps[2].direction, 0);
    assert_int_equal(f->order.step_of[unused], UINT32_MAX);
    assert_valid(f);
}

static void no_nodes(void **state) {
    fixture *f = *state;
    assert_int_equal(compute(f), RNNC_OK);
    assert_int_equal(f->order.count, 0);
}

static void recurrence_forwards(void **state) {
    fixture *f = *state;
    node_id before, x = build_input(f->g, "x", "input", sequence(f));
    node_id h = add_recurrence(f, OP_PREVIOUS, x, &before);
    node_id y = build_unary(f->g, OP_EXP, h);
    graph_add_output(f->g, "y", y, OUTPUT_VALUE);
    assert_int_equal(compute(f), RNNC_OK);
    const graph_step *s = step_of(f, h);
    assert_int_equal(s->axis, f->t);
    assert_int_equal(s->direction, 1);
    assert_int_equal(s->count, 3);
    assert_int_equal(s->nodes[0], before);
    assert_int_equal(s->nodes[2], h);
    assert_int_equal(step_of(f, y)->axis, NO_AXIS);
    assert_valid(f);
}

static void recurrence_backwards(void **state) {
    fixture *f = *state;
    node_id after, h = add_recurrence(f, OP_FOLLOWING, build_input(f->g, "x", "input", sequence(f)), &after);
    graph_add_output(f->g, "h", h, OUTPUT_VALUE);
    assert_int_equal(compute(f), RNNC_OK);
    assert_int_equal(step_of(f, h)->direction, -1);
    assert_valid(f);
}

static void delay_of_itself(void **state) {
    fixture *f = *state;
    node_id zero = build_const(f->g, row(), 0);
    node_id same = build_delay(f->g, OP_PREVIOUS, NO_NODE, zero, f->t, sequence(f));
    graph_set_operand(f->g, same, 0, same);
    graph_add_output(f->g, "same", same, OUTPUT_VALUE);
    assert_int_equal(compute(f), RNNC_OK);
    assert_int_equal(step_of(f, same)->axis, f->t);
    assert_int_equal(step_of(f, same)->count, 1);
}

static void delay_of_another_is_no_recurrence(void **state) {
    fixture *f = *state;
    node_id x = build_input(f->g, "x", "input", sequence(f));
    node_id p = build_delay(f->g, OP_PREVIOUS, x, build_const(f->g, row(), 0), f->t, sequence(f));
    node_id q = build_delay(f->g, OP_FOLLOWING, p, build_const(f->g, row(), 0), f->t, sequence(f));
    graph_add_output(f->g, "q", q, OUTPUT_VALUE);
    assert_int_equal(compute(f), RNNC_OK);
    assert_int_equal(step_of(f, p)->axis, NO_AXIS);
    assert_int_equal(step_of(f, q)->axis, NO_AXIS);
    assert_valid(f);
}

static void stacked_recurrences_are_two(void **state) {
    fixture *f = *state;
    node_id p, q, x = build_input(f->g, "x", "input", sequence(f));
    node_id h = add_recurrence(f, OP_PREVIOUS, x, &p);
    node_id k = add_recurrence(f, OP_FOLLOWING, h, &q);
    graph_add_output(f->g, "k", k, OUTPUT_VALUE);
    assert_int_equal(compute(f), RNNC_OK);
    assert_true(f->order.step_of[h] < f->order.step_of[k]);
    assert_valid(f);
}

static void both_ways(void **state) {
    fixture *f = *state;
    uint32_t file = diag_add_file(&f->d, "m.rnn", "h = x", 5);
    f->g->current_origin = graph_add_origin(f->g, (span){file, 0, 1}, "cell.h");
    node_id zero = build_const(f->g, row(), 0);
    node_id p = build_delay(f->g, OP_PREVIOUS, NO_NODE, zero, f->t, sequence(f));
    node_id q = build_delay(f->g, OP_FOLLOWING, NO_NODE, zero, f->t, sequence(f));
    node_id h = build_binary(f->g, OP_ADD, p, q);
    graph_set_operand(f->g, p, 0, h);
    graph_set_operand(f->g, q, 0, h);
    graph_add_output(f->g, "h", h, OUTPUT_VALUE);
    assert_error(f, "cell.h: this recurrence reads both earlier and later indices of T");
    assert_int_equal(f->d.entries.at[0].where.file, file);
}

static value_type grid(const fixture *f, bool t, bool s) {
    return type_vector(DT_F32, (axis_set)((t ? AXIS_BIT(f->t) : 0) | (s ? AXIS_BIT(f->s) : 0)), 1);
}

static void two_axes(void **state) {
    fixture *f = *state;
    node_id p = build_delay(f->g, OP_PREVIOUS, NO_NODE, build_const(f->g, grid(f, false, true), 0), f->t,
                            grid(f, true, true));
    node_id q = build_delay(f->g, OP_PREVIOUS, NO_NODE, build_const(f->g, grid(f, true, false), 0), f->s,
                            grid(f, true, true));
    node_id h = build_binary(f->g, OP_ADD, p, q);
    graph_set_operand(f->g, p, 0, h);
    graph_set_operand(f->g, q, 0, h);
    graph_add_output(f->g, "h", h, OUTPUT_VALUE);
    assert_error(f, "two axes at once, T and S");
}

// w[t, s] = w[t - 1, s - 1] + x: a shift along S inside a recurrence along T alone.
static void shift_inside_a_step(void **state) {
    fixture *f = *state;
    node_id p = build_delay(f->g, OP_PREVIOUS, NO_NODE, build_const(f->g, grid(f, false, true), 0), f->t,
                            grid(f, true, true));
    node_id q = build_delay(f->g, OP_PREVIOUS, p, build_const(f->g, grid(f, true, false), 0), f->s,
                            grid(f, true, true));
    node_id w = build_binary(f->g, OP_ADD, q, build_const(f->g, grid(f, true, true), 1));
    graph_set_operand(f->g, p, 0, w);
    graph_add_output(f->g, "w", w, OUTPUT_VALUE);
    assert_int_equal(compute(f), RNNC_OK);
    assert_int_equal(step_of(f, w)->axis, f->t);
    assert_int_equal(step_of(f, w)->count, 3);
    assert_valid(f);
}

static void boundary_from_the_last(void **state) {
    fixture *f = *state;
    node_id p = build_delay(f->g, OP_PREVIOUS, NO_NODE, build_const(f->g, row(), 0), f->t, sequence(f));
    node_id h = build_unary(f->g, OP_TANH, p);
    graph_set_operand(f->g, p, 0, h);
    graph_set_operand(f->g, p, 1, build_end(f->g, OP_LAST, h, f->t));
    graph_add_output(f->g, "h", h, OUTPUT_VALUE);
    assert_error(f, "needs all of T");
}

static void no_delay(void **state) {
    fixture *f = *state;
    node_id x = build_input(f->g, "x", "input", sequence(f));
    node_id a = build_unary(f->g, OP_TANH, x), b = build_unary(f->g, OP_EXP, a);
    graph_set_operand(f->g, a, 0, b);
    graph_add_output(f->g, "b", b, OUTPUT_VALUE);
    assert_error(f, "depends on itself");
}

static void cycle_within_a_step(void **state) {
    fixture *f = *state;
    node_id p, h = add_recurrence(f, OP_PREVIOUS, build_input(f->g, "x", "input", sequence(f)), &p);
    node_id sum = graph_node(f->g, h)->operands[0];
    graph_set_operand(f->g, sum, 0, h);
    graph_add_output(f->g, "h", h, OUTPUT_VALUE);
    assert_error(f, "depends on itself within one index of T");
}

static void delay_without_operand(void **state) {
    fixture *f = *state;
    node_id p = build_delay(f->g, OP_PREVIOUS, NO_NODE, build_const(f->g, row(), 0), f->t, sequence(f));
    graph_add_output(f->g, "p", p, OUTPUT_VALUE);
    assert_error(f, "never given its operand 0");
}

static node_id add_variable(fixture *f, const char *name) {
    if (!graph_find_variable(f->g, name)) {
        graph_add_variable(f->g, name, type_vector(DT_F32, 0, 4), VARIABLE_WEIGHT, (initializer){0});
    }
    return build_variable(f->g, name);
}

// The update is added first, and its readers stand behind it: directly, through a view, by a second read.
static void effects_follow_readers(void **state) {
    fixture *f = *state;
    node_id w = add_variable(f, "w");
    node_id update = build_assign(f->g, w, build_const(f->g, type_vector(DT_F32, 0, 4), 1));
    node_id direct = build_unary(f->g, OP_EXP, w);
    node_id view = build_slice(f->g, build_slice(f->g, w, 0, 3), 1, 2),
            viewed = build_unary(f->g, OP_EXP, view);
    node_id again = build_unary(f->g, OP_TANH, build_variable(f->g, "w"));
    node_id unread = build_unary(f->g, OP_NEG, w);
    graph_add_output(f->g, "a", direct, OUTPUT_VALUE);
    graph_add_output(f->g, "b", viewed, OUTPUT_VALUE);
    graph_add_output(f->g, "c", again, OUTPUT_VALUE);
    assert_int_equal(compute(f), RNNC_OK);
    uint32_t at = f->order.step_of[update];
    assert_true(f->order.step_of[direct] < at);
    assert_true(f->order.step_of[viewed] < at);
    assert_true(f->order.step_of[again] < at);
    assert_int_equal(f->order.step_of[unread], UINT32_MAX);
    assert_valid(f);
}

static void effects_on_one_variable_keep_their_order(void **state) {
    fixture *f = *state;
    node_id w = add_variable(f, "w"), one = build_const(f->g, type_vector(DT_F32, 0, 4), 1);
    node_id first = build_assign(f->g, w, one), second = build_assign(f->g, w, one);
    node_id y = build_unary(f->g, OP_EXP, w);
    graph_add_output(f->g, "y", y, OUTPUT_VALUE);
    assert_int_equal(compute(f), RNNC_OK);
    assert_true(f->order.step_of[y] < f->order.step_of[first]);
    assert_true(f->order.step_of[first] < f->order.step_of[second]);
    assert_valid(f);
}

static void effect_that_reads_another_variable(void **state) {
    fixture *f = *state;
    node_id w = add_variable(f, "w"), v = add_variable(f, "v");
    node_id change_v = build_assign(f->g, v, build_const(f->g, type_vector(DT_F32, 0, 4), 1));
    node_id copy_v = build_assign(f->g, w, v);
    assert_int_equal(compute(f), RNNC_OK);
    assert_true(f->order.step_of[copy_v] < f->order.step_of[change_v]);
    assert_valid(f);
}

static void exchange_of_variables(void **state) {
    fixture *f = *state;
    node_id w = add_variable(f, "w"), v = add_variable(f, "v");
    build_assign(f->g, w, v);
    build_assign(f->g, v, w);
    assert_error(f, "read each other's old values");
}

enum { LONG = 100000 };

static void long_chains(void **state) {
    fixture *f = *state;
    node_id zero = build_const(f->g, row(), 0);
    node_id p = build_delay(f->g, OP_PREVIOUS, NO_NODE, zero, f->t, sequence(f)), h = p;
    for (int i = 0; i < LONG; i++) {
        h = build_unary(f->g, OP_TANH, h);
    }
    graph_set_operand(f->g, p, 0, h);
    node_id y = h;
    for (int i = 0; i < LONG; i++) {
        y = build_unary(f->g, OP_TANH, y);
    }
    graph_add_output(f->g, "y", y, OUTPUT_VALUE);
    assert_int_equal(compute(f), RNNC_OK);
    assert_int_equal(step_of(f, h)->count, LONG + 1);
    assert_int_equal(f->order.count, LONG + 2);
}

// Random sums of two earlier nodes, some of them closed into recurrences along T.
static void random_graphs(void **state) {
    fixture *f = *state;
    uint32_t noise = 12345;
    for (int round = 0; round < 200; round++) {
        graph_destroy(f->g);
        f->g = graph_create("random", DT_F32);
        f->t = graph_add_axis(f->g, "T", AXIS_IS_SEQUENCE, 0);
        node_id zero = build_const(f->g, row(), 0), delay[8];
        for (int i = 0; i < 8; i++) {
            delay[i] = build_delay(f->g, OP_PREVIOUS, NO_NODE, zero, f->t, sequence(f));
        }
        for (int i = 0; i < 40; i++) {
            noise = noise * 1664525u + 1013904223u;
            uint32_t made = f->g->nodes.count - 1;
            build_binary(f->g, OP_ADD, 1 + (noise >> 8) % made, 1 + (noise >> 20) % made);
        }
        for (uint32_t i = 0; i < 8; i++) {
            noise = noise * 1664525u + 1013904223u;
            graph_set_operand(f->g, delay[i], 0, 1 + (noise >> 8) % (f->g->nodes.count - 1));
        }
        graph_add_output(f->g, "y", f->g->nodes.count - 1, OUTPUT_VALUE);
        assert_int_equal(compute(f), RNNC_OK);
        assert_valid(f);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(chain_in_order_of_numbers),
        CASE(no_nodes),
        CASE(recurrence_forwards),
        CASE(recurrence_backwards),
        CASE(delay_of_itself),
        CASE(delay_of_another_is_no_recurrence),
        CASE(stacked_recurrences_are_two),
        CASE(both_ways),
        CASE(two_axes),
        CASE(shift_inside_a_step),
        CASE(boundary_from_the_last),
        CASE(no_delay),
        CASE(cycle_within_a_step),
        CASE(delay_without_operand),
        CASE(effects_follow_readers),
        CASE(effects_on_one_variable_keep_their_order),
        CASE(effect_that_reads_another_variable),
        CASE(exchange_of_variables),
        CASE(long_chains),
        CASE(random_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
