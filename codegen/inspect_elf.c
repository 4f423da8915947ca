// The symbol tables of ELF, 32 and 64 bits, little-endian: LLVM's C API does not say which symbols without a
// section are undefined and which are names of files.
#include <elf.h>
#include <string.h>

#include "codegen/inspect.h"

// Where fields are, by class of file: offset and width.
typedef struct field {
    unsigned at, width;
} field;

typedef struct elf_class {
    field sections, section_bytes, section_count; // of the file's head
    field type, offset, size, link;               // of a section
    field name, info, section;                    // of a symbol
    unsigned symbol_bytes;
} elf_class;

static const elf_class narrow = {{32, 4}, {46, 2}, {48, 2}, {4, 4},  {16, 4}, {20, 4},
                                 {24, 4}, {0, 4},  {12, 1}, {14, 2}, 16};
static const elf_class wide = {{40, 8}, {58, 2}, {60, 2}, {4, 4}, {24, 8}, {32, 8},
                               {40, 4}, {0, 4},  {4, 1},  {6, 2}, 24};

typedef struct elf_file {
    const unsigned char *bytes;
    uint64_t size;
    const elf_class *c;
} elf_file;

// Zero behind the file's end.
static uint64_t get(const elf_file *f, uint64_t record, field what) {
    uint64_t value = 0;
    for (unsigned b = 0; b < what.width; b++) {
        uint64_t at = record + what.at + b;
        value |= at >= record && at < f->size ? (uint64_t)f->bytes[at] << 8 * b : 0;
    }
    return value;
}

static uint64_t section_at(const elf_file *f, uint64_t index) {
    return get(f, 0, f->c->sections) + index * get(f, 0, f->c->section_bytes);
}

// A text of the table |section|, or "".
static const char *text_at(const elf_file *f, uint64_t section, uint64_t offset) {
    uint64_t begin = get(f, section, f->c->offset), size = get(f, section, f->c->size);
    bool inside = begin <= f->size && size <= f->size - begin && offset < size;
    bool ends = inside && memchr(f->bytes + begin + offset, 0, size - offset);
    return ends ? (const char *)f->bytes + begin + offset : "";
}

// What may stay unresolved is not needed.
static void read_table(const elf_file *f, uint64_t table, object_report *report) {
    uint64_t begin = get(f, table, f->c->offset), size = get(f, table, f->c->size);
    uint64_t strings = section_at(f, get(f, table, f->c->link));
    uint64_t count = begin <= f->size && size <= f->size - begin ? size / f->c->symbol_bytes : 0;
    for (uint64_t i = 1; i < count; i++) {
        uint64_t symbol = begin + i * f->c->symbol_bytes;
        const char *name = text_at(f, strings, get(f, symbol, f->c->name));
        bool weak = ELF64_ST_BIND(get(f, symbol, f->c->info)) == STB_WEAK;
        if (get(f, symbol, f->c->section) == SHN_UNDEF && *name && !weak) {
            vec_push(&report->memory, report->imports, arena_strndup(&report->memory, name, strlen(name)));
        }
    }
}

static bool read_tables(const elf_file *f, uint64_t type, object_report *report) {
    bool found = false;
    for (uint64_t i = 0; i < get(f, 0, f->c->section_count); i++) {
        uint64_t section = section_at(f, i);
        if (section < f->size && get(f, section, f->c->type) == type) {
            read_table(f, section, report);
            found = true;
        }
    }
    return found;
}

void inspect_elf_imports(const char *bytes, size_t size, object_report *report) {
    const unsigned char *head = (const unsigned char *)bytes;
    report->imports.count = 0;
    if (size > EI_DATA && head[EI_DATA] == ELFDATA2LSB) {
        elf_file f = {head, size, head[EI_CLASS] == ELFCLASS64 ? &wide : &narrow};
        if (!read_tables(&f, SHT_DYNSYM, report)) {
            read_tables(&f, SHT_SYMTAB, report);
        }
    }
}
