#include "passes/program_parse.h"

#include <stdlib.h>

#include "passes/plan_words.h"

static const int64_t most_bytes = (int64_t)1 << 56;

// ---- Declarations ----

static rnnc_status create(text_section *s) {
    const graph *g = s->ir.g;
    program *p = program_new(&g->memory.from);
    if (!p) {
        return diag_fail(s->ir.d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a program");
    }
    program_parser_of(s)->p = p;
    p->memory.exhausted = &s->ir.exhausted;
    p->name = arena_strdup(&p->memory, g->name);
    p->real = g->real;
    program_declare(p, g);
    return RNNC_OK;
}

static rnnc_status parse_offset(text_section *s, const char *word, int64_t *out_offset) {
    return section_accept(s, word) ? irlex_int(&s->ir.lex, "an offset", 0, most_bytes, out_offset) : RNNC_OK;
}

static rnnc_status parse_count(text_section *s, const char *word, uint32_t *out_count) {
    int64_t value;
    TRY(section_expect(s, word));
    TRY(irlex_int(&s->ir.lex, "a number", 0, UINT32_MAX, &value));
    *out_count = (uint32_t)value;
    return RNNC_OK;
}

// program vectors 32 registers 16 arena 4096 live 4000 copies 1 loop_copies 2 settings 4032
static rnnc_status parse_head(text_section *s) {
    span where = s->ir.lex.now.where;
    if (program_parser_of(s)->p) {
        return irlex_unexpected(&s->ir.lex, "one program in a text");
    }
    if (s->ir.g->nodes.count || s->ir.g->outputs.count) {
        return irlex_unexpected(&s->ir.lex, "a program behind axes and variables only, without nodes");
    }
    TRY(create(s));
    program *p = program_parser_of(s)->p;
    TRY(section_target(s, &p->shape));
    TRY(section_expect(s, "arena"));
    TRY(irlex_int(&s->ir.lex, "bytes of the arena", 0, most_bytes, &p->arena_bytes));
    TRY(section_expect(s, "live"));
    TRY(irlex_int(&s->ir.lex, "the largest sum of live bytes", 0, most_bytes, &p->live_bytes));
    TRY(parse_count(s, "copies", &p->copies));
    TRY(parse_count(s, "loop_copies", &p->loop_copies));
    program_parser_of(s)->lines.head = irlex_since(&s->ir.lex, where);
    return parse_offset(s, "settings", &p->settings_offset);
}

// extent T 32 indices 64 f32 128
static rnnc_status parse_extent(text_section *s) {
    int axis;
    TRY(irparse_axis(&s->ir, &axis));
    program_axis *a = &program_parser_of(s)->p->axes.at[axis];
    TRY(irlex_int(&s->ir.lex, "an extent", 1, INT32_MAX, &a->maximum));
    TRY(parse_offset(s, "indices", &a->index_offset));
    for (int t = 0; t < DTYPE_COUNT; t++) {
        TRY(parse_offset(s, dtype_name((dtype)t), &a->extent_offset[t]));
    }
    program_parser_of(s)->extents[axis] = true;
    return RNNC_OK;
}

// ---- Places ----

// The named one of |count| things. |what| as in "an input".
static rnnc_status unknown_name(text_section *s, span where, const char *what, const char *name) {
    return diag_error(s->ir.d, where, "%s is named '%.40s'", what, name);
}

static rnnc_status parse_input_base(text_section *s, program_place *at) {
    const program *p = program_parser_of(s)->p;
    span where = s->ir.lex.now.where;
    const char *name;
    TRY(irlex_string(&s->ir.lex, "an input's name in quotes", &name));
    at->base = PLACE_INPUT;
    while (at->index < p->inputs.count && strcmp(p->inputs.at[at->index].name, name) != 0) {
        at->index++;
    }
    return at->index < p->inputs.count ? RNNC_OK : unknown_name(s, where, "no input before this line", name);
}

static rnnc_status parse_variable_base(text_section *s, program_place *at) {
    const program *p = program_parser_of(s)->p;
    const char *name;
    TRY(irlex_expect(&s->ir.lex, '$'));
    span where = s->ir.lex.now.where;
    TRY(irlex_name(&s->ir.lex, "a variable's name", &name));
    at->base = PLACE_VARIABLE;
    while (at->index < p->variables.count && strcmp(p->variables.at[at->index].name, name) != 0) {
        at->index++;
    }
    return at->index < p->variables.count ? RNNC_OK : unknown_name(s, where, "no variable", name);
}

static rnnc_status parse_base(text_section *s, program_place *at) {
    static const char *const words[] = {"arena", "input", "variable"};
    uint32_t base;
    TRY(irlex_keyword(&s->ir.lex, "where a place is (arena, input, variable)", (word_list){words, 3}, &base));
    return base == 0 ? RNNC_OK : base == 1 ? parse_input_base(s, at) : parse_variable_base(s, at);
}

static rnnc_status parse_slot(text_section *s, program_place *at) {
    uint32_t choice;
    if (!section_accept(s, "slot")) {
        return RNNC_OK;
    }
    TRY(irparse_axis(&s->ir, &at->slot_axis));
    TRY(irlex_keyword(&s->ir.lex, "which slots (step, only, all)", place_slot_words(), &choice));
    TRY(section_int32(s, "a shift", -INT32_MAX, &at->shift));
    at->spans = choice == SLOT_ALL;
    at->pinned = choice == SLOT_ONLY || choice == SLOT_ALL;
    at->from_end = section_accept(s, "end");
    if (section_accept(s, "mod")) {
        TRY(section_int32(s, "a number of slots", 1, &at->modulus));
    }
    return section_accept(s, "as") ? irparse_axis(&s->ir, &at->part) : RNNC_OK;
}

// arena at 4096 f32<T,B>[200] from 50 slot T step -1 end mod 4 as U
static rnnc_status parse_place(text_section *s, program_place *out_place) {
    program_place at = {.slot_axis = NO_AXIS};
    TRY(parse_base(s, &at));
    TRY(section_expect(s, "at"));
    TRY(irlex_int(&s->ir.lex, "an offset", 0, most_bytes, &at.offset));
    TRY(programparse_elem(s, &at.elem));
    TRY(irparse_axes(&s->ir, &at.axes));
    TRY(irlex_expect(&s->ir.lex, '['));
    TRY(section_int32(s, "a number of columns", 1, &at.columns));
    TRY(irlex_expect(&s->ir.lex, ']'));
    if (section_accept(s, "from")) {
        TRY(section_int32(s, "a column", 0, &at.first_column));
    }
    TRY(parse_slot(s, &at));
    *out_place = at;
    return RNNC_OK;
}

// ---- Values ----

// input "x" role "data" : f32<T,B>[2]
static rnnc_status parse_input(text_section *s) {
    program *p = program_parser_of(s)->p;
    program_value v = {0};
    span where = s->ir.lex.now.where;
    TRY(irlex_string(&s->ir.lex, "an input's name in quotes", &v.name));
    for (uint32_t i = 0; i < p->inputs.count; i++) {
        if (strcmp(p->inputs.at[i].name, v.name) == 0) {
            return diag_error(s->ir.d, where, "input '%.40s' stands twice", v.name);
        }
    }
    TRY(section_expect(s, "role"));
    TRY(irlex_string(&s->ir.lex, "an input's role in quotes", &v.role));
    TRY(irlex_expect(&s->ir.lex, ':'));
    TRY(irparse_type(&s->ir, &v.type));
    v.name = arena_strdup(&p->memory, v.name);
    v.role = arena_strdup(&p->memory, v.role);
    v.place = (program_place){.base = PLACE_INPUT,
                              .index = p->inputs.count,
                              .elem = v.type.elem,
                              .columns = v.type.dim[v.type.rank - 1],
                              .axes = v.type.axes,
                              .slot_axis = NO_AXIS};
    vec_push(&p->memory, p->inputs, v);
    return RNNC_OK;
}

// output value "y" : f32<T,B>[2] place arena at 64 f32<T,B>[2]
static rnnc_status parse_output(text_section *s) {
    program *p = program_parser_of(s)->p;
    program_value v = {0};
    uint32_t role;
    span where = s->ir.lex.now.where;
    TRY(irlex_keyword(&s->ir.lex, "a role (value, loss, state, metric)", text_output_words(), &role));
    v.role = text_output_words().words[role];
    TRY(irlex_string(&s->ir.lex, "the output's name in quotes", &v.name));
    TRY(irlex_expect(&s->ir.lex, ':'));
    TRY(irparse_type(&s->ir, &v.type));
    TRY(section_expect(s, "place"));
    TRY(parse_place(s, &v.place));
    v.name = arena_strdup(&p->memory, v.name);
    vec_push(&p->memory, p->outputs, v);
    where = irlex_since(&s->ir.lex, where);
    vec_push(&s->ir.scratch, program_parser_of(s)->lines.outputs, where);
    return RNNC_OK;
}

// ---- Calls ----

static rnnc_status parse_extent_of(text_section *s, axis_set *out_axes, int64_t *out_extent) {
    TRY(irparse_axes(&s->ir, out_axes));
    return irlex_int(&s->ir.lex, "an extent", 0, INT32_MAX, out_extent);
}

// call 0 kernel 3 dim 0 <T,B> 1 inner <> 200
static rnnc_status parse_call(text_section *s) {
    program *p = program_parser_of(s)->p;
    program_call call = {0};
    int64_t d;
    span where = s->ir.lex.now.where;
    TRY(section_next(s, "call", p->calls.count));
    TRY(section_expect(s, "kernel"));
    TRY(section_index(s, "a kernel", p->kernels.count, &call.kernel));
    while (section_accept(s, "dim")) {
        TRY(irlex_int(&s->ir.lex, "a row dimension", 0, KERNEL_MAX_DIMS - 1, &d));
        TRY(parse_extent_of(s, &call.row_axes[d], &call.row_extents[d]));
    }
    if (section_accept(s, "inner")) {
        TRY(parse_extent_of(s, &call.inner_axes, &call.inner));
    }
    call.skip_inner_first = section_accept(s, "skip_inner_first");
    call.alone = section_accept(s, "alone");
    call.args = arena_new_array(&p->memory, program_place, p->kernels.at[call.kernel].arg_count + 1);
    vec_push(&p->memory, p->calls, call);
    where = irlex_since(&s->ir.lex, where);
    vec_push(&s->ir.scratch, program_parser_of(s)->lines.calls, where);
    return RNNC_OK;
}

static rnnc_status parse_place_line(text_section *s) {
    program *p = program_parser_of(s)->p;
    program_call *call = p->calls.count ? &p->calls.at[p->calls.count - 1] : NULL;
    if (!call || call->arg_count == p->kernels.at[call->kernel].arg_count) {
        return irlex_unexpected(&s->ir.lex, "a place for each argument of a call's kernel, and no more,");
    }
    TRY(parse_place(s, &call->args[call->arg_count]));
    call->arg_count++;
    return RNNC_OK;
}

static void push_item(program *p, program_item item, bool prepare) {
    if (prepare) {
        vec_push(&p->memory, p->prepare, item);
    } else {
        vec_push(&p->memory, p->body, item);
    }
}

static rnnc_status parse_call_item(text_section *s, bool prepare) {
    program *p = program_parser_of(s)->p;
    program_item item = {.kind = ITEM_CALL};
    TRY(section_index(s, "a call", p->calls.count, &item.call));
    push_item(p, item, prepare);
    return RNNC_OK;
}

// run loop T up calls 3, 4
static rnnc_status parse_loop_item(text_section *s, bool prepare) {
    program *p = program_parser_of(s)->p;
    program_item item = {.kind = ITEM_LOOP};
    uint32_t direction;
    TRY(irparse_axis(&s->ir, &item.axis));
    TRY(irlex_keyword(&s->ir.lex, "a direction (up, down)", plan_direction_words(), &direction));
    item.direction = direction ? -1 : 1;
    uint32_t head = prepare ? p->prepare.count : p->body.count;
    push_item(p, item, prepare);
    TRY(section_expect(s, "calls"));
    do {
        TRY(parse_call_item(s, prepare));
        (prepare ? p->prepare.at : p->body.at)[head].length++;
    } while (irlex_accept(&s->ir.lex, ','));
    return RNNC_OK;
}

// run set 2
static rnnc_status parse_set(text_section *s) {
    program_parser *parser = program_parser_of(s);
    program_item item = {.kind = ITEM_SET};
    int64_t members;
    if (parser->members) {
        return irlex_unexpected(&s->ir.lex, "the members of a set before the next set");
    }
    TRY(irlex_int(&s->ir.lex, "a number of members", 2, UINT32_MAX, &members));
    parser->set = parser->p->body.count;
    parser->members = (uint32_t)members;
    push_item(parser->p, item, false);
    return RNNC_OK;
}

// run call 3, run loop T up calls 3, 4 or run set 2
static rnnc_status parse_item(text_section *s, bool prepare) {
    program_parser *parser = program_parser_of(s);
    if (!prepare && section_accept(s, "set")) {
        return parse_set(s);
    }
    if (section_accept(s, "call")) {
        TRY(parse_call_item(s, prepare));
    } else {
        TRY(section_expect(s, "loop"));
        TRY(parse_loop_item(s, prepare));
    }
    if (parser->members && !prepare) {
        parser->p->body.at[parser->set].length = parser->p->body.count - parser->set - 1;
        parser->members--;
    }
    return RNNC_OK;
}

enum {
    LINE_PROGRAM,
    LINE_EXTENT,
    LINE_INPUT,
    LINE_OUTPUT,
    LINE_KERNEL,
    LINE_ARG,
    LINE_STORE,
    LINE_CALL,
    LINE_PLACE,
    LINE_PREPARE,
    LINE_RUN,
    LINE_COUNT
};

static const char *const line_words[LINE_COUNT] = {"program", "extent", "input", "output",  "kernel", "arg",
                                                   "store",   "call",   "place", "prepare", "run"};

static rnnc_status parse_line(text_section *s, uint32_t word) {
    program_parser *parser = program_parser_of(s);
    if (!parser->p && word != LINE_PROGRAM) {
        return irlex_unexpected(&s->ir.lex, "a program's first line before the others");
    }
    if (word != LINE_ARG && word != LINE_STORE && word != LINE_COUNT) {
        programparse_end_kernel(parser);
    }
    switch (word) {
    case LINE_PROGRAM: return parse_head(s);
    case LINE_EXTENT: return parse_extent(s);
    case LINE_INPUT: return parse_input(s);
    case LINE_OUTPUT: return parse_output(s);
    case LINE_KERNEL: return programparse_kernel(s);
    case LINE_ARG: return programparse_arg(s);
    case LINE_STORE: return programparse_store(s);
    case LINE_CALL: return parse_call(s);
    case LINE_PLACE: return parse_place_line(s);
    case LINE_PREPARE: return parse_item(s, true);
    case LINE_RUN: return parse_item(s, false);
    default: return programparse_value(s);
    }
}

static rnnc_status finish(text_section *s) {
    program_parser *parser = program_parser_of(s);
    programparse_end_kernel(parser);
    if (parser->members) {
        return diag_error(s->ir.d, parser->lines.head, "the program's last set lacks %u of its members",
                          parser->members);
    }
    for (uint32_t a = 0; a < parser->p->axes.count; a++) {
        if (!parser->extents[a]) {
            return diag_error(s->ir.d, parser->lines.head, "the program has no line 'extent' for axis %s",
                              parser->p->axes.at[a].name);
        }
    }
    return program_verify(parser->p, &parser->lines, s->ir.d);
}

rnnc_status program_parse(diag_sink *d, uint32_t file, uint32_t at, graph *declarations,
                          program **out_program) {
    kernel_instr *instrs = calloc(KERNEL_MAX_INSTRS, sizeof *instrs);
    *out_program = NULL;
    if (!instrs) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a kernel's instructions");
    }
    program_parser p = {.section = {.words = {line_words, LINE_COUNT},
                                    .expected =
                                        "a line of a program (extent, input, output, kernel, arg, %n = "
                                        "..., store, call, place, prepare, run)",
                                    .values = true,
                                    .parse_line = parse_line,
                                    .finish = finish},
                        .instrs = instrs};
    rnnc_status status = section_parse(&p.section, d, file, at, declarations);
    free(instrs);
    if (status != RNNC_OK) {
        program_destroy(p.p);
        return status;
    }
    p.p->memory.exhausted = NULL;
    *out_program = p.p;
    return RNNC_OK;
}
