// Training recipes: items that follow each other, on one line or several.
#include <string.h>

#include "frontend/initializers.h"
#include "frontend/parse.h"

typedef bool parse_item(parser *p, recipe_definition *r, recipe_item item);

typedef struct item_row {
    const char *word;
    recipe_item_kind kind;
    parse_item *parse;
} item_row;

static bool add_item(parser *p, recipe_definition *r, recipe_item item) {
    item.where = span_join(item.where, parser_last_span(p));
    vec_push(p->memory, r->items, item);
    return true;
}

static bool parse_value_item(parser *p, recipe_definition *r, recipe_item item) {
    item.value = parse_expression(p);
    return item.value && add_item(p, r, item);
}

static bool parse_carry(parser *p, recipe_definition *r, recipe_item item) {
    return parser_expect_word(p, "state") && add_item(p, r, item);
}

// keep best, or keep best accuracy
static bool parse_keep(parser *p, recipe_definition *r, recipe_item item) {
    if (!parser_expect_word(p, "best")) {
        return false;
    }
    item.name = parser_accept_word(p, "accuracy") ? "accuracy" : NULL;
    return add_item(p, r, item);
}

// name = value, name = value …
static bool parse_named_items(parser *p, recipe_definition *r, recipe_item item) {
    do {
        item.name = p->at->text;
        item.name_where = p->at->where;
        if (!parser_expect(p, TOKEN_NAME) || !parser_expect(p, TOKEN_ASSIGN)) {
            return false;
        }
        if (!parse_value_item(p, r, item)) {
            return false;
        }
    } while (parser_accept(p, TOKEN_COMMA));
    return true;
}

// T = 35 every 20, S = 10 …
static bool parse_steps(parser *p, recipe_definition *r, recipe_item item) {
    do {
        item.name = p->at->text;
        item.name_where = p->at->where;
        item.every = NULL;
        if (!parser_expect(p, TOKEN_NAME) || !parser_expect(p, TOKEN_ASSIGN)) {
            return false;
        }
        item.value = parse_expression(p);
        bool overlaps = item.value && parser_accept_word(p, "every");
        item.every = overlaps ? parse_expression(p) : NULL;
        if (!item.value || (overlaps && !item.every)) {
            return false;
        }
        add_item(p, r, item);
    } while (parser_accept(p, TOKEN_COMMA));
    return true;
}

static bool in_pattern(const parser *p, const token *before) {
    bool part = parser_is(p, TOKEN_NAME) || parser_is(p, TOKEN_NUMBER) || parser_is(p, TOKEN_DOT) ||
                parser_is(p, TOKEN_TIMES);
    return part && (!before || before->where.end == p->at->where.begin);
}

// Moves over the tokens of a pattern; the last one, or NULL if there is none.
static const token *pass_pattern(parser *p) {
    const token *before = NULL;
    while (in_pattern(p, before)) {
        before = p->at++;
    }
    return before;
}

static void name_by_pattern(const parser *p, const token *begin, const token *last, recipe_item *item) {
    const source_file *file = &p->d->files.at[begin->where.file];
    item->name_where = span_join(begin->where, last->where);
    item->name =
        arena_strndup(p->memory, file->text + begin->where.begin, last->where.end - begin->where.begin);
}

// `*.b zero`: the characters up to the next space are a pattern if an initialiser's name follows.
static void parse_pattern(parser *p, recipe_item *item) {
    const token *begin = p->at, *before = pass_pattern(p);
    bool wild = before && (before > begin || before->kind == TOKEN_TIMES);
    bool pattern = before && parser_is(p, TOKEN_NAME) && (wild || initializer_is_name(p->at->text));
    if (pattern) {
        name_by_pattern(p, begin, before, item);
    } else {
        p->at = begin;
    }
}

// `*.table 0`: they are a pattern here if a space and then a number or a parenthesis follow.
static void parse_pattern_of_number(parser *p, recipe_item *item) {
    const token *begin = p->at, *before = parser_is(p, TOKEN_NUMBER) ? NULL : pass_pattern(p);
    bool number = parser_is(p, TOKEN_NUMBER) || parser_is(p, TOKEN_PAREN_OPEN);
    if (before && number && before->where.end != p->at->where.begin) {
        name_by_pattern(p, begin, before, item);
    } else {
        p->at = begin;
    }
}

static bool parse_init(parser *p, recipe_definition *r, recipe_item item) {
    do {
        item.name = NULL;
        parse_pattern(p, &item);
        item.value = parse_postfix(p);
        if (!item.value) {
            return false;
        }
        add_item(p, r, item);
    } while (parser_accept(p, TOKEN_COMMA));
    return true;
}

// weight_decay 0.01, *.table 0
static bool parse_weight_decay(parser *p, recipe_definition *r, recipe_item item) {
    do {
        item.name = NULL;
        parse_pattern_of_number(p, &item);
        if (!parse_value_item(p, r, item)) {
            return false;
        }
    } while (parser_accept(p, TOKEN_COMMA));
    return true;
}

// freeze *.table, lstm.0.*
static bool parse_freeze(parser *p, recipe_definition *r, recipe_item item) {
    do {
        const token *begin = p->at, *last = pass_pattern(p);
        if (!last) {
            return parser_expected(p, "the name of a weight, or a pattern as *.table");
        }
        name_by_pattern(p, begin, last, &item);
        add_item(p, r, item);
    } while (parser_accept(p, TOKEN_COMMA));
    return true;
}

// stop after 5 epochs without better validation
static bool parse_stop(parser *p, recipe_definition *r, recipe_item item) {
    if (!parser_expect_word(p, "after")) {
        return false;
    }
    item.value = parse_expression(p);
    return item.value && parser_expect_word(p, "epochs") && parser_expect_word(p, "without") &&
           parser_expect_word(p, "better") && parser_expect_word(p, "validation") && add_item(p, r, item);
}

static bool parse_unit(parser *p, recipe_item *item) {
    item->counts_steps = parser_accept_word(p, "steps");
    return item->counts_steps || parser_accept_word(p, "epochs") || parser_expected(p, "'epochs' or 'steps'");
}

// 1000 steps, or 5 epochs
static bool parse_length(parser *p, recipe_item *item, expression **out) {
    *out = parse_expression(p);
    return *out && parse_unit(p, item);
}

static bool parse_start(parser *p, recipe_item *item) {
    if (parser_accept_word(p, "after")) {
        item->after = parse_expression(p);
        return item->after != NULL;
    }
    return true;
}

// each epoch after 4; each 100 steps after 1000
static bool parse_each(parser *p, recipe_definition *r, recipe_item item) {
    item.schedule = SCHEDULE_DECAY;
    if (!parser_accept_word(p, "epoch")) {
        item.counts_steps = true;
        item.every = parse_expression(p);
        if (!item.every || !parser_expect_word(p, "steps")) {
            return false;
        }
    }
    return parse_start(p, &item) && add_item(p, r, item);
}

// per 100 steps after 1000
static bool parse_per(parser *p, recipe_definition *r, recipe_item item) {
    item.schedule = SCHEDULE_DECAY_SMOOTH;
    item.counts_steps = true;
    item.every = parse_expression(p);
    return item.every && parser_expect_word(p, "steps") && parse_start(p, &item) && add_item(p, r, item);
}

// after epochs 30, 60: an item for each
static bool parse_places(parser *p, recipe_definition *r, recipe_item item) {
    item.schedule = SCHEDULE_ONCE;
    if (!parse_unit(p, &item)) {
        return false;
    }
    do {
        item.after = parse_expression(p);
        if (!item.after) {
            return false;
        }
        add_item(p, r, item);
    } while (parser_accept(p, TOKEN_COMMA));
    return true;
}

// on plateau of 3 epochs
static bool parse_plateau(parser *p, recipe_definition *r, recipe_item item) {
    item.schedule = SCHEDULE_PLATEAU;
    if (!parser_expect_word(p, "plateau") || !parser_expect_word(p, "of")) {
        return false;
    }
    item.every = parse_expression(p);
    return item.every && parser_expect_word(p, "epochs") && add_item(p, r, item);
}

// warm_up over 1000 steps; cosine over 20 epochs to 0.1; inverse_sqrt after 4000 steps
static bool parse_curve(parser *p, recipe_definition *r, recipe_item item) {
    bool over = item.schedule != SCHEDULE_INVERSE_SQRT;
    if (!parser_expect_word(p, over ? "over" : "after") ||
        !parse_length(p, &item, over ? &item.every : &item.after)) {
        return false;
    }
    if (item.schedule == SCHEDULE_COSINE && parser_accept_word(p, "to")) {
        item.value = parse_expression(p);
        return item.value && add_item(p, r, item);
    }
    return add_item(p, r, item);
}

// rate *= 0.5, and when
static bool parse_factor(parser *p, recipe_definition *r, recipe_item item) {
    if (!parser_expect(p, TOKEN_TIMES_ASSIGN)) {
        return false;
    }
    item.value = parse_expression(p);
    if (!item.value) {
        return false;
    }
    return parser_accept_word(p, "each")    ? parse_each(p, r, item)
           : parser_accept_word(p, "per")   ? parse_per(p, r, item)
           : parser_accept_word(p, "after") ? parse_places(p, r, item)
           : parser_accept_word(p, "on")    ? parse_plateau(p, r, item)
                                            : parser_expected(p, "'each', 'per', 'after' or 'on plateau'");
}

static bool parse_schedule(parser *p, recipe_definition *r, recipe_item item) {
    static const struct {
        const char *word;
        schedule_kind kind;
    } curves[] = {
        {"warm_up", SCHEDULE_WARM_UP}, {"cosine", SCHEDULE_COSINE}, {"inverse_sqrt", SCHEDULE_INVERSE_SQRT}};
    if (parser_accept_word(p, "rate")) {
        return parse_factor(p, r, item);
    }
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        if (parser_accept_word(p, curves[i].word)) {
            item.schedule = curves[i].kind;
            return parse_curve(p, r, item);
        }
    }
    return parser_expected(p, "'rate *= …', 'warm_up', 'cosine' or 'inverse_sqrt'");
}

// After "series(": expression in t, t = 0 to 30 by 0.1 )
static bool parse_series(parser *p, recipe_item *item) {
    item->value = parse_expression(p);
    if (!item->value || !parser_expect_word(p, "in")) {
        return false;
    }
    item->variable = p->at->text;
    if (!parser_expect(p, TOKEN_NAME) || !parser_expect(p, TOKEN_COMMA)) {
        return false;
    }
    if (!parser_is_word(p, item->variable)) {
        return parser_expected(p, "the series' variable again");
    }
    p->at++;
    if (!parser_expect(p, TOKEN_ASSIGN)) {
        return false;
    }
    item->low = parse_expression(p);
    if (!item->low || !parser_expect_word(p, "to")) {
        return false;
    }
    item->high = parse_expression(p);
    if (!item->high || !parser_expect_word(p, "by")) {
        return false;
    }
    item->step = parse_expression(p);
    return item->step && parser_expect(p, TOKEN_PAREN_CLOSE);
}

// name.name … = form
static bool parse_binding(parser *p, recipe_definition *r, recipe_item item) {
    item.name = p->at->text;
    item.name_where = item.where = p->at->where;
    if (!parser_expect(p, TOKEN_NAME)) {
        return false;
    }
    while (parser_accept(p, TOKEN_DOT)) {
        item.name = arena_printf(p->memory, "%s.%s", item.name, p->at->text ? p->at->text : "");
        item.name_where = span_join(item.name_where, p->at->where);
        if (!parser_expect(p, TOKEN_NAME)) {
            return false;
        }
    }
    if (!parser_expect(p, TOKEN_ASSIGN)) {
        return false;
    }
    if (parser_is_word(p, "series") && p->at[1].kind == TOKEN_PAREN_OPEN) {
        p->at += 2;
        return parse_series(p, &item) && add_item(p, r, item);
    }
    return parse_value_item(p, r, item);
}

static bool parse_bare_item(parser *p, recipe_definition *r, recipe_item item) {
    return add_item(p, r, item);
}

static bool parse_windows(parser *p, recipe_definition *r, recipe_item item) {
    if (parser_accept_word(p, "stride")) {
        item.every = parse_expression(p);
        if (!item.every) {
            return false;
        }
    }
    return add_item(p, r, item);
}

static bool parse_random_windows(parser *p, recipe_definition *r, recipe_item item) {
    return parser_expect_word(p, "windows") && add_item(p, r, item);
}

// validation "key", "key" …: the keys become the arguments of a call without a name.
static bool parse_validation_files(parser *p, recipe_definition *r, recipe_item item) {
    item.kind = ITEM_VALIDATION_FILES;
    item.value = arena_new(p->memory, expression);
    item.value->kind = EXPR_CALL;
    do {
        argument key = {.where = p->at->where};
        if (!parser_is(p, TOKEN_TEXT)) {
            return parser_expected(p, "a key: validation \"valid\"");
        }
        key.value = parse_expression(p);
        if (!key.value) {
            return false;
        }
        vec_push(p->memory, item.value->args, key);
    } while (parser_accept(p, TOKEN_COMMA));
    return add_item(p, r, item);
}

// last n, last n of each
static bool parse_last(parser *p, recipe_definition *r, recipe_item item) {
    if (!parser_expect_word(p, "last")) {
        return false;
    }
    item.value = parse_expression(p);
    if (!item.value) {
        return false;
    }
    item.of_each = parser_accept_word(p, "of");
    if (item.of_each && !parser_expect_word(p, "each")) {
        return false;
    }
    return add_item(p, r, item);
}

// validation last n of each, validation "key"
static bool parse_validation(parser *p, recipe_definition *r, recipe_item item) {
    return parser_is(p, TOKEN_TEXT) ? parse_validation_files(p, r, item) : parse_last(p, r, item);
}

static const item_row data_rows[] = {
    {"examples", ITEM_EXAMPLES, parse_bare_item},
    {"windows", ITEM_WINDOWS, parse_windows},
    {"random", ITEM_RANDOM_WINDOWS, parse_random_windows},
    {"streams", ITEM_STREAMS, parse_bare_item},
    {"validation", ITEM_VALIDATION, parse_validation},
    {"keep", ITEM_KEEP_BEST, parse_keep},
    {"test", ITEM_TEST, parse_last},
};

static bool parse_data(parser *p, recipe_definition *r, recipe_item item);

static const item_row item_rows[] = {
    {"batch", ITEM_BATCH, parse_value_item},
    {"steps", ITEM_STEPS, parse_steps},
    {"carry", ITEM_CARRY, parse_carry},
    {"init", ITEM_INIT, parse_init},
    {"optimizer", ITEM_OPTIMIZER, parse_value_item},
    {"clip_norm", ITEM_CLIP_NORM, parse_value_item},
    {"clip_value", ITEM_CLIP_VALUE, parse_value_item},
    {"schedule", ITEM_SCHEDULE, parse_schedule},
    {"weight_decay", ITEM_WEIGHT_DECAY, parse_weight_decay},
    {"freeze", ITEM_FREEZE, parse_freeze},
    {"skip_limit", ITEM_SKIP_LIMIT, parse_value_item},
    {"stop", ITEM_STOP, parse_stop},
    {"epochs", ITEM_EPOCHS, parse_value_item},
    {"max_steps", ITEM_MAX_STEPS, parse_value_item},
    {"set", ITEM_SET, parse_named_items},
    {"data", ITEM_BIND, parse_data},
};

static const item_row *find_item(const parser *p, const item_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (parser_is_word(p, rows[i].word)) {
            return &rows[i];
        }
    }
    return NULL;
}

static void report_unknown_item(parser *p) {
    const char *names[sizeof item_rows / sizeof *item_rows];
    size_t count = sizeof item_rows / sizeof *item_rows;
    for (size_t i = 0; i < count; i++) {
        names[i] = item_rows[i].word;
    }
    const char *near = parser_is(p, TOKEN_NAME) ? nearest_name(p->at->text, names, count) : NULL;
    if (near) {
        diag_fail(p->d, RNNC_SYNTAX, p->at->where, "a recipe has no item '%s'; did you mean '%s'?",
                  p->at->text, near);
    } else {
        parser_expected(p, "an item of a recipe (batch, steps, init, optimizer, epochs, data …)");
    }
}

// One item; |in_data| inside the braces of `data`.
static bool parse_one_item(parser *p, recipe_definition *r, bool in_data) {
    recipe_item item = {.where = p->at->where};
    const item_row *row = in_data ? find_item(p, data_rows, sizeof data_rows / sizeof *data_rows)
                                  : find_item(p, item_rows, sizeof item_rows / sizeof *item_rows);
    bool binding = in_data && p->at[1].kind == TOKEN_ASSIGN;
    if (!row || binding) {
        if (in_data) {
            return parse_binding(p, r, (recipe_item){.kind = ITEM_BIND});
        }
        report_unknown_item(p);
        return false;
    }
    item.kind = row->kind;
    p->at++;
    return row->parse(p, r, item);
}

static bool parse_items(parser *p, recipe_definition *r, bool in_data) {
    if (!parser_expect(p, TOKEN_BRACE_OPEN) || !parser_enter(p)) {
        return false;
    }
    while (!parser_is(p, TOKEN_BRACE_CLOSE) && !parser_is(p, TOKEN_END)) {
        if (!parser_accept(p, TOKEN_NEWLINE) && !parse_one_item(p, r, in_data)) {
            parser_recover(p);
        }
    }
    parser_leave(p);
    return parser_expect(p, TOKEN_BRACE_CLOSE);
}

static bool parse_data(parser *p, recipe_definition *r, recipe_item item) {
    (void)item;
    return parse_items(p, r, true);
}

recipe_definition *parse_recipe(parser *p) {
    recipe_definition *r = arena_new(p->memory, recipe_definition);
    r->name = p->at->text;
    r->where = p->at->where;
    if (!parser_expect(p, TOKEN_NAME)) {
        return NULL;
    }
    if (parser_accept(p, TOKEN_COLON)) {
        r->base = p->at->text;
        r->base_where = p->at->where;
        if (!parser_expect(p, TOKEN_NAME)) {
            return NULL;
        }
    }
    return parse_items(p, r, false) ? r : NULL;
}
