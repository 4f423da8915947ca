"""What all peers' sides share: settings, timing, the search for the best variant.

A peer is measured at its best. Whatever may be done in more than one way (which LSTM, which kind of gradient, which
optimiser loop, how many of the threads) is a choice; `best_variant` times the choices one after the other and keeps the
faster, and the result names what was kept and what was tried.
"""
import json
import os
import statistics
import sys
import time

from settings import ENVIRONMENT


def add_arguments(parser):
    parser.add_argument("--threads", type=int, default=2, help="at most; fewer are tried, too")
    parser.add_argument("--runs", type=int, default=9, help="timed runs, at least")
    parser.add_argument("--seconds", type=float, default=1, help="go on timing for so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variant", default="", help="a JSON object of choices; else the best is looked for")


def set_up():
    """glibc reads its settings when a process starts: without them the script starts itself again."""
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ENVIRONMENT})


def times_ms(run, runs, seconds, warm=3):
    """The times of at least so many calls and for at least so long, after a few that do not count."""
    for _ in range(warm):
        run()
    times, begin = [], time.perf_counter()
    while len(times) < runs or time.perf_counter() - begin < seconds:
        before = time.perf_counter()
        run()
        times.append((time.perf_counter() - before) * 1e3)
    return times


def best_variant(choices, make, runs=7):
    """Changes one choice at a time and keeps what is faster. `make(variant)` gives the call to be timed.

    Returns the best variant and {description: least milliseconds} of all that were tried. The least time is what other
    work on the machine disturbs least.
    """
    best = {name: values[0] for name, values in choices.items()}
    tried = {}

    def time_of(variant):
        key = json.dumps(variant)
        if key not in tried:
            tried[key] = min(times_ms(make(variant), runs, 0.2))
        return tried[key]

    for name, values in choices.items():
        best = min(({**best, name: value} for value in values), key=time_of)
    return best, tried


def given_variant(args, choices):
    """What --variant leaves out is each choice's first."""
    return {**{name: values[0] for name, values in choices.items()}, **json.loads(args.variant or "{}")}


def choose(args, choices, make):
    """The given variant, or the best one; and what was tried."""
    return (given_variant(args, choices), {}) if args.variant else best_variant(choices, make)


def fewer_threads(args):
    return list(range(args.threads, 0, -1))


def timed(args, run):
    times = times_ms(run, args.runs, args.seconds)
    return {"ms": statistics.median(times), "least_ms": min(times), "runs": len(times)}


def rounded_times(tried):
    return {"tried_least_ms": {key: float(f"{value:.4g}") for key, value in tried.items()}} if tried else {}


def measure(args, choices, make):
    """Times the given variant, or the best one; returns what is printed."""
    variant, tried = choose(args, choices, make)
    return {"threads": args.threads, "variant": variant, **timed(args, make(variant)), **rounded_times(tried)}


def print_result(result):
    for key, value in result.items():
        if isinstance(value, float):
            result[key] = float(f"{value:.6g}")
    print(json.dumps(result), flush=True)
