// Arrays of the caller's in orders, with gaps and extents that are drawn: models along one axis and two, in backward passes
// and in training. The bits are those of arrays without gaps, and nothing else is written.
#include "tests/api/job.h"

enum { DIMS = 3, MOST_DENSE = 2048, ROOM = 1 << 17, ROUNDS = 2, MOST_WEIGHTS = 4096 };
enum { MOST_EXTENT = 5, MOST_BATCH = 6 };

// ---- Drawing ----

static uint32_t drawn = 1;

static uint32_t draw(uint32_t below) {
    drawn = drawn * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(drawn >> 8) * below) >> 24);
}

// ---- What is run ----

typedef struct extents {
    int64_t batch, s, t;
} extents;

// An array of a value: its dimensions are the axes, the batch and the columns.
typedef struct field {
    rnnc_strides strides;
    int dims;
    int64_t extent[DIMS + 1], stride[DIMS + 1];
    float at[ROOM];
} field;

static const float guard = -77;
static field in[JOB_MOST_VALUES], out[JOB_MOST_VALUES];
static float numbers[JOB_MOST_VALUES][MOST_DENSE];

static void find_extents(field *a, const rnnc_value *v, const extents *e) {
    a->dims = 0;
    for (int i = 0; i < v->axis_count; i++) {
        a->extent[a->dims++] = strcmp(v->axes[i], "S") == 0 ? e->s : e->t;
    }
    a->extent[a->dims++] = v->has_batch ? e->batch : 1;
    a->extent[a->dims++] = v->columns;
}

// Strides of dimensions in a drawn order, the columns mostly within all others. Those of an input may be 0: the same numbers
// at each index.
static void draw_strides(field *a, bool is_input) {
    int order[DIMS + 1], columns = a->dims - 1;
    int64_t stride = 1;
    for (int i = 0; i < a->dims; i++) {
        order[i] = i;
    }
    for (int i = columns - 1; i > 0; i--) {
        int with = (int)draw((uint32_t)i + 1), kept = order[i];
        order[i] = order[with];
        order[with] = kept;
    }
    bool apart = draw(10) == 0;
    for (int i = -1; i < columns; i++) {
        int d = i < 0 ? columns : order[i];
        a->stride[d] = is_input && i >= 0 && draw(8) == 0 ? 0 : stride * (apart && i < 0 ? 2 : 1);
        stride = (a->stride[d] ? a->stride[d] * a->extent[d] : stride) + draw(3) * draw(4);
    }
    assert_true(stride < ROOM);
    a->strides = (rnnc_strides){.batch = a->stride[columns - 1], .columns = a->stride[columns]};
    memcpy(a->strides.axes, a->stride, (size_t)(columns - 1) * sizeof *a->stride);
}

static void clear(field *a) {
    for (int i = 0; i < ROOM; i++) {
        a->at[i] = guard;
    }
}

// Element number |n| of the array without gaps, steps first.
static float *element(field *a, int64_t n) {
    int64_t offset = 0;
    for (int d = a->dims - 1; d >= 0; d--) {
        offset += n % a->extent[d] * a->stride[d];
        n /= a->extent[d];
    }
    return &a->at[offset];
}

static int64_t count_of(const field *a) {
    int64_t count = 1;
    for (int d = 0; d < a->dims; d++) {
        count *= a->extent[d];
    }
    assert_true(count <= MOST_DENSE);
    return count;
}

// What the run reads: where several elements have one place, the last one's number for all of them.
static void spread_input(field *a, float *dense) {
    clear(a);
    for (int64_t n = 0; n < count_of(a); n++) {
        *element(a, n) = dense[n];
    }
    for (int64_t n = 0; n < count_of(a); n++) {
        dense[n] = *element(a, n);
    }
}

static void check_field(const job *j, field *a, const float *dense, bool is_input) {
    for (int64_t n = 0; n < count_of(a); n++) {
        if (memcmp(element(a, n), &dense[n], sizeof *dense) != 0) {
            fail_msg("%s: element %lld is %g, not %g", j->what, (long long)n, (double)*element(a, n),
                     (double)dense[n]);
        }
    }
    for (int64_t n = 0; n < count_of(a); n++) {
        *element(a, n) = guard;
    }
    for (int i = 0; i < ROOM; i++) {
        if (a->at[i] != guard) {
            fail_msg("%s: an %s is written beside its elements", j->what, is_input ? "input" : "output");
        }
    }
}

// ---- Runs ----

typedef struct results {
    float out[JOB_MOST_VALUES][MOST_DENSE];
    double losses[ROUNDS], weights[MOST_WEIGHTS];
    size_t weight_count;
} results;

static void read_weights(const job *j, rnnc_context *c, rnnc_weights *weights, results *r) {
    r->weight_count = 0;
    for (uint32_t i = 0; i < rnnc_weights_count(weights); i++) {
        rnnc_weight w;
        assert_int_equal(rnnc_weights_get(weights, i, &w), RNNC_OK);
        size_t count = (size_t)(w.rows * w.columns);
        double *to = r->weights + r->weight_count;
        r->weight_count += count;
        assert_true(r->weight_count <= MOST_WEIGHTS);
        fixture_ok(j->trains ? rnnc_weights_read(weights, i, RNNC_F64, to, count, j->f.d)
                             : rnnc_context_read_gradient(c, w.name, RNNC_F64, to, count, j->f.d),
                   j->f.d);
    }
}

static void set_extents(const job *j, rnnc_context *c, const extents *e) {
    rnnc_length lengths[] = {{"T", e->t}, {"S", e->s}};
    size_t count = 1;
    for (uint32_t i = 0; i < j->inputs; i++) {
        for (int a = 0; a < j->in[i].axis_count; a++) {
            count = strcmp(j->in[i].axes[a], "S") == 0 ? 2 : count;
        }
    }
    fixture_ok(rnnc_context_set_lengths(c, e->batch, lengths, count, j->f.d), j->f.d);
}

static void write_inputs(const job *j, rnnc_context *c, bool gradients) {
    for (uint32_t i = 0; i < j->inputs; i++) {
        if ((strncmp(j->in[i].name, "gradient/", 9) == 0) == gradients) {
            size_t count = rnnc_context_input_elements(c, i);
            fixture_ok(rnnc_context_write_input(c, i, RNNC_STEPS_FIRST, numbers[i], count, j->f.d), j->f.d);
        }
    }
}

static void bind_all(const job *j, rnnc_context *c) {
    for (uint32_t i = 0; i < j->inputs; i++) {
        fixture_ok(rnnc_context_bind_input_strided(c, i, in[i].at, ROOM, &in[i].strides, j->f.d), j->f.d);
    }
    for (uint32_t i = 0; i < j->outputs; i++) {
        fixture_ok(rnnc_context_bind_output(c, i, out[i].at, ROOM, &out[i].strides, j->f.d), j->f.d);
    }
}

static void run_round(const job *j, rnnc_context *c, bool bound, double *out_loss) {
    rnnc_training said = {.loss = 0};
    if (!bound) {
        write_inputs(j, c, false);
    }
    if (j->trains) {
        fixture_ok(rnnc_train_step(c, j->f.d, &said), j->f.d);
    } else {
        fixture_ok(rnnc_run(c, j->f.d), j->f.d);
        if (!bound) {
            write_inputs(j, c, true);
        }
        fixture_ok(rnnc_backward(c, j->f.d), j->f.d);
    }
    *out_loss = said.loss;
}

static void run(const job *j, const extents *e, bool bound, results *r) {
    rnnc_context *c = NULL;
    rnnc_weights *weights = NULL;
    fixture_ok(rnnc_weights_create(j->f.program, j->f.d, &weights), j->f.d);
    fixture_ok(rnnc_weights_initialize(weights, 1, j->f.d), j->f.d);
    fixture_ok(rnnc_context_create(j->f.program, weights, j->f.d, &c), j->f.d);
    set_extents(j, c, e);
    if (bound) {
        bind_all(j, c);
    }
    for (int i = 0; i < ROUNDS; i++) {
        run_round(j, c, bound, &r->losses[i]);
    }
    for (uint32_t i = 0; i < j->outputs; i++) {
        size_t count = rnnc_context_output_elements(c, i);
        fixture_ok(rnnc_context_read_output(c, i, RNNC_STEPS_FIRST, r->out[i], count, j->f.d), j->f.d);
    }
    read_weights(j, c, weights, r);
    rnnc_context_destroy(c);
    rnnc_weights_release(weights);
}

static results wanted, found;

static void draw_fields(const job *j, const extents *e) {
    for (uint32_t i = 0; i < j->inputs; i++) {
        find_extents(&in[i], &j->in[i], e);
        draw_strides(&in[i], true);
        fixture_fill(numbers[i], MOST_DENSE, drawn);
        for (int32_t n = 0; n < MOST_DENSE && j->in[i].type == RNNC_I32; n++) {
            int32_t token = (int32_t)draw(7);
            memcpy(&numbers[i][n], &token, sizeof token);
        }
        spread_input(&in[i], numbers[i]);
    }
    for (uint32_t i = 0; i < j->outputs; i++) {
        find_extents(&out[i], &j->out[i], e);
        draw_strides(&out[i], false);
        clear(&out[i]);
    }
}

static void check_once(const job *j) {
    extents e = {1 + draw(MOST_BATCH), 1 + draw(MOST_EXTENT), 1 + draw(MOST_EXTENT)};
    draw_fields(j, &e);
    run(j, &e, false, &wanted);
    run(j, &e, true, &found);
    assert_memory_equal(found.losses, wanted.losses, sizeof wanted.losses);
    for (uint32_t i = 0; i < j->outputs; i++) {
        check_field(j, &out[i], wanted.out[i], false);
    }
    for (uint32_t i = 0; i < j->inputs; i++) {
        check_field(j, &in[i], numbers[i], true);
    }
    if (memcmp(found.weights, wanted.weights, wanted.weight_count * sizeof(double)) != 0) {
        fail_msg("%s: other weights or gradients (%lld rows, S = %lld, T = %lld)", j->what,
                 (long long)e.batch, (long long)e.s, (long long)e.t);
    }
}

// ---- Models ----

static void check_model(const char *text, const rnnc_compile_options *o) {
    job j = make_job(text, text, o);
    for (int i = 0; i < (fixture_is_slow() ? 2 : 40); i++) {
        check_once(&j);
    }
    fixture_free(&j.f);
}

static void test_layers(void **state) {
    (void)state;
    static const char *const given[] = {"h"}, *const of[] = {"x"};
    static const char *const forms[] = {
        "input x: real(3)[T]\n h = lstm(5, x)",
        "input x: real(3)[S, T]\n h = lstm(5, x) along T",
        "input x: real(3)[S, T]\n h = lstm(5, x) along S",
        "input x: real(3)[T, S]\n h = backward gru_cho(5, x) along T",
        "input x: real(3)[S, T]\n h = rnn(4, gru_chung(3, x) along S) along S",
        "input x: real(3)[S, T]\n h = linear(3, x) + mean[S](x[S: 0..1])",
        "input x: real(3)[S, T]\n h = lstm(5, last[S](lstm(4, x) along S))",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char text[512];
        rnnc_compile_options o = fixture_options(RNNC_GRADIENTS, MOST_BATCH, MOST_EXTENT);
        o.given_gradients = given;
        o.gradients = of;
        o.given_gradient_count = o.gradient_count = 1;
        o.threads = 1 + (int)(i % 2);
        snprintf(text, sizeof text, "model m() {\n %s\n output h\n}\n", forms[i]);
        check_model(text, &o);
    }
}

static void test_training(void **state) {
    (void)state;
    static const char *const shown[] = {"h", "y"};
    static const char *const forms[] = {
        "input k: token(7)[T]\n target t: real(2)[T]\n h = lstm(5, embedding(7, 3, k))\n y = linear(2, h)\n"
        " loss = mean[T, batch] mean squared_error(y, t)",
        "input k: token(7)[S, T]\n target t: real(2)[S, T]\n h = lstm(5, embedding(7, 3, k)) along T\n"
        " y = linear(2, h)\n loss = mean[S, T, batch] mean squared_error(y, t)",
        "input k: token(7)[T, S]\n target t: real(2)[T]\n h = lstm(3, embedding(7, 3, k)) along S\n"
        " y = linear(2, rnn(4, last[S](h)))\n loss = mean[T, batch] mean squared_error(y, t)",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char text[1024];
        rnnc_compile_options o = fixture_options(RNNC_TRAIN, MOST_BATCH, MOST_EXTENT);
        o.outputs = shown;
        o.output_count = 2;
        snprintf(text, sizeof text,
                 "model m() {\n %s\n output h\n}\n"
                 "train r {\n batch 3  steps T = 4%s  optimizer adam(rate = 0.01)\n}\n",
                 forms[i], i ? ", S = 3" : "");
        check_model(text, &o);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
