"""Turns without one long culprit: many short steps, a task that never yields, many short calls in one step."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from unjam.diagnosis.case import Case
from unjam.diagnosis.events import Crowd, Look, Stall, Step
from unjam.diagnosis.own import limited
from unjam.diagnosis.pieces import Blame, Piece, heaviest, total
from unjam.diagnosis.rounds import Await, awaited, is_alike, passed_await
from unjam.diagnosis.trail import Progress, Run, Steps, joined, progress, replaced_steps, steps, stretches
from unjam.diagnosis.view import Placed
from unjam.model.findings import Evidence, Grade, Location

FEW_STEPS = 5
"""A turn of fewer steps than this is the sum of single culprits, each of which is named."""
MANY_ENTRIES = 5
"""Where not even contexts are counted: so many different functions entered from the loop in one stall are many steps."""
FEW_CALLS = 3
"""So often a line must be seen to have gone on to another call, or a loop to another round: less may be the edge of one long call."""


def crowd(case: Case, stall: Stall, pieces: Sequence[Piece]) -> tuple[Blame, list[Piece]] | None:
    """UJ401, where a turn was long because of steps that were not, and the pieces of those that were; None where it was not."""
    if stall.steps is not None:
        return _counted_crowd(case, stall, pieces)
    if stall.trail:
        traced = traced_steps(case, stall)
        return _traced_crowd(case, stall.trail, pieces, traced) if traced else None
    if stall.replaced:
        followed = replaced_steps(stall.replaced, lambda look: _first(case, look))
        return _traced_crowd(case, stall.replaced, pieces, followed, how_many="at least ")
    blame = _sampled_crowd(case, stall, pieces)
    return (blame, []) if blame else None


def traced_steps(case: Case, stall: Stall) -> Steps | None:
    """The steps that the samples of a stall show to be of their own; None where that is not known."""
    return steps(stall.trail, lambda look: _root(case, look)) if stall.trail else None


def _counted_crowd(case: Case, stall: Stall, pieces: Sequence[Piece]) -> tuple[Blame, list[Piece]] | None:
    """From counters and times of steps."""
    share = total(pieces).total / stall.length_ns if pieces else 1.0
    long = [step for step in case.steps_of(stall) if _own_ns(step, stall, share) >= case.threshold_ns]
    longest = stall.length_ns if stall.longest_step_ns is None else stall.longest_step_ns
    # The longest may be one that no event tells of yet.
    untold = longest if not case.steps_of(stall) and longest * share >= case.threshold_ns else 0
    short_ns = stall.length_ns - sum(step.end - step.start for step in long) - untold
    # One that took most of it makes no crowd, however little of that it had a CPU for.
    largest = max((step.end - step.start for step in case.steps_of(stall) if step not in long), default=0)
    is_one = untold > short_ns or 2 * largest > short_ns
    if (stall.steps or 0) < FEW_STEPS or short_ns * share < case.threshold_ns or is_one:
        return None
    others = [piece for piece in pieces if _is_within(piece, [(step.start, step.end) for step in long], stall.trail)]
    mine = [piece for piece in pieces if piece not in others]
    if pieces and not mine:
        return None
    groups = case.crowd_of(stall)
    kinds = _kinds(groups, is_guessed=case.is_guessed(stall))
    return _crowd_blame(case, groups, mine, Grade.EXACT, (_counted(stall, len(long)), *kinds)), others


def _own_ns(step: Step, stall: Stall, share: float) -> float:
    """How long a step took without the time in which its thread was given no CPU; `share` of the whole stall was not such time."""
    within = [look for look in stall.trail if step.start <= look.at <= step.end]
    running = sum(look.group.state != "ready" for look in within) / len(within) if within else 1.0
    return (step.end - step.start) * min(share, running)


def _is_within(piece: Piece, long: Sequence[tuple[int, int]], looks: Sequence[Look]) -> bool:
    """Whether most of a piece's samples fell into these times."""
    times = [look.at for look in looks if look.group is piece.group] or [piece.group.first, piece.group.last]
    return 2 * sum(any(start <= time <= end for start, end in long) for time in times) > len(times)


def _counted(stall: Stall, long: int) -> Evidence:
    apart = f"; {long} of them long and told apart" if long else ""
    return Evidence(
        "steps", f"{stall.steps} steps in one turn, the longest took {(stall.longest_step_ns or 0) / 1e6:.1f} ms{apart}"
    )


def _kinds(groups: Sequence[Crowd], *, is_guessed: bool) -> Iterable[Evidence]:
    about = "about " if is_guessed else ""
    for group in groups[:5]:
        where = f", scheduled at {group.site.file}:{group.site.line}" if group.site else ""
        text = f"{about}{group.count} x {group.name or 'a callback'}: {group.total_ns / 1e6:.0f} ms in all{where}"
        yield Evidence("steps", text)


def _traced_crowd(
    case: Case, looks: Sequence[Look], pieces: Sequence[Piece], found: Steps, how_many: str = ""
) -> tuple[Blame, list[Piece]] | None:
    """On a loop whose steps are not counted: from those that were seen to begin."""
    long = [run for run in found.runs if run.length_ns >= case.threshold_ns]
    others = [piece for piece in pieces if _is_within(piece, [(run.first, run.last) for run in long], looks)]
    mine = [piece for piece in pieces if piece not in others]
    if found.begun - len(long) < FEW_STEPS or total(mine).total < case.threshold_ns:
        return None
    note = Evidence("steps", how_many + _begun(found, looks, long))
    return _crowd_blame(case, (), mine, limited(Grade.INFERRED, len(looks)), (note,)), others


def _begun(found: Steps, looks: Sequence[Look], long: Sequence[Run]) -> str:
    still = max((run.length_ns for run in found.runs if run not in long), default=0)
    seen = f"none of them was met for more than {still / 1e6:.0f} ms" if still else "none of them was met twice"
    apart = f", but for {len(long)} long and told apart" if long else ""
    return f"{found.begun} steps began from the first to the last of {len(looks)} samples, and {seen}{apart}"


def _root(case: Case, look: Look) -> int | None:
    """The number of a sample's first frame, where that is a coroutine's: then its step is one of a task."""
    frames = case.views.step(look.group.stack).frames
    return frames[0].depth if frames and frames[0].frame.kind == "coroutine" else None


def _first(case: Case, look: Look) -> int | None:
    """The number of the first frame of a sample's step."""
    frames = case.views.step(look.group.stack).frames
    return frames[0].depth if frames else None


def _sampled_crowd(case: Case, stall: Stall, pieces: Sequence[Piece]) -> Blame | None:
    """Where not even that is known: from the functions that were met."""
    entries = {piece.view.frames[0].key for piece in pieces if piece.view.frames}
    tasks = {step.task for step in case.steps_of(stall) if step.task}
    many = max(len(entries), len(tasks))
    if many < MANY_ENTRIES:
        return None
    note = Evidence("steps", f"samples met {many} different steps; steps cannot be counted on this loop")
    return _crowd_blame(case, case.crowd_of(stall), pieces, Grade.SUSPECTED, (note,))


def _crowd_blame(
    case: Case, groups: Sequence[Crowd], pieces: Sequence[Piece], grade: Grade, notes: tuple[Evidence, ...]
) -> Blame:
    biggest = groups[0] if groups else None
    entry = _entry(pieces)
    sites = [each.site for each in groups if each.site is not None and case.is_user(each.site)]
    scheduled = sites[0] if sites and biggest and biggest.site in sites else None
    culprit = scheduled or (entry.location if entry else sites[0] if sites else None)
    # By whomever they were started: what they enter is what most of them are.
    entered = entry.frame.function if entry and scheduled is None else ""
    leaf = entered or (biggest.name if biggest else "") or "many steps"
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


def refined(case: Case, stall: Stall, blames: Sequence[Blame]) -> list[Blame]:
    """Shares of one step, with UJ402 or UJ403 where the order of the samples shows one; several of one place are one."""
    together: dict[object, list[Blame]] = defaultdict(list)
    for number, blame in enumerate(blames):
        told = _never_yields(case, stall, blame) or _repeated(case, stall, blame) or _one_or_many(case, blame) or blame
        together[(told.rule, told.culprit) if told is not blame else number].append(told)
    return [_joined(each) for each in together.values()]


def _joined(blames: Sequence[Blame]) -> Blame:
    main = max(blames, key=lambda blame: blame.time_ns)
    pieces = [piece for blame in blames for piece in blame.pieces]
    return main if len(blames) == 1 else replace(main, pieces=tuple(pieces), parts=total(pieces))


def _frame_at(case: Case, look: Look, depth: int) -> Placed | None:
    return next((each for each in case.views.step(look.group.stack).frames if each.depth == depth), None)


def _stretches(case: Case, stall: Stall, depth: int, fits: Callable[[Placed], bool]) -> list[list[Look]]:
    """The runs of samples whose frame number `depth` fits."""

    def belongs(look: Look) -> bool:
        placed = _frame_at(case, look, depth)
        return placed is not None and fits(placed)

    return stretches(stall.trail, belongs)


def _never_yields(case: Case, stall: Stall, blame: Blame) -> Blame | None:
    """UJ402: a loop in a coroutine went on through an await that never suspended, in one and the same step."""
    if not blame.rule.startswith("UJ30") or blame.rule in {"UJ304", "UJ305", "UJ306"} or not blame.pieces:
        return None
    frames = heaviest(blame.pieces).view.frames
    coroutines = [each for each in frames if each.kind == "user" and each.frame.kind == "coroutine"]
    for placed in reversed(coroutines):
        runs = _stretches(case, stall, placed.depth, lambda other, key=placed.key: other.key == key)  # type: ignore[misc]
        passed = Counter(node for run in runs for look in run[1:] if (node := _passed(case, look, placed.depth)))
        rounds = joined(progress(run, placed.depth) for run in runs)
        if passed.total() >= FEW_CALLS and rounds.still_ns < case.threshold_ns:
            return _unyielding(stall, blame, placed, passed)
    return None


def _passed(case: Case, look: Look, depth: int) -> Await | None:
    """The await that the coroutine in frame number `depth` is sure to have passed since the sample before, without suspending."""
    if look.change != "again" or look.depth != depth or look.contexts:
        return None
    placed = _frame_at(case, look, depth)
    return case.sources.read(placed.frame, passed_await) if placed else None


def _unyielding(stall: Stall, blame: Blame, placed: Placed, passed: Counter[Await]) -> Blame:
    node = passed.most_common(1)[0][0]
    frames = heaviest(blame.pieces).view.frames
    text = f"in one step {placed.frame.function} was seen to pass its await of {awaited(node)} {passed.total()} times, and not once did it suspend"
    # Where steps are counted, that it was one step is known twice.
    grade = Grade.EXACT if stall.steps is not None else Grade.INFERRED
    return replace(
        blame,
        rule="UJ402",
        leaf=awaited(node),
        grade=limited(grade, len(stall.trail)),
        culprit=Location(placed.frame.file, node.lineno, placed.frame.function),
        record=None,
        chain=tuple(each.link for each in frames if each.depth <= placed.depth),
        notes=(*blame.notes, Evidence("stack", text)),
    )


def _repeated(case: Case, stall: Stall, blame: Blame) -> Blame | None:
    """UJ403: from sample to sample the blamed line made another call than before."""
    blamed = heaviest(blame.pieces).view.blamed if blame.pieces else None
    if not blame.rule.startswith(("UJ10", "UJ20")) or blamed is None:
        return None
    runs = _stretches(case, stall, blamed.depth, lambda other: other.location == blamed.location)
    calls = joined(progress(run, blamed.depth) for run in runs)
    if calls.changes < FEW_CALLS or calls.still_ns >= case.threshold_ns:
        return None
    grade = Grade.EXACT if calls.most_ns < case.threshold_ns else Grade.INFERRED
    note = Evidence("stack", f"{_seen(calls)}: many short calls in one step, {calls.changes + 1} at least")
    return replace(blame, rule="UJ403", grade=min(blame.grade, limited(grade, calls.pairs)), notes=(*blame.notes, note))


def _one_or_many(case: Case, blame: Blame) -> Blame | None:
    """A call in a loop of which no round changes anything: whether it is one call or many alike, no sample can tell."""
    blamed = heaviest(blame.pieces).view.blamed if blame.pieces else None
    if not blame.rule.startswith(("UJ10", "UJ20")) or blamed is None or not case.sources.read(blamed.frame, is_alike):
        return None
    note = Evidence("source", "one long call or many short ones: its line is in a loop of which each round looks alike")
    return replace(blame, grade=min(blame.grade, Grade.INFERRED), notes=(*blame.notes, note))


def _seen(calls: Progress) -> str:
    return (
        f"another call than the sample before in {calls.changes} of {calls.pairs} samples,"
        f" none of which took more than {calls.most_ns / 1e6:.0f} ms"
    )


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
