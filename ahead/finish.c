// From the object to what was asked for: an archive, a library, a module of WebAssembly, a program.
#include <glob.h>
#include <limits.h>
#include <string.h>

#include "ahead/build_parts.h"
#include "ahead/tool.h"
#include "codegen/archive.h"
#include "runtime/data/atomic_file.h"
#include "runtime/data/gzfile.h"

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// ---- Archives ----

// The header declares what the object defines: "int32_t NAME(" at the begin of a line. Gives the names in |memory|.
static size_t declared_names(const strbuf *header, arena *memory, const char ***out_names) {
    static const char before[] = "\nint32_t ";
    VEC(const char *) names = {0};
    for (const char *at = strbuf_text(header); (at = strstr(at, before)) != NULL;) {
        at += strlen(before);
        vec_push(memory, names, arena_strndup(memory, at, strcspn(at, "(")));
    }
    *out_names = names.at;
    return names.count;
}

// What |a| is made of; texts are in |memory|.
static rnnc_status describe_archive(const build_request *r, const strbuf *header, arena *memory, diag_sink *d,
                                    archive_request *a) {
    const char *file = file_name(r->file), *ending = strrchr(file, '.');
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for an archive's index");
    }
    memory->exhausted = &exhausted;
    a->member = arena_printf(memory, "%.*s.o", (int)(ending ? ending - file : (int)strlen(file)), file);
    a->mach = r->target && strstr(r->target, "macos");
    a->symbol_count = declared_names(header, memory, (const char ***)&a->symbols);
    memory->exhausted = NULL;
    return RNNC_OK;
}

static rnnc_status write_archive(const build_request *r, const archive_request *a, diag_sink *d,
                                 strbuf *object) {
    strbuf made = {0};
    rnnc_status status = archive_write(a, &made);
    if (status == RNNC_UNSUPPORTED) {
        diag_fail(d, status, NO_SPAN, "%s: an archive holds objects of less than 4 GiB", r->file);
    }
    strbuf_deinit(object);
    *object = made;
    return status;
}

static rnnc_status make_archive(const build_request *r, const strbuf *header, diag_sink *d, strbuf *object) {
    arena memory;
    arena_init(&memory);
    archive_request a = {.object = object->text, .size = object->length};
    rnnc_status status = describe_archive(r, header, &memory, d, &a);
    status = status == RNNC_OK ? write_archive(r, &a, d, object) : status;
    arena_deinit(&memory);
    return status;
}

// ---- Linking ----

// The words of a command that makes |result| of |object|.
typedef struct words {
    arena memory;
    VEC(const char *) list;
    const char *object, *result;
} words;

static void add_word(words *w, const char *word) {
    vec_push(&w->memory, w->list, word);
}

static void add_words(words *w, const char *const *more) {
    for (; *more; more++) {
        add_word(w, *more);
    }
}

static void compose_shared(const build_request *r, words *w) {
    add_word(w, build_linker(r));
    // A name may have commas, which part the words behind -Wl.
    add_words(w, (const char *const[]){"-shared", "-nostdlib", "-Wl,-z,defs", "-Xlinker", "-soname",
                                       "-Xlinker", file_name(r->file), NULL});
    add_words(w, (const char *const[]){"-o", w->result, w->object, NULL});
}

static void compose_module(words *w) {
    add_word(w, find_wasm_linker());
    add_words(w, (const char *const[]){"--no-entry", "--export-dynamic", "--export=__heap_base", "-o",
                                       w->result, w->object, NULL});
}

// The program around the object: for this machine an archive, for others sources, which |cc| compiles.
static rnnc_status add_standalone(const build_request *r, diag_sink *d, words *w) {
    char path[PATH_MAX];
    const char *name = build_is_native(r) ? "librnnc_standalone.a" : "standalone";
    if (!codegen_find_file(name, path, sizeof path)) {
        return diag_fail(
            d, RNNC_IO, NO_SPAN,
            "%s: the program around the model is not installed: there is no lib/rnnc/%s beside or above "
            "rnnc's folder",
            r->file, name);
    }
    if (build_is_native(r)) {
        add_word(w, arena_strdup(&w->memory, path));
        return RNNC_OK;
    }
    glob_t found = {0};
    add_words(w, (const char *const[]){"-std=c11", "-O2", "-ffp-contract=off", "-I", NULL});
    add_word(w, arena_strdup(&w->memory, path));
    glob(arena_printf(&w->memory, "%s/*/*.c", path), 0, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        add_word(w, arena_strdup(&w->memory, found.gl_pathv[i]));
    }
    globfree(&found);
    return RNNC_OK;
}

static rnnc_status compose_program(const build_request *r, diag_sink *d, words *w) {
    add_word(w, build_linker(r));
    add_words(w, (const char *const[]){"-o", w->result, w->object, NULL});
    TRY(add_standalone(r, d, w));
    add_word(w, "-lm");
    return RNNC_OK;
}

static rnnc_status compose(const build_request *r, const char *folder, diag_sink *d, words *w) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for a linker's command line");
    }
    w->memory.exhausted = &exhausted;
    w->object = arena_printf(&w->memory, "%s/model.o", folder);
    w->result = arena_printf(&w->memory, "%s/result", folder);
    rnnc_status status = RNNC_OK;
    if (r->kind == BUILD_PROGRAM) {
        status = compose_program(r, d, w);
    } else if (r->kind == BUILD_MODULE) {
        compose_module(w);
    } else {
        compose_shared(r, w);
    }
    add_word(w, NULL);
    w->memory.exhausted = NULL;
    return status;
}

static rnnc_status read_result(const char *path, diag_sink *d, strbuf *object) {
    file_bytes bytes;
    TRY(gzfile_read(path, 0, d, &bytes));
    strbuf_deinit(object);
    strbuf_add_bytes(object, bytes.data, bytes.size);
    file_bytes_deinit(&bytes);
    return object->failed ? RNNC_OUT_OF_MEMORY : RNNC_OK;
}

static rnnc_status link_in(const workplace *place, const build_request *r, diag_sink *d, strbuf *object) {
    words w = {.list = {0}};
    rnnc_status status = compose(r, place->path, d, &w);
    status = status == RNNC_OK ? atomic_file_write(w.object, object->text, object->length, d) : status;
    status = status == RNNC_OK ? run_tool(place, w.list.at, w.result, d) : status;
    status = status == RNNC_OK ? read_result(w.result, d, object) : status;
    arena_deinit(&w.memory);
    return status;
}

static rnnc_status link_object(const build_request *r, diag_sink *d, strbuf *object) {
    workplace place;
    TRY(workplace_open(d, &place));
    rnnc_status status = link_in(&place, r, d, object);
    workplace_close(&place);
    return status;
}

rnnc_status build_finish(const build_request *r, const strbuf *header, diag_sink *d, strbuf *object) {
    return r->kind == BUILD_OBJECT    ? RNNC_OK
           : r->kind == BUILD_ARCHIVE ? make_archive(r, header, d, object)
                                      : link_object(r, d, object);
}
