"""Stops of the whole process while its loops waited: no stall tells of them, and what was due came late all the same."""

from __future__ import annotations

from collections.abc import Iterator

from unjam.diagnosis import events
from unjam.diagnosis.case import Case
from unjam.diagnosis.findings import remedies_of
from unjam.knowledge import index
from unjam.model.findings import Evidence, Finding, Grade

RULE = "UJ503"


def stop_findings(case: Case) -> Iterator[Finding]:
    """One for each stop that is no part of a stall, told of the first loop; nothing of a process without one."""
    first = next(iter(case.loops.values()), None)
    for event in case.kind("stopped") if first else ():
        start, end = events.time_ns(event.get("t0")), events.time_ns(event.get("t1"))
        if start is None or end is None or end <= start or _is_in_a_stall(case, start, end):
            continue
        length_ms = round((end - start) / 1e6, 3)
        yield Finding(
            rule=RULE,
            cause=index.rule(RULE).cause,
            grade=Grade.EXACT,
            message="",
            culprit=None,
            leaf="process stopped",
            thread=first.thread if first else "",
            loop=first.number if first else 0,
            pid=case.process.pid,
            total_ms=length_ms,
            max_ms=length_ms,
            first_s=case.seconds(start),
            last_s=case.seconds(start),
            evidence=(Evidence("os", f"the whole process stood still for {length_ms:.0f} ms while its loops waited"),),
            remedies=remedies_of(RULE, None, leaf="", function=""),
        )


def _is_in_a_stall(case: Case, start: int, end: int) -> bool:
    return any(stall.suspended_ns and stall.start < end and start < stall.end for stall in case.stalls)
