#include "codegen/ahead_train.h"

#include <string.h>

#include "passes/update.h"

// ---- Layout ----

static int64_t copied_bytes(const ahead_request *r, uint32_t variables) {
    int64_t bytes = 0;
    for (uint32_t i = 0; i < variables; i++) {
        bool copied = r->training->source[i] == AHEAD_COPIED;
        bytes += copied ? ahead_round_up(ahead_variable_bytes(r, i)) : 0;
    }
    return bytes;
}

static int64_t learned_bytes(const ahead_request *r, uint32_t variables) {
    int64_t bytes = LEARNED_HEAD;
    for (uint32_t i = 0; i < variables; i++) {
        bytes += ahead_round_up(ahead_variable_bytes(r, i));
    }
    return bytes;
}

static void lay_out_from(const ahead_request *r, int64_t from, learner_layout *l) {
    ahead_layout trained;
    const program *p = r->training->request.program;
    ahead_lay_out(&r->training->request, &trained);
    l->program = from;
    l->marks = from + trained.bytes;
    l->copies = l->marks + AHEAD_ALIGN;
    l->learned = l->copies + copied_bytes(r, r->program->variables.count);
    l->learned_bytes = learned_bytes(&r->training->request, p->variables.count);
    l->end = l->learned + l->learned_bytes;
}

void ahead_lay_out_learner(const ahead_request *r, learner_layout *out_layout) {
    ahead_layout own;
    ahead_lay_out(r, &own);
    lay_out_from(r, own.learner, out_layout);
}

int64_t ahead_learner_end(const ahead_request *r, int64_t from) {
    learner_layout l;
    lay_out_from(r, from, &l);
    return l.end;
}

int64_t ahead_training_variable(const ahead_training *t, const learner_layout *l, uint32_t variable) {
    return l->learned + learned_bytes(&t->request, variable);
}

int64_t ahead_used_variable(const ahead_request *r, const learner_layout *l, uint32_t variable) {
    int32_t source = r->training->source[variable];
    return source == AHEAD_COPIED ? l->copies + copied_bytes(r, variable)
                                  : ahead_training_variable(r->training, l, (uint32_t)source);
}

int64_t ahead_setting(const learner_layout *l, const char *name) {
    static const struct {
        const char *name;
        int64_t at;
    } known[] = {{UPDATE_EPOCH, LEARNED_EPOCH},
                 {UPDATE_STEP, LEARNED_STEP_F64},
                 {UPDATE_PLATEAUS, LEARNED_PLATEAUS},
                 {UPDATE_BASE_RATE, LEARNED_RATE}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return l->learned + known[i].at;
        }
    }
    return -1;
}

int64_t ahead_weight_offset(const ahead_training *t, const learner_layout *l, uint32_t index) {
    const ahead_weight *w = &t->weights[index];
    dtype elem = t->request.program->variables.at[w->variable].type.elem;
    return ahead_training_variable(t, l, w->variable) + (int64_t)w->first_column * dtype_bytes(elem);
}

// ---- Identity ----

// FNV-1a, 64 bits.
static uint64_t mix(uint64_t hash, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    }
    return hash;
}

uint64_t ahead_identity(const ahead_training *t) {
    const program *p = t->request.program;
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < p->variables.count; i++) {
        const graph_variable *v = &p->variables.at[i];
        const int32_t shape[] = {v->type.elem, v->type.rank, v->type.dim[0],
                                 v->type.rank == 2 ? v->type.dim[1] : 1};
        hash = mix(hash, v->name, strlen(v->name) + 1);
        hash = mix(hash, shape, sizeof shape);
    }
    return hash;
}

// ---- Threads ----

int64_t ahead_share_scratch(void) {
    return SHARE_ARGS + ahead_round_up((KERNEL_MAX_ARGS + 1) * 8);
}

// A line behind keeps one thread's last writes off the first line of the next.
int64_t ahead_share_bytes(int64_t scratch_bytes) {
    return ahead_share_scratch() + scratch_bytes + AHEAD_ALIGN;
}

int64_t ahead_shares_bytes(int32_t threads, int64_t scratch_bytes) {
    return SHARE_HEAD + threads * ahead_share_bytes(scratch_bytes);
}
