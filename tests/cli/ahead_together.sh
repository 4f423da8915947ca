#!/bin/sh
# What an object can be built with, in every combination: several levels of x86-64, threads, weights in a file, learning.
# One program uses all that the header says there is; answers are those of `rnnc run`, and what is learned is the same.
. tests/cli/lib.sh
. tests/cli/ahead.sh
. tests/cli/emulate.sh
# Large enough for threads to be worth it.
begin_m 'linear(2, lstm(300, x))'
tail -c 168 w.npy >w.bin
cat >main.c <<'EOF2'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "m.h"

enum { ROWS = 3, STEPS = 7, INPUTS = 6, OUTPUTS = 2 };

static _Alignas(M_ARENA_ALIGN) char arena[M_ARENA_BYTES], copy[M_ARENA_BYTES];
static float file[ROWS][STEPS][INPUTS], wanted[ROWS][STEPS][OUTPUTS];
static float x[STEPS][ROWS][INPUTS], w[STEPS][ROWS][OUTPUTS], y[STEPS][ROWS][OUTPUTS], z[STEPS][ROWS][OUTPUTS];

static int load(const char *path, void *to, size_t size) {
    FILE *in = fopen(path, "rb");
    return !in || fread(to, size, 1, in) != 1 || fclose(in);
}

static int store(const char *path, const void *from, size_t size) {
    FILE *out = fopen(path, "wb");
    return !out || fwrite(from, size, 1, out) != 1 || fclose(out);
}

/* Makes both arenas ready, one as a copy of the other. */
static int begin(void) {
#ifdef M_WEIGHTS_FILE_BYTES
    char *weights = aligned_alloc(64, (M_WEIGHTS_FILE_BYTES + 63) / 64 * 64);
    int bad = !weights || load("m.weights", weights, M_WEIGHTS_FILE_BYTES);
    bad = bad || m_init(arena, weights, M_WEIGHTS_FILE_BYTES - 1) != M_BAD_WEIGHTS;
    bad = bad || m_init(arena, weights, M_WEIGHTS_FILE_BYTES);
#ifdef M_NOT_UPDATED
    free(weights); /* those of an object that learns are in the arena */
#endif
#else
    int bad = m_init(arena);
#endif
    memcpy(copy, arena, sizeof copy);
    return bad;
}

static int loops;

#ifdef M_MAX_THREADS
/* On the caller's thread alone, backwards. */
static void loop(void *user, int32_t count, m_task *task, void *context) {
    for (int32_t i = count; i-- > 0;) {
        task(context, i);
    }
    ++*(int *)user;
}
#endif

/* The other arena: on several threads if there are any, else step by step. */
static int run_otherwise(void) {
#ifdef M_MAX_THREADS
    return m_run_parallel(copy, ROWS, STEPS, x[0][0], z[0][0], M_MAX_THREADS, loop, &loops) || !loops;
#else
    int bad = loops;
    for (int t = 0; t < STEPS; t++) {
        bad |= m_step(copy, ROWS, x[t][0], z[t][0]);
    }
    return bad;
#endif
}

static int learn(const char *path) {
    int bad = !path;
#ifdef M_NOT_UPDATED
    static char learned[M_LEARNED_BYTES], other[M_LEARNED_BYTES];
    float loss[2] = {0, 0};
    for (int i = 0; i < 5; i++) {
        bad |= m_train_step(arena, ROWS, STEPS, x[0][0], w[0][0], &loss[0]);
#ifdef M_MAX_THREADS
        bad |= m_train_step_parallel(copy, ROWS, STEPS, x[0][0], w[0][0], &loss[1], 2, loop, &loops);
#else
        bad |= m_train_step(copy, ROWS, STEPS, x[0][0], w[0][0], &loss[1]);
#endif
        bad |= memcmp(&loss[0], &loss[1], sizeof loss[0]) != 0;
    }
    bad |= m_train_save(arena, learned) | m_train_save(copy, other);
    bad |= memcmp(learned, other, sizeof learned) != 0 || store(path, learned, sizeof learned);
    bad |= m_reset(arena) | m_reset(copy);
    bad |= m_run(arena, ROWS, STEPS, x[0][0], y[0][0]) | run_otherwise();
    bad |= memcmp(y, z, sizeof y) != 0;
#endif
    return bad;
}

/* Arguments: the level that has to be chosen, 0 where there are none; the file for what is learned. */
int main(int argc, char **argv) {
    if (argc != 3 || load("x.bin", file, sizeof file) || load("w.bin", wanted, sizeof wanted) || begin()) {
        return 1;
    }
    for (int row = 0; row < ROWS; row++) {
        for (int t = 0; t < STEPS; t++) {
            memcpy(x[t][row], file[row][t], sizeof x[t][row]);
            memcpy(w[t][row], wanted[row][t], sizeof w[t][row]);
        }
    }
    if (m_run(arena, ROWS, STEPS, x[0][0], y[0][0]) || run_otherwise() || memcmp(y, z, sizeof y) != 0) {
        return 2;
    }
    for (int row = 0; row < ROWS; row++) {
        for (int t = 0; t < STEPS; t++) {
            memcpy(wanted[row][t], y[t][row], sizeof y[t][row]);
        }
    }
#ifdef M_BAD_CPU
    printf("level %d\n", (int)m_level(arena));
    if (m_level(arena) != atoi(argv[1])) {
        return 3;
    }
#endif
    return store("y.bin", wanted, sizeof wanted) ? 4 : learn(argv[2]) ? 5 : 0;
}
EOF2

printf '#include "m.h"\n' >plus.cpp

# make OPTION…: m.o, its header and the program, of which nothing is to be said.
make() {
    rm -f m.weights y.bin learned
    build_m m.o --size-report "$@"
    case "$*" in *--train*) says out '^weights .*, which change, in the arena' ;; esac
    case "$*" in *--weights-file*) says out '^weights .* in a file of their own' ;; esac
    run 0 nm -u m.o
    [ ! -s out ] || fail "the object imports $(cat out): $*"
    run 0 "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror main.c m.o -o main
    if command -v c++ >/dev/null; then
        run 0 c++ -Wall -Wextra -Wpedantic -Werror -fsyntax-only plus.cpp
    fi
}

# gives LEVEL ANSWERS LEARNED command…: LEARNED may be missing, and is then what the next ones have to learn.
gives() {
    level=$1 answers=$2 learned=$3
    shift 3
    run 0 "$@" "$level" learned
    cmp "$answers" y.bin || fail "the answers differ from rnnc run"
    if [ -f learned ] && [ ! -f "$learned" ]; then
        mv learned "$learned"
    elif [ -f learned ]; then
        cmp "$learned" learned || fail "something else is learned"
    fi
}

# The lower of the two levels is x86-64 itself, so that every processor of this kind chooses the upper one.
low_levels='--cpu x86-64,x86-64-v2'
reaches() {
    "$RNNC" run m.rnn --weights m.safetensors --in x=x.npy --out y=level.npy --cpu "$1" 2>err &&
        tail -c 168 level.npy >"$2"
}
if [ "$(uname -m)" = x86_64 ] && reaches x86-64-v2 expected.2; then
    make --train --target x86_64-linux-gnu --cpu x86-64-v2
    gives 2 expected.2 learned.2 ./main
else
    low_levels=
    echo "levels of x86-64: not run here"
fi

for levels in '' ${low_levels:+"$low_levels"}; do
    for threads in '' '--parallel 3'; do
        for file in '' '--weights-file m.weights'; do
            for train in '' --train; do
                echo "levels '$levels', $threads $file $train"
                make $levels $threads $file $train
                if [ -n "$levels" ]; then
                    gives 2 expected.2 learned.2 ./main
                else
                    gives 0 m.expected learned.0 ./main
                fi
            done
        done
    done
done

# All of it at once: what the object says of itself, one copy of the weights, and every level.
everything='--parallel 3 --train --weights-file m.weights'
if [ -n "$low_levels" ]; then
    make $everything --target x86-64-v2,x86-64-v3,x86-64-v4
    [ "$(wc -c <m.o)" -lt 600000 ] || fail "the weights are in the object all the same"
    run 0 "$RNNC" inspect m.o
    says out 'x86-64-v2 x86-64-v3 x86-64-v4, chosen in init'
    says out '^weights .*, which change, in the arena; at first in a file of their own'
    best=2
    for level in 3 4; do
        reaches "x86-64-v$level" "expected.$level" && best=$level
    done
    # Levels with fused multiply-adds learn what the one below did.
    upper=learned.2
    [ "$best" -eq 2 ] || upper=learned.upper
    gives "$best" "expected.$best" "$upper" ./main
    emulator=$(command -v qemu-x86_64 || command -v qemu-x86_64-static)
    run 0 "$cc" -std=c11 -static main.c m.o -o all
    if [ -n "$emulator" ]; then
        gives 2 expected.2 learned.2 "$emulator" -cpu Nehalem ./all
        [ ! -f expected.3 ] || gives 3 expected.3 learned.upper "$emulator" -cpu Haswell ./all
    else
        echo "no qemu-x86_64: other processors than this one are not tried"
    fi
    make --parallel 3 --train --cpu x86-64-v2,x86-64-v3,x86-64-v4
    [ "$(wc -c <m.o)" -lt $((1500000 + 600000)) ] || fail "there are several copies of the weights"
    run 0 "$RNNC" build m.rnn --weights m.safetensors -o m.so --batch 3 --length 7 $everything --cpu x86-64-v2,x86-64-v3
    run 0 nm -D --defined-only m.so
    grep -v ' m_' out && fail "the library exports more than the model's functions"
    says out ' m_train_step_parallel'
    for system in windows macos; do
        build_m "$system.o" $everything --target "x86_64-$system" --cpu x86-64-v2,x86-64-v3
    done
fi

# Elsewhere.
run_there() {
    build_m e.o $everything --target "$1"
    run 0 "$compiler" -std=c11 -static main.c e.o -o e
    rm -f y.bin
    run 0 $emulator ./e 0 learned
    same_as_here m.expected y.bin "$1"
    same_as_here learned.0 learned "$1"
}
emulate run_there aarch64-linux-gnu
finish
