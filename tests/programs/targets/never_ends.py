"""A stall that never ends: the process is killed while it lasts, and the recording has it all the same."""

import os
import signal
import subprocess
import sys
import time

from _truth import quiet, run

# serial: what computes is judged alone


async def faulty() -> None:
    await quiet()
    print("stalling", flush=True)
    time.sleep(60)  # expect: UJ101 leaf=time.sleep count=1


def kill_a_stalling_child() -> None:
    with subprocess.Popen([sys.executable, __file__, "child"], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"stalling\n"
        time.sleep(0.5)
        os.kill(child.pid, signal.SIGKILL)


if sys.argv[1:]:
    run(faulty())
else:
    kill_a_stalling_child()
