// Values on standard input, raw or as text, and answers on standard output. A model whose states go on answers each
// step as it comes; another one reads a whole sequence first.
#include <stdlib.h>
#include <string.h>

#include "standalone/parts.h"

// ---- Reading ----

static bool read_number(double *out_value) {
    char found[32] = "";
    int got = scanf("%lf", out_value);
    if (got == 0) {
        bool more = scanf("%31s", found) == 1;
        die("standard input: expected a number%s%s%s", more ? ", found '" : "", found, more ? "'" : "");
    }
    return got == 1;
}

static int64_t read_text(void *to, int64_t count, int32_t kind) {
    for (int64_t i = 0; i < count; i++) {
        double value;
        if (!read_number(&value)) {
            return i;
        }
        if (kind == STANDALONE_F32) {
            ((float *)to)[i] = (float)value;
        } else if (kind == STANDALONE_F64) {
            ((double *)to)[i] = value;
        } else {
            ((int32_t *)to)[i] = value > -1 && value < INT32_MAX ? (int32_t)value : -1;
        }
    }
    return count;
}

// All inputs of a run, one after the other. False: there are no more.
static bool read_inputs(session *s, const program_line *line, void *const *room, const window *w) {
    for (int32_t i = 0; i < s->m->input_count; i++) {
        const standalone_value *v = &s->m->inputs[i];
        int64_t count = value_count(v, s->extents);
        int64_t found = line->raw ? (int64_t)fread(room[i], (size_t)kind_bytes(v->kind), (size_t)count, stdin)
                                  : read_text(room[i], count, v->kind);
        if (found == 0 && i == 0) {
            return false;
        }
        if (found != count) {
            die("standard input ends within %s: %lld of %lld numbers", v->name, (long long)found,
                (long long)count);
        }
        session_put(s, i, room[i], w);
    }
    return true;
}

// ---- Writing ----

static void write_text(const standalone_value *v, const void *from, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const char *before = i % v->columns ? " " : i ? "\n" : "";
        if (v->kind == STANDALONE_I32) {
            printf("%s%d", before, ((const int32_t *)from)[i]);
        } else if (v->kind == STANDALONE_F32) {
            printf("%s%.9g", before, (double)((const float *)from)[i]);
        } else {
            printf("%s%.17g", before, ((const double *)from)[i]);
        }
    }
}

void write_values(const standalone_value *v, const void *from, int64_t count, bool raw) {
    if (raw) {
        fwrite(from, (size_t)kind_bytes(v->kind), (size_t)count, stdout);
    } else {
        write_text(v, from, count);
    }
}

// All outputs of a run; as text each begins on a line of its own, but those of a single step share one.
static void write_outputs(const session *s, const program_line *line, void *const *room, const window *w) {
    for (int32_t i = 0; i < s->m->output_count; i++) {
        const standalone_value *v = &s->m->outputs[i];
        session_get(s, i, room[i], w);
        write_values(v, room[i], value_count(v, s->extents), line->raw);
        bool shares = s->m->streams && i + 1 < s->m->output_count;
        if (!line->raw) {
            putchar(shares ? ' ' : '\n');
        }
    }
    flush_output();
}

// ---- The stream ----

static void **make_rooms(const standalone_value *values, int32_t count, const int32_t *extents) {
    void **rooms = take_memory(count + 1, sizeof *rooms);
    for (int32_t i = 0; i < count; i++) {
        rooms[i] = take_memory(value_count(&values[i], extents), kind_bytes(values[i].kind));
    }
    return rooms;
}

static void free_rooms(void **rooms, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        free(rooms[i]);
    }
    free(rooms);
}

// One row; of each sequence one step, or as many as --length says, else as many as there may be.
static void choose_extents(session *s, const program_line *line) {
    int32_t extents[MOST_AXES] = {1};
    for (int32_t a = 1; a < s->m->axis_count; a++) {
        const standalone_axis *axis = &s->m->axes[a];
        bool fixed = !axis->given;
        if (!fixed && line->length > INT32_MAX) {
            die("--length: at most %d", axis->most);
        }
        extents[a] = fixed           ? axis->most
                     : s->m->streams ? 1
                     : line->length  ? (int32_t)line->length
                                     : axis->most;
    }
    session_set_extents(s, extents);
}

void run_stream(const standalone_model *m, const program_line *line) {
    session s;
    window w = {.first = {0}};
    session_open(&s, m);
    choose_extents(&s, line);
    memcpy(w.whole, s.extents, sizeof w.whole);
    void **in = make_rooms(m->inputs, m->input_count, s.extents);
    void **out = make_rooms(m->outputs, m->output_count, s.extents);
    session_reset(&s);
    while (m->input_count && read_inputs(&s, line, in, &w)) {
        session_run(&s);
        write_outputs(&s, line, out, &w);
    }
    free_rooms(in, m->input_count);
    free_rooms(out, m->output_count);
    session_close(&s);
}
