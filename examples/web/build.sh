#!/bin/sh
# Trains a small model of the characters of a text, compiles it to WebAssembly and puts it beside the page that shows it.
#
#     sh examples/web/build.sh [TEXT [FOLDER]]
#     python3 -m http.server --directory FOLDER
#
# TEXT is UTF-8; without one, or with "", the documentation's prose is learnt, within a minute. FOLDER, else ./build/web,
# then holds index.html and model.wasm, which is all that a server needs, and model.safetensors, the weights. STEPS and
# HIDDEN in the environment say how long to learn and how large the layer is, RNNC where the tool is.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
text=${1:-}
folder=${2:-build/web}
steps=${STEPS:-1200}
hidden=${HIDDEN:-160}

# The tool that was built here, or else the one that is installed.
rnnc=${RNNC:-$root/build/rnnc}
[ -x "$rnnc" ] || rnnc=rnnc
linker=$(command -v wasm-ld-19 || command -v wasm-ld) || {
    echo "build.sh: no wasm-ld: it is in Debian's package lld-19" >&2
    exit 1
}
[ -n "$text" ] || [ -f "$root/docs/language.md" ] || {
    echo "build.sh: the documentation is not here: say which text to learn" >&2
    exit 1
}
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The pages of the documentation without code, tables and marks, a paragraph a line.
prose() {
    awk '/^```/ { code = !code } code || /^```|^[|#]/ { next } { print }' "$root/README.md" "$root"/docs/*.md |
        sed 's/\[\([^]]*\)\]([^)]*)/\1/g; s/[`*]//g; s/^ *- //; s/^ *//' | LC_ALL=C tr -d '\200-\377' |
        awk 'BEGIN { RS = ""; FS = "\n" } { for (i = 1; i <= NF; i++) printf "%s%s", $i, i < NF ? " " : "\n\n" }'
}
if [ -n "$text" ]; then
    { tr -d "\r" <"$text"; echo; } >"$work/text"
else
    prose >"$work/text"
fi

# A model's tokens are the characters of its text in the order of their codes, which is that of their bytes.
{
    echo
    LC_ALL=C.UTF-8 grep -o . "$work/text" | LC_ALL=C sort -u
} >"$work/letters"
alphabet=$(wc -l <"$work/letters")

echo "learning $(wc -c <"$work/text") bytes of text with $alphabet characters, $steps steps"
sed "s/ 1200/ $steps/" "$root/examples/web/letters.rnn" >"$work/letters.rnn"
set -- "$work/letters.rnn" --set "alphabet=$alphabet" --set "hidden=$hidden"
"$rnnc" train "$@" --data text="$work/text" --quiet --weights-out "$work/weights"
"$rnnc" build "$@" --weights "$work/weights" --batch 1 --length 1 --target wasm32-simd128 \
    -o "$work/model.o" --header "$work/model.h"
"$linker" --no-entry --strip-all --export=letters_init --export=letters_reset --export=letters_step \
    --export=__heap_base -o "$work/model.wasm" "$work/model.o"

# What the page has to know besides: a section of the module with lines of NAME=VALUE and the alphabet.
{
    echo "name=letters"
    sed -n 's/^#define LETTERS_ARENA_BYTES \([0-9]*\).*/arena=\1/p' "$work/model.h"
    echo
    echo
    tail -n +2 "$work/letters" | tr -d '\n'
} >"$work/about"
# Sizes in such a file have seven bits a byte, the lowest first.
size() {
    rest=$1
    while [ "$rest" -ge 128 ]; do
        printf "\\$(printf %03o $((rest % 128 + 128)))"
        rest=$((rest / 128))
    done
    printf "\\$(printf %03o "$rest")"
}
{
    cat "$work/model.wasm"
    printf '\000'
    size $(($(wc -c <"$work/about") + 6))
    printf '\005about'
    cat "$work/about"
} >"$folder/model.wasm"
cp "$work/weights" "$folder/model.safetensors"
cp "$root/examples/web/index.html" "$folder"
ls -l "$folder"/model.wasm | awk '{ print $5, "bytes: " $NF }'
