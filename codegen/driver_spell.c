// NAME_decode: the text of tokens, spaced as runtime/train/speller.h says.
#include "codegen/driver_text.h"

typedef struct writer {
    const text_driver *t;
    emitter *e;
    LLVMValueRef text, room; // what the function is given
    LLVMValueRef size;       // i32 variable: bytes so far
} writer;

static LLVMValueRef add_table(const driver *w, const char *what, const void *data, int64_t count,
                              int64_t element) {
    return data ? driver_add_constant(w, what, 0, data, count * element) : NULL;
}

// i32s lie in the object as the machine that compiles has them: little-endian, as all targets are.
static void add_tables(text_driver *t) {
    const ahead_text *text = t->text;
    const int64_t word = sizeof(int32_t);
    t->bytes = add_table(t->w, "text.bytes", text->bytes, text->begin[text->count + 2], 1);
    t->begin = add_table(t->w, "text.begin", text->begin, text->count + 3, word);
    t->sorted = add_table(t->w, "text.sorted", text->sorted, text->count, word);
    t->marks = add_table(t->w, "text.marks", text->marks, text->count + 1, 1);
    t->run_begin = add_table(t->w, "text.runs", text->run_begin, text->run_count, word);
    t->run_entry = add_table(t->w, "text.sorts", text->run_entry, text->run_count, word);
}

static void put_byte(const writer *w, LLVMValueRef byte) {
    emitter *e = w->e;
    LLVMValueRef size = l_get(e, w->size);
    l_if fits;
    l_if_begin(e, &fits, l_less(e, size, w->room));
    LLVMValueRef at = l_at(e, e->i8, w->text, LLVMBuildZExt(e->builder, size, e->i64, ""));
    l_store(e, LLVMBuildTrunc(e->builder, byte, e->i8, ""), at);
    l_if_end(&fits);
    l_step(e, w->size, 1);
}

static LLVMValueRef is_known(const writer *w, LLVMValueRef token) {
    return l_within(w->e, token, 0, w->t->text->count - 1);
}

// Marks of a token; those of the text behind the last one where it is out of range.
static LLVMValueRef marks_of(const writer *w, LLVMValueRef token) {
    emitter *e = w->e;
    return l_byte(e, w->t->marks, l_select(e, is_known(w, token), token, l_i32(e, w->t->text->count)));
}

static LLVMValueRef has(const writer *w, LLVMValueRef marks, int mark) {
    return l_not(w->e, l_is(w->e, l_and(w->e, marks, l_i32(w->e, mark)), 0));
}

// Words are parted by spaces, but not at the begin of a line, from a sign that closes, or from one that opens.
static void put_space(const writer *w, LLVMValueRef marks, LLVMValueRef previous) {
    emitter *e = w->e;
    LLVMValueRef before = marks_of(w, previous);
    LLVMValueRef begins = l_or(e, l_less(e, previous, l_i32(e, 0)), has(w, before, AHEAD_TEXT_LINE_END));
    LLVMValueRef close = l_or(e, has(w, marks, AHEAD_TEXT_CLOSES), has(w, before, AHEAD_TEXT_OPENS));
    LLVMValueRef none = l_or(e, l_or(e, begins, close), has(w, marks, AHEAD_TEXT_LINE_END));
    l_if parted;
    l_if_begin(e, &parted, l_not(e, none));
    put_byte(w, l_i32(e, ' '));
    l_if_end(&parted);
}

static void put_token(const writer *w, LLVMValueRef token, LLVMValueRef previous, LLVMValueRef place) {
    emitter *e = w->e;
    const text_driver *t = w->t;
    LLVMValueRef count = l_i32(e, t->text->count), index = l_select(e, is_known(w, token), token, count);
    if (t->text->words) {
        LLVMValueRef marks = marks_of(w, token);
        if (!t->text->alone) {
            put_space(w, marks, previous);
        }
        index = l_select(e, has(w, marks, AHEAD_TEXT_LINE_END), l_i32(e, t->text->count + 1), index);
    }
    LLVMValueRef end = l_item(e, t->begin, l_add(e, index, l_i32(e, 1)));
    l_set(e, place, l_item(e, t->begin, index));
    l_while loop;
    l_while_begin(e, &loop);
    l_while_test(&loop, l_less(e, l_get(e, place), end));
    put_byte(w, l_byte(e, t->bytes, l_get(e, place)));
    l_step(e, place, 1);
    l_while_end(&loop);
}

// decode(previous, tokens, count, text, room)
static void emit_decode(const text_driver *t) {
    emitter *e = t->w->e;
    LLVMTypeRef parameters[] = {e->i32, e->pointer, e->i32, e->pointer, e->i32};
    LLVMValueRef f = driver_add_function(t->w, "_decode", parameters, 5, true);
    writer w = {.t = t, .e = e, .text = LLVMGetParam(f, 3), .room = LLVMGetParam(f, 4)};
    w.size = l_variable(e, l_i32(e, 0));
    LLVMValueRef place = l_variable(e, l_i32(e, 0)), at = l_variable(e, l_i32(e, 0));
    LLVMValueRef previous = l_variable(e, LLVMGetParam(f, 0));
    l_while loop;
    l_while_begin(e, &loop);
    l_while_test(&loop, l_less(e, l_get(e, at), LLVMGetParam(f, 2)));
    LLVMValueRef token = l_item(e, LLVMGetParam(f, 1), l_get(e, at));
    put_token(&w, token, l_get(e, previous), place);
    l_set(e, previous, token);
    l_step(e, at, 1);
    l_while_end(&loop);
    LLVMBuildRet(e->builder, l_get(e, w.size));
}

void driver_emit_text(const driver *w) {
    text_driver t = {.w = w, .text = w->r->text};
    add_tables(&t);
    driver_emit_encode(&t);
    emit_decode(&t);
}
