#include "report/listing.h"

void listing_add_statistics(const program *p, const codegen *c, strbuf *out) {
    double over = p->live_bytes > 0 ? 100.0 * ((double)p->arena_bytes / (double)p->live_bytes - 1) : 0;
    strbuf_addf(out,
                "%u kernels, %u calls\narena %lld bytes, largest sum of live bytes %lld (%.1f %% more)\n"
                "copies %u outside loops, %u inside\n",
                p->kernels.count, p->calls.count, (long long)p->arena_bytes, (long long)p->live_bytes, over,
                p->copies, p->loop_copies);
    if (c) {
        codegen_cache_statistics(c, out);
    }
}

void listing_add_times(double code_milliseconds, double compile_milliseconds, strbuf *out) {
    strbuf_addf(out, "%-16s %9.3f ms\n", "machine code", code_milliseconds);
    strbuf_addf(out, "%-16s %9.3f ms: passes and machine code\n", "compiling", compile_milliseconds);
}
