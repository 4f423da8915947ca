# The library's tests under Valgrind: no use of what was never written, no access outside of memory, nothing lost.
# Most programs interpret their kernels, and try fewer cases: what the compiler does takes Valgrind most of the time.
# One runs machine code, for x86-64-v3, as Valgrind does not know AVX-512. Its processor is another one than this, so the
# cache has nothing for it at first.
# Usage: valgrind.sh FOLDER, where the test programs are
. tests/cli/lib.sh

command -v valgrind >/dev/null || { echo "skipped: valgrind is not installed"; exit 77; }
grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo || { echo "skipped: the processor is no x86-64-v3"; exit 77; }
if ldd "$1/api_use" 2>/dev/null | grep -qe 'libasan\|libtsan'; then
    echo "skipped: a sanitizer is in the build"
    exit 77
fi

# check CPU NAME: the test program NAME, its kernels for CPU.
check() {
    echo "$2, $1"
    RNNC_TEST_CPU=$1 run 0 valgrind --quiet --error-exitcode=9 --leak-check=full \
        --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \
        --suppressions=tests/valgrind.supp "$folder/api_$2"
}

folder=$1
for name in sizes bind memory gradients together use bad_use; do
    check interpret $name
done
check x86-64-v3 use

finish
