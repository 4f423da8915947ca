// Training as code: weights that lie in the caller's arena, their first values, their use by runs, and the access to
// them. What computes a step is a program like any other (driver.c).
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/driver.h"
#include "passes/update.h"

// ---- Where things are ----

LLVMValueRef driver_learned(const driver *w, uint32_t variable) {
    int64_t at = w->r->trains ? ahead_training_variable(w->used->training, &w->learner, variable)
                              : ahead_used_variable(w->used, &w->learner, variable);
    return driver_arena(w, at - w->base);
}

LLVMValueRef driver_setting(const driver *w, const char *name) {
    return driver_arena(w, ahead_setting(&w->learner, name) - w->base);
}

static LLVMValueRef head(const driver *w, int64_t field) {
    return driver_arena(w, w->learner.learned + field - w->base);
}

static LLVMValueRef mark(const driver *w, int64_t which) {
    return driver_arena(w, w->learner.marks + which - w->base);
}

static void set_marks(const driver *w) {
    l_store(w->e, l_int(w->e, w->e->i32, 1), mark(w, MARK_RUN));
    l_store(w->e, l_int(w->e, w->e->i32, 1), mark(w, MARK_TRAIN));
}

// ---- Moving ----

static const char move_ending[] = ".move", fill_ending[] = ".fill";

// Rows of words of 4 bytes. Parameters: to, words from row to row; from, the same; rows, words of a row.
static void emit_move(const driver *w) {
    emitter *e = w->e;
    LLVMTypeRef types[] = {e->pointer, e->i64, e->pointer, e->i64, e->i64, e->i64};
    LLVMValueRef f = driver_add_function(w, move_ending, types, 6, false);
    l_loop row, word;
    l_loop_begin(e, &row, l_i64(e, 0), LLVMGetParam(f, 4), 1, NULL, 0);
    LLVMValueRef to = l_at(e, e->i32, LLVMGetParam(f, 0), l_mul(e, row.index, LLVMGetParam(f, 1)));
    LLVMValueRef from = l_at(e, e->i32, LLVMGetParam(f, 2), l_mul(e, row.index, LLVMGetParam(f, 3)));
    l_loop_begin(e, &word, l_i64(e, 0), LLVMGetParam(f, 5), 1, NULL, 0);
    l_store(e, l_load(e, e->i32, l_at(e, e->i32, from, word.index)), l_at(e, e->i32, to, word.index));
    l_loop_end(&word, NULL);
    l_loop_end(&row, NULL);
    driver_give_back(e, AHEAD_OK);
}

typedef struct strided {
    LLVMValueRef at, stride;
} strided;

static void move(const driver *w, strided to, strided from, LLVMValueRef rows, LLVMValueRef words) {
    LLVMValueRef values[] = {to.at, to.stride, from.at, from.stride, rows, words};
    l_call(w->e, driver_find_function(w, move_ending), values, 6);
}

static void move_piece(const driver *w, LLVMValueRef to, LLVMValueRef from, int64_t bytes) {
    LLVMValueRef zero = l_i64(w->e, 0);
    move(w, (strided){to, zero}, (strided){from, zero}, l_i64(w->e, 1), l_i64(w->e, bytes / 4));
}

// Parameters: to, how many pairs of words, the pair.
static void emit_fill(const driver *w) {
    emitter *e = w->e;
    LLVMTypeRef types[] = {e->pointer, e->i64, e->i64};
    LLVMValueRef f = driver_add_function(w, fill_ending, types, 3, false);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), LLVMGetParam(f, 1), 1, NULL, 0);
    l_store(e, LLVMGetParam(f, 2), l_at(e, e->i64, LLVMGetParam(f, 0), loop.index));
    l_loop_end(&loop, NULL);
    driver_give_back(e, AHEAD_OK);
}

// ---- First values ----

// Two elements of 4 bytes, or one of 8, as |element|.
static int64_t pair_of(const void *element, int64_t bytes) {
    int64_t pair = 0;
    memcpy(&pair, element, (size_t)bytes);
    memcpy((char *)&pair + 8 - bytes, element, (size_t)bytes);
    return pair;
}

// |file|: the weights, if they are in one.
static void begin_variable(const driver *w, LLVMValueRef file, uint32_t index) {
    emitter *e = w->e;
    const ahead_training *t = w->used->training;
    const program *p = t->request.program;
    int64_t bytes = ahead_variable_bytes(&t->request, index);
    LLVMValueRef to = driver_arena(w, ahead_training_variable(t, &w->learner, index));
    const void *values = t->request.variables[index];
    if (!values) {
        int64_t pair = pair_of(t->first[index], dtype_bytes(p->variables.at[index].type.elem));
        // The storage is whole lines.
        LLVMValueRef given[] = {to, l_i64(e, (bytes + 7) / 8), l_i64(e, pair)};
        l_call(e, driver_find_function(w, fill_ending), given, 3);
    } else {
        LLVMValueRef from = file ? l_offset(e, e->i8, file, ahead_weights_variable(&t->request, index))
                                 : driver_add_constant(w, "first", index, values, bytes);
        move_piece(w, to, from, bytes);
    }
}

static void emit_reset_states(const driver *w) {
    ahead_layout trained;
    ahead_lay_out(&w->used->training->request, &trained);
    driver_emit_zeros(w, w->learner.program - w->base, trained.state_bytes);
}

static LLVMValueRef begin_function(driver *w, const char *ending, LLVMTypeRef *types, unsigned count) {
    LLVMValueRef f = driver_add_function(w, ending, types, count, true);
    driver_take_arena(w, f);
    return f;
}

static const char begin_ending[] = ".begin";

// Parameters: the arena, and the weights if they are in a file, both checked.
static void emit_begin(driver *w) {
    emitter *e = w->e;
    const ahead_training *t = w->used->training;
    LLVMTypeRef types[] = {e->pointer, e->pointer};
    bool apart = w->used->weights_apart;
    LLVMValueRef f = driver_add_function(w, begin_ending, types, apart ? 2 : 1, false);
    w->arena = LLVMGetParam(f, 0);
    driver_emit_zeros(w, w->learner.learned, LEARNED_HEAD);
    l_store(e, l_i64(e, (int64_t)t->request.seed), head(w, LEARNED_SEED));
    l_store(e, l_float(e, e->f64, 1), head(w, LEARNED_EPOCH));
    l_store(e, l_float(e, e->f64, t->rate), head(w, LEARNED_RATE));
    l_store(e, l_i64(e, (int64_t)ahead_identity(t)), head(w, LEARNED_IDENTITY));
    for (uint32_t i = 0; i < t->request.program->variables.count; i++) {
        begin_variable(w, apart ? LLVMGetParam(f, 1) : NULL, i);
    }
    emit_reset_states(w);
    set_marks(w);
    driver_give_back(e, AHEAD_OK);
}

void driver_begin_learning(const driver *w) {
    bool apart = w->used->weights_apart;
    LLVMValueRef values[] = {w->arena, apart ? LLVMGetParam(w->function, 1) : NULL};
    l_call(w->e, driver_find_function(w, begin_ending), values, apart ? 2 : 1);
}

LLVMValueRef driver_has_begun(const driver *w) {
    emitter *e = w->e;
    LLVMValueRef found = l_load(e, e->i64, head(w, LEARNED_IDENTITY));
    return LLVMBuildICmp(e->builder, LLVMIntEQ, found, l_i64(e, (int64_t)ahead_identity(w->used->training)),
                         "");
}

static void emit_train_init(driver *w) {
    LLVMTypeRef types[3];
    w->function = begin_function(w, "_train_init", types, driver_weights_parameters(w, types));
    driver_check_weights(w);
    driver_begin_learning(w);
    driver_give_back(w->e, AHEAD_OK);
}

static void emit_train_reset(driver *w) {
    begin_function(w, "_train_reset", &w->e->pointer, 1);
    emit_reset_states(w);
    driver_give_back(w->e, AHEAD_OK);
}

// ---- Runs ----

static void copy_part(const driver *w, const ahead_copy *c) {
    emitter *e = w->e;
    const graph_variable *to = &w->p->variables.at[c->to];
    const graph_variable *from = &w->used->training->request.program->variables.at[c->from];
    int64_t bytes = dtype_bytes(to->type.elem), words = bytes / 4;
    LLVMValueRef target = driver_arena(w, ahead_used_variable(w->used, &w->learner, c->to));
    LLVMValueRef source = driver_arena(w, ahead_training_variable(w->used->training, &w->learner, c->from));
    strided out = {l_offset(e, e->i8, target, c->to_column * bytes),
                   l_i64(e, to->type.dim[to->type.rank - 1] * words)};
    strided in = {l_offset(e, e->i8, source, c->from_column * bytes),
                  l_i64(e, from->type.dim[from->type.rank - 1] * words)};
    move(w, out, in, l_i64(e, c->rows), l_i64(e, c->columns * words));
}

// Seed and step as `random` reads them.
static void put_settings(const driver *w) {
    emitter *e = w->e;
    const ahead_block *block;
    int64_t to = w->layout.arena + ahead_map(w->r, w->p->settings_offset, &block);
    for (int i = 0; i < 4 && w->p->settings_offset >= 0; i++) {
        l_store(e, l_load(e, e->i32, head(w, LEARNED_SEED + 4 * i)), driver_arena(w, to + 4 * i));
    }
}

void driver_emit_refresh(const driver *w) {
    emitter *e = w->e;
    if (!w->used) {
        return;
    }
    LLVMValueRef changed = mark(w, w->r->trains ? MARK_TRAIN : MARK_RUN), zero = l_int(e, e->i32, 0);
    l_if branch;
    l_if_begin(e, &branch, LLVMBuildICmp(e->builder, LLVMIntNE, l_load(e, e->i32, changed), zero, ""));
    for (uint32_t i = 0; i < w->used->training->copy_count && !w->r->trains; i++) {
        copy_part(w, &w->used->training->copies[i]);
    }
    driver_emit_items(w, w->p->prepare.at, w->p->prepare.count);
    l_store(e, zero, changed);
    l_if_end(&branch);
    if (w->r->trains) {
        put_settings(w);
    }
}

// Whether the guard has left the update out; NULL: nothing is guarded.
static LLVMValueRef was_skipped(const driver *w) {
    emitter *e = w->e;
    for (uint32_t i = 0; i < w->p->outputs.count; i++) {
        const program_value *v = &w->p->outputs.at[i];
        if (strcmp(v->name, UPDATE_SKIPPED_LAST) == 0) {
            LLVMValueRef count = l_load(e, e->f64, driver_address(w, &v->place, NULL));
            return LLVMBuildFCmp(e->builder, LLVMRealUNE, count, l_float(e, e->f64, 0), "");
        }
    }
    return NULL;
}

LLVMValueRef driver_emit_counting(const driver *w) {
    emitter *e = w->e;
    LLVMValueRef step = head(w, LEARNED_STEP), number = head(w, LEARNED_STEP_F64);
    l_store(e, l_add(e, l_load(e, e->i64, step), l_i64(e, 1)), step);
    LLVMValueRef next = LLVMBuildFAdd(e->builder, l_load(e, e->f64, number), l_float(e, e->f64, 1), "");
    l_store(e, next, number);
    l_store(e, l_int(e, e->i32, 1), mark(w, MARK_RUN));
    LLVMValueRef ok = l_int(e, e->i32, AHEAD_OK), skipped = was_skipped(w);
    if (!skipped) {
        return ok;
    }
    // What the states have become is not carried on.
    l_if branch;
    l_if_begin(e, &branch, skipped);
    emit_reset_states(w);
    l_if_end(&branch);
    return l_select(e, skipped, l_int(e, e->i32, AHEAD_NOT_UPDATED), ok);
}

// ---- Settings ----

static void emit_set_rate(driver *w) {
    emitter *e = w->e;
    LLVMTypeRef types[] = {e->pointer, e->f64};
    LLVMValueRef rate = LLVMGetParam(begin_function(w, "_set_rate", types, 2), 1);
    LLVMValueRef zero = l_float(e, e->f64, 0), infinite = l_float(e, e->f64, INFINITY);
    driver_require(w, LLVMBuildFCmp(e->builder, LLVMRealOGE, rate, zero, ""), AHEAD_BAD_ARGUMENT);
    driver_require(w, LLVMBuildFCmp(e->builder, LLVMRealOLT, rate, infinite, ""), AHEAD_BAD_ARGUMENT);
    l_store(e, rate, head(w, LEARNED_RATE));
    driver_give_back(e, AHEAD_OK);
}

static void emit_set_seed(driver *w) {
    emitter *e = w->e;
    LLVMTypeRef types[] = {e->pointer, e->i64};
    LLVMValueRef seed = LLVMGetParam(begin_function(w, "_set_seed", types, 2), 1);
    l_store(e, seed, head(w, LEARNED_SEED));
    driver_give_back(e, AHEAD_OK);
}

// By halves: the whole of it is a library's to convert on some processors.
static LLVMValueRef f64_of(emitter *e, LLVMValueRef positive) {
    LLVMValueRef high =
        LLVMBuildTrunc(e->builder, LLVMBuildLShr(e->builder, positive, l_i64(e, 32), ""), e->i32, "");
    LLVMValueRef low = LLVMBuildTrunc(e->builder, positive, e->i32, "");
    LLVMValueRef above = LLVMBuildUIToFP(e->builder, high, e->f64, "");
    above = LLVMBuildFMul(e->builder, above, l_float(e, e->f64, 4294967296.0), "");
    return LLVMBuildFAdd(e->builder, above, LLVMBuildUIToFP(e->builder, low, e->f64, ""), "");
}

static void emit_set_position(driver *w) {
    emitter *e = w->e;
    LLVMTypeRef types[] = {e->pointer, e->i64, e->i64};
    LLVMValueRef f = begin_function(w, "_set_position", types, 3), zero = l_i64(e, 0);
    LLVMValueRef epoch = LLVMGetParam(f, 1), step = LLVMGetParam(f, 2);
    driver_require(w, l_less(e, zero, epoch), AHEAD_BAD_ARGUMENT);
    driver_require(w, l_less(e, zero, step), AHEAD_BAD_ARGUMENT);
    step = l_sub(e, step, l_i64(e, 1));
    l_store(e, f64_of(e, epoch), head(w, LEARNED_EPOCH));
    l_store(e, step, head(w, LEARNED_STEP));
    l_store(e, f64_of(e, step), head(w, LEARNED_STEP_F64));
    driver_give_back(e, AHEAD_OK);
}

// ---- Weights by number and name ----

// A row of the table of weights: i64s. Lengths and strides are in words of 4 bytes.
enum { W_NAME, W_ROWS, W_COLUMNS, W_WORDS, W_STRIDE, W_OFFSET, W_FIELDS };

typedef struct weight_table {
    LLVMValueRef rows, names; // constants
} weight_table;

static void fill_row(const driver *w, uint32_t index, int64_t name, int64_t *row) {
    const ahead_training *t = w->used->training;
    const ahead_weight *from = &t->weights[index];
    value_type type = t->request.program->variables.at[from->variable].type;
    int64_t words = dtype_bytes(type.elem) / 4;
    row[W_NAME] = name;
    row[W_ROWS] = from->rows;
    row[W_COLUMNS] = from->columns;
    row[W_WORDS] = from->columns * words;
    row[W_STRIDE] = type.dim[type.rank - 1] * words;
    row[W_OFFSET] = ahead_weight_offset(t, &w->learner, index);
}

static weight_table emit_table(const driver *w) {
    const ahead_training *t = w->used->training;
    weight_table table = {NULL, NULL};
    strbuf names = {0}, rows = {0};
    for (uint32_t i = 0; i < t->weight_count; i++) {
        int64_t row[W_FIELDS];
        fill_row(w, i, (int64_t)names.length, row);
        strbuf_add_bytes(&rows, (const char *)row, sizeof row);
        strbuf_add_bytes(&names, t->weights[i].name, strlen(t->weights[i].name) + 1);
    }
    if (!names.failed && !rows.failed) {
        table.rows = driver_add_constant(w, "weights", 0, rows.text, (int64_t)rows.length);
        table.names = driver_add_constant(w, "names", 0, names.text, (int64_t)names.length);
    }
    strbuf_deinit(&names);
    strbuf_deinit(&rows);
    return table;
}

static LLVMValueRef field(const driver *w, const weight_table *t, LLVMValueRef index, int which) {
    emitter *e = w->e;
    LLVMValueRef at = l_add(e, l_mul(e, index, l_i64(e, W_FIELDS)), l_i64(e, which));
    return l_load(e, e->i64, l_at(e, e->i64, t->rows, at));
}

static LLVMValueRef is_weight(const driver *w, LLVMValueRef index) {
    LLVMValueRef count = l_int(w->e, w->e->i32, w->used->training->weight_count);
    return LLVMBuildICmp(w->e->builder, LLVMIntULT, index, count, "");
}

// NAME_get_weight and NAME_set_weight: arena, index, values.
static void emit_access(driver *w, const weight_table *t, const char *ending, bool set) {
    emitter *e = w->e;
    LLVMTypeRef types[] = {e->pointer, e->i32, e->pointer};
    LLVMValueRef f = begin_function(w, ending, types, 3), values = LLVMGetParam(f, 2);
    driver_require(w, is_weight(w, LLVMGetParam(f, 1)), AHEAD_BAD_ARGUMENT);
    driver_require_pointer(w, values, AHEAD_BAD_ARGUMENT);
    LLVMValueRef index = LLVMBuildZExt(e->builder, LLVMGetParam(f, 1), e->i64, "");
    LLVMValueRef words = field(w, t, index, W_WORDS);
    strided caller = {values, words};
    strided own = {l_at(e, e->i8, w->arena, field(w, t, index, W_OFFSET)), field(w, t, index, W_STRIDE)};
    move(w, set ? own : caller, set ? caller : own, field(w, t, index, W_ROWS), words);
    if (set) {
        set_marks(w);
    }
    driver_give_back(e, AHEAD_OK);
}

// NAME_weight_rows and NAME_weight_columns: 0 where there is no such weight.
static void emit_number(const driver *w, const weight_table *t, const char *ending, int which) {
    emitter *e = w->e;
    LLVMValueRef f = driver_add_function(w, ending, &e->i32, 1, true);
    driver_require(w, is_weight(w, LLVMGetParam(f, 0)), 0);
    LLVMValueRef index = LLVMBuildZExt(e->builder, LLVMGetParam(f, 0), e->i64, "");
    LLVMBuildRet(e->builder, LLVMBuildTrunc(e->builder, field(w, t, index, which), e->i32, ""));
}

static LLVMValueRef name_of(const driver *w, const weight_table *t, LLVMValueRef index) {
    return l_at(w->e, w->e->i8, t->names, field(w, t, index, W_NAME));
}

// NAME_weight_name: null where there is no such weight.
static void emit_name(const driver *w, const weight_table *t) {
    emitter *e = w->e;
    char name[DRIVER_NAME_SIZE];
    snprintf(name, sizeof name, "%s_weight_name", w->used->name);
    LLVMValueRef f = LLVMAddFunction(e->module, name, LLVMFunctionType(e->pointer, &e->i32, 1, false));
    l_add_attributes(e, f);
    LLVMPositionBuilderAtEnd(e->builder, LLVMAppendBasicBlockInContext(e->context, f, ""));
    LLVMValueRef known = is_weight(w, LLVMGetParam(f, 0)), zero = l_int(e, e->i32, 0);
    LLVMValueRef index = l_select(e, known, LLVMGetParam(f, 0), zero);
    LLVMValueRef text = name_of(w, t, LLVMBuildZExt(e->builder, index, e->i64, ""));
    LLVMBuildRet(e->builder, l_select(e, known, text, LLVMConstPointerNull(e->pointer)));
}

// Whether two texts are equal: compares up to the first difference, or to the end of both.
static LLVMValueRef emit_equal(emitter *e, LLVMValueRef a, LLVMValueRef b) {
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->builder);
    LLVMValueRef f = LLVMGetBasicBlockParent(before), zero = l_i64(e, 0);
    LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(e->context, f, "");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, f, "");
    LLVMBuildBr(e->builder, body);
    LLVMPositionBuilderAtEnd(e->builder, body);
    LLVMValueRef at = LLVMBuildPhi(e->builder, e->i64, ""), next = l_add(e, at, l_i64(e, 1));
    LLVMAddIncoming(at, &zero, &before, 1);
    LLVMAddIncoming(at, &next, &body, 1);
    LLVMValueRef x = l_load(e, e->i8, l_at(e, e->i8, a, at)), y = l_load(e, e->i8, l_at(e, e->i8, b, at));
    LLVMValueRef same = LLVMBuildICmp(e->builder, LLVMIntEQ, x, y, "");
    LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntNE, x, l_int(e, e->i8, 0), "");
    LLVMBuildCondBr(e->builder, LLVMBuildAnd(e->builder, same, more, ""), body, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
    return same;
}

// NAME_find_weight: -1 where there is none of that name.
static void emit_find(const driver *w, const weight_table *t) {
    emitter *e = w->e;
    LLVMValueRef f = driver_add_function(w, "_find_weight", &e->pointer, 1, true), found = l_i64(e, -1);
    driver_require_pointer(w, LLVMGetParam(f, 0), -1);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), l_i64(e, w->used->training->weight_count), 1, &found, 1);
    LLVMValueRef same = emit_equal(e, LLVMGetParam(f, 0), name_of(w, t, loop.index));
    LLVMValueRef next = l_select(e, same, loop.index, loop.value[0]);
    l_loop_end(&loop, &next);
    LLVMBuildRet(e->builder, LLVMBuildTrunc(e->builder, loop.value[0], e->i32, ""));
}

// ---- Keeping what is learned ----

// NAME_train_save and NAME_train_load: arena, bytes.
static void emit_keeping(driver *w, const char *ending, bool load) {
    emitter *e = w->e;
    LLVMTypeRef types[] = {e->pointer, e->pointer};
    LLVMValueRef bytes = LLVMGetParam(begin_function(w, ending, types, 2), 1), own = head(w, 0);
    driver_require_pointer(w, bytes, AHEAD_BAD_ARGUMENT);
    uint64_t identity = ahead_identity(w->used->training);
    for (int i = 0; i < 2 && load; i++) {
        LLVMValueRef found = l_load(e, e->i32, l_offset(e, e->i8, bytes, LEARNED_IDENTITY + 4 * i));
        LLVMValueRef wanted = l_int(e, e->i32, (int64_t)(identity >> (32 * i) & UINT32_MAX));
        driver_require(w, LLVMBuildICmp(e->builder, LLVMIntEQ, found, wanted, ""), AHEAD_BAD_ARGUMENT);
    }
    move_piece(w, load ? own : bytes, load ? bytes : own, w->learner.learned_bytes);
    if (load) {
        emit_reset_states(w);
        set_marks(w);
    }
    driver_give_back(e, AHEAD_OK);
}

rnnc_status driver_emit_learner(driver *w, diag_sink *d) {
    weight_table table = emit_table(w);
    if (!table.rows) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for the table of weights");
    }
    emit_move(w);
    emit_fill(w);
    emit_begin(w);
    emit_train_init(w);
    emit_train_reset(w);
    emit_set_rate(w);
    emit_set_seed(w);
    emit_set_position(w);
    emit_access(w, &table, "_get_weight", false);
    emit_access(w, &table, "_set_weight", true);
    emit_number(w, &table, "_weight_rows", W_ROWS);
    emit_number(w, &table, "_weight_columns", W_COLUMNS);
    emit_name(w, &table);
    emit_find(w, &table);
    emit_keeping(w, "_train_save", false);
    emit_keeping(w, "_train_load", true);
    return RNNC_OK;
}
