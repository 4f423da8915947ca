// The header for C and C++ that belongs to an object made ahead of time.
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "codegen/ahead_header.h"
#include "passes/place.h"

static void as_macro(const char *text, char out_text[HEADER_NAME_SIZE]) {
    snprintf(out_text, HEADER_NAME_SIZE, "%s", text);
    for (char *c = out_text; *c; c++) {
        const bool lower = *c >= 'a' && *c <= 'z';
        *c = (char)(lower ? *c - 'a' + 'A' : *c);
        *c = (char)(isalnum((unsigned char)*c) ? *c : '_');
    }
}

static void add_identifier(const char *text, strbuf *out) {
    for (const char *c = text; *c; c++) {
        strbuf_addf(out, "%c", isalnum((unsigned char)*c) ? *c : '_');
    }
}

// ---- Extents ----

static int sequence_count(const program *p) {
    int count = 0;
    for (uint32_t axis = 1; axis < p->axes.count; axis++) {
        count += ahead_is_parameter(p, (int)axis);
    }
    return count;
}

// What the extent of |axis| is called in C: "batch", "length", or with several sequences "length_T"; a number; or
// what it follows from.
static void add_extent(const header *h, int axis, strbuf *out) {
    const program_axis *a = &h->p->axes.at[axis];
    int64_t fixed = ahead_fixed_extent(h->p, axis);
    if (axis == AXIS_BATCH) {
        strbuf_add(out, "batch");
    } else if (fixed) {
        strbuf_addf(out, "%" PRId64, fixed);
    } else if (a->kind == AXIS_IS_PART) {
        add_extent(h, a->part.of, out);
        strbuf_addf(out, " - %" PRId64, PART_BOUND_LIMIT - part_extent(a->part, PART_BOUND_LIMIT));
    } else if (sequence_count(h->p) == 1) {
        strbuf_add(out, "length");
    } else {
        strbuf_add(out, "length_");
        add_identifier(a->name, out);
    }
}

static void add_maxima(const header *h) {
    for (uint32_t axis = 0; axis < h->p->axes.count; axis++) {
        if (ahead_is_parameter(h->p, (int)axis)) {
            strbuf name = {0};
            char upper[HEADER_NAME_SIZE];
            add_extent(h, (int)axis, &name);
            as_macro(strbuf_text(&name), upper);
            int64_t least = program_least_extent(h->p, (int)axis);
            strbuf_addf(h->out, "#define %s_MAX_%s %" PRId64, h->upper, upper, h->p->axes.at[axis].maximum);
            strbuf_addf(h->out, least > 1 ? " /* and at least %" PRId64 " */\n" : "\n", least);
            strbuf_deinit(&name);
        }
    }
}

// ---- Values ----

const char *header_c_type(dtype elem) {
    return elem == DT_F64 ? "double" : elem == DT_F32 ? "float" : "int32_t";
}

// "[length][batch][28]"; a single number of a single row is "[1]".
static void add_shape(const header *h, value_type t) {
    for (uint32_t i = 1; i <= h->p->axes.count; i++) {
        uint32_t axis = i == h->p->axes.count ? AXIS_BATCH : i; // the batch is innermost
        if (t.axes & AXIS_BIT(axis)) {
            strbuf_add(h->out, "[");
            add_extent(h, (int)axis, h->out);
            strbuf_add(h->out, "]");
        }
    }
    if (type_columns(t) > 1 || !t.axes) {
        strbuf_addf(h->out, "[%" PRId64 "]", (int64_t)type_columns(t));
    }
}

static const char *meaning(const program_value *v, int64_t limit) {
    return v->type.elem != DT_I32 ? "real numbers" : limit > 0 ? "tokens" : "whole numbers";
}

static const char *places(value_type t) {
    bool steps = (t.axes & ~AXIS_BIT(AXIS_BATCH)) != 0, rows = (t.axes & AXIS_BIT(AXIS_BATCH)) != 0;
    return steps && rows ? ", for each step and row"
           : steps       ? ", for each step"
           : rows        ? ", for each row"
                         : "";
}

void header_describe_value(const header *h, const program_value *v, const char *prefix, int64_t limit) {
    strbuf_addf(h->out, " *   %s", prefix);
    add_identifier(v->name, h->out);
    add_shape(h, v->type);
    if (strcmp(v->role, "lengths") == 0) {
        strbuf_add(h->out, ": how many steps of each row count, 0 to the length\n");
        return;
    }
    strbuf_addf(h->out, ": the model's '%s', %s", v->name, meaning(v, limit));
    if (limit > 0) {
        strbuf_addf(h->out, ", 0 to %" PRId64, limit - 1);
    }
    strbuf_addf(h->out, "%s\n", places(v->type));
}

static void describe_values(const header *h) {
    strbuf_add(h->out, " * Arrays are dense; the last dimension runs fastest.\n");
    for (uint32_t i = 0; i < h->p->inputs.count; i++) {
        if (ahead_is_given(&h->p->inputs.at[i])) {
            header_describe_value(h, &h->p->inputs.at[i], "in_", ahead_token_limit(h->p, h->r, i));
        }
    }
    for (uint32_t i = 0; i < h->p->outputs.count; i++) {
        if (ahead_is_taken(h->r, &h->p->outputs.at[i])) {
            header_describe_value(h, &h->p->outputs.at[i], "out_", 0);
        }
    }
    strbuf_add(h->out, " * An output that nobody wants may be null.\n");
}

static void describe_states(const header *h) {
    if (!h->r->streams || !h->layout.state_bytes) {
        return;
    }
    strbuf_addf(h->out,
                " *\n * The states are the first %s_STATE_BYTES of the arena, rows of f32 or f64 one after "
                "the other:\n"
                " * copy these bytes to save them, copy them back to go on from there.\n",
                h->upper);
    for (uint32_t i = 0; i < h->p->inputs.count; i++) {
        const program_value *v = &h->p->inputs.at[i];
        if (ahead_is_state(v)) {
            strbuf_addf(h->out, " *   %s at byte %" PRId64 ": %s ", v->name, ahead_state_offset(h->r, i),
                        header_c_type(v->type.elem));
            add_shape(h, v->type);
            strbuf_add(h->out, "\n");
        }
    }
}

// ---- Sizes ----

// Multiplications and additions of one row's products in one step.
static int64_t step_flops(const program *p) {
    int64_t flops = 0;
    for (uint32_t i = 0; i < p->body.count; i++) {
        const program_call *call = &p->calls.at[p->body.at[i].call];
        const kernel_desc *k = &p->kernels.at[call->kernel];
        if (p->body.at[i].kind == ITEM_CALL && k->kind == KERNEL_PRODUCT && !call->inner_axes) {
            flops += 2 * call->inner * k->gates * k->columns;
        }
    }
    return flops;
}

void header_add_number(const header *h, const char *what, int64_t value, const char *comment) {
    strbuf_addf(h->out, "#define %s_%s %" PRId64 "%s%s%s\n", h->upper, what, value, *comment ? " /* " : "",
                comment, *comment ? " */" : "");
}

static void add_sizes(const header *h) {
    header_add_number(h, "ARENA_BYTES", h->layout.bytes, "all that a run writes but for its outputs");
    header_add_number(h, "ARENA_ALIGN", AHEAD_ALIGN, "");
    header_add_number(h, "STATE_BYTES", h->r->streams ? h->layout.state_bytes : 0,
                      "at the begin of the arena");
    add_maxima(h);
    header_add_number(h, "HAS_STEP", h->r->streams, "");
    header_add_number(h, "WEIGHT_BYTES", ahead_weight_bytes(h->r),
                      "what a step reads of the weights at most");
    if (h->r->weights_apart) {
        header_add_number(h, "WEIGHTS_FILE_BYTES", ahead_weights_bytes(ahead_stored(h->r)), "");
    }
    header_add_number(h, "STEP_FLOPS", step_flops(h->p), "of the products, for one row and one step");
    strbuf_add(h->out, "\n/* What the functions return. Nothing has been written unless it is OK. */\n");
    header_add_number(h, "OK", AHEAD_OK, "");
    header_add_number(h, "BAD_ARENA", AHEAD_BAD_ARENA, "null, or not aligned");
    header_add_number(h, "BAD_EXTENT", AHEAD_BAD_EXTENT, "a batch or a length outside of what is allowed");
    header_add_number(h, "NO_INPUT", AHEAD_NO_INPUT, "an input is null");
    header_add_number(h, "BAD_TOKEN", AHEAD_BAD_TOKEN, "a token out of range");
    if (h->r->weights_apart) {
        header_add_number(h, "BAD_WEIGHTS", AHEAD_BAD_WEIGHTS,
                          "null, not aligned, damaged, or those of another object");
    }
    if (h->r->levels) {
        header_add_number(h, "BAD_CPU", AHEAD_BAD_CPU,
                          "no level of the object runs here, or init has not been called");
    }
    if (h->r->training || h->r->threads) {
        header_add_number(h, "BAD_ARGUMENT", AHEAD_BAD_ARGUMENT, "null, or a number out of range");
    }
}

// ---- Functions ----

void header_add_parameters(const header *h, bool step) {
    for (uint32_t axis = 0; axis < h->p->axes.count; axis++) {
        if (ahead_is_parameter(h->p, (int)axis) && (!step || axis == AXIS_BATCH)) {
            strbuf_add(h->out, ", int32_t ");
            add_extent(h, (int)axis, h->out);
        }
    }
    for (uint32_t i = 0; i < h->p->inputs.count; i++) {
        const program_value *v = &h->p->inputs.at[i];
        if (ahead_is_given(v)) {
            strbuf_addf(h->out, ", const %s *in_", header_c_type(v->type.elem));
            add_identifier(v->name, h->out);
        }
    }
    for (uint32_t i = 0; i < h->p->outputs.count; i++) {
        const program_value *v = &h->p->outputs.at[i];
        if (ahead_is_taken(h->r, v)) {
            strbuf_addf(h->out, ", %s *out_", header_c_type(v->type.elem));
            add_identifier(v->name, h->out);
        }
    }
}

const char *header_weights_parameters(const header *h) {
    return h->r->weights_apart ? ", const void *weights, uint64_t weights_bytes" : "";
}

// What init does with a file of weights.
static void add_weights(const header *h) {
    if (h->r->weights_apart) {
        strbuf_addf(
            h->out,
            "/* weights: the file made with the object, all of it, at a multiple of 64 bytes, as mmap gives "
            "it. It is read and\n * checked here%s",
            h->r->training ? ", and copied into the arena: nobody reads it afterwards. */\n"
                           : ", and must stay where it is as long as the arena is used. To make more "
                             "arenas ready, copy this one. */\n");
    }
}

static void add_functions(const header *h) {
    const char *name = h->r->name;
    strbuf_add(
        h->out,
        "\n/* Makes an arena ready: once, before all else. It may be copied and moved afterwards. */\n");
    add_weights(h);
    strbuf_addf(h->out,
                "int32_t %s_init(void *arena%s);\n"
                "/* Begins anew: the states become zero. */\n"
                "int32_t %s_reset(void *arena);\n",
                name, header_weights_parameters(h), name);
    if (h->r->levels) {
        strbuf_addf(h->out,
                    "/* The level of x86-64 that init chose, by what the processor says of itself; 0: init "
                    "has not been "
                    "called. */\nint32_t %s_level(const void *arena);\n",
                    name);
    }
    strbuf_addf(h->out, h->r->streams
                            ? "/* A sequence; goes on from the states and leaves the last ones. */\n"
                            : "/* A sequence, whole: each run begins anew. */\n");
    strbuf_addf(h->out, "int32_t %s_run(void *arena", name);
    header_add_parameters(h, false);
    strbuf_add(h->out, ");\n");
    if (h->r->streams) {
        strbuf_addf(
            h->out,
            "/* One step: a run of length 1. Keep the batch the same until a reset: states go by row. */\n"
            "int32_t %s_step(void *arena",
            name);
        header_add_parameters(h, true);
        strbuf_add(h->out, ");\n");
    } else {
        strbuf_addf(
            h->out,
            "/* There is no %s_step: what the model gives for a step is not known from that step and\n"
            " * the states alone. */\n",
            name);
    }
}

void ahead_print_header(const ahead_request *r, const target_facts *facts, strbuf *out) {
    header h = {.r = r, .p = r->program, .out = out};
    ahead_lay_out(r, &h.layout);
    as_macro(r->name, h.upper);
    strbuf_addf(out,
                "/* The model '%s', compiled ahead of time by rnnc for %s (%s). C11 and C++.\n"
                " *\n"
                " * The object needs nothing else: no library, no memory but the arena, which is the "
                "caller's: %s_ARENA_BYTES\n"
                " * bytes at a multiple of %s_ARENA_ALIGN. Everything happens on the caller's thread. "
                "Threads, and streams\n"
                " * that go on side by side, need an arena each; they share the object.\n"
                " *\n",
                r->name, facts->triple ? facts->triple : "the machine that made it",
                r->levels ? "several levels, chosen in init" : facts->cpu, h.upper, h.upper);
    describe_values(&h);
    describe_states(&h);
    header_describe_training(&h);
    strbuf_addf(out,
                " */\n#ifndef %s_MODEL_H\n#define %s_MODEL_H\n\n#include <stdint.h>\n\n"
                "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n",
                h.upper, h.upper);
    add_sizes(&h);
    add_functions(&h);
    header_add_parallel(&h);
    header_add_training(&h);
    if (r->text) {
        ahead_print_text(r, h.upper, out);
    }
    strbuf_add(out, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
