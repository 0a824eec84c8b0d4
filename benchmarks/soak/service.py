"""A service that stalls ten times a second, for as long as asked.

python service.py SECONDS LOOP      one JSON array [seconds, RSS in bytes] a line, every five seconds
"""

import asyncio
import json
import resource
import sys
import time

STALL_S = 0.055
EVERY_S = 0.1
TELL_S = 5.0


def rss() -> int:
    """Bytes of memory in use."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def hold(number: int) -> None:
    """Sleep at one of some depths, so that stacks differ."""
    if number:
        hold(number - 1)
    else:
        time.sleep(STALL_S)


async def request(number: int) -> None:
    hold(number % 20)


async def main(seconds: float) -> None:
    start = told = time.monotonic()
    number = 0
    while (now := time.monotonic()) - start < seconds:
        if now - told >= TELL_S:
            told = now
            print(json.dumps([now - start, rss()]), flush=True)
        await asyncio.gather(asyncio.create_task(request(number)), asyncio.sleep(EVERY_S))
        number += 1


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        uvloop.run(main(float(sys.argv[1])))
    else:
        asyncio.run(main(float(sys.argv[1])))
