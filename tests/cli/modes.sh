#!/bin/sh
# The caller's mode of floating point: an object gives the same bits under each, leaves it as it was, and its state, fading
# away in silence, never has a denormal number, where the processor can do without.
. tests/cli/lib.sh
. tests/cli/ahead.sh
need_tool "$cc"
cd "$scratch" || exit 1
cat >m.rnn <<'EOF'
model m(n = 8) {
    input x: real[T]
    target wanted: real(n)[T]
    y = lstm(n, x)
    loss = mean[T, batch] mean squared_error(y, wanted)
    output y
}
EOF
quick_recipe >>m.rnn
zeros 12 | make_npy x.npy '<f4' '1, 3'
zeros 96 | make_npy w.npy '<f4' '1, 3, 8'
# Without a step the biases are zeros, so that nothing holds the state up.
run 0 "$RNNC" train m.rnn --data x=x.npy --data w=w.npy --set T=3 --set rate=1e-30 --epochs 1 --quiet \
    --weights-out m.safetensors
cat >main.c <<'EOF'
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "m.h"

enum { STEPS = 400, UNITS = 8, STATES = 2 * UNITS };

static _Alignas(M_ARENA_ALIGN) char arena[M_ARENA_BYTES];
static float first[STEPS][UNITS], y[STEPS][UNITS];

/* Steps of silence after one of sound; how many numbers of the states are denormal. Negative: something went wrong. */
static int fade(float answers[STEPS][UNITS]) {
    int denormal = 0;
    for (int t = 0; t < STEPS; t++) {
        float x = t == 0, states[STATES];
        if (m_step(arena, 1, &x, answers[t]) != M_OK) {
            return -1;
        }
        memcpy(states, arena, sizeof states);
        for (int i = 0; i < STATES; i++) {
            denormal += fpclassify(states[i]) == FP_SUBNORMAL;
        }
    }
    return denormal;
}

int main(int argc, char **argv) {
    static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_TOWARDZERO, FE_DOWNWARD};
    int can_flush = argc == 1 || strcmp(argv[1], "cannot-flush") != 0;
    for (int i = 0; i < 4; i++) {
        if (m_init(arena) != M_OK || fesetround(modes[i]) != 0) {
            return 2;
        }
        int denormal = fade(i ? y : first), left = fegetround();
        fesetround(FE_TONEAREST);
        if (left != modes[i] || denormal < 0 || (can_flush && denormal > 0)) {
            printf("mode %d: %d after it, %d denormal numbers\n", i, left, denormal);
            return 3;
        }
        if (i && memcmp(first, y, sizeof y) != 0) {
            printf("other bits in mode %d\n", i);
            return 4;
        }
    }
    return first[1][0] == 0;
}
EOF
build_m m.o
run 0 "$cc" -std=c11 -frounding-math main.c m.o -lm -o here
case $(uname -m) in
x86_64 | aarch64 | arm*) run 0 ./here ;;
*) run 0 ./here cannot-flush ;;
esac
# emulate TARGET COMPILER EMULATOR [cannot-flush]
emulate() {
    if command -v "$2" >/dev/null && command -v "$3" >/dev/null; then
        build_m there.o --target "$1"
        run 0 "$2" -std=c11 -frounding-math -static main.c there.o -lm -o there
        run 0 "$3" ./there $4
    else
        echo "$1: not run: $2 or $3 is missing"
    fi
}
emulate aarch64-linux-gnu aarch64-linux-gnu-gcc qemu-aarch64 ''
emulate armv7-linux-gnueabihf arm-linux-gnueabihf-gcc qemu-arm ''
emulate riscv64-linux-gnu riscv64-linux-gnu-gcc qemu-riscv64 cannot-flush
finish
