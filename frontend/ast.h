// The syntax tree: what the parser makes and the elaborator reads. All of it lives in the unit's arena.
#ifndef RNNC_FRONTEND_AST_H
#define RNNC_FRONTEND_AST_H

#include "frontend/lex.h"
#include "frontend/model.h"

typedef enum expression_kind {
    EXPR_NUMBER,   // number
    EXPR_TEXT,     // text
    EXPR_NAME,     // text
    EXPR_NEXT,     // next text
    EXPR_NEGATE,   // -a
    EXPR_NOT,      // not a
    EXPR_BINARY,   // a op b
    EXPR_CALL,     // a(args), also the prefix form `sum[T] x`
    EXPR_AXES,     // a[axes]
    EXPR_SLICE,    // a[from:to], or a[from]
    EXPR_PART,     // a[axes[0]: from..to]
    EXPR_MEMBER,   // a.text
    EXPR_BACKWARD, // backward a
    EXPR_FROM,     // a from (args), or a from b
    EXPR_ALONG,    // a along axes[0] [as axes[1]]
} expression_kind;

typedef enum operator_kind {
    OPERATOR_ADD,
    OPERATOR_SUBTRACT,
    OPERATOR_MULTIPLY,
    OPERATOR_DIVIDE,
    OPERATOR_POWER,
    OPERATOR_LESS,
    OPERATOR_LESS_EQUAL,
    OPERATOR_GREATER,
    OPERATOR_GREATER_EQUAL,
    OPERATOR_EQUAL,
    OPERATOR_NOT_EQUAL,
    OPERATOR_AND,
    OPERATOR_OR,
} operator_kind;

typedef struct expression expression;

typedef struct argument {
    const char *name; // NULL: by place
    span where;
    expression *value;
} argument;

typedef struct axis_name {
    const char *name;
    span where;
} axis_name;

struct expression {
    expression_kind kind;
    operator_kind op;
    span where;
    double number;
    const char *text;
    expression *a, *b;
    expression *from, *to; // EXPR_SLICE, EXPR_PART: bounds, or NULL; a[i] has |single| set and from = i
    bool single;
    VEC(argument) args;
    VEC(axis_name) axes;
};

typedef enum type_kind { TYPE_NONE, TYPE_REAL, TYPE_TOKEN } type_kind;

typedef struct axis_declaration {
    axis_name axis;
    expression *size; // [K = 5]; else NULL
    bool lengths;     // [T lengths]
} axis_declaration;

// One name of an input, target, state or weight statement, or a parameter.
typedef struct declaration {
    const char *name;
    span where;
    type_kind type;             // inputs and targets of models
    expression *columns;        // real(columns), token(columns); NULL: one
    VEC(axis_declaration) axes; // of inputs, targets and parameters
    VEC(expression *) sizes;    // of states and weights
    expression *value;          // a parameter's default
    expression *init;           // of weights
    bool frozen;                // of weights
    const char *file_tensor;    // weight W from "tensor"
} declaration;

typedef struct target_name {
    const char *name;
    span where;
    bool is_next;
} target_name;

typedef enum statement_kind {
    STATEMENT_INPUT,
    STATEMENT_TARGET,
    STATEMENT_STATE,
    STATEMENT_WEIGHT,
    STATEMENT_SHARE,    // names[0], value, frozen
    STATEMENT_EQUATION, // names = value
    STATEMENT_OUTPUT,   // outputs
    STATEMENT_METRIC,   // names[0] = value
    STATEMENT_REPEAT,   // value, names[0] if counted, body
    STATEMENT_IF,       // value, body, otherwise
} statement_kind;

typedef struct statement statement;
typedef VEC(statement *) block;

struct statement {
    statement_kind kind;
    span where;
    VEC(declaration) declarations;
    VEC(target_name) names;
    VEC(argument) outputs;
    expression *value;
    bool frozen;
    block body, otherwise;
};

typedef enum definition_kind { DEFINITION_CELL, DEFINITION_FUNCTION, DEFINITION_MODEL } definition_kind;

typedef struct source_unit source_unit;

typedef struct definition {
    definition_kind kind;
    const char *name;
    span where;
    VEC(declaration) parameters;
    VEC(declaration) inputs; // of cells, gathered from the input statements of the outermost block
    VEC(declaration) states; // likewise
    block body;
    bool is_standard; // of the standard library: names resolve there, errors are told at the use
} definition;

typedef enum recipe_item_kind {
    ITEM_BATCH, // value
    ITEM_STEPS, // name = value, |every|
    ITEM_CARRY,
    ITEM_INIT,         // name: pattern or NULL, value
    ITEM_OPTIMIZER,    // value: a call
    ITEM_CLIP_NORM,    // value
    ITEM_CLIP_VALUE,   // value
    ITEM_SCHEDULE,     // schedule, counts_steps; value: factor, every: length, after (or NULL)
    ITEM_WEIGHT_DECAY, // name: pattern or NULL, value
    ITEM_FREEZE,       // name: pattern
    ITEM_SKIP_LIMIT,   // value
    ITEM_STOP,         // value: epochs
    ITEM_EPOCHS,       // value
    ITEM_MAX_STEPS,    // value
    ITEM_SET,          // name = value
    ITEM_BIND,         // name = value or series
    ITEM_EXAMPLES,
    ITEM_WINDOWS, // every: stride or NULL
    ITEM_RANDOM_WINDOWS,
    ITEM_STREAMS,
    ITEM_VALIDATION,       // value, of_each
    ITEM_TEST,             // value, of_each
    ITEM_VALIDATION_FILES, // value: a call whose arguments are the keys
    ITEM_KEEP_BEST,
} recipe_item_kind;

typedef struct recipe_item {
    recipe_item_kind kind;
    span where;
    span name_where;
    const char *name;
    expression *value, *every, *after;
    bool of_each; // validation last n of each
    schedule_kind schedule;
    bool counts_steps;
    const char *variable; // series(value in variable, variable = low to high by step)
    expression *low, *high, *step;
} recipe_item;

typedef struct recipe_definition {
    const char *name;
    span where;
    const char *base; // NULL: none
    span base_where;
    VEC(recipe_item) items;
} recipe_definition;

typedef struct use_statement {
    const char *path;
    span where;
} use_statement;

typedef struct syntax_tree {
    VEC(definition *) definitions;
    VEC(recipe_definition *) recipes;
    VEC(use_statement) uses;
} syntax_tree;

#endif
