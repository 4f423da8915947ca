#include "frontend/parse.h"

#include <string.h>

bool parser_is(const parser *p, token_kind kind) {
    return p->at->kind == kind;
}

bool parser_is_word(const parser *p, const char *word) {
    return p->at->kind == TOKEN_NAME && strcmp(p->at->text, word) == 0;
}

bool parser_accept(parser *p, token_kind kind) {
    if (p->at->kind != kind || kind == TOKEN_END) {
        return false;
    }
    p->at++;
    return true;
}

bool parser_accept_word(parser *p, const char *word) {
    bool is = parser_is_word(p, word);
    p->at += is;
    return is;
}

bool parser_expected(parser *p, const char *what) {
    const token *t = p->at;
    if (t->kind == TOKEN_NAME) {
        diag_fail(p->d, RNNC_SYNTAX, t->where, "expected %s, found '%s'", what, t->text);
    } else if (t->kind == TOKEN_NUMBER) {
        diag_fail(p->d, RNNC_SYNTAX, t->where, "expected %s, found the number %g", what, t->number);
    } else {
        diag_fail(p->d, RNNC_SYNTAX, t->where, "expected %s, found %s", what, token_kind_text(t->kind));
    }
    return false;
}

bool parser_expect(parser *p, token_kind kind) {
    return parser_accept(p, kind) || parser_expected(p, token_kind_text(kind));
}

bool parser_expect_word(parser *p, const char *word) {
    return parser_accept_word(p, word) || parser_expected(p, arena_printf(p->memory, "'%s'", word));
}

bool parser_enter(parser *p) {
    if (p->depth >= PARSE_DEPTH_LIMIT) {
        diag_fail(p->d, RNNC_SYNTAX, p->at->where, "nested deeper than %d levels", PARSE_DEPTH_LIMIT);
        return false;
    }
    p->depth++;
    return true;
}

void parser_leave(parser *p) {
    p->depth--;
}

void parser_recover(parser *p) {
    int braces = 0;
    while (!parser_is(p, TOKEN_END)) {
        if (braces == 0 && (parser_is(p, TOKEN_NEWLINE) || parser_is(p, TOKEN_BRACE_CLOSE))) {
            return;
        }
        braces += parser_is(p, TOKEN_BRACE_OPEN);
        braces -= parser_is(p, TOKEN_BRACE_CLOSE);
        p->at++;
    }
}

span span_join(span first, span last) {
    return (span){first.file, first.begin, last.end > first.begin ? last.end : first.end};
}

span parser_last_span(const parser *p) {
    return p->at[-1].where;
}

static void skip_newlines(parser *p) {
    while (parser_accept(p, TOKEN_NEWLINE)) {
    }
}

static bool parse_parameters(parser *p, definition *def) {
    if (!parser_expect(p, TOKEN_PAREN_OPEN)) {
        return false;
    }
    while (!parser_is(p, TOKEN_PAREN_CLOSE)) {
        declaration parameter = {.name = p->at->text, .where = p->at->where};
        if (!parser_expect(p, TOKEN_NAME) || !parse_declared_axes(p, &parameter)) {
            return false;
        }
        if (parser_accept(p, TOKEN_ASSIGN)) {
            parameter.value = parse_expression(p);
            if (!parameter.value) {
                return false;
            }
        }
        vec_push(p->memory, def->parameters, parameter);
        if (!parser_accept(p, TOKEN_COMMA)) {
            break;
        }
    }
    return parser_expect(p, TOKEN_PAREN_CLOSE);
}

// What a call of the definition takes: the inputs and states declared directly in its body.
static void gather_declarations(parser *p, definition *def) {
    for (uint32_t i = 0; i < def->body.count; i++) {
        const statement *s = def->body.at[i];
        for (uint32_t j = 0; j < s->declarations.count; j++) {
            if (s->kind == STATEMENT_INPUT) {
                vec_push(p->memory, def->inputs, s->declarations.at[j]);
            } else if (s->kind == STATEMENT_STATE) {
                vec_push(p->memory, def->states, s->declarations.at[j]);
            }
        }
    }
}

static bool parse_definition(parser *p, definition_kind kind, syntax_tree *tree) {
    definition *def = arena_new(p->memory, definition);
    def->kind = kind;
    def->name = p->at->text;
    def->where = p->at->where;
    if (!parser_expect(p, TOKEN_NAME)) {
        return false;
    }
    bool header = parse_parameters(p, def);
    while (!header && !parser_is(p, TOKEN_BRACE_OPEN) && !parser_is(p, TOKEN_NEWLINE) &&
           !parser_is(p, TOKEN_END)) {
        p->at++;
    }
    bool whole = parse_block(p, &def->body);
    gather_declarations(p, def);
    vec_push(p->memory, tree->definitions, def);
    return whole;
}

static bool parse_use(parser *p, syntax_tree *tree) {
    use_statement use = {p->at->text, p->at->where};
    if (!parser_expect(p, TOKEN_TEXT)) {
        return false;
    }
    vec_push(p->memory, tree->uses, use);
    return true;
}

static bool parse_train(parser *p, syntax_tree *tree) {
    recipe_definition *r = parse_recipe(p);
    if (r) {
        vec_push(p->memory, tree->recipes, r);
    }
    return r != NULL;
}

static bool report_top_level(parser *p) {
    static const char *const words[] = {"cell", "function", "model", "train", "use"};
    const char *near = parser_is(p, TOKEN_NAME) ? nearest_name(p->at->text, words, 5) : NULL;
    if (!near) {
        return parser_expected(p, "cell, function, model, train or use");
    }
    diag_fail(p->d, RNNC_SYNTAX, p->at->where, "unknown word '%s'; did you mean '%s'?", p->at->text, near);
    return false;
}

static bool parse_top_level(parser *p, syntax_tree *tree) {
    if (parser_accept_word(p, "cell")) {
        return parse_definition(p, DEFINITION_CELL, tree);
    }
    if (parser_accept_word(p, "function")) {
        return parse_definition(p, DEFINITION_FUNCTION, tree);
    }
    if (parser_accept_word(p, "model")) {
        return parse_definition(p, DEFINITION_MODEL, tree);
    }
    if (parser_accept_word(p, "train")) {
        return parse_train(p, tree);
    }
    if (parser_accept_word(p, "use")) {
        return parse_use(p, tree);
    }
    return report_top_level(p);
}

void parse_file(diag_sink *d, uint32_t file, arena *memory, syntax_tree *tree) {
    parser p = {.d = d, .memory = memory, .at = lex_file(d, file, memory)};
    skip_newlines(&p);
    while (!parser_is(&p, TOKEN_END)) {
        if (!parse_top_level(&p, tree)) {
            parser_recover(&p);
            parser_accept(&p, TOKEN_BRACE_CLOSE);
        } else if (!parser_is(&p, TOKEN_NEWLINE) && !parser_is(&p, TOKEN_END)) {
            parser_expected(&p, "the end of the line");
            parser_recover(&p);
            parser_accept(&p, TOKEN_BRACE_CLOSE);
        }
        skip_newlines(&p);
    }
}

expression *parse_single_expression(diag_sink *d, uint32_t file, arena *memory) {
    parser p = {.d = d, .memory = memory, .at = lex_file(d, file, memory)};
    expression *e = parse_expression(&p);
    if (!e) {
        return NULL;
    }
    skip_newlines(&p);
    if (!parser_is(&p, TOKEN_END)) {
        parser_expected(&p, "the end of the value");
        return NULL;
    }
    return e;
}
