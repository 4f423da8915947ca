#include "support/number.h"

#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

// The C locale is always there, and the system makes no copy of it.
static locale_t plain_locale(void) {
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static void release_locale(locale_t plain) {
    if (plain) {
        freelocale(plain);
    }
}

double number_parse(const char *text, char **out_end) {
    locale_t plain = plain_locale();
    double value = plain ? strtod_l(text, out_end, plain) : strtod(text, out_end);
    release_locale(plain);
    return value;
}

int number_vprint(char *to, size_t size, const char *format, va_list values) {
    locale_t plain = plain_locale(), before = uselocale(plain);
    int length = vsnprintf(to, size, format, values);
    uselocale(before);
    release_locale(plain);
    return length;
}

void number_printf(char *to, size_t size, const char *format, ...) {
    va_list values;
    va_start(values, format);
    number_vprint(to, size, format, values);
    va_end(values);
}

void number_print(char *to, size_t size, int digits, double value) {
    number_printf(to, size, "%.*g", digits, value);
}

void number_print_exact(char *to, size_t size, double value) {
    number_printf(to, size, "%a", value);
}

void number_group(char to[NUMBER_GROUPED_SIZE], int64_t value) {
    char digits[NUMBER_GROUPED_SIZE];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value);
    for (int i = 0; i < length; i++) {
        bool comma = i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0;
        if (comma) {
            *to++ = ',';
        }
        *to++ = digits[i];
    }
    *to = '\0';
}
