// The cache of compiled kernels: what is kept is found again with the same bits and without LLVM, what is broken,
// foreign or not to be trusted is not; writers may race; the folder stays within its limit.
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "codegen/cache.h"
#include "codegen/host.h"
#include "tests/unit/kernel_fixture.h"

enum { PATH_SIZE = 4096, RACERS = 8 };

typedef struct fixture {
    char home[PATH_SIZE];   // XDG_CACHE_HOME of this test
    char folder[PATH_SIZE]; // the cache in it
    char library[PATH_SIZE];
    code_image image;
} fixture;

// ---- Folders and files ----

static void join(char out[PATH_SIZE], const char *folder, const char *name) {
    assert_true(snprintf(out, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE);
}

// The number of files in a folder that end in |suffix|; the path of one of them.
static int find_files(const char *folder, const char *suffix, char out_path[PATH_SIZE]) {
    DIR *opened = opendir(folder);
    int count = 0;
    for (const struct dirent *e; opened && (e = readdir(opened));) {
        size_t length = strlen(e->d_name), own = strlen(suffix);
        if (length >= own && strcmp(e->d_name + length - own, suffix) == 0 && e->d_name[0] != '.') {
            join(out_path, folder, e->d_name);
            count++;
        }
    }
    if (opened) {
        closedir(opened);
    }
    return count;
}

static int64_t bytes_in(const char *folder) {
    int64_t bytes = 0;
    DIR *opened = opendir(folder);
    for (const struct dirent *e; opened && (e = readdir(opened));) {
        struct stat found;
        bytes +=
            fstatat(dirfd(opened), e->d_name, &found, 0) == 0 && S_ISREG(found.st_mode) ? found.st_size : 0;
    }
    if (opened) {
        closedir(opened);
    }
    return bytes;
}

static void write_file(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static unsigned char *read_file(const char *path, size_t *out_size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    unsigned char *bytes = malloc(1 << 22);
    assert_non_null(bytes);
    *out_size = fread(bytes, 1, 1 << 22, file);
    fclose(file);
    return bytes;
}

static void empty_folder(const char *folder) {
    char path[PATH_SIZE];
    chmod(folder, 0700);
    while (find_files(folder, "", path)) {
        assert_int_equal(unlink(path), 0);
    }
    rmdir(folder);
}

// ---- Images by hand ----

static void make_image(code_image *image, size_t code_bytes) {
    *image = (code_image){.start_count = 2, .function_count = 2};
    image->starts = calloc(3, sizeof *image->starts);
    image->functions = calloc(3, sizeof *image->functions);
    assert_true(image->starts && image->functions);
    for (size_t i = 0; i < code_bytes; i++) {
        strbuf_add_bytes(&image->code, &(char){(char)(i * 7)}, 1);
    }
    image->starts[1] = (uint32_t)code_bytes / 2;
    image->functions[0] = (image_function){0, (uint32_t)code_bytes / 2, 0};
    image->functions[1] = (image_function){(uint32_t)code_bytes / 2, 1, 4};
    strbuf_add_bytes(&image->names, "one\0two", 8);
}

static code_key key_of(int number) {
    code_key key;
    memset(&key, 0, sizeof key);
    key.sum[0] = (unsigned char)number;
    key.sum[31] = 1;
    return key;
}

static bool same_image(const code_image *a, const code_image *b) {
    return a->start_count == b->start_count && a->function_count == b->function_count &&
           a->code.length == b->code.length && a->names.length == b->names.length &&
           memcmp(a->code.text, b->code.text, a->code.length) == 0 &&
           memcmp(a->names.text, b->names.text, a->names.length) == 0 &&
           memcmp(a->starts, b->starts, a->start_count * sizeof *a->starts) == 0 &&
           memcmp(a->functions, b->functions, a->function_count * sizeof *a->functions) == 0;
}

// Looks for key number |number| in a cache opened afresh; the number of notes that gave.
static bool is_found(const fixture *f, int number, int *out_notes) {
    diag_sink d;
    diag_init(&d);
    code_cache c = {.opened = false};
    code_image image = {.starts = NULL};
    code_cache_open(&c, &d);
    code_key key = key_of(number);
    bool found = code_cache_find(&c, &key, 2, &d, &image);
    // Asked again, it says nothing again.
    code_image again = {.starts = NULL};
    assert_int_equal(found, code_cache_find(&c, &key, 2, &d, &again));
    if (found) {
        assert_true(same_image(&image, &again));
        assert_true(image.code.length != f->image.code.length || same_image(&image, &f->image));
    }
    assert_int_equal(d.error_count, 0);
    *out_notes = (int)d.entries.count;
    image_deinit(&image);
    image_deinit(&again);
    code_cache_close(&c);
    diag_deinit(&d);
    return found;
}

static bool finds(const fixture *f, int number) {
    int notes = 0;
    bool found = is_found(f, number, &notes);
    assert_int_equal(notes, 0);
    return found;
}

static void keep(const fixture *f, int number, const code_image *image) {
    diag_sink d;
    diag_init(&d);
    code_cache c = {.opened = false};
    code_cache_open(&c, &d);
    code_key key = key_of(number);
    code_cache_keep(&c, &key, image, f->library);
    code_cache_close(&c);
    diag_deinit(&d);
}

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    const char *scratch = getenv("RNNC_SCRATCH");
    if (!f) {
        return -1;
    }
    snprintf(f->home, sizeof f->home, "%.2000s/cache", scratch ? scratch : "/tmp/rnnc-test-cache");
    mkdir(scratch ? scratch : "/tmp/rnnc-test-cache", 0700);
    mkdir(f->home, 0700);
    join(f->folder, f->home, "rnnc");
    join(f->library, f->home, "library");
    empty_folder(f->folder);
    write_file(f->library, "LLVM", 4);
    setenv("XDG_CACHE_HOME", f->home, 1);
    unsetenv("RNNC_CACHE_MIB");
    make_image(&f->image, 500);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    empty_folder(f->folder);
    image_deinit(&f->image);
    free(f);
    return 0;
}

// ---- Files ----

static void test_kept(void **state) {
    const fixture *f = *state;
    char path[PATH_SIZE];
    struct stat found;
    assert_false(finds(f, 1));
    keep(f, 1, &f->image);
    assert_true(finds(f, 1));
    assert_false(finds(f, 2));
    assert_int_equal(find_files(f->folder, ".code", path), 1);
    assert_int_equal(find_files(f->folder, ".tmp", path), 0);
    assert_int_equal(stat(f->folder, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0700);
    assert_int_equal(find_files(f->folder, ".code", path), 1);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
}

static void test_truncated(void **state) {
    const fixture *f = *state;
    char path[PATH_SIZE];
    size_t size = 0;
    keep(f, 1, &f->image);
    assert_int_equal(find_files(f->folder, ".code", path), 1);
    unsigned char *bytes = read_file(path, &size);
    for (size_t left = 0; left < size; left += 97) {
        write_file(path, bytes, left);
        assert_false(finds(f, 1));
    }
    write_file(path, bytes, size);
    assert_true(finds(f, 1));
    // And too long.
    bytes[size] = 0;
    write_file(path, bytes, size + 1);
    assert_false(finds(f, 1));
    free(bytes);
}

static void test_flipped(void **state) {
    const fixture *f = *state;
    char path[PATH_SIZE];
    size_t size = 0;
    keep(f, 1, &f->image);
    assert_int_equal(find_files(f->folder, ".code", path), 1);
    unsigned char *bytes = read_file(path, &size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= (unsigned char)(1 << i % 8);
        write_file(path, bytes, size);
        assert_false(finds(f, 1));
        bytes[i] ^= (unsigned char)(1 << i % 8);
    }
    keep(f, 1, &f->image);
    assert_true(finds(f, 1));
    free(bytes);
}

// The sum made right again: what it covers is looked at, too.
static void test_foreign(void **state) {
    enum { SUM_AT = 8, VERSION_AT = 40, KEY_AT = 48 };
    const fixture *f = *state;
    char path[PATH_SIZE];
    size_t size = 0;
    keep(f, 1, &f->image);
    assert_int_equal(find_files(f->folder, ".code", path), 1);
    unsigned char *bytes = read_file(path, &size);
    for (size_t i = VERSION_AT; i < size; i++) {
        bytes[i] ^= 0x80;
        sha256 h;
        sha256_init(&h);
        sha256_add(&h, bytes + VERSION_AT, size - VERSION_AT);
        sha256_end(&h, bytes + SUM_AT);
        write_file(path, bytes, size);
        diag_sink d;
        diag_init(&d);
        code_cache c = {.opened = false};
        code_image image = {.starts = NULL};
        code_key key = key_of(1);
        code_cache_open(&c, &d);
        bool found = code_cache_find(&c, &key, 2, &d, &image);
        assert_false(found && i < KEY_AT + SHA256_BYTES);
        // Whatever is taken for an image keeps within itself.
        for (uint32_t k = 0; found && k < image.start_count; k++) {
            assert_true(image.starts[k] < image.code.length);
        }
        image_deinit(&image);
        code_cache_close(&c);
        diag_deinit(&d);
        bytes[i] ^= 0x80;
    }
    free(bytes);
}

static void test_library(void **state) {
    const fixture *f = *state;
    keep(f, 1, &f->image);
    assert_true(finds(f, 1));
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, f->library, times, 0), 0);
    assert_false(finds(f, 1));
    keep(f, 1, &f->image);
    assert_true(finds(f, 1));
    write_file(f->library, "LLVM, another", 13);
    assert_false(finds(f, 1));
    keep(f, 1, &f->image);
    assert_true(finds(f, 1));
    unlink(f->library);
    assert_false(finds(f, 1));
    keep(f, 2, &f->image);
    assert_false(finds(f, 2));
}

static void test_owners(void **state) {
    const fixture *f = *state;
    char path[PATH_SIZE];
    int notes = 0;
    keep(f, 1, &f->image);
    assert_int_equal(find_files(f->folder, ".code", path), 1);
    static const mode_t modes[] = {0620, 0602, 0666};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_false(is_found(f, 1, &notes));
        assert_int_equal(notes, 1);
    }
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(finds(f, 1));
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 1, 1), 0);
        assert_false(is_found(f, 1, &notes));
        assert_int_equal(notes, 1);
        // It is replaced by one of our own.
        keep(f, 1, &f->image);
        assert_true(finds(f, 1));
    }
    static const mode_t folders[] = {0720, 0702, 01777};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(chmod(f->folder, folders[i]), 0);
        assert_false(is_found(f, 1, &notes));
        assert_int_equal(notes, 1);
    }
    assert_int_equal(chmod(f->folder, 0755), 0);
    assert_true(finds(f, 1));
    // A link is nobody's own, whatever it leads to.
    char moved[PATH_SIZE];
    join(moved, f->folder, "moved");
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(symlink(moved, path), 0);
    assert_false(finds(f, 1));
}

// ---- Limits ----

static void set_age(const char *path, time_t seconds_ago) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - seconds_ago}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_limit(void **state) {
    fixture *f = *state;
    char path[PATH_SIZE], ages[4][PATH_SIZE];
    setenv("RNNC_CACHE_MIB", "1", 1);
    code_image large = {.starts = NULL}, huge = {.starts = NULL};
    make_image(&large, 300 << 10);
    make_image(&huge, 3 << 20);
    for (int i = 0; i < 3; i++) {
        keep(f, i, &large);
        snprintf(ages[i], PATH_SIZE, "%.4000s/%02x%030d.code", f->folder, i, 0);
        set_age(ages[i], 100 - i);
    }
    assert_true(finds(f, 0)); // so that number 1 is the one that was not used for longest
    char left[PATH_SIZE];
    join(left, f->folder, "1-0.tmp");
    write_file(left, "left behind", 11);
    set_age(left, 7200);
    keep(f, 3, &large);
    assert_true(bytes_in(f->folder) <= 1 << 20);
    assert_true(finds(f, 0) && !finds(f, 1) && finds(f, 2) && finds(f, 3));
    assert_int_equal(find_files(f->folder, ".tmp", path), 0);
    // What does not fit at all throws nothing out.
    keep(f, 4, &huge);
    assert_true(!finds(f, 4) && finds(f, 0) && finds(f, 2) && finds(f, 3));
    image_deinit(&large);
    image_deinit(&huge);
    setenv("RNNC_CACHE_MIB", "0", 1);
    assert_false(finds(f, 0));
    setenv("RNNC_CACHE_MIB", "much", 1);
    int notes = 0;
    assert_true(is_found(f, 0, &notes));
    assert_int_equal(notes, 1);
}

static void check_without(const char *cache, const char *home) {
    diag_sink d;
    diag_init(&d);
    code_cache c = {.opened = false};
    cache ? setenv("XDG_CACHE_HOME", cache, 1) : unsetenv("XDG_CACHE_HOME");
    home ? setenv("HOME", home, 1) : unsetenv("HOME");
    code_cache_open(&c, &d);
    code_image image = {.starts = NULL};
    code_key key = key_of(1);
    assert_false(code_cache_find(&c, &key, 2, &d, &image));
    assert_null(c.path);
    assert_non_null(c.why);
    assert_int_equal(d.entries.count, 0);
    code_cache_close(&c);
    diag_deinit(&d);
}

static void test_no_folder(void **state) {
    const fixture *f = *state;
    char *home = strdup(getenv("HOME") ? getenv("HOME") : "/");
    check_without(NULL, NULL);
    check_without("", "");
    check_without("relative", "also/relative");
    check_without("/proc", NULL);
    check_without(f->library, NULL); // a file
    check_without(NULL, "/proc");
    setenv("HOME", home, 1);
    free(home);
}

// Nothing can be written, what is there is read.
static void test_read_only(void **state) {
    const fixture *f = *state;
    keep(f, 1, &f->image);
    assert_int_equal(chmod(f->folder, 0500), 0);
    if (geteuid() != 0) { // who may write everywhere
        keep(f, 2, &f->image);
        assert_false(finds(f, 2));
    }
    assert_true(finds(f, 1));
}

// ---- Keys ----

static void check_key(const kernel_desc *k, const target_facts *facts, const code_key *other) {
    code_key key;
    assert_true(code_key_make(facts, &k, 1, &key));
    assert_memory_not_equal(&key, other, sizeof key);
}

static void make_kernel(hand_kernel *h) {
    hand_init(h, KERNEL_MAP, DT_F32, 40);
    h->k.site = "ab";
    int16_t in = hand_arg(h, DT_F32, false, 40), out = hand_arg(h, DT_F32, true, 40);
    int16_t x = hand_load(h, in, true, 0), f = hand_const(h, DT_F32, 2);
    hand_store(h, out, true, 0,
               hand_op(h, OP_MUL, DT_F32, true, hand_op(h, OP_TANH, DT_F32, true, x, -1, -1), f, -1));
}

#define CHANGED(change)                \
    do {                               \
        hand_kernel h;                 \
        target_facts facts;            \
        make_kernel(&h);               \
        host_choose(NULL, &d, &facts); \
        change;                        \
        check_key(&h.k, &facts, &key); \
    } while (0)

static void test_keys(void **state) {
    (void)state;
    if (!image_supported()) {
        skip();
    }
    diag_sink d;
    diag_init(&d);
    hand_kernel plain;
    target_facts host;
    code_key key, again;
    make_kernel(&plain);
    const kernel_desc *list[] = {&plain.k, &plain.k};
    assert_int_equal(host_choose(NULL, &d, &host), RNNC_OK);
    assert_true(code_key_make(&host, list, 1, &key) && code_key_make(&host, list, 1, &again));
    assert_memory_equal(&key, &again, sizeof key);
    assert_true(code_key_make(&host, list, 2, &again));
    assert_memory_not_equal(&key, &again, sizeof key);
    CHANGED(h.k.name = "another");
    CHANGED(h.k.site = "ac");
    CHANGED(h.k.kind = KERNEL_FOLD);
    CHANGED(h.k.dims = 2);
    CHANGED(h.k.kept_dims = 1);
    CHANGED(h.k.flat = 1);
    CHANGED(h.k.elem = DT_F64);
    CHANGED(h.k.fold = 1);
    CHANGED(h.k.columns = 41);
    CHANGED(h.k.gates = 2);
    CHANGED(h.k.inner = 1);
    CHANGED(h.k.packed = 1);
    CHANGED(h.k.transposed = 1);
    CHANGED(h.k.batched = 1);
    CHANGED(h.k.arg_count = 1);
    CHANGED(h.k.instr_count--);
    CHANGED(h.k.args[1].elem = DT_F64);
    CHANGED(h.k.args[1].written = 0);
    CHANGED(h.k.args[1].uniform = 1);
    CHANGED(h.k.args[1].columns = 41);
    CHANGED(h.instrs[1].f = 2.0000000001);
    CHANGED(h.instrs[0].column = 1);
    CHANGED(h.instrs[2].code = OP_EXP);
    CHANGED(h.instrs[3].a = 0);
    CHANGED(h.instrs[3].b = 0);
    CHANGED(h.instrs[3].c = 0);
    CHANGED(h.instrs[4].arg = 0);
    CHANGED(h.instrs[4].full = 0);
    CHANGED(facts.has_fma = !facts.has_fma);
    CHANGED(facts.vector_bytes = 8);
    CHANGED(facts.vector_registers = 7);
    CHANGED(facts.panels.vector_bytes = 8);
    CHANGED(facts.panels.vector_registers = 8);
    CHANGED(facts.cpu = "another");
    diag_deinit(&d);
}

// ---- From kernel to bits, each time in a process of its own ----

typedef struct outcome {
    unsigned found, compiled, kept;
    bool has_llvm;
    int notes;
    float result[40];
} outcome;

static bool maps_llvm(void) {
    char line[PATH_SIZE];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        found = found || strstr(line, "LLVM") || strstr(line, "rnnc_llvm");
    }
    fclose(maps);
    return found;
}

static void compile_and_run(const char *cpu, bool caches, outcome *out) {
    diag_sink d;
    diag_init(&d);
    backend_case c = {.cpu = cpu};
    hand_kernel h;
    make_kernel(&h);
    const kernel_desc *k = &h.k;
    kernel_code_set code;
    assert_int_equal(codegen_create(cpu, &d, &c.codegen), RNNC_OK);
    if (caches) {
        codegen_use_cache(c.codegen);
    }
    c.backend = codegen_backend(c.codegen);
    assert_int_equal(c.backend.compile(c.backend.self, &k, 1, 1, &d, &code), RNNC_OK);
    float x[40];
    for (int i = 0; i < 40; i++) {
        x[i] = (float)hand_number(1, (uint64_t)i);
    }
    hand_ints ints = hand_rows(&h, 1);
    hand_run(&c, &h, code.functions[0], (void *[]){x, out->result}, &ints, 1);
    strbuf text = {0};
    codegen_cache_statistics(c.codegen, &text);
    const char *numbers = strstr(strbuf_text(&text), ": ");
    if (numbers) {
        sscanf(numbers, ": found %u, compiled %u, kept %u", &out->found, &out->compiled, &out->kept);
    }
    out->has_llvm = maps_llvm();
    out->notes = (int)d.entries.count;
    strbuf_deinit(&text);
    c.backend.release(c.backend.self, &code);
    codegen_destroy(c.codegen);
    diag_deinit(&d);
}

// Starts |count| processes at once and waits for them.
static void in_processes(const char *cpu, bool caches, int count, outcome *out) {
    outcome *shared =
        mmap(NULL, RACERS * sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    pid_t children[RACERS];
    for (int i = 0; i < count; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            compile_and_run(cpu, caches, &shared[i]);
            _exit(0);
        }
    }
    for (int i = 0; i < count; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    memcpy(out, shared, (size_t)count * sizeof *out);
    munmap(shared, RACERS * sizeof *shared);
}

static void test_hit(void **state) {
    const fixture *f = *state;
    static const char *const cpus[] = {"native", "x86-64"};
    if (!image_supported()) {
        skip();
    }
    for (int i = 0; i < 2; i++) {
        outcome without, miss, hit;
        in_processes(cpus[i], false, 1, &without);
        in_processes(cpus[i], true, 1, &miss);
        in_processes(cpus[i], true, 1, &hit);
        assert_true(!without.found && !without.compiled && !without.kept && without.has_llvm);
        assert_true(!miss.found && miss.compiled == 1 && miss.kept == 1 && miss.has_llvm);
        assert_true(hit.found == 1 && !hit.compiled && !hit.kept && !hit.has_llvm);
        assert_memory_equal(without.result, miss.result, sizeof miss.result);
        assert_memory_equal(hit.result, miss.result, sizeof miss.result);
        char path[PATH_SIZE];
        assert_int_equal(find_files(f->folder, ".code", path), i + 1);
    }
}

// Broken files are compiled again, and replaced.
static void test_repair(void **state) {
    const fixture *f = *state;
    char path[PATH_SIZE];
    size_t size = 0;
    outcome first, second, third;
    if (!image_supported()) {
        skip();
    }
    in_processes("native", true, 1, &first);
    assert_int_equal(find_files(f->folder, ".code", path), 1);
    unsigned char *bytes = read_file(path, &size);
    bytes[size - 1] ^= 1;
    write_file(path, bytes, size);
    free(bytes);
    in_processes("native", true, 1, &second);
    in_processes("native", true, 1, &third);
    assert_true(second.compiled == 1 && second.kept == 1 && second.notes == 0);
    assert_true(third.found == 1 && !third.has_llvm);
    assert_memory_equal(first.result, second.result, sizeof first.result);
    assert_memory_equal(first.result, third.result, sizeof first.result);
}

static void test_race(void **state) {
    const fixture *f = *state;
    char path[PATH_SIZE];
    outcome racers[RACERS], after;
    if (!image_supported()) {
        skip();
    }
    in_processes("native", true, RACERS, racers);
    in_processes("native", true, 1, &after);
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(racers[i].found + racers[i].compiled, 1);
        assert_int_equal(racers[i].notes, 0);
        assert_memory_equal(racers[i].result, after.result, sizeof after.result);
    }
    assert_true(after.found == 1 && !after.has_llvm);
    assert_int_equal(find_files(f->folder, ".code", path), 1);
    assert_int_equal(find_files(f->folder, ".tmp", path), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_kept),      TEST(test_truncated), TEST(test_flipped), TEST(test_foreign),
        TEST(test_library),   TEST(test_owners),    TEST(test_limit),   TEST(test_no_folder),
        TEST(test_read_only), TEST(test_keys),      TEST(test_hit),     TEST(test_repair),
        TEST(test_race),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
