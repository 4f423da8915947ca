// What a fuzz target offers. Under libFuzzer it is a program of its own; with replay.c it is a test.
#ifndef RNNC_TESTS_FUZZ_FUZZ_H
#define RNNC_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

// libFuzzer's entry point: takes any bytes, returns 0, and must neither crash nor leak.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { FUZZ_SAMPLE_SPACE = 4096 };

// Optional: writes valid input number |number| to |out| of FUZZ_SAMPLE_SPACE bytes and returns its size, 0 when
// there is no such number. The replay program runs it, all its beginnings, and changed copies of it.
size_t fuzz_sample(int number, uint8_t *out) __attribute__((weak));

#endif
