// Objects that learn against the same training program run by the executor with machine code: equal bits of the loss of
// every step, of all weights and of the optimiser's memory, and then of what the model gives with these weights.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <pthread.h>
#include <cmocka.h>

#include "codegen/ahead_train.h"
#include "ir/stream.h"
#include "runtime/ahead_train.h"
#include "runtime/data/atomic_file.h"
#include "runtime/train/machine.h"
#include "tests/diff/models.h"
#include "tests/diff/subject.h"

enum { LONGEST = 9, LARGEST = 5, MOST_VALUES = 8, STEPS = 12, SEED = 7 };

typedef int32_t arena_function(void *arena);
// Callers on all our machines may leave arguments over at the end.
typedef int32_t run_function(void *arena, int32_t batch, int32_t length, const void *, const void *,
                             const void *, const void *, const void *, const void *, const void *,
                             const void *);
typedef int32_t move_function(void *arena, void *bytes);
typedef int32_t rate_function(void *arena, double rate);
typedef int32_t position_function(void *arena, int64_t epoch, int64_t step);
typedef int32_t find_function(const char *name);
typedef const char *name_function(int32_t weight);
typedef int32_t number_function(int32_t weight);
typedef int32_t access_function(void *arena, int32_t weight, void *values);

typedef struct object {
    void *library;
    arena_function *init, *train_init;
    run_function *run, *train_step;
    move_function *save, *load;
    rate_function *set_rate;
    position_function *set_position;
    find_function *find_weight;
    name_function *weight_name;
    number_function *weight_rows, *weight_columns;
    access_function *get_weight, *set_weight;
    char *arena;
    ahead_layout layout;
    learner_layout learner;
} object;

// A training: what the executor runs, and what the object is made of.
typedef struct learning {
    const char *text;
    update_options update;
    bool carries;
    int32_t threads;          // that runs may be shared out among
    int64_t longest, largest; // 0: LONGEST, LARGEST
    diff_backend slow;
    subject expected, trained, used; // |used| runs the model with the executor's weights, too
    learner_parts parts;
    object o;
} learning;

// ---- Making it ----

static void look_up(const object *o, const char *name, void *out_function) {
    void *symbol = dlsym(o->library, name);
    if (!symbol) {
        fail_msg("the object has no %s", name);
    }
    memcpy(out_function, &symbol, sizeof symbol);
}

static void look_all_up(object *o) {
    look_up(o, "m_init", &o->init);
    look_up(o, "m_train_init", &o->train_init);
    look_up(o, "m_run", &o->run);
    look_up(o, "m_train_step", &o->train_step);
    look_up(o, "m_train_save", &o->save);
    look_up(o, "m_train_load", &o->load);
    look_up(o, "m_set_rate", &o->set_rate);
    look_up(o, "m_set_position", &o->set_position);
    look_up(o, "m_find_weight", &o->find_weight);
    look_up(o, "m_weight_name", &o->weight_name);
    look_up(o, "m_weight_rows", &o->weight_rows);
    look_up(o, "m_weight_columns", &o->weight_columns);
    look_up(o, "m_get_weight", &o->get_weight);
    look_up(o, "m_set_weight", &o->set_weight);
}

static void link_object(object *o, const strbuf *bytes, const char *name, diag_sink *d) {
    strbuf base = {0}, path = {0}, command = {0};
    strbuf_addf(&base, "%s/%s", getenv("RNNC_SCRATCH") ? getenv("RNNC_SCRATCH") : "/tmp", name);
    strbuf_addf(&path, "%s.o", base.text);
    assert_int_equal(atomic_file_write(path.text, bytes->text, bytes->length, d), RNNC_OK);
    // Nothing may be left to be found elsewhere.
    strbuf_addf(&command, "cc -nostdlib -shared -Wl,-z,defs -o %s.so %s.o", base.text, base.text);
    assert_int_equal(system(command.text), 0);
    strbuf_add(&base, ".so");
    o->library = dlopen(base.text, RTLD_NOW | RTLD_LOCAL);
    if (!o->library) {
        fail_msg("%s", dlerror());
    }
    look_all_up(o);
    strbuf_deinit(&base);
    strbuf_deinit(&path);
    strbuf_deinit(&command);
}

static bool is_value_or_state(const graph_output *output, const void *user) {
    (void)user;
    return output->role == OUTPUT_VALUE || output->role == OUTPUT_STATE;
}

static void make_subject(const learning *l, diff_backend *backend, const update_options *update,
                         bool *out_streams, subject *out_subject) {
    graph *g = diff_graph_of_text(l->text, update != NULL);
    if (update) {
        graph_keep_measured(g);
    } else {
        graph_keep_outputs(g, is_value_or_state, NULL);
        *out_streams = graph_streams(g);
    }
    subject_options options = {
        .backend = backend, .update = update, .longest = l->longest, .largest = l->largest};
    strbuf why = {0};
    if (subject_create(g, &options, &why, out_subject) != RNNC_OK) {
        fail_msg("%s", strbuf_text(&why));
    }
}

static void open_learning(learning *l, diff_backend *backend, const char *name) {
    bool streams = false;
    update_options given = l->update;
    l->longest = l->longest ? l->longest : LONGEST;
    l->largest = l->largest ? l->largest : LARGEST;
    given.rate_is_input = true;
    make_subject(l, backend, &l->update, NULL, &l->expected);
    make_subject(l, backend, NULL, &streams, &l->used);
    // Never run: its program and first weights are what counts.
    diff_backend_open("interpret", &l->slow);
    l->slow.shape = l->slow.backend.shape = backend->shape;
    make_subject(l, &l->slow, &given, NULL, &l->trained);
    diag_sink d;
    diag_init(&d);
    learner_options o = {"m", streams, SEED, l->threads};
    learner_recipe how = {l->update.rate, l->carries};
    strbuf bytes = {0};
    assert_int_equal(learner_parts_create(l->used.engine, l->trained.engine, &o, &how, &d, &l->parts),
                     RNNC_OK);
    assert_int_equal(
        codegen_build_ahead(backend->codegen, codegen_facts(backend->codegen), &l->parts.request, &d, &bytes),
        RNNC_OK);
    link_object(&l->o, &bytes, name, &d);
    ahead_lay_out(&l->parts.request, &l->o.layout);
    ahead_lay_out_learner(&l->parts.request, &l->o.learner);
    l->o.arena = aligned_alloc(AHEAD_ALIGN, (size_t)l->o.layout.bytes);
    assert_non_null(l->o.arena);
    // What init does not write is to be seen.
    memset(l->o.arena, 0x7f, (size_t)l->o.layout.bytes);
    assert_int_equal(l->o.init(l->o.arena), AHEAD_OK);
    strbuf_deinit(&bytes);
    diag_deinit(&d);
}

static void close_learning(learning *l) {
    free(l->o.arena);
    dlclose(l->o.library);
    learner_parts_deinit(&l->parts);
    subject_destroy(&l->expected);
    subject_destroy(&l->trained);
    subject_destroy(&l->used);
}

// ---- Inputs ----

static uint64_t next_number(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

// What is given, in order; states and settings stay as they are.
static uint32_t fill_inputs(engine *e, uint64_t *numbers, bool broken, const void **out_values) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        engine_value info = engine_input_info(e, i);
        int64_t elements = 0;
        void *data = engine_input(e, i, &elements);
        if (strcmp(info.role, "state") == 0 || strcmp(info.role, "setting") == 0) {
            continue;
        }
        for (int64_t k = 0; k < elements; k++) {
            uint64_t n = next_number(numbers);
            bool bad = broken && k == 0;
            if (info.type.elem == DT_I32) {
                ((int32_t *)data)[k] = (int32_t)(n % 4);
            } else if (info.type.elem == DT_F32) {
                ((float *)data)[k] = bad ? INFINITY : (float)((double)(n % 2001) / 1000 - 1);
            } else {
                ((double *)data)[k] = bad ? (double)INFINITY : (double)(n % 2001) / 1000 - 1;
            }
        }
        assert_true(count < MOST_VALUES);
        out_values[count++] = data;
    }
    return count;
}

static void put_setting(engine *e, const char *name, double value) {
    int input = engine_find_input(e, name);
    int64_t count = 0;
    if (input >= 0) {
        *(double *)engine_input(e, (uint32_t)input, &count) = value;
    }
}

// States go on to the next step, or become zero.
static void carry_states(const learning *l, bool made) {
    engine *e = l->expected.engine;
    for (uint32_t i = 0; i < engine_input_count(e); i++) {
        engine_value info = engine_input_info(e, i);
        if (strcmp(info.role, "state") == 0) {
            int64_t count = 0;
            void *to = engine_input(e, i, &count);
            size_t bytes = (size_t)count * (size_t)dtype_bytes(info.type.elem);
            if (l->carries && made) {
                memcpy(to, engine_output(e, (uint32_t)engine_find_output(e, info.name), &count), bytes);
            } else {
                memset(to, 0, bytes);
            }
        }
    }
}

static void set_extents(engine *e, int64_t batch, int64_t length, diag_sink *d) {
    int64_t extents[MAX_AXES];
    for (uint32_t a = 0; a < engine_axis_count(e); a++) {
        extents[a] = a == AXIS_BATCH ? batch : length;
    }
    assert_int_equal(engine_set_extents(e, extents, d), RNNC_OK);
}

// ---- Comparing ----

static void expect_equal(const char *name, const void *expected, const void *found, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (((const char *)expected)[i] != ((const char *)found)[i]) {
            fail_msg("%s differs at byte %zu of %zu", name, i, bytes);
        }
    }
}

static void compare_weights(learning *l) {
    const weights *w = engine_weights(l->expected.engine);
    for (uint32_t i = 0; i < w->count; i++) {
        const char *found = l->o.arena + ahead_training_variable(&l->parts.training, &l->o.learner, i);
        size_t bytes = (size_t)ahead_variable_bytes(&l->parts.training.request, i);
        expect_equal(w->arrays[i].variable->name, w->arrays[i].data, found, bytes);
    }
}

// Whether the step was made by both.
static void step_both(learning *l, int64_t step, int64_t batch, int64_t length, bool broken,
                      uint64_t *numbers) {
    diag_sink d;
    diag_init(&d);
    engine *e = l->expected.engine;
    const void *v[MOST_VALUES + 1] = {NULL};
    set_extents(e, batch, length, &d);
    uint32_t count = fill_inputs(e, numbers, broken, v);
    put_setting(e, UPDATE_EPOCH, 1);
    put_setting(e, UPDATE_STEP, (double)(step - 1));
    assert_int_equal(engine_run(e, SEED, (uint64_t)(step - 1), &d), RNNC_OK);
    double loss[1] = {0};
    v[count] = loss;
    int32_t status = l->o.train_step(l->o.arena, (int32_t)batch, (int32_t)length, v[0], v[1], v[2], v[3],
                                     v[4], v[5], v[6], v[7]);
    bool skipped = broken && l->update.guarded;
    assert_int_equal(status, skipped ? AHEAD_NOT_UPDATED : AHEAD_OK);
    int output = engine_find_output(e, "loss");
    int64_t ones = 0;
    engine_value info = engine_output_info(e, (uint32_t)output);
    expect_equal("loss", engine_output(e, (uint32_t)output, &ones), loss,
                 (size_t)dtype_bytes(info.type.elem));
    carry_states(l, !skipped);
    diag_deinit(&d);
}

// What the model gives with the weights that have been learned.
static void compare_answers(learning *l, int64_t batch, int64_t length) {
    diag_sink d;
    diag_init(&d);
    engine *e = l->used.engine;
    const void *v[MOST_VALUES] = {NULL};
    uint64_t numbers = 5;
    weights_copy(engine_weights(e), engine_weights(l->expected.engine));
    set_extents(e, batch, length, &d);
    uint32_t inputs = fill_inputs(e, &numbers, false, v), count = inputs;
    assert_int_equal(engine_run(e, 1, 0, &d), RNNC_OK);
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        bool value = strcmp(engine_output_info(e, i).role, "value") == 0;
        v[count] = value ? calloc(LONGEST * LARGEST * 64, sizeof(double)) : NULL;
        count += value;
    }
    memset(l->o.arena, 0, (size_t)l->o.layout.state_bytes);
    assert_int_equal(
        l->o.run(l->o.arena, (int32_t)batch, (int32_t)length, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]),
        AHEAD_OK);
    for (uint32_t i = 0, at = inputs; i < engine_output_count(e); i++) {
        engine_value info = engine_output_info(e, i);
        if (strcmp(info.role, "value") == 0) {
            int64_t elements = 0;
            const void *expected = engine_output(e, i, &elements);
            expect_equal(info.name, expected, v[at], (size_t)elements * (size_t)dtype_bytes(info.type.elem));
            free((void *)v[at++]);
        }
    }
    diag_deinit(&d);
}

static void learn(learning *l, int broken_step) {
    uint64_t numbers = 1;
    compare_weights(l);
    compare_answers(l, 2, 4);
    for (int step = 1; step <= STEPS; step++) {
        // Carried states go with a batch; otherwise extents change.
        bool changes = !l->carries && step > STEPS / 2;
        step_both(l, step, changes ? LARGEST : 3, changes ? LONGEST - step % 3 : 4, step == broken_step,
                  &numbers);
        if (step == STEPS / 2) {
            compare_weights(l);
            compare_answers(l, 1, 1);
        }
    }
    compare_weights(l);
    compare_answers(l, LARGEST, 7);
}

static void check(const char *name, const char *text, update_options update, bool carries, int broken_step) {
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = {.text = text, .update = update, .carries = carries};
    open_learning(&l, &backend, name);
    learn(&l, broken_step);
    close_learning(&l);
    diff_backend_close(&backend);
}

// ---- Cases ----

#define MODEL(float_type, equation)                                                                          \
    "model m() {\n    float = " float_type "\n    input x: real(5)[T]\n    target wanted: real(3)[T]\n"      \
    "    target kind: token(4)\n    y = " equation "\n    p = linear(3, y)\n    k = linear(4, last[T](y))\n" \
    "    loss = mean[T, batch] mean squared_error(p, wanted) + mean[batch] cross_entropy(k, kind)\n"         \
    "    output y\n    output p\n    output kinds = softmax(k)\n    output other = linear(2, y)\n}\n"

static const char lstm[] = MODEL("f32", "lstm(19, x)");
static const char tokens[] = "model m() {\n    input t: token(6)[T]\n    target wanted: token(6)[T]\n"
                             "    p = linear(6, gru_cho(11, embedding(6, 7, t)))\n"
                             "    loss = mean[T, batch] cross_entropy(p, wanted)\n    output p\n}\n";

static void test_sgd(void **state) {
    (void)state;
    check("sgd", lstm, (update_options){.rule = UPDATE_SGD, .rate = 0.1}, false, 0);
    check("sgd-clipped", lstm,
          (update_options){.rule = UPDATE_SGD, .rate = 1, .clip_norm = 0.3, .clip_value = 0.05}, false, 0);
    check("sgd-tokens", tokens, (update_options){.rule = UPDATE_SGD, .rate = 0.1}, false, 0);
}

static void test_momentum(void **state) {
    (void)state;
    update_options o = {.rule = UPDATE_MOMENTUM, .rate = 0.05, .momentum = 0.9};
    check("momentum", lstm, o, false, 0);
    o.nesterov = true;
    o.weight_decay = 0.01;
    check("nesterov", lstm, o, false, 0);
}

static void test_rmsprop(void **state) {
    (void)state;
    update_options o = {.rule = UPDATE_RMSPROP, .rate = 0.01, .decay = 0.9, .epsilon = 1e-6, .clip_norm = 1};
    check("rmsprop", lstm, o, false, 0);
}

static void test_adagrad(void **state) {
    (void)state;
    update_options o = {.rule = UPDATE_ADAGRAD, .rate = 0.1, .start = 0.1, .epsilon = 1e-7};
    check("adagrad", lstm, o, false, 0);
    check("adagrad-tokens", tokens, o, false, 0);
}

static const update_options adam = {
    .rule = UPDATE_ADAM, .rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};

static void test_adam(void **state) {
    (void)state;
    check("adam", lstm, adam, false, 0);
    check("adam-f64", MODEL("f64", "gru_chung(13, x)"), adam, false, 0);
    check("adam-both", MODEL("f32", "concat(lstm(6, x), backward lstm(6, x))"), adam, false, 0);
    update_options o = adam;
    o.lazy_rows = true;
    o.weight_decay = 0.1;
    check("adamw-rows", tokens, o, false, 0);
}

// Not an update with infinities in it, and the next as if that had not been.
static void test_guard(void **state) {
    (void)state;
    update_options o = adam;
    o.guarded = true;
    o.clip_norm = 1;
    check("guard", lstm, o, false, 5);
    check("guard-carried", lstm, o, true, 5);
}

static void test_dropout(void **state) {
    (void)state;
    check("dropout", MODEL("f32", "stack(9, x, layers = 2, inner = lstm, keep = 0.6)"), adam, false, 0);
}

static void test_carried(void **state) {
    (void)state;
    check("carried", lstm, adam, true, 0);
}

static void test_schedule(void **state) {
    (void)state;
    static const rate_rule rules[] = {
        {.kind = RATE_WARM_UP, .steps = true, .length = 4},
        {.kind = RATE_COSINE, .steps = true, .factor = 0.1, .length = 10},
        {.kind = RATE_DECAY, .steps = true, .factor = 0.5, .after = 2, .length = 3},
        {.kind = RATE_INVERSE_ROOT, .steps = true, .after = 3}};
    update_options o = adam;
    o.schedule = rules;
    o.schedule_count = sizeof rules / sizeof *rules;
    check("schedule", lstm, o, false, 0);
}

// ---- Access ----

static void test_access(void **state) {
    (void)state;
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = {.text = lstm, .update = adam};
    open_learning(&l, &backend, "access");
    const object *o = &l.o;
    const weights *w = engine_weights(l.expected.engine);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        for (uint32_t j = 0; j < w->arrays[i].variable->parts.count; j++) {
            weight_part part = weights_part(w, i, j);
            if (w->arrays[i].variable->role == VARIABLE_SLOT) {
                assert_int_equal(o->find_weight(part.part->name), -1);
                continue;
            }
            int32_t number = o->find_weight(part.part->name);
            float values[4096];
            assert_true(number >= 0 && part.rows * part.columns < 4096);
            assert_string_equal(o->weight_name(number), part.part->name);
            assert_int_equal(o->weight_rows(number), part.rows);
            assert_int_equal(o->weight_columns(number), part.columns);
            assert_int_equal(o->get_weight(o->arena, number, values), AHEAD_OK);
            for (int64_t k = 0; k < part.rows * part.columns; k++) {
                float wanted = (float)weight_get(&part, k / part.columns, k % part.columns);
                assert_memory_equal(&wanted, &values[k], sizeof wanted);
                values[k] = (float)k / 64;
                weight_set(&part, k / part.columns, k % part.columns, values[k]);
            }
            assert_int_equal(o->set_weight(o->arena, number, values), AHEAD_OK);
            seen++;
        }
    }
    assert_int_equal(seen, l.parts.training.weight_count);
    // Both ways of coming from training to use: a head that only use has is joined to one that is trained.
    assert_true(l.parts.training.copy_count > 0);
    assert_true(l.parts.training.source[0] != AHEAD_COPIED || l.parts.training.source[1] != AHEAD_COPIED);
    weights_changed(engine_weights(l.expected.engine));
    compare_weights(&l);
    compare_answers(&l, 2, 3);
    float values[4096];
    assert_null(o->weight_name((int32_t)seen));
    assert_int_equal(o->weight_rows(-1), 0);
    assert_int_equal(o->find_weight("lstm"), -1);
    assert_int_equal(o->find_weight(NULL), -1);
    assert_int_equal(o->get_weight(o->arena, (int32_t)seen, values), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->get_weight(o->arena, -1, values), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->set_weight(o->arena, 0, NULL), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->set_weight(o->arena + 8, 0, values), AHEAD_BAD_ARENA);
    assert_int_equal(o->set_rate(o->arena, -1), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->set_rate(o->arena, NAN), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->set_position(o->arena, 1, 0), AHEAD_BAD_ARGUMENT);
    close_learning(&l);
    diff_backend_close(&backend);
}

// What was kept goes on as if nothing had been in between; with a rate of zero nothing is learned.
static void test_kept(void **state) {
    (void)state;
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = {.text = lstm, .update = adam};
    open_learning(&l, &backend, "kept");
    object *o = &l.o;
    char *kept = malloc((size_t)o->learner.learned_bytes);
    uint64_t numbers = 1;
    assert_non_null(kept);
    for (int step = 1; step <= 4; step++) {
        step_both(&l, step, 2, 3, false, &numbers);
    }
    assert_int_equal(o->save(o->arena, kept), AHEAD_OK);
    assert_int_equal(o->init(o->arena), AHEAD_OK);
    assert_int_equal(o->load(o->arena, kept), AHEAD_OK);
    compare_weights(&l);
    compare_answers(&l, 2, 3);
    step_both(&l, 5, 2, 3, false, &numbers);
    compare_weights(&l);
    kept[LEARNED_IDENTITY] ^= 1;
    assert_int_equal(o->load(o->arena, kept), AHEAD_BAD_ARGUMENT);
    assert_int_equal(o->load(o->arena, NULL), AHEAD_BAD_ARGUMENT);
    compare_weights(&l);
    free(kept);
    close_learning(&l);
    diff_backend_close(&backend);
}

// A rate that is set is the recipe's rate; a position that is set is that of the next step.
static void test_set(void **state) {
    (void)state;
    static const rate_rule rules[] = {{.kind = RATE_DECAY_SMOOTH, .steps = true, .factor = 0.5, .length = 3}};
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = {.text = lstm, .update = adam};
    l.update.schedule = rules;
    l.update.schedule_count = 1;
    l.update.rate = 0.02;
    open_learning(&l, &backend, "set");
    uint64_t numbers = 1;
    assert_int_equal(l.o.set_rate(l.o.arena, 0.5), AHEAD_OK);
    assert_int_equal(l.o.set_rate(l.o.arena, 0.02), AHEAD_OK);
    assert_int_equal(l.o.set_position(l.o.arena, 1, 9), AHEAD_OK);
    step_both(&l, 9, 2, 3, false, &numbers);
    step_both(&l, 10, 2, 3, false, &numbers);
    compare_weights(&l);
    assert_int_equal(l.o.set_rate(l.o.arena, 0), AHEAD_OK);
    numbers = 1;
    char *before = malloc((size_t)l.o.learner.learned_bytes);
    assert_non_null(before);
    access_function *get = l.o.get_weight;
    float first[4096], second[4096];
    assert_int_equal(get(l.o.arena, 0, first), AHEAD_OK);
    free(before);
    const void *v[MOST_VALUES] = {NULL};
    fill_inputs(l.expected.engine, &numbers, false, v);
    assert_int_equal(l.o.train_step(l.o.arena, 2, 3, v[0], v[1], v[2], NULL, NULL, NULL, NULL, NULL),
                     AHEAD_OK);
    assert_int_equal(get(l.o.arena, 0, second), AHEAD_OK);
    size_t bytes = (size_t)(l.o.weight_rows(0) * l.o.weight_columns(0)) * sizeof(float);
    assert_memory_equal(first, second, bytes);
    close_learning(&l);
    diff_backend_close(&backend);
}

// ---- Threads ----

typedef int32_t shared_function(void *arena, int32_t batch, int32_t length, const void *, const void *,
                                const void *, const void *, const void *, const void *, const void *);
typedef void task_function(void *context, int32_t i);

typedef struct share {
    task_function *task;
    void *context;
    int32_t i;
    pthread_t thread;
} share;

static void *do_share(void *argument) {
    const share *s = argument;
    s->task(s->context, s->i);
    return NULL;
}

// A thread for each, the last first.
static void parallel_for(void *user, int32_t count, task_function *task, void *given) {
    share shares[16];
    assert_true(count <= 16);
    for (int32_t i = count - 1; i >= 0; i--) {
        shares[i] = (share){task, given, i, 0};
        assert_int_equal(pthread_create(&shares[i].thread, NULL, do_share, &shares[i]), 0);
    }
    for (int32_t i = 0; i < count; i++) {
        pthread_join(shares[i].thread, NULL);
    }
    ++*(int *)user;
}

// Runs and training steps of two arenas of one object, one with threads: equal bits.
static void compare_threads(learning *l, char *other, int32_t threads) {
    object *o = &l->o;
    shared_function *run_parallel, *train_parallel;
    look_up(o, "m_run_parallel", &run_parallel);
    look_up(o, "m_train_step_parallel", &train_parallel);
    const void *v[MOST_VALUES] = {NULL};
    int32_t batch = (int32_t)l->largest, length = (int32_t)l->longest;
    size_t most = (size_t)(batch * length) * 200;
    float loss[2] = {0, 1}, *one = calloc(most, sizeof *one), *two = calloc(most, sizeof *two);
    int loops = 0;
    void *loop = NULL, *user = &loops;
    void (*function)(void *, int32_t, task_function *, void *) = parallel_for;
    memcpy(&loop, &function, sizeof loop);
    const void *several = (const void *)(intptr_t)threads;
    uint64_t numbers = 1;
    assert_non_null(one);
    assert_non_null(two);
    assert_int_equal(o->init(o->arena), AHEAD_OK);
    assert_int_equal(o->init(other), AHEAD_OK);
    fill_inputs(l->expected.engine, &numbers, false, v);
    for (int step = 0; step < 3; step++) {
        assert_int_equal(o->train_step(o->arena, batch, length, v[0], v[1], &loss[0], 0, 0, 0, 0, 0),
                         AHEAD_OK);
        assert_int_equal(train_parallel(other, batch, length, v[0], v[1], &loss[1], several, loop, user, 0),
                         AHEAD_OK);
        assert_memory_equal(&loss[0], &loss[1], sizeof *loss);
    }
    assert_memory_equal(o->arena + o->learner.learned, other + o->learner.learned,
                        (size_t)o->learner.learned_bytes);
    assert_true(threads > 1 ? loops > 0 : loops == 0);
    loops = 0;
    assert_int_equal(o->run(o->arena, batch, length, v[0], one, 0, 0, 0, 0, 0, 0), AHEAD_OK);
    assert_int_equal(run_parallel(other, batch, length, v[0], two, several, loop, user, 0, 0), AHEAD_OK);
    assert_memory_equal(one, two, most * sizeof *one);
    assert_true(threads > 1 ? loops > 0 : loops == 0);
    free(one);
    free(two);
}

static void test_threads(void **state) {
    (void)state;
    static const char text[] = "model m() {\n    input x: real(8)[T]\n    target wanted: real(3)[T]\n"
                               "    y = lstm(170, x)\n    p = linear(3, y)\n"
                               "    loss = mean[T, batch] mean squared_error(p, wanted)\n    output p\n}\n";
    diff_backend backend;
    diff_backend_open("llvm", &backend);
    learning l = {.text = text, .update = adam, .threads = 7, .longest = 6, .largest = 33};
    open_learning(&l, &backend, "threads");
    char *other = aligned_alloc(AHEAD_ALIGN, (size_t)l.o.layout.bytes);
    assert_non_null(other);
    const int32_t counts[] = {1, 2, 3, 7};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        compare_threads(&l, other, counts[i]);
    }
    shared_function *run_parallel;
    look_up(&l.o, "m_run_parallel", &run_parallel);
    float y[1];
    const void *at = y;
#define SHARED(threads, loop) \
    run_parallel(other, 1, 1, at, at, (const void *)(intptr_t)(threads), loop, 0, 0, 0)
    assert_int_equal(SHARED(0, at), AHEAD_BAD_ARGUMENT);
    assert_int_equal(SHARED(8, at), AHEAD_BAD_ARGUMENT);
    assert_int_equal(SHARED(2, NULL), AHEAD_BAD_ARGUMENT);
#undef SHARED
    free(other);
    close_learning(&l);
    diff_backend_close(&backend);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgd),     cmocka_unit_test(test_momentum), cmocka_unit_test(test_rmsprop),
        cmocka_unit_test(test_adagrad), cmocka_unit_test(test_adam),     cmocka_unit_test(test_guard),
        cmocka_unit_test(test_dropout), cmocka_unit_test(test_carried),  cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_access),  cmocka_unit_test(test_kept),     cmocka_unit_test(test_set),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
