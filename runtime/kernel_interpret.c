#include "runtime/kernel_interpret.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel_row.h"
#include "support/philox.h"

enum { FOLD_COLUMNS = 16, FOLD_BLOCK = 512 };

// One call: what every kind needs.
typedef struct kernel_call {
    const kernel_desc *k;
    target_shape shape;
    void *const *args;
    const int64_t *ints;
    int64_t begin, end;
} kernel_call;

static kernel_row row_of(const kernel_call *call) {
    return (kernel_row){.k = call->k, .args = call->args, .ints = call->ints};
}

static int64_t extent(const kernel_call *call, int d) {
    return d < call->k->dims ? call->ints[d] : 1;
}

// Steps the row dimensions [from, dims) of |r| to the next row; false after the last, when they are all 0
// again.
static bool next_row(kernel_row *r, int from, int dims) {
    for (int d = dims - 1; d >= from; d--) {
        if (++r->index[d] < r->ints[d]) {
            return true;
        }
        r->index[d] = 0;
    }
    return false;
}

static void run_columns(kernel_row *r, int64_t from, int64_t to) {
    for (int64_t c = from; c < to; c++) {
        row_compute_column(r, c, (int)r->k->instr_count - 1);
        row_store_column(r, c);
    }
}

// Elements [begin, end) of a kernel without rows.
static void run_flat(const kernel_call *call) {
    kernel_row r = row_of(call);
    row_compute_ones(&r);
    run_columns(&r, call->begin, call->end);
}

static void run_row(kernel_row *r) {
    row_compute_ones(r);
    run_columns(r, 0, r->k->columns);
    row_store_ones(r);
}

static bool is_empty(const kernel_call *call, int from) {
    for (int d = from; d < call->k->dims; d++) {
        if (call->ints[d] <= 0) {
            return true;
        }
    }
    return false;
}

static void run_map(const kernel_call *call) {
    if (call->k->flat) {
        run_flat(call);
        return;
    }
    if (is_empty(call, 1)) {
        return;
    }
    kernel_row r = row_of(call);
    for (int64_t u = call->begin; u < call->end; u++) {
        r.index[0] = u;
        do {
            run_row(&r);
        } while (next_row(&r, 1, call->k->dims));
    }
}

static void run_product(const kernel_call *call) {
    const kernel_desc *k = call->k;
    product_tiling tile = product_tile(call->shape, (dtype)k->elem, k->gates, k->columns);
    int64_t rows = extent(call, 0), row_blocks = (rows + tile.row_block - 1) / tile.row_block;
    kernel_row r = row_of(call);
    r.unit_columns = tile.unit_columns;
    for (int64_t u = call->begin; u < call->end; u++) {
        int64_t column = u / row_blocks * tile.unit_columns, row = u % row_blocks * tile.row_block;
        int64_t last_column = column + tile.unit_columns, last_row = row + tile.row_block;
        for (; row < last_row && row < rows; row++) {
            r.index[0] = row;
            row_compute_ones(&r);
            run_columns(&r, column, last_column < k->columns ? last_column : k->columns);
            if (column == 0) {
                row_store_ones(&r);
            }
        }
    }
}

// The instruction that a FOLD folds: the last FULL one; of a single column, the last of either kind.
static int fold_source(const kernel_desc *k) {
    int i = (int)k->instr_count - 1;
    while (i > 0 && (k->instrs[i].code == KI_STORE || !(k->instrs[i].full || k->columns == 1))) {
        i--;
    }
    return i;
}

static double fold_column_value(kernel_row *r, int source, int64_t c) {
    row_compute_ones(r);
    row_compute_column(r, c, source);
    return r->value[source];
}

// The sum of the values of all folded rows, or of e to the power of the values less |base|: partial sums over blocks
// of rows, each in ascending order, added in order.
static double fold_sum(kernel_row *r, int64_t c, bool powers, double base) {
    const kernel_desc *k = r->k;
    dtype elem = (dtype)k->elem;
    int source = fold_source(k);
    double total = 0, part = 0;
    int64_t count = 0;
    do {
        double v = fold_column_value(r, source, c);
        v = powers ? element_round(elem, exp(element_round(elem, v - base))) : v;
        part = element_round(elem, part + v);
        if (++count % FOLD_BLOCK == 0) {
            total = element_round(elem, total + part);
            part = 0;
        }
    } while (next_row(r, k->kept_dims, k->dims));
    return element_round(elem, total + part);
}

static double fold_maximum(kernel_row *r, int64_t c) {
    int source = fold_source(r->k);
    double most = -INFINITY;
    do {
        double v = fold_column_value(r, source, c);
        most = element_exceeds(v, most) ? v : most;
    } while (next_row(r, r->k->kept_dims, r->k->dims));
    return most;
}

static double fold_column(kernel_row *r, int64_t c) {
    if (r->k->fold == OP_SUM) {
        return fold_sum(r, c, false, 0);
    }
    double best = fold_maximum(r, c);
    if (r->k->fold == OP_MAXIMUM || isinf(best)) {
        return best;
    }
    return best + log(fold_sum(r, c, true, best));
}

static void fold_block(kernel_row *r, int64_t from, int64_t to) {
    int target = (int)r->k->arg_count - 1;
    for (int64_t c = from; c < to && c < r->k->columns; c++) {
        double v = element_round((dtype)r->k->elem, fold_column(r, c));
        element_set(r->args[target], (dtype)r->k->args[target].elem, row_element(r, target, c), v);
    }
}

static void run_fold(const kernel_call *call) {
    const kernel_desc *k = call->k;
    int64_t blocks = (k->columns + FOLD_COLUMNS - 1) / FOLD_COLUMNS;
    kernel_row r = row_of(call);
    for (int64_t u = call->begin; u < call->end && !is_empty(call, 0); u++) {
        r.index[0] = k->kept_dims ? u / blocks : 0;
        int64_t from = u % blocks * FOLD_COLUMNS;
        do {
            fold_block(&r, from, from + FOLD_COLUMNS);
        } while (k->kept_dims > 1 && next_row(&r, 1, k->kept_dims));
    }
}

static void run_pack(const kernel_call *call) {
    const kernel_desc *k = call->k;
    product_tiling tile = product_tile(call->shape, (dtype)k->elem, k->gates, k->columns);
    int64_t width = tile.unit_columns, panel_elements = (int64_t)k->inner * k->gates * width;
    for (int64_t i = call->begin * panel_elements; i < call->end * panel_elements; i++) {
        int64_t u = i % width, g = i / width % k->gates, inner = i / width / k->gates % k->inner;
        int64_t c = i / panel_elements * width + u, column = g * k->columns + c, row = k->args[0].columns;
        double v = 0;
        if (c < k->columns) {
            v = element_get(call->args[0], (dtype)k->elem,
                            k->transposed ? column * row + inner : inner * row + column);
        }
        element_set(call->args[1], (dtype)k->elem, i, v);
    }
}

// ---- Rows by token: arguments are tokens, values, destination and marks ----

// Sets the indices of |r| to those of row |number|, counted through all dimensions.
static void go_to_row(kernel_row *r, int64_t number) {
    for (int d = r->k->dims - 1; d >= 0; d--) {
        r->index[d] = number % r->ints[d];
        number /= r->ints[d];
    }
}

static int64_t count_rows(const kernel_call *call) {
    int64_t rows = 1;
    for (int d = 0; d < call->k->dims; d++) {
        rows *= call->ints[d];
    }
    return rows;
}

static int32_t token_at(kernel_row *r, int64_t row) {
    go_to_row(r, row);
    return ((const int32_t *)r->args[0])[row_element(r, 0, 0)];
}

// Adds row |row| of the values to the row of the destination that begins at element |to|.
static void add_row(kernel_row *r, int64_t row, int64_t to) {
    dtype elem = (dtype)r->k->elem;
    go_to_row(r, row);
    for (int64_t c = 0; c < r->k->columns; c++) {
        double v = element_get(r->args[1], elem, row_element(r, 1, c));
        element_set(r->args[2], elem, to + c, element_get(r->args[2], elem, to + c) + v);
    }
}

static void clear_row(const kernel_row *r, int64_t to) {
    for (int64_t c = 0; c < r->k->columns; c++) {
        element_set(r->args[2], (dtype)r->k->elem, to + c, 0);
    }
}

// Where row |row| of a segment's result begins.
static int64_t segment_row(kernel_row *r, int64_t row) {
    go_to_row(r, row);
    return row_element(r, 2, 0);
}

// A mark says in which row a token was seen first. It is believed only if that row indeed has the token and
// lies before: so marks need no clearing.
static void run_segment(const kernel_call *call) {
    kernel_row r = row_of(call);
    int32_t *marks = call->args[3];
    for (int64_t row = 0, rows = count_rows(call); row < rows; row++) {
        int32_t token = token_at(&r, row), first = marks[token];
        bool seen = first >= 0 && first < row && token_at(&r, first) == token;
        if (!seen) {
            marks[token] = (int32_t)row;
        }
        clear_row(&r, segment_row(&r, row));
        add_row(&r, row, segment_row(&r, seen ? first : row));
    }
}

// Adds the rows of values to those of a table.
static void run_add_rows(const kernel_call *call) {
    kernel_row r = row_of(call);
    for (int64_t row = 0, rows = count_rows(call); row < rows; row++) {
        int64_t to = token_at(&r, row) * (int64_t)call->k->args[2].columns;
        add_row(&r, row, to);
    }
}

static void run_scatter(const kernel_call *call) {
    kernel_row r = row_of(call);
    for (int64_t row = 0; row < call->k->inner; row++) {
        clear_row(&r, row * call->k->args[2].columns);
    }
    run_add_rows(call);
}

// One row of random numbers: support/philox.h has the rule.
static void random_row(kernel_row *r) {
    const int32_t *settings = r->args[1];
    uint32_t key[2] = {(uint32_t)settings[0] ^ philox_site(r->k->site), (uint32_t)settings[1]};
    int batch = r->k->batched ? r->k->dims - 1 : -1, times = batch < 0 ? r->k->dims : batch;
    int64_t t = 0;
    for (int d = 0; d < times; d++) {
        t = t * r->ints[d] + r->index[d];
    }
    uint32_t words[4];
    for (int64_t c = 0; c < r->k->columns; c++) {
        uint32_t counter[4] = {(uint32_t)(c / 4), batch < 0 ? 0 : (uint32_t)r->index[batch], (uint32_t)t,
                               (uint32_t)settings[2]};
        if (c % 4 == 0) {
            philox4x32(key, counter, words);
        }
        element_set(r->args[0], (dtype)r->k->elem, row_element(r, 0, c), philox_uniform(words[c % 4]));
    }
}

static void run_random(const kernel_call *call) {
    kernel_row r = row_of(call);
    for (int64_t u = call->begin; u < call->end && !is_empty(call, 1); u++) {
        r.index[0] = u;
        do {
            random_row(&r);
        } while (next_row(&r, 1, call->k->dims));
    }
}

void kernel_interpret(const kernel_desc *k, target_shape shape, void *const *args, const int64_t *ints,
                      int64_t begin, int64_t end) {
    bool turned = end < begin;
    kernel_call call = {k, shape, args, ints, turned ? end : begin, turned ? begin : end};
    switch (k->kind) {
    case KERNEL_MAP: run_map(&call); break;
    case KERNEL_PRODUCT: run_product(&call); break;
    case KERNEL_FOLD: run_fold(&call); break;
    case KERNEL_PACK: run_pack(&call); break;
    case KERNEL_SEGMENT: run_segment(&call); break;
    case KERNEL_SCATTER: run_scatter(&call); break;
    case KERNEL_ADD_ROWS: run_add_rows(&call); break;
    case KERNEL_RANDOM: run_random(&call); break;
    }
}

// What `compile` keeps: the descriptions themselves, borrowed.
typedef struct interpreted_set {
    interpreter_home home;
    const kernel_desc *kernels[];
} interpreted_set;

static void call_interpreted(const void *handle, uint32_t kernel, void *const *args, const int64_t *ints,
                             int64_t begin, int64_t end) {
    const interpreted_set *set = handle;
    kernel_interpret(set->kernels[kernel], set->home.shape, args, ints, begin, end);
}

static rnnc_status compile_interpreted(void *self, const kernel_desc *const *kernels, uint32_t count,
                                       int threads, diag_sink *d, kernel_code_set *out_code) {
    (void)threads; // there is nothing to do side by side
    const interpreter_home *home = self;
    interpreted_set *set = allocator_array(&home->from, 1, sizeof *set + count * sizeof *set->kernels);
    if (!set) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a table of %u kernels", count);
    }
    set->home = *home;
    for (uint32_t i = 0; i < count; i++) {
        set->kernels[i] = kernels[i];
    }
    *out_code = (kernel_code_set){set, NULL, call_interpreted};
    return RNNC_OK;
}

static void release_interpreted(void *self, kernel_code_set *code) {
    (void)self;
    interpreted_set *set = code->handle;
    if (set) {
        allocator from = set->home.from;
        allocator_free(&from, set);
    }
    *code = (kernel_code_set){0};
}

kernel_backend kernel_interpret_backend(interpreter_home *home) {
    return (kernel_backend){"interpret", home, home->shape, compile_interpreted, release_interpreted};
}
