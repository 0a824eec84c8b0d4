"""Shares of a stall that are not the doing of the loop's own steps: another thread's GIL, no CPU, a stopped process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from unjam.diagnosis.accounting import NOTHING, Parts
from unjam.diagnosis.case import Case
from unjam.diagnosis.events import Stall, location, mappings, text
from unjam.diagnosis.judge import clues_of, judge, record_of
from unjam.diagnosis.own import limited
from unjam.diagnosis.pieces import Blame, Piece, chain_of, heaviest, samples_in, total
from unjam.diagnosis.view import View
from unjam.knowledge import index
from unjam.knowledge.records import Gil
from unjam.model.findings import Evidence, Grade, Location

SHARE_OF_WEIGHT = 0.2
"""A share of a stall below this is no cause of its own; it goes to the largest."""


def blame_gil(case: Case, stall: Stall, pieces: Sequence[Piece]) -> list[Blame]:
    """Whom the loop waited for when it waited for the GIL: one share for each function that held it."""
    held: dict[str, list[Piece]] = defaultdict(list)
    unseen = []
    for piece in pieces:
        holder = holder_view(case, stall, piece)
        if not holder.frames:
            unseen.append(piece)
        else:
            held[(holder.blamed or holder.frames[0]).key].append(piece)
    if held and samples_in(unseen) <= samples_in(pieces) / 2:
        # Where a holder could not be seen now and then, it was most likely the one seen before and after.
        max(held.values(), key=samples_in).extend(unseen)
    elif unseen:
        held[""] = unseen
    return [_blame_holder(case, stall, group) for group in held.values()]


RESTS = ("UJ101", "UJ201", "UJ202", "UJ203")
"""Rules of calls in which a thread only waits: sleeps, locks, futures, queues."""

HOLDERS_OWN_SHARE = 1 / 3
"""A holder of the GIL that lacked a CPU for less than this did so because of those who asked it for the GIL: each wakes up every 5 ms
to ask again. Sixteen of them on two idle CPUs keep it from one for a fifth of the time (benchmarks/accuracy/gil.py)."""


def starved_holders(pieces: Sequence[Piece]) -> tuple[list[Piece], Parts]:
    """The waits for the GIL, less the time in which its holder had no CPU itself; and that time, which is nobody's."""
    followed = sum(piece.group.holder_followed_ns or 0 for piece in pieces)
    starved = sum(piece.group.holder_starved_ns or 0 for piece in pieces)
    share = min(1.0, starved / followed) if followed else 0.0
    if share < HOLDERS_OWN_SHARE:
        return list(pieces), NOTHING
    left = [replace(piece, parts=piece.parts.share([1.0 - share] * 5)) for piece in pieces]
    return left, total(pieces).share([share] * 5)


def holder_view(case: Case, stall: Stall, piece: Piece) -> View:
    """The stack of the thread that held the GIL; empty where it was not seen, or was the loop's own, or rested by then."""
    life = case.loops.get(stall.loop)
    itself = life is not None and life.tid is not None and piece.group.holder_tid == life.tid
    view = View(()) if itself else case.views.thread(piece.group.holder_stack)
    return View(()) if view.frames and _rests(case, view) else view


def _rests(case: Case, view: View) -> bool:
    """Whether a thread was seen where it waits for others and keeps no GIL: what it held it for was over by then."""
    innermost = view.frames[-1]
    called = case.sources.instruction(innermost.frame)
    known = record_of(innermost)
    if known is None and called is not None and called.resolved:
        known = index.by_name(called.name)
    return known is not None and known.gil is Gil.RELEASES and known.rule.startswith(RESTS)


def _blame_holder(case: Case, stall: Stall, pieces: list[Piece]) -> Blame:
    main = heaviest([piece for piece in pieces if holder_view(case, stall, piece).frames] or pieces)
    view = holder_view(case, stall, main)
    name = case.threads.get(main.group.holder_tid or 0, "") if view.frames else ""
    if not view.frames:
        why = "it waited for the GIL, and who held it could not be seen"
        return Blame("", "", Grade.UNKNOWN, total(pieces), pieces=tuple(pieces), why=why)
    # The holder is judged as if it were on the CPU: that is what holding the GIL means.
    group = replace(main.group, state="cpu", holds_gil=True, moved=None, stack=main.group.holder_stack)
    clues = clues_of(
        group,
        replace(stall, gil_asked_ns=None),
        view,
        case.sources,
        switch_ns=case.switch_ns,
        threshold_ns=case.threshold_ns,
    )
    judged = judge(clues)
    line = _modal(case, stall, pieces) if view.blamed else None
    submitted = _submitted(case, name)
    return Blame(
        rule="UJ501",
        leaf=judged.leaf if judged.record else clues.callee,
        grade=limited(Grade.EXACT if view.whole else Grade.SUSPECTED, samples_in(pieces)),
        parts=total(pieces),
        culprit=line or (submitted[0] if submitted else None),
        chain=chain_of(clues, judged),
        record=None,
        pieces=tuple(pieces),
        thread=name or (f"tid {main.group.holder_tid}" if main.group.holder_tid else ""),
        notes=tuple(note for _, note in [submitted] if note) if submitted else (),
    )


def _modal(case: Case, stall: Stall, pieces: list[Piece]) -> Location | None:
    """The line of the holding function that was seen most."""
    lines: dict[Location, float] = defaultdict(float)
    for piece in pieces:
        blamed = holder_view(case, stall, piece).blamed
        if blamed:
            lines[blamed.location] += piece.parts.total or piece.group.count
    return max(lines, key=lambda each: lines[each]) if lines else None


def _submitted(case: Case, thread: str) -> tuple[Location | None, Evidence] | None:
    """What a pool's thread was given to do and from where, by the last word of its pool."""
    for pool in reversed(case.kind("pool")):
        for worker in mappings(pool.get("workers")):
            if thread and text(worker.get("thread")) == thread:
                site = location(worker.get("site"))
                place = location([worker.get("file"), worker.get("line"), worker.get("call")])
                where = f", submitted at {site.file}:{site.line}" if site else ""
                note = Evidence(
                    "pool",
                    f"thread {thread} of pool {text(pool.get('pool'))} ran {text(worker.get('call')) or 'a call'}{where}",
                )
                best = next((each for each in (place, site) if case.is_user(each)), None)
                return best, note
    return None


def blame_starvation(stall: Stall, runqueue_ns: float, holders: Parts) -> Blame:
    """The time in which the loop's thread, or the holder of the GIL that it waited for, was ready and got no CPU: nobody's line."""
    whole = f"of {stall.length_ns / 1e6:.0f} ms"
    notes = []
    if runqueue_ns:
        notes.append(Evidence("schedstat", f"ready for {runqueue_ns / 1e6:.0f} {whole} and got no CPU"))
    if holders.total:
        waited = (
            f"waited {holders.total / 1e6:.0f} {whole} for the GIL of a thread that was ready and got no CPU itself"
        )
        notes.append(Evidence("schedstat", waited))
    if stall.throttled_ns:
        notes.append(
            Evidence("cgroup", f"the CPU quota stopped the process for {stall.throttled_ns / 1e6:.0f} ms of that time")
        )
    parts = holders.plus(replace(NOTHING, runqueue=runqueue_ns))
    leaf = "CPU quota" if stall.throttled_ns and stall.throttled_ns >= parts.total / 2 else "run queue"
    exact = Grade.EXACT if stall.runqueue_ns is not None else Grade.INFERRED
    return Blame("UJ502", leaf, exact, parts, notes=tuple(notes))


def blame_suspension(stall: Stall) -> Blame:
    """The time in which the whole process stood still."""
    note = Evidence(
        "os", f"the whole process stood still for {stall.suspended_ns / 1e6:.0f} ms of {stall.length_ns / 1e6:.0f} ms"
    )
    return Blame(
        "UJ503", "process stopped", Grade.EXACT, replace(NOTHING, unexplained=float(stall.suspended_ns)), notes=(note,)
    )
