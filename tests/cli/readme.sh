# The README's page, as a newcomer follows it: every command on it works as it is written, in the order of the page, and
# prints the lines that the page shows behind it, but for their figures.
. tests/cli/lib.sh

page=$PWD/README.md
PATH=$(cd "$(dirname "$RNNC")" && pwd):$PATH
export PATH
cd "$scratch" || exit 1

# The blocks of code of that chapter, a file each: block.1, block.2, …
awk '/^## /   { within = $0 == "## A cell of your own" }
     /^```/   { if (within) { inside = !inside; number += inside } next }
     inside   { print >("block." number) }' "$page"
[ -s block.10 ] || fail "the README's page has no commands"

without_figures() {
    sed 's/[0-9][0-9.,]*k*/N/g' "$1"
}

# A block that begins with one of these words is commands; the page's model is a file that it names; all else is output.
printed=
number=1
while [ -s "block.$number" ]; do
    block=block.$number
    number=$((number + 1))
    case $(head -n 1 "$block") in
    'export '*)
        sed '/^export PATH=/d' "$block" >"$block.sh"
        sh -e "$block.sh" || fail "the page's $block"
        ;;
    'rnnc '* | 'sed '*)
        sh "$block" >"$block.printed" 2>&1
        printed=$block.printed
        ;;
    '# One gate'*)
        cp "$block" mine.rnn
        ;;
    *)
        without_figures "$printed" >found
        without_figures "$block" | grep -v '^…$' >expected
        while IFS= read -r line; do
            grep -qxFe "$line" found || fail "the README shows '$line', which $printed has not"
        done <expected
        ;;
    esac
done
# Errors are told on the page in two places, and there the page shows them.
grep -l 'error:' block.*.printed >failed
[ "$(wc -l <failed)" -eq 2 ] || fail "errors in: $(cat failed)"
present answer.npy mine.safetensors

finish
