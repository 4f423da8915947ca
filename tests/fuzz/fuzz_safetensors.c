#include <string.h>

#include "runtime/data/safetensors.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reader.h"

// Everything that the file offers can be taken.
static void load_all(const safetensors *s, diag_sink *sink) {
    for (size_t i = 0; i < s->count; i++) {
        array a;
        if (safetensors_load(s, s->entries[i].name, sink, &a) != RNNC_OK) {
            __builtin_trap();
        }
        fuzz_is_finite(&a);
        array_deinit(&a);
    }
    safetensors_metadata(s, "format");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    diag_sink sink;
    diag_init(&sink);
    safetensors s;
    rnnc_status status = safetensors_parse((file_view){"input", bytes, size}, &sink, &s);
    fuzz_check_reader(status, &sink);
    load_all(&s, &sink);
    safetensors_deinit(&s);
    diag_deinit(&sink);
    return 0;
}

size_t fuzz_sample(int number, uint8_t *out) {
    static const char header[] = "{\"__metadata__\":{\"format\":\"1\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,"
                                 "1],\"data_offsets\":[0,8]},"
                                 "\"b\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[8,10]},"
                                 "\"c\":{\"dtype\":\"I64\",\"shape\":[0,3],\"data_offsets\":[10,10]}}  ";
    if (number > 0) {
        return 0;
    }
    uint64_t length = sizeof header - 1;
    memcpy(out, &length, 8);
    memcpy(out + 8, header, length);
    memset(out + 8 + length, 0x3F, 10);
    return 8 + length + 10;
}
