#include "passes/sets.h"

#include "passes/dependence.h"

// A call or a whole loop at the top level of the schedule.
typedef struct unit {
    uint32_t from, count; // its items
    bool is_loop;
    bool placed;         // stands in the new order
    bool first;          // belongs to the first half of the program
    VEC(uint32_t) waits; // units that it waits for directly
} unit;

typedef struct finder {
    const graph *g;
    pass_context *cx;
    const plan_item *items; // the order found, before sets
    VEC(unit) units;
    uint32_t *unit_of; // by group; UINT32_MAX: runs before all of them
    uint32_t current;  // the unit whose waits are being listed
    bool *reached;     // by unit: a member of the set being made, or waits for one
    bool *needed;      // by unit: a member, or a member waits for it
    VEC(plan_item) order;
} finder;

static void add_wait(void *user, uint32_t group) {
    finder *f = user;
    unit *u = &f->units.at[f->current];
    uint32_t on = f->unit_of[group];
    // Packing before the run is no unit, and what a group reads of its own loop is no wait.
    if (on < f->current && !(u->waits.count && u->waits.at[u->waits.count - 1] == on)) {
        vec_push(f->cx->scratch, u->waits, on);
    }
}

static void list_units(finder *f, uint32_t count) {
    const bool *first = gradients_first_half(f->g, f->cx->scratch);
    for (uint32_t i = 0; i < count; i += 1 + f->items[i].length) {
        const plan_item *item = &f->items[i];
        unit u = {.from = i, .count = 1 + item->length, .is_loop = item->loop != NO_LOOP};
        for (uint32_t k = u.is_loop ? 1 : 0; k < u.count; k++) {
            f->unit_of[f->items[i + k].group] = f->units.count;
            u.first |= first && first[plan_group_node(f->cx->plan, f->items[i + k].group)];
        }
        vec_push(f->cx->scratch, f->units, u);
    }
}

static void list_waits(finder *f) {
    for (f->current = 0; f->current < f->units.count; f->current++) {
        unit u = f->units.at[f->current];
        for (uint32_t k = u.is_loop ? 1 : 0; k < u.count; k++) {
            dependence_visit(f->g, f->cx->plan, f->items[u.from + k].group, add_wait, f);
        }
    }
}

static void place(finder *f, uint32_t x) {
    unit *u = &f->units.at[x];
    for (uint32_t k = 0; k < u->count; k++) {
        vec_push(f->cx->scratch, f->order, f->items[u->from + k]);
    }
    u->placed = true;
}

static bool waits_for_reached(const finder *f, const unit *u) {
    for (uint32_t i = 0; i < u->waits.count; i++) {
        if (f->reached[u->waits.at[i]]) {
            return true;
        }
    }
    return false;
}

// Finds the members of a set that begins with loop |first|, each independent of those before it, and marks them as
// needed. Returns the last.
static uint32_t choose_members(finder *f, uint32_t first) {
    uint32_t last = first;
    for (uint32_t x = 0; x < f->units.count; x++) {
        f->reached[x] = f->needed[x] = x == first;
    }
    for (uint32_t x = first + 1; x < f->units.count; x++) {
        const unit *u = &f->units.at[x];
        f->reached[x] = waits_for_reached(f, u);
        bool fits = u->is_loop && !u->placed && u->first == f->units.at[first].first;
        if (!f->reached[x] && fits && pass_may_rewrite(f->cx)) {
            f->reached[x] = f->needed[x] = true;
            last = x;
        }
    }
    return last;
}

// What members wait for, and has not run yet, runs before the set.
static void place_needed(finder *f, uint32_t first, uint32_t last) {
    for (uint32_t x = last; x > first; x--) {
        const unit *u = &f->units.at[x];
        for (uint32_t i = 0; f->needed[x] && i < u->waits.count; i++) {
            f->needed[u->waits.at[i]] = true;
        }
    }
    for (uint32_t x = first + 1; x <= last; x++) {
        if (f->needed[x] && !f->reached[x] && !f->units.at[x].placed) {
            place(f, x);
        }
    }
}

static void place_set(finder *f, uint32_t first) {
    uint32_t last = choose_members(f, first);
    if (last == first) {
        place(f, first);
        return;
    }
    place_needed(f, first, last);
    uint32_t at = f->order.count;
    plan_item head = {.loop = NO_LOOP, .group = NO_GROUP};
    vec_push(f->cx->scratch, f->order, head);
    for (uint32_t x = first; x <= last; x++) {
        // Of the needed ones only members can be reached.
        if (f->needed[x] && f->reached[x]) {
            place(f, x);
        }
    }
    f->order.at[at].length = f->order.count - at - 1;
}

static void place_all(finder *f) {
    for (uint32_t x = 0; x < f->units.count; x++) {
        if (f->units.at[x].placed) {
            continue;
        }
        if (f->units.at[x].is_loop) {
            place_set(f, x);
        } else {
            place(f, x);
        }
    }
}

void sets_find(const graph *g, pass_context *cx) {
    plan *p = cx->plan;
    finder f = {.g = g, .cx = cx, .items = p->items.at};
    f.unit_of = arena_new_array(cx->scratch, uint32_t, p->groups.count);
    for (uint32_t x = 0; x < p->groups.count; x++) {
        f.unit_of[x] = UINT32_MAX;
    }
    list_units(&f, p->items.count);
    list_waits(&f);
    f.reached = arena_new_array(cx->scratch, bool, f.units.count + 1);
    f.needed = arena_new_array(cx->scratch, bool, f.units.count + 1);
    place_all(&f);
    p->items.count = 0;
    for (uint32_t i = 0; i < f.order.count; i++) {
        vec_push(p->memory, p->items, f.order.at[i]);
    }
}
