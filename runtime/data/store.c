#include "runtime/data/store.h"

#include <fcntl.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/memory.h"

// What stands before the bytes that are given out.
typedef struct store_head {
    alignas(max_align_t) size_t bytes; // of the caller's
    bool mapped;
} store_head;

// So much is never worth a file.
static const size_t least_limit = (size_t)16 << 20;

size_t store_limit(void) {
    size_t limit = (size_t)(memory_allowed() / 8);
    return limit > least_limit ? limit : least_limit;
}

// A file without a name, which goes with its last mapping.
static int open_unnamed(void) {
    const char *folder = getenv("TMPDIR");
    folder = folder && *folder ? folder : "/var/tmp";
    int descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor >= 0) {
        return descriptor;
    }
    char path[4096]; // a file system without such files
    int length = snprintf(path, sizeof path, "%s/.rnnc-XXXXXX", folder);
    descriptor = length > 0 && (size_t)length < sizeof path ? mkostemp(path, O_CLOEXEC) : -1;
    if (descriptor >= 0) {
        unlink(path);
    }
    return descriptor;
}

static store_head *map_file(size_t size) {
    int descriptor = open_unnamed();
    // Without the blocks a full disk would show as a signal when a page is written.
    bool made = descriptor >= 0 && posix_fallocate(descriptor, 0, (off_t)size) == 0;
    void *at = made ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0) : MAP_FAILED;
    if (descriptor >= 0) {
        close(descriptor);
    }
    return at == MAP_FAILED ? NULL : at;
}

static bool is_large(size_t bytes) {
    return bytes > least_limit && bytes > store_limit();
}

void *store_create(size_t bytes) {
    if (bytes > PTRDIFF_MAX - sizeof(store_head)) {
        return NULL;
    }
    bool mapped = is_large(bytes);
    size_t size = bytes + sizeof(store_head);
    store_head *head = mapped ? map_file(size) : calloc(1, size);
    if (!head) {
        return NULL;
    }
    *head = (store_head){.bytes = bytes, .mapped = mapped};
    return head + 1;
}

static void *move(store_head *from, size_t bytes) {
    void *to = store_create(bytes);
    if (to) {
        memcpy(to, from + 1, from->bytes < bytes ? from->bytes : bytes);
        store_free(from + 1);
    }
    return to;
}

void *store_resize(void *at, size_t bytes) {
    store_head *head = at ? (store_head *)at - 1 : NULL;
    if (!head || bytes > PTRDIFF_MAX - sizeof *head) {
        return head ? NULL : store_create(bytes);
    }
    if (head->mapped || is_large(bytes)) {
        return bytes <= head->bytes ? at : move(head, bytes);
    }
    store_head *moved = realloc(head, bytes + sizeof *head);
    if (!moved) {
        return NULL;
    }
    moved->bytes = bytes;
    return moved + 1;
}

void store_free(void *at) {
    store_head *head = at ? (store_head *)at - 1 : NULL;
    if (head && head->mapped) {
        munmap(head, head->bytes + sizeof *head);
    } else {
        free(head);
    }
}
