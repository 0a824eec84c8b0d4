"""Laws of frames: nobody asks CPython for them where another interpreter may have memory of its own."""

import asyncio
import gc
import sys
import threading
from contextlib import contextmanager, nullcontext

import pytest

from unjam.bridge import frames as bridge_frames
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


@contextmanager
def threads(number):
    """So many threads, each of which has frames that nobody has asked for yet."""
    entered, go_on = threading.Barrier(number + 1), threading.Event()

    def stay():
        entered.wait(60)
        assert go_on.wait(60)

    made = [threading.Thread(target=stay) for _ in range(number)]
    for each in made:
        each.start()
    entered.wait(60)
    try:
        yield
    finally:
        go_on.set()
        for each in made:
            each.join()


@pytest.mark.parametrize("module", [frames, bridge_frames], ids=["native", "bridge"])
@pytest.mark.skipif(not frames.COLLECTS, reason="only CPython 3.11 collects where an object is made")
def test_no_collection_begins_while_frames_are_made(module):
    """Its finalizers may let the GIL go: who then ends a thread would wait for ever for what CPython holds meanwhile, with the GIL."""
    began, before = [], gc.get_threshold()
    gc.callbacks.append(lambda phase, _: phase == "start" and began.append(phase))
    try:
        with threads(60):
            gc.set_threshold(15)
            before_asking = len(began)
            found = module.current_frames()
            gc.set_threshold(*before)
            during = len(began) - before_asking
    finally:
        gc.callbacks.pop()
        gc.set_threshold(*before)
    assert len(found) >= 60
    assert during <= 2, "sixty frames are worth four collections"


@pytest.mark.parametrize("module", [frames, bridge_frames], ids=["native", "bridge"])
@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("fails", [False, True])
def test_collections_are_as_they_were(module, enabled, fails, monkeypatch):
    """Also where CPython refuses to tell."""

    def refuse():
        raise RuntimeError("refused by an audit hook")

    if fails:
        monkeypatch.setattr(sys, "_current_frames", refuse)
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(RuntimeError) if fails else nullcontext():
            module.current_frames()
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
