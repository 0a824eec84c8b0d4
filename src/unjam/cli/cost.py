"""What watching costs here: the same small programs with and without, in turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from statistics import median

from unjam.children import child_environment
from unjam.errors import NotAvailable
from unjam.model.settings import Settings

PAIRS = 5
"""Pairs of runs: the median of five survives one or two in which the machine was busy with something else."""

LONGEST_S = 60.0
"""Seconds that one run may take; it needs less than one where nothing else runs."""

WORKLOADS = {
    "turn": "one turn of the loop with one empty callback",
    "echo": "one message to a server over a socket and back",
}

# Process CPU time, so that what the watchdog's thread uses is counted and what other programs use is not; measured inside the
# running loop, so that its start and its end, which a service has once, are not.
PROGRAM = """
import asyncio, json, time

async def measured(work, count):
    await work(count // 10)
    begin = time.process_time_ns()
    await work(count)
    return (time.process_time_ns() - begin) / count

async def turns(count):
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    def again(left):
        if left:
            loop.call_soon(again, left - 1)
        else:
            done.set()
    again(count)
    await done.wait()

async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async def echoes(count):
        for _ in range(count):
            writer.write(b"hello\\n")
            await reader.readline()
    print(json.dumps({"turn": await measured(turns, 50000), "echo": await measured(echoes, 4000)}))
    writer.close()
    server.close()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one piece of work costs in CPU time of the whole process, in nanoseconds: medians without and with watching.

    `percent` is what watching adds; noise may make it negative. `noise_percent` is how far the runs without it differ among
    themselves, from the least to the most.
    """

    work: str
    plain_ns: float
    watched_ns: float
    percent: float
    noise_percent: float


def measure() -> tuple[Cost, ...]:
    """Measure all workloads; raises NotAvailable where a run fails."""
    plain: list[dict[str, float]] = []
    watched: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="unjam-") as folder:
        settings = Settings.from_environ(os.environ)
        watching = child_environment(os.environ, folder=folder, threshold_ns=settings.threshold_ns, tier=settings.tier)
        for _ in range(PAIRS):
            plain.append(_run(dict(os.environ)))
            watched.append(_run(watching))
    return tuple(
        _cost(text, [run[name] for run in plain], [run[name] for run in watched]) for name, text in WORKLOADS.items()
    )


def _cost(work: str, plain: list[float], watched: list[float]) -> Cost:
    usual = median(plain)
    noise = (max(plain) - min(plain)) / usual
    return Cost(work, usual, median(watched), (median(watched) / usual - 1) * 100, noise * 100)


def _run(environ: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-c", PROGRAM]
    try:
        done = subprocess.run(  # noqa: S603  our own program by our own interpreter
            command, env=environ, capture_output=True, text=True, check=True, timeout=LONGEST_S
        )
        result: dict[str, float] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise NotAvailable(f"what watching costs could not be measured: {error}") from None
    return result
