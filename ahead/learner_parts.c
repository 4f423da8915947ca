#include "ahead/learner_parts.h"

#include <string.h>

#include "ahead/parts.h"

typedef struct copy_list {
    VEC(ahead_copy) at;
} copy_list;

// ---- Variables of the program that is used ----

static uint32_t index_of(const weights *w, const weight_array *a) {
    return (uint32_t)(a - w->arrays);
}

// Part |part| of variable |to|, as it lies in the training program's; false if that has no such part.
static bool find_copy(const weights *from, const weights *used, uint32_t to, uint32_t part,
                      ahead_copy *out_copy) {
    weight_part target = weights_part(used, to, part), source;
    if (!weights_find_part(from, target.part->name, &source) || source.rows != target.rows ||
        source.columns != target.columns ||
        source.array->variable->type.elem != target.array->variable->type.elem) {
        return false;
    }
    *out_copy = (ahead_copy){to,
                             index_of(from, source.array),
                             (int32_t)target.rows,
                             (int32_t)target.columns,
                             target.part->from,
                             source.part->from};
    return true;
}

// Whether the copies of a variable's parts would make the same of it again.
static bool is_same(const ahead_copy *copies, uint32_t count, const weights *from, const weights *used) {
    value_type a = used->arrays[copies->to].variable->type, b = from->arrays[copies->from].variable->type;
    bool same = count && type_columns(a) == type_columns(b) && a.rank == b.rank && a.dim[0] == b.dim[0];
    for (uint32_t i = 0; same && i < count; i++) {
        same = copies[i].from == copies[0].from && copies[i].to_column == copies[i].from_column;
    }
    return same;
}

static rnnc_status find_source(learner_parts *parts, const weights *from, const weights *used,
                               uint32_t variable, copy_list *copies, int32_t *out_source, diag_sink *d) {
    const graph_variable *v = used->arrays[variable].variable;
    uint32_t before = copies->at.count;
    for (uint32_t i = 0; i < v->parts.count; i++) {
        ahead_copy copy;
        if (!find_copy(from, used, variable, i, &copy)) {
            return diag_fail(d, RNNC_INTERNAL, NO_SPAN,
                             "the weight '%s' is not there when the model is trained", v->parts.at[i].name);
        }
        vec_push(&parts->memory, copies->at, copy);
    }
    const ahead_copy *own = copies->at.at + before;
    bool same = v->parts.count && is_same(own, v->parts.count, from, used);
    *out_source = same ? (int32_t)own->from : AHEAD_COPIED;
    copies->at.count = same ? before : copies->at.count;
    return RNNC_OK;
}

static rnnc_status find_sources(learner_parts *parts, const weights *from, const weights *used,
                                diag_sink *d) {
    int32_t *source = arena_new_array(&parts->memory, int32_t, used->count + 1);
    copy_list copies = {0};
    for (uint32_t i = 0; i < used->count; i++) {
        TRY(find_source(parts, from, used, i, &copies, &source[i], d));
    }
    parts->training.source = source;
    parts->training.copies = copies.at.at;
    parts->training.copy_count = copies.at.count;
    return RNNC_OK;
}

// ---- Weights by name ----

static bool is_shown(const graph_variable *v, dtype real) {
    return v->role != VARIABLE_SLOT && v->type.elem == real;
}

static void list_weights(learner_parts *parts, const weights *w, dtype real) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        count += w->arrays[i].variable->parts.count;
    }
    ahead_weight *list = arena_new_array(&parts->memory, ahead_weight, count + 1);
    count = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        const graph_variable *v = w->arrays[i].variable;
        for (uint32_t j = 0; j < v->parts.count && is_shown(v, real); j++) {
            weight_part p = weights_part(w, i, j);
            list[count++] =
                (ahead_weight){p.part->name, i, (int32_t)p.rows, (int32_t)p.columns, p.part->from};
        }
    }
    parts->training.weights = list;
    parts->training.weight_count = count;
}

// ---- Requests ----

static const int64_t *find_limits(learner_parts *parts, const engine *e) {
    uint32_t count = engine_input_count(e);
    int64_t *limits = arena_new_array(&parts->memory, int64_t, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        limits[i] = engine_input_limit(e, i);
    }
    return limits;
}

static ahead_request request_of(learner_parts *parts, const engine *e, const learner_options *o) {
    const program *p = engine_program(e);
    const void **none = (const void **)arena_new_array(&parts->memory, void *, p->variables.count + 1);
    return (ahead_request){.program = p,
                           .name = o->name,
                           .variables = none,
                           .limits = find_limits(parts, e),
                           .streams = o->streams,
                           .seed = o->seed,
                           .threads = o->threads};
}

// Whether all elements are the same.
static bool is_uniform(const weight_array *a, int64_t bytes) {
    int64_t element = dtype_bytes(a->variable->type.elem);
    const char *data = a->data;
    return memcmp(data, data + element, (size_t)(bytes - element)) == 0;
}

static void list_first(learner_parts *parts, const weights *w) {
    ahead_training *t = &parts->training;
    const void **first = (const void **)arena_new_array(&parts->memory, void *, w->count + 1);
    const void **stored = (const void **)arena_new_array(&parts->memory, void *, w->count + 1);
    for (uint32_t i = 0; i < w->count; i++) {
        first[i] = w->arrays[i].data;
        stored[i] = is_uniform(&w->arrays[i], ahead_variable_bytes(&t->request, i)) ? NULL : first[i];
    }
    t->first = first;
    t->request.variables = stored;
}

static rnnc_status check_settings(const program *p, diag_sink *d) {
    learner_layout somewhere = {.learned = 0};
    for (uint32_t i = 0; i < p->inputs.count; i++) {
        const program_value *v = &p->inputs.at[i];
        if (!ahead_is_given(v) && !ahead_is_state(v) && ahead_setting(&somewhere, v->name) < 0) {
            return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "training ahead of time has no setting '%s'",
                             v->name);
        }
    }
    return RNNC_OK;
}

static rnnc_status fill_parts(engine *used, engine *trained, const learner_options *o, bool carries,
                              diag_sink *d, learner_parts *parts) {
    ahead_training *t = &parts->training;
    const weights *w = engine_weights(trained);
    TRY(o->streams ? ahead_check_states(used, engine_program(used), d) : RNNC_OK);
    TRY(carries ? ahead_check_states(trained, engine_program(trained), d) : RNNC_OK);
    TRY(check_settings(engine_program(trained), d));
    TRY(find_sources(parts, w, engine_weights(used), d));
    list_weights(parts, w, engine_program(trained)->real);
    t->request = request_of(parts, trained, o);
    list_first(parts, w);
    t->request.streams = carries;
    t->request.trains = true;
    parts->request = request_of(parts, used, o);
    parts->request.training = t;
    return RNNC_OK;
}

static rnnc_status fill(engine *used, engine *trained, const learner_options *o, bool carries, diag_sink *d,
                        learner_parts *parts) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for an object that learns");
    }
    parts->memory.exhausted = &exhausted;
    rnnc_status status = fill_parts(used, trained, o, carries, d, parts);
    parts->memory.exhausted = NULL;
    return status;
}

rnnc_status learner_parts_create(engine *used, engine *trained, const learner_options *o,
                                 const learner_recipe *how, diag_sink *d, learner_parts *out_parts) {
    *out_parts = (learner_parts){.training = {.first = NULL}};
    arena_init(&out_parts->memory);
    out_parts->training.rate = how->rate;
    rnnc_status status = fill(used, trained, o, how->carries, d, out_parts);
    if (status != RNNC_OK) {
        learner_parts_deinit(out_parts);
    }
    return status;
}

void learner_parts_deinit(learner_parts *parts) {
    arena_deinit(&parts->memory);
}
