"""What watching costs here: the same small programs with and without, in turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from statistics import median

from unjam.errors import NotAvailable
from unjam.model.settings import Settings
from unjam.monitor import child_environment

PAIRS = 5
"""Pairs of runs: the median of five survives one or two in which the machine was busy with something else."""

LONGEST_S = 60.0
"""Seconds that one run may take; it needs less than one where nothing else runs."""

WORKLOADS = {
    "turn": "one turn of the loop with one empty callback",
    "echo": "one message to a server over a socket and back",
}

# Process CPU time, so that what the watchdog's thread uses is counted and what other programs use is not.
PROGRAM = """
import asyncio, json, time

async def turn(count):
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    def again(left):
        if left:
            loop.call_soon(again, left - 1)
        else:
            done.set()
    again(count)
    await done.wait()

async def echo(count):
    async def serve(reader, writer):
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for _ in range(count):
        writer.write(b"hello\\n")
        await reader.readline()
    writer.close()
    server.close()

def measure(work, count):
    asyncio.run(work(count // 10))
    begin = time.process_time_ns()
    asyncio.run(work(count))
    return (time.process_time_ns() - begin) / count

print(json.dumps({"turn": measure(turn, 20000), "echo": measure(echo, 2000)}))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one piece of work costs in CPU time of the whole process, in nanoseconds: medians without and with watching."""

    work: str
    plain_ns: float
    watched_ns: float

    @property
    def percent(self) -> float:
        """What watching adds; noise may make it negative."""
        return (self.watched_ns / self.plain_ns - 1) * 100 if self.plain_ns else 0.0


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
        Cost(text, median(run[name] for run in plain), median(run[name] for run in watched))
        for name, text in WORKLOADS.items()
    )


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
