#!/bin/sh
# rnnc build --train and --parallel: objects that learn import nothing on any target, two of them go into one program
# beside one that does not learn, and they learn the same elsewhere.
. tests/cli/lib.sh
. tests/cli/emulate.sh
cc=$(command -v cc || command -v gcc || command -v clang) || {
    echo "no C compiler: skipped"
    exit 77
}
nm=$(command -v llvm-nm-19 || command -v llvm-nm || command -v nm)
cp examples/c/learner.c examples/c/learner.rnn "$scratch"
cd "$scratch" || exit 1
PATH=$(dirname "$RNNC"):$PATH
export PATH
cat >two.rnn <<'EOF2'
model first(n = 9) {
    input x: real(2)[T]
    target wanted: real(1)[T]
    y = linear(1, lstm(n, x))
    loss = mean[T, batch] mean squared_error(y, wanted)
    output y
}

model second() {
    input t: token(5)[T]
    target next: token(5)[T]
    y = linear(5, gru_cho(7, embedding(5, 4, t)))
    loss = mean[T, batch] cross_entropy(y, next)
    output chances = softmax(y)
}

train both_ways {
    batch 2
    steps T = 6
    optimizer adam(rate = 0.02)
    clip_norm 1
    data {
        x = npy("x")
        wanted = npy("w")
    }
}

train by_rows {
    batch 2
    steps T = 6
    optimizer sgd(rate = 0.8)
    init uniform(-0.3, 0.3)
}
EOF2

# What they are built with is what was trained before.
awk 'BEGIN { for (i = 0; i < 4 * 6 * 2; i++) printf "\\000\\000\\%03o\\077", 32 + i * 7 % 50 }' >pattern
printf "$(cat pattern)" | make_npy x.npy '<f4' '4, 6, 2'
awk 'BEGIN { for (i = 0; i < 4 * 6; i++) printf "\\000\\000\\%03o\\077", 16 + i * 3 % 40 }' >pattern
printf "$(cat pattern)" | make_npy w.npy '<f4' '4, 6, 1'
run 0 "$RNNC" train two.rnn --model first --recipe both_ways --data x=x.npy --data w=w.npy --epochs 2 --quiet \
    --weights-out first.safetensors
run 0 "$RNNC" run two.rnn --model first --recipe both_ways --weights first.safetensors --in x=x.npy --out y=y.npy
tail -c 192 x.npy >x.bin
tail -c 96 w.npy >w.bin
tail -c 96 y.npy >y.bin

# build TARGET-OPTIONS…: the three objects of main.c.
build() {
    run 0 "$RNNC" build two.rnn --model first --recipe both_ways --weights first.safetensors --train --parallel 3 \
        --batch 4 -o first.o --header first.h "$@"
    run 0 "$RNNC" build two.rnn --model second --recipe by_rows --train -o second.o --header second.h "$@"
    run 0 "$RNNC" build two.rnn --model first --weights first.safetensors --name plain --length 6 --batch 4 -o plain.o \
        --header plain.h "$@"
}

cat >main.c <<'EOF2'
#include <stdio.h>
#include <string.h>

#include "first.h"
#include "plain.h"
#include "second.h"

enum { ROWS = 4, STEPS = 6, INPUTS = 2, TIMES = 300 };

static _Alignas(64) char one[FIRST_ARENA_BYTES], two[SECOND_ARENA_BYTES], plain[PLAIN_ARENA_BYTES], copy[sizeof one];
static float xs[ROWS][STEPS][INPUTS], ws[ROWS][STEPS], ys[ROWS][STEPS];
static float x[STEPS][ROWS][INPUTS], w[STEPS][ROWS], y[STEPS][ROWS], z[STEPS][ROWS];
static float learned[FIRST_LEARNED_BYTES / 4], chances[STEPS][2][5];

static int load(const char *path, void *to, size_t size) {
    FILE *in = fopen(path, "rb");
    return !in || fread(to, size, 1, in) != 1 || fclose(in);
}

static int turn(void) {
    int bad = load("x.bin", xs, sizeof xs) | load("w.bin", ws, sizeof ws) | load("y.bin", ys, sizeof ys);
    for (int t = 0; t < STEPS; t++) {
        for (int row = 0; row < ROWS; row++) {
            memcpy(x[t][row], xs[row][t], sizeof x[t][row]);
            w[t][row] = ws[row][t];
        }
    }
    return bad;
}

/* Runs a loop on the caller's thread alone, backwards. */
static void loop(void *user, int32_t count, first_task *task, void *context) {
    for (int32_t i = count; i-- > 0;) {
        task(context, i);
    }
    ++*(int *)user;
}

static int near(float a, float b, float limit) {
    return a - b < limit && b - a < limit;
}

int main(int argc, char **argv) {
    int bad = argc != 2 || turn() | first_init(one) | second_init(two) | plain_init(plain);
    const int32_t token[STEPS][2] = {{0, 4}, {1, 0}, {2, 1}, {3, 2}, {4, 3}, {0, 4}};
    const int32_t next[STEPS][2] = {{1, 0}, {2, 1}, {3, 2}, {4, 3}, {0, 4}, {1, 0}};
    float first_loss = 0, last_loss = 0, second_loss = 0, begin = 0;
    int loops = 0;
    /* Before any training: what rnnc run gives, and what an object gives that does not learn, to the bit. */
    bad |= first_run(one, ROWS, STEPS, x[0][0], y[0]) | plain_run(plain, ROWS, STEPS, x[0][0], z[0]);
    bad |= memcmp(y, z, sizeof y) != 0;
    for (int row = 0; row < ROWS; row++) {
        for (int t = 0; t < STEPS; t++) {
            bad |= !near(y[t][row], ys[row][t], 1e-5f);
        }
    }
    /* Both learn, by turns. */
    for (int i = 0; i < TIMES; i++) {
        bad |= first_train_step(one, ROWS, STEPS, x[0][0], w[0], i ? &last_loss : &first_loss);
        bad |= second_train_step(two, 2, STEPS, token[0], next[0], i ? &second_loss : &begin);
    }
    bad |= !(last_loss < first_loss / 2) | !(second_loss < begin / 4);
    bad |= second_run(two, 2, STEPS, token[0], chances[0][0]);
    for (int t = 0; t < STEPS; t++) {
        bad |= !(chances[t][0][next[t][0]] > 0.6f);
    }
    /* Runs have the new weights; an arena can be copied; a loop of ours changes nothing. */
    bad |= first_reset(one);
    memcpy(copy, one, sizeof copy);
    bad |= first_run(one, ROWS, STEPS, x[0][0], z[0]);
    bad |= first_run_parallel(copy, ROWS, STEPS, x[0][0], y[0], 3, loop, &loops);
    bad |= memcmp(y, z, sizeof y) != 0;
    bad |= first_train_save(one, learned);
    FILE *out = fopen(argv[1], "wb");
    bad |= !out || fwrite(learned, sizeof learned, 1, out) != 1 || fclose(out);
    fprintf(stderr, "%g to %g, %g to %g\n", (double)first_loss, (double)last_loss, (double)begin, (double)second_loss);
    return bad;
}
EOF2

build
"$nm" -u first.o second.o plain.o | grep -v ':$' | grep . && fail "an object imports something"
run 0 "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror main.c first.o second.o plain.o -o native
run 0 ./native native.learned
if command -v c++ >/dev/null; then
    printf '#include "first.h"\n#include "second.h"\nint main() { return first_init(0) != FIRST_BAD_ARENA; }\n' >plus.cpp
    run 0 c++ -Wall -Wextra -Wpedantic -Werror plus.cpp first.o second.o -o plus
    run 0 ./plus
fi

# The head of what is learned has the identity; behind it are f32s but for a few counts of the optimiser.
cat >compare.c <<'EOF2'
#include <stdio.h>

int main(int argc, char **argv) {
    FILE *a = fopen(argv[1], "rb"), *b = fopen(argv[argc - 1], "rb");
    float x, y;
    int bad = !a || !b, count = 0;
    while (!bad && fread(&x, 4, 1, a) == 1 && fread(&y, 4, 1, b) == 1) {
        float difference = x > y ? x - y : y - x;
        bad |= count++ > 16 && difference > 1e-3f && difference > 1e-2f * (x > 0 ? x : -x);
    }
    return bad || count < 100;
}
EOF2
run 0 "$cc" compare.c -o compare

# learn_there TARGET
learn_there() {
    build --target "$1"
    run 0 "$compiler" -std=c11 -static main.c first.o second.o plain.o -o foreign
    run 0 $emulator ./foreign foreign.learned
    run 0 ./compare native.learned foreign.learned
    same_as_here native.learned foreign.learned "$1"
}
emulate learn_there aarch64-linux-gnu armv7-linux-gnueabihf riscv64-linux-gnu

# In a page, too: the second model learns what follows what.
cat >learn.mjs <<'EOF2'
import fs from "fs";

const { exports: m } = (await WebAssembly.instantiate(fs.readFileSync("second.wasm"), {})).instance;
m.memory.grow(64);
const arena = (m.__heap_base.value + 63) & ~63, at = arena + (2 << 20);
const tokens = new Int32Array(m.memory.buffer, at, 24), loss = new Float32Array(m.memory.buffer, at + 96, 1);
for (let i = 0; i < 12; i++) {
    tokens[i] = ((i >> 1) + 4 * (i & 1)) % 5;
    tokens[12 + i] = (tokens[i] + 1) % 5;
}
let bad = m.second_init(arena), first = 0;
for (let i = 0; i < 300; i++) {
    bad |= m.second_train_step(arena, 2, 6, at, at + 48, at + 96);
    first ||= loss[0];
}
process.exit(bad | !(loss[0] < first / 4));
EOF2
# learn_in_node TARGET
learn_in_node() {
    run 0 "$RNNC" build two.rnn --model second --recipe by_rows --train -o second.o --target "$1"
    run 0 wasm-ld-19 --no-entry --export=second_init --export=second_train_step --export=__heap_base \
        -o second.wasm second.o
    run 0 node learn.mjs
}
emulate_web learn_in_node

# No target needs a library.
for target in $("$RNNC" build --target list | awk 'NR > 1 { print $1 }'); do
    run 0 "$RNNC" build two.rnn --model first --recipe both_ways --train --parallel 2 --weights-file t.w --set n=3 --target "$target" \
        -o t.o
    "$nm" -u t.o | grep -v __indirect_function_table | grep . && fail "$target imports something"
done

# The example, by the line in its head comment.
line=$(sed -n 's,^//     \(rnnc build .* && cc .*\),\1,p' learner.c)
[ -n "$line" ] || fail "learner.c says no line to compile it"
run 0 sh -c "$line"
run 0 ./learner
says out 'the signal has drifted'

# What cannot be done is one error, and nothing is left behind.
cat >useless.rnn <<'EOF2'
model useless() {
    input x: real[T]
    output y = lstm(3, x)
}
EOF2
refused 'no recipe' "$RNNC" build useless.rnn --train -o no.o --length 3
refused 'up to 256 threads' "$RNNC" build two.rnn --model second --recipe by_rows --train --parallel 300 -o no.o
refused 'first.safetensors' "$RNNC" build two.rnn --model second --recipe by_rows --train --weights first.safetensors \
    -o no.o
refused 'build needs --weights' "$RNNC" build two.rnn --model second --recipe by_rows -o no.o
absent no.o
finish
