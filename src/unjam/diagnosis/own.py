"""Shares of a stall that the loop's own thread spent in its own steps: which line, which call.

Samples in a call of another function belong to the line that makes the call, whatever that call was doing at the moment: waiting mostly,
computing a little. Samples in plain Python code lie on many lines of many functions; there the blame goes to the innermost function
through which most of them went, at the line seen most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from unjam.diagnosis.pieces import Blame, Piece, chain_of, heaviest, looks_in, samples_in, total
from unjam.model.findings import Grade, Link, Location

HOT_SHARE = 0.6
"""A function through which so much of the time went is where the blame is sought further; below that its callers share it."""
MANY_SAMPLES = 3
"""From so many samples on a cause may be called exact; two are inferred, a single one is suspected at best."""


def blames_of(pieces: Sequence[Piece]) -> list[Blame]:
    """The shares of the loop's own pieces, most time first.

    A thread at work may go on while its stack is read, which is cut then. Where most stacks could be read, the time of those that
    were cut before a line of the user's is the largest share's.
    """
    cut = [piece for piece in pieces if _is_cut(piece)]
    seen = [piece for piece in pieces if piece not in cut]
    if not cut or samples_in(cut) > samples_in(seen):
        return _shares(pieces)
    largest, *others = _shares(seen)
    return [replace(largest, pieces=(*largest.pieces, *cut), parts=largest.parts.plus(total(cut))), *others]


def _is_cut(piece: Piece) -> bool:
    return piece.view.blamed is None and not piece.view.whole and piece.state in {"cpu", "ready"}


def _shares(pieces: Sequence[Piece]) -> list[Blame]:
    calls: dict[tuple[str, int, str], list[Piece]] = defaultdict(list)
    plain: list[Piece] = []
    for piece in pieces:
        (plain if _is_plain_python(piece) else calls[_call_key(piece)]).append(piece)
    python: list[Piece] = []
    for piece in plain:
        # A call that computes a little between its waits is one call.
        (calls[_call_key(piece)] if piece.view.below and _call_key(piece) in calls else python).append(piece)
    blames = [_blame_call(group) for group in calls.values()] + _blame_python(python, depth=0)
    return sorted(_one_a_line(blames), key=lambda blame: -blame.time_ns)


def _one_a_line(blames: list[Blame]) -> list[Blame]:
    """Bytecode of one line is one share, whichever of its calls the samples met, and with it a native call that was seen to run it."""
    bytecode = [blame for blame in blames if blame.rule == "UJ301" and blame.culprit]
    lines: dict[object, list[Blame]] = defaultdict(list)
    for number, blame in enumerate(blames):
        joins = blame in bytecode or any(_runs(blame, other) for other in bytecode)
        lines[blame.culprit if joins else number].append(blame)
    return [_joined(each) for each in lines.values()]


def _runs(native: Blame, bytecode: Blame) -> bool:
    """Whether a native call was met both alone and with bytecode of its own line below it: `sum` over a generator between two of its items."""
    if native.rule != "UJ303" or native.grade is Grade.PROVED or native.culprit != bytecode.culprit:
        return False
    alone = [piece.view.frames for piece in native.pieces]
    below = [piece.view.frames for piece in bytecode.pieces]
    return any(longer[: len(call)] == call != longer for call in alone for longer in below)


def _joined(blames: list[Blame]) -> Blame:
    main = max(blames, key=lambda blame: blame.time_ns)
    pieces = [piece for blame in blames for piece in blame.pieces]
    grade = limited(max(blame.grade for blame in blames), looks_in(pieces))
    return main if len(blames) == 1 else replace(main, pieces=tuple(pieces), parts=total(pieces), grade=grade)


def _is_plain_python(piece: Piece) -> bool:
    judged = piece.judgement
    return judged is not None and judged.rule == "UJ301" and judged.record is None and bool(piece.view.user)


def _call_key(piece: Piece) -> tuple[str, int, str]:
    blamed = piece.view.blamed
    if blamed is None:
        return "", 0, piece.judgement.leaf if piece.judgement else ""
    below = piece.view.below
    callee = below[0].key if below else (piece.judgement.leaf if piece.judgement else "")
    return blamed.frame.file, blamed.frame.line, callee


def _blame_call(pieces: list[Piece]) -> Blame:
    told = [piece for piece in pieces if piece.judgement and piece.judgement.rule]
    main = heaviest(told or pieces)
    judged = main.judgement
    assert judged is not None
    blamed = None if judged.after else main.view.blamed
    unnamed = main.view.blamed is None and judged.rule == "UJ301" and judged.record is None
    return Blame(
        rule=judged.rule,
        leaf=_hottest(pieces) or judged.leaf if unnamed else judged.leaf,
        grade=limited(judged.grade, looks_in(pieces)),
        parts=total(pieces),
        culprit=blamed.location if blamed else None,
        chain=() if judged.after else _chain(main),
        record=judged.record,
        pieces=tuple(pieces),
        why=judged.why,
    )


def _hottest(pieces: Sequence[Piece]) -> str:
    """The innermost function that most of the time went through, of code that is nobody's of the program; "" where there is none."""
    everything, name = total(pieces).total, ""
    for depth in range(max((len(piece.view.frames) for piece in pieces), default=0)):
        through: dict[str, list[Piece]] = defaultdict(list)
        for piece in pieces:
            if len(piece.view.frames) > depth:
                through[piece.view.frames[depth].name].append(piece)
        best = max(through, key=lambda each: total(through[each]).total)
        if total(through[best]).total < HOT_SHARE * everything:
            break
        name, pieces = best, through[best]
    return name


def _chain(piece: Piece) -> tuple[Link, ...]:
    return chain_of(piece.clues, piece.judgement) if piece.clues and piece.judgement else ()


def limited(grade: Grade, samples: int) -> Grade:
    """The grade that so few samples bear."""
    return grade if samples >= MANY_SAMPLES else min(grade, Grade.INFERRED if samples > 1 else Grade.SUSPECTED)


def _blame_python(pieces: list[Piece], depth: int) -> list[Blame]:
    """Follow the function that most of the time went through; where none did at the first call already, each gets its own share."""
    through: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        if len(piece.view.user) > depth:
            through[piece.view.user[depth].key].append(piece)
    if not through:
        return []
    everything = total(pieces).total
    best = max(through.values(), key=lambda group: total(group).total)
    hot = total(best).total >= HOT_SHARE * everything
    if depth == 0:
        return [_python_blame(group, 0) for group in through.values()]
    return [_python_blame(best, depth)] if hot else []


def _python_blame(pieces: list[Piece], depth: int) -> Blame:
    deeper = _blame_python(pieces, depth + 1)
    if deeper:
        inner = deeper[0]
        return _with_pieces(inner, pieces)
    lines: dict[int, float] = defaultdict(float)
    for piece in pieces:
        lines[piece.view.user[depth].frame.line] += piece.parts.total or piece.group.count
    line = max(lines, key=lambda each: lines[each])
    main = heaviest([piece for piece in pieces if piece.view.user[depth].frame.line == line])
    node = main.view.user[depth].frame
    innermost = len(main.view.user) == depth + 1
    assert main.judgement is not None
    leaf = main.judgement.leaf if innermost else node.function
    return Blame(
        rule="UJ301",
        leaf=leaf,
        grade=limited(main.judgement.grade, looks_in(pieces)),
        parts=total(pieces),
        culprit=Location(node.file, line, node.function),
        chain=_chain(main)
        if innermost
        else tuple(each.link for each in main.view.frames[: main.view.frames.index(main.view.user[depth]) + 1]),
        pieces=tuple(pieces),
    )


def _with_pieces(blame: Blame, pieces: list[Piece]) -> Blame:
    return replace(blame, pieces=tuple(pieces), parts=total(pieces))
