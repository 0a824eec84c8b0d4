"""Whether what the user allows are rules that exist, asked at every door where allowances come in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from unjam.errors import UsageError
from unjam.knowledge import index
from unjam.knowledge.nearest import nearest
from unjam.model.allowances import Allow
from unjam.model.project import Project


def check_code(code: object, *, what: str) -> str:
    """Return the code of a rule, or the beginning of some ("UJ1"). Raises UsageError, with the nearest one, for any other."""
    if isinstance(code, str) and is_code(code):
        return code
    raise UsageError(f"{what}: no rule {code!r}" + (meant(str(code)) or "; unjam explain lists them"))


def is_code(code: str) -> bool:
    """Whether it is the code of a rule, or the beginning of some ("UJ1")."""
    return code.startswith("UJ") and any(rule.code.startswith(code) for rule in index.rules())


def meant(code: str) -> str:
    """The end of a sentence that refuses a code: the nearest one, by code or by name of the cause; "" where none is near."""
    rules = {rule.cause: rule.code for rule in index.rules()}
    cause = rules.get(code.strip().lower())
    return f", did you mean {cause}?" if cause else nearest(code, rules.values())


def check_until(until: object, *, what: str) -> dt.date | None:
    """Return an end as a date; None for none. Raises UsageError for what is neither a date nor one as text."""
    if until is None or (isinstance(until, dt.date) and not isinstance(until, dt.datetime)):
        return until
    try:
        return dt.date.fromisoformat(until if isinstance(until, str) else "")
    except ValueError:
        raise UsageError(f"{what} must be a date such as 2027-06-30, not {until!r}") from None


def allowed_by(project: Project) -> tuple[Allow, ...]:
    """What the tables of a project allow, expired ones too. Raises UsageError for one that cannot be."""
    return tuple(_allowed(project))


def _allowed(project: Project) -> Iterator[Allow]:
    rows = project.table.get("allow", [])
    for row in rows if isinstance(rows, list) else [rows]:
        if not isinstance(row, dict) or not isinstance(row.get("rule"), str):
            raise project.wrong("allow", "a list of tables with rule = ...")
        for key in row:
            if key not in {"rule", "where", "reason", "until"}:
                raise UsageError(f"{project.file}: allow has rule, where, reason and until, not {key!r}")
        rule = check_code(row["rule"], what=f"{project.file}: allow.rule")
        until = check_until(row.get("until"), what=f"{project.file}: allow.until")
        yield Allow(rule, str(row.get("where", "*")), str(row.get("reason", "")), until)
