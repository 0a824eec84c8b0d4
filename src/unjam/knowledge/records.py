"""The shapes of facts: a call that blocks, a remedy, a rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Gil(Enum):
    """Whether a call releases the GIL while it takes its time."""

    RELEASES = "releases"
    KEEPS = "keeps"
    UNKNOWN = "unknown"


class Weight(Enum):
    """What one call typically costs the loop: what `unjam check` ranks by before anything was measured."""

    MICROSECONDS = "microseconds"
    """Cheaper than a hop to a thread (about 100 us): hidden by default."""
    MILLISECONDS = "milliseconds"
    """Local work that is sometimes slow: disk, a database file, a small computation."""
    UNBOUNDED = "unbounded"
    """As long as somebody else takes: network, another process, a lock, a sleep, a person."""


@dataclass(frozen=True, slots=True)
class Call:
    """One blocking call that unjam knows.

    `name` is the qualified name by which users write and type checkers resolve it (`requests.get`,
    `sqlite3.Cursor.execute`); a trailing `.*` stands for every public callable of that class or module. `frames` are the
    extra places where the call shows on a Python stack, as `module:function` with the qualified function name
    (`requests.sessions:Session.request`); the place that `name` itself gives needs no entry. `remedy` is a key of
    `knowledge.remedies.REMEDIES`; `twin` the async call to use instead; `source` a link for the claim.
    """

    name: str
    rule: str
    gil: Gil = Gil.UNKNOWN
    weight: Weight = Weight.UNBOUNDED
    remedy: str = ""
    twin: str = ""
    frames: tuple[str, ...] = ()
    source: str = ""


def family(
    prefix: str,
    names: str,
    rule: str,
    *,
    gil: Gil = Gil.UNKNOWN,
    weight: Weight = Weight.UNBOUNDED,
    remedy: str = "",
    twin: str = "",
    frames: tuple[str, ...] = (),
    source: str = "",
) -> tuple[Call, ...]:
    """One record for each of the space-separated `names` below `prefix`; `{name}` in `twin` and `frames` stands for it."""
    return tuple(
        Call(
            name=f"{prefix}.{name}",
            rule=rule,
            gil=gil,
            weight=weight,
            remedy=remedy,
            twin=twin.replace("{name}", name),
            frames=tuple(frame.replace("{name}", name) for frame in frames),
            source=source,
        )
        for name in names.split()
    )


@dataclass(frozen=True, slots=True)
class Advice:
    """A remedy as data: `text` may hold {leaf}, {twin} and {function}; `cost` says what following it costs."""

    text: str
    cost: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern: the only source of its `explain` text and its page in the docs.

    `one` is the sentence for a single finding and `many` the fragment after a count; both may hold {leaf}, {culprit},
    {task}, {thread} and {ms}. The six texts are Markdown and become the page under the headings of `PAGE_HEADINGS`.
    """

    code: str
    cause: str
    title: str
    one: str
    many: str
    what: str
    why: str
    looks: str
    todo: str
    costs: str
    allow: str
    advice: tuple[str, ...] = ()
    """Keys of `knowledge.remedies.REMEDIES`, in order of preference, where no call's own remedy says better."""


PAGE_HEADINGS = ("What it is", "Why it hurts", "How it looks", "What to do", "What that costs", "How to allow it")
"""The headings of a rule's page, in the order of Rule.what, why, looks, todo, costs, allow."""


def allowance(code: str, reason: str, when: str) -> str:
    """The Markdown of "How to allow it": `when` says when that is right, `reason` is an example of a good reason."""
    return f"""\
{when} An allowance needs a reason, and is reported when nothing uses it any more.

One line of source:

```python
risky()  # unjam: allow[{code}] {reason}
```

A place, in `pyproject.toml`, with an end:

```toml
[[tool.unjam.allow]]
rule = "{code}"
where = "app/legacy.py"
reason = "{reason}"
until = "2027-06-30"
```

One block, or as a decorator one function:

```python
with unjam.allow("{code}", reason="{reason}"):
    risky()
```
"""
