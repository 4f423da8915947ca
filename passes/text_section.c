#include "passes/text_section.h"

rnnc_status section_node(text_section *s, node_id *out_node) {
    span where = s->ir.lex.now.where;
    uint32_t id;
    TRY(irlex_value(&s->ir.lex, "a node (%n)", &id));
    if (id >= s->ir.g->nodes.count) {
        return diag_error(s->ir.d, where, "%%%u is not defined: the graph has %u nodes", id,
                          s->ir.g->nodes.count);
    }
    *out_node = id;
    return RNNC_OK;
}

rnnc_status section_index(text_section *s, const char *what, uint32_t count, uint32_t *out_index) {
    span where = s->ir.lex.now.where;
    int64_t value;
    TRY(irlex_int(&s->ir.lex, what, 0, UINT32_MAX - 1, &value));
    if (value >= count) {
        return diag_error(s->ir.d, where, "there is no %lld here: expected the number of %s, one of %u",
                          (long long)value, what, count);
    }
    *out_index = (uint32_t)value;
    return RNNC_OK;
}

rnnc_status section_next(text_section *s, const char *what, uint32_t count) {
    span where = s->ir.lex.now.where;
    int64_t value;
    TRY(irlex_int(&s->ir.lex, what, 0, UINT32_MAX - 1, &value));
    return value == count
               ? RNNC_OK
               : diag_error(s->ir.d, where, "lines are numbered in their order: expected %s %u, found %lld",
                            what, count, (long long)value);
}

rnnc_status section_int32(text_section *s, const char *what, int32_t least, int32_t *out_value) {
    int64_t value;
    TRY(irlex_int(&s->ir.lex, what, least, INT32_MAX, &value));
    *out_value = (int32_t)value;
    return RNNC_OK;
}

bool section_accept(text_section *s, const char *word) {
    if (!irlex_is_word(&s->ir.lex, word)) {
        return false;
    }
    irlex_next(&s->ir.lex);
    return true;
}

rnnc_status section_expect(text_section *s, const char *word) {
    char expected[64];
    snprintf(expected, sizeof expected, "'%s'", word);
    return section_accept(s, word) ? RNNC_OK : irlex_unexpected(&s->ir.lex, expected);
}

rnnc_status section_target(text_section *s, target_shape *out_shape) {
    span where = s->ir.lex.now.where;
    int32_t bytes, registers;
    TRY(section_expect(s, "vectors"));
    TRY(section_int32(s, "bytes of a vector register", 1, &bytes));
    TRY(section_expect(s, "registers"));
    TRY(section_int32(s, "a number of vector registers", 1, &registers));
    bool known =
        (bytes == 16 || bytes == 32 || bytes == 64) && (registers == 8 || registers == 16 || registers == 32);
    *out_shape = (target_shape){.vector_bytes = bytes, .vector_registers = registers};
    return known ? RNNC_OK
                 : diag_error(s->ir.d, irlex_since(&s->ir.lex, where),
                              "expected 8, 16 or 32 registers of 16, 32 or 64 bytes, found %d of %d",
                              registers, bytes);
}

static rnnc_status parse_line(text_section *s) {
    uint32_t word = s->words.count;
    if (!s->values || s->ir.lex.now.kind != TOKEN_VALUE) {
        TRY(irlex_keyword(&s->ir.lex, s->expected, s->words, &word));
    }
    TRY(s->parse_line(s, word));
    return irlex_at_line_end(&s->ir.lex) ? RNNC_OK : irlex_unexpected(&s->ir.lex, "the end of the line");
}

static rnnc_status parse_lines(text_section *s) {
    ir_lexer *l = &s->ir.lex;
    rnnc_status status = RNNC_OK;
    while (l->now.kind != TOKEN_END && status == RNNC_OK) {
        if (l->now.kind == TOKEN_LINE) {
            irlex_next(l);
        } else {
            status = parse_line(s);
        }
    }
    return status == RNNC_OK ? s->finish(s) : status;
}

static rnnc_status parse_guarded(text_section *s, uint32_t file, uint32_t at) {
    arena_init(&s->ir.scratch);
    s->ir.scratch.exhausted = &s->ir.exhausted;
    s->ir.g->memory.exhausted = &s->ir.exhausted;
    if (setjmp(s->ir.exhausted)) {
        return diag_fail(s->ir.d, RNNC_OUT_OF_MEMORY, NO_SPAN, "out of memory");
    }
    irlex_init_at(&s->ir.lex, s->ir.d, file, at, &s->ir.scratch);
    return parse_lines(s);
}

rnnc_status section_parse(text_section *s, diag_sink *d, uint32_t file, uint32_t at, graph *g) {
    s->ir.d = d;
    s->ir.g = g;
    rnnc_status status = parse_guarded(s, file, at);
    g->memory.exhausted = NULL;
    arena_deinit(&s->ir.scratch);
    return status;
}
