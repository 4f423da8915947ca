#include "runtime/data/safetensors.h"

#include "tests/unit/data_files.h"

// A file of |header| and |size| zero bytes of data, on the heap and exactly as long.
static file_view compose(const char *header, size_t size) {
    uint64_t length = strlen(header);
    uint8_t *bytes = calloc(1, 8 + length + size);
    assert_non_null(bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    return (file_view){"w", bytes, 8 + length + size};
}

static rnnc_status parse_and_drop(fixture *f, file_view view) {
    safetensors s;
    rnnc_status status = safetensors_parse(view, &f->sink, &s);
    assert_true(status == RNNC_OK || (!s.entries && !s.metadata));
    safetensors_deinit(&s);
    free((void *)(uintptr_t)view.bytes);
    return status;
}

static void writes_what_it_reads(void **state) {
    fixture *f = *state;
    const int64_t dim[] = {3, 2};
    array small, wide, whole, scalar;
    assert_int_equal(array_create(ARRAY_F32, 2, dim, "t", &f->sink, &small), RNNC_OK);
    assert_int_equal(array_create(ARRAY_F64, 1, dim, "t", &f->sink, &wide), RNNC_OK);
    assert_int_equal(array_create(ARRAY_I32, 1, dim + 1, "t", &f->sink, &whole), RNNC_OK);
    assert_int_equal(array_create(ARRAY_F32, 0, dim, "t", &f->sink, &scalar), RNNC_OK);
    ((float *)small.data)[5] = 1.5f;
    ((double *)wide.data)[2] = -0.1;
    ((int32_t *)whole.data)[1] = INT32_MIN;
    ((float *)scalar.data)[0] = 7;
    const named_array tensors[] = {{"a.W", &small}, {"\xC3\xA4 b", &wide}, {"n", &whole}, {"s", &scalar}};
    const text_pair metadata[] = {{(char *)"format", (char *)"1"}, {(char *)"model", (char *)"x = \"y\"\n"}};
    const safetensors_contents contents = {tensors, 4, metadata, 2};
    assert_int_equal(safetensors_write("w.safetensors", &contents, &f->sink), RNNC_OK);
    safetensors s;
    assert_int_equal(safetensors_read("w.safetensors", &f->sink, &s), RNNC_OK);
    assert_int_equal(s.count, 4);
    assert_string_equal(safetensors_metadata(&s, "model"), "x = \"y\"\n");
    assert_null(safetensors_metadata(&s, "none"));
    assert_int_equal((size_t)(s.data - s.owned.data) % 8, 0);
    for (size_t i = 0; i < 4; i++) {
        const safetensors_entry *e = safetensors_find(&s, tensors[i].name);
        assert_non_null(e);
        assert_int_equal(e->begin % array_kind_bytes(e->kind), 0);
        array a;
        assert_int_equal(safetensors_load(&s, tensors[i].name, &f->sink, &a), RNNC_OK);
        assert_int_equal(a.kind, tensors[i].value->kind);
        assert_int_equal(a.rank, tensors[i].value->rank);
        assert_memory_equal(a.dim, tensors[i].value->dim, sizeof a.dim);
        assert_memory_equal(a.data, tensors[i].value->data, array_bytes(&a));
        array_deinit(&a);
    }
    array a;
    assert_fails(f, safetensors_load(&s, "a.w", &f->sink, &a), RNNC_TYPE,
                 "w.safetensors: no tensor a.w; did you mean a.W?");
    assert_fails(f, safetensors_load(&s, "completely.else", &f->sink, &a), RNNC_TYPE, "among its 4 tensors");
    safetensors_deinit(&s);
    array_deinit(&small);
    array_deinit(&wide);
    array_deinit(&whole);
    array_deinit(&scalar);
}

static void reads_each_type(void **state) {
    fixture *f = *state;
    for (int kind = 0; kind < ARRAY_KIND_COUNT; kind++) {
        char header[200];
        size_t size = 3 * array_kind_bytes((array_kind)kind);
        snprintf(header, sizeof header,
                 "{\"t\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%zu]}}   ",
                 safetensors_dtype((array_kind)kind), size);
        assert_int_equal(parse_and_drop(f, compose(header, size)), RNNC_OK);
    }
    assert_int_equal(parse_and_drop(f, compose("{}", 0)), RNNC_OK);
    assert_int_equal(
        parse_and_drop(f, compose("{\"e\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[4,4]},"
                                  "\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                  "\"u\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                                  8)),
        RNNC_OK);
}

#define F32_4(name, begin, end) \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" #begin "," #end "]}"

static void refuses_bad_headers(void **state) {
    fixture *f = *state;
    const struct {
        const char *header;
        size_t size;
        rnnc_status status;
        const char *message;
    } rows[] = {
        {"[1]", 0, RNNC_CORRUPT, "w: not a safetensors file: expected the length of a header and '{'"},
        {"{\"a\"", 0, RNNC_CORRUPT, "w: malformed safetensors header at byte "},
        {"{} x", 0, RNNC_CORRUPT, "malformed safetensors header"},
        {"{" F32_4("a", 0, 4) "," F32_4("a", 4, 8) "}", 8, RNNC_CORRUPT, "duplicate object key"},
        {"{" F32_4("a", 0, 4) "," F32_4("b", 0, 4) "}", 4, RNNC_CORRUPT,
         "w: the data of tensors a and b overlap"},
        {"{" F32_4("a", 0, 4) "," F32_4("b", 3, 7) "}", 7, RNNC_CORRUPT, "tensors a and b overlap"},
        {"{" F32_4("a", 0, 4) "," F32_4("b", 8, 12) "}", 12, RNNC_CORRUPT,
         "w: 4 bytes before tensor b belong to no tensor"},
        {"{" F32_4("a", 0, 4) "}", 3, RNNC_CORRUPT,
         "w: truncated: header says 4 bytes of data, the file has 3"},
        {"{" F32_4("a", 0, 4) "}", 5, RNNC_CORRUPT,
         "w: too long: header says 4 bytes of data, the file has 5"},
        {"{" F32_4("a", 0, 8) "}", 8, RNNC_CORRUPT,
         "w: tensor a: f32[1] has 4 bytes, its data_offsets span 8"},
        {"{" F32_4("a", 4, 0) "}", 4, RNNC_CORRUPT, "data_offsets [4,0] are no range"},
        {"{" F32_4("a", -4, 0) "}", 4, RNNC_CORRUPT, "data_offsets [-4,0] are no range"},
        {"{" F32_4("a", 0, 4.0) "}", 4, RNNC_CORRUPT, "\"data_offsets\" is missing or not two whole numbers"},
        {"{" F32_4("a", 0, 99999999999999999999) "}", 4, RNNC_CORRUPT, "too big integer"},
        {"{" F32_4("a", 9223372036854775803, 9223372036854775807) "}", 4, RNNC_CORRUPT,
         "belong to no tensor"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, RNNC_UNSUPPORTED,
         "w: tensor a: dtype F8_E4M3 is not supported"},
        {"{\"a\":{\"shape\":[4],\"data_offsets\":[0,4]}}", 4, RNNC_CORRUPT, "\"dtype\" is missing"},
        {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,4]}}", 4, RNNC_CORRUPT, "\"shape\" is missing"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", 4, RNNC_CORRUPT, "\"data_offsets\" is missing"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"x\":1}}", 4, RNNC_CORRUPT,
         "more than"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[-4],\"data_offsets\":[0,4]}}", 4, RNNC_CORRUPT,
         "a dimension is not"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4.0],\"data_offsets\":[0,4]}}", 4, RNNC_CORRUPT,
         "a dimension is not"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4,
         RNNC_CORRUPT, "tensor a: the shape u8[4294967296,4294967296] is not possible or too large"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,4],\"data_offsets\":[0,4]}}", 4,
         RNNC_UNSUPPORTED, "9 dimensions"},
        {"{\"a\":5}", 0, RNNC_CORRUPT, "its description is not an object"},
        {"{\"__metadata__\":[]}", 0, RNNC_CORRUPT, "\"__metadata__\" is not an object"},
        {"{\"__metadata__\":{\"a\":\"1\",\"b\":1}}", 0, RNNC_CORRUPT, "metadata b is not a string"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        forget_messages(f);
        assert_fails(f, parse_and_drop(f, compose(rows[i].header, rows[i].size)), rows[i].status,
                     rows[i].message);
    }
}

static void refuses_every_truncation(void **state) {
    fixture *f = *state;
    file_view whole =
        compose("{\"__metadata__\":{\"k\":\"v\"}," F32_4("a", 0, 4) "," F32_4("b", 4, 8) "}", 8);
    for (size_t cut = 0; cut < whole.size; cut++) {
        forget_messages(f);
        file_view part = {"w", exact_copy(whole.bytes, cut), cut};
        assert_fails(f, parse_and_drop(f, part), RNNC_CORRUPT, "w: truncated: ");
    }
    assert_int_equal(parse_and_drop(f, whole), RNNC_OK);
}

static void refuses_foreign_files(void **state) {
    fixture *f = *state;
    safetensors s;
    assert_fails(f, safetensors_parse(text_view("PK\3\4 this is a zip archive"), &f->sink, &s), RNNC_CORRUPT,
                 "t: not a safetensors file");
    assert_fails(f, safetensors_read("none", &f->sink, &s), RNNC_IO, "none: cannot read: No such file");
    assert_fails(f, safetensors_read(".", &f->sink, &s), RNNC_IO, "Is a directory");
}

static void refuses_to_write(void **state) {
    fixture *f = *state;
    const int64_t dim[] = {3000};
    array a;
    assert_int_equal(array_create(ARRAY_F32, 1, dim, "t", &f->sink, &a), RNNC_OK);
    const named_array twice[] = {{"a", &a}, {"a", &a}}, reserved[] = {{"__metadata__", &a}},
                      bytes[] = {{"\xFF", &a}};
    const text_pair keys[] = {{(char *)"k", (char *)"v"}, {(char *)"k", (char *)"w"}};
    assert_fails(f, safetensors_write("w", &(safetensors_contents){twice, 2, NULL, 0}, &f->sink),
                 RNNC_INVALID_ARGUMENT, "w: a is to be written twice");
    assert_fails(f, safetensors_write("w", &(safetensors_contents){reserved, 1, NULL, 0}, &f->sink),
                 RNNC_INVALID_ARGUMENT, "cannot be called __metadata__");
    assert_fails(f, safetensors_write("w", &(safetensors_contents){bytes, 1, NULL, 0}, &f->sink),
                 RNNC_INVALID_ARGUMENT, "not UTF-8");
    assert_fails(f, safetensors_write("w", &(safetensors_contents){twice, 1, keys, 2}, &f->sink),
                 RNNC_INVALID_ARGUMENT, "w: k is to be written twice");
    assert_fails(f, safetensors_write("/dev/full", &(safetensors_contents){twice, 1, NULL, 0}, &f->sink),
                 RNNC_IO, "No space left on device");
    write_file("file", "x", 1);
    assert_fails(f, safetensors_write("file/w", &(safetensors_contents){twice, 1, NULL, 0}, &f->sink),
                 RNNC_IO, "file/w: cannot write: Not a directory");
    assert_int_equal(count_files(), 1);
    array_deinit(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(writes_what_it_reads),     data_test(reads_each_type),       data_test(refuses_bad_headers),
        data_test(refuses_every_truncation), data_test(refuses_foreign_files), data_test(refuses_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
