"""What can be observed on a machine, for `unjam doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unjam.reports.page import Page
from unjam.reports.text import safe

SCHEMA = 1

SOURCES = {
    "turns": (
        "when the loop leaves its select, and when it comes back",
        "without it nothing can be watched: please report it with this page",
    ),
    "steps": (
        "each callback and step of a task: how long it took, who waited for it",
        "on uvloop the samples tell what took long, with a lower grade",
    ),
    "stacks": (
        "the stack of the loop's thread while it is held",
        "without it no line can be named: please report it with this page",
    ),
    "gil": (
        "which thread holds the GIL while the loop waits for it",
        "the native tier reads it; the Python tier infers it, and says so in the grade",
    ),
    "syscall": (
        "in which system call the loop sits, and for which peer or file it waits",
        "allow reading /proc/self: no hidepid, and a seccomp profile that lets it pass; the stack still names the call",
    ),
    "schedstat": (
        "how long the loop was ready to run and got no CPU",
        "a kernel with CONFIG_SCHED_INFO; until then a starved loop shows as time that nothing explains",
    ),
    "cpu-clock": (
        "how much CPU time the loop's thread used",
        "allow clock_gettime in the seccomp profile; until then computing and waiting are told apart by the stack alone",
    ),
    "cgroup": (
        "how long a CPU quota held the process back",
        "nothing to do where no quota is set; in a container mount /sys/fs/cgroup read-only",
    ),
}
"""Source of facts: what it shows, and what to do where it is missing."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found; `sources` is {source: "" or why it cannot be used}.

    `costs` are the fields of cli.cost.Cost.
    """

    unjam: str
    python: str
    executable: str
    platform: str
    tier: str
    tier_reason: str
    sources: Mapping[str, str]
    extras: Mapping[str, bool]
    costs: tuple[Mapping[str, Any], ...]


def as_json(examination: Examination) -> str:
    """Write an examination as one JSON document (docs/json.md)."""
    return json.dumps({"schema": SCHEMA, **asdict(examination)}, indent=1) + "\n"


def render(examination: Examination, page: Page) -> str:
    """Write an examination for people."""
    return page.print(*_parts(examination, page))


def _parts(examination: Examination, page: Page) -> Iterator[RenderableType]:
    yield Text(f"unjam {examination.unjam}, {examination.python}, {safe(examination.platform)}", style="bold")
    yield Text(page.path(examination.executable), style="dim")
    yield ""
    yield _tier(examination)
    yield ""
    yield Text("What can be observed", style="bold")
    yield Padding(_sources(examination), (0, 0, 0, 2))
    missing = [name for name, there in examination.extras.items() if not there]
    if missing:
        yield ""
        yield Text("Not installed: " + ", ".join(f"pip install 'unjam[{name}]'" for name in missing))
    if examination.costs:
        yield ""
        yield Text("What watching costs here (CPU time of the process, median of pairs of runs)", style="bold")
        yield Padding(_costs(examination), (0, 0, 0, 2))


def _tier(examination: Examination) -> Text:
    if not examination.tier_reason:
        return Text(f"The {examination.tier} tier runs here.")
    text = f"The {examination.tier} tier runs here, as {safe(examination.tier_reason)}."
    return Text(f"{text} It is right, but sees less and costs more: install a wheel with the C core, or a C compiler.")


def _sources(examination: Examination) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(ratio=1)
    for name, reason in examination.sources.items():
        shows, remedy = SOURCES.get(name, ("", ""))
        text = Text(shows)
        if reason:
            text.append(f"\nwhy not: {safe(reason)}", style="red")
            text.append(f"\nto do: {remedy}" if remedy else "")
        grid.add_row(Text("no", style="red") if reason else Text("yes", style="green"), safe(name), text)
    return grid


def _costs(examination: Examination) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(ratio=1)
    for _ in range(3):
        grid.add_column(justify="right", no_wrap=True)
    for cost in examination.costs:
        grid.add_row(
            cost["work"], f"{cost['plain_ns'] / 1000:.1f} us", f"{cost['watched_ns'] / 1000:.1f} us", _more(cost)
        )
    return grid


def _more(cost: Mapping[str, Any]) -> str:
    """What watching adds. That it saves anything is the work of others on this machine."""
    percent, noise = cost["percent"], cost["noise_percent"]
    if abs(percent) <= noise:
        return f"within the noise of {noise:.0f} %"
    return f"{percent:+.1f} %" if percent > 0 else "too busy to tell"
