"""What the programs of the tests do to their loops; it lies beside each program that the fixture `watched` runs."""

import asyncio
import glob
import json
import os
import time

MOST_LOOKS = 100
"""A watchdog that is given no CPU is waited for so often."""


async def stall(seconds=0.12):
    """One stall of at least so many seconds, that lasts until the recording of this process shows where it was seen."""
    await asyncio.sleep(0.01)
    hold(seconds)
    await asyncio.sleep(0.01)


def hold(seconds):
    began = time.monotonic_ns()
    for _ in range(MOST_LOOKS):
        time.sleep(seconds)
        if is_seen(began):
            return


def is_seen(began):
    """Whether an open stall is on record in which a sample shows `hold` in its sleep."""
    folder = os.environ.get("UNJAM_DIR")
    return not folder or any(shows(path, began) for path in glob.glob(f"{folder}/{os.getpid()}.*"))


def shows(path, began):
    with open(path, "rb") as lines:
        events = [json.loads(line) for line in lines if line.endswith(b"\n")]
    holding = {event["id"] for event in events if event["e"] == "stack" and event["f"] and event["f"][-1][2] == "hold"}
    return any(
        event["t"] >= began and any(sample.get("stack") in holding for sample in event["samples"])
        for event in events
        if event["e"] == "stall" and event["t1"] is None
    )
