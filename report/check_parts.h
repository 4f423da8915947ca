// Parts of what `rnnc check` says.
#ifndef RNNC_REPORT_CHECK_PARTS_H
#define RNNC_REPORT_CHECK_PARTS_H

#include "frontend/model.h"
#include "support/strbuf.h"

// Adds what the model's recipe says, nothing without one.
void add_recipe(const model *m, strbuf *out);

#endif
