#include "runtime/data/npz.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "runtime/data/npy.h"
#include "runtime/data/store.h"

// The parts of an archive begin with "PK" and two bytes more; these are their sizes without names and comments.
enum {
    END_BYTES = 22,
    END_64_BYTES = 56,
    LOCATOR_BYTES = 20,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    MOST_COMMENT = 0xFFFF,
    NAMES_LISTED = 20,
    PACKED_STORED = 0,
    PACKED_DEFLATED = 8,
    FLAG_ENCRYPTED = 1,
    EXTRA_64 = 1,
};

// A file in the archive, as the directory has it.
typedef struct entry {
    const char *name;
    size_t name_length;
    uint16_t flags, packed_by;
    uint32_t checksum;
    uint64_t packed, size, local; // bytes packed and unpacked; where its own header begins
} entry;

typedef struct directory {
    file_view view;
    uint64_t at, end, count;
} directory;

static uint64_t number(const uint8_t *at, int bytes) {
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
        value = value << 8 | at[i];
    }
    return value;
}

static rnnc_status damaged(file_view view, const char *what, diag_sink *d) {
    return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: damaged .npz file: %s", view.name, what);
}

static bool begins_with(file_view view, uint64_t at, size_t bytes, const char *mark) {
    return at <= view.size && bytes <= view.size - at && memcmp(view.bytes + at, mark, 4) == 0;
}

// ---- The directory ----

// Directories of large archives have 64-bit numbers in an end of their own before the usual one.
static rnnc_status read_end_64(directory *dir, uint64_t end, diag_sink *d) {
    file_view view = dir->view;
    bool located = end >= LOCATOR_BYTES && begins_with(view, end - LOCATOR_BYTES, LOCATOR_BYTES, "PK\6\7");
    uint64_t at = located ? number(view.bytes + end - LOCATOR_BYTES + 8, 8) : 0;
    if (!located || !begins_with(view, at, END_64_BYTES, "PK\6\6")) {
        return damaged(view, "the end of its directory is missing", d);
    }
    dir->count = number(view.bytes + at + 32, 8);
    dir->at = number(view.bytes + at + 48, 8);
    return RNNC_OK;
}

static rnnc_status find_directory(file_view view, diag_sink *d, directory *out) {
    *out = (directory){.view = view};
    if (view.size < END_BYTES || memcmp(view.bytes, "PK", 2) != 0) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: not a .npz file: it does not begin with PK",
                         view.name);
    }
    uint64_t at = view.size - END_BYTES, least = at > MOST_COMMENT ? at - MOST_COMMENT : 0;
    while (at > least && !begins_with(view, at, END_BYTES, "PK\5\6")) {
        at--;
    }
    if (!begins_with(view, at, END_BYTES, "PK\5\6")) {
        return damaged(view, "it has no directory at its end; it may be truncated", d);
    }
    out->count = number(view.bytes + at + 10, 2);
    out->at = number(view.bytes + at + 16, 4);
    out->end = at;
    if (out->count == 0xFFFF || out->at == 0xFFFFFFFF) {
        TRY(read_end_64(out, at, d));
    }
    return RNNC_OK;
}

// Numbers that have no room in 32 bits stand among the extra fields, in this order, each only if it is needed.
static bool read_extra_64(const uint8_t *extra, size_t length, entry *e) {
    while (length >= 4) {
        size_t kind = (size_t)number(extra, 2), bytes = (size_t)number(extra + 2, 2);
        extra += 4;
        length -= 4;
        if (bytes > length) {
            return false;
        }
        uint64_t *const values[] = {&e->size, &e->packed, &e->local};
        for (size_t i = 0, at = 0; kind == EXTRA_64 && i < 3; i++) {
            if (*values[i] != 0xFFFFFFFF) {
                continue;
            }
            if (bytes - at < 8) {
                return false;
            }
            *values[i] = number(extra + at, 8);
            at += 8;
        }
        extra += bytes;
        length -= bytes;
    }
    return true;
}

// Reads the entry at |*at| and moves on to the next.
static rnnc_status read_entry(const directory *dir, uint64_t *at, diag_sink *d, entry *out) {
    file_view view = dir->view;
    if (*at > dir->end || !begins_with(view, *at, ENTRY_BYTES, "PK\1\2")) {
        return damaged(view, "its directory ends too early", d);
    }
    const uint8_t *bytes = view.bytes + *at;
    size_t name = (size_t)number(bytes + 28, 2), extra = (size_t)number(bytes + 30, 2);
    size_t comment = (size_t)number(bytes + 32, 2);
    if (name + extra + comment > dir->end - *at - ENTRY_BYTES || dir->end - *at < ENTRY_BYTES) {
        return damaged(view, "a name in its directory is cut short", d);
    }
    *out = (entry){.name = (const char *)bytes + ENTRY_BYTES,
                   .name_length = name,
                   .flags = (uint16_t)number(bytes + 8, 2),
                   .packed_by = (uint16_t)number(bytes + 10, 2),
                   .checksum = (uint32_t)number(bytes + 16, 4),
                   .packed = number(bytes + 20, 4),
                   .size = number(bytes + 24, 4),
                   .local = number(bytes + 42, 4)};
    *at += ENTRY_BYTES + name + extra + comment;
    return read_extra_64(bytes + ENTRY_BYTES + name, extra, out)
               ? RNNC_OK
               : damaged(view, "an entry of its directory is cut short", d);
}

// The name without ".npy".
static size_t short_length(const entry *e) {
    bool ends = e->name_length > 4 && memcmp(e->name + e->name_length - 4, ".npy", 4) == 0;
    return ends ? e->name_length - 4 : e->name_length;
}

static bool is_called(const entry *e, const char *member) {
    size_t length = strlen(member);
    bool whole = length == e->name_length, shortened = length == short_length(e);
    return (whole || shortened) && memcmp(e->name, member, length) == 0;
}

static rnnc_status refuse_member(const directory *dir, const char *member, diag_sink *d) {
    strbuf list = {0};
    uint64_t at = dir->at;
    char names[NAMES_LISTED][64];
    const char *known[NAMES_LISTED];
    uint32_t count = 0;
    entry e;
    for (uint64_t i = 0; i < dir->count && count < NAMES_LISTED; i++) {
        if (read_entry(dir, &at, d, &e) != RNNC_OK) {
            strbuf_deinit(&list);
            return RNNC_CORRUPT;
        }
        snprintf(names[count], sizeof names[count], "%.*s", (int)short_length(&e), e.name);
        strbuf_addf(&list, "%s%s", count ? ", " : "", names[count]);
        known[count] = names[count];
        count++;
    }
    const char *near = nearest_name(member, known, count);
    diag_error(d, NO_SPAN, "%s: no array %s%s%s%s; the arrays are %s%s", dir->view.name, member,
               near ? "; did you mean " : "", near ? near : "", near ? "?" : "", strbuf_text(&list),
               count < dir->count ? " and more" : "");
    strbuf_deinit(&list);
    return RNNC_TYPE;
}

static rnnc_status find_entry(const directory *dir, const char *member, diag_sink *d, entry *out) {
    uint64_t at = dir->at;
    for (uint64_t i = 0; i < dir->count; i++) {
        TRY(read_entry(dir, &at, d, out));
        if (is_called(out, member)) {
            return RNNC_OK;
        }
    }
    return refuse_member(dir, member, d);
}

// ---- A member ----

// Where the packed bytes are: behind a header of their own, whose name and extra fields have their own lengths.
static rnnc_status locate(file_view view, const entry *e, diag_sink *d, const uint8_t **out_bytes) {
    if (!begins_with(view, e->local, LOCAL_BYTES, "PK\3\4")) {
        return damaged(view, "a member is not where the directory says", d);
    }
    const uint8_t *header = view.bytes + e->local;
    uint64_t at = e->local + LOCAL_BYTES + number(header + 26, 2) + number(header + 28, 2);
    if (at > view.size || e->packed > view.size - at) {
        return damaged(view, "a member is cut short; it may be truncated", d);
    }
    *out_bytes = view.bytes + at;
    return RNNC_OK;
}

// Unpacks exactly |e->size| bytes; false if they are more, fewer or damaged.
static bool inflate_all(const uint8_t *packed, const entry *e, uint8_t *out) {
    z_stream z = {.next_in = (Bytef *)packed, .next_out = out};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK) {
        return false;
    }
    uint64_t in_left = e->packed, out_left = e->size;
    uint8_t beyond;
    int state = Z_OK;
    while (state == Z_OK) {
        uInt in = in_left > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uInt)in_left;
        uInt room = out_left > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uInt)out_left;
        z.avail_in = in;
        z.avail_out = room ? room : 1;
        z.next_out = room ? z.next_out : &beyond;
        state = inflate(&z, Z_NO_FLUSH);
        in_left -= in - z.avail_in;
        if (!room && z.avail_out == 0) {
            state = Z_DATA_ERROR; // longer than the directory says
        } else if (room) {
            out_left -= room - z.avail_out;
        }
    }
    inflateEnd(&z);
    return state == Z_STREAM_END && in_left == 0 && out_left == 0;
}

static bool sums_up(const uint8_t *bytes, uint64_t size, uint32_t checksum) {
    return crc32_z(crc32_z(0, NULL, 0), bytes, (size_t)size) == checksum;
}

static rnnc_status read_deflated(file_view view, const uint8_t *packed, const entry *e, const char *name,
                                 diag_sink *d, array *out_array) {
    // deflate makes at best 1032 bytes of one (zlib's technical details): more is a lie, and no reason to allocate.
    if (e->size / 1032 > e->packed + 1 || e->size > GZFILE_DEFAULT_LIMIT) {
        return damaged(view, "a member claims to be impossibly large", d);
    }
    uint8_t *bytes = store_create((size_t)e->size + 1);
    if (!bytes) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for %zu bytes", name,
                         (size_t)e->size);
    }
    rnnc_status status = RNNC_OK;
    if (!inflate_all(packed, e, bytes) || !sums_up(bytes, e->size, e->checksum)) {
        status = damaged(view, "a member's bytes are not what its checksum says", d);
    }
    if (status == RNNC_OK) {
        status = npy_parse((file_view){name, bytes, (size_t)e->size}, d, out_array);
    }
    store_free(bytes);
    return status;
}

static rnnc_status read_member(file_view view, const entry *e, const char *name, diag_sink *d,
                               array *out_array) {
    const uint8_t *packed = NULL;
    if (e->flags & FLAG_ENCRYPTED || (e->packed_by != PACKED_STORED && e->packed_by != PACKED_DEFLATED)) {
        return diag_fail(d, RNNC_UNSUPPORTED, NO_SPAN,
                         "%s: packed by method %d%s; expected stored or deflated, as numpy.savez writes it",
                         name, e->packed_by, e->flags & FLAG_ENCRYPTED ? ", encrypted" : "");
    }
    TRY(locate(view, e, d, &packed));
    if (e->packed_by == PACKED_DEFLATED) {
        return read_deflated(view, packed, e, name, d, out_array);
    }
    if (e->packed != e->size || !sums_up(packed, e->size, e->checksum)) {
        return damaged(view, "a member's bytes are not what its checksum says", d);
    }
    return npy_parse((file_view){name, packed, (size_t)e->size}, d, out_array);
}

rnnc_status npz_parse(file_view view, const char *member, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    directory dir;
    entry e = {0};
    TRY(find_directory(view, d, &dir));
    TRY(find_entry(&dir, member, d, &e));
    strbuf name = {0};
    strbuf_addf(&name, "%s: %.60s", view.name, member);
    rnnc_status status = read_member(view, &e, strbuf_text(&name), d, out_array);
    strbuf_deinit(&name);
    return status;
}

rnnc_status npz_read(const char *path, const char *member, diag_sink *d, array *out_array) {
    *out_array = (array){0};
    file_contents file;
    TRY(file_contents_open(path, d, &file));
    rnnc_status status = npz_parse(file.view, member, d, out_array);
    file_contents_close(&file);
    return status;
}
