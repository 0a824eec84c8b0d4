"""What the C core costs a loop: the same loop with and without it, interleaved in one process, on thread CPU time.

Usage: python benchmarks/core/loop_cost.py [--rounds N] [--uvloop] [--threaded] [--json]

Prints for each load the ratio (1.00 = free) as the median over pairs of rounds, and the spread of the same loads compared
with themselves (A/A), below which no ratio means anything. With --threaded the program has a second thread of its own, as
every server with an executor has: without one, Linux spares a process the reference counts of its descriptors (some 40 ns a
system call), and the watchdog's mere existence ends that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable

from unjam.native import _core

Load = Callable[[], Awaitable[None]]


async def soon(callbacks: int, turns: int) -> None:
    """`callbacks` empty callbacks a turn."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = turns

    def last() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            done.set_result(None)
            return
        for _ in range(callbacks - 1):
            loop.call_soon(nothing)
        loop.call_soon(last)

    loop.call_soon(last)
    await done


def nothing() -> None:
    """The cheapest callback."""


async def soon1() -> None:
    await soon(1, 6000)


async def soon100() -> None:
    await soon(100, 200)


async def ping() -> None:
    """Two tasks that give way to each other."""

    async def half() -> None:
        for _ in range(3000):
            await asyncio.sleep(0)

    await asyncio.gather(half(), half())


async def echo() -> None:
    """Streams over loopback, one message at a time."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
            await writer.drain()
        writer.close()
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for _ in range(700):
        writer.write(b"x" * 64)
        await reader.readexactly(64)
    writer.close()
    await ended.wait()
    server.close()


LOADS: tuple[Load, ...] = (soon1, soon100, ping, echo)


def on_failure(handle: object, exception: BaseException) -> None:
    """No load fails."""
    del handle
    raise exception


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Switch the core on for `loop`, which runs in this thread."""
    _core.start(threshold_ns=50_000_000, tick_ns=10_000_000)
    _core.install_steps(asyncio.Handle, on_failure)
    selector = getattr(loop, "_selector", None)
    _core.register_loop(1, selector.fileno() if selector else loop._get_backend_id())


def unwatch() -> None:
    """Switch it off again."""
    _core.unregister_loop(1)
    _core.stop()


async def spent(load: Load, *, watched: bool) -> int:
    """Thread CPU time of one round, in nanoseconds."""
    loop = asyncio.get_running_loop()
    if watched:
        watch(loop)
        await asyncio.sleep(0)
    before = time.thread_time_ns()
    await load()
    after = time.thread_time_ns()
    if watched:
        unwatch()
    return after - before


async def compare(load: Load, rounds: int) -> dict[str, float]:
    """The ratio of a watched to an unwatched round, and of an unwatched one to its like."""
    ratios, noise = [], []
    await spent(load, watched=False)
    for _ in range(rounds):
        first = await spent(load, watched=False)
        watched = await spent(load, watched=True)
        second = await spent(load, watched=False)
        ratios.append(2 * watched / (first + second))
        noise.append(second / first)
    quartiles = statistics.quantiles(noise, n=4)
    return {"ratio": round(statistics.median(ratios), 3), "noise": round((quartiles[2] - quartiles[0]) / 2, 3)}


async def measure(rounds: int) -> dict[str, dict[str, float]]:
    return {load.__name__: await compare(load, rounds) for load in LOADS}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--threaded", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.threaded:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    if options.uvloop:
        import uvloop

        results = uvloop.run(measure(options.rounds))
    else:
        results = asyncio.run(measure(options.rounds))
    if options.json:
        json.dump(results, sys.stdout)
        return
    for name, result in results.items():
        print(f"{name:8} {result['ratio']:.3f}   (noise {result['noise']:.3f})")


if __name__ == "__main__":
    main()
