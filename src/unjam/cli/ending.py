"""A command that a signal ends cleans up first, and then ends as the signal would have ended it at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What asks a program to end without Python turning it into an exception; of these, SIGHUP may be ignored (nohup)."""


class _Stopped(BaseException):
    """A signal asked us to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def cleaned_up() -> Iterator[None]:
    """Let the `finally` of what runs inside happen before SIGTERM and SIGHUP end us; what was ignored stays ignored."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise _Stopped(number)

    ours = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    except _Stopped as stopped:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(stopped.number)
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
