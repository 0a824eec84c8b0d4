"""A program that stalls its loop at random, in five ways, and writes down the truth.

    python stalls.py COUNT LOOP         one JSON array [kind, start_ns, end_ns, cpu_ns, ticks] a line, on CLOCK_MONOTONIC

cpu_ns is the CPU time of all other threads of the process in that time: in a sleep it is what the watching took. `ticks` is how
often they were given a CPU. One more line, of the kind `quiet`, is of a time in which the loop turned and nothing was sampled.
"""

import asyncio
import hashlib
import json
import os
import random
import sys
import threading
import time
from contextlib import suppress

dice = random.Random(7)
ROWS = [dice.random() for _ in range(500_000)]
lock = threading.Lock()


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def python(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def native(seconds: float) -> None:
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", int(seconds * 1_500_000))


def keeps_gil(seconds: float) -> None:
    sorted(ROWS[: int(seconds * 1_500_000)])


def locked(seconds: float) -> None:
    held = threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            time.sleep(seconds)

    threading.Thread(target=hold).start()
    held.wait()
    with lock:
        pass


KINDS = (sleep, python, native, keeps_gil, locked)


def watching() -> tuple[int, int]:
    """CPU time in ns of the threads that watch, and how often they ran (/proc/PID/task/TID/schedstat); of ours that is all but this one, and one that has just ended."""
    own, cpu, runs = str(threading.get_native_id()), 0, 0
    for tid in os.listdir("/proc/self/task"):
        if tid != own:
            with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/self/task/{tid}/schedstat") as file:
                ran, _, times = map(int, file.read().split())
                cpu, runs = cpu + ran, runs + times
    return cpu, runs


def told(kind: str, start: int, before: tuple[int, int]) -> None:
    end, (cpu, runs) = time.monotonic_ns(), watching()
    print(json.dumps([kind, start, end, cpu - before[0], runs - before[1]]), flush=True)


async def main(count: int) -> None:
    await asyncio.sleep(0.5)
    before, start = watching(), time.monotonic_ns()
    for _ in range(400):
        await asyncio.sleep(0.005)
    told("quiet", start, before)
    for number in range(count):
        await asyncio.sleep(0.03)
        kind = KINDS[number % len(KINDS)]
        before, start = watching(), time.monotonic_ns()
        kind(dice.uniform(0.06, 0.4))
        told(kind.__name__, start, before)
    await asyncio.sleep(0.03)


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        uvloop.run(main(int(sys.argv[1])))
    else:
        asyncio.run(main(int(sys.argv[1])))
