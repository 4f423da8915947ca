// Objects made ahead of time against the same program run by the executor with machine code: equal bits for every
// standard cell in every form of layer, for runs of several extents, step by step, and with states that go on.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <cmocka.h>

#include "ahead/parts.h"
#include "codegen/ahead.h"
#include "codegen/ahead_target.h"
#include "ir/stream.h"
#include "ir/type.h"
#include "tests/diff/linked.h"
#include "tests/diff/models.h"
#include "tests/diff/subject.h"

enum { LONGEST = 9, LARGEST = 5, MOST_VALUES = 8 };

// The functions of an object with up to MOST_VALUES inputs and outputs, which callers on all our machines may leave
// over at the end.
typedef int32_t init_function(void *arena);
typedef int32_t run_function(void *arena, int32_t batch, int32_t length, const void *, const void *,
                             const void *, const void *, const void *, const void *, const void *,
                             const void *);
typedef int32_t step_function(void *arena, int32_t batch, const void *, const void *, const void *,
                              const void *, const void *, const void *, const void *, const void *);

typedef struct object {
    subject s;
    ahead_parts parts;
    ahead_layout layout;
    void *library;
    init_function *init, *reset;
    run_function *run;
    step_function *step; // NULL: it has none
    char *arena;
} object;

static bool is_value_or_state(output_role role) {
    return role == OUTPUT_VALUE || role == OUTPUT_STATE;
}

static void keep_values(graph *g) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (is_value_or_state(g->outputs.at[i].role)) {
            g->outputs.at[kept++] = g->outputs.at[i];
        }
    }
    g->outputs.count = kept;
}

static void open_object(graph *g, diff_backend *backend, const char *name, object *o) {
    *o = (object){0};
    keep_values(g);
    bool streams = graph_streams(g);
    strbuf why = {0}, bytes = {0};
    subject_options options = {.backend = backend, .longest = LONGEST, .largest = LARGEST};
    if (subject_create(g, &options, &why, &o->s) != RNNC_OK) {
        fail_msg("%s", strbuf_text(&why));
    }
    diag_sink d;
    diag_init(&d);
    assert_int_equal(ahead_parts_create(o->s.engine, "m", streams, 1, &d, &o->parts), RNNC_OK);
    rnnc_status status =
        codegen_build_ahead(backend->codegen, codegen_facts(backend->codegen), &o->parts.request, &d, &bytes);
    assert_int_equal(status, RNNC_OK);
    o->library = diff_link(&bytes, name);
    diag_deinit(&d);
    ahead_lay_out(&o->parts.request, &o->layout);
    diff_function(o->library, "m_init", &o->init);
    diff_function(o->library, "m_reset", &o->reset);
    diff_function(o->library, "m_run", &o->run);
    diff_function(o->library, "m_step", &o->step);
    assert_int_equal(o->step != NULL, streams);
    o->arena = diff_guarded_arena(o->layout.bytes);
    assert_int_equal(o->init(o->arena), AHEAD_OK);
    strbuf_deinit(&bytes);
}

static void close_object(object *o) {
    diff_release_arena(o->arena, o->layout.bytes);
    dlclose(o->library);
    ahead_parts_deinit(&o->parts);
    subject_destroy(&o->s);
}

// ---- Runs ----

// What a call is given: inputs, then room for outputs; states lie in the arena.
typedef struct values {
    const char *at[MOST_VALUES];
    size_t step_bytes[MOST_VALUES]; // from step to step; 0: the value has none
    size_t bytes[MOST_VALUES];
    uint32_t inputs, count;
} values;

static size_t bytes_of(const object *o, value_type t, bool of_step) {
    size_t bytes = (size_t)type_columns(t) * (size_t)dtype_bytes(t.elem);
    for (int a = 0; a < MAX_AXES; a++) {
        bool counts = (t.axes & AXIS_BIT(a)) && !(of_step && a > AXIS_BATCH);
        bytes *= counts ? (size_t)engine_extents(o->s.engine)[a] : 1;
    }
    return bytes;
}

static void add_value(const object *o, value_type t, const void *data, values *v) {
    bool steps = t.axes & ~AXIS_BIT(AXIS_BATCH);
    assert_true(v->count < MOST_VALUES);
    v->bytes[v->count] = bytes_of(o, t, false);
    v->step_bytes[v->count] = steps ? bytes_of(o, t, true) : 0;
    v->at[v->count++] = data;
}

// The engine's inputs; its states go to where the object has its own.
static void take_inputs(object *o, values *v) {
    for (uint32_t i = 0; i < engine_input_count(o->s.engine); i++) {
        engine_value info = engine_input_info(o->s.engine, i);
        int64_t count = 0;
        void *data = engine_input(o->s.engine, i, &count);
        if (strcmp(info.role, "state") == 0) {
            memcpy(o->arena + ahead_state_offset(&o->parts.request, i), data, bytes_of(o, info.type, false));
        } else {
            add_value(o, info.type, data, v);
        }
    }
    v->inputs = v->count;
}

static void make_outputs(const object *o, values *v) {
    for (uint32_t i = 0; i < engine_output_count(o->s.engine); i++) {
        engine_value info = engine_output_info(o->s.engine, i);
        if (strcmp(info.role, "value") == 0) {
            void *room = calloc(1, bytes_of(o, info.type, false));
            assert_non_null(room);
            add_value(o, info.type, room, v);
        }
    }
}

static void free_outputs(const values *v) {
    for (uint32_t i = v->inputs; i < v->count; i++) {
        free((void *)v->at[i]);
    }
}

static void expect_equal(const char *name, const void *expected, const void *found, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (((const char *)expected)[i] != ((const char *)found)[i]) {
            fail_msg("%s differs at byte %zu of %zu", name, i, bytes);
        }
    }
}

// The engine has run: its outputs are what is expected.
static void compare(object *o, const values *v) {
    uint32_t value = v->inputs;
    for (uint32_t i = 0; i < engine_output_count(o->s.engine); i++) {
        engine_value info = engine_output_info(o->s.engine, i);
        int64_t count = 0;
        const void *expected = engine_output(o->s.engine, i, &count);
        const void *found = NULL;
        if (strcmp(info.role, "value") == 0) {
            found = v->at[value++];
        } else if (o->step) {
            uint32_t input = (uint32_t)engine_find_input(o->s.engine, info.name);
            found = o->arena + ahead_state_offset(&o->parts.request, input);
        }
        if (found) {
            expect_equal(info.name, expected, found, bytes_of(o, info.type, false));
        }
    }
}

static void call_run(object *o, int32_t batch, int32_t length, const values *v) {
    const char *const *a = v->at;
    int32_t status = o->run(o->arena, batch, length, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    assert_int_equal(status, AHEAD_OK);
}

static void call_steps(object *o, int32_t batch, int32_t from, int32_t to, const values *v) {
    for (int32_t t = from; t < to; t++) {
        const char *a[MOST_VALUES];
        for (uint32_t i = 0; i < MOST_VALUES; i++) {
            a[i] = v->at[i] ? v->at[i] + (size_t)t * v->step_bytes[i] : NULL;
        }
        int32_t status = o->step(o->arena, batch, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
        assert_int_equal(status, AHEAD_OK);
    }
}

// How the object comes to the end of a sequence.
typedef enum way { WHOLE, STEPS, RUN_THEN_STEPS, STEPS_THEN_RUN } way;

static void go(object *o, way how, int32_t batch, int32_t length, const values *v) {
    int32_t middle = length / 2;
    values rest = *v;
    for (uint32_t i = 0; i < v->count; i++) {
        rest.at[i] += (size_t)middle * v->step_bytes[i];
    }
    switch (how) {
    case WHOLE: call_run(o, batch, length, v); break;
    case STEPS: call_steps(o, batch, 0, length, v); break;
    case RUN_THEN_STEPS:
        call_run(o, batch, middle, v);
        call_steps(o, batch, middle, length, v);
        break;
    case STEPS_THEN_RUN:
        call_steps(o, batch, 0, middle, v);
        call_run(o, batch, length - middle, &rest);
        break;
    }
}

static void check_run(object *o, subject_run run, way how) {
    run_values expected = {0};
    strbuf why = {0};
    if (subject_execute(&o->s, run, &why, &expected) != RNNC_OK) {
        fail_msg("%s", strbuf_text(&why));
    }
    run_values_deinit(&expected);
    values v = {0};
    if (!o->step) {
        // Such runs begin with states of zero. So does the engine then.
        for (uint32_t i = 0; i < engine_input_count(o->s.engine); i++) {
            int64_t count = 0;
            void *data = engine_input(o->s.engine, i, &count);
            engine_value info = engine_input_info(o->s.engine, i);
            memset(data, 0, strcmp(info.role, "state") == 0 ? bytes_of(o, info.type, false) : 0);
        }
        diag_sink d;
        diag_init(&d);
        assert_int_equal(engine_run(o->s.engine, 1, 0, &d), RNNC_OK);
        diag_deinit(&d);
    }
    take_inputs(o, &v);
    make_outputs(o, &v);
    go(o, how, (int32_t)run.batch, (int32_t)run.sequence, &v);
    compare(o, &v);
    free_outputs(&v);
}

static void check_object(graph *g, diff_backend *backend, const char *name) {
    static const subject_run runs[] = {{7, 3, 0}, {LONGEST, LARGEST, 0}, {1, 1, 0}, {6, 1, 2}};
    object o;
    open_object(g, backend, name, &o);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        for (way how = WHOLE; how <= STEPS_THEN_RUN; how++) {
            bool halves = how == RUN_THEN_STEPS || how == STEPS_THEN_RUN;
            if (how == WHOLE || (o.step && (!halves || runs[i].sequence > 1))) {
                check_run(&o, runs[i], how);
            }
        }
    }
    close_object(&o);
}

// ---- Cases ----

static void check_form(const char *form, dtype real) {
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    for (uint32_t cell = 0; cell < diff_cell_count; cell++) {
        diff_model m = {.cell = cell,
                        .form = diff_find(diff_forms, diff_form_count, form),
                        .hidden = 19,
                        .real = real,
                        .inference = true};
        strbuf name = {0};
        strbuf_addf(&name, "%s-%s-%s", diff_cells[cell].name, form, dtype_name(real));
        check_object(diff_model_graph(&m), &backend, name.text);
        strbuf_deinit(&name);
    }
    diff_backend_close(&backend);
}

static void test_one(void **state) {
    (void)state;
    check_form("one", DT_F32);
}

static void test_one_f64(void **state) {
    (void)state;
    check_form("one", DT_F64);
}

static void test_two(void **state) {
    (void)state;
    check_form("two", DT_F32);
}

static void test_both(void **state) {
    (void)state;
    check_form("both", DT_F32);
}

static void test_lengths(void **state) {
    (void)state;
    check_form("lengths", DT_F32);
}

// States that hand each other their values, and outputs that are inputs or states as they are.
static void test_exchanged(void **state) {
    (void)state;
    static const char text[] = "cell exchange(n) {\n"
                               "    input x\n"
                               "    state a[n], b[n], c[n]\n"
                               "    next a = b\n"
                               "    next b = tanh(linear(n, x, c))\n"
                               "    next c = a\n"
                               "    output concat(next c, a)\n"
                               "}\n"
                               "model m() {\n"
                               "    input x: real(3)[T]\n"
                               "    y = exchange(7, x)\n"
                               "    output y\n"
                               "    output same = x\n"
                               "    output end = last[T](y)\n"
                               "}\n";
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    check_object(diff_graph_of_text(text, false), &backend, "exchanged");
    diff_backend_close(&backend);
}

// Recurrences whose weights are large enough to be gone through there and back (kernel_turns).
static void test_large(void **state) {
    (void)state;
    static const char text[] = "model m() {\n"
                               "    input x: real(3)[T]\n"
                               "    y = lstm(100, x)\n"
                               "    output y\n"
                               "    output z = backward gru_cho_after(110, y)\n"
                               "}\n";
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    check_object(diff_graph_of_text(text, false), &backend, "large");
    diff_backend_close(&backend);
}

// ---- Bad use ----

static void test_bad_use(void **state) {
    (void)state;
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    static const char text[] =
        "model m() {\n    input t: token(6)[T]\n    h = lstm(8, embedding(6, 4, t))\n    output h\n}\n";
    object o;
    open_object(diff_graph_of_text(text, false), &backend, "bad-use", &o);
    int32_t good[] = {0, 5}, high[] = {0, 6}, low[] = {-1, 0};
    float h[2][8];
#define RUN(arena, batch, length, in) o.run(arena, batch, length, in, h, NULL, NULL, NULL, NULL, NULL, NULL)
    assert_int_equal(RUN(o.arena, 1, 2, good), AHEAD_OK);
    assert_int_equal(RUN(NULL, 1, 2, good), AHEAD_BAD_ARENA);
    assert_int_equal(RUN(o.arena + 8, 1, 2, good), AHEAD_BAD_ARENA);
    assert_int_equal(RUN(o.arena, 0, 2, good), AHEAD_BAD_EXTENT);
    assert_int_equal(RUN(o.arena, LARGEST + 1, 2, good), AHEAD_BAD_EXTENT);
    assert_int_equal(RUN(o.arena, 1, LONGEST + 1, good), AHEAD_BAD_EXTENT);
    assert_int_equal(RUN(o.arena, 1, -1, good), AHEAD_BAD_EXTENT);
    assert_int_equal(RUN(o.arena, 1, 2, NULL), AHEAD_NO_INPUT);
    assert_int_equal(RUN(o.arena, 1, 2, high), AHEAD_BAD_TOKEN);
    assert_int_equal(RUN(o.arena, 1, 2, low), AHEAD_BAD_TOKEN);
#undef RUN
    assert_int_equal(o.init(NULL), AHEAD_BAD_ARENA);
    // An output may be left out.
    assert_int_equal(o.run(o.arena, 1, 2, good, NULL, NULL, NULL, NULL, NULL, NULL, NULL), AHEAD_OK);
    close_object(&o);
    diff_backend_close(&backend);
}

// An arena that addresses of 32 bits do not reach is refused for those machines, and for no others.
static void test_too_large(void **state) {
    (void)state;
    static const char *const targets[] = {"wasm32", "armv7-linux-gnueabihf", "aarch64-linux-gnu"};
    diff_backend backend;
    object o;
    diff_backend_open("llvm", &backend);
    open_object(diff_graph_of_text("model m() { input x: real[T]\n output y = 2 * x }\n", false), &backend,
                "too-large", &o);
    program large = *o.parts.request.program;
    large.arena_bytes += INT32_MAX;
    o.parts.request.program = &large;
    for (int i = 0; i < 3; i++) {
        diag_sink d;
        strbuf bytes = {0};
        target_facts facts;
        diag_init(&d);
        assert_int_equal(ahead_target_choose(targets[i], "a list", &d, &facts), RNNC_OK);
        rnnc_status status = codegen_build_ahead(backend.codegen, &facts, &o.parts.request, &d, &bytes);
        assert_int_equal(status, i < 2 ? RNNC_UNSUPPORTED : RNNC_OK);
        assert_int_equal(d.entries.count, i < 2);
        assert_true(i == 2 || strstr(d.entries.at[0].message, "too large for a machine"));
        strbuf_deinit(&bytes);
        diag_deinit(&d);
    }
    close_object(&o);
    diff_backend_close(&backend);
}

// A row is as long as the run at most.
static void test_bad_lengths(void **state) {
    (void)state;
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    static const char text[] =
        "model m() {\n    input x: real[T lengths]\n    y = lstm(3, x)\n    output y\n}\n";
    object o;
    open_object(diff_graph_of_text(text, false), &backend, "bad-lengths", &o);
    const float x[3][2] = {{1, 2}, {3, 4}, {5, 6}};
    float y[3][2][3];
    const int32_t good[] = {0, 3}, high[] = {4, 3}, low[] = {3, -1}, lost[] = {INT32_MAX, INT32_MIN};
#define RUN(lengths) o.run(o.arena, 2, 3, lengths, x, y, NULL, NULL, NULL, NULL, NULL)
    assert_int_equal(RUN(good), AHEAD_OK);
    assert_int_equal(RUN(high), AHEAD_BAD_EXTENT);
    assert_int_equal(RUN(low), AHEAD_BAD_EXTENT);
    assert_int_equal(RUN(lost), AHEAD_BAD_EXTENT);
    assert_int_equal(RUN(NULL), AHEAD_NO_INPUT);
#undef RUN
    close_object(&o);
    diff_backend_close(&backend);
}

// Behind a row's length a token may be anything; before it, it is checked, though no kernel reads it as it is.
static void test_tokens_with_lengths(void **state) {
    (void)state;
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    static const char text[] = "model m() {\n    input t: token(6)[T lengths]\n"
                               "    output h = lstm(3, embedding(6, 4, t))\n}\n";
    object o;
    open_object(diff_graph_of_text(text, false), &backend, "tokens-lengths", &o);
    const int32_t lengths[] = {3, 1};
    int32_t tokens[] = {0, 5, 5, 6, 1, -1};
    float h[3][2][3];
#define RUN() o.run(o.arena, 2, 3, lengths, tokens, h, NULL, NULL, NULL, NULL, NULL)
    assert_int_equal(RUN(), AHEAD_OK);
    tokens[3] = INT32_MAX;
    assert_int_equal(RUN(), AHEAD_OK);
    for (int at = 0; at < 5; at += at == 2 ? 2 : 1) {
        int32_t good = tokens[at];
        tokens[at] = 6;
        assert_int_equal(RUN(), AHEAD_BAD_TOKEN);
        tokens[at] = -1;
        assert_int_equal(RUN(), AHEAD_BAD_TOKEN);
        tokens[at] = good;
    }
    assert_int_equal(RUN(), AHEAD_OK);
    assert_int_equal(o.run(o.arena, 2, 3, NULL, tokens, h, NULL, NULL, NULL, NULL, NULL), AHEAD_NO_INPUT);
#undef RUN
    close_object(&o);
    diff_backend_close(&backend);
}

// ---- Which models have a step ----

static bool streams(const char *equation) {
    strbuf text = {0};
    strbuf_addf(&text, "model m() {\n    input x: real(3)[T]\n    %s\n    output y\n}\n", equation);
    graph *g = diff_graph_of_text(text.text, false);
    keep_values(g);
    bool found = graph_streams(g);
    graph_destroy(g);
    strbuf_deinit(&text);
    return found;
}

static void test_streams(void **state) {
    (void)state;
    assert_true(streams("y = linear(2, lstm(4, x))"));
    assert_true(streams("y = linear(2, last[T](gru_cho(4, x)))"));
    assert_true(streams("y = softmax(linear(2, rnn(4, x)))"));
    assert_false(streams("y = backward lstm(4, x)"));
    assert_false(streams("y = mean[T] lstm(4, x)"));
    assert_false(streams("y = x - last[T](x)"));
    assert_false(streams("y = shift[T](x, 1)"));
    assert_false(streams("y = lstm(4, x[T: 1..])"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),         cmocka_unit_test(test_one_f64),
        cmocka_unit_test(test_two),         cmocka_unit_test(test_both),
        cmocka_unit_test(test_lengths),     cmocka_unit_test(test_exchanged),
        cmocka_unit_test(test_large),       cmocka_unit_test(test_bad_use),
        cmocka_unit_test(test_streams),     cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_bad_lengths), cmocka_unit_test(test_tokens_with_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
