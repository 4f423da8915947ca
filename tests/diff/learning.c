#include "tests/diff/learning.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <cmocka.h>

#include "ir/stream.h"
#include "tests/diff/linked.h"

enum { STEPS = 12, SEED = 7 };

// ---- Making it ----

void learning_find(const learning_object *o, const char *name, void *out_function) {
    void *symbol = dlsym(o->library, name);
    if (!symbol) {
        fail_msg("the object has no %s", name);
    }
    memcpy(out_function, &symbol, sizeof symbol);
}

static void find_all(learning_object *o) {
    learning_find(o, "m_init", &o->init);
    learning_find(o, "m_train_init", &o->train_init);
    learning_find(o, "m_run", &o->run);
    learning_find(o, "m_train_step", &o->train_step);
    learning_find(o, "m_train_save", &o->save);
    learning_find(o, "m_train_load", &o->load);
    learning_find(o, "m_set_rate", &o->set_rate);
    learning_find(o, "m_set_position", &o->set_position);
    learning_find(o, "m_find_weight", &o->find_weight);
    learning_find(o, "m_weight_name", &o->weight_name);
    learning_find(o, "m_weight_rows", &o->weight_rows);
    learning_find(o, "m_weight_columns", &o->weight_columns);
    learning_find(o, "m_get_weight", &o->get_weight);
    learning_find(o, "m_set_weight", &o->set_weight);
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

static void make_subjects(learning *l, diff_backend *backend, bool *out_streams) {
    update_options given = l->update;
    given.rate_is_input = true;
    make_subject(l, backend, &l->update, NULL, &l->expected);
    make_subject(l, backend, NULL, out_streams, &l->used);
    diff_backend_open("interpret", &l->slow);
    l->slow.interpreter.shape = l->slow.backend.shape =
        l->levels ? target_panels_of(&l->levels->base) : backend->backend.shape;
    make_subject(l, &l->slow, &given, NULL, &l->trained);
    make_subject(l, &l->slow, NULL, out_streams, &l->shipped);
}

static void build_object(learning *l, const codegen *c, const char *name) {
    const target_facts *facts = l->levels ? &l->levels->base : codegen_facts(c);
    strbuf bytes = {0};
    diag_sink d;
    diag_init(&d);
    l->parts.request.levels = l->levels;
    l->parts.request.weights_apart = l->apart;
    assert_int_equal(codegen_build_ahead(c, facts, &l->parts.request, &d, &bytes), RNNC_OK);
    l->o.library = diff_link(&bytes, name);
    find_all(&l->o);
    strbuf_deinit(&bytes);
    diag_deinit(&d);
}

static void map_weights(learning *l) {
    strbuf text = {0};
    ahead_print_weights(ahead_stored(&l->parts.request), &text);
    assert_int_equal(text.length, ahead_weights_bytes(ahead_stored(&l->parts.request)));
    l->file = aligned_alloc(AHEAD_ALIGN, text.length);
    assert_non_null(l->file);
    memcpy(l->file, text.text, text.length);
    strbuf_deinit(&text);
}

int32_t learning_init(const learning *l, void *memory) {
    return l->o.init(memory, l->file,
                     l->apart ? (uint64_t)ahead_weights_bytes(ahead_stored(&l->parts.request)) : 0);
}

void learning_open(learning *l, diff_backend *backend, const char *name) {
    bool streams = false;
    l->longest = l->longest ? l->longest : LEARNING_LONGEST;
    l->largest = l->largest ? l->largest : LEARNING_LARGEST;
    make_subjects(l, backend, &streams);
    diag_sink d;
    diag_init(&d);
    learner_options o = {"m", streams, SEED, l->threads};
    learner_recipe how = {l->update.rate, l->carries};
    assert_int_equal(learner_parts_create(l->shipped.engine, l->trained.engine, &o, &how, &d, &l->parts),
                     RNNC_OK);
    diag_deinit(&d);
    build_object(l, backend->codegen, name);
    if (l->apart) {
        map_weights(l);
    }
    ahead_lay_out(&l->parts.request, &l->o.layout);
    ahead_lay_out_learner(&l->parts.request, &l->o.learner);
    l->o.arena = diff_guarded_arena(l->o.layout.bytes);
    assert_int_equal(learning_init(l, l->o.arena), AHEAD_OK);
}

void learning_close(learning *l) {
    free(l->file);
    diff_release_arena(l->o.arena, l->o.layout.bytes);
    dlclose(l->o.library);
    learner_parts_deinit(&l->parts);
    subject_destroy(&l->expected);
    subject_destroy(&l->used);
    subject_destroy(&l->trained);
    subject_destroy(&l->shipped);
    diff_backend_close(&l->slow);
}

// ---- Inputs ----

static uint64_t next_number(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

uint32_t learning_fill(engine *e, uint64_t *numbers, bool broken, const void **out_values) {
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
        assert_true(count < LEARNING_MOST_VALUES);
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

void learning_compare_weights(learning *l) {
    const weights *w = engine_weights(l->expected.engine);
    for (uint32_t i = 0; i < w->count; i++) {
        const char *found = l->o.arena + ahead_training_variable(&l->parts.training, &l->o.learner, i);
        size_t bytes = (size_t)ahead_variable_bytes(&l->parts.training.request, i);
        expect_equal(w->arrays[i].variable->name, w->arrays[i].data, found, bytes);
    }
}

void learning_step(learning *l, int64_t step, int64_t batch, int64_t length, bool broken, uint64_t *numbers) {
    diag_sink d;
    diag_init(&d);
    engine *e = l->expected.engine;
    const void *v[LEARNING_MOST_VALUES + 1] = {NULL};
    set_extents(e, batch, length, &d);
    uint32_t count = learning_fill(e, numbers, broken, v);
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

void learning_compare_answers(learning *l, int64_t batch, int64_t length) {
    diag_sink d;
    diag_init(&d);
    engine *e = l->used.engine;
    const void *v[LEARNING_MOST_VALUES] = {NULL};
    uint64_t numbers = 5;
    weights_copy(engine_weights(e), engine_weights(l->expected.engine));
    set_extents(e, batch, length, &d);
    uint32_t inputs = learning_fill(e, &numbers, false, v), count = inputs;
    assert_int_equal(engine_run(e, 1, 0, &d), RNNC_OK);
    for (uint32_t i = 0; i < engine_output_count(e); i++) {
        bool value = strcmp(engine_output_info(e, i).role, "value") == 0;
        v[count] = value ? calloc(LEARNING_LONGEST * LEARNING_LARGEST * 64, sizeof(double)) : NULL;
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

void learning_run(learning *l, int broken_step) {
    uint64_t numbers = 1;
    learning_compare_weights(l);
    learning_compare_answers(l, 2, 4);
    for (int step = 1; step <= STEPS; step++) {
        // Carried states go with a batch; otherwise extents change.
        bool changes = !l->carries && step > STEPS / 2;
        learning_step(l, step, changes ? LEARNING_LARGEST : 3, changes ? LEARNING_LONGEST - step % 3 : 4,
                      step == broken_step, &numbers);
        if (step == STEPS / 2) {
            learning_compare_weights(l);
            learning_compare_answers(l, 1, 1);
        }
    }
    learning_compare_weights(l);
    learning_compare_answers(l, LEARNING_LARGEST, 7);
}
