"""What a process answers when it is asked."""

from unjam.control.answers import Watched
from unjam.model.waits import Graph


class Nothing:
    """A process in which nothing waits."""

    def collect(self):
        return Graph(1, "3.11.7", 0)


class Told:
    """The last events: what has been told so far."""

    def __init__(self):
        self.length = 1

    def events(self):
        return [{"e": "stall", "length": self.length}]


def test_a_stall_that_goes_on_is_told_of_as_it_is_now():
    """Who asks why gets no line of a second ago: what there is to tell is told first."""
    told = Told()

    def flush(timeout_s):
        assert 0 < timeout_s < 1
        told.length = 2

    answer = Watched(Nothing(), list, told, dict, flush).why()
    assert answer["events"] == [{"e": "stall", "length": 2}]
