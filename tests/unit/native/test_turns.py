"""When is a loop away? The hook of epoll_wait, the stall lines, the counters."""

from itertools import pairwise

import pytest

LOOPS = ["asyncio", "uvloop"]

CLOCKS_NS = 2_000_000
"""How far the counter of the processor, by which turns are timed, may be off the clock."""


@pytest.fixture(params=LOOPS)
def runner(request):
    """How a program runs `main()` on each kind of loop."""
    if request.param == "asyncio":
        return "asyncio.run(main())"
    pytest.importorskip("uvloop")
    return "import uvloop; uvloop.run(main())"


def test_a_stall_is_told_with_its_true_length(run, runner):
    """It begins between the end of the last step before it and the call that blocks, and ends between that call and the next step."""
    outcome = run(f"""
        start()
        async def main():
            register()
            await asyncio.sleep(0.03)
            times = [time.monotonic_ns()]
            await asyncio.sleep(0)
            times.append(time.monotonic_ns())
            time.sleep(0.6)
            times.append(time.monotonic_ns())
            await asyncio.sleep(0)
            tell(times=[*times, time.monotonic_ns()])
            await asyncio.sleep(0.03)
            core.unregister_loop(1)
        {runner}
        core.stop()
    """)
    assert outcome.code == 0
    stall = outcome.longest()
    before, blocks, blocked, after = outcome.told["times"]
    assert before - CLOCKS_NS <= stall["t0"] <= blocks + CLOCKS_NS
    assert blocked - CLOCKS_NS <= stall["t1"] <= after + CLOCKS_NS
    assert outcome.functions(outcome.main_sample()["stack"])[-1] == "main"


def test_a_turn_below_the_threshold_is_not_told(run, runner):
    """Silence for what is short, although it is sampled."""
    outcome = run(f"""
        start(threshold_ms=1600)
        async def main():
            register()
            await asyncio.sleep(0.01)
            time.sleep(0.5)
            await asyncio.sleep(0.01)
            tell(**{{k: v for k, v in core.loop_stats(1).items() if k != "lag"}})
            core.unregister_loop(1)
        {runner}
        core.stop()
    """)
    assert outcome.events == []
    assert outcome.told["longest_turn_ns"] >= 500_000_000


def test_a_stall_that_never_ends_is_in_the_recording(run):
    """A process killed in the middle of a stall has left the stall, open, with what was seen."""
    outcome = run("""
        start()
        async def main():
            register()
            threading.Thread(target=kill_when_told).start()
            await asyncio.sleep(0.01)
            time.sleep(60)
        def kill_when_told():
            with open(os.environ["LINES"]) as lines:
                until(lambda: "clock_nanosleep" in lines.read())
            os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """)
    assert outcome.code == -9
    stall = outcome.longest()
    assert stall["t1"] is None
    assert outcome.main_sample()["sys"] == "clock_nanosleep"


def test_an_open_stall_is_told_again(run):
    """Lines at the threshold, each second, then when it has grown by a quarter, and at the end; in between it is said that it goes on."""
    outcome = run("""
        start()
        async def main():
            register()
            await asyncio.sleep(0.01)
            time.sleep(9.0)
            await asyncio.sleep(0.05)
        asyncio.run(main())
        core.stop()
    """)
    number, t0 = outcome.longest()["id"], outcome.longest()["t0"]
    lines = [line for line in outcome.of("stall") if line["id"] == number]
    assert [line["t1"] is None for line in lines] == [True] * (len(lines) - 1) + [False]
    # On a busy machine each may be late, and none is early but for the time that writing the one before took.
    second = 900_000_000
    told = [line["t"] - t0 for line in lines[1:-1]]
    assert told[0] >= second
    assert len(told) >= 3
    assert all(after - before >= max(second, before // 5) for before, after in pairwise(told))
    still = [line["t"] - t0 for line in outcome.of("still") if line["stall"] == number]
    assert still
    assert all(min(word - line for line in told if line < word) >= second for word in still)


def test_waiting_on_an_epoll_of_its_own_is_away(run):
    """Synchronous code that waits on another epoll descriptor inside a callback does not look like an idle loop."""
    outcome = run("""
        import select
        start()
        async def main():
            register()
            await asyncio.sleep(0.01)
            select.epoll().poll(0.6)
            await asyncio.sleep(0.01)
        asyncio.run(main())
        core.stop()
    """)
    assert outcome.main_sample()["sys"] in {"epoll_wait", "epoll_pwait"}  # aarch64 has the second one only
    assert outcome.main_sample()["target"] == "eventpoll"


def test_loops_in_threads_are_told_apart(run):
    """Each stall belongs to the loop whose thread slept; the other loop's turns stay short."""
    outcome = run("""
        start()
        steps()
        async def work(number):
            register(number)
            for _ in range(2):
                await asyncio.sleep(0.02)
                if number == 2:
                    time.sleep(0.6)
            await asyncio.sleep(0.02)
            core.unregister_loop(number)
        threads = [threading.Thread(target=lambda n=n: asyncio.run(work(n))) for n in (1, 2, 3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        core.stop()
    """)
    long = [stall["loop"] for stall in outcome.stalls() if stall["t1"] - stall["t0"] >= 600_000_000]
    assert long == [2, 2]


def test_loops_come_and_go(run):
    """More loops than there are slots, one after the other and with descriptors used again: all are watched."""
    outcome = run("""
        start()
        turns = []
        async def main(number):
            register(number)
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            turns.append(core.loop_stats(number)["turns"])
            core.unregister_loop(number)
        for number in range(200):
            asyncio.run(main(number))
        tell(watched=sum(1 for count in turns if count), after=core.loop_stats(5))
        core.stop()
    """)
    assert outcome.told == {"watched": 200, "after": None}


def test_more_loops_at_once_than_slots(run):
    """The 65th loop at once is not watched, and nothing else happens."""
    outcome = run("""
        start()
        loops = [asyncio.new_event_loop() for _ in range(70)]
        for number, loop in enumerate(loops):
            core.register_loop(number, epoll_of(loop))
        tell(watched=sum(1 for number in range(70) if core.loop_stats(number) is not None))
        for number, loop in enumerate(loops):
            loop.run_until_complete(asyncio.sleep(0))
            core.unregister_loop(number)
            loop.close()
        core.stop()
    """)
    assert outcome.code == 0
    assert outcome.told["watched"] == 64


def test_a_loop_found_running_is_watched_from_its_next_select(run):
    """A loop registered from another thread is bound to its own thread by the hook."""
    outcome = run("""
        start()
        steps()
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        until(lambda: loop.is_running())
        core.register_loop(7, epoll_of(loop), thread.ident)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), loop).result()
        loop.call_soon_threadsafe(time.sleep, 0.6)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), loop).result()
        stats = core.loop_stats(7)
        tell(turns=stats["turns"], steps=stats["steps"])
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        core.unregister_loop(7)
        core.stop()
    """)
    assert outcome.told["turns"] > 1
    assert outcome.told["steps"] > 1
    stall = outcome.longest()
    assert stall["loop"] == 7


def test_a_nested_loop_does_not_hide_the_outer_stall(run):
    """While a loop runs inside a callback of another one, the outer loop is away, and both are watched."""
    outcome = run("""
        start()
        steps()
        def nested():
            asyncio._set_running_loop(None)
            async def inner():
                register(2)
                await asyncio.sleep(0.6)
                tell(inner=core.loop_stats(2)["turns"])
                core.unregister_loop(2)
            inner_loop = asyncio.new_event_loop()
            inner_loop.run_until_complete(inner())
            asyncio._set_running_loop(outer)
        async def main():
            global outer
            outer = asyncio.get_running_loop()
            register(1)
            await asyncio.sleep(0.01)
            outer.call_soon(nested)
            await asyncio.sleep(0.01)
            tell(outer=core.loop_stats(1)["turns"])
            core.unregister_loop(1)
        asyncio.run(main())
        core.stop()
    """)
    assert outcome.told["inner"] > 0
    assert outcome.told["outer"] > 0
    assert outcome.longest()["loop"] == 1


def test_counters_agree_with_each_other(run):
    """Every turn is in the histogram, the time away is within the life, and the longest turn is not above it."""
    outcome = run("""
        start()
        steps()
        async def main():
            register()
            for _ in range(300):
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            stats = core.loop_stats(1)
            stats["lag"] = {str(k): v for k, v in stats["lag"].items()}
            tell(**stats)
            core.unregister_loop(1)
        asyncio.run(main())
        core.stop()
    """)
    stats = outcome.told
    assert sum(stats["lag"].values()) == stats["turns"] >= 300
    assert stats["steps"] >= 300
    assert stats["longest_turn_ns"] <= stats["away_ns"] <= stats["alive_ns"]
    assert not stats["in_select"]


def test_the_idle_watchdog_sleeps_and_wakes(run):
    """A process whose loop waits for long uses next to no CPU time, and the first stall after the rest is seen."""
    outcome = run("""
        start()
        async def main():
            register()
            await asyncio.sleep(0.6)
            before = time.process_time_ns()
            await asyncio.sleep(1.0)
            tell(used=time.process_time_ns() - before)
            time.sleep(0.6)
            await asyncio.sleep(0.01)
        asyncio.run(main())
        core.stop()
    """)
    assert outcome.longest()["t1"] - outcome.longest()["t0"] >= 600_000_000
    assert outcome.told["used"] <= 1_000_000_000 * 0.003


def test_a_calm_loop_is_looked_at_half_as_often(run):
    """Each second tick while every turn is short, each tick for a second after a long one."""
    outcome = run("""
        start(threshold_ms=1000, tick_ms=10)
        def sleeps_of_the_watchdog():
            for task in os.listdir("/proc/self/task"):
                with open(f"/proc/self/task/{task}/status") as status:
                    text = status.read()
                if text.startswith("Name:\tunjam-watchdog"):
                    return int(re.search(r"^voluntary_ctxt_switches:\\s*(\\d+)", text, re.M).group(1))
        async def rate(seconds):
            began, before = time.monotonic(), sleeps_of_the_watchdog()
            while time.monotonic() < began + seconds:
                await asyncio.sleep(0.001)
            return (sleeps_of_the_watchdog() - before) / (time.monotonic() - began)
        async def main():
            register()
            until(lambda: sleeps_of_the_watchdog() is not None)  # a thread gives itself its name
            await rate(0.1)
            calm = await rate(1.0)
            for _ in range(20):  # a busy machine gives the watchdog its CPU late
                time.sleep(0.25)
                restless = await rate(0.5)
                if restless > 60:
                    break
            tell(calm=calm, restless=restless)
            core.unregister_loop(1)
        asyncio.run(main())
        core.stop()
    """)
    assert outcome.told["calm"] <= 1 / 0.02 + 2
    assert outcome.told["restless"] > 60


def test_a_loop_without_epoll_is_watched_by_its_steps(run):
    """Of a loop on another selector, long steps are told all the same; what is not observed is None."""
    outcome = run("""
        import selectors
        start()
        steps()
        loop = asyncio.SelectorEventLoop(selectors.PollSelector())
        async def main():
            core.register_loop(1, -1)
            await asyncio.sleep(0.01)
            time.sleep(0.6)
            await asyncio.sleep(0.01)
            stats = core.loop_stats(1)
            tell(turns=stats["turns"], away=stats["away_ns"], lag=stats["lag"], steps=stats["steps"])
            core.unregister_loop(1)
        loop.run_until_complete(main())
        loop.close()
        core.stop()
    """)
    assert outcome.told["turns"] is outcome.told["away"] is None
    assert outcome.told["lag"] == {}
    assert outcome.told["steps"] > 1
    stall = outcome.longest()
    assert stall["t1"] - stall["t0"] >= 600_000_000


def test_a_loop_forgotten_by_its_thread(run):
    """A thread that ends without unregistering its loop leaves no stall that lasts for ever, and its slot is used again."""
    outcome = run("""
        start(threshold_ms=20)
        def work():
            loop = asyncio.new_event_loop()
            core.register_loop(1, epoll_of(loop))  # it counts as away from here on, and never comes back
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        until(lambda: core.loop_stats(1) is None)
        core.stop()
    """)
    assert outcome.code == 0, outcome.stderr


def test_stopping_from_another_thread(run):
    """A loop goes on unharmed when the engine is stopped, and started for other loops, from another thread."""
    outcome = run("""
        start()
        steps()
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        until(lambda: loop.is_running())
        for round in range(20):
            core.register_loop(1, epoll_of(loop), thread.ident)
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.001), loop).result()
            core.stop()
            start()
            steps()
            async def main():
                register(2)
                await asyncio.sleep(0.002)
                before = core.loop_stats(2)["steps"]
                asyncio.run_coroutine_threadsafe(asyncio.sleep(0.001), loop).result()
                assert core.loop_stats(2)["steps"] == before  # the other loop's steps are not ours
                core.unregister_loop(2)
            asyncio.run(main())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        core.stop()
    """)
    assert outcome.code == 0, outcome.stderr


def test_a_loop_rests_and_goes_on(run, runner):
    """Between two runs it is not alive and not away, and nothing is forgotten; a stall of the second run is told as any."""
    outcome = run(f"""
        start()
        async def main():
            register(1)
            await asyncio.sleep(0.01)
            before = core.loop_stats(1)
            rested = core.rest_loop(1)
            time.sleep(1.4)
            resting = core.loop_stats(1)
            core.register_loop(1, epoll_of(asyncio.get_running_loop()))
            await asyncio.sleep(0.01)
            time.sleep(0.6)
            await asyncio.sleep(0.01)
            after = core.loop_stats(1)
            tell(rested=rested, again=core.rest_loop(2), in_select=resting["in_select"])
            tell(grown=after["turns"] - before["turns"], rest=resting["alive_ns"] - before["alive_ns"])
            tell(away=resting["away_ns"] - before["away_ns"], alive=after["alive_ns"] - before["alive_ns"])
        {runner}
        core.stop()
    """)
    told = outcome.told
    assert (outcome.code, told["rested"], told["again"], told["in_select"]) == (0, True, False, True)
    assert told["grown"] >= 2
    assert max(told["rest"], told["away"]) < 1_300_000_000
    assert told["alive"] >= 600_000_000
    assert 600_000_000 <= outcome.longest()["t1"] - outcome.longest()["t0"] < 1_300_000_000


def test_another_loop_takes_the_place_of_one_that_rests(run, runner):
    """It begins at nothing, its stalls bear its own number, and the one before is registered no more."""
    outcome = run(f"""
        start(threshold_ms=600)
        async def main():
            epoll = epoll_of(asyncio.get_running_loop())
            register(1)
            await asyncio.sleep(0.01)
            time.sleep(0.7)
            await asyncio.sleep(0.01)
            for _ in range(1000):
                await asyncio.to_thread(core.flush, 5)
                core.rest_loop(1)
                began = time.monotonic_ns()
                taken = core.register_loop(2, epoll, 0, 1)
                if taken:
                    break
                core.unregister_loop(2)  # a stall of 1 is still to be told: a busy machine adds some
                register(1)
            stats = core.loop_stats(2)
            tell(since_ns=time.monotonic_ns() - began, taken=taken, gone=core.loop_stats(1) is None, lag=len(stats["lag"]))
            tell(**{{key: stats[key] for key in ("turns", "longest_turn_ns", "away_ns")}})
            await asyncio.sleep(0.01)
            time.sleep(0.7)
            await asyncio.sleep(0.01)
            core.rest_loop(2)
        {runner}
        core.stop()
    """)
    told = outcome.told
    assert (outcome.code, told["taken"], told["gone"], told["lag"]) == (0, True, True, 0)
    assert (told["turns"], told["longest_turn_ns"]) == (0, 0)
    assert told["away_ns"] <= told["since_ns"]
    assert {stall["loop"] for stall in outcome.own_stalls()} == {1, 2}


def test_no_place_is_taken_while_a_stall_is_still_to_be_told(run):
    """What the watchdog has not written yet is of the loop before: the new one gets a place of its own."""
    outcome = run("""
        start(threshold_ms=600)
        async def main():
            register(1)
            await asyncio.sleep(0.01)
            time.sleep(0.7)
            core.rest_loop(1)
            tell(taken=core.register_loop(2, epoll_of(asyncio.get_running_loop()), 0, 1), kept=core.loop_stats(1) is not None)
            core.unregister_loop(2)
        asyncio.run(main())
        core.stop()
    """)
    assert outcome.code == 0
    assert outcome.told["taken"] is not outcome.told["kept"]
    assert [stall["loop"] for stall in outcome.own_stalls()] == [1]


def test_a_loop_does_not_go_on_in_another_thread(run):
    """What is read of a thread is that thread's own: the place rests until it is given up."""
    outcome = run("""
        start()
        async def main():
            register(1)
            await asyncio.sleep(0.01)
            core.rest_loop(1)
            epoll, taken = epoll_of(asyncio.get_running_loop()), []
            thread = threading.Thread(target=lambda: taken.append(core.register_loop(2, epoll, 0, 1)))
            thread.start()
            thread.join()
            tell(taken=taken, kept=core.loop_stats(1) is not None)
        asyncio.run(main())
        core.stop()
    """)
    assert (outcome.code, outcome.told) == (0, {"taken": [False], "kept": True})
