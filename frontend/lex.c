#include "frontend/lex.h"

#include <math.h>
#include <string.h>

#include "support/number.h"

typedef struct lexer {
    diag_sink *d;
    arena *memory;
    uint32_t file;
    const char *text;
    uint32_t length;
    uint32_t at;
    uint32_t brackets; // open round and square brackets: line ends inside mean nothing
    VEC(token) tokens;
} lexer;

typedef struct punctuation {
    token_kind kind;
    const char *text;
} punctuation;

static const punctuation marks[] = {
#define TOKEN(id, text)
#define PUNCTUATION(id, text) {TOKEN_##id, text},
#include "frontend/tokens.def"
#undef TOKEN
#undef PUNCTUATION
};

static const char *const kind_texts[] = {
#define TOKEN(id, text) text,
#define PUNCTUATION(id, text) "'" text "'",
#include "frontend/tokens.def"
#undef TOKEN
#undef PUNCTUATION
};

const char *token_kind_text(token_kind kind) {
    return kind_texts[kind];
}

// Not the <ctype.h> functions: what a name is does not depend on the locale.
static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static char peek(const lexer *l, uint32_t ahead) {
    return l->at + ahead < l->length ? l->text[l->at + ahead] : '\0';
}

static span span_from(const lexer *l, uint32_t begin) {
    return (span){l->file, begin, l->at};
}

static token *push(lexer *l, token_kind kind, uint32_t begin) {
    token added = {.kind = kind, .where = span_from(l, begin)};
    vec_push(l->memory, l->tokens, added);
    return &l->tokens.at[l->tokens.count - 1];
}

static void lex_name(lexer *l) {
    uint32_t begin = l->at;
    while (is_letter(peek(l, 0)) || is_digit(peek(l, 0))) {
        l->at++;
    }
    push(l, TOKEN_NAME, begin)->text = arena_strndup(l->memory, l->text + begin, l->at - begin);
}

static void skip_digits(lexer *l) {
    while (is_digit(peek(l, 0))) {
        l->at++;
    }
}

// A point belongs to the number only before a digit, so that `lstm.0.f` is five tokens.
static void lex_number(lexer *l) {
    uint32_t begin = l->at;
    skip_digits(l);
    if (peek(l, 0) == '.' && is_digit(peek(l, 1))) {
        l->at++;
        skip_digits(l);
    }
    uint32_t sign = peek(l, 1) == '+' || peek(l, 1) == '-';
    if ((peek(l, 0) == 'e' || peek(l, 0) == 'E') && is_digit(peek(l, 1 + sign))) {
        l->at += 1 + sign;
        skip_digits(l);
    }
    char *digits = arena_strndup(l->memory, l->text + begin, l->at - begin);
    double number = number_parse(digits, NULL);
    push(l, TOKEN_NUMBER, begin)->number = number;
    if (isinf(number)) {
        diag_fail(l->d, RNNC_SYNTAX, span_from(l, begin), "a number beyond 1.8e308; infinity is written inf");
    }
    if (is_letter(peek(l, 0))) {
        diag_fail(l->d, RNNC_SYNTAX, span_from(l, begin),
                  "a number runs into a name; put a space between them");
    }
}

static void lex_text(lexer *l) {
    uint32_t begin = l->at++;
    while (l->at < l->length && peek(l, 0) != '"' && peek(l, 0) != '\n') {
        l->at++;
    }
    const char *text = arena_strndup(l->memory, l->text + begin + 1, l->at - begin - 1);
    if (peek(l, 0) == '"') {
        l->at++;
    } else {
        diag_fail(l->d, RNNC_SYNTAX, span_from(l, begin), "a text is not closed: expected '\"' on this line");
    }
    push(l, TOKEN_TEXT, begin)->text = text;
}

static void lex_newline(lexer *l) {
    uint32_t begin = l->at++;
    if (l->brackets == 0) {
        push(l, TOKEN_NEWLINE, begin);
    }
}

static void count_brackets(lexer *l, token_kind kind) {
    if (kind == TOKEN_PAREN_OPEN || kind == TOKEN_SQUARE_OPEN) {
        l->brackets++;
    } else if ((kind == TOKEN_PAREN_CLOSE || kind == TOKEN_SQUARE_CLOSE) && l->brackets > 0) {
        l->brackets--;
    } else if (kind == TOKEN_BRACE_OPEN || kind == TOKEN_BRACE_CLOSE) {
        // A brace inside brackets is a mistake; the lines after it are statements again.
        l->brackets = 0;
    }
}

static void lex_punctuation(lexer *l) {
    uint32_t begin = l->at;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t length = strlen(marks[i].text);
        if (length <= l->length - l->at && memcmp(l->text + l->at, marks[i].text, length) == 0) {
            l->at += (uint32_t)length;
            push(l, marks[i].kind, begin);
            count_brackets(l, marks[i].kind);
            return;
        }
    }
    unsigned char c = (unsigned char)l->text[l->at++];
    while (l->at < l->length && ((unsigned char)l->text[l->at] & 0xC0) == 0x80) {
        l->at++;
    }
    if (c > 0x20 && c < 0x7F) {
        diag_fail(l->d, RNNC_SYNTAX, span_from(l, begin), "unexpected character '%c'", c);
    } else {
        diag_fail(l->d, RNNC_SYNTAX, span_from(l, begin), "unexpected character (byte 0x%02X)", c);
    }
}

static void lex_one(lexer *l) {
    char c = peek(l, 0);
    if (c == ' ' || c == '\t' || c == '\r') {
        l->at++;
    } else if (c == '\n') {
        lex_newline(l);
    } else if (c == '#') {
        while (l->at < l->length && peek(l, 0) != '\n') {
            l->at++;
        }
    } else if (is_letter(c)) {
        lex_name(l);
    } else if (is_digit(c)) {
        lex_number(l);
    } else if (c == '"') {
        lex_text(l);
    } else {
        lex_punctuation(l);
    }
}

const token *lex_file(diag_sink *d, uint32_t file, arena *memory) {
    const source_file *source = &d->files.at[file];
    lexer l = {.d = d, .memory = memory, .file = file, .text = source->text, .length = source->length};
    while (l.at < l.length) {
        lex_one(&l);
    }
    push(&l, TOKEN_NEWLINE, l.at);
    push(&l, TOKEN_END, l.at);
    return l.tokens.at;
}
