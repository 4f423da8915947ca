#!/bin/sh
# examples/web: the model is trained and built, goes on with a text in Node.js as `rnnc sample` does, and the page works in
# a headless browser.
. tests/cli/lib.sh
if ! command -v node >/dev/null || ! command -v wasm-ld-19 >/dev/null && ! command -v wasm-ld >/dev/null; then
    echo "no node or no wasm-ld: skipped"
    exit 77
fi
export RNNC

# go_on FOLDER BEGINNING: what Node.js makes of it is what the tool makes of it.
go_on() {
    letters=$1/letters.rnn
    sed -n 's/^learning .* with \([0-9]*\) characters.*/\1/p' "$1.log" >alphabet
    run 0 "$RNNC" sample "$letters" --set "alphabet=$(cat alphabet)" --set hidden=48 --weights "$1/model.safetensors" \
        --prompt "$2" --temperature 0 --length 60
    said=$(cat out && echo .)
    said=${said%.}
    said=${said#"$2"}
    run 0 node "$here/web_module.mjs" "$1" "$2" "$(printf %.60s "$said")"
}

here=$PWD/tests/cli
source=$PWD/examples/web
cd "$scratch" || exit 1
run 0 env STEPS=60 HIDDEN=48 sh "$source/build.sh" "" "$scratch/prose"
cp out prose.log
present prose/index.html prose/model.wasm prose/model.safetensors
cp "$source/letters.rnn" prose
go_on prose "The cell "

run 1 sh "$source/build.sh" none.txt none
says err 'none.txt: there is no such text'
absent none

# A text of one's own, in letters beyond ASCII.
mkdir own
for i in 1 2 3 4 5 6 7 8; do
    yes 'Größe, żółw: "ça" & \ 漢字 — ok' | head -n 12
done >own.txt
run 0 env STEPS=20 HIDDEN=48 sh "$source/build.sh" own.txt own
cp out own.log
cp "$source/letters.rnn" own
go_on own "Grö"
says out '漢'

for browser in chromium chromium-browser google-chrome; do
    if command -v $browser >/dev/null; then
        run 0 node "$here/web.mjs" "$scratch/prose" $browser
        present prose/light.png prose/phone.png
        finish
        exit
    fi
done
[ "$failures" -eq 0 ] || exit 1
echo "the page is not opened: no chromium"
exit 77
