#include "report/dump.h"

#include <string.h>

#include "passes/program_text.h"
#include "passes/stage_text.h"
#include "report/dot.h"

static const char *const stage_names[DUMP_STAGES] = {"source", "graph", "program", "llvm", "asm", "dot"};

typedef struct dump_job {
    const dump_request *request;
    diag_sink *d;
    strbuf *out;
    dump_stage stage;
    model *model;
    graph *graph;    // the model's, or one read from text; NULL: the text is a program
    stage_text text; // what was read, if it is no source text
    plan *plan;      // of the graph
    program *program;
    update_options update;
    bool trains;
    arena memory;
} dump_job;

rnnc_status dump_find_stage(const char *name, const char *option, diag_sink *d, dump_stage *out_stage) {
    for (int i = 0; i < DUMP_STAGES; i++) {
        if (strcmp(stage_names[i], name) == 0) {
            *out_stage = (dump_stage)i;
            return RNNC_OK;
        }
    }
    const char *near = nearest_name(name, stage_names, DUMP_STAGES);
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%sthere is no stage '%s'%s%s%s", option, name,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

// ---- What is shown ----

static rnnc_status read_text(dump_job *job) {
    const dump_request *request = job->request;
    if (request->length > INT32_MAX || memchr(request->text, 0, request->length)) {
        return diag_fail(job->d, RNNC_SYNTAX, NO_SPAN, "%s: this is not a text", request->name);
    }
    uint32_t file = diag_add_file(job->d, request->name, request->text, request->length);
    job->d->memory.exhausted = NULL;
    TRY(stage_parse(job->d, file, &job->text));
    job->graph = job->text.g;
    job->plan = job->text.p;
    return RNNC_OK;
}

// A model with a recipe is compiled as it is trained, one without as it is used.
static rnnc_status read_model(dump_job *job) {
    model_options options = job->request->options;
    options.training = true;
    TRY(model_build(job->d, job->request->source, &options, &job->model));
    job->graph = job->model->graph;
    const recipe *r = job->model->recipe;
    job->trains = r && graph_find_output(job->graph, "loss") != NO_NODE;
    if (job->trains) {
        job->update = recipe_update(r, &job->memory);
    }
    return RNNC_OK;
}

static void fill_maxima(const dump_job *job, int64_t *out_maxima) {
    static const int64_t some[MAX_AXES] = {32, 32, 32, 32, 32, 32, 32, 32};
    extent_wishes wishes = job->request->wishes;
    wishes.fallback = some;
    if (job->model) {
        int unknown;
        model_extents(job->model, &wishes, out_maxima, &unknown);
        return;
    }
    for (uint32_t a = 0; a < job->graph->axes.count; a++) {
        const axis_info *axis = &job->graph->axes.at[a];
        int64_t given = a == AXIS_BATCH ? wishes.batch : wishes.length;
        if (axis->kind == AXIS_IS_PART) {
            continue; // follows from the others
        }
        out_maxima[a] = axis->kind == AXIS_IS_FIXED ? axis->size : given ? given : some[a];
    }
}

// ---- The stages ----

static compile_options options_of(const dump_job *job) {
    const machine_options *how = &job->request->how;
    compile_options options = {.pipeline = how->pipeline,
                               .plan = job->plan,
                               .hooks = how->hooks,
                               .update = job->trains ? &job->update : NULL,
                               .shape = how->backend->shape};
    fill_maxima(job, options.maxima);
    if (how->unroll) {
        unrolled_extents(job->graph, options.maxima, options.unroll);
    }
    return options;
}

static bool prints(const dump_job *job) {
    const pass_hooks *hooks = job->request->how.hooks;
    return hooks && hooks->print_after;
}

// Without any wish about passes the graph is shown as the frontend or the text has it.
static bool asks_for_passes(const machine_options *how) {
    const pass_hooks *hooks = how->hooks;
    bool looks = hooks && (hooks->print_after || hooks->dump_folder || hooks->statistics || hooks->timings);
    bool changes = how->pipeline || how->unroll || (hooks && hooks->bisect_limit >= 0);
    return looks || changes || (hooks && hooks->verify_each);
}

static rnnc_status dump_graph(dump_job *job) {
    if (asks_for_passes(&job->request->how)) {
        compile_options options = options_of(job);
        TRY(compile_passes(job->graph, &options, job->d, &job->plan));
    }
    if (prints(job)) {
        return RNNC_OK;
    }
    if (job->stage == DUMP_DOT) {
        graph_print_dot(job->graph, &job->memory, job->out);
    } else {
        stage_print(job->graph, job->plan, job->out);
    }
    return RNNC_OK;
}

// Takes the program that was read, or compiles one.
static rnnc_status make_program(dump_job *job) {
    if (job->text.program) {
        job->program = job->text.program;
        job->text.program = NULL;
        return RNNC_OK;
    }
    compile_options options = options_of(job);
    return compile_graph(job->graph, &options, job->d, &job->program);
}

static rnnc_status dump_program(dump_job *job) {
    TRY(make_program(job));
    if (!prints(job)) {
        program_print(job->program, job->out);
    }
    return RNNC_OK;
}

// A program's panels are cut for one kind of registers.
static rnnc_status check_target(const dump_job *job) {
    target_shape ours = job->request->how.backend->shape, its = job->program->shape;
    if (ours.vector_bytes == its.vector_bytes && ours.vector_registers == its.vector_registers) {
        return RNNC_OK;
    }
    return diag_fail(
        job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
        "%s: it is for %d registers of %d bytes and the processor has %d of %d; name one that fits "
        "with %scpu",
        job->request->name, its.vector_registers, its.vector_bytes, ours.vector_registers, ours.vector_bytes,
        job->request->dashes);
}

rnnc_status dump_code(const codegen *c, const program *p, dump_stage stage, diag_sink *d, strbuf *out) {
    codegen_form form = stage == DUMP_ASM ? CODEGEN_ASSEMBLY : CODEGEN_LLVM_OPTIMIZED;
    size_t before = out->length;
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < p->kernels.count && status == RNNC_OK; i++) {
        strbuf_addf(out, "%s kernel %u: %s\n", stage == DUMP_ASM ? "#" : ";", i, p->kernels.at[i].name);
        status = codegen_render(c, &p->kernels.at[i], form, d, out);
    }
    if (status != RNNC_OK && out->text) {
        out->length = before;
        out->text[before] = 0;
    }
    return status;
}

static rnnc_status dump_machine_code(dump_job *job) {
    const dump_request *request = job->request;
    if (!request->codegen) {
        return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "%sstage %s: no machine code is made for %scpu %s", request->dashes,
                         stage_names[job->stage], request->dashes, request->cpu);
    }
    TRY(make_program(job));
    TRY(check_target(job));
    return dump_code(request->codegen, job->program, job->stage, job->d, job->out);
}

// ---- The whole ----

// What a text that is planned already, or a program, leaves no room for.
static rnnc_status check_wishes(dump_job *job) {
    const dump_request *request = job->request;
    const machine_options *how = &request->how;
    bool sized = request->wishes.batch || request->wishes.length || how->unroll;
    if ((job->plan || job->text.program) && sized) {
        return diag_fail(
            job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
            "%s: it is planned for the extents that it states; %sbatch, %slength and %sunroll come "
            "too late",
            request->name, request->dashes, request->dashes, request->dashes);
    }
    if (!job->text.program) {
        return RNNC_OK;
    }
    job->stage = request->stage_given ? job->stage : DUMP_PROGRAM;
    if (how->pipeline || job->stage == DUMP_GRAPH || job->stage == DUMP_DOT) {
        return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "%s: it is a program, which no pass follows and which holds no graph; %sstage takes "
                         "program, llvm or asm",
                         request->name, request->dashes);
    }
    return RNNC_OK;
}

static rnnc_status dump(dump_job *job) {
    if (job->stage == DUMP_SOURCE) {
        strbuf_add_bytes(job->out, job->request->text, job->request->length);
        return RNNC_OK;
    }
    TRY(job->request->source ? read_model(job) : read_text(job));
    TRY(check_wishes(job));
    if (job->stage == DUMP_GRAPH || job->stage == DUMP_DOT) {
        return dump_graph(job);
    }
    return job->stage == DUMP_PROGRAM ? dump_program(job) : dump_machine_code(job);
}

// The work space and what is said come back here without memory.
static rnnc_status dump_guarded(dump_job *job) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        job->d->memory.exhausted = NULL;
        return diag_fail(job->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a dump");
    }
    job->memory.exhausted = job->d->memory.exhausted = &exhausted;
    rnnc_status status = dump(job);
    job->memory.exhausted = job->d->memory.exhausted = NULL;
    return status;
}

rnnc_status dump_report(const dump_request *request, diag_sink *d, strbuf *out) {
    dump_job job = {.request = request, .d = d, .out = out, .stage = request->stage};
    arena_init(&job.memory);
    rnnc_status status = dump_guarded(&job);
    if (job.program) {
        program_destroy(job.program);
    }
    stage_text_deinit(&job.text);
    model_destroy(job.model);
    arena_deinit(&job.memory);
    return status;
}
