#include "ir/text.h"
#include "ir/text_parse.h"
#include "ir/verify.h"

static rnnc_status unknown_axis(ir_parser *p, const char *name, span where) {
    const char *names[MAX_AXES];
    uint32_t count = 0;
    for (; count < p->g->axes.count && count < MAX_AXES; count++) {
        names[count] = p->g->axes.at[count].name;
    }
    // Between names of one letter there is no telling what was meant.
    const char *nearest = strlen(name) > 1 ? nearest_name(name, names, count) : NULL;
    return nearest ? diag_error(p->d, where, "no axis is named '%s'; did you mean '%s'?", name, nearest)
                   : diag_error(p->d, where, "no axis is named '%s'", name);
}

rnnc_status irparse_axis(ir_parser *p, int *out_axis) {
    const char *name;
    span where = p->lex.now.where;
    TRY(irlex_name(&p->lex, "an axis", &name));
    *out_axis = graph_find_axis(p->g, name);
    return *out_axis == NO_AXIS ? unknown_axis(p, name, where) : RNNC_OK;
}

static rnnc_status parse_axis_member(ir_parser *p, axis_set *axes) {
    int axis;
    span where = p->lex.now.where;
    TRY(irparse_axis(p, &axis));
    if (*axes & AXIS_BIT(axis)) {
        return diag_fail(p->d, RNNC_SYNTAX, where, "axis '%s' stands twice", p->g->axes.at[axis].name);
    }
    *axes |= AXIS_BIT(axis);
    return RNNC_OK;
}

rnnc_status irparse_axes(ir_parser *p, axis_set *out_axes) {
    *out_axes = 0;
    TRY(irlex_expect(&p->lex, '<'));
    if (irlex_accept(&p->lex, '>')) {
        return RNNC_OK;
    }
    do {
        TRY(parse_axis_member(p, out_axes));
    } while (irlex_accept(&p->lex, ','));
    return irlex_expect(&p->lex, '>');
}

// The elements of one value are counted in 64 bits everywhere; this leaves room for bytes and many rows.
static const int64_t most_elements = (int64_t)1 << 40;

static rnnc_status parse_dims(ir_parser *p, value_type *type) {
    span where = p->lex.now.where;
    int64_t dim;
    TRY(irlex_expect(&p->lex, '['));
    type->rank = 0;
    type->dim[1] = 1;
    do {
        TRY(irlex_int(&p->lex, "a dimension", 1, INT32_MAX, &dim));
        type->dim[type->rank++] = (int32_t)dim;
    } while (type->rank < 2 && irlex_accept(&p->lex, ','));
    TRY(irlex_expect(&p->lex, ']'));
    if (type_columns(*type) > most_elements) {
        return diag_error(p->d, irlex_since(&p->lex, where), "more than %lld elements",
                          (long long)most_elements);
    }
    return RNNC_OK;
}

static rnnc_status parse_dtype(ir_parser *p, dtype *out_elem) {
    uint32_t number;
    TRY(irlex_keyword(&p->lex, "an element type (f32, f64, i32)", text_dtype_words(), &number));
    *out_elem = (dtype)number;
    return RNNC_OK;
}

rnnc_status irparse_type(ir_parser *p, value_type *out_type) {
    *out_type = (value_type){0};
    TRY(parse_dtype(p, &out_type->elem));
    if (irlex_is(&p->lex, '<')) {
        TRY(irparse_axes(p, &out_type->axes));
    }
    return parse_dims(p, out_type);
}

static rnnc_status rename_batch(ir_parser *p, const char *name, span where) {
    if (p->g->axes.count > 1) {
        return diag_fail(p->d, RNNC_SYNTAX, where, "the batch axis must be declared before the others");
    }
    p->g->axes.at[AXIS_BATCH].name = arena_strdup(&p->g->memory, name);
    return RNNC_OK;
}

static rnnc_status add_axis(ir_parser *p, const char *name, axis_kind kind, int64_t size, span where) {
    if (kind == AXIS_IS_BATCH) {
        return rename_batch(p, name, where);
    }
    if (graph_find_axis(p->g, name) != NO_AXIS) {
        return diag_error(p->d, where, "axis '%s' is declared already", name);
    }
    if (p->g->axes.count == MAX_AXES) {
        return diag_error(p->d, where, "a graph has at most %d axes", MAX_AXES);
    }
    graph_add_axis(p->g, name, kind, size);
    return RNNC_OK;
}

static rnnc_status expect_word(ir_parser *p, const char *word) {
    if (!irlex_is_word(&p->lex, word)) {
        return irlex_unexpected(&p->lex, word);
    }
    irlex_next(&p->lex);
    return RNNC_OK;
}

// of T from 1 to end
static rnnc_status parse_axis_part(ir_parser *p, axis_part *out_part) {
    span where = p->lex.now.where;
    TRY(expect_word(p, "of"));
    TRY(irparse_axis(p, &out_part->of));
    axis_kind whole = p->g->axes.at[out_part->of].kind;
    if (whole == AXIS_IS_BATCH || whole == AXIS_IS_PART) {
        return diag_error(p->d, irlex_since(&p->lex, where), "a part is of a sequence or a fixed axis");
    }
    TRY(expect_word(p, "from"));
    TRY(irlex_int(&p->lex, "an index", 1 - PART_BOUND_LIMIT, PART_BOUND_LIMIT - 1, &out_part->from));
    TRY(expect_word(p, "to"));
    if (irlex_is_word(&p->lex, "end")) {
        irlex_next(&p->lex);
    } else {
        TRY(irlex_int(&p->lex, "an index", 1 - PART_BOUND_LIMIT, PART_BOUND_LIMIT - 1, &out_part->to));
    }
    if (!part_is_sound(*out_part)) {
        return diag_error(p->d, irlex_since(&p->lex, where), "nothing lies between these bounds");
    }
    return RNNC_OK;
}

static rnnc_status parse_axis_line(ir_parser *p) {
    const char *name;
    uint32_t kind;
    int64_t size = 0;
    span where = p->lex.now.where;
    TRY(irlex_name(&p->lex, "an axis' name", &name));
    TRY(irlex_keyword(&p->lex, "a kind of axis (batch, sequence, fixed, part)", text_axis_words(), &kind));
    if (kind == AXIS_IS_FIXED) {
        TRY(irlex_int(&p->lex, "an extent", 1, INT32_MAX, &size));
    }
    axis_part part = {0, 0, 0};
    if (kind == AXIS_IS_PART) {
        TRY(parse_axis_part(p, &part));
    }
    TRY(add_axis(p, name, (axis_kind)kind, size, where));
    p->g->axes.at[p->g->axes.count - 1].part = part;
    return RNNC_OK;
}

static rnnc_status parse_init_arguments(ir_parser *p, int count, initializer *init) {
    if (count == 0) {
        return RNNC_OK;
    }
    TRY(irlex_expect(&p->lex, '('));
    TRY(irlex_float(&p->lex, "a number", &init->a));
    if (count == 2) {
        TRY(irlex_expect(&p->lex, ','));
        TRY(irlex_float(&p->lex, "a number", &init->b));
    }
    return irlex_expect(&p->lex, ')');
}

// xavier exempt
static rnnc_status parse_filling(ir_parser *p, value_type type, variable_part *part) {
    uint32_t kind;
    TRY(irlex_keyword(&p->lex, "an initialiser", text_init_words(), &kind));
    part->init = (initializer){.kind = (init_kind)kind};
    TRY(parse_init_arguments(p, text_init_arguments(part->init.kind), &part->init));
    bool regular = irlex_is_word(&p->lex, "regular"), exempt = irlex_is_word(&p->lex, "exempt");
    if (regular || exempt) {
        irlex_next(&p->lex);
    }
    part->regular = regular || (!exempt && type.rank == 2);
    return RNNC_OK;
}

static rnnc_status parse_part(ir_parser *p, graph_variable *v) {
    const char *name;
    int64_t from, size;
    variable_part part;
    TRY(irlex_name(&p->lex, "a part's name", &name));
    span where = p->lex.now.where;
    TRY(irlex_int(&p->lex, "a part's first column", 0, INT32_MAX, &from));
    TRY(irlex_int(&p->lex, "a part's number of columns", 1, INT32_MAX, &size));
    span written = irlex_since(&p->lex, where);
    TRY(parse_filling(p, v->type, &part));
    variable_part *last = v->parts.count ? &v->parts.at[v->parts.count - 1] : NULL;
    int64_t begin = last ? (int64_t)last->from + last->size : 0;
    int32_t columns = v->type.dim[v->type.rank - 1];
    if (from != begin || from + size > columns) {
        return diag_error(p->d, written,
                          "part '%s' has columns %lld to %lld, expected them from %lld, up to %d", name,
                          (long long)from, (long long)(from + size), (long long)begin, columns);
    }
    part.name = arena_strdup(&p->g->memory, name);
    part.from = (int32_t)from;
    part.size = (int32_t)size;
    vec_push(&p->g->memory, v->parts, part);
    return RNNC_OK;
}

static rnnc_status parse_parts(ir_parser *p, graph_variable *v) {
    span where = p->lex.now.where;
    irlex_next(&p->lex);
    TRY(irlex_expect(&p->lex, '('));
    v->parts.count = 0;
    do {
        TRY(parse_part(p, v));
    } while (irlex_accept(&p->lex, ','));
    TRY(irlex_expect(&p->lex, ')'));
    variable_part *last = &v->parts.at[v->parts.count - 1];
    int32_t columns = v->type.dim[v->type.rank - 1];
    if (last->from + last->size != columns) {
        return diag_error(p->d, irlex_since(&p->lex, where), "the parts end at column %d of %d",
                          last->from + last->size, columns);
    }
    return RNNC_OK;
}

static rnnc_status parse_variable_head(ir_parser *p, const char **out_name, value_type *out_type) {
    TRY(irlex_expect(&p->lex, '$'));
    span where = p->lex.now.where;
    TRY(irlex_name(&p->lex, "a variable's name", out_name));
    if (graph_find_variable(p->g, *out_name)) {
        return diag_error(p->d, where, "variable '%s' is declared already", *out_name);
    }
    TRY(irlex_expect(&p->lex, ':'));
    span type_where = p->lex.now.where;
    TRY(irparse_type(p, out_type));
    if (out_type->axes) {
        return diag_error(p->d, irlex_since(&p->lex, type_where), "a variable has no axes");
    }
    return RNNC_OK;
}

static rnnc_status parse_variable_line(ir_parser *p) {
    const char *name;
    value_type type;
    uint32_t role;
    TRY(parse_variable_head(p, &name, &type));
    TRY(irlex_keyword(&p->lex, "a role (weight, frozen, slot)", text_variable_words(), &role));
    // Added before its parts are read: a broken part must not make every reader of the variable an error too.
    uint32_t at = graph_add_variable(p->g, name, type, (variable_role)role, (initializer){0});
    graph_variable *v = &p->g->variables.at[at];
    if (irlex_is_word(&p->lex, "parts")) {
        return parse_parts(p, v);
    }
    return parse_filling(p, type, v->parts.at);
}

static rnnc_status make_graph(ir_parser *p, const char *name, dtype real) {
    p->g = graph_create(name, real);
    if (!p->g) {
        return diag_fail(p->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "out of memory");
    }
    p->g->memory.exhausted = &p->exhausted;
    return RNNC_OK;
}

// graph "name" f32
static rnnc_status parse_header(ir_parser *p) {
    const char *name;
    dtype real;
    if (!irlex_is_word(&p->lex, "graph")) {
        return irlex_unexpected(&p->lex, "graph \"name\" f32 as the first line");
    }
    irlex_next(&p->lex);
    TRY(irlex_string(&p->lex, "the graph's name in quotes", &name));
    span where = p->lex.now.where;
    TRY(parse_dtype(p, &real));
    if (!dtype_is_float(real)) {
        return diag_error(p->d, where, "the float type of a graph is f32 or f64, found %s", dtype_name(real));
    }
    TRY(make_graph(p, name, real));
    return irlex_at_line_end(&p->lex) ? RNNC_OK : irlex_unexpected(&p->lex, "the end of the line");
}

typedef rnnc_status line_parser(ir_parser *p);

static rnnc_status parse_declaration(ir_parser *p) {
    static const char *const words[] = {"axis", "variable", "output"};
    static line_parser *const parsers[] = {parse_axis_line, parse_variable_line, irparse_output_line};
    uint32_t which;
    TRY(irlex_keyword(&p->lex, "a node (%n = ...), axis, variable or output", (word_list){words, 3}, &which));
    return parsers[which](p);
}

static rnnc_status parse_line(ir_parser *p) {
    if (irlex_at_line_end(&p->lex)) {
        return RNNC_OK;
    }
    TRY(p->lex.now.kind == TOKEN_VALUE ? irparse_node_line(p) : parse_declaration(p));
    return irlex_at_line_end(&p->lex) ? RNNC_OK : irlex_unexpected(&p->lex, "the end of the line");
}

static void remember(ir_parser *p, rnnc_status status) {
    if (p->status == RNNC_OK) {
        p->status = status;
    }
}

static void skip_empty_lines(ir_parser *p) {
    while (p->lex.now.kind == TOKEN_LINE) {
        irlex_next(&p->lex);
    }
}

static bool at_section(const ir_parser *p) {
    bool found = false;
    for (const char *const *word = p->sections; *word; word++) {
        found |= irlex_is_word(&p->lex, *word);
    }
    return found;
}

// What follows a graph names nodes by the numbers of this text.
static rnnc_status check_numbers(ir_parser *p) {
    for (uint32_t i = 0; at_section(p) && i < p->nodes.count; i++) {
        if (p->nodes.at[i].id != i) {
            return diag_error(p->d, p->nodes.at[i].where,
                              "in a text with a section '%s' the nodes are numbered from 0 in the order of "
                              "their lines: expected %%%u, found %%%u",
                              p->lex.now.text, i, p->nodes.at[i].id);
        }
    }
    return RNNC_OK;
}

static rnnc_status parse_text(ir_parser *p) {
    skip_empty_lines(p);
    TRY(parse_header(p));
    for (skip_empty_lines(p); p->lex.now.kind != TOKEN_END && !at_section(p); skip_empty_lines(p)) {
        remember(p, parse_line(p));
        irlex_skip_line(&p->lex);
    }
    remember(p, check_numbers(p));
    remember(p, irparse_finish(p));
    return p->status == RNNC_OK ? graph_verify(p->g, p->d) : p->status;
}

static rnnc_status parse_guarded(ir_parser *p, uint32_t file) {
    arena_init(&p->scratch);
    p->scratch.exhausted = &p->exhausted;
    if (setjmp(p->exhausted)) {
        return diag_fail(p->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "out of memory");
    }
    irlex_init(&p->lex, p->d, file, &p->scratch);
    return parse_text(p);
}

rnnc_status graph_parse_head(diag_sink *d, uint32_t file, const char *const *sections, graph **out_graph,
                             uint32_t *out_rest) {
    *out_graph = NULL;
    ir_parser p = {
        .d = d,
        .sections = sections}; // not in the function that calls setjmp, so that a longjmp leaves it as it was
    rnnc_status status = parse_guarded(&p, file);
    if (status == RNNC_OK) {
        p.g->memory.exhausted = NULL;
        *out_graph = p.g;
        *out_rest = p.lex.now.where.begin;
    } else {
        graph_destroy(p.g);
    }
    arena_deinit(&p.scratch);
    return status;
}

rnnc_status graph_parse(diag_sink *d, uint32_t file, graph **out_graph) {
    static const char *const none[] = {NULL};
    uint32_t rest;
    return graph_parse_head(d, file, none, out_graph, &rest);
}
