"""Handwritten digits row by row, as the recipe `rows` of examples/mnist.rnn, in PyTorch.

28 steps of 28 pixels, 150 tanh units, a linear layer on the last state, Adam 0.001, batch 150. The last 5,000 training
images are held out; the weights with the smallest loss on them are kept, and the test images are looked at once.

    python bench/torch_mnist.py --step                         the median time of a training step, on made-up images
    python bench/torch_mnist.py --data FOLDER                  the time of an epoch, the held out images included
    python bench/torch_mnist.py --data FOLDER --epochs 100     ... and the accuracy on the test images
"""
import argparse
import copy
import gzip
import pathlib
import struct
import sys
import time

import numpy
import torch

import peer
import torch_peer

ROWS, COLUMNS, HIDDEN, CLASSES, BATCH, RATE, HELD_OUT = 28, 28, 150, 10, 150, 0.001, 5000


def read_idx(path):
    """An IDX file of bytes, compressed: two zeros, the type 8, the rank, big-endian extents, the values."""
    data = gzip.open(path).read()
    zero, kind, rank = struct.unpack(">HBB", data[:4])
    if zero != 0 or kind != 8:
        raise SystemExit(f"{path}: expected an IDX file of bytes, found type {kind}")
    extents = struct.unpack(f">{rank}I", data[4:4 + 4 * rank])
    return torch.from_numpy(numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * rank).reshape(extents).copy())


def read_part(folder, prefix):
    images = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz").float() / 255
    labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz").long()
    return images, labels


class Digits(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.RNN(COLUMNS, HIDDEN)
        self.linear = torch.nn.Linear(HIDDEN, CLASSES)
        torch_peer.initialize_gates(self.rnn, 1, HIDDEN)
        torch_peer.initialize_linear(self.linear)

    def forward(self, images):
        """[steps, batch, columns]"""
        return self.linear(self.rnn(images)[1][0])


class Trainer:
    def __init__(self, args, variant):
        torch.manual_seed(args.seed)
        self.variant = variant
        self.model = Digits()
        self.run = torch_peer.compiled(args, self.model)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch_peer.optimizer_of(variant["update"], trained, RATE)

    def step(self, images, labels):
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.run(images)
        loss = torch.nn.functional.cross_entropy(logits, labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach(), logits.detach()

    def epoch(self, images, labels):
        order = torch.randperm(len(images))
        total = correct = 0.0
        for chosen in order.split(BATCH):
            answers = labels[chosen]
            loss, logits = self.step(images[chosen].transpose(0, 1).contiguous(), answers)
            total += loss.item() * len(chosen)
            correct += (logits.argmax(1) == answers).sum().item()
        return total / len(images), correct / len(images)

    @torch.inference_mode()
    def evaluate(self, images, labels):
        total = correct = 0.0
        for some, answers in zip(images.split(BATCH), labels.split(BATCH)):
            logits = self.model(some.transpose(0, 1).contiguous())
            total += torch.nn.functional.cross_entropy(logits, answers, reduction="sum").item()
            correct += (logits.argmax(1) == answers).sum().item()
        return total / len(images), correct / len(images)


def make_step(args, variant):
    trainer = Trainer(args, variant)
    images, labels = torch.rand(ROWS, BATCH, COLUMNS), torch.randint(CLASSES, (BATCH,))
    return lambda: trainer.step(images, labels)


def train(args, variant, epochs):
    """Epochs as the recipe has them; the time of each includes the held out images."""
    images, labels = read_part(args.data, "train")
    held = images[-HELD_OUT:], labels[-HELD_OUT:]
    images, labels = images[:-HELD_OUT], labels[:-HELD_OUT]
    trainer = Trainer(args, variant)
    best, best_loss, seconds = None, float("inf"), []
    for number in range(1, epochs + 1):
        before = time.perf_counter()
        loss, _ = trainer.epoch(images, labels)
        held_loss, held_accuracy = trainer.evaluate(*held)
        if held_loss < best_loss:
            best_loss, best = held_loss, (number, copy.deepcopy(trainer.model.state_dict()))
        seconds.append(time.perf_counter() - before)
        print(f"epoch {number}: loss {loss:.4f}, held out {held_loss:.4f}, {held_accuracy:.4f}", file=sys.stderr)
    trainer.model.load_state_dict(best[1])
    result = {"seconds": sum(seconds), "ms": 1e3 * sorted(seconds)[len(seconds) // 2], "kept_epoch": best[0]}
    result["validation_loss"] = best_loss
    result["test_loss"], result["test_accuracy"] = trainer.evaluate(*read_part(args.data, "t10k"))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="the folder of the four IDX files")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--step", action="store_true", help="time a training step only")
    torch_peer.add_arguments(parser)
    args = parser.parse_args()
    if not args.step and not args.data:
        parser.error("--data FOLDER or --step")
    torch_peer.set_up(args)
    choices = {"onednn": [True, False], "update": ["adam fused", "adam foreach"]}
    result = {"workload": "mnist, step" if args.step else "mnist, epoch"}
    result |= torch_peer.measure(args, choices, lambda variant: make_step(args, variant))
    if not args.step:
        result["step_ms"], result["step_least_ms"] = result.pop("ms"), result.pop("least_ms")
        result |= train(args, result["variant"], args.epochs)
    peer.print_result(result)


if __name__ == "__main__":
    main()
