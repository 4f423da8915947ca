#include <stdlib.h>

#include "ir/text_parse.h"

enum { MOST_OPERANDS = 1 << 20 };
// Attributes count rows, columns and indices; within this their sums and differences cannot overflow.
static const int64_t largest_attr = (int64_t)1 << 53;

static rnnc_status unknown_op(ir_parser *p, const char *mnemonic, span where) {
    const char *mnemonics[OP_COUNT];
    for (int op = 0; op < OP_COUNT; op++) {
        mnemonics[op] = op_get((op_id)op)->mnemonic;
    }
    const char *nearest = nearest_name(mnemonic, mnemonics, OP_COUNT);
    return nearest ? diag_error(p->d, where, "unknown op '%.40s'; did you mean '%s'?", mnemonic, nearest)
                   : diag_error(p->d, where, "unknown op '%.40s'", mnemonic);
}

static rnnc_status parse_op(ir_parser *p, op_id *out_op) {
    if (p->lex.now.kind != TOKEN_WORD) {
        return irlex_unexpected(&p->lex, "an op");
    }
    *out_op = op_by_mnemonic(p->lex.now.text);
    if (*out_op == OP_COUNT) {
        return unknown_op(p, p->lex.now.text, p->lex.now.where);
    }
    irlex_next(&p->lex);
    return RNNC_OK;
}

static rnnc_status parse_operand(ir_parser *p, operand_ref *out_operand) {
    out_operand->where = p->lex.now.where;
    return irlex_value(&p->lex, "an operand (%n)", &out_operand->id);
}

static rnnc_status add_operand(ir_parser *p, node_line *line) {
    operand_ref operand;
    TRY(parse_operand(p, &operand));
    if (line->operands.count == MOST_OPERANDS) {
        return diag_error(p->d, operand.where, "more than %d operands", MOST_OPERANDS);
    }
    vec_push(&p->scratch, line->operands, operand);
    return RNNC_OK;
}

static rnnc_status parse_operands(ir_parser *p, node_line *line) {
    if (p->lex.now.kind != TOKEN_VALUE) {
        return RNNC_OK;
    }
    do {
        TRY(add_operand(p, line));
    } while (irlex_accept(&p->lex, ','));
    return RNNC_OK;
}

static rnnc_status parse_axis_attr(ir_parser *p, attr_value *out_value) {
    int axis = NO_AXIS;
    if (irlex_is_word(&p->lex, "none")) {
        irlex_next(&p->lex);
    } else {
        TRY(irparse_axis(p, &axis));
    }
    out_value->i = axis;
    return RNNC_OK;
}

static rnnc_status parse_attr_value(ir_parser *p, attr_kind kind, attr_value *out_value) {
    axis_set axes;
    switch (kind) {
    case ATTR_NONE: break;
    case ATTR_AXIS: return parse_axis_attr(p, out_value);
    case ATTR_AXES:
        TRY(irparse_axes(p, &axes));
        out_value->i = axes;
        break;
    case ATTR_INT: return irlex_int(&p->lex, "a number", -largest_attr, largest_attr, &out_value->i);
    case ATTR_FLOAT: return irlex_float(&p->lex, "a number", &out_value->f);
    case ATTR_TEXT: return irlex_string(&p->lex, "a text in quotes", &out_value->text);
    }
    return RNNC_OK;
}

static rnnc_status parse_attr(ir_parser *p, node_line *line, unsigned *seen) {
    const op_info *info = op_get(line->op);
    const char *names[MAX_ATTRS];
    int count = op_attr_count(line->op);
    for (int i = 0; i < count; i++) {
        names[i] = info->attr[i].name;
    }
    uint32_t which;
    span where = p->lex.now.where;
    const char *what = arena_printf(&p->scratch, "an attribute of %s", info->mnemonic);
    TRY(irlex_keyword(&p->lex, what, (word_list){names, (uint32_t)count}, &which));
    if (*seen & 1u << which) {
        return diag_fail(p->d, RNNC_SYNTAX, where, "attribute '%s' stands twice", names[which]);
    }
    *seen |= 1u << which;
    TRY(irlex_expect(&p->lex, '='));
    return parse_attr_value(p, info->attr[which].kind, &line->attrs[which]);
}

// Numbers and sets of axes that are not written are 0 and empty; other attributes have no such default.
static rnnc_status check_attrs(ir_parser *p, const node_line *line, unsigned seen) {
    const op_info *info = op_get(line->op);
    for (int i = 0; i < op_attr_count(line->op); i++) {
        attr_kind kind = info->attr[i].kind;
        if (!(seen & 1u << i) && kind != ATTR_INT && kind != ATTR_AXES) {
            return diag_fail(p->d, RNNC_SYNTAX, irlex_since(&p->lex, line->where),
                             "%s lacks its attribute '%s'", info->mnemonic, info->attr[i].name);
        }
    }
    return RNNC_OK;
}

static rnnc_status parse_attr_list(ir_parser *p, node_line *line, unsigned *seen) {
    if (!irlex_accept(&p->lex, '{') || irlex_accept(&p->lex, '}')) {
        return RNNC_OK;
    }
    do {
        TRY(parse_attr(p, line, seen));
    } while (irlex_accept(&p->lex, ','));
    return irlex_expect(&p->lex, '}');
}

static rnnc_status parse_attrs(ir_parser *p, node_line *line) {
    unsigned seen = 0;
    TRY(parse_attr_list(p, line, &seen));
    return check_attrs(p, line, seen);
}

static rnnc_status parse_node_type(ir_parser *p, node_line *line) {
    TRY(irlex_expect(&p->lex, ':'));
    span where = p->lex.now.where;
    TRY(irparse_type(p, &line->type));
    line->type_where = irlex_since(&p->lex, where);
    return RNNC_OK;
}

static rnnc_status parse_path(ir_parser *p, node_line *line) {
    line->path = "";
    return irlex_accept(&p->lex, '@') ? irlex_string(&p->lex, "a path in quotes", &line->path) : RNNC_OK;
}

static rnnc_status parse_node_body(ir_parser *p, node_line *line) {
    TRY(irlex_expect(&p->lex, '='));
    TRY(parse_op(p, &line->op));
    TRY(parse_operands(p, line));
    TRY(parse_attrs(p, line));
    TRY(parse_node_type(p, line));
    TRY(parse_path(p, line));
    line->where = irlex_since(&p->lex, line->where);
    return RNNC_OK;
}

rnnc_status irparse_node_line(ir_parser *p) {
    node_line line = {.where = p->lex.now.where, .made = NO_NODE};
    TRY(irlex_value(&p->lex, "a node", &line.id));
    rnnc_status status = parse_node_body(p, &line);
    line.broken = status != RNNC_OK;
    vec_push(&p->scratch, p->nodes, line);
    return status;
}

rnnc_status irparse_output_line(ir_parser *p) {
    output_line line;
    uint32_t role;
    TRY(irlex_keyword(&p->lex, "a role (value, loss, state, metric)", text_output_words(), &role));
    line.role = (output_role)role;
    TRY(irlex_string(&p->lex, "the output's name in quotes", &line.name));
    TRY(parse_operand(p, &line.node));
    vec_push(&p->scratch, p->outputs, line);
    return RNNC_OK;
}

typedef struct id_entry {
    uint32_t id, line;
} id_entry;

// Lines by the id that they define.
typedef struct id_table {
    id_entry *at;
    uint32_t count;
} id_table;

static int compare_entries(const void *a, const void *b) {
    const id_entry *x = a, *y = b;
    if (x->id != y->id) {
        return x->id < y->id ? -1 : 1;
    }
    return x->line < y->line ? -1 : x->line > y->line;
}

static id_table sort_ids(ir_parser *p) {
    id_table table = {arena_new_array(&p->scratch, id_entry, p->nodes.count), p->nodes.count};
    for (uint32_t i = 0; i < table.count; i++) {
        table.at[i] = (id_entry){p->nodes.at[i].id, i};
    }
    if (table.count) {
        qsort(table.at, table.count, sizeof *table.at, compare_entries);
    }
    return table;
}

static rnnc_status check_unique(ir_parser *p, const id_table *table) {
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 1; i < table->count; i++) {
        if (table->at[i].id == table->at[i - 1].id) {
            status = diag_error(p->d, p->nodes.at[table->at[i].line].where, "%%%u is defined twice",
                                table->at[i].id);
            diag_note(p->d, p->nodes.at[table->at[i - 1].line].where, "it is defined here already");
        }
    }
    return status;
}

#define NO_LINE UINT32_MAX

// The first line that defines |id|, or NO_LINE.
static uint32_t find_line(const id_table *table, uint32_t id) {
    uint32_t low = 0, high = table->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (table->at[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < table->count && table->at[low].id == id ? table->at[low].line : NO_LINE;
}

static rnnc_status report_undefined(ir_parser *p, operand_ref operand) {
    return diag_error(p->d, operand.where, "%%%u is not defined", operand.id);
}

static rnnc_status resolve_operand(ir_parser *p, const id_table *table, uint32_t user, uint32_t index,
                                   node_id *out_node) {
    const node_line *line = &p->nodes.at[user];
    operand_ref operand = line->operands.at[index];
    uint32_t definition = find_line(table, operand.id);
    *out_node = NO_NODE;
    if (definition == NO_LINE) {
        return report_undefined(p, operand);
    }
    if (definition < user) {
        *out_node = p->nodes.at[definition].made;
        // A node that could not be made has been reported: what reads it is left out without a word.
        return *out_node == NO_NODE ? RNNC_TYPE : RNNC_OK;
    }
    if (index == 0 && op_has(line->op, DELAY)) {
        return RNNC_OK;
    }
    return diag_error(p->d, operand.where, "%%%u %s; only operand 0 of a delay may be defined later",
                      operand.id, definition == user ? "reads itself" : "is defined later");
}

static rnnc_status resolve_operands(ir_parser *p, const id_table *table, uint32_t user, node_id *operands) {
    rnnc_status status = RNNC_OK;
    for (uint32_t i = 0; i < p->nodes.at[user].operands.count; i++) {
        rnnc_status one = resolve_operand(p, table, user, i, &operands[i]);
        status = one == RNNC_OK ? status : one;
    }
    return status;
}

static const char *operand_types(ir_parser *p, const node_line *line) {
    enum { MOST_NAMED = 4 };
    const node *n = graph_node(p->g, line->made);
    const char *text = "";
    for (uint32_t i = 0; i < n->operand_count && i < MOST_NAMED; i++) {
        const char *type =
            n->operands[i] == NO_NODE ? "?" : type_text(p->g, graph_type(p->g, n->operands[i]), &p->scratch);
        text = arena_printf(&p->scratch, "%s%s%s", text, i ? ", " : " of ", type);
    }
    return n->operand_count > MOST_NAMED ? arena_printf(&p->scratch, "%s, ...", text) : text;
}

static rnnc_status check_written_type(ir_parser *p, const node_line *line) {
    value_type type = graph_type(p->g, line->made);
    if (type_equal(type, line->type)) {
        return RNNC_OK;
    }
    return diag_error(p->d, line->type_where, "type is written %s, but %s%s gives %s",
                      type_text(p->g, line->type, &p->scratch), op_get(line->op)->mnemonic,
                      operand_types(p, line), type_text(p->g, type, &p->scratch));
}

static rnnc_status make_node(ir_parser *p, const id_table *table, uint32_t number) {
    node_line *line = &p->nodes.at[number];
    if (line->broken) {
        return RNNC_SYNTAX;
    }
    node_id *operands = arena_new_array(&p->scratch, node_id, line->operands.count);
    TRY(resolve_operands(p, table, number, operands));
    p->g->current_origin = graph_add_origin(p->g, line->where, line->path);
    line->made =
        graph_add_node(p->g, p->d, line->op, line->type, operands, line->operands.count, line->attrs);
    return line->made == NO_NODE ? RNNC_TYPE : check_written_type(p, line);
}

// Sets the operands that point forward, now that all nodes exist.
static void close_delays(ir_parser *p, const id_table *table) {
    for (uint32_t i = 0; i < p->nodes.count; i++) {
        const node_line *line = &p->nodes.at[i];
        if (line->made == NO_NODE || !op_has(line->op, DELAY)) {
            continue;
        }
        node_id source = p->nodes.at[find_line(table, line->operands.at[0].id)].made;
        graph_set_operand(p->g, line->made, 0, source);
    }
}

static rnnc_status make_output(ir_parser *p, const id_table *table, const output_line *line) {
    uint32_t definition = find_line(table, line->node.id);
    if (definition == NO_LINE) {
        return report_undefined(p, line->node);
    }
    node_id made = p->nodes.at[definition].made;
    if (made == NO_NODE) {
        return RNNC_TYPE;
    }
    graph_add_output(p->g, line->name, made, line->role);
    return RNNC_OK;
}

rnnc_status irparse_finish(ir_parser *p) {
    id_table table = sort_ids(p);
    rnnc_status status = check_unique(p, &table);
    for (uint32_t i = 0; i < p->nodes.count; i++) {
        rnnc_status one = make_node(p, &table, i);
        status = status == RNNC_OK ? one : status;
    }
    close_delays(p, &table);
    for (uint32_t i = 0; i < p->outputs.count; i++) {
        rnnc_status one = make_output(p, &table, &p->outputs.at[i]);
        status = status == RNNC_OK ? one : status;
    }
    p->g->current_origin = 0;
    return status;
}
