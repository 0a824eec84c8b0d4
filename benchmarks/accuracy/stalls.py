"""A program that stalls its loop at random, in five ways, and writes down the truth.

    python stalls.py COUNT LOOP         one JSON array [kind, start_ns, end_ns, cpu_ns] a line, on CLOCK_MONOTONIC

cpu_ns is the CPU time of the whole process in that time: in a sleep it is what the watching took.
"""

import asyncio
import hashlib
import json
import random
import sys
import threading
import time

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


async def main(count: int) -> None:
    for number in range(count):
        await asyncio.sleep(0.03)
        kind = KINDS[number % len(KINDS)]
        start, cpu = time.monotonic_ns(), time.process_time_ns()
        kind(dice.uniform(0.06, 0.4))
        print(json.dumps([kind.__name__, start, time.monotonic_ns(), time.process_time_ns() - cpu]), flush=True)
    await asyncio.sleep(0.03)


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        uvloop.run(main(int(sys.argv[1])))
    else:
        asyncio.run(main(int(sys.argv[1])))
