// What the parts of outline share: program.c's caller (outline.c), arguments and rows (outline_args.c), bodies
// (outline_body.c).
#ifndef RNNC_PASSES_OUTLINE_INTERNAL_H
#define RNNC_PASSES_OUTLINE_INTERNAL_H

#include "passes/outline.h"

// One kernel and its call while they are made.
typedef struct outliner {
    const graph *g;
    diag_sink *d;
    const plan *p;
    program *program;
    uint32_t group; // being outlined
    kernel_desc kernel;
    program_call call;
    kernel_instr instrs[KERNEL_MAX_INSTRS];
    program_place places[KERNEL_MAX_ARGS];
    int16_t *instr_of; // by node: the instruction with its value in this kernel, or -1
    bool *stored;      // by node: something reads it through memory
    rnnc_status failed;
} outliner;

static inline const plan_group *outlined(const outliner *o) {
    return &o->p->groups.at[o->group];
}

// The place of value |n| as read (or written) by the outlined group.
program_place outline_place(outliner *o, node_id n);
// The place of delay |n|'s boundary in the block of the value it delays.
program_place outline_boundary_place(outliner *o, node_id n);
// Adds an argument, or finds an equal one. Returns its number.
int16_t outline_arg(outliner *o, program_place place, bool written, bool uniform);
int16_t outline_instr(outliner *o, kernel_instr instr);
// Sets row dimensions: each a set of axes that lie side by side in every argument. False if over three are needed.
bool outline_rows(outliner *o, axis_set kept, axis_set folded);
// Gives the dimensions from |first| on, which run over |axes|, as many of one row before them as there are axes without a
// dimension of their own, as far as there is room: in arrays of the caller's these axes may lie at any distance.
void outline_spare(outliner *o, int first, axis_set axes);
// Whether |n|'s rows do not change over the group's rows.
bool outline_is_uniform(const outliner *o, node_id n);

// The body of a MAP or PRODUCT group, or a boundary's copy: loads, the nodes' instructions, stores.
void outline_body(outliner *o);
// The instruction that has |n|'s value: computed in the group, or loaded.
int16_t outline_value(outliner *o, node_id n);

#endif
