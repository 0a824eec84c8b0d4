"""Laws of the twin's self-check: what it can see is told as seen."""

import sys

from unjam.native import _fallback

LEAST = {"turns", "steps", "stacks"}
"""What needs nothing of the operating system."""


def test_what_can_be_seen_is_not_denied():
    """Without another interpreter stacks can be taken on every CPython; on Linux the kernel tells the rest."""
    seen = {source for source, reason in _fallback.check().items() if not reason}
    assert seen >= LEAST | ({"syscall", "schedstat", "cpu-clock"} if sys.platform == "linux" else set())


def test_stacks_that_do_not_show_are_told(monkeypatch):
    """Where the interpreter does not show the frame of who asks, the reason is given."""
    monkeypatch.setattr(sys, "_current_frames", lambda: {1: sys._getframe()})
    assert "does not show the own frame" in _fallback.check()["stacks"]
