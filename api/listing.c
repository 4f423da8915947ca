// Passes of the caller's choice, and what is listed of them.
#include "report/listing.h"

#include "api/parts.h"

static rnnc_status check(const rnnc_pass_options *asked, diag_sink *d) {
    if (asked->struct_size != sizeof *asked) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "options of passes begin with RNNC_PASS_OPTIONS");
    }
    if (asked->dump_folder && !*asked->dump_folder) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "dump_folder is empty");
    }
    return pass_check_printed(asked->print_after, "print_after", d);
}

static void forget(rnnc_bytes **text) {
    if (text) {
        *text = NULL;
    }
}

rnnc_status api_listing_open(const rnnc_pass_options *asked, rnnc_diagnostics *d, api_listing *l) {
    *l = (api_listing){.asked = asked, .hooks = {.bisect_limit = -1}};
    if (!asked) {
        return RNNC_OK;
    }
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = api_report(d, &sink, check(asked, &sink));
    diag_deinit(&sink);
    TRY(status);
    forget(asked->out_printed);
    forget(asked->out_statistics);
    forget(asked->out_timings);
    l->pipeline = asked->passes;
    l->unroll = asked->unroll;
    l->hooks = (pass_hooks){.verify_each = asked->verify_each,
                            .print_after = asked->print_after,
                            .dump_folder = asked->dump_folder,
                            .printed = &l->printed,
                            .timings = asked->out_timings ? &l->timings : NULL,
                            .statistics = asked->out_statistics ? &l->statistics : NULL,
                            .bisect_limit = asked->bisect_limit};
    return RNNC_OK;
}

void api_listing_add(api_listing *l, const rnnc_program *p) {
    if (l->hooks.statistics) {
        listing_add_statistics(p->program, p->codegen, &l->statistics);
    }
    if (l->hooks.timings) {
        listing_add_times(p->code_milliseconds, p->compile_milliseconds, &l->timings);
    }
}

static rnnc_status give(const strbuf *text, rnnc_bytes **to, const allocator *memory, diag_sink *d) {
    return to ? api_bytes_create(memory, text, d, to) : RNNC_OK;
}

static rnnc_status give_all(const api_listing *l, const allocator *memory, diag_sink *d) {
    const rnnc_pass_options *asked = l->asked;
    TRY(give(&l->printed, asked->out_printed, memory, d));
    TRY(give(&l->statistics, asked->out_statistics, memory, d));
    return give(&l->timings, asked->out_timings, memory, d);
}

rnnc_status api_listing_close(api_listing *l, const allocator *memory, diag_sink *d, rnnc_status status) {
    // Of what failed there may be no memory for its listing, either; one error is enough.
    diag_sink unheard;
    diag_init(&unheard);
    rnnc_status given = l->asked ? give_all(l, memory, status == RNNC_OK ? d : &unheard) : RNNC_OK;
    diag_deinit(&unheard);
    strbuf_deinit(&l->printed);
    strbuf_deinit(&l->statistics);
    strbuf_deinit(&l->timings);
    return status == RNNC_OK ? given : status;
}
