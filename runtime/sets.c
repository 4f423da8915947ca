// Which sets of loops and calls run side by side, and on which threads: decided when calls are bound, from their
// estimated costs, since these depend on the extents of the run.
#include "runtime/context_parts.h"

// What the calls of a list of items take, in nanoseconds.
typedef struct set_cost {
    double alone; // on one thread
    double split; // each call shared among all threads, as outside of sets
} set_cost;

// |before| stands before |call|: a barrier is between them unless the caller's thread does both alone.
static set_cost cost_of_call(const bound_call *call, const bound_call *before) {
    double barrier = call->alone && before->alone ? 0 : BARRIER_COST;
    return (set_cost){(double)call->cost, (double)(call->alone ? call->cost : call->share) + barrier};
}

static set_cost cost_of_member(const context *c, const program_item *item) {
    if (item->kind == ITEM_CALL) {
        return cost_of_call(&c->calls[item->call], &c->calls[item->call]);
    }
    set_cost sum = {0, 0};
    for (uint32_t i = 1; i <= item->length; i++) {
        uint32_t before = i > 1 ? i - 1 : item->length;
        set_cost one = cost_of_call(&c->calls[item[i].call], &c->calls[item[before].call]);
        sum.alone += one.alone;
        sum.split += one.split;
    }
    double extent = (double)c->extents[item->axis];
    return (set_cost){sum.alone * extent, sum.split * extent};
}

static uint32_t next_member(const program_item *set, uint32_t at) {
    return at + 1 + (set[at].kind == ITEM_LOOP ? set[at].length : 0);
}

// The dearest member that no thread has yet; 0: all have theirs.
static uint32_t dearest_left(const context *c, const program_item *set, const int *threads,
                             double *out_cost) {
    uint32_t dearest = 0;
    *out_cost = -1;
    for (uint32_t i = 1; i <= set->length; i = next_member(set, i)) {
        double cost = threads[i] == NO_THREAD ? cost_of_member(c, &set[i]).alone : -1;
        if (cost > *out_cost) {
            dearest = i;
            *out_cost = cost;
        }
    }
    return dearest;
}

static int least_loaded(const context *c) {
    int least = 0;
    for (int k = 1; k < team_members(c->team); k++) {
        least = c->members[k].load < c->members[least].load ? k : least;
    }
    return least;
}

// Gives members to threads, each to the one with the least to do, the dearest first. Returns the largest load.
static double share_out(context *c, const program_item *set, int *threads) {
    for (int k = 0; k < team_members(c->team); k++) {
        c->members[k].load = 0;
    }
    for (uint32_t i = 1; i <= set->length; i++) {
        threads[i] = NO_THREAD;
    }
    double cost = 0, largest = 0;
    uint32_t i = dearest_left(c, set, threads, &cost);
    while (i) {
        threads[i] = least_loaded(c);
        double *load = &c->members[threads[i]].load;
        *load += cost;
        largest = *load > largest ? *load : largest;
        i = dearest_left(c, set, threads, &cost);
    }
    return largest;
}

// Whether the set takes less time side by side: the largest load and the barriers around it.
static void bind_set(context *c, const program_item *set, int *threads) {
    double split = 0, beside = share_out(c, set, threads) + 2 * BARRIER_COST;
    for (uint32_t i = 1; i <= set->length; i = next_member(set, i)) {
        split += cost_of_member(c, &set[i]).split;
    }
    bool chosen = c->set_choice == SETS_BY_COST ? beside < split : c->set_choice == SETS_BESIDE;
    threads[0] = chosen && team_members(c->team) > 1 ? 0 : NO_THREAD;
}

void context_bind_sets(context *c) {
    const program *p = c->program;
    for (uint32_t i = 0; i < p->body.count; i++) {
        if (p->body.at[i].kind == ITEM_SET) {
            bind_set(c, &p->body.at[i], &c->threads[i]);
        }
    }
}
