#include "codegen/compile.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "codegen/kernel_emit.h"
#include "codegen/object.h"

enum { MOST_THREADS = 64 };

typedef struct compile_job {
    const target *target;
    const kernel_desc *const *kernels;
    uint32_t count;
    const uint32_t *same;
    LLVMMemoryBufferRef *objects;
    char **errors;         // by kernel; by malloc
    atomic_uint next;      // kernel to be taken
    atomic_bool no_machine;
} compile_job;

// Takes kernel after kernel until none is left.
static void *work(void *user) {
    compile_job *job = user;
    LLVMTargetMachineRef machine = target_machine(job->target);
    if (!machine) {
        atomic_store(&job->no_machine, true);
        return NULL;
    }
    for (uint32_t i; (i = atomic_fetch_add(&job->next, 1)) < job->count;) {
        if (job->same[i] == i) {
            job->objects[i] = object_compile(job->kernels[i], job->target, machine, OBJECT_BYTES, &job->errors[i]);
        }
    }
    LLVMDisposeTargetMachine(machine);
    return NULL;
}

// Threads that cannot be had are done without.
static void run(compile_job *job, int threads) {
    pthread_t others[MOST_THREADS];
    int started = 0, wanted = threads < MOST_THREADS ? threads : MOST_THREADS;
    wanted = (uint32_t)wanted < job->count ? wanted : (int)job->count;
    while (started < wanted - 1 && pthread_create(&others[started], NULL, work, job) == 0) {
        started++;
    }
    work(job);
    for (int i = 0; i < started; i++) {
        pthread_join(others[i], NULL);
    }
}

static rnnc_status check_all(const kernel_desc *const *kernels, uint32_t count, diag_sink *d) {
    for (uint32_t i = 0; i < count; i++) {
        const char *defect = kernel_defect(kernels[i]);
        if (defect) {
            return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "kernel %s has %s", kernels[i]->name ? kernels[i]->name : "", defect);
        }
    }
    return RNNC_OK;
}

static void find_same(const kernel_desc *const *kernels, uint32_t count, uint64_t *hashes, uint32_t *out_same) {
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = kernel_hash(kernels[i]);
        out_same[i] = i;
        for (uint32_t j = 0; j < i && out_same[i] == i; j++) {
            if (hashes[j] == hashes[i] && kernel_equal(kernels[j], kernels[i])) {
                out_same[i] = j;
            }
        }
    }
}

// Reports the first kernel that failed, if any.
static rnnc_status collect(compile_job *job, diag_sink *d) {
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < job->count; i++) {
        if (status == RNNC_OK && job->same[i] == i && !job->objects[i]) {
            const char *text = job->errors[i] ? job->errors[i] : "LLVM has no target machine";
            const char *name = job->kernels[i]->name ? job->kernels[i]->name : "";
            status = diag_fail(d, RNNC_INTERNAL, NO_SPAN, "kernel %s cannot be compiled: %s", name, text);
        }
        free(job->errors[i]);
    }
    for (uint32_t i = 0; i < job->count && status != RNNC_OK; i++) {
        if (job->objects[i]) {
            LLVMDisposeMemoryBuffer(job->objects[i]);
        }
    }
    return status;
}

rnnc_status compile_objects(const target *t, const kernel_desc *const *kernels, uint32_t count, int threads,
                            diag_sink *d, LLVMMemoryBufferRef *out_objects, uint32_t *out_same) {
    TRY(check_all(kernels, count, d));
    char **errors = calloc(count + 1, sizeof *errors);
    uint64_t *hashes = calloc(count + 1, sizeof *hashes);
    rnnc_status status = RNNC_OUT_OF_MEMORY;
    if (!errors || !hashes) {
        diag_fail(d, status, NO_SPAN, "no memory for a table of %u kernels", count);
    } else {
        find_same(kernels, count, hashes, out_same);
        for (uint32_t i = 0; i < count; i++) {
            out_objects[i] = NULL;
        }
        compile_job job = {.target = t, .kernels = kernels, .count = count, .same = out_same, .objects = out_objects,
                           .errors = errors};
        run(&job, threads);
        status = collect(&job, d);
    }
    free(hashes);
    free(errors);
    return status;
}
