#!/bin/sh
# One model in all its uses: by `rnnc run`, by the library, as an object in a C program here, and on other machines. Every
# target compiles and imports nothing; those that an emulator or Node.js can run here come close to the interpreter, give
# in steps the bits of a run, and with fused multiply-adds this machine's bits.
. tests/cli/lib.sh
. tests/cli/ahead.sh
. tests/cli/emulate.sh
nm=$(command -v llvm-nm-19 || command -v llvm-nm) || {
    echo "no llvm-nm: skipped"
    exit 77
}
begin_m
# The interpreter's numbers are what all must come close to, this machine's what those with the same operations must be.
mv m.expected m.bits
run 0 "$RNNC" run m.rnn --interpret --weights m.safetensors --in x=x.npy --out y=m.npy
tail -c 168 m.npy >m.expected

run 0 "$RNNC" build --target list
targets=$(awk 'NR > 1 { print $1 }' out)
for target in $targets; do
    build_m "$target.o" --target "$target"
    # The table of functions is the WebAssembly linker's own.
    "$nm" -u "$target.o" | grep -v __indirect_function_table >imports
    [ ! -s imports ] || fail "$target imports $(cat imports)"
    "$nm" -g --defined-only "$target.o" | awk '{ print $3 }' | grep -vx '_*m_[a-z]*' >others
    [ ! -s others ] || fail "$target shows $(cat others)"
done

# What cannot be run here is at least what its system calls an object, and has the functions.
# reads TARGET FORMAT ARCHITECTURE PREFIX
readobj=$(command -v llvm-readobj-19 || command -v llvm-readobj)
reads() {
    [ -n "$readobj" ] || return
    run 0 "$readobj" --file-headers --sections --symbols "$1.o"
    says out "^Format: $2$"
    says out "^Arch: $3$"
    for function in init reset run step; do
        says out "Name: $4m_$function\\b"
    done
}
reads x86_64-windows COFF-x86-64 x86_64 ''
reads aarch64-windows COFF-ARM64 aarch64 ''
reads x86_64-macos 'Mach-O 64-bit x86-64' x86_64 _
reads aarch64-macos 'Mach-O arm64' aarch64 _

cat >main.c <<'EOF'
#include <stdio.h>
#include <string.h>

#include "m.h"

enum { ROWS = 3, STEPS = 7, INPUTS = 6, OUTPUTS = 2 };

static _Alignas(M_ARENA_ALIGN) char arena[M_ARENA_BYTES];
static float file[ROWS][STEPS][INPUTS], wanted[ROWS][STEPS][OUTPUTS];
static float x[STEPS][ROWS][INPUTS], y[STEPS][ROWS][OUTPUTS], z[STEPS][ROWS][OUTPUTS];

static int load(const char *path, void *to, size_t size) {
    FILE *in = fopen(path, "rb");
    return !in || fread(to, size, 1, in) != 1 || fclose(in);
}

int main(void) {
    int bad = load("x.bin", file, sizeof file) | load("m.expected", wanted, sizeof wanted);
    for (int t = 0; t < STEPS; t++) {
        for (int row = 0; row < ROWS; row++) {
            memcpy(x[t][row], file[row][t], sizeof x[t][row]);
        }
    }
    bad |= m_init(arena) | m_run(arena, ROWS, STEPS, x[0][0], y[0][0]) | m_reset(arena);
    for (int t = 0; t < STEPS; t++) {
        bad |= m_step(arena, ROWS, x[t][0], z[t][0]);
    }
    bad |= memcmp(y, z, sizeof y) != 0;
    for (int i = 0; i < ROWS * STEPS * OUTPUTS; i++) {
        float found = y[i / OUTPUTS % STEPS][i / OUTPUTS / STEPS][i % OUTPUTS];
        float difference = found - wanted[i / OUTPUTS / STEPS][i / OUTPUTS % STEPS][i % OUTPUTS];
        bad |= !(difference > -1e-5f && difference < 1e-5f);
    }
    FILE *out = fopen("y.bin", "wb");
    for (int i = 0; out && i < ROWS * STEPS; i++) {
        fwrite(y[i % STEPS][i / STEPS], sizeof y[0][0], 1, out);
    }
    return bad | !out || fclose(out);
}
EOF

echo "here"
build_m m.o
run 0 "$cc" main.c m.o -o here
run 0 ./here
cmp m.bits y.bin || fail "an object differs from rnnc run"
cat >library.c <<'EOF'
#include <rnnc.h>
#include <stdio.h>

enum { ROWS = 3, STEPS = 7, INPUTS = 6, OUTPUTS = 2 };

int main(void) {
    static float x[ROWS * STEPS * INPUTS], y[ROWS * STEPS * OUTPUTS];
    rnnc_model *model = NULL;
    rnnc_program *program = NULL;
    rnnc_weights *weights = NULL;
    rnnc_context *context = NULL;
    rnnc_compile_options options = RNNC_COMPILE_OPTIONS;
    options.max_batch = ROWS;
    options.max_length = STEPS;
    FILE *in = fopen("x.bin", "rb"), *out = fopen("y.bin", "wb");
    int bad = !in || !out || fread(x, sizeof x, 1, in) != 1 ||
              rnnc_model_from_file("m.rnn", NULL, NULL, &model) ||
              rnnc_program_compile(model, &options, NULL, &program) ||
              rnnc_weights_create(program, NULL, &weights) ||
              rnnc_weights_load(weights, "m.safetensors", NULL) ||
              rnnc_context_create(program, weights, NULL, &context) ||
              rnnc_context_write_input(context, 0, RNNC_ROWS_FIRST, x, ROWS * STEPS * INPUTS, NULL) ||
              rnnc_run(context, NULL) ||
              rnnc_context_read_output(context, 0, RNNC_ROWS_FIRST, y, ROWS * STEPS * OUTPUTS, NULL) ||
              fwrite(y, sizeof y, 1, out) != 1 || fclose(out);
    rnnc_context_destroy(context);
    rnnc_weights_release(weights);
    rnnc_program_release(program);
    rnnc_model_release(model);
    return bad;
}
EOF
tool=$(dirname "$RNNC")
if ldd "$RNNC" 2>/dev/null | grep -qe 'libasan\|libtsan' || [ ! -f "$tool/librnnc.so" ]; then
    echo "the library: not run: a sanitizer is in it, or it is not there"
else
    run 0 "$cc" -I"$RNNC_SOURCE/include" library.c "$tool/librnnc.so" -Wl,-rpath,"$tool" -o library
    rm -f y.bin
    run 0 ./library
    cmp m.bits y.bin || fail "the library differs from rnnc run"
fi

# run_there TARGET
run_there() {
    build_m e.o --target "$1"
    run 0 "$compiler" -std=c11 -static main.c e.o -o e
    rm -f y.bin
    run 0 $emulator ./e
    same_as_here m.bits y.bin "$1"
}
emulate run_there aarch64-linux-gnu armv7-linux-gnueabihf riscv64-linux-gnu riscv64-v-linux-gnu

cat >run.mjs <<'EOF'
import fs from "fs";

const file = process.argv[2];
const floats = path => new Float32Array(new Uint8Array(fs.readFileSync(path)).buffer);
const { exports: m } = (await WebAssembly.instantiate(fs.readFileSync(file), {})).instance;
m.memory.grow(64);
const arena = (m.__heap_base.value + 63) & ~63, at = arena + (2 << 20);
const x = new Float32Array(m.memory.buffer, at, 126), y = new Float32Array(m.memory.buffer, at + 1024, 42);
const given = floats("x.bin"), wanted = floats("m.expected");
for (let i = 0; i < 126; i++) {
    x[(Math.floor(i / 6) % 7 * 3 + Math.floor(i / 42)) * 6 + i % 6] = given[i];
}
let bad = m.m_init(arena) | m.m_run(arena, 3, 7, at, at + 1024);
for (let i = 0; i < 42; i++) {
    bad |= !(Math.abs(y[(Math.floor(i / 2) % 7 * 3 + Math.floor(i / 14)) * 2 + i % 2] - wanted[i]) < 1e-5);
}
const whole = y.slice();
bad |= m.m_reset(arena);
for (let t = 0; t < 7; t++) {
    bad |= m.m_step(arena, 3, at + t * 72, at + 1024 + t * 24);
}
bad |= y.some((value, i) => value !== whole[i]);
process.exit(bad);
EOF
# run_in_node TARGET
run_in_node() {
    build_m "$1.wasm" --target "$1"
    run 0 node run.mjs "$1.wasm"
}
emulate_web run_in_node

refused 'unknown target "wasm"' "$RNNC" build m.rnn --weights m.safetensors -o no.o --length 7 --target wasm
refused 'not with --target' "$RNNC" build m.rnn --weights m.safetensors -o no.o --length 7 --target wasm32 --cpu x86-64
absent no.o
finish
