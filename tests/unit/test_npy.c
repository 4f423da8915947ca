#include "runtime/data/npy.h"

#include <math.h>

#include "tests/unit/data_files.h"

enum { FILE_SPACE = 1024 };

typedef struct npy_bytes {
    uint8_t at[FILE_SPACE];
    size_t size;
} npy_bytes;

// A file of the given version with |header| as it stands and |data|.
static npy_bytes compose(int major, const char *header, const void *data, size_t size) {
    npy_bytes b = {.at = {0x93, 'N', 'U', 'M', 'P', 'Y', (uint8_t)major, 0}};
    size_t length = strlen(header);
    b.at[8] = (uint8_t)(length & 255);
    b.at[9] = (uint8_t)(length >> 8);
    b.size = major == 1 ? 10 : 12;
    memcpy(b.at + b.size, header, length);
    b.size += length;
    if (size) {
        memcpy(b.at + b.size, data, size);
    }
    b.size += size;
    return b;
}

static rnnc_status parse(fixture *f, const npy_bytes *b, array *out_array) {
    uint8_t *copy = exact_copy(b->at, b->size);
    rnnc_status status = npy_parse((file_view){"t.npy", copy, b->size}, &f->sink, out_array);
    free(copy);
    return status;
}

static void reads_each_type_and_version(void **state) {
    fixture *f = *state;
    const float f4[2] = {1.5f, -2};
    const double f8[2] = {1.5, -2};
    const uint16_t f2[2] = {0x3e00, 0xc000};
    const int32_t i4[2] = {7, -2};
    const int64_t i8[2] = {7, -2};
    const uint8_t u1[2] = {7, 254}, b1[2] = {1, 0};
    const struct {
        const char *descr;
        array_kind kind;
        const void *data;
        double first, second;
    } rows[] = {
        {"<f4", ARRAY_F32, f4, 1.5, -2}, {"<f8", ARRAY_F64, f8, 1.5, -2}, {"<f2", ARRAY_F16, f2, 1.5, -2},
        {"<i4", ARRAY_I32, i4, 7, -2},   {"<i8", ARRAY_I64, i8, 7, -2},   {"|u1", ARRAY_U8, u1, 7, 254},
        {"|b1", ARRAY_BOOL, b1, 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int major = 1; major <= 3; major++) {
            char header[100];
            snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }   \n",
                     rows[i].descr);
            npy_bytes b = compose(major, header, rows[i].data, 2 * array_kind_bytes(rows[i].kind));
            array a;
            assert_int_equal(parse(f, &b, &a), RNNC_OK);
            assert_int_equal(a.kind, rows[i].kind);
            assert_int_equal(a.rank, 1);
            assert_int_equal(a.dim[0], 2);
            assert_true(array_to_double(&a, 0) == rows[i].first && array_to_double(&a, 1) == rows[i].second);
            array_deinit(&a);
        }
    }
}

static void transposes_fortran_order(void **state) {
    fixture *f = *state;
    uint8_t data[24];
    for (int i = 0; i < 24; i++) {
        data[i] = (uint8_t)i;
    }
    npy_bytes b = compose(1, "{\"shape\":(2,3,4),'fortran_order':True,'descr':'|u1'}", data, 24);
    array a;
    assert_int_equal(parse(f, &b, &a), RNNC_OK);
    for (int i = 0, n = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            for (int k = 0; k < 4; k++, n++) {
                assert_true(array_to_double(&a, n) == i + 2 * j + 6 * k);
            }
        }
    }
    array_deinit(&a);
}

static void reads_scalars_and_empty_arrays(void **state) {
    fixture *f = *state;
    double value = 3;
    npy_bytes b = compose(1, "{'descr': '<f8', 'fortran_order': False, 'shape': ()}\n", &value, 8);
    array a;
    assert_int_equal(parse(f, &b, &a), RNNC_OK);
    assert_int_equal(a.rank, 0);
    assert_int_equal(array_count(&a), 1);
    assert_true(array_to_double(&a, 0) == 3);
    array_deinit(&a);
    b = compose(1, "{'descr': '<f8', 'fortran_order': True, 'shape': (5, 0)}\n", "", 0);
    assert_int_equal(parse(f, &b, &a), RNNC_OK);
    assert_int_equal(array_count(&a), 0);
    array_deinit(&a);
}

static void refuses_bad_headers(void **state) {
    fixture *f = *state;
    const struct {
        const char *header;
        rnnc_status status;
        const char *message;
    } rows[] = {
        {"", RNNC_CORRUPT, "t.npy: malformed .npy header at byte 10: expected '{', found its end"},
        {"{", RNNC_CORRUPT, "expected a string, found its end"},
        {"[]", RNNC_CORRUPT, "expected '{', found '['"},
        {"{'descr': '<f4', 'shape': (2,)}", RNNC_CORRUPT, "the keys descr, fortran_order and shape"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", RNNC_CORRUPT,
         "no key twice"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", RNNC_CORRUPT, "only the keys"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", RNNC_CORRUPT, "',' in a shape of one"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", RNNC_CORRUPT, "a dimension, found '-'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", RNNC_CORRUPT, "',' or ')'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", RNNC_CORRUPT, "at most 8"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", RNNC_CORRUPT, "True or False, found '0'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", RNNC_CORRUPT, "nothing after '}'"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}", RNNC_CORRUPT, "',' or '}'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", RNNC_CORRUPT,
         "structured arrays"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}", RNNC_UNSUPPORTED, "is big endian"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", RNNC_UNSUPPORTED,
         "'<c8' is not supported"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", RNNC_UNSUPPORTED, "'|O' is not supported"},
        {"{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}", RNNC_UNSUPPORTED, "not supported"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", RNNC_CORRUPT,
         "below 2^63"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", RNNC_CORRUPT,
         "the shape f32[4294967296,4294967296] is not possible or too large"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}", RNNC_CORRUPT,
         "too large"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", RNNC_CORRUPT,
         "t.npy: truncated: f32[3] has 12 bytes of data, the file has 8"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", RNNC_CORRUPT,
         "t.npy: too long: f32[1] has 4 bytes of data, the file has 8"},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (8,)}", RNNC_CORRUPT, "expected 0 or 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        npy_bytes b = compose(1, rows[i].header, "\1\0\1\0\2\0\1\0", 8);
        array a;
        forget_messages(f);
        assert_fails(f, parse(f, &b, &a), rows[i].status, rows[i].message);
        assert_null(a.data);
    }
}

static void refuses_foreign_files(void **state) {
    fixture *f = *state;
    array a;
    npy_bytes b = compose(4, "{}", "", 0);
    assert_fails(f, parse(f, &b, &a), RNNC_UNSUPPORTED, ".npy version 4.0; expected 1.0, 2.0 or 3.0");
    assert_fails(f, npy_parse(text_view("PK\3\4 a zip archive"), &f->sink, &a), RNNC_CORRUPT,
                 "not a .npy file");
    b = compose(2, "", "", 0);
    b.at[11] = 0x7f;
    assert_fails(f, parse(f, &b, &a), RNNC_CORRUPT, "expected at most 1048576");
    assert_fails(f, npy_read("none.npy", &f->sink, &a), RNNC_IO, "none.npy: cannot read: No such file");
}

static void refuses_every_truncation(void **state) {
    fixture *f = *state;
    const float data[6] = {0};
    for (int major = 1; major <= 2; major++) {
        npy_bytes b = compose(major, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", data,
                              sizeof data);
        for (; b.size > 0;) {
            b.size--;
            array a;
            forget_messages(f);
            assert_fails(f, parse(f, &b, &a), RNNC_CORRUPT, b.size < 6 ? "not a .npy file" : "truncated");
        }
    }
}

static void writes_what_it_reads(void **state) {
    fixture *f = *state;
    const array_kind kinds[] = {ARRAY_F32, ARRAY_F64, ARRAY_I32, ARRAY_I64, ARRAY_U8};
    const int64_t dim[ARRAY_MAX_RANK] = {3, 5, 2, 1, 1, 1, 1, 1};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (int rank = 0; rank <= ARRAY_MAX_RANK; rank++) {
            array a, b;
            assert_int_equal(array_create(kinds[i], rank, dim, "t", &f->sink, &a), RNNC_OK);
            memset(a.data, 0x41, array_bytes(&a));
            assert_int_equal(npy_write("a.npy", &a, &f->sink), RNNC_OK);
            assert_int_equal(npy_read("a.npy", &f->sink, &b), RNNC_OK);
            assert_int_equal(b.kind, a.kind);
            assert_int_equal(b.rank, a.rank);
            assert_memory_equal(b.dim, a.dim, sizeof a.dim);
            assert_memory_equal(b.data, a.data, array_bytes(&a));
            struct stat facts;
            assert_int_equal(stat("a.npy", &facts), 0);
            assert_int_equal(((size_t)facts.st_size - array_bytes(&a)) % 64, 0);
            array_deinit(&a);
            array_deinit(&b);
        }
    }
}

static void reads_gzip(void **state) {
    fixture *f = *state;
    int32_t data[2] = {1, 2};
    npy_bytes b =
        compose(1, "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n", data, sizeof data);
    write_gzip("a.npy.gz", b.at, b.size);
    array a;
    assert_int_equal(npy_read("a.npy.gz", &f->sink, &a), RNNC_OK);
    assert_true(array_to_double(&a, 1) == 2);
    array_deinit(&a);
}

static void refuses_to_write(void **state) {
    fixture *f = *state;
    int64_t dim[1] = {4};
    array a;
    assert_int_equal(array_create(ARRAY_F16, 1, dim, "t", &f->sink, &a), RNNC_OK);
    assert_fails(f, npy_write("a.npy", &a, &f->sink), RNNC_UNSUPPORTED, "a.npy: cannot write f16");
    a.kind = ARRAY_U8;
    assert_fails(f, npy_write("/dev/full", &a, &f->sink), RNNC_IO, "No space left on device");
    assert_fails(f, npy_write("none/a.npy", &a, &f->sink), RNNC_IO, "none/a.npy: cannot write");
    assert_int_equal(count_files(), 0);
    array_deinit(&a);
}

static void check_mapped(fixture *f, const char *path, bool mapped) {
    array read, map;
    assert_int_equal(npy_read(path, &f->sink, &read), RNNC_OK);
    assert_int_equal(npy_map(path, &f->sink, &map), RNNC_OK);
    assert_true((map.mapping != NULL) == mapped);
    assert_int_equal(map.kind, read.kind);
    assert_int_equal(map.rank, read.rank);
    assert_memory_equal(map.dim, read.dim, sizeof map.dim);
    assert_memory_equal(map.data, read.data, array_bytes(&read));
    array_deinit(&read);
    array_deinit(&map);
}

static void maps_what_it_can(void **state) {
    fixture *f = *state;
    const float values[] = {1, 2, 3, 4, 5, 6};
    const int64_t dim[] = {2, 3};
    array a;
    assert_int_equal(array_create(ARRAY_F32, 2, dim, "t", &f->sink, &a), RNNC_OK);
    memcpy(a.data, values, sizeof values);
    assert_int_equal(npy_write("a.npy", &a, &f->sink), RNNC_OK);
    array_deinit(&a);
    check_mapped(f, "a.npy", true);
    file_bytes bytes = read_file(f, "a.npy");
    write_gzip("a.npy.gz", bytes.data, bytes.size);
    check_mapped(f, "a.npy.gz", false);
    char *order = strstr((char *)bytes.data + 10, "False");
    memcpy(order, "True ", 5);
    write_file("fortran.npy", bytes.data, bytes.size);
    check_mapped(f, "fortran.npy", false);
    write_file("short.npy", bytes.data, bytes.size - 1);
    assert_fails(f, npy_map("short.npy", &f->sink, &a), RNNC_CORRUPT, "short.npy: truncated");
    write_file("empty.npy", "", 0);
    assert_fails(f, npy_map("empty.npy", &f->sink, &a), RNNC_CORRUPT, "empty.npy: not a .npy file");
    assert_fails(f, npy_map("none.npy", &f->sink, &a), RNNC_IO, "none.npy");
    file_bytes_deinit(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(reads_each_type_and_version),
        data_test(transposes_fortran_order),
        data_test(reads_scalars_and_empty_arrays),
        data_test(refuses_bad_headers),
        data_test(refuses_foreign_files),
        data_test(refuses_every_truncation),
        data_test(writes_what_it_reads),
        data_test(reads_gzip),
        data_test(refuses_to_write),
        data_test(maps_what_it_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
