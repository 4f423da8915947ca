// Gradients: which are asked for and given, the second half of a run, and what can be read of the weights' afterwards.
#include <math.h>
#include <string.h>

#include "api/parts.h"

// ---- What is asked for ----

static node_id find_input(const graph *g, const char *name) {
    for (node_id n = 0; n < g->nodes.count; n++) {
        if (graph_node(g, n)->op == OP_INPUT && strcmp(graph_node(g, n)->attr[0].text, name) == 0) {
            return n;
        }
    }
    return NO_NODE;
}

static const graph_output *find_output(const graph *g, const char *name) {
    for (uint32_t i = 0; i < g->outputs.count; i++) {
        if (strcmp(g->outputs.at[i].name, name) == 0 && g->outputs.at[i].role != OUTPUT_METRIC) {
            return &g->outputs.at[i];
        }
    }
    return NULL;
}

// The node with the gradient that |name| stands for; NO_NODE: there is none.
static node_id find_named(const graph *g, const char *name, bool given) {
    if (!given) {
        return find_input(g, name);
    }
    const graph_output *o = find_output(g, name);
    return o ? o->node : NO_NODE;
}

static rnnc_status check_name(const graph *g, const char *name, bool given, diag_sink *d) {
    const char *what = given ? "output or state" : "input or state";
    node_id n = name ? find_named(g, name, given) : NO_NODE;
    if (n == NO_NODE) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "a gradient is of an %s, and the model '%s' has none called '%s'", what, g->name,
                         name ? name : "");
    }
    return dtype_is_float(graph_type(g, n).elem)
               ? RNNC_OK
               : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                           "'%s' is of whole numbers, which have no gradient", name);
}

static rnnc_status take_names(const rnnc_program *p, const char *const *names, size_t count, bool given,
                              diag_sink *d) {
    if (count && !names) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the names of %zu gradients are missing", count);
    }
    for (size_t i = 0; i < count; i++) {
        TRY(check_name(p->model->graph, names[i], given, d));
        for (size_t k = 0; k < i; k++) {
            if (strcmp(names[k], names[i]) == 0) {
                return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "the gradient of '%s' is named twice",
                                 names[i]);
            }
        }
    }
    return RNNC_OK;
}

rnnc_status api_check_gradients(const rnnc_program *p, const rnnc_compile_options *o, diag_sink *d) {
    bool named = o->gradient_count || o->given_gradient_count;
    if (named && p->purpose != RNNC_GRADIENTS && p->purpose != RNNC_TRAIN) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "gradients are those of a program for RNNC_GRADIENTS or RNNC_TRAIN");
    }
    if (o->keep_gradients && p->purpose != RNNC_TRAIN) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "gradients are kept by a program for RNNC_TRAIN; one for RNNC_GRADIENTS has them");
    }
    TRY(take_names(p, o->gradients, o->gradient_count, false, d));
    return take_names(p, o->given_gradients, o->given_gradient_count, true, d);
}

static bool has_named(const program_value *values, uint32_t count, const char *name) {
    for (uint32_t i = 0; i < count; i++) {
        if (program_is_gradient(&values[i]) && strcmp(values[i].name + strlen(GRADIENT_PREFIX), name) == 0) {
            return true;
        }
    }
    return false;
}

rnnc_status api_check_compiled(const rnnc_program *p, const rnnc_compile_options *o, diag_sink *d) {
    const program *compiled = p->program;
    for (size_t i = 0; i < o->gradient_count; i++) {
        if (!has_named(compiled->outputs.at, compiled->outputs.count, o->gradients[i])) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "nothing that the program computes depends on '%s'", o->gradients[i]);
        }
    }
    for (size_t i = 0; i < o->given_gradient_count; i++) {
        if (!has_named(compiled->inputs.at, compiled->inputs.count, o->given_gradients[i])) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "'%s' depends on no trained weight, nor on what a gradient is wanted of",
                             o->given_gradients[i]);
        }
    }
    return RNNC_OK;
}

// ---- The second half of a run ----

static rnnc_status check_given(const rnnc_context *c, rnnc_diagnostics *d) {
    for (uint32_t i = 0; i < c->program->input_count; i++) {
        const program_value *v = &c->program->program->inputs.at[c->program->inputs[i].index];
        if (program_is_gradient(v) && !c->given[i]) {
            return api_fail(d, RNNC_INVALID_ARGUMENT,
                            "the input '%s' has no values: write or bind it after the extents are set",
                            v->name);
        }
    }
    return RNNC_OK;
}

rnnc_status api_run_back(rnnc_context *c, rnnc_diagnostics *d) {
    weights *shared = c->weights->values;
    if (!c->waiting) {
        return api_fail(
            d, RNNC_INVALID_ARGUMENT,
            "the backward pass needs rnnc_run before it, with the extents and inputs as they are");
    }
    if (c->view.version != shared->version) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "the weights have changed since rnnc_run: run again");
    }
    TRY(check_given(c, d));
    if (!c->settled) {
        TRY(api_check_apart(c, d));
    }
    c->waiting = false;
    if (c->copies) {
        api_gather_inputs(c, true);
    }
    TRY(api_report(d, &c->sink, engine_run_second(c->engine, &c->sink)));
    shared->version = c->view.version;
    if (c->copies) {
        api_scatter_outputs(c, true);
    }
    c->has_gradients = true;
    return RNNC_OK;
}

rnnc_status rnnc_backward(rnnc_context *c, rnnc_diagnostics *diagnostics) {
    if (!c || c->program->purpose != RNNC_GRADIENTS || !c->program->waits) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT,
                        "rnnc_backward needs a context of a program for RNNC_GRADIENTS with given gradients");
    }
    return api_run_back(c, diagnostics);
}

// ---- Gradients of weights ----

static const char weight_prefix[] = "gradient.";

static bool keeps_gradients(const rnnc_program *p) {
    return p->purpose == RNNC_GRADIENTS || (p->purpose == RNNC_TRAIN && p->keeps_gradients);
}

static rnnc_status check_gradients(const rnnc_context *c, rnnc_diagnostics *d) {
    if (!c || !c->has_gradients || !keeps_gradients(c->program)) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "gradients of weights are read after a run (with given gradients, after its backward "
                        "pass) of a program for RNNC_GRADIENTS, or for RNNC_TRAIN with keep_gradients");
    }
    return RNNC_OK;
}

static int find_gradient(const rnnc_context *c, const char *variable) {
    const program *p = c->program->program;
    for (uint32_t i = 0; i < p->outputs.count; i++) {
        const char *name = p->outputs.at[i].name;
        size_t prefix = strlen(weight_prefix);
        if (strncmp(name, weight_prefix, prefix) == 0 && strcmp(name + prefix, variable) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static double element(const void *values, dtype elem, int64_t index) {
    return elem == DT_F64 ? ((const double *)values)[index] : (double)((const float *)values)[index];
}

// Where a gradient goes: the array of a caller, and whether it is added to what is there.
typedef struct gradient_copy {
    rnnc_type type;
    bool adds;
    void *data;
} gradient_copy;

static void put_element(const gradient_copy *to, int64_t i, double x) {
    if (to->type == RNNC_F32) {
        float *at = (float *)to->data + i;
        *at = (float)(to->adds ? (double)*at + x : x);
    } else {
        double *at = (double *)to->data + i;
        *at = to->adds ? *at + x : x;
    }
}

static void copy_gradient(const rnnc_context *c, const weight_part *part, const gradient_copy *to) {
    int output = find_gradient(c, part->array->variable->name);
    int64_t count = 0;
    const void *from = output < 0 ? NULL : engine_output(c->engine, (uint32_t)output, &count);
    dtype elem = part->array->variable->type.elem;
    for (int64_t i = 0; i < part->rows * part->columns; i++) {
        int64_t at = i / part->columns * part->stride + part->part->from + i % part->columns;
        put_element(to, i, from ? element(from, elem, at) : 0);
    }
}

static rnnc_status take_gradient(const rnnc_context *c, const char *name, const gradient_copy *to,
                                 size_t count, rnnc_diagnostics *d) {
    TRY(check_gradients(c, d));
    weight_part part;
    if (!name || !to->data || (to->type != RNNC_F32 && to->type != RNNC_F64) ||
        !weights_find_part(&c->view, name, &part)) {
        return api_fail(d, RNNC_INVALID_ARGUMENT,
                        "a gradient needs a weight's name, an array, and RNNC_F32 or RNNC_F64");
    }
    if (count != (size_t)(part.rows * part.columns)) {
        return api_fail(d, RNNC_INVALID_ARGUMENT, "the weight '%s' has %lld x %lld elements, found %zu", name,
                        (long long)part.rows, (long long)part.columns, count);
    }
    copy_gradient(c, &part, to);
    return RNNC_OK;
}

rnnc_status rnnc_context_read_gradient(const rnnc_context *c, const char *name, rnnc_type type, void *data,
                                       size_t count, rnnc_diagnostics *diagnostics) {
    gradient_copy to = {type, false, data};
    return take_gradient(c, name, &to, count, diagnostics);
}

rnnc_status rnnc_context_add_gradient(const rnnc_context *c, const char *name, rnnc_type type, void *data,
                                      size_t count, rnnc_diagnostics *diagnostics) {
    gradient_copy to = {type, true, data};
    return take_gradient(c, name, &to, count, diagnostics);
}

rnnc_status rnnc_context_gradient_norm(const rnnc_context *c, rnnc_diagnostics *diagnostics,
                                       double *out_norm) {
    TRY(check_gradients(c, diagnostics));
    if (!out_norm) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "the norm needs a place to be put");
    }
    double sum = 0;
    for (uint32_t i = 0; i < c->view.count; i++) {
        const graph_variable *v = c->view.arrays[i].variable;
        int output = find_gradient(c, v->name);
        int64_t count = 0;
        const void *from = output < 0 ? NULL : engine_output(c->engine, (uint32_t)output, &count);
        for (int64_t k = 0; from && k < count; k++) {
            double x = element(from, v->type.elem, k);
            sum += x * x;
        }
    }
    *out_norm = sqrt(sum);
    return RNNC_OK;
}
