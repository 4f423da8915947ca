# The library under a locale with decimal commas: one that the system has, else one that is made here.
# Usage: locale.sh test-program
set -u
rm -rf "$RNNC_SCRATCH"
mkdir -p "$RNNC_SCRATCH"
name=$(locale -a 2>/dev/null | grep -i -m1 '^\(de\|fr\|nl\)_[A-Z]*\.utf')
if [ -z "$name" ]; then
    command -v localedef >/dev/null && localedef -i de_DE -f UTF-8 "$RNNC_SCRATCH/de_DE.UTF-8" ||
        { echo "no locale with decimal commas, and none can be made: skipped"; exit 77; }
    name=de_DE.UTF-8
    export LOCPATH="$RNNC_SCRATCH"
fi
exec "$1" "$name" "$RNNC_SCRATCH"
