# quota
# serial
"""A CPU quota that is used up in steps of a few milliseconds: ready to run, and given no CPU until the next period."""

import asyncio
from pathlib import Path

from _truth import quiet, run

# expect: UJ502 culprit=none says=quota required=native

ENOUGH, LONG_MS = 2, 100.0
"""Two periods in which the quota was used up early enough to be a stall beyond doubt."""


def throttled_ms() -> float:
    """How long this control group was stopped so far (Documentation/admin-guide/cgroup-v2.rst, scheduler/sched-bwc.rst)."""
    groups = {
        name: path
        for _, name, path in (line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines())
    }
    first = next((path for name, path in groups.items() if "cpu" in name.split(",")), None)
    folder = Path("/sys/fs/cgroup/cpu" if first else "/sys/fs/cgroup") / (first or groups[""]).lstrip("/")
    stat = dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())
    return int(stat["throttled_time"]) / 1e6 if first else int(stat["throttled_usec"]) / 1e3


async def main() -> None:
    await quiet()
    # A machine that gives the whole group less than its quota does not use it up: it takes as long as it takes.
    stops = 0
    while stops < ENOUGH:
        before = throttled_ms()
        sum(range(150_000))
        await asyncio.sleep(0)
        stops += throttled_ms() - before >= LONG_MS
    await quiet()


run(main())
