"""Laws of what a monitor remembers of its own events."""

import unjam.recording.reader
from unjam.memory import Memory
from unjam.recording.reader import parse_stack


class Monitor:
    """As much of one as is asked for."""

    def events_so_far(self):
        return []


def stack(number, function):
    return {"e": "stack", "id": number, "f": [["app.py", 7, function, 4, 7, 9, "f"]]}


def test_a_stack_is_read_when_it_is_asked_for(monkeypatch):
    """A service has hundreds of them, and a conclusion asks for a few: each is read once, the last one under its number counts."""
    read = []
    monkeypatch.setattr(
        unjam.recording.reader, "parse_stack", lambda event: read.append(event["id"]) or parse_stack(event)
    )
    memory = Memory(Monitor())
    for number in range(5):
        memory.remember(stack(number, f"f{number}"))
    assert [memory.stacks[3][0].function for _ in range(2)] == ["f3", "f3"]
    assert read == [3]
    memory.remember(stack(3, "again"))
    assert memory.stacks[3][0].function == "again"
    assert memory.stacks.get(9) is None
    assert (sorted(memory.stacks), len(memory.stacks)) == ([0, 1, 2, 3, 4], 5)
