#include "frontend/source.h"

#include <errno.h>
#include <string.h>

#include "frontend/library.h"
#include "frontend/parse.h"

enum { LARGEST_SOURCE = 16 << 20, MOST_FILES = 100 };

const definition *source_find(const source_unit *unit, const char *name, bool from_standard) {
    for (uint32_t i = 0; !from_standard && i < unit->tree.definitions.count; i++) {
        if (strcmp(unit->tree.definitions.at[i]->name, name) == 0) {
            return unit->tree.definitions.at[i];
        }
    }
    for (uint32_t i = 0; i < unit->standard.definitions.count; i++) {
        if (strcmp(unit->standard.definitions.at[i]->name, name) == 0) {
            return unit->standard.definitions.at[i];
        }
    }
    return NULL;
}

static rnnc_status read_stream(diag_sink *d, FILE *file, const char *path, span where, strbuf *out) {
    char bytes[65536];
    size_t got;
    while ((got = fread(bytes, 1, sizeof bytes, file)) > 0) {
        strbuf_add_bytes(out, bytes, got);
        if (out->length > LARGEST_SOURCE) {
            return diag_fail(d, RNNC_UNSUPPORTED, where, "%s is larger than %d bytes", path, LARGEST_SOURCE);
        }
    }
    if (ferror(file)) {
        return diag_fail(d, RNNC_IO, where, "cannot read %s: %s", path, strerror(errno));
    }
    return out->failed ? diag_fail(d, RNNC_OUT_OF_MEMORY, where, "no memory for %s", path) : RNNC_OK;
}

static rnnc_status read_file(diag_sink *d, const char *path, span where, strbuf *out) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        return diag_fail(d, RNNC_IO, where, "cannot open %s: %s", path, strerror(errno));
    }
    rnnc_status status = read_stream(d, file, path, where, out);
    fclose(file);
    return status;
}

// Else a file of another kind would be an error for each of its bytes.
static rnnc_status check_text(diag_sink *d, const char *name, span where, const char *text, size_t length) {
    return memchr(text, 0, length)
               ? diag_fail(d, RNNC_SYNTAX, where, "%s is not a text: it has bytes that are zero", name)
               : RNNC_OK;
}

static const char *beside(arena *memory, const char *user, const char *path) {
    while (path[0] == '.' && path[1] == '/') {
        path += 2; // so that one file has one name
    }
    const char *slash = strrchr(user, '/');
    if (*path == '/' || !slash) {
        return arena_strdup(memory, path);
    }
    return arena_printf(memory, "%.*s/%s", (int)(slash - user), user, path);
}

static bool is_loaded(const source_unit *unit, uint32_t first_file, const char *path) {
    for (uint32_t i = first_file; i < unit->d->files.count; i++) {
        if (strcmp(unit->d->files.at[i].name, path) == 0) {
            return true;
        }
    }
    return false;
}

static rnnc_status load_file(source_unit *unit, const char *path, span where) {
    strbuf *text = &unit->reading;
    TRY(read_file(unit->d, path, where, text));
    TRY(check_text(unit->d, path, where, strbuf_text(text), text->length));
    uint32_t file = diag_add_file(unit->d, path, strbuf_text(text), text->length);
    parse_file(unit->d, file, &unit->memory, &unit->tree);
    return RNNC_OK;
}

// Files that the files use in turn are appended to the list while it is walked. Returns why the first that cannot be
// read cannot.
static rnnc_status load_used(source_unit *unit, uint32_t first_file) {
    rnnc_status first = RNNC_OK;
    for (uint32_t i = 0; i < unit->tree.uses.count; i++) {
        use_statement use = unit->tree.uses.at[i];
        if (i == MOST_FILES) {
            return diag_fail(unit->d, RNNC_UNSUPPORTED, use.where, "more than %d files are used", MOST_FILES);
        }
        const char *user = unit->d->files.at[use.where.file].name;
        const char *path = beside(&unit->memory, user, use.path);
        if (is_loaded(unit, first_file, path)) {
            continue;
        }
        rnnc_status status = load_file(unit, path, use.where);
        strbuf_deinit(&unit->reading);
        first = first == RNNC_OK ? status : first;
    }
    return first;
}

static void load_standard(source_unit *unit) {
    for (uint32_t i = 0; i < library_file_count; i++) {
        const library_file *f = &library_files[i];
        uint32_t file = diag_add_file(unit->d, f->name, (const char *)f->text, f->length);
        parse_file(unit->d, file, &unit->memory, &unit->standard);
    }
    for (uint32_t i = 0; i < unit->standard.definitions.count; i++) {
        unit->standard.definitions.at[i]->is_standard = true;
    }
}

static void check_definitions(source_unit *unit) {
    for (uint32_t i = 0; i < unit->tree.definitions.count; i++) {
        const definition *def = unit->tree.definitions.at[i];
        for (uint32_t j = 0; j < i; j++) {
            const definition *other = unit->tree.definitions.at[j];
            if (strcmp(def->name, other->name) == 0) {
                uint32_t line, column;
                diag_position(unit->d, other->where, &line, &column);
                diag_error(unit->d, def->where, "'%s' is already defined at %s:%u:%u", def->name,
                           unit->d->files.at[other->where.file].name, line, column);
                break;
            }
        }
    }
}

static void check_recipes(source_unit *unit) {
    for (uint32_t i = 0; i < unit->tree.recipes.count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(unit->tree.recipes.at[i]->name, unit->tree.recipes.at[j]->name) == 0) {
                diag_error(unit->d, unit->tree.recipes.at[i]->where, "there is already a recipe '%s'",
                           unit->tree.recipes.at[i]->name);
                break;
            }
        }
    }
}

static void list_own_names(source_unit *unit) {
    for (uint32_t i = 0; i < unit->tree.definitions.count; i++) {
        if (unit->tree.definitions.at[i]->kind == DEFINITION_MODEL) {
            vec_push(&unit->memory, unit->model_names, unit->tree.definitions.at[i]->name);
        }
    }
    for (uint32_t i = 0; i < unit->tree.recipes.count; i++) {
        vec_push(&unit->memory, unit->recipe_names, unit->tree.recipes.at[i]->name);
    }
}

static rnnc_status parse_all(source_unit *unit, const char *name, const char *text, size_t length) {
    uint32_t errors = unit->d->error_count;
    uint32_t file = diag_add_file(unit->d, name, text, length);
    unit->name = unit->d->files.at[file].name;
    unit->text = unit->d->files.at[file].text;
    parse_file(unit->d, file, &unit->memory, &unit->tree);
    list_own_names(unit);
    rnnc_status used = load_used(unit, file);
    load_standard(unit);
    check_definitions(unit);
    check_recipes(unit);
    return unit->d->error_count == errors ? RNNC_OK : used != RNNC_OK ? used : RNNC_SYNTAX;
}

// Both arenas come back here when the system has no memory left.
static rnnc_status parse_guarded(source_unit *unit, const char *name, const char *text, size_t length) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        unit->d->memory.exhausted = NULL;
        return diag_fail(unit->d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a source text");
    }
    unit->memory.exhausted = unit->d->memory.exhausted = &exhausted;
    rnnc_status status = parse_all(unit, name, text, length);
    unit->memory.exhausted = unit->d->memory.exhausted = NULL;
    return status;
}

rnnc_status source_parse(diag_sink *d, const char *name, const char *text, size_t length,
                         source_unit **out_unit) {
    *out_unit = NULL;
    if (length > LARGEST_SOURCE) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "%s is larger than %d bytes", name, LARGEST_SOURCE);
    }
    TRY(check_text(d, name, NO_SPAN, text, length));
    source_unit *unit = allocator_array(&d->memory.from, 1, sizeof *unit);
    if (!unit) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for %s", name);
    }
    arena_init_in(&unit->memory, &d->memory.from);
    unit->d = d;
    rnnc_status status = parse_guarded(unit, name, text, length);
    if (status != RNNC_OK) {
        source_destroy(unit);
        return status;
    }
    *out_unit = unit;
    return RNNC_OK;
}

rnnc_status source_load(diag_sink *d, const char *path, source_unit **out_unit) {
    *out_unit = NULL;
    strbuf text = {0};
    rnnc_status status = read_file(d, path, NO_SPAN, &text);
    if (status == RNNC_OK) {
        status = source_parse(d, path, strbuf_text(&text), text.length, out_unit);
    }
    strbuf_deinit(&text);
    return status;
}

void source_destroy(source_unit *unit) {
    if (unit) {
        allocator from = unit->memory.from;
        strbuf_deinit(&unit->reading);
        arena_deinit(&unit->memory);
        allocator_free(&from, unit);
    }
}

static void list_names(const char *const *names, uint32_t count, strbuf *out) {
    enum { MOST = 8 };
    if (!count) {
        strbuf_add(out, "; there is none");
    }
    for (uint32_t i = 0; i < count && i < MOST; i++) {
        strbuf_addf(out, "%s%s", i ? ", " : count > 1 ? "; there are " : "; there is only ", names[i]);
    }
    if (count > MOST) {
        strbuf_addf(out, " and %u more", count - MOST);
    }
}

void source_report_unknown(const source_unit *unit, bool is_recipe, const char *name, span where,
                           diag_sink *d) {
    const char *const *names;
    uint32_t count = is_recipe ? source_recipe_names(unit, &names) : source_model_names(unit, &names);
    const char *near = nearest_name(name, names, count);
    strbuf known = {0};
    if (near) {
        strbuf_addf(&known, "; did you mean '%s'?", near);
    } else {
        list_names(names, count, &known);
    }
    diag_error(d, where, "unknown %s '%s'%s", is_recipe ? "recipe" : "model", name, strbuf_text(&known));
    strbuf_deinit(&known);
}

uint32_t source_model_names(const source_unit *unit, const char *const **out_names) {
    *out_names = (const char *const *)unit->model_names.at;
    return unit->model_names.count;
}

uint32_t source_recipe_names(const source_unit *unit, const char *const **out_names) {
    *out_names = (const char *const *)unit->recipe_names.at;
    return unit->recipe_names.count;
}

const char *source_whole_text(const source_unit *unit) {
    return unit->text;
}
