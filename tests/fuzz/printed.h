// What the fuzz targets of texts that can be printed again have in common.
#ifndef RNNC_TESTS_FUZZ_PRINTED_H
#define RNNC_TESTS_FUZZ_PRINTED_H

#include <stdlib.h>
#include <string.h>

#include "support/diag.h"
#include "support/strbuf.h"

// Reads file |file| of |d| and prints it to |out|; |first|: the text is the fuzzer's, not one that was printed. False if
// it is refused.
typedef bool fuzz_reprint(diag_sink *d, uint32_t file, bool first, strbuf *out);

// The printed form of |text|, or NULL if it is refused, which is never without a word. The caller frees it.
static inline char *fuzz_print_again(fuzz_reprint *reprint, const char *text, size_t length, bool first) {
    diag_sink d;
    diag_init(&d);
    strbuf out = {0}, rendered = {0};
    if (!reprint(&d, diag_add_file(&d, "fuzz.ir", text, length), first, &out) && d.error_count == 0) {
        abort();
    }
    diag_render(&d, &rendered);
    strbuf_deinit(&rendered);
    diag_deinit(&d);
    return out.text;
}

// What is read prints to a text that reads back to the same text.
static inline void fuzz_check_printed(fuzz_reprint *reprint, const uint8_t *data, size_t size) {
    char *once = fuzz_print_again(reprint, (const char *)data, size, true);
    char *twice = once ? fuzz_print_again(reprint, once, strlen(once), false) : NULL;
    if (once && (!twice || strcmp(once, twice) != 0)) {
        abort();
    }
    free(once);
    free(twice);
}

#endif
