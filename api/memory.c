// What the caller gives in place of the system's: memory and threads.
#include "api/parts.h"

rnnc_status api_take_allocator(const rnnc_allocator *given, rnnc_diagnostics *d, allocator *out_memory) {
    *out_memory = (allocator){NULL, NULL, NULL};
    if (!given) {
        return RNNC_OK;
    }
    if (!given->allocate || !given->release) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "an allocator has two functions: allocate and release");
    }
    *out_memory = (allocator){given->user, given->allocate, given->release};
    return RNNC_OK;
}

rnnc_status api_take_context_options(const rnnc_program *p, const rnnc_context_options *options,
                                     rnnc_diagnostics *d, team_options *out_threads) {
    *out_threads = (team_options){.members = p->threads};
    if (!options) {
        return RNNC_OK;
    }
    if (options->struct_size != sizeof *options || options->threads < 0 ||
        options->threads > TEAM_MOST_MEMBERS) {
        return api_fail(
            d, RNNC_INVALID_ARGUMENT,
            "the options of a context begin with RNNC_CONTEXT_OPTIONS; it has 1 to %d threads, found %d",
            TEAM_MOST_MEMBERS, options->threads);
    }
    TRY(api_take_allocator(options->allocator, d, &out_threads->memory));
    out_threads->members = options->threads ? options->threads : p->threads;
    out_threads->pool = (team_pool){options->parallel_user, options->parallel_for};
    return RNNC_OK;
}
