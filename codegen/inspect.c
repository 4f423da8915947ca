#include "codegen/inspect.h"

#include <stdlib.h>
#include <string.h>

#include <llvm-c/Core.h>
#include <llvm-c/Object.h>

#include "codegen/ahead.h"

// ---- Sections ----

typedef struct section_kind {
    const char *begin; // of the name
    section_use use;
} section_kind;

// By how the name begins, which may go on: WebAssembly ends none with a zero.
static const section_kind kinds[] = {
    {AHEAD_FACTS_SECTION, SECTION_FACTS},
    {"__rnnc", SECTION_FACTS},
    {".text", SECTION_CODE},
    {"__text", SECTION_CODE},
    {"CODE", SECTION_CODE},
    {".rodata", SECTION_READ_ONLY},
    {".rdata", SECTION_READ_ONLY},
    {"__const", SECTION_READ_ONLY},
    {"__literal", SECTION_READ_ONLY},
    {"__cstring", SECTION_READ_ONLY},
    {"DATA", SECTION_READ_ONLY},
    {".srodata", SECTION_READ_ONLY},
    {".data", SECTION_WRITTEN},
    {".bss", SECTION_WRITTEN},
    {"__data", SECTION_WRITTEN},
    {"__bss", SECTION_WRITTEN},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static section_use use_of(const char *name) {
    for (int i = 0; name && i < KINDS; i++) {
        if (strncmp(name, kinds[i].begin, strlen(kinds[i].begin)) == 0) {
            return kinds[i].use;
        }
    }
    return SECTION_OTHER;
}

static void read_sections(LLVMBinaryRef file, strbuf *facts, object_report *report) {
    LLVMSectionIteratorRef s = LLVMObjectFileCopySectionIterator(file);
    for (; s && !LLVMObjectFileIsSectionIteratorAtEnd(file, s); LLVMMoveToNextSection(s)) {
        section_use use = use_of(LLVMGetSectionName(s));
        uint64_t size = LLVMGetSectionSize(s);
        report->bytes[use] += size;
        if (use == SECTION_FACTS) {
            strbuf_add_bytes(facts, LLVMGetSectionContents(s), size);
        }
    }
    if (s) {
        LLVMDisposeSectionIterator(s);
    }
}

// ---- Symbols ----

// Marks of assemblers, and sections by name.
static bool is_mark(const char *name) {
    return !*name || *name == '.' || *name == '$' || *name == '@' || strncmp(name, "ltmp", 4) == 0;
}

// Mach-O puts a line before each name. In WebAssembly no zero follows a name, but the small number that
// begins the next entry.
static const char *c_name(object_report *report, const char *name) {
    size_t length = 0;
    while ((unsigned char)name[length] >= ' ') {
        length++;
    }
    bool lined = strcmp(report->format, "Mach-O") == 0 && *name == '_';
    return arena_strndup(&report->memory, name + lined, length - lined);
}

static void read_symbol(LLVMBinaryRef file, LLVMSymbolIteratorRef symbol, LLVMSectionIteratorRef section,
                        object_report *report) {
    const char *name = LLVMGetSymbolName(symbol);
    if (!name || is_mark(name)) {
        return;
    }
    name = c_name(report, name);
    LLVMMoveToContainingSection(section, symbol);
    if (LLVMObjectFileIsSectionIteratorAtEnd(file, section)) {
        // The table of functions is the WebAssembly linker's own.
        if (strcmp(name, "__indirect_function_table") != 0) {
            vec_push(&report->memory, report->imports, name);
        }
        return;
    }
    object_symbol s = {.name = name, .use = use_of(LLVMGetSectionName(section))};
    // Sections of one use may all begin at zero; their contents do not.
    s.section = (uint64_t)(uintptr_t)LLVMGetSectionContents(section);
    s.address = LLVMGetSymbolAddress(symbol);
    // For now where the section ends.
    s.size = LLVMGetSectionAddress(section) + LLVMGetSectionSize(section);
    vec_push(&report->memory, report->symbols, s);
}

static int by_place(const void *a, const void *b) {
    const object_symbol *x = a, *y = b;
    if (x->section != y->section) {
        return x->section > y->section ? 1 : -1;
    }
    return x->address != y->address ? (x->address > y->address ? 1 : -1) : strcmp(x->name, y->name);
}

// A symbol reaches to the next one: only one of the four formats says how far itself.
static void measure_symbols(object_report *report) {
    if (report->symbols.count) {
        qsort(report->symbols.at, report->symbols.count, sizeof *report->symbols.at, by_place);
    }
    for (uint32_t i = 0; i < report->symbols.count; i++) {
        object_symbol *s = &report->symbols.at[i], *next = i + 1 < report->symbols.count ? s + 1 : NULL;
        uint64_t end = next && next->section == s->section ? next->address : s->size;
        s->size = end > s->address ? end - s->address : 0;
    }
}

static void read_symbols(LLVMBinaryRef file, object_report *report) {
    LLVMSymbolIteratorRef s = LLVMObjectFileCopySymbolIterator(file);
    LLVMSectionIteratorRef section = LLVMObjectFileCopySectionIterator(file);
    while (s && section && !LLVMObjectFileIsSymbolIteratorAtEnd(file, s)) {
        read_symbol(file, s, section, report);
        LLVMMoveToNextSymbol(s);
    }
    if (section) {
        LLVMDisposeSectionIterator(section);
    }
    if (s) {
        LLVMDisposeSymbolIterator(s);
    }
    measure_symbols(report);
}

// ---- Files ----

static const char *format_of(LLVMBinaryType type) {
    switch (type) {
    case LLVMBinaryTypeELF32L:
    case LLVMBinaryTypeELF32B:
    case LLVMBinaryTypeELF64L:
    case LLVMBinaryTypeELF64B: return "ELF";
    case LLVMBinaryTypeCOFF: return "COFF";
    case LLVMBinaryTypeMachO32L:
    case LLVMBinaryTypeMachO32B:
    case LLVMBinaryTypeMachO64L:
    case LLVMBinaryTypeMachO64B: return "Mach-O";
    case LLVMBinaryTypeWasm: return "WebAssembly";
    default: return NULL;
    }
}

static rnnc_status read_file(LLVMBinaryRef file, diag_sink *d, object_report *report) {
    report->format = format_of(LLVMBinaryGetType(file));
    if (!report->format) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                         "not an object file in ELF, COFF, Mach-O or WebAssembly");
    }
    strbuf facts = {0};
    read_sections(file, &facts, report);
    report->facts = arena_strndup(&report->memory, strbuf_text(&facts), facts.length);
    strbuf_deinit(&facts);
    read_symbols(file, report);
    return RNNC_OK;
}

rnnc_status inspect_object(const char *bytes, size_t size, diag_sink *d, object_report *out_report) {
    *out_report = (object_report){.facts = ""};
    arena_init(&out_report->memory);
    LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(bytes, size, "object");
    char *error = NULL;
    LLVMContextRef context = LLVMContextCreate();
    LLVMBinaryRef file = LLVMCreateBinary(buffer, context, &error);
    rnnc_status status = RNNC_CORRUPT;
    if (!file) {
        diag_fail(d, status, NO_SPAN, "%s", error ? error : "not an object file");
        LLVMDisposeMessage(error);
    } else {
        status = read_file(file, d, out_report);
        LLVMDisposeBinary(file);
    }
    if (status == RNNC_OK && strcmp(out_report->format, "ELF") == 0) {
        inspect_elf_imports(bytes, size, out_report);
    }
    LLVMDisposeMemoryBuffer(buffer);
    LLVMContextDispose(context);
    if (status != RNNC_OK) {
        object_report_deinit(out_report);
    }
    return status;
}
