// rnnc build: a trained model as an object file, or what is made of one, and a header for C.
#include <string.h>

#include "ahead/build.h"
#include "cli/command.h"

static const build_terms terms = {
    .target = "--target",
    .target_list = "--target list",
    .cpu = "--cpu",
    .cc = "--cc",
    .name = "--name",
    .train = "--train",
    .parallel = "--parallel",
    .weights_apart = "--weights-file",
    .length = "--length T",
    .object = "-o NAME.o",
};

// What the work below asks the command line for.
typedef struct build_job {
    const command_line *line;
    loaded source;
    compiler compiler;
    carried_data carried;
} build_job;

// ---- What is asked for ----

static bool kind_of_ending(const char *ending, build_kind *out_kind) {
    static const char *const endings[] = {
        [BUILD_OBJECT] = ".o", [BUILD_ARCHIVE] = ".a", [BUILD_SHARED] = ".so", [BUILD_MODULE] = ".wasm"};
    for (build_kind kind = BUILD_OBJECT; kind < BUILD_PROGRAM; kind++) {
        if (strcmp(ending, endings[kind]) == 0) {
            *out_kind = kind;
            return true;
        }
    }
    return false;
}

// The kind that the ending of --output says.
static rnnc_status kind_of_path(const char *path, diag_sink *d, build_kind *out_kind) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *ending = strrchr(name, '.');
    bool bare = !ending && *name;
    bool known = bare || (ending && ending > name && kind_of_ending(ending, out_kind));
    *out_kind = bare ? BUILD_PROGRAM : *out_kind;
    return known ? RNNC_OK
                 : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "-o takes NAME.o, NAME.a, NAME.so, NAME.wasm, or NAME without an ending for a "
                             "program, found '%s'",
                             path);
}

static rnnc_status check_line(const command_line *line, diag_sink *d, build_request *r) {
    if (!line->weights && !line->train) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "build needs --weights F.safetensors");
    }
    if (!line->output) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "say what to write: -o NAME.o --header NAME.h");
    }
    TRY(kind_of_path(line->output, d, &r->kind));
    TRY(build_check(r, d));
    if (line->interpret || (line->cpu && strcmp(line->cpu, "interpret") == 0)) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "build makes machine code: it does not interpret");
    }
    TRY(check_writable(line->output, d));
    TRY(line->weights_file ? check_writable(line->weights_file, d) : RNNC_OK);
    return line->header ? check_writable(line->header, d) : RNNC_OK;
}

// ---- What the work below asks for ----

static rnnc_status make_machine(void *user, const build_wish *wish, diag_sink *d, machine *out_machine) {
    build_job *job = user;
    use_backend(&job->compiler, wish->backend, wish->codegen);
    return build_machine(&job->compiler, wish->graph, wish->update, wish->extents, d, out_machine);
}

static rnnc_status give_weights(void *user, machine *m, diag_sink *d) {
    const build_job *job = user;
    return load_weights(job->line->weights, false, m, d);
}

static rnnc_status find_spelling(void *user, const model *m, diag_sink *d, build_spelling *out_spelling) {
    build_job *job = user;
    const char *file = job->line->weights, *input = find_data_input(m->graph);
    TRY(load_vocabularies(file, d, &job->carried));
    if (find_speller(m, &job->carried, &out_spelling->speller)) {
        out_spelling->input = input;
    } else if (reads_text(m)) {
        diag_note(d, NO_SPAN, "%s holds no vocabulary for '%s': what is built takes tokens, not texts", file,
                  input);
    }
    return RNNC_OK;
}

static build_request request_of(build_job *job) {
    const command_line *line = job->line;
    return (build_request){
        .terms = &terms,
        .host = {.user = job,
                 .make_machine = make_machine,
                 .load_weights = line->weights ? give_weights : NULL,
                 .find_spelling = line->weights ? find_spelling : NULL},
        .file = line->output,
        .name = line->prefix,
        .target = line->target,
        .cpu = line->cpu,
        .cc = line->cc,
        .batch = line->batch,
        .length = line->length,
        .parallel = line->parallel,
        .train = line->train,
        .weights_apart = line->weights_file != NULL,
        .sizes = line->size_report,
        .cached = !line->no_cache,
        .seed = (uint64_t)line->seed,
    };
}

// ---- All of it ----

static rnnc_status write_all(const command_line *line, build_kind kind, const build_result *made,
                             diag_sink *d) {
    const build_file files[BUILD_MOST_FILES] = {
        {line->weights_file, strbuf_text(&made->weights), made->weights.length, false},
        {line->header, strbuf_text(&made->header), made->header.length, false},
        {line->output, strbuf_text(&made->binary), made->binary.length, kind == BUILD_PROGRAM},
    };
    TRY(build_write(files, d));
    fputs(strbuf_text(&made->sizes), stdout);
    return RNNC_OK;
}

static rnnc_status run_build(build_job *job, diag_sink *d, build_result *made) {
    build_request r = request_of(job);
    TRY(check_line(job->line, d, &r));
    TRY(load_source(job->line, d, &job->source));
    TRY(open_passes(job->line, d, &job->compiler));
    r.unit = job->source.unit;
    r.options = &job->source.options;
    TRY(build_make(&r, d, made));
    return write_all(job->line, r.kind, made, d);
}

static rnnc_status list_targets(diag_sink *d) {
    strbuf text = {0};
    rnnc_status status = build_list_targets(d, &text);
    if (status == RNNC_OK) {
        fputs(strbuf_text(&text), stdout);
    }
    strbuf_deinit(&text);
    return status;
}

rnnc_status command_build(const command_line *line, diag_sink *d) {
    if (line->target && strcmp(line->target, "list") == 0) {
        return list_targets(d);
    }
    build_job job = {.line = line};
    build_result made = {.binary = {0}};
    rnnc_status status = run_build(&job, d, &made);
    build_result_deinit(&made);
    carried_deinit(&job.carried);
    close_compiler(&job.compiler);
    unload_source(&job.source);
    return status;
}
