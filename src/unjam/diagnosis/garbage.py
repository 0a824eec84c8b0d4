"""Shares of a stall that the garbage collector took, on the loop's own thread or on the one that held the GIL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unjam.diagnosis.accounting import NOTHING, Parts
from unjam.diagnosis.case import Case
from unjam.diagnosis.events import Group, Pause, Stall
from unjam.diagnosis.outside import holder_view
from unjam.diagnosis.pieces import Blame, Piece, total
from unjam.diagnosis.view import EMPTY, View
from unjam.knowledge import index
from unjam.knowledge.records import Call
from unjam.model.findings import Evidence, Grade, Link

AUTOMATIC = "automatic collection"
"""How the leaf of a pause begins that nobody asked for; else it is "gc.collect"."""
_HAPPENED = Evidence("gc", "it began by itself, at a line that only happened to allocate")
_WAITING = Call("a destructor", "UJ304", remedy="close-before-collected")
"""What waits inside a collection: the end of an object that it frees."""


def pauses_of(case: Case, stall: Stall) -> list[Pause]:
    """The collections that ran on the loop's thread during the stall, cut to it."""
    life = case.loops.get(stall.loop)
    tid = life.tid if life else None
    mine = [
        pause
        for pause in case.pauses
        if pause.loop == stall.loop or (pause.loop is None and tid is not None and pause.tid == tid)
    ]
    return _during(stall, mine)


def _during(stall: Stall, pauses: Sequence[Pause]) -> list[Pause]:
    cut = [replace(pause, start=max(pause.start, stall.start), end=min(pause.end, stall.end)) for pause in pauses]
    return [pause for pause in cut if pause.end > pause.start]


def collections_elsewhere(case: Case, stall: Stall, pieces: Sequence[Piece]) -> tuple[list[Piece], list[Blame]]:
    """The waits for the GIL less the time in which its holder collected garbage; and that time, by thread."""
    left, blames = [*pieces], []
    for tid in {pause.tid for pause in case.pauses} & {piece.group.holder_tid for piece in pieces}:
        theirs = [piece for piece in left if piece.group.holder_tid == tid]
        pauses = _during(stall, [pause for pause in case.pauses if pause.tid == tid])
        length_ns = float(min(sum(pause.end - pause.start for pause in pauses), total(theirs).total))
        if length_ns:
            blames.append(_blame_collector(case, stall, theirs, pauses, length_ns))
            left = [piece for piece in left if piece not in theirs] + without_pauses(theirs, pauses, length_ns)
    return left, blames


def _blame_collector(case: Case, stall: Stall, pieces: list[Piece], pauses: list[Pause], length_ns: float) -> Blame:
    """A collection in another thread: nobody's line, unless it was asked for."""
    views = [holder_view(case, stall, piece) for piece in pieces]
    asking = next((view for view in views if _asked_for(case, view)), EMPTY)
    longest = max(pauses, key=lambda pause: pause.end - pause.start)
    thread = case.threads.get(longest.tid or 0, f"tid {longest.tid}")
    return Blame(
        rule="UJ304",
        leaf="gc.collect" if asking.frames else f"{AUTOMATIC} of generation {longest.generation} in {thread}",
        grade=Grade.EXACT,
        parts=replace(NOTHING, gil=length_ns),
        culprit=asking.blamed.location if asking.blamed else None,
        chain=_chain(asking),
        record=_asked_for(case, asking),
        pieces=tuple(pieces),
        thread=thread,
        pause=longest,
        notes=(_collected(pauses, length_ns),),
    )


def _collected(pauses: Sequence[Pause], length_ns: float) -> Evidence:
    freed = sum(each.collected for each in pauses)
    plural = "s" * (len(pauses) > 1)
    return Evidence("gc", f"{len(pauses)} collection{plural}, {length_ns / 1e6:.0f} ms, {freed} objects freed")


def blame_collection(case: Case, pauses: Sequence[Pause], pieces: Sequence[Piece], parts: Parts) -> Blame:
    """The collector's share, of which `parts` tell what it consists of; the culprit is where it struck, or the line that called gc.collect()."""
    longest = max(pauses, key=lambda pause: pause.end - pause.start)
    struck = max(pieces, key=lambda piece: _overlap(piece.group, pauses), default=None)
    struck = struck if struck is not None and _overlap(struck.group, pauses) > 0 else None
    view = struck.view if struck else EMPTY
    record = struck.judgement.record if struck and struck.judgement and struck.judgement.rule == "UJ304" else None
    if longest.stack is not None:
        # Taken by the collector's own callback: nothing can be nearer.
        view, record = case.views.step(longest.stack), _asked_for(case, case.views.step(longest.stack))
    # What the collector itself does is work: a wait is that of an object's end.
    waited = 2 * (parts.kernel or 0.0) > parts.total
    leaf = f"{AUTOMATIC} of generation {longest.generation}" + (", whose destructors waited" if waited else "")
    return Blame(
        rule="UJ304",
        leaf="gc.collect" if record else leaf,
        grade=Grade.EXACT if view.blamed else Grade.INFERRED,
        parts=parts,
        culprit=view.blamed.location if view.blamed else None,
        chain=_chain(view),
        record=_WAITING if waited else record,
        pieces=(struck,) if struck else (),
        pause=longest,
        notes=(
            _collected(pauses, parts.total),
            *([_waited(pieces, pauses, parts)] if waited else []),
            *([_HAPPENED] if view.blamed and record is None else []),
        ),
    )


def _waited(pieces: Sequence[Piece], pauses: Sequence[Pause], parts: Parts) -> Evidence:
    calls = {piece.group.system_call for piece in pieces if piece.state == "kernel" and _is_within(piece, pauses)}
    where = " in " + ", ".join(sorted(filter(None, calls))) if any(calls) else ""
    text = f"waited {(parts.kernel or 0.0) / 1e6:.0f} ms of that{where}: the end of an object that was freed waits, as a database cursor does while a thread uses its connection"
    return Evidence("os", text)


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


def taken_by(pauses: Sequence[Pause], pieces: Sequence[Piece], length_ns: float) -> tuple[Parts, list[Piece]]:
    """What the collector's time consists of, and the pieces without it.

    A wait is the collection's only where it was seen within the pauses; all else of it is work. Python code that ends an object is
    no work of the collector's: it is told as what it does.
    """
    ending = [piece for piece in pieces if _ends_an_object(piece.view) and _overlap(piece.group, pauses)]
    others = [piece for piece in pieces if piece not in ending]
    length_ns = min(max(0.0, length_ns - total(ending).total), total(others).total)
    left = without_pauses(others, pauses, length_ns)
    taken = (
        piece.parts.less(rest.parts) for piece, rest in zip(others, left, strict=True) if _is_within(piece, pauses)
    )
    waited = sum(parts.kernel or 0.0 for parts in taken)
    return replace(NOTHING, cpu=length_ns - waited, kernel=waited or None), [*ending, *left]


def _is_within(piece: Piece, pauses: Sequence[Pause]) -> bool:
    """Whether most of a piece lies in pauses; equal samples before and after one span it, and were not taken in it."""
    return 2 * _overlap(piece.group, pauses) > piece.group.count


def _ends_an_object(view: View) -> bool:
    names = (each.frame.function for each in view.frames)
    return any(name.rpartition(".")[2] == "__del__" or name == "finalize.__call__" for name in names)


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
