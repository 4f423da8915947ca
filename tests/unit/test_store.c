// Room for data: small on the heap, large in a file without a name.
#include <dirent.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "runtime/data/store.h"
#include "tests/unit/data_files.h"

static const size_t megabyte = (size_t)1 << 20;

static void fill(uint8_t *at, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i += 4093) {
        at[i] = (uint8_t)(i * 7 >> 3);
    }
}

static bool is_filled(const uint8_t *at, size_t begin, size_t end) {
    for (size_t i = begin; i < end; i += 4093) {
        if (at[i] != (uint8_t)(i * 7 >> 3)) {
            return false;
        }
    }
    return true;
}

// With so little memory allowed that 20 MiB are much of it.
static void *resize_within_limits(void *at, size_t bytes) {
    struct rlimit before, little;
    store_limit(); // what it needs of the heap is there then
    assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
    little = before;
    little.rlim_cur = 64 * megabyte;
    assert_int_equal(setrlimit(RLIMIT_DATA, &little), 0);
    size_t limit = store_limit();
    void *made = limit == 16 * megabyte ? store_resize(at, bytes) : NULL;
    assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
    assert_int_equal(limit, 16 * megabyte);
    return made;
}

static void keeps_what_is_in_it(void **state) {
    (void)state;
    setenv("TMPDIR", ".", 1);
    uint8_t *at = store_create(100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(at[i], 0);
    }
    fill(at, 0, 100);
    const size_t sizes[] = {100, 5 * megabyte, 20 * megabyte, 45 * megabyte};
    for (int i = 1; i < 4; i++) {
        size_t begin = (sizes[i - 1] + 4092) / 4093 * 4093;
        bool large = sizes[i] > 16 * megabyte;
        at = large ? resize_within_limits(at, sizes[i]) : store_resize(at, sizes[i]);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
        assert_true(is_filled(at, 0, begin));
        fill(at, begin, sizes[i]);
    }
    assert_ptr_equal(store_resize(at, 3 * megabyte), at);
    assert_true(is_filled(at, 0, 3 * megabyte));
    store_free(at);
    store_free(NULL);
    unsetenv("TMPDIR");
}

// The file has no name while it is there.
static void leaves_no_file(void **state) {
    (void)state;
    setenv("TMPDIR", ".", 1);
    void *at = resize_within_limits(NULL, 20 * megabyte);
    assert_non_null(at);
    DIR *folder = opendir(".");
    for (struct dirent *e; (e = readdir(folder));) {
        assert_true(strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
    }
    closedir(folder);
    store_free(at);
    unsetenv("TMPDIR");
}

static void says_no_where_there_is_no_room(void **state) {
    (void)state;
    setenv("TMPDIR", "nowhere", 1);
    assert_null(resize_within_limits(NULL, 20 * megabyte));
    uint8_t *at = store_create(10);
    at[9] = 5;
    assert_null(resize_within_limits(at, 20 * megabyte));
    assert_int_equal(at[9], 5);
    store_free(at);
    assert_null(store_create(SIZE_MAX));
    assert_null(store_resize(NULL, SIZE_MAX - 3));
    unsetenv("TMPDIR");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(keeps_what_is_in_it),
        data_test(leaves_no_file),
        data_test(says_no_where_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
