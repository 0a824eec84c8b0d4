"""`unjam.allow`: a block or a function in which some rules may be broken."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Self

from unjam.errors import UsageError


class allow(ContextDecorator):  # noqa: N801 -- used as a function: `with unjam.allow(...)`, `@unjam.allow(...)`
    """Allow rules in a block or a function: `with unjam.allow("UJ102", reason="config, once")`, `@unjam.allow(...)`.

    `codes` are rules, or the beginning of some ("UJ1"); `reason` is required, because a reader will ask. It costs nothing
    at run time: reports and `unjam check` find it in the source around the line to blame, so codes and reason are to be
    written as literals. Raises UsageError for an unknown code or an empty reason.
    """

    def __init__(self, *codes: str, reason: str) -> None:
        if not codes:
            raise UsageError("unjam.allow needs a rule, such as unjam.allow('UJ102', reason='...')")
        if not reason.strip():
            raise UsageError(f"unjam.allow({', '.join(map(repr, codes))}) needs a reason")
        for code in codes:
            _check(code)
        self.codes = codes
        self.reason = reason

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None


def _check(code: str) -> None:
    from difflib import get_close_matches

    from unjam.knowledge import index

    known = [rule.code for rule in index.rules()]
    if not any(one.startswith(code) for one in known) or not code.startswith("UJ"):
        near = get_close_matches(code, known, n=1)
        raise UsageError(f"unjam.allow: no rule {code!r}" + (f"; did you mean {near[0]}?" if near else ""))
