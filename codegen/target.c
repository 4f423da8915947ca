#include "codegen/target.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llvm-c/Core.h>
#include <llvm-c/Target.h>

// ---- Levels ----

typedef struct known_cpu {
    const char *name;
    int level;
} known_cpu;

static const known_cpu known_cpus[] = {
#define CPU(name, level) {name, level},
#include "codegen/cpus.def"
#undef CPU
};
enum { KNOWN_CPUS = sizeof known_cpus / sizeof known_cpus[0] };

// What our code uses of a level, as LLVM's features. Each level has those before it, too.
static const char *const level_features[] = {
    "",
    "",
    "+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+sahf",
    "+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe",
    "+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl",
};
enum { HIGHEST_LEVEL = 4 };

// Whether the list |features| has |feature| ("+name", |length| bytes).
static bool has_feature(const char *features, const char *feature, size_t length) {
    for (const char *at = features; *at;) {
        size_t own = strcspn(at, ",");
        if (own == length && strncmp(at, feature, length) == 0) {
            return true;
        }
        at += own + (at[own] == ',');
    }
    return false;
}

static bool has_all(const char *features, const char *wanted) {
    for (const char *at = wanted; *at;) {
        size_t own = strcspn(at, ",");
        if (!has_feature(features, at, own)) {
            return false;
        }
        at += own + (at[own] == ',');
    }
    return true;
}

// A name may be wrong where a hypervisor masks the processor's model; its features are not.
static int level_of_features(const char *features) {
    int level = 1;
    while (level < HIGHEST_LEVEL && has_all(features, level_features[level + 1])) {
        level++;
    }
    return level;
}

// ---- Facts ----

static int64_t cache_bytes(int name, int64_t otherwise) {
    long bytes = sysconf(name);
    return bytes > 0 ? bytes : otherwise;
}

static void fill_caches(target_facts *f) {
    f->l1_bytes = 32 << 10;
    f->l2_bytes = 512 << 10;
#ifdef _SC_LEVEL1_DCACHE_SIZE
    f->l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, f->l1_bytes);
    f->l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, f->l2_bytes);
#endif
}

static void fill_x86(target_facts *f, int level) {
    f->has_fma = level >= 3;
    f->has_masked_memory = level >= 3;
    f->vector_bytes = level == 4 ? 64 : level == 3 ? 32 : 16;
    f->vector_registers = level == 4 ? 32 : 16;
}

static bool is_x86_64(const char *triple) {
    return strncmp(triple, "x86_64", 6) == 0;
}

static void fill_facts(target *t, int level) {
    t->facts = (target_facts){.triple = t->triple, .cpu = t->cpu, .features = t->features};
    fill_caches(&t->facts);
    if (is_x86_64(t->triple)) {
        fill_x86(&t->facts, level);
        return;
    }
    // Elsewhere: vectors of 16 bytes; 64-bit ARM has 32 of them and fused multiply-add.
    bool arm = strncmp(t->triple, "aarch64", 7) == 0 || strncmp(t->triple, "arm64", 5) == 0;
    t->facts.has_fma = arm;
    t->facts.vector_bytes = 16;
    t->facts.vector_registers = arm ? 32 : 16;
}

// ---- Choice ----

static char *copy_of_message(char *message) {
    char *copy = message ? strdup(message) : NULL;
    LLVMDisposeMessage(message);
    return copy;
}

static rnnc_status unknown_cpu(const char *cpu, diag_sink *d) {
    const char *names[KNOWN_CPUS + 1] = {"native"};
    for (int i = 0; i < KNOWN_CPUS; i++) {
        names[i + 1] = known_cpus[i].name;
    }
    const char *nearest = nearest_name(cpu, names, KNOWN_CPUS + 1);
    if (nearest) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "unknown processor \"%s\"; did you mean \"%s\"?",
                         cpu, nearest);
    }
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                     "unknown processor \"%s\"; known are native, x86-64, x86-64-v2, x86-64-v3, x86-64-v4 "
                     "and LLVM's names "
                     "(llc -mcpu=help)",
                     cpu);
}

static const known_cpu *find_cpu(const char *name) {
    for (int i = 0; i < KNOWN_CPUS; i++) {
        if (strcmp(known_cpus[i].name, name) == 0) {
            return &known_cpus[i];
        }
    }
    return NULL;
}

static rnnc_status choose_named(target *t, const char *cpu, int host_level, diag_sink *d) {
    const known_cpu *known = is_x86_64(t->triple) ? find_cpu(cpu) : NULL;
    if (!known) {
        return unknown_cpu(cpu, d);
    }
    if (known->level > host_level) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                         "this machine cannot run code for \"%s\": it reaches level %d of x86-64, "
                         "that processor has level %d",
                         cpu, host_level, known->level);
    }
    // Only features of the level, not all of the processor's: the host may lack some.
    static const char *const level_names[] = {"", "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
    free(t->cpu);
    free(t->features);
    t->cpu = strdup(level_names[known->level]);
    t->features = strdup("");
    fill_facts(t, known->level);
    return RNNC_OK;
}

rnnc_status target_init(target *t, const char *cpu, diag_sink *d) {
    *t = (target){.triple = NULL};
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    t->triple = copy_of_message(LLVMGetDefaultTargetTriple());
    t->cpu = copy_of_message(LLVMGetHostCPUName());
    t->features = copy_of_message(LLVMGetHostCPUFeatures());
    rnnc_status status = RNNC_OK;
    if (t->triple && t->cpu && t->features) {
        int level = level_of_features(t->features);
        fill_facts(t, level);
        if (cpu && strcmp(cpu, "native") != 0) {
            status = choose_named(t, cpu, level, d);
        }
    }
    if (status == RNNC_OK && (!t->triple || !t->cpu || !t->features)) {
        status = diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the description of the processor");
    }
    if (status != RNNC_OK) {
        target_deinit(t);
    }
    return status;
}

void target_deinit(target *t) {
    free(t->triple);
    free(t->cpu);
    free(t->features);
    *t = (target){.triple = NULL};
}

LLVMTargetMachineRef target_machine(const target *t) {
    LLVMTargetRef kind = NULL;
    char *error = NULL;
    if (LLVMGetTargetFromTriple(t->triple, &kind, &error)) {
        LLVMDisposeMessage(error);
        return NULL;
    }
    return LLVMCreateTargetMachine(kind, t->triple, t->cpu, t->features, LLVMCodeGenLevelDefault,
                                   LLVMRelocPIC, LLVMCodeModelDefault);
}
