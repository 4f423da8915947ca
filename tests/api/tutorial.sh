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
sh commands.sh >answers || { cat answers; exit 1; }
cat answers
grep -q 'after 300 steps the loss is 0\.0' answers
