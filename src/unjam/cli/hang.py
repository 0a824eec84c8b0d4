"""Say who waits for whom in a running or hung program, and the deadlock if there is one.

Asks the control socket of a watched process; two snapshots a moment apart are compared, and only what did not move counts.
Exit code 0: nothing is stuck, 1: something is, 3: the process is gone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from unjam import __version__
from unjam.cli.output import page_for, say, show
from unjam.control.client import NoSuchProcess, NotWatched, ask
from unjam.control.outside import read_from_outside
from unjam.control.targets import choose
from unjam.diagnosis.hang import verdict
from unjam.errors import NotAvailable, UnjamError
from unjam.model.findings import Location
from unjam.model.waits import Graph, Verdict, from_json, to_json
from unjam.reports import hang as report
from unjam.reports import hang_tree
from unjam.reports.json import finding

GONE = 3
"""The exit code for a process that is not there, or not any more."""


def add_target(parser: argparse.ArgumentParser) -> None:
    """Declare how processes are chosen."""
    parser.add_argument(
        "pid", nargs="?", type=int, metavar="PID", help="the process, or the parent of all that are meant"
    )
    parser.add_argument("--name", help="all watched processes whose program, script or module is called so")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_target(parser)
    parser.add_argument("--tree", action="store_true", help="show threads, loops and tasks as a tree of await chains")
    parser.add_argument(
        "--json", action="store_true", help="write one JSON document with the verdict and the whole graph"
    )


def run(options: argparse.Namespace) -> int:
    """Ask every process that is meant, and report on each."""
    return each_process(options, _one)


def each_process(options: argparse.Namespace, one: Callable[[int, argparse.Namespace], int]) -> int:
    """Call `one` for each process that is meant; returns the worst code, a failure of one does not keep the others."""
    try:
        pids = choose(options.pid, options.name)
    except NoSuchProcess as error:
        say(str(error))
        return GONE
    codes = []
    for pid in pids:
        try:
            codes.append(one(pid, options))
        except NoSuchProcess as error:
            say(str(error))
            codes.append(GONE)
        except UnjamError as error:
            say(str(error))
            codes.append(2)
    return max(codes, key=(0, 1, 2, GONE).index)


def _one(pid: int, options: argparse.Namespace) -> int:
    graph, route = graph_of(pid)
    page = page_for(sys.stdout)

    def place(site: Location) -> str:
        return page.place(site.file, site.line, site.function)

    found = verdict(graph, place=place)
    if options.json:
        show(json.dumps(document(graph, found)) + "\n", sys.stdout)
    elif options.tree:
        show(hang_tree.render(graph, page), sys.stdout)
    else:
        show(report.render(graph, found, page, route=route), sys.stdout)
    return 1 if found.findings else 0


def graph_of(pid: int) -> tuple[Graph, str]:
    """Return the wait-for graph of a process by the first way that works, and which that was."""
    try:
        return replace(from_json(ask(pid, "hang")), pid=pid), "asked through its control socket"
    except NoSuchProcess:
        raise
    except NotAvailable as first:
        try:
            graph = read_from_outside(pid)
        except NotAvailable as second:
            raise (second if isinstance(first, NotWatched) else first) from second
        if not isinstance(first, NotWatched):
            say(str(first))
        return graph


def document(graph: Graph, found: Verdict) -> dict[str, Any]:
    """Return the JSON document of one process (docs/hang.md)."""
    return {
        "schema": 1,
        "unjam": __version__,
        "pid": graph.pid,
        "findings": [finding(each) for each in found.findings],
        "leads": [finding(each) for each in found.leads],
        "waits": [asdict(wait) for wait in found.waits],
        "stuck": found.stuck,
        "graph": to_json(graph),
    }
