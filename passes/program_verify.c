#include "passes/place.h"
#include "passes/program_text.h"

enum { ARENA_ALIGNMENT = 64 };

static const int64_t most_bytes = (int64_t)1 << 56, most_indices = (int64_t)1 << 40;

typedef struct program_check {
    const program *p;
    const program_lines *lines; // NULL: not from a text
    diag_sink *d;
    int64_t extents[MAX_AXES]; // the maxima
    uint32_t call;             // being looked at
    int64_t iterations;        // of the loop that it is in; 1 outside
    uint32_t runs;             // calls in the lists
} program_check;

static span head_line(const program_check *c) {
    return c->lines ? c->lines->head : NO_SPAN;
}

static rnnc_status fail_call(const program_check *c, const char *what) {
    const program_call *call = &c->p->calls.at[c->call];
    const char *name = c->p->kernels.at[call->kernel].name;
    return diag_error(c->d, c->lines ? c->lines->calls.at[c->call] : NO_SPAN,
                      "call %u of kernel %u \"%s\": %s", c->call, call->kernel, name ? name : "", what);
}

// ---- Memory ----

static bool multiply(int64_t *product, int64_t factor) {
    return !__builtin_mul_overflow(*product, factor, product) && *product <= most_bytes;
}

static bool axes_known(const program_check *c, axis_set axes) {
    return (axes >> c->p->axes.count) == 0;
}

// Whether sizes of arrays over |axes| with |columns| columns can be computed without overflow.
static bool is_countable(const program_check *c, axis_set axes, int64_t columns) {
    int64_t elements = columns * 8;
    bool fits = columns >= 0 && columns < most_indices;
    for (uint32_t a = 0; a < c->p->axes.count && fits; a++) {
        fits = multiply(&elements, axes & AXIS_BIT(a) ? c->extents[a] : 1);
    }
    return fits;
}

static int64_t base_bytes(const program_check *c, const program_place *at) {
    if (at->base == PLACE_ARENA) {
        return c->p->arena_bytes;
    }
    value_type type =
        at->base == PLACE_INPUT ? c->p->inputs.at[at->index].type : c->p->variables.at[at->index].type;
    int64_t columns = type_columns(type);
    return is_countable(c, type.axes, columns)
               ? axes_extent(type.axes, c->extents) * columns * dtype_bytes(type.elem)
               : 0;
}

static bool base_exists(const program_check *c, const program_place *at) {
    return at->base == PLACE_ARENA || (at->base == PLACE_INPUT && at->index < c->p->inputs.count) ||
           (at->base == PLACE_VARIABLE && at->index < c->p->variables.count);
}

// What a place is, apart from how far it is read.
static bool is_sound_place(const program_check *c, const program_place *at) {
    bool slot = at->slot_axis == NO_AXIS ||
                ((uint32_t)at->slot_axis < c->p->axes.count && (at->axes & AXIS_BIT(at->slot_axis)) != 0);
    bool part = at->part == 0 || (at->slot_axis != NO_AXIS && at->part > 0 &&
                                  (uint32_t)at->part < c->p->axes.count && at->part != at->slot_axis);
    bool ring = at->modulus >= 0 && (at->modulus & (at->modulus - 1)) == 0 && at->modulus < 1 << 20;
    return base_exists(c, at) && slot && part && ring && axes_known(c, at->axes) && at->columns >= 1 &&
           at->first_column >= 0 && at->first_column < at->columns && at->elem < DTYPE_COUNT &&
           at->offset >= 0 && at->offset % dtype_bytes(at->elem) == 0 &&
           is_countable(c, at->axes, at->columns);
}

static int64_t least_extent(const program *p, int axis) {
    const program_axis *a = &p->axes.at[axis];
    int whole = a->kind == AXIS_IS_PART ? a->part.of : axis;
    int64_t least =
        p->axes.at[whole].kind == AXIS_IS_FIXED ? p->axes.at[whole].maximum : program_least_extent(p, whole);
    return a->kind == AXIS_IS_PART ? part_extent(a->part, least) : least;
}

// The first and the last slot of all iterations. What counts from the end counts from a nearer one in short runs.
static void find_slots(const program_check *c, const program_place *at, int64_t *out_low, int64_t *out_high) {
    *out_low = *out_high = 0;
    if (at->slot_axis == NO_AXIS) {
        return;
    }
    if (at->modulus) {
        *out_high = at->modulus - 1;
        return;
    }
    int64_t least = least_extent(c->p, at->slot_axis), most = c->extents[at->slot_axis];
    *out_low = at->shift + (at->from_end ? least : 0);
    *out_high = at->shift + (at->from_end ? most : 0) + (at->pinned ? 0 : c->iterations - 1);
}

// Whether |elements| elements from the place's first column on lie in its memory in every iteration.
static bool stays_inside(const program_check *c, const program_place *at, int64_t elements) {
    int64_t low, high, size = base_bytes(c, at), slot = place_slot_bytes(at, c->extents);
    find_slots(c, at, &low, &high);
    int64_t end = (at->first_column + elements) * dtype_bytes(at->elem);
    if (low < 0 || elements > most_indices || at->offset > size - end) {
        return false;
    }
    return high <= 0 || slot == 0 || high <= (size - end - at->offset) / slot;
}

// ---- Calls ----

// Elements from an argument's first one to behind its last: |columns| of them in each row.
static int64_t reach_rows(const int64_t *ints, uint32_t arg, int dims, int64_t columns) {
    int64_t last = 0;
    for (int d = 0; d < dims; d++) {
        int64_t step = ints[KERNEL_STRIDES + 4 * arg + (uint32_t)d];
        int64_t far;
        if (ints[d] <= 0 || __builtin_mul_overflow(ints[d] - 1, step, &far) || far > most_indices) {
            return ints[d] <= 0 ? 0 : most_indices + 1;
        }
        last += far;
    }
    return last + columns;
}

// Columns of argument |arg| that the body reads or writes in a row.
static int64_t body_columns(const kernel_desc *k, uint32_t arg) {
    int64_t most = 0;
    for (uint32_t i = 0; i < k->instr_count; i++) {
        const kernel_instr *in = &k->instrs[i];
        bool whole = in->code == OP_PICK || in->code == OP_GATHER || in->full;
        bool names = in->arg == (int)arg;
        int64_t columns = names ? (int64_t)in->column + (whole ? k->columns : 1) : 0;
        most = columns > most ? columns : most;
    }
    return most;
}

static int64_t matrix_elements(const kernel_desc *k) {
    int64_t elements = (int64_t)k->gates * k->columns;
    return multiply(&elements, k->inner > 0 ? k->inner : 1) ? elements : most_indices + 1;
}

static int64_t packed_elements(const program_check *c, const kernel_desc *k) {
    product_tiling t = product_tile(c->p->shape, (dtype)k->elem, k->gates, k->columns);
    int64_t elements = (int64_t)t.panels * t.unit_columns;
    return multiply(&elements, k->gates) && multiply(&elements, k->inner) ? elements : most_indices + 1;
}

// A product's operands: rows (or columns) of A and its inner length; B in panels or in rows.
static int64_t reach_operand(const program_check *c, const kernel_desc *k, const int64_t *ints,
                             uint32_t arg) {
    const int64_t *strides = ints + KERNEL_STRIDES + 4 * arg;
    int64_t inner = ints[KERNEL_INNER] > 0 ? ints[KERNEL_INNER] : 1;
    if (arg == 1 && k->packed) {
        return packed_elements(c, k);
    }
    int64_t along = strides[3],
            across = arg             ? 0
                     : k->transposed ? 1
                                     : strides[0],
            rows = ints[0] > 0 ? ints[0] : 1;
    int64_t width = arg == 0 ? 1 : (int64_t)k->gates * k->columns;
    bool fits = multiply(&along, inner - 1) && multiply(&across, rows - 1);
    return fits ? along + across + width : most_indices + 1;
}

static int64_t reach_by_rows(const kernel_desc *k, const int64_t *ints, uint32_t arg) {
    bool table = arg == 2 && k->kind != KERNEL_SEGMENT;
    if (table) {
        return k->kind == KERNEL_SCATTER ? (int64_t)k->inner * k->columns : k->columns;
    }
    return arg == 3 ? 1 : reach_rows(ints, arg, k->dims, arg == 0 ? 1 : k->columns);
}

// Elements that a call reads or writes from the first of argument |arg|'s first row on.
static int64_t reach_of(const program_check *c, const program_call *call, const int64_t *ints, uint32_t arg) {
    const kernel_desc *k = &c->p->kernels.at[call->kernel];
    int dims = kernel_row_dimensions(k);
    switch (k->kind) {
    case KERNEL_PACK: return arg == 0 ? matrix_elements(k) : packed_elements(c, k);
    case KERNEL_SEGMENT:
    case KERNEL_SCATTER:
    case KERNEL_ADD_ROWS: return reach_by_rows(k, ints, arg);
    case KERNEL_RANDOM: return arg == 0 ? reach_rows(ints, arg, dims, k->columns) : 4;
    default: break;
    }
    bool fold_result = k->kind == KERNEL_FOLD && arg == k->arg_count - 1;
    int64_t columns = fold_result ? k->columns : body_columns(k, arg);
    int64_t body = 0;
    if (k->flat && columns) {
        body = k->args[arg].uniform ? columns : ints[0] - 1 + columns;
    } else if (columns) {
        body = reach_rows(ints, arg, fold_result ? k->kept_dims : dims, columns);
    }
    int64_t operand = k->kind == KERNEL_PRODUCT && arg < 2 ? reach_operand(c, k, ints, arg) : 0;
    return body > operand ? body : operand;
}

static rnnc_status check_place(const program_check *c, const int64_t *ints, uint32_t arg) {
    const program_call *call = &c->p->calls.at[c->call];
    const kernel_desc *k = &c->p->kernels.at[call->kernel];
    const program_place *at = &call->args[arg];
    if (at->elem != k->args[arg].elem || at->columns != k->args[arg].columns) {
        return fail_call(c, "an argument's element type or columns are not the kernel's");
    }
    for (int d = 0; d < kernel_row_dimensions(k) && !k->flat && !k->args[arg].uniform; d++) {
        if (!place_walks(at, call->row_axes[d], c->extents)) {
            return fail_call(c, "a row dimension's axes do not lie side by side in an argument");
        }
    }
    int64_t elements = reach_of(c, call, ints, arg);
    return stays_inside(c, at, elements)
               ? RNNC_OK
               : fail_call(c, "an argument leaves the arena, or the input or variable that it is in");
}

static bool rows_are_sound(const program_check *c, const program_call *call) {
    bool sound = axes_known(c, call->inner_axes) && is_countable(c, call->inner_axes, 1) &&
                 call->inner >= 0 && call->inner <= INT32_MAX;
    for (int d = 0; d < KERNEL_MAX_DIMS; d++) {
        sound &= axes_known(c, call->row_axes[d]) && call->row_extents[d] >= 0 &&
                 is_countable(c, call->row_axes[d], call->row_extents[d]);
    }
    return sound;
}

static rnnc_status check_call(program_check *c, uint32_t number, int64_t iterations) {
    if (number >= c->p->calls.count) {
        return diag_error(c->d, head_line(c), "there is no call %u", number);
    }
    const program_call *call = &c->p->calls.at[number];
    c->call = number;
    c->iterations = iterations;
    c->runs++;
    if (!rows_are_sound(c, call)) {
        return fail_call(c, "its rows cannot be counted");
    }
    for (uint32_t i = 0; i < call->arg_count; i++) {
        if (!is_sound_place(c, &call->args[i])) {
            return fail_call(c,
                             "an argument is nowhere: its offset, columns, slots or axes are out of range");
        }
    }
    int64_t ints[KERNEL_MAX_INTS] = {0};
    call_find_ints(&c->p->kernels.at[call->kernel], call, c->extents, ints);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        TRY(check_place(c, ints, i));
    }
    return RNNC_OK;
}

// Where the last loop and the last set end.
typedef struct nesting {
    uint32_t loop_end, set_end, end;
    int64_t iterations; // of the loop
} nesting;

// Loops hold calls, sets hold calls and loops, and each is whole within what holds it.
static rnnc_status open_item(program_check *c, const program_item *item, uint32_t i, nesting *n) {
    bool set = item->kind == ITEM_SET, axis = item->axis >= 0 && (uint32_t)item->axis < c->p->axes.count;
    uint32_t end = i < n->set_end ? n->set_end : n->end;
    if (i < n->loop_end || (set && i < n->set_end) || item->length > end - i - 1 || (!set && !axis)) {
        return diag_error(c->d, head_line(c), "the %s at item %u is in another, or not whole",
                          set ? "set" : "loop", i);
    }
    *(set ? &n->set_end : &n->loop_end) = i + 1 + item->length;
    n->iterations = set ? n->iterations : c->extents[item->axis];
    return RNNC_OK;
}

static rnnc_status check_items(program_check *c, const program_item *items, uint32_t count) {
    nesting n = {.end = count, .iterations = 1};
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < count && status == RNNC_OK; i++) {
        status = items[i].kind == ITEM_CALL ? check_call(c, items[i].call, i < n.loop_end ? n.iterations : 1)
                                            : open_item(c, &items[i], i, &n);
    }
    return status;
}

// ---- The whole ----

static bool lies_in_arena(const program *p, int64_t offset, int64_t bytes) {
    return offset == -1 || (offset >= 0 && offset % 8 == 0 && offset <= p->arena_bytes - bytes);
}

// A part's whole stands before it: so it is in a graph.
static bool part_follows(const program_check *c, const program_axis *a) {
    return a->kind != AXIS_IS_PART || (c->extents[a->part.of] >= part_least(a->part) &&
                                       part_extent(a->part, c->extents[a->part.of]) == a->maximum);
}

static rnnc_status check_axes(program_check *c) {
    const program *p = c->p;
    for (uint32_t a = 0; a < p->axes.count; a++) {
        const program_axis *at = &p->axes.at[a];
        bool kept = lies_in_arena(p, at->index_offset, 4 * at->maximum);
        for (int t = 0; t < DTYPE_COUNT; t++) {
            kept &= lies_in_arena(p, at->extent_offset[t], 8);
        }
        if (!part_follows(c, at)) {
            return diag_error(c->d, head_line(c), "the extent of axis %s does not follow from that of %s",
                              at->name, p->axes.at[at->part.of].name);
        }
        if (at->maximum < 1 || at->maximum > INT32_MAX || (at->fixed > 0 && at->fixed != at->maximum) ||
            !kept) {
            return diag_error(c->d, head_line(c),
                              "axis %s: its extent or its numbers' place in the arena is out of "
                              "range",
                              at->name);
        }
        c->extents[a] = at->maximum;
    }
    return lies_in_arena(p, p->settings_offset, 16)
               ? RNNC_OK
               : diag_error(c->d, head_line(c), "the settings leave the arena of %lld bytes",
                            (long long)p->arena_bytes);
}

// The axes that a value at |at| has.
static axis_set axes_of(const program_place *at) {
    if (at->slot_axis == NO_AXIS) {
        return at->axes;
    }
    axis_set others = (axis_set)(at->axes & ~AXIS_BIT(at->slot_axis));
    return at->spans ? (axis_set)(others | AXIS_BIT(at->part ? at->part : at->slot_axis)) : others;
}

static rnnc_status check_output(program_check *c, uint32_t i) {
    const program_value *v = &c->p->outputs.at[i];
    const program_place *at = &v->place;
    c->iterations = 1;
    int64_t width = v->type.dim[v->type.rank - 1];
    bool sound = axes_known(c, v->type.axes) && is_sound_place(c, at) && at->base == PLACE_ARENA &&
                 at->elem == v->type.elem && (at->slot_axis == NO_AXIS || at->pinned) &&
                 axes_of(at) == v->type.axes && at->first_column + width <= at->columns &&
                 is_countable(c, v->type.axes, type_columns(v->type) + at->columns);
    int64_t first = 0, rows = v->type.rank == 2 ? v->type.dim[0] : 1;
    int64_t bytes = sound ? place_reach(at, c->extents, 1, &first) : 0;
    bytes += (rows - 1) * at->columns * dtype_bytes(v->type.elem);
    return sound && stays_inside(c, at, width) && at->offset <= c->p->arena_bytes - bytes
               ? RNNC_OK
               : diag_error(c->d, c->lines ? c->lines->outputs.at[i] : NO_SPAN,
                            "output \"%s\" is not where its type has room", v->name);
}

static rnnc_status check_kernels(const program_check *c) {
    for (uint32_t i = 0; i < c->p->kernels.count; i++) {
        TRY(kernel_verify(&c->p->kernels.at[i], i, c->p->shape, c->lines ? c->lines->kernels.at[i] : NO_SPAN,
                          c->d));
    }
    for (uint32_t i = 0; i < c->p->calls.count; i++) {
        const program_call *call = &c->p->calls.at[i];
        if (call->kernel >= c->p->kernels.count ||
            call->arg_count != c->p->kernels.at[call->kernel].arg_count) {
            return diag_error(c->d, c->lines ? c->lines->calls.at[i] : NO_SPAN,
                              "call %u does not have the arguments of its kernel", i);
        }
    }
    return RNNC_OK;
}

rnnc_status program_verify(const program *p, const program_lines *lines, diag_sink *d) {
    program_check c = {.p = p, .lines = lines, .d = d};
    TRY(check_axes(&c));
    TRY(check_kernels(&c));
    TRY(check_items(&c, p->prepare.at, p->prepare.count));
    TRY(check_items(&c, p->body.at, p->body.count));
    if (c.runs < p->calls.count) {
        return diag_error(d, head_line(&c), "%u of %u calls are never run", p->calls.count - c.runs,
                          p->calls.count);
    }
    for (uint32_t i = 0; i < p->outputs.count; i++) {
        TRY(check_output(&c, i));
    }
    return RNNC_OK;
}
