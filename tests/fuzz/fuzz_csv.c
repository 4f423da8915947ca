#include <string.h>

#include "runtime/data/csv.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reader.h"

static void parse(const uint8_t *bytes, size_t size, const csv_request *request) {
    diag_sink sink;
    diag_init(&sink);
    array a;
    rnnc_status status = csv_parse((file_view){"input", bytes, size}, request, &sink, &a);
    fuzz_check_reader(status, &sink);
    if (status == RNNC_OK && (!fuzz_is_finite(&a) || array_count(&a) == 0)) {
        __builtin_trap();
    }
    array_deinit(&a);
    diag_deinit(&sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const columns[] = {"b", "a"};
    parse(bytes, size, &(csv_request){0});
    parse(bytes, size, &(csv_request){.columns = columns, .count = 2});
    return 0;
}

size_t fuzz_sample(int number, uint8_t *out) {
    static const char *const texts[] = {
        "a,b\n1,2\n-3.5,4e2\n",
        "\xEF\xBB\xBF\"a\",text,b\r\n\"1\",\"x\n, \"\"y\"\"\",2\r\n 3 ,,.5E-1\r\n\r\n",
    };
    if (number >= (int)(sizeof texts / sizeof *texts)) {
        return 0;
    }
    memcpy(out, texts[number], strlen(texts[number]));
    return strlen(texts[number]);
}
