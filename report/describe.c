#include "report/describe.h"

#include "ir/classes.h"
#include "support/number.h"

static const char *axes_text(const graph *g, value_type t, arena *memory) {
    const char *text = "";
    for (uint32_t place = 1; place < g->axes.count; place++) {
        int a = graph_declared_axis(g, place);
        if (t.axes & AXIS_BIT(a)) {
            text = arena_printf(memory, "%s%s%s", text, *text ? ", " : "", g->axes.at[a].name);
        }
    }
    return *text ? arena_printf(memory, "[%s]", text) : "";
}

static const char *columns_text(int64_t columns, arena *memory) {
    return columns == 1 ? "" : arena_printf(memory, "(%lld)", (long long)columns);
}

const char *describe_value(const graph *g, value_type t, arena *memory) {
    return arena_printf(memory, "%s%s%s", dtype_is_float(t.elem) ? "real" : "whole",
                        columns_text(type_columns(t), memory), axes_text(g, t, memory));
}

const char *describe_input(const graph *g, node_id n, arena *memory) {
    value_type t = graph_type(g, n);
    int64_t classes = dtype_is_float(t.elem) ? 0 : graph_token_classes(g, n);
    if (!classes) {
        return describe_value(g, t, memory);
    }
    return arena_printf(memory, "token(%lld)%s", (long long)classes, axes_text(g, t, memory));
}

const char *describe_count(int64_t n, arena *memory) {
    char text[NUMBER_GROUPED_SIZE];
    number_group(text, n);
    return arena_strdup(memory, text);
}

const char *describe_bytes(int64_t bytes, arena *memory) {
    return arena_printf(memory, "%s bytes", describe_count(bytes, memory));
}
