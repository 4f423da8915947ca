// A model that goes on with a text, token by token, as `rnnc sample` does: the same seed draws the same text where the
// scores have the same bits.
#include <stdlib.h>
#include <string.h>

#include "standalone/parts.h"
#include "support/draw.h"

enum { DEFAULT_LENGTH = 500, MOST_SPELT = 4096 };

typedef struct generator {
    const standalone_model *m;
    session s;
    draw_scores scores; // after the last step
    int32_t previous; // the last token of the text, or -1
} generator;

static void feed(generator *g, int32_t token) {
    const standalone_value *v = &g->m->outputs[g->m->scores];
    const void *from = g->s.out[g->m->scores];
    *(int32_t *)g->s.in[g->m->text] = token;
    session_run(&g->s);
    g->scores = draw_scores_of(from, v->kind != STANDALONE_F32, v->columns);
    g->scores.count = g->m->named < v->columns ? g->m->named : v->columns;
}

static void feed_prompt(generator *g, const char *prompt) {
    size_t size = prompt ? strlen(prompt) : 0;
    if (size > INT32_MAX / 2) {
        die("the prompt is too long");
    }
    int32_t *tokens = take_memory((int64_t)size + 1, sizeof *tokens);
    int32_t count = size ? g->m->encode(prompt, (int32_t)size, tokens, (int32_t)size) : 0;
    if (count < 0) {
        die("the prompt: what begins at byte %d is not UTF-8 or not in the vocabulary", -1 - count);
    }
    for (int32_t i = 0; i < count; i++) {
        feed(g, tokens[i]);
        g->previous = tokens[i];
    }
    if (count) {
        fputs(prompt, stdout);
    } else {
        feed(g, g->m->first);
    }
    free(tokens);
}

// What is written is shown at once.
static void show(generator *g, int32_t token) {
    char text[MOST_SPELT];
    int32_t size = g->m->decode(g->previous, &token, 1, text, MOST_SPELT);
    fwrite(text, 1, (size_t)(size < MOST_SPELT ? size : MOST_SPELT), stdout);
    flush_output();
    g->previous = token;
}

static void set_extents(session *s) {
    int32_t extents[MOST_AXES] = {1};
    for (int32_t a = 1; a < s->m->axis_count; a++) {
        extents[a] = s->m->axes[a].given ? 1 : s->m->axes[a].most;
    }
    session_set_extents(s, extents);
    for (int32_t i = 0; i < s->m->input_count; i++) {
        if (s->m->inputs[i].lengths >= 0) {
            session_fill_lengths(s, i);
        }
    }
}

void run_generator(const standalone_model *m, const program_line *line) {
    generator g = {.m = m, .previous = -1};
    draw_rules rules = {line->temperature, line->top_k, line->seed};
    int64_t length = line->length ? line->length : DEFAULT_LENGTH;
    session_open(&g.s, m);
    set_extents(&g.s);
    session_reset(&g.s);
    feed_prompt(&g, line->prompt);
    for (int64_t i = 0; i < length; i++) {
        int32_t token = draw_token(&g.scores, &rules, (uint64_t)i);
        show(&g, token);
        if (i + 1 < length) {
            feed(&g, token);
        }
    }
    putchar('\n');
    flush_output();
    session_close(&g.s);
}
