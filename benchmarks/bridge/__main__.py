"""Measure unjam.bridge beside its neighbours: `python benchmarks/bridge [--pin] [--uvloop] [--only NAME] [--rounds N]`.

Needs anyio, asgiref, starlette, janus, aiologic and culsans. Absolute figures depend on the machine and its mood; what
counts are the ratios, taken within one round. `--pin` keeps the process on one core: without it, where the kernel puts the
second thread decides much of what a lone hop takes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform

import breakeven
import channels
import hops
import iterators
import waits

PARTS = {"hops": hops, "waits": waits, "channels": channels, "iterators": iterators, "breakeven": breakeven}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks/bridge", description=__doc__)
    parser.add_argument("--pin", action="store_true", help="keep the process on one core")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the number of operations")
    options = parser.parse_args()
    if options.pin:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    loop = "uvloop" if options.uvloop else "asyncio"
    print(f"Python {platform.python_version()}, {loop}, {'one core' if options.pin else f'{os.cpu_count()} cores'}")
    factory = __import__("uvloop").new_event_loop if options.uvloop else None
    for name in options.only or PARTS:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(PARTS[name].measure(options.rounds, options.scale))


if __name__ == "__main__":
    main()
