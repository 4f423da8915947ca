// The parser of programs, shared by its files: program_parse.c, and kernel_parse.c for the lines of a kernel.
#ifndef RNNC_PASSES_PROGRAM_PARSE_H
#define RNNC_PASSES_PROGRAM_PARSE_H

#include "passes/program_text.h"
#include "passes/text_section.h"

typedef struct program_parser {
    text_section section;
    program *p;
    kernel_desc *kernel; // whose lines are being read; NULL: a call's are
    kernel_instr *instrs;
    bool extents[MAX_AXES]; // by axis: has been read
    uint32_t set, members;  // the set of the body whose members are being read, and how many of them are left
    program_lines lines;
} program_parser;

static inline program_parser *program_parser_of(text_section *s) {
    return (program_parser *)s; // the section is the parser's first member
}

// f32, f64 or i32
rnnc_status programparse_elem(text_section *s, dtype *out_elem);

// The rest of a line after `kernel`, `arg` and `store`, and a line that begins with %n.
rnnc_status programparse_kernel(text_section *s);
rnnc_status programparse_arg(text_section *s);
rnnc_status programparse_store(text_section *s);
rnnc_status programparse_value(text_section *s);
// Moves the instructions of the kernel whose lines have ended into the program.
void programparse_end_kernel(program_parser *parser);

#endif
