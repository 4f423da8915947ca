# Training and evaluation by data through the library have the bits of `rnnc train` and `rnnc eval`, and each goes on with
# the other's checkpoints.
# Usage: fit.sh fit_tool
. tests/cli/lib.sh
TOOL=$1
cpu=${RNNC_TEST_CPU:-native}

streams_model >"$scratch/streams.rnn"
# From windows in a new order each epoch, each with states of its own; a plateau, and a test part.
sed -e 's/   carry state//' -e 's/  streams  validation/  windows stride 3  validation/' \
    -e 's/keep best/keep best accuracy  test last 40/' -e 's/schedule .*/schedule rate *= 0.5 on plateau of 1 epochs/' \
    "$scratch/streams.rnn" >"$scratch/windows.rnn"
# Drawn windows; and windows that overlap, so that a part of each counts.
sed -e 's/   carry state//' -e 's/  streams  validation/  random windows  validation/' "$scratch/streams.rnn" \
    >"$scratch/drawn.rnn"
sed -e 's/steps T = 7/steps T = 7 every 3/' "$scratch/streams.rnn" >"$scratch/overlap.rnn"
seq 1 300 >"$scratch/text"

# Real numbers that are standardised; no validation.
cat >"$scratch/series.rnn" <<'END'
model series(hidden = 5) {
    input  value: real(2)[T]
    target next: real[T]
    forecast = linear(1, lstm(hidden, standardise(value)))
    loss = mean[T, batch] mean squared_error(forecast, next)
    output forecast
}
train table {
    batch 6   steps T = 9
    optimizer momentum(rate = 0.01)
    epochs 2
    data { value = csv("text", "a", "b")  next = csv("text", "a")  windows }
}
END
awk 'BEGIN { print "a,b"; for (t = 0; t < 120; t++) print sin(t / 5) "," 7 + 3 * cos(t / 3) }' >"$scratch/table.csv"

# Lines of words, each as long as it is, with files of their own for validation.
cat >"$scratch/lines.rnn" <<'END'
model side(vocab = 40, hidden = 5) {
    input  words: token(vocab)[T lengths]
    target label: token(2)
    logits = linear(2, last[T](lstm(hidden, embedding(vocab, hidden, words))))
    loss = mean[batch] cross_entropy(logits, label)
    output logits
}
train sides {
    batch 5
    optimizer adam(rate = 0.01)
    epochs 2
    data {
        words = lines("text", "more")
        label = file_of("text", "more")
        validation "valid", "valid_more"  keep best
    }
}
END
words() {
    awk -v n="$1" -v by="$2" 'BEGIN { for (i = 1; i <= n; i++) {
        line = "w" i % by
        for (k = 0; k < i * 7 % 5; k++) line = line " w" (i * k + by) % 17
        print line } }'
}
words 23 5 >"$scratch/first"
words 19 7 >"$scratch/more"
words 6 5 >"$scratch/valid"
words 7 7 >"$scratch/valid_more"

# What |model| is trained and evaluated on.
name_data() {
    data="--data text=$scratch/text"
    kept=
    case $1 in
    series) data="--data text=$scratch/table.csv" ;;
    lines)
        data="--data text=$scratch/first --data more=$scratch/more"
        kept="--data valid=$scratch/valid --data valid_more=$scratch/valid_more"
        ;;
    esac
}

command_train() {
    name=$1 model=$2
    shift 2
    run 0 "$RNNC" train "$scratch/$model.rnn" $data $kept --quiet --cpu "$cpu" --threads 1 \
        --metrics "$scratch/$name.jsonl" --weights-out "$scratch/$name.safetensors" "$@"
}

library() {
    how=$1 name=$2 model=$3
    shift 3
    run 0 "$TOOL" "$how" "$scratch/$model.rnn" $data $kept --cpu "$cpu" \
        --out "$scratch/$name.safetensors" "$@"
}

# same_weights MODEL A B
same_weights() {
    run 0 "$TOOL" same "$scratch/$1.rnn" --weights "$scratch/$2.safetensors" --out "$scratch/$3.safetensors"
}

# What training writes: weights with all that they say of themselves, and vocabularies beside them.
same_files() {
    for file in "$scratch/$1".*; do
        case $file in
        *.jsonl | *.lines) ;;
        *) cmp "$file" "$scratch/$2${file#"$scratch/$1"}" || fail "$2: not the file that the command writes" ;;
        esac
    done
}

same_metrics() {
    for name in "$1" "$2"; do
        sed 's/"seconds":[^}]*//' "$scratch/$name.jsonl" >"$scratch/$name.lines"
    done
    cmp -s "$scratch/$1.lines" "$scratch/$2.lines" || fail "$2: other metrics than $1"
}

for model in streams windows drawn overlap series lines; do
    echo "$model: fit, loop and evaluation"
    name_data $model
    rm -f "$scratch"/by_*
    command_train by_command $model
    library train by_library $model --metrics "$scratch/by_library.jsonl" --threads 2
    same_files by_command by_library
    same_metrics by_command by_library

    run 0 "$RNNC" eval "$scratch/$model.rnn" $data --cpu "$cpu" --json \
        --weights "$scratch/by_command.safetensors"
    tr -d '{}"' <"$scratch/out" | tr ',:' '\n ' >"$scratch/wanted"
    run 0 "$TOOL" eval "$scratch/$model.rnn" $data --cpu "$cpu" \
        --weights "$scratch/by_library.safetensors"
    paste -d' ' "$scratch/wanted" "$scratch/out" | awk '$1 != $3 || $2 + 0 != $4 + 0 { bad = 1 } END { exit bad || NR < 1 }' ||
        fail "$model: other measures: $(cat "$scratch/wanted" "$scratch/out")"

    # The last weights, not the best, and no plateaus, which a validation counts.
    sed -e 's/keep best accuracy//' -e 's/keep best//' -e 's/schedule .* on plateau of 1 epochs//' "$scratch/$model.rnn" \
        >"$scratch/last.rnn"
    command_train last_by_command last
    library loop last_by_library last
    same_weights last last_by_command last_by_library
done

echo "the model goes on by itself"
cat >"$scratch/wave.rnn" <<'END'
model wave(hidden = 4) {
    input  value: real[T]
    target next: real[T]
    forecast = linear(1, lstm(hidden, value))
    loss = mean[T, batch] mean squared_error(forecast, next)
    output forecast
}
train windows {
    batch 5  steps T = 8
    optimizer adam(rate = 0.01)
    max_steps 20
    data { value = series(sin(t) in t, t = 0 to 20 by 0.1)  next = ahead(value, 1)  random windows }
}
END
run 0 "$RNNC" train "$scratch/wave.rnn" --quiet --cpu "$cpu" --weights-out "$scratch/wave.safetensors"
run 0 "$RNNC" run "$scratch/wave.rnn" --cpu "$cpu" --weights "$scratch/wave.safetensors" --continue 60 \
    --plot "$scratch/wave.svg"
run 0 "$TOOL" continue "$scratch/wave.rnn" --cpu "$cpu" --weights "$scratch/wave.safetensors" --steps 60 \
    --out "$scratch/library.svg"
cmp "$scratch/wave.svg" "$scratch/library.svg" || fail "another drawing of a forecast"

echo "graphs interpreted"
for model in overlap series; do
    name_data $model
    run 0 "$RNNC" train "$scratch/$model.rnn" $data --quiet --interpret --weights-out "$scratch/by_command.safetensors"
    cpu=reference
    library train by_library $model
    same_weights $model by_command by_library
done

echo "stopped and gone on with, by turns"
name_data streams
cpu=interpret
for model in streams windows; do
    command_train whole $model
    rm -rf "$scratch/kept" "$scratch/pieces.jsonl"
    library train pieces $model --metrics "$scratch/pieces.jsonl" --checkpoint "$scratch/kept" --every 5 --stop-after 17
    says out 'end 1,'
    run 0 "$RNNC" train "$scratch/$model.rnn" $data --quiet --cpu "$cpu" \
        --metrics "$scratch/pieces.jsonl" --checkpoint "$scratch/kept" --resume --max-steps 20
    library train pieces $model --metrics "$scratch/pieces.jsonl" --resume "$scratch/kept" --call-steps 9
    says out 'end 3,'
    cp -r "$scratch/kept" "$scratch/branch" && cp "$scratch/pieces.jsonl" "$scratch/branch.jsonl"
    library train pieces $model --metrics "$scratch/pieces.jsonl" --checkpoint "$scratch/kept" --resume ""
    says out 'end 0,'
    same_weights $model whole pieces
    same_metrics whole pieces
    run 0 "$RNNC" train "$scratch/$model.rnn" $data --quiet --cpu "$cpu" \
        --metrics "$scratch/branch.jsonl" --checkpoint "$scratch/branch" --resume --weights-out "$scratch/branch.safetensors"
    same_weights $model whole branch
    same_metrics whole branch
    rm -rf "$scratch/branch"
done

echo "refused"
seq 301 600 >"$scratch/other"
run 1 "$TOOL" train "$scratch/windows.rnn" --data text="$scratch/other" --cpu "$cpu" --resume "$scratch/kept"
says err 'is of another training; data'
run 1 "$TOOL" train "$scratch/windows.rnn" --data text="$scratch/text" --cpu "$cpu" --checkpoint "$scratch/kept"
says err 'holds .* checkpoints of an earlier training'
run 1 "$TOOL" train "$scratch/windows.rnn" --data text="$scratch/text" --cpu "$cpu" --resume "$scratch/nowhere"
says err 'there is no such folder or checkpoint'

finish
