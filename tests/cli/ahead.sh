# What the tests of `rnnc build` share, read after lib.sh: three rows of seven steps of six numbers, and a model's rows as
# `rnnc run` writes them.

cc=${CC:-cc}

# need_tool COMMAND: without it the test is skipped.
need_tool() {
    command -v "$1" >/dev/null || {
        echo "no $1: skipped"
        exit 77
    }
}

# quick_recipe: a recipe for a model of x and wanted.
quick_recipe() {
    cat <<'EOF'

train quick {
    batch 3
    optimizer sgd(rate = 0.1)
    data {
        x = npy("x")
        wanted = npy("w")
    }
}
EOF
}

# pair_models: a model whose states go on, one that looks ahead, and their recipe.
pair_models() {
    cat <<'EOF'
model forward(n = 24) {
    input x: real(6)[T]
    target wanted: real(2)[T]
    h = lstm(n, standardise(x))
    y = linear(2, h)
    loss = mean[T, batch] mean squared_error(y, wanted)
    output y
}

model both(n = 10) {
    input x: real(6)[T]
    target wanted: real(2)[T]
    y = linear(2, concat(gru_cho(n, x), backward gru_cho(n, x)))
    loss = mean[T, batch] mean squared_error(y, wanted)
    output y
}
EOF
    quick_recipe
}

# make_sequences: x.npy, numbers that differ and are small, its elements alone in x.bin, and w.npy, what is wanted.
make_sequences() {
    awk 'BEGIN { for (i = 0; i < 3 * 7 * 6; i++) printf "\\000\\000\\%03o\\077", 32 + i % 50 }' >pattern
    printf "$(cat pattern)" | make_npy x.npy '<f4' '3, 7, 6'
    zeros 168 | make_npy w.npy '<f4' '3, 7, 2'
    tail -c 504 x.npy >x.bin
}

# train_model FILE MODEL: MODEL.safetensors, and MODEL.expected, the elements of y for x.npy.
train_model() {
    run 0 "$RNNC" train "$1" --model "$2" --data x=x.npy --data w=w.npy --set T=7 --epochs 2 --quiet \
        --weights-out "$2.safetensors"
    run 0 "$RNNC" run "$1" --model "$2" --weights "$2.safetensors" --in x=x.npy --out "y=$2.npy"
    tail -c 168 "$2.npy" >"$2.expected"
}

# make_m [EQUATION]: m.rnn, a small model of which y is that, trained; with m.safetensors and m.expected.
make_m() {
    cat >m.rnn <<EOF
model m(n = 24) {
    input x: real(6)[T]
    target wanted: real(2)[T]
    y = ${1:-linear(2, concat(lstm(n, x), gru_cho(9, x)))}
    loss = mean[T, batch] mean squared_error(y, wanted)
    output y
}
EOF
    quick_recipe >>m.rnn
    make_sequences
    train_model m.rnn m
}

# begin_m [EQUATION]: that model in the test's folder, where the test then is.
begin_m() {
    need_tool "$cc"
    cd "$scratch" || exit 1
    make_m "$@"
}

# build_m FILE OPTION…: what `rnnc build` makes of it, with its header beside it.
build_m() {
    built=$1
    shift
    run 0 "$RNNC" build m.rnn --weights m.safetensors -o "$built" --header m.h --batch 3 --length 7 "$@"
}
