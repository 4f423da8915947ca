// Several levels of x86-64 in one object. Each level's kernels and run are written into a module of their
// own, with the constants declared there, and linked into the first: so helpers of one name do not meet.
// Which level runs is chosen in init, by what the processor says of itself, with nothing from outside.
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Linker.h>
#include <llvm-c/Target.h>

#include "codegen/driver.h"

enum { NAME_SIZE = 256 };

// ---- A level's module ----

static LLVMValueRef declare_constant(const driver *w, const char *what, uint32_t index) {
    char name[NAME_SIZE];
    driver_constant_name(w, what, index, name, sizeof name);
    LLVMValueRef constant = LLVMAddGlobal(w->e->module, w->e->i8, name);
    LLVMSetGlobalConstant(constant, true);
    LLVMSetVisibility(constant, LLVMHiddenVisibility);
    LLVMSetAlignment(constant, AHEAD_ALIGN);
    return constant;
}

static void declare_constants(driver *w) {
    for (uint32_t i = 0; i < w->r->block_count && !w->r->weights_apart; i++) {
        w->blocks[i] = declare_constant(w, "panels", i);
    }
    for (uint32_t i = 0; i < w->p->variables.count && !w->r->weights_apart; i++) {
        w->variables[i] = w->r->variables[i] ? declare_constant(w, "weights", i) : NULL;
    }
}

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

static rnnc_status add_level(const driver *w, int index, LLVMTypeRef *parameters, unsigned count,
                             diag_sink *d) {
    const level_set *set = w->r->levels;
    target_facts facts = set->facts[index];
    facts.triple = w->e->target->triple;
    emitter e = *w->e;
    e.target = &facts;
    e.module = LLVMModuleCreateWithNameInContext("level", e.context);
    LLVMSetTarget(e.module, facts.triple);
    LLVMSetModuleDataLayout(e.module, LLVMGetModuleDataLayout(w->e->module));
    driver level = *w;
    level.e = &e;
    memset(level.kernels, 0, w->p->kernels.count * sizeof *level.kernels);
    declare_constants(&level);
    char ending[32];
    snprintf(ending, sizeof ending, ".run.v%d", set->level[index]);
    rnnc_status status = driver_emit_run(&level, ending, parameters, count, false, d);
    name_functions(e.module, set->level[index]);
    // This disposes the module, whatever comes of it.
    if (LLVMLinkModules2(w->e->module, e.module) && status == RNNC_OK) {
        status = diag_fail(d, RNNC_INTERNAL, NO_SPAN, "the code of %s does not fit the others'",
                           level_name(set->level[index]));
    }
    return status;
}

// ---- Linking ----

// Between the modules constants are visible; afterwards nothing is. By name, since each level's driver has
// declarations of its own.
static void set_linkage(const driver *w, const char *name, LLVMLinkage linkage) {
    LLVMValueRef constant = LLVMGetNamedGlobal(w->e->module, name);
    if (constant) {
        LLVMSetVisibility(constant, LLVMDefaultVisibility);
        LLVMSetLinkage(constant, linkage);
        LLVMSetVisibility(constant,
                          linkage == LLVMExternalLinkage ? LLVMHiddenVisibility : LLVMDefaultVisibility);
    }
}

static void set_linkages(const driver *w, LLVMLinkage linkage) {
    char name[NAME_SIZE];
    for (uint32_t i = 0; i < w->r->block_count; i++) {
        driver_constant_name(w, "panels", i, name, sizeof name);
        set_linkage(w, name, linkage);
    }
    for (uint32_t i = 0; i < w->p->variables.count; i++) {
        driver_constant_name(w, "weights", i, name, sizeof name);
        set_linkage(w, name, linkage);
    }
}

// The level's function for a run, which no one outside calls from now on.
static LLVMValueRef take_run(const driver *w, int level) {
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s.run.v%d", w->r->name, level);
    LLVMValueRef run = LLVMGetNamedFunction(w->e->module, name);
    LLVMSetLinkage(run, LLVMInternalLinkage);
    return run;
}

// ---- The function that calls the level's ----

static LLVMValueRef load_level(const driver *w) {
    return l_load(w->e, w->e->i32, driver_arena(w, w->layout.level));
}

static void emit_case(const driver *w, LLVMValueRef choice, int index, LLVMValueRef *values, unsigned count) {
    emitter *e = w->e;
    LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(e->context, w->function, "");
    LLVMAddCase(choice, l_int(e, e->i32, index + 1), block);
    LLVMPositionBuilderAtEnd(e->builder, block);
    LLVMValueRef run = take_run(w, w->r->levels->level[index]);
    LLVMTypeRef type = LLVMGlobalGetValueType(run);
    LLVMBuildRet(e->builder, LLVMBuildCall2(e->builder, type, run, values, count, ""));
}

static rnnc_status emit_switch(driver *w, LLVMTypeRef *parameters, unsigned count, diag_sink *d) {
    emitter *e = w->e;
    LLVMValueRef *values = calloc(count, sizeof *values);
    if (!values) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a list of parameters");
    }
    w->function = driver_add_function(w, ".run", parameters, count, false);
    LLVMGetParams(w->function, values);
    driver_take_arena(w, w->function);
    LLVMBasicBlockRef none = LLVMAppendBasicBlockInContext(e->context, w->function, "");
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, load_level(w), none, (unsigned)w->r->levels->count);
    LLVMPositionBuilderAtEnd(e->builder, none);
    LLVMBuildRet(e->builder, l_int(e, e->i32, AHEAD_BAD_CPU));
    for (int i = 0; i < w->r->levels->count; i++) {
        emit_case(w, choice, i, values, count);
    }
    free(values);
    return RNNC_OK;
}

rnnc_status driver_emit_levels(driver *w, LLVMTypeRef *parameters, unsigned count, diag_sink *d) {
    set_linkages(w, LLVMExternalLinkage);
    for (int i = 0; i < w->r->levels->count; i++) {
        TRY(add_level(w, i, parameters, count, d));
    }
    set_linkages(w, LLVMInternalLinkage);
    return emit_switch(w, parameters, count, d);
}

// The number of the level itself; 0: none was chosen, or there is no arena.
void driver_emit_level_getter(driver *w) {
    emitter *e = w->e;
    LLVMValueRef f = driver_add_function(w, "_level", &e->pointer, 1, true), level = l_int(e, e->i32, 0);
    w->arena = LLVMGetParam(f, 0);
    driver_require_pointer(w, w->arena, 0);
    LLVMValueRef found = load_level(w);
    for (int i = 0; i < w->r->levels->count; i++) {
        LLVMValueRef is = LLVMBuildICmp(e->builder, LLVMIntEQ, found, l_int(e, e->i32, i + 1), "");
        level = l_select(e, is, l_int(e, e->i32, w->r->levels->level[i]), level);
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
    const level_set *set = w->r->levels;
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
