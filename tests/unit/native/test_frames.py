"""Laws of frames: nobody asks CPython for them where another interpreter may have memory of its own."""

import asyncio
import sys
import threading

import pytest

from unjam.integrations.pytest_plugin.looking import is_debugged
from unjam.integrations.pytest_plugin.progress import main_task
from unjam.native import _fallback, frames


@pytest.fixture
def asked(monkeypatch):
    """Another interpreter is there; how often CPython was asked all the same."""
    asked = []
    monkeypatch.setattr(frames, "OWN_MEMORY", True)
    monkeypatch.setattr(frames, "has_others", lambda: True)
    monkeypatch.setattr(sys, "_current_frames", lambda: asked.append(True) or {})
    return asked


def test_beside_another_interpreter_there_are_none(asked):
    """What needs them goes without: the task of a test, the debugger of a thread, the stacks of the twin."""

    async def main():
        return main_task(threading.get_ident())

    assert asyncio.run(main()) is None
    assert is_debugged() is False
    assert "another interpreter" in _fallback.check()["stacks"]
    assert asked == []


def test_alone_there_are_those_of_all_threads():
    """The own one among them, and through it the task of the test."""

    async def main():
        return main_task(threading.get_ident()) is asyncio.current_task()

    assert asyncio.run(main())
    assert threading.get_ident() in frames.current_frames()
