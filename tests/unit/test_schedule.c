// Sets of independent loops as `schedule` finds them, in the order that it then gives, and what memory blocks of their
// members share.
#include "tests/unit/graph_runs.h"

// A graph, and its plan after `schedule`.
typedef struct scheduled {
    graph *g;
    arena scratch;
    pass_context cx;
    pass_counts counts;
    diag_sink d;
} scheduled;

static const char pipeline[] = "lower, pack-weights, fuse-pointwise, schedule";

static void schedule_graph(scheduled *s, const char *text, int64_t limit) {
    memset(s, 0, sizeof *s);
    s->g = parse_graph(text);
    diag_init(&s->d);
    s->cx = (pass_context){.d = &s->d, .shape = {32, 16}};
    for (int a = 0; a < MAX_AXES; a++) {
        s->cx.maxima[a] = 16;
    }
    pass_hooks hooks = {.verify_each = true, .bisect_limit = limit};
    assert_int_equal(pass_run_pipeline(s->g, &s->cx, pipeline, &hooks), RNNC_OK);
    arena_init(&s->scratch);
    s->cx.scratch = &s->scratch;
    s->cx.counts = &s->counts;
    s->cx.rewrites_left = -1;
}

static void scheduled_deinit(scheduled *s) {
    arena_deinit(&s->scratch);
    graph_destroy(s->g);
    diag_deinit(&s->d);
}

static const char *group_name(const scheduled *s, uint32_t group) {
    const plan_group *at = &s->cx.plan->groups.at[group];
    node_id n = at->boundary != NO_NODE ? at->boundary : at->nodes.at[at->nodes.count - 1];
    return graph_origin(s->g, n)->path;
}

// The order as text: calls by name, loops in round brackets, sets in braces.
static void add_items(const scheduled *s, const plan_item *items, uint32_t count, strbuf *out) {
    for (uint32_t i = 0; i < count; i += 1 + items[i].length) {
        strbuf_add(out, i ? " " : "");
        if (!items[i].length) {
            strbuf_add(out, group_name(s, items[i].group));
            continue;
        }
        strbuf_add(out, plan_is_set(&items[i]) ? "{" : "(");
        add_items(s, items + i + 1, items[i].length, out);
        strbuf_add(out, plan_is_set(&items[i]) ? "}" : ")");
    }
}

static void check_order(const char *text, int64_t limit, const char *expected) {
    scheduled s;
    schedule_graph(&s, text, limit);
    strbuf order = {0};
    add_items(&s, s.cx.plan->items.at, s.cx.plan->items.count, &order);
    assert_string_equal(strbuf_text(&order), expected);
    strbuf_deinit(&order);
    scheduled_deinit(&s);
}

// Two directions; the projection of the second, and what reads the first, stand between them.
static const char two_directions[] = "graph \"g\" f32\n"
                                     "axis T sequence\n"
                                     "variable $W : f32[2,2] weight default\n"
                                     "variable $s : f32[2] weight default\n"
                                     "%0 = input {name = \"x\", role = \"data\"} : f32<T,B>[2] @\"x\"\n"
                                     "%1 = input {name = \"h\", role = \"state\"} : f32<B>[2] @\"h\"\n"
                                     "%2 = variable {name = \"W\"} : f32[2,2] @\"W\"\n"
                                     "%3 = previous %4, %1 {axis = T} : f32<T,B>[2] @\"up.start\"\n"
                                     "%4 = add %3, %0 : f32<T,B>[2] @\"up\"\n"
                                     "%5 = sum %4 {over = <T>, columns = 0} : f32<B>[2] @\"read\"\n"
                                     "%6 = matmul %0, %2 {transposed = 0} : f32<T,B>[2] @\"project\"\n"
                                     "%7 = following %8, %1 {axis = T} : f32<T,B>[2] @\"down.start\"\n"
                                     "%8 = add %7, %6 : f32<T,B>[2] @\"down\"\n"
                                     "output value \"a\" %4\n"
                                     "output value \"b\" %5\n"
                                     "output value \"c\" %8\n";

static void loops_of_two_directions_are_a_set(void **state) {
    (void)state;
    check_order(two_directions, -1, "up.start project down.start {(up) (down)} read");
}

// A limit of rewrites leaves the order that was found.
static void a_limit_leaves_loops_apart(void **state) {
    (void)state;
    check_order(two_directions, 0, "up.start (up) read project down.start (down)");
}

static void a_loop_that_reads_another_is_no_member(void **state) {
    (void)state;
    static const char text[] = "graph \"g\" f32\n"
                               "axis T sequence\n"
                               "%0 = input {name = \"x\", role = \"data\"} : f32<T,B>[2] @\"x\"\n"
                               "%1 = input {name = \"h\", role = \"state\"} : f32<B>[2] @\"h\"\n"
                               "%2 = previous %3, %1 {axis = T} : f32<T,B>[2] @\"low.start\"\n"
                               "%3 = add %2, %0 : f32<T,B>[2] @\"low\"\n"
                               "%4 = sum %3 {over = <T>, columns = 0} : f32<B>[2] @\"read\"\n"
                               "%5 = following %6, %4 {axis = T} : f32<T,B>[2] @\"high.start\"\n"
                               "%6 = add %5, %0 : f32<T,B>[2] @\"high\"\n"
                               "output value \"a\" %6\n";
    check_order(text, -1, "low.start (low) read high.start (high)");
}

// ---- Memory ----

// Three calls: s, the product that reads it, and t, which also reads it and could be written over it.
static const char two_readers[] = "graph \"g\" f32\n"
                                  "variable $W : f32[2,2] weight default\n"
                                  "%0 = input {name = \"x\", role = \"data\"} : f32<B>[2] @\"x\"\n"
                                  "%1 = variable {name = \"W\"} : f32[2,2] @\"W\"\n"
                                  "%2 = sum %0 {over = <B>, columns = 0} : f32[2] @\"s\"\n"
                                  "%3 = matmul %2, %1 {transposed = 0} : f32[2] @\"p\"\n"
                                  "%4 = tanh %2 : f32[2] @\"t\"\n"
                                  "output value \"p\" %3\n"
                                  "output value \"t\" %4\n";

static uint32_t block_of(const scheduled *s, const char *name) {
    for (node_id n = 0; n < s->g->nodes.count; n++) {
        if (strcmp(graph_origin(s->g, n)->path, name) == 0) {
            return s->cx.plan->block_of[n];
        }
    }
    return UINT32_MAX;
}

// Makes a set of the last two calls of |s|.
static void join_last_two(scheduled *s) {
    plan *p = s->cx.plan;
    plan_item head = {.loop = NO_LOOP, .group = NO_GROUP, .length = 2};
    vec_push(p->memory, p->items, head);
    uint32_t n = p->items.count;
    assert_true(n >= 3);
    memmove(&p->items.at[n - 2], &p->items.at[n - 3], 2 * sizeof head);
    p->items.at[n - 3] = head;
}

// Side by side, the last call in order is not the last in time: it must not write over what the other reads.
static void nothing_is_written_over_what_another_member_reads(void **state) {
    (void)state;
    for (int joined = 0; joined < 2; joined++) {
        scheduled s;
        schedule_graph(&s, two_readers, -1);
        strbuf order = {0};
        add_items(&s, s.cx.plan->items.at, s.cx.plan->items.count, &order);
        assert_string_equal(strbuf_text(&order), "s p t");
        strbuf_deinit(&order);
        if (joined) {
            join_last_two(&s);
        }
        assert_int_equal(pass_plan_buffers(s.g, &s.cx), RNNC_OK);
        assert_int_equal(block_of(&s, "s") == block_of(&s, "t"), !joined);
        scheduled_deinit(&s);
    }
}

static bool overlap(const scheduled *s, const char *one, const char *other) {
    const plan_block *a = &s->cx.plan->blocks.at[block_of(s, one)];
    const plan_block *b = &s->cx.plan->blocks.at[block_of(s, other)];
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

// Two loops with values that live within a step only. One after the other these may share memory, in a
// set they may not.
static void steps_of_two_members_share_no_memory(void **state) {
    (void)state;
    static const char text[] = "graph \"g\" f32\n"
                               "axis T sequence\n"
                               "variable $W : f32[2,2] weight default\n"
                               "%0 = input {name = \"x\", role = \"data\"} : f32<T,B>[2] @\"x\"\n"
                               "%1 = input {name = \"h\", role = \"state\"} : f32<B>[2] @\"h\"\n"
                               "%2 = variable {name = \"W\"} : f32[2,2] @\"W\"\n"
                               "%3 = previous %6, %1 {axis = T} : f32<T,B>[2] @\"up.start\"\n"
                               "%4 = matmul %3, %2 {transposed = 0} : f32<T,B>[2] @\"up.a\"\n"
                               "%5 = matmul %4, %2 {transposed = 0} : f32<T,B>[2] @\"up.b\"\n"
                               "%6 = matmul %5, %2 {transposed = 0} : f32<T,B>[2] @\"up.c\"\n"
                               "%7 = following %10, %1 {axis = T} : f32<T,B>[2] @\"down.start\"\n"
                               "%8 = matmul %7, %2 {transposed = 0} : f32<T,B>[2] @\"down.a\"\n"
                               "%9 = matmul %8, %2 {transposed = 0} : f32<T,B>[2] @\"down.b\"\n"
                               "%10 = matmul %9, %2 {transposed = 0} : f32<T,B>[2] @\"down.c\"\n"
                               "output value \"a\" %6\n"
                               "output value \"b\" %10\n";
    int64_t arena_bytes[2];
    for (int apart = 0; apart < 2; apart++) {
        scheduled s;
        schedule_graph(&s, text, apart ? 0 : -1);
        assert_int_equal(pass_plan_buffers(s.g, &s.cx), RNNC_OK);
        arena_bytes[apart] = s.cx.plan->arena_bytes;
        assert_true(s.cx.plan->arena_bytes >= s.cx.plan->live_bytes);
        assert_true(apart || (!overlap(&s, "up.a", "down.a") && !overlap(&s, "up.a", "down.b") &&
                              !overlap(&s, "up.b", "down.a") && !overlap(&s, "up.b", "down.b")));
        scheduled_deinit(&s);
    }
    assert_true(arena_bytes[1] < arena_bytes[0]);
}

// What depends on a given gradient comes last, in kernels and sets of its own, whatever the outputs' order.
static void a_given_gradient_parts_the_program(void **state) {
    (void)state;
    static const char text[] =
        "graph \"g\" f32\n"
        "axis T sequence\n"
        "%0 = input {name = \"x\", role = \"data\"} : f32<T,B>[2] @\"x\"\n"
        "%1 = input {name = \"h\", role = \"state\"} : f32<B>[2] @\"h\"\n"
        "%2 = input {name = \"gradient/a\", role = \"gradient\"} : f32<T,B>[2] @\"g\"\n"
        "%3 = following %4, %1 {axis = T} : f32<T,B>[2] @\"back.start\"\n"
        "%4 = add %3, %2 : f32<T,B>[2] @\"back\"\n"
        "%5 = previous %6, %1 {axis = T} : f32<T,B>[2] @\"up.start\"\n"
        "%6 = add %5, %0 : f32<T,B>[2] @\"up\"\n"
        "%7 = exp %0 : f32<T,B>[2] @\"shown\"\n"
        "%8 = mul %7, %2 : f32<T,B>[2] @\"slope\"\n"
        "output value \"gradient/h\" %4\n"
        "output value \"gradient/x\" %8\n"
        "output value \"a\" %6\n"
        "output value \"b\" %7\n";
    check_order(text, -1, "up.start (up) shown back.start (back) slope");
    check_order(text, 0, "up.start (up) shown back.start (back) slope");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loops_of_two_directions_are_a_set),
        cmocka_unit_test(a_limit_leaves_loops_apart),
        cmocka_unit_test(a_loop_that_reads_another_is_no_member),
        cmocka_unit_test(nothing_is_written_over_what_another_member_reads),
        cmocka_unit_test(steps_of_two_members_share_no_memory),
        cmocka_unit_test(a_given_gradient_parts_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
