"""The micro-benchmarks: empty callbacks, tasks that give way, streams."""

import json
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pairs import Cost, rounds
from variants import Variant

OPERATIONS = {"soon1": 8_000, "soon100": 40_000, "ping": 12_000, "echo": 600}
"""Some 20 to 40 ms of work each: long enough for the clock, short enough for neighbours to be neighbours."""


def micro(variants: Sequence[Variant], workload: str, loop: str, count: int) -> dict[str, list[Cost]]:
    """All variants of one workload, each in a process that lives through all rounds."""
    worker = str(Path(__file__).with_name("worker.py"))
    with ExitStack() as stack:
        workers = {
            variant.name: stack.enter_context(
                subprocess.Popen(
                    variant.command(worker, workload, loop),
                    env=variant.environ(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for variant in variants
        }

        def measure(name: str) -> Cost:
            process = workers[name]
            print(OPERATIONS[workload], file=process.stdin, flush=True)
            return Cost(*json.loads(process.stdout.readline()))

        return rounds(list(workers), measure, count)
