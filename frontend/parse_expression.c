// Expressions, by precedence: or, and, not, comparison, sum, product, sign, power, postfix, primary.
#include <string.h>

#include "frontend/parse.h"

static expression *make(parser *p, expression_kind kind, span where) {
    expression *e = arena_new(p->memory, expression);
    e->kind = kind;
    e->where = where;
    return e;
}

static expression *make_over(parser *p, expression_kind kind, expression *a) {
    expression *e = make(p, kind, span_join(a->where, parser_last_span(p)));
    e->a = a;
    return e;
}

static bool parse_argument(parser *p, expression *call) {
    argument arg = {.where = p->at->where};
    if (parser_is(p, TOKEN_NAME) && p->at[1].kind == TOKEN_ASSIGN) {
        arg.name = p->at->text;
        p->at += 2;
    }
    arg.value = parse_expression(p);
    if (!arg.value) {
        return false;
    }
    arg.where = arg.name ? span_join(arg.where, arg.value->where) : arg.value->where;
    vec_push(p->memory, call->args, arg);
    return true;
}

// After the opening bracket, up to and with the closing one.
static bool parse_arguments(parser *p, expression *e) {
    while (!parser_is(p, TOKEN_PAREN_CLOSE)) {
        if (!parse_argument(p, e)) {
            return false;
        }
        if (!parser_accept(p, TOKEN_COMMA)) {
            break;
        }
    }
    bool closed = parser_expect(p, TOKEN_PAREN_CLOSE);
    e->where = span_join(e->where, parser_last_span(p));
    return closed;
}

// Names between commas, up to and with the closing square bracket.
static bool parse_axis_list(parser *p, expression *e) {
    do {
        axis_name axis = {p->at->text, p->at->where};
        if (!parser_expect(p, TOKEN_NAME)) {
            return false;
        }
        vec_push(p->memory, e->axes, axis);
    } while (parser_accept(p, TOKEN_COMMA));
    bool closed = parser_expect(p, TOKEN_SQUARE_CLOSE);
    e->where = span_join(e->where, parser_last_span(p));
    return closed;
}

// a[T: from..to] from the two points on: what stood before the colon was the axis, what stood after it is |from|.
static bool parse_part(parser *p, expression *e) {
    if (!e->from || e->from->kind != EXPR_NAME) {
        return parser_expected(p, "']' (a slice with '..' begins with an axis, x[T: a..b])");
    }
    axis_name axis = {e->from->text, e->from->where};
    vec_push(p->memory, e->axes, axis);
    e->kind = EXPR_PART;
    e->from = e->to;
    e->to = NULL;
    p->at++;
    if (!parser_is(p, TOKEN_SQUARE_CLOSE)) {
        e->to = parse_expression(p);
    }
    return e->to || parser_is(p, TOKEN_SQUARE_CLOSE);
}

// a[from:to], a[from:], a[:to], a[index], a[axis: from..to]: after the opening bracket.
static expression *parse_slice(parser *p, expression *a) {
    expression *e = make_over(p, EXPR_SLICE, a);
    if (!parser_is(p, TOKEN_COLON)) {
        e->from = parse_expression(p);
        if (!e->from) {
            return NULL;
        }
    }
    e->single = !parser_accept(p, TOKEN_COLON);
    if (!e->single && !parser_is(p, TOKEN_SQUARE_CLOSE) && !parser_is(p, TOKEN_DOT_DOT)) {
        e->to = parse_expression(p);
        if (!e->to) {
            return NULL;
        }
    }
    if (!e->single && parser_is(p, TOKEN_DOT_DOT) && !parse_part(p, e)) {
        return NULL;
    }
    if (!parser_expect(p, TOKEN_SQUARE_CLOSE)) {
        return NULL;
    }
    e->where = span_join(e->where, parser_last_span(p));
    return e;
}

static bool begins_operand(const parser *p) {
    return parser_is(p, TOKEN_NAME) || parser_is(p, TOKEN_NUMBER);
}

// Words that may follow an expression on its line and so are never operands of a reduction before them.
static bool is_trailing_word(const parser *p) {
    static const char *const words[] = {"and", "or", "along", "as", "from", "in", "to", "by"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (parser_is_word(p, words[i])) {
            return true;
        }
    }
    return false;
}

// `sum[T] x` is sum[T](x): a prefix operator that binds as tightly as a call.
static expression *parse_prefix_operand(parser *p, expression *operator) {
    if (!begins_operand(p) || is_trailing_word(p)) {
        return operator;
    }
    if (!parser_enter(p)) {
        return NULL;
    }
    argument arg = {.where = p->at->where, .value = parse_postfix(p)};
    parser_leave(p);
    if (!arg.value) {
        return NULL;
    }
    expression *call = make_over(p, EXPR_CALL, operator);
    arg.where = arg.value->where;
    vec_push(p->memory, call->args, arg);
    return call;
}

static expression *parse_brackets(parser *p, expression *a) {
    p->at++;
    bool names =
        parser_is(p, TOKEN_NAME) && (p->at[1].kind == TOKEN_COMMA || p->at[1].kind == TOKEN_SQUARE_CLOSE);
    if (!names) {
        return parse_slice(p, a);
    }
    expression *e = make_over(p, EXPR_AXES, a);
    if (!parse_axis_list(p, e)) {
        return NULL;
    }
    return a->kind == EXPR_NAME ? parse_prefix_operand(p, e) : e;
}

static expression *parse_member(parser *p, expression *a) {
    p->at++;
    const char *name = p->at->text;
    if (!parser_expect(p, TOKEN_NAME)) {
        return NULL;
    }
    expression *e = make_over(p, EXPR_MEMBER, a);
    e->text = name;
    return e;
}

static expression *parse_from(parser *p, expression *a) {
    p->at++;
    expression *e = make_over(p, EXPR_FROM, a);
    if (parser_accept(p, TOKEN_PAREN_OPEN)) {
        return parse_arguments(p, e) ? e : NULL;
    }
    e->b = parse_postfix(p);
    if (!e->b) {
        return NULL;
    }
    e->where = span_join(e->where, parser_last_span(p));
    return e;
}

static expression *parse_along(parser *p, expression *a) {
    p->at++;
    expression *e = make_over(p, EXPR_ALONG, a);
    do {
        axis_name axis = {p->at->text, p->at->where};
        if (!parser_expect(p, TOKEN_NAME)) {
            return NULL;
        }
        vec_push(p->memory, e->axes, axis);
    } while (e->axes.count < 2 && parser_accept_word(p, "as"));
    e->where = span_join(e->where, parser_last_span(p));
    return e;
}

static expression *parse_call(parser *p, expression *a) {
    p->at++;
    expression *e = make_over(p, EXPR_CALL, a);
    return parse_arguments(p, e) ? e : NULL;
}

// One step of a chain like f(x)[T].h; NULL in *|out_more| when the chain has ended.
static expression *parse_suffix(parser *p, expression *a, bool *out_more) {
    *out_more = true;
    switch (p->at->kind) {
    case TOKEN_PAREN_OPEN: return parse_call(p, a);
    case TOKEN_SQUARE_OPEN: return parse_brackets(p, a);
    case TOKEN_DOT: return parse_member(p, a);
    default: break;
    }
    bool applied = a->kind == EXPR_CALL || a->kind == EXPR_FROM || a->kind == EXPR_ALONG;
    bool bracket_or_name = p->at[1].kind == TOKEN_PAREN_OPEN || p->at[1].kind == TOKEN_NAME;
    if (applied && parser_is_word(p, "from") && bracket_or_name) {
        return parse_from(p, a);
    }
    if (applied && parser_is_word(p, "along") && p->at[1].kind == TOKEN_NAME) {
        return parse_along(p, a);
    }
    *out_more = false;
    return a;
}

static bool is_bare_reduction(const expression *e) {
    static const char *const names[] = {"sum", "mean", "max", "min"};
    for (size_t i = 0; e->kind == EXPR_NAME && i < sizeof names / sizeof *names; i++) {
        if (strcmp(e->text, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static expression *parse_name(parser *p) {
    expression *e = make(p, EXPR_NAME, p->at->where);
    e->text = p->at->text;
    p->at++;
    bool next = strcmp(e->text, "next") == 0 && parser_is(p, TOKEN_NAME) && !is_trailing_word(p);
    if (next) {
        e->kind = EXPR_NEXT;
        e->text = p->at->text;
        e->where = span_join(e->where, p->at->where);
        p->at++;
        return e;
    }
    return is_bare_reduction(e) ? parse_prefix_operand(p, e) : e;
}

static expression *parse_primary(parser *p) {
    const token *t = p->at;
    if (t->kind == TOKEN_NAME) {
        return parse_name(p);
    }
    if (t->kind == TOKEN_NUMBER || t->kind == TOKEN_TEXT) {
        expression *e = make(p, t->kind == TOKEN_NUMBER ? EXPR_NUMBER : EXPR_TEXT, t->where);
        e->number = t->number;
        e->text = t->text;
        p->at++;
        return e;
    }
    if (parser_accept(p, TOKEN_PAREN_OPEN)) {
        expression *e = parse_expression(p);
        if (!e || !parser_expect(p, TOKEN_PAREN_CLOSE)) {
            return NULL;
        }
        return e;
    }
    parser_expected(p, "a value");
    return NULL;
}

expression *parse_postfix(parser *p) {
    const token *begin = p->at;
    bool backward =
        parser_is_word(p, "backward") && (p->at[1].kind == TOKEN_NAME || p->at[1].kind == TOKEN_PAREN_OPEN);
    p->at += backward;
    expression *e = parse_primary(p);
    bool more = true;
    while (e && more) {
        e = parse_suffix(p, e, &more);
    }
    if (e && backward) {
        expression *inner = e;
        e = make(p, EXPR_BACKWARD, span_join(begin->where, inner->where));
        e->a = inner;
    }
    return e;
}

typedef struct operator_row {
    token_kind token;
    const char *word;
    operator_kind op;
    int level; // 1 binds least
} operator_row;

enum { LEVEL_OR = 1, LEVEL_AND, LEVEL_COMPARE, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_SIGN, LEVEL_POWER };

static const operator_row operators[] = {
    {TOKEN_NAME, "or", OPERATOR_OR, LEVEL_OR},
    {TOKEN_NAME, "and", OPERATOR_AND, LEVEL_AND},
    {TOKEN_LESS, NULL, OPERATOR_LESS, LEVEL_COMPARE},
    {TOKEN_LESS_EQUAL, NULL, OPERATOR_LESS_EQUAL, LEVEL_COMPARE},
    {TOKEN_GREATER, NULL, OPERATOR_GREATER, LEVEL_COMPARE},
    {TOKEN_GREATER_EQUAL, NULL, OPERATOR_GREATER_EQUAL, LEVEL_COMPARE},
    {TOKEN_EQUAL, NULL, OPERATOR_EQUAL, LEVEL_COMPARE},
    {TOKEN_NOT_EQUAL, NULL, OPERATOR_NOT_EQUAL, LEVEL_COMPARE},
    {TOKEN_PLUS, NULL, OPERATOR_ADD, LEVEL_SUM},
    {TOKEN_MINUS, NULL, OPERATOR_SUBTRACT, LEVEL_SUM},
    {TOKEN_TIMES, NULL, OPERATOR_MULTIPLY, LEVEL_PRODUCT},
    {TOKEN_DIVIDE, NULL, OPERATOR_DIVIDE, LEVEL_PRODUCT},
};

static const operator_row *operator_at(const parser *p, int level) {
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const operator_row *row = &operators[i];
        if (row->level == level && p->at->kind == row->token &&
            (!row->word || strcmp(row->word, p->at->text) == 0)) {
            return row;
        }
    }
    return NULL;
}

static expression *make_binary(parser *p, operator_kind op, expression *a, expression *b) {
    expression *e = make(p, EXPR_BINARY, span_join(a->where, b->where));
    e->op = op;
    e->a = a;
    e->b = b;
    return e;
}

static expression *parse_level(parser *p, int level);

static expression *parse_sign(parser *p) {
    const token *begin = p->at;
    if (!parser_accept(p, TOKEN_MINUS)) {
        expression *a = parse_postfix(p);
        if (!a || !parser_accept(p, TOKEN_POWER)) {
            return a;
        }
        expression *b = parse_level(p, LEVEL_SIGN);
        return b ? make_binary(p, OPERATOR_POWER, a, b) : NULL;
    }
    expression *a = parse_level(p, LEVEL_SIGN);
    if (!a) {
        return NULL;
    }
    expression *e = make(p, EXPR_NEGATE, span_join(begin->where, a->where));
    e->a = a;
    return e;
}

static expression *parse_not(parser *p) {
    const token *begin = p->at++;
    expression *a = parse_level(p, LEVEL_COMPARE);
    if (!a) {
        return NULL;
    }
    expression *e = make(p, EXPR_NOT, span_join(begin->where, a->where));
    e->a = a;
    return e;
}

static expression *parse_chain(parser *p, int level) {
    expression *a = parse_level(p, level + 1);
    const operator_row *row = a ? operator_at(p, level) : NULL;
    while (row) {
        p->at++;
        expression *b = parse_level(p, level + 1);
        if (!b) {
            return NULL;
        }
        a = make_binary(p, row->op, a, b);
        // Comparisons do not chain: a < b < c would compare a mask.
        row = level == LEVEL_COMPARE ? NULL : operator_at(p, level);
    }
    return a;
}

static expression *parse_level(parser *p, int level) {
    if (level == LEVEL_SIGN) {
        if (!parser_enter(p)) {
            return NULL;
        }
        expression *e = parse_sign(p);
        parser_leave(p);
        return e;
    }
    if (level == LEVEL_COMPARE && parser_is_word(p, "not") && p->at[1].kind != TOKEN_ASSIGN) {
        if (!parser_enter(p)) {
            return NULL;
        }
        expression *e = parse_not(p);
        parser_leave(p);
        return e;
    }
    return parse_chain(p, level);
}

expression *parse_expression(parser *p) {
    if (!parser_enter(p)) {
        return NULL;
    }
    expression *e = parse_level(p, LEVEL_OR);
    parser_leave(p);
    return e;
}
