"""Where the time of a stall went: CPU, run queue, quota, a process that was stopped."""

import os
import sys
from pathlib import Path

import pytest


def test_a_busy_stall_is_cpu_and_run_queue(run):
    """With another process on the same core, CPU time and run-queue delay together make up the stall; neither does alone."""
    outcome = run("""
        import subprocess
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        rival = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        start()
        async def main():
            register()
            await asyncio.sleep(0.3)
            spin(0.8)
            await asyncio.sleep(0.01)
        asyncio.run(main())
        rival.kill()
        core.stop()
    """)
    stall = outcome.longest()
    length = stall["t1"] - stall["t0"]
    assert stall["cpu_ns"] + stall["runq_ns"] == pytest.approx(length, rel=0.3)  # a virtual machine is held up itself
    assert max(stall["cpu_ns"], stall["runq_ns"]) <= length * 0.95
    assert stall["runq_ns"] >= length * 0.1


def test_what_a_turn_that_nobody_looked_at_waited_for_a_cpu_is_unsure(run):
    """It may have been waited when the select before it was over: a turn that slept would be told of as starved."""
    outcome = run("""
        import subprocess
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        rival = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        start()
        async def main():
            register()
            await asyncio.sleep(0.05)
            core.pause()
            await asyncio.sleep(0.3)
            spin(0.8)
            core.resume()
            spin(0.8)
            await asyncio.sleep(0.01)
        asyncio.run(main())
        rival.kill()
        core.stop()
    """)
    stall = outcome.longest()
    length = stall["t1"] - stall["t0"]
    assert stall["runq_unsure_ns"] > 25_000_000
    assert stall["runq_ns"] > 25_000_000  # since the first look
    assert stall["cpu_ns"] + stall["runq_ns"] + stall["runq_unsure_ns"] == pytest.approx(length, rel=0.3)


BOOKED = """
path = f"/proc/self/task/{threading.get_native_id()}/schedstat"
counters = os.memfd_create("counters")

def book(queued_ns, times):
    os.pwrite(counters, f"{cpu} {delay + queued_ns} {slices + times}\\n".encode(), 0)

def books():
    "From here on the core reads what is booked here of this thread."
    global cpu, delay, slices
    with open(path) as numbers:
        cpu, delay, slices = map(int, numbers.read().split())
    book(0, 1)
    fds = [int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
    kept = [fd for fd in fds if os.path.realpath(f"/proc/self/fd/{fd}") == os.path.realpath(path)]
    assert kept
    for fd in kept:
        os.dup2(counters, fd)
"""
"""Has the core read a counter of the system that the program sets."""


def test_a_turn_that_slept_before_anybody_looked_is_not_starved(run):
    """What is booked then may be of the wait for a CPU when the select before was over."""
    outcome = run(f"""
        start()
        exec({BOOKED!r})
        async def main():
            register()
            await asyncio.sleep(0.05)
            books()
            await asyncio.sleep(0.1)
            core.pause()
            await asyncio.sleep(0.8)
            book(700_000_000, 2)
            time.sleep(0.8)
            core.resume()
            time.sleep(0.4)
            await asyncio.sleep(0.1)
        asyncio.run(main())
        core.stop()
    """)
    stall = outcome.longest()
    assert stall["runq_unsure_ns"] > 25_000_000
    assert stall["runq_ns"] == 0  # nothing of it is sure


def test_a_sleep_that_the_system_books_as_waiting_for_a_cpu_is_none(run):
    """Linux 6.12 and later do so now and then: the counter jumps by most of a sleep as it ends. The looks tell better."""
    outcome = run(f"""
        start()
        exec({BOOKED!r})
        async def main():
            register()
            await asyncio.sleep(0.05)
            books()
            await asyncio.sleep(0.1)
            time.sleep(0.8)
            book(790_000_000, 2)
            await asyncio.sleep(0.2)
            time.sleep(0.8)
            await asyncio.sleep(0.1)
        asyncio.run(main())
        core.stop()
    """)
    booked = [stall["runq_ns"] for stall in outcome.stalls() if stall["t1"] - stall["t0"] >= 800_000_000]
    assert len(booked) == 2
    # What came between two looks cannot be told from a wait for a CPU.
    assert booked[0] <= 400_000_000
    assert booked[1] == 0


@pytest.mark.parametrize(
    "between", ["", "core.rest_loop(1); core.register_loop(1, epoll_of(loop))"], ids=["one run", "two runs"]
)
def test_a_wait_for_a_cpu_that_a_look_met_may_have_begun_before_it(run, between):
    """It is booked when it is over: that the look had read the counter just before the turn tells nothing of when it began."""
    outcome = run(f"""
        start()
        exec({BOOKED!r})
        async def main():
            register(1)
            await asyncio.sleep(0.05)
            books()
            core.pause()
            loop, met = asyncio.get_running_loop(), asyncio.Event()
            def look():
                time.sleep(0.4)
                core.resume()
                core.pause()
                loop.call_soon_threadsafe(met.set)
            looking = threading.Thread(target=look)
            looking.start()
            await met.wait()
            looking.join()
            {between}
            time.sleep(0.4)
            book(300_000_000, 2)
            core.resume()
            time.sleep(0.4)
            await asyncio.sleep(0.1)
        asyncio.run(main())
        core.stop()
    """)
    stall = outcome.longest()
    assert stall["runq_unsure_ns"] > 25_000_000
    assert stall["runq_ns"] == 0  # nothing of it is sure


def test_what_was_used_before_a_stall_is_not_its_own(run):
    """A loop that works up to the moment it blocks: the work is not booked to the wait."""
    outcome = run("""
        start()
        async def main():
            register()
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                spin(0.003)
                before = queued_ns()  # in the turn before, and below in the one after: all that the turn of the sleep may have queued
                await asyncio.sleep(0)
            time.sleep(0.3)
            await asyncio.sleep(0.01)
            tell(queued=queued_ns() - before)
        def queued_ns():
            with open("/proc/thread-self/schedstat") as numbers:
                return int(numbers.read().split()[1])
        asyncio.run(main())
        core.stop()
    """)
    # On a busy machine a step of 3 ms can be a stall as well, and the wait ends with another one, for a CPU.
    stall = max(outcome.stalls(), key=lambda each: each["t1"] - each["t0"])
    assert stall["cpu_ns"] + stall["runq_ns"] <= outcome.told["queued"] + 300_000_000 * 0.05


def test_what_the_thread_used_between_two_runs_is_no_turns(run):
    """A program computes between two runs of its loop, and the first step of the second run waits: that wait used no CPU."""
    outcome = run("""
        start()
        async def main():
            register(1)
            await asyncio.sleep(0.05)
            core.rest_loop(1)
            spin(0.4)
            core.register_loop(1, epoll_of(asyncio.get_running_loop()))
            time.sleep(0.3)
            await asyncio.sleep(0.01)
        asyncio.run(main())
        core.stop()
    """)
    stall = outcome.longest()
    assert stall["t1"] - stall["t0"] >= 300_000_000
    assert stall["cpu_ns"] <= 150_000_000  # as much as the first look at it was late, on a busy machine


def test_what_was_used_before_a_late_look_is_not_known(run):
    """Who looks for the first time when the turn is old cannot tell what the thread used in it from what it used before."""
    outcome = run("""
        start()
        async def main():
            register(1)
            await asyncio.sleep(0.05)
            core.rest_loop(1)
            core.pause()
            spin(0.4)
            core.register_loop(1, epoll_of(asyncio.get_running_loop()))
            time.sleep(0.3)
            core.resume()
            time.sleep(0.2)
            await asyncio.sleep(0.01)
        asyncio.run(main())
        core.stop()
    """)
    stall = outcome.longest()
    assert stall["t1"] - stall["t0"] >= 500_000_000
    assert stall["cpu_ns"] is None
    # On a busy machine who has been woken waits for a CPU.
    assert {sample["state"] for sample in stall["samples"]} - {"ready"} == {"kernel"}


def test_a_stopped_process_is_suspended(run):
    """SIGSTOP in the middle of a wait: the time is told as suspended, and not as work."""
    outcome = run("""
        import subprocess
        start()
        async def main():
            register()
            await asyncio.sleep(0.05)
            # The wait is for the one who stops us, so that the stop lies in the stall however late that one gets a CPU.
            subprocess.run(["sh", "-c", f"sleep 0.1; kill -STOP {os.getpid()}; sleep 1; kill -CONT {os.getpid()}"])
            await asyncio.sleep(0.05)
        asyncio.run(main())
        core.stop()
    """)
    stall = outcome.longest()
    assert 700_000_000 <= stall["suspended_ns"] <= stall["t1"] - stall["t0"]


def test_a_process_that_is_stopped_in_the_midst_of_a_look_is_suspended(run):
    """Looks at many loops take long, so that the stop is as likely to come in one as between two."""
    outcome = run("""
        import subprocess, threading
        start()
        over = threading.Event()
        def watched(number):
            async def main():
                register(number)
                await asyncio.sleep(0.05)
                over.wait()
                await asyncio.sleep(0.01)
            asyncio.run(main())
        threads = [threading.Thread(target=watched, args=(number,)) for number in range(1, 41)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            stop = "kill -STOP {0}; sleep 0.6; kill -CONT {0}".format(os.getpid())
            subprocess.run(["sh", "-c", f"sleep 0.1; {stop}"])
        over.set()
        for thread in threads:
            thread.join()
        core.stop()
    """)
    longest = {}
    for stall in sorted(outcome.stalls(), key=lambda stall: stall["t1"] - stall["t0"]):
        longest[stall["loop"]] = stall["suspended_ns"]
    assert longest.keys() == set(range(1, 41))
    # Of each of the four a tick is lost, and more on a busy machine.
    assert min(longest.values()) >= 1_900_000_000


def test_a_plain_stall_is_not_suspended(run):
    """Blocked is not stopped. (A machine that is itself held up shows as suspended, for less than half of the time.)

    On a busy machine the end of the loop may be a stall as well, of which nobody sees the end.
    """
    outcome = run("""
        start()
        async def main():
            register()
            for blocked in (lambda: time.sleep(0.7), lambda: spin(0.7)):
                await asyncio.sleep(0.01)
                blocked()
            await asyncio.sleep(0.01)
        asyncio.run(main())
        core.stop()
    """)
    ended = [(stall["t1"] - stall["t0"], stall["suspended_ns"]) for stall in outcome.stalls() if stall["t1"]]
    blocked = [suspended / length for length, suspended in ended if length >= 700_000_000]
    assert [share < 0.5 for share in blocked] == [True, True]


@pytest.fixture
def quota():
    """A control group with a fifth of a CPU, where the test may make one."""
    old, new = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
    group = (old if old.is_dir() else new) / f"unjam-test-{os.getpid()}"
    try:
        group.mkdir()
        if old.is_dir():
            (group / "cpu.cfs_period_us").write_text("100000")
            (group / "cpu.cfs_quota_us").write_text("20000")
        else:
            (group / "cpu.max").write_text("20000 100000")
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    yield group
    group.rmdir()


def test_throttling_by_a_quota_is_told(run, quota):
    """Under a quota, the time without CPU is run-queue delay, and throttling is told. (Linux 6.18 books only a part of it.)"""
    command = ("sh", "-c", f"echo $$ > {quota}/cgroup.procs; QUOTA={quota} exec {sys.executable} $0")
    outcome = run(
        """
        start()
        async def main():
            register()
            await asyncio.sleep(0.05)
            before = throttlings()
            spin(1.0)
            while throttlings() < before + 8:  # where others take the CPU, the quota is reached later
                spin(0.1)
            await asyncio.sleep(0.01)
        def throttlings():
            with open(f"{os.environ['QUOTA']}/cpu.stat") as numbers:
                return int(dict(line.split() for line in numbers)["nr_throttled"])
        asyncio.run(main())
        core.stop()
        """,
        command=command,
    )
    stall = outcome.longest()
    length = stall["t1"] - stall["t0"]
    assert 0 < stall["throttled_ns"] <= length
    assert stall["runq_ns"] >= length * 0.3
    assert stall["cpu_ns"] + stall["runq_ns"] == pytest.approx(length, rel=0.3)
    assert stall["suspended_ns"] < length / 2  # a virtual machine may be held up itself
