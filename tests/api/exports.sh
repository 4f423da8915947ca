# What the library shows: exactly the functions of the listing beside this script, in the shared and in the static
# library. Another listing is another interface, and so a decision.
# Usage: exports.sh librnnc.so librnnc.a
set -u
wanted=$(dirname "$0")/exports.txt
failures=0
for library in "$@"; do
    case $library in
    *.a) nm -g --defined-only "$library" ;;
    *) nm -D --defined-only "$library" ;;
    esac | awk 'NF == 3 { print $3 }' | LC_ALL=C sort >"$RNNC_SCRATCH/found"
    diff "$wanted" "$RNNC_SCRATCH/found" || { echo "$library shows something else" >&2; failures=1; }
done
for name in $(cat "$wanted"); do
    grep -q "\\b$name(" include/rnnc.h || { echo "$name is not in the header" >&2; failures=1; }
done
case $(objdump -p "$1") in
*"SONAME               librnnc.so.0"*) ;;
*) echo "the soname is not librnnc.so.0" >&2; failures=1 ;;
esac
exit $failures
