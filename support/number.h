// Numbers as text, the same in every locale: whoever embeds the library may show decimal commas to his users
// (setlocale), and models, files and the names of cached code still mean what they say.
#ifndef RNNC_SUPPORT_NUMBER_H
#define RNNC_SUPPORT_NUMBER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

// Like strtod in the C locale, errno included. |out_end| may be NULL.
double number_parse(const char *text, char **out_end);

// Like vsnprintf and snprintf in the C locale. The thread's locale is put back.
int number_vprint(char *to, size_t size, const char *format, va_list values);
void number_printf(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Like snprintf in the C locale, "%.*g" with |digits|. The thread's locale is put back.
void number_print(char *to, size_t size, int digits, double value);

// Exactly, as "%a".
void number_print_exact(char *to, size_t size, double value);

// "1,234,567", for people.
enum { NUMBER_GROUPED_SIZE = 32 };
void number_group(char to[NUMBER_GROUPED_SIZE], int64_t value);

#endif
