"""A stall that never ends: the process is killed while it lasts, and the recording has it all the same."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from _truth import quiet, run

# serial: what computes is judged alone

ENOUGH = 3
"""Looks that bear more than a suspicion."""


async def faulty() -> None:
    await quiet()
    time.sleep(60)  # expect: UJ101 leaf=time.sleep count=1


def kill_a_stalling_child() -> None:
    with subprocess.Popen([sys.executable, __file__, "child"]) as child:
        try:
            while looks_at(child.pid) < ENOUGH:
                time.sleep(0.05)
        finally:
            child.kill()


def looks_at(pid: int) -> int:
    """How often that process was looked at in its stall, as far as that is recorded."""
    file = Path(os.environ["UNJAM_DIR"], f"{pid}.jsonl")
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    events = [json.loads(line) for line in lines if line.endswith("\n")]
    stalls = [event for event in events if event["e"] == "stall"]
    return sum(group["n"] for group in stalls[-1]["samples"]) if stalls else 0


if sys.argv[1:]:
    run(faulty())
else:
    kill_a_stalling_child()
