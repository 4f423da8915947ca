// A recurrent layer as oneDNN's primitive for inference, in the C API of its version 2: vanilla LSTM, or the GRU that resets
// after the product ("linear before reset"). The weights are in the layout that the primitive chooses. Steps have two sets
// of arguments by turns: the states that the one writes are those that the other reads. OMP_NUM_THREADS says how many
// threads there are.
#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/layer_side.h"

enum { MOST_ARGS = 9 };

typedef struct onednn {
    layer_side side;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_memory_desc_t input, state, bias, from_input,
        from_state; // of weights in the order of the case's files
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t layer;
    dnnl_exec_arg_t args[2][MOST_ARGS];
    int arg_count[2], turn;
} onednn;

static void check(dnnl_status_t status) {
    if (status != dnnl_success) {
        char number[16];
        snprintf(number, sizeof number, "%d", (int)status);
        side_fail("oneDNN's status", number);
    }
}

static int gates(const onednn *o) {
    return o->side.gru ? 3 : 4;
}

// The linear-before-reset GRU has another bias, of the product that the reset gate multiplies.
#define BIASES 4

// ---- The primitive ----

static dnnl_memory_desc_t weights_desc(const onednn *o, dnnl_format_tag_t tag) {
    dnnl_memory_desc_t d;
    dnnl_dims_t dims = {1, 1, o->side.hidden, gates(o), o->side.hidden};
    check(dnnl_memory_desc_init_by_tag(&d, 5, dims, dnnl_f32, tag));
    return d;
}

static void describe(onednn *o) {
    int steps = o->side.stream ? 1 : o->side.length;
    dnnl_dims_t input = {steps, o->side.batch, o->side.hidden}, state = {1, 1, o->side.batch, o->side.hidden};
    dnnl_dims_t bias = {1, 1, BIASES, o->side.hidden};
    check(dnnl_memory_desc_init_by_tag(&o->input, 3, input, dnnl_f32, dnnl_tnc));
    check(dnnl_memory_desc_init_by_tag(&o->state, 4, state, dnnl_f32, dnnl_ldnc));
    check(dnnl_memory_desc_init_by_tag(&o->bias, 4, bias, dnnl_f32, dnnl_ldgo));
    o->from_input = o->from_state = weights_desc(o, dnnl_ldigo);
}

static void make_layer(onednn *o) {
    const dnnl_memory_desc_t any = weights_desc(o, dnnl_format_tag_any);
    // A sequence begins with states of zero, and nobody reads the last ones.
    const dnnl_memory_desc_t *state = o->side.stream ? &o->state : NULL;
    dnnl_rnn_desc_t d;
    if (o->side.gru) {
        check(dnnl_lbr_gru_forward_desc_init(&d, dnnl_forward_inference, dnnl_unidirectional_left2right,
                                             &o->input, state, &any, &any, &o->bias, &o->input, state, 0));
    } else {
        check(dnnl_lstm_forward_desc_init(&d, dnnl_forward_inference, dnnl_unidirectional_left2right,
                                          &o->input, state, state, &any, &any, &o->bias, &o->input, state,
                                          state, 0));
    }
    check(dnnl_primitive_desc_create(&o->desc, &d, NULL, o->engine, NULL));
    check(dnnl_primitive_create(&o->layer, o->desc));
}

// ---- Memory ----

static dnnl_memory_t memory_at(const onednn *o, const dnnl_memory_desc_t *desc, void *data) {
    dnnl_memory_t m;
    check(dnnl_memory_create(&m, desc, o->engine, data));
    return m;
}

// The weights of a file in the layout that the primitive chose.
static dnnl_memory_t weights_of(const onednn *o, const char *file, const dnnl_memory_desc_t *plain,
                                int index) {
    float *numbers =
        side_read(&o->side, file, (size_t)gates(o) * (size_t)o->side.hidden * (size_t)o->side.hidden);
    const dnnl_memory_desc_t *chosen = dnnl_primitive_desc_query_md(o->desc, dnnl_query_weights_md, index);
    dnnl_memory_t from = memory_at(o, plain, numbers), to = memory_at(o, chosen, DNNL_MEMORY_ALLOCATE);
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t reorder;
    check(dnnl_reorder_primitive_desc_create(&desc, plain, o->engine, chosen, o->engine, NULL));
    check(dnnl_primitive_create(&reorder, desc));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    check(dnnl_primitive_execute(reorder, o->stream, 2, args));
    check(dnnl_stream_wait(o->stream));
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(desc);
    dnnl_memory_destroy(from);
    free(numbers);
    return to;
}

static dnnl_memory_t zero_state(const onednn *o) {
    dnnl_memory_t m = memory_at(o, &o->state, DNNL_MEMORY_ALLOCATE);
    void *data = NULL;
    check(dnnl_memory_get_data_handle(m, &data));
    for (size_t i = 0; i < side_step_count(&o->side); i++) {
        ((float *)data)[i] = 0;
    }
    return m;
}

static void add_arg(onednn *o, int turn, int arg, dnnl_memory_t memory) {
    o->args[turn][o->arg_count[turn]++] = (dnnl_exec_arg_t){arg, memory};
}

static void add_to_both(onednn *o, int arg, dnnl_memory_t memory) {
    add_arg(o, 0, arg, memory);
    add_arg(o, 1, arg, memory);
}

// Two memories: what is read in one turn is written in the other.
static void add_state(onednn *o, int before, int after) {
    dnnl_memory_t states[2] = {zero_state(o), zero_state(o)};
    for (int turn = 0; turn < 2; turn++) {
        add_arg(o, turn, before, states[turn]);
        add_arg(o, turn, after, states[1 - turn]);
    }
}

static void bind(onednn *o) {
    size_t biases = (size_t)BIASES * (size_t)o->side.hidden;
    add_to_both(o, DNNL_ARG_SRC_LAYER, memory_at(o, &o->input, o->side.inputs));
    add_to_both(o, DNNL_ARG_DST_LAYER, memory_at(o, &o->input, o->side.outputs));
    add_to_both(o, DNNL_ARG_WEIGHTS_LAYER, weights_of(o, "from_input", &o->from_input, 0));
    add_to_both(o, DNNL_ARG_WEIGHTS_ITER, weights_of(o, "from_state", &o->from_state, 1));
    add_to_both(o, DNNL_ARG_BIAS, memory_at(o, &o->bias, side_read(&o->side, "bias", biases)));
    if (o->side.stream) {
        add_state(o, DNNL_ARG_SRC_ITER, DNNL_ARG_DST_ITER);
    }
    if (o->side.stream && !o->side.gru) {
        add_state(o, DNNL_ARG_SRC_ITER_C, DNNL_ARG_DST_ITER_C);
    }
}

static void call(void *user) {
    onednn *o = user;
    check(dnnl_primitive_execute(o->layer, o->stream, o->arg_count[o->turn], o->args[o->turn]));
    check(dnnl_stream_wait(o->stream));
    o->turn = 1 - o->turn;
}

// Memories live as long as the process does.
int main(int argc, char **argv) {
    onednn o = {.side = side_open(argc, argv)};
    check(dnnl_engine_create(&o.engine, dnnl_cpu, 0));
    check(dnnl_stream_create(&o.stream, o.engine, dnnl_stream_default_flags));
    describe(&o);
    make_layer(&o);
    bind(&o);
    side_measure(&o.side, call, &o);
    dnnl_primitive_destroy(o.layer);
    dnnl_primitive_desc_destroy(o.desc);
    side_close(&o.side);
    return 0;
}
