# What the tests share that run objects for other machines, read after lib.sh: which emulators and compilers there are
# for, and what is compared.

# choose_tools TARGET: $compiler and $emulator, which may have options, of an object for Linux.
choose_tools() {
    case $1 in
    aarch64-linux-gnu) compiler=aarch64-linux-gnu-gcc emulator=qemu-aarch64 ;;
    armv7-linux-gnueabihf) compiler=arm-linux-gnueabihf-gcc emulator=qemu-arm ;;
    riscv64-linux-gnu) compiler=riscv64-linux-gnu-gcc emulator=qemu-riscv64 ;;
    riscv64-v-linux-gnu) compiler=riscv64-linux-gnu-gcc emulator='qemu-riscv64 -cpu rv64,v=true,vext_spec=v1.0' ;;
    esac
}

# emulate FUNCTION TARGET…: calls FUNCTION TARGET for each that can be run here, with its tools chosen, and says which
# cannot.
emulate() {
    function=$1
    shift
    for target in "$@"; do
        choose_tools "$target"
        if command -v "$compiler" >/dev/null && command -v "${emulator%% *}" >/dev/null; then
            "$function" "$target"
        else
            echo "$target: not run: $compiler or ${emulator%% *} is missing"
        fi
    done
}

# emulate_web FUNCTION: the same for WebAssembly, of which modules are linked and run in Node.js.
emulate_web() {
    for target in wasm32 wasm32-simd128; do
        if command -v wasm-ld-19 >/dev/null && command -v node >/dev/null; then
            "$1" "$target"
        else
            echo "$target: not run: wasm-ld-19 or node is missing"
        fi
    done
}

# same_as_here EXPECTED FOUND TARGET: with fused multiply-adds on both sides there is nothing that could differ.
same_as_here() {
    if grep -qw fma /proc/cpuinfo; then
        cmp "$1" "$2" || fail "$3 gives other bits"
    fi
}
