# The cache of kernels and the loading of LLVM, as the command shows them: who compiles brings LLVM in, who finds
# its kernels kept does not, nor who compiles nothing.
. tests/cli/lib.sh

model=examples/series.rnn
XDG_CACHE_HOME=$scratch/cache
export XDG_CACHE_HOME
unset RNNC_CACHE_MIB RNNC_JIT_DEBUG RNNC_PERF_MAP
mkdir "$XDG_CACHE_HOME"
bench="$RNNC bench $model --batch 2 --length 5 --runs 1 --threads 1 --stats"

# with_llvm command…, without_llvm command…: the loader names every file that it brings in.
loads() {
    run 0 env LD_DEBUG=files "$@"
    grep -q 'file=.*libLLVM' "$scratch/err"
}
with_llvm() {
    loads "$@" || fail "LLVM is not loaded: $*"
}
without_llvm() {
    loads "$@" && fail "LLVM is loaded: $*"
}

echo "nothing to compile"
without_llvm "$RNNC" --version
without_llvm "$RNNC" --help
without_llvm "$RNNC" check $model
without_llvm "$RNNC" dump $model
without_llvm "$RNNC" dump $model --stage program
without_llvm $bench --interpret
without_llvm $bench --cpu interpret
absent "$XDG_CACHE_HOME/rnnc"

if [ "$(uname -m)" = x86_64 ]; then
    echo "miss and hit"
    with_llvm $bench --no-cache
    absent "$XDG_CACHE_HOME/rnnc"
    with_llvm $bench
    says err "kernel cache $XDG_CACHE_HOME/rnnc: found 0, compiled 3, kept 3"
    without_llvm $bench
    says err 'found 3, compiled 0, kept 0'
    with_llvm $bench --no-cache
    with_llvm $bench --cpu x86-64
    without_llvm $bench --cpu x86-64

    echo "the same weights from compiled kernels and from kept ones"
    rm -r "$XDG_CACHE_HOME/rnnc"
    train="$RNNC train $model --quiet --steps 3 --threads 1"
    with_llvm $train --weights-out "$scratch/first.safetensors"
    without_llvm $train --weights-out "$scratch/second.safetensors"
    with_llvm $train --weights-out "$scratch/third.safetensors" --no-cache
    cmp "$scratch/first.safetensors" "$scratch/second.safetensors" || fail "a hit gives other bits than a miss"
    cmp "$scratch/first.safetensors" "$scratch/third.safetensors" || fail "a cache gives other bits than none"

    echo "names for perf and for debuggers"
    with_llvm env RNNC_JIT_DEBUG=1 $bench
    run 0 sh -c 'RNNC_PERF_MAP=1 "$@" & wait $!; code=$?; mv "/tmp/perf-$!.map" "$0" && exit $code' "$scratch/map" $bench
    says map '^[0-9a-f]* [0-9a-f]* rnn\.'
    says map ' rnn\.0\.h\.[a-z]*\.*[0-9a-f]*\.body'
    # Where there is a debugger that may start programs.
    gdb -q -batch -ex "tbreak context_run" -ex run -ex kill --args $train >"$scratch/gdb" 2>&1
    if grep -q '^Temporary breakpoint 1, context_run' "$scratch/gdb"; then
        run 0 env RNNC_JIT_DEBUG=1 gdb -q -batch -ex "tbreak context_run" -ex run -ex "info functions rnn" \
            -ex kill --args $train
        says out ' rnn\.0\.h\.step\.'
    fi
fi

echo "no folder, a folder of others, no room"
run 0 env -u HOME -u XDG_CACHE_HOME $bench
says err 'no kernel cache: neither XDG_CACHE_HOME nor HOME is set'
run 0 env XDG_CACHE_HOME=/proc $bench
says err 'no kernel cache: the folder cannot be made'
run 0 env XDG_CACHE_HOME=/proc "$RNNC" bench $model --batch 2 --length 5 --runs 1 --threads 1
[ ! -s "$scratch/err" ] || fail "without a cache there is something to say: $(cat "$scratch/err")"
run 0 env RNNC_CACHE_MIB=0 $bench
says err 'no kernel cache: RNNC_CACHE_MIB is 0'
mkdir -p "$scratch/open/rnnc"
chmod 0777 "$scratch/open/rnnc"
run 0 env XDG_CACHE_HOME="$scratch/open" $bench
says err "note: the kernel cache $scratch/open/rnnc belongs to somebody else or can be written by others"
[ "$(grep -c 'note:' "$scratch/err")" -eq 1 ] || fail "more than one note"
absent "$scratch/open/rnnc/"*

echo "a tool without its other half"
mkdir "$scratch/alone"
cp "$RNNC" "$scratch/alone/rnnc"
run 0 "$scratch/alone/rnnc" check $model
run 0 "$scratch/alone/rnnc" bench $model --batch 2 --length 5 --runs 1 --cpu interpret
refused 'rnnc_llvm.so: the code generator cannot be loaded' \
    "$scratch/alone/rnnc" bench $model --batch 2 --length 5 --runs 1 --no-cache
mkdir -p "$scratch/alone/lib/rnnc"
echo "no module" >"$scratch/alone/lib/rnnc/rnnc_llvm.so"
refused 'alone/lib/rnnc/rnnc_llvm.so: the code generator cannot be loaded' \
    "$scratch/alone/rnnc" bench $model --batch 2 --length 5 --runs 1 --no-cache
finish
