// Blocks of the system's memory that are counted, and one of them fails. For programs of their own, as malloc.h is.
#ifndef RNNC_TESTS_API_EXHAUST_H
#define RNNC_TESTS_API_EXHAUST_H

#include "tests/api/fixture.h"
#include "tests/api/malloc.h"

static int live, made,
    fail_at; // blocks out; allocations since |watching|; which of these gets nothing, 0: none
static bool watching;

static bool malloc_begins(void) {
    return !watching || ++made != fail_at;
}

static void malloc_ends(int blocks) {
    live += watching ? blocks : 0;
}

// In a process of one thread.
static inline void watch(int at) {
    live = made = 0;
    fail_at = at;
    watching = true;
}

// Ends the watch. Nothing may be lost, and |status| is to be what is |expected| where allocation |at| has failed.
static inline void end_watch(int at, rnnc_status status, bool expected, int *refused) {
    watching = false;
    *refused += status == RNNC_OUT_OF_MEMORY;
    if (!expected || live) {
        print_error("allocation %d: %s, %d blocks lost\n", at, rnnc_status_text(status), live);
    }
    assert_int_equal(live, 0);
    assert_true(expected);
}

#endif
