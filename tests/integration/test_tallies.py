"""The tallies of an engine, on each tier and loop: what the steps of one context took, what they waited, and who is told."""

import json
import subprocess
import sys
import textwrap

import pytest

PREAMBLE = """
import asyncio, contextvars, json, sys, time
import unjam
from unjam import monitor

LOOP, TIER = sys.argv[1:]
VARIABLE = contextvars.ContextVar("tally", default=None)
told = []

def observe(loop, who, begin, end, waited):
    told.append((getattr(who, "name", type(who).__name__), round((end - begin) / 1e6), bool(waited)))

def hold(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass

def begun(name):
    tally = Named()
    tally.name = name
    VARIABLE.set(tally)
    tally.was_begun = tally.begin()
    return tally

async def watched(main):
    global Named
    engine = monitor.current().engine
    class Named(engine.Tally):
        __slots__ = ("name", "was_begun")
    engine.set_tally(VARIABLE, observe)
    await asyncio.sleep(0.01)
    return await main()

def tell(main):
    unjam.install(record=False, log=False, tier=TIER)
    if LOOP == "uvloop":
        import uvloop
        facts = uvloop.run(watched(main))
    else:
        facts = asyncio.run(watched(main))
    print(json.dumps(facts))
"""

OBSERVED = [("asyncio", "native"), ("uvloop", "native"), ("asyncio", "python")]
EVERYWHERE = pytest.mark.parametrize(("loop", "tier"), OBSERVED)


def run(program, loop, tier):
    source = textwrap.dedent(PREAMBLE) + textwrap.dedent(program)
    done = subprocess.run(
        [sys.executable, "-c", source, loop, tier], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@EVERYWHERE
def test_own_steps_and_those_of_started_tasks_are_counted(loop, tier):
    """Own time is that of the task and of the tasks it starts, and not that of others; a wait is theirs, and who held is told."""
    facts, _ = run(
        """
        async def child(ready):
            ready.set()
            hold(0.06)

        async def first(ready):
            tally = begun("first")
            await asyncio.sleep(0.01)
            await asyncio.create_task(child(ready))
            hold(0.04)
            tally.end()
            return tally

        async def second(ready):
            tally = begun("second")
            await ready.wait()
            tally.end()
            return tally

        async def main():
            ready = asyncio.Event()
            tallies = await asyncio.gather(first(ready), second(ready))
            return [(t.was_begun, t.own_ns / 1e6, t.waited_ns / 1e6) for t in tallies], told

        tell(main)
        """,
        loop,
        tier,
    )
    (first, second), told = facts
    assert (first[0], second[0]) == (True, True)
    assert first[1] >= 100
    assert second[1] < first[1] / 2
    assert second[2] >= 59
    assert ["first", False] in [[name, waited] for name, _, waited in told]
    assert ["second", True] in [[name, waited] for name, _, waited in told]


@EVERYWHERE
@pytest.mark.parametrize(
    ("answer", "least", "most"), [("end - 20_000_000", 20, 20), ("0", 50, 1e9), ("-1", 50, 1e9), ("end", 0, 0)]
)
def test_a_wait_counts_from_when_the_observer_says(loop, tier, answer, least, most):
    """It may know since when the tally was ready; what is no time, or before the wait as it was seen, changes nothing."""
    facts, _ = run(
        f"""
        def observe(loop, who, begin, end, waited):
            return {answer} if waited else None

        async def waiting():
            tally = begun("waiting")
            before = tally.waited_ns
            await asyncio.sleep(0)
            tally.end()
            return (tally.waited_ns - before) / 1e6

        async def holding():
            hold(0.06)

        async def main():
            waited, _ = await asyncio.gather(waiting(), holding())
            return waited

        tell(main)
        """,
        loop,
        tier,
    )
    assert least <= facts <= most


@EVERYWHERE
def test_an_ended_tally_counts_no_more(loop, tier):
    """What a task that outlives its request does later is not the request's, and is told of as somebody else's."""
    facts, _ = run(
        """
        async def lasting():
            await asyncio.sleep(0.01)
            hold(0.03)

        async def request():
            tally = begun("request")
            task = asyncio.create_task(lasting())
            tally.end()
            return tally, task

        async def main():
            tally, task = await asyncio.create_task(request())
            await task
            return tally.own_ns / 1e6, told

        tell(main)
        """,
        loop,
        tier,
    )
    own, told = facts
    assert own < 30
    assert [name for name, ms, waited in told if ms >= 29 and not waited] == [
        {"asyncio": "Handle", "uvloop": "NoneType"}[loop]
    ]


@EVERYWHERE
def test_an_observer_that_raises_is_told_of_no_more(loop, tier):
    """The program, and the exception that its own step raises at that moment, are unaffected."""
    facts, err = run(
        """
        calls = []

        def failing(*args):
            calls.append(args)
            raise RuntimeError("the observer fails")

        async def request():
            begun("request")
            await asyncio.sleep(0.001)
            hold(0.02)
            raise ValueError("the program's own")

        async def main():
            monitor.current().engine.set_tally(VARIABLE, failing)
            seen = []
            for _ in range(2):
                try:
                    await asyncio.create_task(request())
                except ValueError as error:
                    seen.append(str(error))
            return len(calls), seen

        tell(main)
        """,
        loop,
        tier,
    )
    assert facts == [1, ["the program's own"] * 2]
    assert "the observer fails" in err


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_select_that_takes_its_time_has_not_slept(loop):
    """A select that finds thousands of descriptors ready, or loses its CPU, is slow; what came before it waited all the same."""
    facts, _ = run(
        """
        import os, resource, socket

        async def main():
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
            running = asyncio.get_running_loop()
            end, other = socket.socketpair()
            end.setblocking(False)
            reading, writing = os.pipe()
            copies = [os.dup(reading) for _ in range(2_000)]
            for copy in copies:
                running.add_reader(copy, running.remove_reader, copy)

            def holder():
                other.send(b"x")
                os.write(writing, b"x")
                hold(0.06)

            running.call_later(0.01, holder)
            tally = begun("late")
            await running.sock_recv(end, 1)
            tally.end()
            return tally.waited_ns / 1e6

        tell(main)
        """,
        loop,
        "native",
    )
    assert facts >= 59


def test_the_twin_says_that_it_does_not_see_the_steps_of_uvloop():
    """begin() is false there: nothing is counted, and nothing is 0."""
    facts, _ = run(
        """
        async def main():
            tally = begun("request")
            return tally.was_begun, tally.waited_ns

        tell(main)
        """,
        "uvloop",
        "python",
    )
    assert facts == [False, None]


@EVERYWHERE
def test_watching_may_end_within_a_request(loop, tier):
    """After uninstall nothing is counted, and what was begun can still be ended."""
    facts, _ = run(
        """
        async def main():
            tally = begun("request")
            unjam.uninstall()
            await asyncio.sleep(0.001)
            tally.end()
            return begun("another").was_begun

        tell(main)
        """,
        loop,
        tier,
    )
    assert facts is False


@EVERYWHERE
def test_a_scope_has_one_tally_until_it_is_finished(loop, tier):
    """What begins inside of it is part of it; when it is finished its scope is let go of, and whom it met is kept by name before."""
    facts, _ = run(
        """
        async def main():
            engine, kept = monitor.current().engine, []

            class Made(engine.Tally):
                __slots__ = ()
                keep_name = lambda self: kept.append(self.name_of(self.scope))

            outer = Made.of("outer", str.upper)
            inner = Made.of("inner", str.upper), await asyncio.create_task(within(Made))
            outer.finish()
            begun = outer.scope, outer.own_ns > 0, hasattr(outer, "__dict__"), list(kept)
            late = Made.of("late", str.upper)
            late.delays = []
            late.finish()
            return inner, begun, kept

        async def within(made):
            return made.of("within", str.upper)

        tell(main)
        """,
        loop,
        tier,
    )
    assert facts == [[None, None], [None, True, False, []], ["LATE"]]


@EVERYWHERE
def test_who_asks_first_is_told_to_begin_anew(loop, tier):
    """While nobody has called set_tally, a class begins its own way; afterwards it is not asked."""
    facts, _ = run(
        """
        async def main():
            engine = monitor.current().engine

            class Made(engine.Tally):
                anew = classmethod(lambda cls, scope, name_of: ["anew", scope])

            engine.set_tally(None, None)
            before = Made.of("scope", str)
            engine.set_tally(VARIABLE, observe)
            return before, Made.of("scope", str).scope

        tell(main)
        """,
        loop,
        tier,
    )
    assert facts == [["anew", "scope"], "scope"]


@EVERYWHERE
def test_a_request_that_is_never_finished_is_collected(loop, tier):
    """Its scope holds it, and it holds its scope."""
    facts, _ = run(
        """
        import gc, weakref

        class Scope(dict):
            pass

        async def abandoned(engine):
            scope = Scope()
            scope["request"] = engine.Tally.of(scope, str)
            scope["send"] = scope["request"].passing(scope.get, frozenset({"start"}), max)
            return weakref.ref(scope)

        async def main():
            scope = await asyncio.create_task(abandoned(monitor.current().engine))
            await asyncio.sleep(0)
            gc.collect()
            return scope() is None

        tell(main)
        """,
        loop,
        tier,
    )
    assert facts is True


@EVERYWHERE
def test_messages_pass_and_some_are_changed(loop, tier):
    """What is of no kind that is asked for goes on as the very object that it is; what fails on the way fails where it is sent."""
    facts, _ = run(
        """
        import collections

        async def main():
            sent = []
            passing = engine_tally().passing(sent.append, frozenset({"start"}), lambda tally, message: {**message, "more": 1})
            body, chained = {"type": "body"}, collections.ChainMap({"type": "body"})
            for message in (body, {"type": "start"}, collections.ChainMap({"type": "start"}), chained):
                passing(message)
            failures = []
            for wrong in ({}, {"type": []}, None, 3):
                try:
                    passing(wrong)
                except Exception as error:
                    failures.append(type(error).__name__)
            return sent[0] is body, sent[3] is chained, [dict(one) for one in sent[1:3]], len(sent), failures

        def engine_tally():
            return monitor.current().engine.Tally()

        tell(main)
        """,
        loop,
        tier,
    )
    changed = {"type": "start", "more": 1}
    assert facts == [True, True, [changed, changed], 4, ["KeyError", "TypeError", "TypeError", "TypeError"]]
