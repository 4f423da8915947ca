# Does what docs/c-tutorial.md says, in an empty folder: blocks with a file's name are appended to it, blocks of `sh`
# are run. Blocks without a name are for the reader's own machine: their packages and prefix.
# Usage: tutorial.sh build-folder
set -eu
PREFIX=$RNNC_SCRATCH/prefix
export PREFIX
work=$RNNC_SCRATCH/reader
rm -rf "$PREFIX" "$work"
mkdir -p "$work"
cmake --install "$1" --prefix "$PREFIX" >"$RNNC_SCRATCH/install.log"
cd "$work"
echo 'set -eu' >commands.sh
awk '/^```/ { if (inside) { inside = 0 } else { inside = 1; file = $2; if ($1 == "```sh") file = "commands.sh" } next }
    inside && file { print >>file; if (file != "commands.sh") lines++ }
    END { exit lines < 60 }' "$RNNC_SOURCE/docs/c-tutorial.md"
sh commands.sh >answers 2>complaints || { cat answers complaints; exit 1; }
cat answers complaints
grep -q 'after 300 steps the loss is 0\.0' answers
# What the page shows is what it says, but for the figures.
for line in 'after 300 steps the loss is' 'guessed 0\.8' 'type error: wave.rnn:5:46: error: unknown name' 'it ended with 1'; do
    grep -q "^$line" "$RNNC_SOURCE/docs/c-tutorial.md" || { echo "the page does not show: $line"; exit 1; }
    grep -q "^$line" answers complaints || { echo "only the page says: $line"; exit 1; }
done
grep -q 'the gradient at the first step is' answers
for line in 'behind "to be" comes' 'to be, or not to be:'; do
    grep -q "^$line" answers || { echo "the program does not say: $line"; exit 1; }
done
