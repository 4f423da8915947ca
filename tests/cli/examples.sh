# The commands in the head comments of the examples work as they stand, each for a few steps.
# Usage: examples.sh [folder with the data sets]
. tests/cli/lib.sh
DATA=${1:-${DATA:-}}
export DATA
root=$(pwd)
tool=$(dirname "$RNNC")
PATH=$tool:$PATH
cd "$scratch" || exit 2
ln -s "$root/examples" examples

count=0
for example in "$root"/examples/*.rnn; do
    sed -n 's/^# run: //p' "$example" >commands
    [ -s commands ] || fail "$example: no command in its head comment"
    while read -r command; do
        weights=$(echo "$command" | sed -n 's/.* --weights \([^ ]*\).*/\1/p')
        case $command in
        *'$DATA'*) there=$([ -n "$DATA" ] && [ -d "$DATA" ] && echo yes || :) ;;
        # What a command that was left out would have written.
        *) there=$([ -z "$weights" ] || [ -f "$weights" ] || [ -d "$DATA" ] && echo yes || :) ;;
        esac
        [ "$there" ] || { echo "left out without data: $command"; continue; }
        case $command in
        'rnnc train '*) command="$command --steps 2 --quiet" ;;
        esac
        count=$((count + 1))
        sh -c "$command" >out 2>err </dev/null || { fail "$command"; show_streams; }
    done <commands
done
echo "$count commands"
finish
