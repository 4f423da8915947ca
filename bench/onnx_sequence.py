"""Inference with one LSTM or GRU layer in ONNX Runtime: as many input columns as units, outputs of every step.

The model is one operator, made here from the case's weights. Inputs and outputs are bound once, so that a call copies
nothing; a stream has two bindings by turns, the outputs of the one being the states that the other reads.

    python bench/onnx_sequence.py --cell lstm --hidden 256 --length 100 --batch 1
"""
import argparse
import itertools

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import layer_case
import peer

# Where ONNX's gates stand in the case's: i o f c of i f g o, and z r h.
ORDER = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2)}


def gates_of(case, array):
    """[1, gates * hidden, ...], as ONNX has it."""
    parts = np.split(array.T, len(ORDER[case.cell]))
    return np.ascontiguousarray(np.concatenate([parts[gate] for gate in ORDER[case.cell]])[None])


def make_model(case):
    """x and the states before the first step; y, all outputs, and the states after the last."""
    states = ["h", "c"] if case.cell == "lstm" else ["h"]
    biases = [gates_of(case, bias) for bias in case.input_and_state_bias()]
    weights = {"W": gates_of(case, case.from_input), "R": gates_of(case, case.from_state),
               "B": np.concatenate(biases, axis=1)}
    more = {"linear_before_reset": 1} if case.cell == "gru" else {}
    node = helper.make_node(case.cell.upper(), ["x", "W", "R", "B", "", *states],
                            ["y", *(f"{name}_after" for name in states)], hidden_size=case.hidden, **more)
    state_shape, shape = [1, case.batch, case.hidden], [1 if case.stream else case.length, case.batch, case.hidden]

    def value(name, of_shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, of_shape)

    inputs = [value("x", shape), *(value(name, state_shape) for name in states)]
    outputs = [value("y", [shape[0], *state_shape]), *(value(f"{name}_after", state_shape) for name in states)]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph([node], "layer", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString(), states


def make_session(model, variant):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = variant["threads"]
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Arrays:
    """What a session reads and writes, where it lies."""

    def __init__(self, case, states):
        self.x = np.zeros((1 if case.stream else case.length, case.batch, case.hidden), np.float32)
        self.y = np.zeros((self.x.shape[0], 1, case.batch, case.hidden), np.float32)
        self.states = [[np.zeros((1, case.batch, case.hidden), np.float32) for _ in states] for _ in range(2)]

    def bind(self, session, names, before, after):
        """ORT's values keep no array alive; this object does."""
        binding = session.io_binding()
        reads = {"x": self.x, **dict(zip(names, self.states[before]))}
        writes = {"y": self.y, **dict(zip((f"{name}_after" for name in names), self.states[after]))}
        for name, array in reads.items():
            binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
        for name, array in writes.items():
            binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        return binding


def make_call(case, model, states, variant):
    session = make_session(model, variant)
    arrays = Arrays(case, states)
    if not case.stream:
        arrays.x[:] = case.inputs
        binding = arrays.bind(session, states, 0, 1)
        session.run_with_iobinding(binding)
        case.check(arrays.y)
        return lambda: (arrays, session.run_with_iobinding(binding))
    bindings = [arrays.bind(session, states, 0, 1), arrays.bind(session, states, 1, 0)]
    outputs = []
    for step, x in enumerate(case.inputs):
        arrays.x[0] = x
        session.run_with_iobinding(bindings[step % 2])
        outputs.append(arrays.y.copy())
    case.check(np.array(outputs))
    turns = itertools.cycle(bindings)
    return lambda: (arrays, session.run_with_iobinding(next(turns)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    layer_case.add_arguments(parser)
    peer.add_arguments(parser)
    args = parser.parse_args()
    peer.set_up()
    case = layer_case.of_arguments(args)
    model, states = make_model(case)
    result = {"workload": case.title(), "onnxruntime": onnxruntime.__version__}
    result |= peer.measure(args, {"threads": peer.fewer_threads(args)},
                           lambda variant: make_call(case, model, states, variant))
    peer.print_result(result)


if __name__ == "__main__":
    main()
