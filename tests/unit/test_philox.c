#include "support/philox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// The known answers that the authors of Philox publish for ten rounds.
static void known_answers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t out[4];
        philox4x32(rows[i].key, rows[i].counter, out);
        for (int w = 0; w < 4; w++) {
            assert_int_equal(out[w], rows[i].expected[w]);
        }
    }
}

// Published values of the 32-bit FNV-1a hash.
static void site_hash(void **state) {
    (void)state;
    assert_int_equal(philox_site(""), 0x811c9dc5);
    assert_int_equal(philox_site("a"), 0xe40c292c);
    assert_int_equal(philox_site("foobar"), 0xbf9cf968);
}

static void uniform_range(void **state) {
    (void)state;
    assert_true(philox_uniform(0) == 0.0);
    assert_true(philox_uniform(0xff) == 0.0);
    assert_true(philox_uniform(0x80000000) == 0.5);
    assert_true(philox_uniform(0xffffffff) == 1.0 - 0x1p-24);
    assert_true((double)(float)philox_uniform(0xffffffff) == philox_uniform(0xffffffff));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(site_hash),
        cmocka_unit_test(uniform_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
