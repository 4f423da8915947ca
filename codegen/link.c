// ELF-64 for x86-64: System V ABI, AMD64 supplement, tables 4.9 and 4.10.
#include "codegen/link.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/symbol.h"

// An object while it is linked.
typedef struct object {
    const object_bytes *file;
    uint32_t section_count;
    uint64_t *places; // by section: where in the code it lies; NOWHERE: it is not part of it
} object;

#define NOWHERE UINT64_MAX

typedef struct linker {
    code_image *image;
    uint32_t function_capacity;
    diag_sink *d;
} linker;

static rnnc_status defect(diag_sink *d, const char *what) {
    return diag_fail(d, RNNC_INTERNAL, NO_SPAN, "the kernels' object file has %s", what);
}

static rnnc_status no_memory(diag_sink *d) {
    return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory to link the kernels' code");
}

// ---- Reading ----

// Copies item |index| of the table at |offset|; false if the file ends before.
static bool get(const object *o, uint64_t offset, uint64_t index, void *out_item, size_t item_bytes) {
    uint64_t at = offset + index * item_bytes;
    bool inside = offset <= o->file->size && index < o->file->size / item_bytes &&
                  at <= o->file->size - item_bytes && o->file->size >= item_bytes;
    if (inside) {
        memcpy(out_item, o->file->bytes + at, item_bytes);
    }
    return inside;
}

static bool get_head(const object *o, Elf64_Ehdr *out_head) {
    return get(o, 0, 0, out_head, sizeof *out_head) && memcmp(out_head->e_ident, ELFMAG, SELFMAG) == 0 &&
           out_head->e_ident[EI_CLASS] == ELFCLASS64 && out_head->e_type == ET_REL &&
           out_head->e_machine == EM_X86_64 && out_head->e_shentsize == sizeof(Elf64_Shdr);
}

// Section |index| with its bytes in the file.
static bool get_section(const object *o, uint32_t index, Elf64_Shdr *out_section) {
    Elf64_Ehdr head;
    if (!get_head(o, &head) || index >= head.e_shnum ||
        !get(o, head.e_shoff, index, out_section, sizeof *out_section)) {
        return false;
    }
    const Elf64_Shdr *s = out_section;
    return s->sh_type == SHT_NOBITS ||
           (s->sh_offset <= o->file->size && s->sh_size <= o->file->size - s->sh_offset);
}

// A zero-terminated text of the string table |table|, or NULL.
static const char *text_at(const object *o, const Elf64_Shdr *table, uint32_t offset) {
    bool sound = table->sh_type == SHT_STRTAB && offset < table->sh_size &&
                 !o->file->bytes[table->sh_offset + table->sh_size - 1];
    return sound ? o->file->bytes + table->sh_offset + offset : NULL;
}

static rnnc_status open_object(linker *l, const object_bytes *file, object *out_object) {
    object *o = out_object;
    *o = (object){.file = file};
    Elf64_Ehdr head;
    if (!get_head(o, &head)) {
        return defect(l->d, "another format than ELF for x86-64");
    }
    o->section_count = head.e_shnum;
    o->places = calloc(o->section_count + 1u, sizeof *o->places);
    return o->places ? RNNC_OK : no_memory(l->d);
}

// ---- Placing ----

// Tables for unwinding are not needed: no kernel calls what could fail.
static bool is_part(const object *o, const Elf64_Shdr *section) {
    Elf64_Ehdr head;
    Elf64_Shdr names;
    bool named = get_head(o, &head) && get_section(o, head.e_shstrndx, &names);
    const char *name = named ? text_at(o, &names, section->sh_name) : NULL;
    return (section->sh_flags & SHF_ALLOC) && section->sh_size && !(name && strcmp(name, ".eh_frame") == 0);
}

static void align_code(strbuf *code, uint64_t alignment) {
    static const char zeros[64];
    for (uint64_t left; (left = -(uint64_t)code->length & (alignment - 1)) && !code->failed;) {
        strbuf_add_bytes(code, zeros, left < sizeof zeros ? left : sizeof zeros);
    }
}

static rnnc_status place_section(linker *l, object *o, uint32_t index) {
    const uint64_t most_aligned = 4096;
    Elf64_Shdr section;
    o->places[index] = NOWHERE;
    if (!get_section(o, index, &section)) {
        return defect(l->d, "a section outside of itself");
    }
    if (!is_part(o, &section)) {
        return RNNC_OK;
    }
    uint64_t alignment = section.sh_addralign ? section.sh_addralign : 1;
    if ((section.sh_flags & (SHF_WRITE | SHF_TLS)) || section.sh_type == SHT_NOBITS) {
        return defect(l->d, "data to be written");
    }
    if (alignment > most_aligned || (alignment & (alignment - 1))) {
        return defect(l->d, "a section with an alignment that cannot be had");
    }
    strbuf *code = &l->image->code;
    align_code(code, alignment);
    o->places[index] = code->length;
    strbuf_add_bytes(code, o->file->bytes + section.sh_offset, section.sh_size);
    // Offsets are kept in 32 bits.
    return code->failed || code->length > INT32_MAX ? no_memory(l->d) : RNNC_OK;
}

// ---- Symbols ----

static rnnc_status add_function(linker *l, const Elf64_Sym *symbol, uint64_t at, const char *name) {
    code_image *image = l->image;
    if (image->function_count == l->function_capacity) {
        uint32_t capacity = l->function_capacity ? 2 * l->function_capacity : 64;
        image_function *grown = realloc(image->functions, capacity * sizeof *grown);
        if (!grown) {
            return no_memory(l->d);
        }
        image->functions = grown;
        l->function_capacity = capacity;
    }
    if (at > image->code.length || symbol->st_size > image->code.length - at) {
        return defect(l->d, "a function outside of its section");
    }
    image->functions[image->function_count++] =
        (image_function){(uint32_t)at, (uint32_t)symbol->st_size, (uint32_t)image->names.length};
    strbuf_add_bytes(&image->names, name, strlen(name) + 1);
    return image->names.failed ? no_memory(l->d) : RNNC_OK;
}

// The place of a symbol in the code; NOWHERE if it has none.
static uint64_t place_of(const object *o, const Elf64_Sym *symbol) {
    bool placed = symbol->st_shndx < o->section_count && o->places[symbol->st_shndx] != NOWHERE;
    return placed ? o->places[symbol->st_shndx] + symbol->st_value : NOWHERE;
}

static rnnc_status add_if_function(linker *l, const object *o, const Elf64_Sym *symbol,
                                   const Elf64_Shdr *names) {
    const char *name = text_at(o, names, symbol->st_name);
    uint64_t at = place_of(o, symbol);
    bool function = name && ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && at != NOWHERE;
    return function ? add_function(l, symbol, at, name) : RNNC_OK;
}

static rnnc_status add_functions(linker *l, const object *o, const Elf64_Shdr *table) {
    Elf64_Shdr names;
    Elf64_Sym symbol;
    if (!get_section(o, table->sh_link, &names)) {
        return defect(l->d, "symbols without names");
    }
    uint64_t count = table->sh_size / sizeof symbol;
    for (uint64_t i = 0; i < count && get(o, table->sh_offset, i, &symbol, sizeof symbol); i++) {
        TRY(add_if_function(l, o, &symbol, &names));
    }
    return RNNC_OK;
}

// ---- References ----

static rnnc_status resolve(linker *l, const Elf64_Rela *r, uint64_t site, uint64_t target) {
    strbuf *code = &l->image->code;
    uint64_t type = ELF64_R_TYPE(r->r_info), bytes = type == R_X86_64_PC64 ? 8 : 4;
    bool known = type == R_X86_64_PC32 || type == R_X86_64_PLT32 || type == R_X86_64_PC64;
    if (!known) {
        return diag_fail(l->d, RNNC_INTERNAL, NO_SPAN,
                         "the kernels' object file has a relocation of kind %llu, which cannot be linked",
                         (unsigned long long)type);
    }
    if (bytes > code->length || site > code->length - bytes) {
        return defect(l->d, "a relocation outside of its section");
    }
    int64_t distance = (int64_t)(target + (uint64_t)r->r_addend - site);
    if (bytes == 4 && distance != (int32_t)distance) {
        return defect(l->d, "a reference that does not reach");
    }
    memcpy(code->text + site, &distance, bytes); // The machine is little-endian, as the file is.
    return RNNC_OK;
}

static rnnc_status resolve_all(linker *l, const object *o, const Elf64_Shdr *relocations) {
    Elf64_Shdr symbols;
    bool sound = get_section(o, relocations->sh_link, &symbols) && relocations->sh_info < o->section_count;
    uint64_t place = sound ? o->places[relocations->sh_info] : NOWHERE;
    if (!sound) {
        return defect(l->d, "relocations without symbols");
    }
    uint64_t count = place == NOWHERE ? 0 : relocations->sh_size / sizeof(Elf64_Rela);
    for (uint64_t i = 0; i < count; i++) {
        Elf64_Rela r;
        Elf64_Sym symbol;
        if (!get(o, relocations->sh_offset, i, &r, sizeof r) ||
            !get(o, symbols.sh_offset, ELF64_R_SYM(r.r_info), &symbol, sizeof symbol)) {
            return defect(l->d, "a relocation outside of itself");
        }
        uint64_t target = place_of(o, &symbol);
        if (target == NOWHERE) {
            return defect(l->d, "a reference to something outside of it");
        }
        TRY(resolve(l, &r, place + r.r_offset, target));
    }
    return RNNC_OK;
}

// ---- All of it ----

static rnnc_status link_sections(linker *l, object *o) {
    for (uint32_t i = 0; i < o->section_count; i++) {
        TRY(place_section(l, o, i));
    }
    for (uint32_t i = 0; i < o->section_count; i++) {
        Elf64_Shdr section = {0};
        get_section(o, i, &section);
        TRY(section.sh_type == SHT_SYMTAB ? add_functions(l, o, &section) : RNNC_OK);
        TRY(section.sh_type == SHT_RELA ? resolve_all(l, o, &section) : RNNC_OK);
        if (section.sh_type == SHT_REL) {
            return defect(l->d, "relocations of another kind than RELA");
        }
    }
    return RNNC_OK;
}

static rnnc_status link_object(linker *l, const object_bytes *file) {
    object o;
    rnnc_status status = open_object(l, file, &o);
    if (status == RNNC_OK) {
        status = link_sections(l, &o);
    }
    free(o.places);
    return status;
}

static rnnc_status find_starts(linker *l, const kernel_desc *const *kernels, uint32_t count) {
    code_image *image = l->image;
    for (uint32_t i = 0; i < count; i++) {
        char symbol[KERNEL_SYMBOL_SIZE];
        kernel_symbol(kernels[i], symbol);
        uint32_t f = 0;
        while (f < image->function_count &&
               strcmp(image->names.text + image->functions[f].name, symbol) != 0) {
            f++;
        }
        if (f == image->function_count) {
            return diag_fail(l->d, RNNC_INTERNAL, NO_SPAN, "the kernels' object files lack %s", symbol);
        }
        image->starts[i] = image->functions[f].at;
    }
    return RNNC_OK;
}

rnnc_status link_objects(const object_bytes *objects, uint32_t object_count,
                         const kernel_desc *const *kernels, uint32_t kernel_count, diag_sink *d,
                         code_image *out_image) {
    *out_image = (code_image){.start_count = kernel_count};
    out_image->starts = calloc(kernel_count + 1u, sizeof *out_image->starts);
    linker l = {.image = out_image, .d = d};
    rnnc_status status = out_image->starts ? RNNC_OK : no_memory(d);
    for (uint32_t i = 0; i < object_count && status == RNNC_OK; i++) {
        status = link_object(&l, &objects[i]);
    }
    if (status == RNNC_OK) {
        status = find_starts(&l, kernels, kernel_count);
    }
    if (status != RNNC_OK) {
        image_deinit(out_image);
    }
    return status;
}
