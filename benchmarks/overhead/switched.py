"""The servers again, with unjam switched on and off in one process: equal processes differ by more than unjam costs."""

import random
import tempfile
import time
from urllib.request import urlopen

from client import cpu_of_server, load
from pairs import Cost
from servers import serving
from variants import BASE

WARMING, REQUESTS = 160, 800
ROUNDS_OF_A_START = 6
TIERS = {"bare": "", "bare again": "", "native": "native", "python": "python"}


def switched(loop: str, count: int) -> dict[str, list[Cost]]:
    """A round has each variant once, in an order of its own, and once more the other way round."""
    costs: dict[str, list[Cost]] = {name: [] for name in TIERS}
    while (left := count - len(costs["bare"])) > 0:
        with tempfile.TemporaryDirectory() as folder, serving(BASE, loop, folder) as port:
            _rounds(port, min(left, ROUNDS_OF_A_START), costs)
    return costs


def _rounds(port: int, count: int, costs: dict[str, list[Cost]]) -> None:
    names = list(TIERS)
    load(port, REQUESTS)
    for _ in range(count):
        random.shuffle(names)
        both = [(name, _measured(port, TIERS[name])) for name in [*names, *reversed(names)]]
        for name in names:
            twice = [cost for other, cost in both if other == name]
            costs[name].append(Cost(sum(cost.cpu_s for cost in twice), sum(cost.wall_s for cost in twice)))


def _measured(port: int, tier: str) -> Cost:
    urlopen(f"http://127.0.0.1:{port}/watch/{tier}", timeout=30).close()
    load(port, WARMING)
    cpu, wall = cpu_of_server(port), time.perf_counter()
    load(port, REQUESTS)
    wall = time.perf_counter() - wall
    return Cost(cpu_of_server(port) - cpu, wall)
