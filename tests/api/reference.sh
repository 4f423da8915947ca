# The reference of the public header is made without a warning: everything in it has a comment, and every name that a
# comment speaks of exists.
set -eu
command -v doxygen >/dev/null || { echo "no doxygen: skipped"; exit 77; }
out=$RNNC_SCRATCH/reference
rm -rf "$out"
mkdir -p "$out"
cd "$RNNC_SOURCE"
(cat docs/Doxyfile; echo "OUTPUT_DIRECTORY = $out") | doxygen - 2>&1
for name in rnnc_version rnnc_program_compile rnnc_context_read_gradient RNNC_ROWS_FIRST; do
    grep -q "$name" "$out/html/rnnc_8h.html" || { echo "$name is not in the reference"; exit 1; }
done

# A name without a comment is an error.
mkdir -p "$out/worse/include"
sed "/The library.s version/d" include/rnnc.h >"$out/worse/include/rnnc.h"
cp docs/Doxyfile "$out/worse"
cd "$out/worse"
if doxygen Doxyfile >said 2>&1 || ! grep -q "rnnc_version.*is not documented" said; then
    cat said
    echo "a function without a comment passes"
    exit 1
fi
echo fine
