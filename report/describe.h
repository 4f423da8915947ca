// Types, counts and extents as people read them.
#ifndef RNNC_REPORT_DESCRIBE_H
#define RNNC_REPORT_DESCRIBE_H

#include "ir/graph.h"

// "real(28)[T]", "token(65)[T]", "real(3)"
const char *describe_input(const graph *g, node_id n, arena *memory);
const char *describe_value(const graph *g, value_type t, arena *memory);
// "1,234,567"
const char *describe_count(int64_t n, arena *memory);
const char *describe_bytes(int64_t bytes, arena *memory);

#endif
