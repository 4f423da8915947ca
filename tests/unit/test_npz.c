#include "runtime/data/npz.h"

#include "runtime/data/npy.h"
#include "tests/unit/data_files.h"

// ---- Writing of archives ----

static void add_number(strbuf *out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        unsigned char byte = i < 8 ? (unsigned char)(value >> (8 * i)) : 0;
        strbuf_add_bytes(out, &byte, 1);
    }
}

typedef struct member {
    const char *name;
    bool deflated, wide; // |wide|: 64-bit numbers
    strbuf bytes;        // unpacked
    uint64_t at;         // in the archive
    uint64_t packed;
} member;

static void pack(const member *m, strbuf *out) {
    if (!m->deflated) {
        strbuf_add_bytes(out, m->bytes.text, m->bytes.length);
        return;
    }
    unsigned char space[4096];
    z_stream z = {.next_in = (Bytef *)m->bytes.text, .avail_in = (uInt)m->bytes.length};
    z.next_out = space;
    z.avail_out = sizeof space;
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    strbuf_add_bytes(out, space, z.total_out);
    deflateEnd(&z);
}

static uint32_t sum(const member *m) {
    return (uint32_t)crc32(0, (const Bytef *)m->bytes.text, (uInt)m->bytes.length);
}

static void add_local(member *m, strbuf *out) {
    strbuf packed = {0};
    pack(m, &packed);
    m->at = out->length;
    m->packed = packed.length;
    strbuf_add_bytes(out, "PK\3\4", 4);
    add_number(out, 20, 2);
    add_number(out, 0, 2);
    add_number(out, m->deflated ? 8 : 0, 2);
    add_number(out, 0, 4);
    add_number(out, sum(m), 4);
    add_number(out, m->packed, 4);
    add_number(out, m->bytes.length, 4);
    add_number(out, strlen(m->name), 2);
    add_number(out, 3, 2); // extra bytes, as many writers have them
    strbuf_add(out, m->name);
    strbuf_add_bytes(out, "xyz", 3);
    strbuf_add_bytes(out, packed.text, packed.length);
    strbuf_deinit(&packed);
}

static void add_central(const member *m, strbuf *out) {
    strbuf_add_bytes(out, "PK\1\2", 4);
    add_number(out, 20, 2);
    add_number(out, 20, 2);
    add_number(out, 0, 2);
    add_number(out, m->deflated ? 8 : 0, 2);
    add_number(out, 0, 4);
    add_number(out, sum(m), 4);
    add_number(out, m->wide ? 0xFFFFFFFF : m->packed, 4);
    add_number(out, m->wide ? 0xFFFFFFFF : m->bytes.length, 4);
    add_number(out, strlen(m->name), 2);
    add_number(out, m->wide ? 28 : 0, 2);
    add_number(out, 0, 2);
    add_number(out, 0, 8);
    add_number(out, m->wide ? 0xFFFFFFFF : m->at, 4);
    strbuf_add(out, m->name);
    if (m->wide) {
        add_number(out, 1, 2);
        add_number(out, 24, 2);
        add_number(out, m->bytes.length, 8);
        add_number(out, m->packed, 8);
        add_number(out, m->at, 8);
    }
}

static void add_archive(member *members, int count, strbuf *out) {
    for (int i = 0; i < count; i++) {
        add_local(&members[i], out);
    }
    uint64_t at = out->length;
    for (int i = 0; i < count; i++) {
        add_central(&members[i], out);
    }
    uint64_t size = out->length - at, end = out->length;
    bool wide = members[0].wide;
    if (wide) {
        strbuf_add_bytes(out, "PK\6\6", 4);
        add_number(out, 44, 8);
        add_number(out, 0, 12);
        add_number(out, (uint64_t)count, 8);
        add_number(out, (uint64_t)count, 8);
        add_number(out, size, 8);
        add_number(out, at, 8);
        strbuf_add_bytes(out, "PK\6\7", 4);
        add_number(out, 0, 4);
        add_number(out, end, 8);
        add_number(out, 1, 4);
    }
    strbuf_add_bytes(out, "PK\5\6", 4);
    add_number(out, 0, 4);
    add_number(out, wide ? 0xFFFF : (uint64_t)count, 2);
    add_number(out, wide ? 0xFFFF : (uint64_t)count, 2);
    add_number(out, size, 4);
    add_number(out, wide ? 0xFFFFFFFF : at, 4);
    add_number(out, 5, 2);
    strbuf_add(out, "hello");
}

static strbuf npy_bytes(fixture *f, const float *values, int64_t count) {
    array a;
    assert_int_equal(array_create(ARRAY_F32, 1, &count, "t", &f->sink, &a), RNNC_OK);
    memcpy(a.data, values, (size_t)count * sizeof *values);
    assert_int_equal(npy_write("part.npy", &a, &f->sink), RNNC_OK);
    array_deinit(&a);
    file_bytes bytes = read_file(f, "part.npy");
    strbuf out = {0};
    strbuf_add_bytes(&out, bytes.data, bytes.size);
    file_bytes_deinit(&bytes);
    return out;
}

static strbuf example(fixture *f, bool deflated, bool wide) {
    member members[] = {{"x.npy", deflated, wide, npy_bytes(f, (const float[]){1, 2, 3}, 3), 0, 0},
                        {"names/y.npy", deflated, wide, npy_bytes(f, (const float[]){4}, 1), 0, 0}};
    strbuf out = {0};
    add_archive(members, 2, &out);
    strbuf_deinit(&members[0].bytes);
    strbuf_deinit(&members[1].bytes);
    return out;
}

static rnnc_status parse(fixture *f, const strbuf *s, size_t size, const char *name, array *out) {
    uint8_t *copy = exact_copy(s->text, size);
    rnnc_status status = npz_parse((file_view){"t.npz", copy, size}, name, &f->sink, out);
    free(copy);
    return status;
}

// ---- Tests ----

static void reads_members(void **state) {
    fixture *f = *state;
    for (int form = 0; form < 4; form++) {
        strbuf s = example(f, form & 1, form & 2);
        array a;
        assert_int_equal(parse(f, &s, s.length, "x", &a), RNNC_OK);
        assert_int_equal(a.dim[0], 3);
        assert_true(array_to_double(&a, 2) == 3);
        array_deinit(&a);
        assert_int_equal(parse(f, &s, s.length, "names/y.npy", &a), RNNC_OK);
        assert_true(array_to_double(&a, 0) == 4);
        array_deinit(&a);
        write_file("t.npz", s.text, s.length);
        assert_int_equal(npz_read("t.npz", "names/y", &f->sink, &a), RNNC_OK);
        array_deinit(&a);
        strbuf_deinit(&s);
    }
}

static void refuses_names(void **state) {
    fixture *f = *state;
    strbuf s = example(f, false, false);
    array a;
    assert_fails(f, parse(f, &s, s.length, "names/z", &a), RNNC_TYPE,
                 "t.npz: no array names/z; did you mean names/y?; the arrays are x, names/y");
    strbuf_deinit(&s);
}

// Every beginning of an archive is refused by one message; so is every change of a byte, or it changes nothing.
static void refuses_damage(void **state) {
    fixture *f = *state;
    for (int form = 0; form < 4; form++) {
        strbuf s = example(f, form & 1, form & 2);
        array a;
        for (size_t size = 0; size < s.length; size++) {
            forget_messages(f);
            rnnc_status status = parse(f, &s, size, "x", &a);
            assert_int_equal(f->sink.error_count, status != RNNC_OK);
            array_deinit(&a);
        }
        for (size_t i = 0; i < s.length; i++) {
            char kept = s.text[i];
            s.text[i] = (char)(kept ^ 0x55);
            forget_messages(f);
            rnnc_status status = parse(f, &s, s.length, "x", &a);
            assert_int_equal(f->sink.error_count, status != RNNC_OK);
            bool same = status != RNNC_OK || (a.dim[0] == 3 && array_to_double(&a, 0) == 1 &&
                                              array_to_double(&a, 1) == 2 && array_to_double(&a, 2) == 3);
            assert_true(same);
            array_deinit(&a);
            s.text[i] = kept;
        }
        strbuf_deinit(&s);
    }
    forget_messages(f);
    array a;
    assert_fails(f, npz_parse(text_view("PK\5\6 but nothing else in it"), "x", &f->sink, &a), RNNC_CORRUPT,
                 "t: damaged .npz file");
    assert_fails(f, npz_parse(text_view("no archive, but long enough"), "x", &f->sink, &a), RNNC_CORRUPT,
                 "t: not a .npz file: it does not begin with PK");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        data_test(reads_members),
        data_test(refuses_names),
        data_test(refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
