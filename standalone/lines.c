// Lines of text on standard input, each a sequence of its own, and what the model makes of them, as numbers.
#include <stdlib.h>
#include <string.h>

#include "standalone/parts.h"

bool reads_lines(const standalone_model *m) {
    if (!m->encode || m->text < 0) {
        return false;
    }
    int32_t sequences = 0;
    for (int32_t i = 0; i < m->input_count; i++) {
        if (i != m->text && m->inputs[i].lengths < 0) {
            return false;
        }
    }
    for (int32_t a = 1; a < m->axis_count; a++) {
        sequences += m->inputs[m->text].axes >> a & 1 && m->axes[a].given;
    }
    return sequences == 1;
}

// A line with its end; NULL where there are no more.
static char *read_line(int64_t *out_size) {
    int64_t room = 256, size = 0;
    char *line = take_memory(room, 1);
    for (int c; size < INT32_MAX && (c = getchar()) != EOF;) {
        if (size == room) {
            char *longer = take_memory(room * 2, 1);
            memcpy(longer, line, (size_t)size);
            free(line);
            line = longer;
            room *= 2;
        }
        line[size++] = (char)c;
        if (c == '\n') {
            break;
        }
    }
    *out_size = size;
    if (size == 0) {
        free(line);
    }
    return size ? line : NULL;
}

// The line's end is a character of some vocabularies, a word of others, and nothing in the rest.
static int32_t encode_line(const standalone_model *m, const char *line, int64_t size, int32_t *tokens,
                           int32_t room) {
    int32_t count = m->encode(line, (int32_t)size, tokens, room);
    bool end_is_unknown = count == -(int32_t)size && line[size - 1] == '\n';
    return end_is_unknown ? m->encode(line, (int32_t)size - 1, tokens, room) : count;
}

static void set_length(session *s, int32_t count) {
    int32_t extents[MOST_AXES] = {1};
    for (int32_t a = 1; a < s->m->axis_count; a++) {
        const standalone_axis *axis = &s->m->axes[a];
        extents[a] = axis->given ? count : axis->most;
    }
    session_set_extents(s, extents);
}

static void run_line(session *s, const program_line *line, const char *text, int64_t size, int64_t number) {
    const standalone_model *m = s->m;
    int32_t *tokens = take_memory(size, sizeof *tokens);
    int32_t count = encode_line(m, text, size, tokens, (int32_t)size);
    if (count < 0) {
        die("line %lld: what begins at byte %d is not UTF-8 or not in the vocabulary", (long long)number,
            -1 - count);
    }
    set_length(s, count);
    memcpy(s->in[m->text], tokens, (size_t)count * sizeof *tokens);
    for (int32_t i = 0; i < m->input_count; i++) {
        if (m->inputs[i].lengths >= 0) {
            session_fill_lengths(s, i);
        }
    }
    session_reset(s);
    session_run(s);
    for (int32_t i = 0; i < m->output_count; i++) {
        write_values(&m->outputs[i], s->out[i], value_count(&m->outputs[i], s->extents), line->raw);
        if (!line->raw) {
            putchar('\n');
        }
    }
    flush_output();
    free(tokens);
}

void run_lines(const standalone_model *m, const program_line *line) {
    session s;
    int64_t size, number = 0;
    session_open(&s, m);
    for (char *text; (text = read_line(&size)) != NULL;) {
        run_line(&s, line, text, size, ++number);
        free(text);
    }
    session_close(&s);
}
