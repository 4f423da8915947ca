#include "ir/text_lex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/number.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static char peek(const ir_lexer *l, uint32_t ahead) {
    return l->length - l->at > ahead ? l->text[l->at + ahead] : '\0';
}

static span span_from(const ir_lexer *l, uint32_t begin) {
    return (span){l->file, begin, l->at};
}

static ir_token make(ir_lexer *l, token_kind kind, uint32_t begin) {
    const char *text = arena_strndup(l->memory, l->text + begin, l->at - begin);
    return (ir_token){kind, span_from(l, begin), text};
}

// A sign inside a word belongs to it only as a number's exponent: 1e-05.
static bool is_exponent_sign(const ir_lexer *l, uint32_t begin) {
    char sign = peek(l, 0), before = l->text[l->at - 1];
    bool number = is_digit(l->text[begin]) || l->text[begin] == '-' || l->text[begin] == '.';
    return number && (sign == '-' || sign == '+') && (before == 'e' || before == 'E') && is_digit(peek(l, 1));
}

static ir_token scan_word(ir_lexer *l) {
    uint32_t begin = l->at++;
    while (l->at < l->length && (text_is_bare(peek(l, 0)) || is_exponent_sign(l, begin))) {
        l->at++;
    }
    return make(l, TOKEN_WORD, begin);
}

static ir_token scan_value(ir_lexer *l) {
    uint32_t begin = l->at++;
    while (is_digit(peek(l, 0))) {
        l->at++;
    }
    if (l->at == begin + 1) {
        diag_fail(l->d, RNNC_SYNTAX, span_from(l, begin), "expected a node's number after '%%'");
        return make(l, TOKEN_BROKEN, begin);
    }
    ir_token token = make(l, TOKEN_VALUE, begin);
    token.text++;
    return token;
}

static int hex_digit(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

// Reads what follows a backslash. Returns the byte it stands for, or -1.
static int scan_escape(ir_lexer *l) {
    char c = peek(l, 0);
    l->at += l->at < l->length;
    switch (c) {
    case '"':
    case '\\': return c;
    case 'n': return '\n';
    case 't': return '\t';
    case 'x': break;
    default: return -1;
    }
    int high = hex_digit(peek(l, 0)), low = high < 0 ? -1 : hex_digit(peek(l, 1));
    if (low < 0 || (high == 0 && low == 0)) {
        return -1;
    }
    l->at += 2;
    return high * 16 + low;
}

static ir_token broken_string(ir_lexer *l, span where, const char *message) {
    diag_fail(l->d, RNNC_SYNTAX, where, "%s", message);
    return make(l, TOKEN_BROKEN, where.begin);
}

static ir_token scan_string(ir_lexer *l) {
    uint32_t begin = l->at++, length = 0;
    char *text = NULL;
    // First measures, then writes: a text is never longer than its quoted form.
    const char *rest = l->text + l->at;
    const char *line_end = memchr(rest, '\n', l->length - l->at);
    text = arena_alloc(l->memory, (size_t)(line_end ? line_end - rest : l->length - l->at) + 1);
    while (peek(l, 0) != '"') {
        char c = peek(l, 0);
        if (c == '\0' || c == '\n') {
            return broken_string(l, span_from(l, begin), "a quoted text is not closed on its line");
        }
        uint32_t at = l->at++;
        int byte = c == '\\' ? scan_escape(l) : (unsigned char)c;
        if (byte < 0) {
            return broken_string(l, (span){l->file, at, l->at},
                                 "unknown escape; known are \\\" \\\\ \\n \\t \\xHH");
        }
        text[length++] = (char)byte;
    }
    l->at++;
    return (ir_token){TOKEN_STRING, span_from(l, begin), text};
}

static void skip_blanks(ir_lexer *l) {
    while (peek(l, 0) == ' ' || peek(l, 0) == '\t' || peek(l, 0) == '\r') {
        l->at++;
    }
    if (peek(l, 0) == '#') {
        while (l->at < l->length && peek(l, 0) != '\n') {
            l->at++;
        }
    }
}

static ir_token scan_mark(ir_lexer *l) {
    static const char marks[] = "=,:{}()<>[]@$";
    uint32_t begin = l->at++;
    char c = l->text[begin];
    if (c && strchr(marks, c)) {
        return make(l, TOKEN_MARK, begin);
    }
    if ((unsigned char)c > 0x20 && (unsigned char)c < 0x7f) {
        diag_fail(l->d, RNNC_SYNTAX, span_from(l, begin), "unexpected character '%c'", c);
    } else {
        diag_fail(l->d, RNNC_SYNTAX, span_from(l, begin), "unexpected byte 0x%02x", (unsigned char)c);
    }
    return make(l, TOKEN_BROKEN, begin);
}

static ir_token scan(ir_lexer *l) {
    skip_blanks(l);
    if (l->at >= l->length) {
        return (ir_token){TOKEN_END, span_from(l, l->at), ""};
    }
    char c = peek(l, 0);
    if (c == '\n') {
        uint32_t begin = l->at++;
        return (ir_token){TOKEN_LINE, (span){l->file, begin, begin}, ""};
    }
    if (text_is_bare(c) || (c == '-' && text_is_bare(peek(l, 1)))) {
        return scan_word(l);
    }
    return c == '"' ? scan_string(l) : c == '%' ? scan_value(l) : scan_mark(l);
}

void irlex_init_at(ir_lexer *l, diag_sink *d, uint32_t file, uint32_t at, arena *memory) {
    const source_file *source = &d->files.at[file];
    *l = (ir_lexer){.d = d, .memory = memory, .text = source->text, .length = source->length, .file = file};
    l->at = at;
    l->now = scan(l);
}

void irlex_init(ir_lexer *l, diag_sink *d, uint32_t file, arena *memory) {
    irlex_init_at(l, d, file, 0, memory);
}

void irlex_next(ir_lexer *l) {
    l->last_end = l->now.where.end;
    l->now = scan(l);
}

// Looks for the line's end itself, so that nothing behind an error is scanned and reported. A string holds no
// raw line end, and what a comment holds does not matter.
void irlex_skip_line(ir_lexer *l) {
    if (irlex_at_line_end(l)) {
        return;
    }
    while (l->at < l->length && peek(l, 0) != '\n') {
        l->at++;
    }
    irlex_next(l);
}

static const char *found_text(const ir_lexer *l) {
    switch (l->now.kind) {
    case TOKEN_END: return "the end of the text";
    case TOKEN_LINE: return "the end of the line";
    case TOKEN_STRING: return "a quoted text";
    default: return NULL;
    }
}

enum { LONGEST_QUOTED = 40 };

rnnc_status irlex_unexpected(ir_lexer *l, const char *expected) {
    if (l->now.kind == TOKEN_BROKEN) {
        return RNNC_SYNTAX;
    }
    const char *found = found_text(l);
    if (found) {
        return diag_fail(l->d, RNNC_SYNTAX, l->now.where, "expected %s, found %s", expected, found);
    }
    return diag_fail(l->d, RNNC_SYNTAX, l->now.where, "expected %s, found '%s%.*s'", expected,
                     l->now.kind == TOKEN_VALUE ? "%" : "", LONGEST_QUOTED, l->now.text);
}

bool irlex_is(const ir_lexer *l, char mark) {
    return l->now.kind == TOKEN_MARK && l->now.text[0] == mark;
}

bool irlex_is_word(const ir_lexer *l, const char *word) {
    return l->now.kind == TOKEN_WORD && strcmp(l->now.text, word) == 0;
}

bool irlex_at_line_end(const ir_lexer *l) {
    return l->now.kind == TOKEN_LINE || l->now.kind == TOKEN_END;
}

bool irlex_accept(ir_lexer *l, char mark) {
    if (!irlex_is(l, mark)) {
        return false;
    }
    irlex_next(l);
    return true;
}

rnnc_status irlex_expect(ir_lexer *l, char mark) {
    char expected[] = {'\'', mark, '\'', '\0'};
    return irlex_accept(l, mark) ? RNNC_OK : irlex_unexpected(l, expected);
}

rnnc_status irlex_name(ir_lexer *l, const char *what, const char **out_name) {
    bool quoted = l->now.kind == TOKEN_STRING && l->now.text[0];
    if (!quoted && l->now.kind != TOKEN_WORD) {
        return irlex_unexpected(l, what);
    }
    *out_name = l->now.text;
    irlex_next(l);
    return RNNC_OK;
}

rnnc_status irlex_string(ir_lexer *l, const char *what, const char **out_text) {
    if (l->now.kind != TOKEN_STRING) {
        return irlex_unexpected(l, what);
    }
    *out_text = l->now.text;
    irlex_next(l);
    return RNNC_OK;
}

rnnc_status irlex_value(ir_lexer *l, const char *what, uint32_t *out_id) {
    if (l->now.kind != TOKEN_VALUE) {
        return irlex_unexpected(l, what);
    }
    errno = 0;
    unsigned long long id = strtoull(l->now.text, NULL, 10);
    if (errno || id >= NO_NODE) {
        return diag_fail(l->d, RNNC_SYNTAX, l->now.where, "a node's number is at most %u", NO_NODE - 1);
    }
    *out_id = (uint32_t)id;
    irlex_next(l);
    return RNNC_OK;
}

rnnc_status irlex_int(ir_lexer *l, const char *what, int64_t least, int64_t most, int64_t *out_value) {
    char *end = NULL;
    errno = 0;
    long long value = l->now.kind == TOKEN_WORD ? strtoll(l->now.text, &end, 10) : 0;
    if (!end || *end) {
        return irlex_unexpected(l, what);
    }
    if (errno || value < least || value > most) {
        return diag_fail(l->d, RNNC_SYNTAX, l->now.where, "expected %s from %lld to %lld, found %.*s", what,
                         (long long)least, (long long)most, LONGEST_QUOTED, l->now.text);
    }
    *out_value = value;
    irlex_next(l);
    return RNNC_OK;
}

rnnc_status irlex_float(ir_lexer *l, const char *what, double *out_value) {
    char *end = NULL;
    errno = 0;
    double value = l->now.kind == TOKEN_WORD ? number_parse(l->now.text, &end) : 0;
    if (!end || *end || end == l->now.text) {
        return irlex_unexpected(l, what);
    }
    if (errno == ERANGE && (value > 1 || value < -1)) {
        return diag_fail(l->d, RNNC_SYNTAX, l->now.where, "%.*s is too large for a number", LONGEST_QUOTED,
                         l->now.text);
    }
    *out_value = value;
    irlex_next(l);
    return RNNC_OK;
}

static rnnc_status unknown_word(ir_lexer *l, const char *what, word_list words) {
    const char *nearest = nearest_name(l->now.text, words.words, words.count);
    if (nearest) {
        return diag_fail(l->d, RNNC_SYNTAX, l->now.where, "expected %s, found '%.*s'; did you mean '%s'?",
                         what, LONGEST_QUOTED, l->now.text, nearest);
    }
    return irlex_unexpected(l, what);
}

rnnc_status irlex_keyword(ir_lexer *l, const char *what, word_list words, uint32_t *out_number) {
    if (l->now.kind != TOKEN_WORD) {
        return irlex_unexpected(l, what);
    }
    for (uint32_t i = 0; i < words.count; i++) {
        if (strcmp(l->now.text, words.words[i]) == 0) {
            *out_number = i;
            irlex_next(l);
            return RNNC_OK;
        }
    }
    return unknown_word(l, what, words);
}

span irlex_since(const ir_lexer *l, span first) {
    return (span){l->file, first.begin, l->last_end > first.begin ? l->last_end : first.end};
}
