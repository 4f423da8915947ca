#include "runtime/context.h"

#include <string.h>

#include "passes/place.h"
#include "runtime/block.h"
#include "runtime/context_parts.h"
#include "runtime/mode.h"

enum { LINE = BLOCK_LINE };

static int64_t round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

int64_t context_scratch_bytes(const program *p) {
    int64_t largest = 0;
    for (uint32_t i = 0; i < p->kernels.count; i++) {
        int64_t bytes = kernel_scratch_bytes(&p->kernels.at[i], p->shape);
        largest = bytes > largest ? bytes : largest;
    }
    // A line between two threads' scratch keeps the one's last writes off the other's first line.
    return round_up(largest, LINE) + LINE;
}

static rnnc_status allocate_arena(context *c, int threads, diag_sink *d) {
    const program *p = c->program;
    int64_t arena_bytes = round_up(p->arena_bytes, LINE) + LINE, scratch = context_scratch_bytes(p);
    c->bytes = arena_bytes + threads * scratch;
    c->arena = p->arena_bytes < 0 || p->arena_bytes > INT64_MAX / 4 || scratch > INT64_MAX / 4 / threads
                   ? NULL
                   : block_allocate(&c->memory, (size_t)c->bytes);
    c->members = allocator_array(&c->memory, (size_t)threads, sizeof *c->members);
    if (!c->arena || !c->members) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for an arena of %lld bytes",
                         (long long)p->arena_bytes);
    }
    for (int i = 0; i < threads; i++) {
        c->members[i].scratch = c->arena + arena_bytes + i * scratch;
    }
    return RNNC_OK;
}

static bool writes_variables(const program *p) {
    for (uint32_t i = 0; i < p->calls.count; i++) {
        const program_call *call = &p->calls.at[i];
        for (uint32_t j = 0; j < call->arg_count; j++) {
            if (call->args[j].base == PLACE_VARIABLE && p->kernels.at[call->kernel].args[j].written) {
                return true;
            }
        }
    }
    return false;
}

static rnnc_status allocate_tables(context *c, diag_sink *d) {
    const program *p = c->program;
    c->inputs = allocator_array(&c->memory, p->inputs.count + (size_t)1, sizeof *c->inputs);
    c->outputs = allocator_array(&c->memory, p->outputs.count + (size_t)1, sizeof *c->outputs);
    c->redirects = allocator_array(&c->memory, p->outputs.count + (size_t)1, sizeof *c->redirects);
    c->extents = allocator_array(&c->memory, p->axes.count + (size_t)1, sizeof *c->extents);
    c->copies = allocator_array(&c->memory, p->outputs.count + (size_t)1, sizeof *c->copies);
    if (!c->inputs || !c->outputs || !c->redirects || !c->copies || !c->extents) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a context's tables");
    }
    for (uint32_t i = 0; i < p->axes.count; i++) {
        c->extents[i] = p->axes.at[i].fixed > 0 ? p->axes.at[i].fixed : p->axes.at[i].maximum;
    }
    return RNNC_OK;
}

static rnnc_status fill_context(context *c, const team_options *threads, diag_sink *d) {
    if (c->weights->count != c->program->variables.count) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "the program has %u variables, the weights are %u", c->program->variables.count,
                         c->weights->count);
    }
    TRY(team_create(threads, d, &c->team));
    TRY(allocate_tables(c, d));
    TRY(context_bind_create(c, d));
    return allocate_arena(c, threads->members, d);
}

rnnc_status context_create(const program *p, const kernel_code_set *code, weights *w,
                           const team_options *threads, diag_sink *d, context **out_context) {
    context *c = allocator_array(&threads->memory, 1, sizeof *c);
    if (!c) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a context");
    }
    c->program = p;
    c->code = code;
    c->weights = w;
    c->memory = threads->memory;
    c->split_cost = threads->pool.parallel_for ? POOL_SPLIT_COST : SPLIT_COST;
    c->updates = writes_variables(p);
    c->first_half = program_first_half(p);
    rnnc_status status = fill_context(c, threads, d);
    if (status != RNNC_OK) {
        context_destroy(c);
        return status;
    }
    *out_context = c;
    return RNNC_OK;
}

void context_destroy(context *c) {
    if (!c) {
        return;
    }
    team_destroy(c->team);
    void *const blocks[] = {c->arena,       c->members,
                            c->inputs,      c->outputs,
                            c->redirects,   c->extents,
                            c->calls,       c->args,
                            c->ints,        c->threads,
                            c->times,       c->copies,
                            c->straight,    (void *)c->straight_args,
                            c->repeat_bytes};
    allocator memory = c->memory;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        allocator_free(&memory, blocks[i]);
    }
    allocator_free(&memory, c);
}

static rnnc_status check_extent(const program_axis *a, int64_t extent, diag_sink *d) {
    if (a->fixed > 0 && extent != a->fixed) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "axis %s has %lld members in every run, found %lld", a->name, (long long)a->fixed,
                         (long long)extent);
    }
    if (extent < 1 || extent > a->maximum) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s%s: this program runs 1 to %lld, found %lld",
                         a->kind == AXIS_IS_BATCH ? "rows of the batch" : "steps of ",
                         a->kind == AXIS_IS_BATCH ? "" : a->name, (long long)a->maximum, (long long)extent);
    }
    return RNNC_OK;
}

rnnc_status context_set_extents(context *c, const int64_t *extents, diag_sink *d) {
    const program *p = c->program;
    int64_t all[MAX_AXES];
    size_t bytes = p->axes.count * sizeof *extents;
    memcpy(all, extents, bytes);
    TRY(program_bind_parts(p, all, d));
    for (uint32_t i = 0; i < p->axes.count; i++) {
        TRY(check_extent(&p->axes.at[i], all[i], d));
    }
    if (bytes && memcmp(c->extents, all, bytes) != 0) {
        memcpy(c->extents, all, bytes);
        c->bound = false;
    }
    return RNNC_OK;
}

bool context_is_fixed(const context *c, int axis) {
    return c->program->axes.at[axis].fixed > 0;
}

const int64_t *context_extents(const context *c) {
    return c->extents;
}

// Returns whether |to| has changed.
static bool change_array(bound_array *to, void *data, const int64_t *strides) {
    bool same = to->data == data && to->strided == (strides != NULL) &&
                (!strides || memcmp(to->strides, strides, sizeof to->strides) == 0);
    to->data = data;
    to->strided = strides != NULL;
    if (strides) {
        memcpy(to->strides, strides, sizeof to->strides);
    }
    return !same;
}

void context_bind_input(context *c, uint32_t index, void *data, const int64_t *strides) {
    c->bound &= !change_array(&c->inputs[index], data, strides);
}

bool context_reads_directly(const context *c, uint32_t index, const int64_t *strides) {
    const program *p = c->program;
    bool direct = true;
    for (uint32_t i = 0; i < p->outputs.count; i++) {
        const program_place *place = &p->outputs.at[i].place;
        direct &= place->base != PLACE_INPUT || place->index != index;
    }
    for (uint32_t i = 0; i < p->calls.count; i++) {
        const program_call *call = &p->calls.at[i];
        for (uint32_t k = 0; k < call->arg_count; k++) {
            bool reads = call->args[k].base == PLACE_INPUT && call->args[k].index == index;
            direct = direct && (!reads || context_takes_strides(c, call, k, strides));
        }
    }
    return direct;
}

void context_bind_output(context *c, uint32_t index, void *data, const int64_t *strides) {
    c->bound &= !change_array(&c->outputs[index], data, strides);
}

static rnnc_status check_inputs(const context *c, diag_sink *d) {
    for (uint32_t i = 0; i < c->program->inputs.count; i++) {
        if (!c->inputs[i].data) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "input %s has no values",
                             c->program->inputs.at[i].name);
        }
    }
    return RNNC_OK;
}

static void write_settings(context *c, uint64_t seed, uint64_t step) {
    if (c->program->settings_offset >= 0) {
        uint32_t settings[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)step,
                                (uint32_t)(step >> 32)};
        memcpy(c->arena + c->program->settings_offset, settings, sizeof settings);
    }
}

static rnnc_status prepare(context *c, diag_sink *d) {
    if (!c->bound) {
        TRY(check_inputs(c, d));
        context_bind(c);
    }
    if (c->prepared != c->weights->version) {
        execute(c, c->program->prepare.at, c->program->prepare.count, NULL);
        c->prepared = c->weights->version;
    }
    return RNNC_OK;
}

rnnc_status context_prepare(context *c, diag_sink *d) {
    unsigned saved = mode_enter();
    rnnc_status status = prepare(c, d);
    mode_leave(saved);
    return status;
}

const char *context_arena(const context *c) {
    return c->arena;
}

static void after_run(context *c) {
    if (c->updates) {
        // Others that share the weights must prepare again. This program's own updates keep what it derives
        // true.
        weights_changed(c->weights);
        c->prepared = c->weights->version;
    }
}

static rnnc_status run(context *c, uint64_t seed, uint64_t step, diag_sink *d) {
    TRY(prepare(c, d));
    write_settings(c, seed, step);
    if (c->is_straight && !c->timing) {
        context_run_straight(c);
    } else {
        execute(c, c->program->body.at, c->program->body.count, c->threads);
    }
    context_copy_outputs(c, true);
    after_run(c);
    return RNNC_OK;
}

static rnnc_status run_first(context *c, uint64_t seed, uint64_t step, diag_sink *d) {
    TRY(prepare(c, d));
    write_settings(c, seed, step);
    execute(c, c->program->body.at, c->first_half, c->threads);
    context_copy_outputs(c, false);
    return RNNC_OK;
}

static rnnc_status run_second(context *c, diag_sink *d) {
    TRY(prepare(c, d));
    uint32_t from = c->first_half;
    execute(c, c->program->body.at + from, c->program->body.count - from, c->threads + from);
    context_copy_outputs(c, true);
    after_run(c);
    return RNNC_OK;
}

rnnc_status context_run(context *c, uint64_t seed, uint64_t step, diag_sink *d) {
    unsigned saved = mode_enter();
    rnnc_status status = run(c, seed, step, d);
    mode_leave(saved);
    return status;
}

rnnc_status context_run_first(context *c, uint64_t seed, uint64_t step, diag_sink *d) {
    unsigned saved = mode_enter();
    rnnc_status status = run_first(c, seed, step, d);
    mode_leave(saved);
    return status;
}

rnnc_status context_run_second(context *c, diag_sink *d) {
    unsigned saved = mode_enter();
    rnnc_status status = run_second(c, d);
    mode_leave(saved);
    return status;
}

void context_begin(context *c, bool silent) {
    team_begin(c->team, silent);
}

void context_end(context *c) {
    team_end(c->team);
}

void context_set_split_cost(context *c, int64_t nanoseconds) {
    c->split_cost = nanoseconds;
    c->bound = false;
}

void context_choose_sets(context *c, set_choice choice) {
    c->set_choice = choice;
    c->bound = false;
}

rnnc_status context_time_calls(context *c, bool on, diag_sink *d) {
    size_t count = c->program->calls.count + (size_t)1;
    c->timing = false;
    if (!on) {
        return RNNC_OK;
    }
    if (!c->times) {
        c->times = allocator_array(&c->memory, count, sizeof *c->times);
    }
    if (!c->times) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the times of %zu calls", count - 1);
    }
    memset(c->times, 0, count * sizeof *c->times);
    c->timing = true;
    return RNNC_OK;
}

const call_time *context_times(const context *c) {
    return c->timing ? c->times : NULL;
}
