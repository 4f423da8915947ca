// Texts and tokens, drawing, samplers and forecasts. That they are those of the command is the business of text.sh.
#include <math.h>
#include <pthread.h>
#include <stdbool.h>

#include "tests/api/counter.h"

// A model of characters without a recipe's data, and one whose recipe reads words.
static const char letters[] = "model letters(n = 6) {\n"
                              "    input  now:  token(20)[T]\n"
                              "    target next: token(20)[T]\n"
                              "    logits = linear(20, lstm(n, embedding(20, 5, now)))\n"
                              "    loss = mean[T, batch] cross_entropy(logits, next)\n"
                              "    output logits\n"
                              "}\n"
                              "train quick {\n"
                              "    batch 1  steps T = 9\n"
                              "    optimizer adam(rate = 0.01)\n"
                              "}\n";
static const char words[] =
    "model words(vocab = 12) {\n"
    "    input  words: token(vocab)[T]\n"
    "    target next: token(vocab)[T]\n"
    "    probabilities = softmax(linear(vocab, gru_cho(5, embedding(vocab, 4, words))))\n"
    "    loss = mean[T, batch] cross_entropy(log(probabilities), next)\n"
    "    output probabilities\n"
    "}\n"
    "train quick {\n"
    "    batch 1  steps T = 9\n"
    "    optimizer adam(rate = 0.01)\n"
    "    data {\n"
    "        words = words(\"text\", punctuation = true, lower = true, line_ends = true,\n"
    "                      unknown = true)\n"
    "        next = ahead(words, 1)\n"
    "        streams\n"
    "    }\n"
    "}\n";
static const char sentence[] = "été: a big bad dog\n";
static const char lines[] = "The cat, it's here.\nThe (cat) !\nthe cat\n";

enum { LENGTH = 60 };

static fixture make_model(const char *text) {
    return fixture_make(text, RNNC_FORWARD);
}

static rnnc_speller *make_speller(const fixture *f, const char *text) {
    rnnc_speller *s = NULL;
    fixture_ok(rnnc_weights_number_text(f->weights, NULL, text, strlen(text), f->d), f->d);
    fixture_ok(rnnc_speller_create(f->weights, NULL, f->d, &s), f->d);
    return s;
}

static rnnc_sampler *make_sampler(const fixture *f, rnnc_speller *s, const rnnc_sampling *how) {
    rnnc_sampler *made = NULL;
    fixture_ok(rnnc_sampler_create(f->context, s, how, f->d, &made), f->d);
    return made;
}

// ---- Texts and tokens ----

static void check_tokens(const rnnc_speller *s, const char *text, const int32_t *wanted, size_t count) {
    rnnc_array *tokens = NULL;
    assert_int_equal(rnnc_speller_encode(s, text, strlen(text), NULL, &tokens), RNNC_OK);
    assert_int_equal(rnnc_array_type(tokens), RNNC_I32);
    assert_int_equal(rnnc_array_rank(tokens), 1);
    assert_int_equal(rnnc_array_count(tokens), count);
    if (count) {
        assert_memory_equal(rnnc_array_data(tokens), wanted, count * sizeof *wanted);
    }
    rnnc_array_destroy(tokens);
}

// The text of tokens, at once and piece by piece.
static void check_text(const rnnc_speller *s, const int32_t *tokens, size_t count, const char *wanted) {
    rnnc_bytes *text = NULL;
    char pieces[256] = "";
    assert_int_equal(rnnc_speller_decode(s, tokens, count, NULL, &text), RNNC_OK);
    assert_string_equal(rnnc_bytes_data(text), wanted);
    assert_int_equal(rnnc_bytes_size(text), strlen(wanted));
    rnnc_bytes_destroy(text);
    for (size_t i = 0; i < count; i++) {
        strcat(pieces, rnnc_speller_piece(s, tokens[i], i ? tokens[i - 1] : -1));
    }
    assert_string_equal(pieces, wanted);
}

static void test_characters(void **state) {
    (void)state;
    fixture f = make_model(letters);
    rnnc_speller *s = make_speller(&f, sentence);
    // "\n :abdgioté", by their numbers in Unicode.
    assert_int_equal(rnnc_speller_count(s), 11);
    assert_int_equal(rnnc_speller_begin(s), 0);
    check_tokens(s, "bad\xC3\xA9\n", (const int32_t[]){4, 3, 5, 10, 0}, 5);
    check_tokens(s, "", NULL, 0);
    check_text(s, (const int32_t[]){10, 9, 10, 2, 11, -1}, 6, "été:\xEF\xBF\xBD\xEF\xBF\xBD");
    check_text(s, NULL, 0, "");
    rnnc_array *tokens = NULL;
    fixture_refused(rnnc_speller_encode(s, "bz", 2, f.d, &tokens), RNNC_TYPE, f.d, "U+007A");
    fixture_refused(rnnc_speller_encode(s, "b\xC3", 2, f.d, &tokens), RNNC_CORRUPT, f.d, "not UTF-8");
    assert_null(tokens);
    check_tokens(s, "b", (const int32_t[]){4}, 1);
    rnnc_speller_release(s);
    fixture_free(&f);
}

static void test_words(void **state) {
    (void)state;
    fixture f = make_model(words);
    rnnc_speller *s = make_speller(&f, lines), *next = NULL;
    // The most frequent first, and last what does not occur.
    const char *const known[] = {"\n", "cat", "the", "!", "(", ")", ",", ".", "here", "it's", "<unk>"};
    assert_int_equal(rnnc_speller_count(s), 11);
    for (int32_t i = 0; i < 11; i++) {
        assert_string_equal(rnnc_speller_piece(s, i, -1), known[i]);
        assert_string_equal(rnnc_speller_piece(s, i, 2) + (i != 0 && i != 3 && (i < 5 || i > 7)), known[i]);
    }
    assert_string_equal(rnnc_speller_piece(s, 99, 2), " <unk>");
    assert_string_equal(rnnc_speller_piece(s, 1, 4), "cat"); // behind a bracket
    check_tokens(s, "THE cat, it's strange", (const int32_t[]){2, 1, 6, 9, 10}, 5);
    check_tokens(s, "the\n", (const int32_t[]){2, 0}, 2);
    check_text(s, (const int32_t[]){2, 1, 6, 9, 4, 8, 5, 7, 0, 2, -5}, 11,
               "the cat, it's (here).\nthe <unk>");
    assert_int_equal(rnnc_speller_begin(s), 0);
    // What is ahead of an input is spelt like it.
    fixture_ok(rnnc_speller_create(f.weights, "next", f.d, &next), f.d);
    assert_string_equal(rnnc_speller_piece(next, 9, -1), "it's");
    rnnc_array *tokens = NULL;
    fixture_refused(rnnc_speller_encode(s, "a\0b", 3, f.d, &tokens), RNNC_CORRUPT, f.d, "zero byte");
    rnnc_speller_release(next);
    rnnc_speller_release(s);
    fixture_free(&f);
}

// Vocabularies go where the weights go, and a speller needs neither.
static void test_vocabularies_travel(void **state) {
    (void)state;
    char path[4096];
    const char *scratch = getenv("RNNC_SCRATCH");
    snprintf(path, sizeof path, "%s/named.safetensors", scratch ? scratch : "/tmp");
    fixture f = make_model(words), g = make_model(words);
    rnnc_speller *s = make_speller(&f, "one two three"), *read = NULL, *copied = NULL, *none = NULL;
    fixture_refused(rnnc_speller_create(g.weights, NULL, g.d, &none), RNNC_INVALID_ARGUMENT, g.d,
                    "no vocabulary for 'words'");
    fixture_ok(rnnc_weights_save(f.weights, path, f.d), f.d);
    fixture_ok(rnnc_weights_load(g.weights, path, g.d), g.d);
    fixture_ok(rnnc_speller_create(g.weights, "words", g.d, &read), g.d);
    rnnc_weights *other = NULL;
    fixture_ok(rnnc_weights_create(f.program, f.d, &other), f.d);
    fixture_ok(rnnc_weights_copy(other, g.weights, f.d), f.d);
    fixture_ok(rnnc_speller_create(other, NULL, f.d, &copied), f.d);
    // In place of what was there.
    fixture_ok(rnnc_weights_number_text(other, NULL, "four", 4, f.d), f.d);
    rnnc_speller *again = NULL;
    fixture_ok(rnnc_speller_create(other, NULL, f.d, &again), f.d);
    rnnc_weights_release(other);
    fixture_free(&f);
    fixture_free(&g);
    assert_int_equal(rnnc_speller_count(again), 3); // <unk>, <eos>
    assert_int_equal(rnnc_speller_count(s), 5);
    for (int32_t i = 0; i < 5; i++) {
        assert_string_equal(rnnc_speller_piece(read, i, -1), rnnc_speller_piece(s, i, -1));
        assert_string_equal(rnnc_speller_piece(copied, i, 1), rnnc_speller_piece(s, i, 1));
    }
    rnnc_speller_retain(s);
    rnnc_speller_release(s);
    check_text(s, (const int32_t[]){rnnc_speller_begin(s)}, 1, "\n");
    rnnc_speller_release(s);
    rnnc_speller_release(read);
    rnnc_speller_release(copied);
    rnnc_speller_release(again);
}

static void test_texts_refused(void **state) {
    (void)state;
    fixture f = make_model(letters);
    rnnc_speller *s = NULL;
    const char *many = "abcdefghijklmnopqrstuvwxyz";
    fixture_refused(rnnc_weights_number_text(f.weights, NULL, many, 26, f.d), RNNC_TYPE, f.d, "26 tokens");
    fixture_refused(rnnc_weights_number_text(f.weights, NULL, "", 0, f.d), RNNC_INVALID_ARGUMENT, f.d,
                    "empty");
    fixture_refused(rnnc_weights_number_text(f.weights, NULL, "a\xFF", 2, f.d), RNNC_CORRUPT, f.d, "UTF-8");
    fixture_refused(rnnc_weights_number_text(f.weights, "nobody", "a", 1, f.d), RNNC_INVALID_ARGUMENT, f.d,
                    "no input 'nobody'");
    fixture_refused(rnnc_weights_number_text(NULL, NULL, "a", 1, f.d), RNNC_INVALID_ARGUMENT, f.d, "needs");
    fixture_refused(rnnc_weights_number_text(f.weights, NULL, NULL, 1, f.d), RNNC_INVALID_ARGUMENT, f.d,
                    "needs");
    fixture_refused(rnnc_speller_create(f.weights, NULL, f.d, &s), RNNC_INVALID_ARGUMENT, f.d,
                    "no vocabulary for 'now'");
    fixture_ok(rnnc_weights_number_text(f.weights, NULL, "ab", 2, f.d), f.d);
    fixture_refused(rnnc_speller_create(f.weights, "next", f.d, &s), RNNC_INVALID_ARGUMENT, f.d,
                    "no vocabulary for 'next'");
    fixture_refused(rnnc_speller_create(f.weights, "x", f.d, &s), RNNC_INVALID_ARGUMENT, f.d, "no input 'x'");
    fixture_refused(rnnc_speller_create(NULL, NULL, f.d, &s), RNNC_INVALID_ARGUMENT, f.d, "needs");
    fixture_refused(rnnc_speller_create(f.weights, NULL, f.d, NULL), RNNC_INVALID_ARGUMENT, f.d, "needs");
    assert_null(s);
    rnnc_array *tokens = NULL;
    rnnc_bytes *text = NULL;
    fixture_refused(rnnc_speller_encode(NULL, "a", 1, f.d, &tokens), RNNC_INVALID_ARGUMENT, f.d, "needs");
    fixture_refused(rnnc_speller_decode(NULL, NULL, 0, f.d, &text), RNNC_INVALID_ARGUMENT, f.d, "needs");
    assert_int_equal(rnnc_speller_count(NULL), 0);
    assert_int_equal(rnnc_speller_begin(NULL), 0);
    assert_null(rnnc_speller_piece(NULL, 0, -1));
    rnnc_speller_retain(NULL);
    rnnc_speller_release(NULL);
    fixture_free(&f);
}

// ---- Draws ----

static void test_draws(void **state) {
    (void)state;
    const double scores[] = {1, 3, -2, 3, 0};
    const float narrow[] = {1, 3, -2, 3, 0};
    rnnc_sampling how = RNNC_SAMPLING;
    int32_t token = -1, other = -1;
    int counts[5] = {0};
    double sum = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        assert_int_equal(rnnc_draw(RNNC_F64, scores, 5, NULL, i, &token), RNNC_OK);
        assert_int_equal(rnnc_draw(RNNC_F32, narrow, 5, &how, i, &other), RNNC_OK);
        assert_int_equal(token, other);
        counts[token]++;
    }
    for (int i = 0; i < 5; i++) {
        sum += exp(scores[i]);
    }
    for (int i = 0; i < 5; i++) {
        double share = exp(scores[i]) / sum;
        assert_true(fabs(counts[i] - 4000 * share) <= 4.5 * sqrt(4000 * share * (1 - share)));
    }
    for (uint64_t i = 0; i < 200; i++) {
        how = (rnnc_sampling){sizeof how, 0, 0, i};
        assert_int_equal(rnnc_draw(RNNC_F64, scores, 5, &how, 7, &token), RNNC_OK);
        assert_int_equal(token, 1);
        how = (rnnc_sampling){sizeof how, 100, 1, i};
        assert_int_equal(rnnc_draw(RNNC_F64, scores, 5, &how, 7, &token), RNNC_OK);
        assert_int_equal(token, 1);
        how.top_k = 3;
        assert_int_equal(rnnc_draw(RNNC_F64, scores, 5, &how, 7, &token), RNNC_OK);
        assert_true(token == 0 || token == 1 || token == 3);
    }
}

static void test_best(void **state) {
    (void)state;
    const double scores[] = {1, 3, -2, 3, 0, (double)NAN}, probabilities[] = {0.25, 0.5, 0, 0.25};
    int32_t tokens[6];
    double found[6], sum = 0;
    assert_int_equal(rnnc_best(RNNC_F64, scores, 6, 9, tokens, found), RNNC_OK);
    assert_memory_equal(tokens, ((int32_t[]){1, 3, 0, 4, 2, 5}), sizeof tokens);
    for (int i = 0; i < 6; i++) {
        sum += found[i];
        assert_true(i == 0 || found[i] <= found[i - 1]);
        assert_true(i == 5 || fabs(found[i] / found[0] - exp(scores[tokens[i]] - 3)) < 1e-12);
    }
    assert_true(fabs(sum - 1) < 1e-12 && found[5] == 0);
    assert_int_equal(rnnc_best(RNNC_F64, scores, 6, 2, tokens, found), RNNC_OK);
    assert_memory_equal(tokens, ((int32_t[]){1, 3}), 2 * sizeof *tokens);
    assert_int_equal(rnnc_best(RNNC_F64, probabilities, 4, 3, tokens, found), RNNC_OK);
    assert_memory_equal(tokens, ((int32_t[]){1, 0, 3}), 3 * sizeof *tokens);
    assert_true(found[0] == 0.5 && found[1] == 0.25 && found[2] == 0.25);
    assert_int_equal(rnnc_best(RNNC_F64, scores, 6, 0, NULL, NULL), RNNC_OK);
}

static void test_draws_refused(void **state) {
    (void)state;
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    const float x[] = {1, 2};
    int32_t token;
    double p;
    const rnnc_sampling wrong[] = {
        {1, 1, 0, 1},
        {sizeof *wrong, -1, 0, 1},
        {sizeof *wrong, (double)NAN, 0, 1},
        {sizeof *wrong, (double)INFINITY, 0, 1},
        {sizeof *wrong, 1, -1, 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(rnnc_draw(RNNC_F32, x, 2, &wrong[i], 0, &token), bad);
    }
    assert_int_equal(rnnc_draw(RNNC_F32, NULL, 2, NULL, 0, &token), bad);
    assert_int_equal(rnnc_draw(RNNC_F32, x, 0, NULL, 0, &token), bad);
    assert_int_equal(rnnc_draw(RNNC_F32, x, (size_t)INT32_MAX + 1, NULL, 0, &token), bad);
    assert_int_equal(rnnc_draw(RNNC_I32, x, 2, NULL, 0, &token), bad);
    assert_int_equal(rnnc_draw(RNNC_F32, x, 2, NULL, 0, NULL), bad);
    assert_int_equal(rnnc_best(RNNC_I32, x, 2, 1, &token, &p), bad);
    assert_int_equal(rnnc_best(RNNC_F32, x, 2, 1, NULL, &p), bad);
    assert_int_equal(rnnc_best(RNNC_F32, x, 2, 1, &token, NULL), bad);
}

// ---- Samplers ----

// A text of |count| tokens behind what was fed; returns it in |text|.
static void go_on(rnnc_sampler *s, int count, int32_t *tokens, char *text) {
    for (int i = 0; i < count; i++) {
        const char *piece = NULL;
        assert_int_equal(rnnc_sampler_next(s, NULL, &tokens[i], &piece), RNNC_OK);
        if (text) {
            strcat(text, piece);
        }
    }
}

// The same by steps and draws of the caller's.
static void go_by_hand(const fixture *f, int32_t first, int count, int64_t named, int32_t *tokens) {
    float scores[20];
    fixture_ok(rnnc_context_reset(f->context), f->d);
    fixture_ok(rnnc_start_steps(f->context, f->d), f->d);
    for (int i = 0; i < count; i++) {
        int32_t now = i ? tokens[i - 1] : first;
        fixture_ok(rnnc_context_write_input(f->context, 0, RNNC_STEPS_FIRST, &now, 1, f->d), f->d);
        fixture_ok(rnnc_step(f->context, f->d), f->d);
        fixture_ok(rnnc_context_read_output(f->context, 0, RNNC_STEPS_FIRST, scores, 20, f->d), f->d);
        fixture_ok(rnnc_draw(RNNC_F32, scores, (size_t)named, NULL, (uint64_t)i, &tokens[i]), f->d);
    }
}

static void test_sampler(void **state) {
    (void)state;
    fixture f = make_model(letters);
    rnnc_speller *spells = make_speller(&f, sentence);
    int32_t tokens[LENGTH], again[LENGTH], by_hand[LENGTH];
    char text[4 * LENGTH + 1] = "", repeated[4 * LENGTH + 1] = "";
    rnnc_sampler *s = make_sampler(&f, spells, NULL);
    fixture_ok(rnnc_sampler_prompt(s, "", 0, f.d), f.d);
    go_on(s, LENGTH, tokens, text);
    check_text(spells, tokens, LENGTH, text);
    fixture_ok(rnnc_sampler_restart(s, 1), f.d);
    fixture_ok(rnnc_sampler_feed(s, rnnc_speller_begin(spells), f.d), f.d);
    go_on(s, LENGTH, again, repeated);
    assert_memory_equal(tokens, again, sizeof tokens);
    assert_string_equal(text, repeated);
    go_by_hand(&f, 0, LENGTH, rnnc_speller_count(spells), by_hand);
    assert_memory_equal(tokens, by_hand, sizeof tokens);
    fixture_ok(rnnc_sampler_restart(s, 2), f.d);
    fixture_ok(rnnc_sampler_prompt(s, "", 0, f.d), f.d);
    go_on(s, LENGTH, again, NULL);
    assert_memory_not_equal(tokens, again, sizeof tokens);
    rnnc_sampler_destroy(s);
    rnnc_speller_release(spells);
    fixture_free(&f);
}

// In two parts, with the states saved between; what was drawn last is fed. A prompt goes on behind what was drawn.
static void test_sampler_in_parts(void **state) {
    (void)state;
    enum { HALF = LENGTH / 2 };
    fixture f = make_model(words);
    rnnc_speller *spells = make_speller(&f, lines);
    int32_t whole[LENGTH], rest[HALF], best[4], token;
    double p[4];
    size_t found = 0;
    char block[64], text[8 * LENGTH] = "";
    rnnc_sampling how = {sizeof how, 0, 0, 1};
    rnnc_sampler *s = make_sampler(&f, spells, &how);
    size_t bytes = rnnc_context_state_bytes(f.context);
    assert_in_range(bytes, 1, sizeof block);
    fixture_ok(rnnc_sampler_prompt(s, "the cat", 7, f.d), f.d);
    // The best is what is drawn at temperature 0, and to look at it changes nothing.
    fixture_ok(rnnc_sampler_best(s, 4, best, p, f.d, &found), f.d);
    assert_int_equal(found, 4);
    go_on(s, HALF, whole, text);
    assert_int_equal(best[0], whole[0]);
    assert_true(p[0] >= p[1] && p[0] + p[1] + p[2] + p[3] <= 1.0001);
    fixture_ok(rnnc_context_save_states(f.context, block, bytes, f.d), f.d);
    go_on(s, HALF, whole + HALF, NULL);
    fixture_ok(rnnc_sampler_restart(s, 1), f.d);
    fixture_ok(rnnc_context_load_states(f.context, block, bytes, f.d), f.d);
    fixture_ok(rnnc_sampler_feed(s, whole[HALF - 1], f.d), f.d);
    go_on(s, HALF, rest, NULL);
    assert_memory_equal(rest, whole + HALF, sizeof rest);
    // The whole text as a prompt; and its last word fed behind one that was drawn.
    fixture_ok(rnnc_sampler_restart(s, 1), f.d);
    fixture_ok(rnnc_sampler_prompt(s, "the", 3, f.d), f.d);
    fixture_ok(rnnc_sampler_next(s, f.d, &token, NULL), f.d);
    fixture_ok(rnnc_sampler_prompt(s, "cat", 3, f.d), f.d);
    fixture_ok(rnnc_context_save_states(f.context, block, bytes, f.d), f.d);
    char other[64];
    fixture_ok(rnnc_sampler_restart(s, 1), f.d);
    fixture_ok(rnnc_sampler_feed(s, 2, f.d), f.d);
    fixture_ok(rnnc_sampler_feed(s, token, f.d), f.d);
    fixture_ok(rnnc_sampler_feed(s, 1, f.d), f.d);
    fixture_ok(rnnc_context_save_states(f.context, other, bytes, f.d), f.d);
    assert_memory_equal(block, other, bytes);
    rnnc_sampler_destroy(s);
    rnnc_speller_release(spells);
    fixture_free(&f);
}

// A prompt as a run over a sequence, the last token as a step: the same as all of it token by token.
static void test_sampler_behind_a_run(void **state) {
    (void)state;
    fixture f = make_model(letters);
    const int32_t prompt[] = {3, 1, 4, 1, 5, 9, 2, 6};
    int32_t one[LENGTH], other[LENGTH];
    rnnc_sampler *s = make_sampler(&f, NULL, NULL);
    for (int i = 0; i < 8; i++) {
        fixture_ok(rnnc_sampler_feed(s, prompt[i], f.d), f.d);
    }
    for (int i = 0; i < LENGTH; i++) {
        const char *text = "";
        fixture_ok(rnnc_sampler_next(s, f.d, &one[i], &text), f.d);
        assert_null(text);
        assert_in_range(one[i], 0, 19);
    }
    fixture_ok(rnnc_sampler_restart(s, 1), f.d);
    fixture_ok(rnnc_context_set_extents(f.context, 1, 7, f.d), f.d);
    fixture_ok(rnnc_context_write_input(f.context, 0, RNNC_STEPS_FIRST, prompt, 7, f.d), f.d);
    fixture_ok(rnnc_run(f.context, f.d), f.d);
    fixture_refused(rnnc_sampler_next(s, f.d, &other[0], NULL), RNNC_INVALID_ARGUMENT, f.d,
                    "nothing to go on");
    fixture_ok(rnnc_sampler_feed(s, prompt[7], f.d), f.d);
    go_on(s, LENGTH, other, NULL);
    assert_memory_equal(one, other, sizeof one);
    rnnc_sampler_destroy(s);
    fixture_free(&f);
}

static void refuse_model(const char *text, rnnc_status wanted, const char *why) {
    fixture f = make_model(text);
    rnnc_sampler *s = NULL;
    fixture_refused(rnnc_sampler_create(f.context, NULL, NULL, f.d, &s), wanted, f.d, why);
    assert_null(s);
    fixture_free(&f);
}

static void test_samplers_refused(void **state) {
    (void)state;
    refuse_model(fixture_series, RNNC_UNSUPPORTED, "one input of tokens");
    refuse_model("model m() { input x: token(4)[T]\n"
                 " output logits = linear(4, backward lstm(3, embedding(4, 2, x)))\n}\n",
                 RNNC_UNSUPPORTED, "nothing to draw");
    refuse_model("model m() { input x: token(4)[T]\n input y: token(4)[T]\n"
                 " output logits = linear(4, embedding(4, 2, x) + embedding(4, 2, y))\n}\n",
                 RNNC_UNSUPPORTED, "several inputs");
    fixture f = make_model(letters);
    rnnc_sampler *s = NULL;
    int32_t token = 0;
    size_t count = 0;
    double p = 0;
    rnnc_sampling wrong = RNNC_SAMPLING;
    wrong.temperature = -1;
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    fixture_refused(rnnc_sampler_create(f.context, NULL, &wrong, f.d, &s), bad, f.d, "RNNC_SAMPLING");
    fixture_refused(rnnc_sampler_create(NULL, NULL, NULL, f.d, &s), bad, f.d, "needs");
    fixture_refused(rnnc_sampler_create(f.context, NULL, NULL, f.d, NULL), bad, f.d, "needs");
    assert_null(s);
    s = make_sampler(&f, NULL, NULL);
    fixture_refused(rnnc_sampler_next(s, f.d, &token, NULL), bad, f.d, "nothing to go on");
    fixture_refused(rnnc_sampler_best(s, 1, &token, &p, f.d, &count), bad, f.d, "nothing to go on");
    fixture_refused(rnnc_sampler_prompt(s, "a", 1, f.d), bad, f.d, "has a speller");
    fixture_refused(rnnc_sampler_feed(s, 20, f.d), bad, f.d, "now");
    fixture_refused(rnnc_sampler_feed(s, -1, f.d), bad, f.d, "now");
    fixture_refused(rnnc_sampler_next(s, f.d, &token, NULL), bad, f.d, "nothing to go on");
    fixture_ok(rnnc_sampler_feed(s, 3, f.d), f.d);
    fixture_refused(rnnc_sampler_next(s, f.d, NULL, NULL), bad, f.d, "needs");
    fixture_refused(rnnc_sampler_best(s, 1, NULL, &p, f.d, &count), bad, f.d, "the best need");
    fixture_ok(rnnc_context_set_extents(f.context, 2, 1, f.d), f.d);
    fixture_refused(rnnc_sampler_feed(s, 3, f.d), bad, f.d, "one row");
    fixture_refused(rnnc_sampler_feed(NULL, 3, f.d), bad, f.d, "no sampler");
    fixture_refused(rnnc_sampler_next(NULL, f.d, &token, NULL), bad, f.d, "needs");
    assert_int_equal(rnnc_sampler_restart(NULL, 1), bad);
    rnnc_sampler_destroy(NULL);
    rnnc_sampler_destroy(s);
    fixture_free(&f);
}

// ---- Threads ----

enum { THREADS = 4 };

typedef struct writer {
    const fixture *f;
    rnnc_speller *spells;
    char text[8 * LENGTH];
} writer;

// Each with a context of its own, all with one program, its weights and the speller.
static void *write_text(void *argument) {
    writer *w = argument;
    rnnc_context *context = NULL;
    rnnc_sampler *s = NULL;
    int32_t tokens[LENGTH];
    rnnc_speller_retain(w->spells);
    if (rnnc_context_create(w->f->program, w->f->weights, NULL, &context) == RNNC_OK &&
        rnnc_sampler_create(context, w->spells, NULL, NULL, &s) == RNNC_OK &&
        rnnc_sampler_prompt(s, "The cat, the (cat)", 18, NULL) == RNNC_OK) {
        go_on(s, LENGTH, tokens, w->text);
    }
    rnnc_speller_release(w->spells);
    rnnc_sampler_destroy(s);
    rnnc_context_destroy(context);
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    fixture f = make_model(words);
    rnnc_speller *spells = make_speller(&f, lines);
    pthread_t threads[THREADS];
    writer writers[THREADS] = {{.f = NULL}};
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (writer){.f = &f, .spells = spells};
        assert_int_equal(pthread_create(&threads[i], NULL, write_text, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(strlen(writers[i].text) > LENGTH);
        assert_string_equal(writers[i].text, writers[0].text);
    }
    rnnc_speller_release(spells);
    fixture_free(&f);
}

// ---- Memory ----

// All that takes memory of the weights' and the context's, each from |a|; returns the first failure.
static rnnc_status use_texts(const fixture *f, const rnnc_allocator *a, bool write) {
    rnnc_weights *w = NULL;
    rnnc_context *c = NULL;
    rnnc_speller *s = NULL;
    rnnc_sampler *sampler = NULL;
    rnnc_array *tokens = NULL;
    rnnc_bytes *text = NULL;
    rnnc_context_options options = RNNC_CONTEXT_OPTIONS;
    options.allocator = a;
    const char *from = write ? lines : sentence;
    rnnc_status status = rnnc_weights_create_with(f->program, a, f->d, &w);
    status = status == RNNC_OK ? rnnc_weights_copy(w, f->weights, f->d) : status;
    status = status == RNNC_OK ? rnnc_weights_number_text(w, NULL, from, strlen(from), f->d) : status;
    status = status == RNNC_OK ? rnnc_context_create_with(f->program, w, &options, f->d, &c) : status;
    status = status == RNNC_OK ? rnnc_speller_create(w, NULL, f->d, &s) : status;
    status = status == RNNC_OK ? rnnc_sampler_create(c, s, NULL, f->d, &sampler) : status;
    status = status == RNNC_OK ? rnnc_speller_encode(s, from, strlen(from), f->d, &tokens) : status;
    status = status == RNNC_OK
                 ? rnnc_speller_decode(s, rnnc_array_data(tokens), rnnc_array_count(tokens), f->d, &text)
                 : status;
    if (status == RNNC_OK) {
        const counter *count = a->user;
        int32_t drawn[LENGTH], best[3];
        double p[3];
        size_t found;
        fixture_ok(rnnc_sampler_prompt(sampler, "", 0, f->d), f->d);
        int calls = count->calls;
        go_on(sampler, LENGTH, drawn, NULL);
        fixture_ok(rnnc_sampler_best(sampler, 3, best, p, f->d, &found), f->d);
        fixture_ok(rnnc_sampler_feed(sampler, best[0], f->d), f->d);
        assert_int_equal(count->calls, calls);
    }
    rnnc_bytes_destroy(text);
    rnnc_array_destroy(tokens);
    rnnc_sampler_destroy(sampler);
    rnnc_context_destroy(c);
    rnnc_weights_release(w);
    rnnc_speller_release(s);
    return status;
}

static void test_no_memory(void **state) {
    (void)state;
    for (int write = 0; write < 2; write++) {
        fixture f = make_model(write ? words : letters);
        rnnc_status status = RNNC_OUT_OF_MEMORY;
        int at = 1;
        for (; status == RNNC_OUT_OF_MEMORY; at++) {
            counter count = {.fail_at = at};
            rnnc_allocator a = counter_allocator(&count);
            rnnc_diagnostics_clear(f.d);
            status = use_texts(&f, &a, write);
            assert_true(status == RNNC_OK || status == RNNC_OUT_OF_MEMORY);
            assert_true(status == RNNC_OK || rnnc_diagnostics_count(f.d) > 0);
            assert_int_equal(count.out, 0);
        }
        assert_int_equal(status, RNNC_OK);
        assert_true(at > 15);
        fixture_free(&f);
    }
}

// ---- Forecasts ----

static const char trend[] = "model trend(n = 5) {\n"
                            "    input  value: real(2)[T]\n"
                            "    target next: real(2)[T]\n"
                            "    forecast = linear(2, lstm(n, value))\n"
                            "    loss = mean[T, batch] mean squared_error(forecast, next)\n"
                            "    output forecast\n"
                            "}\n";

enum { WINDOW = 7, STEPS = 12, COLUMNS = 2 };

static void test_forecast(void **state) {
    (void)state;
    fixture f = make_model(trend);
    float all[(WINDOW + STEPS) * COLUMNS], out[WINDOW * COLUMNS], found[STEPS * COLUMNS];
    fixture_fill(all, WINDOW * COLUMNS, 3);
    fixture_ok(rnnc_forecast(f.context, all, WINDOW * COLUMNS, found, STEPS * COLUMNS, f.d), f.d);
    fixture_ok(rnnc_context_set_extents(f.context, 1, WINDOW, f.d), f.d);
    for (int i = 0; i < STEPS; i++) {
        fixture_ok(rnnc_context_reset(f.context), f.d);
        fixture_ok(rnnc_context_write_input(f.context, 0, RNNC_STEPS_FIRST, all + i * COLUMNS,
                                            WINDOW * COLUMNS, f.d),
                   f.d);
        fixture_ok(rnnc_run(f.context, f.d), f.d);
        fixture_ok(rnnc_context_read_output(f.context, 0, RNNC_STEPS_FIRST, out, WINDOW * COLUMNS, f.d), f.d);
        memcpy(all + (WINDOW + i) * COLUMNS, out + (WINDOW - 1) * COLUMNS, COLUMNS * sizeof *out);
    }
    assert_memory_equal(found, all + WINDOW * COLUMNS, sizeof found);
    // A bound array is not touched, nor read.
    float bound[WINDOW * COLUMNS];
    fixture_fill(bound, WINDOW * COLUMNS, 9);
    fixture_ok(rnnc_context_bind_input(f.context, 0, bound, WINDOW * COLUMNS, f.d), f.d);
    memset(found, 0, sizeof found);
    fixture_ok(rnnc_forecast(f.context, all, WINDOW * COLUMNS, found, STEPS * COLUMNS, f.d), f.d);
    assert_memory_equal(found, all + WINDOW * COLUMNS, sizeof found);
    fixture_ok(rnnc_forecast(f.context, all, WINDOW * COLUMNS, found, 0, f.d), f.d);
    fixture_free(&f);
}

// Lengths that an earlier run was given, written or bound, are not those of the forecast.
static void test_forecast_lengths(void **state) {
    (void)state;
    fixture f = make_model("model m() {\n input x: real[T lengths]\n target t: real[T]\n"
                           " y = linear(1, lstm(4, x))\n output y\n}\n");
    const int32_t none = 0;
    float x[WINDOW], wanted[STEPS], found[STEPS];
    fixture_fill(x, WINDOW, 3);
    fixture_ok(rnnc_forecast(f.context, x, WINDOW, wanted, STEPS, f.d), f.d);
    assert_true(wanted[0] != 0);
    int lengths = rnnc_program_find_input(f.program, "T.lengths");
    for (int bound = 0; bound < 2; bound++) {
        fixture_ok(
            bound ? rnnc_context_bind_input(f.context, (uint32_t)lengths, &none, 1, f.d)
                  : rnnc_context_write_input(f.context, (uint32_t)lengths, RNNC_STEPS_FIRST, &none, 1, f.d),
            f.d);
        fixture_ok(rnnc_forecast(f.context, x, WINDOW, found, STEPS, f.d), f.d);
        assert_memory_equal(found, wanted, sizeof wanted);
    }
    fixture_free(&f);
}

static void test_forecasts_refused(void **state) {
    (void)state;
    fixture f = make_model(trend), series = make_model(fixture_series);
    float x[32] = {0}, y[8];
    const rnnc_status bad = RNNC_INVALID_ARGUMENT;
    fixture_refused(rnnc_forecast(series.context, x, 4, y, 2, series.d), RNNC_UNSUPPORTED, series.d,
                    "no such output");
    fixture_refused(rnnc_forecast(NULL, x, 4, y, 2, f.d), bad, f.d, "needs");
    fixture_refused(rnnc_forecast(f.context, NULL, 4, y, 2, f.d), bad, f.d, "needs");
    fixture_refused(rnnc_forecast(f.context, x, 4, NULL, 2, f.d), bad, f.d, "needs");
    fixture_refused(rnnc_forecast(f.context, x, 0, y, 2, f.d), bad, f.d, "vectors of 2");
    fixture_refused(rnnc_forecast(f.context, x, 3, y, 2, f.d), bad, f.d, "vectors of 2");
    fixture_refused(rnnc_forecast(f.context, x, 4, y, 3, f.d), bad, f.d, "vectors of 2");
    fixture_refused(rnnc_forecast(f.context, x, 20, y, 2, f.d), bad, f.d, "T");
    rnnc_weights *unset = NULL;
    rnnc_context *c = NULL;
    fixture_ok(rnnc_weights_create(f.program, f.d, &unset), f.d);
    fixture_ok(rnnc_context_create(f.program, unset, f.d, &c), f.d);
    fixture_refused(rnnc_forecast(c, x, 4, y, 2, f.d), bad, f.d, "has no values");
    rnnc_context_destroy(c);
    rnnc_weights_release(unset);
    fixture g = fixture_make(fixture_series, RNNC_TRAIN);
    fixture_refused(rnnc_forecast(g.context, x, 4, y, 2, g.d), bad, g.d, "RNNC_FORWARD");
    fixture_free(&g);
    fixture_free(&series);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_vocabularies_travel),
        cmocka_unit_test(test_texts_refused),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_draws_refused),
        cmocka_unit_test(test_sampler),
        cmocka_unit_test(test_sampler_in_parts),
        cmocka_unit_test(test_sampler_behind_a_run),
        cmocka_unit_test(test_samplers_refused),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_forecast),
        cmocka_unit_test(test_forecast_lengths),
        cmocka_unit_test(test_forecasts_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
