// SHA-256 against the examples of FIPS 180-4 and of NIST's long message.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/sha256.h"

static void check(sha256 *h, const char *expected) {
    unsigned char sum[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];
    sha256_end(h, sum);
    for (int i = 0; i < SHA256_BYTES; i++) {
        snprintf(text + 2 * i, 3, "%02x", sum[i]);
    }
    assert_string_equal(text, expected);
}

static void test_examples(void **state) {
    (void)state;
    static const char *const texts[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (int i = 0; i < 3; i++) {
        sha256 h;
        sha256_init(&h);
        sha256_add(&h, texts[i][0], strlen(texts[i][0]));
        check(&h, texts[i][1]);
    }
}

// A million times 'a', in pieces of every size that can begin and end anywhere in a block.
static void test_pieces(void **state) {
    (void)state;
    char letters[200];
    memset(letters, 'a', sizeof letters);
    sha256 h;
    sha256_init(&h);
    for (size_t left = 1000000, piece = 1; left; piece = piece % sizeof letters + 1) {
        size_t taken = piece < left ? piece : left;
        sha256_add(&h, letters, taken);
        left -= taken;
    }
    check(&h, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples), cmocka_unit_test(test_pieces)};
    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
