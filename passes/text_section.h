// What the parsers of plans and programs share: a section of lines behind a graph. Internal to them.
#ifndef RNNC_PASSES_TEXT_SECTION_H
#define RNNC_PASSES_TEXT_SECTION_H

#include "ir/text_parse.h"
#include "passes/kernel.h"

// The parser of a section's lines: graph, lexer and memory are |ir|'s.
typedef struct text_section {
    ir_parser ir;
    word_list words; // lines begin with one of them
    const char *expected;
    bool values; // or with %n
    // Reads the rest of a line that begins with word number |word|, or all of a line that begins with %n: then |word|
    // is the number of words.
    rnnc_status (*parse_line)(struct text_section *s, uint32_t word);
    // Makes the result of all lines.
    rnnc_status (*finish)(struct text_section *s);
} text_section;

// Reads all lines from byte |at| of |file| on, then finishes. Lines build on those before them, so reading ends with the
// first error. Memory: |s->ir.scratch|, which is gone afterwards.
rnnc_status section_parse(text_section *s, diag_sink *d, uint32_t file, uint32_t at, graph *g);

// %n of the graph.
rnnc_status section_node(text_section *s, node_id *out_node);
// A number less than |count|, of a thing called |what|.
rnnc_status section_index(text_section *s, const char *what, uint32_t count, uint32_t *out_index);
// |count| itself: things are numbered in the order of their lines.
rnnc_status section_next(text_section *s, const char *what, uint32_t count);
rnnc_status section_int32(text_section *s, const char *what, int32_t least, int32_t *out_value);
// Skips |word| if it is there.
bool section_accept(text_section *s, const char *word);
rnnc_status section_expect(text_section *s, const char *word);
// "vectors 32 registers 16"
rnnc_status section_target(text_section *s, target_shape *out_shape);

#endif
