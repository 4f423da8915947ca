#!/bin/sh
# The report of sizes and `rnnc inspect`: what they say of objects for every target, the limits of code, and that no
# file, however damaged, is more than an error.
. tests/cli/lib.sh
. tests/cli/ahead.sh
begin_m

# number WORD: the first number behind a word in what was said last.
number() { sed -n "s/^$1  *\([0-9,]*\).*/\1/p" out | tr -d , | head -n 1; }

# An LSTM step of 64 hidden units, with whatever length: 8 KiB of code for one row, 24 KiB for up to 32.
cat >step.rnn <<'EOF2'
model step(n = 64) {
    input x: real(64)[T]
    target wanted: real(64)[T]
    y = lstm(n, x)
    loss = mean[T, batch] mean squared_error(y, wanted)
    output y
}
EOF2
quick_recipe >>step.rnn
zeros 512 | make_npy long.npy '<f4' '1, 2, 64'
run 0 "$RNNC" train step.rnn --data x=long.npy --data w=long.npy --set T=2 --epochs 1 --quiet --weights-out step.safetensors
for length in 1 1000; do
    for batch in 1 32; do
        run 0 "$RNNC" build step.rnn --weights step.safetensors -o step.o --batch $batch --length $length \
            --target x86_64-linux-gnu --size-report
        limit=$((batch == 1 ? 8192 : 24576))
        [ "$(number code)" -le $limit ] || fail "a step has $(number code) bytes of code at batch $batch, length $length"
        # A stream's memory is its states and a step's values, without room for runs that never come.
        [ $((batch * length)) -gt 1 ] || [ "$(number arena)" -le 8192 ] || fail "a step needs $(number arena) bytes"
        parts=$(sed -n 's/^  .* \([0-9,][0-9,]*\)$/\1/p' out | tr -d , | awk '{ sum += $1 } END { print sum }')
        [ "$parts" -eq "$(number code)" ] || fail "the parts of the code are $parts bytes, all of it $(number code)"
    done
done
says out '^  lstm\.0\.h\.step\.'
says out '^  shared by kernels '
says out '^  init, reset, run, step '
says out '^weights '
says out '^state '

# Every target: model, target, processor, kernels, sizes, and no import.
run 0 "$RNNC" build --target list
for target in $(awk 'NR > 1 { print $1 }' out); do
    build_m "$target.o" --target "$target"
    run 0 "$RNNC" inspect "$target.o"
    says out '^model  *m, functions m_init'
    says out '^hash  *[0-9a-f]\{64\}$'
    says out '^maxima  *batch 3, T 7$'
    says out '^  lstm\.0\.'
    says out '^imports  *nothing$'
    [ "$(number code)" -gt 1000 ] || fail "$target: $(number code) bytes of code"
    [ "$(number arena)" = "$(sed -n 's/#define M_ARENA_BYTES \([0-9]*\).*/\1/p' m.h)" ] || fail "$target: another arena"
    [ "$(number weights)" -le "$(number read-only)" ] || fail "$target: weights outside of the data"
done
says out '^target  *arm64-apple-macosx.*apple-m1$'

# The hash is that of the model and its weights.
hash() { "$RNNC" inspect "$1" | sed -n 's/^hash *//p'; }
build_m again.o --target x86_64-linux-gnu
[ "$(hash again.o)" = "$(hash x86_64-linux-gnu.o)" ] || fail "two builds of one model have two hashes"
run 0 "$RNNC" train m.rnn --data x=x.npy --data w=w.npy --set T=7 --epochs 3 --quiet --weights-out other.safetensors
run 0 "$RNNC" build m.rnn --weights other.safetensors -o other.o --batch 3 --length 7 --target x86_64-linux-gnu
[ "$(hash again.o)" != "$(hash other.o)" ] || fail "other weights, and the same hash"

# Of an object that learns: its weights, which are not constant, and the kernels of the training, too.
build_m learner.o --train --target x86_64-linux-gnu --size-report
says out '^weights  *[0-9,]* bytes, which change, in the arena$'
says out '^  update\.'
[ "$(number weights)" -eq $((4 * 3476)) ] || fail "a learner of $(number weights) bytes of weights"
[ "$(hash learner.o)" != "$(hash again.o)" ] || fail "an object that learns has the hash of one that does not"
run 0 "$RNNC" build m.rnn --weights other.safetensors -o other.o --train --batch 3 --length 7 --target x86_64-linux-gnu
[ "$(hash learner.o)" != "$(hash other.o)" ] || fail "other weights to begin with, and the same hash"

# What else holds objects.
if command -v ar >/dev/null; then
    run 0 ar rcs both.a again.o aarch64-linux-gnu.o
    run 0 "$RNNC" inspect both.a
    says out '^both.a(again.o): ELF'
    [ "$(grep -c '^model ' out)" -eq 2 ] || fail "not two models in an archive of two objects"
    head -c 5000 both.a >cut.a
    refused 'cut.a' "$RNNC" inspect cut.a
fi
build_m here.o
"$RNNC" inspect here.o | grep '^features .*,-' && fail "features that are not there"
run 0 "$cc" -shared here.o -o here.so
run 0 "$RNNC" inspect here.so
says out '^model  *m,'
for target in aarch64-macos x86_64-windows x86_64-linux-gnu; do
    build_m ours.a --target $target
    run 0 "$RNNC" inspect ours.a
    says out '^ours.a(ours.o): '
    says out '^imports  *nothing$'
done
build_m m
run 0 "$RNNC" inspect m
says out '^model  *m,'
says out '^  shared by kernels, and the program around '
printf 'extern int elsewhere(void);\nint from_here(void) { return elsewhere(); }\n' >needs.c
run 0 "$cc" -c needs.c -o needs.o
refused 'no model made by rnnc build' "$RNNC" inspect needs.o
run 0 ld -r here.o needs.o -o joined.o
run 0 "$RNNC" inspect joined.o
says out '^imports  *elsewhere$'
refused 'm.rnn' "$RNNC" inspect m.rnn
refused 'none.o' "$RNNC" inspect none.o
: >empty.o
refused 'empty.o' "$RNNC" inspect empty.o

# Cut and changed files end in an answer or in one error, never otherwise.
sound() {
    "$RNNC" inspect damaged.o >out 2>err
    code=$?
    [ $code -le 1 ] || fail "exit code $code for $1"
    [ $code -eq 0 ] || [ "$(grep -c 'error:' err)" -eq 1 ] || fail "not one error for $1"
}
for target in x86_64-linux-gnu x86_64-windows aarch64-macos wasm32; do
    size=$(wc -c <"$target.o")
    for cut in 1 20 64 100 400 1600 $((size / 3)) $((size / 2)) $((size - 900)) $((size - 60)) $((size - 1)); do
        head -c "$cut" "$target.o" >damaged.o
        sound "$target.o cut at $cut"
    done
    # Places at the head and, where the tables are, towards the end.
    for at in 4 8 16 20 24 32 40 44 48 58 60 62 110 130 170 $((size - 2000)) $((size - 1500)) \
        $((size - 1000)) $((size - 700)) $((size - 500)) $((size - 300)) $((size - 200)) $((size - 100)); do
        cp "$target.o" damaged.o
        printf '\377\376\177\201' | dd of=damaged.o bs=1 seek="$at" conv=notrunc 2>/dev/null
        sound "$target.o changed at $at"
    done
done
finish
