"""Every exception that unjam raises on purpose, in one tree.

UnjamError
├── UsageError (ValueError)          the user asked for something that cannot be: exit code 2
├── RecordingError                   a recording cannot be read
├── NotAvailable                     something this machine or interpreter lacks
└── bridge
    ├── WouldDeadlock (RuntimeError) waiting here could never end
    └── PoolFull (RuntimeError)      a bounded pool refused a call
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from unjam.model.findings import Finding


class UnjamError(Exception):
    """The root: catching it catches everything that unjam raises on purpose."""


class UsageError(UnjamError, ValueError):
    """The user asked for something that cannot be; its text is one clear line."""


class RecordingError(UnjamError):
    """A recording cannot be read: not there, not one, or of a newer version."""


class NotAvailable(UnjamError):
    """This machine or interpreter lacks something; the text names it and the way out."""


class LoopBlocked(UnjamError):
    """A stretch watched with `fail=True` held a loop; `findings` are what was found, worst first."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        worst = self.findings[0]
        where = f" at {worst.culprit.file}:{worst.culprit.line}" if worst.culprit else ""
        more = f" (and {len(self.findings) - 1} more)" if len(self.findings) > 1 else ""
        super().__init__(f"{worst.rule or 'unknown'} [{worst.cause}]{where}: {worst.message}{more}")


class WouldDeadlock(UnjamError, RuntimeError):
    """Waiting here could never end, so it is refused."""


class PoolFull(UnjamError, RuntimeError):
    """A bounded pool has no room for the call."""
