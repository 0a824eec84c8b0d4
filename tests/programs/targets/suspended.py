# serial
"""The whole process is stopped for a while: no stall, and nobody's fault."""

import os
import subprocess

from _truth import quiet, run

# expect: UJ503 culprit=none required=native


async def main() -> None:
    await quiet()
    me = os.getpid()
    helper = subprocess.Popen(["sh", "-c", f"kill -STOP {me}; sleep 0.4; kill -CONT {me}"])
    while helper.poll() is None:
        await quiet()


run(main())
