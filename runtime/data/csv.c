#include "runtime/data/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/data/store.h"
#include "support/number.h"

enum { LONGEST_NUMBER = 400, NAMES_LISTED = 20, TEXT_SHOWN = 40, NOT_WANTED = -1 };

// A place in the text. |line| is that of the field about to be read.
typedef struct reader {
    const char *name;
    const char *text;
    size_t size, at;
    size_t line;
    char separator;
} reader;

// One field, without its quotes. |text| is reused from field to field.
typedef struct field {
    strbuf text;
    size_t line;
    bool last; // of its line
} field;

typedef struct column {
    char *name;
    int32_t place; // in the result, or NOT_WANTED
} column;

typedef struct table {
    column *header;
    uint32_t width, header_capacity; // columns in |header|, and room for them
    size_t wanted;                   // columns of the result
    double *values;                  // rows of |wanted|
    size_t rows, capacity;
    const csv_request *request;
    word_text *words; // NULL: the fields are numbers
    bool unknown;     // of words: missing ones are <unk>
} table;

static bool at_line_end(const reader *r) {
    if (r->at >= r->size || r->text[r->at] == '\n') {
        return true;
    }
    return r->text[r->at] == '\r' && (r->at + 1 == r->size || r->text[r->at + 1] == '\n');
}

static void skip_line_end(reader *r) {
    if (r->at < r->size && r->text[r->at] == '\r') {
        r->at++;
    }
    if (r->at < r->size) {
        r->at++;
    }
    r->line++;
}

// The rest of a quoted field after its first quote.
static rnnc_status read_quoted(reader *r, field *f, diag_sink *d) {
    while (r->at < r->size) {
        const char *begin = r->text + r->at;
        const char *quote = memchr(begin, '"', r->size - r->at);
        if (!quote) {
            break;
        }
        for (const char *c = begin; c < quote; c++) {
            r->line += *c == '\n';
        }
        strbuf_add_bytes(&f->text, begin, (size_t)(quote - begin));
        r->at += (size_t)(quote - begin) + 1;
        if (r->at == r->size || r->text[r->at] != '"') {
            return RNNC_OK;
        }
        strbuf_add(&f->text, "\"");
        r->at++;
    }
    return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: line %zu: a quote is opened and never closed", r->name,
                     f->line);
}

static rnnc_status read_field(reader *r, field *f, diag_sink *d) {
    f->text.length = 0;
    f->line = r->line;
    if (r->at < r->size && r->text[r->at] == '"') {
        r->at++;
        TRY(read_quoted(r, f, d));
        if (!at_line_end(r) && r->text[r->at] != r->separator) {
            return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: line %zu: text follows a closing quote", r->name,
                             r->line);
        }
    } else {
        size_t begin = r->at;
        while (!at_line_end(r) && r->text[r->at] != r->separator) {
            r->at++;
        }
        strbuf_add_bytes(&f->text, r->text + begin, r->at - begin);
    }
    f->last = at_line_end(r);
    if (f->last) {
        skip_line_end(r);
    } else {
        r->at++;
    }
    if (f->text.failed) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: line %zu: not enough memory for a field",
                         r->name, f->line);
    }
    return RNNC_OK;
}

// |text| without spaces and tabs at both ends.
static const char *trim(const strbuf *text, size_t *out_length) {
    const char *begin = strbuf_text(text), *end = begin + text->length;
    while (begin < end && (*begin == ' ' || *begin == '\t')) {
        begin++;
    }
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    *out_length = (size_t)(end - begin);
    return begin;
}

static rnnc_status add_column(const reader *r, table *t, const char *name, size_t length, diag_sink *d) {
    const uint32_t most = INT32_MAX / 2;
    if (t->width == most) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "%s: more than %u columns", r->name, most);
    }
    if (t->width == t->header_capacity) {
        uint32_t capacity = t->header_capacity ? t->header_capacity * 2 : 16;
        column *header = realloc(t->header, capacity * sizeof *header);
        if (!header) {
            return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for the header", r->name);
        }
        t->header = header;
        t->header_capacity = capacity;
    }
    char *copy = strndup(name, length);
    if (!copy) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for the header", r->name);
    }
    t->header[t->width++] = (column){.name = copy, .place = NOT_WANTED};
    return RNNC_OK;
}

static rnnc_status read_header(reader *r, table *t, field *f, diag_sink *d) {
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    if (r->size >= 3 && memcmp(r->text, byte_order_mark, 3) == 0) {
        r->at = 3;
    }
    if (r->at == r->size) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: empty; expected a line with the names of the columns",
                         r->name);
    }
    do {
        TRY(read_field(r, f, d));
        size_t length;
        const char *name = trim(&f->text, &length);
        TRY(add_column(r, t, name, length, d));
    } while (!f->last);
    return RNNC_OK;
}

// The name nearest to |name|; without the memory to look for it there is none.
static const char *nearest_column(const table *t, const char *name) {
    const char **names = (const char **)calloc(t->width, sizeof *names);
    for (uint32_t i = 0; names && i < t->width; i++) {
        names[i] = t->header[i].name;
    }
    const char *nearest = names ? nearest_name(name, names, t->width) : NULL;
    free((void *)names);
    return nearest;
}

static rnnc_status refuse_name(const reader *r, const table *t, const char *name, diag_sink *d) {
    strbuf list = {0};
    for (uint32_t i = 0; i < t->width && i < NAMES_LISTED; i++) {
        strbuf_addf(&list, "%s%s", i ? ", " : "", t->header[i].name);
    }
    if (t->width > NAMES_LISTED) {
        strbuf_addf(&list, " and %u more", t->width - NAMES_LISTED);
    }
    const char *nearest = nearest_column(t, name);
    diag_error(d, NO_SPAN, "%s: no column %s%s%s%s; the columns are %s", r->name, name,
               nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "",
               strbuf_text(&list));
    strbuf_deinit(&list);
    return RNNC_TYPE;
}

// Finds the one column called |name| and gives it |place| in the result.
static rnnc_status place_column(const reader *r, table *t, const char *name, int32_t place, diag_sink *d) {
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < t->width; i++) {
        if (strcmp(t->header[i].name, name) != 0) {
            continue;
        }
        if (found != UINT32_MAX) {
            return diag_error(d, NO_SPAN, "%s: columns %u and %u are both called %s", r->name, found + 1,
                              i + 1, name);
        }
        found = i;
    }
    if (found == UINT32_MAX) {
        return refuse_name(r, t, name, d);
    }
    if (t->header[found].place != NOT_WANTED) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s: column %s is asked for twice", r->name,
                         name);
    }
    t->header[found].place = place;
    return RNNC_OK;
}

static rnnc_status choose_columns(const reader *r, table *t, const csv_request *request, diag_sink *d) {
    t->wanted = request->count ? request->count : t->width;
    for (uint32_t i = 0; i < t->width && request->count == 0; i++) {
        t->header[i].place = (int32_t)i;
    }
    for (size_t i = 0; i < request->count; i++) {
        TRY(place_column(r, t, request->columns[i], (int32_t)i, d));
    }
    return RNNC_OK;
}

static size_t skip_digits(const char *text, size_t at) {
    while (text[at] >= '0' && text[at] <= '9') {
        at++;
    }
    return at;
}

// Decimal numbers only: strtod alone would also take hexadecimal ones, "inf", "nan" and leading line ends.
static bool is_decimal(const char *text) {
    size_t at = text[0] == '-' || text[0] == '+';
    size_t whole = skip_digits(text, at);
    size_t fraction = text[whole] == '.' ? skip_digits(text, whole + 1) : whole;
    size_t digits = fraction - at - (text[whole] == '.');
    if (digits == 0 || (text[fraction] != 'e' && text[fraction] != 'E')) {
        return digits > 0 && text[fraction] == '\0';
    }
    size_t exponent = fraction + 1;
    exponent += text[exponent] == '-' || text[exponent] == '+';
    size_t end = skip_digits(text, exponent);
    return end > exponent && text[end] == '\0';
}

static bool parse_number(const char *text, size_t length, double *out_value) {
    char copy[LONGEST_NUMBER + 1];
    if (length == 0 || length > LONGEST_NUMBER) {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    char *end = NULL;
    *out_value = is_decimal(copy) ? number_parse(copy, &end) : 0;
    return end == copy + length && isfinite(*out_value);
}

static bool is_missing(const char *text, size_t length) {
    static const char *const names[] = {"na", "n/a", "nan", "null"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == length && strncasecmp(text, names[i], length) == 0) {
            return true;
        }
    }
    return length == 0;
}

static rnnc_status refuse_field(const reader *r, const char *name, const field *f, diag_sink *d) {
    size_t length;
    const char *text = trim(&f->text, &length);
    if (is_missing(text, length)) {
        return diag_fail(
            d, RNNC_CORRUPT, NO_SPAN,
            "%s: line %zu, column %s: the value is missing%s%.*s%s; a recipe may fill it: missing = "
            "fill(0), or previous(0)",
            r->name, f->line, name, length ? " (" : "", (int)length, text, length ? ")" : "");
    }
    strbuf shown = {0};
    for (size_t i = 0; i < length && i < TEXT_SHOWN; i++) {
        strbuf_addf(&shown, "%c", (unsigned char)text[i] < ' ' ? ' ' : text[i]);
    }
    diag_error(d, NO_SPAN, "%s: line %zu, column %s: expected a finite number, found \"%s%s\"", r->name,
               f->line, name, strbuf_text(&shown), length > TEXT_SHOWN ? "…" : "");
    strbuf_deinit(&shown);
    return RNNC_CORRUPT;
}

static rnnc_status add_row(const reader *r, table *t, diag_sink *d) {
    if (t->rows < t->capacity) {
        t->rows++;
        return RNNC_OK;
    }
    size_t capacity = t->capacity ? t->capacity * 2 : 256, items, bytes;
    bool overflow = __builtin_mul_overflow(capacity, t->wanted, &items) ||
                    __builtin_mul_overflow(items, sizeof *t->values, &bytes);
    double *values = overflow ? NULL : store_resize(t->values, bytes);
    if (!values) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for %zu rows", r->name,
                         capacity);
    }
    t->values = values;
    t->capacity = capacity;
    t->rows++;
    return RNNC_OK;
}

static rnnc_status refuse_width(const reader *r, const table *t, size_t line, uint32_t found, diag_sink *d) {
    return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: line %zu has %s%u fields; expected %u, as in the header",
                     r->name, line, found > t->width ? "more than " : "", found > t->width ? t->width : found,
                     t->width);
}

static rnnc_status take_word(const reader *r, table *t, uint32_t at, const field *f, diag_sink *d) {
    size_t length;
    const char *text = trim(&f->text, &length);
    bool missing = is_missing(text, length);
    if (missing && !t->unknown) {
        return diag_fail(
            d, RNNC_CORRUPT, NO_SPAN,
            "%s: line %zu, column %s: the value is missing; a recipe may take it for %s: unknown = true",
            r->name, f->line, t->header[at].name, WORD_UNKNOWN);
    }
    if (memchr(text, '\0', length) || memchr(text, '\n', length)) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: line %zu, column %s: expected a word on one line",
                         r->name, f->line, t->header[at].name);
    }
    text = missing ? WORD_UNKNOWN : text;
    TRY(word_text_push(t->words, r->name, text, missing ? strlen(WORD_UNKNOWN) : length, d));
    return word_text_end_line(t->words, r->name, f->line, d);
}

static bool take_number(const table *t, const char *text, size_t length, double *at) {
    const csv_request *request = t->request;
    bool missing = is_missing(text, length);
    if (request->missing == CSV_MISSING_MARK) {
        *at = missing ? 0 : 1;
        return true;
    }
    if (!missing || request->missing == CSV_MISSING_IS_ERROR) {
        return parse_number(text, length, at);
    }
    bool previous = request->missing == CSV_MISSING_PREVIOUS && t->rows > 1;
    *at = previous ? *(at - t->wanted) : request->fill;
    return true;
}

static rnnc_status take_field(const reader *r, table *t, uint32_t at, const field *f, diag_sink *d) {
    if (t->words) {
        return take_word(r, t, at, f, d);
    }
    size_t length;
    const char *text = trim(&f->text, &length);
    double *to = t->values + (t->rows - 1) * t->wanted + t->header[at].place;
    return take_number(t, text, length, to) ? RNNC_OK : refuse_field(r, t->header[at].name, f, d);
}

// Takes field number |at| of the line |line|. In a line that lacks a separator it may be a later column: the width is
// checked before the value.
static rnnc_status read_place(const reader *r, table *t, uint32_t at, const field *f, size_t line,
                              diag_sink *d) {
    if (at == t->width || (f->last && at + 1 < t->width)) {
        return refuse_width(r, t, line, at + 1, d);
    }
    return t->header[at].place == NOT_WANTED ? RNNC_OK : take_field(r, t, at, f, d);
}

static rnnc_status read_row(reader *r, table *t, field *f, diag_sink *d) {
    TRY(add_row(r, t, d));
    size_t line = r->line;
    uint32_t at = 0;
    do {
        TRY(read_field(r, f, d));
        TRY(read_place(r, t, at, f, line, d));
        at++;
    } while (!f->last);
    return RNNC_OK;
}

static bool only_blank_lines_left(const reader *r) {
    for (size_t i = r->at; i < r->size; i++) {
        if (r->text[i] != '\n' && r->text[i] != '\r') {
            return false;
        }
    }
    return true;
}

static rnnc_status read_table(reader *r, table *t, field *f, const csv_request *request, diag_sink *d) {
    TRY(read_header(r, t, f, d));
    TRY(choose_columns(r, t, request, d));
    while (!only_blank_lines_left(r)) {
        TRY(read_row(r, t, f, d));
    }
    if (t->rows == 0) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: no rows after the header", r->name);
    }
    return RNNC_OK;
}

static void free_table(table *t) {
    for (uint32_t i = 0; i < t->width; i++) {
        free(t->header[i].name);
    }
    free(t->header);
    store_free(t->values);
}

// Hands the values over without a copy.
static void make_array(table *t, array *out_array) {
    *out_array = (array){.kind = ARRAY_F64, .rank = 2, .dim = {(int64_t)t->rows, (int64_t)t->wanted}};
    double *fitted = store_resize(t->values, t->rows * t->wanted * sizeof *t->values);
    out_array->data = fitted ? fitted : t->values;
    t->values = NULL;
}

// Fills |t|, whose request is set.
static rnnc_status parse(file_view view, table *t, diag_sink *d) {
    reader r = {
        .name = view.name,
        .text = (const char *)view.bytes,
        .size = view.size,
        .line = 1,
        .separator = t->request->separator ? t->request->separator : ',',
    };
    field f = {0};
    rnnc_status status = read_table(&r, t, &f, t->request, d);
    strbuf_deinit(&f.text);
    return status;
}

rnnc_status csv_parse(file_view view, const csv_request *request, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    table t = {.request = request};
    rnnc_status status = parse(view, &t, d);
    if (status == RNNC_OK) {
        make_array(&t, out_array);
    }
    free_table(&t);
    return status;
}

rnnc_status csv_parse_category(file_view view, const char *name, bool unknown, diag_sink *d,
                               word_text *out_words) {
    csv_request request = {.columns = &name, .count = 1};
    table t = {.request = &request, .words = out_words, .unknown = unknown};
    rnnc_status status = parse(view, &t, d);
    free_table(&t);
    return status;
}

rnnc_status csv_read(const char *path, const csv_request *request, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    file_contents file;
    TRY(file_contents_open(path, d, &file));
    rnnc_status status = csv_parse(file.view, request, d, out_array);
    file_contents_close(&file);
    return status;
}
