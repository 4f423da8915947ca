#!/bin/sh
# The example of docs/aot.md, taken from the page and run as it stands there.
. tests/cli/lib.sh
command -v cc >/dev/null || {
    echo "no C compiler: skipped"
    exit 77
}
page=$(pwd)/docs/aot.md
cd "$scratch" || exit 1

# block LANGUAGE: the page's block of that language.
block() {
    awk -v begin="\`\`\`$1" '$0 == begin { inside = 1; next } /^```/ { inside = 0 } inside' "$page"
}

block rnn >next.rnn
block sh >commands
block c >main.c
awk 'BEGIN { for (i = 0; i < 4 * 20; i++) printf "\\000\\000\\%03o\\077", i % 50 }' >pattern
printf "$(cat pattern)" | make_npy x.npy '<f4' '4, 20'
cp x.npy y.npy
present next.rnn commands main.c
PATH=$(dirname "$RNNC"):$PATH
export PATH
run 0 sh -e ./commands
says out '^99 '
[ "$(grep -c '^[0-9]* [-0-9.e]*$' out)" -eq 100 ] || fail "not 100 answers"
finish
