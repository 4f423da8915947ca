// Sets: loops of a schedule that do not depend on one another, so that threads may run them side by side.
#ifndef RNNC_PASSES_SETS_H
#define RNNC_PASSES_SETS_H

#include "passes/pass.h"

// Groups the loops of |cx->plan|'s items into sets (see plan_item), moving them next to each other: what a later
// member waits for comes before the set, what else stood between the members after it. The order of what depends on
// one another stays. Each member that joins a set counts as a rewrite.
void sets_find(const graph *g, pass_context *cx);

#endif
