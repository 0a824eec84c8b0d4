"""Watch a process, or all workers of a parent, live: loops, stalls, pools and tasks.

Keys: q quits, s changes the order. Without a terminal one picture is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from unjam.cli.hang import GONE, add_target
from unjam.cli.output import colored, page_for, say, show
from unjam.control.client import NoSuchProcess, ask
from unjam.control.targets import choose, title
from unjam.diagnosis.top import SORTS, picture
from unjam.errors import NotAvailable, UsageError
from unjam.model.live import TopView
from unjam.reports.page import Page
from unjam.reports.top import draw

SHORTEST_S, LONGEST_S = 0.25, 60.0
"""Between two pictures: faster is more than eyes and the watched program need."""
ANSWER_S = 2.0
"""A process that takes longer is shown as silent, and asked again for the next picture."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_target(parser)
    parser.add_argument("--interval", type=float, default=0.5, metavar="SECONDS", help="between two pictures (0.5)")
    parser.add_argument("--sort", choices=SORTS, default="busy", help="order of the loops (busy)")
    parser.add_argument("--once", action="store_true", help="print one picture and end")


def run(options: argparse.Namespace) -> int:
    """Draw until q, Ctrl-C, or until no process is left."""
    if not SHORTEST_S <= options.interval <= LONGEST_S:
        raise UsageError(f"--interval {options.interval:g} is not between {SHORTEST_S:g} and {LONGEST_S:g}")
    try:
        watched = Watched(options)
        watched.look()
        time.sleep(options.interval)
        if options.once or not sys.stdout.isatty():
            page = page_for(sys.stdout)
            show(page.print(draw(watched.look(), page, height=10_000, sort=options.sort, keys=False)), sys.stdout)
            return 0
        return _live(watched, options)
    except NoSuchProcess as error:
        say(str(error))
        return GONE


class Watched:
    """The processes that are meant, chosen anew for each picture: workers come and go."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._before: Mapping[int, Mapping[str, Any]] = {}
        self.sort: str = options.sort

    def look(self) -> TopView:
        """Ask all of them; raises NoSuchProcess where none is left."""
        now: dict[int, Mapping[str, Any]] = {}
        silent: dict[int, str] = {}
        for pid in choose(self._options.pid, self._options.name):
            try:
                now[pid] = ask(pid, "top", deadline_s=ANSWER_S)
            except NoSuchProcess:
                continue
            except NotAvailable as error:
                silent[pid] = str(error)
        before, self._before = self._before, now
        pairs = {pid: (before.get(pid), answer) for pid, answer in now.items()}
        return picture(pairs, {pid: title(pid) for pid in now}, sort=self.sort, silent=silent)


def _live(watched: Watched, options: argparse.Namespace) -> int:
    console = Console(highlight=False, no_color=not colored(sys.stdout, os.environ))
    with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            page = Page(width=console.width, color=True, cwd=str(Path.cwd()))
            picture_ = draw(watched.look(), page, height=console.height, sort=watched.sort, keys=True)
            live.update(picture_, refresh=True)
            for key in pressed(options.interval):
                if key in {"q", "Q", "\x03", "\x04"}:
                    return 0
                if key == "s":
                    watched.sort = SORTS[(SORTS.index(watched.sort) + 1) % len(SORTS)]


@contextlib.contextmanager
def _keys() -> Iterator[Any]:
    """Give a function that waits and returns the keys pressed meanwhile; the terminal is left as it was."""
    if not sys.stdin.isatty():
        yield _wait_only
        return
    import termios
    import tty

    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        yield _wait_for_keys
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _wait_only(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def _wait_for_keys(seconds: float) -> str:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return os.read(sys.stdin.fileno(), 64).decode(errors="replace") if ready else ""
