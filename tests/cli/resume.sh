# Trainings that are stopped, killed and hindered: each goes on with the bits of one that nobody disturbed.
# Usage: resume.sh [how often to kill]
. tests/cli/lib.sh
kills=${1:-20}

streams_model >"$scratch/streams.rnn"
# The same from windows in a new order each epoch, each with states of its own.
sed -e 's/   carry state//' -e 's/  streams  validation/  windows stride 3  validation/' "$scratch/streams.rnn" \
    >"$scratch/windows.rnn"
sed 's/  streams  validation/  windows  validation/' "$scratch/streams.rnn" >"$scratch/windows_carry.rnn"
seq 1 300 >"$scratch/text"

# train MODEL NAME options…: writes NAME.safetensors and NAME.jsonl
train() {
    model=$1 name=$2
    shift 2
    "$RNNC" train "$scratch/$model.rnn" --data text="$scratch/text" --quiet --cpu interpret --metrics "$scratch/$name.jsonl" \
        --weights-out "$scratch/$name.safetensors" "$@"
}

# same_end NAME: the weights and metrics of NAME are those of the undisturbed run, but for the seconds.
same_end() {
    cmp -s "$scratch/whole_$1.safetensors" "$scratch/$2.safetensors" || fail "$2: other weights than undisturbed"
    for name in "whole_$1" "$2"; do
        sed 's/"seconds":[^}]*//' "$scratch/$name.jsonl" >"$scratch/$name.lines"
    done
    cmp -s "$scratch/whole_$1.lines" "$scratch/$2.lines" || fail "$2: other metrics than undisturbed"
}

for model in streams windows; do
    run 0 train $model whole_$model --threads 1
done

echo "pieces: by --max-steps, from thread to thread"
for model in streams windows; do
    pieces=0
    threads=1
    while [ ! -e "$scratch/pieces_$model.safetensors" ] && [ $pieces -lt 40 ]; do
        run 0 train $model pieces_$model --checkpoint "$scratch/pieces_$model" --resume --max-steps 23 --threads $threads
        pieces=$((pieces + 1)) threads=$((3 - threads))
    done
    [ $pieces -gt 3 ] || fail "only $pieces pieces"
    same_end $model pieces_$model
    count=$(ls "$scratch/pieces_$model" | grep -c '^step')
    [ "$count" -eq 3 ] || fail "$count checkpoints kept instead of 3"
done
# What is done is done: resuming again ends at once with the same.
rm "$scratch/pieces_streams.safetensors"
run 0 train streams pieces_streams --checkpoint "$scratch/pieces_streams" --resume
same_end streams pieces_streams
says out "epoch 3"

echo "more epochs than first planned, and a number of steps within an epoch"
run 0 train streams more --epochs 1 --checkpoint "$scratch/more"
run 0 train streams more --epochs 3 --checkpoint "$scratch/more" --resume
same_end streams more
run 0 train streams whole_steps --steps 60
run 0 train streams steps --steps 20 --checkpoint "$scratch/steps"
run 0 train streams steps --steps 50 --checkpoint "$scratch/steps" --resume
run 0 train streams steps --steps 60 --checkpoint "$scratch/steps" --resume
same_end steps steps

echo "the best weights"
run 0 "$RNNC" eval "$scratch/streams.rnn" --data text="$scratch/text" --weights "$scratch/pieces_streams/best.safetensors" --json
cp "$scratch/out" "$scratch/best.json"
run 0 "$RNNC" eval "$scratch/streams.rnn" --data text="$scratch/text" --weights "$scratch/whole_streams.safetensors" --json
cmp -s "$scratch/out" "$scratch/best.json" || fail "best.safetensors is not what keep best keeps"
newest=$scratch/pieces_streams/$(ls "$scratch/pieces_streams" | grep '^step' | tail -n 1)
run 0 "$RNNC" eval "$scratch/streams.rnn" --data text="$scratch/text" --weights "$newest"

echo "one stream, states carried"
# Every value but the first is predicted, also those of the last window: however long the windows are, it comes to
# the same.
"$RNNC" eval "$scratch/streams.rnn" --data text="$scratch/text" --weights "$scratch/whole_streams.safetensors" --set batch=1 \
    --set T=1091 | tee "$scratch/long" >/dev/null
for steps in 7 1 200; do
    run 0 "$RNNC" eval "$scratch/streams.rnn" --data text="$scratch/text" --weights "$scratch/whole_streams.safetensors" \
        --set batch=1 --set T=$steps
    says err "1,092 values in 1 stream of 1,091, 0 left over"
    sed -n 's/^perplexity //p' "$scratch/out" "$scratch/long" | awk '{ p[NR] = $1 }
        END { exit !(NR == 2 && (p[1] - p[2]) ^ 2 < (1e-5 * p[2]) ^ 2) }' || fail "another perplexity by windows of $steps"
done

echo "windows that overlap"
sed 's/steps T = 7 /steps T = 7 every 3 /' "$scratch/streams.rnn" >"$scratch/overlap.rnn"
run 0 train overlap whole_overlap --threads 2
for steps in 50 50 1000; do
    run 0 train overlap overlap --threads 1 --checkpoint "$scratch/overlap" --resume --max-steps $steps
done
same_end overlap overlap
refused "'every' takes at most 2" train overlap none --set T=2
refused "needs 'streams'" "$RNNC" check "$scratch/windows_carry.rnn"

echo "signals"
# wait_for COMMAND…: until it succeeds, or 20 seconds.
wait_for() {
    tries=0
    until "$@" >/dev/null 2>&1 || [ $tries -ge 400 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
}

has_checkpoint() {
    ls "$1" | grep -q '^step'
}

# start options…: a long training in the background. The shell would have it ignore SIGINT.
reset=
env --default-signal=INT true 2>/dev/null && reset="env --default-signal=INT"
start() {
    rm -rf "$scratch/signal" "$scratch/signal.safetensors"
    $reset "$RNNC" train "$scratch/streams.rnn" --data text="$scratch/text" --weights-out "$scratch/signal.safetensors" \
        --checkpoint "$scratch/signal" --quiet "$@" 2>"$scratch/err" >"$scratch/out" &
    process=$!
}

# stop_by SIGNAL CODE: sends it once the first checkpoint is there.
stop_by() {
    start --epochs 100000 --checkpoint-every 10 --cpu interpret
    wait_for has_checkpoint "$scratch/signal"
    kill -"$1" $process
    wait $process
    code=$?
    [ $code -eq "$2" ] || fail "SIG$1: exit code $code instead of $2"
    says err "stopped by SIG$1 after step"
    says err "go on with: .* --resume$"
    [ -e "$scratch/signal.safetensors" ] && fail "weights of an unfinished training were written"
    step=$(sed -n 's/^stopped by .* after step \([0-9]*\),.*/\1/p' "$scratch/err")
    present "$scratch/signal/$(printf 'step-%012d.safetensors' "$step")"
}
if [ "$reset" ]; then
    stop_by INT 130
    # A second one does not wait for the step, which here takes very long.
    start --interpret --set hidden=300 --set T=240
    wait_for grep -q 'parameters, batch' "$scratch/err"
    sleep 0.3
    kill -INT $process
    sleep 0.3
    kill -INT $process
    wait $process
    code=$?
    [ $code -eq 130 ] || fail "two SIGINT: exit code $code instead of 130"
    grep -q 'stopped by' "$scratch/err" && fail "a second SIGINT does not end the process at once"
fi
stop_by TERM 143
# The command that it says goes on, as it is written. It would go on for very long, so for fewer epochs.
command=$(sed -n 's/^go on with: //p' "$scratch/err" | sed 's/--epochs 100000/--max-steps 5/')
run 0 sh -c "$command"
says err "goes on from .*$(printf 'step-%012d' "$step")"
says err "stopped by --max-steps after step $((step + 5))"
run 0 train streams timed --epochs 100000 --checkpoint "$scratch/timed" --max-time 0.3s
says err "stopped by --max-time"
run 0 train streams unkept --epochs 100000 --max-time 0.2
says err "the weights so far are in"
present "$scratch/unkept.safetensors"

echo "killed $kills times"
killed=0 writing=0 round=0
delays=$(awk -v n="$kills" 'BEGIN { srand(7); for (i = 0; i < 2 * n; i++) printf "%.3f\n", 0.01 + 0.5 * rand() * rand() }')
for delay in $delays; do
    # Some trainings come to their end before they can be killed.
    [ $killed -lt "$kills" ] || break
    "$RNNC" train "$scratch/streams.rnn" --data text="$scratch/text" --quiet --cpu interpret --threads 2 \
        --metrics "$scratch/killed.jsonl" --weights-out "$scratch/killed.safetensors" \
        --checkpoint "$scratch/killed" --checkpoint-every 1 --resume 2>"$scratch/err" >"$scratch/out" &
    process=$!
    sleep "$delay"
    kill -KILL $process 2>/dev/null
    wait $process 2>/dev/null
    code=$?
    killed=$((killed + (code == 137)))
    ls -A "$scratch/killed" 2>/dev/null | grep -q '^\.rnnc' && writing=$((writing + 1))
    if [ $code -eq 0 ]; then
        same_end streams killed
        rm -rf "$scratch/killed" "$scratch/killed.safetensors" "$scratch/killed.jsonl"
        round=$((round + 1))
    elif [ $code -ne 137 ]; then
        fail "exit code $code"
        show_streams
    fi
done
run 0 train streams killed --checkpoint "$scratch/killed" --checkpoint-every 1 --resume --threads 1
same_end streams killed
if ls -A "$scratch/killed" | grep -q '^\.rnnc'; then
    fail "half-written files are left"
fi
echo "$killed kills, $writing of them while a checkpoint was being written, $((round + 1)) trainings brought to their end"

echo "damage"
rm -rf "$scratch/damage"
run 0 train streams damage --checkpoint "$scratch/damage" --max-steps 100
newest=$scratch/damage/$(ls "$scratch/damage" | grep '^step' | tail -n 1)
cp "$newest" "$scratch/newest"
rm "$scratch/damage.safetensors" 2>/dev/null
head -c 5000 "$scratch/newest" >"$newest"
run 0 train streams damage --checkpoint "$scratch/damage" --resume
says err "note: passed over: $newest: truncated"
same_end streams damage
# None is complete.
for file in "$scratch"/damage/step*; do
    head -c 100 "$scratch/newest" >"$file"
done
refused "none of its 3 checkpoints is complete" train streams damage --checkpoint "$scratch/damage" --resume
refused "truncated" train streams damage --checkpoint "$scratch/damage" --resume "$newest"

echo "checkpoints of another training"
rm -rf "$scratch/other" "$scratch"/damage*
run 0 train streams other --checkpoint "$scratch/other" --max-steps 40
rm -f "$scratch/other.safetensors"
other="train streams other --checkpoint $scratch/other"
refused "holds 2 checkpoints of an earlier training" $other
refused "extents: T = 7, batch = 4, now\|extents: .*, now " $other --resume --set batch=5
refused "the model's graph: " $other --resume --set hidden=7
refused "optimizer, rates, schedule or clipping: " $other --resume --set rate=0.5
refused "seed: 1, now 2" $other --resume --seed 2
refused "batches of: streams, now windows" train windows other --checkpoint "$scratch/other" --resume
seq 1 301 | tr 9 x >"$scratch/other_text"
refused "vocabulary of data 'text'" "$RNNC" train "$scratch/streams.rnn" --data text="$scratch/other_text" --quiet \
    --checkpoint "$scratch/other" --resume
seq 2 301 >"$scratch/other_text"
refused "data 'text'" "$RNNC" train "$scratch/streams.rnn" --data text="$scratch/other_text" --quiet \
    --checkpoint "$scratch/other" --resume
refused "not a checkpoint" $other --resume "$scratch/whole_streams.safetensors"
refused "no such folder or checkpoint" $other --resume "$scratch/nothing"
refused "needs a folder of checkpoints" train streams other --resume
refused "needs a folder of checkpoints" train streams other --checkpoint-every 5
absent "$scratch/other.safetensors"
# Nothing of it was lost meanwhile.
run 0 $other --resume
same_end streams other

echo "disks and folders"
refused "cannot make the folder" train streams none --checkpoint "$scratch/text"
# Nobody may make a folder there, and there is none: it is the first that is told.
refused "/sys/rnnc: cannot make the folder: [^N]" train streams none --checkpoint /sys/rnnc
mkdir "$scratch/closed"
chmod a-w "$scratch/closed"
if ! touch "$scratch/closed/probe" 2>/dev/null; then
    refused "closed" train streams none --checkpoint "$scratch/closed"
fi
# A file system with room for some checkpoints but not for all, where one may be mounted.
small=$scratch/small
mkdir "$small"
if mount -t tmpfs -o size=64k none "$small" 2>/dev/null; then
    refused "No space left" train streams full --checkpoint "$small" --checkpoint-every 1 --checkpoint-keep 1000
    says err "as they were"
    cp -r "$small" "$scratch/saved"
    umount "$small"
    ls -A "$scratch/saved" | grep -q '^\.rnnc' && fail "a half-written file was left on a full disk"
    run 0 train streams full --checkpoint "$scratch/saved" --resume
    same_end streams full
else
    # A limit on the size of files stands in for it.
    run 0 train streams full --checkpoint "$scratch/saved" --max-steps 10
    (ulimit -f 1 && trap '' XFSZ && train streams full --checkpoint "$scratch/saved" --resume) 2>"$scratch/err" >"$scratch/out" &&
        fail "a full disk goes unnoticed"
    says err "cannot write"
    run 0 train streams full --checkpoint "$scratch/saved" --resume
    same_end streams full
fi

echo "fine-tuning"
tune="train streams tuned --weights $scratch/whole_streams.safetensors --steps 3"
run 0 $tune
refused "needs weights to take" train streams tuned --partial --steps 3
run 1 $tune --set layers=3
says err "lstm.2"
says err "they were trained with --recipe streams$"
run 0 train streams wide --set hidden=7 --set keep=1 --steps 1
run 1 "$RNNC" eval "$scratch/streams.rnn" --data text="$scratch/text" --weights "$scratch/wide.safetensors" --cpu interpret
says err "they were trained with --recipe streams --set 'hidden=7' --set 'keep=1'$"
run 0 $tune --set layers=3 --partial
says err "took 9 of the model's 13 tensors\|left as they were: .*lstm.2"

finish
