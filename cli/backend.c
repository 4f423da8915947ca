// The one place where it is decided what runs programs, and with which hooks graphs are compiled.
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "report/listing.h"
#include "runtime/kernel_interpret.h"
#include "support/clock.h"

// A processor that does not exist: kernels are interpreted, one column at a time. For comparisons.
static const char no_processor[] = "interpret";

static int default_threads(void) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > 64 ? 64 : (int)processors;
}

static rnnc_status choose_backend(const command_line *line, diag_sink *d, compiler *c,
                                  kernel_backend *out_backend) {
    if (line->cpu && strcmp(line->cpu, no_processor) == 0) {
        c->interpreter.shape = (target_shape){.vector_bytes = 32, .vector_registers = 16};
        *out_backend = kernel_interpret_backend(&c->interpreter);
        return RNNC_OK;
    }
    TRY(codegen_create(line->cpu, d, &c->codegen));
    if (!line->no_cache) {
        codegen_use_cache(c->codegen);
    }
    *out_backend = codegen_backend(c->codegen);
    return RNNC_OK;
}

// ---- A backend that looks at the clock ----

static rnnc_status compile_timed(void *self, const kernel_desc *const *kernels, uint32_t count, int threads,
                                 diag_sink *d, kernel_code_set *out_code) {
    compiler *c = self;
    double begin = clock_milliseconds();
    rnnc_status status = c->backend.compile(c->backend.self, kernels, count, threads, d, out_code);
    c->compiled_at = clock_milliseconds();
    c->code_milliseconds = c->compiled_at - begin;
    return status;
}

static void release_timed(void *self, kernel_code_set *code) {
    const compiler *c = self;
    c->backend.release(c->backend.self, code);
}

// From |begin| until now. The interpreter compiles nothing.
static void add_times(compiler *c, double begin) {
    double end = clock_milliseconds(), compiled = c->compiled_at >= begin ? c->compiled_at : begin;
    listing_add_times(compiled > begin ? c->code_milliseconds : 0, compiled - begin, &c->timings);
    strbuf_addf(&c->timings, "%-16s %9.3f ms: room for weights and the arena\n", "memory", end - compiled);
}

// ---- The compiler of a command line ----

rnnc_status open_passes(const command_line *line, diag_sink *d, compiler *out_compiler) {
    compiler *c = out_compiler;
    *c = (compiler){.interpret = line->interpret, .pipeline = line->passes};
    if (line->threads > TEAM_MOST_MEMBERS) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "--threads takes at most %d, found %lld",
                         TEAM_MOST_MEMBERS, (long long)line->threads);
    }
    c->threads = line->threads ? (int)line->threads : default_threads();
    TRY(pass_check_printed(line->print_after, "--print-after", d));
    if (line->unroll && strcmp(line->unroll, "full") != 0) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "--unroll takes full, found '%s'", line->unroll);
    }
    c->unroll = line->unroll != NULL;
    c->hooks = (pass_hooks){
        .verify_each = line->verify_each,
        .print_after = line->print_after,
        .dump_folder = line->dump_folder,
        .printed = &c->printed,
        .timings = line->time_passes ? &c->timings : NULL,
        .statistics = line->stats ? &c->statistics : NULL,
        .bisect_limit = line->bisect_limit,
    };
    return RNNC_OK;
}

void use_backend(compiler *c, const kernel_backend *backend, const codegen *cached) {
    c->backend = *backend;
    c->cached = cached;
    c->timed = (kernel_backend){backend->name, c, backend->shape, compile_timed, release_timed};
}

rnnc_status open_compiler(const command_line *line, diag_sink *d, compiler *out_compiler) {
    kernel_backend backend;
    TRY(open_passes(line, d, out_compiler));
    TRY(choose_backend(line, d, out_compiler, &backend));
    use_backend(out_compiler, &backend, out_compiler->codegen);
    return RNNC_OK;
}

void close_compiler(compiler *c) {
    if (c->codegen) {
        codegen_destroy(c->codegen);
    }
    strbuf_deinit(&c->printed);
    strbuf_deinit(&c->timings);
    strbuf_deinit(&c->statistics);
}

rnnc_status with_compiler(const command_line *line, compiling_command *run, diag_sink *d) {
    loaded source = {0};
    compiler c = {0};
    rnnc_status status = load_source(line, d, &source);
    status = status == RNNC_OK ? open_compiler(line, d, &c) : status;
    status = status == RNNC_OK ? run(line, &source, &c, d) : status;
    close_compiler(&c);
    unload_source(&source);
    return status;
}

void show_compiler_output(compiler *c) {
    fputs(strbuf_text(&c->printed), stdout);
    fputs(strbuf_text(&c->statistics), stderr);
    fputs(strbuf_text(&c->timings), stderr);
    strbuf_deinit(&c->printed);
    strbuf_deinit(&c->timings);
    strbuf_deinit(&c->statistics);
}

rnnc_status build_machine(compiler *c, graph *g, const update_options *update, const int64_t *extents,
                          diag_sink *d, machine *out_machine) {
    machine_options options = {
        .backend = c->interpret ? NULL : &c->timed,
        .threads = c->threads,
        .pipeline = c->pipeline,
        .unroll = c->unroll,
        .hooks = &c->hooks,
        .update = update,
    };
    memcpy(options.maxima, extents, sizeof options.maxima);
    double begin = clock_milliseconds();
    rnnc_status status = machine_create(g, &options, d, out_machine);
    if (c->hooks.timings) {
        add_times(c, begin);
    }
    if (status == RNNC_OK && out_machine->program && c->hooks.statistics) {
        listing_add_statistics(out_machine->program, c->cached, &c->statistics);
    }
    show_compiler_output(c);
    return status;
}
