#include "report/check.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ir/stepping.h"
#include "report/check_parts.h"
#include "report/describe.h"
#include "runtime/data/metrics.h"
#include "runtime/train/overlap.h"

// What a training step keeps in memory, in bytes.
typedef struct step_memory {
    int64_t arena, weights, slots, inputs;
    int64_t scratch; // of all threads
} step_memory;

typedef struct report {
    const check_request *request;
    diag_sink *d;
    diag_sink unheard; // of what has been said already
    strbuf *out;
    model *model, *used; // as it is trained, and as it is used
    program *program;
    arena memory;
    int64_t parameters;
    bool has_memory;
    int64_t extents[MAX_AXES];
    int unknown_axis; // without memory: the axis whose length is not known; else NO_AXIS
    step_memory step;
} report;

static int64_t variable_elements(const graph_variable *v) {
    return type_columns(v->type);
}

static void count_parameters(report *r) {
    const graph *g = r->model->graph;
    for (uint32_t i = 0; i < g->variables.count; i++) {
        bool trained = g->variables.at[i].role == VARIABLE_WEIGHT;
        r->parameters += trained ? variable_elements(&g->variables.at[i]) : 0;
    }
}

// ---- Memory ----

static int64_t value_bytes(value_type t, const int64_t *extents) {
    int64_t elements = type_columns(t);
    for (int a = 0; a < MAX_AXES; a++) {
        elements *= t.axes & AXIS_BIT(a) ? extents[a] : 1;
    }
    return elements * dtype_bytes(t.elem);
}

static void add_up(report *r, const program *p) {
    r->step.arena = p->arena_bytes;
    r->step.scratch = r->request->how.threads * context_scratch_bytes(p);
    for (uint32_t i = 0; i < p->variables.count; i++) {
        const graph_variable *v = &p->variables.at[i];
        int64_t bytes = variable_elements(v) * dtype_bytes(v->type.elem);
        *(v->role == VARIABLE_SLOT ? &r->step.slots : &r->step.weights) += bytes;
    }
    for (uint32_t i = 0; i < p->inputs.count; i++) {
        r->step.inputs += value_bytes(p->inputs.at[i].type, r->extents);
    }
}

// Compiles the training step, all but its machine code. Rewrites the model's graph.
static rnnc_status measure_step(report *r) {
    const machine_options *how = &r->request->how;
    graph *g = r->model->graph;
    update_options update = recipe_update(r->model->recipe, &r->memory);
    compile_options options = {
        .pipeline = how->pipeline, .hooks = how->hooks, .update = &update, .shape = how->backend->shape};
    memcpy(options.maxima, r->extents, sizeof options.maxima);
    if (how->unroll) {
        unrolled_extents(g, r->extents, options.unroll);
    }
    graph_keep_measured(g);
    g->memory.exhausted = r->memory.exhausted;
    TRY(model_overlap(r->model, r->d));
    TRY(compile_graph(g, &options, r->d, &r->program));
    add_up(r, r->program);
    r->has_memory = true;
    return RNNC_OK;
}

static int64_t whole_step(const step_memory *s) {
    return s->arena + s->weights + s->slots + s->inputs + s->scratch;
}

// What a process can have here: the machine's memory, or less where a limit is set. INT64_MAX: nobody knows.
static int64_t available_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    int64_t most = pages > 0 && page > 0 ? (int64_t)pages * page : INT64_MAX;
    struct rlimit limit;
    bool limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return limited && limit.rlim_cur < (rlim_t)most ? (int64_t)limit.rlim_cur : most;
}

static void warn_of_memory(report *r) {
    int64_t needed = whole_step(&r->step), available = available_memory();
    if (needed > available) {
        diag_warning(r->d, NO_SPAN, "a training step needs %s, and a process can have %s here",
                     describe_bytes(needed, &r->memory), describe_bytes(available, &r->memory));
    }
}

// ---- Text ----

static void add_values(const report *r) {
    const graph *g = r->model->graph;
    arena *memory = (arena *)&r->memory;
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        if (at->op == OP_INPUT) {
            const char *role = strcmp(at->attr[1].text, "data") == 0 ? "input" : at->attr[1].text;
            strbuf_addf(r->out, "  %-8s %s: %s\n", role, at->attr[0].text, describe_input(g, n, memory));
        }
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        const graph_output *o = &g->outputs.at[i];
        if (o->role == OUTPUT_VALUE || o->role == OUTPUT_METRIC) {
            strbuf_addf(r->out, "  %-8s %s: %s\n", o->role == OUTPUT_VALUE ? "output" : "metric", o->name,
                        describe_value(g, graph_type(g, o->node), memory));
        }
    }
}

// A model that cannot answer step by step says why. The graph looked at is the one for use: without dropout, for one.
static rnnc_status add_obstacle(report *r) {
    model_options options = r->request->options;
    options.training = false;
    TRY(model_build(&r->unheard, r->request->source, &options, &r->used));
    const char *obstacle = graph_step_obstacle(r->used->graph, r->d, &r->memory);
    if (obstacle) {
        strbuf_addf(r->out, "  no step  %s\n", obstacle);
    }
    return RNNC_OK;
}

static const char *shape_text(const graph_variable *v, const variable_part *part, arena *memory) {
    return v->type.rank == 2 ? arena_printf(memory, "[%d, %d]", v->type.dim[0], part->size)
                             : arena_printf(memory, "[%d]", part->size);
}

static void add_parameters(const report *r) {
    const graph *g = r->model->graph;
    arena *memory = (arena *)&r->memory;
    strbuf_addf(r->out, "\nparameters: %s in %s\n", describe_count(r->parameters, memory),
                dtype_name(g->real));
    for (uint32_t i = 0; i < g->variables.count; i++) {
        const graph_variable *v = &g->variables.at[i];
        for (uint32_t j = 0; j < v->parts.count; j++) {
            const variable_part *part = &v->parts.at[j];
            int64_t rows = v->type.rank == 2 ? v->type.dim[0] : 1;
            strbuf_addf(r->out, "  %-24s %-16s %12s%s\n", part->name, shape_text(v, part, memory),
                        describe_count(rows * part->size, memory),
                        v->role == VARIABLE_FROZEN ? "  frozen" : "");
        }
    }
}

static void add_loss(const report *r) {
    if (!r->model->loss_text) {
        strbuf_addf(r->out, "\nloss: none\n");
        return;
    }
    strbuf_addf(r->out, "\nloss: %s\n  %s\n", r->model->loss_text, r->model->loss_reduction);
}

static void add_memory(const report *r) {
    const graph *g = r->model->graph;
    arena *memory = (arena *)&r->memory;
    const step_memory *s = &r->step;
    if (!r->model->recipe || !r->model->loss_text) {
        return;
    }
    if (!r->has_memory) {
        strbuf_addf(r->out,
                    "\nmemory of a training step: depends on %s, which the data decides; give --length N\n",
                    g->axes.at[r->unknown_axis].name);
        return;
    }
    strbuf_addf(r->out, "\nmemory of a training step (%s): %s\n", graph_extents_text(g, r->extents, memory),
                describe_bytes(whole_step(s), memory));
    strbuf_addf(r->out, "  arena %s, weights %s, optimiser %s, inputs %s\n", describe_bytes(s->arena, memory),
                describe_bytes(s->weights, memory), describe_bytes(s->slots, memory),
                describe_bytes(s->inputs, memory));
    strbuf_addf(r->out, "  scratch of %d thread%s %s\n", r->request->how.threads,
                r->request->how.threads == 1 ? "" : "s", describe_bytes(s->scratch, memory));
}

static void add_json(const report *r) {
    metric values[8];
    uint32_t count = 0;
    values[count++] = (metric){"parameters", (double)r->parameters};
    if (r->has_memory) {
        const step_memory *s = &r->step;
        values[count++] = (metric){"step_bytes", (double)whole_step(s)};
        values[count++] = (metric){"arena_bytes", (double)s->arena};
        values[count++] = (metric){"weight_bytes", (double)s->weights};
        values[count++] = (metric){"optimizer_bytes", (double)s->slots};
        values[count++] = (metric){"input_bytes", (double)s->inputs};
        values[count++] = (metric){"scratch_bytes", (double)s->scratch};
    }
    metrics_render(values, count, r->out);
}

// ---- The whole ----

static void add_signature(report *r) {
    strbuf_addf(r->out, "model %s\n", r->model->graph->name);
    add_values(r);
}

static rnnc_status add_all(report *r) {
    const check_request *request = r->request;
    model_options options = request->options;
    options.training = true;
    TRY(model_build(r->d, request->source, &options, &r->model));
    count_parameters(r);
    if (!request->json) {
        add_signature(r);
        TRY(add_obstacle(r));
        add_parameters(r);
        add_loss(r);
        add_recipe(r->model, r->out);
    }
    bool known = model_extents(r->model, &request->wishes, r->extents, &r->unknown_axis);
    if (known && r->model->recipe && r->model->loss_text) {
        TRY(measure_step(r));
        warn_of_memory(r);
    }
    if (request->json) {
        add_json(r);
    } else {
        add_memory(r);
    }
    return RNNC_OK;
}

// The report's own arena comes back here without memory.
static rnnc_status add_guarded(report *r) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(r->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a report");
    }
    r->memory.exhausted = &exhausted;
    rnnc_status status = add_all(r);
    r->memory.exhausted = NULL;
    return status;
}

rnnc_status check_report(const check_request *request, diag_sink *d, strbuf *out) {
    report r = {.request = request, .d = d, .out = out, .unknown_axis = NO_AXIS};
    arena_init(&r.memory);
    diag_init_beside(&r.unheard, d);
    rnnc_status status = add_guarded(&r);
    if (r.program) {
        program_destroy(r.program);
    }
    model_destroy(r.model);
    model_destroy(r.used);
    diag_deinit(&r.unheard);
    arena_deinit(&r.memory);
    return status;
}
