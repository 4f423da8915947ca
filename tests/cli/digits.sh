#!/bin/sh
# The digits' model, trained for a moment, as an object: every test image gets the class that `rnnc run` gives it.
# Usage: digits.sh [folder with the data sets]
. tests/cli/lib.sh
DATA=${1:-${DATA:-}}
cc=${CC:-cc}
images=$DATA/mnist/t10k-images-idx3-ubyte.gz
[ -n "$DATA" ] && [ -f "$images" ] && command -v "$cc" >/dev/null || {
    echo "no digits, or no C compiler: skipped"
    exit 77
}
root=$(pwd)
cd "$scratch" || exit 1
run 0 "$RNNC" train "$root/examples/mnist.rnn" --recipe rows --data "images=$DATA/mnist/train-images-idx3-ubyte.gz" \
    --data "labels=$DATA/mnist/train-labels-idx1-ubyte.gz" --steps 60 --quiet --weights-out digits.safetensors
run 0 "$RNNC" build "$root/examples/mnist.rnn" --weights digits.safetensors -o digits.o --header digits.h --batch 100 \
    --length 28
size=$(wc -c <digits.o)
[ "$size" -le $((28360 * 4 * 105 / 100 + 32768)) ] || fail "the digits' object has $size bytes"

# The object on one row at a time and on a hundred; and the images as numbers for rnnc.
cat >main.c <<'EOF2'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"

enum { IMAGES = 10000, SIDE = 28, HEAD = 16, BATCH = 100, PARTS = 10 };

static _Alignas(DIGITS_ARENA_ALIGN) char arena[DIGITS_ARENA_BYTES];
static unsigned char pixels[IMAGES][SIDE][SIDE];
static float rows[IMAGES][SIDE][SIDE], steps[SIDE][BATCH][SIDE];
static int32_t batched[IMAGES], single[IMAGES];

static int write_parts(void) {
    for (int p = 0; p < PARTS; p++) {
        char name[32];
        snprintf(name, sizeof name, "part%d.bin", p);
        FILE *out = fopen(name, "wb");
        if (!out || fwrite(rows[p * (IMAGES / PARTS)], sizeof rows / PARTS, 1, out) != 1 || fclose(out)) {
            return 1;
        }
    }
    return 0;
}

int main(void) {
    char head[HEAD];
    if (fread(head, sizeof head, 1, stdin) != 1 || fread(pixels, sizeof pixels, 1, stdin) != 1) {
        return 1;
    }
    for (int i = 0; i < IMAGES * SIDE * SIDE; i++) {
        (&rows[0][0][0])[i] = (float)(&pixels[0][0][0])[i] / 255;
    }
    int bad = write_parts() || digits_init(arena);
    for (int b = 0; b < IMAGES; b += BATCH) {
        for (int t = 0; t < SIDE; t++) {
            for (int i = 0; i < BATCH; i++) {
                memcpy(steps[t][i], rows[b + i][t], sizeof steps[t][i]);
            }
        }
        bad |= digits_reset(arena) | digits_run(arena, BATCH, SIDE, steps[0][0], batched + b);
    }
    for (int i = 0; i < IMAGES; i++) {
        bad |= digits_reset(arena) | digits_run(arena, 1, SIDE, rows[i][0], single + i);
    }
    FILE *out = fopen("found.bin", "wb");
    bad |= !out || fwrite(batched, sizeof batched, 1, out) != 1 || fclose(out);
    return bad | (memcmp(batched, single, sizeof batched) != 0);
}
EOF2
run 0 "$cc" -std=c11 -O1 -Wall -Wextra -Wpedantic -Werror main.c digits.o -o classify
gzip -dc "$images" >images.idx || fail "the images cannot be unpacked"
run 0 sh -c './classify <images.idx'
: >expected.bin
for part in 0 1 2 3 4 5 6 7 8 9; do
    make_npy part.npy '<f4' '1000, 28, 28' <part$part.bin
    run 0 "$RNNC" run "$root/examples/mnist.rnn" --weights digits.safetensors --in image=part.npy --out class=class.npy
    tail -c 4000 class.npy >>expected.bin
done
cmp expected.bin found.bin || fail "the object classifies otherwise than rnnc run"
[ "$(od -A n -v -t d4 -w4 found.bin | sort -u | wc -l)" -ge 5 ] || fail "fewer than five classes are found at all"
rm -f part*.bin images.idx part.npy
finish
