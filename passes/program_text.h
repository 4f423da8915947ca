// The text form of programs: a graph's declarations of axes and variables, and a section behind them. See docs/ir.md,
// section 7. program_print is in passes/program.h.
#ifndef RNNC_PASSES_PROGRAM_TEXT_H
#define RNNC_PASSES_PROGRAM_TEXT_H

#include "passes/program.h"
#include "support/diag.h"

// Reads the section that begins at byte |at| of file number |file|, over the axes and variables of |declarations|,
// which has no nodes. Verified before it is returned.
rnnc_status program_parse(diag_sink *d, uint32_t file, uint32_t at, graph *declarations,
                          program **out_program);

// Where a program's lines stand in its text, by number.
typedef struct program_lines {
    span head;
    VEC(span) kernels;
    VEC(span) calls;
    VEC(span) outputs;
} program_lines;

// Checks a program from scratch: every kernel (kernel_verify), every call's arguments against its kernel and, for runs
// of the maxima, against the memory that they are in; the lists of calls; the values that the context keeps. Row
// numbers that a kernel computes or is given as data are not known here. Reports the first thing that is wrong, at its line if |lines| is not NULL.
rnnc_status program_verify(const program *p, const program_lines *lines, diag_sink *d);
// Checks a description: codes, operands before their use, element types, arguments. |number| and |where|: for messages.
rnnc_status kernel_verify(const kernel_desc *k, uint32_t number, target_shape shape, span where,
                          diag_sink *d);

#endif
