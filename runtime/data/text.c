#include "runtime/data/text.h"

#include <stdlib.h>
#include <string.h>

enum { REPLACEMENT = 0xFFFD, LAST_CODE = 0x10FFFF, BYTE_ORDER_MARK = 0xFEFF };

void text_codes_deinit(text_codes *c) {
    free(c->at);
    *c = (text_codes){0};
}

static bool is_character(uint32_t code) {
    return code <= LAST_CODE && !(code >= 0xD800 && code <= 0xDFFF);
}

size_t text_decode_one(const uint8_t *bytes, size_t size, uint32_t *out_code) {
    uint8_t first = bytes[0];
    if (first < 0x80) {
        *out_code = first;
        return 1;
    }
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || length > size) {
        return 0;
    }
    uint32_t code = first & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (bytes[i] & 0x3Fu);
    }
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    *out_code = code;
    return code >= smallest[length] && is_character(code) ? length : 0;
}

rnnc_status text_next(file_view view, size_t *at, diag_sink *d, uint32_t *out_code) {
    size_t begin = *at;
    *out_code = TEXT_END;
    if (begin == view.size) {
        return RNNC_OK;
    }
    size_t length = text_decode_one(view.bytes + begin, view.size - begin, out_code);
    if (length == 0) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: not UTF-8: unexpected byte 0x%02x at offset %zu",
                         view.name, view.bytes[begin], begin);
    }
    *at = begin + length;
    bool is_mark = begin == 0 && *out_code == BYTE_ORDER_MARK;
    bool is_half = *out_code == '\r' && *at < view.size && view.bytes[*at] == '\n';
    return is_mark || is_half ? text_next(view, at, d, out_code) : RNNC_OK;
}

rnnc_status text_decode(file_view view, diag_sink *d, text_codes *out_codes) {
    *out_codes = (text_codes){0};
    // There are never more characters than bytes.
    uint32_t *codes = view.size < SIZE_MAX / sizeof *codes ? malloc((view.size + 1) * sizeof *codes) : NULL;
    if (!codes) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for %zu characters",
                         view.name, view.size);
    }
    size_t count = 0, at = 0;
    rnnc_status status = text_next(view, &at, d, &codes[count]);
    while (status == RNNC_OK && codes[count] != TEXT_END) {
        status = text_next(view, &at, d, &codes[++count]);
    }
    if (status != RNNC_OK) {
        free(codes);
        return status;
    }
    *out_codes = (text_codes){codes, count};
    return RNNC_OK;
}

void text_add_code(strbuf *out, uint32_t code) {
    uint32_t c = is_character(code) ? code : REPLACEMENT;
    char bytes[4];
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length; i-- > 1;) {
        bytes[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    bytes[0] = (char)(lead[length] | c);
    strbuf_add_bytes(out, bytes, length);
}
