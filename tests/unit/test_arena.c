// Arenas in memory of somebody else's, and what happens at its end: to lists, graphs, and reports.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "ir/graph.h"

// Gives |left| blocks, and knows how many are out.
typedef struct source {
    int left, out;
} source;

static void *take(void *user, size_t bytes, size_t alignment) {
    source *s = user;
    if (s->left == 0) {
        return NULL;
    }
    void *block = NULL;
    assert_int_equal(posix_memalign(&block, alignment, bytes), 0);
    s->left--;
    s->out++;
    return block;
}

static void give(void *user, void *block) {
    source *s = user;
    s->out--;
    free(block);
}

static allocator from(source *s) {
    return (allocator){s, take, give};
}

static void test_blocks(void **state) {
    (void)state;
    source s = {100, 0};
    allocator memory = from(&s);
    arena a;
    arena_init_in(&a, &memory);
    assert_int_equal(s.out, 0);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(arena_printf(&a, "%d%s", 4, "2"), "42");
        char *zeros = arena_alloc(&a, 100 * 1000);
        assert_int_equal((uintptr_t)zeros % 16, 0);
        assert_true(zeros[0] == 0 && zeros[99 * 1000] == 0);
        assert_int_equal(s.out, 2);
        arena_deinit(&a);
        assert_int_equal(s.out, 0);
    }
}

typedef struct numbers {
    VEC(int) list;
} numbers;

// Pushes until there is no memory left.
static bool push_all(arena *a, numbers *n) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        a->exhausted = NULL;
        return false;
    }
    a->exhausted = &exhausted;
    for (int i = 0; i < 1 << 20; i++) {
        vec_push(a, n->list, i);
    }
    a->exhausted = NULL;
    return true;
}

static void test_lists(void **state) {
    (void)state;
    source s = {2, 0};
    allocator memory = from(&s);
    arena a;
    arena_init_in(&a, &memory);
    numbers n = {{0}};
    assert_false(push_all(&a, &n));
    assert_int_equal(n.list.count, n.list.capacity);
    assert_true(n.list.count >= 1024);
    for (uint32_t i = 0; i < n.list.count; i++) {
        assert_int_equal(n.list.at[i], i);
    }
    arena_deinit(&a);
    assert_int_equal(s.out, 0);
}

static void test_graph(void **state) {
    (void)state;
    for (int blocks = 0; blocks < 3; blocks++) {
        source s = {blocks, 0};
        allocator memory = from(&s);
        graph *g = graph_create_in(&memory, "g", DT_F32);
        assert_int_equal(g != NULL, blocks == 2);
        assert_true(!g || (s.out == 2 && !g->memory.exhausted));
        graph_destroy(g);
        assert_int_equal(s.out, 0);
    }
}

// Errors are counted even where there is no room for their texts; nobody jumps.
static void test_reports(void **state) {
    (void)state;
    source s = {0, 0};
    allocator memory = from(&s);
    diag_sink d;
    diag_init_in(&d, &memory);
    assert_int_equal(diag_fail(&d, RNNC_IO, NO_SPAN, "lost"), RNNC_IO);
    assert_int_equal(d.entries.count, 0);
    assert_int_equal(d.error_count, 1);
    s.left = 1;
    assert_int_equal(diag_error(&d, NO_SPAN, "%s", "kept"), RNNC_TYPE);
    assert_int_equal(d.entries.count, 1);
    assert_string_equal(d.entries.at[0].message, "kept");
    assert_int_equal(s.out, 1);
    diag_forget(&d);
    assert_int_equal(s.out + (int)d.entries.count + (int)d.error_count, 0);
    diag_deinit(&d);
}

// A sink beside another knows its files, and adds its own to none but itself.
static void test_beside(void **state) {
    (void)state;
    diag_sink first, second;
    diag_init(&first);
    uint32_t file = diag_add_file(&first, "a.rnn", "one\ntwo\n", 8), line, column;
    diag_init_beside(&second, &first);
    assert_int_equal(diag_add_file(&second, "b.rnn", "three", 5), file + 1);
    assert_int_equal(first.files.count, file + 1);
    diag_position(&second, (span){file, 4, 7}, &line, &column);
    assert_int_equal(line, 2);
    diag_error(&second, (span){file + 1, 0, 5}, "wrong");
    assert_int_equal(first.entries.count, 0);
    strbuf text = {0};
    diag_render(&second, &text);
    assert_string_equal(strbuf_text(&text), "b.rnn:1:1: error: wrong\n    three\n    ^~~~~\n");
    strbuf_deinit(&text);
    diag_deinit(&second);
    assert_int_equal(diag_add_file(&first, "c.rnn", "", 0), file + 1);
    diag_deinit(&first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),  cmocka_unit_test(test_lists),  cmocka_unit_test(test_graph),
        cmocka_unit_test(test_reports), cmocka_unit_test(test_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
