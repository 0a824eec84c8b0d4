"""Say what holds the loop of a running program right now, and who waits for it.

For a healthy loop: what it waits for and how busy it was in the last moment. Exit code 0: no loop is held, 1: one is,
3: the process is gone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unjam import __version__
from unjam.cli.hang import add_target, each_process
from unjam.cli.output import page_for, say, show
from unjam.cli.session import source_below
from unjam.control.client import NoSuchProcess, NotWatched, ask
from unjam.control.outside import read_from_outside
from unjam.diagnosis.live import process_now
from unjam.errors import NotAvailable
from unjam.model.live import ProcessNow
from unjam.model.waits import Graph
from unjam.recording.reader import parse_process
from unjam.reports import why as report
from unjam.reports.hang import threads
from unjam.reports.json import finding

BETWEEN_S = 0.5
"""Between the two looks from which the share of busy time is made."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_target(parser)
    parser.add_argument("--json", action="store_true", help="write one JSON document a process")


def run(options: argparse.Namespace) -> int:
    """Ask every process that is meant, and report on each."""
    return each_process(options, _one)


def _one(pid: int, options: argparse.Namespace) -> int:
    try:
        now = look(pid)
    except NoSuchProcess:
        raise
    except NotAvailable as reason:
        return _from_outside(pid, reason)
    if options.json:
        show(json.dumps(document(now)) + "\n", sys.stdout)
    else:
        show(report.render(now, page_for(sys.stdout), route="asked through its control socket"), sys.stdout)
    held = any(loop.away_ms is not None and loop.away_ms >= now.threshold_ms for loop in now.loops)
    return 1 if held else 0


def _from_outside(pid: int, reason: NotAvailable) -> int:
    """Show the threads of a process that does not answer; one that is watched and silent may have its GIL kept."""
    try:
        graph, route = read_from_outside(pid)
    except NotAvailable as second:
        raise (second if isinstance(reason, NotWatched) else reason) from second
    if not isinstance(reason, NotWatched):
        say(str(reason))
    page = page_for(sys.stdout)
    show(page.print(f"pid {pid}, {route}", *threads(graph, page), *_unseen(graph)), sys.stdout)
    return 0


def _unseen(graph: Graph) -> list[str]:
    return [f"not observed: {reason}" for reason in graph.not_observed]


def look(pid: int) -> ProcessNow:
    """Ask a process what it does now; raises NotAvailable where it does not answer."""
    before = ask(pid, "top")
    time.sleep(BETWEEN_S)
    now = {**ask(pid, "why"), "pid": pid}  # In a container the process has another number for itself.
    lines = [json.dumps(event).encode() for event in (now["header"], *now["events"])]
    try:
        cwd = str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        cwd = ""
    return process_now(before, now, parse_process(lines, name=str(pid)), source=source_below(cwd))


def document(now: ProcessNow) -> dict[str, Any]:
    """Return the JSON document of one process (docs/hang.md)."""
    plain = asdict(now)
    plain.pop("sources")
    for loop, original in zip(plain["loops"], now.loops, strict=True):
        loop["findings"] = [finding(each) for each in original.findings]
    plain["stalled"] = [finding(each) for each in now.stalled]
    return {"schema": 1, "unjam": __version__, **plain}
