// Errors of the elaborator and the words for what was found.
#include <string.h>

#include "frontend/elaborate.h"

enum { NOTES_PER_ERROR = 3 };

frame *find_own_use(const elaborator *el, span where) {
    frame *found = NULL;
    bool inside = el->frame && where.file == el->frame->def->where.file;
    for (frame *f = el->frame; inside && f->caller && f->def->is_standard; f = f->caller) {
        found = f;
    }
    return found;
}

// An error inside a definition is understood where it was used; |told| is the use that was named already. The
// outermost frame is the model itself.
static void note_uses(elaborator *el, const frame *told) {
    int notes = 0;
    for (const frame *f = el->frame; f && f->caller && notes < NOTES_PER_ERROR; f = f->caller) {
        if (f != told) {
            diag_note(el->d, f->call, "in this use of '%s'", f->def->name);
            notes++;
        }
    }
}

static void report_at(elaborator *el, span where, const char *message) {
    frame *use = find_own_use(el, where);
    if (use && use->told) {
        return; // the four gates of a cell have one mistake
    }
    if (use) {
        use->told = true;
        diag_error(el->d, use->call, "in '%s': %s", use->def->name, message);
        diag_note(el->d, where, "here in '%s'", el->frame->def->name);
    } else {
        diag_error(el->d, where, "%s", message);
    }
    note_uses(el, use);
}

meaning elaborate_error(elaborator *el, span where, const char *format, ...) {
    strbuf message = {0};
    va_list args;
    va_start(args, format);
    strbuf_vaddf(&message, format, args);
    va_end(args);
    report_at(el, where, strbuf_text(&message));
    strbuf_deinit(&message);
    return meaning_poison();
}

const char *place_text(elaborator *el, span place, span from) {
    uint32_t line, column;
    diag_position(el->d, place, &line, &column);
    if (place.file == from.file && !find_own_use(el, from)) {
        return arena_printf(el->memory, "%u:%u", line, column);
    }
    return arena_printf(el->memory, "%s:%u:%u", el->d->files.at[place.file].name, line, column);
}

// As the language writes axes: sequences by number, the batch last.
static const char *axes_text(elaborator *el, axis_set axes) {
    const char *text = "";
    for (uint32_t i = 1; i <= el->g->axes.count; i++) {
        uint32_t axis = i % el->g->axes.count;
        if (axes & AXIS_BIT(axis)) {
            const char *name = axis == AXIS_BATCH ? "batch" : el->g->axes.at[axis].name;
            text = arena_printf(el->memory, "%s%s%s", text, *text ? ", " : "[", name);
        }
    }
    return *text ? arena_printf(el->memory, "%s]", text) : "";
}

static const char *node_text(elaborator *el, meaning v) {
    value_type t = graph_type(el->g, v.node);
    const char *axes = axes_text(el, t.axes);
    switch (v.domain) {
    case DOMAIN_TOKEN: return arena_printf(el->memory, "token(%d)%s", v.classes, axes);
    case DOMAIN_MASK: return arena_printf(el->memory, "a mask of %d%s", t.dim[0], axes);
    case DOMAIN_WHOLE: return arena_printf(el->memory, "a whole number%s", axes);
    case DOMAIN_MATRIX:
        return v.transposed ? arena_printf(el->memory, "a matrix [%d, %d]", t.dim[1], t.dim[0])
                            : arena_printf(el->memory, "a matrix [%d, %d]", t.dim[0], t.dim[1]);
    case DOMAIN_REAL: break;
    }
    return arena_printf(el->memory, "real(%d)%s", t.dim[0], axes);
}

static const char *callable_text(elaborator *el, const callable *c) {
    static const char *const kinds[] = {"cell", "function", "model"};
    return arena_printf(el->memory, "the %s '%s'", c->def ? kinds[c->def->kind] : "function", c->name);
}

const char *meaning_text(elaborator *el, meaning v) {
    switch (v.kind) {
    case MEANING_NUMBER: return arena_printf(el->memory, "the number %g", v.number);
    case MEANING_TRUTH: return v.truth ? "true" : "false";
    case MEANING_TEXT: return arena_printf(el->memory, "the text \"%s\"", v.text);
    case MEANING_NODE: return node_text(el, v);
    case MEANING_CALLABLE: return callable_text(el, v.callable);
    case MEANING_STATES: return arena_printf(el->memory, "the final states of '%s'", v.states->of);
    case MEANING_AXIS: return arena_printf(el->memory, "the axis %s", el->g->axes.at[v.axis].name);
    case MEANING_POISON: break;
    }
    return "an erroneous value";
}

const char *source_text(elaborator *el, span where) {
    const source_file *file = &el->d->files.at[where.file];
    char *text = arena_alloc_array(el->memory, where.end - where.begin + (size_t)1, 1);
    size_t length = 0;
    bool space = false, comment = false;
    for (uint32_t i = where.begin; i < where.end && i < file->length; i++) {
        char c = file->text[i];
        comment = c != '\n' && (comment || c == '#');
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || comment) {
            space = true;
            continue;
        }
        // The space stands for at least one byte that is left out.
        if (space && length) {
            text[length++] = ' ';
        }
        space = false;
        text[length++] = c;
    }
    return text;
}
