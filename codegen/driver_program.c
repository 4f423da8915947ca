// standalone_model_of: what the program around an object has to know (standalone/model.h), field by field.
#include <string.h>

#include "codegen/driver.h"
#include "codegen/variables.h"

enum { NAME_SIZE = 256 };

static LLVMValueRef structure(const driver *w, LLVMValueRef *fields, unsigned count) {
    return LLVMConstStructInContext(w->e->context, fields, count, false);
}

static LLVMValueRef constant(const driver *w, const char *what, LLVMValueRef value) {
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s.%s", w->r->name, what);
    LLVMValueRef global = LLVMAddGlobal(w->e->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMInternalLinkage);
    return global;
}

static LLVMValueRef text_constant(const driver *w, const char *text) {
    LLVMValueRef value = LLVMConstStringInContext2(w->e->context, text, strlen(text), false);
    return constant(w, "name", value);
}

// ---- Axes and values ----

static LLVMValueRef describe_axis(const driver *w, int axis) {
    emitter *e = w->e;
    const program_axis *a = &w->p->axes.at[axis];
    int64_t fixed = ahead_fixed_extent(w->p, axis);
    bool part = !fixed && a->kind == AXIS_IS_PART;
    LLVMValueRef fields[] = {
        text_constant(w, a->name),
        l_i32(e, fixed ? fixed : program_least_extent(w->p, axis)),
        l_i32(e, fixed ? fixed : a->maximum),
        l_i32(e, part ? a->part.of : -1),
        l_i32(e, part ? part_extent(a->part, PART_BOUND_LIMIT) - PART_BOUND_LIMIT : 0),
        l_i32(e, ahead_is_parameter(w->p, axis)),
    };
    return structure(w, fields, sizeof fields / sizeof *fields);
}

static LLVMValueRef describe_value(const driver *w, const program_value *v, int64_t limit) {
    emitter *e = w->e;
    LLVMValueRef fields[] = {
        text_constant(w, v->name),
        l_i32(e, v->type.elem == DT_F32   ? 0
                 : v->type.elem == DT_F64 ? 1
                                          : 2),
        l_i32(e, type_columns(v->type)),
        l_i32(e, v->type.axes),
        l_i32(e, limit),
        l_i32(e, program_lengths_axis(w->p, v)),
    };
    return structure(w, fields, sizeof fields / sizeof *fields);
}

// A constant array of |count| structs that are all of one type; |count| is at least 1.
static LLVMValueRef array(const driver *w, const char *what, LLVMValueRef *items, unsigned count) {
    return constant(w, what, LLVMConstArray2(LLVMTypeOf(items[0]), items, count));
}

static LLVMValueRef describe_axes(const driver *w) {
    LLVMValueRef items[MAX_AXES];
    for (uint32_t axis = 0; axis < w->p->axes.count; axis++) {
        items[axis] = describe_axis(w, (int)axis);
    }
    return array(w, "axes", items, w->p->axes.count);
}

static LLVMValueRef describe_order(const driver *w) {
    LLVMValueRef items[MAX_AXES];
    for (uint32_t place = 0; place < w->p->axes.count; place++) {
        items[place] = l_i32(w->e, w->r->axis_order[place]);
    }
    return array(w, "order", items, w->p->axes.count);
}

// |room|: for as many constants as there are inputs and outputs.
static LLVMValueRef describe_inputs(const driver *w, LLVMValueRef *room, unsigned *out_count) {
    *out_count = 0;
    for (uint32_t i = 0; i < w->p->inputs.count; i++) {
        if (!ahead_is_state(&w->p->inputs.at[i])) {
            room[(*out_count)++] = describe_value(w, &w->p->inputs.at[i], ahead_token_limit(w->p, w->r, i));
        }
    }
    return *out_count ? array(w, "inputs", room, *out_count) : LLVMConstNull(w->e->pointer);
}

static LLVMValueRef describe_outputs(const driver *w, LLVMValueRef *room, unsigned *out_count) {
    *out_count = 0;
    for (uint32_t i = 0; i < w->p->outputs.count; i++) {
        if (!ahead_is_state(&w->p->outputs.at[i])) {
            room[(*out_count)++] = describe_value(w, &w->p->outputs.at[i], 0);
        }
    }
    return *out_count ? array(w, "outputs", room, *out_count) : LLVMConstNull(w->e->pointer);
}

// ---- Functions ----

// call(arena, extents, inputs, outputs): NAME_run with what it is given in arrays. |room| is for its parameters.
static LLVMValueRef emit_call(const driver *w, LLVMValueRef *room, unsigned inputs, unsigned outputs) {
    emitter *e = w->e;
    LLVMTypeRef parameters[] = {e->pointer, e->pointer, e->pointer, e->pointer};
    LLVMValueRef f = driver_add_function(w, ".call", parameters, 4, false);
    unsigned count = 0;
    room[count++] = LLVMGetParam(f, 0);
    for (uint32_t axis = 0; axis < w->p->axes.count; axis++) {
        if (ahead_is_parameter(w->p, (int)axis)) {
            room[count++] = l_load(e, e->i32, l_offset(e, e->i32, LLVMGetParam(f, 1), axis));
        }
    }
    for (unsigned i = 0; i < inputs + outputs; i++) {
        LLVMValueRef list = LLVMGetParam(f, i < inputs ? 2 : 3);
        unsigned place = i < inputs ? i : i - inputs;
        room[count++] = l_load(e, e->pointer, l_offset(e, e->pointer, list, place));
    }
    LLVMTypeRef type = LLVMGlobalGetValueType(w->function);
    LLVMBuildRet(e->builder, LLVMBuildCall2(e->builder, type, w->function, room, count, ""));
    return f;
}

static LLVMValueRef function_or_null(const driver *w, const char *ending) {
    LLVMValueRef f = driver_find_function(w, ending);
    return f ? f : LLVMConstNull(w->e->pointer);
}

void driver_emit_program(const driver *w, LLVMValueRef *room) {
    emitter *e = w->e;
    const ahead_text *text = w->r->text;
    unsigned inputs, outputs;
    LLVMValueRef input_list = describe_inputs(w, room, &inputs);
    LLVMValueRef output_list = describe_outputs(w, room, &outputs);
    LLVMValueRef call = emit_call(w, room, inputs, outputs);
    LLVMValueRef fields[] = {
        l_i64(e, w->layout.bytes),
        text_constant(w, w->r->name),
        describe_axes(w),
        input_list,
        output_list,
        describe_order(w),
        function_or_null(w, "_init"),
        function_or_null(w, "_reset"),
        call,
        function_or_null(w, "_encode"),
        function_or_null(w, "_decode"),
        l_i32(e, w->p->axes.count),
        l_i32(e, inputs),
        l_i32(e, outputs),
        l_i32(e, w->r->streams),
        l_i32(e, text ? text->input : -1),
        l_i32(e, text ? text->count : 0),
        l_i32(e, text ? text->scores : -1),
        l_i32(e, text ? text->first : 0),
    };
    LLVMValueRef value = structure(w, fields, sizeof fields / sizeof *fields);
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(value), AHEAD_PROGRAM_SYMBOL);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
}
