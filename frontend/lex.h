// Source text to tokens. A line's end is a token, but for the ends inside round or square brackets.
#ifndef RNNC_FRONTEND_LEX_H
#define RNNC_FRONTEND_LEX_H

#include "support/diag.h"

typedef enum token_kind {
#define TOKEN(id, text) TOKEN_##id,
#define PUNCTUATION(id, text) TOKEN_##id,
#include "frontend/tokens.def"
#undef TOKEN
#undef PUNCTUATION
    TOKEN_KIND_COUNT
} token_kind;

typedef struct token {
    token_kind kind;
    span where;
    const char *text; // of names and texts: the characters, without quotes
    double number;    // of numbers
} token;

// What a message calls this kind: "a name", "')'".
const char *token_kind_text(token_kind kind);

// Cuts file number |file| of |d| into tokens, the last of kind TOKEN_END, in |memory|. Characters that begin no
// token are reported and skipped.
const token *lex_file(diag_sink *d, uint32_t file, arena *memory);

#endif
