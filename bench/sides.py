"""The sides of a comparison: what each runs, in a process of its own, and what it answers.

A side is made ready once for a row (a peer looks for its best variant, an object is built) and then timed in each
round.
"""
import importlib.util
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

from settings import ENVIRONMENT

HERE = pathlib.Path(__file__).resolve().parent
LAYER = HERE / "inference.rnn"
CELLS = {"lstm": "lstm(forget_bias = 0)", "gru": "gru_cho_after"}
RUNS = 9


def run(command, environment=None):
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return done


def answer(command, environment=None):
    """The last line that it prints, which is JSON."""
    return json.loads(run(command, environment).stdout.strip().splitlines()[-1])


def shown(ms):
    """With a unit that suits it."""
    for least, factor, unit in ((1e3, 1e-3, "s"), (1, 1, "ms"), (1e-3, 1e3, "µs")):
        if ms >= least:
            return f"{ms * factor:.4g} {unit}"
    return f"{ms * 1e6:.4g} ns"


def threads_environment(threads):
    return {**ENVIRONMENT, "OMP_NUM_THREADS": str(threads)}


class Side:
    """`time` gives milliseconds; `missing` gives the reason why there is no such side here, or None."""

    name = "rnnc"

    def __init__(self):
        self.times = []
        self.best = {}      # what it said of itself when it was made ready

    def missing(self, args):
        return None

    def prepare(self, args, row, folder):
        pass

    def time(self, args, row, folder):
        raise NotImplementedError

    def median(self):
        return statistics.median(self.times)

    def notes(self):
        return ", ".join(f"{key} {value}" for key, value in self.best.get("variant", {}).items())


# ---- rnnc ----


class Tool(Side):
    """`rnnc bench` or `rnnc train`, and one of the fields of its answer."""

    def __init__(self, arguments, answered):
        super().__init__()
        self.arguments, self.answered = arguments, answered

    def time(self, args, row, folder):
        more = ["--quiet"] if self.arguments[0] == "train" else []
        found = answer([args.rnnc, *self.arguments, "--threads", row.threads, "--json", *more])[self.answered]
        return found * 1e3 if self.answered == "seconds" else found


class Compiling(Side):
    """From the source text to machine code: the last program of `rnnc bench`, which is the training step."""

    def __init__(self, arguments):
        super().__init__()
        self.arguments = arguments

    def time(self, args, row, folder):
        done = run([args.rnnc, "bench", *self.arguments, "--threads", row.threads, "--runs", 1, "--no-cache", "--json",
                    "--time-passes"])
        return float(re.findall(r"^compiling +([0-9.]+) ms", done.stderr, re.MULTILINE)[-1])


class Layer(Side):
    """A program that measures a layer (layer_side.h)."""

    def program(self, args, folder):
        return [args.rnnc.parent / "bench" / "layer", LAYER]

    def missing(self, args):
        program = self.program(args, pathlib.Path())[0]
        return None if program.exists() else f"there is no {program}: build bench_layers (README.md)"

    def call(self, args, row, folder, threads):
        case = row.case
        return answer([*self.program(args, folder), folder, case.cell, case.hidden, case.batch, case.length,
                       "stream" if case.stream else "run", threads, args.seconds], threads_environment(threads))

    def time(self, args, row, folder):
        return self.call(args, row, folder, row.threads)["ms"]


class Ahead(Layer):
    """The same layer as an object, in a program made here."""

    name = "rnnc, ahead of time"

    def missing(self, args):
        return None

    def program(self, args, folder):
        return [folder / "layer_ahead"]

    def prepare(self, args, row, folder):
        case, made = row.case, folder / "layer.o"
        run([args.rnnc, "build", LAYER, "--set", f"hidden={case.hidden}", "--set", f"cell={CELLS[case.cell]}",
             "--weights", folder / "weights.safetensors", "--name", "layer", "--batch", case.batch,
             "--length", case.length, "-o", made, "--header", folder / "layer.h"])
        sources = [HERE / "layer_ahead.c", HERE / "layer_side.c", made]
        run([os.environ.get("CC", "cc"), "-O2", "-D_GNU_SOURCE", "-I", HERE.parent, "-I", folder, *sources, "-lm",
             "-o", *self.program(args, folder)])


# ---- Peers ----


class OneDnn(Layer):
    """All threads or fewer, whichever is faster."""

    name = "oneDNN"

    def program(self, args, folder):
        return [args.rnnc.parent / "bench" / "layer_onednn"]

    def missing(self, args):
        return None if self.program(args, None)[0].exists() else "its program is not built (README.md)"

    def prepare(self, args, row, folder):
        tried = {threads: self.call(args, row, folder, threads)["least_ms"] for threads in range(row.threads, 0, -1)}
        self.best = {"variant": {"threads": min(tried, key=tried.get)}, "tried_least_ms": tried}

    def time(self, args, row, folder):
        return self.call(args, row, folder, self.best["variant"]["threads"])["ms"]


class Script(Side):
    """A script that looks for its best variant by itself."""

    packages = ()

    def __init__(self, *command):
        super().__init__()
        self.command = command

    def missing(self, args):
        lacking = [name for name in self.packages if importlib.util.find_spec(name) is None]
        return f"the package {lacking[0]} is not installed" if lacking else None

    def call(self, args, row, folder, more=()):
        script, *rest = self.command
        case = ["--case", folder] if row.case else []
        return answer([sys.executable, HERE / script, *rest, *case, "--threads", row.threads, "--runs", RUNS,
                       "--seconds", args.seconds, *more], threads_environment(row.threads))

    def chosen(self):
        return ["--variant", json.dumps(self.best["variant"])]

    def prepare(self, args, row, folder):
        self.best = self.call(args, row, folder)

    def time(self, args, row, folder):
        return self.call(args, row, folder, self.chosen())["ms"]


class Torch(Script):
    name, packages = "PyTorch", ("torch",)

    def prepare(self, args, row, folder):
        super().prepare(args, row, folder)
        if args.compiled and not row.is_long:
            self.best["compiled"] = self.call(args, row, folder, [*self.chosen(), "--compile"])

    def notes(self):
        text, compiled = super().notes(), self.best.get("compiled")
        if compiled:
            text += f"; torch.compile: {shown(compiled['ms'])} after {compiled['first_calls_seconds']:.3g} s"
        return text


class OnnxRuntime(Script):
    name, packages = "ONNX Runtime", ("onnxruntime", "onnx")


class Xla(Script):
    name, packages = "XLA", ("jax",)

    def notes(self):
        return f"{super().notes()}; compiled in {shown(self.best['compile_ms'])}"


class XlaCompiling(Script):
    """Its variant is given: there is nothing to look for."""

    name, packages = Xla.name, Xla.packages

    def __init__(self, script, variant):
        super().__init__(script, "--compile")
        self.best = {"variant": variant}

    def prepare(self, args, row, folder):
        pass
