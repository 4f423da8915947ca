"""Inference with one LSTM or GRU layer in PyTorch: as many input columns as units, outputs of every step.

The GRU is the only one PyTorch has: reset after the product, z keeps the old state (rnnc's gru_cho_after).

    python bench/torch_sequence.py --cell lstm --hidden 256 --length 100 --batch 1
"""
import argparse

import torch

import peer


class Layer(torch.nn.Module):
    """Only the outputs; one form of forward, which is what can be scripted."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


def make_call(args, variant):
    torch.manual_seed(args.seed)
    layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[args.cell](args.hidden, args.hidden)
    layer = Layer(layer).eval()
    x = torch.rand(args.length, args.batch, args.hidden) * 2 - 1
    if variant["call"] == "scripted":
        layer = torch.jit.freeze(torch.jit.script(layer))
    layer = peer.compiled(args, layer)
    return lambda: layer(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=["lstm", "gru", "rnn"], default="lstm")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--batch", type=int, default=1)
    peer.add_arguments(parser)
    args = parser.parse_args()
    peer.set_up(args)
    choices = {"onednn": [True, False], "call": ["plain"] if args.compile else ["plain", "scripted"]}
    result = {"workload": f"{args.cell} {args.hidden}, {args.length} steps, batch {args.batch}"}
    with torch.inference_mode():
        result |= peer.measure(args, choices, lambda variant: make_call(args, variant))
    peer.print_result(result)


if __name__ == "__main__":
    main()
