// The tokens of the text form. Internal to the parser.
//
// Every irlex_* function that wants something and does not find it reports one error and returns RNNC_SYNTAX;
// the parser then gives the line up (irlex_skip_line) and goes on with the next.
#ifndef RNNC_IR_TEXT_LEX_H
#define RNNC_IR_TEXT_LEX_H

#include "ir/text_words.h"
#include "support/arena.h"
#include "support/diag.h"

typedef enum token_kind {
    TOKEN_END,    // of the text
    TOKEN_LINE,   // end of a line
    TOKEN_WORD,   // a name, a keyword or a number; which of them depends on where it stands
    TOKEN_STRING, // "quoted"; |text| is what it means
    TOKEN_VALUE,  // %12; |text| is "12"
    TOKEN_MARK,   // one byte of punctuation
    TOKEN_BROKEN, // has been reported
} token_kind;

typedef struct ir_token {
    token_kind kind;
    span where;
    const char *text;
} ir_token;

typedef struct ir_lexer {
    diag_sink *d;
    arena *memory; // holds the tokens' texts
    const char *text;
    uint32_t length, at, file;
    ir_token now;      // the token that is looked at
    uint32_t last_end; // where the token before it ended
} ir_lexer;

// Looks at the first token of file number |file|.
void irlex_init(ir_lexer *l, diag_sink *d, uint32_t file, arena *memory);
// The same, of its token at byte |at|, where a line begins.
void irlex_init_at(ir_lexer *l, diag_sink *d, uint32_t file, uint32_t at, arena *memory);
void irlex_next(ir_lexer *l);
// Goes to the end of the line, reporting nothing.
void irlex_skip_line(ir_lexer *l);

// Reports that |expected| was expected where the token looked at stands.
rnnc_status irlex_unexpected(ir_lexer *l, const char *expected);

bool irlex_is(const ir_lexer *l, char mark);
bool irlex_is_word(const ir_lexer *l, const char *word);
bool irlex_at_line_end(const ir_lexer *l);
bool irlex_accept(ir_lexer *l, char mark);

rnnc_status irlex_expect(ir_lexer *l, char mark);
// A word or a quoted text that is not empty. |what| as in "a variable's name".
rnnc_status irlex_name(ir_lexer *l, const char *what, const char **out_name);
rnnc_status irlex_string(ir_lexer *l, const char *what, const char **out_text);
rnnc_status irlex_value(ir_lexer *l, const char *what, uint32_t *out_id);
rnnc_status irlex_int(ir_lexer *l, const char *what, int64_t least, int64_t most, int64_t *out_value);
rnnc_status irlex_float(ir_lexer *l, const char *what, double *out_value);
// One of |words|: its number. An unknown word is reported with the nearest known one.
rnnc_status irlex_keyword(ir_lexer *l, const char *what, word_list words, uint32_t *out_number);

// From the begin of |first| to the end of the token before the one looked at.
span irlex_since(const ir_lexer *l, span first);

#endif
