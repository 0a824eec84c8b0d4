# serial
"""The whole process is stopped in the middle of a step: no stall, and nobody's fault."""

import asyncio
import os
import signal
import subprocess

from _truth import quiet, run

# expect: UJ503 culprit=none required=native


async def main() -> None:
    await quiet()
    me = os.getpid()
    helper = await asyncio.to_thread(subprocess.Popen, ["sh", "-c", f"sleep 0.4; kill -CONT {me}"])
    os.kill(me, signal.SIGSTOP)
    while helper.poll() is None:
        await quiet()


run(main())
