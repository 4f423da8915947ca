#include <string.h>

#include "runtime/data/csv.h"
#include "runtime/data/words.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reader.h"

static const word_rules all_rules[] = {
    {0},
    {.punctuation = true, .lower = true, .numbers = true, .line_ends = true, .least = 2},
    {.characters = true, .most = 3}};

// Success is silent, failure has one message; what was cut has numbers in its own vocabulary.
static void check(rnnc_status status, word_text *t, const word_rules *rules, diag_sink *sink) {
    word_list words;
    array tokens;
    fuzz_check_reader(status, sink);
    if (status == RNNC_OK && (word_text_vocabulary(t, NULL, 0, rules, sink, &words) != RNNC_OK ||
                              word_text_encode(t, &words, "input", sink, &tokens) != RNNC_OK)) {
        __builtin_trap();
    }
    if (status == RNNC_OK) {
        word_list_deinit(&words);
        array_deinit(&tokens);
    }
    word_text_deinit(t);
    diag_deinit(sink);
    diag_init(sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    file_view view = {"input", bytes, size};
    diag_sink sink;
    diag_init(&sink);
    word_text t = {0};
    for (int i = 0; i < 3; i++) {
        check(word_text_add(&t, view, &all_rules[i], &sink), &t, &all_rules[i], &sink);
        check(word_text_add_column(&t, view, i + 1, &all_rules[i], &sink), &t, &all_rules[i], &sink);
    }
    check(word_text_add_labels(&t, view, &sink), &t, &all_rules[0], &sink);
    check(csv_parse_category(view, "b", true, &sink, &t), &t, &all_rules[0], &sink);
    word_list words;
    if (word_list_parse(view, &sink, &words) == RNNC_OK) {
        word_list_deinit(&words);
    }
    diag_deinit(&sink);
    return 0;
}

size_t fuzz_sample(int number, uint8_t *out) {
    static const char *const texts[] = {
        "The cat's 3.5, \xE4\xBD\xA0!\r\n\n it. <unk>",
        "# c\n1\tA\tx\n2-3\tb\tc\td\te\tf\tg\th\ti\tj\n\n#\tB\ty\n",
        "a,b\n1,x\n2,\" y\"\n,NA\n",
        "[\"a\",\"\\u00e9\",\"<unk>\"]",
    };
    if (number >= (int)(sizeof texts / sizeof *texts)) {
        return 0;
    }
    memcpy(out, texts[number], strlen(texts[number]));
    return strlen(texts[number]);
}
