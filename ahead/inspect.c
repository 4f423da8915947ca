#include "ahead/inspect.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ahead/child.h"
#include "codegen/ahead.h"
#include "support/number.h"

// ---- Facts ----

// The value of the first line "KEY VALUE" from |facts| on, before the next object's; "" if there is none.
static const char *find_fact(const char *facts, const char *key, arena *memory) {
    size_t length = strlen(key);
    const char *end = strstr(facts + 1, AHEAD_FACTS_FIRST);
    for (const char *at = facts; at && *at && at != end;) {
        size_t line = strcspn(at, "\n");
        if (strncmp(at, key, length) == 0 && at[length] == ' ') {
            return arena_strndup(memory, at + length + 1, line - length - 1);
        }
        at += line + (at[line] == '\n');
    }
    return "";
}

static void add_row(strbuf *out, const char *what, const char *value) {
    strbuf_addf(out, "%-12s%s\n", what, value);
}

static const char *count_text(int64_t n, arena *memory) {
    char text[NUMBER_GROUPED_SIZE];
    number_group(text, n);
    return arena_strdup(memory, text);
}

static void add_size(const char *facts, const char *key, arena *memory, strbuf *out) {
    const char *text = find_fact(facts, key, memory);
    bool changes = strstr(text, " in the arena"), apart = strstr(text, " apart");
    const char *where = changes && apart ? ", which change, in the arena; at first in a file of their own"
                        : changes        ? ", which change, in the arena"
                        : apart          ? ", in a file of their own"
                                         : "";
    strbuf_addf(out, "%-12s%s bytes%s\n", key, count_text(strtoll(text, NULL, 10), memory), where);
}

static void add_maxima(const char *facts, strbuf *out) {
    const char *end = strstr(facts + 1, AHEAD_FACTS_FIRST), *separator = "";
    strbuf_addf(out, "%-12s", "maxima");
    for (const char *at = facts; (at = strstr(at, "\nmaximum ")) && (!end || at < end); at++) {
        size_t begin = strlen("\nmaximum ");
        strbuf_addf(out, "%s%.*s", separator, (int)strcspn(at + begin, "\n"), at + begin);
        separator = ", ";
    }
    strbuf_add(out, "\n");
}

static void add_model(const char *facts, arena *memory, strbuf *out) {
    const char *name = find_fact(facts, "functions", memory),
               *features = find_fact(facts, "features", memory);
    strbuf_addf(out, "%-12s%s, functions %s_init …\n", "model", find_fact(facts, "model", memory), name);
    add_row(out, "hash", find_fact(facts, "hash", memory));
    strbuf_addf(out, "%-12s%s, %s\n", "target", find_fact(facts, "target", memory),
                find_fact(facts, "cpu", memory));
    add_row(out, "features", *features ? features : "as the processor's name says");
    add_maxima(facts, out);
    add_size(facts, "arena", memory, out);
    add_size(facts, "state", memory, out);
    add_size(facts, "weights", memory, out);
}

static void add_models(const object_report *report, arena *memory, strbuf *out) {
    for (const char *at = strstr(report->facts, AHEAD_FACTS_FIRST); at;
         at = strstr(at + 1, AHEAD_FACTS_FIRST)) {
        add_model(at, memory, out);
    }
}

// ---- Code by kernel ----

typedef struct group {
    const char *name;
    uint64_t bytes;
} group;

// Whether |text|, of the functions' names, begins with |name| and then ends or goes on behind a point: a
// kernel's name is that of its parts, too.
static bool belongs(const char *text, const char *name, size_t length) {
    return strncmp(text, name, length) == 0 && (!text[length] || text[length] == '.');
}

// The kernel, or the model whose driver it is, that function |name| belongs to; NULL: it is shared by
// kernels.
static const char *owner_of(const object_report *report, const char *name, arena *memory) {
    const char *functions = "";
    for (const char *at = report->facts; at && *at;) {
        size_t line = strcspn(at, "\n");
        size_t key = strncmp(at, "kernel ", 7) == 0 ? 7 : strncmp(at, "functions ", 10) == 0 ? 10 : 0;
        if (key == 10) {
            functions = arena_strndup(memory, at + key, line - key);
        }
        bool driver = key == 10 && strncmp(name, functions, line - key) == 0 &&
                      strchr("._", name[line - key]) && name[line - key];
        if (driver || (key == 7 && belongs(name, at + key, line - key))) {
            return driver ? "init, reset, run, step" : arena_strndup(memory, at + key, line - key);
        }
        at += line + (at[line] == '\n');
    }
    return NULL;
}

static void add_to_group(group *groups, size_t *count, const char *name, uint64_t bytes) {
    size_t i = 0;
    while (i < *count && strcmp(groups[i].name, name) != 0) {
        i++;
    }
    if (i == *count) {
        groups[(*count)++] = (group){name, 0};
    }
    groups[i].bytes += bytes;
}

static int by_bytes(const void *a, const void *b) {
    const group *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : strcmp(x->name, y->name);
}

static void add_bytes(strbuf *out, const char *what, uint64_t bytes, arena *memory) {
    strbuf_addf(out, "%-12s%s bytes\n", what, count_text((int64_t)bytes, memory));
}

// What the code is that belongs to no kernel; a linked program has other functions, too.
static const char *name_of_rest(const object_report *report) {
    bool linked = false;
    for (uint32_t i = 0; i < report->symbols.count; i++) {
        linked |= strcmp(report->symbols.at[i].name, AHEAD_PROGRAM_SYMBOL) == 0;
    }
    return linked && report->imports.count ? "shared by kernels, and the program around"
                                           : "shared by kernels";
}

static void add_code(const object_report *report, arena *memory, strbuf *out) {
    const char *rest = name_of_rest(report);
    group *groups = arena_new_array(memory, group, report->symbols.count + 1);
    size_t count = 0;
    for (uint32_t i = 0; i < report->symbols.count; i++) {
        const object_symbol *s = &report->symbols.at[i];
        if (s->use == SECTION_CODE && s->size) {
            const char *owner = owner_of(report, s->name, memory);
            add_to_group(groups, &count, owner ? owner : rest, s->size);
        }
    }
    qsort(groups, count, sizeof *groups, by_bytes);
    add_bytes(out, "code", report->bytes[SECTION_CODE], memory);
    for (size_t i = 0; i < count; i++) {
        strbuf_addf(out, "  %-48s %10s\n", groups[i].name, count_text((int64_t)groups[i].bytes, memory));
    }
}

static void add_sizes(const object_report *report, arena *memory, strbuf *out) {
    add_code(report, memory, out);
    add_bytes(out, "read-only", report->bytes[SECTION_READ_ONLY] + report->bytes[SECTION_FACTS], memory);
    if (report->bytes[SECTION_WRITTEN]) {
        add_bytes(out, "written", report->bytes[SECTION_WRITTEN], memory);
    }
}

// ---- In the child ----

typedef struct inspect_work {
    const codegen *c;
    const char *name; // of the object
    const char *bytes;
    size_t size;
    bool sizes_alone, in_this_process;
} inspect_work;

enum { MOST_SECONDS = 60 }; // whatever LLVM does with a damaged file

static void add_imports(const object_report *report, strbuf *out) {
    strbuf_addf(out, "%-12s%s", "imports", report->imports.count ? "" : "nothing");
    for (uint32_t i = 0; i < report->imports.count; i++) {
        strbuf_addf(out, "%s%s", i ? ", " : "", report->imports.at[i]);
    }
    strbuf_add(out, "\n");
}

static rnnc_status describe(const inspect_work *w, const object_report *report, arena *memory, diag_sink *d,
                            strbuf *out) {
    if (!strstr(report->facts, AHEAD_FACTS_FIRST)) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN, "no model made by rnnc build is in this file");
    }
    if (w->sizes_alone) {
        add_sizes(report, memory, out);
        add_size(report->facts, "weights", memory, out);
        add_size(report->facts, "arena", memory, out);
        add_size(report->facts, "state", memory, out);
        return RNNC_OK;
    }
    strbuf_addf(out, "%s: %s, %s bytes\n", w->name, report->format, count_text((int64_t)w->size, memory));
    add_models(report, memory, out);
    add_sizes(report, memory, out);
    add_imports(report, out);
    return RNNC_OK;
}

static rnnc_status describe_guarded(const inspect_work *w, const object_report *report, arena *memory,
                                    diag_sink *d, strbuf *out) {
    jmp_buf exhausted;
    if (setjmp(exhausted)) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what an object holds");
    }
    memory->exhausted = &exhausted;
    return describe(w, report, memory, d, out);
}

static rnnc_status inspect(void *user, diag_sink *d, strbuf *out) {
    const inspect_work *w = user;
    object_report report;
    if (!w->in_this_process) {
        alarm(MOST_SECONDS);
    }
    TRY(codegen_inspect(w->c, w->bytes, w->size, d, &report));
    arena memory;
    arena_init(&memory);
    rnnc_status status = describe_guarded(w, &report, &memory, d, out);
    arena_deinit(&memory);
    object_report_deinit(&report);
    return status;
}

static rnnc_status run(inspect_work *w, const char *failure, diag_sink *d, strbuf *out) {
    return w->in_this_process ? inspect(w, d, out)
                              : run_in_child(inspect, w, failure, CHILD_IDLE_SECONDS, d, out);
}

rnnc_status inspect_sizes(const codegen *c, const strbuf *object, bool in_this_process, diag_sink *d,
                          strbuf *out) {
    inspect_work w = {.c = c,
                      .bytes = object->text,
                      .size = object->length,
                      .sizes_alone = true,
                      .in_this_process = in_this_process};
    return run(&w, "LLVM cannot read the object", d, out);
}

// ---- Files ----

static rnnc_status inspect_bytes(inspect_work *w, diag_sink *d, strbuf *out) {
    char failure[512];
    snprintf(failure, sizeof failure, "%s: LLVM cannot read this file", w->name);
    diag_sink inner;
    diag_init(&inner);
    rnnc_status status = run(w, failure, &inner, out);
    if (status != RNNC_OK) {
        const char *why = inner.entries.count ? inner.entries.at[0].message : status_text(status);
        bool named = strncmp(why, w->name, strlen(w->name)) == 0;
        diag_fail(d, status, NO_SPAN, "%s%s%s", named ? "" : w->name, named ? "" : ": ", why);
    }
    diag_deinit(&inner);
    return status;
}

static uint64_t take_u64(const char *bytes) {
    uint64_t value = 0;
    for (int b = 0; b < 8; b++) {
        value |= (uint64_t)(unsigned char)bytes[b] << 8 * b;
    }
    return value;
}

// A file that --weights-file wrote.
static rnnc_status inspect_weights(const inspect_work *w, diag_sink *d, strbuf *out) {
    uint64_t sum = AHEAD_SUM_BEGIN;
    bool whole = w->size >= AHEAD_ALIGN && w->size % AHEAD_ALIGN == 0 &&
                 take_u64(w->bytes + 16) == w->size - AHEAD_ALIGN;
    for (size_t i = AHEAD_ALIGN; whole && i < w->size; i += 8) {
        sum = ahead_sum_word(sum, take_u64(w->bytes + i));
    }
    if (!whole || sum != take_u64(w->bytes + 8)) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: a damaged file of weights", w->name);
    }
    strbuf_addf(out, "%s: weights for an object, %zu bytes, sum %016" PRIx64 "\n", w->name, w->size, sum);
    return RNNC_OK;
}

static const char archive_magic[] = "!<arch>\n";

enum { MEMBER_HEAD = 60, MEMBER_NAME = 16, MEMBER_SIZE = 48, MEMBER_SIZE_DIGITS = 10 };

// "next.o/", or "/123" for a long one; filled up with blanks.
static int name_length(const char *head) {
    int length = 1;
    while (length < MEMBER_NAME && head[length] != '/' && head[length] != ' ') {
        length++;
    }
    return length;
}

// Of up to |digits| digits, which nothing need end.
static uint64_t number_at(const char *at, int digits) {
    uint64_t number = 0;
    for (int i = 0; i < digits && isdigit((unsigned char)at[i]); i++) {
        number = number * 10 + (uint64_t)(at[i] - '0');
    }
    return number;
}

typedef struct member {
    const char *name, *bytes;
    size_t name_length, size;
    bool table; // of the archive's own: names or symbols
} member;

// The member whose head is at |*io_at|, which is moved behind it. On macOS a head says "#1/20", and the bytes begin with
// a name of 20, filled up with zeros.
static bool take_member(const inspect_work *w, size_t *io_at, member *out_member) {
    static const char name_follows[] = "#1/";
    const char *head = w->bytes + *io_at;
    member m = {head, head + MEMBER_HEAD, (size_t)name_length(head),
                number_at(head + MEMBER_SIZE, MEMBER_SIZE_DIGITS),
                *head == '/' && !isdigit((unsigned char)head[1])};
    bool follows = strncmp(head, name_follows, strlen(name_follows)) == 0;
    size_t before = follows ? number_at(head + strlen(name_follows), MEMBER_SIZE_DIGITS) : 0;
    *io_at += MEMBER_HEAD;
    if (head[MEMBER_HEAD - 2] != '`' || m.size > w->size - *io_at || before > m.size) {
        return false;
    }
    *io_at += m.size + m.size % 2;
    if (follows) {
        m.name = m.bytes;
        m.name_length = strnlen(m.name, before);
        m.table = m.name_length > 2 && strncmp(m.name, "__.", 3) == 0;
        m.bytes += before;
        m.size -= before;
    }
    *out_member = m;
    return true;
}

// Members of an archive that are objects of ours, one after the other; its tables of names and symbols are
// passed over.
static rnnc_status inspect_archive(const inspect_work *w, diag_sink *d, strbuf *out) {
    uint32_t found = 0;
    for (size_t at = strlen(archive_magic); at + MEMBER_HEAD <= w->size;) {
        member m;
        char name[512];
        if (!take_member(w, &at, &m)) {
            return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: a damaged archive", w->name);
        }
        snprintf(name, sizeof name, "%s(%.*s)", w->name, (int)m.name_length, m.name);
        inspect_work work = *w;
        work.name = name;
        work.bytes = m.bytes;
        work.size = m.size;
        diag_sink inner;
        diag_init(&inner);
        found += !m.table && inspect_bytes(&work, &inner, out) == RNNC_OK;
        diag_deinit(&inner);
    }
    return found ? RNNC_OK
                 : diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                             "%s: no model made by rnnc build is in this archive", w->name);
}

static bool begins(const inspect_work *w, const char *magic) {
    return w->size >= strlen(magic) && memcmp(w->bytes, magic, strlen(magic)) == 0;
}

rnnc_status inspect_file(const inspect_request *r, diag_sink *d, strbuf *out) {
    inspect_work w = {
        .name = r->name, .bytes = r->bytes, .size = r->size, .in_this_process = r->in_this_process};
    if (begins(&w, AHEAD_WEIGHTS_MAGIC)) {
        return inspect_weights(&w, d, out);
    }
    codegen *c = NULL;
    rnnc_status status = codegen_create(NULL, d, &c);
    w.c = c;
    if (status == RNNC_OK) {
        status = begins(&w, archive_magic) ? inspect_archive(&w, d, out) : inspect_bytes(&w, d, out);
    }
    codegen_destroy(c);
    return status == RNNC_OK && out->failed ? RNNC_OUT_OF_MEMORY : status;
}
