"""How a process ended, in words: by its exit code, or by the name of the signal that killed it."""

from __future__ import annotations

import signal


def ending(code: int) -> str:
    """The words for an exit code, or for minus the number of a signal, known here or not."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"
