#include "runtime/data/gzfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "runtime/data/atomic_file.h"
#include "runtime/data/store.h"

enum { FIRST_CAPACITY = 64 * 1024, LARGEST_STEP = 1 << 30 };

// Bytes under construction, with one more allocated than |capacity| for the final zero.
typedef struct growing {
    const char *path;
    size_t limit;
    uint8_t *data;
    size_t size, capacity;
} growing;

void file_bytes_deinit(file_bytes *b) {
    store_free(b->data);
    *b = (file_bytes){0};
}

static rnnc_status reserve(growing *g, size_t capacity, diag_sink *d) {
    uint8_t *data = capacity < SIZE_MAX / 4 ? store_resize(g->data, capacity + 1) : NULL;
    if (!data) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory for %zu bytes", g->path,
                         capacity);
    }
    g->data = data;
    g->capacity = capacity;
    return RNNC_OK;
}

// Makes room for at least one more byte. The limit is exceeded by one byte at most, so that it is noticed.
static rnnc_status grow(growing *g, diag_sink *d) {
    if (g->size > g->limit) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: larger than the limit of %zu bytes", g->path,
                         g->limit);
    }
    size_t capacity = g->capacity > g->limit / 2 ? g->limit + 1 : g->capacity * 2;
    return reserve(g, capacity < FIRST_CAPACITY ? FIRST_CAPACITY : capacity, d);
}

static rnnc_status make_room(growing *g, diag_sink *d) {
    return g->size == g->capacity ? grow(g, d) : RNNC_OK;
}

static rnnc_status finish(growing *g, file_bytes *out_bytes, diag_sink *d) {
    if (g->size > g->limit) {
        return grow(g, d);
    }
    if (!g->data) {
        TRY(reserve(g, 0, d));
    }
    g->data[g->size] = 0;
    *out_bytes = (file_bytes){g->data, g->size};
    return RNNC_OK;
}

static rnnc_status read_descriptor(int descriptor, growing *g, diag_sink *d) {
    ssize_t got;
    do {
        TRY(make_room(g, d));
        size_t room = g->capacity - g->size;
        got = read(descriptor, g->data + g->size, room < LARGEST_STEP ? room : LARGEST_STEP);
        if (got < 0 && errno != EINTR) {
            return file_error(d, g->path, "read", errno);
        }
        g->size += got > 0 ? (size_t)got : 0;
    } while (got != 0);
    return RNNC_OK;
}

static rnnc_status read_plain(const char *path, size_t limit, diag_sink *d, file_bytes *out_bytes) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return file_error(d, path, "read", errno);
    }
    struct stat facts;
    growing g = {.path = path, .limit = limit};
    rnnc_status status = RNNC_OK;
    if (fstat(descriptor, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        status = file_error(d, path, "read", EISDIR);
    } else if (facts.st_size > 0 && (size_t)facts.st_size < limit) {
        status =
            reserve(&g, (size_t)facts.st_size + 1, d); // one more, so that the end is met without growing
    }
    if (status == RNNC_OK) {
        status = read_descriptor(descriptor, &g, d);
    }
    if (status == RNNC_OK) {
        status = finish(&g, out_bytes, d);
    }
    close(descriptor);
    if (status != RNNC_OK) {
        store_free(g.data);
    }
    return status;
}

static rnnc_status damaged(const growing *g, const char *how, diag_sink *d) {
    return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: damaged gzip data: %s after %zu unpacked bytes", g->path,
                     how, g->size);
}

// Feeds zlib, whose counters have 32 bits.
static void offer_input(z_stream *z, file_view packed, size_t *taken) {
    if (z->avail_in == 0) {
        size_t left = packed.size - *taken;
        z->next_in = (Bytef *)(uintptr_t)(packed.bytes + *taken);
        z->avail_in = (uInt)(left < LARGEST_STEP ? left : LARGEST_STEP);
        *taken += z->avail_in;
    }
}

// One inflate call into the free space of |g|.
static int inflate_some(z_stream *z, growing *g) {
    size_t room = g->capacity - g->size;
    uInt offered = (uInt)(room < LARGEST_STEP ? room : LARGEST_STEP);
    z->next_out = g->data + g->size;
    z->avail_out = offered;
    int result = inflate(z, Z_NO_FLUSH);
    g->size += offered - z->avail_out;
    return result;
}

static bool only_padding(const z_stream *z, file_view packed, size_t taken) {
    const uint8_t *at = packed.bytes + taken - z->avail_in, *end = packed.bytes + packed.size;
    while (at < end && *at == 0) {
        at++;
    }
    return at == end;
}

// Whether the members go on after inflate returned |result|.
static rnnc_status check_progress(const z_stream *z, int result, bool input_left, const growing *g,
                                  diag_sink *d) {
    if (result == Z_MEM_ERROR) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory to unpack", g->path);
    }
    if (result != Z_OK && !(result == Z_BUF_ERROR && !input_left)) {
        return damaged(g, z->msg ? z->msg : "unknown contents", d);
    }
    return input_left || z->avail_out == 0 ? RNNC_OK : damaged(g, "it ends early", d);
}

// One step. |*taken| counts the bytes that zlib was offered so far.
static rnnc_status inflate_step(z_stream *z, file_view packed, size_t *taken, growing *g, diag_sink *d,
                                bool *out_done) {
    TRY(make_room(g, d));
    offer_input(z, packed, taken);
    int result = inflate_some(z, g);
    if (result != Z_STREAM_END) {
        return check_progress(z, result, z->avail_in || *taken < packed.size, g, d);
    }
    *out_done = only_padding(z, packed, *taken);
    inflateReset(z);
    return RNNC_OK;
}

static rnnc_status inflate_members(z_stream *z, file_view packed, growing *g, diag_sink *d) {
    size_t taken = 0;
    bool done = false;
    while (!done) {
        TRY(inflate_step(z, packed, &taken, g, d, &done));
    }
    return RNNC_OK;
}

static bool is_gzip(const uint8_t *bytes, size_t size) {
    return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static rnnc_status unpack(file_view packed, size_t limit, diag_sink *d, file_bytes *out_bytes) {
    growing g = {.path = packed.name, .limit = limit};
    z_stream z = {0};
    enum { WINDOW = 15, EXPECT_GZIP = 16 };
    if (inflateInit2(&z, WINDOW + EXPECT_GZIP) != Z_OK) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "%s: not enough memory to unpack", packed.name);
    }
    rnnc_status status = inflate_members(&z, packed, &g, d);
    inflateEnd(&z);
    if (status == RNNC_OK) {
        status = finish(&g, out_bytes, d);
    }
    if (status != RNNC_OK) {
        store_free(g.data);
    }
    return status;
}

static rnnc_status copy(file_view view, size_t limit, diag_sink *d, file_bytes *out_bytes) {
    growing g = {.path = view.name, .limit = limit};
    TRY(reserve(&g, view.size, d));
    if (view.size) {
        memcpy(g.data, view.bytes, view.size);
    }
    g.size = view.size;
    rnnc_status status = finish(&g, out_bytes, d);
    if (status != RNNC_OK) {
        store_free(g.data);
    }
    return status;
}

void file_unmap(file_map *m) {
    if (m->data) {
        munmap(m->data, m->size);
    }
    *m = (file_map){0};
}

rnnc_status gzfile_map(const char *path, diag_sink *d, file_map *out_map) {
    *out_map = (file_map){0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return file_error(d, path, "read", errno);
    }
    struct stat facts;
    bool regular = fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0;
    void *at =
        regular ? mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
    close(descriptor);
    if (at != MAP_FAILED) {
        *out_map = (file_map){at, (size_t)facts.st_size};
    }
    if (out_map->data && is_gzip(out_map->data, out_map->size)) {
        file_unmap(out_map);
    }
    return RNNC_OK;
}

static size_t effective_limit(size_t limit) {
    return limit && limit < SIZE_MAX / 2 ? limit : GZFILE_DEFAULT_LIMIT;
}

rnnc_status gzfile_unpack(file_view packed, size_t limit, diag_sink *d, file_bytes *out_bytes) {
    *out_bytes = (file_bytes){0};
    size_t bound = effective_limit(limit);
    return is_gzip(packed.bytes, packed.size) ? unpack(packed, bound, d, out_bytes)
                                              : copy(packed, bound, d, out_bytes);
}

rnnc_status gzfile_read(const char *path, size_t limit, diag_sink *d, file_bytes *out_bytes) {
    *out_bytes = (file_bytes){0};
    size_t bound = effective_limit(limit);
    file_bytes raw;
    TRY(read_plain(path, bound, d, &raw));
    if (!is_gzip(raw.data, raw.size)) {
        *out_bytes = raw;
        return RNNC_OK;
    }
    rnnc_status status = unpack((file_view){path, raw.data, raw.size}, bound, d, out_bytes);
    file_bytes_deinit(&raw);
    return status;
}

void file_contents_close(file_contents *c) {
    file_unmap(&c->map);
    file_bytes_deinit(&c->bytes);
    *c = (file_contents){0};
}

rnnc_status file_contents_open(const char *path, diag_sink *d, file_contents *out_contents) {
    *out_contents = (file_contents){0};
    struct stat facts; // a pipe must not be opened twice
    bool large = stat(path, &facts) == 0 && S_ISREG(facts.st_mode) && (size_t)facts.st_size > store_limit();
    file_map map = {0};
    TRY(large ? gzfile_map(path, d, &map) : RNNC_OK);
    if (map.data) {
        *out_contents = (file_contents){.map = map, .view = {path, map.data, map.size}};
        return RNNC_OK;
    }
    file_bytes bytes;
    TRY(gzfile_read(path, 0, d, &bytes));
    *out_contents = (file_contents){.bytes = bytes, .view = {path, bytes.data, bytes.size}};
    return RNNC_OK;
}
