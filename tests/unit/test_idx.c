#include "runtime/data/idx.h"

#include "tests/unit/data_files.h"

static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255};

static rnnc_status parse(fixture *f, const uint8_t *bytes, size_t size, array *out_array) {
    uint8_t *copy = exact_copy(bytes, size);
    rnnc_status status = idx_parse((file_view){"t", copy, size}, &f->sink, out_array);
    free(copy);
    return status;
}

static void check_images(const array *a) {
    assert_int_equal(a->kind, ARRAY_U8);
    assert_int_equal(a->rank, 3);
    assert_true(a->dim[0] == 2 && a->dim[1] == 1 && a->dim[2] == 3);
    assert_memory_equal(a->data, images + 16, 6);
}

static void reads_files(void **state) {
    fixture *f = *state;
    write_file("images", images, sizeof images);
    write_gzip("images.gz", images, sizeof images);
    const char *const paths[] = {"images", "images.gz"};
    for (int i = 0; i < 2; i++) {
        array a;
        assert_int_equal(idx_read(paths[i], &f->sink, &a), RNNC_OK);
        check_images(&a);
        array_deinit(&a);
    }
    array a;
    assert_fails(f, idx_read("none", &f->sink, &a), RNNC_IO, "none: cannot read: No such file");
}

static void refuses_every_other_size(void **state) {
    fixture *f = *state;
    array a;
    for (size_t cut = 0; cut < sizeof images; cut++) {
        forget_messages(f);
        assert_fails(f, parse(f, images, cut, &a), RNNC_CORRUPT, "t: truncated: ");
        assert_null(a.data);
    }
    uint8_t longer[sizeof images + 1] = {0};
    memcpy(longer, images, sizeof images);
    assert_fails(f, parse(f, longer, sizeof longer, &a), RNNC_CORRUPT,
                 "t: too long: u8[2,1,3] has 6 bytes of data, the file has 7");
}

static void refuses_foreign_magic(void **state) {
    fixture *f = *state;
    const struct {
        uint8_t magic[4];
        rnnc_status status;
        const char *message;
    } rows[] = {
        {{1, 0, 8, 3}, RNNC_CORRUPT, "t: not an IDX file: it begins with 01 00 08 03"},
        {{0, 0, 7, 3}, RNNC_CORRUPT, "not an IDX file"},
        {{0, 0, 8, 0}, RNNC_CORRUPT, "not an IDX file"},
        {{0, 0, 13, 3}, RNNC_UNSUPPORTED, "an IDX file of 32-bit floats; expected unsigned bytes"},
        {{0, 0, 8, 9}, RNNC_UNSUPPORTED, "an IDX file of 9 dimensions; expected at most 8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[sizeof images];
        memcpy(bytes, images, sizeof images);
        memcpy(bytes, rows[i].magic, 4);
        array a;
        assert_fails(f, parse(f, bytes, sizeof bytes, &a), rows[i].status, rows[i].message);
    }
}

static void refuses_overflowing_dimensions(void **state) {
    fixture *f = *state;
    uint8_t bytes[4 + 8 * 4 + 3] = {0, 0, 8, 8};
    memset(bytes + 4, 0xff, 32);
    array a;
    assert_fails(f, parse(f, bytes, sizeof bytes, &a), RNNC_CORRUPT, "is not possible or too large");
}

static void maps_what_it_can(void **state) {
    fixture *f = *state;
    const char bytes[] = "\0\0\10\2\0\0\0\2\0\0\0\3abcdef";
    array a;
    write_file("a", bytes, sizeof bytes - 1);
    assert_int_equal(idx_map("a", &f->sink, &a), RNNC_OK);
    assert_non_null(a.mapping);
    assert_int_equal(a.dim[1], 3);
    assert_memory_equal(a.data, "abcdef", 6);
    array_deinit(&a);
    write_gzip("a.gz", bytes, sizeof bytes - 1);
    assert_int_equal(idx_map("a.gz", &f->sink, &a), RNNC_OK);
    assert_null(a.mapping);
    assert_memory_equal(a.data, "abcdef", 6);
    array_deinit(&a);
    write_file("short", bytes, sizeof bytes - 2);
    assert_fails(f, idx_map("short", &f->sink, &a), RNNC_CORRUPT, "short: truncated");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(reads_files),           data_test(refuses_every_other_size),
        data_test(refuses_foreign_magic), data_test(refuses_overflowing_dimensions),
        data_test(maps_what_it_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
