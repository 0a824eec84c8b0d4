"""Laws of stretches: of a stall that began before, what came after is told, and nothing else."""

from unjam.model.stretches import OF_THE_WHOLE, parts_from

MS = 1_000_000
BEFORE = {"n": 3, "first": 20 * MS, "last": 40 * MS, "stack": 1}
ACROSS = {"n": 11, "first": 50 * MS, "last": 150 * MS, "stack": 2}
AFTER = {"n": 2, "first": 160 * MS, "last": 170 * MS, "stack": 3}
STALL = {
    "e": "stall",
    "id": 7,
    "t0": 10 * MS,
    "t1": 180 * MS,
    "suspended_ns": 5 * MS,
    **dict.fromkeys(OF_THE_WHOLE, 1),
    "samples": [BEFORE, ACROSS, AFTER],
    "trail": [[0, 10_000, 4, 0], [1, 40_000, 0, 0], [1, 140_000, 0, 0], [2, 150_000, 3, 0, 1]],
    "replaced": [[0, 10_000], [1, 140_000, 3], [2, 150_000]],
}


def test_a_stall_is_cut_to_what_came_after():
    """Samples by their share of the time, looks by their own; what is known of the whole turn only is not known of its part."""
    (part,) = parts_from([STALL], 100 * MS)
    assert (part["t0"], part["t1"], part["suspended_ns"]) == (100 * MS, 180 * MS, 0)
    assert {part[name] for name in OF_THE_WHOLE} == {None}
    assert part["samples"] == [{**BEFORE, "n": 0}, {**ACROSS, "n": 6, "first": 100 * MS}, AFTER]
    assert part["trail"] == [[1, 50_000, 0, 0], [2, 60_000, 3, 0, 1]]
    assert part["replaced"] == [[1, 50_000, 3], [2, 60_000]]


def test_what_began_in_the_stretch_stays_as_it_is():
    """The same objects, in the same order."""
    events = [STALL, {"e": "step", "stall": 7, "t0": 12 * MS}, {"e": "crowd", "stall": 7}, {"e": "gc", "t0": 1}]
    assert events == parts_from(events, 5 * MS)


def test_steps_begin_with_the_stretch_and_crowds_are_of_the_whole():
    """How many of the small steps came before is not known, so they are not told."""
    crowd, other = {"e": "crowd", "stall": 7}, {"e": "crowd", "stall": 8}
    parts = parts_from([STALL, {"e": "step", "stall": 7, "t0": 12 * MS}, crowd, other], 100 * MS)
    assert parts[1:] == [{"e": "step", "stall": 7, "t0": 100 * MS}, other]
