#include "codegen/perf_map.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

FILE *perf_map_open(diag_sink *d) {
    if (!getenv("RNNC_PERF_MAP")) {
        return NULL;
    }
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
    FILE *file = fopen(path, "a");
    if (!file) {
        diag_warning(d, NO_SPAN, "%s: cannot be written, so perf will not know the kernels' names", path);
    }
    return file;
}

void perf_map_add(const code_image *image, const mapped_image *m, diag_sink *d) {
    FILE *file = perf_map_open(d);
    if (!file) {
        return;
    }
    for (uint32_t i = 0; i < image->function_count; i++) {
        const image_function *f = &image->functions[i];
        fprintf(file, "%" PRIxPTR " %" PRIx32 " %s\n", (uintptr_t)(m->code + f->at), f->bytes,
                strbuf_text(&image->names) + f->name);
    }
    fclose(file);
}
