// rnnc check
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/command.h"
#include "ir/stepping.h"
#include "runtime/data/metrics.h"
#include "runtime/train/overlap.h"

// What a training step keeps in memory, in bytes.
typedef struct step_memory {
    int64_t arena, weights, slots, inputs;
    int64_t scratch; // of all threads
} step_memory;

typedef struct report {
    const command_line *line;
    diag_sink *d;
    loaded source;
    model *model;
    compiler compiler;
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
    r->step.scratch = r->compiler.threads * context_scratch_bytes(p);
    for (uint32_t i = 0; i < p->variables.count; i++) {
        const graph_variable *v = &p->variables.at[i];
        int64_t bytes = variable_elements(v) * dtype_bytes(v->type.elem);
        *(v->role == VARIABLE_SLOT ? &r->step.slots : &r->step.weights) += bytes;
    }
    for (uint32_t i = 0; i < p->inputs.count; i++) {
        r->step.inputs += value_bytes(p->inputs.at[i].type, r->extents);
    }
}

// Compiles the training step, all but its machine code. Consumes the model's graph.
static rnnc_status measure_step(report *r) {
    update_options update = recipe_update(r->model->recipe, &r->memory);
    compile_options options = {.pipeline = r->line->passes,
                               .hooks = &r->compiler.hooks,
                               .update = &update,
                               .shape = r->compiler.backend.shape};
    memcpy(options.maxima, r->extents, sizeof options.maxima);
    if (r->compiler.unroll) {
        unrolled_extents(r->model->graph, r->extents, options.unroll);
    }
    program *p = NULL;
    graph_keep_measured(r->model->graph);
    TRY(model_overlap(r->model, r->d));
    rnnc_status status = compile_graph(r->model->graph, &options, r->d, &p);
    show_compiler_output(&r->compiler);
    TRY(status);
    add_up(r, p);
    program_destroy(p);
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

static void print_values(const report *r) {
    const graph *g = r->model->graph;
    arena *memory = (arena *)&r->memory;
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        if (at->op == OP_INPUT) {
            const char *role = strcmp(at->attr[1].text, "data") == 0 ? "input" : at->attr[1].text;
            printf("  %-8s %s: %s\n", role, at->attr[0].text, describe_input(g, n, memory));
        }
    }
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        const graph_output *o = &g->outputs.at[i];
        if (o->role == OUTPUT_VALUE || o->role == OUTPUT_METRIC) {
            printf("  %-8s %s: %s\n", o->role == OUTPUT_VALUE ? "output" : "metric", o->name,
                   describe_value(g, graph_type(g, o->node), memory));
        }
    }
}

// A model that cannot answer step by step says why. The graph looked at is the one for use: without dropout, for one.
static rnnc_status print_obstacle(report *r) {
    diag_sink unused; // what there is to warn of has been said
    model *used = NULL;
    diag_init_beside(&unused, r->d);
    rnnc_status status = load_model(&r->source, false, &unused, &used);
    if (status == RNNC_OK) {
        const char *obstacle = graph_step_obstacle(used->graph, r->d, &r->memory);
        if (obstacle) {
            printf("  no step  %s\n", obstacle);
        }
        model_destroy(used);
    }
    diag_deinit(&unused);
    return status;
}

static const char *shape_text(const graph_variable *v, const variable_part *part, arena *memory) {
    return v->type.rank == 2 ? arena_printf(memory, "[%d, %d]", v->type.dim[0], part->size)
                             : arena_printf(memory, "[%d]", part->size);
}

static void print_parameters(const report *r) {
    const graph *g = r->model->graph;
    arena *memory = (arena *)&r->memory;
    printf("\nparameters: %s in %s\n", describe_count(r->parameters, memory), dtype_name(g->real));
    for (uint32_t i = 0; i < g->variables.count; i++) {
        const graph_variable *v = &g->variables.at[i];
        for (uint32_t j = 0; j < v->parts.count; j++) {
            const variable_part *part = &v->parts.at[j];
            int64_t rows = v->type.rank == 2 ? v->type.dim[0] : 1;
            printf("  %-24s %-16s %12s%s\n", part->name, shape_text(v, part, memory),
                   describe_count(rows * part->size, memory), v->role == VARIABLE_FROZEN ? "  frozen" : "");
        }
    }
}

static void print_loss(const report *r) {
    if (!r->model->loss_text) {
        printf("\nloss: none\n");
        return;
    }
    printf("\nloss: %s\n  %s\n", r->model->loss_text, r->model->loss_reduction);
}

static void print_memory(const report *r) {
    const graph *g = r->model->graph;
    arena *memory = (arena *)&r->memory;
    const step_memory *s = &r->step;
    if (!r->model->recipe || !r->model->loss_text) {
        return;
    }
    if (!r->has_memory) {
        printf("\nmemory of a training step: depends on %s, which the data decides; give --length N\n",
               g->axes.at[r->unknown_axis].name);
        return;
    }
    printf("\nmemory of a training step (%s): %s\n", describe_extents(g, r->extents, memory),
           describe_bytes(whole_step(s), memory));
    printf("  arena %s, weights %s, optimiser %s, inputs %s\n", describe_bytes(s->arena, memory),
           describe_bytes(s->weights, memory), describe_bytes(s->slots, memory),
           describe_bytes(s->inputs, memory));
    printf("  scratch of %d thread%s %s\n", r->compiler.threads, r->compiler.threads == 1 ? "" : "s",
           describe_bytes(s->scratch, memory));
}

static void print_json(const report *r) {
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
    strbuf text = {0};
    metrics_render(values, count, &text);
    fputs(strbuf_text(&text), stdout);
    strbuf_deinit(&text);
}

static rnnc_status make_report(report *r) {
    TRY(load_source(r->line, r->d, &r->source));
    TRY(load_model(&r->source, true, r->d, &r->model));
    TRY(open_compiler(r->line, r->d, &r->compiler));
    count_parameters(r);
    if (!r->line->json) {
        printf("model %s\n", r->model->graph->name);
        print_values(r);
        TRY(print_obstacle(r));
        print_parameters(r);
        print_loss(r);
        print_recipe(r->model);
    }
    bool known = choose_extents(r->line, r->model, NULL, r->extents, &r->unknown_axis);
    if (known && r->model->recipe && r->model->loss_text) {
        TRY(measure_step(r));
        warn_of_memory(r);
    }
    if (r->line->json) {
        print_json(r);
    } else {
        print_memory(r);
    }
    return RNNC_OK;
}

rnnc_status command_check(const command_line *line, diag_sink *d) {
    report r = {.line = line, .d = d, .unknown_axis = NO_AXIS};
    arena_init(&r.memory);
    rnnc_status status = make_report(&r);
    close_compiler(&r.compiler);
    model_destroy(r.model);
    unload_source(&r.source);
    arena_deinit(&r.memory);
    return status;
}
