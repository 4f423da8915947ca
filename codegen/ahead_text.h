// A text model's vocabulary and the rules by which texts are cut, as tables for an object made ahead of time. Whoever
// knows vocabularies fills them; the code that reads them (driver_text.c, driver_spell.c) needs nothing from outside.
#ifndef RNNC_CODEGEN_AHEAD_TEXT_H
#define RNNC_CODEGEN_AHEAD_TEXT_H

#include <stdbool.h>
#include <stdint.h>

// What a word does to the space before or after it.
enum ahead_text_marks {
    AHEAD_TEXT_LINE_END = 1, // is the end of a line
    AHEAD_TEXT_CLOSES = 2,   // stands close to what is before it
    AHEAD_TEXT_OPENS = 4,    // stands close to what is after it
};

// Sorts of characters; a run's entry is its sort, and 4 times what is added to a character to make it small.
enum ahead_text_sorts { AHEAD_TEXT_SPACE, AHEAD_TEXT_SIGN, AHEAD_TEXT_LETTER, AHEAD_TEXT_DIGIT };

// Everything is owned.
typedef struct ahead_text {
    int32_t count; // tokens
    // Their texts in UTF-8, text t being bytes[begin[t] … begin[t + 1]); text number |count| is that of tokens out of
    // range, the one behind it a line's end.
    char *bytes;
    int32_t *begin;  // [count + 3]
    int32_t *sorted; // [count]: the tokens by their bytes
    uint8_t *marks;  // [count + 1]; words only
    // Characters from run_begin[i] to run_begin[i + 1] - 1 are of one sort; words only.
    int32_t *run_begin, *run_entry;
    int32_t run_count;
    bool words;      // the text is cut into words; else each character is a token
    bool alone;      // each character is a word
    bool signs;      // there are characters of sort SIGN: words of their own but where they join others
    bool numbers;    // a word that is a number becomes the token |number|
    int32_t unknown; // token of what the vocabulary lacks, or -1: that is an error
    int32_t number;
    int32_t line_end; // token that follows each line, or -1: none does
    int32_t first;    // token to begin with where there is no text
    // Numbers, states left aside: of the input that reads the tokens; of the output with the scores of the next one, in a
    // model that goes on with a text, else -1.
    int32_t input, scores;
} ahead_text;

#endif
