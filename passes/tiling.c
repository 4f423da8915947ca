// How products are cut into panels and register tiles. None of it changes a value: an element is the same
// chain of multiply-adds wherever it is computed.
#include "passes/tiling.h"

#include "passes/phases.h"

enum {
    ROW_BLOCK = 96, // with 512 inner indices 192 KiB of f32: half of a small L2 cache
    MOST_ROWS = 8,  // more rows need more general registers for their addresses than x86-64 has
    LINE = 64,      // bytes
    SLOT_BYTES = 8, // of an element kept between passes
    FOLD_COLUMNS = 16,
    FEWEST_ROWS = 4, // of a register tile: fewer use each vector of B too seldom
    LITTLE = 16,     // one part in so many of a weight may be padding without a second thought
    LARGE = 1 << 17, // bytes of panels: more than a cache of the first level, and half of a small second one
};

// Accumulators beside each other in registers; the others hold B's vectors, an element of A and temporaries.
static int accumulators(target_shape shape) {
    return shape.vector_registers >= 32 ? 24 : shape.vector_registers >= 16 ? 12 : 4;
}

int32_t product_max_gates(target_shape shape) {
    return accumulators(shape) / 3;
}

static int32_t round_up(int32_t value, int32_t step) {
    return (value + step - 1) / step * step;
}

// Vectors that panels of |most| vectors each have too many for |wanted| of them.
static int32_t surplus(int32_t wanted, int32_t most) {
    return round_up(wanted, most) - wanted;
}

// Vectors of a panel and gate: so many that the accumulators fill the registers with some six rows; one more
// or one less where the last panel would be padding to a good part: ten vectors are two panels of five, not
// three of four.
static int32_t choose_vectors(target_shape shape, int32_t gates, int32_t wanted) {
    int32_t usual = accumulators(shape) / 6 / gates, best = usual > 1 ? usual : 1;
    if (wanted <= best || surplus(wanted, best) * LITTLE <= wanted) {
        return wanted < best ? wanted : best;
    }
    int32_t most = accumulators(shape) / gates / FEWEST_ROWS;
    for (int32_t v = most > best ? best + 1 : best; 4 * v >= 3 * usual; v--) {
        best = surplus(wanted, v) < surplus(wanted, best) ? v : best;
    }
    return best;
}

// Columns of a panel and gate: several vectors, or a part of one where there are few columns.
static int32_t choose_columns(target_shape shape, dtype elem, int32_t gates, int32_t columns) {
    int32_t lanes = shape.vector_bytes / dtype_bytes(elem);
    if (columns == 1) {
        return 1;
    }
    if (columns < lanes) {
        int32_t narrow = 16 / dtype_bytes(elem);
        while (narrow < columns) {
            narrow *= 2;
        }
        return narrow;
    }
    return choose_vectors(shape, gates, round_up(columns, lanes) / lanes) * lanes;
}

int32_t product_lanes(target_shape shape, dtype elem, int32_t unit_columns) {
    int32_t lanes = shape.vector_bytes / dtype_bytes(elem);
    while (unit_columns % lanes) {
        lanes /= 2;
    }
    return lanes;
}

int32_t product_tile_rows(target_shape shape, int32_t vectors) {
    int32_t rows = accumulators(shape) / vectors;
    return rows < 1 ? 1 : rows > MOST_ROWS ? MOST_ROWS : rows;
}

product_tiling product_tile(target_shape shape, dtype elem, int32_t gates, int32_t columns) {
    product_tiling t = {.unit_columns = choose_columns(shape, elem, gates, columns), .row_block = ROW_BLOCK};
    t.panels = (columns + t.unit_columns - 1) / t.unit_columns;
    t.max_rows =
        product_tile_rows(shape, gates * (t.unit_columns / product_lanes(shape, elem, t.unit_columns)));
    return t;
}

int64_t product_packed_elements(product_tiling t, int32_t gates, int32_t inner) {
    return (int64_t)t.panels * inner * gates * t.unit_columns;
}

static int64_t round_to_lines(int64_t bytes) {
    return (bytes + LINE - 1) / LINE * LINE;
}

int64_t product_sums_bytes(const kernel_desc *k, product_tiling t) {
    int64_t rows = PRODUCT_PANEL_GROUP * t.row_block + MOST_ROWS;
    return round_to_lines(rows * k->gates * t.unit_columns * dtype_bytes((dtype)k->elem));
}

int64_t product_panel_bytes(const kernel_desc *k, product_tiling t) {
    return round_to_lines((int64_t)PRODUCT_BLOCK * k->gates * t.unit_columns * dtype_bytes((dtype)k->elem));
}

// Sums, a block of B if that is not packed before, and a block of A if that is transposed: the last of these is filled
// as far as the sum goes. With one block of inner indices the sums are those of one panel, without parts to be added.
static int64_t product_scratch(const kernel_desc *k, target_shape shape, int64_t rows, int64_t inner) {
    product_tiling t = product_tile(shape, (dtype)k->elem, k->gates, k->columns);
    if (k->packed && !k->transposed && inner <= PRODUCT_BLOCK) {
        rows = rows < t.row_block ? rows : t.row_block;
        return round_to_lines(rows * k->gates * t.unit_columns * dtype_bytes((dtype)k->elem));
    }
    int64_t sums = product_sums_bytes(k, t), panel = k->packed ? 0 : product_panel_bytes(k, t);
    int64_t filled = inner < PRODUCT_BLOCK ? inner : PRODUCT_BLOCK;
    return k->transposed ? sums + panel + filled * t.row_block * dtype_bytes((dtype)k->elem)
                         : sums + panel * filled / PRODUCT_BLOCK;
}

int64_t kernel_scratch_bytes(const kernel_desc *k, target_shape shape) {
    return kernel_call_scratch_bytes(k, shape, INT32_MAX, PRODUCT_BLOCK + 1);
}

int64_t kernel_call_scratch_bytes(const kernel_desc *k, target_shape shape, int64_t rows, int64_t inner) {
    if (k->kind == KERNEL_PRODUCT) {
        return product_scratch(k, shape, rows, inner);
    }
    if (k->kind != KERNEL_MAP) {
        return 0;
    }
    kernel_phases phases;
    kernel_phases_find(k, &phases);
    return (int64_t)phases.slots * round_up(k->columns, 16) * SLOT_BYTES;
}

bool kernel_turns(const kernel_desc *k, target_shape shape) {
    if (k->kind != KERNEL_PRODUCT || !k->packed || k->inner > PRODUCT_BLOCK) {
        return false;
    }
    product_tiling t = product_tile(shape, (dtype)k->elem, k->gates, k->columns);
    return product_packed_elements(t, k->gates, k->inner) * dtype_bytes((dtype)k->elem) >= LARGE;
}

static int64_t product_units(const kernel_desc *k, target_shape shape, int64_t rows) {
    product_tiling t = product_tile(shape, (dtype)k->elem, k->gates, k->columns);
    return t.panels * ((rows + t.row_block - 1) / t.row_block);
}

int64_t kernel_units(const kernel_desc *k, target_shape shape, const int64_t *ints) {
    int64_t outermost = k->dims || k->flat ? ints[0] : 1;
    switch (k->kind) {
    case KERNEL_PRODUCT: return product_units(k, shape, k->dims ? ints[0] : 1);
    case KERNEL_FOLD: return (k->kept_dims ? ints[0] : 1) * ((k->columns + FOLD_COLUMNS - 1) / FOLD_COLUMNS);
    case KERNEL_PACK: return product_tile(shape, (dtype)k->elem, k->gates, k->columns).panels;
    case KERNEL_SEGMENT:
    case KERNEL_SCATTER:
    case KERNEL_ADD_ROWS: return 1;
    default: return outermost;
    }
}
