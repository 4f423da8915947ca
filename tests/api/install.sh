# Installs the project and builds programs outside of it: by pkg-config, by the CMake package, with the static library
# and as C++. The examples are built by the line in their head comments.
# Usage: install.sh build-folder C-compiler [folder with the data sets]
set -eu
prefix=$RNNC_SCRATCH/prefix
work=$RNNC_SCRATCH/outside
rm -rf "$prefix" "$work"
mkdir -p "$work"
cmake --install "$1" --prefix "$prefix" >"$RNNC_SCRATCH/install.log"
cp "$RNNC_SOURCE"/examples/c/*.* "$work"
export PATH="$prefix/bin:$PATH" PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib" XDG_CACHE_HOME="$RNNC_SCRATCH/cache"
cd "$work"
cc() { "$compiler" -std=gnu17 -Wall -Wextra -Werror "$@"; }
compiler=$2
mnist=${3:-}/mnist

# run_example NAME: as its head comment says.
run_example() {
    case $1 in
    digit)
        [ -f "$mnist/t10k-labels-idx1-ubyte.gz" ] || { echo "digit: not run: the images are not there"; return; }
        ./digit "$mnist/train-images-idx3-ubyte.gz" "$mnist/train-labels-idx1-ubyte.gz" \
            "$mnist/t10k-images-idx3-ubyte.gz" "$mnist/t10k-labels-idx1-ubyte.gz"
        ;;
    audio_effect)
        mkdir sounds
        ./audio_effect sounds
        for sound in learn_dry learn_wet play_dry play_wet play_model; do
            [ -s "sounds/$sound.wav" ] || { echo "no $sound.wav"; exit 1; }
        done
        ;;
    *) "./$1" ;;
    esac
}

echo "pkg-config: $(pkg-config --modversion rnnc)"
for source in *.c; do
    line=$(sed -n 's,^//     \(\(rnnc .* && \)*cc .*\),\1,p' "$source" | head -1)
    [ -n "$line" ] || { echo "$source says no line to compile it"; exit 1; }
    eval "$line"
    echo "$source: $line"
    run_example "${source%.c}"
done

echo "the static library"
cc custom_cell.c "-I$prefix/include" "$prefix/lib/librnnc.a" -lz -ljansson -lm -lpthread -ldl -o static
RNNC_LLVM_MODULE=$(pkg-config --variable=module rnnc) ./static >static.out
./custom_cell | diff - static.out

echo "the CMake package"
cat >CMakeLists.txt <<'LISTS'
cmake_minimum_required(VERSION 3.25)
project(outside LANGUAGES C)
find_package(rnnc 0.1 REQUIRED)
add_executable(shared custom_cell.c)
target_link_libraries(shared PRIVATE rnnc::rnnc)
add_executable(whole custom_cell.c)
target_link_libraries(whole PRIVATE rnnc::static)
add_subdirectory(part)
LISTS
mkdir part
echo 'find_package(rnnc REQUIRED)' >part/CMakeLists.txt
cmake -S . -B build -DCMAKE_C_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$prefix" >cmake.log
cmake --build build >>cmake.log
env -u LD_LIBRARY_PATH build/shared | diff - static.out
RNNC_LLVM_MODULE=$(pkg-config --variable=module rnnc) build/whole | diff - static.out

echo "a program made ahead of time by the installed command"
cat >twice.rnn <<'MODEL'
model twice() {
    input x: real[T]
    target wanted: real[T]
    y = linear(1, x)
    loss = mean[T, batch] squared_error(y, wanted)
    output y
}

train quick {
    batch 1
    optimizer sgd(rate = 0.01)
    data {
        x = npy("x")
        wanted = npy("x")
    }
}
MODEL
{
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }"
    head -c 16 /dev/zero
} >x.npy
PATH="$prefix/bin:$PATH" rnnc train twice.rnn --data x=x.npy --epochs 1 --quiet --weights-out twice.safetensors
PATH="$prefix/bin:$PATH" rnnc build twice.rnn --weights twice.safetensors --length 4 -o twice
echo 0 0 | ./twice | grep -c '^0$' | grep -qx 2
for file in main.c npy.c model.h; do
    [ -s "$prefix/lib/rnnc/standalone/standalone/$file" ] || { echo "$file is not installed"; exit 1; }
done

echo "C11 and C++"
printf '#include <rnnc.h>\nint main(void) { rnnc_compile_options o = RNNC_COMPILE_OPTIONS; return rnnc_version()[0] != 48 + o.threads; }\n' >plain.c
"$compiler" -std=c11 -Wall -Wextra -Wpedantic -Werror plain.c $(pkg-config --cflags --libs rnnc) -o plain && ./plain
if command -v c++ >/dev/null; then
    cp plain.c plain.cpp
    c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror plain.cpp $(pkg-config --cflags --libs rnnc) -o plainpp && ./plainpp
fi
