#include "codegen/compile.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel_emit.h"
#include "codegen/object.h"

enum {
    MOST_THREADS = 64,
    SHARES = 3, // groups for each thread, so that all end at about the same time
};

// A different kernel and what it has in common with others.
typedef struct candidate {
    const kernel_desc *k;
    uint64_t hash;
    uint32_t index;
    int family;
} candidate;

typedef struct group {
    const kernel_desc **kernels;
    uint32_t count;
    char *error; // by malloc; NULL: none
} group;

typedef struct compile_job {
    const target *target;
    group *groups;
    LLVMMemoryBufferRef *objects; // by group
    uint32_t count;
    atomic_uint next; // group to be taken
} compile_job;

// ---- Groups ----

// Products of one element type and layout of A share register tiles; these take long, so they come first.
static int family_of(const kernel_desc *k) {
    return k->kind == KERNEL_PRODUCT ? k->elem * 2 + k->transposed : 2 * DTYPE_COUNT;
}

static int by_hash(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    return x->hash != y->hash ? (x->hash > y->hash ? 1 : -1) : (x->index > y->index) - (x->index < y->index);
}

static int by_family(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    return x->family != y->family ? x->family - y->family : by_hash(a, b);
}

// The different ones of |kernels|, of equal ones the first, families beside each other; their number.
static uint32_t find_different(const kernel_desc *const *kernels, uint32_t count, candidate *out_candidates) {
    for (uint32_t i = 0; i < count; i++) {
        out_candidates[i] = (candidate){kernels[i], kernel_hash(kernels[i]), i, family_of(kernels[i])};
    }
    qsort(out_candidates, count, sizeof *out_candidates, by_hash);
    uint32_t different = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool known = different && out_candidates[different - 1].hash == out_candidates[i].hash;
        if (!known) {
            out_candidates[different++] = out_candidates[i];
        }
    }
    qsort(out_candidates, different, sizeof *out_candidates, by_family);
    return different;
}

// How many groups a family of |members| is cut into. A product's family writes its register tiles again for
// each.
static uint32_t share_count(int family, uint32_t members, int threads) {
    bool product = family < 2 * DTYPE_COUNT;
    uint32_t wanted = (uint32_t)(product ? threads : threads * SHARES),
             most = product ? (members + 3) / 4 : (members + 1) / 2;
    return wanted < most ? wanted : most;
}

// Cuts the families into groups, whose kernels are |order|'s in order; the number of groups.
static uint32_t make_groups(const candidate *candidates, uint32_t count, int threads,
                            const kernel_desc **order, group *out_groups) {
    uint32_t groups = 0;
    for (uint32_t begin = 0, end; begin < count; begin = end) {
        for (end = begin; end < count && candidates[end].family == candidates[begin].family; end++) {
            order[end] = candidates[end].k;
        }
        uint32_t members = end - begin, shares = share_count(candidates[begin].family, members, threads);
        for (uint32_t s = 0; s < shares; s++) {
            uint32_t from = begin + members * s / shares, to = begin + members * (s + 1) / shares;
            out_groups[groups++] = (group){order + from, to - from, NULL};
        }
    }
    return groups;
}

// ---- Work ----

// Takes group after group until none is left.
static void *work(void *user) {
    compile_job *job = user;
    LLVMTargetMachineRef machine = target_machine(job->target);
    for (uint32_t i; (i = atomic_fetch_add(&job->next, 1)) < job->count;) {
        group *g = &job->groups[i];
        if (machine) {
            job->objects[i] =
                object_compile(g->kernels, g->count, job->target, machine, OBJECT_BYTES, &g->error);
        }
    }
    if (machine) {
        LLVMDisposeTargetMachine(machine);
    }
    return NULL;
}

// Threads that cannot be had are done without.
static void run(compile_job *job, int threads) {
    pthread_t others[MOST_THREADS];
    int started = 0, wanted = (uint32_t)threads < job->count ? threads : (int)job->count;
    while (started < wanted - 1 && pthread_create(&others[started], NULL, work, job) == 0) {
        started++;
    }
    work(job);
    for (int i = 0; i < started; i++) {
        pthread_join(others[i], NULL);
    }
}

// Reports the first group that failed, if any.
static rnnc_status collect(compile_job *job, diag_sink *d) {
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < job->count; i++) {
        const group *g = &job->groups[i];
        if (status == RNNC_OK && !job->objects[i]) {
            const char *name = g->kernels[0]->name ? g->kernels[0]->name : "";
            status = diag_fail(d, RNNC_INTERNAL, NO_SPAN, "kernel %s cannot be compiled: %s", name,
                               g->error ? g->error : "LLVM has no target machine");
        }
        free(g->error);
    }
    return status;
}

static rnnc_status check_all(const kernel_desc *const *kernels, uint32_t count, diag_sink *d) {
    for (uint32_t i = 0; i < count; i++) {
        const char *defect = kernel_defect(kernels[i]);
        if (defect) {
            return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "kernel %s has %s",
                             kernels[i]->name ? kernels[i]->name : "", defect);
        }
    }
    return RNNC_OK;
}

rnnc_status compile_objects(const target *t, const kernel_desc *const *kernels, uint32_t count, int threads,
                            diag_sink *d, compiled_objects *out_objects) {
    *out_objects = (compiled_objects){.at = NULL};
    TRY(check_all(kernels, count, d));
    int most = threads < 1 ? 1 : threads < MOST_THREADS ? threads : MOST_THREADS;
    candidate *candidates = calloc(count + 1, sizeof *candidates);
    const kernel_desc **order = calloc(count + 1, sizeof *order);
    group *groups = calloc(count + 1, sizeof *groups);
    LLVMMemoryBufferRef *objects = calloc(count + 1, sizeof *objects);
    rnnc_status status = RNNC_OUT_OF_MEMORY;
    if (!candidates || !order || !groups || !objects) {
        diag_fail(d, status, NO_SPAN, "no memory for a table of %u kernels", count);
    } else {
        compile_job job = {.target = t, .groups = groups, .objects = objects};
        job.count = make_groups(candidates, find_different(kernels, count, candidates), most, order, groups);
        run(&job, most);
        status = collect(&job, d);
        *out_objects = (compiled_objects){objects, job.count};
        objects = NULL;
    }
    if (status != RNNC_OK) {
        compiled_objects_dispose(out_objects);
    }
    free(candidates);
    free(order);
    free(groups);
    free(objects);
    return status;
}

void compiled_objects_dispose(compiled_objects *objects) {
    for (uint32_t i = 0; i < objects->count; i++) {
        if (objects->at[i]) {
            LLVMDisposeMemoryBuffer(objects->at[i]);
        }
    }
    free(objects->at);
    *objects = (compiled_objects){.at = NULL};
}
