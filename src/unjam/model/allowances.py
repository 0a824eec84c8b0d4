"""What the user has allowed: the same three forms for what runs and for what is only read, each with an end if wanted.

risky()  # unjam: allow[UJ104] reason until 2027-06-30            one line, or the `def` line of a function
[[tool.unjam.allow]] rule, where, reason, until                   a place
with unjam.allow("UJ104", reason="...", until="2027-06-30"): ...  a block; also a decorator
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Iterator

COMMENT = re.compile(r"#\s*unjam:\s*allow\[([^\]]*)\]\s*(.*)")
"""The comment form: codes in brackets, separated by commas, then the reason. What is no code is read too, to be refused."""

UNTIL = re.compile(r"(?:^|[\s,(])until\s+(\d{4}-\d{2}-\d{2})\)?\.?\s*$")
"""How the text of a comment says its end."""


@dataclass(frozen=True, slots=True)
class Allow:
    """One `[[tool.unjam.allow]]`: which rule, where (a path pattern, `::function` may follow), why, and until when."""

    rule: str
    where: str
    reason: str = ""
    until: dt.date | None = None
    named: str = ""
    """How a sentence about it begins, where it stands in no table."""

    def covers(self, rule: str, path: str, function: str) -> bool:
        """Whether it covers a finding; `path` is relative to the project, `function` a qualified name."""
        where, _, named = self.where.partition("::")
        is_there = not named or function == named or function.endswith(f".{named}")
        return is_there and covers((self.rule,), rule) and fnmatch.fnmatch(path, where)

    def has_expired(self, today: dt.date) -> bool:
        """Whether its end is over."""
        return self.until is not None and self.until < today

    @property
    def name(self) -> str:
        """How a sentence about it begins."""
        return self.named or f"[[tool.unjam.allow]] {self.rule} in {self.where}"


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment that allows: the codes in its brackets, the reason behind them, and its end as text ("" for none)."""

    codes: tuple[str, ...]
    reason: str
    until: str = ""


def comment_in(line: str) -> Comment | None:
    """The allowance in a line of source; None where there is none."""
    found = COMMENT.search(line) if "unjam:" in line else None
    if not found:
        return None
    end = UNTIL.search(found[2])
    reason = found[2][: end.start()] if end else found[2]
    return Comment(tuple(re.split(r"[,\s]+", found[1].strip())), reason.strip(), end[1] if end else "")


def is_over(until: str, today: dt.date | None) -> bool:
    """Whether the end of an allowance in source, an ISO date, is over; ISO dates are ordered as text."""
    return bool(until) and today is not None and until < today.isoformat()


def litter(tables: Iterable[Allow], used: Collection[Allow], today: dt.date | None, *, unused: str) -> Iterator[str]:
    """A sentence for each table that has expired, that nothing used (in the words of `unused`), or that gives no reason."""
    for allow in tables:
        if today is not None and allow.has_expired(today):
            yield f"{allow.name}: expired on {allow.until}"
        elif allow not in used:
            yield f"{allow.name}: {unused}"
        elif not allow.reason:
            yield f"{allow.name}: it gives no reason"


def covers(codes: tuple[str, ...], rule: str) -> bool:
    """Whether codes cover a rule: the beginning of a code covers all that begin so."""
    return any(code.startswith("UJ") and rule.startswith(code) for code in codes)
