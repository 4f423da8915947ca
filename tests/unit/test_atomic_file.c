#include "runtime/data/atomic_file.h"

#include <fcntl.h>
#include <signal.h>

#include "tests/unit/data_files.h"

static void check_contents(fixture *f, const char *path, const char *expected) {
    file_bytes bytes = read_file(f, path);
    assert_string_equal((const char *)bytes.data, expected);
    file_bytes_deinit(&bytes);
}

static void writes_and_replaces(void **state) {
    fixture *f = *state;
    assert_int_equal(atomic_file_write("a", "one", 3, &f->sink), RNNC_OK);
    check_contents(f, "a", "one");
    assert_int_equal(atomic_file_write("a", "three", 5, &f->sink), RNNC_OK);
    check_contents(f, "a", "three");
    assert_int_equal(atomic_file_write("a", "", 0, &f->sink), RNNC_OK);
    check_contents(f, "a", "");
    assert_int_equal(count_files(), 1);
}

static void keeps_permissions(void **state) {
    fixture *f = *state;
    write_file("a", "x", 1);
    assert_int_equal(chmod("a", 0640), 0);
    assert_int_equal(atomic_file_write("a", "y", 1, &f->sink), RNNC_OK);
    struct stat facts;
    assert_int_equal(stat("a", &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0640);
}

static void follows_links(void **state) {
    fixture *f = *state;
    write_file("target", "x", 1);
    assert_int_equal(symlink("target", "link"), 0);
    assert_int_equal(atomic_file_write("link", "new", 3, &f->sink), RNNC_OK);
    check_contents(f, "target", "new");
    struct stat facts;
    assert_int_equal(lstat("link", &facts), 0);
    assert_true(S_ISLNK(facts.st_mode));
}

static void takes_the_longest_name(void **state) {
    fixture *f = *state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    assert_int_equal(atomic_file_write(name, "x", 1, &f->sink), RNNC_OK);
    check_contents(f, name, "x");
}

static void abandons(void **state) {
    fixture *f = *state;
    atomic_file file;
    write_file("a", "old", 3);
    assert_int_equal(atomic_file_open("a", &f->sink, &file), RNNC_OK);
    assert_int_equal(atomic_file_add(&file, "new", 3, &f->sink), RNNC_OK);
    assert_int_equal(count_files(), 2);
    atomic_file_abandon(&file);
    atomic_file_abandon(&file);
    assert_int_equal(count_files(), 1);
    check_contents(f, "a", "old");
}

static void refuses_bad_places(void **state) {
    fixture *f = *state;
    write_file("file", "x", 1);
    assert_fails(f, atomic_file_write("file/a", "x", 1, &f->sink), RNNC_IO,
                 "file/a: cannot write: Not a directory");
    assert_fails(f, atomic_file_write("none/a", "x", 1, &f->sink), RNNC_IO,
                 "none/a: cannot write: No such file or directory");
    assert_fails(f, atomic_file_write(".", "x", 1, &f->sink), RNNC_IO, ".: cannot write: Is a directory");
    assert_fails(f, atomic_file_write("", "x", 1, &f->sink), RNNC_IO, "cannot write");
    assert_int_equal(count_files(), 1);
}

// A folder that nobody may write to; the superuser may nevertheless, and then there is nothing to see.
static void refuses_a_read_only_folder(void **state) {
    fixture *f = *state;
    assert_int_equal(mkdir("d", 0500), 0);
    if (access("d", W_OK) == 0) {
        return;
    }
    assert_fails(f, atomic_file_write("d/a", "x", 1, &f->sink), RNNC_IO,
                 "d/a: cannot write: Permission denied");
}

// Devices are written directly, and are still devices afterwards.
static void writes_devices_directly(void **state) {
    fixture *f = *state;
    assert_int_equal(atomic_file_write("/dev/null", "x", 1, &f->sink), RNNC_OK);
    assert_fails(f, atomic_file_write("/dev/full", "x", 1, &f->sink), RNNC_IO,
                 "/dev/full: cannot write: No space left on device");
    struct stat facts;
    assert_int_equal(stat("/dev/null", &facts), 0);
    assert_true(S_ISCHR(facts.st_mode));
}

// A limit on the size of files fails in the middle of the data, as a full disk does.
static void leaves_nothing_when_the_disk_is_full(void **state) {
    fixture *f = *state;
    write_file("a", "old", 3);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    char large[5000] = {0};
    rnnc_status status = atomic_file_write("a", large, sizeof large, &f->sink);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, RNNC_IO);
    assert_string_equal(last_message(f), "a: cannot write: File too large");
    assert_int_equal(count_files(), 1);
    check_contents(f, "a", "old");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(writes_and_replaces),
        data_test(keeps_permissions),
        data_test(follows_links),
        data_test(takes_the_longest_name),
        data_test(abandons),
        data_test(refuses_bad_places),
        data_test(refuses_a_read_only_folder),
        data_test(writes_devices_directly),
        data_test(leaves_nothing_when_the_disk_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
