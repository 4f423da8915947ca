# The command under Valgrind: no use of what was never written, no access outside of memory, nothing lost. Valgrind
# does not know AVX-512, so kernels are compiled for x86-64-v3. Skipped where either is not there.
. tests/cli/lib.sh

command -v valgrind >/dev/null || { echo "skipped: valgrind is not installed"; exit 77; }
grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo || { echo "skipped: the processor is no x86-64-v3"; exit 77; }
if ldd "$RNNC" 2>/dev/null | grep -qe 'libasan\|libtsan'; then
    echo "skipped: a sanitizer is in the build"
    exit 77
fi

checked="valgrind --quiet --error-exitcode=9 --suppressions=tests/valgrind.supp --leak-check=full --errors-for-leak-kinds=definite,indirect $RNNC"
options="--cpu x86-64-v3 --threads 2"

echo "a series: train, eval, run, go on"
run 0 $checked train examples/series.rnn --steps 3 $options --weights-out "$scratch/series.safetensors" --continue 5 \
    --plot "$scratch/series.svg" --metrics "$scratch/series.jsonl"
run 0 $checked eval examples/series.rnn $options --weights "$scratch/series.safetensors"
{
    printf '\223NUMPY\001\000v\000'
    printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 20, 1), }"
    head -c 240 /dev/zero
} >"$scratch/value.npy"
run 0 $checked run examples/series.rnn $options --weights "$scratch/series.safetensors" \
    --in value="$scratch/value.npy" --out forecast="$scratch/forecast.npy"

echo "characters: an embedding, two LSTMs with dropout, states carried on"
seq 1 300 | tr '0-9' 'a-j' >"$scratch/text"
characters="examples/characters.rnn --set alphabet=11 --set hidden=20 --set keep=0.8 --data text=$scratch/text"
run 0 $checked train $characters $options --set batch=4 --set T=7 --set validation_last=100 --steps 4 \
    --weights-out "$scratch/text.safetensors"
run 0 $checked eval $characters $options --set validation_last=100 --weights "$scratch/text.safetensors"

echo "what is refused"
run 1 $checked eval examples/series.rnn $options --weights "$scratch/text.safetensors"
run 1 $checked check "$scratch/text"

finish
