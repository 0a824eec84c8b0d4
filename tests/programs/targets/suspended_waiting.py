# serial
"""The whole process is stopped while its loop waits: nobody's fault, but what was due then came late."""

# expect: UJ503 culprit=none count=1

import asyncio
import os
import sys

from _truth import quiet, run

STOP = "import os, signal, sys, time; me = int(sys.argv[1]); os.kill(me, signal.SIGSTOP); time.sleep(0.6); os.kill(me, signal.SIGCONT)"


async def ticking(ended: asyncio.Event) -> None:
    while not ended.is_set():
        await asyncio.sleep(0.01)


async def main() -> None:
    ended = asyncio.Event()
    ticks = asyncio.create_task(ticking(ended))
    await quiet()
    stopper = await asyncio.create_subprocess_exec(sys.executable, "-c", STOP, str(os.getpid()))
    await stopper.wait()
    ended.set()
    await ticks
    await quiet()


run(main())
