"""What the project around a watched process allows: read once, when the first stall is judged inside that process."""

from __future__ import annotations

from unjam.failure import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from unjam.diagnosis.allowances import Allowances
    from unjam.model.allowances import Allow
    from unjam.monitor import Monitor


def allowances_of(monitor: Monitor, more: Sequence[Allow] = ()) -> Allowances:
    """The allowances of the project in whose folder the process began to be watched, as of today, and `more`."""
    import datetime as dt

    from unjam.diagnosis.allowances import Allowances

    folder = monitor.folder_at_start
    if folder not in _known:
        _known[folder] = _declared(folder)
    tables, root = _known[folder]
    return Allowances((*more, *tables), root, dt.datetime.now(tz=dt.UTC).date())


_known: dict[str, tuple[tuple[Allow, ...], str]] = {}


def _declared(folder: str) -> tuple[tuple[Allow, ...], str]:
    """The tables and the root of the project. Where they cannot be read, one line says so, and nothing is allowed."""
    from unjam.errors import UsageError
    from unjam.knowledge.allowing import allowed_by
    from unjam.model.project import project_of

    try:
        project = project_of(folder)
        return allowed_by(project), project.root or folder
    except UsageError as error:
        say(f"unjam: no allowance of the project counts: {error}")
        return (), folder
