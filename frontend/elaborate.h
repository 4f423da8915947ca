// The elaborator: evaluates a model's definitions once, as if run on one step of one row, and writes down each
// run-time operation as a node over the axes of its operands. Sizes, numbers and cells are computed on the way;
// nothing is unrolled but `repeat`.
#ifndef RNNC_FRONTEND_ELABORATE_H
#define RNNC_FRONTEND_ELABORATE_H

#include "frontend/ast.h"
#include "frontend/model.h"
#include "ir/build.h"

typedef struct elaborator elaborator;
typedef struct frame frame;
typedef struct builtin builtin;

// ---- Meanings: what an expression stands for ----

typedef enum meaning_kind {
    MEANING_POISON, // an error was reported; whatever is made of it is poison too
    MEANING_NUMBER,
    MEANING_TRUTH,
    MEANING_TEXT,
    MEANING_NODE,
    MEANING_CALLABLE, // a cell, function or builtin, some of its parameters perhaps bound
    MEANING_STATES,   // the final states of an application
    MEANING_AXIS,
} meaning_kind;

// What the elements of a node stand for: the graph knows only real and i32.
typedef enum domain_kind { DOMAIN_REAL, DOMAIN_TOKEN, DOMAIN_MASK, DOMAIN_WHOLE, DOMAIN_MATRIX } domain_kind;

// A set of weights that several uses have in common.
typedef struct sharing {
    const char *name;
    const char *place;
    bool frozen;
    node_id matrix, bias; // of a shared builtin, once they exist (standardise: mean, deviation); else NO_NODE
} sharing;

typedef struct meaning meaning;

typedef struct callable {
    const char *name;
    const definition *def; // or
    const builtin *builtin;
    meaning *slots; // parameters (and a builtin's inputs) given so far
    bool *bound;
    uint32_t slot_count;
    bool has_axes; // softmax[S]
    axis_set axes;
    sharing *shared; // NULL: weights of its own at each use
} callable;

typedef struct final_state {
    const char *name;
    node_id next;  // the state after each step
    node_id value; // at the end; NO_NODE until asked for
    int axis;
    op_id end; // OP_LAST, or OP_FIRST of a backward cell
} final_state;

typedef struct final_states {
    const char *of; // the cell's name
    VEC(final_state) states;
} final_states;

struct meaning {
    meaning_kind kind;
    domain_kind domain; // MEANING_NODE
    int32_t classes;    // DOMAIN_TOKEN
    bool transposed;    // DOMAIN_MATRIX
    union {
        double number;
        bool truth;
        const char *text;
        node_id node;
        const callable *callable;
        final_states *states;
        int axis;
    };
};

typedef VEC(meaning) meanings;

static inline meaning meaning_poison(void) {
    return (meaning){.kind = MEANING_POISON};
}
static inline meaning meaning_number(double x) {
    return (meaning){.kind = MEANING_NUMBER, .number = x};
}
static inline meaning meaning_truth(bool x) {
    return (meaning){.kind = MEANING_TRUTH, .truth = x};
}
static inline meaning meaning_real(node_id n) {
    return (meaning){.kind = n == NO_NODE ? MEANING_POISON : MEANING_NODE, .domain = DOMAIN_REAL, .node = n};
}
static inline meaning meaning_mask(node_id n) {
    return (meaning){.kind = n == NO_NODE ? MEANING_POISON : MEANING_NODE, .domain = DOMAIN_MASK, .node = n};
}
static inline bool is_poison(meaning v) {
    return v.kind == MEANING_POISON;
}
static inline bool is_node(meaning v) {
    return v.kind == MEANING_NODE;
}

// ---- Frames: one use of a definition ----

typedef enum name_role {
    ROLE_PARAMETER,
    ROLE_INPUT,
    ROLE_STATE,
    ROLE_WEIGHT,
    ROLE_SHARE,
    ROLE_EQUATION,
} name_role;

typedef struct local_name {
    const char *name;
    meaning value;
    span where;
    name_role role;
    uint32_t iteration; // of the repeat in which it was given its newest value; 0 outside
    bool used;
} local_name;

typedef struct axis_binding {
    const char *name;
    int axis;
} axis_binding;

typedef struct use_counter {
    const char *name;
    uint32_t uses;
} use_counter;

typedef struct cell_state {
    const char *name;
    const char *full_name;  // lstm.0.h
    span where, next_where; // of its declaration and of `next h`
    int32_t size;
    meaning old, next;
    node_id delay; // NO_NODE in an explicit step
    bool has_next, is_given, used;
} cell_state;

typedef struct named_meaning {
    const char *name;
    span where;
    meaning value;
} named_meaning;

typedef VEC(named_meaning) named_meanings;

struct frame {
    frame *caller;
    const definition *def;
    span call;
    VEC(local_name) names;
    VEC(axis_binding) axes;
    VEC(cell_state) states;
    VEC(use_counter) counters;
    named_meanings outputs;
    const char *weight_place, *state_place; // "" at the model's level
    bool shared, frozen;
    bool told;            // of a standard definition: what went wrong in it was reported
    const char *equation; // the name on the left of the equation being evaluated
    const char *suffix;   // of names within repeat: ".0"
    uint32_t iteration;
    // Cells: the axis along which it runs (NO_AXIS outside any cell), its states' axes, and what `from` or
    // `.step` gave.
    int running;
    bool backward;
    bool stepping;
    axis_set state_axes;
    named_meanings given;
};

typedef struct weight_entry {
    const char *name;
    span where;
    node_id node;
    sharing *shared;
} weight_entry;

typedef struct data_entry {
    const char *name;
    span where;
    bool is_target;
    meaning value;
} data_entry;

// What cross_entropy against a target leaves for the automatic metrics.
typedef struct class_loss {
    node_id logits, target, loss;
    node_id uncounted; // a mask: where weighted_mean has a weight of 0; NO_NODE: all count
} class_loss;

struct elaborator {
    diag_sink *d;
    const source_unit *unit;
    arena *memory;
    graph *g;
    bool training;
    frame *frame;
    uint32_t depth;      // of frames
    uint32_t uses;       // frames opened so far
    uint32_t eval_depth; // of expressions, over all frames
    uint32_t iterations; // of all repeats so far
    uint32_t work;       // expressions evaluated so far
    bool too_large;      // a limit was passed and reported: stop
    VEC(weight_entry) weights;
    VEC(data_entry) data;
    VEC(measured_data) measured; // what `standardise` measures
    VEC(span) warned;
    VEC(class_loss) class_losses;
    named_meanings equations; // of all frames, by their whole names
    const expression *loss;
    node_id loss_node;
    node_id lengths[MAX_AXES]; // of sequences declared [T lengths]; else NO_NODE
    node_id valid[MAX_AXES];   // index(T) < lengths
};

enum {
    ELABORATE_DEPTH_LIMIT = 40,
    ELABORATE_EXPRESSION_LIMIT = 400,
    ELABORATE_REPEAT_LIMIT = 10000,
    ELABORATE_NODE_LIMIT = 400000,
    ELABORATE_NAME_LIMIT = 10000,
    ELABORATE_USE_LIMIT = 200000,
    ELABORATE_WORK_LIMIT = 50000000,
};

// ---- Reports ----

// An error at |where|, followed by a note at each use that led there. What goes wrong in a standard definition is told
// at the use in the user's text, once, with |where| as a note. Returns poison.
// Where |where| lies in the standard library: the use of it in the user's own text. Else NULL.
frame *find_own_use(const elaborator *el, span where);
meaning elaborate_error(elaborator *el, span where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// "12:5", with the file's name if an error at |from| is not told in it.
const char *place_text(elaborator *el, span place, span from);
// "real(200)[T, batch]", "token(10)", "a number", "the cell 'lstm'" …
const char *meaning_text(elaborator *el, meaning v);
// The written text of |where| with spaces and line ends collapsed.
const char *source_text(elaborator *el, span where);

// ---- scope.c: names ----

local_name *scope_find_local(frame *f, const char *name);
// Gives |name| a value; reports a second definition.
void scope_define(elaborator *el, const char *name, span where, meaning v, name_role role);
meaning scope_lookup(elaborator *el, const char *name, span where);
// The axis of this name in the current frame, or NO_AXIS after an error.
int scope_axis(elaborator *el, axis_name name);
cell_state *scope_find_state(frame *f, const char *name);
void scope_warn_unused(elaborator *el);
callable *callable_copy(elaborator *el, const callable *c);

// ---- place.c: names of weights and states ----

const char *place_join(elaborator *el, const char *place, const char *name);
uint32_t place_count(elaborator *el, const char *name);
// |name|, or |name|.k for its k-th use in this frame, so that names within a definition differ.
const char *place_unique(elaborator *el, const char *name);
// The current equation's name with the repeat's suffix.
const char *place_equation(elaborator *el);
// Where the nodes that are made from now on come from. What stands in the standard library comes from its use.
void place_set_origin(elaborator *el, span where, const char *path);
// The node that reads the weight of this full name: made now, or found where |shared| says that uses have it
// in common. Reports a different shape. |what| is the message's subject.
typedef struct weight_request {
    const char *name;
    value_type type;
    initializer init;
    bool frozen;
    sharing *shared; // NULL: a new one
    bool in_shared_frame;
    span where;
    const char *what; // "linear"
} weight_request;
node_id place_weight(elaborator *el, const weight_request *request);

// ---- Expressions and statements ----

meaning evaluate(elaborator *el, const expression *e);
// All values of an application; of any other expression its one.
void evaluate_all(elaborator *el, const expression *e, meanings *out);
void elaborate_block(elaborator *el, const block *b);

// A size: a whole number from 1 to INT32_MAX; 0 after an error.
int32_t evaluate_size(elaborator *el, const expression *e, const char *what);
int32_t size_of_meaning(elaborator *el, meaning v, span where, const char *what);
bool number_of_meaning(elaborator *el, meaning v, span where, const char *what, double *out_number);

// ---- operators.c: run-time values ----

// The node of a real value; numbers become constants, whole numbers are converted. NO_NODE after an error.
node_id real_operand(elaborator *el, meaning v, span where, const char *what);
node_id mask_operand(elaborator *el, meaning v, span where, const char *what);
node_id token_operand(elaborator *el, meaning v, span where, const char *what);
meaning apply_operator(elaborator *el, operator_kind op, meaning a, meaning b, const expression *e);
meaning apply_negate(elaborator *el, meaning a, span where);
meaning apply_not(elaborator *el, meaning a, span where);
// Checks that element-wise operands have equal columns, or one has one; reports as |what|.
bool check_columns(elaborator *el, const char *what, node_id a, node_id b, span where);
node_id spread_axes(elaborator *el, node_id n, axis_set axes);
int32_t columns_of(const elaborator *el, node_id n);
axis_set axes_of(const elaborator *el, node_id n);

// ---- call.c, cell.c: applications ----

typedef struct modifiers {
    bool backward;
    span backward_where;
    const expression *from;  // EXPR_FROM
    const expression *along; // EXPR_ALONG
    bool step;
} modifiers;

typedef struct call_argument {
    const char *name;  // NULL: by place
    const char *label; // the name that was written as the value, for weights; NULL if it was not a name
    span where;        // of the value
    span whole;        // with the name
    meaning value;
} call_argument;

typedef VEC(call_argument) call_arguments;

typedef struct application {
    const callable *callee;
    const modifiers *how;
    span where;
    meaning *slots; // parameters of a definition
    bool *bound;
    named_meanings inputs; // of a cell, in the order of its declarations
    named_meanings states; // given to .step
} application;

void evaluate_call(elaborator *el, const expression *e, meanings *out);
void apply_definition(elaborator *el, const application *a, meanings *out);
// Applies a callable to one value: what activation(x) does.
meaning states_member(elaborator *el, final_states *states, const char *name, span where);

// cell.c, called by apply_definition
bool cell_open(elaborator *el, const application *a, frame *f);
void cell_close(elaborator *el);
void cell_declare_state(elaborator *el, const declaration *decl);
void cell_results(elaborator *el, meanings *out);

// ---- equations.c: equations as outputs on request ----

// Keeps the value of an equation of the current frame, "i" of "lstm.0.i".
void equations_note(elaborator *el, const char *name, span where, meaning v);
// Adds those that are wanted to the model's outputs, but for those that are outputs already.
void equations_show(elaborator *el, const char *const *names, uint32_t count);

// ---- parts.c: slices along axes ----

meaning evaluate_part(elaborator *el, const expression *e);
// What the name of |axis| means for a value over |axes|: the axis, or the one part of it among them.
int parts_resolve(const elaborator *el, int axis, axis_set axes);
// Reports, with false, that |axes| has two of an axis and its parts: no value runs along both.
bool parts_check(elaborator *el, axis_set axes, span where);

// ---- lengths.c ----

void lengths_declare(elaborator *el, int axis);
// |n|, with zeros where a step lies behind its row's length.
node_id lengths_zero(elaborator *el, node_id n);
// |n| where the step of |axis| is valid, |otherwise| where it is not.
node_id lengths_select(elaborator *el, int axis, node_id n, node_id otherwise);
// 1 for each element counted along |over|, 0 for those behind a length; NO_NODE if no axis of it has lengths.
node_id lengths_count(elaborator *el, axis_set over, axis_set of);

#endif
