"""rnnc and its peers on the same work, on the same machine, in alternating rounds.

For each row each peer first looks for its best variant; then all sides run in turn, each time in a process of its own
that gives the median of at least 9 runs (an epoch is one run). The table shows the medians of the rounds, their spread,
and how many times as fast rnnc is. A peer that is not installed is left out. The machine must do nothing else: with two
threads on two processors any other work costs every side many times its own time.

    python bench/compare.py --rnnc build/rnnc --data $DATA --json results.json
    python bench/compare.py --rnnc build/rnnc --only "language model"
    python bench/compare.py --rnnc build/rnnc --only "streaming|inference" --beside "oneDNN|ahead"
    python bench/compare.py --rnnc build/rnnc --data $DATA --losses      characters: loss after each of three epochs
"""
import argparse
import json
import os
import pathlib
import re
import sys
import tempfile
from dataclasses import dataclass

import layer_case
from settings import ENVIRONMENT
from sides import CELLS, HERE, Ahead, Compiling, Layer, OneDnn, OnnxRuntime, Tool, Torch, Xla, XlaCompiling, answer, shown

EXAMPLES = HERE.parent / "examples"


@dataclass
class Row:
    name: str
    threads: int
    ours: object            # a side of rnnc's
    beside: list            # the others
    case: object = None     # of a layer; its numbers are made when the row is run
    is_long: bool = False

    def title(self):
        return f"{self.name}, {self.threads} thread{'s' if self.threads > 1 else ''}"

    def sides(self):
        return [self.ours, *self.beside]


@dataclass
class Shape:
    """A layer's case before it has numbers."""
    cell: str
    hidden: int
    batch: int
    length: int
    stream: bool


# ---- The rows ----


def language_model_rows(threads):
    rows = []
    for recipe in ("small", "medium"):
        beside = [Torch("torch_language_model.py", "--recipe", recipe)]
        if recipe == "small":
            beside.append(Xla("jax_language_model.py"))
        rows.append(Row(f"language model, {recipe}: training step", threads,
                        Tool(["bench", EXAMPLES / "ptb.rnn", "--recipe", recipe], "step_ms"), beside))
    compiling = [XlaCompiling("jax_language_model.py", {"steps": steps}) for steps in ("scan", "unrolled")]
    rows.append(Row("language model, small: compiling", threads, Compiling([EXAMPLES / "ptb.rnn", "--recipe", "small"]),
                    compiling, is_long=True))
    return rows


def step_rows():
    rows = []
    for threads in (1, 2):
        rows += language_model_rows(threads)
        rows.append(Row("mnist: training step", threads,
                        Tool(["bench", EXAMPLES / "mnist.rnn", "--recipe", "rows", "--length", "28"], "step_ms"),
                        [Torch("torch_mnist.py", "--step")]))
        rows.append(Row("characters: training step", threads, Tool(["bench", EXAMPLES / "characters.rnn"], "step_ms"),
                        [Torch("torch_characters.py", "--step")]))
    return rows


def layer_peers():
    return [Torch("torch_sequence.py"), OnnxRuntime("onnx_sequence.py"), Xla("jax_sequence.py"), OneDnn()]


def streaming_rows():
    """One row, one step a call. Small layers have nothing to share out, and are what objects are made for."""
    rows = []
    for cell in CELLS:
        for hidden in (16, 32, 64, 128, 256, 512, 1024):
            for threads in (1, 2) if hidden >= 256 else (1,):
                beside = ([Ahead()] if hidden <= 128 else []) + layer_peers()
                shape = Shape(cell, hidden, 1, layer_case.STREAM_STEPS, True)
                rows.append(Row(f"{cell} {hidden}: streaming step", threads, Layer(), beside, shape))
    return rows


def sequence_rows():
    return [Row(f"{cell} {hidden}, batch {batch}, {length} steps: inference", threads, Layer(), layer_peers(),
                Shape(cell, hidden, batch, length, False))
            for cell in CELLS for batch, length in ((1, 100), (16, 50)) for hidden in (128, 256, 512)
            for threads in (1, 2)]


def mnist_arguments(data):
    return ["--data", f"images={data / 'mnist' / 'train-images-idx3-ubyte.gz'}",
            "--data", f"labels={data / 'mnist' / 'train-labels-idx1-ubyte.gz'}"]


def text_of(data):
    return data / "tinyshakespeare" / "input.txt"


def epoch_rows(data):
    rows = []
    for threads in (1, 2):
        mnist = ["train", EXAMPLES / "mnist.rnn", "--recipe", "rows", *mnist_arguments(data), "--epochs", "1"]
        characters = ["train", EXAMPLES / "characters.rnn", "--data", f"text={text_of(data)}", "--epochs", "1"]
        rows.append(Row("mnist: epoch", threads, Tool(mnist, "seconds"),
                        [Torch("torch_mnist.py", "--data", data / "mnist", "--epochs", "1")], is_long=True))
        rows.append(Row("characters: epoch", threads, Tool(characters, "seconds"),
                        [Torch("torch_characters.py", "--data", text_of(data), "--epochs", "1")], is_long=True))
    return rows


def chosen_rows(args):
    """Those that were asked for, with the sides that were asked for and are there."""
    rows = step_rows() + (epoch_rows(args.data) if args.data else []) + streaming_rows() + sequence_rows()
    rows = [row for row in rows if re.search(args.only, row.title())]
    missing = {}
    for row in rows:
        row.beside = [side for side in row.beside if re.search(args.beside, side.name)]
        missing |= {side.name: side.missing(args) for side in row.sides() if side.missing(args)}
        row.beside = [side for side in row.beside if side.name not in missing]
    if "rnnc" in missing and not args.list:
        raise SystemExit(missing["rnnc"])
    for name, why in missing.items():
        print(f"{name} is left out: {why}", file=sys.stderr)
    return [row for row in rows if row.beside]


# ---- Running ----


def run_row(args, row):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if row.case:
            layer_case.save(layer_case.make(**vars(row.case)), folder)
        for side in row.sides():
            side.prepare(args, row, folder)
        for _ in range(args.long_rounds if row.is_long else args.rounds):
            for side in row.sides():
                side.times.append(side.time(args, row, folder))


# ---- Results ----


def spread(values):
    return f"{shown(min(values))} to {shown(max(values))}"


def print_header():
    print("| work | rnnc | spread | beside | its time | spread | times as fast | its variant |")
    print("|---|---|---|---|---|---|---|---|", flush=True)


def ratio(row, side):
    return side.median() / row.ours.median()


def print_row(row):
    for side in row.beside:
        cells = [row.title(), shown(row.ours.median()), spread(row.ours.times), side.name, shown(side.median()),
                 spread(side.times), f"{ratio(row, side):.2f}", side.notes()]
        print(f"| {' | '.join(cells)} |", flush=True)


def row_result(row):
    beside = [{**side.best, "name": side.name, "ms": side.times, "median_ms": side.median(), "ratio": ratio(row, side)}
              for side in row.beside]
    return {"work": row.title(), "threads": row.threads, "rnnc_ms": row.ours.times, "rnnc_median_ms": row.ours.median(),
            "beside": beside, "load_after": os.getloadavg()[0]}


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
        answer([args.rnnc, "train", EXAMPLES / "characters.rnn", "--data", f"text={text_of(args.data)}", "--epochs", 3,
                "--seed", args.seed, "--metrics", metrics, "--quiet", "--json"])
        ours = [json.loads(line) for line in metrics.read_text().splitlines()]
    found = answer([sys.executable, HERE / "torch_characters.py", "--data", text_of(args.data), "--epochs", 3,
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
    parser.add_argument("--long-rounds", type=int, default=3, help="of epochs and of compiling")
    parser.add_argument("--seconds", type=float, default=1, help="how long a peer is timed in a round, at least")
    parser.add_argument("--only", default="", help="rows whose title this regular expression finds")
    parser.add_argument("--beside", default="", help="sides beside rnnc whose name this regular expression finds")
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
    rows = chosen_rows(args)
    if args.list:
        print("\n".join(f"{row.title()}: {', '.join(side.name for side in row.beside)}" for row in rows))
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
