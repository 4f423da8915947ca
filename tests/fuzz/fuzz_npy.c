#include <string.h>

#include "runtime/data/npy.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    diag_sink sink;
    diag_init(&sink);
    array a;
    rnnc_status status = npy_parse((file_view){"input", bytes, size}, &sink, &a);
    fuzz_check_reader(status, &sink);
    array_deinit(&a);
    diag_deinit(&sink);
    return 0;
}

size_t fuzz_sample(int number, uint8_t *out) {
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }\n",
        "{'descr': '|b1', 'fortran_order': False, 'shape': (24,), }\n",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }\n",
    };
    if (number >= (int)(sizeof headers / sizeof *headers)) {
        return 0;
    }
    size_t length = strlen(headers[number]), data = 24;
    int major = 1 + number % 2;
    size_t at = major == 1 ? 10 : 12;
    memcpy(out, "\x93NUMPY", 6);
    memset(out + 6, 0, 6);
    out[6] = (uint8_t)major;
    out[8] = (uint8_t)length;
    memcpy(out + at, headers[number], length);
    memset(out + at + length, 1, data);
    return at + length + data;
}
