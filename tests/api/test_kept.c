// What a file of weights says besides its tensors: vocabularies stay with weights that are read, copied and saved; the model
// is that of the weights.
#include "tests/api/fixture.h"

#include <stdbool.h>

// What the command line writes for a text of the characters a and b, a model of another name, and words of an input.
#define CHARACTERS "\"vocabulary.text\":\"[\\\"a\\\",\\\"b\\\"]\",\"vocabulary_hash.text\":\"12345678\""
#define WORDS "\"words.value\":\"[\\\"<unk>\\\"]\",\"words_hash.value\":\"9abcdef0\""
#define SAID "\"rnnc.model\":\"model x()\",\"note\":\"words. are not kept\","

enum { MOST = 1 << 16 };

typedef struct kept {
    fixture f;
    char plain[MOST], named[MOST]; // files, without metadata and with them
    size_t plain_size, named_size;
} kept;

static void make_path(char path[4096], const char *name) {
    const char *scratch = getenv("RNNC_SCRATCH");
    snprintf(path, 4096, "%s/%s", scratch ? scratch : "/tmp", name);
}

static size_t read_file(const char *path, char *bytes) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, MOST, file);
    assert_in_range(size, 9, MOST - 1);
    fclose(file);
    return size;
}

static void write_file(const char *path, const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

// Where the names of tensors begin, behind the metadata that the library writes.
static const char *find_tensors(const char *header) {
    const char *end = strstr(header, "},\"");
    assert_true(end && strncmp(header, "{\"__metadata__\":{", 17) == 0);
    return end + 2;
}

// A safetensors file with |metadata| in place of its own. Returns its size.
static size_t add_metadata(const char *file, size_t size, const char *metadata, char *out) {
    uint64_t header;
    memcpy(&header, file, sizeof header);
    const char *tensors = find_tensors(file + 8);
    int length = snprintf(out + 8, MOST - 8, "{\"__metadata__\":{%s},%.*s", metadata,
                          (int)(file + 8 + header - tensors), tensors);
    assert_in_range(length, 1, MOST - 64);
    while (length % 8) {
        out[8 + length++] = ' ';
    }
    uint64_t longer = (uint64_t)length;
    memcpy(out, &longer, sizeof longer);
    memcpy(out + 8 + longer, file + 8 + header, size - 8 - header);
    return 8 + longer + size - 8 - header;
}

static bool holds(const char *bytes, size_t size, const char *text) {
    size_t length = strlen(text);
    for (size_t i = 0; i + length <= size; i++) {
        if (memcmp(bytes + i, text, length) == 0) {
            return true;
        }
    }
    return false;
}

static void check_names(const char *bytes, size_t size, bool characters, bool words) {
    assert_int_equal(holds(bytes, size, CHARACTERS), characters);
    assert_int_equal(holds(bytes, size, "\"vocabulary"), characters);
    assert_int_equal(holds(bytes, size, "\"words.value\":\"[\\\"<unk>\\\"]\""), words);
    assert_int_equal(holds(bytes, size, "\"words_hash.value\":\"9abcdef0\""), words);
    assert_true(holds(bytes, size, "\"rnnc.model\":\"model series(hidden = 7, cell = lstm) {\\n"));
    assert_true(holds(bytes, size, "\"rnnc.recipe\":\"plain\""));
    assert_true(holds(bytes, size, "\"rnnc.version\":\""));
    assert_false(holds(bytes, size, "model x()"));
    assert_false(holds(bytes, size, "\"note\""));
}

static void check_saved(const kept *k, const rnnc_weights *w, bool characters, bool words) {
    char path[4096], bytes[MOST];
    make_path(path, "saved.safetensors");
    fixture_ok(rnnc_weights_save(w, path, k->f.d), k->f.d);
    size_t size = read_file(path, bytes);
    check_names(bytes, size, characters, words);
}

static int set_up(void **state) {
    static kept k;
    static char saved[MOST];
    char path[4096];
    k.f = fixture_make(fixture_series, RNNC_TRAIN);
    make_path(path, "plain.safetensors");
    fixture_ok(rnnc_weights_save(k.f.weights, path, k.f.d), k.f.d);
    size_t size = read_file(path, saved);
    k.plain_size = add_metadata(saved, size, "", k.plain);
    k.named_size = add_metadata(k.plain, k.plain_size, SAID CHARACTERS "," WORDS, k.named);
    *state = &k;
    return 0;
}

static int tear_down(void **state) {
    fixture_free(&((kept *)*state)->f);
    return 0;
}

static void load(const kept *k, rnnc_weights *w, const char *bytes, size_t size) {
    fixture_ok(rnnc_weights_load_memory(w, bytes, size, k->f.d), k->f.d);
}

static void read_and_saved(void **state) {
    kept *k = *state;
    check_saved(k, k->f.weights, false, false);
    load(k, k->f.weights, k->named, k->named_size);
    check_saved(k, k->f.weights, true, true);
    // Those of the file that was read last, if it has any; a failure leaves them.
    assert_int_equal(rnnc_weights_load_memory(k->f.weights, "garbage", 7, NULL), RNNC_CORRUPT);
    check_saved(k, k->f.weights, true, true);
    char other[MOST];
    size_t size = add_metadata(k->plain, k->plain_size, CHARACTERS, other);
    load(k, k->f.weights, other, size);
    check_saved(k, k->f.weights, true, false);
    load(k, k->f.weights, k->plain, k->plain_size);
    check_saved(k, k->f.weights, false, false);
}

static void read_in_part(void **state) {
    kept *k = *state;
    char path[4096], other[MOST];
    make_path(path, "part.safetensors");
    write_file(path, k->named, k->named_size);
    load(k, k->f.weights, k->plain, k->plain_size);
    fixture_ok(rnnc_weights_load_partial(k->f.weights, path, k->f.d), k->f.d);
    check_saved(k, k->f.weights, true, true);
    // They number the weights that were there before: others do not take their place.
    size_t size = add_metadata(k->plain, k->plain_size, CHARACTERS, other);
    load(k, k->f.weights, other, size);
    fixture_ok(rnnc_weights_load_partial(k->f.weights, path, k->f.d), k->f.d);
    check_saved(k, k->f.weights, true, false);
    rnnc_diagnostics_clear(k->f.d);
}

static void copied(void **state) {
    kept *k = *state;
    rnnc_weights *other;
    fixture_ok(rnnc_weights_create(k->f.program, k->f.d, &other), k->f.d);
    load(k, k->f.weights, k->named, k->named_size);
    fixture_ok(rnnc_weights_copy(other, k->f.weights, k->f.d), k->f.d);
    load(k, k->f.weights, k->plain, k->plain_size);
    check_saved(k, other, true, true);
    fixture_ok(rnnc_weights_copy(other, k->f.weights, k->f.d), k->f.d);
    fixture_ok(rnnc_weights_copy(other, other, k->f.d), k->f.d);
    check_saved(k, other, true, true);
    rnnc_weights_release(other);
}

static void of_a_training(void **state) {
    kept *k = *state;
    char path[4096], bytes[MOST];
    make_path(path, "training.safetensors");
    load(k, k->f.weights, k->named, k->named_size);
    fixture_ok(rnnc_context_save_training(k->f.context, path, k->f.d), k->f.d);
    size_t size = read_file(path, bytes);
    check_names(bytes, size, true, true);
    load(k, k->f.weights, k->plain, k->plain_size);
    fixture_ok(rnnc_context_load_training(k->f.context, path, k->f.d), k->f.d);
    check_saved(k, k->f.weights, true, true);
}

// Whoever gives them to a model that they do not fit is told how they were made.
static void told(void **state) {
    kept *k = *state;
    static const char *const settings[] = {"hidden=3", "rate=0.5"};
    char path[4096];
    rnnc_model_options options = RNNC_MODEL_OPTIONS;
    rnnc_model *other = NULL;
    rnnc_weights *smaller = NULL;
    options.settings = settings;
    options.setting_count = 2;
    fixture_ok(
        rnnc_model_from_text(fixture_series, strlen(fixture_series), "other.rnn", &options, k->f.d, &other),
        k->f.d);
    rnnc_program *p = fixture_program(other, RNNC_FORWARD, 1, k->f.d);
    fixture_ok(rnnc_weights_create(p, k->f.d, &smaller), k->f.d);
    fixture_ok(rnnc_weights_initialize(smaller, 1, k->f.d), k->f.d);
    make_path(path, "smaller.safetensors");
    fixture_ok(rnnc_weights_save(smaller, path, k->f.d), k->f.d);
    fixture_refused(rnnc_weights_load(k->f.weights, path, k->f.d), RNNC_TYPE, k->f.d,
                    "trained with recipe \"plain\" settings \"hidden=3\" settings \"rate=0.5\"");
    rnnc_weights_release(smaller);
    rnnc_program_release(p);
    rnnc_model_release(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read_and_saved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(read_in_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_a_training, set_up, tear_down),
        cmocka_unit_test_setup_teardown(told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
