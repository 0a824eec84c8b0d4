"""What the middleware costs: in one process a call, and behind a server the throughput and the slowest answers.

    python benchmarks/web [--rounds 12] [--only call,offers,shop,customers] [--loop asyncio,uvloop] [--in-turn] [--json FILE]

`call` gives microseconds for each request that the middleware adds to one under the monitor. `offers` and `shop` are a service under
uvicorn and the same without unjam, on one CPU, loaded at the same time, or in turn in many slices with `--in-turn`, so that each has the
CPU to itself: `offers` (one small endpoint) bare once more (the machine's
noise), watched, with the middleware without its header, and with all of it; `shop` (the quick endpoints of examples/shop without its
faults) and `customers` (all of them, as its customers ask for them) with everything: monitor, recording, middleware and Prometheus
metrics. Each round has new processes; in brackets stands where the median lies with 95 % confidence, by drawing rounds anew.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median, quantiles

from call import added_us
from service import SERVICES, Measured, Service, compare

CALLS = 200
"""Rounds of `call`, each a twentieth of a second."""

DRAWS = 2_000
"""Draws of the bootstrap: enough for the second digit of its bounds."""

FIGURES: dict[str, Callable[[Measured], float]] = {
    "throughput": lambda each: each.answers,
    "cpu": lambda each: each.cpu_s,
    "p99": lambda each: each.p99_ms,
}


def main() -> None:
    """Run what is asked for and print one line for each result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--only", default="call,offers,shop,customers")
    parser.add_argument("--loop", default="asyncio,uvloop")
    parser.add_argument("--in-turn", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = {}
    for loop in options.loop.split(","):
        if "call" in options.only.split(","):
            results[f"call {loop}"] = call(loop, CALLS)
        for each in SERVICES:
            if each.name in options.only.split(","):
                results[f"{each.name} {loop}"] = service(each, loop, options.rounds, in_turn=options.in_turn)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def call(loop: str, rounds: int) -> dict[str, float]:
    """Microseconds that the middleware adds to a request."""
    added = added_us(loop, rounds)
    low, middle, high = quantiles(added, n=4)
    print(f"call     {loop:8} {middle:5.2f} us a request ({low:.2f}-{high:.2f})")
    return {"us": middle}


def service(asked: Service, loop: str, rounds: int, *, in_turn: bool) -> dict[str, dict[str, float]]:
    """Ratios of throughput, of the CPU for the same work and of the 99th percentile to the bare service."""
    all_ = list(compare(asked, loop, rounds, in_turn=in_turn))
    found = {}
    for name in asked.variants:
        ratios = {
            figure: [of(own) / of(bare) for bare, own in (each[name] for each in all_)]
            for figure, of in FIGURES.items()
        }
        found[name] = {figure: median(each) for figure, each in ratios.items()}
        told = "  ".join(f"{figure} {found[name][figure]:.3f} {bounds(each)}" for figure, each in ratios.items())
        print(f"{asked.name:8} {loop:8} {name:12} {told}", flush=True)
    return found


def bounds(ratios: list[float]) -> str:
    """Where the median lies with 95 % confidence; not known of one round."""
    if len(ratios) == 1:
        return ""
    draw = Random(1).choices
    cuts = quantiles([median(draw(ratios, k=len(ratios))) for _ in range(DRAWS)], n=40)
    return f"[{cuts[0]:.3f}, {cuts[-1]:.3f}]"


if __name__ == "__main__":
    main()
