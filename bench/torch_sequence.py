"""Inference with one LSTM or GRU layer in PyTorch: as many input columns as units, outputs of every step.

The GRU is the only one PyTorch has: reset after the product, z keeps the old state (rnnc's gru_cho_after).

    python bench/torch_sequence.py --cell lstm --hidden 256 --length 100 --batch 1
    python bench/torch_sequence.py --cell gru --hidden 128 --stream
"""
import argparse

import numpy as np
import torch

import layer_case
import peer
import torch_peer

# Where PyTorch's gates stand in the case's: i f g o, and r z n of z r g.
ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2)}


class Outputs(torch.nn.Module):
    """Only the outputs; one form of forward, which is what can be scripted."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


class LstmStates(Outputs):
    """The states after x, given those before it."""

    def forward(self, x: torch.Tensor, states: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(x, states)[1]


class GruState(Outputs):
    def forward(self, x: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        return self.layer(x, state)[1]


def gates_of(case, array):
    """[gates * hidden, ...], as PyTorch has it."""
    parts = np.split(array.T, len(ORDER[case.cell]))
    return torch.tensor(np.concatenate([parts[gate] for gate in ORDER[case.cell]]))


def set_weights(case, layer):
    input_bias, state_bias = case.input_and_state_bias()
    arrays = {"weight_ih": case.from_input, "weight_hh": case.from_state, "bias_ih": input_bias, "bias_hh": state_bias}
    for name, parameter in layer.named_parameters():
        parameter.copy_(gates_of(case, arrays[name.removesuffix("_l0")]))
    return layer.eval()


def made_fast(args, variant, module):
    """By torch.compile, which takes no scripts, or as a script, or as it is."""
    if args.compile:
        return torch_peer.compiled(args, module)
    return torch.jit.freeze(torch.jit.script(module)) if variant["call"] == "scripted" else module


def sequence_call(args, case, variant):
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[case.cell](case.hidden, case.hidden)
    layer = made_fast(args, variant, Outputs(set_weights(case, layer)).eval())
    x = torch.tensor(case.inputs)
    case.check(layer(x))
    return lambda: layer(x)


def make_step(args, case, variant):
    """A module that makes new states of an input and the old ones, and how many dimensions these have."""
    if variant["layer"] == "cell":
        cell = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}[case.cell](case.hidden, case.hidden)
        return made_fast(args, variant, set_weights(case, cell)), 2
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[case.cell](case.hidden, case.hidden)
    states = {"lstm": LstmStates, "gru": GruState}[case.cell](set_weights(case, layer)).eval()
    return made_fast(args, variant, states), 3


def stream_call(args, case, variant):
    run, dimensions = make_step(args, case, variant)
    shape = (1, case.batch, case.hidden)[3 - dimensions:]
    zero = torch.zeros(shape)
    states = (zero, zero) if case.cell == "lstm" else zero
    outputs = []
    for x in torch.tensor(case.inputs).split(1):
        x = x.reshape(shape)
        states = run(x, states)
        outputs.append(states[0] if case.cell == "lstm" else states)
    case.check(torch.stack(outputs))

    def step():
        nonlocal states
        states = run(x, states)

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    layer_case.add_arguments(parser)
    torch_peer.add_arguments(parser)
    args = parser.parse_args()
    torch_peer.set_up(args)
    case = layer_case.of_arguments(args)
    choices = {"onednn": [True, False], "call": ["plain", "scripted"]}
    if case.stream:
        choices["layer"] = ["sequence", "cell"]
    make_call = stream_call if case.stream else sequence_call
    with torch.inference_mode():
        result = {"workload": case.title()}
        result |= torch_peer.measure(args, choices, lambda variant: make_call(args, case, variant))
    peer.print_result(result)


if __name__ == "__main__":
    main()
