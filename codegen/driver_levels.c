// Several levels of x86-64 in one object. Each level's kernels and runs are written into a module of their own,
// where what the first module has, constants and helpers, is declared; then all are linked into the first one: so
// kernels of one name do not meet. What one module has of another's is hidden until then, and internal afterwards.
// Which level runs is chosen in init, by what the processor says of itself, with nothing from outside.
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Linker.h>
#include <llvm-c/Target.h>

#include "codegen/driver.h"

enum { NAME_SIZE = DRIVER_NAME_SIZE };

// ---- A level's module ----

void driver_open_levels(emitter *e, const level_set *set, level_modules *out_levels) {
    level_modules *l = out_levels;
    *l = (level_modules){.base = e, .set = set};
    for (int i = 0; i < set->count; i++) {
        l->facts[i] = set->facts[i];
        l->facts[i].triple = e->target->triple;
        l->e[i] = *e;
        l->e[i].target = &l->facts[i];
        l->e[i].module = LLVMModuleCreateWithNameInContext("level", e->context);
        LLVMSetTarget(l->e[i].module, l->facts[i].triple);
        LLVMSetModuleDataLayout(l->e[i].module, LLVMGetModuleDataLayout(e->module));
    }
}

// Other modules may name it.
static void lend(LLVMValueRef symbol) {
    LLVMSetLinkage(symbol, LLVMExternalLinkage);
    LLVMSetVisibility(symbol, LLVMHiddenVisibility);
}

static LLVMValueRef borrow_constant(const driver *level, const char *what, uint32_t index) {
    char name[NAME_SIZE];
    driver_constant_name(level, what, index, name, sizeof name);
    LLVMValueRef known = LLVMGetNamedGlobal(level->e->module, name);
    if (known) {
        return known;
    }
    lend(LLVMGetNamedGlobal(level->levels->base->module, name));
    LLVMValueRef constant = LLVMAddGlobal(level->e->module, level->e->i8, name);
    LLVMSetGlobalConstant(constant, true);
    LLVMSetVisibility(constant, LLVMHiddenVisibility);
    LLVMSetAlignment(constant, AHEAD_ALIGN);
    return constant;
}

static void borrow_constants(driver *level) {
    for (uint32_t i = 0; i < level->r->block_count; i++) {
        level->blocks[i] = borrow_constant(level, "panels", i);
    }
    for (uint32_t i = 0; i < level->p->variables.count; i++) {
        level->variables[i] = level->r->variables[i] ? borrow_constant(level, "weights", i) : NULL;
    }
}

LLVMValueRef driver_find_function(const driver *w, const char *ending) {
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", w->r->name, ending);
    LLVMValueRef here = LLVMGetNamedFunction(w->e->module, name);
    LLVMValueRef base = here || !w->levels ? NULL : LLVMGetNamedFunction(w->levels->base->module, name);
    if (!base) {
        return here;
    }
    lend(base);
    here = LLVMAddFunction(w->e->module, name, LLVMGlobalGetValueType(base));
    LLVMSetVisibility(here, LLVMHiddenVisibility);
    return here;
}

// "NAME.run.v3"
static void level_ending(const driver *w, int index, const char *ending, char out_ending[NAME_SIZE]) {
    snprintf(out_ending, NAME_SIZE, ".%s.v%d", ending + 1, w->levels->set->level[index]);
}

static rnnc_status emit_level(const driver *w, int index, const char *ending, LLVMTypeRef *parameters,
                              unsigned count, diag_sink *d) {
    char own[NAME_SIZE];
    driver level = *w;
    level.e = &w->levels->e[index];
    // These tables are for one function at a time; kernels that the module has already are found there by name.
    memset(level.kernels, 0, w->p->kernels.count * sizeof *level.kernels);
    if (driver_has_constants(w)) {
        borrow_constants(&level);
    }
    level_ending(w, index, ending, own);
    TRY(driver_emit_run(&level, own, parameters, count, false, d));
    LLVMSetVisibility(level.function, LLVMHiddenVisibility);
    return RNNC_OK;
}

// ---- Linking ----

// Internal functions say their level, too: the report of sizes and profilers show them by name.
static void name_functions(LLVMModuleRef module, int level) {
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMGetLinkage(f) == LLVMInternalLinkage) {
            char name[NAME_SIZE];
            size_t length = 0;
            const char *plain = LLVMGetValueName2(f, &length);
            int written = snprintf(name, sizeof name, "%.*s.v%d", (int)length, plain, level);
            LLVMSetValueName2(f, name, written < NAME_SIZE ? (size_t)written : NAME_SIZE - 1);
        }
    }
}

static void take_back(LLVMValueRef symbol) {
    if (LLVMGetVisibility(symbol) == LLVMHiddenVisibility) {
        LLVMSetVisibility(symbol, LLVMDefaultVisibility);
        LLVMSetLinkage(symbol, LLVMInternalLinkage);
    }
}

static rnnc_status link_level(const level_modules *l, int index, diag_sink *d) {
    name_functions(l->e[index].module, l->set->level[index]);
    // This disposes the module, whatever comes of it.
    return LLVMLinkModules2(l->base->module, l->e[index].module)
               ? diag_fail(d, RNNC_INTERNAL, NO_SPAN, "the code of %s does not fit the others'",
                           level_name(l->set->level[index]))
               : RNNC_OK;
}

rnnc_status driver_close_levels(level_modules *l, rnnc_status status, diag_sink *d) {
    for (int i = 0; i < l->set->count; i++) {
        if (status == RNNC_OK) {
            status = link_level(l, i, d);
        } else {
            LLVMDisposeModule(l->e[i].module);
        }
    }
    LLVMModuleRef all = l->base->module;
    for (LLVMValueRef f = LLVMGetFirstFunction(all); f; f = LLVMGetNextFunction(f)) {
        take_back(f);
    }
    for (LLVMValueRef g = LLVMGetFirstGlobal(all); g; g = LLVMGetNextGlobal(g)) {
        take_back(g);
    }
    return status;
}

// ---- The function that calls the level's ----

static LLVMValueRef load_level(const driver *w) {
    return l_load(w->e, w->e->i32, driver_arena(w, w->layout.level));
}

// Returns what the level's function gives for the parameters of the one that is being written.
static void emit_case(const driver *w, LLVMValueRef choice, int index, const char *ending,
                      LLVMValueRef *values) {
    emitter *e = w->e;
    char own[NAME_SIZE], name[NAME_SIZE];
    level_ending(w, index, ending, own);
    snprintf(name, sizeof name, "%s%s", w->r->name, own);
    LLVMTypeRef type = LLVMGlobalGetValueType(w->function);
    LLVMValueRef run = LLVMAddFunction(e->module, name, type);
    LLVMSetVisibility(run, LLVMHiddenVisibility);
    LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(e->context, w->function, "");
    LLVMAddCase(choice, l_int(e, e->i32, index + 1), block);
    LLVMPositionBuilderAtEnd(e->builder, block);
    LLVMBuildRet(e->builder, LLVMBuildCall2(e->builder, type, run, values, LLVMCountParams(run), ""));
}

static void emit_switch(driver *w, const char *ending, LLVMValueRef *values) {
    emitter *e = w->e;
    LLVMGetParams(w->function, values);
    driver_take_arena(w, w->function);
    LLVMBasicBlockRef none = LLVMAppendBasicBlockInContext(e->context, w->function, "");
    const level_set *set = w->levels->set;
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, load_level(w), none, (unsigned)set->count);
    LLVMPositionBuilderAtEnd(e->builder, none);
    LLVMBuildRet(e->builder, l_int(e, e->i32, AHEAD_BAD_CPU));
    for (int i = 0; i < set->count; i++) {
        emit_case(w, choice, i, ending, values);
    }
}

rnnc_status driver_emit_levels(driver *w, const char *ending, LLVMTypeRef *parameters, unsigned count,
                               bool internal, diag_sink *d) {
    LLVMValueRef *values = calloc(count, sizeof *values);
    rnnc_status status =
        values ? RNNC_OK : diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of parameters");
    for (int i = 0; i < w->levels->set->count && status == RNNC_OK; i++) {
        status = emit_level(w, i, ending, parameters, count, d);
    }
    if (status == RNNC_OK) {
        w->function = driver_add_function(w, ending, parameters, count, !internal);
        emit_switch(w, ending, values);
    }
    free(values);
    return status;
}

// The number of the level itself; 0: none was chosen, or there is no arena.
void driver_emit_level_getter(driver *w) {
    emitter *e = w->e;
    LLVMValueRef f = driver_add_function(w, "_level", &e->pointer, 1, true), level = l_int(e, e->i32, 0);
    w->arena = LLVMGetParam(f, 0);
    driver_require_pointer(w, w->arena, 0);
    LLVMValueRef found = load_level(w);
    for (int i = 0; i < w->levels->set->count; i++) {
        LLVMValueRef is = LLVMBuildICmp(e->builder, LLVMIntEQ, found, l_int(e, e->i32, i + 1), "");
        level = l_select(e, is, l_int(e, e->i32, w->levels->set->level[i]), level);
    }
    LLVMBuildRet(e->builder, level);
}

// ---- The choice ----

static LLVMValueRef assembly(emitter *e, LLVMTypeRef result, const char *text, const char *constraints,
                             LLVMValueRef *args, LLVMTypeRef *types, unsigned count) {
    LLVMTypeRef type = LLVMFunctionType(result, types, count, false);
    LLVMValueRef code = LLVMGetInlineAsm(type, text, strlen(text), constraints, strlen(constraints), true,
                                         false, LLVMInlineAsmDialectATT, false);
    return LLVMBuildCall2(e->builder, type, code, args, count, "");
}

static LLVMValueRef ask(emitter *e, unsigned leaf, cpu_register wanted) {
    LLVMTypeRef types[REGISTERS] = {e->i32, e->i32, e->i32, e->i32};
    LLVMTypeRef answer = LLVMStructTypeInContext(e->context, types, REGISTERS, false);
    LLVMValueRef args[] = {l_int(e, e->i32, leaf), l_int(e, e->i32, 0)};
    LLVMValueRef told = assembly(
        e, answer, "cpuid", "={ax},={bx},={cx},={dx},{ax},{cx},~{dirflag},~{fpsr},~{flags}", args, types, 2);
    return LLVMBuildExtractValue(e->builder, told, wanted, "");
}

static LLVMValueRef has_all(emitter *e, LLVMValueRef bits, unsigned wanted) {
    LLVMValueRef mask = l_int(e, e->i32, (int32_t)wanted);
    return LLVMBuildICmp(e->builder, LLVMIntEQ, LLVMBuildAnd(e->builder, bits, mask, ""), mask, "");
}

// The register as the processor gives it, or zero where it does not know |leaf|: it would answer with
// another.
static LLVMValueRef ask_known(emitter *e, unsigned leaf, cpu_register wanted) {
    LLVMValueRef most = ask(e, leaf & 0x80000000, EAX);
    LLVMValueRef known = LLVMBuildICmp(e->builder, LLVMIntUGE, most, l_int(e, e->i32, (int32_t)leaf), "");
    return l_select(e, known, ask(e, leaf, wanted), l_int(e, e->i32, 0));
}

// XCR0, or zero where it cannot be read: a loop of one turn or none.
static LLVMValueRef saved_registers(emitter *e) {
    enum { XGETBV_WORKS = 1 << 27 };
    LLVMValueRef zero = l_int(e, e->i32, 0), works = has_all(e, ask(e, 1, ECX), XGETBV_WORKS);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), LLVMBuildZExt(e->builder, works, e->i64, ""), 1, &zero, 1);
    LLVMTypeRef halves[] = {e->i32, e->i32}, answer = LLVMStructTypeInContext(e->context, halves, 2, false);
    LLVMValueRef told =
        assembly(e, answer, "xgetbv", "={ax},={dx},{cx},~{dirflag},~{fpsr},~{flags}", &zero, halves, 1);
    LLVMValueRef low = LLVMBuildExtractValue(e->builder, told, 0, "");
    l_loop_end(&loop, &low);
    return loop.value[0];
}

static LLVMValueRef and (emitter * e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildAnd(e->builder, a, b, "");
}

// Whether the processor has what |level| adds to the one below it. Bits of one register stand side by side in
// the table.
static LLVMValueRef reaches(emitter *e, int level, LLVMValueRef saved) {
    LLVMValueRef good = has_all(e, saved, level_registers(level));
    unsigned wanted = 0;
    const level_bit *b;
    for (int i = 0; (b = level_bit_at(i)) != NULL; i++) {
        const level_bit *next = level_bit_at(i + 1);
        wanted |= b->level == level ? 1u << b->bit : 0;
        bool last = !next || next->level != b->level || next->leaf != b->leaf || next->where != b->where;
        if (wanted && last) {
            good = and(e, good, has_all(e, ask_known(e, b->leaf, b->where), wanted));
            wanted = 0;
        }
    }
    return good;
}

LLVMValueRef driver_choose_level(const driver *w) {
    emitter *e = w->e;
    const level_set *set = w->levels->set;
    LLVMValueRef saved = saved_registers(e), good = LLVMConstInt(e->i1, 1, false),
                 choice = l_int(e, e->i32, 0);
    int asked = LOWEST_LEVEL;
    for (int i = 0; i < set->count; i++) {
        while (asked < set->level[i]) {
            good = and(e, good, reaches(e, ++asked, saved));
        }
        choice = l_select(e, good, l_int(e, e->i32, i + 1), choice);
    }
    LLVMValueRef some = LLVMBuildICmp(e->builder, LLVMIntNE, choice, l_int(e, e->i32, 0), "");
    driver_require(w, some, AHEAD_BAD_CPU);
    return choice;
}

void driver_keep_level(const driver *w, LLVMValueRef choice) {
    l_store(w->e, choice, driver_arena(w, w->layout.level));
}
