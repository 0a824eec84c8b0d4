"""The whole: from a recording to a session, and from the events of one stall to its findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from unjam.diagnosis import events, findings, loops, stalls
from unjam.diagnosis.allowances import Allowances, Sorted, notices, sort_out
from unjam.diagnosis.case import Case, start_of
from unjam.diagnosis.events import Stall
from unjam.diagnosis.hang import dump_findings
from unjam.diagnosis.pieces import Blame
from unjam.diagnosis.pools import pool_findings
from unjam.diagnosis.source import Provider, Sources
from unjam.diagnosis.stops import stop_findings
from unjam.diagnosis.timeouts import Absence, timeout_groups
from unjam.diagnosis.verdict import verdict
from unjam.model.endings import ending
from unjam.model.findings import Finding
from unjam.model.session import Event, Process, Recording, Session
from unjam.model.stacks import Stack
from unjam.model.timeouts import TimeoutGroup

_LAST = frozenset({"UJ503", "UJ701"})
"""Consequences and non-faults stand after what stole time, as does what only starting took."""

START_S = 1.0
"""An import that begins so soon after its loop is part of starting, not of serving: uvicorn imports the application in its first turn."""

NO_VICTIMS = "who waited: only where asyncio's own steps are counted is it seen what is ready to run; the middleware of unjam names requests on every loop"

NOTHING_ALLOWED = Allowances()
"""Where no project is known; comments and blocks in the source count all the same."""


def diagnose(
    recording: Recording,
    *,
    source: Provider,
    threshold_ms: float | None = None,
    allowances: Allowances = NOTHING_ALLOWED,
) -> Session:
    """Draw all conclusions from a recording.

    `source` gives the lines of a file or None. `allowances` are the project's. `threshold_ms` above the recorded threshold leaves shorter stalls
    out. Never raises, whatever the events hold.
    """
    sources = Sources(source)
    threshold_ns = None if threshold_ms is None else max(1, int(threshold_ms * 1e6))
    watched = [each for each in recording.processes if not _unsupported(each)]
    zero = min(filter(None, map(start_of, watched)), default=0)
    cases = [Case(each, sources, threshold_ns=threshold_ns, zero_ns=zero) for each in watched]
    found: list[Finding] = []
    fired: list[TimeoutGroup] = []
    for case in cases:
        more, outs = _conclusions(case)
        found += more
        fired += outs
    done = sort_out(map(findings.worded, findings.grouped(found)), sources, allowances)
    begun = {
        (case.process.pid, life.number): case.seconds(life.start) for case in cases for life in case.loops.values()
    }
    session = _session(recording, cases, sources, _ordered(done.counting, begun), tuple(fired))
    session = replace(session, allowed=tuple(done.allowed), notices=notices(done, allowances))
    return replace(session, verdict=_with_allowed(session)) if session.allowed else session


def diagnose_stall(
    header: Event,
    stacks: Mapping[int, Stack],
    stall_events: Iterable[Event],
    *,
    sources: Sources,
    pid: int | None = None,
    allowances: Allowances = NOTHING_ALLOWED,
) -> Sorted:
    """The findings of one stall as it stands: those that count for who is told of it, with those that are allowed for who measures.

    What `sources` was asked for earlier stalls it still knows.
    `stall_events` holds the `stall` event and, where known, its `step`, `victims`, `crowd`, `gc`, `loop` and `threads` events.
    """
    number = pid if pid is not None else events.integer(header.get("pid")) or 0
    found, _ = _conclusions(Case(Process(number, header, tuple(stall_events), stacks), sources))
    return sort_out(map(findings.worded, _ordered(found, {})), sources, allowances)


def _conclusions(case: Case) -> tuple[list[Finding], list[TimeoutGroup]]:
    """The findings of one process, and what became of its timeouts."""
    found: list[Finding] = []
    absences: list[Absence] = []
    blames = [stalls.blames_of(case, stall) for stall in case.stalls]
    often = stalls.recurring(case, blames)
    for stall, each in zip(case.stalls, blames, strict=True):
        mine = _of_stall(case, stall, stalls.unfolded(case, stall, each, often))
        found += mine
        culprit, leaf = (mine[0].culprit, mine[0].leaf) if mine else (None, "")
        absences.append(Absence(stall.loop, stall.start, stall.end, culprit, leaf))

    def is_users(file: str) -> bool:
        return case.origins.owner(file) == "user"

    groups, ours = timeout_groups(case.process, absences, is_users=is_users, started_ns=case.zero_ns)
    found += ours
    found += stop_findings(case)
    found += pool_findings(case.process, is_users=is_users, started_ns=case.zero_ns)
    found += dump_findings(case.process, started_ns=case.zero_ns)
    return found, groups


def _of_stall(case: Case, stall: Stall, blames: Sequence[Blame]) -> list[Finding]:
    return [findings.finding_of(case, stall, blame, with_victims=index == 0) for index, blame in enumerate(blames)]


def _ordered(found: Iterable[Finding], begun: Mapping[tuple[int, int], float]) -> tuple[Finding, ...]:
    """Most time first, what stole none last; `begun` is when each loop of each process began."""

    def is_last(finding: Finding) -> bool:
        since = finding.first_s - begun.get((finding.pid, finding.loop), -START_S)
        short = finding.total_ms < START_S * 1000
        at_start = finding.rule == "UJ305" and finding.count == 1 and since < START_S and short
        return finding.rule in _LAST or at_start

    return tuple(sorted(found, key=lambda each: (is_last(each), -each.total_ms, each.first_s)))


def _session(
    recording: Recording,
    cases: Sequence[Case],
    sources: Sources,
    found: tuple[Finding, ...],
    fired: tuple[TimeoutGroup, ...],
) -> Session:
    threshold_ms = min((case.threshold_ns for case in cases), default=50_000_000) / 1e6
    reports = tuple(report for case in cases for report in loops.reports_of(case, _told_stalls(case)))
    unseen = _not_observed(recording, cases)
    dropped = sum(case.process.dropped for case in cases)
    return Session(
        program=next(
            (name for case in cases if (name := events.text(case.header.get("program")))),
            events.text(recording.meta.get("program")),
        ),
        started_wall=_started(cases, recording.meta),
        duration_s=round(max((case.end - case.zero_ns for case in cases if case.end), default=0) / 1e9, 6),
        threshold_ms=threshold_ms,
        pids=tuple(dict.fromkeys(case.process.pid for case in cases)),
        pythons=_distinct(case.header.get("python") for case in cases),
        tiers=_distinct(case.header.get("tier") for case in cases),
        folder=recording.folder,
        verdict=verdict(found, reports, threshold_ms=threshold_ms, not_observed=unseen, dropped=dropped),
        loops=reports,
        findings=found,
        timeouts=fired,
        not_observed=unseen,
        dropped=dropped,
        exit_code=events.integer(recording.meta.get("exit_code")),
        sources=_shown(found, sources),
    )


def _with_allowed(session: Session) -> str:
    took, count = sum(each.finding.total_ms for each in session.allowed), len(session.allowed)
    beside = f"{count} allowed finding{'s' * (count > 1)} took {took:,.0f} ms"
    if session.findings:
        return f"{session.verdict}; {beside}"
    return f"nothing but what is allowed held the loop for {session.threshold_ms:g} ms or more: {beside}"


def _hides_victims(case: Case, stall: Stall) -> bool:
    """Whether nobody knows who had to wait for a stall."""
    life = case.loops.get(stall.loop)
    return life is not None and not life.has_steps and not case.kind("request")


def _unsupported(process: Process) -> bool:
    """Whether it was a Python that unjam does not watch: it says which and no more."""
    return process.header.get("tier") == "none"


def _told_stalls(case: Case) -> list[Stall]:
    """The stalls that count: over the threshold without the time in which the whole process stood still."""
    return [stall for stall in case.stalls if stall.length_ns - stall.suspended_ns >= case.threshold_ns]


def _started(cases: Sequence[Case], meta: Event) -> float:
    walls = [
        wall for each in [*(case.header for case in cases), meta] if isinstance(wall := each.get("wall"), (int, float))
    ]
    return float(min((wall for wall in walls if 0 <= wall < 1e12), default=0.0))  # noqa: PLR2004 -- beyond that it is no date


def _distinct(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and value))


def _not_observed(recording: Recording, cases: Sequence[Case]) -> tuple[str, ...]:
    """What could not be seen, each with its reason, said once."""
    said = list(recording.problems)
    said += [
        f"process {each.pid}: {events.text(each.header.get('tier_reason')) or 'its Python is not supported'}"
        for each in filter(_unsupported, recording.processes)
    ]
    for case in cases:
        for gap in events.mappings(case.header.get("not_observed")):
            what, reason = events.text(gap.get("what")), events.text(gap.get("reason"))
            said.append(f"{what}: {reason}" if reason else what)
        reason = events.text(case.header.get("tier_reason"))
        if reason:
            said.append(f"native tier: {reason}")
        if any(_hides_victims(case, stall) for stall in _told_stalls(case)):
            said.append(NO_VICTIMS)
        # Servers end themselves by the signal that asked them to, once their loop has closed: nothing is missing then.
        if case.process.killed and any(life.end is None for life in case.loops.values()):
            said.append(
                f"at most the last second of process {case.process.pid}: it was {_killed_by(recording.meta, case.process)}"
            )
    return tuple(dict.fromkeys(each for each in said if each))


def _killed_by(meta: Event, process: Process) -> str:
    """How a process was killed: by which signal, where it was the command itself."""
    code = events.integer(meta.get("exit_code")) or 0
    return ending(code) if code < 0 and process.ended_ns is not None else "killed"


def _shown(found: Sequence[Finding], sources: Sources) -> dict[str, tuple[str, ...]]:
    """The lines of the files that culprits lie in."""
    files = dict.fromkeys(each.culprit.file for each in found if each.culprit)
    return {file: lines for file in files if (lines := sources.lines(file))}
