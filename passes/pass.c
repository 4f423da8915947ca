#include "passes/pass.h"

#include <errno.h>
#include <string.h>

#include "ir/verify.h"
#include "passes/stage_text.h"
#include "support/clock.h"

const char pass_pipeline_training[] =
    "simplify, fuse-gates, simplify, differentiate, update, simplify, batch-time, simplify, "
    "lower, pack-weights, fuse-pointwise, schedule, plan-buffers";
const char pass_pipeline_inference[] = "simplify, fuse-gates, simplify, batch-time, simplify, "
                                       "lower, pack-weights, fuse-pointwise, schedule, plan-buffers";

static const pass_info registry[] = {
#define PASS(function, name, optional, needs, leaves, description) \
    {name, pass_##function, optional, PLAN_##needs, PLAN_##leaves, description},
#include "passes/passes.def"
#undef PASS
    {0},
};

enum { LONGEST_PASS_NAME = 63 };

const pass_info *pass_registry(void) {
    return registry;
}

const pass_info *pass_find(const char *name) {
    for (const pass_info *p = registry; p->name; p++) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

bool pass_may_rewrite(pass_context *cx) {
    if (cx->rewrites_left == 0) {
        return false;
    }
    if (cx->rewrites_left > 0) {
        cx->rewrites_left--;
    }
    cx->counts->rewrites++;
    return true;
}

// Takes the next name off |*text|; false at the end.
static bool next_name(const char **text, char name[LONGEST_PASS_NAME + 1]) {
    const char *at = *text + strspn(*text, " ,\n\t");
    size_t length = strcspn(at, " ,\n\t");
    size_t kept = length < LONGEST_PASS_NAME ? length : LONGEST_PASS_NAME;
    memcpy(name, at, kept);
    name[kept] = 0;
    *text = at + length;
    return length > 0;
}

bool pass_pipeline_has(const char *pipeline, const char *name) {
    char next[LONGEST_PASS_NAME + 1];
    bool has = false;
    while (!has && next_name(&pipeline, next)) {
        has = strcmp(next, name) == 0;
    }
    return has;
}

rnnc_status pass_check_printed(const char *name, const char *option, diag_sink *d) {
    if (!name || strcmp(name, "all") == 0 || pass_find(name)) {
        return RNNC_OK;
    }
    const char *names[sizeof registry / sizeof registry[0]];
    size_t count = 0;
    for (const pass_info *p = registry; p->name; p++) {
        names[count++] = p->name;
    }
    const char *near = nearest_name(name, names, count);
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s: there is no pass '%s'%s%s%s", option, name,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static rnnc_status check_names(const char *pipeline, diag_sink *d) {
    const char *names[sizeof registry / sizeof registry[0]];
    size_t count = 0;
    for (const pass_info *p = registry; p->name; p++) {
        names[count++] = p->name;
    }
    rnnc_status status = RNNC_OK;
    char name[LONGEST_PASS_NAME + 1];
    while (next_name(&pipeline, name)) {
        if (!pass_find(name)) {
            const char *nearest = nearest_name(name, names, count);
            status =
                diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "there is no pass \"%s\"%s%s%s", name,
                          nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
        }
    }
    return status;
}

static const char *maker_of(plan_stage stage) {
    const pass_info *p = registry;
    while (p->leaves != stage) {
        p++;
    }
    return p->name;
}

// What a pass does not find. A plan may be made again, and its later parts too.
static rnnc_status check_stage(const pass_info *pass, plan_stage stage, diag_sink *d) {
    if (stage < pass->needs) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s needs %s before it", pass->name,
                         maker_of(pass->needs));
    }
    if (stage != PLAN_NONE && pass->leaves == PLAN_NONE) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "%s rewrites the graph, for which there is a plan already: it must come before %s",
                         pass->name, maker_of(PLAN_GROUPED));
    }
    return RNNC_OK;
}

// Follows the stages of the plan through the pipeline.
static rnnc_status check_stages(const char *pipeline, plan_stage stage, diag_sink *d) {
    char name[LONGEST_PASS_NAME + 1];
    while (next_name(&pipeline, name)) {
        const pass_info *pass = pass_find(name);
        TRY(check_stage(pass, stage, d));
        stage = pass->leaves;
    }
    return RNNC_OK;
}

static rnnc_status write_dump(const graph *g, const plan *p, const char *folder, int number, const char *name,
                              diag_sink *d) {
    strbuf path = {0}, text = {0};
    strbuf_addf(&path, "%s/%02d.%s.ir", folder, number, name);
    stage_print(g, p, &text);
    FILE *file = fopen(strbuf_text(&path), "w");
    bool written = file && fwrite(strbuf_text(&text), 1, text.length, file) == text.length;
    written = file && fclose(file) == 0 && written;
    rnnc_status status = RNNC_OK;
    if (!written) {
        status =
            diag_fail(d, RNNC_IO, NO_SPAN, "%s: cannot be written: %s", strbuf_text(&path), strerror(errno));
    }
    strbuf_deinit(&path);
    strbuf_deinit(&text);
    return status;
}

static rnnc_status verify_after(const graph *g, pass_context *cx, int number, const char *name) {
    rnnc_status status = graph_verify(g, cx->d);
    if (status == RNNC_OK && cx->plan) {
        status = plan_verify(g, cx->plan, NULL, cx->scratch, cx->d);
    }
    if (status == RNNC_OK && cx->plan && cx->plan->stage == PLAN_PLACED) {
        status = plan_verify_blocks(g, cx->plan, NULL, cx->scratch, cx->d);
    }
    return status == RNNC_OK
               ? RNNC_OK
               : diag_fail(cx->d, RNNC_INTERNAL, NO_SPAN,
                           "pass %02d %s left a graph or a plan that is not valid", number, name);
}

static rnnc_status after_pass(const graph *g, pass_context *cx, const pass_hooks *hooks, int number,
                              const char *name) {
    if (hooks->print_after && hooks->printed &&
        (strcmp(hooks->print_after, "all") == 0 || strcmp(hooks->print_after, name) == 0)) {
        strbuf_addf(hooks->printed, "# after %02d %s\n", number, name);
        stage_print(g, cx->plan, hooks->printed);
    }
    if (hooks->dump_folder) {
        TRY(write_dump(g, cx->plan, hooks->dump_folder, number, name, cx->d));
    }
    return hooks->verify_each ? verify_after(g, cx, number, name) : RNNC_OK;
}

static rnnc_status run_pass(graph *g, pass_context *cx, const pass_hooks *hooks, int number,
                            const pass_info *pass) {
    uint32_t nodes_before = g->nodes.count;
    double begin = clock_milliseconds();
    TRY(pass->run(g, cx));
    double took = clock_milliseconds() - begin;
    if (cx->plan) {
        cx->plan->stage = pass->leaves;
    }
    if (hooks->timings) {
        strbuf_addf(hooks->timings, "%-16s %9.3f ms\n", pass->name, took);
    }
    if (hooks->statistics) {
        strbuf_addf(hooks->statistics, "%-16s %5llu rewrites, %5u -> %5u nodes\n", pass->name,
                    (unsigned long long)cx->counts->rewrites, nodes_before, g->nodes.count);
    }
    return after_pass(g, cx, hooks, number, pass->name);
}

static rnnc_status run_guarded(graph *g, pass_context *cx, const pass_hooks *hooks, int number,
                               const pass_info *pass) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(cx->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for pass %02d %s", number,
                         pass->name);
    }
    g->memory.exhausted = cx->scratch->exhausted = &exhausted;
    return run_pass(g, cx, hooks, number, pass);
}

rnnc_status pass_run_pipeline(graph *g, pass_context *cx, const char *pipeline, const pass_hooks *hooks) {
    static const pass_hooks no_hooks = {.bisect_limit = -1};
    hooks = hooks ? hooks : &no_hooks;
    TRY(check_names(pipeline, cx->d));
    TRY(check_stages(pipeline, cx->plan ? cx->plan->stage : PLAN_NONE, cx->d));
    cx->rewrites_left = hooks->bisect_limit;
    char name[LONGEST_PASS_NAME + 1];
    for (int number = 1; next_name(&pipeline, name); number++) {
        arena scratch;
        arena_init(&scratch);
        pass_counts counts = {0};
        cx->scratch = &scratch;
        cx->counts = &counts;
        rnnc_status status = run_guarded(g, cx, hooks, number, pass_find(name));
        g->memory.exhausted = NULL;
        arena_deinit(&scratch);
        TRY(status);
    }
    return RNNC_OK;
}
