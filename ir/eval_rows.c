// Rows and elements by number, and the changes of variables.
#include <stdlib.h>
#include <string.h>

#include "ir/eval.h"

// A walk over tokens: what each of them selects from, and the first that selects nothing.
typedef struct token_walk {
    int64_t limit;   // tokens are 0 … limit - 1
    int64_t columns; // of the vectors that go with them
    bool f32;        // sums are rounded to f32 one by one
    bool failed;
    double offender;
} token_walk;

// False, with a note of it, if |token| is out of range.
static bool accept(token_walk *w, double token) {
    if (token >= 0 && token < (double)w->limit) {
        return true;
    }
    if (!w->failed) {
        w->failed = true;
        w->offender = token;
    }
    return false;
}

static rnnc_status finish(const eval_call *c, const token_walk *w) {
    if (!w->failed) {
        return RNNC_OK;
    }
    return eval_fail(c, RNNC_INVALID_ARGUMENT, "token %.0f is not in 0 to %lld", w->offender,
                     (long long)w->limit - 1);
}

// p[0] result vector, p[1] token, p[2] table.
static void gather_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    token_walk *w = context;
    for (int64_t i = 0; i < n; i++) {
        double token = p[1][i * s[1]];
        if (accept(w, token)) {
            memcpy(p[0] + i * s[0], p[2] + (int64_t)token * w->columns, (size_t)w->columns * sizeof(double));
        }
    }
}

rnnc_status eval_GATHER(eval_call *c) {
    value_type table = eval_operand_type(c, 0);
    token_walk w = {.limit = table.dim[0], .columns = table.dim[1]};
    eval_box rows = eval_rows_of(&c->box);
    eval_walk(&rows, (eval_place[]){c->out, eval_operand(c, 1), eval_operand(c, 0)}, 3, gather_inner, &w);
    return finish(c, &w);
}

// p[0] result, p[1] token, p[2] vector.
static void pick_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    token_walk *w = context;
    for (int64_t i = 0; i < n; i++) {
        double token = p[1][i * s[1]];
        if (accept(w, token)) {
            p[0][i * s[0]] = p[2][i * s[2] + (int64_t)token];
        }
    }
}

rnnc_status eval_PICK(eval_call *c) {
    token_walk w = {.limit = type_columns(eval_operand_type(c, 0))};
    eval_walk(&c->box, (eval_place[]){c->out, eval_operand(c, 1), eval_operand(c, 0)}, 3, pick_inner, &w);
    return finish(c, &w);
}

static void check_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        accept(context, p[0][i * s[0]]);
    }
}

// p[0] table, p[1] token, p[2] vector to add.
static void add_rows_inner(void *context, double *const p[], const int64_t s[], int64_t n) {
    const token_walk *w = context;
    for (int64_t i = 0; i < n; i++) {
        double *row = p[0] + (int64_t)p[1][i * s[1]] * w->columns;
        const double *values = p[2] + i * s[2];
        for (int64_t k = 0; k < w->columns; k++) {
            double sum = row[k] + values[k];
            row[k] = w->f32 ? (float)sum : sum;
        }
    }
}

// Adds the vectors of operand |i| + 1 to the rows of |table| that the tokens of operand |i| name; nothing if one
// of these is out of range.
static rnnc_status add_rows(const eval_call *c, token_walk *w, uint32_t i, double *table) {
    eval_box all = eval_box_of(c->run, eval_operand_type(c, i)), rows = eval_rows_of(&all);
    eval_place tokens = eval_operand(c, i), values = eval_operand(c, i + 1);
    eval_walk(&rows, &tokens, 1, check_inner, w);
    TRY(finish(c, w));
    if (c->run->check_only) {
        return RNNC_OK;
    }
    eval_walk(&rows, (eval_place[]){{.at = table}, tokens, values}, 3, add_rows_inner, w);
    return RNNC_OK;
}

rnnc_status eval_SCATTER(eval_call *c) {
    token_walk w = {.limit = c->n->type.dim[0], .columns = c->n->type.dim[1]};
    eval_fill(&c->box, &c->out, 0);
    return add_rows(c, &w, 0, c->out.at);
}

// A position and its token.
typedef struct position {
    double token;
    int64_t row;
} position;

static int compare_positions(const void *a, const void *b) {
    const position *p = a, *q = b;
    if (p->token != q->token) {
        return p->token < q->token ? -1 : 1;
    }
    return p->row < q->row ? -1 : p->row > q->row;
}

// Tokens and values have the same axes, so both lie in the order of their positions, without gaps.
rnnc_status eval_SEGMENT(eval_call *c) {
    int64_t columns = type_columns(c->n->type), count = eval_count(c->run, c->n->type) / columns;
    const double *tokens = c->run->values[c->n->operands[0]], *values = c->run->values[c->n->operands[1]];
    position *sorted = eval_scratch(c->run, (size_t)count * sizeof *sorted);
    if (!sorted) {
        return eval_fail(c, RNNC_OUT_OF_MEMORY, "no memory left");
    }
    for (int64_t i = 0; i < count; i++) {
        sorted[i] = (position){tokens[i], i};
    }
    qsort(sorted, (size_t)count, sizeof *sorted, compare_positions);
    eval_fill(&c->box, &c->out, 0);
    double *sum = c->out.at;
    for (int64_t i = 0; i < count; i++) {
        if (i == 0 || sorted[i].token != sorted[i - 1].token) {
            sum = c->out.at + sorted[i].row * columns;
        }
        for (int64_t k = 0; k < columns; k++) {
            sum[k] += values[sorted[i].row * columns + k];
        }
    }
    return RNNC_OK;
}

static double *changed_variable(const eval_call *c) {
    const graph *g = c->run->g;
    return c->run->variables[graph_variable_of(g, c->n->operands[0]) - g->variables.at];
}

rnnc_status eval_ASSIGN(eval_call *c) {
    size_t count = (size_t)eval_count(c->run, c->n->type);
    if (!c->run->check_only) {
        memcpy(changed_variable(c), c->run->values[c->n->operands[1]], count * sizeof(double));
    }
    return RNNC_OK;
}

rnnc_status eval_ADD_ROWS(eval_call *c) {
    value_type table = c->n->type;
    token_walk w = {
        .limit = table.dim[0], .columns = table.dim[1], .f32 = table.elem == DT_F32 && !c->run->f64};
    return add_rows(c, &w, 1, changed_variable(c));
}
