// The text form of graphs: junk is refused without a crash, and what is read prints to a text that reads back
// to the same text.
#include <stdlib.h>

#include "ir/text.h"
#include "tests/fuzz/fuzz.h"

// The printed form of |text|, or NULL if it is not a graph. The caller frees it.
static char *read_and_print(const char *text, size_t length) {
    diag_sink d;
    diag_init(&d);
    graph *g;
    strbuf out = {0};
    if (graph_parse(&d, diag_add_file(&d, "fuzz.ir", text, length), &g) == RNNC_OK) {
        graph_print(g, &out);
        graph_destroy(g);
    } else if (d.error_count == 0) {
        abort(); // refused without a word
    }
    strbuf rendered = {0};
    diag_render(&d, &rendered);
    strbuf_deinit(&rendered);
    diag_deinit(&d);
    return out.text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *once = read_and_print((const char *)data, size);
    char *twice = once ? read_and_print(once, strlen(once)) : NULL;
    if (once && (!twice || strcmp(once, twice) != 0)) {
        abort();
    }
    free(once);
    free(twice);
    return 0;
}
