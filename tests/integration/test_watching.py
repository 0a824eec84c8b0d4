"""Laws of watching from inside: what held the loop in a stretch, and nothing that is none of it."""

import asyncio
import logging
import subprocess
import sys
import textwrap
import threading
import time
from types import SimpleNamespace

import pytest

import unjam
from unjam.callbacks import Callbacks
from unjam.errors import LoopBlocked, UsageError
from unjam.telling import LineLimit, Log, fields, one_line
from unjam.watching import NOBODYS, Stretches, Watch

pytestmark = pytest.mark.serial


@pytest.fixture(params=["native", "python"])
def tier(request, monkeypatch):
    """Both tiers keep the same laws."""
    monkeypatch.setenv("UNJAM_TIER", request.param)
    yield request.param
    unjam.uninstall()


def blamed(watched):
    """What was found but that a busy machine gave no CPU, or let nothing be seen, which is nobody's fault."""
    return [finding for finding in watched.findings if finding.rule not in NOBODYS]


def hold():
    time.sleep(0.15)


async def holding():
    await asyncio.sleep(0)
    hold()
    await asyncio.sleep(0)


def test_a_stretch_tells_what_held_the_loop_in_it(tier):
    """The line, the leaf and the cause, from a plain `with` around a loop."""
    with unjam.watch() as watched:
        asyncio.run(holding())
    (finding,) = blamed(watched)
    assert ("UJ101", "hold", "time.sleep") == (finding.rule, finding.culprit.function, finding.leaf)
    assert 1 == len([loop for loop in watched.loops if loop.stalls])


def test_a_step_of_somebody_else_stays(tier, monkeypatch):
    """Who has patched Handle._run before us is called for every step; the line is found all the same, and what is missed is said."""
    original, called = asyncio.Handle._run, []

    def theirs(self):
        called.append(self)
        original(self)

    monkeypatch.setattr(asyncio.Handle, "_run", theirs)
    with unjam.watch() as watched:
        asyncio.run(holding())
    (finding,) = blamed(watched)
    assert ("UJ101", "hold", "time.sleep") == (finding.rule, finding.culprit.function, finding.leaf)
    assert len(called) >= 3
    assert any(f"{__name__} has put a method of its own" in each for each in watched.session.not_observed)


def test_loops_tell_of_the_stretch_alone(tier):
    """How busy each loop was in it, whether it began before or in it, and whether it has ended."""

    async def busy(times):
        for _ in range(times):
            await asyncio.sleep(0)

    async def main():
        await busy(1000)
        async with unjam.watch() as watched:
            await busy(20)
            await asyncio.to_thread(asyncio.run, busy(20))
        return watched

    unjam.install(record=False, log=False)
    watched = asyncio.run(main())
    assert [20 <= loop.steps < 500 for loop in watched.loops] == [True, True]
    assert sorted(loop.thread.partition("_")[0] for loop in watched.loops) == ["MainThread", "asyncio"]


def test_it_ends_while_the_turn_still_goes_on(tier):
    """Inside a coroutine the stall is told although the loop has not come back yet."""

    async def main():
        async with unjam.watch() as watched:
            hold()
        return watched

    (finding,) = blamed(asyncio.run(main()))
    assert "UJ101" == finding.rule
    assert finding.max_ms >= 140


def test_what_was_before_is_none_of_it(tier):
    """A stretch after a stall is clean."""
    unjam.install(record=False, log=False)
    asyncio.run(holding())
    with unjam.watch() as watched:
        asyncio.run(asyncio.sleep(0.01))
    assert [] == blamed(watched)


def test_of_a_turn_that_was_long_before_only_the_stretch_is_told(tier):
    """A watch in the middle of a stall accuses nobody of what came before, and misses nothing of what comes in it."""

    async def main():
        await asyncio.sleep(0)
        hold()
        async with unjam.watch() as clean:
            pass
        began = time.monotonic()
        async with unjam.watch() as watched:
            hold()
        return clean, watched, time.monotonic() - began

    unjam.install(record=False, log=False)
    clean, watched, took = asyncio.run(main())
    assert [] == blamed(clean)
    (finding,) = blamed(watched)
    assert ("UJ101", "hold") == (finding.rule, finding.culprit.function)
    assert 140 <= finding.max_ms <= 1000 * took


def test_of_one_stretch_after_another_each_has_its_own(tier):
    """Where nothing held a loop nothing is made; what did is told in its stretch alone, and by its own threshold."""
    unjam.install(record=False, log=False)
    stretches = Stretches(unjam.monitor.current())
    found = []
    for program, threshold in ((holding, "50ms"), (quiet, "50ms"), (holding, "10s"), (holding, "50ms")):
        assert stretches.sees(threshold)
        stretches.begin()
        asyncio.run(program())
        watched = stretches.end(threshold=threshold)
        found.append([] if watched is None else [finding.count for finding in blamed(watched)])
    assert [[1], [], [], [1]] == found
    assert not stretches.sees("20ms")  # shorter than what the monitor takes for a stall
    unjam.uninstall()
    assert not stretches.sees("50ms")


def test_nothing_is_made_of_a_stretch_that_began_in_a_stall(tier, monkeypatch):
    """How many stalls there were before is not known then, and in the stretch itself nothing was held."""
    monkeypatch.setattr(Stretches, "_mark", lambda self: -1)
    unjam.install(record=False, log=False, threshold="10s")
    stretches = Stretches(unjam.monitor.current())
    stretches.begin()
    asyncio.run(quiet())
    assert stretches.end(threshold="10s") is None
    unjam.uninstall()


async def quiet():
    await asyncio.sleep(0.01)


def test_the_threshold_is_the_watchs_own(tier):
    """What one watch lets pass another one tells."""
    with unjam.watch(threshold="1s") as patient:
        asyncio.run(holding())
    with unjam.watch(threshold="20ms") as strict:
        asyncio.run(holding())
    assert (0, 1) == (len(blamed(patient)), len(blamed(strict)))


def test_fail_raises_at_the_end(tier):
    """As a decorator, plain and async, it raises what it found; an error of the body goes first."""

    @unjam.watch(fail=True)
    def run():
        asyncio.run(holding())

    @unjam.watch(fail=True)
    def broken():
        asyncio.run(holding())
        raise KeyError("body")

    @unjam.watch(fail=True)
    async def coroutine():
        hold()

    with pytest.raises(LoopBlocked, match=r"UJ101 \[sleep\]"):
        run()
    with pytest.raises(LoopBlocked, match="UJ101"):
        asyncio.run(coroutine())
    with pytest.raises(KeyError):
        broken()


def test_nobody_fails_for_a_machine_that_gave_no_cpu(tier):
    """Starved, suspended, a full pool, a false timeout, nothing seen: the findings are there, and nothing is raised."""

    class Found(Watch):
        rules = ("UJ502", "UJ503", "UJ601", "UJ701", "")
        findings = property(lambda self: [SimpleNamespace(rule=rule) for rule in self.rules])

    with Found(fail=True) as watched:
        pass
    assert 5 == len(watched.findings)


def test_a_bare_decorator_keeps_the_function(tier):
    """Its name, its value and that it is a coroutine function stay."""

    @unjam.watch
    async def answer():
        return 42

    assert 42 == asyncio.run(answer())
    assert "answer" == answer.__name__
    assert asyncio.iscoroutinefunction(answer)


@pytest.mark.parametrize("threshold", ["fast", "0", "-1ms", "50", 0, -0.05, [50]])
def test_a_threshold_that_is_none_is_refused_at_the_door(threshold):
    """One clear line, before anything is watched."""
    with pytest.raises(UsageError, match="threshold"):
        unjam.watch(threshold=threshold)


def test_a_threshold_may_be_seconds():
    """As that of `install`."""
    assert 50.0 == unjam.watch(threshold=0.05).threshold_ms


def generator():
    yield


async def asynchronous_generator():
    yield


@pytest.mark.parametrize("subject", [3, dict, generator, asynchronous_generator])
def test_what_cannot_be_watched_call_by_call_is_refused_at_the_door(subject):
    """The body of a generator runs after the call: a decorator that watched it would find nothing, ever."""
    with pytest.raises(UsageError, match=r"unjam\.watch"):
        unjam.watch(subject)


@pytest.mark.parametrize("callback", [None, 3, holding])
def test_a_callback_that_cannot_be_called_is_refused_at_the_door(callback):
    """Nothing of it is heard when the first stall comes."""
    with pytest.raises(UsageError, match="calls a plain function"):
        unjam.on_stall(callback)


def test_callbacks_are_called_in_a_thread_of_ours(tier):
    """With the finding, not in the loop's thread; removing ends it."""
    called = []
    told = threading.Event()

    def callback(finding):
        called.append((finding.rule, threading.current_thread().name))
        told.set()

    remove = unjam.on_stall(callback)
    unjam.install(record=False, log=False)
    asyncio.run(holding())
    asyncio.run(asyncio.sleep(0.2))
    assert told.wait(30)
    remove()
    assert [("UJ101", "unjam-on-stall")] == called
    unjam.uninstall()
    unjam.install(record=False, log=False)
    assert unjam.monitor.current().tell().at_end == []  # or each stall would be thought about for nobody


def test_a_callback_that_raises_harms_nobody(tier, monkeypatch):
    """The others are called all the same."""
    reported = []
    monkeypatch.setattr("unjam.callbacks.report_failure", lambda what, error: reported.append(type(error)))
    callbacks, told = Callbacks(), threading.Event()
    callbacks.add(lambda finding: 1 / 0)
    callbacks.add(lambda finding: told.set())
    callbacks.put(None)
    assert told.wait(30)
    assert [ZeroDivisionError] == reported


def test_logging_is_one_line_with_fields(tier, caplog):
    """The logger unjam, one greppable line, what it says also as fields; and no more than some in a second."""
    with unjam.watch() as watched:
        asyncio.run(holding())
    (finding,) = blamed(watched)
    log = Log(LineLimit(clock=lambda: 100.0))
    with caplog.at_level(logging.WARNING, logger="unjam"):
        for _ in range(20):
            log.write(finding)
    assert 5 == len(caplog.records)
    assert f"stall {one_line(finding)}" == caplog.records[0].getMessage()
    assert fields(finding) == caplog.records[0].unjam
    assert "\n" not in caplog.records[0].getMessage()
    assert caplog.records[0].name == "unjam"


def test_live_lines_and_log_of_an_installed_monitor(tmp_path, tier):
    """`install(live=True)` says on stderr that a stall goes on and that it has ended; the log says so by itself."""
    program = tmp_path / "app.py"
    program.write_text(
        textwrap.dedent(
            """
            import asyncio, logging, time, unjam
            logging.basicConfig(format="%(name)s %(message)s")
            unjam.install(live=True, record=False)
            async def main():
                time.sleep(0.2)
            asyncio.run(main())
            """
        )
    )
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, check=True)
    lines = run.stderr.splitlines()
    assert ["unjam: stall so far", "unjam: stall", "unjam stall"] == [
        " ".join(line.split()[: 4 if "so far" in line else 2]) for line in lines
    ]
    assert all("main -> time.sleep [UJ101 sleep]" in line for line in lines)
