// What an object is for, by the names of targets, processors and levels.
#include <string.h>

#include "ahead/build_parts.h"
#include "codegen/ahead_target.h"

static bool is_this_machine(const char *target) {
    return !target || strcmp(target, "native") == 0;
}

bool build_is_native(const build_request *r) {
    return is_this_machine(r->target) || levels_are_named(r->target);
}

typedef struct target_names {
    const char *target, *cpu; // NULL: this machine; as the target says
} target_names;

// Levels of x86-64, as processor or target, without a system: for Linux.
static rnnc_status name_levels(const build_request *r, diag_sink *d, target_names *out_names) {
    static const char linux_target[] = "x86_64-linux-gnu";
    bool native = is_this_machine(r->target);
    *out_names = (target_names){native ? NULL : r->target, r->cpu};
    if (!native && levels_are_named(r->target)) {
        if (r->cpu) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "%s %s says for which processors: leave %s out", r->terms->target, r->target,
                             r->terms->cpu);
        }
        *out_names = (target_names){linux_target, r->target};
    } else if (native && r->cpu && strchr(r->cpu, ',')) {
        out_names->target = linux_target;
    }
    return RNNC_OK;
}

// One level, or several in one object.
static rnnc_status choose_levels(const build_request *r, const target_names *names, diag_sink *d,
                                 build_target *t) {
    if (strncmp(t->facts.triple, "x86_64", strlen("x86_64")) != 0) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s goes with x86-64, not with %s %s",
                         r->terms->cpu, r->terms->target, names->target);
    }
    TRY(levels_choose(names->cpu, t->facts.triple, d, &t->levels));
    if (t->levels.count > 1) {
        t->facts = t->levels.base;
    } else {
        t->facts = t->levels.facts[0];
        t->levels.count = 0;
    }
    return RNNC_OK;
}

// For another machine the kernels that run here, those that pack the weights, are interpreted in its layout.
static rnnc_status open_foreign(const build_request *r, const target_names *names, diag_sink *d,
                                build_target *t) {
    TRY(ahead_target_choose(names->target, r->terms->target_list, d, &t->facts));
    if (names->cpu) {
        TRY(choose_levels(r, names, d, t));
    }
    TRY(codegen_create(NULL, d, &t->codegen));
    t->interpreter.shape = target_panels_of(&t->facts);
    t->backend = kernel_interpret_backend(&t->interpreter);
    return RNNC_OK;
}

rnnc_status build_target_open(const build_request *r, diag_sink *d, build_target *out_target) {
    build_target *t = out_target;
    target_names names;
    *t = (build_target){.codegen = NULL};
    TRY(name_levels(r, d, &names));
    if (names.target) {
        return open_foreign(r, &names, d, t);
    }
    TRY(codegen_create(names.cpu, d, &t->codegen));
    t->facts = *codegen_facts(t->codegen);
    if (r->cached) {
        codegen_use_cache(t->codegen);
    }
    t->backend = codegen_backend(t->codegen);
    return RNNC_OK;
}

void build_target_close(build_target *t) {
    codegen_destroy(t->codegen);
}

rnnc_status build_list_targets(diag_sink *d, strbuf *out) {
    codegen *c = NULL;
    TRY(codegen_create(NULL, d, &c));
    rnnc_status status = ahead_target_list(c, d, out);
    codegen_destroy(c);
    return status;
}
