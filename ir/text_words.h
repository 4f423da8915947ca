// The fixed words of the text form, shared by its printer and its parser.
#ifndef RNNC_IR_TEXT_WORDS_H
#define RNNC_IR_TEXT_WORDS_H

#include "ir/graph.h"
#include "support/strbuf.h"

typedef struct word_list {
    const char *const *words; // by the number of the enumeration
    uint32_t count;
} word_list;

word_list text_dtype_words(void);
word_list text_axis_words(void);     // by axis_kind
word_list text_variable_words(void); // by variable_role
word_list text_init_words(void);     // by init_kind
word_list text_output_words(void);   // by output_role
// The numbers that stand in brackets after the word of |kind|: 0, 1 (a) or 2 (a, b).
int text_init_arguments(init_kind kind);

// True for the bytes that a name may have without being quoted.
bool text_is_bare(char c);
// True if |name| needs no quotes.
bool text_is_bare_name(const char *name);

#endif
