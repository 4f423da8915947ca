// The loops of a product. Block by block of 512 inner indices, tile by tile of rows, the partial sums go to
// scratch; after the last block the body reads them there, tile by tile while they are warm.
//
// Units are done in one of two orders. With one block of inner indices: panel after panel, so that a panel of
// B, once in cache, serves all its row blocks; from the last to the first where the caller turns (kernel_turns). With
// several blocks: row block after row block, a few panels side by side, so that a block of A serves them all. Where the
// inner indices are known to be one block, there is no code for more.
#include <stdio.h>

#include "codegen/chunk.h"
#include "codegen/product.h"
#include "passes/tiling.h"

enum {
    MOST_TILE_ROWS = 8,
    FAR_ELEMENTS = 1000, // from inner index to inner index of a transposed A: from here on it is copied
};

// Parameters: those of both functions, then each one's own.
enum { ARGS, INTS, SCRATCH, ROWS, INNER, COLUMNS, WHOLE_BODY, LAST_BODY, SHARED };
enum { BEGIN = SHARED, END };
enum { PANEL = SHARED, ROW_BLOCK, FROM, SLOT, B_AGAIN, A_AGAIN, VISIT_ARGS };

// The helpers of one form of panel.
typedef struct panel_code {
    product_panel panel;
    LLVMValueRef micro[MOST_TILE_ROWS + 1]; // by rows
    LLVMValueRef add;                       // NULL where there is one block
    LLVMValueRef zero;
    LLVMValueRef copy_b; // NULL where B is packed
    LLVMValueRef copy_a; // NULL where A is not transposed
} panel_code;

// A visit: one block of inner indices of one unit.
typedef struct visit {
    frame *f;
    emitter *e;
    const panel_code *code;
    LLVMValueRef parameter[VISIT_ARGS];
    LLVMValueRef body; // what to do after the last block
    LLVMValueRef a, b; // where they begin
    LLVMValueRef a_stride;
    LLVMValueRef is_apart;         // a transposed A's inner indices lie at more than one distance
    LLVMValueRef sums, parts;      // scratch: the unit's sums, a tile's parts,
    LLVMValueRef b_space, a_space; // a packed block of B, a block of A
    LLVMValueRef inner;            // inner indices of this call
    LLVMValueRef length;           // of the block
    LLVMValueRef column;           // the panel's first
    LLVMValueRef first_row, rows;
    LLVMValueRef tiles, tile_rows,
        longer; // the first |longer| tiles have tile_rows + 1 rows, the others tile_rows
    LLVMValueRef b_block, a_block, a_block_stride;
} visit;

// Whether there may be several blocks of inner indices.
static bool has_blocks(const kernel_desc *k) {
    return !k->packed || k->inner > PRODUCT_BLOCK;
}

// ---- A block's operands ----

// The block of B, in a panel.
static void find_b(visit *v) {
    const product_panel *p = &v->code->panel;
    emitter *e = v->e;
    LLVMValueRef from = v->parameter[FROM];
    if (!v->code->copy_b) {
        LLVMValueRef row = l_add(e, l_mul(e, v->parameter[PANEL], v->parameter[INNER]), from);
        v->b_block = l_at(e, p->element, v->b, l_mul(e, row, l_i64(e, product_width(p))));
        return;
    }
    LLVMValueRef some = l_less(e, l_i64(e, 0), v->length), there = l_truth_i64(e, v->parameter[B_AGAIN]);
    l_if needed;
    l_if_begin(e, &needed, LLVMBuildAnd(e->builder, some, LLVMBuildNot(e->builder, there, ""), ""));
    LLVMValueRef args[] = {l_at(e, p->element, v->b, v->column),
                           v->parameter[INTS],
                           from,
                           v->length,
                           v->b_space,
                           v->column,
                           v->parameter[COLUMNS]};
    l_call(e, v->code->copy_b, args, 7);
    l_if_end(&needed);
    v->b_block = v->b_space;
}

// The unit's rows of the block of A. A transposed A whose rows are far apart is copied: each row tile would
// touch a page for every inner index. So is one whose rows are not at one distance, which register tiles know nothing of.
static void find_a(visit *v) {
    emitter *e = v->e;
    LLVMTypeRef element = v->code->panel.element;
    LLVMValueRef from = v->parameter[FROM];
    if (!v->code->copy_a) {
        v->a_block = l_at(e, element, v->a, l_add(e, l_mul(e, v->first_row, v->a_stride), from));
        v->a_block_stride = v->a_stride;
        return;
    }
    LLVMValueRef first = l_at(e, element, v->a, v->first_row);
    LLVMValueRef far = l_less(e, l_i64(e, FAR_ELEMENTS), v->a_stride),
                 some = l_less(e, l_i64(e, 0), v->length);
    far = LLVMBuildOr(e->builder, far, v->is_apart, "");
    LLVMValueRef missing = LLVMBuildNot(e->builder, l_truth_i64(e, v->parameter[A_AGAIN]), "");
    LLVMValueRef copies = LLVMBuildAnd(e->builder, LLVMBuildAnd(e->builder, far, some, ""), missing, "");
    l_if copying;
    l_if_begin(e, &copying, copies);
    LLVMValueRef args[] = {first, v->parameter[INTS], from, v->length, v->a_space, v->rows};
    l_call(e, v->code->copy_a, args, 6);
    l_if_end(&copying);
    v->a_block = l_select(e, far, v->a_space, l_at(e, element, first, l_mul(e, from, v->a_stride)));
    v->a_block_stride = l_select(e, far, l_i64(e, v->code->panel.tiling.row_block), v->a_stride);
}

// Where the rows of A from |row| of the unit on are.
static LLVMValueRef tile_of_a(const visit *v, LLVMValueRef row) {
    LLVMValueRef offset = v->code->copy_a ? row : l_mul(v->e, row, v->a_block_stride);
    return l_at(v->e, v->code->panel.element, v->a_block, offset);
}

// ---- Tiles ----

// Calls the register tile for |rows| rows.
static void call_micro(const visit *v, LLVMValueRef rows, LLVMValueRef *args) {
    emitter *e = v->e;
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInsertBlock(e->builder));
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, function, "");
    int most = v->code->panel.max_rows;
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, rows, after, (unsigned)most);
    for (int r = 1; r <= most; r++) {
        LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(e->context, function, "");
        LLVMAddCase(choice, l_i64(e, r), block);
        LLVMPositionBuilderAtEnd(e->builder, block);
        l_call(e, v->code->micro[r], args, 5);
        LLVMBuildBr(e->builder, after);
    }
    LLVMMoveBasicBlockAfter(after, LLVMGetLastBasicBlock(function));
    LLVMPositionBuilderAtEnd(e->builder, after);
}

// The first block's sums are the sums so far; a later one's are parts to be added. Without inner indices the
// sums are +0.
static void emit_tile(const visit *v, LLVMValueRef row, LLVMValueRef rows, LLVMValueRef sums) {
    emitter *e = v->e;
    LLVMValueRef zero = l_i64(e, 0), later = v->code->add ? l_less(e, zero, v->parameter[FROM]) : NULL;
    l_if some, add;
    l_if_begin(e, &some, l_less(e, zero, v->length));
    LLVMValueRef to = later ? l_select(e, later, v->parts, sums) : sums;
    call_micro(v, rows, (LLVMValueRef[]){tile_of_a(v, row), v->a_block_stride, v->b_block, v->length, to});
    if (later) {
        l_if_begin(e, &add, later);
        l_call(e, v->code->add, (LLVMValueRef[]){sums, v->parts, rows}, 3);
        l_if_end(&add);
    }
    l_if_else(&some);
    l_call(e, v->code->zero, (LLVMValueRef[]){sums, rows}, 2);
    l_if_end(&some);
}

static void call_body(const visit *v, LLVMValueRef row, LLVMValueRef rows, LLVMValueRef sums) {
    emitter *e = v->e;
    LLVMTypeRef parameters[] = {e->pointer, e->pointer, e->i64, e->i64, e->i64, e->pointer};
    LLVMTypeRef type = LLVMFunctionType(e->nothing, parameters, 6, false);
    LLVMValueRef args[] = {
        v->parameter[ARGS], v->parameter[INTS], l_add(e, v->first_row, row), rows, v->column, sums};
    LLVMBuildCall2(e->builder, type, v->body, args, 6, "");
}

// The body, if the block is the last one.
static void finish_tile(const visit *v, LLVMValueRef last, LLVMValueRef row, LLVMValueRef rows,
                        LLVMValueRef sums) {
    if (!v->code->add) {
        call_body(v, row, rows, sums);
        return;
    }
    l_if complete;
    l_if_begin(v->e, &complete, last);
    call_body(v, row, rows, sums);
    l_if_end(&complete);
}

static void emit_tiles(const visit *v) {
    emitter *e = v->e;
    LLVMValueRef zero = l_i64(e, 0), end = l_add(e, v->parameter[FROM], v->length);
    LLVMValueRef last = LLVMBuildICmp(e->builder, LLVMIntSGE, end, v->inner, "");
    l_loop loop;
    l_loop_begin_sure(e, &loop, zero, v->tiles, 1, &zero, 1);
    LLVMValueRef row = loop.value[0];
    LLVMValueRef one_more = LLVMBuildZExt(e->builder, l_less(e, loop.index, v->longer), e->i64, "");
    LLVMValueRef rows = l_add(e, v->tile_rows, one_more);
    LLVMValueRef offset = l_mul(e, row, l_i64(e, product_width(&v->code->panel)));
    LLVMValueRef sums = l_at(e, v->code->panel.element, v->sums, offset);
    emit_tile(v, row, rows, sums);
    finish_tile(v, last, row, rows, sums);
    LLVMValueRef next = l_add(e, row, rows);
    l_loop_end(&loop, &next);
}

// ---- Visits ----

// Rows are shared out evenly: 20 rows in tiles of at most 6 are 4 tiles of 5.
static void share_rows(visit *v) {
    emitter *e = v->e;
    int most = v->code->panel.max_rows;
    v->tiles = l_quotient(e, l_add(e, v->rows, l_i64(e, most - 1)), l_i64(e, most));
    v->tile_rows = l_quotient(e, v->rows, v->tiles);
    v->longer = l_remainder(e, v->rows, v->tiles);
}

static void load_operands(visit *v, const product_panel *p) {
    emitter *e = v->e;
    const kernel_desc *k = v->f->k;
    LLVMValueRef scratch = v->parameter[SCRATCH];
    frame ints = *v->f;
    ints.ints = v->parameter[INTS];
    v->a = l_load(e, e->pointer, v->parameter[ARGS]);
    v->b = l_load(e, e->pointer, l_offset(e, e->pointer, v->parameter[ARGS], 1));
    v->inner = frame_int(&ints, KERNEL_INNER);
    v->a_stride = frame_int(&ints, KERNEL_STRIDES + (k->transposed ? 3 : 0));
    v->is_apart = k->transposed ? l_truth_i64(e, frame_int(&ints, KERNEL_RUN)) : NULL;
    int64_t row_block = p->tiling.row_block * product_width(p);
    v->sums = l_at(e, p->element, scratch, l_mul(e, v->parameter[SLOT], l_i64(e, row_block)));
    v->parts = l_offset(e, p->element, scratch, PRODUCT_PANEL_GROUP * row_block);
    v->b_space = l_offset(e, e->i8, scratch, product_sums_bytes(k, p->tiling));
    v->a_space = l_offset(e, e->i8, v->b_space, k->packed ? 0 : product_panel_bytes(k, p->tiling));
}

static void emit_visit(visit *v, const panel_code *code, LLVMValueRef body) {
    emitter *e = v->e;
    v->code = code;
    v->body = body;
    product_tiling t = code->panel.tiling;
    LLVMValueRef most = l_i64(e, t.row_block);
    v->column = l_mul(e, v->parameter[PANEL], l_i64(e, t.unit_columns));
    v->first_row = l_mul(e, v->parameter[ROW_BLOCK], most);
    v->rows = l_min_i64(e, l_sub(e, v->parameter[ROWS], v->first_row), most);
    v->length =
        code->add ? l_min_i64(e, l_sub(e, v->inner, v->parameter[FROM]), l_i64(e, PRODUCT_BLOCK)) : v->inner;
    share_rows(v);
    find_b(v);
    find_a(v);
    emit_tiles(v);
}

static panel_code find_helpers(const product_panel *p) {
    panel_code code = {
        .panel = *p, .add = has_blocks(p->f->k) ? product_add(p) : NULL, .zero = product_zero(p)};
    for (int r = 1; r <= p->max_rows; r++) {
        code.micro[r] = product_micro(p, r);
    }
    code.copy_b = p->f->k->packed ? NULL : product_copy_b(p);
    code.copy_a = p->f->k->transposed ? product_copy_a(p) : NULL;
    return code;
}

// The function that does a visit; |last|: the code for the last panel, NULL if it is that for all.
static LLVMValueRef emit_visits(frame *f, const char *name, const panel_code *whole, const panel_code *last) {
    emitter *e = f->e;
    char visit_name[160];
    snprintf(visit_name, sizeof visit_name, "%s.block", name);
    LLVMTypeRef parameters[VISIT_ARGS] = {e->pointer, e->pointer, e->pointer, e->i64, e->i64,
                                          e->i64,     e->pointer, e->pointer, e->i64, e->i64,
                                          e->i64,     e->i64,     e->i64,     e->i64};
    LLVMValueRef function = l_function(e, visit_name, parameters, VISIT_ARGS, true);
    visit v = {.f = f, .e = e};
    LLVMGetParams(function, v.parameter);
    load_operands(&v, &whole->panel);
    LLVMValueRef one = l_i64(e, 1), unit_columns = l_i64(e, whole->panel.tiling.unit_columns);
    LLVMValueRef last_panel = l_quotient(e, l_sub(e, v.parameter[COLUMNS], one), unit_columns);
    LLVMValueRef inside = l_less(e, v.parameter[PANEL], last_panel);
    if (!last) {
        emit_visit(&v, whole, l_select(e, inside, v.parameter[WHOLE_BODY], v.parameter[LAST_BODY]));
    } else {
        l_if branch;
        l_if_begin(e, &branch, inside);
        emit_visit(&v, whole, v.parameter[WHOLE_BODY]);
        l_if_else(&branch);
        emit_visit(&v, last, v.parameter[LAST_BODY]);
        l_if_end(&branch);
    }
    LLVMBuildRetVoid(e->builder);
    return function;
}

// ---- Orders ----

typedef struct driver {
    emitter *e;
    LLVMValueRef parameter[PRODUCT_DRIVE_ARGS];
    LLVMValueRef visit;
    LLVMValueRef row_blocks, inner;
    bool turns;
} driver;

static void call_visit(const driver *d, const LLVMValueRef *own) {
    LLVMValueRef args[VISIT_ARGS];
    for (int i = 0; i < VISIT_ARGS; i++) {
        args[i] = i < SHARED ? d->parameter[i] : own[i - SHARED];
    }
    l_call(d->e, d->visit, args, VISIT_ARGS);
}

// The unit at |index| of the loop over all of them, which begins at |low|.
static LLVMValueRef find_unit(const driver *d, LLVMValueRef index, LLVMValueRef low) {
    emitter *e = d->e;
    LLVMValueRef begin = d->parameter[BEGIN], turned = l_less(e, d->parameter[END], begin);
    LLVMValueRef mirrored = l_sub(e, l_sub(e, begin, l_i64(e, 1)), l_sub(e, index, low));
    return l_select(e, turned, mirrored, index);
}

// One block of inner indices, perhaps of none.
static void emit_panel_order(const driver *d) {
    emitter *e = d->e;
    LLVMValueRef none = l_i64(e, -1), zero = l_i64(e, 0);
    LLVMValueRef low = d->parameter[BEGIN], high = d->parameter[END];
    if (d->turns) {
        low = l_min_i64(e, d->parameter[BEGIN], d->parameter[END]);
        high = l_sub(e, l_add(e, d->parameter[BEGIN], d->parameter[END]), low);
    }
    l_loop loop;
    l_loop_begin(e, &loop, low, high, 1, &none, 1);
    LLVMValueRef unit = d->turns ? find_unit(d, loop.index, low) : loop.index;
    LLVMValueRef panel = l_quotient(e, unit, d->row_blocks), row_block = l_remainder(e, unit, d->row_blocks);
    LLVMValueRef again = LLVMBuildICmp(e->builder, LLVMIntEQ, panel, loop.value[0], "");
    LLVMValueRef b_again = LLVMBuildZExt(e->builder, again, e->i64, "");
    call_visit(d, (LLVMValueRef[]){panel, row_block, zero, zero, b_again, zero});
    l_loop_end(&loop, &panel);
}

// The first panel of a row block whose unit's number is not below |unit|.
static LLVMValueRef first_panel(const driver *d, LLVMValueRef unit, LLVMValueRef row_block) {
    emitter *e = d->e;
    LLVMValueRef up = l_sub(e, l_sub(e, d->row_blocks, l_i64(e, 1)), row_block);
    return l_quotient(e, l_add(e, unit, up), d->row_blocks);
}

static void emit_row_order(const driver *d) {
    emitter *e = d->e;
    LLVMValueRef zero = l_i64(e, 0);
    l_loop rows, group, block, panel;
    l_loop_begin(e, &rows, zero, d->row_blocks, 1, NULL, 0);
    LLVMValueRef begin = first_panel(d, d->parameter[BEGIN], rows.index);
    LLVMValueRef end = first_panel(d, d->parameter[END], rows.index);
    l_loop_begin(e, &group, begin, end, PRODUCT_PANEL_GROUP, NULL, 0);
    LLVMValueRef group_end = l_min_i64(e, l_add(e, group.index, l_i64(e, PRODUCT_PANEL_GROUP)), end);
    l_loop_begin(e, &block, zero, d->inner, PRODUCT_BLOCK, NULL, 0);
    l_loop_begin(e, &panel, group.index, group_end, 1, NULL, 0);
    LLVMValueRef slot = l_sub(e, panel.index, group.index);
    call_visit(d, (LLVMValueRef[]){panel.index, rows.index, block.index, slot, zero, slot});
    l_loop_end(&panel, NULL);
    l_loop_end(&block, NULL);
    l_loop_end(&group, NULL);
    l_loop_end(&rows, NULL);
}

static LLVMValueRef emit_driver(frame *f, const char *name, LLVMValueRef visit_function, int64_t row_block) {
    emitter *e = f->e;
    LLVMTypeRef parameters[PRODUCT_DRIVE_ARGS] = {e->pointer, e->pointer, e->pointer, e->i64, e->i64,
                                                  e->i64,     e->pointer, e->pointer, e->i64, e->i64};
    LLVMValueRef function = l_function(e, name, parameters, PRODUCT_DRIVE_ARGS, true);
    driver d = {.e = e, .visit = visit_function, .turns = kernel_turns(f->k, f->layout)};
    LLVMGetParams(function, d.parameter);
    frame ints = *f;
    ints.ints = d.parameter[INTS];
    d.inner = frame_int(&ints, KERNEL_INNER);
    d.row_blocks = l_quotient(e, l_add(e, d.parameter[ROWS], l_i64(e, row_block - 1)), l_i64(e, row_block));
    if (has_blocks(f->k)) {
        l_if several;
        l_if_begin(e, &several, l_less(e, l_i64(e, PRODUCT_BLOCK), d.inner));
        emit_row_order(&d);
        l_if_else(&several);
        emit_panel_order(&d);
        l_if_end(&several);
    } else {
        emit_panel_order(&d);
    }
    LLVMBuildRetVoid(e->builder);
    return function;
}

LLVMValueRef product_drive(frame *f) {
    emitter *e = f->e;
    const kernel_desc *k = f->k;
    product_tiling t = product_tile(f->layout, (dtype)k->elem, k->gates, k->columns);
    int rest = k->columns % t.unit_columns;
    product_panel whole = product_describe(f, t.unit_columns),
                  last = product_describe(f, rest ? rest : t.unit_columns);
    // Where vectors can be masked, one copier of plain rows serves all panels.
    whole.any = last.any = l_has_masks(e) && whole.lanes > 1;
    bool own_copier = !k->packed && !whole.any && rest;
    bool differs = last.vectors != whole.vectors || own_copier;
    char name[128];
    snprintf(name, sizeof name, "product.%s.%ux%u.%u.gates%d%s%s.%d", dtype_name((dtype)k->elem), whole.lanes,
             whole.vectors, last.vectors, k->gates,
             !k->packed                   ? ".plain"
             : has_blocks(k)              ? ".blocks"
             : kernel_turns(k, f->layout) ? ".turns"
                                          : "",
             k->transposed ? ".transposed" : "", own_copier ? k->columns : 0);
    LLVMValueRef known = LLVMGetNamedFunction(e->module, name);
    if (known) {
        return known;
    }
    panel_code whole_code = find_helpers(&whole), last_code = differs ? find_helpers(&last) : whole_code;
    LLVMValueRef visit_function = emit_visits(f, name, &whole_code, differs ? &last_code : NULL);
    return emit_driver(f, name, visit_function, t.row_block);
}
