"""Every exception that unjam raises on purpose, in one tree.

UnjamError
├── UsageError (ValueError)          the user asked for something that cannot be: exit code 2
├── RecordingError                   a recording cannot be read
├── NotAvailable                     something this machine or interpreter lacks
├── LoopBlocked                      a stretch that was not to hold a loop did
└── bridge
    ├── WouldDeadlock (RuntimeError) waiting here could never end
    ├── PoolFull (RuntimeError)      a bounded pool refused a call
    │   └── QueueTimeout (TimeoutError)  a call waited too long for a thread and never started
    ├── PoolClosed (RuntimeError)    a pool that was closed was asked to run something
    ├── NoLoop (RuntimeError)        no event loop to wait on, or several to choose from
    ├── ChannelClosed                nothing more can be put, or nothing more will come
    └── WorkerDied (RuntimeError)    the process or interpreter that ran a call ended under it
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class UnjamError(Exception):
    """The root: catching it catches everything that unjam raises on purpose."""


class UsageError(UnjamError, ValueError):
    """The user asked for something that cannot be; its text is one clear line."""


class RecordingError(UnjamError):
    """A recording cannot be read: not there, not one, or of a newer version."""


class NotAvailable(UnjamError):
    """This machine or interpreter lacks something; the text names it and the way out."""


class LoopBlocked(UnjamError):
    """A stretch watched with `fail=True` held a loop; `findings` are its `unjam.model.findings.Finding`, worst first."""

    def __init__(self, findings: Sequence[Any]) -> None:
        self.findings = tuple(findings)
        worst = self.findings[0]
        where = f" at {worst.culprit.file}:{worst.culprit.line}" if worst.culprit else ""
        more = f" (and {len(self.findings) - 1} more)" if len(self.findings) > 1 else ""
        super().__init__(f"{worst.rule or 'unknown'} [{worst.cause}]{where}: {worst.message}{more}")


class WouldDeadlock(UnjamError, RuntimeError):
    """Waiting here could never end, so it is refused."""


class PoolFull(UnjamError, RuntimeError):
    """A bounded pool has no room for the call."""


class QueueTimeout(PoolFull, TimeoutError):
    """A call waited longer than its `queue_timeout` for a thread, and never started."""

    def __init__(self, pool: str, seconds: float, limit: int) -> None:
        super().__init__(
            f"no thread of pool {pool!r} came free within {seconds:g} s (limit {limit}); "
            "its stats() name the calls that hold them"
        )
        self.pool = pool
        self.seconds = seconds
        self.limit = limit

    def __reduce__(self) -> tuple[Any, ...]:
        """Be made again from what it was made of, in another process: not from its text."""
        return type(self), (self.pool, self.seconds, self.limit), self.__dict__


class PoolClosed(UnjamError, RuntimeError):
    """A pool was asked to run something after `aclose`, or closed before a queued call began."""

    def __init__(self, pool: str) -> None:
        super().__init__(f"pool {pool!r} is closed")
        self.pool = pool

    def __reduce__(self) -> tuple[Any, ...]:
        """As QueueTimeout."""
        return type(self), (self.pool,), self.__dict__


class NoLoop(UnjamError, RuntimeError):
    """There is no event loop to wait on, or several and nothing says which."""


class ChannelClosed(UnjamError):
    """The channel is closed: nothing can be put any more, or everything was taken."""


class WorkerDied(UnjamError, RuntimeError):
    """The process or interpreter that ran a call ended before the call did."""
