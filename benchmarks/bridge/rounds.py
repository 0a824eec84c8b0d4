"""Paired, interleaved rounds: every candidate runs once a round, and each is compared with its neighbour of that round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass
class Sample:
    """Of one run: operations per second, and CPU microseconds of the whole process per operation."""

    rate: float
    cpu: float


Candidate = Callable[[int], Awaitable[object]]
"""Does as many operations as it is told."""


async def timed(candidate: Candidate, operations: int) -> Sample:
    wall, cpu = time.perf_counter(), time.process_time()
    await candidate(operations)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Sample(operations / wall, cpu / operations * 1e6)


async def compare(title: str, candidates: dict[str, Candidate], operations: int, rounds: int, target: str = "") -> None:
    """Print the medians, and the medians of the ratios to the first candidate, which is ours."""
    samples: dict[str, list[Sample]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        order = list(candidates)
        for name in order if number % 2 else reversed(order):
            sample = await timed(candidates[name], operations)
            if number:  # the first round warms up
                samples[name].append(sample)
    ours = next(iter(samples.values()))
    print(f"\n{title}{f'   (target: {target})' if target else ''}")
    for name, taken in samples.items():
        rate, cpu = statistics.median(s.rate for s in taken), statistics.median(s.cpu for s in taken)
        ratios = sorted(mine.rate / other.rate for mine, other in zip(ours, taken, strict=True))
        cpus = [mine.cpu / other.cpu for mine, other in zip(ours, taken, strict=True) if other.cpu]
        spread = f"{statistics.median(ratios):6.2f}x  [{ratios[len(ratios) // 4]:.2f} .. {ratios[-1 - len(ratios) // 4]:.2f}]"
        print(f"  {name:32} {rate:12,.0f}/s {cpu:9.2f} us CPU   {spread}   CPU {statistics.median(cpus):5.2f}")
