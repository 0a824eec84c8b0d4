"""Findings that the user has allowed: taken out of the accusations, and still told with their cost."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from unjam.diagnosis.source import Sources
from unjam.model.allowances import Allow, covers, is_over, litter
from unjam.model.findings import Finding
from unjam.model.granted import Granted
from unjam.model.session import Allowed


@dataclass(frozen=True, slots=True)
class Allowances:
    """What the project allows: `tables` hold for paths relative to `root`; what has expired by `today` (None: nothing) does not count."""

    tables: Sequence[Allow] = ()
    root: str = ""
    today: dt.date | None = None


@dataclass(slots=True)
class Sorted:
    """Findings that count, those that are allowed, and a sentence for each allowance that is litter."""

    counting: list[Finding] = field(default_factory=list)
    allowed: list[Allowed] = field(default_factory=list)
    used: set[Allow] = field(default_factory=set)
    expired: dict[str, None] = field(default_factory=dict)


def sort_out(findings: Iterable[Finding], sources: Sources, allowances: Allowances) -> Sorted:
    """Split findings into those that count and those that are allowed."""
    done = Sorted()
    for finding in findings:
        found = _allowance(finding, sources, allowances, done)
        if found is None:
            done.counting.append(finding)
        else:
            done.allowed.append(Allowed(finding, *found))
    return done


def notices(done: Sorted, allowances: Allowances) -> tuple[str, ...]:
    """A sentence for each allowance that has expired, that nothing of this run used, or that gives no reason."""
    return (
        *done.expired,
        *litter(allowances.tables, done.used, allowances.today, unused="nothing in this run used it"),
    )


def _allowance(finding: Finding, sources: Sources, allowances: Allowances, done: Sorted) -> tuple[str, str] | None:
    """Why it is allowed ("" where no reason is given), and by what; None where it is not."""
    if not finding.rule or finding.culprit is None:
        return None
    path = relative(finding.culprit.file, allowances.root)
    for allow in allowances.tables:
        over = allowances.today is not None and allow.has_expired(allowances.today)
        if not over and allow.covers(finding.rule, path, finding.culprit.function):
            done.used.add(allow)
            return allow.reason, allow.name
    for file, each in _in_source(finding, sources):
        place = f"{relative(file, allowances.root)}:{each.line}"
        if not is_over(each.until, allowances.today):
            return each.reason, place
        done.expired[f"{place}: the allowance of {', '.join(each.codes)} expired on {each.until}"] = None
    return None


def relative(file: str, root: str) -> str:
    """A path as tables name it: below the root of the project."""
    return os.path.relpath(file, root) if root else file


def _in_source(finding: Finding, sources: Sources) -> Iterator[tuple[str, Granted]]:
    """Comments and blocks around any line of the user's own on the way to the culprit."""
    for link in finding.chain:
        for each in sources.granted(link.file) if link.kind == "user" else ():
            if each.first <= link.line <= each.last and covers(each.codes, finding.rule):
                yield link.file, each
