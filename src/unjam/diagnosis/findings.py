"""From the blames of stalls to findings: evidence in words, remedies, victims; equal ones grouped; the sentence at last."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from unjam.diagnosis import events, victims
from unjam.diagnosis.case import Case
from unjam.diagnosis.events import Group, Stall
from unjam.diagnosis.pieces import Blame, Piece, is_outside, samples_in
from unjam.knowledge import index
from unjam.knowledge.records import Call
from unjam.knowledge.remedies import INSTEAD_OF_THE_RULES, REMEDIES, UNKNOWN_CAUSE, changes
from unjam.model.findings import Accounted, Evidence, Finding, Grade, Location, Remedy
from unjam.model.session import Event

MOST_REMEDIES = 4
"""More than a few ways out are no way out."""
MOST_REQUESTS = 3
"""The routes in which a finding was met that are named, those that it cost most."""
_BLAMELESS = frozenset({"UJ502", "UJ503"})
_ENDPOINT_CALLERS = frozenset({"run_endpoint_function", "solve_dependencies", "request_response"})
"""Who calls endpoints and dependencies: fastapi/routing.py, fastapi/dependencies/utils.py, starlette/routing.py."""


def finding_of(case: Case, stall: Stall, blame: Blame, *, with_victims: bool) -> Finding:
    """One share of one stall as a finding."""
    rule = index.rule(blame.rule) if blame.rule else None
    waited = victims.victims_of(case, stall) if with_victims else ()
    milliseconds = blame.time_ns / 1e6
    return Finding(
        rule=blame.rule,
        cause=rule.cause if rule else "unknown",
        grade=blame.grade,
        message="",
        culprit=None if blame.rule in _BLAMELESS else blame.culprit,
        leaf=blame.leaf,
        chain=blame.chain,
        task=blame.task,
        thread=blame.thread or case.thread_of(stall.loop),
        pid=case.process.pid,
        loop=stall.loop,
        total_ms=round(milliseconds, 3),
        max_ms=round(milliseconds, 3),
        first_s=case.seconds(stall.start),
        last_s=case.seconds(stall.start),
        accounted=blame.parts.milliseconds(),
        victims=waited,
        victim_count=victims.victim_count(case, stall, waited) if with_victims else 0,
        evidence=(
            *_evidence(case, stall, blame),
            *(() if is_outside(blame) else victims.holder_of(case, stall, blame.task)),
        ),
        remedies=remedies_of(
            blame.rule,
            blame.record,
            leaf=blame.leaf,
            function=blame.culprit.function if blame.culprit else "",
            thread=blame.thread,
            endpoint=_is_endpoint(blame),
            between_threads=events.text(case.lock_holders.get(stall.number, {}).get("holder")).startswith("thread "),
        ),
    )


def _is_endpoint(blame: Blame) -> bool:
    """Whether the blamed function was called by a web framework that would run it in a thread if it were no coroutine."""
    own = [
        number for number, link in enumerate(blame.chain) if blame.culprit and link.function == blame.culprit.function
    ]
    caller = blame.chain[own[-1] - 1] if own and own[-1] else None
    return caller is not None and caller.kind == "library" and caller.function.partition(".")[0] in _ENDPOINT_CALLERS


def _evidence(case: Case, stall: Stall, blame: Blame) -> Iterable[Evidence]:
    everything = sum(group.count for group in stall.groups)
    if blame.pieces and blame.rule not in {"UJ401", "UJ304"}:
        yield from _what_was_seen(stall, blame, everything)
    yield from blame.notes
    held = case.lock_holders.get(stall.number)
    if blame.rule == "UJ201" and held is not None:
        yield _held(held)
    asked = stall.gil_asked_ns
    if blame.rule == "UJ303" and asked:
        yield Evidence("gil", f"another thread asked for the GIL for {asked / 1e6:.0f} ms and did not get it")
    if blame.why:
        yield Evidence("unknown", blame.why)
    if case.tier == "python" and blame.rule in {"UJ301", "UJ302", "UJ303", ""}:
        yield Evidence("tier", "seen by the Python tier, which cannot look while the GIL is kept")


def _held(holder: Event) -> Evidence:
    """Who had the lock, as it was seen while the loop waited."""
    site = holder.get("site")
    taken = ""
    if isinstance(site, list) and len(site) == 3 and isinstance(site[0], str):  # noqa: PLR2004 -- file, line, function
        taken = f", taken at {site[0]}:{site[1]} in {site[2]}"
    return Evidence("lock", f"{events.text(holder.get('lock'))} was held by {events.text(holder.get('holder'))}{taken}")


def _what_was_seen(stall: Stall, blame: Blame, everything: int) -> Iterable[Evidence]:
    share = f"{_seconds(blame.time_ns)} of {_seconds(stall.length_ns)} ({blame.samples} of {everything} samples)"
    waits = [piece for piece in blame.pieces if piece.state == "kernel" and piece.group.system_call]
    if blame.rule == "UJ501":
        yield Evidence("gil", f"the loop's thread waited for the GIL, {share}")
    elif waits and (blame.parts.cpu or 0) <= (blame.parts.kernel or 0):
        yield Evidence("os", f"{_named_wait(waits)}, {share}")
    elif any(piece.state == "cpu" for piece in blame.pieces):
        yield Evidence("os", f"on a CPU, {share}")
    else:
        yield Evidence("os", f"{_without_a_state(blame.pieces)}, {share}")


def _without_a_state(pieces: Sequence[Piece]) -> str:
    """Of samples that met the thread neither on a CPU nor in a system call: what that comes of."""
    if any(piece.state == "ready" for piece in pieces):
        return "ready, and without a CPU when it was looked at"
    if any(piece.group.unseen_ns for piece in pieces):
        return "looked at too late to see what the thread did, as the GIL was kept or the watchdog had no CPU"
    return "state of the thread not observed"


def _named_wait(pieces: Sequence[Piece]) -> str:
    """The system call and the target that were seen most."""
    groups: dict[tuple[str, str], list[Piece]] = defaultdict(list)
    for piece in pieces:
        groups[piece.group.system_call, piece.group.target].append(piece)
    most = max(groups.values(), key=samples_in)
    return _wait(most[0].group) if len(groups) == 1 else f"most often {_wait(most[0].group)}"


def _wait(group: Group) -> str:
    descriptor = f" on fd {group.descriptor}" if group.descriptor is not None else ""
    target = f", {group.target}" if group.target and group.target != "futex" else ""
    return f"{group.system_call}{descriptor}{target}"


def _seconds(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e9:.2f} s" if nanoseconds >= 1e9 else f"{nanoseconds / 1e6:.0f} ms"  # noqa: PLR2004 -- one second


def remedies_of(
    rule: str,
    record: Call | None,
    *,
    leaf: str,
    function: str,
    thread: str = "",
    endpoint: bool = False,
    between_threads: bool = False,
) -> tuple[Remedy, ...]:
    """What to do, the call's own remedy first.

    A remedy that names an async twin is left out where none is known, one for endpoints where the function is none, one for what is
    read where the call changes something, one for tasks where a thread is known to hold the lock.
    """
    if rule == "UJ403" and record is not None and record.rule == "UJ101":
        rule = record.rule  # many short sleeps are no calls to be joined
    own = record.remedy if record is not None and record.rule == rule else ""
    advice = INSTEAD_OF_THE_RULES.get(own) or (index.rule(rule).advice if rule else UNKNOWN_CAUSE)
    keys = dict.fromkeys([*([own] if own else []), *advice])
    if not endpoint:
        keys.pop("sync-endpoint", None)
    if changes(leaf):
        keys.pop("read-once", None)
    if between_threads:
        keys.pop("asyncio-lock", None)
    twin = record.twin if record is not None else ""
    fields = {
        "leaf": leaf or "the call",
        "twin": twin,
        "function": function or "the function",
        "thread": thread or "that runs it",
    }
    chosen = [REMEDIES[key] for key in keys if twin or "{twin}" not in REMEDIES[key].text][:MOST_REMEDIES]
    texts = [each.text for each in chosen]
    if record is None and leaf == function.rpartition(".")[2]:
        # Which call of the function it is was not seen: the function itself is nothing to be replaced by a sleep.
        texts = [text.replace("instead of {leaf}", "instead of the call that blocks there") for text in texts]
    return tuple(Remedy(text.format_map(fields), each.cost) for text, each in zip(texts, chosen, strict=True))


def grouped(findings: Iterable[Finding]) -> list[Finding]:
    """Findings with the same rule, culprit and leaf as one: with count, total, longest, first and last."""
    groups: dict[object, list[Finding]] = defaultdict(list)
    for each in findings:
        groups[_key(each)].append(each)
    return [_merged(group) for group in groups.values()]


def _key(finding: Finding) -> object:
    # A collection strikes wherever something allocates: where it struck tells no two of them apart.
    automatic = finding.rule == "UJ304" and finding.leaf.startswith("automatic")
    culprit = None if automatic else finding.culprit
    # Whoever holds the GIL on one line, or computes there in bytecode, is one culprit, in whichever call he was met.
    leaf = "" if finding.rule in {"UJ301", "UJ501"} and culprit else finding.leaf
    # Steps that enter one function are of one kind, on whichever of its lines most of them were met.
    if finding.rule == "UJ401" and culprit and culprit.function == leaf:
        culprit = replace(culprit, line=0)
    return finding.rule, culprit, leaf, culprit is None and finding.loop, culprit is None and finding.pid


def _merged(group: list[Finding]) -> Finding:
    worst = max(group, key=lambda each: (each.grade > Grade.SUSPECTED, each.max_ms))
    return replace(
        worst,
        evidence=_evidence_of(worst, group),
        # Of several, the best seen one shows what it is: its grade is the group's.
        grade=max(each.grade for each in group),
        count=sum(each.count for each in group),
        total_ms=round(sum(each.total_ms for each in group), 3),
        max_ms=max(each.max_ms for each in group),
        first_s=min(each.first_s for each in group),
        last_s=max(each.last_s for each in group),
        accounted=_sum(each.accounted for each in group),
        victims=victims.alike(victim for each in group for victim in each.victims),
        victim_count=sum(each.victim_count for each in group),
    )


def _evidence_of(worst: Finding, group: Sequence[Finding]) -> tuple[Evidence, ...]:
    """What shows the worst, who held the lock another time where it was not seen then, and the requests that all of them were in."""
    held = [each for one in (worst, *group) for each in one.evidence if each.kind == "lock"][:1]
    cost: dict[Evidence, float] = defaultdict(float)
    for one in group:
        for each in one.evidence:
            cost[each] += one.total_ms if each.kind == "request" else 0
    requests = [each for each in sorted(cost, key=lambda each: -cost[each]) if cost[each]][:MOST_REQUESTS]
    return (*(each for each in worst.evidence if each.kind not in {"lock", "request"}), *held, *requests)


def _sum(parts: Iterable[Accounted]) -> Accounted:
    each = list(parts)
    return Accounted(
        kernel=_known_sum(part.kernel for part in each),
        cpu=_known_sum(part.cpu for part in each),
        gil=_known_sum(part.gil for part in each),
        runqueue=_known_sum(part.runqueue for part in each),
        unexplained=_known_sum(part.unexplained for part in each),
    )


def _known_sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 3) if known else None


def _times(sentence: str, count: int) -> str:
    """A sentence about several stalls: in one there may have been more than one such call."""
    held = "held the loop "
    begin, found, end = sentence.partition(held)
    return f"{begin}{held}{count} times, {end}" if found else f"{count} {sentence}"


def _place(culprit: Location) -> str:
    """A culprit in a sentence: the whole path stands beside it."""
    name = re.split(r"[\\/]", culprit.file)[-1]
    where = f"{name}:{culprit.line}" if culprit.line else name
    return where + (f" in {culprit.function}" if culprit.function else "")


def worded(finding: Finding) -> Finding:
    """The finding with its sentence; one that has told it in its own numbers keeps it."""
    if finding.message:
        return finding
    place = _place(finding.culprit) if finding.culprit else "something that is no line of yours"
    fields = {
        "leaf": finding.leaf or "a call",
        "culprit": place,
        "task": finding.task.name if finding.task else "",
        "thread": finding.thread or "a thread",
        "ms": f"{finding.total_ms:,.0f}",
    }
    if not finding.rule:
        why = next((each.text for each in finding.evidence if each.kind == "unknown"), "the samples do not tell")
        times = f"{finding.count} times, " if finding.count > 1 else ""
        return replace(
            finding, message=f"something held the loop {times}for {fields['ms']} ms, and it is not known what: {why}"
        )
    rule = index.rule(finding.rule)
    sentence = rule.one if finding.count == 1 else _times(rule.many, finding.count)
    if finding.culprit is None:
        sentence = sentence.replace("{leaf} at {culprit}", "{leaf}, called by no line of yours")
    if finding.culprit and finding.culprit.function == finding.leaf:
        sentence = sentence.replace(" ({leaf})", "")
    return replace(finding, message=sentence.format_map(fields))
