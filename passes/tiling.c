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

// Columns of a panel and gate: several vectors so that the accumulators fill the registers with some six
// rows; a part of a vector where there are few columns.
static int32_t choose_columns(target_shape shape, dtype elem, int32_t gates, int32_t columns) {
    int32_t lanes = shape.vector_bytes / dtype_bytes(elem);
    int32_t vectors = accumulators(shape) / 6 / gates;
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
    int32_t wide = round_up(columns, lanes), most = (vectors > 1 ? vectors : 1) * lanes;
    return wide < most ? wide : most;
}

int32_t product_tile_rows(target_shape shape, dtype elem, int32_t gates, int32_t panel_columns) {
    int32_t lanes = shape.vector_bytes / dtype_bytes(elem);
    int32_t vectors = gates * ((panel_columns + lanes - 1) / lanes);
    int32_t rows = accumulators(shape) / vectors;
    return rows < 1 ? 1 : rows > MOST_ROWS ? MOST_ROWS : rows;
}

product_tiling product_tile(target_shape shape, dtype elem, int32_t gates, int32_t columns) {
    product_tiling t = {.unit_columns = choose_columns(shape, elem, gates, columns), .row_block = ROW_BLOCK};
    t.panels = (columns + t.unit_columns - 1) / t.unit_columns;
    t.max_rows = product_tile_rows(shape, elem, gates, t.unit_columns);
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

static int64_t product_scratch(const kernel_desc *k, target_shape shape) {
    product_tiling t = product_tile(shape, (dtype)k->elem, k->gates, k->columns);
    int64_t bytes = product_sums_bytes(k, t) + (k->packed ? 0 : product_panel_bytes(k, t));
    return bytes + (k->transposed ? (int64_t)PRODUCT_BLOCK * t.row_block * dtype_bytes((dtype)k->elem) : 0);
}

int64_t kernel_scratch_bytes(const kernel_desc *k, target_shape shape) {
    if (k->kind == KERNEL_PRODUCT) {
        return product_scratch(k, shape);
    }
    if (k->kind != KERNEL_MAP) {
        return 0;
    }
    kernel_phases phases;
    kernel_phases_find(k, &phases);
    return (int64_t)phases.slots * round_up(k->columns, 16) * SLOT_BYTES;
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
