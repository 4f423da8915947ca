#include "passes/pass.h"

#include <errno.h>
#include <string.h>

#include "ir/text.h"
#include "ir/verify.h"
#include "support/clock.h"

const char pass_pipeline_training[] =
    "simplify, fuse-gates, simplify, differentiate, update, simplify, batch-time, simplify, "
    "lower, pack-weights, fuse-pointwise, schedule, plan-buffers";
const char pass_pipeline_inference[] = "simplify, fuse-gates, simplify, batch-time, simplify, "
                                       "lower, pack-weights, fuse-pointwise, schedule, plan-buffers";

static const pass_info registry[] = {
#define PASS(function, name, optional, description) {name, pass_##function, optional, description},
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

static rnnc_status write_dump(const graph *g, const char *folder, int number, const char *name,
                              diag_sink *d) {
    strbuf path = {0}, text = {0};
    strbuf_addf(&path, "%s/%02d.%s.ir", folder, number, name);
    graph_print(g, &text);
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

static rnnc_status after_pass(const graph *g, const pass_hooks *hooks, int number, const char *name,
                              diag_sink *d) {
    if (hooks->print_after && hooks->printed &&
        (strcmp(hooks->print_after, "all") == 0 || strcmp(hooks->print_after, name) == 0)) {
        strbuf_addf(hooks->printed, "# after %02d %s\n", number, name);
        graph_print(g, hooks->printed);
    }
    if (hooks->dump_folder) {
        TRY(write_dump(g, hooks->dump_folder, number, name, d));
    }
    if (hooks->verify_each && graph_verify(g, d) != RNNC_OK) {
        return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "pass %02d %s left a graph that is not valid", number,
                         name);
    }
    return RNNC_OK;
}

rnnc_status pass_run_pipeline(graph *g, pass_context *cx, const char *pipeline, const pass_hooks *hooks) {
    static const pass_hooks no_hooks = {.bisect_limit = -1};
    hooks = hooks ? hooks : &no_hooks;
    TRY(check_names(pipeline, cx->d));
    cx->rewrites_left = hooks->bisect_limit;
    char name[LONGEST_PASS_NAME + 1];
    for (int number = 1; next_name(&pipeline, name); number++) {
        arena scratch;
        arena_init(&scratch);
        scratch.exhausted = g->memory.exhausted;
        pass_counts counts = {0};
        cx->scratch = &scratch;
        cx->counts = &counts;
        uint32_t nodes_before = g->nodes.count;
        double begin = clock_milliseconds();
        rnnc_status status = pass_find(name)->run(g, cx);
        double took = clock_milliseconds() - begin;
        arena_deinit(&scratch);
        TRY(status);
        if (hooks->timings) {
            strbuf_addf(hooks->timings, "%-16s %9.3f ms\n", name, took);
        }
        if (hooks->statistics) {
            strbuf_addf(hooks->statistics, "%-16s %5llu rewrites, %5u -> %5u nodes\n", name,
                        (unsigned long long)counts.rewrites, nodes_before, g->nodes.count);
        }
        TRY(after_pass(g, hooks, number, name, cx->d));
    }
    return RNNC_OK;
}
