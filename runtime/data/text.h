// Texts as sequences of Unicode code points, and vocabularies of characters.
#ifndef RNNC_RUNTIME_DATA_TEXT_H
#define RNNC_RUNTIME_DATA_TEXT_H

#include "runtime/data/gzfile.h"
#include "runtime/data/tensor.h"
#include "support/diag.h"
#include "support/strbuf.h"

typedef struct text_codes {
    uint32_t *at; // owned
    size_t count;
} text_codes;

// Decodes UTF-8 strictly (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF); the first bad
// byte is an error that tells its offset. A byte order mark at the begin is skipped, and a carriage return before a
// line feed, too: the same text has the same characters wherever it was saved.
rnnc_status text_decode(file_view view, diag_sink *d, text_codes *out_codes);
void text_codes_deinit(text_codes *c);
// The same for one character at a time: the one at byte |*at|, 0 at first, which goes on to the next; TEXT_END at the end.
enum { TEXT_END = 0x110000 };
rnnc_status text_next(file_view view, size_t *at, diag_sink *d, uint32_t *out_code);

// Decodes one character of at most |size| bytes, at least one. Returns its bytes, 0 if they are not UTF-8.
size_t text_decode_one(const uint8_t *bytes, size_t size, uint32_t *out_code);

// Appends the UTF-8 form of |code|, or U+FFFD where |code| is no character.
void text_add_code(strbuf *out, uint32_t code);

// The vocabulary of the text KEY in the metadata of weights, and its hash: "vocabulary.KEY".
#define VOCABULARY_KEY "vocabulary."
#define VOCABULARY_HASH_KEY "vocabulary_hash."

// Token t is the character code[t].
typedef struct vocabulary {
    uint32_t *code;   // owned
    uint32_t *sorted; // tokens by ascending code; owned
    uint32_t count;
} vocabulary;

// The distinct characters of a text, ascending.
rnnc_status vocabulary_build(file_view view, diag_sink *d, vocabulary *out_vocabulary);
void vocabulary_deinit(vocabulary *v);

// The token of |code|, or -1.
int32_t vocabulary_find(const vocabulary *v, uint32_t code);
// Makes one token for each character of a text: U8 where that holds them all, else I32. A character that is not in |v| is
// an error that shows it and tells its line.
rnnc_status vocabulary_encode(const vocabulary *v, file_view view, diag_sink *d, array *out_tokens);
// Appends the text of |count| tokens; U+FFFD where a token is out of range.
void vocabulary_decode(const vocabulary *v, const int32_t *tokens, size_t count, strbuf *out);

// A vocabulary file is a JSON array of strings of one character each, in the order of the tokens.
rnnc_status vocabulary_write(const char *path, const vocabulary *v, diag_sink *d);
rnnc_status vocabulary_read(const char *path, diag_sink *d, vocabulary *out_vocabulary);
// The same in memory; vocabulary_render appends to |out|.
rnnc_status vocabulary_parse(file_view view, diag_sink *d, vocabulary *out_vocabulary);
void vocabulary_render(const vocabulary *v, strbuf *out);

#endif
