#include "codegen/host.h"

#include <string.h>
#include <unistd.h>

#include "codegen/levels.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

// ---- What the processor says ----

#ifdef __x86_64__

typedef struct cpu_leaf {
    unsigned leaf, subleaf;
    unsigned known[REGISTERS]; // bits that say the same on every core
} cpu_leaf;

// EBX of leaf 1 holds the number of the core that answers.
static const cpu_leaf leaves[] = {
    {0x00000000, 0, {~0u, ~0u, ~0u, ~0u}}, {0x00000001, 0, {~0u, 0, ~0u, ~0u}},
    {0x00000007, 0, {~0u, ~0u, ~0u, ~0u}}, {0x00000007, 1, {~0u, ~0u, ~0u, ~0u}},
    {0x0000000d, 1, {~0u, 0, 0, 0}},       {0x00000014, 0, {0, ~0u, 0, 0}},
    {0x00000019, 0, {0, ~0u, 0, 0}},       {0x00000024, 0, {0, ~0u, 0, 0}},
    {0x80000001, 0, {0, 0, ~0u, ~0u}},     {0x80000008, 0, {0, ~0u, 0, 0}},
};
enum { LEAVES = sizeof leaves / sizeof *leaves };

static unsigned ask(unsigned leaf, unsigned subleaf, cpu_register wanted) {
    unsigned found[REGISTERS] = {0};
    if (!__get_cpuid_count(leaf, subleaf, &found[EAX], &found[EBX], &found[ECX], &found[EDX])) {
        return 0;
    }
    return found[wanted];
}

static bool has_bit(unsigned leaf, cpu_register where, int bit) {
    return ask(leaf, 0, where) >> bit & 1;
}

// The registers that the system saves for a process: bits of XCR0, 0 where it cannot be read.
static unsigned saved_registers(void) {
    unsigned low = 0, high = 0;
    if (has_bit(1, ECX, 27)) {
        __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    }
    return low;
}

// A name may be wrong where a hypervisor masks the processor's model; its features are not.
int host_level(void) {
    unsigned saved = saved_registers();
    int level = HIGHEST_LEVEL;
    while ((saved & level_registers(level)) != level_registers(level)) {
        level--;
    }
    const level_bit *b;
    for (int i = 0; (b = level_bit_at(i)) != NULL; i++) {
        if (b->level <= level && !has_bit(b->leaf, b->where, b->bit)) {
            level = b->level - 1;
        }
    }
    return level;
}

bool host_fingerprint(strbuf *out) {
    for (int i = 0; i < LEAVES; i++) {
        for (int r = 0; r < REGISTERS; r++) {
            unsigned said = ask(leaves[i].leaf, leaves[i].subleaf, (cpu_register)r) & leaves[i].known[r];
            strbuf_add_bytes(out, &said, sizeof said);
        }
    }
    unsigned saved = saved_registers();
    strbuf_add_bytes(out, &saved, sizeof saved);
    return !out->failed;
}

#else

int host_level(void) {
    return 0;
}

bool host_fingerprint(strbuf *out) {
    (void)out;
    return false;
}

#endif

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

// Elsewhere: vectors of 16 bytes; 64-bit ARM has 32 of them and fused multiply-add.
static void fill_other(target_facts *f) {
#ifdef __aarch64__
    f->has_fma = true;
    f->vector_registers = 32;
#else
    f->vector_registers = 16;
#endif
    f->vector_bytes = 16;
}

static void fill_facts(target_facts *f, int level) {
    *f = (target_facts){.cpu = "native"};
    fill_caches(f);
    if (level) {
        level_fill(level, f);
    } else {
        fill_other(f);
    }
}

// ---- Choice ----

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

static const known_cpu *find_cpu(const char *name) {
    for (int i = 0; i < KNOWN_CPUS; i++) {
        if (strcmp(known_cpus[i].name, name) == 0) {
            return &known_cpus[i];
        }
    }
    return NULL;
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
                     "and LLVM's names (llc -mcpu=help)",
                     cpu);
}

static rnnc_status choose_named(const char *cpu, int level, diag_sink *d, target_facts *out_facts) {
    const known_cpu *known = level ? find_cpu(cpu) : NULL;
    if (!known) {
        return unknown_cpu(cpu, d);
    }
    if (known->level > level) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                         "this machine cannot run code for \"%s\": it reaches level %d of x86-64, "
                         "that processor has level %d",
                         cpu, level, known->level);
    }
    // Only features of the level, not all of the processor's: the host may lack some.
    fill_facts(out_facts, known->level);
    out_facts->cpu = level_name(known->level);
    out_facts->features = "";
    return RNNC_OK;
}

rnnc_status host_choose(const char *cpu, diag_sink *d, target_facts *out_facts) {
    int level = host_level();
    if (cpu && strcmp(cpu, "native") != 0) {
        return choose_named(cpu, level, d, out_facts);
    }
    fill_facts(out_facts, level);
    return RNNC_OK;
}
