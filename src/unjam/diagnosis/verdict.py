"""The one sentence on top of a report: where the stolen time went, or that there was nothing, or why it is not known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from unjam.knowledge import index
from unjam.model.findings import Finding
from unjam.model.session import LoopReport

LEAST_PERCENT = 1.0
"""Causes with less of the stolen time are not worth a word in the sentence."""
MOST_CAUSES = 5
_NOT_LOOP_TIME = frozenset({"UJ503", "UJ601", "UJ701"})
"""Rules whose time the loop did not lose: it stood still with everything else, or others waited while it was free."""
_BESIDE = (
    ("UJ601", "call waited for a full pool", "calls waited for a full pool"),
    ("UJ701", "timeout was our own fault", "timeouts were our own fault"),
    ("UJ503", "time the process was stopped", "times the process was stopped"),
)
"""What is said beside the ranking, for one and for many."""
_NOT_YOURS = frozenset({"UJ502"})
_HELD_NOTHING = "nothing held the loop"


def verdict(
    findings: Sequence[Finding],
    loops: Sequence[LoopReport],
    *,
    threshold_ms: float,
    not_observed: Sequence[str] = (),
    dropped: int = 0,
) -> str:
    """Rank the causes by stolen time; `dropped` is how many events were lost."""
    stolen: Counter[str] = Counter()
    for each in findings:
        if each.rule not in _NOT_LOOP_TIME:
            stolen[each.rule] += each.total_ms  # type: ignore[assignment]  # Counter adds floats as well
    beside = [
        *_beside(findings),
        *([f"{dropped:,} event{'s' * (dropped > 1)} could not be recorded"] if dropped else []),
    ]
    if sum(stolen.values()):
        return "; ".join([_ranked(stolen, findings), *beside])
    quiet = _quiet(loops, threshold_ms, not_observed)
    return (
        "; ".join([quiet, *beside])
        if beside or not quiet.startswith(_HELD_NOTHING)
        else f"everything looks good: {quiet}"
    )


def _ranked(stolen: Counter[str], findings: Sequence[Finding]) -> str:
    whole = sum(stolen.values())
    shares = [(100 * time / whole, rule) for rule, time in stolen.most_common() if 100 * time / whole >= LEAST_PERCENT]
    if set(stolen) == {""}:
        why = next(
            (each.text for finding in findings for each in finding.evidence if each.kind == "unknown"),
            "the samples do not tell",
        )
        return f"something held the loop and we could not see what, because {why}"
    return ", ".join(f"{share:.0f} % {_phrase(rule)}" for share, rule in shares[:MOST_CAUSES])


def _phrase(code: str) -> str:
    if not code:
        return "not known"
    title = index.rule(code).title
    words = title if title[1:2].isupper() else title[0].lower() + title[1:]
    return f"{words} - not your code" if code in _NOT_YOURS else words


def _quiet(loops: Sequence[LoopReport], threshold_ms: float, not_observed: Sequence[str]) -> str:
    if not loops:
        return "no event loop ran"
    turns = [each.turns for each in loops if each.turns is not None]
    if not turns:
        why = f", because {not_observed[0]}" if not_observed else ""
        return f"the loop could not be observed{why}"
    return f"{_HELD_NOTHING} for {threshold_ms:g} ms or more in {sum(turns):,} turns"


def _beside(findings: Sequence[Finding]) -> list[str]:
    said = []
    for code, one, many in _BESIDE:
        count = sum(each.count for each in findings if each.rule == code)
        if count:
            said.append(f"{count:,} {one if count == 1 else many}")
    return said
