#include "passes/dependence.h"

static void visit_readers_of_variable(const graph *g, const plan *p, node_id effect, plan_visitor *visit,
                                      void *user) {
    node_id changed = graph_node(g, effect)->operands[0];
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *reader = graph_node(g, n);
        for (uint32_t i = 0; i < reader->operand_count && n != effect; i++) {
            if (reader->operands[i] == changed && p->group_of[n] != NO_GROUP) {
                visit(user, p->group_of[n]);
            }
        }
    }
}

void dependence_visit(const graph *g, const plan *p, uint32_t x, plan_visitor *visit, void *user) {
    const plan_group *group = &p->groups.at[x];
    if (group->boundary != NO_NODE) {
        const node *boundary = graph_node(g, group->boundary);
        plan_visit_sources(g, p, boundary->operands[1], group->loop, visit, user);
        if (!op_has(boundary->op, DELAY)) {
            plan_visit_sources(g, p, boundary->operands[0], group->loop, visit, user);
        }
        return;
    }
    for (uint32_t i = 0; i < group->nodes.count; i++) {
        const node *n = graph_node(g, group->nodes.at[i]);
        for (uint32_t k = 0; k < n->operand_count; k++) {
            plan_visit_sources(g, p, n->operands[k], group->loop, visit, user);
        }
        if (op_has(n->op, EFFECT)) {
            visit_readers_of_variable(g, p, group->nodes.at[i], visit, user);
        }
    }
}

typedef struct search {
    const plan *p;
    uint32_t *stack;
    uint32_t depth;
    bool *seen;      // by group
    bool *loop_seen; // by loop
    uint32_t goal_loop;
} search;

static void push(void *user, uint32_t x) {
    search *s = user;
    if (s->seen[x]) {
        return;
    }
    s->seen[x] = true;
    s->stack[s->depth++] = x;
    uint32_t loop = s->p->groups.at[x].loop;
    // Seen from outside, a loop is one: whoever waits for a part of it waits for all of it.
    if (loop == NO_LOOP || loop == s->goal_loop || s->loop_seen[loop]) {
        return;
    }
    s->loop_seen[loop] = true;
    for (uint32_t y = 0; y < s->p->groups.count; y++) {
        if (s->p->groups.at[y].loop == loop && !s->p->groups.at[y].merged) {
            push(s, y);
        }
    }
}

bool dependence_reaches(const graph *g, const plan *p, uint32_t x, uint32_t on, arena *scratch) {
    search s = {.p = p, .goal_loop = p->groups.at[on].loop};
    s.stack = arena_new_array(scratch, uint32_t, p->groups.count);
    s.seen = arena_new_array(scratch, bool, p->groups.count);
    s.loop_seen = arena_new_array(scratch, bool, p->loops.count + 1);
    push(&s, x);
    while (s.depth && !s.seen[on]) {
        dependence_visit(g, p, s.stack[--s.depth], push, &s);
    }
    return s.seen[on];
}
