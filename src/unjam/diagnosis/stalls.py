"""From one stall to its findings: what is not the loop's own doing first, then its own steps, then what no single line is to blame for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from unjam.diagnosis import congestion, garbage, outside, own
from unjam.diagnosis.accounting import NOTHING, Parts, account, divide, tick_at, unsure_ns, weight_of
from unjam.diagnosis.case import Case
from unjam.diagnosis.events import Group, Stall, Step
from unjam.diagnosis.judge import DEFAULT_SWITCH_NS, GIL_KEPT_INTERVALS, Clues, Judgement, clues_of, judge
from unjam.diagnosis.pieces import Blame, Piece, heaviest, is_outside, total
from unjam.model.findings import Evidence, Grade, Location, TaskName

Share: TypeAlias = tuple[str, Location | None, str]
"""Rule, culprit and leaf: what small shares of several stalls have in common."""

LEAST_SHARE = 0.2
"""A share of a stall this large is told on its own, if two samples at least show it; smaller ones go to the largest."""
LEAST_LOOKED_AT = 0.5
"""Where less of a stall than this was looked at, nobody is accused of it: what made it may have been over before the first look."""
MOST_OF_OPEN = 0.5
"""A stall that had not ended is nobody's fault only where most of it was."""
LEAST_OF_LONG = 0.05
"""In long stalls a smaller share is told as well, if it would be a stall by itself."""


def blames_of(case: Case, stall: Stall) -> list[Blame]:
    """The causes of one stall, most time first; their times add up to its length. Empty where it is below the threshold."""
    if stall.length_ns < case.threshold_ns:
        return []
    suspension = [outside.blame_suspension(stall)] if stall.suspended_ns >= case.threshold_ns else []
    if stall.length_ns - stall.suspended_ns < case.threshold_ns:
        return suspension
    pieces = _pieces(case, stall)
    if not pieces:
        return [*_unsampled(case, stall), *suspension]
    causes = _causes(case, stall, pieces)
    if stall.unseen_ns > stall.length_ns / 2:
        # What its process was killed in is told by what was seen of it, which need not be what it was to the end.
        causes = [replace(blame, grade=min(blame.grade, Grade.INFERRED)) for blame in causes]
    return [*causes, *suspension]


def _pieces(case: Case, stall: Stall) -> list[Piece]:
    groups, working = _of_work(case, stall), _between_pauses(case, stall)
    clues = [
        clues_of(
            group,
            working,
            case.views.step(group.stack),
            case.sources,
            switch_ns=case.switch_ns,
            threshold_ns=case.threshold_ns,
            callback=_callback(case, stall, group),
        )
        for group in groups
    ]
    if stall.runqueue_ns is None and _is_guess(clues):
        clues = [replace(each, state=each.group.state) for each in clues]
    states = [each.state for each in clues]
    weights = [weight_of(group, stall) for group in groups]
    parts = divide(account(stall, states, weights).less(_unsure(stall).parts), states, weights)
    return [
        Piece(each.group, each.state, each.view, each, judgement, part)
        for each, judgement, part in zip(clues, _judgements(clues), parts, strict=True)
    ]


def _of_work(case: Case, stall: Stall) -> Sequence[Group]:
    """The groups of samples, without those of the end where the Python tier knows of it by a heartbeat.

    Before that tells that the loop has come back, it is seen in its own select, and what its clocks tell is of the work before.
    """
    working = [group.last for group in stall.groups if case.views.step(group.stack).frames]
    if case.tier != "python" or stall.steps is not None or not stall.ended or not working:
        return stall.groups
    over = max(*working, stall.end - case.threshold_ns)
    return [group for group in stall.groups if group.first <= over]


def _between_pauses(case: Case, stall: Stall) -> Stall:
    """The stall as it is judged: what stood still and kept the GIL in a pause of the collector does not tell of the line that it struck."""
    pauses = garbage.pauses_of(case, stall)
    if not pauses:
        return stall
    trail = [look for look in stall.trail if not any(pause.start < look.at < pause.end for pause in pauses)]
    asked = (stall.gil_asked_ns or 0) - sum(pause.end - pause.start for pause in pauses)
    kept = asked if asked > GIL_KEPT_INTERVALS * (case.switch_ns or DEFAULT_SWITCH_NS) else None
    return replace(stall, trail=tuple(trail), gil_asked_ns=kept)


def _is_guess(clues: Sequence[Clues]) -> bool:
    """Whether the CPU clock alone tells of a wait, and less than half of the samples are in calls that wait: then it had no CPU, as likely."""
    waits = sum(each.group.count for each in clues if each.state == "kernel" and each.group.state == "unknown")
    return bool(waits) and 2 * waits < sum(each.group.count for each in clues)


def _judgements(clues: Sequence[Clues]) -> list[Judgement | None]:
    """One for each group, None for waits for the GIL.

    A thread that waits for a CPU is in the call in which it was seen at work or waiting, with the same stack. One that may have waited for
    one, which was not measured, is in the call in which it was seen at work.
    """
    judged: dict[int, Judgement | None] = {}
    for number in sorted(range(len(clues)), key=lambda each: clues[each].state == "ready" or clues[each].unmeasured):
        each = clues[number]
        known = next((other for other in judged if _is_same_call(clues[other], each)), None)
        judged[number] = judged[known] if known is not None else None if each.state == "gil" else judge(each)
    return [judged[number] for number in range(len(clues))]


def _is_same_call(active: Clues, other: Clues) -> bool:
    if active.view is not other.view:
        return False
    if other.unmeasured:
        return active.state == "cpu"
    alike = active.group.holds_gil == other.group.holds_gil
    return alike and other.state == "ready" and active.state in {"cpu", "kernel"}


def _callback(case: Case, stall: Stall, group: Group) -> str:
    step = _step_at(case.steps_of(stall), group.first, group.last)
    if step is None or step.task is not None:
        return ""
    return case.sources.mentioned(step.site.file, step.site.line, step.callback) if step.site else step.callback


def _step_at(steps: Sequence[Step], first: float, last: float) -> Step | None:
    """The step that overlaps these times most."""
    if not steps:
        return None
    best = max(steps, key=lambda step: min(step.end, last) - max(step.start, first))
    return best if min(best.end, last) >= max(best.start, first) else None


def _several_tasks(case: Case, stall: Stall, step: Step | None, first: float, last: float) -> str:
    """In which tasks it was, where several took a large share of the time between each: it is not that of one of them. "" where one did.

    Where steps are not timed, one task was seen at one moment; that another step took as long is shown by the samples.
    """
    least = LEAST_SHARE * (last - first)
    large = [each for each in case.steps_of(stall) if min(each.end, last) - max(each.start, first) > least]
    tasks = dict.fromkeys(each.task.name for each in large if each.task is not None)
    if len(tasks) > 1:
        return f"in tasks {', '.join(tasks)}, one after the other"
    traced = (
        congestion.traced_steps(case, stall) if step is not None and step.task is not None and not step.ended else None
    )
    runs = sum(min(run.last, last) - max(run.first, first) > least for run in traced.runs) if traced else 0
    return f"in {runs} steps, one after the other, of which one task is known: {', '.join(tasks)}" if runs > 1 else ""


def _causes(case: Case, stall: Stall, pieces: list[Piece]) -> list[Blame]:
    """External shares, then the own ones; what is too small to be told goes to the largest."""
    external, mine = _external(case, stall, pieces)
    starvation = [blame for blame in external if blame.rule == "UJ502"]
    unsure = _unsure(stall)
    if starvation and _is_decisive(case, stall, starvation):
        return _folded(starvation, [_nobody(pieces, without=starvation), unsure])
    if _looked_at_ns(case, stall) < LEAST_LOOKED_AT * (stall.length_ns - stall.unseen_ns):
        return _unwatched(case, stall, external, pieces)
    if unsure.time_ns and _is_decisive(case, stall, [*starvation, unsure]):
        return _told_by_clocks(case, stall, external, pieces, unsure.why)
    own_time = total(mine).total
    outer_time = sum(blame.time_ns for blame in external)
    # Without the others the loop's own steps would not have made a stall: then they are not accused.
    innocent = own_time < case.threshold_ns and outer_time >= own_time
    blames = [] if innocent else _own(case, stall, mine)
    told, rest = _weighty(case, stall, [*external, *blames])
    left = [*rest, *([_nobody(mine)] if innocent and mine else [])]
    if not told:
        return _named(case, stall, [_unknown(stall, [*left, *([unsure] if unsure.time_ns else [])])])
    apart = [unsure] if unsure.time_ns >= LEAST_SHARE * stall.length_ns else []
    return [*_named(case, stall, _folded(told, left if apart else [*left, unsure])), *apart]


def _unsure(stall: Stall) -> Blame:
    """The time for which its thread had no CPU, or waited for anything else, as the first look came late.

    It accuses no line: it is nobody's where it is a large share, and so is the whole stall where it would have been none without it.
    """
    unsure = unsure_ns(stall)
    why = (
        "the first look came late, as on a busy machine, and for up to"
        f" {unsure / 1e6:.0f} ms before it the loop's thread had no CPU, or waited for something else"
    )
    return Blame("", "", Grade.UNKNOWN, replace(NOTHING, unexplained=unsure), why=why)


def _is_decisive(case: Case, stall: Stall, starvation: Sequence[Blame]) -> bool:
    """Whether it would have been no stall with a CPU: then nobody's line is to blame, whatever the rest went into.

    One that went on when it was last told of may have become a stall without that.
    """
    starved = sum(blame.time_ns for blame in starvation)
    share = LEAST_SHARE if stall.ended else MOST_OF_OPEN
    return stall.length_ns - stall.suspended_ns - starved < case.threshold_ns and starved >= share * stall.length_ns


def _looked_at_ns(case: Case, stall: Stall) -> float:
    """How much of a stall its samples vouch for.

    A sample vouches for no more than the threshold, in which nothing else can have been a stall, or for as long as looks were apart
    by intention; equal ones in a row vouch for what lies between them.
    """
    seen = 0.0
    for group in stall.groups:
        apart = max(case.threshold_ns, 2 * tick_at(group.last - stall.start))
        seen += max(group.count * apart, group.last - group.first + apart if group.moved == 0 else 0)
    return seen


def _unwatched(case: Case, stall: Stall, external: list[Blame], pieces: list[Piece]) -> list[Blame]:
    """What is told of a stall that was hardly looked at."""
    looks = sum(group.count for group in stall.groups)
    why = f"it was looked at {looks} times only in {stall.length_ns / 1e6:.0f} ms: the watchdog got no CPU"
    if stall.runqueue_ns is None:
        why += "; whether the loop's own thread lacked one too was not measured"
    return _told_by_clocks(case, stall, external, pieces, why)


def _told_by_clocks(case: Case, stall: Stall, external: list[Blame], pieces: list[Piece], why: str) -> list[Blame]:
    """What clocks alone tell of a stall; the rest is nobody's."""
    known = [blame for blame in external if blame.rule in {"UJ502", "UJ304"}]
    told, rest = _weighty(case, stall, known)
    nobody = _nobody(pieces, without=told)
    left = replace(nobody, parts=nobody.parts.plus(_unsure(stall).parts), pieces=(), why=why)
    return _folded(told, rest) if told and left.time_ns < case.threshold_ns else [*told, left]


def _external(case: Case, stall: Stall, pieces: list[Piece]) -> tuple[list[Blame], list[Piece]]:
    starved = sum(piece.parts.runqueue or 0.0 for piece in pieces)
    if starved:
        # Who waits for the GIL wakes up again and again to ask for it: what it lacks a CPU for then is no holder's doing.
        pieces = [replace(piece, parts=replace(piece.parts, runqueue=None)) for piece in pieces]
    mine = [piece for piece in pieces if piece.state != "gil"]
    waiting, holders = outside.starved_holders([piece for piece in pieces if piece.state == "gil"])
    waiting, collecting = garbage.collections_elsewhere(case, stall, waiting)
    blames = [*outside.blame_gil(case, stall, [piece for piece in waiting if piece.parts.total]), *collecting]
    if starved or holders.total:
        blames.append(outside.blame_starvation(stall, starved, holders))
    pauses = garbage.pauses_of(case, stall)
    # A pause is timed by the clock on the wall: what it waited for a CPU meanwhile was no collecting.
    running = 1 - starved / (stall.length_ns - stall.suspended_ns)
    paused = min(running * sum(pause.end - pause.start for pause in pauses), total(mine).total)
    if paused:
        parts, left = garbage.taken_by(pauses, mine, paused)
        if parts.total:
            blames.append(garbage.blame_collection(case, pauses, mine, parts))
        mine = left
    return blames, mine


def _own(case: Case, stall: Stall, pieces: list[Piece]) -> list[Blame]:
    crowd, others = (congestion.crowd(case, stall, pieces) if pieces else None) or (None, pieces)
    shares = [_doubted(case, stall, blame) for blame in congestion.refined(case, stall, own.blames_of(others))]
    return [crowd, *shares] if crowd is not None else shares


def _doubted(case: Case, stall: Stall, blame: Blame) -> Blame:
    """The share, or nobody's where the twin says that something computed for less than a stall: it does not see waits for the GIL."""
    computed = blame.rule in {"UJ301", "UJ302", "UJ303"} and case.tier == "python"
    if not computed or stall.cpu_ns is None or stall.cpu_ns >= case.threshold_ns:
        return blame
    why = f"it computed for {stall.cpu_ns / 1e6:.0f} ms of it, and what it waited for could not be seen"
    return Blame("", "", Grade.UNKNOWN, blame.parts, pieces=blame.pieces, why=why)


def _weighty(case: Case, stall: Stall, blames: list[Blame]) -> tuple[list[Blame], list[Blame]]:
    """Those that are told, and those that are too small for it: the largest one too, where more of the stall went into nobody knows what."""
    ordered = sorted(blames, key=lambda blame: (not blame.rule, -blame.time_ns))
    least = min(LEAST_SHARE * stall.length_ns, sum(blame.time_ns for blame in blames if not blame.rule))
    first = next((blame for blame in ordered if blame.time_ns >= (least if blame.rule else 0)), None)
    told = [blame for blame in ordered if _is_weighty(case, stall, blame, first=blame is first)]
    return told, [blame for blame in ordered if blame not in told]


def _is_weighty(case: Case, stall: Stall, blame: Blame, *, first: bool) -> bool:
    share = blame.time_ns / stall.length_ns
    if not blame.rule:
        return share >= LEAST_SHARE and first
    if blame.rule == "UJ502":
        # Being late for a CPU now and then is life on a shared machine: alone it must be a stall to be worth telling.
        return blame.time_ns >= case.threshold_ns and share >= LEAST_SHARE
    if blame.rule == "UJ304":
        return share >= LEAST_SHARE or blame.time_ns >= case.threshold_ns
    if first:
        # One sample of code that is not known to block is no evidence: the stall may have been anywhere.
        return blame.grade > Grade.UNKNOWN and (blame.looks != 1 or blame.record is not None)
    alone = blame.time_ns >= case.threshold_ns and share >= LEAST_OF_LONG and blame.looks >= own.MANY_SAMPLES
    return (share >= LEAST_SHARE and blame.looks > 1) or alone


def _folded(told: list[Blame], rest: list[Blame]) -> list[Blame]:
    """The told ones, the largest with the time of the rest."""
    largest = max(told, key=lambda blame: (bool(blame.rule), blame.time_ns))
    parts = largest.parts
    for blame in rest:
        parts = parts.plus(blame.parts)
    whole = replace(largest, parts=parts, folded=tuple(filter(_is_a_known_wait, rest)))
    return sorted((whole if blame is largest else blame for blame in told), key=lambda blame: -blame.time_ns)


def _is_a_known_wait(blame: Blame) -> bool:
    """Whether a share is of a call that is known to wait: what computes is met on many lines, and is told where most of it was."""
    return blame.record is not None and blame.rule.startswith(("UJ10", "UJ20"))


def recurring(case: Case, all_blames: Iterable[Sequence[Blame]]) -> frozenset[Share]:
    """The shares that are too small in each stall, and that in all of them a call known to block has so often that it is worth telling."""
    looks: dict[Share, int] = defaultdict(int)
    spent: dict[Share, float] = defaultdict(float)
    for blames in all_blames:
        for blame in (each for largest in blames for each in largest.folded):
            looks[_share(blame)] += blame.looks
            spent[_share(blame)] += blame.time_ns
    return frozenset(
        share for share, time in spent.items() if time >= case.threshold_ns and looks[share] >= own.MANY_SAMPLES
    )


def unfolded(case: Case, stall: Stall, blames: Sequence[Blame], shares: Collection[Share]) -> list[Blame]:
    """The blames of a stall, with those of its small shares that recur told by themselves."""
    found: list[Blame] = []
    for blame in blames:
        again = [each for each in blame.folded if _share(each) in shares]
        parts = blame.parts
        for each in again:
            parts = parts.less(each.parts)
        found += [replace(blame, parts=parts), *_named(case, stall, again)]
    return found


def _share(blame: Blame) -> Share:
    return blame.rule, blame.culprit, blame.leaf


def _nobody(pieces: list[Piece], *, without: Sequence[Blame] = ()) -> Blame:
    """The time of these pieces, less that of some blames, as nobody's."""
    parts = total(pieces)
    for blame in without:
        parts = parts.less(blame.parts)
    return Blame("", "", Grade.UNKNOWN, parts, pieces=tuple(pieces))


def _unknown(stall: Stall, blames: list[Blame]) -> Blame:
    parts = NOTHING
    for blame in blames:
        parts = parts.plus(blame.parts)
    why = next((blame.why for blame in blames if blame.why), "the samples do not tell")
    return Blame("", "", Grade.UNKNOWN, parts if blames else _all_unexplained(stall), why=why)


def _all_unexplained(stall: Stall) -> Parts:
    return account(stall, (), ())


def _unsampled(case: Case, stall: Stall) -> list[Blame]:
    """A stall that no sample met: step counters may still tell that it was a crowd, and who it was."""
    crowd = congestion.crowd(case, stall, ())
    if crowd is not None:
        return [replace(crowd[0], parts=_all_unexplained(stall))]
    collected = _unsampled_collection(case, stall)
    if collected:
        return collected
    why = "it was over before it could be looked at" if stall.ended else "no sample of it was recorded"
    return _named(case, stall, [Blame("", "", Grade.UNKNOWN, _all_unexplained(stall), why=why)])


def _unsampled_collection(case: Case, stall: Stall) -> list[Blame]:
    """The collector times its own pauses, in which the twin cannot look; empty where they did not make the stall."""
    pauses, parts = garbage.pauses_of(case, stall), _all_unexplained(stall)
    running = 1 - ((stall.runqueue_ns or 0) + unsure_ns(stall)) / (stall.length_ns - stall.suspended_ns)
    paused = running * sum(pause.end - pause.start for pause in pauses)
    if paused < max(case.threshold_ns, LEAST_LOOKED_AT * running * stall.length_ns):
        return []
    worked = paused if stall.cpu_ns is None else min(paused, float(stall.cpu_ns))
    collecting = replace(NOTHING, cpu=worked, unexplained=paused - worked)
    blame = garbage.blame_collection(case, pauses, (), collecting)
    starved = outside.blame_starvation(stall, stall.runqueue_ns or 0.0, NOTHING)
    told, rest = _weighty(case, stall, [blame, starved])
    left = Blame("", "", Grade.UNKNOWN, parts.less(blame.parts).less(starved.parts))
    return _folded(told, [*rest, left])


def _named(case: Case, stall: Stall, blames: list[Blame]) -> list[Blame]:
    return [_with_step(case, stall, blame) for blame in blames]


def _with_step(case: Case, stall: Stall, blame: Blame) -> Blame:
    """The share with its task, and with whom to name where no frame of the user's was on the stack."""
    if not blame.rule and blame.looks < own.MANY_SAMPLES:
        # A place without a cause is worth naming only where it was seen more than by chance.
        blame = replace(blame, culprit=None, chain=(), leaf="")
    if is_outside(blame):
        return blame
    groups = [piece.group for piece in blame.pieces]
    first = min((group.first for group in groups), default=stall.start)
    last = max((group.last for group in groups), default=stall.end)
    step = _step_at(case.steps_of(stall), first, last)
    several = _several_tasks(case, stall, step, first, last)
    callback = f"in callback {step.callback}" if step and step.callback and not step.task else ""
    named = replace(blame, notes=(*blame.notes, *(Evidence("steps", text) for text in (callback, several) if text)))
    if not several:
        named = _in_task(named, step, case.seen.get(stall.number))
    if named.culprit is not None or not named.rule or named.rule == "UJ304":
        return named
    place, how = congestion.definition_of(case, stall, blame)
    if place is None:
        return replace(named, why=blame.why or _nobodys(blame), notes=(*named.notes, *_while_importing(blame)))
    notes = (*named.notes, Evidence("steps", how))
    return replace(named, culprit=place, grade=min(blame.grade, Grade.INFERRED), notes=notes)


def _nobodys(blame: Blame) -> str:
    """Why no line of the program is named: there was none, or only those of a module that is being imported."""
    imported = any(each.kind == "user" for piece in blame.pieces for each in piece.view.frames)
    return "no line of your code began the import" if imported else "no line of your code was on the stack"


def _while_importing(blame: Blame) -> Iterable[Evidence]:
    """The line of a module of the program's, which is being imported, at which most of the time went."""
    lines: dict[Location, float] = defaultdict(float)
    for piece in blame.pieces:
        inside = next((each for each in piece.view.frames if each.kind == "user"), None)
        if inside is not None:
            lines[inside.location] += piece.parts.total
    if lines:
        most = max(lines, key=lambda each: lines[each])
        yield Evidence("stack", f"{lines[most] / 1e6:.0f} ms of it at {most.file}:{most.line}")


def _in_task(blame: Blame, step: Step | None, seen: Step | None) -> Blame:
    """The share with the task it was in: its step's, or an eager one that began inside of it, named as far as it was seen to run."""
    task, running = step.task if step else None, seen.task if seen else None
    view = heaviest(blame.pieces).view if blame.pieces else None
    eager = view.eager if view else None
    coroutine = eager.frame.function if eager else ""
    if view is not None and running and running.coroutine in ({coroutine} if eager else view.coroutines):
        coroutine = running.coroutine
    else:
        running = TaskName(coroutine, coroutine)
    if not coroutine or (task and task.coroutine == coroutine):
        return replace(blame, task=task)
    note = f"{coroutine} is a task that ran as it was made" + (f", within a step of task {task.name}" if task else "")
    return replace(blame, task=running, notes=(*blame.notes, Evidence("steps", note)))
