// SHA-256 (FIPS 180-4): names for contents, and sums over files that must not be mistaken.
#ifndef RNNC_SUPPORT_SHA256_H
#define RNNC_SUPPORT_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32 };

typedef struct sha256 {
    uint32_t state[8];
    uint64_t length; // bytes so far
    unsigned char block[64];
} sha256;

void sha256_init(sha256 *h);
void sha256_add(sha256 *h, const void *bytes, size_t size);
// Nothing may be added afterwards.
void sha256_end(sha256 *h, unsigned char out_sum[SHA256_BYTES]);

#endif
