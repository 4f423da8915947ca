#include "codegen/driver.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/driver_text.h"
#include "codegen/kernel_emit.h"

enum { PARALLEL_PARAMETERS = 3, MOST_PARAMETERS = MAX_AXES + 2 + PARALLEL_PARAMETERS };

// ---- Functions that return a status ----

LLVMValueRef driver_add_function(const driver *w, const char *ending, LLVMTypeRef *parameters, unsigned count,
                                 bool public) {
    emitter *e = w->e;
    char name[DRIVER_NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", w->r->name, ending);
    LLVMValueRef f = LLVMAddFunction(e->module, name, LLVMFunctionType(e->i32, parameters, count, false));
    l_add_attributes(e, f);
    // Some calling conventions want a small number to fill its register.
    unsigned kind = LLVMGetEnumAttributeKindForName("signext", 7);
    LLVMAddAttributeAtIndex(f, LLVMAttributeReturnIndex, LLVMCreateEnumAttribute(e->context, kind, 0));
    LLVMSetLinkage(f, public ? LLVMExternalLinkage : LLVMInternalLinkage);
    LLVMPositionBuilderAtEnd(e->builder, LLVMAppendBasicBlockInContext(e->context, f, ""));
    return f;
}

void driver_give_back(emitter *e, int status) {
    LLVMBuildRet(e->builder, l_int(e, e->i32, status));
}

void driver_require_else(const driver *w, LLVMValueRef good, LLVMValueRef otherwise) {
    emitter *e = w->e;
    LLVMValueRef f = LLVMGetBasicBlockParent(LLVMGetInsertBlock(e->builder));
    LLVMBasicBlockRef bad = LLVMAppendBasicBlockInContext(e->context, f, "");
    LLVMBasicBlockRef on = LLVMAppendBasicBlockInContext(e->context, f, "");
    LLVMBuildCondBr(e->builder, good, on, bad);
    LLVMPositionBuilderAtEnd(e->builder, bad);
    LLVMBuildRet(e->builder, otherwise);
    LLVMPositionBuilderAtEnd(e->builder, on);
}

void driver_require(const driver *w, LLVMValueRef good, int status) {
    driver_require_else(w, good, l_int(w->e, w->e->i32, status));
}

static void require_pointer(const driver *w, LLVMValueRef pointer, int status) {
    driver_require(w, LLVMBuildIsNotNull(w->e->builder, pointer, ""), status);
}

void driver_require_arena(const driver *w) {
    emitter *e = w->e;
    require_pointer(w, w->arena, AHEAD_BAD_ARENA);
    LLVMValueRef bits = LLVMBuildPtrToInt(e->builder, w->arena, e->i64, "");
    LLVMValueRef rest = LLVMBuildAnd(e->builder, bits, l_i64(e, AHEAD_ALIGN - 1), "");
    driver_require(w, LLVMBuildICmp(e->builder, LLVMIntEQ, rest, l_i64(e, 0), ""), AHEAD_BAD_ARENA);
}

void driver_take_arena(driver *w, LLVMValueRef function) {
    w->arena = LLVMGetParam(function, 0);
    driver_require_arena(w);
    w->arena = driver_arena(w, w->base);
}

// ---- Constants ----

void driver_constant_name(const driver *w, const char *what, uint32_t index, char *out_name, size_t size) {
    snprintf(out_name, size, "%s.%s.%u", w->r->name, what, index);
}

LLVMValueRef driver_add_constant(const driver *w, const char *what, uint32_t index, const void *data,
                                 int64_t bytes) {
    emitter *e = w->e;
    char name[DRIVER_NAME_SIZE];
    driver_constant_name(w, what, index, name, sizeof name);
    LLVMValueRef value = LLVMConstStringInContext2(e->context, data, (size_t)bytes, true);
    LLVMValueRef constant = LLVMAddGlobal(e->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(constant, value);
    LLVMSetGlobalConstant(constant, true);
    LLVMSetLinkage(constant, LLVMInternalLinkage);
    LLVMSetAlignment(constant, AHEAD_ALIGN);
    return constant;
}

static void add_constants(driver *w) {
    for (uint32_t i = 0; i < w->r->block_count; i++) {
        const ahead_block *b = &w->r->blocks[i];
        w->blocks[i] = driver_add_constant(w, "panels", i, b->data, b->bytes);
    }
    for (uint32_t i = 0; i < w->p->variables.count; i++) {
        if (w->r->variables[i]) {
            w->variables[i] =
                driver_add_constant(w, "weights", i, w->r->variables[i], ahead_variable_bytes(w->r, i));
        }
    }
}

// ---- Kernels ----

static rnnc_status add_kernel(const driver *w, uint32_t index, diag_sink *d) {
    const kernel_desc *k = &w->p->kernels.at[index];
    const char *wrong = kernel_defect(k);
    if (wrong) {
        return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "kernel %s has %s", k->name ? k->name : "", wrong);
    }
    char symbol[KERNEL_SYMBOL_SIZE];
    kernel_symbol(k, symbol);
    if (!LLVMGetNamedFunction(w->e->module, symbol)) {
        kernel_emit(w->e, k);
    }
    w->kernels[index] = LLVMGetNamedFunction(w->e->module, symbol);
    LLVMSetVisibility(w->kernels[index], LLVMDefaultVisibility);
    LLVMSetLinkage(w->kernels[index], LLVMInternalLinkage);
    return RNNC_OK;
}

static rnnc_status add_kernels(driver *w, const program_item *items, uint32_t count, int64_t *io_ints,
                               diag_sink *d) {
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].kind != ITEM_CALL) {
            continue;
        }
        const program_call *call = &w->p->calls.at[items[i].call];
        w->ints[items[i].call] = *io_ints;
        *io_ints += (KERNEL_STRIDES + 4 * (int64_t)call->arg_count) * (int64_t)sizeof(int64_t);
        TRY(w->kernels[call->kernel] ? RNNC_OK : add_kernel(w, call->kernel, d));
    }
    return RNNC_OK;
}

// What is derived from weights that never change is in the object.
static rnnc_status add_all_kernels(driver *w, diag_sink *d) {
    int64_t ints = w->layout.ints;
    TRY(w->used ? add_kernels(w, w->p->prepare.at, w->p->prepare.count, &ints, d) : RNNC_OK);
    return add_kernels(w, w->p->body.at, w->p->body.count, &ints, d);
}

// ---- init and reset ----

void driver_emit_zeros(const driver *w, int64_t offset, int64_t bytes) {
    emitter *e = w->e;
    LLVMValueRef from = driver_arena(w, offset);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), l_i64(e, bytes / 8), 1, NULL, 0);
    l_store(e, l_i64(e, 0), l_at(e, e->i64, from, loop.index));
    l_loop_end(&loop, NULL);
}

static void emit_settings(const driver *w) {
    emitter *e = w->e;
    const ahead_block *block;
    int64_t offset = w->layout.arena + ahead_map(w->r, w->p->settings_offset, &block);
    const uint64_t halves[] = {w->r->seed & UINT32_MAX, w->r->seed >> 32};
    for (int i = 0; i < 2 && w->p->settings_offset >= 0; i++) {
        l_store(e, l_int(e, e->i32, (int64_t)halves[i]), driver_arena(w, offset + 4 * i));
    }
}

static void start_learning(const driver *w) {
    char name[DRIVER_NAME_SIZE];
    snprintf(name, sizeof name, "%s_train_init", w->r->name);
    LLVMValueRef f = w->used ? LLVMGetNamedFunction(w->e->module, name) : NULL;
    if (f) {
        LLVMValueRef values[] = {w->arena};
        l_call(w->e, f, values, 1);
    }
}

static void emit_init(driver *w) {
    LLVMTypeRef parameters[] = {w->e->pointer, w->e->pointer, w->e->i64};
    w->function = driver_add_function(w, "_init", parameters, w->r->weights_apart ? 3 : 1, true);
    w->arena = LLVMGetParam(w->function, 0);
    driver_require_arena(w);
    if (w->r->weights_apart) {
        driver_check_weights(w);
    }
    LLVMValueRef level = w->r->levels ? driver_choose_level(w) : NULL;
    driver_emit_zeros(w, 0, w->layout.bytes);
    emit_settings(w);
    start_learning(w);
    if (w->r->weights_apart) {
        driver_keep_weights(w);
    }
    if (level) {
        driver_keep_level(w, level);
    }
    driver_give_back(w->e, AHEAD_OK);
}

static void emit_reset(driver *w) {
    LLVMValueRef f = driver_add_function(w, "_reset", &w->e->pointer, 1, true);
    w->arena = LLVMGetParam(f, 0);
    driver_require_arena(w);
    driver_emit_zeros(w, 0, w->layout.state_bytes);
    driver_give_back(w->e, AHEAD_OK);
}

// ---- run: what it is given ----

// The extents as parameters in order, then those that follow from them.
static void take_extents(driver *w, unsigned *at) {
    emitter *e = w->e;
    for (uint32_t axis = 0; axis < w->p->axes.count; axis++) {
        int64_t fixed = ahead_fixed_extent(w->p, (int)axis);
        if (ahead_is_parameter(w->p, (int)axis)) {
            LLVMValueRef given = LLVMGetParam(w->function, (*at)++);
            w->extents[axis] = LLVMBuildSExt(e->builder, given, e->i64, "");
        } else if (fixed) {
            w->extents[axis] = l_i64(e, fixed);
        }
    }
    for (uint32_t axis = 0; axis < w->p->axes.count; axis++) {
        axis_part part = w->p->axes.at[axis].part;
        if (!w->extents[axis]) {
            int64_t more = part_extent(part, PART_BOUND_LIMIT) - PART_BOUND_LIMIT;
            w->extents[axis] = l_add(e, w->extents[part.of], l_i64(e, more));
        }
    }
}

static void check_extents(const driver *w) {
    emitter *e = w->e;
    for (uint32_t axis = 0; axis < w->p->axes.count; axis++) {
        if (ahead_is_parameter(w->p, (int)axis)) {
            int64_t least = program_least_extent(w->p, (int)axis), most = w->p->axes.at[axis].maximum;
            LLVMValueRef over = l_less(e, l_i64(e, least - 1), w->extents[axis]);
            LLVMValueRef under = l_less(e, w->extents[axis], l_i64(e, most + 1));
            driver_require(w, LLVMBuildAnd(e->builder, over, under, ""), AHEAD_BAD_EXTENT);
        }
    }
}

static void take_values(driver *w, unsigned at) {
    for (uint32_t i = 0; i < w->p->inputs.count; i++) {
        const program_value *v = &w->p->inputs.at[i];
        w->inputs[i] = ahead_is_given(v)   ? LLVMGetParam(w->function, at++)
                       : ahead_is_state(v) ? driver_arena(w, ahead_state_offset(w->r, i))
                                           : driver_setting(w, v->name);
    }
    for (uint32_t i = 0; i < w->p->outputs.count; i++) {
        bool taken = ahead_is_taken(w->r, &w->p->outputs.at[i]);
        w->outputs[i] = taken ? LLVMGetParam(w->function, at++) : NULL;
    }
    for (unsigned i = 0; w->parallel && i < PARALLEL_PARAMETERS; i++) {
        w->parallel[i] = LLVMGetParam(w->function, at++);
    }
}

// Every token below the limit; a negative one is a large unsigned one.
static void check_tokens(const driver *w, uint32_t input) {
    emitter *e = w->e;
    LLVMValueRef count = driver_term(w, (extent_term){w->p->inputs.at[input].type.axes, 1});
    LLVMValueRef limit = l_int(e, e->i32, w->r->limits[input]), good = LLVMConstInt(e->i1, 1, false);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), count, 1, &good, 1);
    LLVMValueRef token = l_load(e, e->i32, l_at(e, e->i32, w->inputs[input], loop.index));
    LLVMValueRef fits = LLVMBuildICmp(e->builder, LLVMIntULT, token, limit, "");
    LLVMValueRef next = LLVMBuildAnd(e->builder, loop.value[0], fits, "");
    l_loop_end(&loop, &next);
    driver_require(w, loop.value[0], AHEAD_BAD_TOKEN);
}

static void check_inputs(const driver *w) {
    for (uint32_t i = 0; i < w->p->inputs.count; i++) {
        if (ahead_is_given(&w->p->inputs.at[i])) {
            require_pointer(w, w->inputs[i], AHEAD_NO_INPUT);
            if (w->r->limits[i] > 0) {
                check_tokens(w, i);
            }
        }
    }
}

// ---- run: what it does ----

// The tables that depend on the extents are filled again when these are others than in the last run.
static void bind(const driver *w) {
    emitter *e = w->e;
    LLVMValueRef table = driver_arena(w, w->layout.extents), changed = LLVMConstInt(e->i1, 0, false);
    for (uint32_t axis = 0; axis < w->p->axes.count; axis++) {
        LLVMValueRef last = l_load(e, e->i64, l_offset(e, e->i64, table, axis));
        LLVMValueRef other = LLVMBuildICmp(e->builder, LLVMIntNE, last, w->extents[axis], "");
        changed = LLVMBuildOr(e->builder, changed, other, "");
    }
    l_if branch;
    l_if_begin(e, &branch, changed);
    for (uint32_t axis = 0; axis < w->p->axes.count; axis++) {
        l_store(e, w->extents[axis], l_offset(e, e->i64, table, axis));
    }
    driver_emit_binding(w);
    l_if_end(&branch);
}

// Row after row: those of a place may lie further apart than its columns.
static void copy_value(const driver *w, const program_value *v, LLVMValueRef to) {
    emitter *e = w->e;
    LLVMValueRef from = driver_address(w, &v->place, NULL),
                 rows = driver_term(w, (extent_term){v->type.axes, 1});
    LLVMTypeRef word = dtype_bytes(v->type.elem) == 8 ? e->i64 : e->i32;
    LLVMValueRef columns = l_i64(e, type_columns(v->type)), step = l_i64(e, v->place.columns);
    l_loop row, column;
    l_loop_begin(e, &row, l_i64(e, 0), rows, 1, NULL, 0);
    LLVMValueRef source = l_at(e, word, from, l_mul(e, row.index, step));
    LLVMValueRef target = l_at(e, word, to, l_mul(e, row.index, columns));
    l_loop_begin(e, &column, l_i64(e, 0), columns, 1, NULL, 0);
    l_store(e, l_load(e, word, l_at(e, word, source, column.index)), l_at(e, word, target, column.index));
    l_loop_end(&column, NULL);
    l_loop_end(&row, NULL);
}

static void give_outputs(const driver *w) {
    emitter *e = w->e;
    for (uint32_t i = 0; i < w->p->outputs.count; i++) {
        if (w->outputs[i]) {
            l_if wanted;
            l_if_begin(e, &wanted, LLVMBuildIsNotNull(e->builder, w->outputs[i], ""));
            copy_value(w, &w->p->outputs.at[i], w->outputs[i]);
            l_if_end(&wanted);
        }
    }
}

static void keep_states(const driver *w) {
    for (uint32_t i = 0; i < w->p->inputs.count && w->r->streams; i++) {
        if (ahead_is_state(&w->p->inputs.at[i])) {
            copy_value(w, &w->p->outputs.at[ahead_state_output(w->p, i)], w->inputs[i]);
        }
    }
}

// ---- run and step ----

// The arena, extents, pointers to inputs, pointers to outputs; the number of threads and a parallel loop.
static unsigned list_parameters(const driver *w, bool extents, LLVMTypeRef *out_types) {
    unsigned count = 0;
    out_types[count++] = w->e->pointer;
    for (uint32_t axis = 0; axis < w->p->axes.count; axis++) {
        if (ahead_is_parameter(w->p, (int)axis) && (extents || axis == AXIS_BATCH)) {
            out_types[count++] = w->e->i32;
        }
    }
    for (uint32_t i = 0; i < w->p->inputs.count + w->p->outputs.count; i++) {
        uint32_t output = i - w->p->inputs.count;
        bool listed = i < w->p->inputs.count ? ahead_is_given(&w->p->inputs.at[i])
                                             : ahead_is_taken(w->r, &w->p->outputs.at[output]);
        if (listed) {
            out_types[count++] = w->e->pointer;
        }
    }
    if (w->parallel) {
        out_types[count++] = w->e->i32;
        out_types[count++] = w->e->pointer;
        out_types[count++] = w->e->pointer;
    }
    return count;
}

static void check_threads(const driver *w) {
    emitter *e = w->e;
    if (w->parallel) {
        LLVMValueRef above = LLVMBuildSub(e->builder, w->parallel[0], l_int(e, e->i32, 1), "");
        LLVMValueRef most = l_int(e, e->i32, w->r->threads);
        driver_require(w, LLVMBuildICmp(e->builder, LLVMIntULT, above, most, ""), AHEAD_BAD_ARGUMENT);
        require_pointer(w, w->parallel[1], AHEAD_BAD_ARGUMENT);
    }
}

rnnc_status driver_emit_run(driver *w, const char *ending, LLVMTypeRef *parameters, unsigned count,
                            bool internal, diag_sink *d) {
    emitter *e = w->e;
    unsigned at = 1;
    TRY(add_all_kernels(w, d));
    w->function = driver_add_function(w, ending, parameters, count, !internal);
    driver_take_arena(w, w->function);
    if (w->r->weights_apart) {
        driver_find_weights(w);
    }
    take_extents(w, &at);
    check_extents(w);
    take_values(w, at);
    check_threads(w);
    check_inputs(w);
    LLVMValueRef saved = driver_emit_flush(w), status = l_int(e, e->i32, AHEAD_OK);
    bind(w);
    driver_emit_refresh(w);
    driver_emit_items(w, w->p->body.at, w->p->body.count);
    give_outputs(w);
    keep_states(w);
    status = w->r->trains ? driver_emit_counting(w) : status;
    driver_emit_restore(w, saved);
    LLVMBuildRet(e->builder, status);
    return RNNC_OK;
}

// A function for callers that hands its parameters on; |step|: with a length of 1, which it is not given.
static void emit_door(const driver *w, const char *ending, bool step, LLVMTypeRef *parameters, unsigned count,
                      LLVMValueRef *values) {
    emitter *e = w->e;
    unsigned given = list_parameters(w, !step, parameters);
    LLVMValueRef f = driver_add_function(w, ending, parameters, given, true);
    for (unsigned i = 0, from = 0; i < count; i++) {
        values[i] = step && i == 2 ? l_int(e, e->i32, 1) : LLVMGetParam(f, from++);
    }
    LLVMTypeRef type = LLVMGlobalGetValueType(w->function);
    LLVMBuildRet(e->builder, LLVMBuildCall2(e->builder, type, w->function, values, count, ""));
}

// A run, or a training step, on several threads.
static rnnc_status emit_parallel(driver *w, const char *ending, LLVMTypeRef *types, diag_sink *d) {
    if (!w->r->threads) {
        return RNNC_OK;
    }
    LLVMValueRef given[PARALLEL_PARAMETERS];
    driver_emit_share(w);
    w->parallel = given;
    rnnc_status status = driver_emit_run(w, ending, types, list_parameters(w, true, types), false, d);
    w->parallel = NULL;
    return status;
}

static rnnc_status emit_training(driver *w, LLVMTypeRef *types, diag_sink *d) {
    TRY(driver_emit_run(w, "_train_step", types, list_parameters(w, true, types), false, d));
    return emit_parallel(w, "_train_step_parallel", types, d);
}

static rnnc_status emit_runs(driver *w, LLVMTypeRef *types, unsigned count, LLVMValueRef *values,
                             diag_sink *d) {
    TRY(emit_parallel(w, "_run_parallel", types, d));
    if (w->r->levels) {
        TRY(driver_emit_levels(w, types, count, d));
        driver_emit_level_getter(w);
    } else {
        TRY(driver_emit_run(w, ".run", types, count, true, d));
    }
    emit_door(w, "_run", false, types, count, values);
    if (w->r->streams) {
        emit_door(w, "_step", true, types, count, values);
    }
    return RNNC_OK;
}

static rnnc_status emit_functions(driver *w, diag_sink *d) {
    size_t most = MOST_PARAMETERS + w->p->inputs.count + (size_t)w->p->outputs.count;
    LLVMTypeRef *types = calloc(most, sizeof *types);
    LLVMValueRef *values = calloc(most, sizeof *values);
    rnnc_status status = RNNC_OK;
    if (!types || !values) {
        status = diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of parameters");
    } else if (w->r->trains) {
        status = emit_training(w, types, d);
    } else {
        unsigned count = list_parameters(w, true, types);
        emit_init(w);
        emit_reset(w);
        status = emit_runs(w, types, count, values, d);
        if (w->r->text && status == RNNC_OK) {
            driver_emit_text(w);
        }
        if (w->r->axis_order && status == RNNC_OK) {
            driver_emit_program(w, values);
        }
    }
    free(types);
    free(values);
    return status;
}

// |used|: as in a driver.
static rnnc_status emit_program(emitter *e, const ahead_request *r, const ahead_request *used, diag_sink *d) {
    const program *p = r->program;
    driver w = {.e = e, .r = r, .p = p, .used = used};
    ahead_lay_out(r, &w.layout);
    if (used) {
        ahead_lay_out_learner(used, &w.learner);
    }
    if (r->trains) {
        ahead_layout whole;
        ahead_lay_out(used, &whole);
        w.base = w.learner.program;
        w.layout.scratch = whole.scratch - w.base;
        w.layout.shares = whole.shares - w.base;
    }
    size_t values =
        r->block_count + (size_t)p->variables.count + p->kernels.count + p->inputs.count + p->outputs.count;
    w.blocks = calloc(values + 1, sizeof *w.blocks);
    w.ints = calloc(p->calls.count + 1u, sizeof *w.ints);
    rnnc_status status = RNNC_OUT_OF_MEMORY;
    if (!w.blocks || !w.ints) {
        diag_fail(d, status, NO_SPAN, "no memory for the tables of %u calls", p->calls.count);
    } else {
        w.variables = w.blocks + r->block_count;
        w.kernels = w.variables + p->variables.count;
        w.inputs = w.kernels + p->kernels.count;
        w.outputs = w.inputs + p->inputs.count;
        if (!r->weights_apart) {
            add_constants(&w);
        }
        status = emit_functions(&w, d);
        status = status == RNNC_OK && !r->trains ? driver_emit_facts(&w, d) : status;
    }
    free(w.blocks);
    free(w.ints);
    return status;
}

rnnc_status driver_emit(emitter *e, const ahead_request *r, diag_sink *d) {
    const ahead_training *t = r->training;
    if (t) {
        driver w = {.e = e, .r = r, .p = r->program, .used = r};
        ahead_lay_out_learner(r, &w.learner);
        TRY(driver_emit_learner(&w, d));
        TRY(emit_program(e, &t->request, r, d));
    }
    return emit_program(e, r, t ? r : NULL, d);
}
