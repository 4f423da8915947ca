// Objects and what is made of them.
#include <string.h>

#include "ahead/build.h"
#include "ahead/inspect.h"
#include "api/parts.h"
#include "report/listing.h"

enum { FILE_KINDS = 4 };

struct rnnc_artifact {
    allocator memory;
    bool program; // the binary may be run
    rnnc_bytes *files[FILE_KINDS];
};

static const build_terms terms = {
    .target = "target",
    .target_list = "rnnc_targets",
    .cpu = "cpu",
    .cc = "cc",
    .name = "name",
    .train = "train",
    .parallel = "parallel",
    .weights_apart = "weights_apart",
    .length = "max_length or max_lengths",
    .object = "RNNC_BUILD_OBJECT",
};

// ---- What the work below asks for ----

// A caller's request on its way.
typedef struct build_call {
    const rnnc_model *model;
    const rnnc_weights *weights;
    const rnnc_build_options *options;
    arena memory;         // of what is made of the options
    carried_data carried; // the vocabularies of the weights
    api_listing listing;  // the passes, and what they say
} build_call;

static rnnc_status make_machine(void *user, const build_wish *wish, diag_sink *d, machine *out_machine) {
    build_call *call = user;
    machine_options options = {.backend = wish->backend,
                               .threads = 1,
                               .pipeline = call->listing.pipeline,
                               .hooks = &call->listing.hooks,
                               .update = wish->update};
    memcpy(options.maxima, wish->extents, sizeof options.maxima);
    TRY(machine_create(wish->graph, &options, d, out_machine));
    if (call->listing.hooks.statistics) {
        listing_add_statistics(out_machine->program, wish->codegen, &call->listing.statistics);
    }
    return RNNC_OK;
}

static rnnc_status give_weights(void *user, machine *m, diag_sink *d) {
    const build_call *call = user;
    return api_weights_give(call->weights, engine_weights(m->engine), d);
}

static rnnc_status find_spelling(void *user, const model *m, diag_sink *d, build_spelling *out_spelling) {
    build_call *call = user;
    const char *input = find_data_input(m->graph);
    TRY(api_kept_parse(&call->weights->kept, d, &call->carried));
    if (find_speller(m, &call->carried, &out_spelling->speller)) {
        out_spelling->input = input;
    } else if (reads_text(m)) {
        diag_note(d, NO_SPAN,
                  "the weights hold no vocabulary for '%s': what is built takes tokens, not texts", input);
    }
    return RNNC_OK;
}

// ---- What is asked for ----

static rnnc_status check_extent(int64_t extent, const char *what, diag_sink *d) {
    return extent >= 0 && extent <= INT32_MAX
               ? RNNC_OK
               : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s is 0 to %d, found %lld", what, INT32_MAX,
                           (long long)extent);
}

static rnnc_status check_options(const rnnc_build_options *o, diag_sink *d) {
    if (o->kind < RNNC_BUILD_OBJECT || o->kind > RNNC_BUILD_PROGRAM) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "there is no kind %d", (int)o->kind);
    }
    if (o->parallel < 0) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "parallel is 0 or more, found %d", o->parallel);
    }
    if (o->max_length_count && !o->max_lengths) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "max_lengths are not NULL where there are some");
    }
    if (o->passes && o->passes->unroll) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "what is built runs sequences of any length: unroll is for programs");
    }
    TRY(check_extent(o->max_batch, "max_batch", d));
    TRY(check_extent(o->max_length, "max_length", d));
    for (size_t i = 0; i < o->max_length_count; i++) {
        TRY(check_extent(o->max_lengths[i].length, "a length", d));
    }
    return RNNC_OK;
}

static const char *choose_file(build_call *call) {
    static const char *const endings[] = {[RNNC_BUILD_OBJECT] = ".o",
                                          [RNNC_BUILD_ARCHIVE] = ".a",
                                          [RNNC_BUILD_SHARED] = ".so",
                                          [RNNC_BUILD_WASM] = ".wasm",
                                          [RNNC_BUILD_PROGRAM] = ""};
    const rnnc_build_options *o = call->options;
    const char *name = o->name ? o->name : call->model->typed->graph->name;
    return o->file_name ? o->file_name : arena_printf(&call->memory, "%s%s", name, endings[o->kind]);
}

static const build_length *copy_lengths(build_call *call) {
    const rnnc_build_options *o = call->options;
    build_length *lengths = arena_new_array(&call->memory, build_length, o->max_length_count + 1);
    for (size_t i = 0; i < o->max_length_count; i++) {
        lengths[i] = (build_length){o->max_lengths[i].axis, o->max_lengths[i].length};
    }
    return lengths;
}

static build_request request_of(build_call *call) {
    static const build_kind kinds[] = {[RNNC_BUILD_OBJECT] = BUILD_OBJECT,
                                       [RNNC_BUILD_ARCHIVE] = BUILD_ARCHIVE,
                                       [RNNC_BUILD_SHARED] = BUILD_SHARED,
                                       [RNNC_BUILD_WASM] = BUILD_MODULE,
                                       [RNNC_BUILD_PROGRAM] = BUILD_PROGRAM};
    const rnnc_build_options *o = call->options;
    model_options *chosen = arena_new(&call->memory, model_options);
    *chosen = api_model_options(call->model);
    return (build_request){
        .terms = &terms,
        .host = {.user = call,
                 .make_machine = make_machine,
                 .load_weights = call->weights ? give_weights : NULL,
                 .find_spelling = call->weights ? find_spelling : NULL},
        .unit = call->model->unit,
        .options = chosen,
        .kind = kinds[o->kind],
        .file = choose_file(call),
        .name = o->name,
        .target = o->target,
        .cpu = o->cpu,
        .cc = o->cc,
        .batch = o->max_batch,
        .length = o->max_length,
        .lengths = copy_lengths(call),
        .length_count = o->max_length_count,
        .parallel = o->parallel,
        .train = o->train != 0,
        .weights_apart = o->weights_apart != 0,
        .sizes = o->size_report != 0,
        .cached = o->use_cache != 0,
        .in_this_process = o->in_this_process != 0,
        .seed = o->seed,
    };
}

static rnnc_status make_request(build_call *call, diag_sink *d, build_request *out_request) {
    jmp_buf exhausted;
    TRY(check_options(call->options, d));
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what is to be built");
    }
    call->memory.exhausted = &exhausted;
    *out_request = request_of(call);
    call->memory.exhausted = NULL;
    return build_check(out_request, d);
}

// ---- Artifacts ----

void rnnc_artifact_destroy(rnnc_artifact *a) {
    if (a) {
        allocator memory = a->memory;
        for (int i = 0; i < FILE_KINDS; i++) {
            rnnc_bytes_destroy(a->files[i]);
        }
        allocator_free(&memory, a);
    }
}

const rnnc_bytes *rnnc_artifact_file(const rnnc_artifact *a, rnnc_file which) {
    return a && which >= RNNC_FILE_BINARY && which <= RNNC_FILE_SIZES ? a->files[which] : NULL;
}

static rnnc_status fill(rnnc_artifact *a, const build_request *r, const build_result *made, diag_sink *d) {
    TRY(api_bytes_create(&a->memory, &made->binary, d, &a->files[RNNC_FILE_BINARY]));
    TRY(api_bytes_create(&a->memory, &made->header, d, &a->files[RNNC_FILE_HEADER]));
    TRY(r->weights_apart ? api_bytes_create(&a->memory, &made->weights, d, &a->files[RNNC_FILE_WEIGHTS])
                         : RNNC_OK);
    return r->sizes ? api_bytes_create(&a->memory, &made->sizes, d, &a->files[RNNC_FILE_SIZES]) : RNNC_OK;
}

static rnnc_status create(const allocator *memory, const build_request *r, const build_result *made,
                          diag_sink *d, rnnc_artifact **out_artifact) {
    rnnc_artifact *a = allocator_array(memory, 1, sizeof *a);
    if (!a) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what was built");
    }
    a->memory = *memory;
    a->program = r->kind == BUILD_PROGRAM;
    rnnc_status status = fill(a, r, made, d);
    if (status != RNNC_OK) {
        rnnc_artifact_destroy(a);
        return status;
    }
    *out_artifact = a;
    return RNNC_OK;
}

static rnnc_status build(build_call *call, const allocator *memory, diag_sink *d,
                         rnnc_artifact **out_artifact) {
    build_request r;
    build_result made = {.binary = {0}};
    TRY(make_request(call, d, &r));
    rnnc_status status = build_make(&r, d, &made);
    status = status == RNNC_OK ? create(memory, &r, &made, d, out_artifact) : status;
    build_result_deinit(&made);
    return status;
}

// The same, with what the passes have said.
static rnnc_status build_listed(build_call *call, const allocator *memory, diag_sink *d,
                                rnnc_artifact **out_artifact) {
    rnnc_status status = build(call, memory, d, out_artifact);
    status = api_listing_close(&call->listing, memory, d, status);
    if (status != RNNC_OK) {
        rnnc_artifact_destroy(*out_artifact);
        *out_artifact = NULL;
    }
    return status;
}

static rnnc_status check_call(const build_call *call, rnnc_diagnostics *diagnostics, allocator *out_memory) {
    const rnnc_build_options *o = call->options;
    if (o->struct_size != sizeof *o) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "the options of a build begin with RNNC_BUILD_OPTIONS");
    }
    if (!call->weights && !o->train) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "building needs weights, or train, which begins with first ones");
    }
    if (call->weights && call->weights->unset) {
        return api_report_unset(call->weights, diagnostics);
    }
    return api_take_allocator(o->allocator, diagnostics, out_memory);
}

rnnc_status rnnc_build(const rnnc_model *m, const rnnc_weights *w, const rnnc_build_options *options,
                       rnnc_diagnostics *diagnostics, rnnc_artifact **out_artifact) {
    if (!m || !options || !out_artifact) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "building needs a model, options and a place to be put");
    }
    *out_artifact = NULL;
    allocator memory;
    build_call call = {.model = m, .weights = w, .options = options};
    TRY(check_call(&call, diagnostics, &memory));
    TRY(api_listing_open(options->passes, diagnostics, &call.listing));
    diag_sink sink;
    diag_init_beside(&sink, &m->sink);
    rnnc_status status = build_listed(&call, &memory, &sink, out_artifact);
    api_report(diagnostics, &sink, status);
    diag_deinit(&sink);
    carried_deinit(&call.carried);
    arena_deinit(&call.memory);
    return status;
}

// ---- Saving ----

static build_file file_of(const rnnc_artifact *a, rnnc_file which, const char *path) {
    const rnnc_bytes *bytes = a->files[which];
    return (build_file){path, rnnc_bytes_data(bytes), rnnc_bytes_size(bytes), false};
}

rnnc_status rnnc_artifact_save(const rnnc_artifact *a, const char *path, const char *header_path,
                               const char *weights_path, rnnc_diagnostics *diagnostics) {
    if (!a) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "there is no artifact to save");
    }
    if (weights_path && !a->files[RNNC_FILE_WEIGHTS]) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "%s: the weights are in what was built: weights_apart was not asked for",
                        weights_path);
    }
    build_file files[BUILD_MOST_FILES] = {file_of(a, RNNC_FILE_WEIGHTS, weights_path),
                                          file_of(a, RNNC_FILE_HEADER, header_path),
                                          file_of(a, RNNC_FILE_BINARY, path)};
    files[2].program = a->program;
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(diagnostics, &sink, build_write(files, &sink));
    diag_deinit(&sink);
    return status;
}

// ---- Texts ----

// Copies the text of a call that ended with |status| to |memory|, and reports.
rnnc_status rnnc_inspect(const void *bytes, size_t size, const rnnc_inspect_options *options,
                         rnnc_diagnostics *diagnostics, rnnc_bytes **out_text) {
    const rnnc_inspect_options none = RNNC_INSPECT_OPTIONS, *o = options ? options : &none;
    if (!bytes || !out_text || o->struct_size != sizeof *o) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "inspecting needs bytes, options that begin with RNNC_INSPECT_OPTIONS, and a place "
                        "to be put");
    }
    *out_text = NULL;
    allocator memory;
    TRY(api_take_allocator(o->allocator, diagnostics, &memory));
    inspect_request r = {o->name ? o->name : "object", bytes, size, o->in_this_process != 0};
    strbuf text = {0};
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = inspect_file(&r, &sink, &text);
    return api_give_text(&memory, status, &text, &sink, diagnostics, out_text);
}

rnnc_status rnnc_targets(rnnc_diagnostics *diagnostics, rnnc_bytes **out_text) {
    if (!out_text) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "the text needs a place to be put");
    }
    *out_text = NULL;
    strbuf text = {0};
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = build_list_targets(&sink, &text);
    return api_give_text(&(allocator){NULL, NULL, NULL}, status, &text, &sink, diagnostics, out_text);
}
