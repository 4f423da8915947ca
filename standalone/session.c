#include <stdlib.h>
#include <string.h>

#include "standalone/parts.h"

int64_t kind_bytes(int32_t kind) {
    return kind == STANDALONE_F64 ? 8 : 4;
}

const char *axis_name(const standalone_model *m, int axis) {
    return axis == 0 ? "the rows" : m->axes[axis].name;
}

int64_t value_count(const standalone_value *v, const int32_t *extents) {
    int64_t count = v->columns;
    for (int a = 0; a < MOST_AXES; a++) {
        count *= v->axes >> a & 1 ? extents[a] : 1;
    }
    return count;
}

void derive_extents(const standalone_model *m, int32_t *extents) {
    for (int32_t a = 0; a < m->axis_count; a++) {
        if (m->axes[a].whole >= 0) {
            extents[a] = extents[m->axes[a].whole] + m->axes[a].more;
        }
    }
}

// ---- Opening ----

static void **make_rooms(const standalone_model *m, const standalone_value *values, int32_t count) {
    int32_t most[MOST_AXES] = {0};
    for (int32_t a = 0; a < m->axis_count; a++) {
        most[a] = m->axes[a].most;
    }
    void **rooms = take_memory(count + 1, sizeof *rooms);
    for (int32_t i = 0; i < count; i++) {
        rooms[i] = take_memory(value_count(&values[i], most), kind_bytes(values[i].kind));
    }
    return rooms;
}

void session_open(session *s, const standalone_model *m) {
    *s = (session){.m = m, .memory = take_memory(m->arena_bytes + STANDALONE_ALIGN, 1)};
    uintptr_t address = (uintptr_t)s->memory;
    s->arena = (char *)s->memory + (STANDALONE_ALIGN - address % STANDALONE_ALIGN) % STANDALONE_ALIGN;
    s->in = make_rooms(m, m->inputs, m->input_count);
    s->out = make_rooms(m, m->outputs, m->output_count);
    // An arena of ours is good; what can be missing is the processor.
    if (m->init(s->arena) != 0) {
        die("this processor reaches none of the levels that the program was built for");
    }
}

void session_close(session *s) {
    for (int32_t i = 0; i < s->m->input_count; i++) {
        free(s->in[i]);
    }
    for (int32_t i = 0; i < s->m->output_count; i++) {
        free(s->out[i]);
    }
    free(s->in);
    free(s->out);
    free(s->memory);
}

void session_reset(session *s) {
    s->m->reset(s->arena);
}

// ---- Running ----

void session_set_extents(session *s, const int32_t *extents) {
    memcpy(s->extents, extents, sizeof s->extents);
    derive_extents(s->m, s->extents);
    for (int32_t a = 0; a < s->m->axis_count; a++) {
        const standalone_axis *axis = &s->m->axes[a];
        if (axis->whole < 0 && (s->extents[a] < axis->least || s->extents[a] > axis->most)) {
            die("%d along %s: this model was built for %d to %d", s->extents[a], axis_name(s->m, a), axis->least,
                axis->most);
        }
    }
}

// Lengths that nobody gave: all steps count.
void session_fill_lengths(session *s, int32_t index) {
    const standalone_value *v = &s->m->inputs[index];
    int64_t count = value_count(v, s->extents);
    for (int64_t i = 0; i < count; i++) {
        ((int32_t *)s->in[index])[i] = s->extents[v->lengths];
    }
}

// The lengths of rows along |axis|, or NULL.
static const int32_t *find_lengths(const session *s, int axis) {
    for (int32_t i = 0; i < s->m->input_count; i++) {
        if (s->m->inputs[i].lengths == axis) {
            return s->in[i];
        }
    }
    return NULL;
}

// Whether the token at position |at| is behind its row's length: it may be anything.
static bool is_padding(const session *s, const standalone_value *v, int64_t at) {
    int64_t row = at % s->extents[0], rest = at / s->extents[0];
    bool behind = false;
    for (int a = s->m->axis_count - 1; a > 0 && v->axes & 1; a--) {
        if (v->axes >> a & 1) {
            const int32_t *lengths = find_lengths(s, a);
            behind |= lengths && rest % s->extents[a] >= lengths[row];
            rest /= s->extents[a];
        }
    }
    return behind;
}

// Tokens are below the limit, lengths of rows are up to the sequence's.
static void check_numbers(const session *s) {
    for (int32_t i = 0; i < s->m->input_count; i++) {
        const standalone_value *v = &s->m->inputs[i];
        bool lengths = v->lengths >= 0;
        int32_t most = lengths ? s->extents[v->lengths] : v->limit - 1;
        int64_t count = lengths || v->limit > 0 ? value_count(v, s->extents) : 0;
        for (int64_t j = 0; j < count; j++) {
            int32_t number = ((const int32_t *)s->in[i])[j];
            if ((number < 0 || number > most) && (lengths || !is_padding(s, v, j))) {
                die("%s: the %s %d is not one of 0 to %d", v->name, lengths ? "length" : "token", number,
                    most);
            }
        }
    }
}

void session_run(session *s) {
    check_numbers(s);
    int32_t status = s->m->call(s->arena, s->extents, (const void *const *)s->in, s->out);
    if (status != 0) {
        die("the model refuses this run (%d)", status);
    }
}

// ---- Blocks ----

// The place in the file's array of the position |at|, which counts as the object does, without columns.
static int64_t file_place(const session *s, const standalone_value *v, const window *w, int64_t at) {
    int64_t index[MOST_AXES] = {0}, place = 0;
    if (v->axes & 1) {
        index[0] = at % s->extents[0];
        at /= s->extents[0];
    }
    for (int a = s->m->axis_count - 1; a > 0; a--) {
        if (v->axes >> a & 1) {
            index[a] = at % s->extents[a];
            at /= s->extents[a];
        }
    }
    for (int32_t i = 0; i < s->m->axis_count; i++) {
        int a = s->m->order[i];
        if (v->axes >> a & 1) {
            place = place * w->whole[a] + w->first[a] + index[a];
        }
    }
    return place;
}

void session_put(session *s, int32_t index, const void *file, const window *w) {
    const standalone_value *v = &s->m->inputs[index];
    int64_t positions = value_count(v, s->extents) / v->columns, bytes = v->columns * kind_bytes(v->kind);
    for (int64_t at = 0; at < positions; at++) {
        memcpy((char *)s->in[index] + at * bytes, (const char *)file + file_place(s, v, w, at) * bytes,
               (size_t)bytes);
    }
}

void session_get(const session *s, int32_t index, void *file, const window *w) {
    const standalone_value *v = &s->m->outputs[index];
    int64_t positions = value_count(v, s->extents) / v->columns, bytes = v->columns * kind_bytes(v->kind);
    for (int64_t at = 0; at < positions; at++) {
        memcpy((char *)file + file_place(s, v, w, at) * bytes, (const char *)s->out[index] + at * bytes,
               (size_t)bytes);
    }
}
