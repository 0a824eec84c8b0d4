"""What the middleware costs: in one process a call, and behind a server the throughput and the slowest answers.

    python benchmarks/web [--rounds 40] [--only call,offers,shop] [--loop asyncio,uvloop] [--json FILE]

`call` gives microseconds for each request that the middleware adds to one under the monitor. `offers` and `shop` compare a service
under uvicorn in the same round: bare, bare once more (the machine's noise), and `offers` (one small endpoint) watched, and watched
with the middleware; `shop` (examples/shop without its faults) with everything: monitor, recording, middleware and Prometheus metrics.
"""

import argparse
import json
from pathlib import Path
from statistics import median, quantiles

from call import added_us
from service import SERVICES, Service, compare


def main() -> None:
    """Run what is asked for and print one line for each result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--only", default="call,offers,shop")
    parser.add_argument("--loop", default="asyncio,uvloop")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = {}
    for loop in options.loop.split(","):
        if "call" in options.only.split(","):
            results[f"call {loop}"] = call(loop, options.rounds)
        for each in SERVICES:
            if each.name in options.only.split(","):
                results[f"{each.name} {loop}"] = service(each, loop, options.rounds)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def call(loop: str, rounds: int) -> dict[str, float]:
    """Microseconds that the middleware adds to a request."""
    added = added_us(loop, rounds)
    low, middle, high = quantiles(added, n=4)
    print(f"call     {loop:8} {middle:5.2f} us a request ({low:.2f}-{high:.2f})")
    return {"us": middle}


def service(asked: Service, loop: str, rounds: int) -> dict[str, dict[str, float]]:
    """Ratios of throughput and of the 99th percentile to the bare service of the same round."""
    measured = compare(asked, loop, rounds)
    found = {}
    for name in asked.variants[1:]:
        pairs = list(zip(measured[name], measured[asked.variants[0]], strict=True))
        through = median(each.per_second / bare.per_second for each, bare in pairs)
        cpu = median(each.cpu_s / bare.cpu_s for each, bare in pairs)
        p99 = median(each.p99_ms / bare.p99_ms for each, bare in pairs)
        found[name] = {"throughput": through, "cpu": cpu, "p99": p99}
        print(f"{asked.name:8} {loop:8} {name:12} throughput {through:.3f}  cpu {cpu:.3f}  p99 {p99:.3f}")
    return found


if __name__ == "__main__":
    main()
