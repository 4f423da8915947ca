"""Characters of a text by two LSTM layers, as examples/characters.rnn, in PyTorch.

Embedding 65 x 128, 2 x 128 LSTM, linear; batch 50, 50 steps; the text as 50 parallel streams whose states are carried
from batch to batch and zero at the beginning of an epoch; mean cross-entropy, gradients clipped to a norm of 5,
Adam 0.002; each matrix by Xavier, biases zero but 1 for the forget gate; the last 100,000 characters held out.

    python bench/torch_characters.py --step                                    the median time of a training step
    python bench/torch_characters.py --data input.txt [--epochs 3]             loss per character after each epoch
"""
import argparse
import pathlib
import sys
import time

import torch

import peer
import torch_peer

HIDDEN, LAYERS, BATCH, STEPS, CLIP, RATE, HELD_OUT = 128, 2, 50, 50, 5.0, 0.002, 100000


class Characters(torch.nn.Module):
    def __init__(self, variant, alphabet):
        super().__init__()
        self.embedding = torch.nn.Embedding(alphabet, HIDDEN)
        self.lstm = torch_peer.make_lstm(variant["lstm"], HIDDEN, HIDDEN, LAYERS)
        self.linear = torch.nn.Linear(HIDDEN, alphabet)
        with torch.no_grad():
            torch_peer.xavier(self.embedding.weight)
        torch_peer.initialize_gates(self.lstm, 4, HIDDEN)
        torch_peer.initialize_linear(self.linear)
        for name, bias in self.lstm.named_parameters():
            if "bias_ih" in name:
                bias.data[HIDDEN:2 * HIDDEN] = 1  # gates are in the order i, f, g, o

    def forward(self, text, states):
        x, states = self.lstm(self.embedding(text), states)
        return self.linear(x), states


def zero_states(rows):
    zero = torch.zeros(LAYERS, rows, HIDDEN)
    return zero, zero


class Trainer:
    def __init__(self, args, variant, alphabet):
        torch.manual_seed(args.seed)
        self.variant = variant
        self.model = Characters(variant, alphabet)
        self.run = torch_peer.compiled(args, self.model)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch_peer.optimizer_of(variant["update"], self.parameters, RATE)

    def loss(self, text, targets, states):
        logits, states = self.run(text, states)
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()), states

    def step(self, text, targets, states):
        self.optimizer.zero_grad(set_to_none=True)
        loss, states = self.loss(text, targets, states)
        loss.backward()
        torch_peer.clip_norm(self.parameters, CLIP)
        self.optimizer.step()
        return loss.detach(), tuple(s.detach() for s in states)

    def epoch(self, text):
        return self.pass_over(text, self.step)

    @torch.inference_mode()
    def evaluate(self, text):
        return self.pass_over(text, self.loss)

    def pass_over(self, text, step):
        """The mean loss per character of one pass over the text in BATCH streams."""
        length = (len(text) - 1) // BATCH
        inputs = text[:length * BATCH].view(BATCH, length).t().contiguous()
        targets = text[1:length * BATCH + 1].view(BATCH, length).t().contiguous()
        states, total = zero_states(BATCH), 0.0
        for begin in range(0, length, STEPS):
            some = inputs[begin:begin + STEPS]
            loss, states = step(some, targets[begin:begin + STEPS], states)
            total += loss.item() * some.numel()
        return total / (length * BATCH)


def make_step(args, variant, alphabet=65):
    trainer = Trainer(args, variant, alphabet)
    text, targets = torch.randint(alphabet, (2, STEPS, BATCH))
    states = zero_states(BATCH)
    return lambda: trainer.step(text, targets, states)


def train(args, variant):
    """The time of each epoch includes the held out characters."""
    characters = args.data.read_text(encoding="utf-8")
    numbers = {c: i for i, c in enumerate(sorted(set(characters)))}
    text = torch.tensor([numbers[c] for c in characters])
    trainer = Trainer(args, variant, len(numbers))
    epochs = []
    for number in range(1, args.epochs + 1):
        before = time.perf_counter()
        loss, held = trainer.epoch(text[:-HELD_OUT]), trainer.evaluate(text[-HELD_OUT:])
        epochs.append({"epoch": number, "loss": loss, "validation_loss": held, "s": time.perf_counter() - before})
        print(f"epoch {number}: loss {loss:.4f}, held out {held:.4f}", file=sys.stderr)
    seconds = sorted(e["s"] for e in epochs)
    return {"epochs": epochs, "seconds": sum(seconds), "ms": 1e3 * seconds[len(seconds) // 2]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="the text")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--step", action="store_true", help="time a training step only")
    torch_peer.add_arguments(parser)
    args = parser.parse_args()
    if not args.step and not args.data:
        parser.error("--data FILE or --step")
    torch_peer.set_up(args)
    choices = {"lstm": ["lstm", "cells"], "onednn": [True, False], "update": ["adam fused", "adam foreach"]}
    result = {"workload": "characters, step" if args.step else "characters, epoch"}
    result |= torch_peer.measure(args, choices, lambda variant: make_step(args, variant))
    if not args.step:
        result["step_ms"], result["step_least_ms"] = result.pop("ms"), result.pop("least_ms")
        result |= train(args, result["variant"])
    peer.print_result(result)


if __name__ == "__main__":
    main()
