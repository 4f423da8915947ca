// Pieces of the text form that other tables' printers share: passes/plan_print.c, passes/program_print.c.
#ifndef RNNC_IR_TEXT_PRINT_H
#define RNNC_IR_TEXT_PRINT_H

#include "ir/graph.h"
#include "support/strbuf.h"

void irprint_quoted(strbuf *out, const char *text);
// As it is, or in quotes where it has to be.
void irprint_name(strbuf *out, const char *name);
// The fewest digits that read back to the same bits; all nans are one.
void irprint_float(strbuf *out, double value);
// "<T,B>", or "<>" for none, in the order of the layout.
void irprint_axes(const graph *g, axis_set axes, strbuf *out);
// "f32<T,B>[200]"
void irprint_type(const graph *g, value_type t, strbuf *out);

#endif
