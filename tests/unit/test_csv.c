#include "runtime/data/csv.h"

#include "tests/unit/data_files.h"

static rnnc_status parse(fixture *f, const char *text, const csv_request *request, array *out_array) {
    size_t size = strlen(text);
    uint8_t *copy = exact_copy(text, size);
    rnnc_status status = csv_parse((file_view){"t.csv", copy, size}, request, &f->sink, out_array);
    free(copy);
    return status;
}

static const csv_request everything = {0};

// |text| holds |rows| rows of |columns| numbers.
static void check(fixture *f, const char *text, const csv_request *request, int rows, int columns,
                  const double *values) {
    array a;
    assert_int_equal(parse(f, text, request, &a), RNNC_OK);
    assert_int_equal(a.kind, ARRAY_F64);
    assert_int_equal(a.rank, 2);
    assert_int_equal(a.dim[0], rows);
    assert_int_equal(a.dim[1], columns);
    assert_memory_equal(a.data, values, (size_t)(rows * columns) * sizeof *values);
    array_deinit(&a);
}

static void reads_line_ends_and_spaces(void **state) {
    fixture *f = *state;
    const double values[] = {1, 2, -3.5, 4e2};
    check(f, "a,b\n1,2\n-3.5,4e2\n", &everything, 2, 2, values);
    check(f, "a,b\r\n1,2\r\n-3.5,+4E+2", &everything, 2, 2, values);
    check(f,
          "\xEF\xBB\xBF"
          "a,b\n 1 ,\t2\n-3.50,400.\n\n\r\n",
          &everything, 2, 2, values);
    check(f, "a;b\n1;2\n-3.5;4e2", &(csv_request){.separator = ';'}, 2, 2, values);
}

static void reads_quotes(void **state) {
    fixture *f = *state;
    const double values[] = {1, 2};
    const char *const columns[] = {"a,\"b\"\nc", "d"};
    const csv_request request = {.columns = columns, .count = 2};
    check(f, "\"a,\"\"b\"\"\nc\",text,d\n\"1\",\"x\n,y\",2\n", &request, 1, 2, values);
}

static void chooses_columns_in_order(void **state) {
    fixture *f = *state;
    const double values[] = {3, 1, 6, 4};
    const char *const columns[] = {"z", "x"};
    const csv_request request = {.columns = columns, .count = 2};
    check(f, "x,y,z\n1,NA,3\n4,,6\n", &request, 2, 2, values);
}

static void grows_over_many_rows(void **state) {
    fixture *f = *state;
    strbuf text = {0};
    strbuf_add(&text, "a,b\n");
    for (int i = 0; i < 5000; i++) {
        strbuf_addf(&text, "%d,%d.25\n", i, -i);
    }
    array a;
    assert_int_equal(parse(f, strbuf_text(&text), &everything, &a), RNNC_OK);
    assert_int_equal(a.dim[0], 5000);
    assert_true(array_to_double(&a, 2 * 4321) == 4321 && array_to_double(&a, 2 * 4321 + 1) == -4321.25);
    array_deinit(&a);
    write_gzip("a.csv.gz", text.text, text.length);
    assert_int_equal(csv_read("a.csv.gz", &everything, &f->sink, &a), RNNC_OK);
    assert_int_equal(a.dim[0], 5000);
    array_deinit(&a);
    strbuf_deinit(&text);
}

static void refuses_fields(void **state) {
    fixture *f = *state;
    const char *const bad[] = {"inf",   "-",   ".",     "1e",   "1e+", "0x10",           "1,5", "1 2",
                               "1.2.3", "--1", "1e999", "true", "1_0", "\"quoted\"\"\"", "e5",  "+.e1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[100];
        const char *quote = strchr(bad[i], ',') ? "\"" : "";
        snprintf(text, sizeof text, "x,y\n1,2\n3,%s%s%s\n", quote, bad[i], quote);
        array a;
        forget_messages(f);
        assert_fails(f, parse(f, text, &everything, &a), RNNC_CORRUPT,
                     "t.csv: line 3, column y: expected a finite number, found \"");
        assert_null(a.data);
    }
    array a;
    assert_fails(f, parse(f, "x,y\n1,2\n\n,5", &everything, &a), RNNC_CORRUPT,
                 "t.csv: line 3 has 1 fields; expected 2, as in the header");
    assert_fails(f, parse(f, "x,y\n1,2\n\"\n\",2\n", &everything, &a), RNNC_CORRUPT,
                 "t.csv: line 3, column x: ");
    assert_fails(f, parse(f, "x,y\n1,2\n,5", &everything, &a), RNNC_CORRUPT,
                 "t.csv: line 3, column x: the value is missing");
    assert_fails(f, parse(f, "x,y\n1,2\n3, NaN \n", &everything, &a), RNNC_CORRUPT,
                 "t.csv: line 3, column y: the value is missing (NaN); a recipe may fill it");
    assert_fails(f, csv_parse((file_view){"t", (const uint8_t *)"x\n1\0002\n", 6}, &everything, &f->sink, &a),
                 RNNC_CORRUPT, "line 2, column x: expected a finite number");
}

static void fills_what_is_missing(void **state) {
    fixture *f = *state;
    const char *text = "x,y\nNA,1\n2,\n, n/a\n4,Null\n";
    check(f, text, &(csv_request){.missing = CSV_MISSING_FILL, .fill = -1}, 4, 2,
          (const double[]){-1, 1, 2, -1, -1, -1, 4, -1});
    check(f, text, &(csv_request){.missing = CSV_MISSING_PREVIOUS, .fill = 9}, 4, 2,
          (const double[]){9, 1, 2, 1, 2, 1, 4, 1});
    check(f, text, &(csv_request){.missing = CSV_MISSING_MARK}, 4, 2,
          (const double[]){0, 1, 1, 0, 0, 0, 1, 0});
    array a;
    assert_fails(f, parse(f, "x\nNA\nword\n", &(csv_request){.missing = CSV_MISSING_FILL}, &a), RNNC_CORRUPT,
                 "t.csv: line 3, column x: expected a finite number, found \"word\"");
}

static rnnc_status category(fixture *f, const char *text, bool unknown, word_text *out) {
    return csv_parse_category((file_view){"t.csv", (const uint8_t *)text, strlen(text)}, "y", unknown,
                              &f->sink, out);
}

static void reads_categories(void **state) {
    fixture *f = *state;
    word_text t = {0};
    assert_int_equal(category(f, "x,y\n1, NW \n,\"S,E\"\n3,NW\n", false, &t), RNNC_OK);
    assert_int_equal(t.count, 3);
    assert_int_equal(t.lines, 3);
    assert_string_equal(word_list_at(&t.found, t.at[0]), "NW");
    assert_string_equal(word_list_at(&t.found, t.at[1]), "S,E");
    assert_int_equal(t.at[2], t.at[0]);
    word_text_deinit(&t);
    assert_fails(
        f, category(f, "y\na\nNA\n", false, &t), RNNC_CORRUPT,
        "t.csv: line 3, column y: the value is missing; a recipe may take it for <unk>: unknown = true");
    word_text_deinit(&t);
    assert_int_equal(category(f, "y\na\nNA\n", true, &t), RNNC_OK);
    assert_string_equal(word_list_at(&t.found, t.at[1]), "<unk>");
    word_text_deinit(&t);
    assert_fails(f, category(f, "y\n\"a\nb\"\n", true, &t), RNNC_CORRUPT,
                 "line 2, column y: expected a word on one");
    word_text_deinit(&t);
}

static void refuses_names(void **state) {
    fixture *f = *state;
    const char *const misspelt[] = {"temprature"}, *const unknown[] = {"q"}, *const twice[] = {"y", "y"},
                      *const doubled[] = {"x"};
    const char *text = "x,temperature,y,x\n1,2,3,4\n";
    array a;
    assert_fails(
        f, parse(f, text, &(csv_request){.columns = misspelt, .count = 1}, &a), RNNC_TYPE,
        "t.csv: no column temprature; did you mean temperature?; the columns are x, temperature, y, x");
    assert_fails(f, parse(f, text, &(csv_request){.columns = unknown, .count = 1}, &a), RNNC_TYPE,
                 "no column q");
    assert_fails(f, parse(f, text, &(csv_request){.columns = twice, .count = 2}, &a), RNNC_INVALID_ARGUMENT,
                 "column y is asked for twice");
    assert_fails(f, parse(f, text, &(csv_request){.columns = doubled, .count = 1}, &a), RNNC_TYPE,
                 "columns 1 and 4 are both called x");
}

static void refuses_broken_tables(void **state) {
    fixture *f = *state;
    array a;
    assert_fails(f, parse(f, "", &everything, &a), RNNC_CORRUPT,
                 "t.csv: empty; expected a line with the names");
    assert_fails(f, parse(f, "a,b\n", &everything, &a), RNNC_CORRUPT, "t.csv: no rows after the header");
    assert_fails(f, parse(f, "a,b\n1,2,3\n", &everything, &a), RNNC_CORRUPT,
                 "t.csv: line 2 has more than 2 fields; expected 2, as in the header");
    assert_fails(f, parse(f, "a,b\n1,2\n1\n", &everything, &a), RNNC_CORRUPT, "t.csv: line 3 has 1 fields");
    assert_fails(f, parse(f, "a,b\n1,\"2\n3,4\n", &everything, &a), RNNC_CORRUPT,
                 "t.csv: line 2: a quote is opened and never closed");
    assert_fails(f, parse(f, "a,b\n1,\"2\"x\n", &everything, &a), RNNC_CORRUPT,
                 "t.csv: line 2: text follows a closing quote");
    assert_fails(f, csv_read("none.csv", &everything, &f->sink, &a), RNNC_IO,
                 "none.csv: cannot read: No such");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(reads_line_ends_and_spaces),
        data_test(reads_quotes),
        data_test(chooses_columns_in_order),
        data_test(grows_over_many_rows),
        data_test(refuses_fields),
        data_test(refuses_names),
        data_test(refuses_broken_tables),
        data_test(fills_what_is_missing),
        data_test(reads_categories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
