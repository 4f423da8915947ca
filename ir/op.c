#include <string.h>

#include "ir/graph.h"

// An op's attribute column reads `(AXIS(axis) INT(index))`: each item becomes an initialiser of op_info.attr.
#define AXIS(name) {#name, ATTR_AXIS},
#define AXES(name) {#name, ATTR_AXES},
#define INT(name) {#name, ATTR_INT},
#define FLOAT(name) {#name, ATTR_FLOAT},
#define TEXT(name) {#name, ATTR_TEXT},
#define ITEMS(...) __VA_ARGS__

// The last, empty item keeps the initialiser of an op without attributes legal C17.
static const op_info table[OP_COUNT] = {
#define OP(id, mnemonic, operands, attributes, traits, ...) \
    [OP_##id] = {mnemonic, operands, traits, {ITEMS attributes{NULL, ATTR_NONE}}},
#include "ir/ops.def"
#undef OP
};

const op_info *op_get(op_id op) {
    return &table[op];
}

int op_attr_count(op_id op) {
    int count = 0;
    while (count < MAX_ATTRS && table[op].attr[count].name) {
        count++;
    }
    return count;
}

op_id op_by_mnemonic(const char *mnemonic) {
    for (int op = 0; op < OP_COUNT; op++) {
        if (strcmp(table[op].mnemonic, mnemonic) == 0) {
            return (op_id)op;
        }
    }
    return OP_COUNT;
}
