"""Turns without one long culprit: many short steps, a task that never yields, many short calls in one step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from unjam.diagnosis.case import Case
from unjam.diagnosis.events import Crowd, Stall
from unjam.diagnosis.own import limited
from unjam.diagnosis.pieces import Blame, Piece, heaviest, samples_in, total
from unjam.diagnosis.view import Placed
from unjam.model.findings import Evidence, Grade, Location

FEW_STEPS = 5
"""A turn of fewer steps than this is the sum of single culprits, each of which is named."""
MANY_ENTRIES = 5
"""Without step counters (uvloop): so many different functions entered from the loop in one stall are many steps."""
SHORT_CALL_SHARE = 0.25
"""So large a share of a call's samples must have moved, or shown another part of the loop around it, to show many calls."""
SEEN_WAITING = 0.05
"""So large a share of the samples must have met the await itself: it takes microseconds, so that shows many rounds, not a few long ones."""
MANY_SWITCHES = 10
"""So often the thread must have gone to sleep and come back: many short waits rather than a few long ones."""
ALREADY_DONE = (
    *("asyncio.queues", "asyncio.locks", "asyncio.streams", "asyncio.tasks", "asyncio.timeouts", "asyncio.events"),
    *(
        "aiohttp.streams",
        "aiohttp.multipart",
        "anyio.streams",
        "anyio._core",
        "anyio._backends",
        "janus",
        "async_timeout",
    ),
)
"""Modules whose coroutines return at once when the awaited thing is there already."""


def crowd(case: Case, stall: Stall, pieces: Sequence[Piece]) -> Blame | None:
    """UJ401, where the turn was long although none of its steps was."""
    groups = case.crowd_of(stall)
    if stall.steps is not None:
        longest = stall.length_ns if stall.longest_step_ns is None else stall.longest_step_ns
        counted = stall.steps >= FEW_STEPS and longest < case.threshold_ns and longest <= stall.length_ns / 2
        return _counted_crowd(case, stall, groups, pieces) if counted else None
    entries = {piece.view.frames[0].key for piece in pieces if piece.view.frames}
    tasks = {step.task for step in case.steps_of(stall) if step.task}
    if len(entries) < MANY_ENTRIES and len(tasks) < MANY_ENTRIES:
        return None
    note = Evidence(
        "steps", f"samples met {max(len(entries), len(tasks))} different steps; steps cannot be counted on this loop"
    )
    return _crowd_blame(case, groups, pieces, Grade.SUSPECTED, (note,))


def _counted_crowd(case: Case, stall: Stall, groups: Sequence[Crowd], pieces: Sequence[Piece]) -> Blame:
    longest = (stall.longest_step_ns or 0) / 1e6
    notes = [Evidence("steps", f"{stall.steps} steps in one turn, the longest took {longest:.1f} ms")]
    for group in groups[:5]:
        where = f", scheduled at {group.site.file}:{group.site.line}" if group.site else ""
        notes.append(
            Evidence(
                "steps", f"{group.count} x {group.name or 'a callback'}: {group.total_ns / 1e6:.0f} ms in all{where}"
            )
        )
    return _crowd_blame(case, groups, pieces, Grade.EXACT, tuple(notes))


def _crowd_blame(
    case: Case, groups: Sequence[Crowd], pieces: Sequence[Piece], grade: Grade, notes: tuple[Evidence, ...]
) -> Blame:
    biggest = groups[0] if groups else None
    entry = _entry(pieces)
    sites = [each.site for each in groups if each.site is not None and case.is_user(each.site)]
    culprit = (
        sites[0] if biggest and biggest.site in sites else entry.location if entry else (sites[0] if sites else None)
    )
    leaf = (biggest.name if biggest else "") or (entry.frame.function if entry else "many steps")
    main = heaviest(pieces) if pieces else None
    return Blame(
        rule="UJ401",
        leaf=leaf,
        grade=grade,
        parts=total(pieces),
        culprit=culprit,
        chain=tuple(each.link for each in main.view.frames) if main else (),
        pieces=tuple(pieces),
        notes=notes,
    )


def _entry(pieces: Sequence[Piece]) -> Placed | None:
    """The user's own function that most of the time entered first: what the steps are."""
    times: dict[str, float] = defaultdict(float)
    entries: dict[str, Placed] = {}
    for piece in pieces:
        if piece.view.user:
            first = piece.view.user[0]
            times[first.key] += piece.parts.total or piece.group.count
            entries[first.key] = first
    return entries[max(times, key=lambda key: times[key])] if times else None


def refine(case: Case, stall: Stall, blame: Blame) -> Blame:
    """UJ402 or UJ403 where the samples of a share show one, else the share as it is."""
    return _never_yields(case, blame) or _repeated(case, stall, blame) or blame


def _never_yields(case: Case, blame: Blame) -> Blame | None:
    """UJ402: a loop in a coroutine went on through awaits that never suspended, in one and the same step."""
    if blame.rule != "UJ301" or samples_in(blame.pieces) < FEW_STEPS:
        return None
    waiting = [(piece, place) for piece in blame.pieces if (place := _awaiting(case, piece))]
    if not waiting:
        return None
    places = defaultdict(list)
    for piece, place in waiting:
        places[place.key].append((piece, place))
    passed = max(places.values(), key=lambda each: samples_in(piece for piece, _ in each))
    seen = samples_in(piece for piece, _ in passed)
    moved = sum(piece.group.moved or 0 for piece in blame.pieces) + len(blame.pieces) - 1
    if moved < FEW_STEPS or seen < max(2, SEEN_WAITING * blame.samples):
        return None
    main, place = max(passed, key=lambda each: each[0].parts.total)
    below = main.view.frames[main.view.frames.index(place) + 1]
    note = Evidence(
        "stack", f"in one step the loop in {place.frame.function} passed its await again and again without suspending"
    )
    return replace(
        blame,
        rule="UJ402",
        leaf=below.name,
        grade=limited(Grade.INFERRED, samples_in(blame.pieces)),
        culprit=place.location,
        chain=tuple(each.link for each in main.view.frames[: main.view.frames.index(below) + 1]),
        notes=(*blame.notes, note),
    )


def _awaiting(case: Case, piece: Piece) -> Placed | None:
    """The user's coroutine that, inside a loop of its own, was in an await of something that is known not to suspend when ready."""
    frames = piece.view.frames
    for placed, below in pairwise(frames):
        if (
            placed.kind == "user"
            and placed.frame.kind == "coroutine"
            and below.frame.kind in {"coroutine", "async-generator"}
        ):
            instruction = case.sources.instruction(placed.frame)
            if instruction and instruction.awaits and instruction.in_loop and below.module.startswith(ALREADY_DONE):
                return placed
    return None


def _repeated(case: Case, stall: Stall, blame: Blame) -> Blame | None:
    """UJ403: the blamed line calls in a loop, and the samples show many short calls rather than a long one."""
    if not blame.rule.startswith(("UJ10", "UJ20")) or not blame.pieces or blame.culprit is None:
        return None
    frame = heaviest(blame.pieces).view.blamed
    instruction = case.sources.instruction(frame.frame) if frame else None
    if instruction is None or not instruction.in_loop:
        return None
    samples = samples_in(blame.pieces)
    moved = sum(piece.group.moved or 0 for piece in blame.pieces) + len(blame.pieces) - 1
    switches = stall.switches or 0
    short_waits = switches >= MANY_SWITCHES and blame.time_ns / switches < case.threshold_ns / 2
    if samples < FEW_STEPS or not (short_waits or moved >= SHORT_CALL_SHARE * samples):
        return None
    seen = (
        f"the thread slept and woke {switches} times"
        if short_waits
        else f"{moved} of {samples} samples showed another call or another line"
    )
    note = Evidence("stack", f"{instruction.text} stands in a loop, and {seen}: many short calls in one step")
    return replace(blame, rule="UJ403", grade=limited(Grade.INFERRED, samples), notes=(*blame.notes, note))


def definition_of(case: Case, stall: Stall, blame: Blame) -> tuple[Location | None, str]:
    """Whom to name for a share without a user's frame: who scheduled its step, else where its coroutine is defined."""
    steps = [step for step in case.steps_of(stall) if step.end - step.start >= 0.8 * blame.time_ns]
    if len(steps) != 1:
        return None, ""
    step = steps[0]
    if step.site is not None and case.is_user(step.site):
        return step.site, f"scheduled at {step.site.file}:{step.site.line}"
    if step.definition is not None and case.is_user(step.definition):
        return step.definition, f"in task {step.task.name if step.task else ''}, defined there"
    return None, ""
