"""Inference with one LSTM or GRU layer by XLA (JAX): as many input columns as units, outputs of every step.

All gates are one product with the state in each step. That with the inputs is one for all steps, or one for each, or
(an LSTM's) the same as that with the state. The steps are a scan, of which XLA may be given several at a time. The
weights are constants of the program, the states of a stream are donated: they are changed where they lie.

    python bench/jax_sequence.py --cell lstm --hidden 256 --length 100 --batch 1
"""
import argparse

import jax
import jax.numpy as jnp
import numpy as np

import jax_peer
import layer_case
import peer


def lstm_step(a, b, states):
    i, f, g, o = jnp.split(a + b, 4, axis=-1)
    c = jax.nn.sigmoid(f) * states[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru_step(a, b, states):
    (z, r, g), (z_state, r_state, g_state) = jnp.split(a, 3, axis=-1), jnp.split(b, 3, axis=-1)
    z = jax.nn.sigmoid(z + z_state)
    g = jnp.tanh(g + jax.nn.sigmoid(r + r_state) * g_state)
    return (z * states[0] + (1 - z) * g,)


def zero_states(case):
    return tuple(jnp.zeros((case.batch, case.hidden), jnp.float32) for _ in range(2 if case.cell == "lstm" else 1))


def step_of(case, variant):
    """(x, states) to the states after it."""
    step = {"lstm": lstm_step, "gru": gru_step}[case.cell]
    input_bias, state_bias = case.input_and_state_bias()
    joined = np.concatenate([case.from_input, case.from_state])

    def run(x, states):
        if variant["inputs"] == "with the state":
            return step(jnp.concatenate([x, states[0]], axis=-1) @ joined, input_bias, states)
        a = x if variant["inputs"] == "all at once" else x @ case.from_input + input_bias
        return step(a, states[0] @ case.from_state + state_bias, states)

    return run


def sequence_of(case, variant):
    """The jitted function of all inputs."""
    step = step_of(case, variant)
    input_bias, _ = case.input_and_state_bias()

    def one(states, x):
        states = step(x, states)
        return states, states[0]

    def run(inputs):
        if variant["inputs"] == "all at once":
            inputs = inputs @ case.from_input + input_bias
        return jax.lax.scan(one, zero_states(case), inputs, unroll=variant["unroll"])[1]

    return jax.jit(run)


def sequence_call(case, variant):
    inputs = jnp.asarray(case.inputs)
    run, compile_ms = jax_peer.compiled(sequence_of(case, variant), inputs)
    case.check(run(inputs))
    return lambda: run(inputs).block_until_ready(), compile_ms


def stream_of(case, variant):
    """The jitted function of one step's input and the states."""
    step = step_of(case, variant)
    return jax.jit(lambda x, *states: step(x, states), donate_argnums=tuple(range(1, 1 + len(zero_states(case)))))


def stream_call(case, variant):
    """Timed is the jitted function itself: its calls are faster than those of what was compiled ahead."""
    run, states = stream_of(case, variant), zero_states(case)
    _, compile_ms = jax_peer.compiled(run, jnp.asarray(case.inputs[0]), *states)
    outputs = []
    for x in case.inputs:
        x = jnp.asarray(x)
        states = run(x, *states)
        outputs.append(np.array(states[0]))
    case.check(np.array(outputs))

    def step():
        nonlocal states
        states = run(x, *states)
        states[0].block_until_ready()

    return step, compile_ms


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    layer_case.add_arguments(parser)
    peer.add_arguments(parser)
    args = parser.parse_args()
    jax_peer.set_up(args)
    case = layer_case.of_arguments(args)
    inputs = ["step by step", "with the state"] if case.cell == "lstm" else ["step by step"]
    choices = {"inputs": inputs} if case.stream else {"inputs": ["all at once", *inputs], "unroll": [1, 4]}
    make_call = stream_call if case.stream else sequence_call
    compile_ms = None

    def make(variant):
        nonlocal compile_ms
        call, compile_ms = make_call(case, variant)
        return call

    result = {"workload": case.title(), **jax_peer.versions()}
    result |= peer.measure(args, choices, make)
    peer.print_result(result | {"compile_ms": compile_ms})


if __name__ == "__main__":
    main()
