"""The one way in which unjam tells of its own failure: the observed program never suffers, and somebody learns of it."""

from __future__ import annotations

import os
import sys

STDERR = 2


def report_failure(what: str, error: BaseException) -> None:
    """Write one line to stderr. Under pytest the error is raised again, so that our own tests see it."""
    if "PYTEST_CURRENT_TEST" in os.environ and "pytest" in sys.modules:
        raise error
    say(f"unjam: {what}: {type(error).__name__}: {error}; your program is unaffected")


def say(text: str) -> None:
    """Write one line to stderr in one write, whatever the program has done to sys.stderr."""
    line = " ".join(text.split())
    try:
        os.write(STDERR, f"{line}\n".encode(errors="backslashreplace"))
    except OSError:
        pass  # There is nobody left to tell.
