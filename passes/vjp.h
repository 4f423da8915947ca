// Vector-Jacobian products: for each op, the gradients of its operands from the gradient of its result.
// One function per name in the op table's gradient column.
#ifndef RNNC_PASSES_VJP_H
#define RNNC_PASSES_VJP_H

#include "ir/build.h"

typedef struct vjp vjp;

// The node being differentiated: its operands are read through these.
typedef struct vjp_site {
    vjp *state;
    graph *g;
    node_id n;  // the node
    node_id dy; // its gradient, of the node's own type
} vjp_site;

node_id vjp_operand(const vjp_site *s, uint32_t index);
// Adds |gradient| to that of operand |index|. It is summed over axes and columns that the operand lacks, and
// spread over those that it lacks itself.
void vjp_add(const vjp_site *s, uint32_t index, node_id gradient);
// False if nothing wants the gradient of operand |index|: the rule need not build it.
bool vjp_wanted(const vjp_site *s, uint32_t index);

typedef void vjp_rule(const vjp_site *s);

vjp_rule vjp_none, vjp_neg, vjp_exp, vjp_log, vjp_sqrt, vjp_abs, vjp_tanh, vjp_sigmoid, vjp_erf, vjp_softplus,
    vjp_convert, vjp_broadcast, vjp_plus, vjp_sub, vjp_mul, vjp_div, vjp_min, vjp_max, vjp_select;
vjp_rule vjp_matmul, vjp_outer, vjp_gather, vjp_pick;
vjp_rule vjp_sum, vjp_maximum, vjp_lse;
vjp_rule vjp_concat, vjp_slice, vjp_pad, vjp_previous, vjp_following, vjp_first, vjp_last, vjp_stack, vjp_at,
    vjp_section, vjp_spread;

#endif
