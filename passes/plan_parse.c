#include "passes/buffers.h"
#include "passes/plan_text.h"
#include "passes/plan_words.h"
#include "passes/text_section.h"

typedef struct block_line {
    span where;
    plan_block block;
    VEC(node_id) also; // written over the owner
} block_line;

typedef struct plan_parser {
    text_section section;
    plan *p;
    span head, arena_line;
    bool extents[MAX_AXES]; // by axis: has been read
    plan_lines lines;
    VEC(block_line) blocks;
    uint32_t set, members; // the set whose members are being read, and how many of them are left
    int64_t arena_bytes, live_bytes;
} plan_parser;

static plan_parser *parser_of(text_section *s) {
    return (plan_parser *)s; // the section is the parser's first member
}

typedef VEC(node_id) node_list;

// %3, %4, …
static rnnc_status parse_nodes(text_section *s, node_list *out_nodes) {
    do {
        node_id n;
        TRY(section_node(s, &n));
        vec_push(&s->ir.scratch, *out_nodes, n);
    } while (irlex_accept(&s->ir.lex, ','));
    return RNNC_OK;
}

// plan placed vectors 32 registers 16
static rnnc_status parse_head(text_section *s) {
    plan_parser *p = parser_of(s);
    uint32_t stage;
    span where = s->ir.lex.now.where;
    if (p->p) {
        return diag_error(s->ir.d, p->section.ir.lex.now.where, "a text has one plan");
    }
    TRY(irlex_keyword(&s->ir.lex, "a plan's stage (grouped, ordered, placed)", plan_stage_words(), &stage));
    target_shape shape;
    TRY(section_target(s, &shape));
    p->head = irlex_since(&s->ir.lex, where);
    int64_t maxima[MAX_AXES] = {0};
    p->p = plan_create(s->ir.g, shape, maxima);
    p->p->stage = (plan_stage)(stage + 1);
    return RNNC_OK;
}

// extent T 32
static rnnc_status parse_extent(text_section *s) {
    int axis;
    int64_t extent;
    span where = s->ir.lex.now.where;
    TRY(irparse_axis(&s->ir, &axis));
    TRY(irlex_int(&s->ir.lex, "an extent", 1, INT32_MAX, &extent));
    const axis_info *info = &s->ir.g->axes.at[axis];
    if (info->kind == AXIS_IS_FIXED && extent != info->size) {
        return diag_error(s->ir.d, irlex_since(&s->ir.lex, where), "axis %s has %lld indices, not %lld",
                          info->name, (long long)info->size, (long long)extent);
    }
    parser_of(s)->extents[axis] = true;
    parser_of(s)->p->maxima[axis] = extent;
    return RNNC_OK;
}

// loop 0 T up of %3, %4
static rnnc_status parse_loop(text_section *s) {
    plan_parser *p = parser_of(s);
    plan_loop loop;
    uint32_t direction, number = p->p->loops.count;
    span where = s->ir.lex.now.where;
    node_list nodes = {0};
    TRY(section_next(s, "loop", number));
    TRY(irparse_axis(&s->ir, &loop.axis));
    TRY(irlex_keyword(&s->ir.lex, "a direction (up, down)", plan_direction_words(), &direction));
    loop.direction = direction ? -1 : 1;
    TRY(section_expect(s, "of"));
    TRY(parse_nodes(s, &nodes));
    where = irlex_since(&s->ir.lex, where);
    for (uint32_t i = 0; i < nodes.count; i++) {
        uint32_t *in = &p->p->loop_of[nodes.at[i]];
        if (*in != NO_LOOP) {
            return diag_error(s->ir.d, where, "%%%u is in loop %u already", nodes.at[i], *in);
        }
        *in = number;
    }
    vec_push(p->p->memory, p->p->loops, loop);
    vec_push(&s->ir.scratch, p->lines.loops, where);
    return RNNC_OK;
}

// columns [200] or [3,4]
static rnnc_status parse_columns(text_section *s, plan_group *group) {
    group->dim[1] = 1;
    group->rank = 0;
    TRY(section_expect(s, "columns"));
    TRY(irlex_expect(&s->ir.lex, '['));
    do {
        TRY(section_int32(s, "a number of columns", 1, &group->dim[group->rank++]));
    } while (group->rank < 2 && irlex_accept(&s->ir.lex, ','));
    return irlex_expect(&s->ir.lex, ']');
}

static rnnc_status parse_group_fields(text_section *s, plan_group *group) {
    if (section_accept(s, "loop")) {
        TRY(section_index(s, "a loop", parser_of(s)->p->loops.count, &group->loop));
    }
    TRY(section_expect(s, "rows"));
    TRY(irparse_axes(&s->ir, &group->axes));
    TRY(parse_columns(s, group));
    if (section_accept(s, "gates")) {
        TRY(section_int32(s, "a number of gates", 1, &group->gates));
    }
    if (section_accept(s, "root")) {
        TRY(section_node(s, &group->root));
    }
    group->prepare = section_accept(s, "prepare");
    return section_accept(s, "starts") ? section_node(s, &group->boundary) : RNNC_OK;
}

static void put_in_group(text_section *s, plan_group *group, const node_list *nodes, uint32_t number) {
    plan *p = parser_of(s)->p;
    for (uint32_t i = 0; i < nodes->count; i++) {
        vec_push(p->memory, group->nodes, nodes->at[i]);
        p->group_of[nodes->at[i]] = number;
    }
    if (group->boundary != NO_NODE) {
        p->group_of[group->boundary] = number;
    }
    vec_push(p->memory, p->groups, *group);
}

// group 0 product loop 0 rows <B> columns [200] gates 4 root %4 of %4, %5
static rnnc_status parse_group(text_section *s) {
    plan_parser *p = parser_of(s);
    plan_group group = {.loop = NO_LOOP, .root = NO_NODE, .gates = 1, .boundary = NO_NODE};
    uint32_t kind, number = p->p->groups.count;
    node_list nodes = {0};
    span where = s->ir.lex.now.where;
    TRY(section_next(s, "group", number));
    TRY(irlex_keyword(&s->ir.lex, "a kind of kernel", kernel_kind_words(), &kind));
    group.kind = (kernel_kind)kind;
    TRY(parse_group_fields(s, &group));
    if (section_accept(s, "of")) {
        TRY(parse_nodes(s, &nodes));
    }
    where = irlex_since(&s->ir.lex, where);
    vec_push(&s->ir.scratch, p->lines.groups, where);
    put_in_group(s, &group, &nodes, number);
    return RNNC_OK;
}

static void push_item(plan *p, plan_item item, bool prepare) {
    if (prepare) {
        vec_push(p->memory, p->prepare, item);
    } else {
        vec_push(p->memory, p->items, item);
    }
}

static rnnc_status parse_call(text_section *s, bool prepare) {
    plan *p = parser_of(s)->p;
    plan_item item = {.loop = NO_LOOP};
    TRY(section_index(s, "a group", p->groups.count, &item.group));
    push_item(p, item, prepare);
    return RNNC_OK;
}

// run loop 0 groups 3, 4
static rnnc_status parse_loop_item(text_section *s) {
    plan *p = parser_of(s)->p;
    plan_item item = {0};
    TRY(section_index(s, "a loop", p->loops.count, &item.loop));
    uint32_t head = p->items.count;
    push_item(p, item, false);
    TRY(section_expect(s, "groups"));
    do {
        TRY(parse_call(s, false));
    } while (irlex_accept(&s->ir.lex, ','));
    p->items.at[head].length = p->items.count - head - 1;
    return RNNC_OK;
}

// run set 2
static rnnc_status parse_set(text_section *s) {
    plan_parser *p = parser_of(s);
    plan_item item = {.loop = NO_LOOP, .group = NO_GROUP};
    int64_t members;
    if (p->members) {
        return irlex_unexpected(&s->ir.lex, "the members of a set before the next set");
    }
    TRY(irlex_int(&s->ir.lex, "a number of members", 2, UINT32_MAX, &members));
    p->set = p->p->items.count;
    p->members = (uint32_t)members;
    push_item(p->p, item, false);
    return RNNC_OK;
}

// run group 3, run loop 0 groups 3, 4 or run set 2
static rnnc_status parse_run(text_section *s) {
    plan_parser *p = parser_of(s);
    if (section_accept(s, "set")) {
        return parse_set(s);
    }
    if (section_accept(s, "group")) {
        TRY(parse_call(s, false));
    } else {
        TRY(section_expect(s, "loop"));
        TRY(parse_loop_item(s));
    }
    if (p->members) {
        p->p->items.at[p->set].length = p->p->items.count - p->set - 1;
        p->members--;
    }
    return RNNC_OK;
}

// prepare group 3
static rnnc_status parse_prepare(text_section *s) {
    TRY(section_expect(s, "group"));
    return parse_call(s, true);
}

// arena 4096 live 4000
static rnnc_status parse_arena(text_section *s) {
    plan_parser *p = parser_of(s);
    span where = s->ir.lex.now.where;
    TRY(irlex_int(&s->ir.lex, "bytes of the arena", 0, INT64_MAX / 2, &p->arena_bytes));
    TRY(section_expect(s, "live"));
    TRY(irlex_int(&s->ir.lex, "the largest sum of live bytes", 0, INT64_MAX / 2, &p->live_bytes));
    p->arena_line = irlex_since(&s->ir.lex, where);
    return RNNC_OK;
}

static rnnc_status parse_slots(text_section *s, plan_block *block) {
    int32_t slots = 0;
    if (section_accept(s, "loop")) {
        TRY(section_index(s, "a loop", parser_of(s)->p->loops.count, &block->loop));
    }
    if (section_accept(s, "slots")) {
        TRY(irparse_axis(&s->ir, &block->slot_axis));
    }
    if (section_accept(s, "front")) {
        TRY(section_int32(s, "a number of slots", 1, &slots));
        block->front = (uint8_t)(slots > 1 ? 2 : 1);
    }
    if (section_accept(s, "back")) {
        TRY(section_int32(s, "a number of slots", 1, &slots));
        block->back = (uint8_t)(slots > 1 ? 2 : 1);
    }
    return RNNC_OK;
}

static rnnc_status parse_life(text_section *s, plan_block *block) {
    int64_t first, last;
    TRY(section_expect(s, "live"));
    TRY(irlex_int(&s->ir.lex, "a tick", 0, UINT32_MAX, &first));
    TRY(section_expect(s, "to"));
    TRY(irlex_int(&s->ir.lex, "a tick", 0, UINT32_MAX, &last));
    block->first = (uint32_t)first;
    block->last = (uint32_t)last;
    TRY(section_expect(s, "at"));
    return irlex_int(&s->ir.lex, "an offset", 0, INT64_MAX / 2, &block->offset);
}

// block %4 bytes 800 slots T front 1 live 0 to 7 at 128 also %15
static rnnc_status parse_block(text_section *s) {
    plan_parser *p = parser_of(s);
    block_line line = {.where = s->ir.lex.now.where, .block = {.loop = NO_LOOP, .slot_axis = NO_AXIS}};
    node_list also = {0};
    TRY(section_node(s, &line.block.owner));
    TRY(section_expect(s, "bytes"));
    TRY(irlex_int(&s->ir.lex, "a number of bytes", 1, INT64_MAX / 2, &line.block.bytes));
    TRY(parse_slots(s, &line.block));
    TRY(parse_life(s, &line.block));
    if (section_accept(s, "also")) {
        TRY(parse_nodes(s, &also));
    }
    line.where = irlex_since(&s->ir.lex, line.where);
    line.also.at = also.at;
    line.also.count = also.count;
    vec_push(&s->ir.scratch, p->blocks, line);
    return RNNC_OK;
}

enum { LINE_PLAN, LINE_EXTENT, LINE_LOOP, LINE_GROUP, LINE_PREPARE, LINE_RUN, LINE_ARENA, LINE_BLOCK };

static rnnc_status parse_line(text_section *s, uint32_t word) {
    plan_parser *p = parser_of(s);
    if (!p->p && word != LINE_PLAN) {
        return irlex_unexpected(&s->ir.lex, "a plan's first line before the others");
    }
    switch (word) {
    case LINE_PLAN: return parse_head(s);
    case LINE_EXTENT: return parse_extent(s);
    case LINE_LOOP: return parse_loop(s);
    case LINE_GROUP: return parse_group(s);
    case LINE_PREPARE: return parse_prepare(s);
    case LINE_RUN: return parse_run(s);
    case LINE_ARENA: return parse_arena(s);
    default: return parse_block(s);
    }
}

// ---- The whole ----

static rnnc_status check_extents(const plan_parser *p) {
    const graph *g = p->section.ir.g;
    for (uint32_t a = 0; a < g->axes.count; a++) {
        const axis_info *axis = &g->axes.at[a];
        if (!p->extents[a]) {
            return diag_error(p->section.ir.d, p->head, "the plan has no line 'extent' for axis %s",
                              axis->name);
        }
        if (axis->kind == AXIS_IS_PART &&
            p->p->maxima[a] != part_extent(axis->part, p->p->maxima[axis->part.of])) {
            return diag_error(p->section.ir.d, p->head,
                              "the extent of axis %s does not follow from that of %s", axis->name,
                              g->axes.at[axis->part.of].name);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_complete(plan_parser *p) {
    TRY(check_extents(p));
    if (p->members) {
        return diag_error(p->section.ir.d, p->head, "the plan's last set lacks %u of its members",
                          p->members);
    }
    bool ordered = p->p->prepare.count + p->p->items.count > 0;
    bool placed = p->arena_line.end > 0 || p->blocks.count > 0;
    if ((ordered && p->p->stage < PLAN_ORDERED) || (placed && p->p->stage < PLAN_PLACED)) {
        return diag_error(p->section.ir.d, p->head, "a plan that is %s has no lines '%s'",
                          plan_stage_words().words[p->p->stage - 1], placed ? "block" : "run");
    }
    return RNNC_OK;
}

static bool same_block(const plan_block *a, const plan_block *b) {
    return a->owner == b->owner && a->loop == b->loop && a->slot_axis == b->slot_axis &&
           a->front == b->front && a->back == b->back && a->bytes == b->bytes && a->first == b->first &&
           a->last == b->last;
}

// An operand of |r|'s group that lies in |block| and may be overwritten; NO_NODE if there is none.
static node_id find_overwritten(const buffering *b, uint32_t block, node_id r) {
    uint32_t x = b->p->group_of[r];
    for (uint32_t i = 0; x != NO_GROUP && i < b->p->groups.at[x].nodes.count; i++) {
        const node *n = graph_node(b->g, b->p->groups.at[x].nodes.at[i]);
        for (uint32_t k = 0; k < n->operand_count; k++) {
            node_id o = n->operands[k];
            if (b->p->block_of[o] == block && buffers_can_overwrite(b, o, r)) {
                return o;
            }
        }
    }
    return NO_NODE;
}

// The results written over a block, in the order in which they are: each is when the one before was read last.
static rnnc_status share_block(plan_parser *p, buffering *b, block_line *line) {
    uint32_t block = b->p->block_of[line->block.owner];
    for (uint32_t left = line->also.count; left > 0; left--) {
        bool found = false;
        for (uint32_t i = 0; i < left && !found; i++) {
            node_id r = line->also.at[i], o = find_overwritten(b, block, r);
            if (o != NO_NODE) {
                buffers_overwrite(b, o, r);
                line->also.at[i] = line->also.at[left - 1];
                found = true;
            }
        }
        if (!found) {
            return diag_error(p->section.ir.d, line->where, "%%%u cannot be written over %%%u here",
                              line->also.at[0], line->block.owner);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_block(plan_parser *p, const buffering *b, const block_line *line) {
    graph *g = p->section.ir.g;
    uint32_t number = b->p->block_of[line->block.owner];
    plan_block *at = &b->p->blocks.at[number];
    at->offset = line->block.offset;
    if (same_block(at, &line->block)) {
        return RNNC_OK;
    }
    strbuf text = {0};
    plan_print_block(g, b->p, number, &text);
    rnnc_status status =
        diag_error(p->section.ir.d, line->where, "what %%%u needs is: %s", at->owner, strbuf_text(&text));
    strbuf_deinit(&text);
    return status;
}

// Works out the blocks that the groups need and gives them the places of the text.
static rnnc_status place_blocks(plan_parser *p) {
    buffering b;
    diag_sink *d = p->section.ir.d;
    TRY(buffers_find(p->section.ir.g, p->p, &p->section.ir.scratch, d, &b));
    for (uint32_t i = 0; i < p->blocks.count; i++) {
        node_id owner = p->blocks.at[i].block.owner;
        uint32_t number = p->p->block_of[owner];
        if (number == UINT32_MAX || p->p->blocks.at[number].owner != owner) {
            return diag_error(d, p->blocks.at[i].where, "%%%u needs no block", owner);
        }
        TRY(share_block(p, &b, &p->blocks.at[i]));
    }
    bool *named = arena_new_array(&p->section.ir.scratch, bool, p->p->blocks.count + 1);
    for (uint32_t i = 0; i < p->blocks.count; i++) {
        bool *seen = &named[p->p->block_of[p->blocks.at[i].block.owner]];
        if (*seen) {
            return diag_error(d, p->blocks.at[i].where, "%%%u has a block already",
                              p->blocks.at[i].block.owner);
        }
        *seen = true;
        TRY(check_block(p, &b, &p->blocks.at[i]));
    }
    for (uint32_t i = 0; i < p->p->blocks.count; i++) {
        if (p->p->blocks.at[i].bytes && !named[i]) {
            return diag_error(d, p->head, "%%%u needs a block, and the plan has no line for it",
                              p->p->blocks.at[i].owner);
        }
    }
    buffers_drop_shared(&b, &p->section.ir.scratch);
    p->lines.blocks = arena_new_array(&p->section.ir.scratch, span, p->p->blocks.count);
    for (uint32_t i = 0; i < p->blocks.count; i++) {
        p->lines.blocks[p->p->block_of[p->blocks.at[i].block.owner]] = p->blocks.at[i].where;
    }
    p->p->arena_bytes = p->arena_bytes;
    p->p->live_bytes = plan_live_sum(p->p, b.moments, b.ticks, &p->section.ir.scratch);
    if (p->p->live_bytes != p->live_bytes) {
        return diag_error(d, p->arena_line, "the largest sum of live bytes is %lld",
                          (long long)p->p->live_bytes);
    }
    return plan_verify_blocks(p->section.ir.g, p->p, &p->lines, &p->section.ir.scratch, d);
}

static rnnc_status finish(text_section *s) {
    plan_parser *p = parser_of(s);
    TRY(check_complete(p));
    TRY(plan_verify(s->ir.g, p->p, &p->lines, &s->ir.scratch, s->ir.d));
    return p->p->stage == PLAN_PLACED ? place_blocks(p) : RNNC_OK;
}

rnnc_status plan_parse(diag_sink *d, uint32_t file, uint32_t at, graph *g, plan **out_plan) {
    static const char *const words[] = {"plan",    "extent", "loop",  "group",
                                        "prepare", "run",    "arena", "block"};
    plan_parser p = {
        .section = {.words = {words, sizeof words / sizeof *words},
                    .expected = "a line of a plan (extent, loop, group, prepare, run, arena, block)",
                    .parse_line = parse_line,
                    .finish = finish}};
    *out_plan = NULL;
    TRY(section_parse(&p.section, d, file, at, g));
    *out_plan = p.p;
    return RNNC_OK;
}
