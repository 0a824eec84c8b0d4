"""Laws of loops: one number for a loop over all its runs, statistics that go on, hooks that can be undone."""

import asyncio
import gc
import sys
import threading

import pytest

from unjam.probes.loop_hooks import LoopHooks
from unjam.probes.loop_stats import merge, since
from unjam.probes.loops import Loops, running_loops


class Engine:
    """Counts like an engine, for one turn a run; its loops rest where it is told so."""

    def __init__(self, *, rests=False):
        self.registered = {}
        self.rests = rests
        self.told = []
        self.attach_loop = None

    def register_loop(self, number, epoll_fd, ident=0, instead_of=0):
        self.told.append(("register", number, instead_of))
        self.registered[number] = epoll_fd
        return self.registered.pop(instead_of, None) is not None

    def rest_loop(self, number):
        self.told.append(("rest", number))
        return self.rests

    def unregister_loop(self, number):
        del self.registered[number]

    def loop_stats(self, number):
        if number not in self.registered:
            return None
        return stats(loop=number, turns=1, steps=None, away_ns=10, alive_ns=20, longest_turn_ns=5, lag={3: 1})


def stats(**values):
    keys = ("turns", "steps", "away_ns", "alive_ns", "longest_turn_ns", "longest_step_ns")
    return {"loop": 1, **dict.fromkeys(keys), "lag": {}, "in_select": True, "away_since_ns": None, **values}


@pytest.fixture
def watched():
    written, engine = [], Engine()
    return Loops(engine, written.append, steps=True), engine, written


def test_a_loop_keeps_its_number_over_its_runs(watched):
    """A loop that runs again is the same loop: one `loop` event, statistics added up."""
    loops, engine, written = watched
    loop = asyncio.new_event_loop()
    for _ in range(3):
        loops.running(loop)
        loops.running(None)
    loops.running(loop)
    loops.write_stats()
    assert [event["e"] for event in written] == ["loop", "stats"]
    assert (written[0]["loop"], written[0]["steps"], written[0]["type"]) == (
        1,
        True,
        "asyncio.unix_events._UnixSelectorEventLoop",
    )
    assert (written[1]["turns"], written[1]["longest_turn_ns"], written[1]["lag"], written[1]["steps"]) == (
        4,
        5,
        {3: 4},
        None,
    )
    assert engine.registered == {1: loop._selector.fileno()}
    loops.running(None)
    loop.close()


def test_a_closed_loop_ends(watched):
    """The end of a loop is written once it can never run again."""
    loops, _, written = watched
    loop = asyncio.new_event_loop()
    loops.running(loop)
    loops.running(None)
    loops.write_stats()
    assert [event["e"] for event in written] == ["loop", "stats"]
    loop.close()
    loops.write_stats()
    assert [event["e"] for event in written] == ["loop", "stats", "stats", "loop_end"]
    loops.write_stats()
    assert len(written) == 4


def test_a_loop_that_is_gone_ends_and_its_successor_is_another(watched):
    """A loop that was collected has ended; one at the same address has its own number."""
    loops, _, written = watched
    for _ in range(5):
        loop = asyncio.new_event_loop()
        loops.running(loop)
        loops.running(None)
        loop.close()
        del loop
        gc.collect()
    loops.write_stats()
    assert sorted(event["loop"] for event in written if event["e"] == "loop_end") == [1, 2, 3, 4, 5]


def test_statistics_are_written_only_when_the_loop_has_turned(watched):
    """An idle loop does not grow the recording."""
    loops, _, written = watched
    loop = asyncio.new_event_loop()
    loops.running(loop)
    for _ in range(5):
        loops.write_stats()
    assert [event["e"] for event in written] == ["loop", "stats"]
    loop.close()


def run_once(loops):
    loop = asyncio.new_event_loop()
    loops.running(loop)
    loops.running(None)
    loop.close()


def test_where_nobody_wants_loops_one_is_told_of_when_something_names_it():
    """A suite of a thousand tests has a thousand loops: without a recording only those are told of that something happened in."""
    written = []
    loops = Loops(Engine(), written.append, steps=True, wanted=lambda: False)
    for _ in range(3):
        run_once(loops)
    loops.write_stats()
    assert written == []
    told = loops.introduce(2)
    assert (told["e"], told["loop"], told["thread"], told["steps"]) == (
        "loop",
        2,
        threading.current_thread().name,
        True,
    )
    assert loops.introduce(2) is loops.introduce(99) is None
    loops.write_stats()
    assert [(event["e"], event["loop"]) for event in written] == [("stats", 2), ("loop_end", 2)]


def test_a_loop_that_has_ended_can_still_be_introduced():
    """The event that names it may be on its way when its end is noticed; after that it is forgotten, and counted all the same."""
    loops = Loops(Engine(), [].append, steps=True, wanted=lambda: False)
    run_once(loops)
    run_once(loops)
    loops.write_stats()
    assert loops.introduce(1)["loop"] == 1
    for _ in range(2):
        loops.write_stats()
    assert loops.introduce(2) is None
    assert loops.ended == 2
    assert [stats["turns"] for _, stats in loops.totals()] == [2]


def test_who_begins_to_want_loops_hears_of_those_that_are_there():
    """Each loop once, and its end."""
    wanted, written = [], []
    loops = Loops(Engine(), written.append, steps=True, wanted=lambda: bool(wanted))
    run_once(loops)
    wanted.append(True)
    loops.tell_all()
    loops.tell_all()
    run_once(loops)
    assert [(event["e"], event["loop"]) for event in written] == [("loop", 1), ("loop", 2)]
    told = sorted((event["loop"], event["e"]) for event in loops.events())  # in no order: loops may share an address
    assert told == [(number, kind) for number in (1, 2) for kind in ("loop", "stats")]


def test_what_was_before_is_taken_off():
    """Sums become those of the stretch; the longest of all is that of the stretch only where it has grown."""
    before = stats(turns=5, away_ns=50, longest_turn_ns=9, longest_step_ns=4, lag={"3": 2, "7": 1})
    now = stats(turns=8, away_ns=70, longest_turn_ns=9, longest_step_ns=6, lag={"3": 4, "7": 1, "9": 1})
    assert since(None, now) == now
    assert since(before, now) == stats(
        turns=3, away_ns=20, longest_turn_ns=None, longest_step_ns=6, lag={"3": 2, "7": 0, "9": 1}
    )


def test_a_loop_inside_a_step_of_another_is_not_watched(watched):
    """While the outer run has not ended, the thread's loop is the outer one: its step is what takes so long."""
    loops, engine, _ = watched
    outer, inner = asyncio.new_event_loop(), asyncio.new_event_loop()
    outer._thread_id = threading.get_ident()
    for loop in (outer, None, inner, None, outer):
        loops.running(loop)
    assert list(engine.registered) == [1]
    outer._thread_id = None
    loops.running(None)
    assert list(engine.registered) == []
    outer.close()
    inner.close()


def test_a_loop_rests_between_its_runs_and_another_takes_its_place():
    """A runner starts its loop several times, a test suite a new loop for each test: neither costs the engine a new place."""
    written, engine = [], Engine(rests=True)
    loops = Loops(engine, written.append, steps=True)
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    for loop in (first, None, first, None, second, None):
        loops.running(loop)
    assert engine.told == [
        ("register", 1, 0),
        ("rest", 1),
        ("register", 1, 0),
        ("rest", 1),
        ("register", 2, 1),
        ("rest", 2),
    ]
    loops.write_stats()
    assert engine.registered == {}
    assert [event["turns"] for event in written if event["e"] == "stats"] == [1, 1]
    first.close()
    second.close()


def test_a_loop_that_runs_in_another_thread_leaves_its_place():
    """It cannot go on there with what was counted in the first thread; its statistics go on."""
    written, engine = [], Engine(rests=True)
    loops = Loops(engine, written.append, steps=True)
    loop = asyncio.new_event_loop()
    loops.running(loop)
    loops.running(None)
    thread = threading.Thread(target=lambda: (loops.running(loop), loops.running(None)))
    thread.start()
    thread.join()
    loops.write_stats()
    assert engine.registered == {}
    assert [event["turns"] for event in written if event["e"] == "stats"] == [2]
    loop.close()


def test_what_was_not_observed_is_not_invented():
    """Sums with something that was not observed are not observed; the longest is that of what was."""
    merged = merge(stats(turns=2, longest_step_ns=None), stats(turns=3, longest_step_ns=7))
    assert (merged["turns"], merged["steps"], merged["longest_step_ns"]) == (5, None, 7)
    assert merge(None, None) is None


def test_reading_a_loop_does_not_slow_it_down():
    """CPython must not be made to keep a real dict for the loop: each of its attributes would be slower for good."""
    testing = pytest.importorskip("_testinternalcapi")
    if not hasattr(testing, "has_inline_values"):
        pytest.skip("this CPython cannot tell")
    loop = asyncio.new_event_loop()
    loops = Loops(Engine(), lambda event: None, steps=True)
    loops.running(loop)
    loops.write_stats()
    loops.running(None)
    assert testing.has_inline_values(loop)
    loop.close()


def test_a_running_loop_of_another_thread_is_found_on_its_stack():
    """The loops that run already are found with their threads."""
    started, stop = threading.Event(), threading.Event()

    async def main():
        started.set()
        await asyncio.get_running_loop().run_in_executor(None, stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    started.wait()
    found = [(ident, tid) for ident, tid, _ in running_loops()]
    stop.set()
    thread.join()
    assert found == [(thread.ident, thread.native_id)]


def test_a_stack_that_ends_in_mid_air_is_looked_at_again(monkeypatch):
    """The other thread goes on while its stack is read: a coroutine that has suspended by then has no caller."""

    async def suspended():
        await asyncio.sleep(0)

    def run_forever(self):
        return sys._getframe()

    monkeypatch.setattr(asyncio.BaseEventLoop, "run_forever", run_forever)
    loop, coroutine = object(), suspended()
    coroutine.send(None)
    stacks = iter([{1: coroutine.cr_frame}, {1: run_forever(loop)}])
    monkeypatch.setattr("unjam.probes.loops.current_frames", lambda: next(stacks))
    assert [(ident, found) for ident, _, found in running_loops()] == [(1, loop)]
    coroutine.close()


def test_hooks_are_undone_and_what_was_kept_passes_on():
    """After undo asyncio is as it was, and a library that kept our function still sets its loop with it."""
    told = []
    hooks = LoopHooks(told.append)
    before = (asyncio.events._set_running_loop, asyncio._set_running_loop)
    hooks.hook_asyncio(asyncio.events)
    kept = asyncio._set_running_loop
    asyncio.run(asyncio.sleep(0))
    assert told[0] is not None
    assert told[-1] is None
    hooks.undo()
    assert (asyncio.events._set_running_loop, asyncio._set_running_loop) == before
    told.clear()
    kept(None)
    assert told == []


def test_hooks_that_fail_are_told_of_once_and_pass_on(monkeypatch):
    """asyncio runs as if nobody watched."""
    told, asked = [], []
    monkeypatch.setattr("unjam.probes.loop_hooks.report_failure", lambda what, error: told.append(type(error)))
    hooks = LoopHooks(lambda loop: asked.append(1 / 0))
    hooks.hook_asyncio(asyncio.events)
    asyncio.run(asyncio.sleep(0))
    asyncio.run(asyncio.sleep(0))
    hooks.undo()
    assert (told, asked) == ([ZeroDivisionError], [])


def test_totals_never_go_back(watched):
    """A loop's statistics stay in the sum after its run, after its end, and beside those of the next one."""
    loops, _, _ = watched
    seen = []

    def look():
        seen.append(sum(stats["turns"] for _, stats in loops.totals()))

    for _ in range(2):
        loop = asyncio.new_event_loop()
        loops.running(loop)
        look()
        loops.running(None)
        look()
        loop.close()
        loops.write_stats()
        look()
    assert seen == [1, 1, 1, 2, 2, 2]
    assert [(main, stats["loop"]) for main, stats in loops.totals()] == [(True, 0)]


def test_totals_tell_the_main_threads_loop_from_others(watched):
    """By the thread in which it runs."""
    loops, _, _ = watched

    def run():
        loops.running(loop)
        loops.running(None)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert [main for main, _ in loops.totals()] == [False]
    loop.close()
