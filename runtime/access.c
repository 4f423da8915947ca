// Each call is asked in the order of the program how its arguments lie to the bytes. What is prepared from the weights,
// and the tables of axes, are alive in all of a run and so never share bytes with an output.
//
// A loop's first iteration may reach beside the bytes where all others reach into them: it reads the state before the
// first step, which stays in the arena. So may a product over all steps, with its first slot or its last. In an array with
// strides nothing lies where it would in the arena, so there every access must be to slots and rows of the output's own
// array.
#include "runtime/access.h"

#include "passes/place.h"

static bool follows_steps(const program_place *p) {
    return p->slot_axis != NO_AXIS && !p->pinned && !p->modulus;
}

redirect context_reach(const context *c, const program_place *p, int64_t first, int64_t count) {
    int64_t begin = 0, end = place_reach(p, c->extents, count, &begin);
    int64_t skipped = follows_steps(p) ? first * place_slot_bytes(p, c->extents) : 0;
    begin += skipped;
    // A slot before the array is never read.
    return (redirect){.begin = p->offset + (begin > 0 ? begin : 0), .end = p->offset + end + skipped};
}

bool access_is_apart(const redirect *a, const redirect *b) {
    return a->begin >= b->end || b->begin >= a->end;
}

bool access_is_within(const redirect *inner, const redirect *outer) {
    return inner->begin >= outer->begin && inner->end <= outer->end;
}

bool access_is_same_array(const program_place *a, const program_place *b) {
    return a->base == b->base && a->offset == b->offset && a->elem == b->elem && a->columns == b->columns &&
           a->axes == b->axes;
}

// ---- Columns ----

// Columns of an array, [begin, end).
typedef struct column_range {
    int64_t begin, end;
} column_range;

// How many columns a FULL instruction of |call| has; those of a flat kernel are all that a row has.
static int64_t width_of(const kernel_desc *k, const program_call *call) {
    return k->flat ? call->row_extents[0] : k->columns;
}

// Whether argument |arg| is only read by loads, and as the A of a product.
static bool has_plain_reads(const kernel_desc *k, uint32_t arg) {
    bool plain = k->kind == KERNEL_MAP || k->kind == KERNEL_FOLD ||
                 (k->kind == KERNEL_PRODUCT && arg != 1 && !(k->transposed && arg == 0));
    for (uint32_t i = 0; i < k->instr_count; i++) {
        const kernel_instr *in = &k->instrs[i];
        plain &= in->arg != (int)arg || in->code == KI_LOAD || in->code == KI_STORE;
    }
    return plain;
}

static column_range columns_read(const kernel_desc *k, const program_call *call, uint32_t arg) {
    const program_place *p = &call->args[arg];
    int64_t most = k->kind == KERNEL_PRODUCT && arg == 0 ? k->inner : 0;
    for (uint32_t i = 0; i < k->instr_count; i++) {
        const kernel_instr *in = &k->instrs[i];
        int64_t end = in->column + (in->full ? width_of(k, call) : 1);
        most = in->code == KI_LOAD && in->arg == (int)arg && end > most ? end : most;
    }
    return has_plain_reads(k, arg) ? (column_range){p->first_column, p->first_column + most}
                                   : (column_range){0, p->columns};
}

// Columns that argument |arg| writes of each row; none if that is not sure.
static column_range columns_written(const kernel_desc *k, const program_call *call, uint32_t arg) {
    const program_place *p = &call->args[arg];
    column_range r = {0, 0};
    for (uint32_t i = 0; i < k->instr_count; i++) {
        const kernel_instr *in = &k->instrs[i];
        int64_t begin = p->first_column + in->column;
        if (in->code == KI_STORE && in->arg == (int)arg) {
            r = (column_range){begin, begin + (in->full ? width_of(k, call) : 1)};
        }
    }
    bool result = k->kind == KERNEL_FOLD && arg == k->arg_count - 1;
    return result ? (column_range){p->first_column, p->first_column + k->columns} : r;
}

// ---- Calls ----

// The calls of a loop, or one call by itself.
typedef struct loop_span {
    uint32_t begin, end; // items
    int64_t iterations;
    int direction;
    int axis; // NO_AXIS: no loop
} loop_span;

// What has been written of the bytes since the item |from| of the body.
typedef struct filling {
    const context *c;
    const redirect *r;
    uint32_t from;
    bool begun; // something
    // Columns of all rows. What is not among them may be from before |from|, unless that is the beginning of the body.
    int count;
    column_range columns[8];
} filling;

enum { MOST_RANGES = sizeof((filling){0}.columns) / sizeof(column_range) };

static bool is_filled(const filling *f, column_range columns) {
    int64_t at = columns.begin;
    bool moves = true;
    while (at < columns.end && moves) {
        moves = false;
        for (int i = 0; i < f->count; i++) {
            if (f->columns[i].begin <= at && at < f->columns[i].end) {
                at = f->columns[i].end;
                moves = true;
            }
        }
    }
    return at >= columns.end;
}

// Whether the rows of |call|, in a loop those of all iterations, are all that |p| has.
static bool runs_over_all(const context *c, const program_call *call, const program_place *p, int loop_axis) {
    axis_set over = follows_steps(p) && p->slot_axis == loop_axis ? AXIS_BIT(loop_axis) : 0;
    const kernel_desc *k = &c->program->kernels.at[call->kernel];
    for (int d = 0; d < kernel_row_dimensions(k); d++) {
        for (axis_set left = call->row_axes[d]; left; left &= (axis_set)(left - 1)) {
            int axis = place_axis(p, __builtin_ctz(left));
            over |= axis == NO_AXIS ? 0 : AXIS_BIT(axis);
        }
    }
    axis_set needed = p->axes;
    if (p->slot_axis != NO_AXIS && p->pinned && !p->spans) {
        needed &= (axis_set)~AXIS_BIT(p->slot_axis);
    }
    return (needed & over) == needed;
}

static void add_written(filling *f, const program_call *call, uint32_t arg, const loop_span *s) {
    const kernel_desc *k = &f->c->program->kernels.at[call->kernel];
    const program_place *p = &call->args[arg];
    redirect reach = context_reach(f->c, p, 0, s->iterations);
    f->begun = true;
    if (f->count < MOST_RANGES && access_is_within(f->r, &reach) && runs_over_all(f->c, call, p, s->axis)) {
        f->columns[f->count++] = columns_written(k, call, arg);
    }
}

// Whether what argument |arg| reads was written since |from|.
static bool reads_filled(const filling *f, const program_call *call, uint32_t arg) {
    const kernel_desc *k = &f->c->program->kernels.at[call->kernel];
    return f->begun && (f->from == 0 || is_filled(f, columns_read(k, call, arg)));
}

// Whether |call| writes, in each iteration, the |columns| that |read| reads in the next one.
static bool writes_ahead(const context *c, const program_call *call, const program_place *read,
                         column_range columns, int direction) {
    const kernel_desc *k = &c->program->kernels.at[call->kernel];
    bool writes = false;
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const program_place *p = &call->args[i];
        column_range written = columns_written(k, call, i);
        writes |= k->args[i].written && access_is_same_array(p, read) && follows_steps(p) &&
                  p->slot_axis == read->slot_axis && p->from_end == read->from_end &&
                  p->shift == read->shift + direction && written.begin <= columns.begin &&
                  written.end >= columns.end;
    }
    return writes;
}

// Whether argument |arg| is read within |r| in all iterations but the one for index 0, or with |at_end| for the last index,
// which reads beside it.
static bool begins_beside(const context *c, const program_call *call, uint32_t arg, const loop_span *s,
                          const redirect *r, bool at_end) {
    const kernel_desc *k = &c->program->kernels.at[call->kernel];
    const program_place *p = &call->args[arg];
    if (s->iterations < 2 || k->args[arg].written || !follows_steps(p)) {
        return false;
    }
    redirect one = context_reach(c, p, at_end ? s->iterations - 1 : 0, 1);
    redirect others = context_reach(c, p, at_end ? 0 : 1, s->iterations - 1);
    return access_is_apart(&one, r) && access_is_within(&others, r);
}

// Whether it is what the iteration before has left, but in the first iteration.
static bool is_carried(const context *c, const program_call *call, uint32_t arg, const loop_span *s,
                       const redirect *r) {
    const kernel_desc *k = &c->program->kernels.at[call->kernel];
    const program_place *p = &call->args[arg];
    bool written = false;
    if (!begins_beside(c, call, arg, s, r, s->direction < 0)) {
        return false;
    }
    for (uint32_t i = s->begin; i < s->end; i++) {
        const program_call *writer = &c->program->calls.at[c->program->body.at[i].call];
        written |= writes_ahead(c, writer, p, columns_read(k, call, arg), s->direction);
    }
    return written;
}

// Whether argument |arg| can be where |r| is put.
static bool is_movable(const context *c, const program_call *call, uint32_t arg, const redirect *r) {
    return !r->strided || (access_is_same_array(&call->args[arg], r->strided) && !call->args[arg].modulus &&
                           context_takes_strides(c, call, arg, r->strides));
}

// Whether argument |arg| reaches bytes of |f->r|, and if so, whether it may.
typedef enum access { ACCESS_NONE, ACCESS_FITS, ACCESS_CARRIED, ACCESS_BREAKS } access;

static access look_at_arg(const filling *f, const program_call *call, uint32_t arg, const loop_span *s) {
    const context *c = f->c;
    const kernel_desc *k = &c->program->kernels.at[call->kernel];
    redirect reach = context_reach(c, &call->args[arg], 0, s->iterations);
    if (k->kind == KERNEL_PACK && k->args[arg].written) {
        reach.end = call->args[arg].offset + kernel_panel_bytes(k, c->program->shape);
    }
    if (call->args[arg].base != PLACE_ARENA || access_is_apart(&reach, f->r)) {
        return ACCESS_NONE;
    }
    bool carried = is_carried(c, call, arg, s, f->r);
    bool fits = access_is_within(&reach, f->r) || context_moved_slot(c, call, arg, f->r) != NO_SLOT ||
                begins_beside(c, call, arg, s, f->r, false) || begins_beside(c, call, arg, s, f->r, true);
    if (!(carried || fits) || !is_movable(c, call, arg, f->r)) {
        return ACCESS_BREAKS;
    }
    return carried ? ACCESS_CARRIED : ACCESS_FITS;
}

// Whether all that |call| does with the bytes may be done elsewhere; notes what it writes.
static bool follow_call(filling *f, const program_call *call, const loop_span *s) {
    const kernel_desc *k = &f->c->program->kernels.at[call->kernel];
    bool may = true;
    for (uint32_t i = 0; i < call->arg_count; i++) {
        access a = look_at_arg(f, call, i, s);
        bool reads = a == ACCESS_FITS && !k->args[i].written;
        may &= a != ACCESS_BREAKS && (!reads || reads_filled(f, call, i));
    }
    for (uint32_t i = 0; i < call->arg_count; i++) {
        if (k->args[i].written && look_at_arg(f, call, i, s) == ACCESS_FITS) {
            add_written(f, call, i, s);
        }
    }
    return may;
}

// ---- The body ----

// The item behind the call, the loop or the set at |at|.
static uint32_t next_item(const program *p, uint32_t at) {
    const program_item *item = &p->body.at[at];
    return at + 1 + (item->kind == ITEM_CALL ? 0 : item->length);
}

static bool follow_item(filling *f, uint32_t at) {
    const program *p = f->c->program;
    loop_span loop = {0};
    bool may = true;
    for (uint32_t i = at; i < next_item(p, at); i++) {
        const program_item *item = &p->body.at[i];
        if (item->kind == ITEM_LOOP) {
            loop = (loop_span){i + 1, i + 1 + item->length, f->c->extents[item->axis], item->direction,
                               item->axis};
        } else if (item->kind == ITEM_CALL) {
            loop_span once = {.iterations = 1, .axis = NO_AXIS};
            may &= follow_call(f, &p->calls.at[item->call], i < loop.end ? &loop : &once);
        }
    }
    return may;
}

uint32_t access_find_beginning(const context *c, const redirect *r) {
    const program *p = c->program;
    filling f = {.c = c, .r = r};
    for (uint32_t i = 0; i < p->body.count; i = next_item(p, i)) {
        if (!follow_item(&f, i)) {
            f = (filling){.c = c, .r = r, .from = next_item(p, i)};
        }
    }
    return f.begun ? f.from : NO_ITEM;
}
