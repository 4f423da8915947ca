#include "codegen/driver.h"

#include <llvm-c/Target.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/driver_text.h"
#include "codegen/kernel_emit.h"

enum { MOST_PARAMETERS = MAX_AXES + 2 + PARALLEL_PARAMETERS };

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

void driver_require_pointer(const driver *w, LLVMValueRef pointer, int status) {
    driver_require(w, LLVMBuildIsNotNull(w->e->builder, pointer, ""), status);
}

void driver_take_arena(driver *w, LLVMValueRef function) {
    emitter *e = w->e;
    w->arena = LLVMGetParam(function, 0);
    driver_require_pointer(w, w->arena, AHEAD_BAD_ARENA);
    LLVMValueRef bits = LLVMBuildPtrToInt(e->builder, w->arena, e->i64, "");
    LLVMValueRef rest = LLVMBuildAnd(e->builder, bits, l_i64(e, AHEAD_ALIGN - 1), "");
    driver_require(w, LLVMBuildICmp(e->builder, LLVMIntEQ, rest, l_i64(e, 0), ""), AHEAD_BAD_ARENA);
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

bool driver_has_constants(const driver *w) {
    return !w->used && !w->r->weights_apart;
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
rnnc_status driver_add_kernels(driver *w, diag_sink *d) {
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

static void emit_init(driver *w) {
    LLVMTypeRef types[3];
    unsigned count = driver_weights_parameters(w, types);
    w->function = driver_add_function(w, "_init", types, count, true);
    driver_take_arena(w, w->function);
    driver_check_weights(w);
    LLVMValueRef level = w->levels ? driver_choose_level(w) : NULL;
    driver_emit_zeros(w, 0, w->layout.bytes);
    emit_settings(w);
    if (w->used) {
        driver_begin_learning(w);
    }
    driver_keep_weights(w);
    if (level) {
        driver_keep_level(w, level);
    }
    driver_give_back(w->e, AHEAD_OK);
}

static void emit_reset(driver *w) {
    LLVMValueRef f = driver_add_function(w, "_reset", &w->e->pointer, 1, true);
    driver_take_arena(w, f);
    driver_emit_zeros(w, 0, w->layout.state_bytes);
    driver_give_back(w->e, AHEAD_OK);
}

// ---- run and step ----

// A function for callers that hands its parameters on; |step|: with a length of 1, which it is not given.
static void emit_door(const driver *w, const char *ending, bool step, LLVMTypeRef *parameters, unsigned count,
                      LLVMValueRef *values) {
    emitter *e = w->e;
    unsigned given = driver_list_parameters(w, !step, parameters);
    LLVMValueRef f = driver_add_function(w, ending, parameters, given, true);
    for (unsigned i = 0, from = 0; i < count; i++) {
        values[i] = step && i == 2 ? l_int(e, e->i32, 1) : LLVMGetParam(f, from++);
    }
    LLVMTypeRef type = LLVMGlobalGetValueType(w->function);
    LLVMBuildRet(e->builder, LLVMBuildCall2(e->builder, type, w->function, values, count, ""));
}

// A run, or a training step: for one machine, or for each level.
static rnnc_status emit_run(driver *w, const char *ending, LLVMTypeRef *types, bool internal, diag_sink *d) {
    unsigned count = driver_list_parameters(w, true, types);
    return w->levels ? driver_emit_levels(w, ending, types, count, internal, d)
                     : driver_emit_run(w, ending, types, count, internal, d);
}

// The same on several threads.
static rnnc_status emit_parallel(driver *w, const char *ending, LLVMTypeRef *types, diag_sink *d) {
    if (!w->r->threads) {
        return RNNC_OK;
    }
    LLVMValueRef given[PARALLEL_PARAMETERS];
    w->parallel = given;
    rnnc_status status = emit_run(w, ending, types, false, d);
    w->parallel = NULL;
    return status;
}

static rnnc_status emit_training(driver *w, LLVMTypeRef *types, diag_sink *d) {
    TRY(emit_run(w, "_train_step", types, false, d));
    return emit_parallel(w, "_train_step_parallel", types, d);
}

static rnnc_status emit_runs(driver *w, LLVMTypeRef *types, LLVMValueRef *values, diag_sink *d) {
    TRY(emit_parallel(w, "_run_parallel", types, d));
    TRY(emit_run(w, ".run", types, true, d));
    if (w->levels) {
        driver_emit_level_getter(w);
    }
    unsigned count = LLVMCountParams(w->function);
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
        emit_init(w);
        emit_reset(w);
        status = emit_runs(w, types, values, d);
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

// |used|, |levels|: as in a driver.
static rnnc_status emit_program(emitter *e, const ahead_request *r, const ahead_request *used,
                                level_modules *levels, diag_sink *d) {
    const program *p = r->program;
    driver w = {.e = e, .r = r, .p = p, .used = used, .levels = levels};
    ahead_lay_out(r, &w.layout);
    if (used) {
        ahead_lay_out_learner(used, &w.learner);
    }
    if (r->trains) {
        ahead_layout whole;
        ahead_lay_out(used, &whole);
        w.base = w.learner.program;
        w.layout.level = whole.level - w.base;
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
        if (driver_has_constants(&w)) {
            add_constants(&w);
        }
        status = emit_functions(&w, d);
        status = status == RNNC_OK && !r->trains ? driver_emit_facts(&w, d) : status;
    }
    free(w.blocks);
    free(w.ints);
    return status;
}

// Objects in C are no larger than the difference of two addresses can say.
static rnnc_status check_size(emitter *e, const ahead_request *r, diag_sink *d) {
    ahead_layout whole;
    ahead_lay_out(r, &whole);
    bool narrow = LLVMPointerSize(LLVMGetModuleDataLayout(e->module)) == 4;
    return !narrow || whole.bytes <= INT32_MAX
               ? RNNC_OK
               : diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                           "an arena of %lld bytes is too large for a machine with addresses of 32 bits: "
                           "a smaller batch or length needs less",
                           (long long)whole.bytes);
}

static rnnc_status emit_programs(emitter *e, const ahead_request *r, level_modules *levels, diag_sink *d) {
    const ahead_training *t = r->training;
    TRY(check_size(e, r, d));
    if (t) {
        driver w = {.e = e, .r = r, .p = r->program, .used = r};
        ahead_lay_out_learner(r, &w.learner);
        TRY(driver_emit_learner(&w, d));
        TRY(emit_program(e, &t->request, r, levels, d));
    }
    return emit_program(e, r, t ? r : NULL, levels, d);
}

rnnc_status driver_emit(emitter *e, const ahead_request *r, diag_sink *d) {
    level_modules levels;
    if (!r->levels) {
        return emit_programs(e, r, NULL, d);
    }
    driver_open_levels(e, r->levels, &levels);
    return driver_close_levels(&levels, emit_programs(e, r, &levels, d), d);
}
