// NAME_encode: the tokens of a text, by tables (ahead_text.h). The rules are those of runtime/data/words.h, by which the
// training text was cut.
#include "codegen/driver_text.h"

enum { END_OF_NUMBER = 2, NO_NUMBER = 4 };

// The bytes and words that have been read so far; all i32.
typedef struct scanner {
    const text_driver *t;
    emitter *e;
    LLVMValueRef text, size, tokens, room; // what the function is given
    LLVMValueRef at, count;                // the next byte; tokens found
    LLVMValueRef low, high, depth, begin,
        number;                          // the open word: words that begin like it, its bytes, its place
    LLVMValueRef before, closed;         // the sort of the last character; whether it was a word alone
    LLVMValueRef code, length, entry;    // this character
    LLVMValueRef after, follower;        // the sort of the next one, and its first byte
    LLVMValueRef inside, is_line, alone; // i1, of this character
} scanner;

// ---- Characters ----

// decode(bytes, left): a character and its bytes as code * 8 + bytes; 0: not UTF-8.
static void emit_decode(text_driver *t) {
    emitter *e = t->w->e;
    LLVMTypeRef parameters[] = {e->pointer, e->i32};
    t->decode = driver_add_function(t->w, ".decode", parameters, 2, false);
    LLVMValueRef bytes = LLVMGetParam(t->decode, 0), left = LLVMGetParam(t->decode, 1);
    LLVMValueRef first = l_byte(e, bytes, l_i32(e, 0));
    LLVMValueRef length = l_select(e, l_within(e, first, 0xF0, 0xFF), l_i32(e, 4),
                                   l_select(e, l_within(e, first, 0xE0, 0xEF), l_i32(e, 3), l_i32(e, 2)));
    LLVMValueRef mask = LLVMBuildLShr(e->builder, l_i32(e, 0x7F), length, "");
    LLVMValueRef code = l_variable(e, l_and(e, first, mask)), at = l_variable(e, l_i32(e, 1));
    LLVMValueRef good = l_variable(e, l_i32(e, 1));
    LLVMValueRef one =
        LLVMBuildOr(e->builder, LLVMBuildShl(e->builder, first, l_i32(e, 3), ""), l_i32(e, 1), "");
    driver_require_else(t->w, l_not(e, l_within(e, first, 0, 0x7F)), one);
    LLVMValueRef whole = LLVMBuildICmp(e->builder, LLVMIntSLE, length, left, "");
    driver_require_else(t->w, l_and(e, l_within(e, first, 0xC2, 0xF4), whole), l_i32(e, 0));
    l_while loop;
    l_while_begin(e, &loop);
    l_while_test(&loop, l_less(e, l_get(e, at), length));
    LLVMValueRef byte = l_byte(e, bytes, l_get(e, at));
    LLVMValueRef fits = LLVMBuildZExt(e->builder, l_within(e, byte, 0x80, 0xBF), e->i32, "");
    l_set(e, good, l_and(e, l_get(e, good), fits));
    LLVMValueRef moved = LLVMBuildShl(e->builder, l_get(e, code), l_i32(e, 6), "");
    l_set(e, code, l_or(e, moved, l_and(e, byte, l_i32(e, 0x3F))));
    l_step(e, at, 1);
    l_while_end(&loop);
    LLVMValueRef found = l_get(e, code);
    LLVMValueRef least = l_select(e, l_is(e, length, 4), l_i32(e, 0x10000),
                                  l_select(e, l_is(e, length, 3), l_i32(e, 0x800), l_i32(e, 0x80)));
    LLVMValueRef sound = l_and(e, l_is(e, l_get(e, good), 1), l_not(e, l_less(e, found, least)));
    sound = l_and(e, sound, l_within(e, found, 0, 0x10FFFF));
    sound = l_and(e, sound, l_not(e, l_within(e, found, 0xD800, 0xDFFF)));
    LLVMValueRef packed = l_or(e, LLVMBuildShl(e->builder, found, l_i32(e, 3), ""), length);
    LLVMBuildRet(e->builder, l_select(e, sound, packed, l_i32(e, 0)));
}

static LLVMValueRef middle_of(emitter *e, LLVMValueRef low, LLVMValueRef high) {
    LLVMValueRef half = LLVMBuildLShr(e->builder, l_sub(e, high, low), l_i32(e, 1), "");
    return l_add(e, low, half);
}

// classify(code): the entry of its run.
static void emit_classify(text_driver *t) {
    emitter *e = t->w->e;
    t->classify = driver_add_function(t->w, ".classify", &e->i32, 1, false);
    LLVMValueRef code = LLVMGetParam(t->classify, 0);
    LLVMValueRef low = l_variable(e, l_i32(e, 0)), high = l_variable(e, l_i32(e, t->text->run_count));
    l_while loop;
    l_while_begin(e, &loop);
    l_while_test(&loop, l_less(e, l_i32(e, 1), l_sub(e, l_get(e, high), l_get(e, low))));
    LLVMValueRef middle = middle_of(e, l_get(e, low), l_get(e, high));
    LLVMValueRef above = l_less(e, code, l_item(e, t->run_begin, middle));
    l_set(e, low, l_select(e, above, l_get(e, low), middle));
    l_set(e, high, l_select(e, above, middle, l_get(e, high)));
    l_while_end(&loop);
    LLVMBuildRet(e->builder, l_item(e, t->run_entry, l_get(e, low)));
}

// ---- Words ----

// bound(low, high, depth, byte): of the sorted words low … high - 1, which have |depth| bytes in common, the first whose
// next byte is at least |byte|; a word's end is below all bytes.
static void emit_bound(text_driver *t) {
    emitter *e = t->w->e;
    LLVMTypeRef parameters[] = {e->i32, e->i32, e->i32, e->i32};
    t->bound = driver_add_function(t->w, ".bound", parameters, 4, false);
    LLVMValueRef depth = LLVMGetParam(t->bound, 2), byte = LLVMGetParam(t->bound, 3);
    LLVMValueRef low = l_variable(e, LLVMGetParam(t->bound, 0)),
                 high = l_variable(e, LLVMGetParam(t->bound, 1));
    l_while loop;
    l_while_begin(e, &loop);
    l_while_test(&loop, l_less(e, l_get(e, low), l_get(e, high)));
    LLVMValueRef middle = middle_of(e, l_get(e, low), l_get(e, high));
    LLVMValueRef word = l_item(e, t->sorted, middle);
    LLVMValueRef place = l_add(e, l_item(e, t->begin, word), depth);
    // A byte behind a word is another word's, or that of the texts behind them all.
    LLVMValueRef ended = l_not(e, l_less(e, place, l_item(e, t->begin, l_add(e, word, l_i32(e, 1)))));
    LLVMValueRef below = l_or(e, ended, l_less(e, l_byte(e, t->bytes, place), byte));
    l_set(e, low, l_select(e, below, l_add(e, middle, l_i32(e, 1)), l_get(e, low)));
    l_set(e, high, l_select(e, below, l_get(e, high), middle));
    l_while_end(&loop);
    LLVMBuildRet(e->builder, l_get(e, low));
}

static LLVMValueRef call_helper(emitter *e, LLVMValueRef function, LLVMValueRef *values, unsigned count) {
    return LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(function), function, values, count, "");
}

static LLVMValueRef bound_of(const scanner *s, LLVMValueRef byte) {
    emitter *e = s->e;
    LLVMValueRef values[] = {l_get(e, s->low), l_get(e, s->high), l_get(e, s->depth), byte};
    return call_helper(e, s->t->bound, values, 4);
}

// Digits, with one point or comma between any two, after a sign or none: 0 nothing yet, 1 a sign, 2 a digit, 3 a point
// behind one, 4 something else.
static void follow_number(const scanner *s, LLVMValueRef byte) {
    emitter *e = s->e;
    LLVMValueRef state = l_get(e, s->number), dead = l_i32(e, NO_NUMBER);
    LLVMValueRef digit = l_select(e, l_is(e, state, NO_NUMBER), dead, l_i32(e, END_OF_NUMBER));
    LLVMValueRef point = l_select(e, l_is(e, state, END_OF_NUMBER), l_i32(e, 3), dead);
    LLVMValueRef sign = l_select(e, l_is(e, state, 0), l_i32(e, 1), dead);
    LLVMValueRef is_point = l_or(e, l_is(e, byte, '.'), l_is(e, byte, ','));
    LLVMValueRef is_sign = l_or(e, l_is(e, byte, '-'), l_is(e, byte, '+'));
    LLVMValueRef next = l_select(e, is_sign, sign, l_select(e, is_point, point, dead));
    l_set(e, s->number, l_select(e, l_within(e, byte, '0', '9'), digit, next));
}

static void add_byte(const scanner *s, LLVMValueRef byte) {
    emitter *e = s->e;
    LLVMValueRef low = bound_of(s, byte), high = bound_of(s, l_add(e, byte, l_i32(e, 1)));
    l_set(e, s->low, low);
    l_set(e, s->high, high);
    l_step(e, s->depth, 1);
    if (s->t->text->numbers) {
        follow_number(s, byte);
    }
}

// The character's bytes, as a small one if the rules say so: a small letter has as many bytes as its capital one.
static void add_character(const scanner *s, LLVMValueRef index) {
    emitter *e = s->e;
    LLVMValueRef more = LLVMBuildAShr(e->builder, s->entry, l_i32(e, 2), "");
    LLVMValueRef code = l_add(e, l_get(e, s->code), more), length = l_get(e, s->length);
    l_if fresh;
    l_if_begin(e, &fresh, l_is(e, l_get(e, s->depth), 0));
    l_set(e, s->begin, l_get(e, s->at));
    l_if_end(&fresh);
    l_set_int(e, index, 0);
    l_while loop;
    l_while_begin(e, &loop);
    l_while_test(&loop, l_less(e, l_get(e, index), length));
    LLVMValueRef is_first = l_is(e, l_get(e, index), 0);
    LLVMValueRef rest = l_sub(e, l_sub(e, length, l_i32(e, 1)), l_get(e, index));
    LLVMValueRef part = LLVMBuildLShr(e->builder, code, l_mul(e, rest, l_i32(e, 6)), "");
    LLVMValueRef lead =
        l_select(e, l_is(e, length, 1), l_i32(e, 0), LLVMBuildLShr(e->builder, l_i32(e, 0xF00), length, ""));
    lead = l_and(e, lead, l_i32(e, 0xF0));
    LLVMValueRef later = l_or(e, l_and(e, part, l_i32(e, 0x3F)), l_i32(e, 0x80));
    add_byte(s, l_select(e, is_first, l_or(e, part, lead), later));
    l_step(e, index, 1);
    l_while_end(&loop);
}

// ---- Tokens ----

static void put(const scanner *s, LLVMValueRef token) {
    emitter *e = s->e;
    LLVMValueRef count = l_get(e, s->count);
    l_if fits;
    l_if_begin(e, &fits, l_less(e, count, s->room));
    l_store(e, token, l_at(e, e->i32, s->tokens, LLVMBuildZExt(e->builder, count, e->i64, "")));
    l_if_end(&fits);
    l_step(e, s->count, 1);
}

static LLVMValueRef refusal(emitter *e, LLVMValueRef at) {
    return l_sub(e, l_i32(e, -1), at);
}

// The token of the open word. The sorted list's shortest word of a beginning is its first.
static LLVMValueRef find_token(const scanner *s) {
    emitter *e = s->e;
    const ahead_text *text = s->t->text;
    LLVMValueRef low = l_get(e, s->low), some = l_less(e, low, l_get(e, s->high));
    LLVMValueRef word = l_item(e, s->t->sorted, l_select(e, some, low, l_i32(e, 0)));
    LLVMValueRef end = l_item(e, s->t->begin, l_add(e, word, l_i32(e, 1)));
    LLVMValueRef length = l_sub(e, end, l_item(e, s->t->begin, word));
    LLVMValueRef same = LLVMBuildICmp(e->builder, LLVMIntEQ, length, l_get(e, s->depth), "");
    LLVMValueRef token = l_select(e, l_and(e, some, same), word, l_i32(e, text->unknown));
    return text->numbers
               ? l_select(e, l_is(e, l_get(e, s->number), END_OF_NUMBER), l_i32(e, text->number), token)
               : token;
}

static void end_word(const scanner *s, LLVMValueRef ends) {
    emitter *e = s->e;
    l_if open;
    l_if_begin(e, &open, l_and(e, ends, l_not(e, l_is(e, l_get(e, s->depth), 0))));
    LLVMValueRef token = find_token(s);
    driver_require_else(s->t->w, l_not(e, l_less(e, token, l_i32(e, 0))), refusal(e, l_get(e, s->begin)));
    put(s, token);
    l_set_int(e, s->low, 0);
    l_set_int(e, s->high, s->t->text->count);
    l_set_int(e, s->depth, 0);
    l_set_int(e, s->number, 0);
    l_if_end(&open);
}

// ---- The next character ----

static LLVMValueRef bytes_at(const scanner *s, LLVMValueRef at) {
    return l_at(s->e, s->e->i8, s->text, LLVMBuildZExt(s->e->builder, at, s->e->i64, ""));
}

static LLVMValueRef decode_at(const scanner *s, LLVMValueRef at) {
    LLVMValueRef values[] = {bytes_at(s, at), l_sub(s->e, s->size, at)};
    return call_helper(s->e, s->t->decode, values, 2);
}

static void take_character(scanner *s) {
    emitter *e = s->e;
    LLVMValueRef at = l_get(e, s->at);
    s->inside = l_less(e, at, s->size);
    l_set_int(e, s->code, 0);
    l_set_int(e, s->length, 0);
    l_if more;
    l_if_begin(e, &more, s->inside);
    LLVMValueRef packed = decode_at(s, at);
    // A zero byte is no character of a text that is cut into words: its code of 0 has a length of 1.
    LLVMValueRef least = l_i32(e, s->t->text->words ? 2 : 1);
    driver_require_else(s->t->w, l_not(e, l_less(e, packed, least)), refusal(e, at));
    l_set(e, s->code, LLVMBuildLShr(e->builder, packed, l_i32(e, 3), ""));
    l_set(e, s->length, l_and(e, packed, l_i32(e, 7)));
    l_if_end(&more);
}

static LLVMValueRef sort_of(emitter *e, LLVMValueRef entry) {
    return l_and(e, entry, l_i32(e, 3));
}

static LLVMValueRef classify(const scanner *s, LLVMValueRef code) {
    return call_helper(s->e, s->t->classify, &code, 1);
}

// The sort of the character behind this one; what is not UTF-8 is for the next turn to refuse.
static void look_ahead(const scanner *s, LLVMValueRef next) {
    emitter *e = s->e;
    l_set_int(e, s->after, AHEAD_TEXT_SPACE);
    l_if more;
    l_if_begin(e, &more, l_less(e, next, s->size));
    LLVMValueRef packed = decode_at(s, next);
    LLVMValueRef sort = sort_of(e, classify(s, LLVMBuildLShr(e->builder, packed, l_i32(e, 3), "")));
    l_set(e, s->after, l_select(e, l_is(e, packed, 0), l_i32(e, AHEAD_TEXT_SPACE), sort));
    l_if_end(&more);
}

// Whether a sign belongs to a word: an apostrophe between letters, a point or comma between digits.
static LLVMValueRef joins(const scanner *s) {
    emitter *e = s->e;
    LLVMValueRef code = l_get(e, s->code), before = l_get(e, s->before), after = l_get(e, s->after);
    LLVMValueRef apostrophe = l_or(e, l_is(e, code, '\''), l_is(e, code, 0x2019));
    LLVMValueRef point = l_or(e, l_is(e, code, '.'), l_is(e, code, ','));
    LLVMValueRef letters = l_and(e, l_is(e, before, AHEAD_TEXT_LETTER), l_is(e, after, AHEAD_TEXT_LETTER));
    LLVMValueRef digits = l_and(e, l_is(e, before, AHEAD_TEXT_DIGIT), l_is(e, after, AHEAD_TEXT_DIGIT));
    return l_or(e, l_and(e, apostrophe, letters), l_and(e, point, digits));
}

// A carriage return before a line feed is no character; nor is one at the end of a text that is cut into words.
static LLVMValueRef is_dropped(const scanner *s, LLVMValueRef next) {
    emitter *e = s->e;
    l_set_int(e, s->follower, s->t->text->words ? '\n' : 0);
    l_if more;
    l_if_begin(e, &more, l_less(e, next, s->size));
    l_set(e, s->follower, l_byte(e, s->text, next));
    l_if_end(&more);
    return l_and(e, l_is(e, l_get(e, s->code), '\r'), l_is(e, l_get(e, s->follower), '\n'));
}

// What the rules say of the character: |*out_ends|: the open word ends before it; |*out_adds|: it is of a word.
static void judge(scanner *s, LLVMValueRef *out_ends, LLVMValueRef *out_adds) {
    emitter *e = s->e;
    const ahead_text *text = s->t->text;
    LLVMValueRef next = l_add(e, l_get(e, s->at), l_get(e, s->length)), dropped = is_dropped(s, next);
    if (!text->words) {
        s->is_line = LLVMConstInt(e->i1, 0, false);
        s->entry = l_i32(e, AHEAD_TEXT_LETTER);
        s->alone = *out_adds = l_and(e, s->inside, l_not(e, dropped));
        *out_ends = LLVMConstInt(e->i1, 1, false);
        return;
    }
    s->entry = classify(s, l_get(e, s->code));
    LLVMValueRef sort = sort_of(e, s->entry), sign = LLVMConstInt(e->i1, 0, false);
    if (text->signs) {
        look_ahead(s, next);
        sign = l_and(e, l_is(e, sort, AHEAD_TEXT_SIGN), l_not(e, joins(s)));
    }
    s->is_line = l_and(e, s->inside, l_is(e, l_get(e, s->code), '\n'));
    LLVMValueRef none = l_or(e, l_or(e, s->is_line, l_not(e, s->inside)), dropped);
    LLVMValueRef space = l_is(e, sort, AHEAD_TEXT_SPACE);
    s->alone = text->alone ? l_not(e, none) : l_and(e, sign, l_not(e, none));
    *out_adds = text->alone ? s->alone : l_and(e, l_not(e, space), l_not(e, none));
    LLVMValueRef closed = l_is(e, l_get(e, s->closed), 1);
    *out_ends = l_or(e, l_or(e, space, l_not(e, s->inside)), l_or(e, closed, s->alone));
    l_set(e, s->before, sort);
}

static void end_line(const scanner *s) {
    emitter *e = s->e;
    if (s->t->text->line_end >= 0) {
        l_if line;
        l_if_begin(e, &line, s->is_line);
        put(s, l_i32(e, s->t->text->line_end));
        l_if_end(&line);
    }
}

// ---- The function ----

static void begin_scanner(scanner *s, LLVMValueRef f) {
    emitter *e = s->e;
    s->text = LLVMGetParam(f, 0);
    s->size = LLVMGetParam(f, 1);
    s->tokens = LLVMGetParam(f, 2);
    s->room = LLVMGetParam(f, 3);
    LLVMValueRef *const zeros[] = {&s->at,     &s->count,  &s->low,  &s->depth,  &s->begin, &s->number,
                                   &s->before, &s->closed, &s->code, &s->length, &s->after, &s->follower};
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        *zeros[i] = l_variable(e, l_i32(e, 0));
    }
    s->high = l_variable(e, l_i32(e, s->t->text->count));
}

// A byte order mark at the begin is skipped.
static void skip_mark(const scanner *s) {
    emitter *e = s->e;
    l_if some;
    l_if_begin(e, &some, l_less(e, l_i32(e, 0), s->size));
    LLVMValueRef is_mark = l_is(e, decode_at(s, l_i32(e, 0)), 0xFEFF * 8 + 3);
    l_set(e, s->at, l_select(e, is_mark, l_i32(e, 3), l_i32(e, 0)));
    l_if_end(&some);
}

static void emit_encode(text_driver *t) {
    emitter *e = t->w->e;
    LLVMTypeRef parameters[] = {e->pointer, e->i32, e->pointer, e->i32};
    LLVMValueRef f = driver_add_function(t->w, "_encode", parameters, 4, true);
    scanner s = {.t = t, .e = e};
    begin_scanner(&s, f);
    LLVMValueRef index = l_variable(e, l_i32(e, 0)), running = l_variable(e, l_i32(e, 1)), ends, adds;
    skip_mark(&s);
    // One turn more than there are characters, for the word that is open at the end.
    l_while loop;
    l_while_begin(e, &loop);
    l_while_test(&loop, l_is(e, l_get(e, running), 1));
    take_character(&s);
    judge(&s, &ends, &adds);
    end_word(&s, ends);
    end_line(&s);
    l_set(e, s.closed, LLVMBuildZExt(e->builder, s.alone, e->i32, ""));
    l_if added;
    l_if_begin(e, &added, adds);
    add_character(&s, index);
    l_if_end(&added);
    l_set(e, s.at, l_add(e, l_get(e, s.at), l_get(e, s.length)));
    l_set(e, running, LLVMBuildZExt(e->builder, s.inside, e->i32, ""));
    l_while_end(&loop);
    LLVMBuildRet(e->builder, l_get(e, s.count));
}

void driver_emit_encode(text_driver *t) {
    emit_decode(t);
    if (t->text->words) {
        emit_classify(t);
    }
    emit_bound(t);
    emit_encode(t);
}
