"""Two servers side by side on one CPU, loaded at the same time from another: what makes the machine slower for one does so for the other.

A machine that is shared gets up to twice as fast and as slow within seconds, and equal processes differ by where their memory lies.
So both servers are forks of one process, and the system gives them the CPU in turn, every few milliseconds. What is compared is the CPU
time that a request took each of them, all threads included, as the scheduler counts it.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial

from client import connections
from forks import Server, forked, two_cpus
from pairs import Cost
from server import serve
from variants import BASE

import unjam.monitor  # noqa: F401 -- so that forks differ by nothing but being watched

TIERS = {"bare again": "", "native": "native", "python": "python"}
WARMING_S, MEASURED_S = 1.0, 4.0


def beside(loop: str, count: int) -> dict[str, list[Cost]]:
    """Each tier beside the bare server, `count` times with new processes; the costs of the bare one are 1."""
    costs: dict[str, list[Cost]] = {name: [] for name in (BASE.name, *TIERS)}
    for _ in range(count):
        costs[BASE.name].append(Cost(1.0, 1.0))
        for name in random.sample(list(TIERS), k=len(TIERS)):
            costs[name].append(_pair(loop, TIERS[name]))
    return costs


def _pair(loop: str, tier: str) -> Cost:
    """What a request costs the watched server, in terms of what it costs the bare one."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        leave = stack.enter_context(two_cpus())
        servers = {
            each: stack.enter_context(forked(partial(serve, loop=loop, tier=each and tier, folder=folder)))
            for each in random.sample(("", "watched"), k=2)
        }
        leave()
        return asyncio.run(_compared(servers[""], servers["watched"]))


async def _compared(bare: Server, watched: Server) -> Cost:
    answered: Counter[int] = Counter()
    load = [asyncio.create_task(connections(each.port, answered)) for each in (bare, watched)]
    await asyncio.sleep(WARMING_S)
    before = [(each.cpu_ns(), answered[each.port]) for each in (bare, watched)]
    began = time.perf_counter()
    await asyncio.sleep(MEASURED_S)
    spent = time.perf_counter() - began
    after = [(each.cpu_ns(), answered[each.port]) for each in (bare, watched)]
    for each in load:
        each.cancel()
    await asyncio.gather(*load, return_exceptions=True)
    (bare_cpu, bare_wall), (watched_cpu, watched_wall) = (
        ((cpu - cpu_before) / (count - count_before), spent / (count - count_before))
        for (cpu_before, count_before), (cpu, count) in zip(before, after, strict=True)
    )
    return Cost(watched_cpu / bare_cpu, watched_wall / bare_wall)
