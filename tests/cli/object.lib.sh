# What the tests of objects share beyond lib.sh: a small model, trained, with three rows of seven steps in x.npy (and as
# plain numbers in x.bin), in the test's folder. Its equation is $equation, if that is set.
. tests/cli/lib.sh
cc=${CC:-cc}
command -v "$cc" >/dev/null || {
    echo "no C compiler: skipped"
    exit 77
}
cd "$scratch" || exit 1
cat >m.rnn <<MODEL
model m(n = 24) {
    input x: real(6)[T]
    target wanted: real(2)[T]
    y = ${equation:-linear(2, concat(lstm(n, x), gru_cho(9, x)))}
    loss = mean[T, batch] mean squared_error(y, wanted)
    output y
}

train quick {
    batch 3
    optimizer sgd(rate = 0.1)
    data {
        x = npy("x")
        wanted = npy("w")
    }
}
MODEL
awk 'BEGIN { for (i = 0; i < 3 * 7 * 6; i++) printf "\\000\\000\\%03o\\077", 32 + i % 50 }' >pattern
printf "$(cat pattern)" | make_npy x.npy '<f4' '3, 7, 6'
zeros 168 | make_npy w.npy '<f4' '3, 7, 2'
run 0 "$RNNC" train m.rnn --data x=x.npy --data w=w.npy --set T=7 --epochs 2 --quiet --weights-out m.safetensors
tail -c 504 x.npy >x.bin

# build_m file option…: the object m, with its header beside it.
build_m() {
    object=$1
    shift
    run 0 "$RNNC" build m.rnn --weights m.safetensors -o "$object" --header m.h --batch 3 --length 7 "$@"
}
