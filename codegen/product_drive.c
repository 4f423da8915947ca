// The loops of a product. Block by block of 512 inner indices, tile by tile of rows, the partial sums go to scratch;
// after the last block the body reads them there, tile by tile while they are warm.
#include <stdio.h>

#include "codegen/chunk.h"
#include "codegen/product.h"
#include "passes/tiling.h"

enum { MOST_TILE_ROWS = 8 };
enum { ARGS, INTS, SCRATCH, BEGIN, END, ROWS, INNER, COLUMNS, WHOLE_BODY, LAST_BODY };

// The helpers of one form of panel.
typedef struct panel_code {
    product_panel panel;
    LLVMValueRef micro[MOST_TILE_ROWS + 1]; // by rows
    LLVMValueRef add, zero;
    LLVMValueRef pack;                      // NULL where B is packed
} panel_code;

// What is in registers while units are done.
typedef struct driver {
    frame *f;
    emitter *e;
    LLVMValueRef parameter[PRODUCT_DRIVE_ARGS];
    LLVMValueRef a, b;               // where they begin
    LLVMValueRef a_stride, b_stride;
    LLVMValueRef inner;              // inner indices of this call
    LLVMValueRef sums, parts, space; // scratch: a row block's sums, a tile's parts, a packed block of B
} driver;

// A unit: a panel and a block of rows.
typedef struct unit {
    const driver *d;
    const panel_code *code;
    emitter *e;
    LLVMValueRef panel, column, body; // number, first column, what to do at the end
    LLVMValueRef first_row, rows;
    LLVMValueRef tiles, tile_rows, longer; // the first |longer| tiles have tile_rows + 1 rows, the others tile_rows
} unit;

// ---- Blocks and tiles ----

// The block of B from inner index |from| on, in a panel.
static LLVMValueRef block_of_b(const unit *u, LLVMValueRef from, LLVMValueRef length) {
    const product_panel *p = &u->code->panel;
    const driver *d = u->d;
    emitter *e = u->e;
    if (!u->code->pack) {
        LLVMValueRef row = l_add(e, l_mul(e, u->panel, d->parameter[INNER]), from);
        return l_at(e, p->element, d->b, l_mul(e, row, l_i64(e, product_width(p))));
    }
    LLVMValueRef at = l_at(e, p->element, d->b, l_add(e, l_mul(e, from, d->b_stride), u->column));
    l_if some;
    l_if_begin(e, &some, l_less(e, l_i64(e, 0), length));
    LLVMValueRef args[] = {at, d->b_stride, length, d->space, u->column, d->parameter[COLUMNS]};
    l_call(e, u->code->pack, args, 6);
    l_if_end(&some);
    return d->space;
}

static LLVMValueRef block_of_a(const unit *u, LLVMValueRef row, LLVMValueRef from) {
    const driver *d = u->d;
    LLVMValueRef at = d->f->k->transposed ? l_add(u->e, l_mul(u->e, from, d->a_stride), row)
                                          : l_add(u->e, l_mul(u->e, row, d->a_stride), from);
    return l_at(u->e, u->code->panel.element, d->a, at);
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
    LLVMValueRef to = l_select(e, later, u->d->parts, sums);
    call_micro(u, rows, (LLVMValueRef[]){block_of_a(u, row, from), u->d->a_stride, b, length, to});
    l_if_begin(e, &add, later);
    l_call(e, u->code->add, (LLVMValueRef[]){sums, u->d->parts, rows}, 3);
    l_if_end(&add);
    l_if_else(&some);
    l_call(e, u->code->zero, (LLVMValueRef[]){sums, rows}, 2);
    l_if_end(&some);
}

static void call_body(const unit *u, LLVMValueRef row, LLVMValueRef rows, LLVMValueRef sums) {
    emitter *e = u->e;
    LLVMTypeRef parameters[] = {e->pointer, e->pointer, e->i64, e->i64, e->i64, e->pointer};
    LLVMTypeRef type = LLVMFunctionType(e->nothing, parameters, 6, false);
    const LLVMValueRef *own = u->d->parameter;
    LLVMValueRef args[] = {own[ARGS], own[INTS], row, rows, u->column, sums};
    LLVMBuildCall2(e->builder, type, u->body, args, 6, "");
}

// All row tiles for the inner indices [from, from + length).
static void emit_tiles(const unit *u, LLVMValueRef from, LLVMValueRef length, LLVMValueRef b) {
    emitter *e = u->e;
    LLVMValueRef zero = l_i64(e, 0), end = l_add(e, from, length);
    LLVMValueRef last = LLVMBuildICmp(e->builder, LLVMIntSGE, end, u->d->inner, "");
    l_loop loop;
    l_loop_begin_sure(e, &loop, zero, u->tiles, 1, &zero, 1);
    LLVMValueRef row = loop.value[0];
    LLVMValueRef one_more = LLVMBuildZExt(e->builder, l_less(e, loop.index, u->longer), e->i64, "");
    LLVMValueRef rows = l_add(e, u->tile_rows, one_more), first = l_add(e, u->first_row, row);
    LLVMValueRef offset = l_mul(e, row, l_i64(e, product_width(&u->code->panel)));
    LLVMValueRef sums = l_at(e, u->code->panel.element, u->d->sums, offset);
    emit_tile(u, first, rows, from, length, b, sums);
    l_if complete;
    l_if_begin(e, &complete, last);
    call_body(u, first, rows, sums);
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

// With an inner length of 0 there is one block of no index.
static void emit_unit(const driver *d, const panel_code *code, LLVMValueRef panel, LLVMValueRef row_block,
                      LLVMValueRef body) {
    emitter *e = d->e;
    LLVMValueRef zero = l_i64(e, 0), one = l_i64(e, 1), block = l_i64(e, code->panel.tiling.row_block);
    unit u = {.d = d, .code = code, .e = e, .panel = panel, .body = body};
    u.column = l_mul(e, panel, l_i64(e, code->panel.tiling.unit_columns));
    u.first_row = l_mul(e, row_block, block);
    u.rows = l_min_i64(e, l_sub(e, d->parameter[ROWS], u.first_row), block);
    share_rows(&u);
    l_loop loop;
    LLVMValueRef to = l_select(e, l_less(e, d->inner, one), one, d->inner);
    l_loop_begin_sure(e, &loop, zero, to, PRODUCT_BLOCK, NULL, 0);
    LLVMValueRef length = l_min_i64(e, l_sub(e, d->inner, loop.index), l_i64(e, PRODUCT_BLOCK));
    emit_tiles(&u, loop.index, length, block_of_b(&u, loop.index, length));
    l_loop_end(&loop, NULL);
}

// ---- Units ----

static panel_code find_helpers(const product_panel *p) {
    panel_code code = {.panel = *p, .add = product_add(p), .zero = product_zero(p)};
    for (int r = 1; r <= p->max_rows; r++) {
        code.micro[r] = product_micro(p, r);
    }
    code.pack = p->f->k->packed ? NULL : product_pack(p);
    return code;
}

static void load_operands(driver *d, const product_panel *p) {
    emitter *e = d->e;
    const LLVMValueRef *own = d->parameter;
    frame ints = *d->f;
    ints.ints = own[INTS];
    d->a = l_load(e, e->pointer, own[ARGS]);
    d->b = l_load(e, e->pointer, l_offset(e, e->pointer, own[ARGS], 1));
    d->inner = frame_int(&ints, KERNEL_INNER);
    d->a_stride = frame_int(&ints, KERNEL_STRIDES + (d->f->k->transposed ? 3 : 0));
    d->b_stride = frame_int(&ints, KERNEL_STRIDES + 4 + 3);
    d->sums = own[SCRATCH];
    d->parts = l_offset(e, p->element, d->sums, p->tiling.row_block * product_width(p));
    d->space = l_offset(e, e->i8, d->sums, product_sums_bytes(d->f->k, p->tiling));
}

static void emit_units(driver *d, const panel_code *whole, const panel_code *last) {
    emitter *e = d->e;
    product_tiling t = whole->panel.tiling;
    LLVMValueRef row_block = l_i64(e, t.row_block), unit_columns = l_i64(e, t.unit_columns), one = l_i64(e, 1);
    LLVMValueRef blocks = l_quotient(e, l_add(e, d->parameter[ROWS], l_sub(e, row_block, one)), row_block);
    LLVMValueRef last_panel = l_quotient(e, l_sub(e, d->parameter[COLUMNS], one), unit_columns);
    l_loop loop;
    l_loop_begin(e, &loop, d->parameter[BEGIN], d->parameter[END], 1, NULL, 0);
    LLVMValueRef panel = l_quotient(e, loop.index, blocks), rows = l_remainder(e, loop.index, blocks);
    LLVMValueRef inside = l_less(e, panel, last_panel);
    if (!last) {
        emit_unit(d, whole, panel, rows, l_select(e, inside, d->parameter[WHOLE_BODY], d->parameter[LAST_BODY]));
    } else {
        l_if branch;
        l_if_begin(e, &branch, inside);
        emit_unit(d, whole, panel, rows, d->parameter[WHOLE_BODY]);
        l_if_else(&branch);
        emit_unit(d, last, panel, rows, d->parameter[LAST_BODY]);
        l_if_end(&branch);
    }
    l_loop_end(&loop, NULL);
}

LLVMValueRef product_drive(frame *f) {
    emitter *e = f->e;
    const kernel_desc *k = f->k;
    product_tiling t = product_tile(f->shape, (dtype)k->elem, k->gates, k->columns);
    int rest = k->columns % t.unit_columns;
    product_panel whole = product_describe(f, t.unit_columns), last = product_describe(f, rest ? rest : t.unit_columns);
    // Where vectors can be masked, one copier of plain rows serves all panels.
    whole.any = last.any = l_has_masks(e) && whole.lanes > 1;
    bool own_copier = !k->packed && !whole.any && rest;
    bool differs = last.vectors != whole.vectors || own_copier;
    char name[128];
    snprintf(name, sizeof name, "product.%s.%ux%u.%u.gates%d%s%s.%d", dtype_name((dtype)k->elem), whole.lanes, whole.vectors,
             last.vectors, k->gates, k->packed ? "" : ".plain", k->transposed ? ".transposed" : "",
             own_copier ? k->columns : 0);
    LLVMValueRef known = LLVMGetNamedFunction(e->module, name);
    if (known) {
        return known;
    }
    panel_code whole_code = find_helpers(&whole), last_code = differs ? find_helpers(&last) : whole_code;
    LLVMTypeRef parameters[PRODUCT_DRIVE_ARGS] = {e->pointer, e->pointer, e->pointer, e->i64, e->i64,
                                                  e->i64, e->i64, e->i64, e->pointer, e->pointer};
    LLVMValueRef function = l_function(e, name, parameters, PRODUCT_DRIVE_ARGS, true);
    driver d = {.f = f, .e = e};
    LLVMGetParams(function, d.parameter);
    load_operands(&d, &whole);
    emit_units(&d, &whole_code, differs ? &last_code : NULL);
    LLVMBuildRetVoid(e->builder);
    return function;
}
