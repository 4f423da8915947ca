// The statements of cells, functions and models.
#include <string.h>

#include "frontend/parse.h"

// [T], [T lengths], [K = 5], [S, T]; nothing at all is right too.
bool parse_declared_axes(parser *p, declaration *decl) {
    if (!parser_accept(p, TOKEN_SQUARE_OPEN)) {
        return true;
    }
    do {
        axis_declaration axis = {.axis = {p->at->text, p->at->where}};
        if (!parser_expect(p, TOKEN_NAME)) {
            return false;
        }
        axis.lengths = parser_accept_word(p, "lengths");
        if (parser_accept(p, TOKEN_ASSIGN)) {
            axis.size = parse_expression(p);
            if (!axis.size) {
                return false;
            }
        }
        vec_push(p->memory, decl->axes, axis);
    } while (parser_accept(p, TOKEN_COMMA));
    return parser_expect(p, TOKEN_SQUARE_CLOSE);
}

static bool parse_type(parser *p, declaration *decl) {
    if (parser_accept_word(p, "real")) {
        decl->type = TYPE_REAL;
    } else if (parser_accept_word(p, "token")) {
        decl->type = TYPE_TOKEN;
    } else {
        return parser_expected(p, "a type, real(n) or token(k)");
    }
    if (parser_accept(p, TOKEN_PAREN_OPEN)) {
        decl->columns = parse_expression(p);
        if (!decl->columns || !parser_expect(p, TOKEN_PAREN_CLOSE)) {
            return false;
        }
    } else if (decl->type == TYPE_TOKEN) {
        return parser_expected(p, "'(' and the number of classes");
    }
    return parse_declared_axes(p, decl);
}

static bool parse_data_declaration(parser *p, declaration *decl) {
    if (!parse_declared_axes(p, decl)) {
        return false;
    }
    return !parser_accept(p, TOKEN_COLON) || parse_type(p, decl);
}

static bool parse_sizes(parser *p, declaration *decl) {
    if (!parser_expect(p, TOKEN_SQUARE_OPEN)) {
        return false;
    }
    do {
        expression *size = parse_expression(p);
        if (!size) {
            return false;
        }
        vec_push(p->memory, decl->sizes, size);
    } while (parser_accept(p, TOKEN_COMMA));
    return parser_expect(p, TOKEN_SQUARE_CLOSE);
}

// from "rnn.weight_ih_l0"[0:n]
static bool parse_file_tensor(parser *p, declaration *decl) {
    decl->file_tensor = p->at->text;
    if (!parser_expect(p, TOKEN_TEXT)) {
        return false;
    }
    if (!parser_accept(p, TOKEN_SQUARE_OPEN)) {
        return true;
    }
    return parse_expression(p) && parser_expect(p, TOKEN_COLON) && parse_expression(p) &&
           parser_expect(p, TOKEN_SQUARE_CLOSE);
}

static bool parse_weight_declaration(parser *p, declaration *decl) {
    if (!parse_sizes(p, decl)) {
        return false;
    }
    decl->frozen = parser_accept_word(p, "frozen");
    if (parser_accept_word(p, "from") && !parse_file_tensor(p, decl)) {
        return false;
    }
    if (parser_accept_word(p, "init")) {
        decl->init = parse_postfix(p);
        return decl->init != NULL;
    }
    return true;
}

typedef bool parse_declaration(parser *p, declaration *decl);

static bool parse_declarations(parser *p, statement *s, parse_declaration *rest) {
    do {
        declaration decl = {.name = p->at->text, .where = p->at->where};
        if (!parser_expect(p, TOKEN_NAME) || !rest(p, &decl)) {
            return false;
        }
        vec_push(p->memory, s->declarations, decl);
    } while (parser_accept(p, TOKEN_COMMA));
    return true;
}

static bool parse_input(parser *p, statement *s) {
    return parse_declarations(p, s, parse_data_declaration);
}

static bool parse_state(parser *p, statement *s) {
    return parse_declarations(p, s, parse_sizes);
}

static bool parse_weight(parser *p, statement *s) {
    return parse_declarations(p, s, parse_weight_declaration);
}

static bool parse_target_name(parser *p, statement *s) {
    target_name name = {.where = p->at->where};
    name.is_next = parser_is_word(p, "next") && p->at[1].kind == TOKEN_NAME;
    p->at += name.is_next;
    name.name = p->at->text;
    if (!parser_expect(p, TOKEN_NAME)) {
        return false;
    }
    name.where = span_join(name.where, parser_last_span(p));
    vec_push(p->memory, s->names, name);
    return true;
}

static bool parse_assigned_value(parser *p, statement *s) {
    if (!parser_expect(p, TOKEN_ASSIGN)) {
        return false;
    }
    s->value = parse_expression(p);
    return s->value != NULL;
}

static bool parse_equation(parser *p, statement *s) {
    do {
        if (!parse_target_name(p, s)) {
            return false;
        }
    } while (parser_accept(p, TOKEN_COMMA));
    return parse_assigned_value(p, s);
}

static bool parse_share(parser *p, statement *s) {
    s->frozen = parser_is_word(p, "frozen") && p->at[1].kind == TOKEN_NAME;
    p->at += s->frozen;
    return parse_target_name(p, s) && parse_assigned_value(p, s);
}

static bool parse_metric(parser *p, statement *s) {
    return parse_target_name(p, s) && parse_assigned_value(p, s);
}

static bool parse_output(parser *p, statement *s) {
    do {
        argument output = {.where = p->at->where};
        if (parser_is(p, TOKEN_NAME) && p->at[1].kind == TOKEN_ASSIGN) {
            output.name = p->at->text;
            p->at += 2;
        }
        output.value = parse_expression(p);
        if (!output.value) {
            return false;
        }
        output.where = output.name ? output.where : output.value->where;
        vec_push(p->memory, s->outputs, output);
    } while (parser_accept(p, TOKEN_COMMA));
    return true;
}

static bool parse_repeat(parser *p, statement *s) {
    s->value = parse_expression(p);
    if (!s->value) {
        return false;
    }
    if (parser_accept_word(p, "as") && !parse_target_name(p, s)) {
        return false;
    }
    return parse_block(p, &s->body);
}

static bool parse_if(parser *p, statement *s);

// else if … is else { if … }
static bool parse_else_if(parser *p, statement *s) {
    statement *inner = arena_new(p->memory, statement);
    inner->kind = STATEMENT_IF;
    inner->where = p->at->where;
    p->at++;
    vec_push(p->memory, s->otherwise, inner);
    if (!parser_enter(p)) {
        return false;
    }
    bool read = parse_if(p, inner);
    parser_leave(p);
    return read;
}

static bool parse_if(parser *p, statement *s) {
    s->value = parse_expression(p);
    if (!s->value || !parse_block(p, &s->body)) {
        return false;
    }
    if (!parser_accept_word(p, "else")) {
        return true;
    }
    if (!parser_is_word(p, "if")) {
        return parse_block(p, &s->otherwise);
    }
    return parse_else_if(p, s);
}

typedef struct statement_row {
    const char *word;
    statement_kind kind;
    bool (*parse)(parser *p, statement *s);
} statement_row;

static const statement_row rows[] = {
    {"input", STATEMENT_INPUT, parse_input},
    {"target", STATEMENT_TARGET, parse_input},
    {"state", STATEMENT_STATE, parse_state},
    {"weight", STATEMENT_WEIGHT, parse_weight},
    {"share", STATEMENT_SHARE, parse_share},
    {"output", STATEMENT_OUTPUT, parse_output},
    {"metric", STATEMENT_METRIC, parse_metric},
    {"repeat", STATEMENT_REPEAT, parse_repeat},
    {"if", STATEMENT_IF, parse_if},
};

// `input = …` and `input, end = …` are equations of something named input.
static const statement_row *find_row(const parser *p) {
    bool equation = p->at[1].kind == TOKEN_ASSIGN || p->at[1].kind == TOKEN_COMMA;
    for (size_t i = 0; !equation && i < sizeof rows / sizeof *rows; i++) {
        if (parser_is_word(p, rows[i].word)) {
            return &rows[i];
        }
    }
    return NULL;
}

static statement *parse_statement(parser *p) {
    statement *s = arena_new(p->memory, statement);
    s->where = p->at->where;
    if (!parser_is(p, TOKEN_NAME)) {
        parser_expected(p, "a statement");
        return NULL;
    }
    const statement_row *row = find_row(p);
    s->kind = row ? row->kind : STATEMENT_EQUATION;
    p->at += row != NULL;
    bool read = row ? row->parse(p, s) : parse_equation(p, s);
    if (read && !parser_is(p, TOKEN_NEWLINE) && !parser_is(p, TOKEN_BRACE_CLOSE)) {
        read = parser_expected(p, "the end of the line");
    }
    s->where = span_join(s->where, parser_last_span(p));
    return read ? s : NULL;
}

static bool parse_statements(parser *p, block *out_block) {
    while (true) {
        while (parser_accept(p, TOKEN_NEWLINE)) {
        }
        if (parser_is(p, TOKEN_BRACE_CLOSE) || parser_is(p, TOKEN_END)) {
            return parser_expect(p, TOKEN_BRACE_CLOSE);
        }
        statement *s = parse_statement(p);
        if (s) {
            vec_push(p->memory, *out_block, s);
        } else {
            parser_recover(p);
        }
    }
}

bool parse_block(parser *p, block *out_block) {
    if (!parser_expect(p, TOKEN_BRACE_OPEN) || !parser_enter(p)) {
        return false;
    }
    bool read = parse_statements(p, out_block);
    parser_leave(p);
    return read;
}
