// The function that does a run, or a training step: what it is given and checks, and what it does.
#include "codegen/driver.h"

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

static int find_lengths(const program *p, int axis) {
    for (uint32_t i = 0; i < p->inputs.count; i++) {
        if (program_lengths_axis(p, &p->inputs.at[i]) == axis) {
            return (int)i;
        }
    }
    return -1;
}

// Whether the axes of |input| have lengths of rows, behind which its tokens may be anything.
static bool has_padding(const program *p, uint32_t input) {
    axis_set axes = p->inputs.at[input].type.axes;
    bool found = false;
    for (uint32_t axis = 1; axis < p->axes.count; axis++) {
        found |= (axes & AXIS_BIT(axis)) && find_lengths(p, (int)axis) >= 0;
    }
    return found && (axes & AXIS_BIT(AXIS_BATCH));
}

// Whether the token at place |at| is behind its row's length.
static LLVMValueRef is_padding(const driver *w, uint32_t input, LLVMValueRef at) {
    emitter *e = w->e;
    LLVMValueRef rows = w->extents[AXIS_BATCH], behind = LLVMConstInt(e->i1, 0, false);
    LLVMValueRef row = l_remainder(e, at, rows), rest = l_quotient(e, at, rows);
    for (int axis = (int)w->p->axes.count - 1; axis > 0; axis--) {
        int lengths = find_lengths(w->p, axis);
        if (!(w->p->inputs.at[input].type.axes & AXIS_BIT(axis))) {
            continue;
        }
        if (lengths >= 0) {
            LLVMValueRef length = l_load(e, e->i32, l_at(e, e->i32, w->inputs[lengths], row));
            LLVMValueRef step = l_remainder(e, rest, w->extents[axis]);
            LLVMValueRef counts = l_less(e, step, LLVMBuildSExt(e->builder, length, e->i64, ""));
            behind = LLVMBuildOr(e->builder, behind, LLVMBuildNot(e->builder, counts, ""), "");
        }
        rest = l_quotient(e, rest, w->extents[axis]);
    }
    return behind;
}

// Every number below the limit, but for padding where that |may_pad|; a negative one is a large unsigned one.
static void check_numbers(const driver *w, uint32_t input, LLVMValueRef limit, int status, bool may_pad) {
    emitter *e = w->e;
    LLVMValueRef count = driver_term(w, (extent_term){w->p->inputs.at[input].type.axes, 1});
    LLVMValueRef good = LLVMConstInt(e->i1, 1, false);
    l_loop loop;
    l_loop_begin(e, &loop, l_i64(e, 0), count, 1, &good, 1);
    LLVMValueRef token = l_load(e, e->i32, l_at(e, e->i32, w->inputs[input], loop.index));
    LLVMValueRef fits = LLVMBuildICmp(e->builder, LLVMIntULT, token, limit, "");
    if (may_pad) {
        fits = LLVMBuildOr(e->builder, fits, is_padding(w, input, loop.index), "");
    }
    LLVMValueRef next = LLVMBuildAnd(e->builder, loop.value[0], fits, "");
    l_loop_end(&loop, &next);
    driver_require(w, loop.value[0], status);
}

// Where kernels read the tokens as they are, padding is none: it must be below the limit, too.
static void check_tokens(const driver *w, uint32_t input) {
    int64_t known = w->p->inputs.at[input].limit, direct = w->r->limits[input];
    bool pads = has_padding(w->p, input);
    if (direct > 0) {
        check_numbers(w, input, l_int(w->e, w->e->i32, direct), AHEAD_BAD_TOKEN, false);
    }
    if (known > 0 && known != direct) {
        check_numbers(w, input, l_int(w->e, w->e->i32, known), AHEAD_BAD_TOKEN, pads);
    }
}

// Tokens are below the input's limit, lengths of rows up to that of the sequence.
static void check_input(const driver *w, uint32_t input) {
    emitter *e = w->e;
    int axis = program_lengths_axis(w->p, &w->p->inputs.at[input]);
    if (axis != NO_AXIS) {
        LLVMValueRef longest = LLVMBuildTrunc(e->builder, w->extents[axis], e->i32, "");
        check_numbers(w, input, l_add(e, longest, l_int(e, e->i32, 1)), AHEAD_BAD_EXTENT, false);
    } else if (w->p->inputs.at[input].type.elem == DT_I32) {
        check_tokens(w, input);
    }
}

// Lengths of rows are read for other inputs, too, so nothing is null before they are.
static void check_inputs(const driver *w) {
    for (uint32_t i = 0; i < w->p->inputs.count; i++) {
        if (ahead_is_given(&w->p->inputs.at[i])) {
            driver_require_pointer(w, w->inputs[i], AHEAD_NO_INPUT);
        }
    }
    for (uint32_t i = 0; i < w->p->inputs.count; i++) {
        if (ahead_is_given(&w->p->inputs.at[i])) {
            check_input(w, i);
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

// Copies the words [from, to) of a row, |lanes| at a time.
static void copy_words(const driver *w, LLVMTypeRef word, LLVMValueRef source, LLVMValueRef target,
                       int64_t from, int64_t to, unsigned lanes) {
    emitter *e = w->e;
    if (from == to) {
        return;
    }
    l_loop loop;
    l_loop_begin_sure(e, &loop, l_i64(e, from), l_i64(e, to), lanes, NULL, 0);
    LLVMTypeRef type = lanes > 1 ? l_vector_type(word, lanes) : word;
    l_store(e, l_load(e, type, l_at(e, word, source, loop.index)), l_at(e, word, target, loop.index));
    l_loop_end(&loop, NULL);
}

// Row after row: those of a place may lie further apart than its columns. By whole vectors as far as they go: what the
// next step reads as a vector should not have been written word by word, since the processor then waits for all of it.
static void copy_value(const driver *w, const program_value *v, LLVMValueRef to) {
    emitter *e = w->e;
    LLVMValueRef from = driver_address(w, &v->place, NULL),
                 rows = driver_term(w, (extent_term){v->type.axes, 1});
    int bytes = dtype_bytes(v->type.elem) == 8 ? 8 : 4;
    LLVMTypeRef word = bytes == 8 ? e->i64 : e->i32;
    int64_t columns = type_columns(v->type), lanes = w->p->shape.vector_bytes / bytes;
    int64_t whole = columns / lanes * lanes;
    l_loop row;
    l_loop_begin(e, &row, l_i64(e, 0), rows, 1, NULL, 0);
    LLVMValueRef source = l_at(e, word, from, l_mul(e, row.index, l_i64(e, v->place.columns)));
    LLVMValueRef target = l_at(e, word, to, l_mul(e, row.index, l_i64(e, columns)));
    copy_words(w, word, source, target, 0, whole, (unsigned)lanes);
    copy_words(w, word, source, target, whole, columns, 1);
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

unsigned driver_list_parameters(const driver *w, bool extents, LLVMTypeRef *out_types) {
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
        driver_require_pointer(w, w->parallel[1], AHEAD_BAD_ARGUMENT);
    }
}

rnnc_status driver_emit_run(driver *w, const char *ending, LLVMTypeRef *parameters, unsigned count,
                            bool internal, diag_sink *d) {
    emitter *e = w->e;
    unsigned at = 1;
    TRY(driver_add_kernels(w, d));
    if (w->parallel) {
        driver_emit_share(w);
    }
    w->function = driver_add_function(w, ending, parameters, count, !internal);
    driver_take_arena(w, w->function);
    driver_find_weights(w);
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
