#include <string.h>

#include "runtime/data/npz.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const names[] = {"x", "nothing"};
    for (int i = 0; i < 2; i++) {
        diag_sink sink;
        diag_init(&sink);
        array a;
        rnnc_status status = npz_parse((file_view){"input", bytes, size}, names[i], &sink, &a);
        fuzz_check_reader(status, &sink);
        array_deinit(&a);
        diag_deinit(&sink);
    }
    return 0;
}

// An archive with an empty member "x" whose bytes are stored, or deflated.
size_t fuzz_sample(int number, uint8_t *out) {
    static const uint8_t stored[] =
        "PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0x"
        "PK\1\2\24\0\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0\0\0\0x"
        "PK\5\6\0\0\0\0\1\0\1\0\57\0\0\0\37\0\0\0\0\0";
    static const uint8_t deflated[] =
        "PK\3\4\24\0\0\0\10\0\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0x\3\0"
        "PK\1\2\24\0\24\0\0\0\10\0\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0\0\0\0x"
        "PK\5\6\0\0\0\0\1\0\1\0\57\0\0\0\41\0\0\0\0\0";
    if (number > 1) {
        return 0;
    }
    size_t size = number ? sizeof deflated - 1 : sizeof stored - 1;
    memcpy(out, number ? deflated : stored, size);
    return size;
}
