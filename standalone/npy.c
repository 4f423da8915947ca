// NumPy's .npy files. Format: NumPy Enhancement Proposal 1, versions 1.0, 2.0 and 3.0; numbers with the low byte first,
// in C order.
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 // realpath
#endif
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "standalone/parts.h"

enum { MAGIC_BYTES = 6, MOST_HEADER = 1 << 16, LINE_BYTES = 64 };
static const char magic[] = "\x93NUMPY";

// ---- Elements ----

typedef double read_function(const unsigned char *bytes);

#define READER(name, type)                                  \
    static double read_##name(const unsigned char *bytes) { \
        type value;                                         \
        memcpy(&value, bytes, sizeof value);                \
        return (double)value;                               \
    }
READER(f4, float)
READER(f8, double)
READER(i1, int8_t)
READER(i2, int16_t)
READER(i4, int32_t)
READER(i8, int64_t)
READER(u1, uint8_t)
READER(u2, uint16_t)
READER(u4, uint32_t)

typedef struct element {
    const char *name;
    int bytes;
    read_function *read;
} element;

static const element elements[] = {
    {"<f4", 4, read_f4}, {"<f8", 8, read_f8}, {"|i1", 1, read_i1}, {"<i2", 2, read_i2}, {"<i4", 4, read_i4},
    {"<i8", 8, read_i8}, {"|u1", 1, read_u1}, {"|b1", 1, read_u1}, {"<u2", 2, read_u2}, {"<u4", 4, read_u4},
};

static const element *find_element(const char *name) {
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        if (strncmp(elements[i].name, name, strlen(elements[i].name)) == 0) {
            return &elements[i];
        }
    }
    return NULL;
}

static void store_element(void *data, int64_t at, int32_t kind, double value, const char *path) {
    if (kind == STANDALONE_F32) {
        ((float *)data)[at] = (float)value;
    } else if (kind == STANDALONE_F64) {
        ((double *)data)[at] = value;
    } else if (value == floor(value) && fabs(value) <= INT32_MAX) {
        ((int32_t *)data)[at] = (int32_t)value;
    } else {
        die("%s: %g is not a whole number of 32 bits", path, value);
    }
}

// ---- Reading ----

// What stands behind |key| in the header's dictionary.
static const char *find_entry(const char *header, const char *key, const char *path) {
    const char *at = strstr(header, key);
    if (!at) {
        die("%s: a .npy file without %s", path, key);
    }
    at += strlen(key);
    return at + strspn(at, " :");
}

static void read_shape(const char *text, const char *path, npy_array *a) {
    if (*text != '(') {
        die("%s: a .npy file without a shape", path);
    }
    text++;
    for (text += strspn(text, " "); *text != ')'; text += strspn(text, " ,")) {
        char *end;
        long long extent = strtoll(text, &end, 10);
        if (end == text || extent < 0 || extent > INT32_MAX || a->rank == MOST_DIMENSIONS) {
            die("%s: a .npy file of a shape that cannot be read", path);
        }
        a->dim[a->rank++] = extent;
        text = end;
    }
}

static int64_t array_elements(const npy_array *a) {
    int64_t count = 1;
    for (int i = 0; i < a->rank; i++) {
        if (a->dim[i] && count > INT64_MAX / 16 / a->dim[i]) {
            die("an array is too large");
        }
        count *= a->dim[i];
    }
    return count;
}

static void read_bytes(FILE *file, void *to, size_t size, const char *path) {
    if (fread(to, 1, size, file) != size) {
        die("%s: not a .npy file, or one that ends early", path);
    }
}

static char *read_header(FILE *file, const char *path) {
    unsigned char begin[MAGIC_BYTES + 2], size[4] = {0};
    read_bytes(file, begin, sizeof begin, path);
    if (memcmp(begin, magic, MAGIC_BYTES) != 0 || begin[MAGIC_BYTES] < 1 || begin[MAGIC_BYTES] > 3) {
        die("%s: not a .npy file", path);
    }
    read_bytes(file, size, begin[MAGIC_BYTES] == 1 ? 2 : 4, path);
    size_t length = size[0] | (size_t)size[1] << 8 | (size_t)size[2] << 16 | (size_t)size[3] << 24;
    if (length > MOST_HEADER) {
        die("%s: not a .npy file", path);
    }
    char *header = take_memory((int64_t)length + 1, 1);
    read_bytes(file, header, length, path);
    return header;
}

npy_array npy_load(const char *path, int32_t kind) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        die("%s: cannot be read: %s", path, strerror(errno));
    }
    npy_array a = {.rank = 0};
    char *header = read_header(file, path);
    const char *type = find_entry(header, "'descr'", path);
    const element *e = find_element(type + (*type == '\''));
    if (!e || strncmp(find_entry(header, "'fortran_order'", path), "False", 5) != 0) {
        die("%s: expected numbers of 1 to 8 bytes, the low byte first, in C order", path);
    }
    read_shape(find_entry(header, "'shape'", path), path, &a);
    free(header);
    int64_t count = array_elements(&a);
    a.data = take_memory(count, kind_bytes(kind));
    for (int64_t i = 0; i < count; i++) {
        unsigned char bytes[8];
        read_bytes(file, bytes, (size_t)e->bytes, path);
        store_element(a.data, i, kind, e->read(bytes), path);
    }
    if (fgetc(file) != EOF) {
        die("%s: more bytes than its shape says", path);
    }
    fclose(file);
    return a;
}

// ---- Writing ----

// The header's end is at a multiple of 64 bytes.
static bool write_array(FILE *file, const npy_array *a, int32_t kind) {
    static const char *const names[] = {"<f4", "<f8", "<i4"};
    char text[LINE_BYTES * 8];
    int length =
        snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (", names[kind]);
    for (int i = 0; i < a->rank; i++) {
        length += snprintf(text + length, sizeof text - (size_t)length, "%s%lld", i ? ", " : "",
                           (long long)a->dim[i]);
    }
    length += snprintf(text + length, sizeof text - (size_t)length, a->rank == 1 ? ",), }" : "), }");
    int before = MAGIC_BYTES + 4, whole = (before + length + LINE_BYTES) / LINE_BYTES * LINE_BYTES - before;
    unsigned char begin[] = {1, 0, (unsigned char)(whole & 0xFF), (unsigned char)(whole >> 8)};
    size_t count = (size_t)array_elements(a), size = (size_t)kind_bytes(kind);
    return fwrite(magic, 1, MAGIC_BYTES, file) == MAGIC_BYTES && fwrite(begin, 1, 4, file) == 4 &&
           fprintf(file, "%-*s\n", whole - 1, text) == whole && fwrite(a->data, size, count, file) == count;
}

static _Noreturn void cannot_write(const char *path, int error) {
    die("%s: cannot be written: %s", path, strerror(error));
}

// The file that |path| leads to, through links; NULL for a device or a pipe, which must not be replaced. To be freed.
static char *file_behind(const char *path) {
    struct stat at;
    if (stat(path, &at) != 0) {
        return strcpy(take_memory((int64_t)strlen(path) + 1, 1), path);
    }
    if (!S_ISREG(at.st_mode) && !S_ISDIR(at.st_mode)) {
        return NULL;
    }
    char *file = realpath(path, NULL);
    if (!file) {
        cannot_write(path, errno);
    }
    return file;
}

// 0, or the number of the error. Closes the file.
static int finish_array(FILE *file, const npy_array *a, int32_t kind) {
    errno = 0;
    int error = write_array(file, a, kind) ? 0 : errno ? errno : EIO;
    bool closed = fclose(file) == 0;
    return error || closed ? error : errno;
}

void npy_store(const char *path, const npy_array *a, int32_t kind) {
    static const char ending[] = ".part";
    char *target = file_behind(path), *part = NULL;
    if (target) {
        part = take_memory((int64_t)strlen(target) + (int64_t)sizeof ending, 1);
        strcat(strcpy(part, target), ending);
    }
    FILE *file = fopen(part ? part : path, "wb");
    if (!file) {
        cannot_write(path, errno);
    }
    int error = finish_array(file, a, kind);
    if (part && !error && rename(part, target) != 0) {
        error = errno;
    }
    if (part && error) {
        remove(part);
    }
    if (error) {
        cannot_write(path, error);
    }
    free(part);
    free(target);
}
