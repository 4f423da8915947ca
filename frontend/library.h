// The standard library's texts, as the build embeds them (embed.cmake).
#ifndef RNNC_FRONTEND_LIBRARY_H
#define RNNC_FRONTEND_LIBRARY_H

#include <stdint.h>

typedef struct library_file {
    const char *name;          // in diagnostics: "<standard cells.rnn>"
    const unsigned char *text; // not zero-terminated
    uint32_t length;
} library_file;

extern const library_file library_files[];
extern const uint32_t library_file_count;

#endif
