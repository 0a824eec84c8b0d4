"""What the user has allowed: the same three forms for what runs and for what is only read.

risky()  # unjam: allow[UJ104] reason                    one line, or the `def` line of a function
[[tool.unjam.allow]] rule, where, reason, until           a place, with an end
with unjam.allow("UJ104", reason="..."): risky()          a block; also a decorator
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime as dt

COMMENT = re.compile(r"#\s*unjam:\s*allow\[([A-Z0-9,\s]+)\]\s*(.*)")
"""The comment form: codes in brackets, separated by commas, then the reason."""


@dataclass(frozen=True, slots=True)
class Allow:
    """One `[[tool.unjam.allow]]`: which rule, where (a path pattern, `::function` may follow), why, and until when."""

    rule: str
    where: str
    reason: str = ""
    until: dt.date | None = None

    def covers(self, rule: str, path: str, function: str) -> bool:
        """Whether it covers a finding; `path` is relative to the project, `function` a qualified name."""
        where, _, named = self.where.partition("::")
        is_there = not named or function == named or function.endswith(f".{named}")
        return is_there and covers((self.rule,), rule) and fnmatch.fnmatch(path, where)

    def has_expired(self, today: dt.date) -> bool:
        """Whether its end is over."""
        return self.until is not None and self.until < today


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment that allows: the codes in its brackets and the reason behind them."""

    codes: tuple[str, ...]
    reason: str


def comment_in(line: str) -> Comment | None:
    """The allowance in a line of source; None where there is none."""
    found = COMMENT.search(line) if "unjam:" in line else None
    return Comment(tuple(re.split(r"[,\s]+", found[1].strip())), found[2].strip()) if found else None


def covers(codes: tuple[str, ...], rule: str) -> bool:
    """Whether codes cover a rule: the beginning of a code covers all that begin so."""
    return any(code.startswith("UJ") and rule.startswith(code) for code in codes)
