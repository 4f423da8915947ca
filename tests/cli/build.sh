#!/bin/sh
# Objects made by `rnnc build`, as a user makes and links them: with a C compiler and nothing else.
. tests/cli/lib.sh
. tests/cli/ahead.sh
need_tool "$cc"
cd "$scratch" || exit 1

pair_models >pair.rnn

make_sequences
for model in forward both; do
    train_model pair.rnn $model
    run 0 "$RNNC" build pair.rnn --model $model --weights $model.safetensors -o $model.o --header $model.h \
        --batch 3 --length 7
    present $model.o $model.h
done

# The header says what there is.
grep -q 'int32_t forward_step(' forward.h || fail "no step of a model that has one"
grep -q 'There is no both_step' both.h || fail "the header of a model that looks ahead does not say so"
grep -q '#define BOTH_STATE_BYTES 0 ' both.h || fail "states of a model that looks ahead"

# Nothing is needed from outside.
run 0 nm -u forward.o both.o
if grep -q ' U ' out; then
    fail "an object imports something"
fi

# Two models in one program, and their rows as rnnc run writes them.
cat >main.c <<'EOF'
#include <stdio.h>
#include <string.h>

#include "both.h"
#include "forward.h"

enum { ROWS = 3, STEPS = 7, INPUTS = 6, OUTPUTS = 2 };

static _Alignas(FORWARD_ARENA_ALIGN) char forward_arena[FORWARD_ARENA_BYTES], copy[FORWARD_ARENA_BYTES];
static _Alignas(BOTH_ARENA_ALIGN) char both_arena[BOTH_ARENA_BYTES];
static float file[ROWS][STEPS][INPUTS], x[STEPS][ROWS][INPUTS], y[STEPS][ROWS][OUTPUTS];

static int write_rows(const char *path) {
    FILE *out = fopen(path, "wb");
    for (int row = 0; row < ROWS; row++) {
        for (int t = 0; t < STEPS; t++) {
            fwrite(y[t][row], sizeof y[t][row], 1, out);
        }
    }
    memset(y, 0, sizeof y);
    return fclose(out);
}

int main(void) {
    FILE *in = fopen("x.bin", "rb");
    int bad = fread(file, sizeof file, 1, in) != 1;
    for (int row = 0; row < ROWS; row++) {
        for (int t = 0; t < STEPS; t++) {
            memcpy(x[t][row], file[row][t], sizeof x[t][row]);
        }
    }
    bad |= forward_init(forward_arena) | both_init(both_arena);
    bad |= forward_run(forward_arena, ROWS, STEPS, x[0][0], y[0][0]);
    bad |= write_rows("forward.run");
    bad |= both_run(both_arena, ROWS, STEPS, x[0][0], y[0][0]);
    bad |= write_rows("both.run");
    bad |= forward_reset(forward_arena);
    for (int t = 0; t < STEPS; t++) {
        /* An arena may be moved between runs. */
        memcpy(copy, forward_arena, sizeof copy);
        memset(forward_arena, 0x55, sizeof forward_arena);
        bad |= forward_step(copy, ROWS, x[t][0], y[t][0]);
        memcpy(forward_arena, copy, sizeof copy);
    }
    return bad | write_rows("forward.steps");
}
EOF
run 0 "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror main.c forward.o both.o -o pair
run 0 ./pair
cmp forward.expected forward.run || fail "a run differs from rnnc run"
cmp forward.expected forward.steps || fail "steps differ from rnnc run"
cmp both.expected both.run || fail "a run of a model that looks ahead differs from rnnc run"

# The header is C++ as well, where there is a compiler for it; and no library at all need be there.
if command -v c++ >/dev/null; then
    printf '#include "forward.h"\nint main() { return forward_init(0) != FORWARD_BAD_ARENA; }\n' >plus.cpp
    run 0 c++ -Wall -Wextra -Wpedantic -Werror plus.cpp forward.o -o plus
    run 0 ./plus
fi
run 0 ld -shared -z defs -o alone.so forward.o

# The same twice is the same object; another name does not clash with the first.
run 0 "$RNNC" build pair.rnn --model forward --weights forward.safetensors -o again.o --batch 3 --length 7
cmp forward.o again.o || fail "two builds differ"
run 0 "$RNNC" build pair.rnn --model forward --weights forward.safetensors -o other.o --header other.h --name other \
    --batch 1 --length 1
run 0 ld -r -o joined.o forward.o other.o both.o

# The digits of the examples: 28,360 weights, 5 % for padding and 32 KiB for all else, for this machine and for others.
{
    cat "$RNNC_SOURCE/examples/mnist.rnn"
    echo 'train tiny { batch 2 epochs 1 optimizer sgd(rate = 0.1) data { image = npy("x") digit = npy("d") } }' |
        sed 's/[{] /{\n/g; s/ [}]/\n}/g; s/ epochs/\nepochs/; s/ optimizer/\noptimizer/; s/ data/\ndata/; s/ digit/\ndigit/'
} >digits.rnn
zeros 6272 | make_npy images.npy '<f4' '2, 28, 28'
zeros 8 | make_npy digits.npy '<i4' '2,'
run 0 "$RNNC" train digits.rnn --recipe tiny --data x=images.npy --data d=digits.npy --quiet \
    --weights-out digits.safetensors
for machine in native x86_64-linux-gnu aarch64-linux-gnu x86-64-v4; do
    run 0 "$RNNC" build digits.rnn --recipe tiny --weights digits.safetensors -o digits.o --length 28 --target $machine
    size=$(wc -c <digits.o)
    [ "$size" -le $((28360 * 4 * 105 / 100 + 32768)) ] || fail "the digits' object for $machine has $size bytes"
done

# What cannot be done is one error, and nothing is left behind.
with="--model forward --weights forward.safetensors --length 7"
refused 'build needs --weights' "$RNNC" build pair.rnn --model forward -o no.o --length 7
refused 'say what to write' "$RNNC" build pair.rnn $with
refused 'both.safetensors' "$RNNC" build pair.rnn --model forward --weights both.safetensors -o no.o --header no.h \
    --length 7
refused 'none.safetensors' "$RNNC" build pair.rnn --model forward --weights none.safetensors -o no.o --length 7
refused 'nowhere/no.o' "$RNNC" build pair.rnn $with -o nowhere/no.o
refused 'nowhere/no.h' "$RNNC" build pair.rnn $with -o no.o --header nowhere/no.h
refused 'sequences along T' "$RNNC" build pair.rnn --model forward --weights forward.safetensors -o no.o
refused 'unknown processor' "$RNNC" build pair.rnn $with -o no.o --cpu z80
refused 'a name for C' "$RNNC" build pair.rnn $with -o no.o --name 2nd
refused 'no.o would be written twice' "$RNNC" build pair.rnn $with -o no.o --header no.o
refused 'no.o would be written twice' "$RNNC" build pair.rnn $with -o no.o --weights-file no.o
refused 'forward.safetensors is read, and' "$RNNC" build pair.rnn $with -o no.o --weights-file forward.safetensors
absent no.o no.h
finish
