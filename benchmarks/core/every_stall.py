"""One stall of every kind, one after the other: what a memory checker is run on, and a quick look at what the core records.

Usage: python benchmarks/core/every_stall.py     prints the lines
"""

import asyncio
import gc
import os
import re
import sys
import threading
import time

from unjam.native import _core


def spin(seconds: float) -> None:
    """Bytecode for so long."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def deep(depth: int) -> None:
    """Sleep below many frames."""
    if depth:
        deep(depth - 1)
    else:
        time.sleep(0.2)


def wait_for_gil() -> None:
    """Start a thread that keeps the GIL."""
    threading.Thread(target=re.match, args=(r"(a+)+b", "a" * 22)).start()
    spin(0.05)


def wait_for_pipe() -> None:
    """Read what comes late."""
    reader, writer = os.pipe()
    threading.Timer(0.2, os.write, (writer, b"x")).start()
    os.read(reader, 1)
    os.close(reader)
    os.close(writer)


STALLS = (
    lambda: time.sleep(0.2),
    lambda: spin(0.2),
    lambda: re.match(r"(a+)+b", "a" * 21),
    lambda: deep(300),
    wait_for_gil,
    wait_for_pipe,
    gc.collect,
)


async def main() -> None:
    """Stall in each way, as the step of a callback and of a task."""
    loop = asyncio.get_running_loop()
    _core.register_loop(1, loop._selector.fileno())
    for stall in STALLS:
        loop.call_soon(stall)
        loop.call_soon(len, "")
        await asyncio.sleep(0.05)
        stall()
        await asyncio.sleep(0.02)
    if hasattr(os, "fork") and os.fork() == 0:
        _core.after_fork_in_child()
        os._exit(0)
    _core.unregister_loop(1)


if __name__ == "__main__":
    _core.check()
    _core.start(threshold_ns=20_000_000, tick_ns=5_000_000, fd=sys.stdout.fileno(), keep=100)
    _core.install_steps(asyncio.Handle, lambda handle, error: None)
    _core.set_step_observer(lambda *told: _core.scheduled_site(told[2]))
    _core.set_victim_observer(lambda *told: None)
    gc.callbacks.append(_core.gc_callback)
    drainer = threading.Thread(target=lambda: [_core.drain(0.05) for _ in range(20)])
    drainer.start()
    asyncio.run(main())
    drainer.join()
    _core.stop()
