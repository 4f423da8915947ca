"""One recurrent layer with numbers for all sides: weights, inputs, and what must come out.

The expected outputs are computed here, step by step in double precision, and every side compares its own with them
before it is timed. A folder holds the case for other processes: arrays of floats as raw bytes, and the weights as rnnc
reads them.
"""
import dataclasses
import json
import math
import pathlib
import struct

import numpy as np

TOLERANCE = 1e-4
GATES = {"lstm": "ifgo", "gru": "zrg"}                 # in the order of the columns of all matrices
NAMES = {"lstm": "lstm", "gru": "gru_cho_after"}       # of rnnc's cells
STREAM_STEPS = 8                                       # how many are compared where steps are timed


@dataclasses.dataclass
class Case:
    cell: str
    hidden: int
    batch: int
    length: int
    stream: bool            # one step after the other by calls of their own, which carry the states
    inputs: np.ndarray      # [length, batch, hidden]
    expected: np.ndarray    # the same shape
    from_input: np.ndarray  # [hidden, gates * hidden]
    from_state: np.ndarray  # the same shape
    bias: np.ndarray        # [gates * hidden]; GRU: and another [hidden], of the product that the reset gate multiplies

    def title(self):
        return f"{self.cell} {self.hidden}, {'a step' if self.stream else f'{self.length} steps'}, batch {self.batch}"

    def check(self, outputs):
        """Those of all steps, from states of zero."""
        error = float(np.abs(np.asarray(outputs).reshape(self.expected.shape) - self.expected).max())
        if not error <= TOLERANCE:
            raise SystemExit(f"{self.title()}: the outputs differ by {error:.3g}")

    def input_and_state_bias(self):
        """The bias as those have it who add one to each product: that of the state's product is zero, but for what a
        GRU's reset gate multiplies."""
        width = len(GATES[self.cell]) * self.hidden
        second = np.zeros(width, np.float32)
        second[width - len(self.bias[width:]):] = self.bias[width:]
        return self.bias[:width], second


# ---- What must come out ----


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_step(a, b, states):
    i, f, g, o = np.split(a + b, 4, axis=1)
    c = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(a, b, states):
    (z, r, g), (z_state, r_state, g_state) = np.split(a, 3, axis=1), np.split(b, 3, axis=1)
    z = sigmoid(z + z_state)
    g = np.tanh(g + sigmoid(r + r_state) * g_state)
    return z * states[0] + (1 - z) * g, None


def expected_outputs(case):
    step = {"lstm": lstm_step, "gru": gru_step}[case.cell]
    from_input, from_state = case.from_input.astype(np.float64), case.from_state.astype(np.float64)
    input_bias, state_bias = case.input_and_state_bias()
    states = (np.zeros((case.batch, case.hidden)),) * 2
    outputs = []
    for x in case.inputs.astype(np.float64):
        states = step(x @ from_input + input_bias, states[0] @ from_state + state_bias, states)
        outputs.append(states[0])
    return np.array(outputs, np.float32)


def make(cell, hidden, batch, length, stream, seed=1):
    """Weights as PyTorch draws them, uniform below 1 / sqrt(hidden)."""
    draw = np.random.default_rng(seed)
    gates, limit = len(GATES[cell]), 1 / math.sqrt(hidden)

    def uniform(bound, *shape):
        return draw.uniform(-bound, bound, shape).astype(np.float32)

    length = STREAM_STEPS if stream else length
    case = Case(cell, hidden, batch, length, stream, uniform(1, length, batch, hidden), None,
                uniform(limit, hidden, gates * hidden), uniform(limit, hidden, gates * hidden),
                uniform(limit, (gates + (cell == "gru")) * hidden))
    case.expected = expected_outputs(case)
    return case


# ---- Folders ----

ARRAYS = ("inputs", "expected", "from_input", "from_state", "bias")
SCALARS = ("cell", "hidden", "batch", "length", "stream")


def rnnc_tensors(case):
    """{name: array}, a tensor for each gate."""
    prefix, n = f"{NAMES[case.cell]}.0", case.hidden
    tensors = {}
    for at, gate in enumerate(GATES[case.cell]):
        columns = slice(at * n, (at + 1) * n)
        tensors |= {f"{prefix}.{gate}.b": case.bias[columns], f"{prefix}.{gate}.x": case.from_input[:, columns],
                    f"{prefix}.{gate}.h": case.from_state[:, columns]}
    if case.cell == "gru":
        tensors[f"{prefix}.g.b.1"] = case.bias[3 * n:]
    return tensors


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in tensors.values()))


def save(case, folder):
    for name in ARRAYS:
        (folder / f"{name}.f32").write_bytes(getattr(case, name).tobytes())
    (folder / "case.json").write_text(json.dumps({name: getattr(case, name) for name in SCALARS}))
    write_safetensors(folder / "weights.safetensors", rnnc_tensors(case))


def read(folder):
    scalars = json.loads((folder / "case.json").read_text())
    arrays = {name: np.fromfile(folder / f"{name}.f32", np.float32) for name in ARRAYS}
    for name in ("inputs", "expected"):
        arrays[name] = arrays[name].reshape(scalars["length"], scalars["batch"], scalars["hidden"])
    for name in ("from_input", "from_state"):
        arrays[name] = arrays[name].reshape(scalars["hidden"], -1)
    return Case(**scalars, **arrays)


def add_arguments(parser):
    parser.add_argument("--case", type=pathlib.Path, help="a folder that holds the case, in place of what follows")
    parser.add_argument("--cell", choices=GATES, default="lstm")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--stream", action="store_true", help="time single steps, which carry the states")


def of_arguments(args):
    if args.case:
        return read(args.case)
    return make(args.cell, args.hidden, args.batch, args.length, args.stream, args.seed)
