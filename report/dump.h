// Any stage of compilation as text, from source text or from the text of a graph.
#ifndef RNNC_REPORT_DUMP_H
#define RNNC_REPORT_DUMP_H

#include "codegen/backend.h"
#include "runtime/train/extents.h"
#include "runtime/train/machine.h"

typedef enum dump_stage {
    DUMP_SOURCE,
    DUMP_GRAPH,
    DUMP_PROGRAM,
    DUMP_LLVM,
    DUMP_ASM,
    DUMP_DOT,
    DUMP_STAGES,
} dump_stage;

typedef struct dump_request {
    // What there is to show: a model, which is compiled as it is trained if it has a recipe, else as it is used; or
    // where |source| is NULL, |text|, a graph, a graph with its plan, or a program.
    const source_unit *source;
    model_options options; // |training| is not looked at
    const char *text;      // for DUMP_SOURCE: the model's
    size_t length;
    const char *name;   // of the file, for errors
    const char *dashes; // what errors put before the names of options: "--" on the command line, else ""
    dump_stage stage;
    bool stage_given;       // else a program's own stage stands for it
    extent_wishes wishes;   // without a fallback: unknown lengths are 32
    const codegen *codegen; // NULL: no machine code is made for |cpu|
    const char *cpu;        // as it was asked for
    // For whose registers, with which passes; |update| and |maxima| are not looked at. Graphs and programs are not shown if
    // it prints after passes.
    machine_options how;
} dump_request;

// The stage called |name|; an error begins with |option|.
rnnc_status dump_find_stage(const char *name, const char *option, diag_sink *d, dump_stage *out_stage);

// Appends the text, nothing where there is an error, but for what passes have printed. |d| knows the source's files.
rnnc_status dump_report(const dump_request *request, diag_sink *d, strbuf *out);

// Appends the code of all kernels of |p|, each under its name, for DUMP_LLVM or DUMP_ASM. Not while another thread uses |c|.
rnnc_status dump_code(const codegen *c, const program *p, dump_stage stage, diag_sink *d, strbuf *out);

#endif
