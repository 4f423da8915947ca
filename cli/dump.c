// rnnc dump: any stage of compilation as text, from source text or from IR text.
#include <string.h>

#include "cli/command.h"
#include "cli/dot.h"
#include "passes/program_text.h"
#include "passes/stage_text.h"
#include "runtime/data/gzfile.h"

typedef enum stage {
    STAGE_SOURCE,
    STAGE_GRAPH,
    STAGE_PROGRAM,
    STAGE_LLVM,
    STAGE_ASM,
    STAGE_DOT,
    STAGE_COUNT
} stage;

static const char *const stage_names[STAGE_COUNT] = {"source", "graph", "program", "llvm", "asm", "dot"};

typedef struct dump_job {
    const command_line *line;
    diag_sink *d;
    stage stage;
    loaded source;
    model *model;
    graph *graph;    // the model's, or one read from text; NULL: the text is a program
    stage_text text; // what the file holds, if it is no source text
    plan *plan;      // of the graph
    compiler compiler;
    update_options update;
    bool trains;
} dump_job;

static rnnc_status choose_stage(dump_job *job) {
    const char *name = job->line->stage ? job->line->stage : "graph";
    for (int i = 0; i < STAGE_COUNT; i++) {
        if (strcmp(stage_names[i], name) == 0) {
            job->stage = (stage)i;
            return RNNC_OK;
        }
    }
    const char *near = nearest_name(name, stage_names, STAGE_COUNT);
    return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN, "--stage: there is no stage '%s'%s%s%s", name,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static rnnc_status dump_source(const dump_job *job) {
    file_bytes bytes;
    TRY(gzfile_read(job->line->file, 0, job->d, &bytes));
    fwrite(bytes.data, 1, bytes.size, stdout);
    file_bytes_deinit(&bytes);
    return RNNC_OK;
}

static rnnc_status read_ir(dump_job *job) {
    file_bytes bytes;
    TRY(gzfile_read(job->line->file, 0, job->d, &bytes));
    uint32_t file = UINT32_MAX;
    rnnc_status status = RNNC_OK;
    if (bytes.size > INT32_MAX || memchr(bytes.data, 0, bytes.size)) {
        status = diag_fail(job->d, RNNC_SYNTAX, NO_SPAN, "%s: this is not a text", job->line->file);
    } else {
        file = diag_add_file(job->d, job->line->file, (const char *)bytes.data, (uint32_t)bytes.size);
        status = stage_parse(job->d, file, &job->text);
    }
    file_bytes_deinit(&bytes);
    job->graph = job->text.g;
    job->plan = job->text.p;
    return status;
}

// A model with a recipe is compiled as it is trained, one without as it is used.
static rnnc_status read_model(dump_job *job) {
    TRY(load_source(job->line, job->d, &job->source));
    TRY(load_model(&job->source, true, job->d, &job->model));
    job->graph = job->model->graph;
    const recipe *r = job->model->recipe;
    job->trains = r && graph_find_output(job->graph, "loss") != NO_NODE;
    if (job->trains) {
        job->update = recipe_update(r, &job->source.memory);
    }
    return RNNC_OK;
}

static void print_graph(const dump_job *job) {
    strbuf text = {0};
    if (job->stage == STAGE_DOT) {
        graph_print_dot(job->graph, &text);
    } else {
        stage_print(job->graph, job->plan, &text);
    }
    fputs(strbuf_text(&text), stdout);
    strbuf_deinit(&text);
}

static void fill_maxima(const dump_job *job, int64_t *out_maxima) {
    static const int64_t some[MAX_AXES] = {32, 32, 32, 32, 32, 32, 32, 32};
    const command_line *line = job->line;
    int unknown;
    if (job->model) {
        choose_extents(line, job->model, some, out_maxima, &unknown);
        return;
    }
    for (uint32_t a = 0; a < job->graph->axes.count; a++) {
        const axis_info *axis = &job->graph->axes.at[a];
        int64_t given = a == AXIS_BATCH ? line->batch : line->length;
        if (axis->kind == AXIS_IS_PART) {
            continue; // follows from the others
        }
        out_maxima[a] = axis->kind == AXIS_IS_FIXED ? axis->size : given ? given : some[a];
    }
}

static compile_options options_of(const dump_job *job) {
    compile_options options = {.pipeline = job->line->passes,
                               .plan = job->plan,
                               .hooks = &job->compiler.hooks,
                               .update = job->trains ? &job->update : NULL,
                               .shape = job->compiler.backend.shape};
    fill_maxima(job, options.maxima);
    if (job->compiler.unroll) {
        unrolled_extents(job->graph, options.maxima, options.unroll);
    }
    return options;
}

static rnnc_status run_passes(dump_job *job) {
    compile_options options = options_of(job);
    rnnc_status status = compile_passes(job->graph, &options, job->d, &job->plan);
    show_compiler_output(&job->compiler);
    return status;
}

// Takes the program that was read, or compiles one. The caller destroys it.
static rnnc_status get_program(dump_job *job, program **out_program) {
    if (job->text.program) {
        *out_program = job->text.program;
        job->text.program = NULL;
        return RNNC_OK;
    }
    compile_options options = options_of(job);
    rnnc_status status = compile_graph(job->graph, &options, job->d, out_program);
    show_compiler_output(&job->compiler);
    return status;
}

static rnnc_status dump_program(dump_job *job) {
    program *p = NULL;
    TRY(get_program(job, &p));
    if (!job->line->print_after) {
        strbuf text = {0};
        program_print(p, &text);
        fputs(strbuf_text(&text), stdout);
        strbuf_deinit(&text);
    }
    program_destroy(p);
    return RNNC_OK;
}

// A program's panels are cut for one kind of registers.
static rnnc_status check_target(const dump_job *job, const program *p) {
    target_shape ours = job->compiler.backend.shape, its = p->shape;
    if (ours.vector_bytes == its.vector_bytes && ours.vector_registers == its.vector_registers) {
        return RNNC_OK;
    }
    return diag_fail(
        job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
        "%s: it is for %d registers of %d bytes and the processor has %d of %d; name one that fits "
        "with --cpu",
        job->line->file, its.vector_registers, its.vector_bytes, ours.vector_registers, ours.vector_bytes);
}

// The kernels' code, each under its name.
static rnnc_status dump_code(dump_job *job) {
    program *p = NULL;
    if (!job->compiler.codegen) {
        return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "--stage %s: no machine code is made for --cpu %s", stage_names[job->stage],
                         job->line->cpu);
    }
    codegen_form form = job->stage == STAGE_ASM ? CODEGEN_ASSEMBLY : CODEGEN_LLVM_OPTIMIZED;
    TRY(get_program(job, &p));
    strbuf text = {0};
    rnnc_status status = check_target(job, p);
    for (uint32_t i = 0; i < p->kernels.count && status == RNNC_OK; i++) {
        strbuf_addf(&text, "%s kernel %u: %s\n", job->stage == STAGE_ASM ? "#" : ";", i,
                    p->kernels.at[i].name);
        status = codegen_render(job->compiler.codegen, &p->kernels.at[i], form, job->d, &text);
    }
    if (status == RNNC_OK) {
        fputs(strbuf_text(&text), stdout);
    }
    strbuf_deinit(&text);
    program_destroy(p);
    return status;
}

// Without any wish about passes the graph is shown as the frontend or the file has it.
static bool asks_for_passes(const command_line *line) {
    bool looks = line->print_after || line->dump_folder || line->stats || line->time_passes;
    bool changes = line->passes || line->unroll || line->bisect_limit >= 0;
    return looks || changes || line->verify_each;
}

static rnnc_status dump_graph(dump_job *job) {
    if (asks_for_passes(job->line)) {
        TRY(run_passes(job));
    }
    if (!job->line->print_after) {
        print_graph(job);
    }
    return RNNC_OK;
}

// What a text that is planned already, or a program, leaves no room for.
static rnnc_status check_wishes(dump_job *job) {
    const command_line *line = job->line;
    if ((job->plan || job->text.program) && (line->batch || line->length || line->unroll)) {
        return diag_fail(
            job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
            "%s: it is planned for the extents that it states; --batch, --length and --unroll come "
            "too late",
            line->file);
    }
    if (!job->text.program) {
        return RNNC_OK;
    }
    if (!line->stage) {
        job->stage = STAGE_PROGRAM;
    }
    if (line->passes || job->stage == STAGE_GRAPH || job->stage == STAGE_DOT) {
        return diag_fail(job->d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "%s: it is a program, which no pass follows and which holds no graph; --stage takes "
                         "program, llvm or asm",
                         line->file);
    }
    return RNNC_OK;
}

static rnnc_status run_dump(dump_job *job) {
    TRY(choose_stage(job));
    if (job->stage == STAGE_SOURCE) {
        return dump_source(job);
    }
    TRY(is_ir_text(job->line->file) ? read_ir(job) : read_model(job));
    TRY(check_wishes(job));
    TRY(open_compiler(job->line, job->d, &job->compiler));
    if (job->stage == STAGE_GRAPH || job->stage == STAGE_DOT) {
        return dump_graph(job);
    }
    return job->stage == STAGE_PROGRAM ? dump_program(job) : dump_code(job);
}

rnnc_status command_dump(const command_line *line, diag_sink *d) {
    dump_job job = {.line = line, .d = d};
    rnnc_status status = run_dump(&job);
    close_compiler(&job.compiler);
    stage_text_deinit(&job.text);
    model_destroy(job.model);
    unload_source(&job.source);
    return status;
}
