# The manual page has every command and every option that the command itself knows, and no others; each option stands at
# its command, or among those of all commands. Formatters find nothing wrong with it.
. tests/cli/lib.sh

page=docs/rnnc.1
# In plain text: without the marks of font and the hyphens' escapes.
sed -e 's/\\-/-/g' "$page" >"$scratch/plain"

# section TITLE: the lines from that heading to the next one.
section() {
    awk -v title="$1" '/^\.S[HS] / { inside = ($0 == title) } inside' "$scratch/plain"
}

# options_in: the names of the options that standard input explains.
options_in() {
    sed -n -e 's/^\.BI* \(--[a-z-]*\).*/\1/p' | sort
}

{
    section '.SH OPTIONS OF ALL COMMANDS WITH A MODEL'
    section '.SS "For looking into the compiler"'
} | options_in >"$scratch/common"

run 0 "$RNNC" --help
sed -n 's/^  \([a-z]*\)  *.*/\1/p' "$scratch/out" >"$scratch/commands"
[ "$(wc -l <"$scratch/commands")" -ge 8 ] || fail "commands of --help"
sed -n 's/^\.SS "rnnc \([a-z]*\)"/\1/p' "$scratch/plain" >"$scratch/explained"
cmp "$scratch/commands" "$scratch/explained" || fail "not the commands of --help, in their order"

while read -r command; do
    run 0 "$RNNC" "$command" --help
    sed -n 's/^  \(--[a-z-]*\).*/\1/p' "$scratch/out" | sort >"$scratch/known"
    case $command in
    inspect) : ;;
    plot) echo '--help' ;;
    bench | build) grep -v '^--unroll$' "$scratch/common" ;;
    *) cat "$scratch/common" ;;
    esac >"$scratch/everywhere"
    section ".SS \"rnnc $command\"" | options_in | cat - "$scratch/everywhere" | sort >"$scratch/found"
    diff "$scratch/known" "$scratch/found" >"$scratch/difference" ||
        fail "rnnc $command: < is missing in $page, > is no option: $(grep '^[<>]' "$scratch/difference" | tr '\n' ' ')"
done <"$scratch/commands"

version=$("$RNNC" --version)
grep -q "^\.TH RNNC 1 [0-9-]* \"$version\"" "$page" || fail "the page is not of $version"

LC_ALL=C grep -n '[^ -~]' "$page" && fail "only ASCII is safe in all formatters"
if command -v mandoc >/dev/null; then
    run 0 mandoc -T lint -W warning "$page"
fi
if command -v groff >/dev/null; then
    run 0 groff -man -Tascii -ww -z "$page"
    [ -s "$scratch/err" ] && fail "groff warns" && show_streams
fi
finish
