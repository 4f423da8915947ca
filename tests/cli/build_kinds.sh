#!/bin/sh
# What `rnnc build` makes of an object: archives, shared libraries, modules of WebAssembly, and programs that read .npy
# files, bytes and numbers. All give what `rnnc run` gives.
. tests/cli/lib.sh
. tests/cli/ahead.sh
. tests/cli/emulate.sh
need_tool cc
cd "$scratch" || exit 1
pair_models >pair.rnn
make_sequences
for model in forward both; do
    train_model pair.rnn $model
done
build="$RNNC build pair.rnn --model forward --weights forward.safetensors --batch 2 --length 3"

echo "archives and libraries"
cat >main.c <<'EOF'
#include <stdio.h>

#include "forward.h"

static _Alignas(FORWARD_ARENA_ALIGN) char arena[FORWARD_ARENA_BYTES];

/* The first row of x.bin, step by step. */
int main(void) {
    float x[6], y[2];
    FILE *in = fopen("x.bin", "rb");
    int bad = !in || forward_init(arena);
    for (int t = 0; t < 7 && !bad; t++) {
        bad = fread(x, sizeof x, 1, in) != 1 || forward_step(arena, 1, x, y);
        bad |= fwrite(y, sizeof y, 1, stdout) != 1;
    }
    return bad;
}
EOF
head -c 56 forward.expected >row
run 0 $build -o forward.a --header forward.h
[ "$(ar t forward.a)" = forward.o ] || fail "the archive's member is $(ar t forward.a)"
run 0 cc -std=c11 -Wall -Werror main.c forward.a -o with-archive
run 0 ./with-archive
cmp out row || fail "an archive differs from rnnc run"
run 0 $build -o a_name_of_some_length.a
[ "$(ar t a_name_of_some_length.a)" = a_name_of_some_length.o ] || fail "a long name in an archive"
run 0 ld -r -o whole.o --whole-archive a_name_of_some_length.a

run 0 $build -o forward.so
run 0 cc -std=c11 main.c ./forward.so -Wl,-rpath,"$scratch" -o with-library
run 0 ./with-library
cmp out row || fail "a shared library differs from rnnc run"
run 0 nm -D forward.so
grep -v ' T forward_' out && fail "the library exports or imports other things than its functions"

if command -v llvm-nm-19 >/dev/null; then
    for target in x86_64-windows aarch64-macos; do
        run 0 $build -o foreign.a --target $target
        run 0 llvm-nm-19 --print-armap foreign.a
        [ "$(grep -c 'forward_[a-z]* in foreign.o' out)" -eq 4 ] || fail "the index of an archive for $target"
    done
fi

if command -v wasm-ld-19 >/dev/null && command -v node >/dev/null; then
    run 0 $build -o forward.wasm --target wasm32
    cat >module.mjs <<'EOF'
import fs from "fs";
const { instance } = await WebAssembly.instantiate(fs.readFileSync("forward.wasm"), {});
const { memory, __heap_base, ...functions } = instance.exports;
memory.grow(16);
console.log(Object.keys(functions).sort().join(" "), functions.forward_init((__heap_base.value + 63) & ~63));
EOF
    run 0 node module.mjs
    says out '^forward_init forward_reset forward_run forward_step 0$'
else
    echo "wasm: not run: wasm-ld-19 or node is missing"
fi

echo "programs"
# Found by a path that is not absolute, too.
ln -s "$(dirname "$RNNC")" tool
run 0 tool/rnnc build pair.rnn --model forward --weights forward.safetensors --batch 2 --length 3 -o forward
[ -x forward ] || fail "the program cannot be run"
for option in prompt temperature; do
    ./forward --help | grep -e "--$option" && fail "a series is no text"
done
run 0 ./forward --help
says out 'input  x .*float32.rows..T..6.'
# Three rows of seven steps, though two of three were asked for.
run 0 ./forward --in x=x.npy --out y=found.npy
cmp found.npy forward.npy || fail "a program differs from rnnc run"
head -c 168 x.bin >x.row
run 0 ./forward --raw <x.row
cmp out row || fail "a stream of bytes differs from rnnc run"
od -A n -v -t f4 -w24 x.row >x.text
run 0 ./forward <x.text
[ "$(wc -l <out)" -eq 7 ] || fail "not a line for each step"
mv out y.text
awk '{ printf "%.6f %.6f\n", $1, $2 }' y.text >y.found
od -A n -v -t f4 -w8 row | awk '{ printf "%.6f %.6f\n", $1, $2 }' >y.wanted
cmp y.found y.wanted || fail "a stream of numbers differs from rnnc run"

run 0 "$RNNC" build pair.rnn --model both --weights both.safetensors --batch 2 --length 7 -o both
run 0 ./both --in x=x.npy --out y=found.npy
cmp found.npy both.npy || fail "a program that looks ahead differs from rnnc run"
run 0 ./both --raw <x.bin
cmp out both.expected || fail "sequences as bytes differ from rnnc run"

echo "bad use of programs"
refused 'no value of that name' ./forward --in z=x.npy --out y=none.npy
refused "the input 'x' is needed" ./forward --out y=none.npy
refused 'none.npy: cannot be read' ./forward --in x=none.npy
refused 'not a .npy file' ./forward --in x=x.text --out y=none.npy
refused 'nowhere/y.npy: cannot be written' ./forward --in x=x.npy --out y=nowhere/y.npy
refused 'is no option' ./forward --nothing 3
refused '^forward: error: --nothing is no option' ./forward --nothing
refused 'y.npy stands for two outputs' ./both --in x=x.npy --out y=y.npy --out z=y.npy
refused 'needs a value' ./forward --in
refused 'T: this model was built for 1 to 7' ./both --length 8
head -c 100 x.row >x.short
# Four steps are answered before the one that ends early.
run 1 ./forward --raw <x.short
says err 'ends within x: 1 of 6 numbers'
printf '1 2 three' >x.words
refused "expected a number, found 'three'" ./forward <x.words
head -c 300 x.npy >x.cut
refused 'ends early' ./forward --in x=x.cut --out y=none.npy
make_npy x.wide '<f4' '3, 14, 3' <x.bin
refused 'has 6 columns' ./forward --in x=x.wide --out y=none.npy
absent none.npy
# What a path leads to is kept: a link stays a link, and a pipe is written and not replaced.
: >linked.npy
ln -s linked.npy link.npy
for time in first second; do
    run 0 ./forward --in x=x.npy --out y=link.npy
    [ -L link.npy ] || fail "the $time answer replaced a link"
done
cmp linked.npy forward.npy || fail "an answer through a link"
mkfifo pipe
cat pipe >piped.npy &
run 0 ./forward --in x=x.npy --out y=pipe
wait
[ -p pipe ] || fail "an answer replaced a pipe"
cmp piped.npy forward.npy || fail "an answer through a pipe"
absent link.npy.part linked.npy.part pipe.part
if [ -e /dev/full ]; then
    ln -s /dev/full full
    refused 'cannot be written: No space' ./forward --in x=x.npy --out y=full
    [ -L full ] || fail "an answer replaced a device"
    run 1 sh -c './forward --raw <x.row >/dev/full'
    says err 'standard output cannot be written'
fi

# run_there TARGET
run_there() {
    run 0 $build -o forward-there --target "$1" --cc "$compiler"
    run 0 $emulator -L "/usr/$1" ./forward-there --in x=x.npy --out y=there.npy
    tail -c 168 there.npy | od -A n -v -t f4 -w4 >there
    od -A n -v -t f4 -w4 forward.expected | paste - there |
        awk '{ d = $1 - $2; bad += d > 1e-5 || d < -1e-5 } END { exit bad || NR != 42 }' ||
        fail "a program for $1 differs from rnnc run"
}
emulate run_there aarch64-linux-gnu

echo "what cannot be done"
refused '-o takes NAME.o, NAME.a' $build -o no.exe
refused 'goes with --target wasm32' $build -o no.wasm
refused 'is NAME.wasm, NAME.o or NAME.a' $build -o no --target wasm32
refused 'say which C compiler' $build -o no --target aarch64-linux-gnu
refused 'is NAME.o or NAME.a' $build -o no --target aarch64-macos --cc cc
refused 'is NAME.o or NAME.a' $build -o no.so --target x86_64-windows --cc cc
refused 'train is for objects and libraries, since what a program learned' $build -o no --train
refused 'parallel is for objects and libraries, since a program has one thread' $build -o no --parallel 2
refused 'weights-file is for objects and libraries, since processes share' $build -o no --weights-file no.weights
refused 'is not linked: leave --cc out' $build -o no.o --cc cc
refused 'there is no no-such-cc' $build -o no --cc no-such-cc
refused 'nowhere/no' $build -o nowhere/no
refused 'nowhere/no.so' $build -o nowhere/no.so
mkdir -p bare
refused 'apt-get install gcc' env PATH="$scratch/bare" $build -o no
refused 'apt-get install lld-19' env PATH="$scratch/bare" $build -o no.wasm --target wasm32
run 0 env PATH="$scratch/bare" $build -o yes.o
printf '#!/bin/sh\necho it is broken >&2\nexit 3\n' >bare/cc
chmod +x bare/cc
refused 'cannot link .*it is broken' env PATH="$scratch/bare:$PATH" $build -o no --header no.h
refused 'cannot link .*it is broken' $build -o no --cc bare/cc
absent no no.h no.weights
finish
