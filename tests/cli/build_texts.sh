#!/bin/sh
# Text models made ahead of time: programs that go on with texts as `rnnc sample` does, or answer lines, and objects with a
# vocabulary.
. tests/cli/lib.sh
. tests/cli/ahead.sh
need_tool cc
cd "$scratch" || exit 1

for i in 1 2 3 4 5 6 7 8 9 10 11 12; do printf 'ab\303\251d\nab\303\251d\n'; done >letters.txt
letters="$RNNC_SOURCE/examples/characters.rnn --set alphabet=5 --set hidden=8 --set layers=1 --set batch=2 --set T=10
    --set validation_last=0"
run 0 "$RNNC" train $letters --set rate=0.05 --epochs 5 --quiet --data text=letters.txt --weights-out letters.safetensors
run 0 "$RNNC" build $letters --weights letters.safetensors -o letters

words_model 9 >words.rnn
cat >>words.rnn <<'EOF'

train numbers {
    batch 1   steps T = 3
    optimizer adam(rate = 0.01)
    data { words = npy("x")  next = npy("x") }
}
EOF
for i in 1 2 3 4 5 6; do printf "The cat, it's here.\nThe (cat) !\n"; done >words.txt
tokens=11
run 0 "$RNNC" train words.rnn --set vocab=$tokens --epochs 3 --quiet --data text=words.txt --weights-out words.safetensors
run 0 "$RNNC" build words.rnn --set vocab=$tokens --weights words.safetensors -o words

# goes_on MODEL PROGRAM OPTIONS…: the program's text is that of `rnnc sample`.
goes_on() {
    model=$1 program=$2
    shift 2
    run 0 "$RNNC" sample $model --weights "$program.safetensors" "$@"
    mv out sampled
    run 0 "./$program" "$@"
    cmp out sampled || fail "$program $*: another text than rnnc sample's"
}
goes_on "$letters" letters
goes_on "$letters" letters --prompt ab --length 40 --temperature 3 --seed 5
goes_on "$letters" letters --length 30 --temperature 0
goes_on "$letters" letters --length 60 --top-k 2 --seed 9
goes_on "words.rnn --set vocab=$tokens" words --length 80 --temperature 2
goes_on "words.rnn --set vocab=$tokens" words --prompt "THE cat,  it's strange" --length 30 --seed 3
goes_on "words.rnn --set vocab=$tokens" words --prompt "the (cat)
" --length 30 --seed 4
# Weights that were trained on numbers know no words, and that is said.
zeros 12 | make_npy numbers.npy '<i4' '1, 3'
run 0 "$RNNC" train words.rnn --recipe numbers --epochs 1 --quiet --data x=numbers.npy --weights-out numbers.safetensors
run 0 "$RNNC" build words.rnn --weights numbers.safetensors --length 3 -o numbers
says err "note: numbers.safetensors holds no vocabulary for 'words'"
run 0 ./numbers --help
grep -e '--prompt' out && fail "a program without a vocabulary goes on with texts"
run 0 "$RNNC" build words.rnn --recipe numbers --weights numbers.safetensors --length 3 -o numbers
[ -s err ] && fail "a note about a text, and yet the recipe has none"

run 1 ./letters --prompt z
says err 'byte 0 is not UTF-8 or not in the vocabulary'
run 0 ./letters --help
says out '--temperature T'
printf '0 1 2' >some.tokens
run 0 ./letters --numbers <some.tokens
[ "$(wc -l <out)" -eq 3 ] || fail "not a line for each token"
printf '0 5' >other.tokens
run 1 ./letters --numbers <other.tokens
says err 'token 5 is not one of 0 to 4'

# Each line of a text as a sequence: what is said of it is what is said of its tokens.
cat >says.rnn <<'EOF'
model says(vocab = 5, n = 6) {
    input words: token(vocab)[T]
    target label: token(2)
    y = linear(2, mean[T] lstm(n, embedding(vocab, 3, words)))
    loss = mean[batch] cross_entropy(y, label)
    output y
}

train quick {
    batch 2
    optimizer sgd(rate = 0.1)
    data {
        words = lines("text", unknown = true)
        label = labels("labels")
    }
}
EOF
printf 'a b c\nc b a\nb a c\na a b\n' >lines.txt
printf 'up\ndown\nup\ndown\n' >labels.txt
run 0 "$RNNC" train says.rnn --set vocab=4 --epochs 2 --quiet --data text=lines.txt --data labels=labels.txt \
    --weights-out says.safetensors
run 0 "$RNNC" build says.rnn --set vocab=4 --weights says.safetensors --length 5 --batch 1 -o says --header says.h
grep -q 'int32_t says_encode(' says.h || fail "no encode of a model with a vocabulary"
printf 'a b c d\nb\n' >asked.txt
run 0 ./says <asked.txt
[ "$(wc -l <out)" -eq 2 ] || fail "not a line for each line"
mv out answers
# a and b are the most frequent words, c comes behind them, and <unk> last.
printf '0 1 2 3' >asked.tokens
run 0 ./says --numbers --length 4 <asked.tokens
head -n 1 answers | cmp - out || fail "a line of words differs from its tokens"
printf 'a b c a b c\n' >long.txt
run 1 ./says <long.txt
says err 'T: this model was built for 1 to 5'

# A vocabulary needs nothing from outside, either.
if command -v llvm-nm-19 >/dev/null; then
    for target in wasm32 armv7-linux-gnueabihf riscv64-linux-gnu x86_64-windows; do
        run 0 "$RNNC" build words.rnn --set vocab=$tokens --weights words.safetensors -o text.o --target $target
        llvm-nm-19 -u text.o | grep -v __indirect_function_table >imports
        [ ! -s imports ] || fail "$target imports $(cat imports)"
    done
fi
finish
