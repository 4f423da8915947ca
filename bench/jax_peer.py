"""What the XLA sides share: settings, and how long compiling takes.

XLA makes as many threads as the process may use processors when it is first used, so the process is held to them. Calls
are dispatched where they are made: handing them to another thread costs a small one several times its own time.
"""
import os
import time

import jax

import peer


def set_up(args):
    """Before anything is computed."""
    peer.set_up()
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(allowed[:args.threads]))
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    jax.config.update("jax_enable_compilation_cache", False)


def versions():
    return {"jax": jax.__version__}


def compiled(jitted, *arguments):
    """The call, and the milliseconds from Python's function to machine code."""
    before = time.perf_counter()
    made = jitted.lower(*arguments).compile()
    return made, (time.perf_counter() - before) * 1e3
