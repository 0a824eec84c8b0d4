"""How right a recording is: stalls of known length against what was recorded and concluded.

    python benchmarks/accuracy [--stalls 60] [--tier native] [--loop asyncio]

Prints the share of the stalled time that a finding with a culprit explains, the error of the recorded length (recorded
minus true; the truth is taken inside the stall, so a little more is right), the unexplained share, and the CPU that one
sample takes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TypeAlias

from unjam.recording.reader import read

THRESHOLD_NS = 50_000_000


def main() -> None:
    """Run the program and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stalls", type=int, default=60)
    parser.add_argument("--tier", default="native")
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (quiet, *truth), report = watched(options, Path(folder))
        stalls = recorded(report["session"]["folder"])
    print(f"stalls {len(truth)} in truth, {len(stalls)} recorded, {report['loops'][0]['tier']} tier, {options.loop}")
    lengths(truth, stalls)
    explained(report)
    cost_of_a_sample(quiet, truth, stalls)


Truth: TypeAlias = tuple[str, int, int, int, int]
"""Kind, start, end, CPU of the threads that watched, and how often they ran; times in ns."""


def watched(options: argparse.Namespace, folder: Path) -> tuple[list[Truth], dict]:
    """The truth as the program printed it, and the report."""
    program = Path(__file__).with_name("stalls.py")
    command = [sys.executable, "-m", "unjam", "run", "--quiet", "--out", folder, "--json", folder / "report.json", "--"]
    done = subprocess.run(
        [*command, sys.executable, program, str(options.stalls), options.loop],
        env=os.environ | {"UNJAM_TIER": options.tier},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    truth = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    return [each for each in truth if each[2] - each[1] >= THRESHOLD_NS], json.loads(
        (folder / "report.json").read_text()
    )


def recorded(folder: str) -> list[dict]:
    """The stalls of the recording; of several lines of one stall the last."""
    events = [event for process in read(Path(folder)).processes for event in process.events if event["e"] == "stall"]
    return list({event["id"]: event for event in events}.values())


def of(stall: Truth, stalls: list[dict]) -> dict | None:
    """The recorded stall that overlaps a true one."""
    _, start, end, _, _ = stall
    return next((each for each in stalls if each["t0"] < end and (each["t1"] or end) > start), None)


def lengths(truth: list[Truth], stalls: list[dict]) -> None:
    """Print the error of the recorded lengths."""
    pairs = [(stall, of(stall, stalls)) for stall in truth]
    errors = [found["t1"] - found["t0"] - (stall[2] - stall[1]) for stall, found in pairs if found and found["t1"]]
    within = sum(
        abs(found["t1"] - found["t0"] - (stall[2] - stall[1])) <= 5_000_000 + 0.02 * (stall[2] - stall[1])
        for stall, found in pairs
        if found and found["t1"]
    )
    print(f"missed {sum(found is None for _, found in pairs)}")
    print(f"length error median {median(errors) / 1e6:+.2f} ms, worst {max(errors, key=abs) / 1e6:+.2f} ms")
    print(f"within 5 ms + 2 %: {within} of {len(errors)}")


def explained(report: dict) -> None:
    """Print how much of the stalled time has a culprit, and how much of it is accounted for."""
    stalled = sum(loop["stalled_ms"] for loop in report["loops"])
    named = sum(finding["total_ms"] for finding in report["findings"] if finding["culprit"])
    starved = sum(finding["total_ms"] for finding in report["findings"] if finding["rule"] == "UJ502")
    unexplained = sum(finding["accounted_ms"]["unexplained"] or 0.0 for finding in report["findings"])
    print(
        f"of {stalled:.0f} ms stalled: {named / stalled:.1%} has a culprit, {starved / stalled:.1%} had no CPU, {unexplained / stalled:.1%} unexplained"
    )


def cost_of_a_sample(quiet: Truth, truth: list[Truth], stalls: list[dict]) -> None:
    """Print what a sample costs beside the tick in which it is taken: the CPU of a sleep less that of as many quiet ticks."""
    tick_ns = quiet[3] / max(1, quiet[4])
    costs = []
    for stall in truth:
        found = of(stall, stalls)
        if stall[0] == "sleep" and found:
            count = max(1, sum(group["n"] for group in found["samples"]))
            costs.append((stall[3] - tick_ns * stall[4]) / count)
    print(
        f"CPU of a quiet tick {tick_ns / 1e3:.0f} us; of each sample of a sleep beside that: median {median(costs) / 1e3:.0f} us"
    )


if __name__ == "__main__":
    main()
