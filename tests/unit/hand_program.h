// Small programs written by hand, for tests of what runs them.
#ifndef RNNC_TESTS_HAND_PROGRAM_H
#define RNNC_TESTS_HAND_PROGRAM_H

#include <stdlib.h>

#include "passes/program.h"

enum { AXIS_T = 1, MAX_T = 9, MAX_B = 70 };

static const target_shape hand_shape = {32, 16};

// An empty program over the axes B and T.
static inline program *hand_program(void) {
    program *p = calloc(1, sizeof *p);
    arena_init(&p->memory);
    p->shape = hand_shape;
    p->settings_offset = -1;
    program_axis b = {"B", AXIS_IS_BATCH, MAX_B, 0, -1, {-1, -1, -1}, {0, 0, 0}};
    program_axis t = {"T", AXIS_IS_SEQUENCE, MAX_T, 0, -1, {-1, -1, -1}, {0, 0, 0}};
    vec_push(&p->memory, p->axes, b);
    vec_push(&p->memory, p->axes, t);
    return p;
}

static inline uint32_t hand_input(program *p, const char *name, const char *role, value_type type) {
    program_value v = {.name = name, .role = role, .type = type};
    vec_push(&p->memory, p->inputs, v);
    return p->inputs.count - 1;
}

static inline void hand_output(program *p, const char *name, value_type type, program_place place) {
    program_value v = {.name = name, .role = "value", .type = type, .place = place};
    vec_push(&p->memory, p->outputs, v);
}

static inline uint32_t hand_variable(program *p, const char *name, value_type type, variable_role role) {
    graph_variable v = {.name = name, .type = type, .role = role};
    variable_part part = {name, 0, type.dim[type.rank - 1], {INIT_DEFAULT, 0, 0}, type.rank == 2};
    vec_push(&p->memory, v.parts, part);
    vec_push(&p->memory, p->variables, v);
    return p->variables.count - 1;
}

// Room for |elements| in the arena; returns the offset.
static inline int64_t hand_room(program *p, int64_t elements, dtype elem) {
    int64_t offset = p->arena_bytes;
    p->arena_bytes += (elements * dtype_bytes(elem) + 63) / 64 * 64;
    return offset;
}

static inline program_place hand_place(place_base base, uint32_t index, int64_t offset, value_type type) {
    return (program_place){.base = base,
                           .index = index,
                           .offset = offset,
                           .elem = type.elem,
                           .columns = type.dim[type.rank - 1],
                           .axes = type.axes,
                           .slot_axis = NO_AXIS};
}

static inline program_place hand_slot(program_place place, int axis, int32_t shift, int32_t modulus,
                                      bool from_end) {
    place.slot_axis = axis;
    place.axes |= AXIS_BIT(axis);
    place.shift = shift;
    place.modulus = modulus;
    place.from_end = place.pinned = from_end;
    return place;
}

// A kernel with room for its instructions; the arguments and instructions are added by the functions below.
static inline uint32_t hand_kernel(program *p, kernel_kind kind, const char *name, int32_t columns) {
    kernel_desc k = {.kind = kind, .dims = 1, .columns = columns, .gates = 1, .name = name, .elem = DT_F32};
    k.instrs = arena_new_array(&p->memory, kernel_instr, KERNEL_MAX_INSTRS);
    vec_push(&p->memory, p->kernels, k);
    return p->kernels.count - 1;
}

static inline int hand_arg(program *p, uint32_t kernel, dtype elem, bool written, bool uniform,
                           int32_t columns) {
    kernel_desc *k = &p->kernels.at[kernel];
    k->args[k->arg_count] = (kernel_arg){(uint8_t)elem, written, uniform, columns};
    return (int)k->arg_count++;
}

static inline int16_t hand_instr(program *p, uint32_t kernel, kernel_instr in) {
    kernel_desc *k = &p->kernels.at[kernel];
    k->instrs[k->instr_count] = in;
    return (int16_t)k->instr_count++;
}

static inline int16_t hand_load(program *p, uint32_t kernel, int arg) {
    kernel_instr in = {KI_LOAD, p->kernels.at[kernel].args[arg].elem, 1, -1, -1, -1, (int16_t)arg, 0, 0};
    return hand_instr(p, kernel, in);
}

static inline int16_t hand_op(program *p, uint32_t kernel, op_id op, int16_t a, int16_t b) {
    return hand_instr(p, kernel, (kernel_instr){(uint16_t)op, DT_F32, 1, a, b, -1, -1, 0, 0});
}

static inline int16_t hand_const(program *p, uint32_t kernel, double value) {
    return hand_instr(p, kernel, (kernel_instr){OP_CONST, DT_F32, 1, -1, -1, -1, -1, 0, value});
}

static inline void hand_store(program *p, uint32_t kernel, int arg, int16_t a) {
    hand_instr(
        p, kernel,
        (kernel_instr){KI_STORE, p->kernels.at[kernel].args[arg].elem, 1, a, -1, -1, (int16_t)arg, 0, 0});
}

// A call over rows of |axes|, its places in the order of the arguments.
static inline uint32_t hand_call(program *p, uint32_t kernel, axis_set axes, const program_place *places) {
    program_call call = {.kernel = kernel, .arg_count = p->kernels.at[kernel].arg_count};
    call.args = arena_copy(&p->memory, places, call.arg_count * sizeof *places);
    call.row_axes[0] = axes;
    call.row_extents[0] = axes ? 0 : 1;
    vec_push(&p->memory, p->calls, call);
    return p->calls.count - 1;
}

static inline void hand_run_call(program *p, uint32_t call) {
    program_item item = {.kind = ITEM_CALL, .call = call};
    vec_push(&p->memory, p->body, item);
}

static inline void hand_run_loop(program *p, int axis, int direction, uint32_t length) {
    program_item item = {.kind = ITEM_LOOP, .axis = axis, .direction = direction, .length = length};
    vec_push(&p->memory, p->body, item);
}

static inline void hand_run_set(program *p, uint32_t length) {
    program_item item = {.kind = ITEM_SET, .length = length};
    vec_push(&p->memory, p->body, item);
}

#endif
