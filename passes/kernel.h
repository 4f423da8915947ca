// What a kernel computes, without the graph it came from: the contract between passes, codegen and runtime.
//
// A kernel runs over *rows*, addressed by up to three row dimensions whose extents and strides are given at run
// time, and over a static number of *columns*. Its body is a list of instructions in SSA form; an instruction is
// FULL (one value per column) or ONE (one value per row). Two kernels with equal descriptions are the same
// kernel: extents of axes never stand in a description.
#ifndef RNNC_PASSES_KERNEL_H
#define RNNC_PASSES_KERNEL_H

#include "ir/graph.h"

typedef enum kernel_kind {
    // Every row on its own: pointwise instructions, gathers, reductions over the columns.
    KERNEL_MAP,
    // P[m, c] = sum over k of A[m, k] B[k, c], then the body as epilogue over the rows m and |columns| columns.
    // B has gates * columns columns, gate-major: instruction KI_PRODUCT with gate g is P[m, g * columns + c].
    KERNEL_PRODUCT,
    // Folds rows: for each kept row and each column, a sum, maximum or log-sum-exp over the folded rows of the
    // body's last FULL instruction (ONE if columns is 1). Row dimensions before |kept_dims| are kept, the others
    // folded. The result goes to the last argument, which is written and which no KI_STORE names.
    KERNEL_FOLD,
    // A weight into panels (see product_tiling): args: source, destination.
    KERNEL_PACK,
    // OP_SEGMENT, OP_SCATTER, OP_ADD_ROWS over the rows of at least one dimension, in order. Args: tokens, values,
    // destination, and for segment marks (i32, one per table row, contents without meaning before and after).
    KERNEL_SEGMENT,
    KERNEL_SCATTER,
    KERNEL_ADD_ROWS,
    // OP_RANDOM: args: destination, settings (i32: seed low, seed high, step low, step high). Row dimensions: the sequence
    // axes, then the batch, if there is one.
    KERNEL_RANDOM,
} kernel_kind;

// Instruction codes: pointwise op ids with their meaning in the op table, and
//   OP_CONST (f), OP_COLUMN,
//   OP_GATHER   arg: a table, a: ONE i32 row number; row a of the table                              FULL
//   OP_PICK     arg: vectors [columns], a: ONE i32 column number                                     ONE
//   OP_SUM, OP_MAXIMUM, OP_LSE, OP_ARGMAX   a: FULL; over the row's columns                          ONE
// and those below. ONE operands of FULL instructions are the same for all columns.
enum kernel_code {
    KI_LOAD =
        OP_COUNT, // arg, column: first column read; FULL: columns [column, column + columns); ONE: one element
    KI_STORE,     // arg, column, a; has no value
    KI_PRODUCT,   // gate; FULL; in KERNEL_PRODUCT only
};

typedef struct kernel_instr {
    uint16_t code;   // op_id or kernel_code
    uint8_t elem;    // dtype of the value (of `a` for a store)
    uint8_t full;    // FULL or ONE
    int16_t a, b, c; // earlier instructions; -1: unused
    int16_t arg;     // -1: unused
    int32_t column;  // KI_LOAD, KI_STORE: first column; KI_PRODUCT: gate
    double f;        // OP_CONST
} kernel_instr;

typedef struct kernel_arg {
    uint8_t elem;    // dtype
    uint8_t written; // 1: the kernel writes it
    uint8_t uniform; // 1: the same row for all rows (all strides are 0); in flat kernels: a single element
    int32_t columns; // row length in elements of the array that is addressed (for gather: of a table row)
} kernel_arg;

enum { KERNEL_MAX_DIMS = 3, KERNEL_MAX_ARGS = 32, KERNEL_MAX_INSTRS = 512 };

typedef struct kernel_desc {
    kernel_kind kind;
    uint8_t dims;      // row dimensions, 0 … 3
    uint8_t kept_dims; // KERNEL_FOLD
    uint8_t flat;  // MAP without ONE instructions but uniform loads and without row dimensions: |columns| is
                   // 1 and begin, end count single elements; arrays are contiguous
    uint8_t elem;  // PRODUCT, FOLD, PACK, …: element type of the sums or the data
    uint16_t fold; // FOLD: OP_SUM, OP_MAXIMUM or OP_LSE
    int32_t columns;
    // PRODUCT and PACK:
    int32_t gates;  // B has gates * columns columns; 1 without gates
    int32_t inner;  // PACK: rows of B; PRODUCT with packed B: static inner length; else 0 (given at run time)
    uint8_t packed; // PRODUCT: arg 1 is B in panels; else B is plain rows, packed on the way
    uint8_t transposed; // PRODUCT: A is given as A[k, m] (OP_OUTER); PACK: source is [gates * columns, inner]
    const char *site;   // RANDOM: the declaration site, part of the key
    uint8_t batched;    // RANDOM: the last row dimension is the batch
    uint32_t arg_count; // PRODUCT: arg 0 is A, arg 1 is B, others belong to the body
    uint32_t instr_count;
    kernel_arg args[KERNEL_MAX_ARGS];
    kernel_instr *instrs;
    const char *name; // for symbols and profiles; not part of the identity
} kernel_desc;

// The code of a kernel. |args|: one pointer per argument, to its first row; the one after the last is the
// calling thread's scratch (kernel_scratch_bytes, 64-byte aligned). |ints|: see below. The call does the units
// [begin, end); units are independent of each other, so threads may share them out in any way without changing
// a bit: MAP: rows of the outermost dimension (flat: elements; begin is a multiple of 16); PRODUCT: tiles, see
// product_tiling; FOLD: kept rows of the outermost dimension times blocks of 16 columns (kept row * blocks +
// block; one kept row if kept_dims is 0); PACK: panels; SEGMENT, SCATTER, ADD_ROWS: one unit; RANDOM: rows of
// the outermost dimension. Where kernel_turns, |begin| may be above |end|: then the units [end, begin) are done from the
// last to the first. Reads and writes memory only through its arguments; calls nothing.
typedef void kernel_function(void *const *args, const int64_t *ints, int64_t begin, int64_t end);

// ints[d]: extent of row dimension d (0: outermost). ints[KERNEL_INNER]: a PRODUCT's inner length in this call
// (0: P is +0). ints[KERNEL_STRIDES + 4 * arg + d]: elements from row to row of |arg| along dimension d.
// For PRODUCT the row dimension 0 runs over m. A's strides: dimension 0 along m, dimension 3 along k. B, where
// not packed: dimension 3 along k (columns are contiguous).
// A transposed A is contiguous along m, and k may count several dimensions in both operands:
//     k = (k0 * ints[KERNEL_RUNS] + k1) * ints[KERNEL_RUN] + k2,
// with the strides of dimensions 1, 2 and 3 along k0, k1 and k2. ints[KERNEL_RUN] = 0: k is k2. A's rows of one k0 may be
// elsewhere, at one distance from each other: ints[KERNEL_MOVED] is this distance times 2^32, plus k0 (0: there are none),
// and ints[KERNEL_MOVE] is how many elements behind A they begin.
enum { KERNEL_INNER = 3, KERNEL_STRIDES = 4, KERNEL_MAX_INTS = 4 + 4 * KERNEL_MAX_ARGS };
enum { KERNEL_RUNS = 1, KERNEL_RUN = 2, KERNEL_MOVED = KERNEL_STRIDES, KERNEL_MOVE = KERNEL_STRIDES + 4 };

// What passes and runtime must know of a target's registers to lay out panels.
typedef struct target_shape {
    int vector_bytes;     // 16, 32, 64
    int vector_registers; // 8, 16, 32
} target_shape;

// How a product is cut. A panel holds |unit_columns| columns of every gate, padded with zeros: element
// (k, g, u) of panel p is at ((p * inner + k) * gates + g) * unit_columns + u and is B[k, g * columns + p *
// unit_columns + u]. Tile (unit) number i is panel i / row_blocks, rows [i % row_blocks * row_block, + row_block).
typedef struct product_tiling {
    int32_t unit_columns;
    int32_t panels;
    int32_t max_rows;  // rows of the largest register tile
    int32_t row_block; // rows done with one panel block in cache
} product_tiling;

product_tiling product_tile(target_shape shape, dtype elem, int32_t gates, int32_t columns);
// The largest number of gates whose accumulators fit in registers beside each other.
int32_t product_max_gates(target_shape shape);
// Elements of a weight of |inner| rows in panels.
int64_t product_packed_elements(product_tiling t, int32_t gates, int32_t inner);
// Bytes of scratch a thread needs for a call of |k|: a PRODUCT's partial sums and packed block of B.
int64_t kernel_scratch_bytes(const kernel_desc *k, target_shape shape);
// The same where no call of a PRODUCT has more than |rows| rows and |inner| inner indices.
int64_t kernel_call_scratch_bytes(const kernel_desc *k, target_shape shape, int64_t rows, int64_t inner);
// Whether a loop should go through the panels of |k| there and back, iteration by iteration. They are more than the
// caches next to a processor can be relied on to hold: what always begins at the first panel has by then lost it again,
// while what turns back finds the last ones there.
bool kernel_turns(const kernel_desc *k, target_shape shape);
// Units of a call (see kernel_function); |ints| as given to it.
int64_t kernel_units(const kernel_desc *k, target_shape shape, const int64_t *ints);

enum { PRODUCT_BLOCK = 512 }; // inner indices of one chain of multiply-adds (docs/numerics.md)

// Identity, without the name: equal descriptions have equal hashes on every machine and in every run.
uint64_t kernel_hash(const kernel_desc *k);
bool kernel_equal(const kernel_desc *a, const kernel_desc *b);
// Calls |add| with everything that the identity consists of: for hashes wider than kernel_hash. Descriptions give
// equal sequences if and only if they are equal.
typedef void kernel_field(void *user, uint64_t field);
void kernel_fields(const kernel_desc *k, kernel_field *add, void *user);

#endif
