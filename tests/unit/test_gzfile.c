#include "runtime/data/gzfile.h"

#include "tests/unit/data_files.h"

static void reads_plain_and_packed(void **state) {
    fixture *f = *state;
    write_file("plain", "some text\0more", 14);
    write_gzip("packed", "some text\0more", 14);
    const char *const paths[] = {"plain", "packed"};
    for (int i = 0; i < 2; i++) {
        file_bytes bytes = read_file(f, paths[i]);
        assert_int_equal(bytes.size, 14);
        assert_memory_equal(bytes.data, "some text\0more", 15);
        file_bytes_deinit(&bytes);
    }
}

static void reads_empty_and_large(void **state) {
    fixture *f = *state;
    write_file("empty", "", 0);
    write_gzip("empty.gz", "", 0);
    size_t size = 1000 * 1000;
    char *large = calloc(size, 1);
    memset(large + size / 2, 'x', size / 4);
    write_file("large", large, size);
    write_gzip("large.gz", large, size);
    const char *const paths[] = {"empty", "empty.gz", "large", "large.gz"};
    for (int i = 0; i < 4; i++) {
        file_bytes bytes = read_file(f, paths[i]);
        assert_int_equal(bytes.size, i < 2 ? 0 : size);
        assert_memory_equal(bytes.data, large, bytes.size);
        assert_int_equal(bytes.data[bytes.size], 0);
        file_bytes_deinit(&bytes);
    }
    free(large);
}

// A device tells no size in advance.
static void reads_without_a_size(void **state) {
    fixture *f = *state;
    file_bytes bytes = read_file(f, "/dev/null");
    assert_int_equal(bytes.size, 0);
    file_bytes_deinit(&bytes);
    assert_fails(f, gzfile_read("/dev/zero", 200000, &f->sink, &bytes), RNNC_OUT_OF_MEMORY,
                 "/dev/zero: larger than the limit of 200000 bytes");
    assert_null(bytes.data);
}

static void joins_members_and_skips_padding(void **state) {
    fixture *f = *state;
    write_gzip("a", "one ", 4);
    file_bytes a = {0};
    FILE *file = fopen("a", "rb");
    uint8_t packed[200] = {0};
    size_t size = fread(packed, 1, 100, file);
    fclose(file);
    memcpy(packed + size, packed, size);
    assert_int_equal(gzfile_unpack((file_view){"t", packed, 2 * size + 10}, 0, &f->sink, &a), RNNC_OK);
    assert_string_equal((char *)a.data, "one one ");
    file_bytes_deinit(&a);
    packed[2 * size + 3] = 'x';
    assert_fails(f, gzfile_unpack((file_view){"t", packed, 2 * size + 10}, 0, &f->sink, &a), RNNC_CORRUPT,
                 "t: damaged gzip data: incorrect header check");
}

static void refuses_every_truncation(void **state) {
    fixture *f = *state;
    char text[3000];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i * i % 251);
    }
    write_gzip("a", text, sizeof text);
    uint8_t packed[4000];
    FILE *file = fopen("a", "rb");
    size_t size = fread(packed, 1, sizeof packed, file);
    fclose(file);
    for (size_t cut = 2; cut < size; cut++) {
        uint8_t *part = exact_copy(packed, cut);
        file_bytes bytes;
        forget_messages(f);
        assert_fails(f, gzfile_unpack((file_view){"t", part, cut}, 0, &f->sink, &bytes), RNNC_CORRUPT,
                     "t: damaged gzip data: it ends early after");
        assert_null(bytes.data);
        free(part);
    }
    packed[size - 6] ^= 1;
    file_bytes bytes;
    assert_fails(f, gzfile_unpack((file_view){"t", packed, size}, 0, &f->sink, &bytes), RNNC_CORRUPT,
                 "incorrect data check");
}

static void respects_the_limit(void **state) {
    fixture *f = *state;
    char text[5000] = {0};
    write_gzip("a.gz", text, sizeof text);
    write_file("a", text, sizeof text);
    const char *const paths[] = {"a", "a.gz"};
    for (int i = 0; i < 2; i++) {
        file_bytes bytes;
        assert_int_equal(gzfile_read(paths[i], 5000, &f->sink, &bytes), RNNC_OK);
        file_bytes_deinit(&bytes);
        assert_fails(f, gzfile_read(paths[i], 4999, &f->sink, &bytes), RNNC_OUT_OF_MEMORY,
                     "larger than the limit of 4999 bytes");
    }
}

static void refuses_what_is_no_file(void **state) {
    fixture *f = *state;
    file_bytes bytes;
    assert_fails(f, gzfile_read("none", 0, &f->sink, &bytes), RNNC_IO,
                 "none: cannot read: No such file or directory");
    assert_fails(f, gzfile_read(".", 0, &f->sink, &bytes), RNNC_IO, ".: cannot read: Is a directory");
    assert_fails(f, gzfile_read("/dev/null/x", 0, &f->sink, &bytes), RNNC_IO, "Not a directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(reads_plain_and_packed),   data_test(reads_empty_and_large),
        data_test(reads_without_a_size),     data_test(joins_members_and_skips_padding),
        data_test(refuses_every_truncation), data_test(respects_the_limit),
        data_test(refuses_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
