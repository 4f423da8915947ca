#include "codegen/image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool image_supported(void) {
#ifdef __x86_64__
    return true;
#else
    return false;
#endif
}

void image_deinit(code_image *image) {
    strbuf_deinit(&image->code);
    strbuf_deinit(&image->names);
    free(image->starts);
    free(image->functions);
    *image = (code_image){.starts = NULL};
}

// ---- As bytes ----

// Begins the bytes; then follow starts, functions, names and code.
typedef struct image_head {
    uint32_t start_count, function_count, name_bytes, code_bytes;
} image_head;

void image_write(const code_image *image, strbuf *out) {
    const image_head head = {image->start_count, image->function_count, (uint32_t)image->names.length,
                             (uint32_t)image->code.length};
    strbuf_add_bytes(out, &head, sizeof head);
    strbuf_add_bytes(out, image->starts, image->start_count * sizeof *image->starts);
    strbuf_add_bytes(out, image->functions, image->function_count * sizeof *image->functions);
    strbuf_add_bytes(out, strbuf_text(&image->names), image->names.length);
    strbuf_add_bytes(out, strbuf_text(&image->code), image->code.length);
}

static bool has_sound_tables(const code_image *image) {
    bool sound = image->code.length > 0 && !image->code.failed && !image->names.failed;
    for (uint32_t i = 0; sound && i < image->start_count; i++) {
        sound = image->starts[i] < image->code.length;
    }
    for (uint32_t i = 0; sound && i < image->function_count; i++) {
        const image_function *f = &image->functions[i];
        sound = (uint64_t)f->at + f->bytes <= image->code.length && f->name < image->names.length;
    }
    // Every name ends within the names.
    return sound && (!image->names.length || !image->names.text[image->names.length - 1]);
}

// A copy of |count| items at |*at|, which moves behind them; NULL without memory.
static void *take(const unsigned char **at, size_t count, size_t item_bytes) {
    void *copy = calloc(count + 1, item_bytes);
    if (copy && count) {
        memcpy(copy, *at, count * item_bytes);
    }
    *at += count * item_bytes;
    return copy;
}

bool image_read(const void *bytes, size_t size, code_image *out_image) {
    *out_image = (code_image){.starts = NULL};
    image_head head;
    if (size < sizeof head) {
        return false;
    }
    memcpy(&head, bytes, sizeof head);
    const unsigned char *at = (const unsigned char *)bytes + sizeof head;
    uint64_t wanted = sizeof head + (uint64_t)head.start_count * sizeof *out_image->starts +
                      (uint64_t)head.function_count * sizeof *out_image->functions + head.name_bytes +
                      head.code_bytes;
    if (size != wanted) {
        return false;
    }
    code_image image = {.start_count = head.start_count, .function_count = head.function_count};
    image.starts = take(&at, head.start_count, sizeof *image.starts);
    image.functions = take(&at, head.function_count, sizeof *image.functions);
    strbuf_add_bytes(&image.names, at, head.name_bytes);
    strbuf_add_bytes(&image.code, at + head.name_bytes, head.code_bytes);
    if (!image.starts || !image.functions || !has_sound_tables(&image)) {
        image_deinit(&image);
        return false;
    }
    *out_image = image;
    return true;
}

// ---- In memory ----

rnnc_status image_map(const code_image *image, diag_sink *d, mapped_image *out_mapped) {
    *out_mapped = (mapped_image){.code = NULL};
    if (!image->code.length) {
        return RNNC_OK;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (image->code.length + page - 1) / page * page;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return diag_fail(d, RNNC_OUT_OF_MEMORY, NO_SPAN, "no memory for %zu bytes of machine code", bytes);
    }
    memcpy(memory, image->code.text, image->code.length);
    if (mprotect(memory, bytes, PROT_READ | PROT_EXEC)) {
        munmap(memory, bytes);
        return diag_fail(
            d, RNNC_UNSUPPORTED, NO_SPAN,
            "the system forbids code that is made at run time; the cpu \"interpret\" does without");
    }
    *out_mapped = (mapped_image){memory, bytes};
    return RNNC_OK;
}

void image_unmap(mapped_image *m) {
    if (m->code) {
        munmap(m->code, m->bytes);
    }
    *m = (mapped_image){.code = NULL};
}

kernel_function *image_kernel(const code_image *image, const mapped_image *m, uint32_t kernel) {
    return (kernel_function *)(uintptr_t)(m->code + image->starts[kernel]);
}
