// Objects made ahead of time, linked and loaded by the system.
#ifndef RNNC_TESTS_DIFF_LINKED_H
#define RNNC_TESTS_DIFF_LINKED_H

#include <stdint.h>

#include "support/strbuf.h"

// Links |object| to a library in the test's folder, where nothing may be left to be found elsewhere, and loads it. A
// failure fails the test. For dlclose.
void *diff_link(const strbuf *object, const char *name);
// Copies the address of a function, which ISO C does not convert; NULL if there is none.
void diff_function(void *library, const char *name, void *out_function);

// An arena for an object of AHEAD_ALIGN, with something in it that may be read nowhere before it is written.
void *diff_guarded_arena(int64_t bytes);
// Frees it. The test fails if anything has been written behind it.
void diff_release_arena(void *memory, int64_t bytes);

#endif
