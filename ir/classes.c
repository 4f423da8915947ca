#include "ir/classes.h"

#include <string.h>

node_id graph_find_input(const graph *g, const char *name) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        const node *at = graph_node(g, n);
        if (at->op == OP_INPUT && strcmp(at->attr[0].text, name) == 0) {
            return n;
        }
    }
    return NO_NODE;
}

static bool reads(const node *user, uint32_t operand, node_id n) {
    return user->operand_count > operand && user->operands[operand] == n;
}

// What |user| chooses by the tokens |n|: rows of a table, columns of a vector, classes that are compared.
static int64_t chosen_from(const graph *g, const node *user, node_id n) {
    if (user->op == OP_GATHER && reads(user, 1, n)) {
        return graph_type(g, user->operands[0]).dim[0];
    }
    if (user->op == OP_PICK && reads(user, 1, n)) {
        return type_columns(graph_type(g, user->operands[0]));
    }
    if (user->op == OP_EQUAL && (reads(user, 0, n) || reads(user, 1, n))) {
        const node *other = graph_node(g, user->operands[reads(user, 0, n) ? 1 : 0]);
        return other->op == OP_COLUMN ? type_columns(other->type) : 0;
    }
    return 0;
}

// Tokens with lengths come through a select that hides the padding.
static bool passes_on(const node *user, node_id n) {
    return (user->op == OP_SELECT && (reads(user, 1, n) || reads(user, 2, n))) ||
           (op_has(user->op, VIEW) && reads(user, 0, n));
}

int64_t graph_token_classes(const graph *g, node_id n) {
    int64_t least = 0;
    for (node_id u = 0; u < g->nodes.count; u++) {
        const node *user = graph_node(g, u);
        int64_t classes = chosen_from(g, user, n);
        if (passes_on(user, n) && u > n) {
            classes = graph_token_classes(g, u);
        }
        if (classes && (!least || classes < least)) {
            least = classes;
        }
    }
    return least;
}
