// The text form of graphs: junk is refused without a crash, and what is read prints to a text that reads back
// to the same text.
#include "ir/text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/printed.h"

static bool reprint(diag_sink *d, uint32_t file, bool first, strbuf *out) {
    (void)first;
    graph *g;
    if (graph_parse(d, file, &g) != RNNC_OK) {
        return false;
    }
    graph_print(g, out);
    graph_destroy(g);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_check_printed(reprint, data, size);
    return 0;
}
