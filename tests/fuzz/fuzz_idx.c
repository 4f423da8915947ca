#include <string.h>

#include "runtime/data/idx.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    diag_sink sink;
    diag_init(&sink);
    array a;
    rnnc_status status = idx_parse((file_view){"input", bytes, size}, &sink, &a);
    fuzz_check_reader(status, &sink);
    array_deinit(&a);
    diag_deinit(&sink);
    return 0;
}

size_t fuzz_sample(int number, uint8_t *out) {
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 4, 7, 2, 1, 0};
    size_t size = number == 0 ? sizeof images : number == 1 ? sizeof labels : 0;
    memcpy(out, number == 0 ? images : labels, size);
    return size;
}
