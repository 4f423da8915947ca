# The library's tests under Valgrind: no use of what was never written, no access outside of memory, nothing lost.
# Valgrind does not know AVX-512, so kernels are compiled for x86-64-v3. Its processor is another one than this, so the
# cache has nothing for it at first, and LLVM runs under Valgrind, too, which takes its time.
# Usage: valgrind.sh FOLDER, where the test programs are
. tests/cli/lib.sh

command -v valgrind >/dev/null || { echo "skipped: valgrind is not installed"; exit 77; }
grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo || { echo "skipped: the processor is no x86-64-v3"; exit 77; }
if ldd "$1/api_use" 2>/dev/null | grep -qe 'libasan\|libtsan'; then
    echo "skipped: a sanitizer is in the build"
    exit 77
fi

export RNNC_TEST_CPU=x86-64-v3
for name in sizes bind memory use bad_use; do
    echo "$name"
    run 0 valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect \
        --errors-for-leak-kinds=definite,indirect --suppressions=tests/api/valgrind.supp "$1/api_$name"
done

finish
