# Every kind of bad input: one clear error, exit code 1, no file left half-written.
. tests/cli/lib.sh

series=examples/series.rnn
weights=$scratch/good.safetensors
x=$scratch/x.npy

# The rest needs good weights and a good array.
run 0 "$RNNC" train $series --interpret --steps 2 --set hidden=5 --weights-out "$weights" --quiet
present "$weights"
zeros 160 | make_npy "$x" '<f4' '2, 20'

# A model over files, one for each kind of data.
cat >"$scratch/files.rnn" <<'END'
model files(classes = 3) {
    input  x: real(2)[T]
    target y: token(classes)
    loss = mean[batch] cross_entropy(linear(classes, last[T](rnn(4, x))), y)
}
train arrays {
    batch 2
    optimizer sgd(rate = 0.1)
    epochs 1
    data { x = npy("x")  y = npy("y") }
}
END
cat >"$scratch/table.rnn" <<'END'
model table() {
    input  x: real(2)[T]
    target y: real(2)[T]
    loss = mean[T, batch] mean squared_error(linear(2, x), y)
}
train windows {
    batch 2   steps T = 4
    optimizer sgd(rate = 0.1)
    epochs 1
    data { x = csv("table", "a", "b")  y = ahead(x, 1)  windows }
}
train streams : windows {
    batch 4
    data { streams }
}
END
files() {
    "$RNNC" train "$scratch/files.rnn" --interpret --quiet "$@"
}
good_x=$scratch/good_x.npy good_y=$scratch/good_y.npy
zeros 96 | make_npy "$good_x" '<f4' '4, 3, 2'
zeros 32 | make_npy "$good_y" '<i8' '4,'
run 0 files --data x="$good_x" --data y="$good_y"

echo "slices"
sed 's/mean\[T, batch\] mean squared_error(linear(2, x), y)/mean[T, batch] mean squared_error(linear(2, x[T: 2..]), y[T: ..-2])/' \
    "$scratch/table.rnn" >"$scratch/slices.rnn"
printf 'a,b\n1,2\n3,4\n5,6\n7,8\n9,10\n' >"$scratch/slices.csv"
run 0 "$RNNC" train "$scratch/slices.rnn" --interpret --quiet --data table="$scratch/slices.csv" --set T=3
for how in "--interpret" "--cpu interpret"; do
    refused "axis T has 2 indices in this run; the slice \[T: 2..\] needs at least 3" \
        "$RNNC" train "$scratch/slices.rnn" $how --quiet --data table="$scratch/slices.csv" --set T=2
done
run 1 "$RNNC" check "$scratch/slices.rnn" --length 2
says err "the slice \[T: 2..\] needs at least 3"

echo "names"
refused "did you mean 'hidden'" "$RNNC" check $series --set hiden=3
run 2 "$RNNC" check $series --set hidden=3 --set hidden=4
says err "hidden stands twice"
refused "did you mean 'windows'" "$RNNC" check $series --recipe window
refused "unknown model 'nothing'; there is only series" "$RNNC" check $series --model nothing
refused "unknown recipe 'x'; there are " "$RNNC" check examples/mnist.rnn --recipe x
refused "did you mean 'x'" files --data xx="$good_x" --data y="$good_y"
refused "needs a file for 'y'" files --data x="$good_x"
refused "did you mean 'forecast'" "$RNNC" run $series --set hidden=5 --weights "$weights" --in value="$x" \
    --out forcast="$scratch/y.npy"
refused "did you mean 'value'" "$RNNC" run $series --set hidden=5 --weights "$weights" --in valu="$x" \
    --out forecast="$scratch/y.npy"
refused "'value' is needed" "$RNNC" run $series --set hidden=5 --weights "$weights" --out forecast="$scratch/y.npy"
refused "no pass" "$RNNC" dump $series --passes simplfy
refused "no pass" "$RNNC" dump $series --print-after nothing
refused "no stage" "$RNNC" dump $series --stage grap
refused "fuse-pointwise needs" "$RNNC" dump $series --passes fuse-pointwise
refused "update needs differentiate" "$RNNC" dump $series --passes "simplify, update"
refused "schedule before" "$RNNC" dump $series --passes "simplify, lower, pack-weights, fuse-pointwise, plan-buffers"
"$RNNC" dump $series --passes "simplify, lower, pack-weights, fuse-pointwise" >"$scratch/planned.ir"
refused "rewrites the graph" "$RNNC" dump "$scratch/planned.ir" --passes simplify
refused "too late" "$RNNC" dump "$scratch/planned.ir" --passes schedule --batch 3
"$RNNC" dump $series --stage program --cpu interpret >"$scratch/program.ir"
refused "it is a program" "$RNNC" dump "$scratch/program.ir" --passes simplify
refused "it is a program" "$RNNC" dump "$scratch/program.ir" --stage graph
printf 'model m() {\n input x: real[T]\n output y = tanhh(x)\n}\n' >"$scratch/misspelt.rnn"
refused "did you mean 'tanh'" "$RNNC" check "$scratch/misspelt.rnn"
absent "$scratch/y.npy"

echo "passes that leave the update out"
refused "no weights to be updated" "$RNNC" train $series --interpret --quiet --steps 2 --passes simplify
refused "no weights to be updated" "$RNNC" train $series --cpu interpret --quiet --steps 2 \
    --passes "lower, pack-weights, fuse-pointwise, schedule, plan-buffers"

echo "the text of a graph"
run 0 "$RNNC" dump $series
cp "$scratch/out" "$scratch/series.ir"
refused "only rnnc dump reads" "$RNNC" check "$scratch/series.ir"
refused "only rnnc dump reads" "$RNNC" train "$scratch/series.ir"

echo "more threads than anybody has"
refused "at most 256" "$RNNC" train $series --steps 1 --quiet --threads 257

echo "no text"
head -c 300 "$weights" >"$scratch/binary.rnn"
refused "binary.rnn is not a text" "$RNNC" check "$scratch/binary.rnn"
printf 'use "binary.rnn"\nmodel m() {\n input x: real[T]\n output y = x\n}\n' >"$scratch/uses.rnn"
refused "uses.rnn:1:.*binary.rnn is not a text" "$RNNC" check "$scratch/uses.rnn"

echo "missing files"
refused "nothing.rnn" "$RNNC" check "$scratch/nothing.rnn"
refused "nothing.npy" files --data x="$scratch/nothing.npy" --data y="$good_y"
refused "nothing.safetensors" "$RNNC" eval $series --weights "$scratch/nothing.safetensors"

echo "weights that are not the model's"
head -c 200 "$weights" >"$scratch/short.safetensors"
refused "short.safetensors" "$RNNC" eval $series --set hidden=5 --interpret --weights "$scratch/short.safetensors"
refused "good.npy\|good_x.npy" "$RNNC" eval $series --interpret --weights "$good_x"
run 1 "$RNNC" eval $series --set hidden=6 --interpret --weights "$weights"
says err "rnn.0.h.h is f32\[5,5\], the model's is f32\[6,6\]"
refused "lstm" "$RNNC" eval $series --set cell=lstm --set hidden=5 --interpret --weights "$weights"
: >"$scratch/empty.safetensors"
refused "empty.safetensors" "$RNNC" eval $series --interpret --weights "$scratch/empty.safetensors"

echo "wrong types and shapes"
zeros 96 | make_npy "$scratch/wide.npy" '<f4' '4, 2, 3'
refused "needs \[examples, T, 2\]" files --data x="$scratch/wide.npy" --data y="$good_y"
zeros 16 | make_npy "$scratch/float.npy" '<f4' '4,'
refused "takes whole numbers" files --data x="$good_x" --data y="$scratch/float.npy"
zeros 24 | make_npy "$scratch/three.npy" '<i8' '3,'
refused "has 3 rows" files --data x="$good_x" --data y="$scratch/three.npy"
printf '\003\0\0\0\0\0\0\0' | cat - /dev/zero | head -c 32 | make_npy "$scratch/class.npy" '<i8' '4,'
refused "row 0.*is 3" files --data x="$good_x" --data y="$scratch/class.npy"
head -c 100 "$good_x" >"$scratch/cut.npy"
refused "cut.npy" files --data x="$scratch/cut.npy" --data y="$good_y"
refused "value" "$RNNC" run $series --interpret --set hidden=5 --weights "$weights" --in value="$good_x" \
    --out forecast="$scratch/y.npy"
printf 'model m() {\n input x: real(2)[T], z: real(3)[T]\n output y = x * z\n}\n' >"$scratch/shapes.rnn"
refused "shapes.rnn:3" "$RNNC" check "$scratch/shapes.rnn"

echo "NaN"
{ zeros 16; printf '\0\0\300\177'; zeros 76; } | make_npy "$scratch/nan.npy" '<f4' '4, 3, 2'
refused "element \[0, 2, 0\] is .*nan" files --data x="$scratch/nan.npy" --data y="$good_y"
refused "nan" "$RNNC" run "$scratch/files.rnn" --weights "$weights" --in x="$scratch/nan.npy" --out correct="$scratch/y.npy"
printf 'a,b\n1,2\n3,nan\n5,6\n' >"$scratch/nan.csv"
refused "nan.csv" "$RNNC" train "$scratch/table.rnn" --interpret --data table="$scratch/nan.csv"

echo "too short"
printf 'a,b\n1,2\n3,4\n5,6\n7,8\n' >"$scratch/four.csv"
refused "longer than the data" "$RNNC" train "$scratch/table.rnn" --interpret --data table="$scratch/four.csv"
refused "not every stream" "$RNNC" train "$scratch/table.rnn" --recipe streams --interpret --data table="$scratch/four.csv"
refused "longer than the data" "$RNNC" train $series --interpret --set T=1000
refused "3 steps of T" files --data x="$good_x" --data y="$good_y" --set T=7
refused "held out" files --data x="$good_x" --data y="$good_y" --set validation_last=4

echo "empty"
: >"$scratch/empty.rnn"
refused "empty.rnn holds no model" "$RNNC" check "$scratch/empty.rnn"
: | make_npy "$scratch/none.npy" '<f4' '0, 3, 2'
refused "no data in it" files --data x="$scratch/none.npy" --data y="$good_y"
printf 'a,b\n' >"$scratch/none.csv"
refused "none.csv" "$RNNC" train "$scratch/table.rnn" --interpret --data table="$scratch/none.csv"
: >"$scratch/none.txt"
refused "none.txt" "$RNNC" train examples/characters.rnn --interpret --data text="$scratch/none.txt"
printf 'abc' >"$scratch/abc.txt"
refused "not every stream\|held out\|left" "$RNNC" train examples/characters.rnn --interpret --data text="$scratch/abc.txt"

echo "characters"
seq 1 4000 | tr '0-9' '\041-\052' >"$scratch/digits.txt"
refused "11 different characters" "$RNNC" train examples/characters.rnn --interpret --set alphabet=10 \
    --data text="$scratch/digits.txt" --set validation_last=0

echo "folders that cannot be written to"
: >"$scratch/file"
for option in weights-out metrics plot; do
    refused "file/x" "$RNNC" train $series --interpret --steps 2 --quiet --continue 3 --$option "$scratch/file/x"
    refused "nothing/x" "$RNNC" train $series --interpret --steps 2 --quiet --continue 3 --$option "$scratch/nothing/x"
done
refused "nothing/y" "$RNNC" run $series --interpret --set hidden=5 --weights "$weights" --in value="$x" \
    --out forecast="$scratch/nothing/y.npy"
mkdir "$scratch/closed"
chmod a-w "$scratch/closed"
if ! touch "$scratch/closed/probe" 2>/dev/null; then
    refused "closed" "$RNNC" train $series --interpret --steps 2 --quiet --weights-out "$scratch/closed/w"
fi

echo "full disks"
if [ -c /dev/full ]; then
    refused "/dev/full" "$RNNC" train $series --interpret --steps 2 --quiet --weights-out /dev/full
    refused "/dev/full" "$RNNC" train $series --interpret --steps 2 --quiet --metrics /dev/full
    refused "/dev/full" "$RNNC" run $series --interpret --set hidden=5 --weights "$weights" --in value="$x" \
        --out forecast=/dev/full
    "$RNNC" check $series >/dev/full 2>"$scratch/err" && fail "check does not notice a full disk"
    says err "standard output"
fi

echo "files that would be written over what is read, or over each other"
cp "$scratch/files.rnn" "$scratch/kept.rnn"
cp "$good_x" "$scratch/kept.npy"
ln -sf "$good_x" "$scratch/link.npy"
for path in "$scratch/files.rnn" "$good_x" "$scratch/link.npy"; do
    for option in --weights-out --metrics --plot; do
        refused "is read, and would be written over" files --data x="$good_x" --data y="$good_y" $option "$path"
    done
done
refused "would be written twice" files --data x="$good_x" --data y="$good_y" --metrics "$scratch/one" --plot "$scratch/one"
absent "$scratch/one"
refused "is read, and would be written over" "$RNNC" run $series --interpret --set hidden=5 --weights "$weights" --in value="$x" \
    --out forecast="$x"
refused "is read, and would be written over" "$RNNC" run $series --interpret --set hidden=5 --weights "$weights" --in value="$x" \
    --out forecast="$weights"
cmp "$scratch/files.rnn" "$scratch/kept.rnn" || fail "a model was written over"
cmp "$good_x" "$scratch/kept.npy" || fail "data were written over"
# Weights may take the place of those that the training began with, and a device takes anything.
cp "$weights" "$scratch/own.safetensors"
cp "$weights" "$scratch/before.safetensors"
run 0 "$RNNC" train $series --interpret --steps 2 --set hidden=5 --quiet --weights "$scratch/own.safetensors" \
    --weights-out "$scratch/own.safetensors"
for option in --metrics --plot; do
    refused "is read, and would be written over" "$RNNC" train $series --interpret --steps 2 --set hidden=5 --quiet \
        --weights "$weights" --weights-out "$scratch/two.safetensors" $option "$weights"
done
cmp "$weights" "$scratch/before.safetensors" || fail "weights were written over"
run 0 "$RNNC" train $series --interpret --steps 2 --set hidden=5 --quiet --weights-out /dev/null --metrics /dev/null

echo "a loss that is not a number"
refused "the loss is" "$RNNC" train $series --interpret --steps 50 --quiet --set rate=1e30 \
    --weights-out "$scratch/infinite.safetensors"
absent "$scratch/infinite"

finish
