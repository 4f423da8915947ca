# What the tests of the command share. Each runs in the project's root with $RNNC, the tool, and $RNNC_SCRATCH, a
# folder of its own.
set -u
: "${RNNC:?}" "${RNNC_SCRATCH:?}"
scratch=$RNNC_SCRATCH
rm -rf "$scratch"
mkdir -p "$scratch"
failures=0

fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# show_streams: what the last command wrote, for the log of a failure.
show_streams() {
    sed 's/^/  out: /' "$scratch/out" >&2
    sed 's/^/  err: /' "$scratch/err" >&2
}

# run CODE command…: the command must end with CODE.
run() {
    wanted=$1
    shift
    "$@" >"$scratch/out" 2>"$scratch/err"
    code=$?
    if [ "$code" -ne "$wanted" ]; then
        fail "exit code $code instead of $wanted: $*"
        show_streams
    fi
}

# says FILE PATTERN: the stream holds the pattern.
says() {
    if ! grep -qe "$2" "$scratch/$1"; then
        fail "no '$2' in $1 of the last command"
        show_streams
    fi
}

# refused PATTERN command…: exit code 1, one error that holds the pattern, nothing on standard output.
refused() {
    pattern=$1
    shift
    run 1 "$@"
    says err "$pattern"
    errors=$(grep -c 'error:' "$scratch/err")
    if [ "$errors" -ne 1 ]; then
        fail "$errors errors instead of one: $*"
        show_streams
    fi
    if [ -s "$scratch/out" ]; then
        fail "an error, and yet something on standard output: $*"
        show_streams
    fi
}

# absent path…: no such file, and nothing that begins with its name.
absent() {
    for path in "$@"; do
        if ls -d "$path"* >/dev/null 2>&1; then
            fail "left behind: $(ls -d "$path"*)"
        fi
    done
}

present() {
    for path in "$@"; do
        [ -s "$path" ] || fail "missing or empty: $path"
    done
}

# streams_model: a model of characters, trained by the recipe `streams` on --data text=FILE, with everything that a
# checkpoint has to hold: dropout, adam, carried state, validation and the best weights kept.
streams_model() {
    cat <<'END'
model characters(alphabet = 11, hidden = 6, layers = 2, keep = 0.8, cell = lstm) {
    input  text: token(alphabet)[T]
    target next: token(alphabet)[T]
    x = embedding(alphabet, hidden, text)
    repeat layers { x = dropout(keep, cell(hidden, x)) }
    logits = linear(alphabet, x)
    loss = mean[T, batch] cross_entropy(logits, next)
    output logits
}
train streams {
    batch 4   steps T = 7   carry state
    optimizer adam(rate = 0.01)   clip_norm 5
    schedule rate *= 0.5 each epoch after 1
    epochs 3
    data { text = characters("text")  next = ahead(text, 1)  streams  validation last 100  keep best }
}
END
}

# words_model VOCAB: a model of words, trained by the recipe `quick` on --data text=FILE.
words_model() {
    cat <<END
model words(vocab = $1, n = 8) {
    input words: token(vocab)[T]
    target next: token(vocab)[T]
    logits = linear(vocab, gru_cho(n, embedding(vocab, 4, words)))
    loss = mean[T, batch] cross_entropy(logits, next)
    output logits
}

train quick {
    batch 1   steps T = 10
    optimizer adam(rate = 0.01)
    data {
        words = words("text", punctuation = true, lower = true, line_ends = true, unknown = true)
        next = ahead(words, 1)
        streams
    }
}
END
}

# make_npy file type shape: an array whose elements are those of standard input.
make_npy() {
    header="{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"
    length=$((${#header} + 1))
    {
        printf '\223NUMPY\001\000'
        printf "\\$(printf %03o $((length % 256)))\\$(printf %03o $((length / 256)))"
        printf '%s\n' "$header"
        cat
    } >"$1"
}

zeros() {
    head -c "$1" /dev/zero
}

finish() {
    [ "$failures" -eq 0 ] || exit 1
    echo "fine"
}
