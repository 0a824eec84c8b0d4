# serial
"""Busy processes on the same core, and a polite loop: ready to run, and no CPU given."""

import os
import subprocess
import sys

from _truth import quiet, run

# expect: UJ502 culprit=none required=native


async def main() -> None:
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    hogs = [subprocess.Popen([sys.executable, "-S", "-E", "-c", "while True: pass"]) for _ in range(2)]
    os.nice(10)
    try:
        for _ in range(3):
            await quiet()
            sum(range(400_000))
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


run(main())
