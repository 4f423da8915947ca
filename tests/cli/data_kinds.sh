# Every form of data and of batches, through `train` and `eval`.
. tests/cli/lib.sh

train="$RNNC train --interpret --quiet"

echo "images and labels"
{
    printf '\0\0\010\003\0\0\0\010\0\0\0\003\0\0\0\002'
    for i in 1 2 3 4 5 6 7 8; do printf '\0\377\0\377\0\377'; done
} >"$scratch/images"
{
    printf '\0\0\010\001\0\0\0\010'
    printf '\0\001\0\001\0\001\0\001'
} >"$scratch/labels"
gzip -k "$scratch/labels"
digits="examples/mnist.rnn --set columns=2 --set hidden=4 --set classes=2 --data images=$scratch/images"
run 0 $train $digits --data labels="$scratch/labels.gz" --epochs 2 --set batch=3 --set validation_last=2 \
    --metrics "$scratch/images.jsonl" --weights-out "$scratch/images.safetensors"
says out 'kept the weights of epoch'
grep -q '"validation_accuracy":' "$scratch/images.jsonl" || fail "no validation in the metrics"
grep -q '"perplexity":' "$scratch/images.jsonl" && fail "a perplexity of a single class a row"
run 0 "$RNNC" eval $digits --interpret --data labels="$scratch/labels" --weights "$scratch/images.safetensors"
says out '^accuracy 50.00 %'

echo "characters in streams, states carried on"
seq 1 2000 | tr '0-9' 'a-j' >"$scratch/text"
characters="examples/characters.rnn --set alphabet=11 --set hidden=4 --set layers=1"
run 0 $train $characters --data text="$scratch/text" --set batch=4 --set T=7 --set validation_last=500 --epochs 1 \
    --weights-out "$scratch/text.safetensors" --metrics "$scratch/text.jsonl"
grep -q '"validation_perplexity":' "$scratch/text.jsonl" || fail "no perplexity"
run 0 $train $characters --data text="$scratch/text" --set batch=4 --set T=7 --set validation_last=500 --steps 1 \
    --weights-out "$scratch/named.safetensors"
printf '["\\n","a","b","c","d","e","f","g","h","i","j"]\n' | cmp -s - "$scratch/named.text.json" ||
    fail "the characters: $(cat "$scratch/named.text.json")"
sed -i 's/"b","c"/"c","b"/' "$scratch/named.text.json"
refused 'named.text.json: its characters are not those' "$RNNC" eval $characters --interpret --data text="$scratch/text" \
    --weights "$scratch/named.safetensors"
head -n 20 "$scratch/text" >"$scratch/few"
run 0 "$RNNC" eval $characters --interpret --data text="$scratch/few" --weights "$scratch/text.safetensors"
says out '^perplexity '
printf 'abcxyz\nabcabcabcabc\n' >"$scratch/foreign"
refused 'foreign' "$RNNC" eval $characters --interpret --data text="$scratch/foreign" \
    --weights "$scratch/text.safetensors"

echo "CSV columns in windows, a target some steps ahead, several columns"
cat >"$scratch/table.rnn" <<'END'
model table() {
    input  x: real(2)[T]
    target y: real
    forecast = linear(1, last[T](rnn(3, x)))
    loss = mean[batch] mean squared_error(forecast, y)
    output forecast
}
train windows {
    batch 4   steps T = 5
    optimizer adam(rate = 0.01)
    epochs 2
    data {
        x = csv("table", "b", "a")
        z = csv("table", "a")
        windows stride 2
    }
}
END
sed -i 's/        z = csv("table", "a")/        y = csv("table", "a")/' "$scratch/table.rnn"
{
    echo 'time,a,b'
    i=0
    while [ $i -lt 40 ]; do
        echo "t$i,0.$i,1.$i"
        i=$((i + 1))
    done
} >"$scratch/table.csv"
run 0 $train "$scratch/table.rnn" --data table="$scratch/table.csv" --metrics "$scratch/table.jsonl"
# 18 windows begin at 0, 2, … 34: four full batches and one of two.
grep -q '"epoch":1,"step":5,' "$scratch/table.jsonl" || fail "windows with a stride: $(cat "$scratch/table.jsonl")"
run 0 $train "$scratch/table.rnn" --data table="$scratch/table.csv" --set validation_last=3 --epochs 1
says out 'validation loss'

echo "words in streams, files for validation, the vocabulary beside the weights"
cat >"$scratch/words.rnn" <<'END'
model words(vocab = 6, hidden = 4) {
    input  text: token(vocab)[T]
    target next: token(vocab)[T]
    loss = mean[T, batch] cross_entropy(linear(vocab, lstm(hidden, embedding(vocab, hidden, text))), next)
}
train streams {
    batch 2   steps T = 3   carry state
    optimizer sgd(rate = 0.5)
    epochs 1
    data {
        text = words("text", punctuation = true, lower = true, line_ends = true, least = 2)
        next = ahead(text, 1)
        streams
        validation "valid"
    }
}
END
i=0
while [ $i -lt 12 ]; do
    printf 'The cat, the dog.\nword%s\n' $i
    i=$((i + 1))
done | gzip >"$scratch/train.txt.gz"
printf 'the cow.\n the cat. A dog,\n the end\n' >"$scratch/valid.txt"
words="$scratch/words.rnn --data text=$scratch/train.txt.gz"
refused 'token(6); give .* --set vocab=7' $train $words --data valid="$scratch/valid.txt"
refused 'needs a file for validation: --data valid=FILE' $train $words --set vocab=7
run 0 $train $words --set vocab=7 --data valid="$scratch/valid.txt" --weights-out "$scratch/words.safetensors"
says out 'validation perplexity'
printf '<eos>\nthe\n,\n.\n<unk>\ncat\ndog\n' | cmp -s - "$scratch/words.text.txt" ||
    fail "the vocabulary: $(cat "$scratch/words.text.txt")"
evaluate="$RNNC eval $scratch/words.rnn --interpret --set vocab=7 --weights $scratch/words.safetensors"
run 0 $evaluate --data text="$scratch/valid.txt"
says out '^perplexity '
# Further training takes the vocabulary along.
run 0 $train $words --set vocab=7 --data valid="$scratch/valid.txt" --weights "$scratch/words.safetensors" \
    --weights-out "$scratch/more.safetensors"
run 0 "$RNNC" eval "$scratch/words.rnn" --interpret --set vocab=7 --weights "$scratch/more.safetensors" \
    --data text="$scratch/valid.txt"
sed -i 's/cat/cow/' "$scratch/words.text.txt"
refused 'words.text.txt: line 6 is "cow", the vocabulary in .* has "cat" there' $evaluate \
    --data text="$scratch/valid.txt"
rm "$scratch/words.text.txt"
sed 's/words("text".*/characters("text")/' "$scratch/words.rnn" >"$scratch/letters.rnn"
refused "the weights hold no vocabulary for 'text'" "$RNNC" eval "$scratch/letters.rnn" --interpret --set vocab=7 \
    --weights "$scratch/words.safetensors" --data text="$scratch/valid.txt"
printf 'a \303\050' >"$scratch/broken.txt"
refused 'broken.txt: not UTF-8: unexpected byte 0xc3 at offset 2' $evaluate --data text="$scratch/broken.txt"
: >"$scratch/empty.txt"
refused 'empty.txt: the text is empty' $evaluate --data text="$scratch/empty.txt"

echo "Chinese, character by character"
printf '\344\275\240\345\245\275\357\274\214\344\270\226\347\225\214\343\200\202%.0s' $(seq 60) >"$scratch/chinese"
run 0 $train examples/characters.rnn --set alphabet=6 --set hidden=4 --set layers=1 --set batch=2 --set T=5 \
    --set validation_last=50 --epochs 1 --data text="$scratch/chinese"

echo "tags of words, lines of their own lengths"
cat >"$scratch/tags.rnn" <<'END'
model tags(n = 3) {
    input  word: token(9)[T lengths]
    target tag:  token(3)[T lengths]
    loss = mean[T, batch] cross_entropy(linear(3, concat(rnn(n, e), backward rnn(n, e))), tag)
    e = embedding(9, n, word)
}
train tagging {
    batch 2
    optimizer adam(rate = 0.05)
    epochs 3
    data {
        word = column("train", 2, lower = true, unknown = true)
        tag = column("train", 4)
        validation "dev"
    }
}
END
sed -i '/    e = /d; s/^    loss/    e = embedding(9, n, word)\n    loss/' "$scratch/tags.rnn"
conllu() {
    for word in "$@"; do
        [ "$word" = . ] && echo && continue
        printf '1\t%s\t_\t%s\t_\t_\t_\t_\t_\t_\n' "${word%/*}" "${word#*/}"
    done
}
conllu The/D cat/N sleeps/V . cats/N . They/N see/V the/D cat/N . >"$scratch/train.conllu"
conllu A/D cat/N . see/V >"$scratch/dev.conllu"
for how in --interpret --unroll=full ''; do
    run 0 "$RNNC" train "$scratch/tags.rnn" --quiet $how --data train="$scratch/train.conllu" \
        --data dev="$scratch/dev.conllu" --weights-out "$scratch/tags.safetensors"
    says out 'validation accuracy'
    tr ',' '\n' <"$scratch/out" | head -n 4 >"$scratch/tags$how"
    [ -f "$scratch/tags.first" ] || cp "$scratch/tags$how" "$scratch/tags.first"
    cmp -s "$scratch/tags.first" "$scratch/tags$how" || fail "tags by '$how': $(cat "$scratch/tags$how")"
done
printf 'a\tb\n' >"$scratch/narrow.conllu"
refused 'narrow.conllu: line 1 has 2 fields' $train "$scratch/tags.rnn" --data train="$scratch/train.conllu" \
    --data dev="$scratch/narrow.conllu"
sed 's/token(9)\[T lengths\]/token(9)[T]/; s/token(3)\[T lengths\]/token(3)[T]/' "$scratch/tags.rnn" >"$scratch/bare.rnn"
refused 'declare the lengths: word: token(k)\[T lengths\]' $train "$scratch/bare.rnn" \
    --data train="$scratch/train.conllu" --data dev="$scratch/dev.conllu"
refused 'the longest row has 4 tokens, the recipe says steps T = 3' $train "$scratch/tags.rnn" --set T=3 \
    --data train="$scratch/train.conllu" --data dev="$scratch/dev.conllu"

echo "the last lines of each file held out, and files of fewer lines evaluated"
cat >"$scratch/mood.rnn" <<'END'
model mood() {
    input  words: token(4)[T lengths]
    target kind: token(2)
    loss = mean[batch] cross_entropy(linear(2, last[T](rnn(3, embedding(4, 2, words)))), kind)
}
train lines {
    batch 2
    optimizer adam(rate = 0.05)
    epochs 2
    data {
        words = lines("good", "bad", most = 4, longest = 3)
        kind = file_of("good", "bad")
        validation last 2 of each
        keep best
    }
}
END
printf 'a fine day\nfine\na day\nfine a fine a\n' >"$scratch/good.txt"
printf 'a sad day\nsad\nday\n' >"$scratch/bad.txt"
run 0 $train "$scratch/mood.rnn" --data good="$scratch/good.txt" --data bad="$scratch/bad.txt" \
    --weights-out "$scratch/mood.safetensors"
says out 'kept the weights of epoch'
head -n 1 "$scratch/good.txt" >"$scratch/good.one"
head -n 1 "$scratch/bad.txt" >"$scratch/bad.one"
run 0 "$RNNC" eval "$scratch/mood.rnn" --interpret --weights "$scratch/mood.safetensors" \
    --data good="$scratch/good.one" --data bad="$scratch/bad.one"
says out '^accuracy '
refused 'file 2 has 1 lines; with 2 of each held out none is left' $train "$scratch/mood.rnn" \
    --data good="$scratch/good.txt" --data bad="$scratch/bad.one"
run 0 "$RNNC" check "$scratch/words.rnn"
says out 'validation "valid"'

echo "a test part, which eval alone looks at"
sed 's/        validation last 2 of each/        validation last 1 of each   test last 1 of each/' "$scratch/mood.rnn" >"$scratch/parts.rnn"
run 0 $train "$scratch/parts.rnn" --data good="$scratch/good.txt" --data bad="$scratch/bad.txt" \
    --weights-out "$scratch/parts.safetensors"
run 0 "$RNNC" eval "$scratch/parts.rnn" --interpret --weights "$scratch/parts.safetensors" \
    --data good="$scratch/good.txt" --data bad="$scratch/bad.txt"
says err 'test part: the last 2 examples'
run 0 "$RNNC" eval "$scratch/parts.rnn" --interpret --weights "$scratch/parts.safetensors" --set test_last=0 \
    --data good="$scratch/good.one" --data bad="$scratch/bad.one"
run 0 "$RNNC" check "$scratch/parts.rnn"
says out 'test last 1 of each'

echo "values drawn by the seed"
adding="examples/addition.rnn --model one_number --set hidden=3 --set T=4"
run 0 $train $adding --steps 2 --weights-out "$scratch/drawn.safetensors"
run 0 "$RNNC" eval $adding --interpret --weights "$scratch/drawn.safetensors" --seed 2
says out '^whole '

echo "arrays of one .npz file"
if python3 -c 'import numpy' 2>/dev/null; then
    python3 -c "import numpy, sys
x, y = numpy.arange(48, dtype='f4').reshape(4, 6, 2), numpy.array([0, 1, 2, 1])
numpy.savez(sys.argv[1] + '/stored.npz', x=x, y=y)
numpy.savez_compressed(sys.argv[1] + '/deflated.npz', x=x, y=y)" "$scratch"
    cat >"$scratch/npz.rnn" <<'END'
model npz() {
    input  x: real(2)[T]
    target y: token(3)
    z = standardise(x)
    loss = mean[batch] cross_entropy(linear(3, last[T](rnn(3, z))), y)
}
train arrays {
    batch 2   optimizer sgd(rate = 0.1)   epochs 1
    data { x = npy("data", "x")  y = npy("data", "y") }
}
END
    for kind in stored deflated; do
        run 0 $train "$scratch/npz.rnn" --data data="$scratch/$kind.npz" --json --weights-out "$scratch/$kind.safetensors"
    done
    cmp -s "$scratch/stored.safetensors" "$scratch/deflated.safetensors" || fail "stored and deflated differ"
    refused 'no array x;.* the arrays are w' $train "$scratch/npz.rnn" --data data="$(python3 -c "import numpy, sys
numpy.savez(sys.argv[1] + '/other.npz', w=numpy.zeros(3)); print(sys.argv[1] + '/other.npz')" "$scratch")"
fi

echo "categories, missing values"
cat >"$scratch/air.rnn" <<'END'
model air() {
    input  x: real(2)[T]
    input  seen: real(2)[T]
    input  wind: token(3)[T]
    target y: real
    h = last[T](rnn(3, concat(x, seen, embedding(3, 2, wind))))
    loss = mean[batch] mean squared_error(linear(1, h), y)
}
train windows {
    batch 4   steps T = 3
    optimizer sgd(rate = 0.01)
    epochs 1
    data {
        x = csv("air", "a", "b", missing = previous(0))
        seen = present("air", "a", "b")
        wind = category("air", "w", unknown = true)
        y = ahead(csv("air", "b"), 2)
        windows
    }
}
END
{
    echo 'a,b,w'
    for i in 1 2 3 4 5 6 7 8 9; do printf 'NA,0.%s,NW\n0.%s,1,SE\n' $i $i; done
} >"$scratch/air.csv"
run 0 $train "$scratch/air.rnn" --data air="$scratch/air.csv" --weights-out "$scratch/air.safetensors"
sed 's/0.4,NW/0.4,/' "$scratch/air.csv" >"$scratch/calm.csv"
run 0 "$RNNC" eval "$scratch/air.rnn" --interpret --weights "$scratch/air.safetensors" --data air="$scratch/calm.csv"
sed 's/0.4,NW/NA,NW/' "$scratch/air.csv" >"$scratch/missing.csv"
refused 'missing.csv: line 8, column b: the value is missing (NA); a recipe may fill it' $train "$scratch/air.rnn" \
    --data air="$scratch/missing.csv"

echo "arrays without a recipe"
cat >"$scratch/plain.rnn" <<'END'
model plain() {
    input  x: real(2)
    target y: real
    loss = mean[batch] mean squared_error(linear(1, x), y)
}
train plain { batch 2   optimizer sgd(rate = 0.1)   epochs 3 }
END
zeros 40 | make_npy "$scratch/x.npy" '<f4' '5, 2'
zeros 20 | make_npy "$scratch/y.npy" '<f4' '5,'
run 0 $train "$scratch/plain.rnn" --data x="$scratch/x.npy" --data y="$scratch/y.npy"
says out 'epoch 3, step 9, loss 0'

echo "f64"
run 0 $train examples/series.rnn --set float=f64 --set hidden=4 --steps 3

echo "schedules see the epoch and the step"
cat >"$scratch/schedule.rnn" <<'END'
model m(hidden = 3) {
    input value: real[T]
    target next: real[T]
    loss = mean[T, batch] squared_error(linear(1, rnn(hidden, value)), next)
}
train base {
    batch 5   steps T = 4
    optimizer sgd(rate = 0.01)
    epochs 1
    data {
        value = series(sin(t) in t, t = 0 to 3 by 0.1)
        next = ahead(value, 1)
        windows
    }
}
train by_epoch : base { schedule rate *= 1e-30 each epoch after 1 }
train by_step : base { schedule rate *= 1e-30 each 1 steps after 5 }
END
for recipe in by_epoch by_step; do
    for epochs in 1 2; do
        run 0 $train "$scratch/schedule.rnn" --recipe $recipe --epochs $epochs --weights-out "$scratch/$epochs.$recipe"
    done
done
tail -c 60 "$scratch/1.by_epoch" >"$scratch/a"
tail -c 60 "$scratch/1.by_step" >"$scratch/b"
cmp -s "$scratch/a" "$scratch/b" || fail "schedules differ before they begin"
# 27 windows are 6 steps: the rate of steps 0 to 5 is whole.
for recipe in by_epoch by_step; do
    tail -c 60 "$scratch/1.$recipe" >"$scratch/a"
    tail -c 60 "$scratch/2.$recipe" >"$scratch/b"
    cmp -s "$scratch/a" "$scratch/b" || fail "$recipe: the rate did not fall"
done
run 0 $train "$scratch/schedule.rnn" --recipe base --epochs 2 --weights-out "$scratch/2.base"
tail -c 60 "$scratch/2.base" >"$scratch/b"
cmp -s "$scratch/a" "$scratch/b" && fail "the second epoch changed nothing"

echo "two sequence axes: an array's dimensions are those of the declaration"
cat >"$scratch/words.rnn" <<'END'
model words() {
    input  spelling: token(7)[T, S]
    target tag: token(3)[T]
    h, end = lstm(4, embedding(7, 3, spelling)) along S
    y = lstm(4, end.h) along T
    loss = sum[T] mean[batch] cross_entropy(linear(3, y), tag)
    output letters = h
    output words = y
}
train fit {
    batch 2
    optimizer sgd(rate = 0.1)
    epochs 1
    data {
        spelling = npy("spelling")
        tag = npy("tag")
    }
}
END
sed 's/\[T, S\]/[S, T]/' "$scratch/words.rnn" >"$scratch/turned.rnn"
# numbers OUTER INNER: 4 examples of 2 words of 3 letters, the words outside or inside.
numbers() {
    awk -v order="$1" 'BEGIN {
        for (n = 0; n < 4; n++) for (i = 0; i < 6; i++) {
            t = order == "words" ? int(i / 3) : i % 2; s = order == "words" ? i % 3 : int(i / 2)
            printf "\\%03o\\0\\0\\0", (n * 5 + t * 3 + s * s) % 7
        }
    }'
}
printf "$(numbers words)" | make_npy "$scratch/words.npy" '<i4' '4, 2, 3'
printf "$(numbers letters)" | make_npy "$scratch/turned.npy" '<i4' '4, 3, 2'
zeros 32 | make_npy "$scratch/tag.npy" '<i4' '4, 2'
for form in words turned; do
    run 0 $train "$scratch/$form.rnn" --data spelling="$scratch/$form.npy" --data tag="$scratch/tag.npy" \
        --weights-out "$scratch/$form.safetensors"
    for how in --interpret --no-cache; do
        run 0 "$RNNC" run "$scratch/$form.rnn" --weights "$scratch/words.safetensors" $how --in spelling="$scratch/$form.npy" \
            --out letters="$scratch/$form.letters.npy" --out words="$scratch/$form$how.npy"
    done
done
tail -c 200 "$scratch/words.safetensors" >"$scratch/a"
tail -c 200 "$scratch/turned.safetensors" >"$scratch/b"
cmp -s "$scratch/a" "$scratch/b" || fail "the order of the declaration changes what is learnt"
for how in --interpret --no-cache; do
    cmp -s "$scratch/words$how.npy" "$scratch/turned$how.npy" || fail "the order of the declaration changes the words"
done
# Of 4 x 2 x 3 vectors of 16 bytes behind a header of 128 or 64: word 1, letter 2 of the last example is the last in both.
vector() {
    tail -c "$2" "$1" | head -c 16
}
vector "$scratch/words.letters.npy" 16 >"$scratch/a"
vector "$scratch/turned.letters.npy" 16 >"$scratch/b"
cmp -s "$scratch/a" "$scratch/b" || fail "the last letters differ"
# Word 0, letter 2: the fourth from the end in [T, S], the second in [S, T].
vector "$scratch/words.letters.npy" 64 >"$scratch/a"
vector "$scratch/turned.letters.npy" 32 >"$scratch/b"
cmp -s "$scratch/a" "$scratch/b" || fail "letters are in the wrong place"
vector "$scratch/turned.letters.npy" 64 >"$scratch/b"
cmp -s "$scratch/a" "$scratch/b" && fail "all letters are the same"
refused 'needs \[examples, T, S\]' "$RNNC" run "$scratch/words.rnn" --weights "$scratch/words.safetensors" \
    --in spelling="$scratch/tag.npy" --out words="$scratch/none.npy"

# Sanitizers need more room than that before anything is read.
(ulimit -d 30000 && "$RNNC" --help >/dev/null 2>&1) || { echo "left out: files larger than memory"; finish; exit; }

echo "files larger than the memory that there is"
# 20 MB of text are 20 MB of tokens, and 900,000 rows of three columns 21 MB, of 30 MB for all.
awk 'BEGIN { for (i = 0; i < 600000; i++) print "the quick brown fox jumps, then it ", i % 7 }' | head -c 20000000 >"$scratch/large.txt"
gzip -1 -k "$scratch/large.txt"
awk 'BEGIN { print "a,b,c"; for (i = 0; i < 900000; i++) print i % 7 "," i % 5 "," i % 3 }' >"$scratch/large.csv"
cat >"$scratch/large.rnn" <<'END'
model large() {
    input  x: real(3)[T]
    loss = mean[T, batch] sum square(linear(3, x) - x)
}
train r {
    batch 4   steps T = 5   optimizer sgd(rate = 0.01)   max_steps 2
    data { x = csv("table", "a", "b", "c")  windows stride 100000 }
}
END
limited() {
    (ulimit -d 30000 && TMPDIR=$scratch "$RNNC" train "$@" --quiet --cpu interpret --threads 1)
}
for text in large.txt large.txt.gz; do
    run 0 limited examples/characters.rnn --set hidden=4 --set alphabet=40 --steps 2 --set validation_last=1000 \
        --set batch=4 --set T=5 --data text="$scratch/$text"
    says err 'in 4 streams of 4,999,'
done
run 0 limited "$scratch/large.rnn" --data table="$scratch/large.csv"
ls -A "$scratch" | grep -q '^\.rnnc-' && fail "files that should have no name are left"

finish
