// The lines of a kernel in a program's text.
#include "passes/plan_words.h"
#include "passes/program_parse.h"

rnnc_status programparse_elem(text_section *s, dtype *out_elem) {
    uint32_t number;
    TRY(irlex_keyword(&s->ir.lex, "an element type (f32, f64, i32)", text_dtype_words(), &number));
    *out_elem = (dtype)number;
    return RNNC_OK;
}

static rnnc_status parse_fold(text_section *s, kernel_desc *k) {
    static const char *const words[] = {"sum", "maximum", "log_sum_exp"};
    static const op_id ops[] = {OP_SUM, OP_MAXIMUM, OP_LSE};
    uint32_t fold;
    TRY(irlex_keyword(&s->ir.lex, "a fold (sum, maximum, log_sum_exp)", (word_list){words, 3}, &fold));
    k->fold = (uint16_t)ops[fold];
    return RNNC_OK;
}

static rnnc_status parse_layout(text_section *s, kernel_desc *k) {
    if (section_accept(s, "fold")) {
        TRY(parse_fold(s, k));
    }
    if (section_accept(s, "gates")) {
        TRY(section_int32(s, "a number of gates", 1, &k->gates));
    }
    if (section_accept(s, "inner")) {
        TRY(section_int32(s, "an inner length", 1, &k->inner));
    }
    k->packed = section_accept(s, "packed");
    k->transposed = section_accept(s, "transposed");
    if (section_accept(s, "site")) {
        TRY(irlex_string(&s->ir.lex, "a site in quotes", &k->site));
        k->site = arena_strdup(&program_parser_of(s)->p->memory, k->site);
    }
    k->batched = section_accept(s, "batched");
    return RNNC_OK;
}

static rnnc_status parse_dims(text_section *s, kernel_desc *k) {
    int64_t dims, kept = 0;
    dtype elem;
    TRY(section_expect(s, "dims"));
    TRY(irlex_int(&s->ir.lex, "row dimensions", 0, KERNEL_MAX_DIMS, &dims));
    TRY(section_expect(s, "columns"));
    TRY(section_int32(s, "a number of columns", 1, &k->columns));
    TRY(section_expect(s, "elem"));
    TRY(programparse_elem(s, &elem));
    if (section_accept(s, "kept")) {
        TRY(irlex_int(&s->ir.lex, "kept dimensions", 1, dims, &kept));
    }
    k->dims = (uint8_t)dims;
    k->kept_dims = (uint8_t)kept;
    k->elem = (uint8_t)elem;
    k->flat = section_accept(s, "flat");
    return RNNC_OK;
}

// kernel 0 product "cell.h" dims 1 columns 200 elem f32 gates 4 inner 200 packed
rnnc_status programparse_kernel(text_section *s) {
    program_parser *parser = program_parser_of(s);
    program *p = parser->p;
    kernel_desc k = {.gates = 1};
    uint32_t kind;
    span where = s->ir.lex.now.where;
    TRY(section_next(s, "kernel", p->kernels.count));
    TRY(irlex_keyword(&s->ir.lex, "a kind of kernel", kernel_kind_words(), &kind));
    k.kind = (kernel_kind)kind;
    TRY(irlex_string(&s->ir.lex, "a kernel's name in quotes", &k.name));
    TRY(parse_dims(s, &k));
    TRY(parse_layout(s, &k));
    k.name = arena_strdup(&p->memory, k.name);
    k.instrs = parser->instrs;
    vec_push(&p->memory, p->kernels, k);
    parser->kernel = &p->kernels.at[p->kernels.count - 1];
    where = irlex_since(&s->ir.lex, where);
    vec_push(&s->ir.scratch, parser->lines.kernels, where);
    return RNNC_OK;
}

// arg f32 [200] uniform written
rnnc_status programparse_arg(text_section *s) {
    kernel_desc *k = program_parser_of(s)->kernel;
    dtype elem;
    if (!k || k->arg_count == KERNEL_MAX_ARGS) {
        return irlex_unexpected(&s->ir.lex, "an argument of a kernel, which has 32 at most,");
    }
    kernel_arg arg = {0};
    TRY(programparse_elem(s, &elem));
    TRY(irlex_expect(&s->ir.lex, '['));
    TRY(section_int32(s, "a number of columns", 1, &arg.columns));
    TRY(irlex_expect(&s->ir.lex, ']'));
    arg.elem = (uint8_t)elem;
    arg.uniform = section_accept(s, "uniform");
    arg.written = section_accept(s, "written");
    k->args[k->arg_count++] = arg;
    return RNNC_OK;
}

static rnnc_status parse_operands(text_section *s, kernel_instr *in) {
    int16_t *operands[] = {&in->a, &in->b, &in->c};
    int count = 0;
    if (s->ir.lex.now.kind != TOKEN_VALUE) {
        return RNNC_OK;
    }
    do {
        span where = s->ir.lex.now.where;
        uint32_t number;
        TRY(irlex_value(&s->ir.lex, "an instruction (%n)", &number));
        if (count == 3 || number >= program_parser_of(s)->kernel->instr_count) {
            return diag_error(s->ir.d, where, "%%%u is no instruction before this one, or a fourth operand",
                              number);
        }
        *operands[count++] = (int16_t)number;
    } while (irlex_accept(&s->ir.lex, ','));
    return RNNC_OK;
}

// %1, %2 arg 0 column 3 value 0.5 : f32 full
static rnnc_status parse_instr_fields(text_section *s, kernel_instr *in) {
    int64_t arg;
    dtype elem;
    TRY(parse_operands(s, in));
    if (section_accept(s, "arg")) {
        TRY(irlex_int(&s->ir.lex, "an argument's number", 0, KERNEL_MAX_ARGS - 1, &arg));
        in->arg = (int16_t)arg;
    }
    if (section_accept(s, in->code == KI_PRODUCT ? "gate" : "column")) {
        TRY(section_int32(s, "a column", 0, &in->column));
    }
    if (in->code == OP_CONST) {
        TRY(section_expect(s, "value"));
        TRY(irlex_float(&s->ir.lex, "a number", &in->f));
    }
    TRY(irlex_expect(&s->ir.lex, ':'));
    TRY(programparse_elem(s, &elem));
    in->elem = (uint8_t)elem;
    in->full = section_accept(s, "full");
    return RNNC_OK;
}

static rnnc_status add_instr(text_section *s, uint16_t code) {
    program_parser *parser = program_parser_of(s);
    kernel_desc *k = parser->kernel;
    if (!k || k->instr_count == KERNEL_MAX_INSTRS) {
        return irlex_unexpected(&s->ir.lex, "an instruction of a kernel, which has 512 at most,");
    }
    kernel_instr in = {.code = code, .a = -1, .b = -1, .c = -1, .arg = -1};
    TRY(parse_instr_fields(s, &in));
    parser->instrs[k->instr_count++] = in;
    return RNNC_OK;
}

rnnc_status programparse_store(text_section *s) {
    return add_instr(s, KI_STORE);
}

static rnnc_status parse_code(text_section *s, uint16_t *out_code) {
    const char *name = s->ir.lex.now.kind == TOKEN_WORD ? s->ir.lex.now.text : "";
    op_id op = op_by_mnemonic(name);
    if (strcmp(name, "load") == 0 || strcmp(name, "product") == 0) {
        *out_code = *name == 'l' ? (uint16_t)KI_LOAD : (uint16_t)KI_PRODUCT;
    } else if (op != OP_COUNT) {
        *out_code = (uint16_t)op;
    } else {
        return irlex_unexpected(&s->ir.lex, "an instruction (an op, load or product)");
    }
    irlex_next(&s->ir.lex);
    return RNNC_OK;
}

// %3 = add %1, %2 : f32 full
rnnc_status programparse_value(text_section *s) {
    const kernel_desc *k = program_parser_of(s)->kernel;
    span where = s->ir.lex.now.where;
    uint32_t number;
    uint16_t code = KI_STORE;
    TRY(irlex_value(&s->ir.lex, "an instruction (%n)", &number));
    if (k && number != k->instr_count) {
        return diag_error(s->ir.d, where,
                          "instructions are numbered in their order: expected %%%u, found %%%u",
                          k->instr_count, number);
    }
    TRY(irlex_expect(&s->ir.lex, '='));
    TRY(parse_code(s, &code));
    return add_instr(s, code);
}

void programparse_end_kernel(program_parser *parser) {
    if (parser->kernel) {
        kernel_desc *k = parser->kernel;
        k->instrs = arena_copy(&parser->p->memory, parser->instrs, k->instr_count * sizeof *k->instrs);
        parser->kernel = NULL;
    }
}
