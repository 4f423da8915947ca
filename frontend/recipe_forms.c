// The forms of data: npy("key"), words("key", lower = true) …, each with the texts and options that it takes.
#include <stddef.h>
#include <string.h>

#include "frontend/recipe.h"

// What stands by place behind the key.
typedef enum form_rest {
    REST_NONE,
    REST_MEMBER,  // perhaps a text
    REST_KEYS,    // more keys
    REST_COLUMNS, // texts, at least one
    REST_COLUMN,  // one text
    REST_NUMBER,  // a whole number
    REST_COUNT,   // a whole number and no key
} form_rest;

typedef struct form_row {
    const char *name;
    data_kind kind;
    form_rest rest;
} form_row;

static const form_row forms[] = {
    {"npy", DATA_NPY, REST_MEMBER},           {"idx", DATA_IDX, REST_NONE},
    {"csv", DATA_CSV, REST_COLUMNS},          {"present", DATA_PRESENT, REST_COLUMNS},
    {"category", DATA_CATEGORY, REST_COLUMN}, {"characters", DATA_CHARACTERS, REST_NONE},
    {"words", DATA_WORDS, REST_KEYS},         {"lines", DATA_LINES, REST_KEYS},
    {"labels", DATA_LABELS, REST_KEYS},       {"column", DATA_COLUMN, REST_NUMBER},
    {"file_of", DATA_FILE_OF, REST_KEYS},     {"ahead", DATA_AHEAD, REST_NONE},
    {"series", DATA_SERIES, REST_NONE},       {"random", DATA_RANDOM, REST_COUNT},
};

enum { FORM_COUNT = sizeof forms / sizeof *forms, MOST_DRAWN = 1000000000 };

typedef enum option_kind { OPTION_TRUTH, OPTION_WHOLE, OPTION_MISSING } option_kind;

#define FORM_BIT(KIND) (1u << (KIND))
enum {
    TEXTS = FORM_BIT(DATA_WORDS) | FORM_BIT(DATA_LINES),
    ROWS = FORM_BIT(DATA_LINES) | FORM_BIT(DATA_COLUMN),
    VOCABULARIES = TEXTS | ROWS | FORM_BIT(DATA_CATEGORY),
};

#define TEXT_OPTION(NAME) #NAME, offsetof(data_binding, text.NAME)

static const struct {
    const char *name;
    size_t offset; // in data_binding
    option_kind kind;
    unsigned forms;
} options[] = {
    {TEXT_OPTION(characters), OPTION_TRUTH, FORM_BIT(DATA_LINES)},
    {TEXT_OPTION(punctuation), OPTION_TRUTH, TEXTS},
    {TEXT_OPTION(lower), OPTION_TRUTH, TEXTS | ROWS},
    {TEXT_OPTION(numbers), OPTION_TRUTH, TEXTS | ROWS},
    {TEXT_OPTION(line_ends), OPTION_TRUTH, TEXTS},
    {TEXT_OPTION(unknown), OPTION_TRUTH, VOCABULARIES},
    {TEXT_OPTION(least), OPTION_WHOLE, VOCABULARIES},
    {TEXT_OPTION(most), OPTION_WHOLE, VOCABULARIES},
    {TEXT_OPTION(longest), OPTION_WHOLE, ROWS},
    {"missing", offsetof(data_binding, missing), OPTION_MISSING, FORM_BIT(DATA_CSV)},
};

enum { OPTION_COUNT = sizeof options / sizeof *options };

static const form_row *find_form(const char *name) {
    for (int i = 0; i < FORM_COUNT; i++) {
        if (strcmp(forms[i].name, name) == 0) {
            return &forms[i];
        }
    }
    return NULL;
}

static bool report_form(elaborator *el, const expression *e, const char *name) {
    const char *names[FORM_COUNT], *list = "";
    for (int i = 0; i < FORM_COUNT; i++) {
        names[i] = forms[i].name;
        list = arena_printf(el->memory, "%s%s%s", list, i ? ", " : "", forms[i].name);
    }
    const char *near = nearest_name(name, names, FORM_COUNT);
    elaborate_error(el, e->where, "expected a form of data (%s)%s%s%s", list, near ? "; did you mean '" : "",
                    near ? near : "", near ? "'?" : "");
    return false;
}

// ---- By place ----

static bool read_form(elaborator *el, const expression *call, bool outermost, data_binding *b, arena *memory);

static const char *text_argument(elaborator *el, const expression *call, uint32_t i, arena *memory) {
    const expression *e = i < call->args.count ? call->args.at[i].value : NULL;
    if (!e || e->kind != EXPR_TEXT) {
        elaborate_error(el, e ? e->where : call->where, "expected a text: %s(\"…\")", call->a->text);
        return NULL;
    }
    return arena_strdup(memory, e->text);
}

// Of another input, or of a form of its own: ahead(csv("key", "column"), 24).
static bool read_ahead(elaborator *el, const expression *call, data_binding *b, arena *memory) {
    const expression *of = call->args.count == 2 ? call->args.at[0].value : NULL;
    if (!of || (of->kind != EXPR_NAME && of->kind != EXPR_CALL)) {
        elaborate_error(el, call->where, "expected ahead(input, steps)");
        return false;
    }
    if (!recipe_whole(el, call->args.at[1].value, "the distance of 'ahead'", 0, 1000000, &b->by)) {
        return false;
    }
    if (of->kind == EXPR_NAME) {
        b->kind = DATA_AHEAD;
        b->of = arena_strdup(memory, of->text);
        return true;
    }
    return read_form(el, of, false, b, memory);
}

// The texts [first, count) of the arguments.
static const char **read_texts(elaborator *el, const expression *call, uint32_t first, uint32_t count,
                               arena *memory) {
    const char **texts = arena_new_array(memory, const char *, count - first + 1);
    for (uint32_t i = first; i < count; i++) {
        texts[i - first] = text_argument(el, call, i, memory);
        if (!texts[i - first]) {
            return NULL;
        }
    }
    return texts;
}

static bool read_columns(elaborator *el, const expression *call, uint32_t count, data_binding *b,
                         arena *memory) {
    if (count < 2) {
        elaborate_error(el, call->where, "name the columns: %s(\"key\", \"column\", …)", call->a->text);
        return false;
    }
    b->column_count = count - 1;
    b->columns = read_texts(el, call, 1, count, memory);
    return b->columns != NULL;
}

static bool refuse_count(elaborator *el, const expression *call, const char *expected) {
    elaborate_error(el, call->where, "expected %s%s", call->a->text, expected);
    return false;
}

static bool read_count(elaborator *el, const expression *call, uint32_t count, data_binding *b) {
    if (count != 1) {
        return refuse_count(el, call, "(number): it takes how many examples, or places, are drawn");
    }
    return recipe_whole(el, call->args.at[0].value, "how many are drawn", 1, MOST_DRAWN, &b->value_count);
}

// What stands by place: |count| arguments, the first of which is the key.
static bool read_places(elaborator *el, const form_row *form, const expression *call, uint32_t count,
                        data_binding *b, arena *memory) {
    if (form->rest == REST_COUNT) {
        return read_count(el, call, count, b);
    }
    b->key_count = form->rest == REST_KEYS ? count : 1;
    b->keys = read_texts(el, call, 0, b->key_count ? b->key_count : 1, memory);
    if (!b->keys) {
        return false;
    }
    b->key = b->keys[0];
    switch (form->rest) {
    case REST_NONE: return count == 1 || refuse_count(el, call, "(\"…\"): it takes one text");
    case REST_MEMBER:
        b->member = count > 1 ? text_argument(el, call, 1, memory) : NULL;
        return (count == 1 || (count == 2 && b->member)) || refuse_count(el, call, "(\"key\", \"member\")");
    case REST_KEYS: return true;
    case REST_COLUMNS: return read_columns(el, call, count, b, memory);
    case REST_COLUMN:
        return read_columns(el, call, count, b, memory) &&
               (count == 2 || refuse_count(el, call, "(\"key\", \"column\"): it takes one column"));
    case REST_NUMBER:
        if (count != 2) {
            return refuse_count(el, call, "(\"key\", number): columns count from 1");
        }
        return recipe_whole(el, call->args.at[1].value, "the column's number", 1, 1000000, &b->column);
    case REST_COUNT: break; // has no key
    }
    return false;
}

// ---- By name ----

static bool read_truth(elaborator *el, const argument *arg, bool *out) {
    meaning v = evaluate(el, arg->value);
    if (v.kind == MEANING_TRUTH) {
        *out = v.truth;
    } else if (!is_poison(v)) {
        elaborate_error(el, arg->value->where, "'%s' must be true or false, found %s", arg->name,
                        meaning_text(el, v));
    }
    return v.kind == MEANING_TRUTH;
}

// missing = fill(0), missing = previous(0): the value that stands before, and 0 where there is none yet.
static bool read_missing(elaborator *el, const argument *arg, data_binding *b) {
    const expression *e = arg->value;
    bool call = e->kind == EXPR_CALL && e->a->kind == EXPR_NAME && e->args.count == 1 && !e->args.at[0].name;
    bool fill = call && strcmp(e->a->text, "fill") == 0,
         previous = call && strcmp(e->a->text, "previous") == 0;
    if (!fill && !previous) {
        elaborate_error(el, e->where, "expected missing = fill(value), or previous(value at the begin)");
        return false;
    }
    b->missing = fill ? MISSING_FILL : MISSING_PREVIOUS;
    return recipe_real(el, e->args.at[0].value, "what stands for missing values", -1e300, &b->fill);
}

static bool report_option(elaborator *el, const form_row *form, const argument *arg) {
    const char *names[OPTION_COUNT];
    size_t count = 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (options[i].forms & FORM_BIT(form->kind)) {
            names[count++] = options[i].name;
        }
    }
    const char *near = nearest_name(arg->name, names, count);
    elaborate_error(el, arg->where, "'%s' has no option '%s'%s%s%s", form->name, arg->name,
                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}

static bool read_option(elaborator *el, const form_row *form, const argument *arg, data_binding *b) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        void *at = (char *)b + options[i].offset;
        if (!(options[i].forms & FORM_BIT(form->kind)) || strcmp(options[i].name, arg->name) != 0) {
            continue;
        }
        switch (options[i].kind) {
        case OPTION_TRUTH: return read_truth(el, arg, at);
        case OPTION_WHOLE: return recipe_whole(el, arg->value, arg->name, 1, INT32_MAX, at);
        case OPTION_MISSING: return read_missing(el, arg, b);
        }
    }
    return report_option(el, form, arg);
}

static bool read_form(elaborator *el, const expression *call, bool outermost, data_binding *b,
                      arena *memory) {
    bool named = call->kind == EXPR_CALL && call->a->kind == EXPR_NAME;
    const form_row *form = named ? find_form(call->a->text) : NULL;
    if (!form) {
        return report_form(el, call, named ? call->a->text : "");
    }
    if (form->kind == DATA_AHEAD && outermost) {
        return read_ahead(el, call, b, memory);
    }
    if (form->kind == DATA_AHEAD || form->kind == DATA_SERIES) {
        elaborate_error(el, call->where, "'%s' stands alone on the right of '='", form->name);
        return false;
    }
    b->kind = form->kind;
    uint32_t count = 0;
    while (count < call->args.count && !call->args.at[count].name) {
        count++;
    }
    if (!read_places(el, form, call, count, b, memory)) {
        return false;
    }
    for (uint32_t i = count; i < call->args.count; i++) {
        const argument *arg = &call->args.at[i];
        if (!arg->name) {
            elaborate_error(el, arg->where, "options of '%s' are given by name", form->name);
            return false;
        }
        if (!read_option(el, form, arg, b)) {
            return false;
        }
    }
    return true;
}

bool recipe_read_form(elaborator *el, const recipe_item *item, data_binding *b, arena *memory) {
    return read_form(el, item->value, true, b, memory);
}
