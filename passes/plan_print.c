#include "ir/text_print.h"
#include "passes/plan_text.h"
#include "passes/plan_words.h"

static const char *const stages[] = {"grouped", "ordered", "placed"};
static const char *const directions[] = {"up", "down"};
static const char *const kinds[] = {"map",     "product", "fold",     "pack",
                                    "segment", "scatter", "add_rows", "random"};
static const char *const slots[] = {"step", "only", "all"};

word_list plan_stage_words(void) {
    return (word_list){stages, 3};
}

word_list plan_direction_words(void) {
    return (word_list){directions, 2};
}

word_list kernel_kind_words(void) {
    return (word_list){kinds, sizeof kinds / sizeof *kinds};
}

word_list place_slot_words(void) {
    return (word_list){slots, sizeof slots / sizeof *slots};
}

// The nodes whose entry of |table| is |value|, but for |except|.
static void print_members(const graph *g, const uint32_t *table, uint32_t value, node_id except,
                          const char *before, strbuf *out) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        if (table[n] == value && n != except) {
            strbuf_addf(out, "%s%%%u", before, n);
            before = ", ";
        }
    }
}

static void plan_print_loop(const graph *g, const plan *p, uint32_t loop, strbuf *out) {
    strbuf_addf(out, "loop %u ", loop);
    irprint_name(out, g->axes.at[p->loops.at[loop].axis].name);
    strbuf_addf(out, " %s", directions[p->loops.at[loop].direction < 0]);
    print_members(g, p->loop_of, loop, NO_NODE, " of ", out);
}

void plan_print_group(const graph *g, const plan *p, uint32_t group, strbuf *out) {
    const plan_group *at = &p->groups.at[group];
    strbuf_addf(out, "group %u %s", group, kinds[at->kind]);
    if (at->loop != NO_LOOP) {
        strbuf_addf(out, " loop %u", at->loop);
    }
    strbuf_add(out, " rows ");
    irprint_axes(g, at->axes, out);
    strbuf_addf(out, at->rank == 2 ? " columns [%d,%d]" : " columns [%d]", at->dim[0], at->dim[1]);
    if (at->gates != 1) {
        strbuf_addf(out, " gates %d", at->gates);
    }
    if (at->root != NO_NODE) {
        strbuf_addf(out, " root %%%u", at->root);
    }
    strbuf_add(out, at->prepare ? " prepare" : "");
    if (at->boundary != NO_NODE) {
        strbuf_addf(out, " starts %%%u", at->boundary);
    }
    for (uint32_t i = 0; i < at->nodes.count; i++) {
        strbuf_addf(out, "%s%%%u", i ? ", " : " of ", at->nodes.at[i]);
    }
}

void plan_print_block(const graph *g, const plan *p, uint32_t block, strbuf *out) {
    const plan_block *at = &p->blocks.at[block];
    strbuf_addf(out, "block %%%u bytes %lld", at->owner, (long long)at->bytes);
    if (at->loop != NO_LOOP) {
        strbuf_addf(out, " loop %u", at->loop);
    }
    if (at->slot_axis != NO_AXIS) {
        strbuf_add(out, " slots ");
        irprint_name(out, g->axes.at[at->slot_axis].name);
    }
    if (at->front) {
        strbuf_addf(out, " front %d", at->front);
    }
    if (at->back) {
        strbuf_addf(out, " back %d", at->back);
    }
    strbuf_addf(out, " live %u to %u at %lld", at->first, at->last, (long long)at->offset);
    print_members(g, p->block_of, block, at->owner, " also ", out);
}

static uint32_t count_members(const plan_item *set) {
    uint32_t members = 0;
    for (uint32_t i = 1; i <= set->length; i += 1 + set[i].length) {
        members++;
    }
    return members;
}

// The members of a set are the lines behind it.
static void print_items(const char *word, const plan_item *items, uint32_t count, strbuf *out) {
    for (uint32_t i = 0; i < count; i++) {
        if (plan_is_set(&items[i])) {
            strbuf_addf(out, "%s set %u\n", word, count_members(&items[i]));
            continue;
        }
        if (items[i].loop == NO_LOOP) {
            strbuf_addf(out, "%s group %u\n", word, items[i].group);
            continue;
        }
        strbuf_addf(out, "%s loop %u groups", word, items[i].loop);
        for (uint32_t k = 1; k <= items[i].length; k++) {
            strbuf_addf(out, "%s%u", k > 1 ? ", " : " ", items[i + k].group);
        }
        strbuf_add(out, "\n");
        i += items[i].length;
    }
}

static void print_head(const graph *g, const plan *p, strbuf *out) {
    strbuf_addf(out, "plan %s vectors %d registers %d\n", stages[p->stage - 1], p->shape.vector_bytes,
                p->shape.vector_registers);
    for (uint32_t a = 0; a < g->axes.count; a++) {
        strbuf_add(out, "extent ");
        irprint_name(out, g->axes.at[a].name);
        strbuf_addf(out, " %lld\n", (long long)p->maxima[a]);
    }
}

void plan_print(const graph *g, const plan *p, strbuf *out) {
    if (!p) {
        return;
    }
    print_head(g, p, out);
    for (uint32_t i = 0; i < p->loops.count; i++) {
        plan_print_loop(g, p, i, out);
        strbuf_add(out, "\n");
    }
    for (uint32_t i = 0; i < p->groups.count; i++) {
        plan_print_group(g, p, i, out);
        strbuf_add(out, "\n");
    }
    if (p->stage >= PLAN_ORDERED) {
        print_items("prepare", p->prepare.at, p->prepare.count, out);
        print_items("run", p->items.at, p->items.count, out);
    }
    if (p->stage >= PLAN_PLACED) {
        strbuf_addf(out, "arena %lld live %lld\n", (long long)p->arena_bytes, (long long)p->live_bytes);
        for (uint32_t i = 0; i < p->blocks.count; i++) {
            plan_print_block(g, p, i, out);
            strbuf_add(out, "\n");
        }
    }
}
