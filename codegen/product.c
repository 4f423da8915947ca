// KERNEL_PRODUCT: a unit is a panel and a block of rows. Block by block of 512 inner indices, tile by tile of rows, the
// partial sums go to scratch; after the last block the body reads them there, tile by tile while they are warm.
#include "codegen/product.h"

#include "codegen/chunk.h"
#include "codegen/kernels.h"
#include "passes/tiling.h"

enum { MOST_TILE_ROWS = 8 };

// The helpers of one form of panel.
typedef struct panel_code {
    product_panel panel;
    LLVMValueRef micro[MOST_TILE_ROWS + 1]; // by rows
    LLVMValueRef pack;                      // NULL where B is packed
    LLVMValueRef epilogue;
    LLVMValueRef unit;
} panel_code;

// A unit while it is written.
typedef struct unit {
    panel_code *code;
    frame *f;
    emitter *e;
    LLVMValueRef panel;              // its number
    LLVMValueRef first_row, rows;    // of A
    LLVMValueRef column;             // the panel's first
    LLVMValueRef inner, a_stride;
    LLVMValueRef tiles, tile_rows, longer; // the first |longer| of the tiles have tile_rows + 1 rows, the others tile_rows
    LLVMValueRef sums;
} unit;

static LLVMValueRef packed_space(const unit *u) {
    return l_offset(u->e, u->e->i8, u->sums, product_sums_bytes(u->f->k, u->code->panel.tiling));
}

// The block of B from inner index |from| on, in a panel.
static LLVMValueRef block_of_b(const unit *u, LLVMValueRef from, LLVMValueRef length) {
    const product_panel *p = &u->code->panel;
    emitter *e = u->e;
    LLVMValueRef b = u->f->arg[1];
    if (u->f->k->packed) {
        LLVMValueRef row = l_add(e, l_mul(e, u->panel, l_i64(e, u->f->k->inner)), from);
        return l_at(e, p->element, b, l_mul(e, row, l_i64(e, product_width(p))));
    }
    LLVMValueRef stride = frame_int(u->f, KERNEL_STRIDES + 4 + 3);
    LLVMValueRef at = l_at(e, p->element, b, l_add(e, l_mul(e, from, stride), u->column));
    LLVMValueRef space = packed_space(u);
    l_call(e, u->code->pack, (LLVMValueRef[]){at, stride, length, space}, 4);
    return space;
}

static LLVMValueRef block_of_a(const unit *u, LLVMValueRef row, LLVMValueRef from) {
    LLVMValueRef at = u->f->k->transposed ? l_add(u->e, l_mul(u->e, from, u->a_stride), row)
                                          : l_add(u->e, l_mul(u->e, row, u->a_stride), from);
    return l_at(u->e, u->code->panel.element, u->f->arg[0], at);
}

// Calls the register tile for |rows| rows.
static void call_micro(const unit *u, LLVMValueRef rows, LLVMValueRef *args) {
    emitter *e = u->e;
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInsertBlock(e->builder));
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, function, "");
    int most = u->code->panel.max_rows;
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, rows, after, (unsigned)most);
    for (int r = 1; r <= most; r++) {
        LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(e->context, function, "");
        LLVMAddCase(choice, l_i64(e, r), block);
        LLVMPositionBuilderAtEnd(e->builder, block);
        l_call(e, u->code->micro[r], args, 6);
        LLVMBuildBr(e->builder, after);
    }
    LLVMMoveBasicBlockAfter(after, LLVMGetLastBasicBlock(function));
    LLVMPositionBuilderAtEnd(e->builder, after);
}

// All row tiles for the inner indices [from, from + length).
static void emit_tiles(const unit *u, LLVMValueRef from, LLVMValueRef length, LLVMValueRef b) {
    emitter *e = u->e;
    LLVMValueRef zero = l_i64(e, 0), last = LLVMBuildICmp(e->builder, LLVMIntSGE, l_add(e, from, length), u->inner, "");
    l_loop loop;
    l_loop_begin(e, &loop, zero, u->tiles, 1, &zero, 1);
    LLVMValueRef row = loop.value[0];
    LLVMValueRef one_more = LLVMBuildZExt(e->builder, l_less(e, loop.index, u->longer), e->i64, "");
    LLVMValueRef rows = l_add(e, u->tile_rows, one_more), first = l_add(e, u->first_row, row);
    LLVMValueRef sums = l_at(e, u->code->panel.element, u->sums,
                             l_mul(e, row, l_i64(e, product_width(&u->code->panel))));
    call_micro(u, rows, (LLVMValueRef[]){block_of_a(u, first, from), u->a_stride, b, length, sums, from});
    l_if complete;
    l_if_begin(e, &complete, last);
    l_call(e, u->code->epilogue, (LLVMValueRef[]){u->f->args, u->f->ints, first, rows, u->column, sums}, 6);
    l_if_end(&complete);
    LLVMValueRef next = l_add(e, row, rows);
    l_loop_end(&loop, &next);
}

// Rows are shared out evenly: 20 rows in tiles of at most 6 are 4 tiles of 5.
static void share_rows(unit *u) {
    emitter *e = u->e;
    int most = u->code->panel.max_rows;
    u->tiles = l_quotient(e, l_add(e, u->rows, l_i64(e, most - 1)), l_i64(e, most));
    u->tile_rows = l_quotient(e, u->rows, u->tiles);
    u->longer = l_remainder(e, u->rows, u->tiles);
}

static void begin_unit(panel_code *code, unit *u) {
    frame *f = code->panel.f;
    emitter *e = f->e;
    LLVMTypeRef parameters[] = {e->pointer, e->pointer, e->i64, e->i64};
    code->unit = l_function(e, "unit", parameters, 4, true);
    f->args = LLVMGetParam(code->unit, 0);
    f->ints = LLVMGetParam(code->unit, 1);
    frame_load(f);
    *u = (unit){.code = code, .f = f, .e = e, .panel = LLVMGetParam(code->unit, 2),
                .sums = f->arg[f->k->arg_count], .inner = frame_int(f, KERNEL_INNER)};
    product_tiling tiling = code->panel.tiling;
    LLVMValueRef block = l_i64(e, tiling.row_block), all = f->k->dims ? f->extent[0] : l_i64(e, 1);
    u->column = l_mul(e, u->panel, l_i64(e, tiling.unit_columns));
    u->first_row = l_mul(e, LLVMGetParam(code->unit, 3), block);
    u->rows = l_min_i64(e, l_sub(e, all, u->first_row), block);
    u->a_stride = frame_int(f, KERNEL_STRIDES + (f->k->transposed ? 3 : 0));
    share_rows(u);
}

// With an inner length of 0 there is one block of no index, whose sums are +0.
static void emit_unit(panel_code *code) {
    unit u;
    begin_unit(code, &u);
    emitter *e = u.e;
    LLVMValueRef zero = l_i64(e, 0), one = l_i64(e, 1), block = l_i64(e, PRODUCT_BLOCK);
    LLVMValueRef none = l_less(e, u.inner, one);
    l_loop loop;
    l_loop_begin(e, &loop, zero, l_select(e, none, one, u.inner), PRODUCT_BLOCK, NULL, 0);
    LLVMValueRef length = l_min_i64(e, l_sub(e, u.inner, loop.index), block);
    emit_tiles(&u, loop.index, length, block_of_b(&u, loop.index, length));
    l_loop_end(&loop, NULL);
    LLVMBuildRetVoid(e->builder);
}

static product_panel describe_panel(frame *f, int columns) {
    const kernel_desc *k = f->k;
    dtype elem = (dtype)k->elem;
    product_tiling tiling = product_tile(f->shape, elem, k->gates, k->columns);
    int lanes = f->shape.vector_bytes / dtype_bytes(elem);
    product_panel p = {.f = f, .tiling = tiling, .element = l_dtype(f->e, elem), .gates = k->gates, .columns = columns};
    p.lanes = (unsigned)(lanes < tiling.unit_columns ? lanes : tiling.unit_columns);
    p.vectors = ((unsigned)columns + p.lanes - 1) / p.lanes;
    p.max_rows = product_tile_rows(f->shape, elem, k->gates, (int32_t)(p.vectors * p.lanes));
    return p;
}

static void emit_panel(panel_code *code, frame *f, int columns) {
    code->panel = describe_panel(f, columns);
    for (int r = 1; r <= code->panel.max_rows; r++) {
        code->micro[r] = product_micro(&code->panel, r);
    }
    code->pack = f->k->packed ? NULL : product_pack(&code->panel);
    code->epilogue = product_epilogue(&code->panel);
    emit_unit(code);
}

// Calls the code of a unit's panel: |last| for the last one, if it differs.
static void call_unit(frame *f, const panel_code *whole, const panel_code *last, LLVMValueRef panel,
                      LLVMValueRef row_block) {
    emitter *e = f->e;
    LLVMValueRef args[] = {f->args, f->ints, panel, row_block};
    if (!whole->unit || !last->unit) {
        l_call(e, whole->unit ? whole->unit : last->unit, args, 4);
        return;
    }
    l_if inside;
    l_if_begin(e, &inside, l_less(e, panel, l_i64(e, last->panel.tiling.panels - 1)));
    l_call(e, whole->unit, args, 4);
    l_if_else(&inside);
    l_call(e, last->unit, args, 4);
    l_if_end(&inside);
}

void emit_product(frame *f) {
    emitter *e = f->e;
    product_tiling tiling = product_tile(f->shape, (dtype)f->k->elem, f->k->gates, f->k->columns);
    panel_code whole = {.unit = NULL}, last = {.unit = NULL};
    int rest = f->k->columns % tiling.unit_columns;
    if (f->k->columns >= tiling.unit_columns) {
        emit_panel(&whole, f, tiling.unit_columns);
    }
    if (rest) {
        emit_panel(&last, f, rest);
    }
    frame_begin(f);
    LLVMValueRef rows = f->k->dims ? f->extent[0] : l_i64(e, 1);
    LLVMValueRef blocks = l_quotient(e, l_add(e, rows, l_i64(e, tiling.row_block - 1)), l_i64(e, tiling.row_block));
    l_loop loop;
    l_loop_begin(e, &loop, f->begin, f->end, 1, NULL, 0);
    call_unit(f, &whole, &last, l_quotient(e, loop.index, blocks), l_remainder(e, loop.index, blocks));
    l_loop_end(&loop, NULL);
    LLVMBuildRetVoid(e->builder);
}
