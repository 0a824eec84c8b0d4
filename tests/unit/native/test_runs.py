"""Laws of following runs: what the core does by itself about loops is what Python would have done."""

import importlib.util

import pytest

FOLLOWED = """
import gc
from unjam.probes.loop_hooks import LoopHooks
from unjam.probes.loops import Loops

wanted, written, asked = [], [], []
start()
loops = Loops(core, written.append, steps=True, wanted=lambda: bool(wanted))
hooks = LoopHooks(lambda loop: (asked.append(loop is not None), loops.running(loop)), core)
hooks.hook_asyncio(asyncio.events)

async def turn():
    await asyncio.sleep(0)
    return loops.number_of(asyncio.get_running_loop())

def run_new(work=turn):
    with asyncio.Runner() as runner:
        return [runner.run(work()) for _ in range(3)]

def turns():
    return sum(stats["turns"] for _, stats in loops.totals())
"""


def test_a_new_loop_takes_over_from_one_that_is_over(run):
    """A suite of tests asks Python once, for its first loop; what is counted goes on, as do number and the way to the loop."""
    told = run(
        FOLLOWED
        + """
numbers = [run_new() for _ in range(20)]
few = turns()
numbers += [run_new() for _ in range(20)]
tell(numbers=numbers, asked=asked, more=turns() / few, known=len(loops.totals()), gone=loops.loop_of(1) is None)
"""
    ).told
    assert told["numbers"] == [[1, 1, 1]] * 40
    assert told["asked"] == [True]
    assert told["more"] == 2
    assert told["known"] == 1
    assert told["gone"]


def test_a_loop_that_was_told_of_keeps_its_record(run):
    """What somebody has been told is of that loop alone: the next one has its own number."""
    told = run(
        FOLLOWED
        + """
first = run_new()
loops.introduce(1)
second, third = run_new(), run_new()
wanted.append(True)
loops.tell_all()
fourth, fifth = run_new(), run_new()
tell(numbers=[each[0] for each in (first, second, third, fourth, fifth)], named=[event["loop"] for event in written])
"""
    ).told
    assert told["numbers"] == [1, 2, 2, 3, 4]
    assert told["named"] == [2, 3, 4]


def test_a_loop_that_may_run_again_is_not_taken_over_from(run):
    """Two loops that run in turn are two."""
    told = run(
        FOLLOWED
        + """
with asyncio.Runner() as one, asyncio.Runner() as other:
    numbers = [runner.run(turn()) for _ in range(3) for runner in (one, other)]
tell(numbers=numbers)
"""
    ).told
    assert told["numbers"] == [1, 2, 1, 2, 1, 2]


def test_a_loop_run_inside_a_step_leaves_the_outer_one_watched(run):
    """The outer loop's step is what takes so long, and it goes on afterwards."""
    outcome = run(
        FOLLOWED
        + """
async def outer():
    await asyncio.sleep(0)
    own = asyncio.get_running_loop()
    asyncio.events._set_running_loop(None)
    inner = asyncio.new_event_loop()
    inner.call_later(0.15, inner.stop)  # no task: 3.14 runs none inside of another
    inner.run_forever()
    inner.close()
    asyncio.events._set_running_loop(own)
    await asyncio.sleep(0)
    return loops.number_of(own)

numbers = run_new(outer)
until(lambda: core.flush(1.0) >= 3)
core.stop()
tell(numbers=numbers)
"""
    )
    assert outcome.told["numbers"] == [1, 1, 1]
    assert [stall["loop"] for stall in outcome.own_stalls()][:3] == [1, 1, 1]


def test_a_loop_whose_rest_was_ended_is_watched_again(run):
    """The drainer takes places back at any moment, also from a loop that has taken a record over."""
    told = run(
        FOLLOWED
        + """
run_new()
with asyncio.Runner() as runner:
    numbers = [runner.run(turn())]
    for _ in range(3):
        before = turns()
        loops.write_stats()
        numbers += [runner.run(turn()), turns() > before, core.is_resting(1)]
    loops.write_stats()
    numbers.append(core.end_rest(1))
tell(numbers=numbers)
"""
    ).told
    assert told["numbers"] == [1, *[1, True, True] * 3, None]


def test_a_stall_of_a_loop_that_has_taken_over_is_told_of(run):
    """With its number, which is introduced then, and the loop that it was is found by it."""
    outcome = run(
        FOLLOWED
        + """
async def hold():
    time.sleep(0.15)
    return loops.loop_of(1) is asyncio.get_running_loop()

run_new()
before = core.mark()
here = run_new(hold)
until(lambda: core.flush(1.0) >= before + 3)
core.stop()
tell(here=here, type=loops.introduce(1)["type"])
"""
    )
    assert outcome.told["here"] == [True, True, True]
    assert outcome.told["type"].startswith("asyncio.")
    assert {stall["loop"] for stall in outcome.own_stalls()} == {1}


def test_who_has_kept_the_function_passes_on_after_undo(run):
    """Nothing is followed any more, and asyncio is as it was."""
    told = run(
        FOLLOWED
        + """
kept, ours = asyncio.events._set_running_loop, core.telling_runs(None)
hooks.undo()
loop = asyncio.new_event_loop()
kept(loop)
running = asyncio._get_running_loop() is loop
kept(None)
ours(None)
tell(running=running, asked=asked, same=asyncio.events._set_running_loop is not kept)
loop.close()
"""
    ).told
    assert told["running"]
    assert told["asked"] == []
    assert told["same"]


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed")
def test_loops_of_uvloop_are_followed_as_well(run):
    """They say twice that they run, and that they do not."""
    told = run(
        FOLLOWED
        + """
import uvloop
hooks.hook_uvloop(uvloop)

def run_uv():
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return [runner.run(turn()) for _ in range(3)]

numbers = [run_uv() for _ in range(10)]
tell(numbers=numbers, asked=asked)
"""
    ).told
    assert told["numbers"] == [[1, 1, 1]] * 10
    assert told["asked"] == [True]


def test_a_loop_is_watched_in_a_thread_that_was_given_the_ident_of_its_last_one(run):
    """It rests in a thread that has ended, where it can never run again."""
    told = run(
        FOLLOWED
        + """
loop, watched = asyncio.new_event_loop(), []

async def look():
    watched.append(core.loop_stats(loops.number_of(loop)) is not None)

for _ in range(5):
    thread = threading.Thread(target=loop.run_until_complete, args=(look(),))
    thread.start()
    thread.join()
tell(watched=watched, number=loops.number_of(loop))
loop.close()
"""
    ).told
    assert told["watched"] == [True] * 5
    assert told["number"] == 1


def test_the_figures_of_a_loop_outlive_its_thread(run):
    """A loop that rests in a thread that has ended is looked at no more, and what it did is told; of very many only some are kept."""
    told = run(
        FOLLOWED
        + """
wanted.append(True)
async def work():
    for _ in range(20):
        await asyncio.sleep(0.001)

def in_threads(count):
    threads = [threading.Thread(target=asyncio.run, args=(work(),)) for _ in range(count)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

asyncio.run(work())
in_threads(3)
time.sleep(0.3)
some = turns()
loops.write_stats()
ended = [event["loop"] for event in written if event["e"] == "loop_end"]
lags = [event["turns"] for event in written if event["e"] == "stats"]
for _ in range(4): in_threads(24)
time.sleep(0.3)
core.register_loop(1000, -1, 0)
tell(some=some, ended=len(ended), lags=lags, most=turns(), room=core.loop_stats(1000) is not None)
"""
    ).told
    assert told["some"] >= 4 * 20
    assert told["ended"] >= 3
    assert all(turns >= 20 for turns in told["lags"])
    assert told["most"] >= told["some"]
    assert told["room"]
