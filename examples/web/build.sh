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
[ -n "$text" ] || [ -f "$root/docs/language.md" ] || {
    echo "build.sh: the documentation is not here: say which text to learn" >&2
    exit 1
}
[ -z "$text" ] || [ -f "$text" ] || {
    echo "build.sh: $text: there is no such text" >&2
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
    { LC_ALL=C sed "1s/^\xef\xbb\xbf//" "$text" | tr -d "\r"; echo; } >"$work/text"
else
    prose >"$work/text"
fi

# How many characters there are, the end of a line among them.
alphabet=$(LC_ALL=C.UTF-8 grep -o . "$work/text" | LC_ALL=C sort -u | wc -l)
alphabet=$((alphabet + 1))

echo "learning $(wc -c <"$work/text") bytes of text with $alphabet characters, $steps steps"
sed "s/ 1200/ $steps/" "$root/examples/web/letters.rnn" >"$work/letters.rnn"
set -- "$work/letters.rnn" --set "alphabet=$alphabet" --set "hidden=$hidden"
"$rnnc" train "$@" --data text="$work/text" --quiet --weights-out "$work/weights"
"$rnnc" build "$@" --weights "$work/weights" --batch 1 --length 1 --target wasm32-simd128 \
    -o "$work/model.wasm" --header "$work/model.h"

# What the page takes from the header goes into the module, as a section of its own: a zero, the size, a name, the text.
{
    echo "name=letters"
    sed -n 's/^#define LETTERS_ARENA_BYTES \([0-9]*\).*/arena=\1/p; s/^#define LETTERS_TOKENS \([0-9]*\).*/tokens=\1/p' \
        "$work/model.h"
} >"$work/about"
{
    cat "$work/model.wasm"
    printf "\\000\\$(printf %03o $(($(wc -c <"$work/about") + 6)))\\005about"
    cat "$work/about"
} >"$folder/model.wasm"
cp "$work/weights" "$folder/model.safetensors"
cp "$root/examples/web/index.html" "$folder"
ls -l "$folder"/model.wasm | awk '{ print $5, "bytes: " $NF }'
