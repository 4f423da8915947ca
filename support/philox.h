// Random numbers as a pure function of a key and a counter: Philox4x32 with ten rounds (Salmon, Moraes, Dror
// and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). No state, so any element of any mask can
// be drawn again at any time, in any order and by any thread.
//
// How the op `random` places its numbers, in every backend: for the element at column e of batch row r,
//     key     = {low word of the seed ^ philox_site(site), high word of the seed}
//     counter = {e / 4, r, t, low word of the step}    r: 0 without a batch axis
//     value   = philox_uniform(out[e % 4])
// where t is the index of all other axes of the value, the last of them running fastest; 0 if there are none.
#ifndef RNNC_SUPPORT_PHILOX_H
#define RNNC_SUPPORT_PHILOX_H

#include <stdint.h>

void philox4x32(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

// The 32-bit FNV-1a hash of a declaration site's path.
uint32_t philox_site(const char *site);

// A number of [0, 1): the upper 24 bits of |word| as a fraction, exact in f32.
static inline double philox_uniform(uint32_t word) {
    return (double)(word >> 8) * 0x1p-24;
}

#endif
