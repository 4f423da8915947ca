#include "support/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/number.h"

static bool reserve(strbuf *s, size_t extra) {
    if (s->failed) {
        return false;
    }
    size_t needed = s->length + extra + 1;
    if (needed <= s->capacity) {
        return true;
    }
    size_t capacity = s->capacity ? s->capacity * 2 : 256;
    if (capacity < needed) {
        capacity = needed;
    }
    char *text = realloc(s->text, capacity);
    if (!text) {
        s->failed = true;
        return false;
    }
    s->text = text;
    s->capacity = capacity;
    return true;
}

void strbuf_add_bytes(strbuf *s, const void *bytes, size_t length) {
    if (reserve(s, length)) {
        memcpy(s->text + s->length, bytes, length);
        s->length += length;
        s->text[s->length] = 0;
    }
}

void strbuf_add(strbuf *s, const char *text) {
    strbuf_add_bytes(s, text, strlen(text));
}

void strbuf_vaddf(strbuf *s, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = number_vprint(NULL, 0, format, args);
    if (length >= 0 && reserve(s, (size_t)length)) {
        number_vprint(s->text + s->length, (size_t)length + 1, format, again);
        s->length += (size_t)length;
    }
    va_end(again);
}

void strbuf_addf(strbuf *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    strbuf_vaddf(s, format, args);
    va_end(args);
}

const char *strbuf_text(const strbuf *s) {
    return s->text ? s->text : "";
}

void strbuf_deinit(strbuf *s) {
    free(s->text);
    *s = (strbuf){0};
}
