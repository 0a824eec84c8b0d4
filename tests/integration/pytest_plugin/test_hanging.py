"""Laws of --unjam-hang: a test that does not get on fails and says who waits for whom; one that is slow does not."""

from itertools import pairwise

import pytest

from unjam.integrations.pytest_plugin.hanging import DUMP_S, TICK_S, pause_s

HANGS = """
import threading

def test_event():
    async def waiting():
        asyncio.create_task(beating())
        await asyncio.Event().wait()
    asyncio.run(waiting())

async def beating():
    while True:
        await asyncio.sleep(0.05)

def test_cycle():
    async def main():
        first, second = asyncio.Lock(), asyncio.Lock()
        await asyncio.gather(taking(first, second), taking(second, first))
    asyncio.run(main())

async def taking(one, other):
    async with one:
        await asyncio.sleep(0.01)
        async with other:
            pass

def test_lock_of_a_thread():
    async def main():
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
    asyncio.run(main())

@pytest.fixture
def stuck():
    threading.Event().wait()

def test_set_up(stuck):
    pass

def test_waits_again_in_its_clean_up():
    async def main():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()
    asyncio.run(main())

def test_goes_on():
    pass
"""


def test_what_hangs_fails_and_says_who_waits_for_whom(run, outcomes):
    """A wait for nobody, a cycle, a lock on the loop, a fixture, a clean-up; a heartbeat hides nothing, and the run goes on."""
    result = run(HANGS, "--unjam-hang=500ms", "-v", "-rN")
    assert {
        "test_event": "failed",
        "test_cycle": "failed",
        "test_lock_of_a_thread": "failed",
        "test_set_up": "error",
        "test_waits_again_in_its_clean_up": "failed",
        "test_goes_on": "passed",
    } == outcomes(result)
    result.stdout.fnmatch_lines(
        [
            "this test hangs: it has not got on for * s",
            "*task * waits for asyncio.Event at test_it.py:*: who will end it is not known",
            "this test hangs: it has not got on for * s",
            "UJ801 deadlock (exact)  test_it.py:*",
            "*1. task * waits for asyncio.Lock *",
            "*do: take asyncio.Lock *in one order everywhere*",
            "*thread MainThread waits for threading.Lock `lock` at test_it.py:*",
        ]
    )


ENDS = """
def test_sleeps():
    asyncio.run(asyncio.sleep(60))

async def sleeping():
    process = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        await process.wait()
    finally:
        process.kill()

def test_child():
    asyncio.run(sleeping())
"""


def test_what_waits_for_what_ends_is_not_said_to_hang(run):
    """It has not got on for too long, which is what fails it; how its wait ends is told, and a child process is no network."""
    result = run(ENDS, "--unjam-hang=1s", "-rN")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "this test has not got on for * s",
            "*task * waits for a timer*: ends by itself within * s",
            "this test has not got on for * s",
            "*task * waits for another process at test_it.py:* in sleeping: ends with it",
        ]
    )
    assert "this test hangs" not in result.stdout.str()


SLOW = """
import threading

async def work():
    for _ in range(10):
        await asyncio.sleep(0.1)

def test_steps():
    asyncio.run(work())

def test_workers():
    async def main():
        await asyncio.gather(work(), work())
    asyncio.run(main())

def test_computing_in_a_thread():
    async def main():
        await asyncio.to_thread(computing)
    asyncio.run(main())

def computing():
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        sum(range(1000))

def test_synchronous():
    for _ in range(10):
        time.sleep(0.1)

@pytest.mark.unjam(hang="10s")
def test_with_a_limit_of_its_own():
    time.sleep(1.0)

@pytest.mark.unjam(off=True, reason="waits for a tape")
def test_off():
    time.sleep(1.0)
"""


def test_what_is_slow_but_gets_on_does_not_hang(run):
    """Twice the limit and more, in small steps, in other tasks, in a thread; a longer limit, or none, by the marker."""
    run(SLOW, "--unjam-hang=400ms").assert_outcomes(passed=6)


STUBBORN = """
import threading

def test_before():
    pass

def test_stubborn():
    for _ in range(1000):
        try:
            threading.Event().wait()
        except BaseException:
            pass

def test_after():
    pass
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_what_cannot_be_interrupted_ends_the_process(run, workers):
    """Who waits for whom is on stderr before that; under xdist only the worker ends, and the other tests run."""
    result = run(STUBBORN, "--unjam-hang=400ms", *workers, plugins=["xdist"] if workers else [])
    assert pytest.ExitCode.TESTS_FAILED == result.ret
    result.stderr.fnmatch_lines(
        [
            "unjam: test_it.py::test_stubborn: this test hangs: *",
            "*thread MainThread waits for threading.Event at test_it.py:*",
            "it does not end when it is interrupted",
            "unjam: pytest ends here",
        ]
    )
    if workers:
        result.assert_outcomes(passed=2, failed=1)


def test_threads_that_tests_have_left_do_not_keep_the_process(run):
    """The tests are over and have passed: the exit code says so, and stderr which threads were left."""
    result = run(
        "import threading\ndef test_it():\n    threading.Thread(target=threading.Event().wait, name='left').start()\n",
        "--unjam-hang=500ms",
    )
    assert pytest.ExitCode.OK == result.ret
    result.stderr.fnmatch_lines(["unjam: the tests are over, but threads still run: left"])


@pytest.mark.parametrize("method", ["thread", "signal"])
def test_pytest_timeout_is_told_before_it_ends_the_test(run, method):
    """Its time is shorter than ours: who waits for whom is known before it is over; what is slow is still its business."""
    tests = """
def test_hangs():
    async def main():
        await asyncio.Event().wait()
    asyncio.run(main())
"""
    options = ("--unjam-hang=30s", "--timeout=8", f"--timeout-method={method}")
    result = run(tests, *options, plugins=["pytest_timeout"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["this test hangs: *", "*waits for asyncio.Event*"])


def test_faulthandlers_own_timeout_goes_on(run):
    """It dumps its stacks, and we end the test."""
    tests = "def test_it():\n    asyncio.run(main())\nasync def main():\n    await asyncio.Event().wait()\n"
    result = run(tests, "--unjam-hang=2s", ini="faulthandler_timeout = 0.5")
    result.assert_outcomes(failed=1)
    result.stderr.fnmatch_lines(["Timeout*"])
    result.stdout.fnmatch_lines(["this test hangs: *"])


@pytest.mark.parametrize("begins", [tick / 50 for tick in range(10)])
def test_our_thread_sleeps_while_faulthandler_dumps(begins):
    """It reads the stacks of threads that run, which can crash the process: no tick comes near to it, and the next soon after."""
    now, dump_at, ticks = begins, 1.0, []
    while now < 2.0:
        now += pause_s(now, dump_at)
        ticks.append(now)
    assert min(abs(tick - dump_at) for tick in ticks) > DUMP_S * 0.99
    assert max(after - before for before, after in pairwise(ticks)) <= TICK_S + 2 * DUMP_S


def test_no_faulthandler_no_dump(run):
    """pytest without that plugin has no such setting."""
    result = run("def test_it():\n    pass\n", "--unjam-hang=5s", "-p", "no:faulthandler")
    result.assert_outcomes(passed=1)


def test_a_test_may_fork(run):
    """No thread of ours is across a fork: nothing warns of it, and tests after it are looked after."""
    tests = """
import os, warnings

def test_forks():
    time.sleep(0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)

def test_hangs():
    async def main():
        await asyncio.Event().wait()
    asyncio.run(main())
"""
    result = run(tests, "--unjam-hang=500ms")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["this test hangs: *"])
