// The checksum of a whole file, kept in the file's own metadata: a CRC-32, which notices every flipped byte and every
// run of up to 32 wrong bits for certain. Its own digits count as zeros.
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "runtime/data/safetensors.h"

static const char member[] = "\"" SAFETENSORS_CHECKSUM_KEY "\":\"";
enum { DIGITS = sizeof SAFETENSORS_NO_CHECKSUM - 1, LENGTH_BYTES = 8 };

// Within a JSON string every quotation mark has a backslash before it, so that no value is mistaken for the member.
const char *safetensors_checksum_digits(const char *header, size_t length) {
    const char *at = memmem(header, length, member, strlen(member));
    if (!at) {
        return NULL;
    }
    at += strlen(member);
    return header + length - at >= DIGITS ? at : NULL;
}

uint32_t safetensors_crc(uint32_t crc, const void *bytes, size_t size) {
    return size ? (uint32_t)crc32_z(crc, bytes, size) : crc;
}

rnnc_status safetensors_verify(const safetensors *s, diag_sink *d) {
    const char *all = (const char *)s->owned.data, *header = all + LENGTH_BYTES;
    const char *digits = safetensors_checksum_digits(header, (size_t)((const char *)s->data - header));
    if (!digits) {
        return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: damaged, or not written by rnnc: it has no checksum",
                         s->name);
    }
    const char *rest = digits + DIGITS;
    uint32_t crc = safetensors_crc(0, all, (size_t)(digits - all));
    crc = safetensors_crc(crc, SAFETENSORS_NO_CHECKSUM, DIGITS);
    crc = safetensors_crc(crc, rest, s->owned.size - (size_t)(rest - all));
    char expected[DIGITS + 1];
    snprintf(expected, sizeof expected, "%08x", crc);
    if (memcmp(expected, digits, DIGITS) == 0) {
        return RNNC_OK;
    }
    return diag_fail(d, RNNC_CORRUPT, NO_SPAN, "%s: damaged: its checksum is %.*s, its bytes give %s",
                     s->name, (int)DIGITS, digits, expected);
}
