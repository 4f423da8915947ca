"""A training step of the word-level language model of examples/ptb.rnn (Zaremba et al. 2014) in PyTorch.

Embedding, dropout, two LSTM layers, a linear layer over the vocabulary; cross-entropy summed over the steps and averaged
over the rows; gradients clipped to a norm of 5; SGD. Prints the median time of a step as JSON.

    python bench/torch_language_model.py --recipe small --threads 2
"""
import argparse

import torch

import peer
import torch_peer

RECIPES = {
    "small": {"hidden": 200, "steps": 20, "keep": 1.0, "range": 0.1},
    "medium": {"hidden": 650, "steps": 35, "keep": 0.5, "range": 0.05},
    "large": {"hidden": 1500, "steps": 35, "keep": 0.35, "range": 0.04},
}
VOCABULARY, BATCH, LAYERS, CLIP, RATE = 10000, 20, 2, 5.0, 1.0


class LanguageModel(torch.nn.Module):
    def __init__(self, variant, hidden, keep):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, hidden, sparse=variant["embedding"] == "sparse")
        self.embedding.weight.sparse = variant["embedding"] == "sparse"
        self.lstm = torch_peer.make_lstm(variant["lstm"], hidden, hidden, LAYERS, keep)
        self.linear = torch.nn.Linear(hidden, VOCABULARY)
        self.drop = torch.nn.Dropout(1 - keep) if keep < 1 else torch.nn.Identity()

    def forward(self, words, targets, states):
        x, states = self.lstm(self.drop(self.embedding(words)), states)
        logits = self.linear(self.drop(x))
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        return loss / words.shape[1], states


def make_step(args, recipe, variant):
    torch.manual_seed(args.seed)
    model = LanguageModel(variant, recipe["hidden"], recipe["keep"])
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, -recipe["range"], recipe["range"])
    parameters = list(model.parameters())
    optimizer = torch_peer.optimizer_of(variant["update"], parameters, RATE)
    words = torch.randint(VOCABULARY, (recipe["steps"], BATCH))
    targets = torch.randint(VOCABULARY, (recipe["steps"], BATCH))
    zero = torch.zeros(LAYERS, BATCH, recipe["hidden"])
    run = torch_peer.compiled(args, model)

    def step():
        for parameter in parameters:
            parameter.grad = None
        loss, _ = run(words, targets, (zero, zero))
        loss.backward()
        torch_peer.clip_norm(parameters, CLIP)
        optimizer.step()

    return step


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=RECIPES, default="small")
    torch_peer.add_arguments(parser)
    args = parser.parse_args()
    torch_peer.set_up(args)
    recipe = RECIPES[args.recipe]
    choices = {
        "lstm": ["lstm", "cells"] if recipe["keep"] == 1 else ["lstm"],
        "onednn": [True, False],
        "embedding": ["sparse", "dense"],
        "update": ["plain", "sgd foreach"],
    }
    result = {"workload": f"language model, {args.recipe}"}
    result |= torch_peer.measure(args, choices, lambda variant: make_step(args, recipe, variant))
    peer.print_result(result)


if __name__ == "__main__":
    main()
