// Parts of `rnnc check`.
#ifndef RNNC_CLI_CHECK_H
#define RNNC_CLI_CHECK_H

#include "frontend/model.h"

// Prints what the model's recipe says, nothing without one.
void print_recipe(const model *m);

#endif
