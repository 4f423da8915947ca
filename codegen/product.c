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
    LLVMValueRef add, zero;
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
    LLVMValueRef sums, parts;
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
    l_if some;
    l_if_begin(e, &some, l_less(e, l_i64(e, 0), length));
    l_call(e, u->code->pack, (LLVMValueRef[]){at, stride, length, space, u->column}, 5);
    l_if_end(&some);
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
        l_call(e, u->code->micro[r], args, 5);
        LLVMBuildBr(e->builder, after);
    }
    LLVMMoveBasicBlockAfter(after, LLVMGetLastBasicBlock(function));
    LLVMPositionBuilderAtEnd(e->builder, after);
}

// A tile in one block. The first block's sums are the sums so far; a later one's are parts to be added. Without inner
// indices the sums are +0.
static void emit_tile(const unit *u, LLVMValueRef row, LLVMValueRef rows, LLVMValueRef from, LLVMValueRef length,
                      LLVMValueRef b, LLVMValueRef sums) {
    emitter *e = u->e;
    LLVMValueRef zero = l_i64(e, 0), later = l_less(e, zero, from);
    l_if some, add;
    l_if_begin(e, &some, l_less(e, zero, length));
    LLVMValueRef to = l_select(e, later, u->parts, sums);
    call_micro(u, rows, (LLVMValueRef[]){block_of_a(u, row, from), u->a_stride, b, length, to});
    l_if_begin(e, &add, later);
    l_call(e, u->code->add, (LLVMValueRef[]){sums, u->parts, rows}, 3);
    l_if_end(&add);
    l_if_else(&some);
    l_call(e, u->code->zero, (LLVMValueRef[]){sums, rows}, 2);
    l_if_end(&some);
}

// All row tiles for the inner indices [from, from + length).
static void emit_tiles(const unit *u, LLVMValueRef from, LLVMValueRef length, LLVMValueRef b) {
    emitter *e = u->e;
    LLVMValueRef zero = l_i64(e, 0), last = LLVMBuildICmp(e->builder, LLVMIntSGE, l_add(e, from, length), u->inner, "");
    l_loop loop;
    l_loop_begin_sure(e, &loop, zero, u->tiles, 1, &zero, 1);
    LLVMValueRef row = loop.value[0];
    LLVMValueRef one_more = LLVMBuildZExt(e->builder, l_less(e, loop.index, u->longer), e->i64, "");
    LLVMValueRef rows = l_add(e, u->tile_rows, one_more), first = l_add(e, u->first_row, row);
    LLVMValueRef sums = l_at(e, u->code->panel.element, u->sums,
                             l_mul(e, row, l_i64(e, product_width(&u->code->panel))));
    emit_tile(u, first, rows, from, length, b, sums);
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
    u->parts = l_offset(e, code->panel.element, u->sums, tiling.row_block * product_width(&code->panel));
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

static void emit_micros(panel_code *code) {
    for (int r = 1; r <= code->panel.max_rows; r++) {
        code->micro[r] = product_micro(&code->panel, r);
    }
}

static void emit_helpers(panel_code *code) {
    code->add = product_add(&code->panel);
    code->zero = product_zero(&code->panel);
    code->pack = code->panel.f->k->packed ? NULL : product_pack(&code->panel);
    code->epilogue = product_epilogue(&code->panel);
}

// The code of the last panel, if it differs from |whole|'s; what it can use of that is not written again.
static void emit_last(panel_code *last, const panel_code *whole, frame *f, int columns) {
    *last = *whole;
    last->panel = product_describe(f, columns);
    bool same_vectors = whole->unit && last->panel.vectors == whole->panel.vectors;
    if (same_vectors && whole->panel.any) {
        return;
    }
    if (!same_vectors) {
        emit_micros(last);
    }
    if (!whole->unit || !whole->panel.any) {
        emit_helpers(last);
    }
    emit_unit(last);
}

// Calls the code of a unit's panel.
static void call_unit(frame *f, const panel_code *whole, const panel_code *last, LLVMValueRef panel,
                      LLVMValueRef row_block) {
    emitter *e = f->e;
    LLVMValueRef args[] = {f->args, f->ints, panel, row_block};
    if (!whole->unit || whole->unit == last->unit) {
        l_call(e, last->unit, args, 4);
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
    int columns = f->k->columns;
    product_tiling tiling = product_tile(f->shape, (dtype)f->k->elem, f->k->gates, columns);
    panel_code whole = {.unit = NULL}, last = {.unit = NULL};
    int rest = columns % tiling.unit_columns;
    if (columns >= tiling.unit_columns) {
        whole.panel = product_describe(f, tiling.unit_columns);
        whole.panel.any = rest && l_has_masks(e);
        emit_micros(&whole);
        emit_helpers(&whole);
        emit_unit(&whole);
        last = whole;
    }
    if (rest) {
        emit_last(&last, &whole, f, rest);
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
