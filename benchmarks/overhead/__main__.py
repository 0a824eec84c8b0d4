"""What watching costs: paired runs without and with unjam, in one go.

    python benchmarks/overhead [--rounds 100] [--only soon1,asgi-uvloop,idle,start] [--json FILE]

Ratios are to the bare program in the same round: 1.00 is free. "bare again" is the same program once more, and shows what
the machine makes of equal things. `beside` says most of a server: two of them on one CPU, each round with new processes (5 s for each tier).
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from beside import beside
from micro import OPERATIONS, micro
from pairs import Cost, ratios
from servers import asgi
from still import idle, starts
from variants import BASE, Variant, variants

IDLE_S = 10.0
Bench = Callable[[tuple[Variant, ...], int], dict[str, list[Cost]]]

PAIRED: dict[str, Bench] = {
    **{name: lambda all_, count, name=name: micro(all_, name, "asyncio", count) for name in OPERATIONS},
    **{
        f"{name}-uvloop": lambda all_, count, name=name: micro(all_, name, "uvloop", count)
        for name in ("soon1", "echo")
    },
    **{f"asgi-{loop}": lambda all_, count, loop=loop: asgi(all_, loop, count) for loop in ("asyncio", "uvloop")},
    **{f"beside-{loop}": lambda _all, count, loop=loop: beside(loop, count) for loop in ("asyncio", "uvloop")},
}
OTHERS = ("idle", "start")


def main() -> None:
    """Run what is asked for and print one line for each result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--only", default=",".join([*PAIRED, *OTHERS]))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    wanted = options.only.split(",")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        all_ = variants(folder)
        for name in wanted:
            if name in PAIRED:
                results[name] = paired(name, all_, options.rounds)
        if "idle" in wanted:
            results["idle"] = unpaired("idle", "% of one core", idle(all_, IDLE_S))
    if "start" in wanted:
        results["start"] = unpaired("start", "ms over bare Python", starts(options.rounds))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def paired(name: str, all_: tuple[Variant, ...], count: int) -> dict[str, dict[str, float]]:
    """One paired benchmark: ratios of CPU and of wall time."""
    costs = PAIRED[name](all_, count)
    found = {}
    for other in [variant.name for variant in all_ if variant != BASE]:
        cpu = ratios([cost.cpu_s for cost in costs[other]], [cost.cpu_s for cost in costs[BASE.name]])
        wall = ratios([cost.wall_s for cost in costs[other]], [cost.wall_s for cost in costs[BASE.name]])
        found[other] = {"cpu": cpu.middle, "wall": wall.middle}
        print(f"{name:14} {other:12} cpu {cpu}  wall {wall}", flush=True)
    return found


def unpaired(name: str, unit: str, values: dict[str, float]) -> dict[str, float]:
    """One line for each value."""
    for what, value in values.items():
        print(f"{name:14} {what:24} {value:.2f} {unit}", flush=True)
    return values


if __name__ == "__main__":
    main()
