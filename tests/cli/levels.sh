#!/bin/sh
# Several levels of x86-64 in one object: each is chosen on its processors, and gives what `rnnc run` gives there.
. tests/cli/lib.sh
. tests/cli/ahead.sh
begin_m 'softmax(linear(2, concat(lstm_peephole(n, x), gru_cho(9, x), rnn(150, x), gru_chung_after(17, x))))'
[ "$(uname -m)" = x86_64 ] || {
    echo "not on x86-64: skipped"
    exit 77
}
cat >main.c <<'EOF2'
#include <stdio.h>
#include <string.h>

#include "m.h"

enum { ROWS = 3, STEPS = 7, INPUTS = 6, OUTPUTS = 2 };

static _Alignas(M_ARENA_ALIGN) char arena[M_ARENA_BYTES];
static float file[ROWS][STEPS][INPUTS], x[STEPS][ROWS][INPUTS], y[STEPS][ROWS][OUTPUTS], z[STEPS][ROWS][OUTPUTS];

int main(void) {
    FILE *in = fopen("x.bin", "rb");
    if (!in || fread(file, sizeof file, 1, in) != 1) {
        return 1;
    }
    for (int row = 0; row < ROWS; row++) {
        for (int t = 0; t < STEPS; t++) {
            memcpy(x[t][row], file[row][t], sizeof x[t][row]);
        }
    }
    if (m_run(arena, ROWS, STEPS, x[0][0], y[0][0]) != M_BAD_CPU || m_level(arena) || m_level(NULL)) {
        return 2; /* not made ready */
    }
    if (m_init(arena) == M_BAD_CPU) {
        puts("none");
        return arena[0] || m_level(arena);
    }
    if (m_run(arena, ROWS, STEPS, x[0][0], y[0][0]) != M_OK || m_reset(arena) != M_OK) {
        return 3;
    }
    for (int t = 0; t < STEPS; t++) {
        if (m_step(arena, ROWS, x[t][0], z[t][0]) != M_OK) {
            return 4;
        }
    }
    FILE *out = fopen("y.bin", "wb");
    for (int row = 0; row < ROWS; row++) {
        for (int t = 0; t < STEPS; t++) {
            fwrite(y[t][row], sizeof y[t][row], 1, out);
        }
    }
    printf("%d\n", (int)m_level(arena));
    return fclose(out) || memcmp(y, z, sizeof y) != 0;
}
EOF2
build_m m.o --cpu x86-64-v4,x86-64-v2,x86-64-v3
grep -q 'int32_t m_level(' m.h || fail "the header does not say how to ask for the level"
run 0 nm -u m.o
[ ! -s out ] || fail "the object imports $(cat out)"
run 0 "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror -static main.c m.o -o all

# What each level has to give, as far as this machine runs it.
best=0
for level in 2 3 4; do
    if "$RNNC" run m.rnn --weights m.safetensors --in x=x.npy --out y=y.npy --cpu x86-64-v$level 2>err; then
        tail -c 168 y.npy >expected.$level
        best=$level
    fi
done
[ "$best" -gt 0 ] || {
    echo "this machine reaches no level: skipped"
    exit 77
}

# gives LEVEL command…: that level is chosen, and its bits come out.
gives() {
    wanted_level=$1
    shift
    rm -f y.bin
    run 0 "$@"
    grep -qx "$wanted_level" out || fail "level $(cat out) instead of $wanted_level: $*"
    [ ! -f "expected.$wanted_level" ] || cmp "expected.$wanted_level" y.bin ||
        fail "level $wanted_level differs from rnnc run: $*"
}
gives "$best" ./all
emulator=$(command -v qemu-x86_64 || command -v qemu-x86_64-static)
if [ -n "$emulator" ]; then
    gives none "$emulator" -cpu qemu64 ./all
    gives 2 "$emulator" -cpu Nehalem ./all
    gives 3 "$emulator" -cpu Haswell ./all
    # Whoever masks one feature of a level, or does not save its registers, has the level below.
    gives 2 "$emulator" -cpu Haswell,-fma ./all
    gives 2 "$emulator" -cpu Haswell,-bmi2 ./all
    gives 2 "$emulator" -cpu Haswell,-xsave,-avx ./all
    build_m program --cpu x86-64-v2,x86-64-v3
    refused 'this processor reaches none of the levels' "$emulator" -cpu qemu64 ./program --in x=x.npy --out y=none.npy
    run 0 "$emulator" -cpu Nehalem ./program --in x=x.npy --out y=v2.npy
    [ ! -f expected.2 ] || tail -c 168 v2.npy | cmp expected.2 - || fail "a program at level 2 differs from rnnc run"
else
    echo "no qemu-x86_64: other processors than this one are not tried"
fi

# One copy of the weights: three levels cost code, and no more than that.
build_m one.o --cpu x86-64-v3 --size-report
read_only() { sed -n 's/^read-only *\([0-9,]*\) bytes/\1/p' out | tr -d ,; }
one=$(read_only)
build_m m.o --target x86-64-v2,x86-64-v3,x86-64-v4 --size-report
[ "$(read_only)" -le $((one + 8192)) ] || fail "read-only data: $(read_only) bytes for three levels, $one for one"
run 0 "$RNNC" inspect m.o
says out '^target .*x86_64.*x86-64-v2 x86-64-v3 x86-64-v4, chosen in init'

build_m m.o --target native --cpu x86-64-v2,x86-64-v3
run 0 "$RNNC" inspect m.o
says out '^target .*x86-64-v2 x86-64-v3, chosen in init'

# The same for other systems, and what cannot be had.
build_m windows.o --target x86_64-windows --cpu x86-64-v2,x86-64-v3
build_m macos.o --target x86_64-macos --cpu x86-64-v3
with="m.rnn --weights m.safetensors --batch 3 --length 7 -o no.o"
refused 'goes with x86-64' "$RNNC" build $with --target aarch64-linux-gnu --cpu x86-64-v3
refused 'leave --cpu out' "$RNNC" build $with --target x86-64-v2,x86-64-v3 --cpu x86-64-v4
refused 'stands twice' "$RNNC" build $with --cpu x86-64-v3,x86-64-v3
refused 'no level of x86-64' "$RNNC" build $with --cpu x86-64-v3,haswell
absent no.o
finish
