"""When a hop is worth it: what common calls take on the loop and through a pool, and for how long they keep the loop."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from unjam.bridge import Pool

if TYPE_CHECKING:
    from collections.abc import Callable


def calls(folder: Path) -> dict[str, Callable[[], object]]:
    small = folder / "small"
    small.write_bytes(b"x" * 4096)
    text = json.dumps([{"n": n, "name": f"name {n}"} for n in range(20_000)])
    pattern = re.compile(r"name 19999\b.*nowhere")
    numbers = [n * 7919 % 1_000_003 for n in range(100_000)]
    block = b"x" * 20_000_000
    return {
        "os.path.exists": lambda: os.path.exists(small),
        "os.stat": lambda: os.stat(small),
        "open, read 4 kB": small.read_bytes,
        "os.listdir, 1 entry": lambda: os.listdir(folder),
        "time.sleep(0.001)": lambda: time.sleep(0.001),
        "time.sleep(0.02)": lambda: time.sleep(0.02),
        "json.loads, 0.7 MB": lambda: json.loads(text),
        "re.search, 0.7 MB": lambda: pattern.search(text),
        "sorted, 100,000 ints": lambda: sorted(numbers),
        "sha256, 20 MB": lambda: hashlib.sha256(block).digest(),
    }


async def lag_during(awaited: Callable[[], object]) -> float:
    """Return the longest time between two turns of a loop that has nothing else to do, in seconds."""
    worst, running = 0.0, True

    async def watch() -> None:
        nonlocal worst
        before = time.perf_counter()
        while running:
            await asyncio.sleep(0)
            now = time.perf_counter()
            worst, before = max(worst, now - before), now

    watcher = asyncio.ensure_future(watch())
    await asyncio.sleep(0)
    result = awaited()
    if asyncio.iscoroutine(result):
        await result
    running = False
    await watcher
    return worst


async def measure(rounds: int, scale: float) -> None:
    pool = Pool("bench", 8)
    print("\nbreak-even: medians in microseconds; lag is the longest pause of an otherwise idle loop")
    print(f"  {'call':24}{'on the loop':>14}{'through Pool':>14}{'lag on loop':>14}{'lag in Pool':>14}")
    with tempfile.TemporaryDirectory() as name:
        for label, call in calls(Path(name)).items():
            inline, hop, lag_inline, lag_hop = [], [], [], []
            for _ in range(max(3, int(rounds * 3 * scale))):
                began = time.perf_counter()
                call()
                inline.append(time.perf_counter() - began)
                began = time.perf_counter()
                await pool.run(call)
                hop.append(time.perf_counter() - began)
                lag_inline.append(await lag_during(call))
                lag_hop.append(await lag_during(lambda call=call: pool.run(call)))
            row = [statistics.median(values) * 1e6 for values in (inline, hop, lag_inline, lag_hop)]
            print(f"  {label:24}" + "".join(f"{value:14,.1f}" for value in row))
