#include "passes/kernel.h"

#include <string.h>

#include "passes/phases.h"

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 32);
}

static uint64_t float_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void add_instr(const kernel_instr *i, kernel_field *add, void *user) {
    add(user, (uint64_t)i->code << 32 | (uint64_t)i->elem << 16 | i->full);
    add(user, (uint64_t)(uint16_t)i->a << 48 | (uint64_t)(uint16_t)i->b << 32 |
                  (uint64_t)(uint16_t)i->c << 16 | (uint16_t)i->arg);
    add(user, (uint32_t)i->column);
    add(user, float_bits(i->f));
}

// All of the identity but the numbers of arguments, of instructions and of the site's characters.
static void add_fields(const kernel_desc *k, kernel_field *add, void *user) {
    add(user, (uint64_t)k->dims << 32 | (uint64_t)k->kept_dims << 16 | (uint64_t)k->flat << 8 | k->elem);
    add(user, (uint64_t)k->fold << 32 | (uint32_t)k->columns);
    add(user, (uint64_t)(uint32_t)k->gates << 32 | (uint32_t)k->inner);
    add(user, (uint64_t)k->batched << 16 | (uint64_t)k->packed << 8 | k->transposed);
    for (const char *site = k->site; site && *site; site++) {
        add(user, (unsigned char)*site);
    }
    for (uint32_t i = 0; i < k->arg_count; i++) {
        const kernel_arg *a = &k->args[i];
        add(user, (uint64_t)(uint32_t)a->columns << 32 | (uint64_t)a->elem << 16 | (uint64_t)a->written << 8 |
                      a->uniform);
    }
    for (uint32_t i = 0; i < k->instr_count; i++) {
        add_instr(&k->instrs[i], add, user);
    }
}

static void mix_field(void *user, uint64_t field) {
    uint64_t *hash = user;
    *hash = mix(*hash, field);
}

uint64_t kernel_hash(const kernel_desc *k) {
    uint64_t hash = k->kind;
    add_fields(k, mix_field, &hash);
    return hash;
}

void kernel_fields(const kernel_desc *k, kernel_field *add, void *user) {
    add(user, k->kind);
    add(user, k->site ? strlen(k->site) : 0);
    add(user, (uint64_t)k->arg_count << 32 | k->instr_count);
    add_fields(k, add, user);
}

static bool same_arg(const kernel_arg *a, const kernel_arg *b) {
    return a->elem == b->elem && a->written == b->written && a->uniform == b->uniform &&
           a->columns == b->columns;
}

static bool same_instr(const kernel_instr *a, const kernel_instr *b) {
    return a->code == b->code && a->elem == b->elem && a->full == b->full && a->a == b->a && a->b == b->b &&
           a->c == b->c && a->arg == b->arg && a->column == b->column && float_bits(a->f) == float_bits(b->f);
}

static bool same_site(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") == 0;
}

bool kernel_equal(const kernel_desc *a, const kernel_desc *b) {
    bool same = a->kind == b->kind && a->dims == b->dims && a->kept_dims == b->kept_dims &&
                a->flat == b->flat && a->elem == b->elem && a->fold == b->fold && a->columns == b->columns &&
                a->gates == b->gates && a->inner == b->inner && a->packed == b->packed &&
                a->batched == b->batched && a->transposed == b->transposed && a->arg_count == b->arg_count &&
                a->instr_count == b->instr_count && same_site(a->site, b->site);
    for (uint32_t i = 0; same && i < a->arg_count; i++) {
        same = same_arg(&a->args[i], &b->args[i]);
    }
    for (uint32_t i = 0; same && i < a->instr_count; i++) {
        same = same_instr(&a->instrs[i], &b->instrs[i]);
    }
    return same;
}

// ---- Passes through the columns (phases.h) ----

bool kernel_reduces(const kernel_desc *k, uint32_t i) {
    uint16_t code = k->instrs[i].code;
    return code < OP_COUNT && (op_has((op_id)code, REDUCE) || code == OP_ARGMAX);
}

int kernel_reduction_pass(const kernel_desc *k, const kernel_phases *phases, uint32_t i) {
    return phases->pass[k->instrs[i].a];
}

static bool is_log_sum_exp(const kernel_desc *k, uint32_t i) {
    return k->instrs[i].code == OP_LSE;
}

// What is worth a store and a load rather than a second computation.
static bool is_dear(uint16_t code) {
    return code == OP_EXP || code == OP_LOG || code == OP_TANH || code == OP_SIGMOID || code == OP_ERF ||
           code == OP_SOFTPLUS || code == OP_DIV || code == OP_SQRT;
}

static void place_instr(const kernel_desc *k, kernel_phases *p, uint32_t i) {
    const kernel_instr *in = &k->instrs[i];
    const int16_t operands[] = {in->a, in->b, in->c};
    bool full = in->full != 0;
    int16_t pass = 0;
    for (int o = 0; o < 3; o++) {
        if (operands[o] >= 0) {
            full |= p->full[operands[o]] != 0;
            pass = p->pass[operands[o]] > pass ? p->pass[operands[o]] : pass;
        }
    }
    bool reduces = kernel_reduces(k, i);
    bool single = k->columns == 1 && !k->flat;
    p->full[i] = full && !reduces && !single;
    p->slot[i] = -1;
    // With a single column the one value is the reduction.
    p->pass[i] = (int16_t)(pass + (reduces && !single ? 1 + is_log_sum_exp(k, i) : 0));
    int passes = p->pass[i] + (p->full[i] && in->code == KI_STORE);
    if (reduces || p->full[i]) {
        p->passes = passes > p->passes ? passes : p->passes;
    }
}

static bool is_root(const kernel_desc *k, const kernel_phases *p, uint32_t i, int pass) {
    if (k->instrs[i].code == KI_STORE) {
        return p->full[i] && pass == p->passes - 1;
    }
    if (!kernel_reduces(k, i)) {
        return false;
    }
    int first = kernel_reduction_pass(k, p, i);
    return pass == first || (is_log_sum_exp(k, i) && pass == first + 1);
}

// Marks what the marked values are computed from.
static void mark_operands(const kernel_desc *k, const kernel_phases *p, int pass, bool *needed) {
    for (uint32_t i = k->instr_count; i-- > 0;) {
        const kernel_instr *in = &k->instrs[i];
        bool kept = p->slot[i] >= 0 && p->pass[i] < pass;
        if (!needed[i] || kept) {
            continue;
        }
        const int16_t operands[] = {in->a, in->b, in->c};
        for (int o = 0; o < 3; o++) {
            if (operands[o] >= 0 && p->full[operands[o]]) {
                needed[operands[o]] = true;
            }
        }
    }
}

void kernel_pass_needs(const kernel_desc *k, const kernel_phases *phases, int pass, bool *needed) {
    memset(needed, 0, k->instr_count * sizeof *needed);
    for (uint32_t i = 0; i < k->instr_count; i++) {
        int16_t root = k->instrs[i].a;
        if (is_root(k, phases, i, pass) && root >= 0 && phases->full[root]) {
            needed[root] = true;
        }
    }
    mark_operands(k, phases, pass, needed);
}

void kernel_value_needs(const kernel_desc *k, const kernel_phases *phases, uint32_t root, bool *needed) {
    memset(needed, 0, k->instr_count * sizeof *needed);
    needed[root] = phases->full[root] != 0;
    mark_operands(k, phases, 0, needed);
}

// The last dear value that |pass| needs though an earlier pass had it, and that has no slot yet; -1: none.
static int recomputed_value(const kernel_desc *k, const kernel_phases *p, int pass, const bool *computed) {
    bool needed[KERNEL_MAX_INSTRS];
    kernel_pass_needs(k, p, pass, needed);
    for (int i = (int)k->instr_count - 1; i >= 0; i--) {
        if (needed[i] && computed[i] && p->slot[i] < 0 && is_dear(k->instrs[i].code)) {
            return i;
        }
    }
    return -1;
}

// A dear value gets a slot where a pass after the first that has it needs it too. Its operands then are not
// needed for its sake, so values are looked at from the last to the first.
static void assign_slots(const kernel_desc *k, kernel_phases *p) {
    bool needed[KERNEL_MAX_INSTRS];
    bool computed[KERNEL_MAX_INSTRS] = {false};
    for (int pass = 0; pass < p->passes; pass++) {
        for (int i; (i = recomputed_value(k, p, pass, computed)) >= 0;) {
            p->slot[i] = (int16_t)p->slots++;
        }
        kernel_pass_needs(k, p, pass, needed);
        for (uint32_t i = 0; i < k->instr_count; i++) {
            if (needed[i] && !computed[i]) {
                p->pass[i] = (int16_t)pass;
                computed[i] = true;
            }
        }
    }
}

void kernel_phases_find(const kernel_desc *k, kernel_phases *out_phases) {
    *out_phases = (kernel_phases){0};
    for (uint32_t i = 0; i < k->instr_count; i++) {
        place_instr(k, out_phases, i);
    }
    if (k->kind == KERNEL_MAP && out_phases->passes > 1) {
        assign_slots(k, out_phases);
    }
}
