// schedule: one order of all kernel calls, and what in it may run side by side.
//
// A group runs once everything it waits for has run; a loop runs as one. Among those that could come next, the
// one whose nodes came first in the order of evaluation does, after what it needs itself (a depth-first walk), so
// that values are made shortly before they are read. Packing of weights is kept apart: it has to be repeated only
// when weights have changed. In a program that changes them itself it opens the run.
//
// Then loops that do not depend on one another are moved together into sets (passes/sets.c): the two directions of a
// layer, forward and backward, or the layers of two stacks. With several threads the executor may give whole loops
// to threads, which then need no barrier at each call of each step.
//
// Where gradients of outputs are given, what belongs to the first half of the program (passes/gradients.h) comes first.
#include "passes/dependence.h"
#include "passes/pass.h"
#include "passes/sets.h"

typedef struct scheduler {
    graph *g;
    plan *p;
    arena *scratch;
    uint8_t *state; // by group: 0 new, 1 being visited, 2 placed
    uint8_t *loop_state;
    uint32_t current; // the group whose sources are visited
    uint32_t loop;    // the loop being ordered from inside, NO_LOOP: the whole program
    VEC(plan_item) items;
    bool cyclic;
} scheduler;

static void visit_group(void *user, uint32_t x);

static void visit_loop(scheduler *s, uint32_t loop) {
    if (s->loop_state[loop]) {
        s->cyclic |= s->loop_state[loop] == 1;
        return;
    }
    s->loop_state[loop] = 1;
    for (uint32_t x = 0; x < s->p->groups.count; x++) {
        if (s->p->groups.at[x].loop == loop && !s->p->groups.at[x].merged) {
            dependence_visit(s->g, s->p, x, visit_group, s);
        }
    }
    s->loop_state[loop] = 2;
    plan_item head = {.loop = loop};
    vec_push(s->scratch, s->items, head);
    uint32_t at = s->items.count - 1;
    s->loop = loop;
    for (uint32_t x = 0; x < s->p->groups.count; x++) {
        if (s->p->groups.at[x].loop == loop && !s->p->groups.at[x].merged) {
            visit_group(s, x);
        }
    }
    s->loop = NO_LOOP;
    s->items.at[at].length = s->items.count - at - 1;
}

static void visit_group(void *user, uint32_t x) {
    scheduler *s = user;
    uint32_t loop = s->p->groups.at[x].loop;
    if (loop != s->loop) {
        // Seen from inside a loop, everything outside has run. Seen from outside, a loop is one.
        if (s->loop == NO_LOOP && s->loop_state[loop] != 1) {
            visit_loop(s, loop);
        }
        return;
    }
    if (s->state[x]) {
        s->cyclic |= s->state[x] == 1 && x != s->current;
        return;
    }
    uint32_t reader = s->current;
    s->state[x] = 1;
    s->current = x;
    dependence_visit(s->g, s->p, x, visit_group, s);
    s->current = reader;
    s->state[x] = 2;
    plan_item call = {.loop = NO_LOOP, .group = x};
    vec_push(s->scratch, s->items, call);
}

// Visits the groups of the |first| half; NULL: all.
static void visit_all(scheduler *s, const bool *first) {
    for (uint32_t x = 0; x < s->p->groups.count; x++) {
        if (!s->p->groups.at[x].merged && (!first || first[plan_group_node(s->p, x)])) {
            visit_group(s, x);
        }
    }
}

static bool changes_variables(const graph *g) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        if (op_has(graph_node(g, n)->op, EFFECT)) {
            return true;
        }
    }
    return false;
}

rnnc_status pass_schedule(graph *g, pass_context *cx) {
    plan *p = cx->plan;
    plan_forget_blocks(p, g->nodes.count);
    scheduler s = {.g = g, .p = p, .scratch = cx->scratch, .current = NO_GROUP, .loop = NO_LOOP};
    s.state = arena_new_array(cx->scratch, uint8_t, p->groups.count);
    s.loop_state = arena_new_array(cx->scratch, uint8_t, p->loops.count + 1);
    visit_all(&s, gradients_first_half(g, cx->scratch));
    visit_all(&s, NULL);
    bool training = changes_variables(g);
    p->items.count = p->prepare.count = 0;
    for (uint32_t i = 0; i < s.items.count; i++) {
        plan_item item = s.items.at[i];
        bool apart = item.loop == NO_LOOP && p->groups.at[item.group].prepare && !training;
        if (apart) {
            vec_push(p->memory, p->prepare, item);
        } else {
            vec_push(p->memory, p->items, item);
        }
    }
    if (s.cyclic) {
        return diag_fail(cx->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the groups of the plan wait for each other");
    }
    sets_find(g, cx);
    return RNNC_OK;
}
