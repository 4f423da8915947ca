#!/bin/sh
# Texts and forecasts of the library are those of the command, byte for byte.
# Usage: text.sh program made of go_on.c
. tests/cli/lib.sh
case $1 in /*) go_on=$1 ;; *) go_on=$PWD/$1 ;; esac
root=$PWD
cd "$scratch" || exit 1

# same MODEL NAME PROMPT LENGTH TEMPERATURE TOP-K SEED SETTING…: as `rnnc sample` says it.
same() {
    model=$1 weights=$2.safetensors prompt=$3 length=$4 temperature=$5 top_k=$6 seed=$7
    shift 7
    flags=
    for setting in "$@"; do flags="$flags --set $setting"; done
    [ "$top_k" -eq 0 ] || flags="$flags --top-k $top_k"
    run 0 "$RNNC" sample "$model" --weights "$weights" ${prompt:+--prompt "$prompt"} --length "$length" \
        --temperature "$temperature" --seed "$seed" $flags
    mv out wanted
    [ "$(wc -c <wanted)" -ge "$length" ] || fail "the command writes too little"
    run 0 "$go_on" sample "$model" "$weights" "$prompt" "$length" "$temperature" "$top_k" "$seed" "$@"
    cmp out wanted || fail "another text than rnnc sample's: $model '$prompt' $length $temperature $top_k $seed"
}

letters=$root/examples/characters.rnn
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do printf 'ab\303\251d\nab\303\251d\n'; done >letters.txt
set -- alphabet=5 hidden=8 layers=1 batch=2 T=10 validation_last=0
flags=
for setting in "$@"; do flags="$flags --set $setting"; done
run 0 "$RNNC" train "$letters" $flags --set rate=0.05 --epochs 5 --quiet --data text=letters.txt \
    --weights-out letters.safetensors
same "$letters" letters "" 500 1 0 1 "$@"
same "$letters" letters ab 300 3 0 5 "$@"
same "$letters" letters "" 60 1 2 9 "$@"
same "$letters" letters "d
" 100 0.5 3 7 "$@"
same "$letters" letters a 50 0 0 1 "$@"
# The likeliest token, each time, is the text at temperature 0.
run 0 "$go_on" best "$letters" letters.safetensors a 50 0 0 1 "$@"
cmp out wanted || fail "the best are not what is drawn at temperature 0"
run 1 "$go_on" sample "$letters" letters.safetensors x 5 1 0 1 "$@"
says err "the prompt: line 1: the character 'x' U+0078 is not in the vocabulary"

words_model 11 >words.rnn
for i in 1 2 3 4 5 6; do printf "The cat, it's here.\nThe (cat) !\n"; done >words.txt
run 0 "$RNNC" train words.rnn --epochs 3 --quiet --data text=words.txt --weights-out words.safetensors
same words.rnn words "" 80 2 0 1
same words.rnn words "THE cat,  it's strange" 40 1 0 3
same words.rnn words "the (cat)
" 40 1 4 4
same words.rnn words "(" 20 0 0 1
# A vocabulary that was changed is not the one it was written with.
sed 's/it.s/its!/' words.safetensors >changed.safetensors
run 1 "$go_on" sample words.rnn changed.safetensors "" 5 1 0 1
says err "the vocabulary of 'words' is not the one it was written with"

cat >series.rnn <<'MODEL'
model series(n = 6) {
    input  value: real[T]
    target next: real[T]
    forecast = linear(1, lstm(n, value))
    loss = mean[T, batch] squared_error(forecast, next)
    output forecast
}

train quick {
    batch 4   steps T = 12
    optimizer adam(rate = 0.01)
    data { value = npy("values")  next = ahead(value, 1)  windows }
}
MODEL
i=0
while [ $i -lt 30 ]; do printf '\000\000\000\077\000\000\200\077\000\000\000\077\000\000\000\000'; i=$((i + 1)); done |
    make_npy values.npy '<f4' '120,'
run 0 "$RNNC" train series.rnn --epochs 4 --quiet --data values=values.npy --weights-out series.safetensors
for steps in 1 30 150; do
    run 0 "$RNNC" run series.rnn --weights series.safetensors --data values=values.npy --continue $steps
    grep '^continued from' out >wanted || fail "the command continues nothing"
    run 0 "$go_on" continue series.rnn series.safetensors values.npy 12 $steps
    cmp out wanted || fail "another forecast than the command's: $steps"
done
finish
