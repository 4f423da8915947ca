#include "ir/text_words.h"

static const char *const dtypes[] = {"f32", "f64", "i32"};
static const char *const axes[] = {"batch", "sequence", "fixed", "part"};
static const char *const variables[] = {"weight", "frozen", "slot"};
static const char *const outputs[] = {"value", "loss", "state", "metric"};
static const char *const inits[] = {"default",   "constant", "uniform", "normal",
                                    "truncated", "xavier",   "he",      "orthogonal"};
static const int init_arguments[] = {0, 1, 2, 2, 2, 0, 0, 1};

#define LIST(words) ((word_list){words, sizeof(words) / sizeof *(words)})

word_list text_dtype_words(void) {
    return LIST(dtypes);
}

word_list text_axis_words(void) {
    return LIST(axes);
}

word_list text_variable_words(void) {
    return LIST(variables);
}

word_list text_init_words(void) {
    return LIST(inits);
}

word_list text_output_words(void) {
    return LIST(outputs);
}

int text_init_arguments(init_kind kind) {
    return init_arguments[kind];
}

bool text_is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

bool text_is_bare_name(const char *name) {
    for (const char *c = name; *c; c++) {
        if (!text_is_bare(*c)) {
            return false;
        }
    }
    return *name;
}
