#include "runtime/data/tensor.h"

#include <math.h>

#include "tests/unit/data_files.h"

static array make(fixture *f, array_kind kind, int64_t count) {
    array a;
    assert_int_equal(array_create(kind, 1, &count, "t", &f->sink, &a), RNNC_OK);
    return a;
}

static void counts_with_care(void **state) {
    (void)state;
    int64_t count = 0;
    const int64_t plain[] = {2, 3, 4}, empty[] = {INT64_MAX, 0, INT64_MAX}, large[] = {INT64_MAX, 2};
    const int64_t negative[] = {-1}, bytes[] = {INT64_MAX / 2};
    assert_true(shape_count(plain, 3, 4, &count) && count == 24);
    assert_true(shape_count(plain, 0, 4, &count) && count == 1);
    assert_true(shape_count(empty, 3, 4, &count) && count == 0);
    assert_false(shape_count(large, 2, 1, &count));
    assert_false(shape_count(negative, 1, 1, &count));
    assert_false(shape_count(bytes, 1, 4, &count));
    assert_true(shape_count(bytes, 1, 2, &count));
}

static void refuses_impossible_arrays(void **state) {
    fixture *f = *state;
    array a;
    const int64_t huge[] = {INT64_MAX / 4}, negative[] = {3, -1};
    assert_fails(f, array_create(ARRAY_F64, 1, huge, "w", &f->sink, &a), RNNC_CORRUPT, "w: the shape f64[");
    assert_fails(f, array_create(ARRAY_F64, 2, negative, "w", &f->sink, &a), RNNC_CORRUPT,
                 "w: the shape f64[3,-1] is not possible");
    assert_fails(f, array_create(ARRAY_F64, 9, huge, "w", &f->sink, &a), RNNC_UNSUPPORTED, "9 dimensions");
    assert_null(a.data);
}

static void widens_short_floats(void **state) {
    fixture *f = *state;
    array a = make(f, ARRAY_F16, 8);
    const uint16_t half[8] = {0x0000, 0x8001, 0x03ff, 0x3c00, 0x7bff, 0xfc00, 0x7e00, 0x3555};
    memcpy(a.data, half, sizeof half);
    assert_true(array_to_double(&a, 0) == 0);
    assert_true(array_to_double(&a, 1) == -ldexp(1, -24));
    assert_true(array_to_double(&a, 2) == ldexp(1023, -24));
    assert_true(array_to_double(&a, 3) == 1);
    assert_true(array_to_double(&a, 4) == 65504);
    assert_true(isinf(array_to_double(&a, 5)) && array_to_double(&a, 5) < 0);
    assert_true(isnan(array_to_double(&a, 6)));
    assert_true(array_to_double(&a, 7) == 0.333251953125);
    a.kind = ARRAY_BF16;
    ((uint16_t *)a.data)[0] = 0xbfc0;
    assert_true(array_to_double(&a, 0) == -1.5);
    array_deinit(&a);
}

static void converts_exactly_or_not(void **state) {
    fixture *f = *state;
    array out, integers = make(f, ARRAY_I64, 3), floats = make(f, ARRAY_F64, 3);
    ((int64_t *)integers.data)[1] = 16777217;
    assert_int_equal(array_convert(&integers, ARRAY_I32, "w", &f->sink, &out), RNNC_OK);
    assert_true(array_to_double(&out, 1) == 16777217);
    array_deinit(&out);
    assert_fails(f, array_convert(&integers, ARRAY_F32, "w", &f->sink, &out), RNNC_TYPE,
                 "w: element 1 is 16777217, which f32 cannot hold");
    ((int64_t *)integers.data)[1] = INT64_MAX;
    assert_fails(f, array_convert(&integers, ARRAY_F64, "w", &f->sink, &out), RNNC_TYPE, "f64 cannot hold");
    assert_fails(f, array_convert(&integers, ARRAY_I32, "w", &f->sink, &out), RNNC_TYPE, "i32 cannot hold");
    ((double *)floats.data)[2] = 0.1;
    assert_int_equal(array_convert(&floats, ARRAY_F32, "w", &f->sink, &out), RNNC_OK);
    assert_true(((float *)out.data)[2] == 0.1f);
    array_deinit(&out);
    ((double *)floats.data)[2] = 1e39;
    assert_fails(f, array_convert(&floats, ARRAY_F32, "w", &f->sink, &out), RNNC_TYPE, "f32 cannot hold");
    assert_fails(f, array_convert(&floats, ARRAY_I32, "w", &f->sink, &out), RNNC_TYPE,
                 "w: expected i32, found f64");
    array_deinit(&integers);
    array_deinit(&floats);
}

static void describes(void **state) {
    fixture *f = *state;
    array a = make(f, ARRAY_BF16, 5);
    strbuf text = {0};
    array_describe(&a, &text);
    assert_string_equal(strbuf_text(&text), "bf16[5]");
    strbuf_deinit(&text);
    array_deinit(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(counts_with_care),    data_test(refuses_impossible_arrays),
        data_test(widens_short_floats), data_test(converts_exactly_or_not),
        data_test(describes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
