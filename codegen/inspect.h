// What an object file holds: sections by their use, symbols with their sizes, imports, and what an object
// made by `rnnc build` says of itself. ELF, COFF, Mach-O and WebAssembly, for any machine.
#ifndef RNNC_CODEGEN_INSPECT_H
#define RNNC_CODEGEN_INSPECT_H

#include <stddef.h>
#include <stdint.h>

#include "support/arena.h"
#include "support/diag.h"
#include "support/vec.h"

typedef enum section_use {
    SECTION_CODE,
    SECTION_READ_ONLY,
    SECTION_WRITTEN, // data that a program writes
    SECTION_FACTS,
    SECTION_OTHER, // tables for linkers and debuggers
    SECTION_USES,
} section_use;

typedef struct object_symbol {
    const char *name; // as in C
    section_use use;
    uint64_t section, address, size;
} object_symbol;

typedef struct object_report {
    arena memory;
    const char *format; // "ELF"
    uint64_t bytes[SECTION_USES];
    const char *facts; // AHEAD_FACTS_FIRST and so on, several texts where objects were joined; "": none
    VEC(object_symbol) symbols; // defined ones, by section and address
    VEC(const char *) imports;
} object_report;

// Reads an object, or fails. A damaged file may end the process: LLVM does not take all of them, so call this
// in one that may end. |bytes| need not outlive the call.
rnnc_status inspect_object(const char *bytes, size_t size, diag_sink *d, object_report *out_report);
static inline void object_report_deinit(object_report *report) {
    arena_deinit(&report->memory);
    *report = (object_report){.facts = ""};
}

// The imports of an ELF file, as far as it is sound: what programs need at run time, else what a linker has
// to find.
void inspect_elf_imports(const char *bytes, size_t size, object_report *report);

#endif
