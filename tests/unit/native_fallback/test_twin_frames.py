"""A frame that was seen before is known again, and one that is new never taken for it."""

import sys
import threading

from unjam.native._twin_frames import MOST_TAKEN, Identities, replaced
from unjam.native._twin_stacks import INNERMOST, OUTERMOST, walk
from unjam.native.frames import current_frames


class Other:
    """A thread that calls a function when it is told to, and is in it until then."""

    STEPS = 50

    def __init__(self):
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        for _ in range(self.STEPS):
            self._step()

    def _step(self):
        self.entered.set()
        assert self.go_on.wait(60)
        self.go_on.clear()

    def next(self):
        self.entered.clear()
        self.go_on.set()
        assert self.entered.wait(60)


def seen(identities, ident):
    """What tells the frames apart, and how many there are outside of `_step`."""
    identities.occupy(ident)
    frames = current_frames()
    found = identities.of(ident, frames[ident])
    names = [code.co_name for code, _, _ in reversed(walk(frames[ident]))]
    frames.clear()
    return found, names.index("_step")


def test_a_function_that_is_called_anew_has_another_frame():
    """Nearly always, though the memory of the one before was given back: it would be given to the next, and steps all alike taken for one."""
    other, identities = Other(), Identities()
    assert other.entered.wait(60)
    ident = other.thread.ident
    before, outer = seen(identities, ident)
    told = 0
    for _ in range(Other.STEPS - 1):
        assert seen(identities, ident)[0][: outer + 1] == before[: outer + 1]
        other.next()
        now, _ = seen(identities, ident)
        assert now[:outer] == before[:outer]
        told += replaced(before, now) == outer
        before = now
    assert told > 0.7 * (Other.STEPS - 1)
    other.go_on.set()
    other.thread.join(60)


def test_what_is_taken_in_a_long_stall_is_bounded_and_given_back():
    """A loop may hang for hours: then its frames are not told apart any more, and the memory goes with the stall."""
    identities, frame = Identities(), sys._getframe()
    for _ in range(MOST_TAKEN):
        identities.occupy(1)
        identities.of(1, frame)
    assert MOST_TAKEN <= len(identities._taken[1]) < 2 * MOST_TAKEN
    assert identities.of(1, frame) == ()
    identities.forget(1)
    assert identities._taken == {}
    assert identities.of(1, frame) != ()


def test_the_outermost_that_differs_is_told():
    """By its place from the outside; where one stack goes on, the first frame that is there no more or not yet."""
    assert replaced((1, 2, 3), (1, 2, 3)) is None
    assert replaced((1, 2, 3), (1, 4, 3)) == 1
    assert replaced((1, 2), (1, 2, 3)) == 2
    assert replaced((1, 2, 3), (1,)) == 1


def test_a_stack_of_which_not_all_is_recorded_tells_nothing():
    """The places of its frames would be others than in the recording."""

    def deep(more):
        return deep(more - 1) if more else Identities().of(1, sys._getframe())

    assert deep(INNERMOST + OUTERMOST) == ()
    assert deep(1) != ()
