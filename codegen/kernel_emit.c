#include "codegen/kernel_emit.h"

#include "codegen/kernels.h"

enum { MOST_REDUCTIONS = LOOP_MAX_CARRIED / 2 };

typedef void kind_emitter(frame *f);

static kind_emitter *const emitters[] = {
    [KERNEL_MAP] = emit_map,           [KERNEL_PRODUCT] = emit_product, [KERNEL_FOLD] = emit_fold,
    [KERNEL_PACK] = emit_pack,         [KERNEL_SEGMENT] = emit_segment, [KERNEL_SCATTER] = emit_scatter,
    [KERNEL_ADD_ROWS] = emit_add_rows, [KERNEL_RANDOM] = emit_random,
};

// ---- Defects ----

static bool operands_precede(const kernel_desc *k, uint32_t i) {
    const int16_t operands[] = {k->instrs[i].a, k->instrs[i].b, k->instrs[i].c};
    for (int o = 0; o < 3; o++) {
        if (operands[o] >= (int)i || (operands[o] >= 0 && k->instrs[operands[o]].code == KI_STORE)) {
            return false;
        }
    }
    return true;
}

static const char *instr_defect(const kernel_desc *k, uint32_t i) {
    const kernel_instr *in = &k->instrs[i];
    bool own = in->code >= OP_COUNT || in->code == OP_CONST || in->code == OP_COLUMN ||
               in->code == OP_GATHER || in->code == OP_PICK;
    if (in->code > KI_PRODUCT || (!own && !op_has((op_id)in->code, POINTWISE) && !kernel_reduces(k, i))) {
        return "an instruction that no body may hold";
    }
    if (!operands_precede(k, i)) {
        return "an operand that is not computed before";
    }
    if (in->arg >= (int)k->arg_count || (in->code >= OP_COUNT && in->code != KI_PRODUCT && in->arg < 0)) {
        return "an instruction without its argument";
    }
    if (kernel_reduces(k, i) && k->kind != KERNEL_MAP) {
        return "a reduction over columns outside a map";
    }
    return in->code == KI_PRODUCT && k->kind != KERNEL_PRODUCT ? "a product outside a product kernel" : NULL;
}

static uint32_t fewest_args(kernel_kind kind) {
    return kind == KERNEL_SEGMENT                              ? 4
           : kind == KERNEL_SCATTER || kind == KERNEL_ADD_ROWS ? 3
           : kind == KERNEL_MAP                                ? 0
                                                               : 2;
}

const char *kernel_defect(const kernel_desc *k) {
    if ((unsigned)k->kind > KERNEL_RANDOM || k->dims > KERNEL_MAX_DIMS || k->kept_dims > k->dims ||
        k->columns < 1) {
        return "a kind, a number of dimensions or of columns out of range";
    }
    if (k->arg_count > KERNEL_MAX_ARGS || k->instr_count > KERNEL_MAX_INSTRS ||
        k->arg_count < fewest_args(k->kind)) {
        return "a number of arguments or instructions out of range";
    }
    unsigned reductions = 0;
    for (uint32_t i = 0; i < k->instr_count; i++) {
        const char *defect = instr_defect(k, i);
        if (defect) {
            return defect;
        }
        reductions += kernel_reduces(k, i);
    }
    return reductions > MOST_REDUCTIONS ? "too many reductions" : NULL;
}

// ---- Writing ----

void kernel_emit(emitter *e, const kernel_desc *k) {
    char symbol[KERNEL_SYMBOL_SIZE];
    kernel_symbol(k, symbol);
    frame f = {.e = e,
               .k = k,
               .shape = target_shape_of(e->target),
               .layout = target_panels_of(e->target),
               .symbol = symbol};
    kernel_phases_find(k, &f.phases);
    emitters[k->kind](&f);
}
