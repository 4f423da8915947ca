// The numbers that a call gives its kernel, where an argument lies in an array of the caller's. A kernel's row dimension
// counts several axes as one where every argument has them side by side; with the caller's strides some argument may
// not. Then the kernel is called for each index of some of the axes, with the others as its rows. A sum over rows, or what
// knows them by number, is one call for all of them in their order; there the axes are spread over several dimensions: those
// that passes/outline_args.c has left free, and those of a product's inner index.
#include <string.h>

#include "passes/place.h"
#include "runtime/context_parts.h"

// Dimensions of the inner index of a product whose A is transposed.
enum { INNER_DIMS = 3 };

// Axes of one row dimension of which the run has more than one index, the outermost first.
typedef struct row_axes {
    int count;
    int axis[MAX_AXES];
} row_axes;

// How far outside |axis| lies in the arrays: a part lies where the axis does that it is a part of, the batch innermost.
static int depth_of(const program_call *call, int axis) {
    for (uint32_t i = 0; i < call->arg_count; i++) {
        if (call->args[i].part && call->args[i].part == axis) {
            return call->args[i].slot_axis;
        }
    }
    return axis == AXIS_BATCH ? MAX_AXES : axis;
}

static row_axes list_axes(const context *c, const program_call *call, axis_set axes) {
    row_axes list = {.count = 0};
    for (axis_set left = axes; left; left &= (axis_set)(left - 1)) {
        int axis = __builtin_ctz(left), at = list.count;
        if (c->extents[axis] == 1) {
            continue;
        }
        for (; at > 0 && depth_of(call, list.axis[at - 1]) > depth_of(call, axis); at--) {
            list.axis[at] = list.axis[at - 1];
        }
        list.axis[at] = axis;
        list.count++;
    }
    return list;
}

// Elements from index to index of |axis| of the rows, where the array has these |strides| (NULL: dense).
static int64_t stride_along(const context *c, const program_place *p, const int64_t *strides, int axis) {
    int own = place_axis(p, axis);
    if (own == NO_AXIS) {
        return 0;
    }
    return strides ? strides[own] : place_axis_stride(p, own, c->extents);
}

// What an argument is, for those who ask how it lies.
typedef struct row_arg {
    const context *c;
    const program_call *call;
    const program_place *place;
    const int64_t *strides;
} row_arg;

// Whether the axes of |list| that are in |kept| (bits by their number in the list) can be walked with one distance from
// row to row, which is written; 0 if there are none.
static bool walks(const row_arg *a, const row_axes *list, unsigned kept, int64_t *out_stride) {
    int64_t expected = 0;
    bool begun = false;
    for (int i = list->count - 1; i >= 0; i--) {
        if (!(kept & 1u << i)) {
            continue;
        }
        int64_t stride = stride_along(a->c, a->place, a->strides, list->axis[i]);
        if (begun && stride != expected) {
            return false;
        }
        *out_stride = begun ? *out_stride : stride;
        expected = stride * a->c->extents[list->axis[i]];
        begun = true;
    }
    *out_stride = begun ? *out_stride : 0;
    return true;
}

// Elements of a flat kernel lie one behind the other, as far as the array has them.
static bool walks_flat(const row_arg *a, const row_axes *list, unsigned kept) {
    int64_t stride = 0, elements = a->call->row_extents[0] > 0 ? a->call->row_extents[0] : 1;
    return a->place->columns == elements && walks(a, list, kept, &stride) &&
           (stride == elements || !(kept & ((1u << list->count) - 1)));
}

static bool fits(const row_arg *a, const kernel_desc *k, const row_axes *list, unsigned kept) {
    int64_t stride = 0;
    return k->flat ? walks_flat(a, list, kept) : walks(a, list, kept, &stride);
}

// Whether a kernel may be called for each index of an axis of dimension |d| in turn: not where a sum goes over it, nor
// where its rows are known by number.
static bool can_repeat(const kernel_desc *k, int d) {
    return k->kind == KERNEL_MAP || k->kind == KERNEL_PRODUCT || (k->kind == KERNEL_FOLD && d < k->kept_dims);
}

// The first of the dimensions whose rows are one sequence, however its axes are spread over them; the number of dimensions
// if there are none. Random numbers have each axis in its own dimension.
static int first_in_order(const kernel_desc *k) {
    int dims = kernel_row_dimensions(k);
    bool by_rows = k->kind == KERNEL_SEGMENT || k->kind == KERNEL_SCATTER || k->kind == KERNEL_ADD_ROWS;
    return k->kind == KERNEL_FOLD ? k->kept_dims : by_rows ? 0 : dims;
}

// The axes of the dimensions [first, dims), the outermost first.
static row_axes list_in_order(const context *c, const program_call *call, int first, int dims) {
    row_axes all = {.count = 0};
    for (int d = first; d < dims; d++) {
        row_axes own = list_axes(c, call, call->row_axes[d]);
        memcpy(all.axis + all.count, own.axis, (size_t)own.count * sizeof *own.axis);
        all.count += own.count;
    }
    return all;
}

// ---- Which arrays a call can take ----

static bool is_table(const kernel_desc *k, uint32_t arg) {
    bool table = false;
    for (uint32_t i = 0; i < k->instr_count; i++) {
        table |= k->instrs[i].code == OP_GATHER && k->instrs[i].arg == (int)arg;
    }
    return table;
}

// Whether the axes of a product's inner index can be its dimensions.
static bool has_inner_walk(const row_arg *a, const kernel_desc *k, uint32_t arg) {
    int64_t stride = 0;
    row_axes inner = list_axes(a->c, a->call, a->call->inner_axes);
    return k->kind != KERNEL_PRODUCT || arg > 1 || inner.count <= INNER_DIMS ||
           walks(a, &inner, ~0u, &stride);
}

// Whether the array can have each dimension as it is, but for the axes over which the kernel can be repeated.
static bool has_row_walks(const row_arg *a, const kernel_desc *k, int dims) {
    bool all = true;
    for (int d = 0; d < dims; d++) {
        row_axes list = list_axes(a->c, a->call, a->call->row_axes[d]);
        all &= fits(a, k, &list, can_repeat(k, d) ? 0 : ~0u);
    }
    return all;
}

static int count_repeats(const context *c, const program_call *call, const kernel_desc *k) {
    int repeats = 0;
    for (int d = 0; d < kernel_row_dimensions(k); d++) {
        repeats += can_repeat(k, d) ? list_axes(c, call, call->row_axes[d]).count : 0;
    }
    return repeats;
}

bool context_takes_strides(const context *c, const program_call *call, uint32_t arg, const int64_t *strides) {
    const kernel_desc *k = &c->program->kernels.at[call->kernel];
    row_arg a = {c, call, &call->args[arg], strides};
    if (k->kind == KERNEL_PACK || a.place->modulus || is_table(k, arg) || !has_inner_walk(&a, k, arg)) {
        return false;
    }
    if (k->args[arg].uniform) {
        return true;
    }
    int dims = kernel_row_dimensions(k), first = first_in_order(k);
    bool spreads = list_in_order(c, call, first, dims).count <= dims - first;
    return has_row_walks(&a, k, spreads ? first : dims) && count_repeats(c, call, k) <= REPEAT_AXES;
}

// ---- How it is called ----

static int64_t extent_of(const context *c, const row_axes *list, unsigned chosen) {
    int64_t product = 1;
    for (int i = 0; i < list->count; i++) {
        product *= chosen & 1u << i ? c->extents[list->axis[i]] : 1;
    }
    return product;
}

typedef struct strided_call {
    const context *c;
    const program_call *call;
    const kernel_desc *k;
    const array_view *views;
} strided_call;

static row_arg argument(const strided_call *s, uint32_t i) {
    return (row_arg){s->c, s->call, &s->call->args[i], s->views[i].strides};
}

static bool all_fit(const strided_call *s, const row_axes *list, unsigned kept) {
    bool fit = true;
    for (uint32_t i = 0; i < s->call->arg_count && fit; i++) {
        row_arg a = argument(s, i);
        fit = s->k->args[i].uniform || fits(&a, s->k, list, kept);
    }
    return fit;
}

// The axes that stay the kernel's rows: as many rows as can be.
static unsigned choose_rows(const strided_call *s, const row_axes *list) {
    unsigned best = 0;
    int64_t most = 0;
    for (unsigned kept = 0; kept < 1u << list->count; kept++) {
        int64_t rows = extent_of(s->c, list, kept);
        if (rows > most && all_fit(s, list, kept)) {
            best = kept;
            most = rows;
        }
    }
    return best;
}

static void bind_dimension(const strided_call *s, int d, const row_axes *list, unsigned kept, bound_form *f) {
    f->ints[d] = extent_of(s->c, list, kept) * (s->call->row_extents[d] > 0 ? s->call->row_extents[d] : 1);
    for (uint32_t i = 0; i < s->call->arg_count && !s->k->flat; i++) {
        row_arg a = argument(s, i);
        int64_t stride = 0;
        walks(&a, list, kept, &stride);
        f->ints[KERNEL_STRIDES + 4 * i + (uint32_t)d] = s->k->args[i].uniform ? 0 : stride;
    }
}

static void repeat_over(const strided_call *s, int axis, bound_form *f) {
    int at = f->repeat_count++;
    f->repeat_extent[at] = s->c->extents[axis];
    for (uint32_t i = 0; i < s->call->arg_count; i++) {
        row_arg a = argument(s, i);
        int64_t stride = s->k->args[i].uniform ? 0 : stride_along(a.c, a.place, a.strides, axis);
        f->repeat_bytes[i][at] = stride * dtype_bytes(a.place->elem);
    }
}

static void bind_repeated(const strided_call *s, int d, bound_form *f) {
    row_axes list = list_axes(s->c, s->call, s->call->row_axes[d]);
    unsigned kept = can_repeat(s->k, d) ? choose_rows(s, &list) : ~0u;
    bind_dimension(s, d, &list, kept, f);
    for (int i = 0; i < list.count; i++) {
        if (!(kept & 1u << i)) {
            repeat_over(s, list.axis[i], f);
        }
    }
}

// Axes that lie side by side in all arguments, as bits by their number in a list; the innermost such group first.
typedef struct axis_groups {
    int count;
    unsigned at[MAX_AXES];
} axis_groups;

// As few groups as can be; |apart|: the first axis is one by itself.
static axis_groups group_axes(const strided_call *s, const row_axes *list, bool apart) {
    axis_groups g = {.count = 0};
    for (int i = list->count - 1; i >= 0; i--) {
        unsigned wider = g.count ? g.at[g.count - 1] | 1u << i : 0;
        if (g.count && !(apart && i == 0) && all_fit(s, list, wider)) {
            g.at[g.count - 1] = wider;
        } else {
            g.at[g.count++] = 1u << i;
        }
    }
    return g;
}

static void bind_in_order(const strided_call *s, int first, int dims, bound_form *f) {
    row_axes list = list_in_order(s->c, s->call, first, dims);
    axis_groups g = group_axes(s, &list, false);
    for (int d = dims - 1, i = 0; d >= first; d--, i++) {
        bind_dimension(s, d, &list, i < g.count ? g.at[i] : 0, f);
    }
}

// The dimensions of the inner index of a product whose A is transposed, for both operands. |moved|: the first is that of
// A's slots alone.
static void bind_inner(const strided_call *s, bool moved, bound_form *f) {
    row_axes inner = list_axes(s->c, s->call, s->call->inner_axes);
    axis_groups g = group_axes(s, &inner, moved);
    bool several = moved || g.count > 1;
    for (uint32_t i = 0; i < 2; i++) {
        row_arg a = argument(s, i);
        for (int n = 0; n < g.count; n++) {
            int dimension = several && n == g.count - 1 ? 1 : 3 - n; // the outermost is always the first
            walks(&a, &inner, g.at[n], &f->ints[KERNEL_STRIDES + 4 * i + (uint32_t)dimension]);
        }
    }
    if (several) {
        f->ints[KERNEL_RUN] = g.count > 1 ? extent_of(s->c, &inner, g.at[0]) : 1;
        f->ints[KERNEL_RUNS] = g.count > 2 ? extent_of(s->c, &inner, g.at[1]) : 1;
        f->ints[KERNEL_MOVED] = 0;
    }
}

static void bind_strided(const strided_call *s, bool moved, bound_form *f) {
    int dims = kernel_row_dimensions(s->k), first = first_in_order(s->k);
    for (int d = 0; d < first; d++) {
        if (s->call->row_axes[d]) {
            bind_repeated(s, d, f);
        }
    }
    bind_in_order(s, first, dims, f);
    if (s->k->kind == KERNEL_PRODUCT && s->call->inner_axes) {
        bind_inner(s, moved, f);
    }
}

void context_bind_rows(const context *c, const program_call *call, const array_view *views, bool moved,
                       bound_form *f) {
    strided_call s = {c, call, &c->program->kernels.at[call->kernel], views};
    bool strided = moved;
    f->repeat_count = 0;
    call_find_ints(s.k, call, c->extents, f->ints);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        strided |= views[i].strides != NULL;
    }
    if (strided) {
        bind_strided(&s, moved, f);
    }
}
