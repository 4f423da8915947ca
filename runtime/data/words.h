// Texts as words: lists of words with their numbers, and the rules by which a text is cut into them.
#ifndef RNNC_RUNTIME_DATA_WORDS_H
#define RNNC_RUNTIME_DATA_WORDS_H

#include <stdbool.h>

#include "runtime/data/tensor.h"
#include "runtime/data/text.h"

// The words of an input in the metadata of weights, and their hash: "words.INPUT".
#define WORDS_KEY "words."
#define WORDS_HASH_KEY "words_hash."

// Distinct words, numbered from 0 in the order in which they were added. Starts as all zeros.
typedef struct word_list {
    char *bytes; // each word and a zero byte; owned
    size_t size, capacity;
    size_t *begin; // of each word in |bytes|; owned
    uint32_t count, room;
    uint32_t *slots; // open addressing by hash: a word's number + 1, or 0; owned
    uint32_t slot_count;
} word_list;

// What stands for words that a list lacks, for the end of a line, and for numbers.
#define WORD_UNKNOWN "<unk>"
#define WORD_LINE_END "<eos>"
#define WORD_NUMBER "<num>"

void word_list_deinit(word_list *w);
const char *word_list_at(const word_list *w, uint32_t number);
// The word's number, or -1.
int32_t word_list_find(const word_list *w, const char *word, size_t length);
// The number of |word| (UTF-8 without zero bytes), added if it is new. False: no memory, or more than 2^31 words.
bool word_list_add(word_list *w, const char *word, size_t length, uint32_t *out_number);
// Whether both hold the same words in the same order; if not, *|out_first| is the first place that differs.
bool word_list_same(const word_list *a, const word_list *b, uint32_t *out_first);

// As a JSON array of strings, for the metadata of weights. Parsing refuses an array that is empty, other things
// than strings, and a word that stands twice.
void word_list_render(const word_list *w, strbuf *out);
rnnc_status word_list_parse(file_view view, diag_sink *d, word_list *out_words);
// As a text file, one word a line, line number - 1 being the word's number. The file appears complete or not at all.
rnnc_status word_list_write(const char *path, const word_list *w, diag_sink *d);
rnnc_status word_list_read(const char *path, diag_sink *d, word_list *out_words);

// How a text is cut.
typedef struct word_rules {
    bool characters;  // each character is a word
    bool punctuation; // signs are words of their own; else only spaces part words
    bool lower;       // capital letters of the Latin, Greek and Cyrillic alphabets become small ones
    bool numbers;     // a word that is a number becomes <num>
    bool line_ends;   // <eos> follows each line
    bool unknown;     // the vocabulary gets <unk> in any case
    int64_t least;    // words that stand fewer times become <unk>; 0: none do
    int64_t most;     // the vocabulary's size at most, <unk> included; 0: any
} word_rules;

// What a character is where texts are cut, and its small letter, or itself.
typedef enum word_sort { WORD_SPACE, WORD_SIGN, WORD_LETTER, WORD_DIGIT } word_sort;
word_sort word_sort_of(uint32_t code);
uint32_t word_lower(uint32_t code);

// A text cut into words and lines. Starts as all zeros; more texts may be added.
typedef struct word_text {
    word_list found; // by first appearance
    uint32_t *at;    // the words, numbers of |found|; owned
    size_t count, room;
    size_t *
        line; // words before line i, and after the last line |count|; lines + 1 numbers once there is one; owned
    size_t lines, line_room;
    size_t *source_line; // the line of the file that each of them is, or begins in; owned
} word_text;

// Adds the words of |view|, line by line; a line ends with LF, CRLF or the file. Spaces and control characters part
// words. With |rules->punctuation| so do signs, which are words of one character each; apostrophes between
// letters and points and commas between digits are no signs. Errors: bytes that are not UTF-8 and zero bytes, with
// their offset.
rnnc_status word_text_add(word_text *t, file_view view, const word_rules *rules, diag_sink *d);
// Adds each line, without spaces at its ends, as one word. An empty line is an error.
rnnc_status word_text_add_labels(word_text *t, file_view view, diag_sink *d);
// Adds column |column| (counted from 1) of a table whose fields are parted by tabs; a blank line ends a row of words.
// Comments (lines that begin with "# ", or with '#' and have no tab) and, in lines of ten fields as CoNLL-U
// has them, tokens whose number is a range or has a point are left out. Errors: a line with too few fields.
rnnc_status word_text_add_column(word_text *t, file_view view, int64_t column, const word_rules *rules,
                                 diag_sink *d);
// Adds one word as a line of its own, or to the line that is open.
rnnc_status word_text_push(word_text *t, const char *name, const char *word, size_t length, diag_sink *d);
rnnc_status word_text_end_line(word_text *t, const char *name, size_t source_line, diag_sink *d);
void word_text_deinit(word_text *t);

// Words [begin, end) of a text.
typedef struct word_range {
    size_t begin, end;
} word_range;

// Whether a vocabulary by |rules| has <unk> for what they leave out.
bool word_rules_have_unknown(const word_rules *rules);
// The words of |t| as a vocabulary: the most frequent first, equally frequent ones by their bytes. What |rules|
// leave out is <unk>, which is in it if anything could be left out, and counts what it stands for.
// With <unk>, only words in the |count| |ranges| are counted, and others have no number of their own; |ranges| may be
// NULL: then all are.
rnnc_status word_text_vocabulary(const word_text *t, const word_range *ranges, uint32_t count,
                                 const word_rules *rules, diag_sink *d, word_list *out_words);
// The numbers that the words of |t| have in |words|, <unk>'s for those that it lacks; U8, U16 or I32, the narrowest
// that holds them. Without <unk> such a word is an error that tells its line.
rnnc_status word_text_encode(const word_text *t, const word_list *words, const char *what, diag_sink *d,
                             array *out_tokens);

#endif
