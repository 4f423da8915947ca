// What the compiler sees of a model, as text: the reports of `rnnc check`, `rnnc dump` and `rnnc bench`.
#include <string.h>

#include "api/parts.h"
#include "report/bench.h"
#include "report/check.h"
#include "report/dump.h"
#include "report/listing.h"

static const rnnc_report_options nothing_chosen = RNNC_REPORT_OPTIONS;

// One report on its way. Stays where it is: the backend and the listing point into it.
typedef struct inside {
    const rnnc_model *model; // NULL: |text| is looked at
    const char *text, *name;
    size_t length;
    const char *stage;
    const rnnc_report_options *o;
    allocator memory; // of what is handed out
    diag_sink sink;
    int64_t lengths[MAX_AXES];
    extent_wishes wishes;
    codegen *codegen;
    interpreter_home interpreter;
    kernel_backend backend;
    api_listing listing;
    machine_options how;
    bool interpret; // graphs, for the cpu "reference"
    strbuf out;
} inside;

typedef rnnc_status reporter(inside *s);

// ---- What is asked for ----

static rnnc_status refuse(inside *s, const char *why) {
    return diag_fail(&s->sink, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s", why);
}

static rnnc_status take_lengths(inside *s) {
    const rnnc_report_options *o = s->o;
    const graph *g = s->model->typed->graph;
    TRY(api_check_axes(g, o->lengths, o->length_count, &s->sink));
    for (size_t i = 0; i < o->length_count; i++) {
        if (o->lengths[i].length < 1 || o->lengths[i].length > API_LONGEST_AXIS) {
            return refuse(s, "lengths by axis are 1 or more");
        }
        s->lengths[graph_find_axis(g, o->lengths[i].axis)] = o->lengths[i].length;
    }
    s->wishes.lengths = s->lengths;
    return RNNC_OK;
}

// Sizes are computed with these; unknown lengths count as what a dump takes for them.
static rnnc_status check_members(inside *s) {
    static const int64_t some[MAX_AXES] = {32, 32, 32, 32, 32, 32, 32, 32};
    int64_t extents[MAX_AXES], members = 1;
    extent_wishes wishes = s->wishes;
    int unknown;
    wishes.fallback = some;
    model_extents(s->model->typed, &wishes, extents, &unknown);
    for (uint32_t a = 0; a < s->model->typed->graph->axes.count; a++) {
        if (extents[a] > 0 && __builtin_mul_overflow(members, extents[a], &members)) {
            members = INT64_MAX;
        }
    }
    return members <= API_MOST_MEMBERS ? RNNC_OK
                                       : diag_fail(&s->sink, RNNC_OUT_OF_MEMORY, NO_SPAN,
                                                   "the batch and the lengths are too large together");
}

static rnnc_status take_extents(inside *s) {
    const rnnc_report_options *o = s->o;
    int64_t largest = o->batch > o->length ? o->batch : o->length;
    if (o->batch < 0 || o->length < 0 || largest > API_LONGEST_AXIS) {
        return refuse(s, "a report's batch and length are 0 (nothing stated) or more");
    }
    if (o->length_count && (!o->lengths || !s->model)) {
        return refuse(s, "lengths by axis are those of a model, and not NULL where there are some");
    }
    s->wishes = (extent_wishes){.batch = o->batch, .length = o->length};
    if (!s->model) {
        return o->batch && o->length > API_MOST_MEMBERS / o->batch
                   ? refuse(s, "the batch and the length are too large together")
                   : RNNC_OK;
    }
    TRY(take_lengths(s));
    return check_members(s);
}

static rnnc_status take_threads(inside *s) {
    const rnnc_report_options *o = s->o;
    if (o->threads < 0 || o->threads > TEAM_MOST_MEMBERS || o->runs < 0) {
        return diag_fail(&s->sink, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "a report's threads are 0 to %d, and its runs 0 or more", TEAM_MOST_MEMBERS);
    }
    s->how.threads = o->threads ? o->threads : 1;
    return RNNC_OK;
}

static rnnc_status prepare(inside *s) {
    TRY(take_extents(s));
    TRY(take_threads(s));
    s->interpret = s->o->cpu && strcmp(s->o->cpu, "reference") == 0;
    TRY(api_choose_backend(s->interpret ? NULL : s->o->cpu, &(allocator){NULL, NULL, NULL}, &s->interpreter,
                           &s->sink, &s->codegen, &s->backend));
    if (s->o->use_cache && s->codegen) {
        codegen_use_cache(s->codegen);
    }
    s->how.backend = &s->backend;
    s->how.pipeline = s->listing.pipeline;
    s->how.unroll = s->listing.unroll;
    s->how.hooks = &s->listing.hooks;
    return RNNC_OK;
}

// ---- Making a report ----

static rnnc_status write_report(inside *s, reporter *write) {
    TRY(prepare(s));
    return write(s);
}

// In work space of the system's; what is handed out is the caller's.
static rnnc_status make_report(inside *s, reporter *write, rnnc_diagnostics *diagnostics,
                               rnnc_bytes **out_text) {
    TRY(api_listing_open(s->o->passes, diagnostics, &s->listing));
    if (s->model) {
        diag_init_beside(&s->sink, &s->model->sink);
    } else {
        diag_init(&s->sink);
    }
    rnnc_status status = write_report(s, write);
    codegen_destroy(s->codegen);
    status = api_listing_close(&s->listing, &s->memory, &s->sink, status);
    return api_give_text(&s->memory, status, &s->out, &s->sink, diagnostics, out_text);
}

static rnnc_status report(inside *s, const rnnc_report_options *options, reporter *write,
                          rnnc_diagnostics *diagnostics, rnnc_bytes **out_text) {
    s->o = options ? options : &nothing_chosen;
    if ((!s->model && !s->text) || !out_text || s->o->struct_size != sizeof *s->o) {
        return api_fail(
            diagnostics, RNNC_INVALID_ARGUMENT,
            "a report needs something to look at, options that begin with RNNC_REPORT_OPTIONS, and "
            "a place to be put");
    }
    *out_text = NULL;
    TRY(api_take_allocator(s->o->allocator, diagnostics, &s->memory));
    return make_report(s, write, diagnostics, out_text);
}

// ---- Check ----

static rnnc_status check(inside *s) {
    s->listing.hooks.printed = &s->out;
    check_request request = {.source = s->model->unit,
                             .options = api_model_options(s->model),
                             .wishes = s->wishes,
                             .how = s->how,
                             .json = s->o->json};
    return check_report(&request, &s->sink, &s->out);
}

rnnc_status rnnc_model_check(rnnc_model *m, const rnnc_report_options *options, rnnc_diagnostics *diagnostics,
                             rnnc_bytes **out_text) {
    inside s = {.model = m};
    return report(&s, options, check, diagnostics, out_text);
}

// ---- Dump ----

// The first file of a model's sink is its own text.
static rnnc_status dump(inside *s) {
    const source_file *own = s->model ? &s->model->sink.files.at[1] : NULL;
    dump_request request = {.text = own ? own->text : s->text,
                            .length = own ? own->length : s->length,
                            .name = own ? own->name : s->name,
                            .dashes = "",
                            .stage_given = s->stage != NULL,
                            .wishes = s->wishes,
                            .codegen = s->codegen,
                            .cpu = s->o->cpu,
                            .how = s->how};
    s->listing.hooks.printed = &s->out;
    if (s->model) {
        request.source = s->model->unit;
        request.options = api_model_options(s->model);
    }
    TRY(dump_find_stage(s->stage ? s->stage : "graph", "", &s->sink, &request.stage));
    return dump_report(&request, &s->sink, &s->out);
}

rnnc_status rnnc_model_dump(rnnc_model *m, const char *stage, const rnnc_report_options *options,
                            rnnc_diagnostics *diagnostics, rnnc_bytes **out_text) {
    inside s = {.model = m, .stage = stage};
    return report(&s, options, dump, diagnostics, out_text);
}

rnnc_status rnnc_dump_text(const char *text, size_t length, const char *name, const char *stage,
                           const rnnc_report_options *options, rnnc_diagnostics *diagnostics,
                           rnnc_bytes **out_text) {
    inside s = {.text = name ? text : NULL, .length = length, .name = name, .stage = stage};
    return report(&s, options, dump, diagnostics, out_text);
}

static rnnc_status dump_made(const rnnc_program *p, const char *stage, diag_sink *d, strbuf *out) {
    dump_stage found;
    TRY(dump_find_stage(stage, "", d, &found));
    if (found == DUMP_PROGRAM) {
        program_print(p->program, out);
        return RNNC_OK;
    }
    if (found != DUMP_LLVM && found != DUMP_ASM) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "of a program there are the stages program, llvm and asm, not %s", stage);
    }
    return p->codegen ? dump_code(p->codegen, p->program, found, d, out)
                      : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                                  "stage %s: the program's kernels are interpreted, and have no code", stage);
}

rnnc_status rnnc_program_dump(const rnnc_program *p, const char *stage, rnnc_diagnostics *diagnostics,
                              rnnc_bytes **out_text) {
    if (!p || !stage || !out_text) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "a dump needs a program, a stage and a place to be put");
    }
    *out_text = NULL;
    strbuf text = {0};
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = dump_made(p, stage, &sink, &text);
    return api_give_text(&p->memory.from, status, &text, &sink, diagnostics, out_text);
}

// ---- Bench ----

static rnnc_status make_machine(void *self, graph *g, const char *pipeline, const update_options *update,
                                const int64_t *extents, diag_sink *d, machine *out_machine) {
    inside *s = self;
    machine_options how = s->how;
    how.backend = s->interpret ? NULL : how.backend;
    how.pipeline = pipeline;
    how.update = update;
    memcpy(how.maxima, extents, sizeof how.maxima);
    TRY(machine_create(g, &how, d, out_machine));
    if (s->listing.hooks.statistics && out_machine->program) {
        listing_add_statistics(out_machine->program, s->codegen, &s->listing.statistics);
    }
    return RNNC_OK;
}

static rnnc_status bench(inside *s) {
    bench_request request = {.source = s->model->unit,
                             .options = api_model_options(s->model),
                             .wishes = s->wishes,
                             .make = make_machine,
                             .self = s,
                             .interpret = s->interpret,
                             .pipeline = s->how.pipeline,
                             .threads = s->how.threads,
                             .runs = s->o->runs,
                             .seed = s->o->seed,
                             .json = s->o->json,
                             .dashes = ""};
    return bench_report(&request, &s->sink, &s->out);
}

rnnc_status rnnc_model_bench(rnnc_model *m, const rnnc_report_options *options, rnnc_diagnostics *diagnostics,
                             rnnc_bytes **out_text) {
    inside s = {.model = m};
    return report(&s, options, bench, diagnostics, out_text);
}
