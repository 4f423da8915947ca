// Cutting of texts into words.
#include "runtime/data/words.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/data/store.h"

enum { FIRST_ROOM = 256, CONLLU_FIELDS = 10 };

// ---- The words of a text so far ----

void word_text_deinit(word_text *t) {
    word_list_deinit(&t->found);
    store_free(t->at);
    store_free(t->line);
    store_free(t->source_line);
    *t = (word_text){0};
}

static rnnc_status no_memory(const char *name, diag_sink *d) {
    return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for its words", name);
}

rnnc_status word_text_push(word_text *t, const char *name, const char *word, size_t length, diag_sink *d) {
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : FIRST_ROOM;
        uint32_t *at = room < SIZE_MAX / sizeof *at ? store_resize(t->at, room * sizeof *at) : NULL;
        if (!at) {
            return no_memory(name, d);
        }
        t->at = at;
        t->room = room;
    }
    if (!word_list_add(&t->found, word, length, &t->at[t->count])) {
        return no_memory(name, d);
    }
    t->count++;
    return RNNC_OK;
}

static bool grow_lines(word_text *t) {
    size_t room = t->line_room ? t->line_room * 2 : FIRST_ROOM;
    bool fits = room < SIZE_MAX / sizeof *t->line;
    size_t *line = fits ? store_resize(t->line, room * sizeof *line) : NULL;
    if (!line) {
        return false;
    }
    line[0] = 0;
    t->line = line;
    size_t *source = store_resize(t->source_line, room * sizeof *source);
    if (!source) {
        return false;
    }
    t->source_line = source;
    t->line_room = room;
    return true;
}

rnnc_status word_text_end_line(word_text *t, const char *name, size_t source_line, diag_sink *d) {
    if (t->lines + 2 > t->line_room && !grow_lines(t)) {
        return no_memory(name, d);
    }
    t->source_line[t->lines++] = source_line;
    t->line[t->lines] = t->count;
    return RNNC_OK;
}

// ---- Characters ----

static bool is_within(uint32_t code, const uint32_t (*ranges)[2], size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (code >= ranges[i][0] && code <= ranges[i][1]) {
            return true;
        }
    }
    return false;
}

#define IS_WITHIN(CODE, RANGES) is_within((CODE), (RANGES), sizeof(RANGES) / sizeof *(RANGES))

word_sort word_sort_of(uint32_t code) {
    static const uint32_t spaces[][2] = {{0, 0x20},        {0x7F, 0xA0},     {0x1680, 0x1680},
                                         {0x2000, 0x200B}, {0x2028, 0x2029}, {0x202F, 0x202F},
                                         {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
    // ASCII without '_', Latin-1, general punctuation, that of Chinese and Japanese, and full-width forms.
    static const uint32_t signs[][2] = {
        {'!', '/'},       {':', '@'},       {'[', '^'},       {'`', '`'},       {'{', '~'},
        {0xA1, 0xA9},     {0xAB, 0xB1},     {0xB4, 0xB4},     {0xB6, 0xB8},     {0xBB, 0xBB},
        {0xBF, 0xBF},     {0xD7, 0xD7},     {0xF7, 0xF7},     {0x2010, 0x2027}, {0x2030, 0x205E},
        {0x3001, 0x3003}, {0x3008, 0x3020}, {0x3030, 0x3030}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20},
        {0xFF3B, 0xFF3E}, {0xFF5B, 0xFF65}};
    if (code >= '0' && code <= '9') {
        return WORD_DIGIT;
    }
    return IS_WITHIN(code, spaces) ? WORD_SPACE : IS_WITHIN(code, signs) ? WORD_SIGN : WORD_LETTER;
}

// Capital letters lie before their small ones: by a fixed distance, or one by one.
uint32_t word_lower(uint32_t code) {
    static const uint32_t moved[][3] = {{'A', 'Z', 32},     {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},
                                        {0x388, 0x38A, 37}, {0x391, 0x3A1, 32}, {0x3A3, 0x3AB, 32},
                                        {0x400, 0x40F, 80}, {0x410, 0x42F, 32}, {0x386, 0x386, 38},
                                        {0x38C, 0x38C, 64}, {0x38E, 0x38F, 63}};
    static const uint32_t even[][2] = {{0x100, 0x12F}, {0x132, 0x137}, {0x14A, 0x177},   {0x460, 0x481},
                                       {0x48A, 0x4BF}, {0x4D0, 0x52F}, {0x1E00, 0x1E95}, {0x1EA0, 0x1EFF}};
    static const uint32_t odd[][2] = {{0x139, 0x148}, {0x179, 0x17E}, {0x4C1, 0x4CE}};
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        if (code >= moved[i][0] && code <= moved[i][1]) {
            return code + moved[i][2];
        }
    }
    if (code == 0x178) {
        return 0xFF;
    }
    bool capital = code % 2 ? IS_WITHIN(code, odd) : IS_WITHIN(code, even);
    return capital ? code + 1 : code;
}

// ---- One line ----

typedef struct cutter {
    word_text *t;
    file_view view;
    const word_rules *rules;
    diag_sink *d;
    strbuf word; // begun
    size_t at;   // byte of |view|
} cutter;

static rnnc_status decode(cutter *c, size_t at, uint32_t *out_code, size_t *out_length) {
    *out_length = text_decode_one(c->view.bytes + at, c->view.size - at, out_code);
    if (*out_length == 0) {
        return diag_fail(c->d, RNNC_CORRUPT, NO_SPAN, "%s: not UTF-8: unexpected byte 0x%02x at offset %zu",
                         c->view.name, c->view.bytes[at], at);
    }
    if (*out_code == 0) {
        return diag_fail(c->d, RNNC_CORRUPT, NO_SPAN, "%s: not a text: a zero byte at offset %zu",
                         c->view.name, at);
    }
    return RNNC_OK;
}

// Digits, with one point or comma between any two, after a sign or none.
static bool is_number(const char *word) {
    const char *c = word + (*word == '-' || *word == '+');
    bool digit = false;
    for (; *c; c++) {
        bool now = *c >= '0' && *c <= '9';
        if (!now && !((*c == '.' || *c == ',') && digit)) {
            return false;
        }
        digit = now;
    }
    return digit;
}

static rnnc_status push(cutter *c, const char *word, size_t length) {
    return word_text_push(c->t, c->view.name, word, length, c->d);
}

static rnnc_status end_word(cutter *c) {
    if (c->word.failed) {
        return no_memory(c->view.name, c->d);
    }
    if (c->word.length == 0) {
        return RNNC_OK;
    }
    bool number = c->rules->numbers && is_number(c->word.text);
    rnnc_status status =
        number ? push(c, WORD_NUMBER, strlen(WORD_NUMBER)) : push(c, c->word.text, c->word.length);
    c->word.length = 0;
    return status;
}

static bool is_apostrophe(uint32_t code) {
    return code == '\'' || code == 0x2019;
}

// Whether the sign |code| between |before| and the character at |next| belongs to a word.
static bool joins(const cutter *c, uint32_t code, word_sort before, size_t next, size_t end) {
    uint32_t after = 0;
    bool sure = next < end && text_decode_one(c->view.bytes + next, c->view.size - next, &after) > 0;
    word_sort then = sure ? word_sort_of(after) : WORD_SPACE;
    return (is_apostrophe(code) && before == WORD_LETTER && then == WORD_LETTER) ||
           ((code == '.' || code == ',') && before == WORD_DIGIT && then == WORD_DIGIT);
}

static rnnc_status add_character(cutter *c, uint32_t code, word_sort *before, size_t next, size_t end) {
    const word_rules *rules = c->rules;
    word_sort now = word_sort_of(code);
    bool sign = rules->punctuation && now == WORD_SIGN && !joins(c, code, *before, next, end);
    bool alone = rules->characters || sign;
    *before = now;
    if (alone || now == WORD_SPACE) {
        TRY(end_word(c));
    }
    if (now == WORD_SPACE && !rules->characters) {
        return RNNC_OK;
    }
    text_add_code(&c->word, rules->lower ? word_lower(code) : code);
    return alone ? end_word(c) : RNNC_OK;
}

// The words of the bytes [begin, end) of the view.
static rnnc_status cut(cutter *c, size_t begin, size_t end) {
    word_sort before = WORD_SPACE;
    for (size_t at = begin; at < end;) {
        uint32_t code;
        size_t length;
        TRY(decode(c, at, &code, &length));
        at += length;
        TRY(add_character(c, code, &before, at, end));
    }
    return end_word(c);
}

// ---- Lines ----

typedef struct line_reader {
    file_view view;
    size_t at;
    size_t number;     // of the line read, from 1
    size_t begin, end; // of its bytes, without the line's end
} line_reader;

static line_reader start_lines(file_view view) {
    bool mark = view.size >= 3 && memcmp(view.bytes, "\xEF\xBB\xBF", 3) == 0;
    return (line_reader){.view = view, .at = mark ? 3 : 0};
}

static bool next_line(line_reader *r) {
    if (r->at >= r->view.size) {
        return false;
    }
    const uint8_t *stop = memchr(r->view.bytes + r->at, '\n', r->view.size - r->at);
    r->begin = r->at;
    r->end = stop ? (size_t)(stop - r->view.bytes) : r->view.size;
    r->at = r->end + (stop != NULL);
    r->end -= r->end > r->begin && r->view.bytes[r->end - 1] == '\r';
    r->number++;
    return true;
}

static rnnc_status cut_line(cutter *c, const line_reader *r) {
    TRY(cut(c, r->begin, r->end));
    TRY(c->rules->line_ends ? push(c, WORD_LINE_END, strlen(WORD_LINE_END)) : RNNC_OK);
    return word_text_end_line(c->t, c->view.name, r->number, c->d);
}

static rnnc_status cut_lines(cutter *c) {
    line_reader r = start_lines(c->view);
    rnnc_status status = RNNC_OK;
    while (status == RNNC_OK && next_line(&r)) {
        status = cut_line(c, &r);
    }
    return status;
}

rnnc_status word_text_add(word_text *t, file_view view, const word_rules *rules, diag_sink *d) {
    cutter c = {.t = t, .view = view, .rules = rules, .d = d};
    rnnc_status status = cut_lines(&c);
    strbuf_deinit(&c.word);
    return status;
}

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

// One word, as it stands between spaces at its ends.
static rnnc_status push_whole(cutter *c, size_t begin, size_t end) {
    for (size_t at = begin; at < end;) {
        uint32_t code;
        size_t length;
        TRY(decode(c, at, &code, &length));
        at += length;
    }
    return push(c, (const char *)c->view.bytes + begin, end - begin);
}

rnnc_status word_text_add_labels(word_text *t, file_view view, diag_sink *d) {
    static const word_rules none = {0};
    cutter c = {.t = t, .view = view, .rules = &none, .d = d};
    line_reader r = start_lines(view);
    while (next_line(&r)) {
        size_t begin = r.begin, end = r.end;
        while (begin < end && is_blank(view.bytes[begin])) {
            begin++;
        }
        while (end > begin && is_blank(view.bytes[end - 1])) {
            end--;
        }
        if (begin == end) {
            return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: line %zu is empty; expected a label in each line",
                             view.name, r.number);
        }
        TRY(push_whole(&c, begin, end));
        TRY(word_text_end_line(t, view.name, r.number, d));
    }
    return RNNC_OK;
}

// ---- Columns ----

typedef struct fields {
    size_t count;      // of the line
    size_t begin, end; // of the wanted one
    size_t first_end;  // of the first
} fields;

static fields split(const line_reader *r, int64_t wanted) {
    fields f = {.count = 1, .begin = r->begin, .end = r->end, .first_end = r->end};
    size_t begin = r->begin;
    for (size_t at = r->begin; at <= r->end; at++) {
        if (at < r->end && r->view.bytes[at] != '\t') {
            continue;
        }
        f.first_end = f.count == 1 ? at : f.first_end;
        if ((int64_t)f.count == wanted) {
            f.begin = begin;
            f.end = at;
        }
        begin = at + 1;
        f.count += at < r->end;
    }
    return f;
}

static bool is_comment(const line_reader *r, const fields *f) {
    const uint8_t *at = r->view.bytes + r->begin;
    return at[0] == '#' && (f->count == 1 || at[1] == ' ');
}

// 3-4, 5.1: several words at once, or none.
static bool is_no_token(const line_reader *r, const fields *f) {
    bool parted = false;
    for (size_t at = r->begin; at < f->first_end; at++) {
        uint8_t byte = r->view.bytes[at];
        parted = parted || byte == '-' || byte == '.';
        if (!(byte >= '0' && byte <= '9') && byte != '-' && byte != '.') {
            return false;
        }
    }
    return f->count == CONLLU_FIELDS && parted;
}

static bool is_empty(const line_reader *r) {
    for (size_t at = r->begin; at < r->end; at++) {
        if (!is_blank(r->view.bytes[at])) {
            return false;
        }
    }
    return true;
}

static rnnc_status push_field(cutter *c, size_t begin, size_t end) {
    if (!c->rules->lower && !c->rules->numbers) {
        return push_whole(c, begin, end);
    }
    for (size_t at = begin; at < end;) {
        uint32_t code;
        size_t length;
        TRY(decode(c, at, &code, &length));
        at += length;
        text_add_code(&c->word, c->rules->lower ? word_lower(code) : code);
    }
    return end_word(c);
}

// The field of a line that is neither blank nor left out.
static rnnc_status take_field(cutter *c, const line_reader *r, int64_t column) {
    fields f = split(r, column);
    if (is_comment(r, &f) || is_no_token(r, &f)) {
        return RNNC_OK;
    }
    if ((int64_t)f.count < column || f.begin == f.end) {
        return diag_fail(c->d, RNNC_CORRUPT, NO_SPAN,
                         "%s: line %zu has %zu fields parted by tabs and nothing in field %lld", c->view.name,
                         r->number, f.count, (long long)column);
    }
    return push_field(c, f.begin, f.end);
}

// Ends the row that begins with word |*row| of the text, unless it is empty.
static rnnc_status end_row(cutter *c, size_t *row, size_t source_line) {
    bool empty = c->t->count == *row;
    *row = c->t->count;
    return empty ? RNNC_OK : word_text_end_line(c->t, c->view.name, source_line, c->d);
}

static rnnc_status cut_column(cutter *c, int64_t column) {
    line_reader r = start_lines(c->view);
    size_t row = c->t->count, first = 0; // where the row begins: its word, and the line of the file
    rnnc_status status = RNNC_OK;
    while (status == RNNC_OK && next_line(&r)) {
        bool begins = c->t->count == row;
        status = is_empty(&r) ? end_row(c, &row, first) : take_field(c, &r, column);
        first = begins ? r.number : first;
    }
    return status == RNNC_OK ? end_row(c, &row, first) : status;
}

rnnc_status word_text_add_column(word_text *t, file_view view, int64_t column, const word_rules *rules,
                                 diag_sink *d) {
    cutter c = {.t = t, .view = view, .rules = rules, .d = d};
    rnnc_status status = cut_column(&c, column);
    strbuf_deinit(&c.word);
    return status;
}
