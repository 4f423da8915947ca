// From the object to what was asked for: an archive, a library, a module of WebAssembly, a program.
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/build.h"
#include "codegen/archive.h"
#include "codegen/levels.h"
#include "runtime/data/atomic_file.h"

// ---- Which kind ----

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool kind_of_ending(const char *ending, build_kind *out_kind) {
    static const char *const endings[] = {
        [BUILD_OBJECT] = ".o", [BUILD_ARCHIVE] = ".a", [BUILD_SHARED] = ".so", [BUILD_MODULE] = ".wasm"};
    for (build_kind kind = BUILD_OBJECT; kind < BUILD_PROGRAM; kind++) {
        if (strcmp(ending, endings[kind]) == 0) {
            *out_kind = kind;
            return true;
        }
    }
    return false;
}

static rnnc_status kind_of_path(const char *path, diag_sink *d, build_kind *out_kind) {
    const char *name = file_name(path), *ending = strrchr(name, '.');
    bool bare = !ending && *name;
    bool known = bare || (ending && ending > name && kind_of_ending(ending, out_kind));
    *out_kind = bare ? BUILD_PROGRAM : *out_kind;
    return known ? RNNC_OK
                 : diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "-o takes NAME.o, NAME.a, NAME.so, NAME.wasm, or NAME without an ending for a "
                             "program, found '%s'",
                             path);
}

static bool is_native(const command_line *line) {
    return !line->target || strcmp(line->target, "native") == 0 || levels_are_named(line->target);
}

static bool begins(const char *text, const char *with) {
    return text && strncmp(text, with, strlen(with)) == 0;
}

static const char *linker_of(const command_line *line) {
    return line->cc ? line->cc : "cc";
}

// ---- What it needs ----

static rnnc_status check_module(const command_line *line, diag_sink *d) {
    if (!begins(line->target, "wasm32")) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "%s: a module of WebAssembly goes with --target wasm32 or wasm32-simd128",
                         line->output);
    }
    return find_wasm_linker() ? RNNC_OK
                              : diag_fail(d, RNNC_IO, NO_SPAN,
                                          "%s: there is no wasm-ld to link it: on Debian, apt-get install "
                                          "lld-19; -o NAME.o needs no linker",
                                          line->output);
}

// Compilers that link for another system than the object's may take it, and make what runs nowhere.
static rnnc_status check_system(const command_line *line, diag_sink *d) {
    bool wasm = begins(line->target, "wasm32");
    bool elsewhere = line->target && (strstr(line->target, "-windows") || strstr(line->target, "-macos"));
    if (!wasm && !elsewhere) {
        return RNNC_OK;
    }
    return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                     "%s: what goes with --target %s is %sNAME.o or NAME.a", line->output, line->target,
                     wasm ? "NAME.wasm, " : "");
}

// What would be of no use in a program: it has no caller who could have threads, or ask it to learn.
static rnnc_status check_program(const command_line *line, diag_sink *d) {
    const struct {
        bool wanted;
        const char *option, *why;
    } useless[] = {
        {line->train, "--train", "what a program learned would be gone when it ends"},
        {line->parallel != 0, "--parallel", "a program has one thread"},
        {line->weights_file != NULL, "--weights-file",
         "processes share the weights in a program as those in a file"},
    };
    for (size_t i = 0; i < sizeof useless / sizeof *useless; i++) {
        if (useless[i].wanted) {
            return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                             "%s: %s is for objects and libraries, since %s: leave it out, or make NAME.o",
                             line->output, useless[i].option, useless[i].why);
        }
    }
    return RNNC_OK;
}

static rnnc_status check_linked(const command_line *line, diag_sink *d) {
    TRY(check_system(line, d));
    if (!is_native(line) && !line->cc) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN,
                         "%s: say which C compiler links for %s, as --cc aarch64-linux-gnu-gcc", line->output,
                         line->target);
    }
    const char *linker = linker_of(line);
    if (find_tool(linker)) {
        return RNNC_OK;
    }
    return diag_fail(
        d, RNNC_IO, NO_SPAN,
        "%s: there is no %s to link it: on Debian, apt-get install %s; -o NAME.o needs no linker",
        line->output, linker, line->cc ? "the package that has it" : "gcc");
}

rnnc_status choose_kind(const command_line *line, diag_sink *d, build_kind *out_kind) {
    TRY(kind_of_path(line->output, d, out_kind));
    if (line->cc && *out_kind != BUILD_SHARED && *out_kind != BUILD_PROGRAM) {
        return diag_fail(d, RNNC_INVALID_ARGUMENT, NO_SPAN, "%s is not linked: leave --cc out", line->output);
    }
    TRY(*out_kind == BUILD_PROGRAM ? check_program(line, d) : RNNC_OK);
    return *out_kind == BUILD_MODULE                                 ? check_module(line, d)
           : *out_kind == BUILD_SHARED || *out_kind == BUILD_PROGRAM ? check_linked(line, d)
                                                                     : RNNC_OK;
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

static rnnc_status make_archive(const command_line *line, const strbuf *header, diag_sink *d,
                                strbuf *object) {
    arena memory;
    arena_init(&memory);
    const char **names = NULL;
    const char *file = file_name(line->output);
    archive_request r = {
        .member = arena_printf(&memory, "%.*s.o", (int)(strlen(file) - strlen(".a")), file),
        .object = object->text,
        .size = object->length,
        .mach = line->target && strstr(line->target, "macos"),
    };
    r.symbol_count = declared_names(header, &memory, &names);
    r.symbols = names;
    strbuf made = {0};
    rnnc_status status = archive_write(&r, &made);
    if (status == RNNC_UNSUPPORTED) {
        diag_fail(d, status, NO_SPAN, "%s: an archive holds objects of less than 4 GiB", line->output);
    }
    strbuf_deinit(object);
    *object = made;
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

static void compose_shared(const command_line *line, words *w) {
    add_word(w, linker_of(line));
    add_words(w, (const char *const[]){"-shared", "-nostdlib", "-Wl,-z,defs", NULL});
    add_word(w, arena_printf(&w->memory, "-Wl,-soname,%s", file_name(line->output)));
    add_words(w, (const char *const[]){"-o", w->result, w->object, NULL});
}

static void compose_module(words *w) {
    add_word(w, find_wasm_linker());
    add_words(w, (const char *const[]){"--no-entry", "--export-dynamic", "--export=__heap_base", "-o",
                                       w->result, w->object, NULL});
}

// The program around the object: for this machine an archive, for others sources, which |cc| compiles.
static rnnc_status add_standalone(const command_line *line, diag_sink *d, words *w) {
    char path[PATH_MAX];
    const char *name = is_native(line) ? "librnnc_standalone.a" : "standalone";
    if (!codegen_find_file(name, path, sizeof path)) {
        return diag_fail(
            d, RNNC_IO, NO_SPAN,
            "%s: the program around the model is not installed: there is no lib/rnnc/%s beside or above "
            "rnnc's folder",
            line->output, name);
    }
    if (is_native(line)) {
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

static rnnc_status compose_program(const command_line *line, diag_sink *d, words *w) {
    add_word(w, linker_of(line));
    add_words(w, (const char *const[]){"-o", w->result, w->object, NULL});
    TRY(add_standalone(line, d, w));
    add_word(w, "-lm");
    return RNNC_OK;
}

static rnnc_status compose(const command_line *line, build_kind kind, diag_sink *d, words *w) {
    rnnc_status status = RNNC_OK;
    if (kind == BUILD_PROGRAM) {
        status = compose_program(line, d, w);
    } else if (kind == BUILD_MODULE) {
        compose_module(w);
    } else {
        compose_shared(line, w);
    }
    add_word(w, NULL);
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

static rnnc_status link_in(const workplace *place, const command_line *line, build_kind kind, diag_sink *d,
                           strbuf *object) {
    words w = {.list = {0}};
    arena_init(&w.memory);
    w.object = arena_printf(&w.memory, "%s/model.o", place->path);
    w.result = arena_printf(&w.memory, "%s/result", place->path);
    rnnc_status status = compose(line, kind, d, &w);
    status = status == RNNC_OK ? atomic_file_write(w.object, object->text, object->length, d) : status;
    status = status == RNNC_OK ? run_tool(place, w.list.at, d) : status;
    status = status == RNNC_OK ? read_result(w.result, d, object) : status;
    arena_deinit(&w.memory);
    return status;
}

static rnnc_status link_object(const command_line *line, build_kind kind, diag_sink *d, strbuf *object) {
    workplace place;
    TRY(workplace_open(d, &place));
    rnnc_status status = link_in(&place, line, kind, d, object);
    workplace_close(&place);
    return status;
}

rnnc_status finish_object(const command_line *line, build_kind kind, const strbuf *header, diag_sink *d,
                          strbuf *object) {
    return kind == BUILD_OBJECT    ? RNNC_OK
           : kind == BUILD_ARCHIVE ? make_archive(line, header, d, object)
                                   : link_object(line, kind, d, object);
}
