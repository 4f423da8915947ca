# What training says of its updates: rates and norms, plateaus, early stopping, updates left out, divergence.
. tests/cli/lib.sh

series=$scratch/series.rnn
cat >"$series" <<'END'
model line(scale = 1) {
    input  value: real[T]
    target next: real[T]
    loss = mean[T, batch] mean squared_error(linear(1, rnn(3, value)), next * scale)
}
train windows {
    batch 10   steps T = 5
    optimizer adam(rate = 0.01)
    schedule warm_up over 4 steps
    epochs 3
    data {
        value = series(sin(t) in t, t = 0 to 30 by 0.1)
        next = ahead(value, 1)
        windows
        validation last 50
    }
}
train waiting : windows {
    optimizer sgd(rate = 0)
    schedule rate *= 0.5 on plateau of 2 epochs
    stop after 5 epochs without better validation
    epochs 20
}
train plain : windows { clip_norm 0  skip_limit 0 }
END
cat >"$scratch/logs.rnn" <<'END'
model logs() {
    input  value: real[T]
    target next: real[T]
    y = linear(1, value)
    loss = mean[T, batch] mean log(y - next)
}
train windows {
    batch 10   steps T = 5
    optimizer sgd(rate = 0.01)
    max_steps 50
    data {
        value = series(sin(t) in t, t = 0 to 30 by 0.1)
        next = ahead(value, 1)
        windows
    }
}
END
m=$scratch/m.jsonl
train="$RNNC train $series --interpret"

echo "metrics"
run 0 $train --recipe windows --metrics "$m"
says err 'rate 0.0*100*'
says err 'norm [0-9.]*'
[ "$(grep -c '"learning_rate":0.01,"gradient_norm":[0-9.e-]*,"seconds"' "$m")" -eq 3 ] || fail "rate and norm in $(cat "$m")"
run 0 $train --recipe plain --metrics "$m" --quiet
grep -q gradient_norm "$m" && fail "a norm that nobody asked for"

echo "waiting"
run 0 $train --recipe waiting --metrics "$m" --set rate=0 --quiet
[ "$(wc -l <"$m")" -eq 6 ] || fail "six epochs: the first is the best, five are waited for"
run 0 $train --recipe waiting --metrics "$m" --set rate=1e-30 --set patience=0 --set epochs=6 --quiet
tail -n 1 "$m" | grep -q '"learning_rate":2.5' || fail "two plateaus in $(tail -n 1 "$m")"

# In pieces of 40 steps, with plateaus and an end by waiting: the same lines.
without_seconds() {
    sed 's/,"seconds".*//' "$1"
}
waiting="$train --recipe waiting --set rate=1e-30 --set T=4 --quiet"
run 0 $waiting --metrics "$m"
for piece in 1 2 3 4 5; do
    run 0 $waiting --metrics "$scratch/pieces.jsonl" --checkpoint "$scratch/kept" --resume --max-steps 40
done
without_seconds "$m" >"$scratch/whole.txt"
without_seconds "$scratch/pieces.jsonl" | cmp - "$scratch/whole.txt" || fail "not the same lines in pieces"
[ "$(wc -l <"$m")" -eq 6 ] || fail "not six epochs"

echo "updates left out"
cat >"$scratch/some.rnn" <<'END'
model some() {
    input  value: real[T]
    target next: real[T]
    loss = mean[T, batch] (squared_error(linear(1, value), next) + 0.001 * log(abs(value)))
}
train windows {
    batch 3   steps T = 2
    optimizer sgd(rate = 0.01)   skip_limit 100
    epochs 4
    data {
        value = series(t in t, t = 0 - 5 to 5 by 0.5)
        next = ahead(value, 1)
        windows
    }
}
END
# The logarithm meets a zero in two windows of an epoch.
for engine in --interpret "--threads 1"; do
    run 0 "$RNNC" train "$scratch/some.rnn" --quiet $engine --metrics "$m" --json
    says out '"loss":[0-9.e-]*,.*"skipped_updates":[4-8],'
    grep -q '"skipped_updates":[12],' "$m" || fail "updates left out in $(cat "$m")"
    run 0 "$RNNC" train "$scratch/some.rnn" --quiet $engine
    says out '[4-8] updates were left out'
done

echo "divergence"
for engine in --interpret "--threads 1"; do
    refused "training diverged at step 10 (epoch 1): the loss is nan.*; 10 updates in a row" \
        "$RNNC" train "$scratch/logs.rnn" --quiet $engine
    says err 'norms of the gradients by layer: y '
    says err 'set rate=0.003'
    says err 'set clip_norm=5'
    says err 'warm_up'
    refused "training diverged at step 1 (epoch 1)" "$RNNC" train "$scratch/logs.rnn" --quiet $engine --set skip_limit=0
done
refused "skip_limit" "$RNNC" train "$series" --recipe windows --set rate=1e42 --set skip_limit=2 --quiet --threads 1
says err "the gradient of '[a-z.0-9]*'"
says err "the weight '[a-z.0-9]*' itself"

echo "settings"
refused "the recipe's optimizer, adam, has no 'momentum'" "$RNNC" check "$series" --recipe windows --set momentum=0.5
refused "'beta1' must be below 1" "$RNNC" check "$series" --recipe windows --set beta1=1
run 0 "$RNNC" check "$series" --recipe waiting
says out 'rate \*= 0.5 on plateau of 2 epochs'
says out 'stop after 5 epochs without better validation'

finish
