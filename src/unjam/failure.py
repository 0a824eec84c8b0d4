"""The one way in which unjam tells of its own failure: the observed program never suffers, and somebody learns of it."""

from __future__ import annotations

import os

STDERR = 2

_write = os.write
"""Kept from before: the program, or what tests it, may put something in its place that refuses to write where a loop runs."""

raises = False
"""Set by our own tests, so that they see our failures. Nobody else's tests are to fail for them."""


def report_failure(what: str, error: BaseException) -> None:
    """Write one line to stderr."""
    if raises:
        raise error
    say(f"unjam: {what}: {type(error).__name__}: {error}; your program is unaffected")


def say(text: str) -> None:
    """Write one line to stderr in one write, whatever the program has done to sys.stderr."""
    line = " ".join(text.split())
    try:
        _write(STDERR, f"{line}\n".encode(errors="backslashreplace"))
    except Exception:  # noqa: BLE001, S110 -- there is nobody left to tell
        pass
