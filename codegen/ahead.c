#include "codegen/ahead_train.h"

#include <string.h>

#include "passes/place.h"


bool ahead_is_state(const program_value *input) {
    return strcmp(input->role, "state") == 0;
}

int64_t ahead_token_limit(const program *p, const ahead_request *r, uint32_t index) {
    int64_t known = p->inputs.at[index].limit;
    return known ? known : r->limits[index];
}

bool ahead_is_given(const program_value *input) {
    return !ahead_is_state(input) && strcmp(input->role, "setting") != 0;
}

bool ahead_is_taken(const ahead_request *r, const program_value *output) {
    return r->trains ? strcmp(output->role, "loss") == 0 : !ahead_is_state(output);
}

int64_t ahead_fixed_extent(const program *p, int axis) {
    const program_axis *a = &p->axes.at[axis];
    if (a->fixed > 0) {
        return a->fixed;
    }
    // A part between two bounds from the same end is always equally long.
    return a->kind == AXIS_IS_PART && part_is_counted(a->part) ? a->part.to - a->part.from : 0;
}

bool ahead_is_parameter(const program *p, int axis) {
    return axis == AXIS_BATCH || (!ahead_fixed_extent(p, axis) && p->axes.at[axis].kind != AXIS_IS_PART);
}

// Bytes of a state for the largest extents.
static int64_t state_bytes(const program *p, uint32_t input) {
    const program_value *v = &p->inputs.at[input];
    int64_t bytes = (int64_t)type_columns(v->type) * dtype_bytes(v->type.elem);
    for (uint32_t axis = 0; axis < p->axes.count; axis++) {
        if (v->type.axes & AXIS_BIT(axis)) {
            const program_axis *a = &p->axes.at[axis];
            bytes *= a->fixed > 0 ? a->fixed : a->maximum;
        }
    }
    return ahead_round_up(bytes);
}

int64_t ahead_state_offset(const ahead_request *r, uint32_t input) {
    int64_t at = 0;
    for (uint32_t i = 0; i < input; i++) {
        at += ahead_is_state(&r->program->inputs.at[i]) ? state_bytes(r->program, i) : 0;
    }
    return at;
}

uint32_t ahead_state_output(const program *p, uint32_t input) {
    uint32_t i = 0;
    while (strcmp(p->outputs.at[i].name, p->inputs.at[input].name) != 0 ||
           strcmp(p->outputs.at[i].role, "state") != 0) {
        i++;
    }
    return i;
}

int64_t ahead_map(const ahead_request *r, int64_t offset, const ahead_block **out_block) {
    int64_t before = 0;
    *out_block = NULL;
    for (uint32_t i = 0; i < r->block_count && r->blocks[i].offset <= offset; i++) {
        const ahead_block *b = &r->blocks[i];
        if (offset < b->offset + b->bytes) {
            *out_block = b;
            return offset - b->offset;
        }
        before += b->bytes;
    }
    return offset - before;
}

static int64_t largest_scratch(const program *p) {
    int64_t largest = 0, most[MAX_AXES] = {0};
    for (uint32_t axis = 0; axis < p->axes.count; axis++) {
        most[axis] = p->axes.at[axis].fixed > 0 ? p->axes.at[axis].fixed : p->axes.at[axis].maximum;
    }
    for (uint32_t i = 0; i < p->calls.count; i++) {
        const program_call *call = &p->calls.at[i];
        int64_t inner = call->inner_axes ? axes_extent(call->inner_axes, most) : call->inner;
        int64_t fixed = call->row_extents[0] > 0 ? call->row_extents[0] : 1;
        int64_t rows = axes_extent(call->row_axes[0], most) * fixed;
        int64_t bytes = kernel_call_scratch_bytes(&p->kernels.at[call->kernel], p->shape, rows, inner);
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

// A training program has that of the program that is used, which is never run at the same time.
static int64_t scratch_bytes(const ahead_request *r) {
    int64_t own = r->trains ? 0 : largest_scratch(r->program);
    int64_t trained = r->training ? largest_scratch(r->training->request.program) : 0;
    return ahead_round_up(own > trained ? own : trained);
}

void ahead_lay_out(const ahead_request *r, ahead_layout *out_layout) {
    const program *p = r->program;
    ahead_layout l = {.state_bytes = ahead_state_offset(r, p->inputs.count)};
    int64_t ints = 0, rest = p->arena_bytes;
    for (uint32_t i = 0; i < p->calls.count; i++) {
        ints += KERNEL_STRIDES + 4 * (int64_t)p->calls.at[i].arg_count;
    }
    for (uint32_t i = 0; i < r->block_count; i++) {
        rest -= r->blocks[i].bytes;
    }
    l.extents = l.state_bytes;
    l.mode = l.extents + ahead_round_up(MAX_AXES * (int64_t)sizeof(int64_t));
    l.level = l.mode + 8;
    l.weights = l.mode + 16;
    l.ints = l.mode + AHEAD_ALIGN;
    l.args = l.ints + ahead_round_up(ints * (int64_t)sizeof(int64_t));
    // Pointers of 8 bytes, which is as large as they get.
    l.arena = l.args + ahead_round_up((KERNEL_MAX_ARGS + 1) * 8);
    l.scratch = l.arena + ahead_round_up(rest);
    int64_t scratch = scratch_bytes(r);
    l.shares = l.scratch + scratch;
    l.learner = l.shares + (r->threads && !r->trains ? ahead_shares_bytes(r->threads, scratch) : 0);
    l.bytes = r->training ? ahead_learner_end(r, l.learner) : l.learner;
    *out_layout = l;
}
