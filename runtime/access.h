// How the calls of a program reach bytes of the arena that are to be elsewhere: in memory of the caller's.
#ifndef RNNC_RUNTIME_ACCESS_H
#define RNNC_RUNTIME_ACCESS_H

#include "runtime/context_parts.h"

bool access_is_apart(const redirect *a, const redirect *b);
bool access_is_within(const redirect *inner, const redirect *outer);
// Whether two places are of one array.
bool access_is_same_array(const program_place *a, const program_place *b);

// Memory is used for one value after the other; an output is the last. From the item that is returned on, everything that
// is done with the bytes of |r| is done with them alone, and nothing is read of them that was written before: so they may
// be at |r->to| from there on. NO_ITEM if there is no such item, or nothing writes them from there on.
uint32_t access_find_beginning(const context *c, const redirect *r);

#endif
