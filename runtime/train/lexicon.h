// A speller that owns its vocabulary and has the text of each token at hand, in memory of the caller's. Immutable once it
// is made, so that threads may share it.
#ifndef RNNC_RUNTIME_TRAIN_LEXICON_H
#define RNNC_RUNTIME_TRAIN_LEXICON_H

#include "runtime/train/speller.h"

typedef struct lexicon {
    speller speller; // borrows from the two that follow, so a lexicon stays where it was made
    vocabulary characters;
    word_list words;
    char *texts;   // of each token: a space and the text; and last of what is no token
    size_t *begin; // [count + 1]: where they are
} lexicon;

// A copy of |from| in |memory|.
rnnc_status lexicon_init(lexicon *l, const speller *from, const allocator *memory, diag_sink *d);
void lexicon_deinit(lexicon *l, const allocator *memory);

// What |token| adds to a text behind the token |previous| (-1: at its beginning), as speller_write does.
const char *lexicon_piece(const lexicon *l, int32_t token, int32_t previous);

#endif
