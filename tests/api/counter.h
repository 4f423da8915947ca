// An allocator of a caller's that counts, and that can fail.
#ifndef RNNC_TESTS_API_COUNTER_H
#define RNNC_TESTS_API_COUNTER_H

#include "tests/api/fixture.h"

// Counts what is out. Call number |fail_at| gets nothing, counted from 1, and with |fails_on| no later call does.
typedef struct counter {
    int calls, out, fail_at, fails_on;
    size_t bytes;
} counter;

// What stands before a block: whose it is.
typedef struct counter_head {
    counter *owner;
    void *base;
    size_t bytes, alignment;
} counter_head;

static inline void *counter_allocate(void *user, size_t bytes, size_t alignment) {
    counter *c = user;
    c->calls++;
    if (c->fail_at && (c->calls == c->fail_at || (c->fails_on && c->calls > c->fail_at))) {
        return NULL;
    }
    assert_true(bytes > 0 && alignment > 0 && (alignment & (alignment - 1)) == 0);
    size_t whole = alignment < 16 ? 16 : alignment;
    size_t room = (sizeof(counter_head) + whole - 1) / whole * whole;
    counter_head head = {c, NULL, bytes, alignment};
    assert_int_equal(posix_memalign(&head.base, whole, room + bytes), 0);
    char *block = (char *)head.base + room;
    memcpy(block - sizeof head, &head, sizeof head);
    memset(block, 0xa5, bytes);
    c->out++;
    c->bytes += bytes;
    return block;
}

// A block goes back to where it came from.
static inline void counter_release(void *user, void *block) {
    counter *c = user;
    counter_head head;
    assert_non_null(block);
    memcpy(&head, (char *)block - sizeof head, sizeof head);
    assert_ptr_equal(head.owner, c);
    assert_int_equal((uintptr_t)block % head.alignment, 0);
    memset(block, 0xd5, head.bytes);
    c->out--;
    free(head.base);
}

static inline rnnc_allocator counter_allocator(counter *c) {
    return (rnnc_allocator){c, counter_allocate, counter_release};
}

#endif
