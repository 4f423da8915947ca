// What the library writes for its caller: texts, objects.
#include <string.h>

#include "api/parts.h"
#include "runtime/data/atomic_file.h"

struct rnnc_bytes {
    allocator memory;
    size_t size;
    char data[]; // and a zero
};

rnnc_status api_bytes_create(const allocator *memory, const strbuf *from, diag_sink *d, rnnc_bytes **out) {
    *out = NULL;
    // Both lengths have been in memory before, so the sum cannot overflow.
    rnnc_bytes *made =
        from->failed ? NULL : allocator_get(memory, sizeof **out + from->length + 1, _Alignof(max_align_t));
    if (!made) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for what is to be written");
    }
    made->memory = *memory;
    made->size = from->length;
    memcpy(made->data, strbuf_text(from), from->length + 1);
    *out = made;
    return RNNC_OK;
}

rnnc_status api_give_text(const allocator *memory, rnnc_status status, strbuf *text, diag_sink *sink,
                          rnnc_diagnostics *diagnostics, rnnc_bytes **out) {
    status = status == RNNC_OK ? api_bytes_create(memory, text, sink, out) : status;
    api_report(diagnostics, sink, status);
    strbuf_deinit(text);
    diag_deinit(sink);
    return status;
}

void rnnc_bytes_destroy(rnnc_bytes *bytes) {
    if (bytes) {
        allocator memory = bytes->memory;
        allocator_free(&memory, bytes);
    }
}

const char *rnnc_bytes_data(const rnnc_bytes *bytes) {
    return bytes ? bytes->data : "";
}

size_t rnnc_bytes_size(const rnnc_bytes *bytes) {
    return bytes ? bytes->size : 0;
}

rnnc_status rnnc_bytes_save(const rnnc_bytes *bytes, const char *path, rnnc_diagnostics *diagnostics) {
    if (!bytes || !path || !*path) {
        return api_fail(diagnostics, RNNC_INVALID_ARGUMENT, "saving needs bytes and a path");
    }
    diag_sink sink;
    diag_init(&sink);
    rnnc_status status = atomic_file_write(path, bytes->data, bytes->size, &sink);
    api_report(diagnostics, &sink, status);
    diag_deinit(&sink);
    return status;
}
