# The forms of the command: what each subcommand takes, prints and writes.
. tests/cli/lib.sh

series=examples/series.rnn
train="$RNNC train $series --interpret --quiet --set hidden=6"

echo "help, version, misuse"
run 0 "$RNNC" --version
says out '^rnnc [0-9]'
run 0 "$RNNC" --help
for command in check dump train eval run bench plot sample; do
    says out "^  $command "
done
for command in check dump train eval run bench sample; do
    run 0 "$RNNC" $command --help
    says out "^example: rnnc $command "
    says out '  --threads N'
    says out '  --seed N'
    says out '  --set NAME=VALUE'
    run 2 "$RNNC" $command
    says err 'name a model'
    run 2 "$RNNC" $command $series --sed 3
    says err 'did you mean --se'
done
run 2 "$RNNC"
run 2 "$RNNC" trian $series
says err "did you mean 'train'"
run 2 "$RNNC" train $series --epochs many
says err 'whole number'
run 2 "$RNNC" train $series --epochs
says err 'needs a value'
run 2 "$RNNC" train $series --data nothing
says err 'KEY=PATH'
run 2 "$RNNC" train $series --interpret=yes
says err 'takes no value'
run 2 "$RNNC" check $series $series
says err 'one model'

echo "check"
run 0 "$RNNC" check $series
says out '^model series'
says out 'input    value: real\[T\]'
says out 'parameters: 10,301'
says out 'rnn.0.h.h  *\[100, 100\]  *10,000'
says out 'averaged over T and the batch'
says out 'memory of a training step (batch 50, T = 20): [0-9,]* bytes'
if grep -q 'no step' "$scratch/out"; then
    fail "a model that can go step by step, and the report says that it cannot"
fi
cat >"$scratch/ahead.rnn" <<'EOF'
model ahead() {
    input x: real[T]
    h = lstm(3, x)
    output y = linear(1, h, backward gru_cho(3, dropout(0.5, h)))
}
EOF
run 0 "$RNNC" check "$scratch/ahead.rnn"
says out '^  no step  .*/ahead.rnn:4:38: gru_cho.0.h: it reads what comes after a step$'
run 0 "$RNNC" check $series --threads 2
checked=$(sed -n 's/^  arena \([0-9,]*\) bytes.*/\1/p' "$scratch/out" | tr -d ,)
run 0 "$RNNC" train $series --quiet --steps 1 --stats --threads 2
says err "^arena $checked bytes"
run 0 "$RNNC" check $series --json
says out '^{"parameters":10301,'
run 0 "$RNNC" check examples/mnist.rnn
says out 'give --length N'
run 0 "$RNNC" check examples/mnist.rnn --length 28
says out 'T = 28'
run 0 "$RNNC" check $series --batch 1000000000 --length 10000
says err 'warning: a training step needs [0-9,]* bytes, and a process can have [0-9,]* bytes'
run 0 "$RNNC" check $series
[ ! -s "$scratch/err" ] || fail "a warning of a small step"

echo "dump"
run 0 "$RNNC" dump $series --stage source
cmp -s "$scratch/out" $series || fail "--stage source is not the source"
run 0 "$RNNC" dump $series
says out '^graph "series" f32'
cp "$scratch/out" "$scratch/series.ir"
run 0 "$RNNC" dump "$scratch/series.ir"
cmp -s "$scratch/out" "$scratch/series.ir" || fail "a dump of a dump differs"
run 0 "$RNNC" dump "$scratch/series.ir" --passes "simplify, differentiate"
says out 'gradient.rnn.0.h.h'
run 0 "$RNNC" dump $series --passes "simplify, differentiate" --print-after simplify --verify-each --stats --time-passes
says out '^# after 01 simplify'
says err 'simplify .* rewrites'
says err 'differentiate .* ms'
run 0 "$RNNC" dump $series --stage dot
says out '^digraph "series"'
for how in "--verify-each" "--bisect-limit 100" "--unroll full --length 2"; do
    run 0 "$RNNC" dump $series $how
    says out '^block '
done
run 0 "$RNNC" dump $series --passes "differentiate, simplify"
cp "$scratch/out" "$scratch/simple.ir"
run 0 "$RNNC" dump $series --passes "differentiate, simplify" --bisect-limit 0
cmp -s "$scratch/out" "$scratch/simple.ir" && fail "--bisect-limit 0 leaves something to rewrite"
run 0 "$RNNC" dump $series --stage program
says out '^program vectors'
mkdir "$scratch/dumps"
run 0 "$RNNC" dump $series --passes "simplify, differentiate" --dump-dir "$scratch/dumps"
present "$scratch/dumps/01.simplify.ir" "$scratch/dumps/02.differentiate.ir"
run 0 "$RNNC" dump "$scratch/dumps/02.differentiate.ir"
mkdir "$scratch/stages"
run 0 "$RNNC" dump $series --stage program --cpu interpret --dump-dir "$scratch/stages"
cp "$scratch/out" "$scratch/program.ir"
for stage in "$scratch/stages"/*fuse-pointwise.ir "$scratch/stages"/*schedule.ir "$scratch/stages"/*plan-buffers.ir; do
    run 0 "$RNNC" dump "$stage"
    cmp -s "$scratch/out" "$stage" || fail "a dump of $stage differs"
    run 0 "$RNNC" dump "$stage" --stage program --cpu interpret
    cmp -s "$scratch/out" "$scratch/program.ir" || fail "$stage goes on to another program"
done
run 0 "$RNNC" dump "$scratch/stages"/*fuse-pointwise.ir --passes schedule
cmp -s "$scratch/out" "$scratch/stages"/*schedule.ir || fail "schedule after a dump differs"
run 0 "$RNNC" dump "$scratch/program.ir"
cmp -s "$scratch/out" "$scratch/program.ir" || fail "a dump of a program differs"
run 0 "$RNNC" dump "$scratch/program.ir" --stage llvm --cpu x86-64-v3
says out "; kernel 0"

echo "train, eval"
w=$scratch/w.safetensors
run 0 $train --steps 30 --weights-out "$w" --metrics "$scratch/m.jsonl" --seed 7
present "$w" "$scratch/m.jsonl"
says out 'step 30, loss '
grep -q '^{"epoch":1,"step":6,"loss":' "$scratch/m.jsonl" || fail "metrics of the first epoch"
[ "$(wc -l <"$scratch/m.jsonl")" -eq 5 ] || fail "not one line of metrics an epoch"
run 0 $train --steps 30 --weights-out "$scratch/again.safetensors" --seed 7
cmp -s "$w" "$scratch/again.safetensors" || fail "the same seed, other weights"
run 0 $train --steps 30 --weights-out "$scratch/other.safetensors" --seed 8
cmp -s "$w" "$scratch/other.safetensors" && fail "another seed, the same weights"
run 0 $train --epochs 2 --json
says out '"epoch":2,"step":12,'
run 0 "$RNNC" eval $series --set hidden=6 --interpret --weights "$w"
says out '^loss [0-9.]*$'
run 0 "$RNNC" eval $series --set hidden=6 --interpret --weights "$w" --json
says out '^{"loss":[0-9.]*}$'
run 0 $train --steps 2 --weights "$w"

echo "run, and forecasts"
zeros 240 | make_npy "$scratch/x.npy" '<f4' '3, 20'
run 0 "$RNNC" run $series --set hidden=6 --interpret --weights "$w" --in value="$scratch/x.npy" \
    --out forecast="$scratch/y.npy" --out rnn.0.h="$scratch/h.npy"
says err 'f32\[3,20\]'
says err 'f32\[3,6\]'
present "$scratch/y.npy" "$scratch/h.npy"
run 0 $train --steps 2 --continue 30 --plot "$scratch/plot.svg"
says out '30 steps continued from 20 values'
says out '30 steps continued from 20 zeros'
says out 'truth'
grep -q '<svg' "$scratch/plot.svg" || fail "no drawing"
run 0 "$RNNC" run $series --set hidden=6 --interpret --weights "$w" --continue 30
says out '30 steps continued from 20 zeros'

echo "sample"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do printf 'abcd\nabcd\n'; done >"$scratch/letters.txt"
chars="examples/characters.rnn --set alphabet=5 --set hidden=8 --set layers=1 --set batch=2 --set T=10 --set validation_last=0"
run 0 "$RNNC" train $chars --set rate=0.05 --epochs 60 --quiet --data text="$scratch/letters.txt" --weights-out "$scratch/letters.safetensors"
sample="$RNNC sample $chars --weights $scratch/letters.safetensors"
run 0 $sample --prompt ab --length 8 --temperature 0
printf 'abcd\nabcd\n\n' | cmp -s - "$scratch/out" || fail "the likeliest text is $(cat "$scratch/out")"
run 0 $sample --length 40 --temperature 3 --seed 5
cp "$scratch/out" "$scratch/first"
run 0 $sample --length 40 --temperature 3 --seed 5 --threads 2
cmp -s "$scratch/out" "$scratch/first" || fail "a seed gives one text"
run 0 $sample --length 40 --temperature 3 --seed 5 --interpret
run 0 $sample --length 40 --temperature 3 --seed 6
cmp -s "$scratch/out" "$scratch/first" && fail "another seed gives the same text"
run 0 $sample --length 40 --temperature 3 --top-k 1 --prompt abc
[ "$(head -n 1 "$scratch/out")" = abcd ] || fail "the first of one is the likeliest"
run 1 $sample --prompt x
says err "the character 'x' U+0078 is not in the vocabulary"
run 2 $sample --temperature -1
run 2 $sample --temperature nan
run 1 "$RNNC" sample $chars
says err 'needs --weights'
run 1 "$RNNC" sample $series --weights "$w"
says err 'no vocabulary'

echo "train --plot"
run 0 $train --epochs 3 --plot "$scratch/curve.svg"
grep -q '>loss<' "$scratch/curve.svg" || fail "no curve of the loss"
run 0 $train --epochs 3 --plot "$scratch/same.svg" --metrics "$scratch/m.jsonl"
cmp -s "$scratch/curve.svg" "$scratch/same.svg" || fail "other curves with --metrics"
run 0 $train --epochs 2 --plot "$scratch/cut.svg" --metrics "$scratch/m.jsonl" --checkpoint "$scratch/cut" --max-steps 8
present "$scratch/cut.svg"
run 0 $train --epochs 3 --plot "$scratch/cut.svg" --metrics "$scratch/m.jsonl" --checkpoint "$scratch/cut" --resume
cmp -s "$scratch/curve.svg" "$scratch/cut.svg" || fail "other curves after --resume"
rm -f "$scratch/cut.svg"
run 0 $train --steps 9 --plot "$scratch/cut.svg" --max-steps 2
absent "$scratch/cut.svg"
run 1 $train --steps 2 --plot "$scratch/none/cut.svg"
grep -q '"seconds":[0-9.e-]*,"examples_per_second":[0-9.e+]*,"peak_memory":[0-9]*}$' "$scratch/m.jsonl" ||
    fail "speed and memory in the metrics"

echo "plot"
printf '{"epoch":1,"step":5,"loss":2,"validation_loss":3}\n{"epoch":2,"step":10,"loss":1}\n' >"$scratch/small.jsonl"
printf '{"epoch":1,"loss":4}\n{"epoch":2,"loss":null}\n' >"$scratch/large.jsonl"
run 0 "$RNNC" plot "$scratch/small.jsonl"
says out 'validation_loss'
run 0 "$RNNC" plot "$scratch/small.jsonl" "$scratch/large.jsonl" --log --plot "$scratch/both.svg"
says out 'small: validation_loss'
says out 'large: loss'
grep -q '</svg>' "$scratch/both.svg" || fail "no drawing of two runs"
run 1 "$RNNC" plot "$scratch/small.jsonl" --metric accuracy
says err "no metric 'accuracy'; it has epoch, step, loss, validation_loss"
run 1 "$RNNC" plot README.md
says err 'README.md: line 1 is not a JSON object'
: >"$scratch/empty.jsonl"
run 1 "$RNNC" plot "$scratch/empty.jsonl"
says err 'no metrics in it'
run 1 "$RNNC" plot "$scratch/nothing.jsonl"
run 2 "$RNNC" plot

echo "bench"
run 0 "$RNNC" bench $series --interpret --batch 2 --length 3 --set hidden=4 --runs 2
says out '^forward '
says out '^backward '
says out '^update '
run 0 "$RNNC" bench $series --interpret --batch 2 --length 3 --set hidden=4 --runs 2 --json
says out '"backward_ms":'

echo "compiled"
compiled="$RNNC train $series --quiet --set hidden=6"
run 0 $compiled --steps 20 --seed 7 --threads 1 --weights-out "$scratch/one.safetensors" --json
one=$(sed 's/.*"loss":\([^,]*\),.*/\1/' "$scratch/out")
run 0 $compiled --steps 20 --seed 7 --threads 2 --weights-out "$scratch/two.safetensors"
cmp -s "$scratch/one.safetensors" "$scratch/two.safetensors" || fail "one thread and two differ"
run 0 $train --steps 20 --seed 7 --json
interpreted=$(sed 's/.*"loss":\([^,]*\),.*/\1/' "$scratch/out")
echo "$one $interpreted" | awk '{ exit !($1 - $2 < 1e-4 * $2 && $2 - $1 < 1e-4 * $2) }' ||
    fail "compiled loss $one, interpreted $interpreted"
run 0 $compiled --steps 20 --seed 7 --cpu interpret --json
run 0 $compiled --steps 2 --cpu x86-64
run 1 $compiled --steps 2 --cpu x86-65
says err 'x86-64'
run 0 "$RNNC" dump $series --stage llvm --set hidden=6
says out '^define '
run 0 "$RNNC" dump $series --stage asm --set hidden=6
says out 'ret'
run 0 "$RNNC" bench $series --set hidden=4 --threads 1 --runs 9
says out ' GFLOP/s  rnn.0.h.step'
run 0 $compiled --steps 2 --stats
says err 'largest sum of live bytes'

finish
