"""`unjam.allow`: a block or a function in which some rules may be broken."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Self

from unjam.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import datetime as dt


class allow(ContextDecorator):  # noqa: N801 -- used as a function: `with unjam.allow(...)`, `@unjam.allow(...)`
    """Allow rules in a block or a function: `with unjam.allow("UJ102", reason="config, once")`, `@unjam.allow(...)`.

    `codes` are rules, or the beginning of some ("UJ1"); `reason` is required, because a reader will ask; `until` is the last
    day on which it holds, as "2027-06-30". Entering costs nothing: reports and `unjam check` find it in the source around the
    line to blame, so everything is to be written as literals. Raises UsageError for an unknown code, an empty reason and a
    day that is none; a day that is over is no error, but reports say so and the rule counts again.
    """

    def __init__(self, *codes: str, reason: str, until: str | None = None) -> None:
        from unjam.knowledge.allowing import check_code, check_until

        if not codes:
            raise UsageError("unjam.allow needs a rule, such as unjam.allow('UJ102', reason='...')")
        if not reason.strip():
            raise UsageError(f"unjam.allow({', '.join(map(repr, codes))}) needs a reason")
        self.codes = tuple(check_code(code, what="unjam.allow") for code in codes)
        self.reason = reason
        self.until: dt.date | None = check_until(until, what="unjam.allow: until")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None
