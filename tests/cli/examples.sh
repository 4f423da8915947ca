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
        case $command in
        *'$DATA'*) [ -n "$DATA" ] && [ -d "$DATA" ] || { echo "left out without data: $command"; continue; } ;;
        esac
        case $command in
        'rnnc train '*) command="$command --steps 2 --quiet" ;;
        esac
        count=$((count + 1))
        sh -c "$command" >out 2>err </dev/null || { fail "$command"; show_streams; }
    done <commands
done
echo "$count commands"
finish
