// Inputs and outputs in arrays with strides of all kinds, at random: the bits are those of the engine's own arrays. Calls
// are shared among threads however small they are, sets run in all ways, and there are gradients and sums of all kinds.
//
//   test_direct quick | default
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "passes/place.h"
#include "tests/diff/models.h"
#include "tests/diff/subject.h"

enum { LONGEST = 9, LARGEST = 18, MOST = 64, GAPS = 3, GUARD = 0x5A };

// A model's inputs and equations: what reads several axes at once, parts of them, and rows by number.
typedef struct direct_body {
    const char *text;
    bool all_written; // without gradients
} direct_body;

static const direct_body bodies[] = {
    {"    input x: real(3)[T]\n    y = tanh(x) * 0.5\n    output y\n", true},
    {"    input x: real(3)[T, S]\n    y = tanh(x)\n    h = rnn(4, max[S](x))\n"
     "    z = linear(2, y) + linear(2, h)\n    output y, z, h\n",
     true},
    // The last step of h lies within h.
    {"    input x: real(3)[T]\n    input w: real(2)[T]\n    target t: real(2)[T]\n"
     "    h = lstm(5, concat(x, w))\n    e = linear(2, h)\n    d = e[T: 1..] - e[T: ..-1]\n"
     "    loss = mean[T, batch] mean squared_error(e, t)\n    output d, e, h\n    output last_one = "
     "last[T](h)\n",
     false},
    {"    input k: token(7)[T]\n    target t: token(5)[T]\n    h = gru_cho(4, embedding(7, 3, k))\n"
     "    p = softmax(linear(5, h))\n    loss = mean[T, batch] cross_entropy(linear(5, h), t)\n    output p, "
     "k\n",
     true},
    // A mean over steps and rows has its order.
    {"    input x: real(3)[T]\n    s = sum[T](x)\n    m = mean[T, batch](x)\n    a = max[batch](x)\n"
     "    h = lstm(4, x - s + m)\n    y = h[T: 1..] * first[T](h)\n    output s, a, y, h\n",
     true},
    {"    input x: real(3)[T lengths]\n    h = concat(lstm(4, x), backward lstm(4, x))\n    y = linear(2, "
     "h)\n"
     "    output h, y\n",
     true},
    // Sums over two sequences and the rows, all in one order, whatever lies at which distance.
    {"    input x: real(3)[T, S]\n    input k: token(6)[T, S]\n    target t: real(2)[T, S]\n"
     "    y = linear(2, tanh(x)) + embedding(6, 2, k)\n    z = linear(2, log_sum_exp[T](x))\n"
     "    loss = mean[T, S, batch] mean squared_error(y, t)\n    output y, z\n",
     true},
    // The memory of one shift is used again for the other.
    {"    input x: real(3)[T]\n    h = lstm(4, x)\n    g = shift[T](h, 2)\n    y = linear(2, shift[T](h, "
     "1))\n"
     "    output h, g, y\n",
     true},
};
enum { BODIES = sizeof bodies / sizeof *bodies };

typedef struct direct_case {
    const char *what;
    const char *pipeline; // NULL: of inference
    int threads;
    set_choice sets;
    int64_t sequence, batch;
} direct_case;

static uint32_t drawn = 1;

static int64_t draw(int64_t below) {
    drawn = drawn * 1664525u + 1013904223u;
    return (int64_t)(drawn >> 8) % below;
}

// ---- Arrays ----

typedef struct array {
    value_type type;
    int64_t strides[MAX_AXES];
    size_t bytes;
    char *data;
    char *dense; // what its elements are, or should be, in the order of memory
} array;

// An array of its own block, so that a sanitizer sees what leaves it: the axes in any order, with gaps or without.
static array make_array(const engine *e, value_type type) {
    array a = {.type = type};
    int64_t reach = type_columns(type), elements = axes_extent(type.axes, engine_extents(e)) * reach;
    int64_t most = draw(3) ? 1 : GAPS;
    for (axis_set left = type.axes; left;) {
        int axis = (int)draw(MAX_AXES);
        if (left & AXIS_BIT(axis)) {
            left &= (axis_set)~AXIS_BIT(axis);
            a.strides[axis] = reach + draw(most);
            reach = a.strides[axis] * engine_extents(e)[axis];
        }
    }
    size_t size = (size_t)dtype_bytes(type.elem);
    a.bytes = (size_t)reach * size;
    a.data = malloc(a.bytes);
    a.dense = malloc((size_t)elements * size);
    assert_true(a.data && a.dense);
    memset(a.data, GUARD, a.bytes);
    return a;
}

static void free_array(array *a) {
    free(a->data);
    free(a->dense);
}

typedef enum direction { TO_ARRAY, CHECK_ARRAY, CLEAR_ARRAY } direction;

static bool each_row(const engine *e, const array *a, direction what) {
    int64_t columns = type_columns(a->type), size = dtype_bytes(a->type.elem);
    int64_t dense[MAX_AXES];
    walk_dense(a->type.axes, engine_extents(e), columns, dense);
    walk_rows w = walk_value(a->type.axes, engine_extents(e), dense, a->strides);
    bool equal = true;
    do {
        char *mine = a->dense + w.at[0] * size, *theirs = a->data + w.at[1] * size;
        switch (what) {
        case TO_ARRAY: memcpy(theirs, mine, (size_t)(columns * size)); break;
        case CHECK_ARRAY: equal &= memcmp(theirs, mine, (size_t)(columns * size)) == 0; break;
        case CLEAR_ARRAY: memset(theirs, GUARD, (size_t)(columns * size)); break;
        }
    } while (walk_next(&w));
    return equal;
}

static bool is_clear(const array *a) {
    bool clear = true;
    for (size_t i = 0; i < a->bytes; i++) {
        clear &= a->data[i] == GUARD;
    }
    return clear;
}

// ---- Runs ----

typedef struct arrays {
    array inputs[MOST], outputs[MOST];
    uint32_t refused, copied; // inputs that are not read where they lie, outputs that are not written there
} arrays;

static size_t bytes_of(value_type type, int64_t count) {
    return (size_t)count * (size_t)dtype_bytes(type.elem);
}

// Takes what is in the engine's arrays after a run with these alone.
static void take(engine *e, arrays *a) {
    int64_t count = 0;
    assert_in_range(engine_input_count(e), 0, MOST);
    assert_in_range(engine_output_count(e), 0, MOST);
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        value_type type = engine_input_info(e, i).type;
        a->inputs[i] = make_array(e, type);
        const void *from = engine_input(e, i, &count);
        memcpy(a->inputs[i].dense, from, bytes_of(type, count));
        each_row(e, &a->inputs[i], TO_ARRAY);
    }
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        value_type type = engine_output_info(e, i).type;
        a->outputs[i] = make_array(e, type);
        const void *from = engine_output(e, i, &count);
        memcpy(a->outputs[i].dense, from, bytes_of(type, count));
    }
}

// States lie within outputs, and two arrays cannot have the same bytes.
static bool is_bound(const engine *e, uint32_t output) {
    return strcmp(engine_output_info(e, output).role, "state") != 0;
}

static void bind(engine *e, arrays *a) {
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        if (context_reads_directly(engine_context(e), i, a->inputs[i].strides)) {
            int64_t count = 0;
            engine_bind_input(e, i, a->inputs[i].data, a->inputs[i].strides);
            memset(engine_input(e, i, &count), 0, bytes_of(a->inputs[i].type, count));
        } else {
            a->refused++;
        }
    }
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        if (is_bound(e, i)) {
            engine_bind_output(e, i, a->outputs[i].data, a->outputs[i].strides);
        }
    }
    a->copied = context_count_copies(engine_context(e));
}

static void release(engine *e, arrays *a) {
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        engine_bind_input(e, i, NULL, NULL);
        free_array(&a->inputs[i]);
    }
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        engine_bind_output(e, i, NULL, NULL);
        free_array(&a->outputs[i]);
    }
}

static void check_output(engine *e, const array *out, uint32_t index, const direct_case *c, bool as_read) {
    int64_t count = 0;
    const void *values = as_read ? engine_output(e, index, &count) : NULL;
    bool equal =
        as_read ? memcmp(values, out->dense, bytes_of(out->type, count)) == 0 : each_row(e, out, CHECK_ARRAY);
    if (!equal) {
        fail_msg("%s, %lld steps, %lld rows, %d threads: output %s%s", c->what, (long long)c->sequence,
                 (long long)c->batch, c->threads, engine_output_info(e, index).name,
                 as_read ? ", as read" : "");
    }
}

static void check(engine *e, const arrays *a, const direct_case *c) {
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        check_output(e, &a->outputs[i], i, c, true);
    }
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        if (is_bound(e, i)) {
            check_output(e, &a->outputs[i], i, c, false);
            each_row(e, &a->outputs[i], CLEAR_ARRAY);
        }
        assert_true(is_clear(&a->outputs[i]));
    }
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        assert_true(each_row(e, &a->inputs[i], CHECK_ARRAY));
    }
}

static void compare(subject *s, const direct_case *c, arrays *sum) {
    strbuf why = {0};
    run_values values;
    diag_sink d;
    arrays a = {.refused = 0};
    diag_init(&d);
    if (subject_execute(s, (subject_run){c->sequence, c->batch, 0}, &why, &values) != RNNC_OK) {
        fail_msg("%s: %s", c->what, strbuf_text(&why));
    }
    take(s->engine, &a);
    bind(s->engine, &a);
    // The seed and step of subject_execute.
    assert_int_equal(engine_run(s->engine, 7, 3, &d), RNNC_OK);
    check(s->engine, &a, c);
    release(s->engine, &a);
    sum->refused += a.refused;
    sum->copied += a.copied;
    run_values_deinit(&values);
    strbuf_deinit(&why);
    diag_deinit(&d);
}

static void compare_sizes(graph *g, diff_backend *backend, direct_case c, arrays *sum) {
    static const int64_t sizes[][2] = {{LONGEST, LARGEST}, {4, 3}, {LONGEST, 1}, {3, LARGEST}};
    strbuf why = {0};
    subject_options o = {.backend = backend,
                         .pipeline = c.pipeline,
                         .longest = LONGEST,
                         .largest = LARGEST,
                         .threads = c.threads,
                         .split_all = true,
                         .sets = c.sets};
    subject s;
    if (subject_create(g, &o, &why, &s) != RNNC_OK) {
        fail_msg("%s: %s", c.what, strbuf_text(&why));
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        c.sequence = sizes[i][0];
        c.batch = sizes[i][1];
        compare(&s, &c, sum);
    }
    subject_destroy(&s);
    strbuf_deinit(&why);
}

// ---- Models ----

static graph *body_graph(const char *body) {
    char text[2048];
    snprintf(text, sizeof text, "model m() {\n%s}\n", body);
    return diff_graph_of_text(text, true);
}

// A few settings of threads and sets take turns.
static direct_case settings(uint32_t number, const char *what, const char *pipeline) {
    static const set_choice sets[] = {SETS_BY_COST, SETS_BESIDE, SETS_SPLIT};
    return (direct_case){
        .what = what, .pipeline = pipeline, .threads = 1 + (int)(number % 3), .sets = sets[number / 3 % 3]};
}

static void check_body(diff_backend *backend, const direct_body *b) {
    arrays forward = {.refused = 0}, sum = {.refused = 0};
    for (uint32_t k = 0; k < 6; k++) {
        bool gradients = k % 2 && strstr(b->text, "loss");
        direct_case c = settings(k + 3, b->text, gradients ? diff_gradient_pipeline : NULL);
        compare_sizes(body_graph(b->text), backend, c, gradients ? &sum : &forward);
    }
    if (forward.refused || sum.refused || (forward.copied == 0) != b->all_written) {
        fail_msg("%s: %u arrays are not read where they lie, %u with gradients; %u are not written", b->text,
                 forward.refused, sum.refused, forward.copied);
    }
}

static void check_bodies(diff_backend *backend) {
    for (uint32_t i = 0; i < BODIES; i++) {
        check_body(backend, &bodies[i]);
    }
}

static void check_models(diff_backend *backend, uint32_t step) {
    uint32_t number = 0;
    for (uint32_t cell = 0; cell < diff_cell_count; cell++) {
        for (uint32_t form = 0; form < diff_form_count; form++, number++) {
            diff_model m = {.cell = cell, .form = form, .hidden = 5, .real = number % 2 ? DT_F64 : DT_F32};
            arrays sum = {.refused = 0};
            char what[128];
            snprintf(what, sizeof what, "%s, %s", diff_cells[cell].name, diff_forms[form].name);
            if (number % step == 0) {
                bool gradients = number % 4 < 2;
                compare_sizes(diff_model_graph(&m), backend,
                              settings(number, what, gradients ? diff_gradient_pipeline : NULL), &sum);
                assert_true(sum.refused == 0 && (gradients || sum.copied == 0));
            }
        }
    }
}

// Blocks of inner indices that begin within a row of steps, tiles of rows and panels that do not come out even.
static void check_wide(diff_backend *backend) {
    static const char text[] =
        "    input x: real(131)[T]\n    target t: real(37)[T]\n    h = gru_cho(37, x)\n"
        "    loss = mean[T, batch] mean squared_error(h, t)\n    output h\n";
    enum { STEPS = 31 };
    for (uint32_t k = 0; k < 3; k++) {
        arrays sum = {.refused = 0};
        strbuf why = {0};
        direct_case c = settings(k, "wide", diff_gradient_pipeline);
        subject_options o = {
            .backend = backend, .pipeline = c.pipeline, .longest = STEPS, .largest = LARGEST};
        subject s;
        o.threads = c.threads;
        o.split_all = true;
        o.sets = c.sets;
        assert_int_equal(subject_create(body_graph(text), &o, &why, &s), RNNC_OK);
        c.sequence = STEPS;
        c.batch = LARGEST;
        compare(&s, &c, &sum);
        assert_int_equal(sum.refused, 0);
        subject_destroy(&s);
        strbuf_deinit(&why);
    }
}

static void test_interpreted(void **state) {
    (void)state;
    diff_backend backend;
    diff_backend_open("interpret", &backend);
    check_bodies(&backend);
    check_models(&backend, 13);
    diff_backend_close(&backend);
}

static void test_machine_code(void **state) {
    (void)state;
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    check_bodies(&backend);
    check_models(&backend, 5);
    check_wide(&backend);
    diff_backend_close(&backend);
}

int main(int argc, char **argv) {
    const struct CMUnitTest quick[] = {cmocka_unit_test(test_interpreted)};
    const struct CMUnitTest all[] = {cmocka_unit_test(test_interpreted), cmocka_unit_test(test_machine_code)};
    if (argc != 2) {
        fprintf(stderr, "usage: test_direct quick|default\n");
        return 2;
    }
    return strcmp(argv[1], "quick") == 0 ? cmocka_run_group_tests_name("direct", quick, NULL, NULL)
                                         : cmocka_run_group_tests_name("direct", all, NULL, NULL);
}
