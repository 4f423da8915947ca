"""rnnc and PyTorch on the same work, on the same machine, in alternating rounds.

For each row PyTorch first looks for its best variant; then rnnc and PyTorch run in turn, each time in a process of its
own that gives the median of at least 9 runs (an epoch is one run). The table shows the medians of the rounds, their
spread, and how many times as fast rnnc is. The machine must do nothing else: with two threads on two processors any other
work costs either side many times its own time.

    python bench/compare.py --rnnc build/rnnc --data $DATA --json results.json
    python bench/compare.py --rnnc build/rnnc --only "language model"
    python bench/compare.py --rnnc build/rnnc --data $DATA --losses      characters: loss after each of three epochs
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

from settings import ENVIRONMENT

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples"
RUNS = 9


@dataclass
class Row:
    name: str
    threads: int
    rnnc: list          # arguments of rnnc
    rnnc_field: str     # of what it prints
    peer: list          # arguments of python
    is_epoch: bool = False
    ours: list = field(default_factory=list)    # milliseconds, by round
    theirs: list = field(default_factory=list)
    best: dict = None   # the peer's first answer, with the variant that the rounds use
    compiled: dict = None

    def title(self):
        return f"{self.name}, {self.threads} thread{'s' if self.threads > 1 else ''}"

    def ratio(self):
        return statistics.median(self.theirs) / statistics.median(self.ours)


# ---- The rows ----


def step_rows():
    rows = []
    for threads in (1, 2):
        for recipe in ("small", "medium"):
            rows.append(Row(f"language model, {recipe}: training step", threads,
                            ["bench", EXAMPLES / "ptb.rnn", "--recipe", recipe], "step_ms",
                            ["torch_language_model.py", "--recipe", recipe]))
        rows.append(Row("mnist: training step", threads,
                        ["bench", EXAMPLES / "mnist.rnn", "--recipe", "rows", "--length", "28"], "step_ms",
                        ["torch_mnist.py", "--step"]))
        rows.append(Row("characters: training step", threads,
                        ["bench", EXAMPLES / "characters.rnn"], "step_ms", ["torch_characters.py", "--step"]))
    return rows


def sequence_row(cell, hidden, batch, length, threads):
    cells = {"lstm": "lstm(forget_bias = 0)", "gru": "gru_cho_after"}
    settings = ["--set", f"hidden={hidden}", "--set", f"cell={cells[cell]}"]
    shape = ["--batch", str(batch), "--length", str(length)]
    return Row(f"{cell} {hidden}, batch {batch}, {length} step{'s' if length > 1 else ''}: inference", threads,
               ["bench", HERE / "inference.rnn", *settings, *shape], "forward_ms",
               ["torch_sequence.py", "--cell", cell, "--hidden", str(hidden), *shape])


def sequence_rows():
    shapes = [(1, 100), (1, 1), (16, 50)]
    return [sequence_row(cell, hidden, batch, length, threads) for cell in ("lstm", "gru") for batch, length in shapes
            for hidden in (128, 256, 512) for threads in (1, 2)]


def mnist_arguments(data):
    return ["--data", f"images={data / 'mnist' / 'train-images-idx3-ubyte.gz'}",
            "--data", f"labels={data / 'mnist' / 'train-labels-idx1-ubyte.gz'}"]


def text_of(data):
    return data / "tinyshakespeare" / "input.txt"


def epoch_rows(data):
    rows = []
    for threads in (1, 2):
        rows.append(Row("mnist: epoch", threads,
                        ["train", EXAMPLES / "mnist.rnn", "--recipe", "rows", *mnist_arguments(data), "--epochs", "1"],
                        "seconds", ["torch_mnist.py", "--data", data / "mnist", "--epochs", "1"], True))
        rows.append(Row("characters: epoch", threads,
                        ["train", EXAMPLES / "characters.rnn", "--data", f"text={text_of(data)}", "--epochs", "1"],
                        "seconds", ["torch_characters.py", "--data", text_of(data), "--epochs", "1"], True))
    return rows


# ---- Running ----


def run(command, environment=None):
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def run_rnnc(args, row):
    more = ["--quiet"] if row.rnnc[0] == "train" else []
    found = run([args.rnnc, *row.rnnc, "--threads", row.threads, "--json", *more])[row.rnnc_field]
    return found * 1e3 if row.rnnc_field == "seconds" else found


def run_peer(args, row, more=()):
    script, *rest = row.peer
    fixed = ["--threads", row.threads, "--runs", RUNS, "--seconds", args.seconds]
    return run([sys.executable, HERE / script, *rest, *fixed, *more],
               {**ENVIRONMENT, "OMP_NUM_THREADS": str(row.threads)})


def run_row(args, row):
    row.best = run_peer(args, row)
    variant = ["--variant", json.dumps(row.best["variant"])]
    for _ in range(args.epoch_rounds if row.is_epoch else args.rounds):
        row.ours.append(run_rnnc(args, row))
        row.theirs.append(run_peer(args, row, variant)["ms"])
    if args.compiled and not row.is_epoch:
        row.compiled = run_peer(args, row, [*variant, "--compile"])


# ---- Results ----


def spread(values):
    return f"{min(values):.4g}-{max(values):.4g}"


def print_header():
    print("| work | rnnc ms | spread | PyTorch ms | spread | times as fast | PyTorch's variant |")
    print("|---|---|---|---|---|---|---|", flush=True)


def print_row(row):
    ours, theirs = statistics.median(row.ours), statistics.median(row.theirs)
    variant = ", ".join(f"{key} {value}" for key, value in row.best["variant"].items())
    if row.compiled:
        variant += f"; torch.compile: {row.compiled['ms']:.4g} ms after {row.compiled['first_calls_seconds']:.3g} s"
    print(f"| {row.title()} | {ours:.4g} | {spread(row.ours)} | {theirs:.4g} | {spread(row.theirs)} "
          f"| {row.ratio():.2f} | {variant} |", flush=True)


def row_result(row):
    return {"work": row.title(), "threads": row.threads, "rnnc_ms": row.ours, "torch_ms": row.theirs,
            "rnnc_median_ms": statistics.median(row.ours), "torch_median_ms": statistics.median(row.theirs),
            "ratio": row.ratio(), "variant": row.best["variant"], "tried_least_ms": row.best.get("tried_least_ms"),
            "torch": row.best["torch"], "capability": row.best["capability"], "compiled": row.compiled,
            "load_after": os.getloadavg()[0]}


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"model name\s*: (.*)", text)
    return {"processor": name.group(1) if name else "unknown", "processors": os.cpu_count(), "load": os.getloadavg()[0]}


def write_json(path, results):
    """Anew after each row: what was measured outlives an interruption."""
    beside = path.with_name(path.name + ".part")
    beside.write_text(json.dumps(results, indent=1) + "\n")
    beside.replace(path)


# ---- Losses ----


def compare_losses(args):
    """The same recipe on both sides: what a character costs, in nats, after each of three epochs."""
    with tempfile.TemporaryDirectory() as folder:
        metrics = pathlib.Path(folder) / "metrics.jsonl"
        run([args.rnnc, "train", EXAMPLES / "characters.rnn", "--data", f"text={text_of(args.data)}", "--epochs", 3,
             "--seed", args.seed, "--metrics", metrics, "--quiet", "--json"])
        ours = [json.loads(line) for line in metrics.read_text().splitlines()]
    found = run([sys.executable, HERE / "torch_characters.py", "--data", text_of(args.data), "--epochs", 3,
                 "--seed", args.seed], ENVIRONMENT)
    print("| epoch | rnnc | PyTorch | rnnc / PyTorch | held out: rnnc | PyTorch | rnnc / PyTorch |")
    print("|---|---|---|---|---|---|---|")
    for a, b in zip(ours, found["epochs"]):
        cells = []
        for key in ("loss", "validation_loss"):
            cells += [f"{a[key]:.4f}", f"{b[key]:.4f}", f"{a[key] / b[key]:.4f}"]
        print(f"| {b['epoch']} | {' | '.join(cells)} |")
    if args.json:
        write_json(args.json, {"machine": machine(), "rnnc": ours, "torch": found["epochs"]})


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rnnc", type=pathlib.Path, required=True, help="the tool")
    parser.add_argument("--data", type=pathlib.Path, help="the data folder; without it no epochs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epoch-rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1, help="how long PyTorch is timed in a round, at least")
    parser.add_argument("--only", default="", help="rows whose title this regular expression finds")
    parser.add_argument("--list", action="store_true", help="print the rows' titles")
    parser.add_argument("--compiled", action="store_true", help="torch.compile, too (needs a C++ compiler; slow)")
    parser.add_argument("--losses", action="store_true", help="compare losses instead of times")
    parser.add_argument("--seed", type=int, default=1, help="of --losses")
    parser.add_argument("--json", type=pathlib.Path, help="where to write all figures")
    args = parser.parse_args()
    if args.losses and not args.data:
        parser.error("--losses needs --data")
    return args


def main():
    args = parse_arguments()
    if args.losses:
        compare_losses(args)
        return
    rows = step_rows() + (epoch_rows(args.data) if args.data else []) + sequence_rows()
    rows = [row for row in rows if re.search(args.only, row.title())]
    if args.list:
        print("\n".join(row.title() for row in rows))
        return
    results = {"machine": machine(), "rows": []}
    if results["machine"]["load"] > 0.5:
        print(f"the machine is busy (load {results['machine']['load']:.2f}): wait until it is quiet", file=sys.stderr)
    print_header()
    for row in rows:
        run_row(args, row)
        print_row(row)
        results["rows"].append(row_result(row))
        if args.json:
            write_json(args.json, results)


if __name__ == "__main__":
    main()
