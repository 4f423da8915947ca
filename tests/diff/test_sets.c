// Sets of independent loops in the programs of all models: which have them, that no member writes what another reads or
// writes, and that the arena is near the largest sum of live bytes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "passes/compile.h"
#include "passes/place.h"
#include "tests/diff/models.h"

enum { STEPS = 20, ROWS = 20 };

static const update_options sgd = {.rule = UPDATE_SGD, .rate = 0.1, .clip_norm = 1};

static program *compiled(graph *g, bool trained) {
    diag_sink d;
    diag_init(&d);
    compile_options o = {.shape = {64, 32}, .update = trained ? &sgd : NULL};
    for (int a = 0; a < MAX_AXES; a++) {
        o.maxima[a] = a == AXIS_BATCH ? ROWS : STEPS;
    }
    program *p = NULL;
    assert_int_equal(compile_graph(g, &o, &d, &p), RNNC_OK);
    graph_destroy(g);
    diag_deinit(&d);
    return p;
}

static uint32_t count_sets(const program *p) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->body.count; i++) {
        count += p->body.at[i].kind == ITEM_SET;
    }
    return count;
}

// ---- What members touch ----

// The bytes of the arena that an argument may touch in any iteration: [first, end), of rows of |row| bytes the
// columns [from, to).
typedef struct region {
    int64_t first, end, offset, row, from, to;
    bool written;
} region;

typedef VEC(region) region_list;

// The columns that a kernel's loads and stores of an argument go over; all of them where others read it.
static int64_t columns_of(const kernel_desc *k, const program_call *call, uint32_t arg) {
    bool rows = !k->flat && (k->kind == KERNEL_MAP || k->kind == KERNEL_PRODUCT);
    int64_t all = call->args[arg].columns, columns = k->kind == KERNEL_PRODUCT && arg == 0 ? call->inner : 0;
    for (uint32_t i = 0; i < k->instr_count; i++) {
        const kernel_instr *in = &k->instrs[i];
        if (in->arg == (int16_t)arg) {
            rows &= in->code == KI_LOAD || in->code == KI_STORE;
            int64_t end = in->column + (in->full ? k->columns : 1);
            columns = end > columns ? end : columns;
        }
    }
    return rows && columns > 0 ? columns : all;
}

static region region_of(const program *p, const program_call *call, uint32_t arg) {
    const program_place *place = &call->args[arg];
    const kernel_desc *k = &p->kernels.at[call->kernel];
    int64_t extents[MAX_AXES], first = 0;
    for (uint32_t a = 0; a < p->axes.count; a++) {
        extents[a] = p->axes.at[a].maximum;
    }
    int64_t reach = place_reach(place, extents, STEPS, &first);
    int64_t elem = dtype_bytes(place->elem), columns = columns_of(k, call, arg);
    return (region){.first = place->offset + first,
                    .end = place->offset + reach,
                    .offset = place->offset,
                    .row = place->columns * elem,
                    .from = place->first_column * elem,
                    .to = (place->first_column + columns) * elem,
                    .written = k->args[arg].written};
}

static void add_regions(const program *p, uint32_t call, arena *memory, region_list *to) {
    const program_call *c = &p->calls.at[call];
    for (uint32_t i = 0; i < c->arg_count; i++) {
        if (c->args[i].base == PLACE_ARENA) {
            region r = region_of(p, c, i);
            vec_push(memory, *to, r);
        } else {
            assert_false(p->kernels.at[c->kernel].args[i].written);
        }
    }
}

// Parts of one concatenation lie in the same rows, in columns of their own.
static bool are_apart(const region *a, const region *b) {
    bool same_rows = a->offset == b->offset && a->row == b->row;
    return a->end <= b->first || b->end <= a->first || (same_rows && (a->to <= b->from || b->to <= a->from));
}

static void check_members(const program *p, const region_list *a, const region_list *b) {
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t j = 0; j < b->count; j++) {
            const region *x = &a->at[i], *y = &b->at[j];
            if ((x->written || y->written) && !are_apart(x, y)) {
                strbuf text = {0};
                program_print(p, &text);
                fail_msg("%sbytes %lld to %lld and %lld to %lld", strbuf_text(&text), (long long)x->first,
                         (long long)x->end, (long long)y->first, (long long)y->end);
            }
        }
    }
}

static void check_set(const program *p, const program_item *set) {
    enum { MANY = 16 };
    arena memory;
    arena_init(&memory);
    region_list members[MANY] = {{0}};
    uint32_t count = 0;
    for (uint32_t i = 1; i <= set->length; i += 1 + set[i].length) {
        assert_int_equal(set[i].kind, ITEM_LOOP);
        assert_true(count < MANY);
        for (uint32_t k = 1; k <= set[i].length; k++) {
            add_regions(p, set[i + k].call, &memory, &members[count]);
        }
        for (uint32_t k = 0; k < count; k++) {
            check_members(p, &members[k], &members[count]);
        }
        count++;
    }
    assert_true(count >= 2);
    arena_deinit(&memory);
}

static void check_sets(const program *p) {
    for (uint32_t i = 0; i < p->body.count; i++) {
        if (p->body.at[i].kind == ITEM_SET) {
            check_set(p, &p->body.at[i]);
        }
    }
}

// |most|: times the largest sum of live bytes.
static void check_arena(const program *p, double most) {
    assert_true(p->arena_bytes >= p->live_bytes);
    if ((double)p->arena_bytes > most * (double)p->live_bytes) {
        fail_msg("an arena of %lld bytes for %lld", (long long)p->arena_bytes, (long long)p->live_bytes);
    }
}

// ---- All models ----

static void check_model(uint32_t cell, uint32_t form, int32_t hidden, bool trained) {
    diff_model m = {cell, form, hidden, DT_F32, !trained};
    program *p = compiled(diff_model_graph(&m), trained);
    uint32_t both = diff_layers_both_ways(form);
    // A set a layer, and in training another for its gradients.
    uint32_t layers = strncmp(diff_cells[cell].text, "stack", 5) == 0 ? 2 : 1;
    assert_int_equal(count_sets(p), both * layers * (trained ? 2 : 1));
    check_sets(p);
    if (both && hidden > 500) {
        check_arena(p, both > 1 ? 1.1 : 1.05); // in small ones the rounding to cache lines counts
    }
    program_destroy(p);
}

static void sets_are_sound_in_all_models(void **state) {
    (void)state;
    for (uint32_t i = 0; i < diff_cell_count * diff_form_count; i++) {
        for (int kind = 0; kind < 4; kind++) {
            check_model(i / diff_form_count, i % diff_form_count, kind & 1 ? 650 : 7, kind & 2);
        }
    }
}

static program *compile_body(const char *body, bool trained) {
    strbuf text = {0};
    strbuf_addf(
        &text,
        "model m() {\n    input x: real(5)[T]\n    target wanted: real(3)[T]\n%s"
        "    p = linear(3, z)\n    loss = mean[T, batch] mean squared_error(p, wanted)\n    output p\n}\n",
        body);
    program *p = compiled(diff_graph_of_text(strbuf_text(&text), true), trained);
    strbuf_deinit(&text);
    return p;
}

// Two stacks, their layers in pairs, though each stack's layers stand together in the text.
static void stacks_run_in_pairs(void **state) {
    (void)state;
    static const char stacks[] = "    a = lstm(9, rnn(7, x))\n"
                                 "    b = gru_cho(8, lstm(6, x))\n"
                                 "    z = concat(a, b)\n";
    for (int trained = 0; trained < 2; trained++) {
        program *p = compile_body(stacks, trained);
        assert_int_equal(count_sets(p), trained ? 4 : 2);
        check_sets(p);
        program_destroy(p);
    }
}

// Three loops of one set, and one that waits for two of them.
static void three_loops_are_one_set(void **state) {
    (void)state;
    program *p = compile_body("    a = rnn(4, x)\n"
                              "    b = backward rnn(5, x)\n"
                              "    c = rnn(6, concat(a, b))\n"
                              "    d = lstm(7, x)\n"
                              "    z = concat(c, d)\n",
                              false);
    check_sets(p);
    assert_int_equal(count_sets(p), 1);
    uint32_t loops = 0, inside = 0, end = 0;
    for (uint32_t i = 0; i < p->body.count; i++) {
        const program_item *item = &p->body.at[i];
        end = item->kind == ITEM_SET ? i + 1 + item->length : end;
        loops += item->kind == ITEM_LOOP;
        inside += item->kind == ITEM_LOOP && i < end;
    }
    assert_int_equal(loops, 4);
    assert_int_equal(inside, 3);
    program_destroy(p);
}

// A layer that reads another has to wait for it: no set, and memory as without sets.
static void layers_of_a_stack_are_no_set(void **state) {
    (void)state;
    program *p = compile_body("    z = lstm(9, lstm(9, lstm(9, x)))\n", true);
    assert_int_equal(count_sets(p), 0);
    program_destroy(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_sound_in_all_models),
        cmocka_unit_test(stacks_run_in_pairs),
        cmocka_unit_test(three_loops_are_one_set),
        cmocka_unit_test(layers_of_a_stack_are_no_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
