#include "codegen/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codegen/cache_folder.h"

enum { FORMAT_VERSION = 1, NAMES_TRIED = 100 };

static const int64_t largest_file = 1 << 30;

// A file begins with this; then follow the path of LLVM's library and the image.
typedef struct file_head {
    char magic[8];
    unsigned char sum[SHA256_BYTES]; // of everything after it
    uint32_t version;
    uint32_t path_bytes;
    code_key key;
    int64_t library_bytes, library_seconds, library_nanoseconds; // the library's size and time of change
} file_head;

static const char magic[8] = "rnnccode";
enum { SUMMED_FROM = offsetof(file_head, version) };

static void file_name(const code_key *key, char out_name[CACHE_NAME_SIZE]) {
    for (int i = 0; i < CACHE_NAME_DIGITS / 2; i++) {
        snprintf(out_name + 2 * i, 3, "%02x", key->sum[i]);
    }
    strcpy(out_name + CACHE_NAME_DIGITS, CACHE_SUFFIX);
}

static void sum_up(const char *bytes, size_t size, unsigned char out_sum[SHA256_BYTES]) {
    sha256 h;
    sha256_init(&h);
    sha256_add(&h, bytes + SUMMED_FROM, size - SUMMED_FROM);
    sha256_end(&h, out_sum);
}

// Fills what |head| says of the library; false if there is no such file.
static bool describe_library(const char *path, file_head *head) {
    struct stat found;
    if (!*path || stat(path, &found)) {
        return false;
    }
    head->library_bytes = found.st_size;
    head->library_seconds = found.st_mtim.tv_sec;
    head->library_nanoseconds = found.st_mtim.tv_nsec;
    return true;
}

// ---- Reading ----

static bool has_same_library(const file_head *head, const char *path_at) {
    char path[PATH_MAX];
    file_head now;
    if (head->path_bytes >= sizeof path) {
        return false;
    }
    memcpy(path, path_at, head->path_bytes);
    path[head->path_bytes] = 0;
    return describe_library(path, &now) && now.library_bytes == head->library_bytes &&
           now.library_seconds == head->library_seconds &&
           now.library_nanoseconds == head->library_nanoseconds;
}

static bool read_image(const char *bytes, size_t size, const code_key *key, code_image *out_image) {
    file_head head;
    unsigned char sum[SHA256_BYTES];
    if (size < sizeof head) {
        return false;
    }
    memcpy(&head, bytes, sizeof head);
    sum_up(bytes, size, sum);
    size_t left = size - sizeof head;
    return memcmp(head.magic, magic, sizeof magic) == 0 && memcmp(head.sum, sum, sizeof sum) == 0 &&
           head.version == FORMAT_VERSION && memcmp(&head.key, key, sizeof *key) == 0 &&
           head.path_bytes <= left && has_same_library(&head, bytes + sizeof head) &&
           image_read(bytes + sizeof head + head.path_bytes, left - head.path_bytes, out_image);
}

// All bytes of an open file, by malloc; NULL if they cannot be had.
static char *read_whole(int file, size_t size) {
    char *bytes = malloc(size + 1);
    for (size_t at = 0; bytes && at < size;) {
        ssize_t got = read(file, bytes + at, size - at);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            free(bytes);
            return NULL;
        }
        at += got > 0 ? (size_t)got : 0;
    }
    return bytes;
}

static bool find_in(code_cache *c, int file, const code_key *key, diag_sink *d, code_image *out_image) {
    struct stat found;
    if (fstat(file, &found) || !S_ISREG(found.st_mode) || found.st_size > largest_file) {
        return false;
    }
    if (!cache_is_own(&found)) {
        cache_tell_foreign(c, "a file in ", d);
        return false;
    }
    char *bytes = read_whole(file, (size_t)found.st_size);
    bool sound = bytes && read_image(bytes, (size_t)found.st_size, key, out_image);
    free(bytes);
    if (sound) {
        futimens(file, NULL); // It is in use: others go first.
    }
    return sound;
}

bool code_cache_find(code_cache *c, const code_key *key, uint32_t kernel_count, diag_sink *d,
                     code_image *out_image) {
    if (!c->path) {
        return false;
    }
    char name[CACHE_NAME_SIZE];
    file_name(key, name);
    int file = openat(c->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool found = file >= 0 && find_in(c, file, key, d, out_image);
    if (file >= 0) {
        close(file);
    }
    if (found && out_image->start_count != kernel_count) {
        image_deinit(out_image);
        found = false;
    }
    c->found += found;
    c->missed += !found;
    return found;
}

// ---- Writing ----

static void render_file(const code_key *key, const code_image *image, const char *library, strbuf *out) {
    file_head head;
    memset(&head, 0, sizeof head); // padding, too
    memcpy(head.magic, magic, sizeof magic);
    head.version = FORMAT_VERSION;
    head.path_bytes = (uint32_t)strlen(library);
    head.key = *key;
    out->failed = !describe_library(library, &head);
    strbuf_add_bytes(out, &head, sizeof head);
    strbuf_add(out, library);
    image_write(image, out);
    if (!out->failed) {
        sum_up(out->text, out->length, (unsigned char *)out->text + offsetof(file_head, sum));
    }
}

static bool write_whole(int file, const char *bytes, size_t size) {
    while (size) {
        ssize_t written = write(file, bytes, size);
        if (written <= 0 && !(written < 0 && errno == EINTR)) {
            return false;
        }
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return fsync(file) == 0;
}

// A new file of a name that nobody else uses; -1 if that cannot be.
static int open_temporary(const code_cache *c, char out_name[CACHE_NAME_SIZE]) {
    int file = -1;
    for (int i = 0; i < NAMES_TRIED && file < 0; i++) {
        snprintf(out_name, CACHE_NAME_SIZE, "%ld-%d" CACHE_TEMPORARY_SUFFIX, (long)getpid(), i);
        file = openat(c->folder, out_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (file < 0 && errno != EEXIST) {
            break;
        }
    }
    return file;
}

static bool replace(const code_cache *c, const char *name, const strbuf *bytes) {
    char temporary[CACHE_NAME_SIZE];
    int file = open_temporary(c, temporary);
    if (file < 0) {
        return false;
    }
    bool written = write_whole(file, bytes->text, bytes->length);
    written = close(file) == 0 && written && renameat(c->folder, temporary, c->folder, name) == 0;
    if (!written) {
        unlinkat(c->folder, temporary, 0);
    }
    return written;
}

void code_cache_keep(code_cache *c, const code_key *key, const code_image *image, const char *library) {
    if (!c->path) {
        return;
    }
    char name[CACHE_NAME_SIZE];
    file_name(key, name);
    strbuf bytes = {0};
    render_file(key, image, library, &bytes);
    if (!bytes.failed && (int64_t)bytes.length <= c->limit && replace(c, name, &bytes)) {
        c->kept++;
        cache_shrink(c);
    }
    strbuf_deinit(&bytes);
}
