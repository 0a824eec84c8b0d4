"""Shares of a stall that are not the doing of the loop's own steps: another thread's GIL, no CPU, a stopped process, the collector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from unjam.diagnosis.accounting import NOTHING, Parts
from unjam.diagnosis.case import Case
from unjam.diagnosis.events import Group, Pause, Stall, location, mappings, text
from unjam.diagnosis.judge import clues_of, judge
from unjam.diagnosis.own import limited
from unjam.diagnosis.pieces import Blame, Piece, chain_of, heaviest, samples_in, total
from unjam.diagnosis.view import EMPTY, View
from unjam.knowledge import index
from unjam.knowledge.records import Call
from unjam.model.findings import Evidence, Grade, Link, Location

SHARE_OF_WEIGHT = 0.2
"""A share of a stall below this is no cause of its own; it goes to the largest."""


def blame_gil(case: Case, stall: Stall, pieces: Sequence[Piece]) -> list[Blame]:
    """Whom the loop waited for when it waited for the GIL: one share for each function that held it."""
    held: dict[str, list[Piece]] = defaultdict(list)
    unseen = []
    for piece in pieces:
        holder = _holder_view(case, stall, piece)
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


def starved_holders(pieces: Sequence[Piece]) -> tuple[list[Piece], Parts]:
    """The waits for the GIL, less the time in which its holder had no CPU itself; and that time, which is nobody's."""
    followed = sum(piece.group.holder_followed_ns or 0 for piece in pieces)
    starved = sum(piece.group.holder_starved_ns or 0 for piece in pieces)
    share = min(1.0, starved / followed) if followed else 0.0
    left = [replace(piece, parts=piece.parts.share([1.0 - share] * 5)) for piece in pieces]
    return left, total(pieces).share([share] * 5)


def _holder_view(case: Case, stall: Stall, piece: Piece) -> View:
    life = case.loops.get(stall.loop)
    itself = life is not None and life.tid is not None and piece.group.holder_tid == life.tid
    return View(()) if itself else case.views.thread(piece.group.holder_stack)


def _blame_holder(case: Case, stall: Stall, pieces: list[Piece]) -> Blame:
    main = heaviest([piece for piece in pieces if _holder_view(case, stall, piece).frames] or pieces)
    view = _holder_view(case, stall, main)
    name = case.threads.get(main.group.holder_tid or 0, "") if view.frames else ""
    if not view.frames:
        why = "it waited for the GIL, and who held it could not be seen"
        return Blame("", "", Grade.UNKNOWN, total(pieces), pieces=tuple(pieces), why=why)
    # The holder is judged as if it were on the CPU: that is what holding the GIL means.
    group = replace(main.group, state="cpu", holds_gil=True, moved=None, stack=main.group.holder_stack)
    clues = clues_of(group, replace(stall, gil_asked_ns=None), view, case.sources, switch_ns=case.switch_ns)
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
        blamed = _holder_view(case, stall, piece).blamed
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


def pauses_of(case: Case, stall: Stall) -> list[Pause]:
    """The collections that ran on the loop's thread during the stall, cut to it."""
    life = case.loops.get(stall.loop)
    tid = life.tid if life else None
    mine = [
        pause
        for pause in case.pauses
        if pause.loop == stall.loop or (pause.loop is None and tid is not None and pause.tid == tid)
    ]
    cut = [replace(pause, start=max(pause.start, stall.start), end=min(pause.end, stall.end)) for pause in mine]
    return [pause for pause in cut if pause.end > pause.start]


def blame_collection(case: Case, pauses: Sequence[Pause], pieces: Sequence[Piece], length_ns: float) -> Blame:
    """The collector's share; the culprit is where it struck, or the line that called gc.collect()."""
    longest = max(pauses, key=lambda pause: pause.end - pause.start)
    struck = max(pieces, key=lambda piece: _overlap(piece.group, pauses), default=None)
    struck = struck if struck is not None and _overlap(struck.group, pauses) > 0 else None
    view = struck.view if struck else EMPTY
    record = struck.judgement.record if struck and struck.judgement and struck.judgement.rule == "UJ304" else None
    if longest.stack is not None:
        # Taken by the collector's own callback: nothing can be nearer.
        view, record = case.views.step(longest.stack), _asked_for(case, case.views.step(longest.stack))
    note = Evidence(
        "gc",
        f"{len(pauses)} collection{'s' * (len(pauses) > 1)}, {length_ns / 1e6:.0f} ms, {sum(each.collected for each in pauses)} objects freed",
    )
    return Blame(
        rule="UJ304",
        leaf="gc.collect" if record else f"automatic collection of generation {longest.generation}",
        grade=Grade.EXACT if view.blamed else Grade.INFERRED,
        parts=Parts(length_ns, None, None, None, 0.0),
        culprit=view.blamed.location if view.blamed else None,
        chain=_chain(view),
        record=record,
        pieces=(struck,) if struck else (),
        pause=longest,
        notes=(note,),
    )


def _asked_for(case: Case, view: View) -> Call | None:
    """The record of gc.collect where the innermost frame calls it."""
    instruction = case.sources.instruction(view.frames[-1].frame) if view.frames else None
    record = index.by_name(instruction.name) if instruction and instruction.resolved else None
    return record if record is not None and record.rule == "UJ304" else None


def _chain(view: View) -> tuple[Link, ...]:
    return tuple(each.link for each in view.frames)


def _overlap(group: Group, pauses: Sequence[Pause]) -> float:
    """The share of a group's own time that lies in a pause, weighed by its samples."""
    length = max(1, group.last - group.first)
    inside = sum(max(0, min(group.last, pause.end) - max(group.first, pause.start)) for pause in pauses)
    at_once = group.first == group.last and any(pause.start <= group.first <= pause.end for pause in pauses)
    return group.count * (1.0 if at_once else inside / length)


def without_pauses(pieces: Sequence[Piece], pauses: Sequence[Pause], length_ns: float) -> list[Piece]:
    """The pieces less the collector's time, taken where it overlaps them; from all alike where no sample fell into it."""
    weights = [min(_overlap(piece.group, pauses) / piece.group.count, 1.0) * piece.parts.total for piece in pieces]
    if not sum(weights):
        weights = [piece.parts.total for piece in pieces]
    whole = sum(weights) or 1.0
    left = []
    for piece, weight in zip(pieces, weights, strict=True):
        taken = min(length_ns * weight / whole, piece.parts.total)
        keep = 1.0 - taken / piece.parts.total if piece.parts.total else 1.0
        left.append(replace(piece, parts=piece.parts.share([keep] * 5)))
    return left
