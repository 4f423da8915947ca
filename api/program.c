// Programs: a model through the passes to machine code.
#include <string.h>

#include "api/data.h"
#include "ir/stepping.h"
#include "passes/compile.h"
#include "runtime/train/machine.h"
#include "runtime/train/overlap.h"
#include "support/clock.h"

static void destroy(rnnc_program *p) {
    if (p->code.handle) {
        p->backend.release(p->backend.self, &p->code);
    }
    if (p->program) {
        program_destroy(p->program);
    }
    codegen_destroy(p->codegen);
    model_destroy(p->model);
    allocator from = p->memory.from;
    arena_deinit(&p->memory);
    rnnc_model_release(p->source);
    allocator_free(&from, p);
}

void rnnc_program_retain(rnnc_program *p) {
    if (p) {
        atomic_fetch_add(&p->references, 1);
    }
}

void rnnc_program_release(rnnc_program *p) {
    if (p && atomic_fetch_sub(&p->references, 1) == 1) {
        destroy(p);
    }
}

int64_t rnnc_program_arena_bytes(const rnnc_program *p) {
    return p ? p->program->arena_bytes + p->threads * context_scratch_bytes(p->program) : 0;
}

const char *rnnc_program_step_obstacle(const rnnc_program *p) {
    return p ? p->obstacle : "there is no program";
}

// ---- What is asked for ----

static rnnc_status check_options(const rnnc_program *p, const rnnc_compile_options *o, diag_sink *d) {
    if (o->max_length_count && !o->max_lengths) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "max_lengths are not NULL where there are some");
    }
    if (o->purpose < RNNC_FORWARD || o->purpose > RNNC_TRAIN) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "there is no purpose %d", (int)o->purpose);
    }
    int64_t wrong = o->max_batch < 0 || o->max_batch > API_LONGEST_AXIS     ? o->max_batch
                    : o->max_length < 0 || o->max_length > API_LONGEST_AXIS ? o->max_length
                                                                            : 0;
    if (wrong) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "max_batch and max_length are 0 to %lld, found %lld", (long long)API_LONGEST_AXIS,
                         (long long)wrong);
    }
    for (size_t i = 0; i < o->output_count; i++) {
        if (o->output_count > INT32_MAX || !o->outputs || !o->outputs[i]) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "extra outputs are names of equations, found none at %zu", i);
        }
    }
    if (o->data && o->data->model != p->source) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the data were opened for another model");
    }
    if (o->threads < 0 || o->threads > TEAM_MOST_MEMBERS) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "a context has 1 to %d threads, found %d",
                         TEAM_MOST_MEMBERS, o->threads);
    }
    return RNNC_OK;
}

static rnnc_status check_purpose(const rnnc_program *p, diag_sink *d) {
    if (p->purpose != RNNC_FORWARD && !p->waits && graph_find_output(p->model->graph, "loss") == NO_NODE) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "the model '%s' has no loss: it only runs forward", p->model->graph->name);
    }
    if (p->purpose == RNNC_TRAIN && !p->model->recipe) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "training needs a recipe: train NAME { … }");
    }
    return RNNC_OK;
}

static bool is_named(const char *const *names, size_t count, const char *name) {
    bool named = false;
    for (size_t i = 0; i < count && !named; i++) {
        named = strcmp(names[i], name) == 0;
    }
    return named;
}

// Of a program with given gradients, the loss is an output if its gradient is among them.
static bool is_kept_by_purpose(const graph_output *output, const rnnc_compile_options *o) {
    bool state = output->role == OUTPUT_STATE, value = output->role == OUTPUT_VALUE;
    if (o->given_gradient_count) {
        return state || value ||
               (output->role == OUTPUT_LOSS &&
                is_named(o->given_gradients, o->given_gradient_count, output->name));
    }
    return o->purpose == RNNC_EVALUATE || state || (o->purpose == RNNC_FORWARD) == value;
}

static bool is_kept(const graph_output *output, const void *user) {
    const rnnc_compile_options *o = user;
    bool unseen = o->data && o->purpose == RNNC_EVALUATE && output->role == OUTPUT_VALUE;
    return (is_kept_by_purpose(output, o) && !unseen) || is_named(o->outputs, o->output_count, output->name);
}

// ---- Maxima ----

static int64_t stated_length(const rnnc_compile_options *o, const recipe *r, const graph *g, int axis) {
    for (size_t i = 0; i < o->max_length_count; i++) {
        if (o->max_lengths[i].axis && strcmp(o->max_lengths[i].axis, g->axes.at[axis].name) == 0) {
            return o->max_lengths[i].length;
        }
    }
    if (!o->max_length && o->data) {
        return o->data->set->extents[axis];
    }
    for (uint32_t i = 0; !o->max_length && r && i < r->step_axis_count; i++) {
        if (r->steps[i].axis == axis) {
            return r->steps[i].extent;
        }
    }
    return o->max_length;
}

rnnc_status api_check_axes(const graph *g, const rnnc_length *lengths, size_t count, diag_sink *d) {
    for (size_t i = 0; i < count; i++) {
        const char *name = lengths[i].axis;
        int axis = name ? graph_find_axis(g, name) : NO_AXIS;
        if (axis == NO_AXIS || g->axes.at[axis].kind != AXIS_IS_SEQUENCE) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the model has no sequence axis '%s'",
                             name ? name : "");
        }
    }
    return RNNC_OK;
}

static rnnc_status choose_maxima(const rnnc_program *p, const rnnc_compile_options *o, diag_sink *d,
                                 int64_t *out_maxima) {
    const graph *g = p->model->graph;
    const recipe *r = p->model->recipe;
    TRY(api_check_axes(g, o->max_lengths, o->max_length_count, d));
    out_maxima[AXIS_BATCH] = o->max_batch                    ? o->max_batch
                             : o->data                       ? o->data->set->extents[AXIS_BATCH]
                             : r && p->purpose == RNNC_TRAIN ? r->batch
                                                             : 1;
    int64_t members = out_maxima[AXIS_BATCH];
    for (uint32_t a = 1; a < g->axes.count; a++) {
        const axis_info *axis = &g->axes.at[a];
        bool sequence = axis->kind == AXIS_IS_SEQUENCE;
        out_maxima[a] = sequence ? stated_length(o, r, g, (int)a) : axis->size;
        if (sequence && (out_maxima[a] < 1 || out_maxima[a] > API_LONGEST_AXIS)) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "how long is %s at most? max_length or max_lengths says 1 to %lld", axis->name,
                             (long long)API_LONGEST_AXIS);
        }
        if (out_maxima[a] > 0 && __builtin_mul_overflow(members, out_maxima[a], &members)) {
            members = INT64_MAX;
        }
    }
    return members <= API_MOST_MEMBERS ? RNNC_OK
                                       : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN,
                                                   "the maxima of batch and lengths are too large together");
}

// ---- Compiling ----

rnnc_status api_choose_backend(const char *cpu, const allocator *from, interpreter_home *home, diag_sink *d,
                               codegen **out_codegen, kernel_backend *out_backend) {
    if (cpu && strcmp(cpu, "interpret") == 0) {
        *home = (interpreter_home){{.vector_bytes = 32, .vector_registers = 16}, *from};
        *out_backend = kernel_interpret_backend(home);
        return RNNC_OK;
    }
    TRY(codegen_create_in(from, cpu, d, out_codegen));
    *out_backend = codegen_backend(*out_codegen);
    return RNNC_OK;
}

static rnnc_status choose_backend(rnnc_program *p, const rnnc_compile_options *o, diag_sink *d) {
    p->reference = o->cpu && strcmp(o->cpu, "reference") == 0;
    if (p->reference) {
        return RNNC_OK;
    }
    TRY(api_choose_backend(o->cpu, &p->memory.from, &p->interpreter, d, &p->codegen, &p->backend));
    if (o->use_cache && p->codegen) {
        codegen_use_cache(p->codegen);
    }
    return RNNC_OK;
}

static rnnc_status compile_kernels(rnnc_program *p, diag_sink *d) {
    uint32_t count = p->program->kernels.count;
    const kernel_desc **kernels = (const kernel_desc **)arena_new_array(&p->memory, kernel_desc *, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        kernels[i] = &p->program->kernels.at[i];
    }
    double begin = clock_milliseconds();
    rnnc_status status = p->backend.compile(p->backend.self, kernels, count, p->threads, d, &p->code);
    p->code_milliseconds = p->codegen ? clock_milliseconds() - begin : 0;
    return status;
}

// A pipeline of the caller's own has to have what the purpose stands on.
static rnnc_status check_pipeline(const rnnc_program *p, const char *pipeline, diag_sink *d) {
    const char *needed = p->purpose < RNNC_GRADIENTS                     ? NULL
                         : !pass_pipeline_has(pipeline, "differentiate") ? "differentiate"
                         : p->purpose == RNNC_TRAIN && !pass_pipeline_has(pipeline, "update") ? "update"
                                                                                              : NULL;
    return needed ? diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                              "the passes lack %s, which the program's purpose needs", needed)
                  : RNNC_OK;
}

static rnnc_status compile(rnnc_program *p, const rnnc_compile_options *o, api_listing *l, diag_sink *d) {
    double begin = clock_milliseconds();
    update_options update = {.rule = UPDATE_NONE};
    if (p->purpose == RNNC_TRAIN) {
        update = recipe_update(p->model->recipe, &p->memory);
        update.rate_is_input = true;
        update.keeps_gradients = o->keep_gradients;
    }
    bool differentiated = p->purpose == RNNC_GRADIENTS || p->purpose == RNNC_TRAIN;
    gradient_options gradients = {.given = o->given_gradients,
                                  .given_count = (uint32_t)o->given_gradient_count,
                                  .wanted = o->gradients,
                                  .wanted_count = (uint32_t)o->gradient_count};
    compile_options options = {
        .pipeline = l->pipeline,
        .hooks = &l->hooks,
        .update = &update,
        .gradients = differentiated ? &gradients : NULL,
        .shape = p->backend.shape,
    };
    TRY(choose_maxima(p, o, d, options.maxima));
    if (l->unroll) {
        unrolled_extents(p->model->graph, options.maxima, options.unroll);
    }
    if (p->reference) {
        TRY(api_compile_reference(p, &options, d));
    } else {
        TRY(compile_graph(p->model->graph, &options, d, &p->program));
        TRY(compile_kernels(p, d));
    }
    p->compile_milliseconds = clock_milliseconds() - begin;
    api_listing_add(l, p);
    return RNNC_OK;
}

static axis_set find_sequences(const graph *g) {
    axis_set found = 0;
    for (uint32_t a = 0; a < g->axes.count; a++) {
        found |= g->axes.at[a].kind == AXIS_IS_SEQUENCE ? AXIS_BIT(a) : 0;
    }
    return found;
}

static rnnc_status fill(rnnc_program *p, const rnnc_compile_options *o, api_listing *l, diag_sink *d) {
    TRY(check_options(p, o, d));
    p->purpose = o->purpose;
    p->threads = o->threads ? o->threads : 1;
    p->waits = o->given_gradient_count > 0;
    p->keeps_gradients = o->keep_gradients;
    TRY(choose_backend(p, o, d));
    TRY(api_model_build(p->source, o, &p->memory.from, d, &p->model));
    TRY(check_purpose(p, d));
    TRY(api_check_gradients(p, o, d));
    TRY(l->pipeline ? check_pipeline(p, l->pipeline, d) : RNNC_OK);
    TRY(p->reference ? api_check_reference(o, l, d) : RNNC_OK);
    p->obstacle = p->purpose != RNNC_FORWARD ? "only a program for RNNC_FORWARD runs step by step"
                  : l->unroll                ? "its steps are unrolled, so that all runs are equally long"
                                             : graph_step_obstacle(p->model->graph, d, &p->memory);
    graph_keep_outputs(p->model->graph, is_kept, o);
    p->overlaps = o->data && p->purpose == RNNC_TRAIN && o->data->set->advance;
    TRY(p->overlaps ? model_overlap(p->model, d) : RNNC_OK);
    p->sequences = find_sequences(p->model->graph);
    TRY(compile(p, o, l, d));
    TRY(api_check_compiled(p, o, d));
    api_list_values(p);
    return RNNC_OK;
}

// Nothing else jumps to where the program's own arena does: passes and code have their own ways out.
static rnnc_status fill_guarded(rnnc_program *p, const rnnc_compile_options *o, api_listing *l,
                                diag_sink *d) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a program");
    }
    p->memory.exhausted = &exhausted;
    rnnc_status status = fill(p, o, l, d);
    p->memory.exhausted = NULL;
    return status;
}

// What is said meanwhile is kept in the system's memory, beside the sources, and goes when it has been handed on.
static rnnc_status fill_and_report(rnnc_program *p, const rnnc_compile_options *o,
                                   rnnc_diagnostics *diagnostics) {
    diag_sink sink;
    api_listing listing;
    TRY(api_listing_open(o->passes, diagnostics, &listing));
    diag_init_beside(&sink, &p->source->sink);
    rnnc_status status = fill_guarded(p, o, &listing, &sink);
    status = api_report(diagnostics, &sink, api_listing_close(&listing, &p->memory.from, &sink, status));
    diag_deinit(&sink);
    return status;
}

// Before there is a program: where it is to be made.
static rnnc_status choose_memory(const rnnc_compile_options *o, rnnc_diagnostics *d, allocator *out_memory) {
    return o->struct_size == sizeof *o ? api_take_allocator(o->allocator, d, out_memory)
                                       : api_fail(d, RNNC_INVALID_ARGUMENT,
                                                  "the options of a program begin with RNNC_COMPILE_OPTIONS");
}

rnnc_status rnnc_program_compile(rnnc_model *m, const rnnc_compile_options *options,
                                 rnnc_diagnostics *diagnostics, rnnc_program **out_program) {
    if (!m || !options || !out_program) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a program needs a model, options and a place to be put");
    }
    *out_program = NULL;
    allocator memory;
    TRY(choose_memory(options, diagnostics, &memory));
    rnnc_program *p = allocator_array(&memory, 1, sizeof *p);
    if (!p) {
        return api_fail(diagnostics, RNNC_OUT_OF_MEMORY, "no memory for a program");
    }
    atomic_init(&p->references, 1);
    arena_init_in(&p->memory, &memory);
    p->source = m;
    rnnc_model_retain(m);
    rnnc_status status = fill_and_report(p, options, diagnostics);
    if (status != RNNC_OK) {
        destroy(p);
        return status;
    }
    *out_program = p;
    return RNNC_OK;
}
