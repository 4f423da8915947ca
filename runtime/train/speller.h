// Between a text and the tokens of one input: what a user types, and what a model says.
#ifndef RNNC_RUNTIME_TRAIN_SPELLER_H
#define RNNC_RUNTIME_TRAIN_SPELLER_H

#include "runtime/data/words.h"

// Everything is borrowed. One of the two vocabularies is given.
typedef struct speller {
    const vocabulary *characters;
    const word_list *words;
    word_rules rules; // by which the training text was cut into words
} speller;

// The tokens of |text|, by malloc; never more than it has bytes. Errors: bytes that are not UTF-8; characters or words that are not in the vocabulary,
// where it has no <unk>. A line that |text| leaves open is not ended.
rnnc_status speller_read(const speller *s, file_view text, diag_sink *d, int32_t **out_tokens,
                         size_t *out_count);

// How many tokens there is a text for.
int64_t speller_count(const speller *s);

// What to begin with where there is no text: the end of a line if the vocabulary has one, else token 0.
int32_t speller_begin(const speller *s);

// Appends the text of |token|. Words are parted by spaces, but not from the sign that follows them; <eos> is the end of
// a line. |previous|: the token before it, or -1.
void speller_write(const speller *s, int32_t token, int32_t previous, strbuf *out);
// Whether speller_write puts a space before |token|.
bool speller_parts(const speller *s, int32_t token, int32_t previous);

// Whether |word| stands close to what is before it, or to what is after it, where signs are words.
bool speller_closes(const char *word);
bool speller_opens(const char *word);

#endif
