// The table of built-in functions: each row's names and handler.
#ifndef RNNC_FRONTEND_BUILTIN_H
#define RNNC_FRONTEND_BUILTIN_H

#include "frontend/elaborate.h"

enum { BUILTIN_SLOTS = 6 };
enum builtin_flags {
    BUILTIN_AXES = 1,     // f[T](x) is allowed
    BUILTIN_VARIADIC = 2, // more inputs like the last may follow
    BUILTIN_WEIGHTS = 4,  // makes weights: may be shared
};

typedef struct builtin_call {
    elaborator *el;
    const builtin *b;
    span where;
    const meaning *slots; // in the order of the row; then the further inputs of a variadic one
    const bool *bound;
    const span *places;
    const char *const *labels; // what stood as the operand, if a plain name; else NULL
    uint32_t count;
    bool has_axes;
    axis_set axes;
    sharing *shared;
} builtin_call;

// A handler builds its nodes one statement at a time: C leaves the order of two arguments' evaluation open, and
// the order of nodes must not depend on the compiler.
typedef meaning builtin_handler(const builtin_call *c);

// Slots are given by place in their order, those whose name begins with '?' by name alone, and those that begin
// with '~' are the last by place and may be left out.
struct builtin {
    const char *name;
    builtin_handler *handle;
    op_id op;
    unsigned flags;
    const char *slots[BUILTIN_SLOTS + 1];
};

const builtin *builtin_find(const char *name);
uint32_t builtin_count(void);
const builtin *builtin_at(uint32_t i);
uint32_t builtin_slot_count(const builtin *b);
// The slot's name without its mark.
const char *builtin_slot_name(const builtin *b, uint32_t slot);
bool builtin_slot_required(const builtin *b, uint32_t slot);
bool builtin_slot_by_name(const builtin *b, uint32_t slot);
int builtin_find_slot(const builtin *b, const char *name);

#define BUILTIN(name, handler, op, flags, ...) meaning handler(const builtin_call *c);
#include "frontend/builtins.def"
#undef BUILTIN

// The table of a shared embedding, made now if no use has made it yet; NO_NODE for other builtins.
node_id builtin_shared_table(elaborator *el, const callable *c, span where);

// Shared by the handlers.
node_id call_real(const builtin_call *c, uint32_t slot);
// The weight |local| of this use: a new one, or the one that the uses of a shared builtin have in common.
node_id call_weight(const builtin_call *c, const char *local, value_type type, initializer init, bool frozen);
bool call_all_numbers(const builtin_call *c);
// The axes and columns that a reduction works over.
typedef struct reduction {
    axis_set over;
    bool columns;
} reduction;
bool call_reduction(const builtin_call *c, node_id x, reduction *out);

#endif
