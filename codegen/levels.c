#include "codegen/levels.h"

#include <string.h>

static const char *const names[] = {"", "x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};

enum { CACHE_L1 = 32 << 10, CACHE_L2 = 512 << 10 };

void level_fill(int level, target_facts *f) {
    f->has_fma = level >= 3;
    f->has_masked_memory = level == 4; // AVX has them, too, but as microcode on some processors
    f->vector_bytes = level == 4 ? 64 : level == 3 ? 32 : 16;
    f->vector_registers = level == 4 ? 32 : 16;
}

const level_bit *level_bit_at(int index) {
    static const level_bit bits[] = {
#define LEVEL_BIT(level, leaf, where, bit, name) {level, leaf, where, bit},
#include "codegen/level_bits.def"
#undef LEVEL_BIT
    };
    return (size_t)index < sizeof bits / sizeof *bits ? &bits[index] : NULL;
}

const char *level_name(int level) {
    return names[level];
}

static int find_level(const char *text, size_t length) {
    int level = HIGHEST_LEVEL;
    while (level && (strlen(names[level]) != length || strncmp(names[level], text, length) != 0)) {
        level--;
    }
    return level;
}

bool levels_are_named(const char *text) {
    return find_level(text, strcspn(text, ",")) > 0;
}

static target_facts facts_of(int level, const char *triple) {
    target_facts f = {
        .triple = triple, .cpu = names[level], .features = "", .l1_bytes = CACHE_L1, .l2_bytes = CACHE_L2};
    level_fill(level, &f);
    return f;
}

// Panels of the width that suits AVX2: narrower registers take them in parts, wider ones several at once or
// in part.
static void fill_set(const bool *wanted, const char *triple, level_set *out_set) {
    level_set s = {.base = facts_of(LOWEST_LEVEL, triple)};
    for (int level = LOWEST_LEVEL; level <= HIGHEST_LEVEL; level++) {
        if (wanted[level]) {
            s.level[s.count] = level;
            s.facts[s.count++] = facts_of(level, triple);
        }
    }
    target_facts common = facts_of(s.count == 1 ? s.level[0] : 3, triple);
    for (int i = 0; i < s.count; i++) {
        s.facts[i].panels = target_shape_of(&common);
    }
    s.base.panels = target_shape_of(&common);
    *out_set = s;
}

rnnc_status levels_choose(const char *text, const char *triple, diag_sink *d, level_set *out_set) {
    bool wanted[HIGHEST_LEVEL + 1] = {false};
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        int level = find_level(at, length);
        if (!level) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "\"%.*s\" is no level of x86-64: x86-64, x86-64-v2, x86-64-v3 or x86-64-v4",
                             (int)length, at);
        }
        if (wanted[level]) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s stands twice in \"%s\"", names[level],
                             text);
        }
        wanted[level] = true;
        at += length;
        if (!*at) {
            break;
        }
    }
    fill_set(wanted, triple, out_set);
    return RNNC_OK;
}
