"""How one call is to be treated: what `Pool.options` takes and a view of a pool keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict

from unjam.bridge.arguments import is_async
from unjam.errors import UsageError

Kind: TypeAlias = Literal["thread", "process", "interpreter"]

OnCancel: TypeAlias = Literal["abandon", "wait", "kill"] | Callable[[], object]
"""What happens to a running call when its caller is cancelled or its time is up.

abandon: the caller goes on at once; the thread runs on and keeps its slot. wait: the caller goes on when the thread has
ended. kill: the process is ended (only where the pool's kind is "process"). A callable asks the call to stop, in a
thread of its own (`connection.interrupt`), and the caller then waits as with "wait", for the callable as well: one that comes
late would stop what the caller does next.
"""


class OptionChanges(TypedDict, total=False):
    """The keywords of `Pool.options`; what is not given keeps its value."""

    timeout: float | None
    queue_timeout: float | None
    on_cancel: OnCancel
    context_back: bool


@dataclass(frozen=True, slots=True)
class Options:
    """Times in seconds; `timeout` counts from the start of the run, `queue_timeout` from the submission."""

    timeout: float | None = None
    queue_timeout: float | None = None
    on_cancel: OnCancel = "abandon"
    context_back: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("timeout", "queue_timeout"):
            seconds = getattr(self, name)
            if seconds is not None and not seconds > 0:
                raise UsageError(f"{name} must be above 0 seconds, not {seconds!r}")
        if not callable(self.on_cancel) and self.on_cancel not in {"abandon", "wait", "kill"}:
            raise UsageError(f"on_cancel must be 'abandon', 'wait', 'kill' or a callable, not {self.on_cancel!r}")
        if is_async(self.on_cancel):
            raise UsageError(
                f"on_cancel is called in a thread of its own, where nobody awaits {self.on_cancel!r}: give a plain function"
            )

    def check(self, kind: Kind) -> None:
        """Refuse what this kind of pool cannot do."""
        if self.on_cancel == "kill" and kind != "process":
            raise UsageError(
                f"on_cancel='kill' needs kind='process': a {kind} cannot be killed; use 'abandon' or 'wait'"
            )
        if self.context_back and kind != "thread":
            raise UsageError(f"context_back needs kind='thread': contextvars do not reach a {kind}")
