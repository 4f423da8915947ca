// A growing text on the heap.
#ifndef RNNC_SUPPORT_STRBUF_H
#define RNNC_SUPPORT_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct strbuf {
    char *text;    // zero-terminated; NULL while empty
    size_t length; // bytes without the terminator
    size_t capacity;
    bool failed; // memory ran out: the text is incomplete
} strbuf;

// A strbuf starts as all zeros. Each call appends; numbers as in the C locale, whatever the caller's is.
void strbuf_add(strbuf *s, const char *text);
void strbuf_add_bytes(strbuf *s, const void *bytes, size_t length);
void strbuf_addf(strbuf *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vaddf(strbuf *s, const char *format, va_list args);
// The text so far, never NULL.
const char *strbuf_text(const strbuf *s);
void strbuf_deinit(strbuf *s);

#endif
