"""Laws of the thread that passes events on: whoever waits for it is answered."""

import _thread
from types import SimpleNamespace

from unjam.probes.drain import Drainer, Listeners


class Engine:
    """One without events."""

    def drain(self, _wait_s):
        return []


def test_a_flush_that_is_asked_for_while_others_are_answered_is_answered_too():
    """A thread may be held up with the list of those who wait in hand: what it adds then is seen the next time."""
    drainer = Drainer(Engine(), None, SimpleNamespace(), (None, None), Listeners([], (), None))
    in_hand, passed = drainer._flushing, _thread.allocate_lock()
    passed.acquire()
    drainer._answer_flushes()
    in_hand.append(passed)
    drainer._answer_flushes()
    assert (passed.locked(), drainer._flushing) == (False, [])
