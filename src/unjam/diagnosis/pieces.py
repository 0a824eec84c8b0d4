"""The working nouns of a stall's diagnosis: one group of samples with what it means, and one share of the stall with who is to blame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from unjam.diagnosis.accounting import NOTHING, Parts
from unjam.diagnosis.events import Group, Pause, State
from unjam.diagnosis.judge import Clues, Judgement
from unjam.diagnosis.view import View
from unjam.knowledge.records import Call
from unjam.model.findings import Evidence, Grade, Link, Location, TaskName


@dataclass(frozen=True, slots=True)
class Piece:
    """One group of equal samples: its view, what was judged of it (None: not the loop's own doing), and its part of the time."""

    group: Group
    state: State
    view: View
    clues: Clues | None
    judgement: Judgement | None
    parts: Parts


@dataclass(frozen=True, slots=True)
class Blame:
    """One share of a stall with one cause.

    `chain` leads from where the loop entered the program down to the leaf. `thread` is empty where it is the loop's own. `why` says why
    the cause is not known, where it is not. `folded` are shares too small to be told by themselves, whose time is in `parts`.
    """

    rule: str
    leaf: str
    grade: Grade
    parts: Parts
    culprit: Location | None = None
    chain: tuple[Link, ...] = ()
    record: Call | None = None
    pieces: tuple[Piece, ...] = ()
    task: TaskName | None = None
    thread: str = ""
    pause: Pause | None = None
    why: str = ""
    notes: tuple[Evidence, ...] = field(default=())
    folded: tuple[Blame, ...] = field(default=())

    @property
    def time_ns(self) -> float:
        """Its share of the stall."""
        return self.parts.total

    @property
    def samples(self) -> int:
        """How many samples it rests on."""
        return samples_in(self.pieces)

    @property
    def looks(self) -> int:
        """How many they are worth."""
        return looks_in(self.pieces)


def is_outside(blame: Blame) -> bool:
    """Whether no single step of the loop made it: another thread did, the machine, or a crowd of steps."""
    return blame.rule in {"UJ501", "UJ502", "UJ503", "UJ401"} or bool(blame.thread)


def total(pieces: Iterable[Piece]) -> Parts:
    """The time of several pieces."""
    parts = NOTHING
    for piece in pieces:
        parts = parts.plus(piece.parts)
    return parts


def samples_in(pieces: Iterable[Piece]) -> int:
    """How many samples they hold."""
    return sum(piece.group.count for piece in pieces)


def looks_in(pieces: Iterable[Piece]) -> int:
    """How many samples they are worth (`Group.looks`)."""
    return sum(piece.group.looks for piece in pieces)


def heaviest(pieces: Sequence[Piece]) -> Piece:
    """The piece with most time; the one with most samples where times are equal."""
    return max(pieces, key=lambda piece: (piece.parts.total, piece.group.count))


def chain_of(clues: Clues, judged: Judgement) -> tuple[Link, ...]:
    """The frames from the loop down as links, with the leaf at the end where it has no frame of its own (a C function)."""
    view = clues.view
    links = tuple(each.link for each in view.frames[-LONGEST_CHAIN:])
    by_source = judged.record is not None and judged.record not in clues.records
    has_frame = view.importing is not None or view.nested is not None or (bool(view.below) and not by_source)
    named_itself = bool(view.frames) and judged.leaf == view.frames[-1].frame.function
    return links if has_frame or named_itself or not judged.leaf else (*links, Link("", 0, judged.leaf, "native"))


LONGEST_CHAIN = 100
"""Links of a chain that are kept, innermost first: deeper recursion tells nothing more."""
