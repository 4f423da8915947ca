// Arrays in files, and bytes: what is written is read again.
#include "tests/api/fixture.h"

#include <stdint.h>
#include <unistd.h>

static void make_path(char path[4096], const char *name) {
    const char *scratch = getenv("RNNC_SCRATCH");
    snprintf(path, 4096, "%s/%s", scratch ? scratch : "/tmp", name);
}

static void check_array(rnnc_type type, int rank, const int64_t *dimensions, const void *data, size_t count,
                        size_t bytes) {
    char path[4096];
    make_path(path, "files.npy");
    rnnc_diagnostics *d = NULL;
    fixture_ok(rnnc_diagnostics_create(&d), NULL);
    fixture_ok(rnnc_array_save(path, type, rank, dimensions, data, d), d);
    rnnc_array *a = NULL;
    fixture_ok(rnnc_array_load(path, NULL, d, &a), d);
    assert_int_equal(rnnc_array_type(a), type);
    assert_int_equal(rnnc_array_rank(a), rank);
    for (int i = 0; i < rank; i++) {
        assert_int_equal(rnnc_array_dimension(a, i), dimensions[i]);
    }
    assert_int_equal(rnnc_array_dimension(a, rank), 0);
    assert_int_equal(rnnc_array_count(a), count);
    assert_memory_equal(rnnc_array_data(a), data, bytes);
    rnnc_array_destroy(a);
    rnnc_diagnostics_destroy(d);
}

static void test_arrays(void **state) {
    (void)state;
    const float floats[] = {0, -1.5F, 3e38F, 4, 5, 6};
    const double doubles[] = {1e300, -2};
    const int32_t numbers[] = {INT32_MIN, 0, INT32_MAX};
    check_array(RNNC_F32, 3, (int64_t[]){1, 2, 3}, floats, 6, sizeof floats);
    check_array(RNNC_F64, 1, (int64_t[]){2}, doubles, 2, sizeof doubles);
    check_array(RNNC_I32, 2, (int64_t[]){3, 1}, numbers, 3, sizeof numbers);
    check_array(RNNC_F64, 0, NULL, doubles, 1, sizeof *doubles);
    check_array(RNNC_F32, 2, (int64_t[]){0, 7}, floats, 0, 0);
}

// A .npy file by hand: |descr| as NumPy writes it, |count| elements in |bytes| bytes.
static void write_npy(const char *path, const char *descr, int count, const void *data, size_t bytes) {
    char header[118 + 1];
    int length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%d,), }",
                          descr, count);
    assert_in_range(length, 1, 117);
    memset(header + length, ' ', 117 - (size_t)length);
    header[117] = '\n';
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file), 10);
    assert_int_equal(fwrite(header, 1, 118, file), 118);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static void test_other_kinds(void **state) {
    (void)state;
    char path[4096];
    make_path(path, "kinds.npy");
    rnnc_array *a = NULL;
    write_npy(path, "<i8", 2, (int64_t[]){-5, 1 << 30}, 16);
    fixture_ok(rnnc_array_load(path, NULL, NULL, &a), NULL);
    assert_int_equal(rnnc_array_type(a), RNNC_I32);
    assert_int_equal(((const int32_t *)rnnc_array_data(a))[1], 1 << 30);
    rnnc_array_destroy(a);
    write_npy(path, "<f2", 2, (uint16_t[]){0x3C00, 0xC000}, 4);
    fixture_ok(rnnc_array_load(path, NULL, NULL, &a), NULL);
    assert_int_equal(rnnc_array_type(a), RNNC_F32);
    assert_true(((const float *)rnnc_array_data(a))[1] == -2);
    rnnc_array_destroy(a);
    write_npy(path, "<u2", 2, (uint16_t[]){1, 65535}, 4);
    fixture_ok(rnnc_array_load(path, NULL, NULL, &a), NULL);
    assert_int_equal(rnnc_array_type(a), RNNC_I32);
    assert_int_equal(((const int32_t *)rnnc_array_data(a))[1], 65535);
    rnnc_array_destroy(a);
}

static void test_bad_use(void **state) {
    (void)state;
    char path[4096], nowhere[4096];
    make_path(path, "bad.npy");
    make_path(nowhere, "no/such/folder.npy");
    unlink(path);
    rnnc_diagnostics *d = NULL;
    fixture_ok(rnnc_diagnostics_create(&d), NULL);
    rnnc_array *a = NULL;
    fixture_refused(rnnc_array_load(path, NULL, d, &a), RNNC_IO, d, "cannot read");
    assert_null(a);
    rnnc_diagnostics_clear(d);
    fixture_refused(rnnc_array_load(NULL, NULL, d, &a), RNNC_INVALID_ARGUMENT, d, "a path");
    rnnc_diagnostics_clear(d);
    write_npy(path, "<i8", 1, (int64_t[]){INT64_C(1) << 40}, 8);
    fixture_refused(rnnc_array_load(path, NULL, d, &a), RNNC_TYPE, d, "bad.npy");
    rnnc_diagnostics_clear(d);
    write_npy(path, "<f4", 3, (float[]){1, 2}, 8);
    fixture_refused(rnnc_array_load(path, NULL, d, &a), RNNC_CORRUPT, d, "bad.npy");
    rnnc_diagnostics_clear(d);
    const float one = 1;
    const int64_t negative = -1, huge[] = {INT64_MAX, 2}, fine = 1;
    const char *text = "dimensions";
    fixture_refused(rnnc_array_save(path, RNNC_F32, 1, &negative, &one, d), RNNC_INVALID_ARGUMENT, d, text);
    fixture_refused(rnnc_array_save(path, RNNC_F32, 2, huge, &one, d), RNNC_INVALID_ARGUMENT, d, text);
    fixture_refused(rnnc_array_save(path, RNNC_F32, 9, huge, &one, d), RNNC_INVALID_ARGUMENT, d, text);
    fixture_refused(rnnc_array_save(path, RNNC_F32, 1, NULL, &one, d), RNNC_INVALID_ARGUMENT, d, text);
    fixture_refused(rnnc_array_save(path, (rnnc_type)7, 1, &fine, &one, d), RNNC_INVALID_ARGUMENT, d, text);
    fixture_refused(rnnc_array_save(path, RNNC_F32, 1, &fine, NULL, d), RNNC_INVALID_ARGUMENT, d, text);
    rnnc_diagnostics_clear(d);
    fixture_refused(rnnc_array_save(nowhere, RNNC_F32, 1, &fine, &one, d), RNNC_IO, d, "no/such");
    assert_int_equal(rnnc_array_count(NULL), 0);
    assert_null(rnnc_array_data(NULL));
    rnnc_array_destroy(NULL);
    rnnc_diagnostics_destroy(d);
}

// An allocator that has none the |left|-th time, and counts what is out.
typedef struct meter {
    int left, out;
} meter;

static void *meter_get(void *user, size_t bytes, size_t alignment) {
    meter *m = user;
    if (m->left-- == 0) {
        return NULL;
    }
    m->out++;
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static void meter_release(void *user, void *block) {
    ((meter *)user)->out--;
    free(block);
}

static void test_memory(void **state) {
    (void)state;
    char path[4096];
    make_path(path, "memory.npy");
    const int64_t two = 2;
    fixture_ok(rnnc_array_save(path, RNNC_F64, 1, &two, (double[]){1, 2}, NULL), NULL);
    rnnc_status status = RNNC_OUT_OF_MEMORY;
    for (int n = 0; status != RNNC_OK; n++) {
        meter m = {n, 0};
        rnnc_array *a = NULL;
        status = rnnc_array_load(path, &(rnnc_allocator){&m, meter_get, meter_release}, NULL, &a);
        assert_true(status == RNNC_OK || (status == RNNC_OUT_OF_MEMORY && !a));
        assert_int_equal(n < 2, status == RNNC_OUT_OF_MEMORY);
        rnnc_array_destroy(a);
        assert_int_equal(m.out, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_bad_use),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
