"""A training step of the word-level language model of examples/ptb.rnn, its small recipe, by XLA (JAX).

What torch_language_model.py does, in one jitted function whose parameters are donated. Prints the median time of a step
as JSON, and how long compiling took; with --compile that time is what is measured, once, for the given variant.

    python bench/jax_language_model.py --threads 2
    python bench/jax_language_model.py --compile --variant '{"steps": "unrolled"}'
"""
import argparse

import jax
import jax.numpy as jnp
import numpy as np

import jax_peer
import peer

HIDDEN, STEPS, RANGE = 200, 20, 0.1
VOCABULARY, BATCH, LAYERS, CLIP, RATE = 10000, 20, 2, 5.0, 1.0
CHOICES = {
    "steps": ["scan", "unrolled"],
    "embedding": ["sparse", "dense"],
    "layers": ["by turns", "one after the other"],
}


def draw_parameters(seed):
    draw = np.random.default_rng(seed)

    def uniform(*shape):
        return draw.uniform(-RANGE, RANGE, shape).astype(np.float32)

    return {
        "embedding": uniform(VOCABULARY, HIDDEN),
        "cells": [{"w": uniform(2 * HIDDEN, 4 * HIDDEN), "b": uniform(4 * HIDDEN)} for _ in range(LAYERS)],
        "head": uniform(HIDDEN, VOCABULARY),
        "head_bias": uniform(VOCABULARY),
    }


# ---- The model ----


def lstm_step(a, c, module):
    """New h and c of all gates' sums; `module` computes, jax.numpy or numpy."""
    i, f, g, o = module.split(a, 4, axis=-1)

    def sigmoid(x):
        return 1 / (1 + module.exp(-x))

    c = sigmoid(f) * c + sigmoid(i) * module.tanh(g)
    return sigmoid(o) * module.tanh(c), c


def zero_state():
    zero = jnp.zeros((BATCH, HIDDEN), jnp.float32)
    return zero, zero


def along_steps(variant, one, state, xs):
    """The outputs of all steps; `one(state, x)` gives the new state and an output."""
    if variant["steps"] == "scan":
        return jax.lax.scan(one, state, xs)[1]
    outputs = []
    for x in xs:
        state, output = one(state, x)
        outputs.append(output)
    return jnp.stack(outputs)


def layers_by_turns(variant, cells, x):
    """Both layers in each step, each with one product for its input and its state."""

    def one(states, x):
        after = []
        for cell, (h, c) in zip(cells, states):
            x, c = lstm_step(jnp.concatenate([x, h], axis=1) @ cell["w"] + cell["b"], c, jnp)
            after.append((x, c))
        return after, x

    return along_steps(variant, one, [zero_state() for _ in cells], x)


def layer_after_layer(variant, cells, x):
    """A layer's inputs of all steps are one product."""
    for cell in cells:
        from_state = cell["w"][HIDDEN:]

        def one(state, a, from_state=from_state):
            h, c = lstm_step(a + state[0] @ from_state, state[1], jnp)
            return (h, c), h

        x = along_steps(variant, one, zero_state(), x @ cell["w"][:HIDDEN] + cell["b"])
    return x


def loss_of(variant, parameters, embedded, targets):
    layers = layers_by_turns if variant["layers"] == "by turns" else layer_after_layer
    x = layers(variant, parameters["cells"], embedded)
    logits = x @ parameters["head"] + parameters["head_bias"]
    chosen = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return (jax.scipy.special.logsumexp(logits, axis=-1) - chosen).sum() / BATCH


# ---- A step ----


def squares(gradients):
    return sum(jnp.sum(g * g) for g in jax.tree.leaves(gradients))


def dense_step(variant, parameters, words, targets):
    def loss(parameters):
        return loss_of(variant, parameters, parameters["embedding"][words], targets)

    value, gradients = jax.value_and_grad(loss)(parameters)
    scale = RATE * jnp.minimum(1, CLIP / (jnp.sqrt(squares(gradients)) + 1e-6))
    return jax.tree.map(lambda p, g: p - scale * g, parameters, gradients), value


def sparse_step(variant, parameters, words, targets):
    """The embedding's gradient are rows, of which several may belong to one word: the square of their sum is the sum of
    all products of two rows of one word."""
    rest = {name: value for name, value in parameters.items() if name != "embedding"}
    value, (gradients, rows) = jax.value_and_grad(lambda rest, x: loss_of(variant, rest, x, targets), argnums=(0, 1))(
        rest, parameters["embedding"][words])
    rows, flat = rows.reshape(-1, HIDDEN), words.reshape(-1)
    of_rows = jnp.sum(jnp.where(flat[:, None] == flat[None], rows @ rows.T, 0))
    scale = RATE * jnp.minimum(1, CLIP / (jnp.sqrt(squares(gradients) + of_rows) + 1e-6))
    updated = jax.tree.map(lambda p, g: p - scale * g, rest, gradients)
    return {**updated, "embedding": parameters["embedding"].at[flat].add(-scale * rows)}, value


def step_of(variant):
    step = sparse_step if variant["embedding"] == "sparse" else dense_step
    return jax.jit(lambda parameters, words, targets: step(variant, parameters, words, targets), donate_argnums=0)


# ---- What must come out ----


def expected_loss(parameters, words, targets):
    x = parameters["embedding"][words].astype(np.float64)
    for cell in parameters["cells"]:
        h = c = np.zeros((BATCH, HIDDEN))
        outputs = []
        for at in x:
            h, c = lstm_step(np.concatenate([at, h], axis=1) @ cell["w"] + cell["b"], c, np)
            outputs.append(h)
        x = np.array(outputs)
    logits = x @ parameters["head"] + parameters["head_bias"]
    chosen = np.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return (np.log(np.exp(logits).sum(axis=-1)) - chosen).sum() / BATCH


class Job:
    """One batch, first parameters, and what their loss and their changes must be."""

    def __init__(self, seed):
        draw = np.random.default_rng(seed)
        self.words = draw.integers(VOCABULARY, size=(STEPS, BATCH), dtype=np.int32)
        self.words[-1] = self.words[0]
        self.targets = draw.integers(VOCABULARY, size=(STEPS, BATCH), dtype=np.int32)
        self.parameters = draw_parameters(seed)
        self.loss = expected_loss(self.parameters, self.words, self.targets)
        self.changed = None
        self.compile_ms = None

    def check(self, parameters, loss):
        """The loss beside numpy's; the parameters after a step beside those of the variant that came first."""
        if not abs(float(loss) - self.loss) <= 1e-5 * self.loss:
            raise SystemExit(f"the loss is {float(loss)}, not {self.loss}")
        parameters = jax.tree.map(np.array, parameters)
        self.changed = self.changed or parameters
        differences = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), parameters, self.changed)
        if not max(jax.tree.leaves(differences)) <= 1e-4:
            raise SystemExit(f"the parameters differ after a step: {differences}")

    def first(self):
        """In JAX's own memory: the arguments are donated."""
        return jax.tree.map(jnp.array, self.parameters)

    def make_call(self, variant):
        words, targets = jnp.array(self.words), jnp.array(self.targets)
        step, self.compile_ms = jax_peer.compiled(step_of(variant), self.first(), words, targets)
        parameters, loss = step(self.first(), words, targets)
        self.check(parameters, loss)

        def call():
            nonlocal parameters
            parameters, loss = step(parameters, words, targets)
            jax.block_until_ready((parameters, loss))

        return call


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peer.add_arguments(parser)
    parser.add_argument("--compile", action="store_true", help="how long compiling takes, in place of a step")
    args = parser.parse_args()
    jax_peer.set_up(args)
    job = Job(args.seed)
    result = {"workload": "language model, small", **jax_peer.versions()}
    if args.compile:
        variant = peer.given_variant(args, CHOICES)
        job.make_call(variant)
        result |= {"threads": args.threads, "variant": variant, "ms": job.compile_ms}
    else:
        result |= peer.measure(args, CHOICES, job.make_call)
        result["compile_ms"] = job.compile_ms
    peer.print_result(result)


if __name__ == "__main__":
    main()
