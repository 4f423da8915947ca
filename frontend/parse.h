// Tokens to syntax tree: recursive descent, with recovery at statement ends so that one run finds several errors.
#ifndef RNNC_FRONTEND_PARSE_H
#define RNNC_FRONTEND_PARSE_H

#include "frontend/ast.h"

// Appends what file |file| of |d| holds to |tree|. Syntax errors go to |d|; what could be read is in the tree.
void parse_file(diag_sink *d, uint32_t file, arena *memory, syntax_tree *tree);
// A text that is one expression, as after `--set name=`; NULL after an error.
expression *parse_single_expression(diag_sink *d, uint32_t file, arena *memory);

// Below: shared by the parser's files alone.

typedef struct parser {
    diag_sink *d;
    arena *memory;
    const token *at; // the token to be read next
    uint32_t depth;  // of nested expressions and blocks
} parser;

enum { PARSE_DEPTH_LIMIT = 100 };

bool parser_is(const parser *p, token_kind kind);
bool parser_is_word(const parser *p, const char *word);
bool parser_accept(parser *p, token_kind kind);
bool parser_accept_word(parser *p, const char *word);
// Reads a token of this kind or reports what was found instead.
bool parser_expect(parser *p, token_kind kind);
bool parser_expect_word(parser *p, const char *word);
// Reports "expected |what|, found …" at the next token. Always false.
bool parser_expected(parser *p, const char *what);
bool parser_enter(parser *p);
void parser_leave(parser *p);
// Skips to the end of the statement, over nested blocks, so that the next statement can be read.
void parser_recover(parser *p);
span span_join(span first, span last);
span parser_last_span(const parser *p);

// Each returns NULL (or false) after it has reported an error.
expression *parse_expression(parser *p);
expression *parse_postfix(parser *p);
bool parse_block(parser *p, block *out_block);
bool parse_declared_axes(parser *p, declaration *decl);
recipe_definition *parse_recipe(parser *p);

#endif
