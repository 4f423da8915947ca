#include "passes/cost.h"

static bool is_slow(uint16_t code) {
    return code == OP_EXP || code == OP_LOG || code == OP_TANH || code == OP_SIGMOID || code == OP_ERF ||
           code == OP_SOFTPLUS;
}

// A vector unit does a simple operation on an f32 in some 0.05 ns and a multiply-add of a product in 0.01.
kernel_cost kernel_estimate_cost(const kernel_desc *k) {
    double weight = 1, width = k->elem == DT_F64 ? 2 : 1, columns = k->columns * width;
    for (uint32_t i = 0; i < k->instr_count; i++) {
        weight += is_slow(k->instrs[i].code) ? 5 : 1;
    }
    kernel_cost cost = {.per_row = columns * weight * 0.05};
    switch (k->kind) {
    case KERNEL_RANDOM: cost.per_row = columns; break;
    case KERNEL_PACK: cost = (kernel_cost){.fixed = (double)k->inner * k->gates * columns * 0.2}; break;
    case KERNEL_PRODUCT:
        cost.per_inner = k->gates * columns * 0.02;
        cost.per_inner_row = k->gates * columns * 0.01;
        break;
    default: break;
    }
    return cost;
}
