"""What watching costs while nothing happens, and what it costs to begin."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from pairs import Cost, rounds
from variants import Variant

IDLE = """
import asyncio, time
async def main():
    await asyncio.sleep(2)
    cpu = time.process_time()
    await asyncio.sleep({seconds})
    print(time.process_time() - cpu)
asyncio.run(main())
"""
STARTS = {
    "bare": "pass",
    "import unjam": "import unjam",
    "import unjam, install()": "import unjam; unjam.install()",
    "the same, Python tier": "import unjam; unjam.install(tier='python')",
}


def idle(variants: Sequence[Variant], seconds: float) -> dict[str, float]:
    """Percent of one core that an idle program takes, all variants at the same time."""
    program = IDLE.format(seconds=seconds)
    running = {
        variant.name: subprocess.Popen(
            variant.command("-c", program),
            env=variant.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for variant in variants
    }
    return {name: float(process.communicate()[0]) / seconds * 100 for name, process in running.items()}


def starts(count: int) -> dict[str, float]:
    """Milliseconds of wall time that starting takes over a bare Python, as medians of paired differences.

    Modules are compiled once, as they are where unjam has been installed, whatever the environment says of that.
    """
    with tempfile.TemporaryDirectory() as folder:
        kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}

        def measure(name: str) -> Cost:
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-c", STARTS[name]],
                check=True,
                cwd=folder,
                env=os.environ | kept,
                stderr=subprocess.DEVNULL,
            )
            return Cost(0.0, time.perf_counter() - start)

        costs = rounds(list(STARTS), measure, count)
    base = costs["bare"]
    return {
        name: median((cost.wall_s - bare.wall_s) * 1e3 for cost, bare in zip(costs[name], base, strict=True))
        for name in STARTS
        if name != "bare"
    }
