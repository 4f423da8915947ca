// The engine that runs a compiled program.
#include <stdlib.h>
#include <string.h>

#include "passes/place.h"
#include "runtime/engine_parts.h"
#include "runtime/kernel_row.h"

static rnnc_status program_set_extents(engine *e, diag_sink *d) {
    TRY(context_set_extents(e->context, e->extents, d));
    for (uint32_t i = 0; i < e->input_count; i++) {
        TRY(engine_slot_reserve(e, &e->inputs[i], engine_slot_count(e, &e->inputs[i]), d));
    }
    return RNNC_OK;
}

static rnnc_status program_run(engine *e, uint64_t seed, uint64_t step, diag_sink *d) {
    TRY(engine_check_tokens(e, d));
    return context_run(e->context, seed, step, d);
}

rnnc_status engine_run_first(engine *e, uint64_t seed, uint64_t step, diag_sink *d) {
    TRY(engine_check_tokens(e, d));
    return context_run_first(e->context, seed, step, d);
}

rnnc_status engine_run_second(engine *e, diag_sink *d) {
    return context_run_second(e->context, d);
}

static const void *program_output(engine *e, uint32_t index) {
    int64_t count = 0;
    const void *values = context_output(e->context, index, &count);
    if (values) {
        return values;
    }
    context_copy_output(e->context, index, e->outputs[index].data);
    return e->outputs[index].data;
}

static void program_doubles(engine *e, uint32_t index, int64_t count, double *out_values) {
    const void *data = program_output(e, index);
    for (int64_t i = 0; i < count; i++) {
        out_values[i] = element_get(data, e->outputs[index].info.type.elem, i);
    }
}

static void program_engine_destroy(engine *e) {
    context_destroy(e->context);
    if (e->backend && e->code.handle) {
        e->backend->release(e->backend->self, &e->code);
    }
}

static const engine_kind program_kind = {program_set_extents, program_run, program_output, program_doubles,
                                         program_engine_destroy};

static rnnc_status compile(engine *e, int threads, diag_sink *d) {
    uint32_t count = e->program->kernels.count;
    const kernel_desc **kernels = (const kernel_desc **)calloc(count + (size_t)1, sizeof *kernels);
    if (!kernels) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of %u kernels", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        kernels[i] = &e->program->kernels.at[i];
    }
    rnnc_status status = e->backend->compile(e->backend->self, kernels, count, threads, d, &e->code);
    free((void *)kernels);
    return status;
}

// Room for the longest run, so that runs of any extents allocate nothing.
static rnnc_status reserve_longest(const engine *e, engine_slot *s, diag_sink *d) {
    value_type t = s->info.type;
    return engine_slot_reserve(e, s, axes_extent(t.axes, context_extents(e->context)) * type_columns(t), d);
}

static rnnc_status reserve_inputs(engine *e, diag_sink *d) {
    for (uint32_t i = 0; i < e->input_count; i++) {
        TRY(reserve_longest(e, &e->inputs[i], d));
        context_bind_input(e->context, i, e->inputs[i].data, NULL);
    }
    return RNNC_OK;
}

// A buffer for each output that is not in one piece in the arena.
static rnnc_status reserve_outputs(engine *e, diag_sink *d) {
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < e->output_count && status == RNNC_OK; i++) {
        engine_slot *s = &e->outputs[i];
        bool in_one_piece = e->program->outputs.at[i].place.columns == type_columns(s->info.type);
        status = in_one_piece ? RNNC_OK : reserve_longest(e, s, d);
    }
    return status;
}

static rnnc_status list_values(engine *e, diag_sink *d) {
    const program *p = e->program;
    e->inputs = allocator_array(&e->memory, p->inputs.count + (size_t)1, sizeof *e->inputs);
    e->outputs = allocator_array(&e->memory, p->outputs.count + (size_t)1, sizeof *e->outputs);
    if (!e->inputs || !e->outputs) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the lists of inputs and outputs");
    }
    for (; e->input_count < p->inputs.count; e->input_count++) {
        const program_value *v = &p->inputs.at[e->input_count];
        e->inputs[e->input_count].info = (engine_value){v->name, v->role, v->type};
    }
    for (; e->output_count < p->outputs.count; e->output_count++) {
        const program_value *v = &p->outputs.at[e->output_count];
        e->outputs[e->output_count].info = (engine_value){v->name, v->role, v->type};
    }
    return RNNC_OK;
}

static rnnc_status fill_program_engine(engine *e, weights *shared, const team_options *threads,
                                       diag_sink *d) {
    const program *p = e->program;
    TRY(list_values(e, d));
    TRY(e->backend ? compile(e, threads->members, d) : RNNC_OK);
    e->weights = shared;
    if (!shared) {
        TRY(weights_create_in(&e->memory, p->variables.at, p->variables.count, d, &e->weights));
        e->owns_weights = true;
    }
    TRY(context_create(p, &e->code, e->weights, threads, d, &e->context));
    e->axis_count = p->axes.count;
    for (uint32_t i = 0; i < p->axes.count; i++) {
        e->axis_names[i] = p->axes.at[i].name;
        e->parts[i] = p->axes.at[i].part;
        e->extents[i] = p->axes.at[i].fixed > 0 ? p->axes.at[i].fixed : program_least_extent(p, (int)i);
    }
    TRY(program_bind_parts(p, e->extents, d));
    TRY(reserve_inputs(e, d));
    TRY(reserve_outputs(e, d));
    engine_find_limits(e);
    return context_set_extents(e->context, e->extents, d);
}

// With |backend| NULL |code| is there already, and somebody else's.
static rnnc_status create(engine parts, weights *shared, const team_options *threads, diag_sink *d,
                          engine **out_engine) {
    engine *e = allocator_array(&threads->memory, 1, sizeof *e);
    if (!e) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for an engine");
    }
    *e = parts;
    e->memory = threads->memory;
    rnnc_status status = fill_program_engine(e, shared, threads, d);
    if (status != RNNC_OK) {
        engine_destroy(e);
        return status;
    }
    *out_engine = e;
    return RNNC_OK;
}

rnnc_status engine_create_program(const program *p, const kernel_backend *backend, weights *shared,
                                  int threads, diag_sink *d, engine **out_engine) {
    engine parts = {.kind = &program_kind, .program = p, .backend = backend};
    return create(parts, shared, &(team_options){.members = threads}, d, out_engine);
}

rnnc_status engine_create_compiled(const program *p, const kernel_code_set *code, weights *shared,
                                   const team_options *threads, diag_sink *d, engine **out_engine) {
    engine parts = {.kind = &program_kind, .program = p, .code = *code};
    return create(parts, shared, threads, d, out_engine);
}

// How many rows, or columns for a pick, tokens choose from that argument |tokens| of |call| reads; 0: not
// known.
static int64_t rows_chosen(const program *p, const program_call *call, const kernel_instr *in) {
    const program_place *place = &call->args[in->arg];
    if (in->code == OP_PICK) {
        return p->kernels.at[call->kernel].columns;
    }
    return place->base == PLACE_VARIABLE ? p->variables.at[place->index].type.dim[0] : 0;
}

static void limit_input(engine *e, const program_place *tokens, int64_t limit) {
    if (tokens->base != PLACE_INPUT || limit <= 0 || e->inputs[tokens->index].info.type.elem != DT_I32) {
        return;
    }
    engine_slot *s = &e->inputs[tokens->index];
    s->limit = s->limit && s->limit < limit ? s->limit : limit;
}

static void find_limits_of_call(engine *e, const program_call *call) {
    const kernel_desc *k = &e->program->kernels.at[call->kernel];
    for (uint32_t i = 0; i < k->instr_count; i++) {
        const kernel_instr *in = &k->instrs[i];
        if ((in->code == OP_GATHER || in->code == OP_PICK) && in->a >= 0 &&
            k->instrs[in->a].code == KI_LOAD) {
            limit_input(e, &call->args[k->instrs[in->a].arg], rows_chosen(e->program, call, in));
        }
    }
}

void engine_find_limits(engine *e) {
    for (uint32_t i = 0; i < e->program->calls.count; i++) {
        find_limits_of_call(e, &e->program->calls.at[i]);
    }
}
