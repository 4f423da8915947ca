#include "codegen/archive.h"

#include <stdint.h>
#include <string.h>

enum { MAGIC_BYTES = 8, HEADER_BYTES = 60, WORD = 4, MACH_ALIGN = 8 };

static size_t round_up(size_t size, size_t to) {
    return (size + to - 1) / to * to;
}

static void add_zeros(strbuf *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        strbuf_add_bytes(out, "", 1);
    }
}

// Numbers in the index have the high byte first in System V's, the low one in macOS's.
static void add_word(const archive_request *r, size_t value, strbuf *out) {
    for (int i = 0; i < WORD; i++) {
        char byte = (char)(value >> 8 * (r->mach ? i : WORD - 1 - i) & 0xFF);
        strbuf_add_bytes(out, &byte, 1);
    }
}

static void add_header(const char *name, size_t size, strbuf *out) {
    strbuf_addf(out, "%-16s%-12s%-6s%-6s%-8s%-10zu`\n", name, "0", "0", "0", "644", size);
}

static size_t names_bytes(const archive_request *r) {
    size_t bytes = 0;
    for (size_t i = 0; i < r->symbol_count; i++) {
        bytes += strlen(r->symbols[i]) + 1 + r->mach;
    }
    return bytes;
}

// Symbols of macOS begin with an underscore that C does not write.
static void add_names(const archive_request *r, strbuf *out) {
    for (size_t i = 0; i < r->symbol_count; i++) {
        strbuf_add(out, r->mach ? "_" : "");
        strbuf_add_bytes(out, r->symbols[i], strlen(r->symbols[i]) + 1);
    }
}

// ---- System V: the names' count, the member's place for each, the names ----

// A name of more than 15 bytes stands in a table of its own, before the member.
static bool is_long(const archive_request *r) {
    return strlen(r->member) > 15;
}

static void write_system_v(const archive_request *r, strbuf *out) {
    size_t count = r->symbol_count, bytes = round_up((1 + count) * WORD + names_bytes(r), 2);
    size_t table = is_long(r) ? round_up(strlen(r->member) + 2, 2) : 0;
    size_t place = MAGIC_BYTES + HEADER_BYTES + bytes + (table ? HEADER_BYTES + table : 0);
    add_header("/", bytes, out);
    size_t header_end = out->length;
    add_word(r, count, out);
    for (size_t i = 0; i < count; i++) {
        add_word(r, place, out);
    }
    add_names(r, out);
    add_zeros(out, out->failed ? 0 : header_end + bytes - out->length);
    if (table) {
        add_header("//", table, out);
        strbuf_addf(out, "%s/\n%s", r->member, strlen(r->member) % 2 ? "\n" : "");
    }
    strbuf name = {0};
    strbuf_addf(&name, "%s/", r->member);
    add_header(table ? "/0" : strbuf_text(&name), r->size, out);
    strbuf_deinit(&name);
}

// ---- macOS: pairs of a name's and the member's place, then the names; a member's name stands before its bytes ----

static void write_mach(const archive_request *r, strbuf *out) {
    static const char index_name[] = "__.SYMDEF";
    size_t names = round_up(names_bytes(r), MACH_ALIGN), pairs = r->symbol_count * 2 * WORD;
    size_t label =
        round_up(sizeof index_name, MACH_ALIGN) + WORD; // so that the contents lie at a multiple of 8
    size_t bytes = round_up(label + 2 * WORD + pairs + names, MACH_ALIGN);
    size_t place = MAGIC_BYTES + HEADER_BYTES + bytes, at = 0;
    strbuf text = {0};
    strbuf_addf(&text, "#1/%zu", label);
    add_header(strbuf_text(&text), bytes, out);
    size_t header_end = out->length;
    strbuf_add_bytes(out, index_name, sizeof index_name);
    add_zeros(out, label - sizeof index_name);
    add_word(r, pairs, out);
    for (size_t i = 0; i < r->symbol_count; i++) {
        add_word(r, at, out);
        add_word(r, place, out);
        at += strlen(r->symbols[i]) + 2;
    }
    add_word(r, names, out);
    add_names(r, out);
    add_zeros(out, out->failed ? 0 : header_end + bytes - out->length);
    strbuf_deinit(&text);
    size_t member = round_up(strlen(r->member) + 1, MACH_ALIGN);
    strbuf_addf(&text, "#1/%zu", member);
    add_header(strbuf_text(&text), member + r->size, out);
    strbuf_add(out, r->member);
    add_zeros(out, member - strlen(r->member));
    strbuf_deinit(&text);
}

rnnc_status archive_write(const archive_request *r, strbuf *out) {
    if (r->size >= UINT32_MAX) {
        return RNNC_UNSUPPORTED;
    }
    strbuf_add(out, "!<arch>\n");
    if (r->mach) {
        write_mach(r, out);
    } else {
        write_system_v(r, out);
    }
    strbuf_add_bytes(out, r->object, r->size);
    strbuf_add(out, r->size % 2 ? "\n" : "");
    return out->failed ? RNNC_OUT_OF_MEMORY : RNNC_OK;
}
