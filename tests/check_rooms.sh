#!/bin/sh
# The rules between the rooms, by grep over their sources. Prints each offence as file:line and exits with 1.
# Usage: tests/check_rooms.sh [folder of the tree to check]
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2

# Which rooms each room may include besides itself. Folders within a room count as rooms of their own where
# they are listed here.
arrows='
support
ir              support
frontend        ir support
passes          ir support
codegen         passes ir support
runtime/data    frontend ir support
runtime/train   runtime/data runtime frontend codegen passes ir support
runtime         runtime/data codegen passes ir support
report          runtime/train runtime/data runtime codegen passes frontend ir support
ahead           runtime/train runtime/data runtime codegen passes frontend ir support
api             ahead report runtime/train runtime/data runtime codegen passes frontend ir support
standalone      support
cli             ahead report runtime/train runtime/data runtime codegen passes frontend ir support
'
rooms='support ir frontend passes codegen runtime report ahead api standalone cli'
# The only files that may branch on a single op: its rules. All others ask the table for traits.
rule_files='^(ir/(eval|infer)[^/]*|passes/(vjp|unroll)[^/]*|codegen/.*)$'
line_limit=900

offences=$(mktemp) || exit 2
trap 'rm -f "$offences"' EXIT

# offence RULE: reads offending lines and counts them under RULE.
offence() {
    sed "s|\$|    <- $1|" >>"$offences"
}

sources() {
    for folder in "$@"; do
        [ -d "$folder" ] && find "$folder" -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' \)
    done | sort
}

# The room of a path by the longest row of the table that is its beginning.
check_arrows() {
    sources $rooms | xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' /dev/null |
        awk -v table="$arrows" '
            function room_of(path,    best, r) {
                best = ""
                for (r in known) {
                    if (index(path, r "/") == 1 && length(r) > length(best)) best = r
                }
                return best
            }
            BEGIN {
                rows = split(table, row, "\n")
                for (i = 1; i <= rows; i++) {
                    words = split(row[i], word, " ")
                    if (words == 0) continue
                    known[word[1]] = 1
                    for (j = 1; j <= words; j++) allowed[word[1], word[j]] = 1
                }
            }
            {
                split($0, part, ":")
                included = $0
                sub(/^[^"]*"/, "", included)
                sub(/".*/, "", included)
                from = room_of(part[1])
                to = room_of(included)
                if (to == "" && included !~ /^include\//) print $0 "    <- includes are written from the root"
                else if (to != "" && !((from, to) in allowed)) print $0 "    <- " from " may not include " to
            }' >>"$offences"
}

# LLVM stays in codegen: neither its headers nor a header of codegen that includes them is seen elsewhere.
check_llvm() {
    others='support ir frontend passes runtime report ahead api standalone cli include'
    sources $others | xargs -r grep -nE '#[[:space:]]*include[[:space:]]*[<"]llvm' /dev/null |
        offence 'only codegen includes LLVM'
    [ -d codegen ] || return
    tainted=$(grep -lE '#[[:space:]]*include[[:space:]]*[<"]llvm' codegen/*.h 2>/dev/null)
    while :; do
        pattern=$(echo $tainted | sed 's/ /|/g')
        [ -n "$pattern" ] || return
        wider=$(grep -lE "#[[:space:]]*include[[:space:]]*([<\"]llvm|\"($pattern)\")" codegen/*.h)
        [ "$wider" = "$tainted" ] && break
        tainted=$wider
    done
    sources $others | xargs -r grep -nE "#[[:space:]]*include[[:space:]]*\"($pattern)\"" /dev/null |
        offence 'this header brings LLVM along'
}

check_switches() {
    sources $rooms | grep -vE "$rule_files" | xargs -r grep -nE '\bcase[[:space:]]+OP_[A-Z]' /dev/null |
        offence 'ops are told apart only in rule files'
}

# Nothing below the command line ends the process or talks to the terminal, but for programs made ahead of time
# (standalone/), the arena's last resort, and the end of a child process.
check_calls() {
    sources support ir frontend passes codegen runtime report ahead api | grep -vE '^(support/arena|ahead/child)\.c$' |
        xargs -r grep -nE '(^|[^A-Za-z0-9_."%])((abort|exit|_exit|printf|puts|putchar|perror)\(|(stdout|stderr)\b)' /dev/null |
        grep -vE ':[[:space:]]*(//|\*)' | offence 'only cli prints or exits'
}

check_leftovers() {
    sources $rooms include tests | xargs -r grep -nE '\b(TODO|FIXME|XXX|HACK)\b' /dev/null |
        offence 'finish it or leave it out'
}

# The public header is one, as its users want it.
check_lengths() {
    sources $rooms include tests | grep -v '^include/rnnc\.h$' | while read -r file; do
        lines=$(wc -l <"$file")
        [ "$lines" -le "$line_limit" ] || echo "$file:$lines: more than $line_limit lines"
    done | offence 'split it by meaning'
}

check_arrows
check_llvm
check_switches
check_calls
check_leftovers
check_lengths

if [ -s "$offences" ]; then
    cat "$offences"
    echo "$(wc -l <"$offences") offences against the rules between the rooms" >&2
    exit 1
fi
echo "rooms: no offences"
