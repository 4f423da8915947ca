// Runs a fuzz target without a fuzzer: over the files and folders named on the command line, over the target's
// own samples, and over copies of these that are cut short or have bytes changed. The changes are the same in
// each run. Usage: replay_TARGET [file or folder]...
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

enum { CHANGED_COPIES = 3000, MOST_CHANGES = 4, LARGEST_FILE = 1 << 20 };

// The target sees a block of exactly |size| bytes, so that a sanitizer notices reads beyond it.
static int run_copy(const uint8_t *bytes, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        return 1;
    }
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

static int run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(LARGEST_FILE);
    int failed = !file || !bytes;
    if (!failed) {
        size_t size = fread(bytes, 1, LARGEST_FILE, file);
        failed = ferror(file) || run_copy(bytes, size);
    }
    if (failed) {
        fprintf(stderr, "%s: cannot be replayed\n", path);
    }
    free(bytes);
    if (file) {
        fclose(file);
    }
    return failed;
}

static int run_folder(const char *path) {
    DIR *entries = opendir(path);
    if (!entries) {
        perror(path);
        return 1;
    }
    int failed = 0;
    for (struct dirent *e = readdir(entries); e; e = readdir(entries)) {
        char name[4096];
        struct stat facts;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (stat(name, &facts) == 0 && S_ISREG(facts.st_mode)) {
            failed |= run_file(name);
        }
    }
    closedir(entries);
    return failed;
}

// Marsaglia, "Xorshift RNGs", 2003.
static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void change(uint8_t *bytes, size_t size, uint32_t *state) {
    static const uint8_t telling[] = {0x00, 0x01, 0x7F, 0x80, 0xFF, '0', '9', '-', '"', '{', ',', '\n'};
    uint32_t changes = 1 + next_random(state) % MOST_CHANGES;
    for (uint32_t i = 0; i < changes; i++) {
        size_t at = next_random(state) % size;
        switch (next_random(state) % 3) {
        case 0: bytes[at] ^= (uint8_t)(1u << next_random(state) % 8); break;
        case 1: bytes[at] = telling[next_random(state) % sizeof telling]; break;
        default: bytes[at] = bytes[next_random(state) % size]; break;
        }
    }
}

static int run_sample(const uint8_t *sample, size_t size) {
    int failed = 0;
    for (size_t cut = 0; cut <= size; cut++) {
        failed |= run_copy(sample, cut);
    }
    uint32_t state = 2463534242u;
    for (int i = 0; i < CHANGED_COPIES; i++) {
        uint8_t changed[FUZZ_SAMPLE_SPACE];
        memcpy(changed, sample, size);
        change(changed, size, &state);
        failed |= run_copy(changed, size);
    }
    return failed;
}

int main(int count, char **arguments) {
    int failed = 0;
    for (int i = 1; i < count; i++) {
        struct stat facts;
        int folder = stat(arguments[i], &facts) == 0 && S_ISDIR(facts.st_mode);
        failed |= folder ? run_folder(arguments[i]) : run_file(arguments[i]);
    }
    uint8_t sample[FUZZ_SAMPLE_SPACE];
    size_t size = 0;
    for (int i = 0; fuzz_sample && (size = fuzz_sample(i, sample)) > 0; i++) {
        failed |= run_sample(sample, size);
    }
    return failed;
}
