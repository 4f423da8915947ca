// plan-buffers: a block of the arena for every value that memory is needed for.
//
// A value that is read only by its own group needs none. A value made in a loop and read only there, in the same
// step, is local to the step and its block is reused within it; if any other step or anything outside reads it, the
// block has a slot for every index of the loop's axis, and one more at the end where a delay's boundary stands.
// Sizes are for the maxima of the run's extents; a smaller run uses the beginning of each block.
//
// A result of element-wise work is written over an operand that is read there for the last time.
//
// Blocks that are live at different ticks of the schedule share memory (passes/plan_layout.c).
//
// The members of a set may run at the same time, so a set counts as one moment: what is live in a part of it is live
// in all of it. Only blocks that one and the same member alone uses go by that member's own order.
#include "passes/buffers.h"
#include "passes/pass.h"

static void share_operand(buffering *b, pass_context *cx, const plan_group *group, node_id operand) {
    for (uint32_t j = 0; j < group->nodes.count; j++) {
        if (buffers_can_overwrite(b, operand, group->nodes.at[j]) && pass_may_rewrite(cx)) {
            buffers_overwrite(b, operand, group->nodes.at[j]);
        }
    }
}

static void share_in_place(buffering *b, pass_context *cx) {
    for (uint32_t x = 0; x < b->p->groups.count; x++) {
        const plan_group *group = &b->p->groups.at[x];
        for (uint32_t i = 0; i < group->nodes.count; i++) {
            const node *n = graph_node(b->g, group->nodes.at[i]);
            for (uint32_t k = 0; k < n->operand_count; k++) {
                share_operand(b, cx, group, n->operands[k]);
            }
        }
    }
}

rnnc_status pass_plan_buffers(graph *g, pass_context *cx) {
    buffering b;
    TRY(buffers_find(g, cx->plan, cx->scratch, cx->d, &b));
    share_in_place(&b, cx);
    buffers_drop_shared(&b, cx->scratch);
    plan_lay_out(cx->plan, b.moments, b.ticks, cx->scratch);
    return RNNC_OK;
}
