#include "runtime/data/npy.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/data/atomic_file.h"

static const char magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

// The file begins with the magic, two version bytes, and the header's length in 2 or 4 bytes.
enum { VERSION_AT = 6, LENGTH_AT = 8, DATA_ALIGNMENT = 64, LONGEST_DESCR = 15, LARGEST_HEADER = 1 << 20 };

typedef struct npy_header {
    bool has_descr, has_order, has_shape;
    char descr[LONGEST_DESCR + 1];
    bool fortran_order;
    int rank;
    int64_t dim[ARRAY_MAX_RANK];
} npy_header;

// The header is a Python dictionary literal. The first thing that goes wrong is kept in |expected|.
typedef struct cursor {
    const char *name;
    const char *text;
    size_t size, at;
    const char *expected;
} cursor;

static bool fail(cursor *c, const char *expected) {
    if (!c->expected) {
        c->expected = expected;
    }
    return false;
}

static char peek(cursor *c) {
    return c->at < c->size ? c->text[c->at] : '\0';
}

static void skip_spaces(cursor *c) {
    while (peek(c) == ' ' || peek(c) == '\n' || peek(c) == '\t') {
        c->at++;
    }
}

static bool accept(cursor *c, char wanted) {
    skip_spaces(c);
    bool found = peek(c) == wanted && c->at < c->size;
    c->at += found;
    return found;
}

static bool accept_word(cursor *c, const char *word) {
    size_t length = strlen(word);
    skip_spaces(c);
    if (c->size - c->at < length || memcmp(c->text + c->at, word, length) != 0) {
        return false;
    }
    c->at += length;
    return true;
}

// A quoted string without escapes, into |out| of LONGEST_DESCR + 1 bytes.
static bool read_string(cursor *c, char *out) {
    skip_spaces(c);
    char quote = peek(c);
    if (quote != '\'' && quote != '"') {
        return fail(c, quote == '[' ? "a simple element type (structured arrays are not supported)"
                                    : "a string");
    }
    c->at++;
    for (size_t length = 0; length <= LONGEST_DESCR; length++) {
        char next = peek(c);
        if (next == quote) {
            c->at++;
            out[length] = '\0';
            return true;
        }
        if (next < ' ' || next > '~' || next == '\\' || length == LONGEST_DESCR) {
            break;
        }
        out[length] = next;
        c->at++;
    }
    return fail(c, "a short string");
}

static bool read_dimension(cursor *c, int64_t *out_value) {
    skip_spaces(c);
    if (peek(c) < '0' || peek(c) > '9') {
        return fail(c, "a dimension");
    }
    int64_t value = 0;
    for (; peek(c) >= '0' && peek(c) <= '9'; c->at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, peek(c) - '0', &value)) {
            return fail(c, "a dimension below 2^63");
        }
    }
    *out_value = value;
    return true;
}

// A tuple of integers: (), (3,), (3, 4).
static bool read_shape(cursor *c, npy_header *h) {
    if (!accept(c, '(')) {
        return fail(c, "the shape, a tuple");
    }
    bool comma = true;
    while (!accept(c, ')')) {
        if (!comma) {
            return fail(c, "',' or ')'");
        }
        if (h->rank == ARRAY_MAX_RANK) {
            return fail(c, "at most 8 dimensions");
        }
        if (!read_dimension(c, &h->dim[h->rank])) {
            return false;
        }
        h->rank++;
        comma = accept(c, ',');
    }
    return !(h->rank == 1 && !comma) || fail(c, "',' in a shape of one dimension");
}

static bool read_order(cursor *c, npy_header *h) {
    h->fortran_order = accept_word(c, "True");
    return h->fortran_order || accept_word(c, "False") || fail(c, "True or False");
}

static bool once(cursor *c, bool *seen) {
    bool first = !*seen;
    *seen = true;
    return first || fail(c, "no key twice");
}

static bool read_item(cursor *c, npy_header *h) {
    char key[LONGEST_DESCR + 1];
    if (!read_string(c, key)) {
        return false;
    }
    if (!accept(c, ':')) {
        return fail(c, "':'");
    }
    if (strcmp(key, "descr") == 0) {
        return once(c, &h->has_descr) && read_string(c, h->descr);
    }
    if (strcmp(key, "fortran_order") == 0) {
        return once(c, &h->has_order) && read_order(c, h);
    }
    if (strcmp(key, "shape") == 0) {
        return once(c, &h->has_shape) && read_shape(c, h);
    }
    return fail(c, "only the keys descr, fortran_order and shape");
}

static bool read_dictionary(cursor *c, npy_header *h) {
    if (!accept(c, '{')) {
        return fail(c, "'{'");
    }
    bool comma = true;
    while (!accept(c, '}')) {
        if (!comma) {
            return fail(c, "',' or '}'");
        }
        if (!read_item(c, h)) {
            return false;
        }
        comma = accept(c, ',');
    }
    skip_spaces(c);
    if (c->at != c->size) {
        return fail(c, "nothing after '}'");
    }
    return (h->has_descr && h->has_order && h->has_shape) ||
           fail(c, "the keys descr, fortran_order and shape");
}

static rnnc_status refuse_header(const cursor *c, size_t header_at, diag_sink *d) {
    size_t left = c->size - c->at;
    if (left == 0) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s: malformed .npy header at byte %zu: expected %s, found its end", c->name,
                         header_at + c->at, c->expected);
    }
    unsigned char found = (unsigned char)c->text[c->at];
    bool printable = found >= ' ' && found <= '~';
    return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                     printable ? "%s: malformed .npy header at byte %zu: expected %s, found '%c'"
                               : "%s: malformed .npy header at byte %zu: expected %s, found byte %d",
                     c->name, header_at + c->at, c->expected, found);
}

typedef struct descr_row {
    const char *code; // without the byte order
    array_kind kind;
} descr_row;

static const descr_row descr_rows[] = {
    {"f2", ARRAY_F16}, {"f4", ARRAY_F32}, {"f8", ARRAY_F64}, {"i4", ARRAY_I32},
    {"i8", ARRAY_I64}, {"u1", ARRAY_U8},  {"u2", ARRAY_U16}, {"b1", ARRAY_BOOL},
};

static rnnc_status read_kind(const char *name, const char *descr, diag_sink *d, array_kind *out_kind) {
    if (descr[0] == '>') {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                         "%s: element type '%s' is big endian; expected little endian ('<%s')", name, descr,
                         descr + 1);
    }
    for (size_t i = 0; i < sizeof descr_rows / sizeof *descr_rows; i++) {
        bool one_byte = descr_rows[i].code[1] == '1';
        bool order_fits = descr[0] == '<' || (one_byte && descr[0] == '|');
        if (order_fits && strcmp(descr + 1, descr_rows[i].code) == 0) {
            *out_kind = descr_rows[i].kind;
            return RNNC_OK;
        }
    }
    return diag_fail(
        d, RNNC_UNSUPPORTED, NO_SPAN,
        "%s: element type '%s' is not supported; expected one of <f2, <f4, <f8, <i4, <i8, |u1, <u2, |b1",
        name, descr);
}

static uint32_t little_endian(const uint8_t *at, int bytes) {
    uint32_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
        value = value << 8 | at[i];
    }
    return value;
}

// Finds the header's text: [*out_at, *out_at + *out_length).
static rnnc_status locate_header(file_view view, diag_sink *d, size_t *out_at, size_t *out_length) {
    if (view.size < sizeof magic || memcmp(view.bytes, magic, sizeof magic) != 0) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: not a .npy file: it does not begin with \\x93NUMPY",
                         view.name);
    }
    int major = view.size > VERSION_AT ? view.bytes[VERSION_AT] : 0;
    int minor = view.size > VERSION_AT + 1 ? view.bytes[VERSION_AT + 1] : 0;
    int length_bytes = major == 1 ? 2 : 4;
    size_t at = LENGTH_AT + (size_t)length_bytes;
    if (view.size < at) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: truncated: %zu bytes are too few for a .npy file",
                         view.name, view.size);
    }
    if (major < 1 || major > 3 || minor != 0) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "%s: .npy version %d.%d; expected 1.0, 2.0 or 3.0",
                         view.name, major, minor);
    }
    uint32_t length = little_endian(view.bytes + LENGTH_AT, length_bytes);
    if (length > LARGEST_HEADER) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s: a .npy header of %" PRIu32 " bytes; expected at most %d", view.name, length,
                         LARGEST_HEADER);
    }
    if (length > view.size - at) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                         "%s: truncated: the header has %" PRIu32 " bytes, the file only %zu more", view.name,
                         length, view.size - at);
    }
    *out_at = at;
    *out_length = length;
    return RNNC_OK;
}

// Elements in Fortran order at |from| to C order in |out|: the last index of |out| runs fastest.
static void transpose(const uint8_t *from, array *out) {
    size_t item = array_kind_bytes(out->kind);
    int64_t count = array_count(out), index[ARRAY_MAX_RANK] = {0}, stride[ARRAY_MAX_RANK];
    int64_t step = 1;
    for (int i = 0; i < out->rank; i++) {
        stride[i] = step;
        step *= out->dim[i];
    }
    int64_t source = 0;
    for (int64_t i = 0; i < count; i++) {
        memcpy((uint8_t *)out->data + (size_t)i * item, from + (size_t)source * item, item);
        for (int axis = out->rank - 1; axis >= 0; axis--) {
            source += stride[axis];
            if (++index[axis] < out->dim[axis]) {
                break;
            }
            source -= stride[axis] * out->dim[axis];
            index[axis] = 0;
        }
    }
}

static rnnc_status check_booleans(const char *name, const array *a, diag_sink *d) {
    int64_t count = a->kind == ARRAY_BOOL ? array_count(a) : 0;
    for (int64_t i = 0; i < count; i++) {
        uint8_t value = ((const uint8_t *)a->data)[i];
        if (value > 1) {
            return diag_fail(d, RNNC_CORRUPT, NO_SPAN,
                             "%s: element %" PRId64 " of booleans is %d; expected 0 or 1", name, i, value);
        }
    }
    return RNNC_OK;
}

static rnnc_status refuse_size(file_view view, const npy_header *h, array_kind kind, size_t found,
                               diag_sink *d) {
    strbuf shape = {0};
    shape_describe(kind, h->rank, h->dim, &shape);
    int64_t count = 0;
    bool possible = shape_count(h->dim, h->rank, array_kind_bytes(kind), &count);
    if (possible) {
        size_t expected = (size_t)count * array_kind_bytes(kind);
        diag_error(d, NO_SPAN, "%s: %s: %s has %zu bytes of data, the file has %zu", view.name,
                   found < expected ? "truncated" : "too long", strbuf_text(&shape), expected, found);
    } else {
        diag_error(d, NO_SPAN, "%s: the shape %s is not possible or too large", view.name,
                   strbuf_text(&shape));
    }
    strbuf_deinit(&shape);
    return RNNC_CORRUPT;
}

// The elements where they are, in |out_array| without a copy.
static void borrow(file_view view, const npy_header *h, array_kind kind, size_t at, array *out_array) {
    *out_array = (array){.kind = kind, .rank = h->rank, .data = (void *)(view.bytes + at)};
    memcpy(out_array->dim, h->dim, sizeof h->dim);
}

static rnnc_status read_elements(file_view view, const npy_header *h, size_t at, bool may_borrow,
                                 diag_sink *d, array *out_array) {
    array_kind kind = ARRAY_F32;
    TRY(read_kind(view.name, h->descr, d, &kind));
    int64_t count = 0;
    size_t found = view.size - at;
    bool possible = shape_count(h->dim, h->rank, array_kind_bytes(kind), &count);
    if (!possible || (size_t)count * array_kind_bytes(kind) != found) {
        return refuse_size(view, h, kind, found, d);
    }
    if (may_borrow && !h->fortran_order && at % array_kind_bytes(kind) == 0 && kind != ARRAY_BOOL) {
        borrow(view, h, kind, at, out_array);
        return RNNC_OK;
    }
    TRY(array_create(kind, h->rank, h->dim, view.name, d, out_array));
    if (h->fortran_order) {
        transpose(view.bytes + at, out_array);
    } else if (found) {
        memcpy(out_array->data, view.bytes + at, found);
    }
    rnnc_status status = check_booleans(view.name, out_array, d);
    if (status != RNNC_OK) {
        array_deinit(out_array);
    }
    return status;
}

static rnnc_status parse(file_view view, bool may_borrow, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    size_t at = 0, length = 0;
    TRY(locate_header(view, d, &at, &length));
    cursor c = {.name = view.name, .text = (const char *)view.bytes + at, .size = length};
    npy_header header = {0};
    if (!read_dictionary(&c, &header)) {
        return refuse_header(&c, at, d);
    }
    return read_elements(view, &header, at + length, may_borrow, d, out_array);
}

rnnc_status npy_parse(file_view view, diag_sink *d, array *out_array) {
    return parse(view, false, d, out_array);
}

rnnc_status npy_map(const char *path, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    file_map map;
    TRY(gzfile_map(path, d, &map));
    if (!map.data) {
        return npy_read(path, d, out_array);
    }
    rnnc_status status = parse((file_view){path, map.data, map.size}, true, d, out_array);
    const uint8_t *data = out_array->data;
    if (status == RNNC_OK && data >= map.data && data <= map.data + map.size) {
        out_array->mapping = map.data;
        out_array->mapped = map.size;
    } else {
        file_unmap(&map);
    }
    return status;
}

rnnc_status npy_read(const char *path, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    file_bytes bytes;
    TRY(gzfile_read(path, 0, d, &bytes));
    rnnc_status status = npy_parse((file_view){path, bytes.data, bytes.size}, d, out_array);
    file_bytes_deinit(&bytes);
    return status;
}

static const char *descr_of(array_kind kind) {
    switch (kind) {
    case ARRAY_F32: return "<f4";
    case ARRAY_F64: return "<f8";
    case ARRAY_I32: return "<i4";
    case ARRAY_I64: return "<i8";
    case ARRAY_U8: return "|u1";
    default: return NULL;
    }
}

// Everything before the data, padded so that the data are aligned for any use.
static void add_header(const array *a, strbuf *out) {
    strbuf dictionary = {0};
    strbuf_addf(&dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr_of(a->kind));
    for (int i = 0; i < a->rank; i++) {
        strbuf_addf(&dictionary, "%s%" PRId64 "%s", i ? " " : "", a->dim[i],
                    i + 1 < a->rank || a->rank == 1 ? "," : "");
    }
    strbuf_add(&dictionary, "), }");
    size_t unpadded = LENGTH_AT + 2 + dictionary.length + 1;
    size_t padding = (DATA_ALIGNMENT - unpadded % DATA_ALIGNMENT) % DATA_ALIGNMENT;
    size_t length = dictionary.length + padding + 1;
    const unsigned char version_and_length[4] = {1, 0, (unsigned char)(length & 255),
                                                 (unsigned char)(length >> 8)};
    strbuf_add_bytes(out, magic, sizeof magic);
    strbuf_add_bytes(out, version_and_length, sizeof version_and_length);
    strbuf_addf(out, "%s%*s\n", strbuf_text(&dictionary), (int)padding, "");
    out->failed = out->failed || dictionary.failed;
    strbuf_deinit(&dictionary);
}

static rnnc_status write_parts(const char *path, const strbuf *header, const array *a, diag_sink *d) {
    atomic_file file;
    TRY(atomic_file_open(path, d, &file));
    TRY(atomic_file_add(&file, header->text, header->length, d));
    TRY(atomic_file_add(&file, a->data, array_bytes(a), d));
    return atomic_file_commit(&file, d);
}

rnnc_status npy_write(const char *path, const array *a, diag_sink *d) {
    if (!descr_of(a->kind)) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                         "%s: cannot write %s; expected f32, f64, i32, i64 or u8", path,
                         array_kind_name(a->kind));
    }
    strbuf header = {0};
    add_header(a, &header);
    rnnc_status status = header.failed ? diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN,
                                                   "%s: not enough memory for the header", path)
                                       : write_parts(path, &header, a, d);
    strbuf_deinit(&header);
    return status;
}
