// Which groups of a plan wait for which.
#ifndef RNNC_PASSES_DEPENDENCE_H
#define RNNC_PASSES_DEPENDENCE_H

#include "passes/plan.h"

// Calls |visit| for every group that group |x| waits for directly: sources of its operands, and, for an effect,
// the readers of the variable that it changes. May name a group several times, and |x| itself.
void dependence_visit(const graph *g, const plan *p, uint32_t x, plan_visitor *visit, void *user);

// True if group |x| waits, directly or not, for group |on|. A loop counts as one where |on| is outside of it.
bool dependence_reaches(const graph *g, const plan *p, uint32_t x, uint32_t on, arena *scratch);

#endif
