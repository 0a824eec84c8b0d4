"""Laws of the frames that stacks share: what is written short is read whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unjam.model.shared_frames import FULL_STACKS, FullStacks, WholeStacks

STACKS = st.lists(st.lists(st.sampled_from("abcd"), max_size=6), max_size=40)


def written(full, number, frames):
    """The event of a stack, as both engines write it."""
    fields = full.fields(frames)
    if "base" not in fields:
        full.written(number, frames)
    return {"e": "stack", "id": number, **fields}


@given(STACKS)
def test_every_stack_is_read_as_it_was(stacks):
    """In whatever order they come, and each event is otherwise as it was written."""
    full, whole = FullStacks(), WholeStacks()
    read = [whole.restore(written(full, number, frames)) for number, frames in enumerate(stacks, 1)]
    assert read == [{"e": "stack", "id": number, "f": frames} for number, frames in enumerate(stacks, 1)]


def test_what_a_service_repeats_is_written_once():
    """A thousand handlers below the same server: of each only what is its own."""
    full = FullStacks()
    server = [f"server {depth}" for depth in range(30)]
    events = [written(full, number, [*server, f"handler {number}"]) for number in range(1, 1001)]
    assert [len(event["f"]) for event in events] == [31] + [1] * 999
    assert {tuple(event["base"]) for event in events[1:]} == {(1, 30)}


def test_stacks_of_several_threads_do_not_put_each_other_out():
    """As many outermost parts as are remembered, in turns."""
    full = FullStacks()
    roots = [[f"thread {thread}"] * 3 for thread in range(FULL_STACKS)]
    events = [written(full, number, [*roots[number % FULL_STACKS], str(number)]) for number in range(1, 101)]
    assert sum("base" not in event for event in events) == FULL_STACKS


def test_after_a_loss_stacks_are_written_in_full():
    """The one that they would refer to may not have been written."""
    full = FullStacks()
    written(full, 1, "abc")
    full.forget()
    assert written(full, 2, "abd") == {"e": "stack", "id": 2, "f": ["a", "b", "d"]}


@pytest.mark.parametrize("base", [[1, 2], [2, 2], [1, 0], [1, -1], [1, 4], [True, 1], [1], "ab", {}, [[], 1], 1])
def test_what_refers_to_nothing_is_not_known(base):
    """A line that was lost, or garbage: no stack is better than a part of one, whose line might be accused."""
    whole = WholeStacks()
    whole.restore({"e": "stack", "id": 1, "f": ["a", "b", "c"]})
    restored = whole.restore({"e": "stack", "id": 3, "base": base, "f": ["d"]})
    assert restored == ({"e": "stack", "id": 3, "f": ["a", "b", "d"]} if base == [1, 2] else None)
