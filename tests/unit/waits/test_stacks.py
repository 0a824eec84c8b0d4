"""Laws of the stacks that a collection walks while their threads go on."""

import sys

import pytest

from unjam.probes import waits_threads
from unjam.probes.waits_threads import MOST_TRIES, each_stack


class Scene:
    """It has time."""

    def pause(self):
        return False


@pytest.fixture
def left_behind():
    """The frame of a coroutine that its thread has suspended meanwhile: nothing is below it."""

    class Ready:
        def __await__(self):
            yield

    async def main():
        await Ready()

    coroutine = main()
    coroutine.send(None)
    yield coroutine.cr_frame
    coroutine.close()


def stacks(monkeypatch, *looks):
    """What is yielded where these frames are found, one look after the other, the last for ever."""
    left = [*looks]
    monkeypatch.setattr(waits_threads, "current_frames", lambda: dict(left.pop(0) if len(left) > 1 else left[0]))
    return list(each_stack(Scene())), len(looks) - len(left)


def test_a_stack_is_walked_to_its_foot(monkeypatch):
    """All frames, the innermost first."""
    ((ident, stack),), _ = stacks(monkeypatch, {7: sys._getframe()})
    assert (ident, stack[0], stack[1], stack[-1].f_back) == (7, sys._getframe(), sys._getframe().f_back, None)


def test_a_stack_that_was_cut_meanwhile_is_walked_anew(monkeypatch, left_behind):
    """Its loop would not be found, and none of its tasks."""
    ((ident, stack),), asked = stacks(monkeypatch, {7: left_behind}, {7: sys._getframe()}, {})
    assert (ident, stack[0], asked) == (7, sys._getframe(), 2)


def test_a_thread_that_has_ended_meanwhile_has_no_stack(monkeypatch, left_behind):
    """It is not there when it is walked anew."""
    assert stacks(monkeypatch, {7: left_behind}, {})[0] == []


def test_a_stack_that_does_end_so_is_told(monkeypatch, left_behind):
    """C code that is no Python function may resume a coroutine: after some tries that is believed."""
    found, _ = stacks(monkeypatch, *[{7: left_behind}] * MOST_TRIES)
    assert found == [(7, [left_behind])]
