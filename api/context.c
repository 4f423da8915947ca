// Contexts: made, sized, run.
#include <string.h>

#include "api/parts.h"
#include "passes/place.h"
#include "runtime/block.h"

// ---- Weights as the program sees them ----

static bool equal_parts(const graph_variable *a, const graph_variable *b) {
    bool equal = type_equal(a->type, b->type) && a->parts.count == b->parts.count;
    for (uint32_t i = 0; equal && i < a->parts.count; i++) {
        equal = strcmp(a->parts.at[i].name, b->parts.at[i].name) == 0 &&
                a->parts.at[i].from == b->parts.at[i].from && a->parts.at[i].size == b->parts.at[i].size;
    }
    return equal;
}

static rnnc_status find_array(const rnnc_context *c, const graph_variable *v, weight_array *out_array) {
    const weight_array *found = weights_find(c->weights->values, v->name);
    if (found && equal_parts(found->variable, v)) {
        *out_array = (weight_array){v, found->elem, found->data};
        return RNNC_OK;
    }
    diag_sink *d = (diag_sink *)&c->sink;
    if (v->role == VARIABLE_SLOT) {
        return diag_fail(
            d, RNNC_INVALID_ARGUMENT, NO_SPAN,
            "the weights have no memory for the optimiser: make them with rnnc_weights_create for "
            "the training program, and share them with the others");
    }
    return diag_fail(
        d, RNNC_INVALID_ARGUMENT, NO_SPAN,
        "the weights do not fit the program at '%s': they belong to another model, or lie in another "
        "order; then make some for the program and fill them with rnnc_weights_copy",
        v->parts.count ? v->parts.at[0].name : v->name);
}

static rnnc_status view_weights(rnnc_context *c) {
    const program *p = c->program->program;
    c->view.arrays = allocator_array(&c->memory, p->variables.count + (size_t)1, sizeof *c->view.arrays);
    if (!c->view.arrays) {
        return diag_fail(&c->sink, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a table of weights");
    }
    c->view.count = p->variables.count;
    c->view.version = c->weights->values->version;
    for (uint32_t i = 0; i < p->variables.count; i++) {
        TRY(find_array(c, &p->variables.at[i], &c->view.arrays[i]));
    }
    return RNNC_OK;
}

// ---- Making ----

int64_t api_elements(const rnnc_context *c, value_type type) {
    return axes_extent(type.axes, engine_extents(c->engine)) * type_columns(type);
}

// The state, where it waits until all of them have been taken, and in two halves the copy that they begin with.
static rnnc_status make_states(rnnc_context *c) {
    const rnnc_program *p = c->program;
    c->states = allocator_array(&c->memory, p->state_count + (size_t)1, sizeof *c->states);
    for (uint32_t i = 0; c->states && i < p->state_count; i++) {
        const program_value *v = &p->program->inputs.at[p->states[i].index];
        size_t bytes = (size_t)api_elements(c, v->type) * (size_t)dtype_bytes(v->type.elem);
        bytes = (bytes + BLOCK_LINE - 1) / BLOCK_LINE * BLOCK_LINE;
        c->states[i].capacity = bytes;
        c->states[i].data = block_allocate(&c->memory, (p->waits ? 3 : 2) * bytes);
        if (!c->states[i].data) {
            break;
        }
        c->states[i].begin = (char *)c->states[i].data + (p->waits ? 2 * bytes : 0);
        engine_bind_input(c->engine, p->states[i].index, c->states[i].begin, NULL);
    }
    bool made = c->states && (!p->state_count || c->states[p->state_count - 1].data);
    return made ? RNNC_OK : diag_fail(&c->sink, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the states");
}

static rnnc_status go_to_maxima(rnnc_context *c) {
    const program *p = c->program->program;
    int64_t extents[MAX_AXES] = {0};
    for (uint32_t a = 0; a < p->axes.count; a++) {
        extents[a] = p->axes.at[a].fixed > 0 ? p->axes.at[a].fixed : p->axes.at[a].maximum;
    }
    return engine_set_extents(c->engine, extents, &c->sink);
}

static int lengths_axis(const rnnc_context *c, uint32_t index) {
    const program *p = c->program->program;
    return program_lengths_axis(p, &p->inputs.at[c->program->inputs[index].index]);
}

// Lengths that nobody writes are full.
static void fill_lengths(rnnc_context *c) {
    for (uint32_t i = 0; i < c->program->input_count; i++) {
        int axis = lengths_axis(c, i);
        if (axis == NO_AXIS) {
            continue;
        }
        int64_t count = 0;
        int32_t *to = engine_input(c->engine, c->program->inputs[i].index, &count);
        for (int64_t k = 0; k < count; k++) {
            to[k] = (int32_t)engine_extents(c->engine)[axis];
        }
        c->given[i] = true;
    }
}

void api_forget_inputs(rnnc_context *c) {
    for (uint32_t i = 0; i < c->program->input_count; i++) {
        engine_bind_input(c->engine, c->program->inputs[i].index, NULL, NULL);
        c->given[i] = false;
    }
    fill_lengths(c);
    api_forget_bindings(c);
    c->has_run = c->waiting = c->has_gradients = false;
}

static rnnc_status fill(rnnc_context *c, const team_options *threads) {
    const rnnc_program *p = c->program;
    TRY(view_weights(c));
    TRY(p->reference ? engine_create_interpreter(p->model->graph, INTERPRET_AS_TYPED, &c->sink, &c->engine)
                     : engine_create_compiled(p->program, &p->code, &c->view, threads, &c->sink, &c->engine));
    c->given = allocator_array(&c->memory, p->input_count + (size_t)1, sizeof *c->given);
    c->inputs = allocator_array(&c->memory, p->input_count + (size_t)1, sizeof *c->inputs);
    c->outputs = allocator_array(&c->memory, p->output_count + (size_t)1, sizeof *c->outputs);
    if (!c->given || !c->inputs || !c->outputs) {
        return diag_fail(&c->sink, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for lists of inputs and outputs");
    }
    TRY(go_to_maxima(c));
    TRY(make_states(c));
    fill_lengths(c);
    return RNNC_OK;
}

void rnnc_context_destroy(rnnc_context *c) {
    if (!c) {
        return;
    }
    allocator memory = c->memory;
    engine_destroy(c->engine);
    for (uint32_t i = 0; c->states && i < c->program->state_count; i++) {
        allocator_free(&memory, c->states[i].data);
    }
    allocator_free(&memory, c->states);
    allocator_free(&memory, c->given);
    allocator_free(&memory, c->inputs);
    allocator_free(&memory, c->outputs);
    allocator_free(&memory, c->view.arrays);
    diag_deinit(&c->sink);
    rnnc_weights_release(c->weights);
    rnnc_program_release(c->program);
    allocator_free(&memory, c);
}

rnnc_status rnnc_context_create(rnnc_program *p, rnnc_weights *w, rnnc_diagnostics *diagnostics,
                                rnnc_context **out_context) {
    return rnnc_context_create_with(p, w, NULL, diagnostics, out_context);
}

rnnc_status rnnc_context_create_with(rnnc_program *p, rnnc_weights *w, const rnnc_context_options *options,
                                     rnnc_diagnostics *diagnostics, rnnc_context **out_context) {
    if (!p || !w || !out_context) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a context needs a program, weights and a place to be put");
    }
    *out_context = NULL;
    team_options threads;
    TRY(api_take_context_options(p, options, diagnostics, &threads));
    rnnc_context *c = allocator_array(&threads.memory, 1, sizeof *c);
    if (!c) {
        return api_fail(diagnostics, RNNC_OUT_OF_MEMORY, "no memory for a context");
    }
    diag_init(&c->sink);
    c->memory = threads.memory;
    c->program = p;
    c->weights = w;
    c->epoch = c->step = 1;
    c->rate = p->model->recipe ? p->model->recipe->rate : 0;
    rnnc_program_retain(p);
    rnnc_weights_retain(w);
    rnnc_status status = api_report(diagnostics, &c->sink, fill(c, &threads));
    if (status != RNNC_OK) {
        rnnc_context_destroy(c);
        return status;
    }
    *out_context = c;
    return RNNC_OK;
}

// ---- Extents ----

// Work is counted for the extents of now, so a profile of others ends. Its memory is there: nothing can fail.
static void begin_profile(rnnc_context *c) {
    context *inner = engine_context(c->engine);
    if (inner && context_times(inner)) {
        (void)context_time_calls(inner, true, &c->sink);
    }
}

rnnc_status api_check_free(const rnnc_context *c, rnnc_diagnostics *d) {
    return c->lent
               ? api_fail(d, RNNC_INVALID_ARGUMENT, "the context is in use by rnnc_fit until that returns")
               : RNNC_OK;
}

rnnc_status api_change_extents(rnnc_context *c, const int64_t *extents, rnnc_diagnostics *diagnostics) {
    TRY(api_check_free(c, diagnostics));
    size_t bytes = c->program->program->axes.count * sizeof *extents;
    int64_t batch = engine_extents(c->engine)[AXIS_BATCH], before[MAX_AXES];
    memcpy(before, engine_extents(c->engine), bytes);
    TRY(api_report(diagnostics, &c->sink, api_check_maxima(c, extents, &c->sink)));
    TRY(api_report(diagnostics, &c->sink, engine_set_extents(c->engine, extents, &c->sink)));
    c->settled = false;
    if (memcmp(before, engine_extents(c->engine), bytes) != 0) {
        api_forget_inputs(c);
        begin_profile(c);
    }
    if (batch != extents[AXIS_BATCH]) {
        api_clear_states(c);
    }
    return RNNC_OK;
}

// Every sequence axis gets |length|, unless that is 0.
static void choose_extents(const rnnc_context *c, int64_t batch, int64_t length, int64_t *out_extents) {
    const program *p = c->program->program;
    memcpy(out_extents, engine_extents(c->engine), p->axes.count * sizeof *out_extents);
    out_extents[AXIS_BATCH] = batch;
    for (uint32_t a = 1; length && a < p->axes.count; a++) {
        out_extents[a] = c->program->sequences & AXIS_BIT(a) ? length : out_extents[a];
    }
}

rnnc_status rnnc_context_set_extents(rnnc_context *c, int64_t batch, int64_t length,
                                     rnnc_diagnostics *diagnostics) {
    if (!c || batch < 1 || length < 1) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a run needs a context, a batch and a length of 1 or more");
    }
    int64_t extents[MAX_AXES];
    choose_extents(c, batch, length, extents);
    TRY(api_change_extents(c, extents, diagnostics));
    c->stepping = false;
    return RNNC_OK;
}

rnnc_status rnnc_context_set_lengths(rnnc_context *c, int64_t batch, const rnnc_length *lengths,
                                     size_t length_count, rnnc_diagnostics *diagnostics) {
    if (!c || batch < 1 || (length_count && !lengths)) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "a run needs a context and a batch of 1 or more");
    }
    int64_t extents[MAX_AXES];
    choose_extents(c, batch, 0, extents);
    for (size_t i = 0; i < length_count; i++) {
        int axis = lengths[i].axis ? engine_find_axis(c->engine, lengths[i].axis) : NO_AXIS;
        if (axis == NO_AXIS || !(c->program->sequences & AXIS_BIT(axis)) || lengths[i].length < 1) {
            return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                            "there is no sequence axis '%s' of length %lld",
                            lengths[i].axis ? lengths[i].axis : "", (long long)lengths[i].length);
        }
        extents[axis] = lengths[i].length;
    }
    TRY(api_change_extents(c, extents, diagnostics));
    c->stepping = false;
    return RNNC_OK;
}

// ---- Runs ----

static rnnc_status check_lengths(const rnnc_context *c, uint32_t index, rnnc_diagnostics *d) {
    int axis = lengths_axis(c, index);
    if (axis == NO_AXIS) {
        return RNNC_OK;
    }
    walk_rows w;
    int64_t row = 0, longest = engine_extents(c->engine)[axis];
    const int32_t *lengths = engine_input_values(c->engine, c->program->inputs[index].index, &w);
    do {
        int32_t length = lengths[w.at[0]];
        if (length < 0 || length > longest) {
            return api_fail(d, RNNC_INVALID_ARGUMENT,
                            "row %lld has length %d, and in a run as it is set 0 to %lld are possible",
                            (long long)row, length, (long long)longest);
        }
        row++;
    } while (walk_next(&w));
    return RNNC_OK;
}

static rnnc_status check_ready(const rnnc_context *c, rnnc_diagnostics *d) {
    const rnnc_weights *w = c->weights;
    for (uint32_t i = 0; w->unset && i < w->count; i++) {
        if (!w->parts[i].set) {
            return api_fail(
                d, RNNC_INVALID_ARGUMENT,
                "the weight '%s' has no values: initialise, load or write the weights before a run",
                w->parts[i].part.part->name);
        }
    }
    for (uint32_t i = 0; i < c->program->input_count; i++) {
        const program_value *v = &c->program->program->inputs.at[c->program->inputs[i].index];
        if (!c->given[i] && !program_is_gradient(v)) {
            return api_fail(d, RNNC_INVALID_ARGUMENT,
                            "the input '%s' has no values: write or bind it after the extents are set",
                            v->name);
        }
        TRY(check_lengths(c, i, d));
    }
    return RNNC_OK;
}

// Where the new states are after the runs that follow.
static void find_new_states(rnnc_context *c) {
    const rnnc_program *p = c->program;
    c->swaps = false;
    for (uint32_t i = 0; i < p->state_count; i++) {
        api_state *s = &c->states[i];
        int final = p->states[i].final;
        int64_t count = 0;
        s->from = NULL;
        if (final >= 0) {
            const program_value *v = &p->program->outputs.at[final];
            s->from = engine_output(c->engine, (uint32_t) final, &count);
            s->bytes = (size_t)api_elements(c, v->type) * (size_t)dtype_bytes(v->type.elem);
            // What is not in one piece is copied when it is asked for, so it has to be asked for each time.
            c->swaps |= !engine_output_stays(c->engine, (uint32_t) final);
        }
    }
    c->settled = true;
}

// A new state may lie in what another state is read from, so then all are taken before any is put in its place.
static void swap_states(rnnc_context *c) {
    find_new_states(c);
    for (int half = 0; half < 2; half++) {
        for (uint32_t i = 0; i < c->program->state_count; i++) {
            const api_state *s = &c->states[i];
            char *waiting = (char *)s->data + s->capacity;
            if (s->from) {
                memcpy(half ? s->data : waiting, half ? waiting : s->from, s->bytes);
            }
        }
    }
}

static void take_states(rnnc_context *c) {
    if (!c->settled) {
        find_new_states(c);
    }
    if (c->swaps) {
        swap_states(c);
        return;
    }
    for (uint32_t i = 0; i < c->program->state_count; i++) {
        if (c->states[i].from) {
            memcpy(c->states[i].data, c->states[i].from, c->states[i].bytes);
        }
    }
}

// In two halves: the first, on copies of the states, so that the second finds them as they were.
static rnnc_status run_engine(rnnc_context *c, rnnc_diagnostics *d) {
    uint64_t step = (uint64_t)(c->step - 1);
    if (c->program->reference) {
        return api_run_reference(c, d);
    }
    if (!c->program->waits) {
        return engine_run(c->engine, c->seed, step, &c->sink);
    }
    for (uint32_t i = 0; i < c->program->state_count; i++) {
        memcpy(c->states[i].begin, c->states[i].data, c->states[i].capacity);
    }
    return engine_run_first(c->engine, c->seed, step, &c->sink);
}

rnnc_status api_run(rnnc_context *c, rnnc_diagnostics *d) {
    TRY(api_check_free(c, d));
    if (!c->settled) {
        TRY(api_check_apart(c, d));
    }
    if (c->copies) {
        api_gather_inputs(c, false);
    }
    TRY(check_ready(c, d));
    weights *shared = c->weights->values;
    c->view.version = shared->version;
    c->waiting = c->has_gradients = false;
    rnnc_status status = run_engine(c, d);
    if (status != RNNC_OK) {
        return api_report(d, &c->sink, status);
    }
    if (c->view.version != shared->version) {
        shared->version = c->view.version;
    }
    take_states(c);
    if (c->copies) {
        api_scatter_outputs(c, false);
    }
    c->has_run = true;
    c->waiting = c->program->waits;
    c->has_gradients = !c->waiting;
    return RNNC_OK;
}

rnnc_status rnnc_run(rnnc_context *c, rnnc_diagnostics *diagnostics) {
    bool trains = c && c->program->purpose == RNNC_TRAIN;
    if (!c || (trains && !c->program->waits)) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "rnnc_run needs a context of a program that does not train, or waits for gradients");
    }
    if (trains) {
        api_begin_training(c);
    }
    return api_run(c, diagnostics);
}

rnnc_status rnnc_start_steps(rnnc_context *c, rnnc_diagnostics *diagnostics) {
    if (!c) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "rnnc_start_steps needs a context");
    }
    if (c->program->obstacle) {
        return api_fail(diagnostics, RNNC_UNSUPPORTED, "the model does not run step by step: %s",
                        c->program->obstacle);
    }
    int64_t extents[MAX_AXES];
    choose_extents(c, engine_extents(c->engine)[AXIS_BATCH], 1, extents);
    TRY(api_change_extents(c, extents, diagnostics));
    c->stepping = true;
    return RNNC_OK;
}

rnnc_status rnnc_step(rnnc_context *c, rnnc_diagnostics *diagnostics) {
    if (!c || !c->stepping) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "rnnc_step needs a context for which rnnc_start_steps was called last");
    }
    return api_run(c, diagnostics);
}

rnnc_status rnnc_begin(rnnc_context *c) {
    if (!c) {
        return RNNC_INVALID_ARGUMENT;
    }
    engine_begin_silent(c->engine);
    return RNNC_OK;
}

rnnc_status rnnc_end(rnnc_context *c) {
    if (!c) {
        return RNNC_INVALID_ARGUMENT;
    }
    engine_end(c->engine);
    return RNNC_OK;
}
