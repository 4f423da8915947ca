// Initialisers by name: zero, one, constant(a), uniform(a, b), normal(mean, deviation), truncated(mean, deviation),
// xavier, he, orthogonal(scale).
#ifndef RNNC_FRONTEND_INITIALIZERS_H
#define RNNC_FRONTEND_INITIALIZERS_H

#include "frontend/elaborate.h"

bool initializer_is_name(const char *name);
// The initialiser that |e|, a name or a call, stands for; INIT_DEFAULT after an error was reported.
initializer initializer_evaluate(elaborator *el, const expression *e);

#endif
