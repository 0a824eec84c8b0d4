"""Laws of a stall as the twin gathers it."""

import itertools

import pytest

from unjam.native._twin_loop import FinishedTurn, Observers, Slot
from unjam.native._twin_stall import MOST_GROUPS, MOST_ORDERED, Accounts, EarlyLines, Sample, Stall

MS = 1_000_000


def make_stall(base=None):
    slot = Slot(7, (1, 1), threshold=50 * MS, observers=Observers(), numbers=itertools.count(1), wake=lambda: None)
    slot.counts_steps = True
    slot.began(1000 * MS)
    return Stall(slot, 1000 * MS, base or Accounts())


def sample(at_ms, place=1, **fields):
    made = Sample(at_ms * MS, place)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_equal_samples_are_one_group():
    """Samples with the same stack, state, call, target and holder are counted together, first and last kept."""
    stall = make_stall()
    for at in (1010, 1020, 1030):
        stall.add(sample(at, stack=1, state="kernel", sys="read", fd=4, target="pipe", holds_gil=False))
    stall.add(sample(1040, stack=2, state="cpu", place=2, holds_gil=True))
    waiting, computing = stall.event(1050 * MS, Accounts())["samples"]
    assert (waiting["n"], waiting["first"], waiting["last"], waiting["moved"]) == (3, 1010 * MS, 1030 * MS, 0)
    assert (waiting["sys"], waiting["fd"], waiting["target"]) == ("read", 4, "pipe")
    assert (computing["n"], computing["moved"], computing["holds_gil"], "sys" in computing) == (1, 1, True, False)


def test_what_contradicts_itself_is_not_known():
    """A group in which the GIL was held and was not held says neither; not known and held is held."""
    stall = make_stall()
    for held in (None, True, None):
        stall.add(sample(1010, stack=1, holds_gil=held))
    assert stall.event(0, Accounts())["samples"][0]["holds_gil"] is None
    stall = make_stall()
    for held in (True, None):
        stall.add(sample(1010, stack=1, holds_gil=held))
    assert stall.event(0, Accounts())["samples"][0]["holds_gil"] is True
    stall.add(sample(1010, stack=1, holds_gil=False))
    assert stall.event(0, Accounts())["samples"][0]["holds_gil"] is None


@pytest.mark.parametrize(
    ("mistaken", "holds_gil", "moved", "asked"),
    [(0, True, 3, 5), (1, True, 2, 5), (3, True, None, 5), (4, None, None, None)],
)
def test_a_wait_that_may_have_been_for_a_cpu_is_no_evidence(mistaken, holds_gil, moved, asked):
    """Four looks waited for the GIL as bytecode lets one wait; what the one who looked lacked of a CPU may have been as many of them."""
    stall = make_stall()
    stall.gil_asked_ns = 5
    for at in (1010, 1020, 1030, 1040):
        stall.add(sample(at, stack=1, state="cpu", holds_gil=True, moves=True))
    event = stall.event(0, Accounts(), mistaken=mistaken)
    (group,) = event["samples"]
    assert (group["holds_gil"], group["moved"], event["gil_asked_ns"]) == (holds_gil, moved, asked)


def test_a_long_wait_for_the_gil_is_evidence_all_the_same():
    """What the one who looked lacked of a CPU has been taken off it."""
    stall = make_stall()
    stall.gil_asked_ns = 110 * MS
    stall.add(sample(1110, stack=1, state="cpu", holds_gil=True, unseen_ns=110 * MS))
    event = stall.event(0, Accounts(), mistaken=9)
    assert (event["samples"][0]["holds_gil"], event["gil_asked_ns"]) == (True, 110 * MS)


def test_samples_that_could_not_be_taken_weigh_in():
    """A look that had to wait for the GIL stands for the looks it prevented."""
    stall = make_stall()
    stall.add(sample(1300, stack=1, weight=30, first_ns=1000 * MS))
    (group,) = stall.event(0, Accounts())["samples"]
    assert (group["n"], group["first"], group["last"]) == (30, 1000 * MS, 1300 * MS)


def test_groups_are_bounded_and_what_is_lost_is_counted():
    """A stall keeps a bounded number of groups; the rest goes into the last one and is counted."""
    stall = make_stall()
    for number in range(MOST_GROUPS + 10):
        stall.add(sample(1010 + number, stack=number))
    event = stall.event(0, Accounts())
    assert (len(event["samples"]), event["samples_lost"]) == (MOST_GROUPS, 10)
    assert sum(group["n"] for group in event["samples"]) == MOST_GROUPS + 10


def test_the_order_of_samples_tells_which_frames_are_others():
    """Each with its group, when it was taken, and the outermost frame that is another one than in the sample before; so many, and no more."""
    stall = make_stall()
    for at, stack, frames in (
        (1010, 1, (7, 8)),
        (1020, 1, (7, 8)),
        (1030, 2, (7, 9)),
        (1040, 1, (7, 9, 3)),
        (1050, 1, (6,)),
    ):
        stall.add(sample(at, stack=stack, frames=frames))
    assert stall.event(0, Accounts())["replaced"] == [
        [0, 10_000],
        [0, 20_000],
        [1, 30_000, 1],
        [0, 40_000, 2],
        [0, 50_000, 0],
    ]
    for at in range(MOST_ORDERED):
        stall.add(sample(2000 + at, stack=1, frames=(6,)))
    assert len(stall.event(0, Accounts())["replaced"]) == MOST_ORDERED


def test_without_frames_there_is_no_order():
    """A loop that counts its steps needs none."""
    stall = make_stall()
    stall.add(sample(1010, stack=1))
    assert "replaced" not in stall.event(0, Accounts())


def test_lines_are_written_at_the_threshold_each_second_and_at_each_quarter_more():
    """A watchdog that was frozen writes one, not all it missed."""
    stall = make_stall()
    due = [at for at in range(0, 10_000, 10) if stall.line_due((1000 + at) * MS)]
    assert due == [50, 1000, 2000, 3000, 4000, 5000, 6250, 7820, 9780]
    stall = make_stall()
    assert [stall.line_due((1000 + at) * MS) for at in (8000, 8010, 9990, 10_000)] == [True, False, False, True]


def test_it_is_said_each_second_that_a_stall_goes_on():
    """From its first line on, where there is no line of it."""
    stall = make_stall()
    said = [
        at for at in range(0, 10_000, 10) if not stall.line_due((1000 + at) * MS) and stall.still_due((1000 + at) * MS)
    ]
    assert said == [6000, 7250, 8820]


def test_looks_become_rarer_as_the_stall_goes_on():
    """Every tick for a second, every 50 ms for ten, every half second from then on."""
    stall = make_stall()
    looks = []
    for at in range(0, 20_000, 10):
        if stall.sample_due((1000 + at) * MS):
            stall.add(Sample((1000 + at) * MS))
            looks.append(at)
    counts = [sum(low <= at < high for at in looks) for low, high in ((0, 1000), (1000, 10_000), (10_000, 20_000))]
    assert counts == [100, 180, 20]


def test_accounts_are_differences_and_never_negative():
    """What was used in the stall is the end less the base; what was not measured stays unknown."""
    stall = make_stall(Accounts(100, 500, None))
    turn = FinishedTurn(1000 * MS, 1060 * MS, 4, 55 * MS, 0, 0)
    event = stall.event(1070 * MS, Accounts(130, 400, 7), turn)
    assert (event["cpu_ns"], event["runq_ns"], event["throttled_ns"]) == (30, 0, None)
    assert (event["t0"], event["t1"], event["steps"], event["longest_step_ns"]) == (1000 * MS, 1060 * MS, 4, 55 * MS)


@pytest.mark.parametrize(
    ("waited_ms", "before_ms", "told_ms"),
    [
        (20, 100, (30, None)),  # a look in time
        (40, 100, (10, 40)),
        (40, 30, (20, 30)),
        (40, 10, (50, None)),  # the base was read just before
        (150, 200, (10, 60)),  # 90 of it before the turn, which has lasted 70 and had a CPU for 10
        (150, 120, (40, 30)),
    ],
)
def test_what_may_have_been_waited_before_a_turn_is_unsure(waited_ms, before_ms, told_ms):
    """A thread waited for a CPU between the base and the first look, and 10 ms after that."""
    stall = make_stall(Accounts(500 * MS, 300 * MS, None))
    stall.leave_open(1070 * MS, Accounts(510 * MS, (300 + waited_ms) * MS), before_ms * MS)
    event = stall.event(1090 * MS, Accounts(510 * MS, (310 + waited_ms) * MS))
    unsure = event.get("runq_unsure_ns")
    assert (event["runq_ns"] // MS, unsure and unsure // MS) == told_ms


def test_a_sleep_that_the_system_books_as_waiting_for_a_cpu_is_none():
    """What is booked by the end of a sleep is at most as long as the time since its thread was seen asleep; real waits stay."""
    stall = make_stall(Accounts(500 * MS, 300 * MS, None))
    stall.leave_out_sleep(1100 * MS, Accounts(510 * MS, 320 * MS), asleep=True)
    stall.leave_out_sleep(1290 * MS, Accounts(510 * MS, 320 * MS), asleep=True)
    end = Accounts(515 * MS, 500 * MS)
    stall.leave_out_sleep(1300 * MS, end, asleep=False)
    assert stall.event(1300 * MS, end)["runq_ns"] == 25 * MS
    later = Accounts(515 * MS, 540 * MS)
    stall.leave_out_sleep(1350 * MS, later, asleep=False)
    assert stall.event(1350 * MS, later)["runq_ns"] == 65 * MS


def test_an_open_stall_knows_its_unfinished_step():
    """While the stall lasts, its longest step is the one that runs, if that is longer."""
    stall = make_stall()
    event = stall.event(1080 * MS, Accounts())
    assert (event["t1"], event["longest_step_ns"]) == (None, 80 * MS)


@pytest.mark.parametrize(("every_s", "minutes", "most"), [(0.1, 10, 900), (0.5, 1, 120), (2, 60, 1800)])
def test_early_lines_of_many_stalls_are_written_once_a_second(every_s, minutes, most):
    """A service that stalls now and then has all of them in its recording; one that stalls ten times a second, so many and one a second."""
    early, start = EarlyLines(), 10**15
    times = [start + round(number * every_s * 1e9) for number in range(round(60 * minutes / every_s))]
    assert sum(map(early.is_due, times)) == pytest.approx(most, abs=1)
