// Blocks are placed one by one, each at the lowest offset that no block live at the same time has taken. By falling
// size that comes within a few per cent of the largest sum of live bytes in practice (Pisarchyk and Lee, 2020, call
// it greedy by size). Where it does not, other orders are tried: by falling lifetime, by their product, and each of
// these with those blocks moved forward that reached the end of the arena before.
#include "passes/plan_layout.h"

#include <stdlib.h>
#include <string.h>

enum { PLACINGS = 40 };

typedef struct layout {
    plan *p;
    const plan_moment *moments;
    uint32_t ticks;
    arena *scratch;
    plan_block **order;  // in which blocks are placed
    plan_block **placed; // the same by offset
    int64_t *best;       // offsets of the smallest arena so far, by block
    int64_t best_bytes;  // its size; INT64_MAX: none yet
} layout;

bool plan_is_of_one_member(const plan_moment *moments, const plan_block *block) {
    return moments[block->first].member_first == moments[block->last].member_first;
}

// ---- The largest sum of live bytes ----

// By tick: how the sum of live bytes changes. Blocks of one member go by its ticks, into |own|, the others by
// sets, into |all|.
static void list_changes(const plan *p, const plan_moment *moments, int64_t *all, int64_t *own) {
    for (uint32_t i = 0; i < p->blocks.count; i++) {
        const plan_block *block = &p->blocks.at[i];
        if (!block->bytes) {
            continue;
        }
        if (plan_is_of_one_member(moments, block)) {
            own[block->first] += block->bytes;
            own[block->last + 1] -= block->bytes;
        } else {
            all[moments[block->first].set_first] += block->bytes;
            all[moments[block->last].set_last + 1] -= block->bytes;
        }
    }
}

int64_t plan_live_sum(const plan *p, const plan_moment *moments, uint32_t ticks, arena *scratch) {
    int64_t *all = arena_new_array(scratch, int64_t, ticks + 2);
    int64_t *own = arena_new_array(scratch, int64_t, ticks + 2);
    list_changes(p, moments, all, own);
    int64_t live = 0, of_member = 0, peak = 0, of_set = 0, largest = 0;
    for (uint32_t t = 0; t <= ticks; t++) {
        const plan_moment *m = &moments[t];
        live += all[t];
        of_member += own[t];
        peak = t == m->member_first || of_member > peak ? of_member : peak;
        of_set = t == m->set_first ? 0 : of_set;
        of_set += t == m->member_last ? peak : 0;
        if (t == m->set_last && live + of_set > largest) {
            largest = live + of_set;
        }
    }
    return largest;
}

// ---- Offsets ----

typedef int block_order(const void *x, const void *y);

static int by_falling(int64_t of_a, int64_t of_b, const plan_block *a, const plan_block *b) {
    if (of_a != of_b) {
        return of_a < of_b ? 1 : -1;
    }
    return a->owner < b->owner ? -1 : a->owner > b->owner;
}

static int by_falling_size(const void *x, const void *y) {
    const plan_block *a = *(plan_block *const *)x, *b = *(plan_block *const *)y;
    return by_falling(a->bytes, b->bytes, a, b);
}

static int by_falling_lifetime(const void *x, const void *y) {
    const plan_block *a = *(plan_block *const *)x, *b = *(plan_block *const *)y;
    int64_t of_a = (int64_t)a->last - a->first, of_b = (int64_t)b->last - b->first;
    return of_a == of_b ? by_falling_size(x, y) : by_falling(of_a, of_b, a, b);
}

static int by_falling_area(const void *x, const void *y) {
    const plan_block *a = *(plan_block *const *)x, *b = *(plan_block *const *)y;
    return by_falling(a->bytes * ((int64_t)a->last - a->first + 1),
                      b->bytes * ((int64_t)b->last - b->first + 1), a, b);
}

int64_t plan_rounded(int64_t bytes) {
    return (bytes + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
}

bool plan_live_together(const plan_moment *moments, const plan_block *x, const plan_block *y) {
    const plan_moment *begin = &moments[x->first], *other_begin = &moments[y->first];
    if (begin->member_first == other_begin->member_first && plan_is_of_one_member(moments, x) &&
        plan_is_of_one_member(moments, y)) {
        return x->first <= y->last && y->first <= x->last;
    }
    return begin->set_first <= moments[y->last].set_last &&
           other_begin->set_first <= moments[x->last].set_last;
}

// The lowest offset at which |block| meets none of |placed| (ascending by offset) that is live with it.
static int64_t lowest_offset(const layout *l, const plan_block *block, plan_block *const *placed,
                             uint32_t count) {
    int64_t offset = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!placed[i]->bytes || !plan_live_together(l->moments, block, placed[i])) {
            continue;
        }
        if (offset + plan_rounded(block->bytes) <= placed[i]->offset) {
            break;
        }
        int64_t end = placed[i]->offset + plan_rounded(placed[i]->bytes);
        offset = end > offset ? end : offset;
    }
    return offset;
}

static void insert_by_offset(plan_block **placed, uint32_t count, plan_block *block) {
    uint32_t i = count;
    for (; i > 0 && placed[i - 1]->offset > block->offset; i--) {
        placed[i] = placed[i - 1];
    }
    placed[i] = block;
}

static int64_t end_of(const plan_block *block) {
    return block->offset + plan_rounded(block->bytes);
}

// Places all blocks in the order of |l|, and keeps the result if it is the smallest so far. Returns the number in the
// order of a block that reaches the end of the arena.
static uint32_t place_in_order(layout *l) {
    uint32_t count = l->p->blocks.count, highest = 0;
    for (uint32_t i = 0; i < count; i++) {
        l->order[i]->offset = lowest_offset(l, l->order[i], l->placed, i);
        insert_by_offset(l->placed, i, l->order[i]);
        highest = end_of(l->order[i]) > end_of(l->order[highest]) ? i : highest;
    }
    int64_t bytes = count ? end_of(l->order[highest]) : 0;
    if (bytes < l->best_bytes) {
        l->best_bytes = bytes;
        for (uint32_t i = 0; i < count; i++) {
            l->best[i] = l->p->blocks.at[i].offset;
        }
    }
    return highest;
}

static void move_forward(plan_block **order, uint32_t from, uint32_t to) {
    plan_block *moved = order[from];
    memmove((void *)(order + to + 1), (const void *)(order + to), (from - to) * sizeof *order);
    order[to] = moved;
}

// Places blocks from an order, then again and again with the one moved forward that reached the end of the arena: to
// the front, and when that has had its chances, half the way. Stops when next to nothing is left to win.
static void try_order(layout *l, block_order *compare) {
    uint32_t count = l->p->blocks.count;
    for (uint32_t i = 0; i < count; i++) {
        l->order[i] = &l->p->blocks.at[i];
    }
    qsort((void *)l->order, count, sizeof *l->order, compare);
    int64_t enough = l->p->live_bytes + l->p->live_bytes / 100 + PLAN_ALIGNMENT;
    for (int tries = 0; tries < PLACINGS && l->best_bytes > enough; tries++) {
        uint32_t highest = place_in_order(l);
        if (count) {
            move_forward(l->order, highest, tries < PLACINGS / 2 ? 0 : highest / 2);
        }
    }
}

void plan_lay_out(plan *p, const plan_moment *moments, uint32_t ticks, arena *scratch) {
    uint32_t count = p->blocks.count;
    layout l = {.p = p, .moments = moments, .ticks = ticks, .scratch = scratch, .best_bytes = INT64_MAX};
    l.order = arena_new_array(scratch, plan_block *, count + 1);
    l.placed = arena_new_array(scratch, plan_block *, count + 1);
    l.best = arena_new_array(scratch, int64_t, count + 1);
    p->live_bytes = plan_live_sum(p, moments, ticks, scratch);
    try_order(&l, by_falling_size);
    try_order(&l, by_falling_lifetime);
    try_order(&l, by_falling_area);
    for (uint32_t i = 0; i < count; i++) {
        p->blocks.at[i].offset = l.best[i];
    }
    p->arena_bytes = l.best_bytes;
}
