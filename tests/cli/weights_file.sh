#!/bin/sh
# Weights in a file beside the object: mapped, checked, and the same bits as with the weights inside.
. tests/cli/lib.sh
. tests/cli/ahead.sh
. tests/cli/emulate.sh
begin_m
cat >main.c <<'EOF2'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "m.h"

#ifdef M_BAD_CPU
#define M_UNSET M_BAD_CPU /* several levels: none was chosen yet */
#else
#define M_UNSET M_BAD_WEIGHTS
#endif

enum { ROWS = 3, STEPS = 7, INPUTS = 6, OUTPUTS = 2 };

static _Alignas(M_ARENA_ALIGN) char arena[M_ARENA_BYTES], copy[M_ARENA_BYTES];
static float file[ROWS][STEPS][INPUTS], x[STEPS][ROWS][INPUTS], y[STEPS][ROWS][OUTPUTS], z[STEPS][ROWS][OUTPUTS];

static void *load(const char *path, size_t align, size_t size) {
    FILE *in = fopen(path, "rb");
    void *bytes = aligned_alloc(align, (size + align - 1) / align * align);
    return in && bytes && fread(bytes, size, 1, in) == 1 && fclose(in) == 0 ? bytes : NULL;
}

/* What init says of damaged weights; the arena stays as it was. */
static int refuses(char *weights, size_t byte, int mask) {
    weights[byte] = (char)(weights[byte] ^ mask);
    int32_t status = m_init(copy, weights, M_WEIGHTS_FILE_BYTES);
    weights[byte] = (char)(weights[byte] ^ mask);
    return status == M_BAD_WEIGHTS && !copy[0] && memcmp(copy, copy + 1, sizeof copy - 1) == 0;
}

int main(void) {
    char *weights = load("m.weights", 64, M_WEIGHTS_FILE_BYTES), *moved = load("m.weights", 64, M_WEIGHTS_FILE_BYTES);
    void *rows = load("x.bin", 64, sizeof file);
    if (!weights || !moved || !rows) {
        return 1;
    }
    memcpy(file, rows, sizeof file);
    for (int row = 0; row < ROWS; row++) {
        for (int t = 0; t < STEPS; t++) {
            memcpy(x[t][row], file[row][t], sizeof x[t][row]);
        }
    }
    /* Run before weights are set; weights that are none, cut, moved, or changed in any place. */
    int bad = m_run(copy, ROWS, STEPS, x[0][0], y[0][0]) != M_UNSET;
    bad |= m_init(copy, NULL, M_WEIGHTS_FILE_BYTES) != M_BAD_WEIGHTS;
    bad |= m_init(copy, weights, M_WEIGHTS_FILE_BYTES - 1) != M_BAD_WEIGHTS;
    bad |= m_init(copy, weights + 4, M_WEIGHTS_FILE_BYTES) != M_BAD_WEIGHTS;
    for (size_t byte = 0; byte < 16; byte++) {
        bad |= !refuses(weights, byte, 1);
    }
    for (size_t byte = 64; byte < M_WEIGHTS_FILE_BYTES; byte += 61) {
        bad |= !refuses(weights, byte, 0x80);
    }
    bad |= !refuses(weights, M_WEIGHTS_FILE_BYTES - 1, 1);
    if (bad) {
        return 2;
    }
    bad = m_init(arena, weights, M_WEIGHTS_FILE_BYTES) != M_OK;
    /* A copy of an arena is one that is ready. */
    memcpy(copy, arena, sizeof copy);
    bad |= m_run(arena, ROWS, STEPS, x[0][0], y[0][0]) != M_OK;
    for (int t = 0; t < STEPS; t++) {
        bad |= m_step(copy, ROWS, x[t][0], z[t][0]) != M_OK;
    }
    bad |= memcmp(y, z, sizeof y) != 0;
    FILE *out = fopen("y.bin", "wb");
    for (int row = 0; row < ROWS; row++) {
        for (int t = 0; t < STEPS; t++) {
            fwrite(y[t][row], sizeof y[t][row], 1, out);
        }
    }
    return bad | (fclose(out) != 0);
}
EOF2
build_m inside.o
build_m m.o --weights-file m.weights --size-report
says out 'weights .* in a file of their own'
present m.weights
[ "$(wc -c <m.weights)" -eq "$(sed -n 's/#define M_WEIGHTS_FILE_BYTES \([0-9]*\).*/\1/p' m.h)" ] ||
    fail "the file is not as long as the header says"
[ $(($(wc -c <inside.o) - $(wc -c <m.o))) -gt 8000 ] || fail "the weights are in the object all the same"
run 0 nm -u m.o
[ ! -s out ] || fail "the object imports $(cat out)"
run 0 "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror main.c m.o -o apart
run 0 ./apart
cmp m.expected y.bin || fail "a run differs from rnnc run"

# With several levels, for another machine, and inspected.
build_m levels.o --weights-file m.weights --cpu x86-64-v2,x86-64-v3
if [ "$(uname -m)" = x86_64 ]; then
    run 0 "$cc" -std=c11 main.c levels.o -o apart
    run 0 ./apart
fi
build_m arm.o --weights-file arm.weights --target aarch64-linux-gnu
# run_there TARGET
run_there() {
    cp arm.weights m.weights
    run 0 "$compiler" -std=c11 -static main.c arm.o -o arm
    run 0 $emulator ./arm
}
emulate run_there aarch64-linux-gnu
build_m wasm.o --weights-file wasm.weights --target wasm32
run 0 "$RNNC" inspect arm.weights
says out 'weights for an object'
head -c 1000 arm.weights >cut
refused 'a damaged file of weights' "$RNNC" inspect cut
refused 'nowhere/m.weights' "$RNNC" build m.rnn --weights m.safetensors -o no.o --header no.h --batch 3 --length 7 \
    --weights-file nowhere/m.weights
absent no.o no.h
finish
