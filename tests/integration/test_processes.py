"""Laws of processes: forks, execs, kills and ends of every kind are normal life, and each process has its own file."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from unjam.recording.reader import read

STALL = """
import asyncio, os, sys, time
from stalling import stall
"""


def program(source):
    return STALL + textwrap.dedent(source)


def steps_of(outcome, stall):
    return [step for step in outcome.events("step") if step["stall"] == stall["id"]]


def ends(outcome):
    return sorted(event["reason"] for event in outcome.events("end"))


def test_a_stall_is_recorded_with_its_task_and_length(watched, tier):
    """The plain case: one stall, its length, its stack, its task, and the loop's statistics."""
    outcome = watched(program("asyncio.run(stall())"), tier=tier)
    assert (outcome.status, outcome.err) == (0, "")
    (stall,) = outcome.stalls()
    assert stall["t1"] - stall["t0"] >= 120_000_000
    process = outcome.process
    leaves = {process.stacks[group["stack"]][-1].function for group in stall["samples"] if "stack" in group}
    assert "hold" in leaves
    assert {step["task"]["coroutine"] for step in steps_of(outcome, stall)} == {"stall"}
    assert process.header["tier"] == tier
    assert [event["loop"] for event in outcome.events("loop")] == [
        event["loop"] for event in outcome.events("loop_end")
    ]
    stats = outcome.events("stats")[-1]
    assert sum(stats["lag"].values()) == stats["turns"]
    assert stats["longest_turn_ns"] >= 120_000_000
    assert not process.killed


def test_a_loop_that_runs_many_times_is_one_loop(watched, tier):
    """Statistics of a loop go on over its runs; the next loop is another one."""
    outcome = watched(
        program(
            """
            loop = asyncio.new_event_loop()
            for _ in range(20):
                loop.run_until_complete(asyncio.sleep(0))
            loop.close()
            asyncio.run(asyncio.sleep(0))
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.err) == (0, "")
    last = {event["loop"]: event for event in outcome.events("stats")}
    assert [event["loop"] for event in outcome.events("loop")] == [1, 2]
    assert last[1]["turns"] >= 20
    assert [event["loop"] for event in outcome.events("loop_end")] == [1, 2]


def test_loops_in_several_threads_are_told_apart(watched, tier):
    """Each thread's loop has its own number, thread name and stalls."""
    outcome = watched(
        program(
            """
            import threading
            threads = [threading.Thread(target=asyncio.run, args=(stall(),), name=f"loop-{n}") for n in range(3)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.err) == (0, "")
    assert sorted(event["thread"] for event in outcome.events("loop")) == ["loop-0", "loop-1", "loop-2"]
    assert sorted(stall["loop"] for stall in outcome.stalls()) == [1, 2, 3]


def test_a_forked_child_has_its_own_file_and_the_parent_goes_on(watched, tier):
    """After os.fork both are watched, each into its own file, with nothing doubled."""
    outcome = watched(
        program(
            """
            asyncio.run(stall())
            pid = os.fork()
            asyncio.run(stall())
            if not pid:
                sys.exit(0)
            os.waitpid(pid, 0)
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.stalls_by_process() == [1, 2]
    assert {process.header["pid"] for process in outcome.processes} == {process.pid for process in outcome.processes}
    assert ends(outcome) == ["exit", "exit"]


def test_a_forked_child_knows_its_own_threads(watched, tier):
    """The number of its main thread is the child's, of which threading still has the parent's."""
    outcome = watched(
        program(
            """
            pid = os.fork()
            asyncio.run(stall())
            if pid:
                os.waitpid(pid, 0)
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.err) == (0, "")
    named = {
        process.pid: {
            tid
            for event in process.events
            if event["e"] == "threads"
            for tid, name in event["names"].items()
            if name == "MainThread"
        }
        for process in outcome.recording.processes
    }
    assert {pid: {str(pid)} for pid in named} == named


def test_a_fork_inside_a_running_loop_warns_of_nothing_of_ours(watched, tier):
    """With one thread of its own, a program may fork without being warned: ours are not counted."""
    outcome = watched(
        program(
            """
            import warnings
            warnings.simplefilter("always")
            async def main():
                await stall()
                pid = os.fork()
                if not pid:
                    os._exit(7)
                assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
                await stall()
            asyncio.run(main())
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.stalls_by_process() == [0, 2]
    assert ends(outcome) == ["exit", "exit"]


REFUSES = """
def refusing(name, original):
    def call(*args, **words):
        if asyncio._get_running_loop() is not None and os.getpid() == parent:
            raise PermissionError(f"{name} on the loop's thread")
        return original(*args, **words)
    return call
parent = os.getpid()
def refuse():
    for name in "access getcwd listdir lstat mkdir read readlink remove rename rmdir stat unlink".split():
        setattr(os, name, refusing(name, getattr(os, name)))
    time.sleep = refusing("sleep", time.sleep)
"""


def test_a_fork_on_the_loops_thread_does_nothing_there_that_blocks(watched, tier):
    """No file is touched, nothing sleeps, and who asks finds the socket where it was; as tests see to that refuse such calls on a loop."""
    outcome = watched(
        program(
            REFUSES
            + """
import threading
events = set()
sys.addaudithook(lambda event, args: events.add(event) if forking and threading.get_ident() == main_thread else None)
forking, main_thread = False, threading.get_ident()
async def main():
    global forking
    await asyncio.sleep(0.01)
    from unjam.monitor import current
    server = current()._control._server
    refuse()
    for _ in range(20):
        forking = True
        pid = os.fork()
        if not pid:
            os._exit(0)
        forking = False
        os.waitpid(pid, 0)
    assert server is not None and server is current()._control._server
asyncio.run(main())
print(sorted(events - {"os.fork", "os.listdir"}))  # the list is that of the threads, which Python 3.12 and later warn of
"""
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.err, outcome.out.strip()) == (0, "", "[]")


def test_what_is_raised_in_the_midst_of_our_hooks_stays_there(watched, tier):
    """Nothing of it reaches the program: neither from a fork nor from the line that tells of it."""
    outcome = watched(
        program(
            """
            async def main():
                await asyncio.sleep(0.01)
                from unjam.monitor import current
                def refuse(*_):
                    raise LookupError("refused")
                write = os.write
                current().before_fork = current().after_fork_in_parent = os.write = refuse
                pid = os.fork()
                os.write = write
                if not pid:
                    os._exit(0)
                os.waitpid(pid, 0)
            import warnings
            warnings.simplefilter("ignore")  # our threads are counted: what would have seen to that is refused
            sys.unraisablehook = lambda raised: print(raised.exc_value)
            asyncio.run(main())
            """
        ),
        tier=tier,
    )
    line = "unjam: a fork is not watched: LookupError: refused; your program is unaffected"
    assert (outcome.status, outcome.out, set(outcome.err.splitlines())) == (0, "", {line})


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_children_are_watched_to_their_end(watched, tier, method):
    """A child of multiprocessing is watched however it is started, and its end is told from a kill."""
    outcome = watched(
        program(
            f"""
            import multiprocessing
            def child():
                asyncio.run(stall())
            if __name__ == "__main__":
                process = multiprocessing.get_context({method!r}).Process(target=child)
                process.start()
                process.join()
                sys.exit(process.exitcode)
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.err) == (0, "")
    assert len(outcome.stalls()) == 1
    with_loops = [process for process in outcome.processes if any(event["e"] == "loop" for event in process.events)]
    assert [process.killed for process in with_loops] == [False]


def test_a_fork_in_a_thread_while_another_thread_stalls(watched, tier):
    """Forking beside a running loop neither hangs the child nor loses the parent's stall."""
    outcome = watched(
        program(
            """
            import threading
            thread = threading.Thread(target=asyncio.run, args=(stall(0.5),))
            thread.start()
            for _ in range(10):
                pid = os.fork()
                if not pid:
                    asyncio.run(asyncio.sleep(0))
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
                time.sleep(0.02)
            thread.join()
            """
        ),
        tier=tier,
    )
    assert outcome.status == 0
    (stall,) = outcome.stalls()
    assert stall["t1"] - stall["t0"] >= 500_000_000
    assert len(outcome.processes) == 11


STALLS_DURING_A_FORK = """
import threading
began = threading.Event()

async def main():
    began.set()
    if sys.argv[1] == "after":
        await stall(0.2)
    else:
        time.sleep(0.2)  # nobody looks

def begin():
    if not began.is_set():
        thread.start()
        assert began.wait(60)
        if sys.argv[1] == "during":
            thread.join()

os.register_at_fork(before=begin)  # what is registered first runs last
import unjam
unjam.install(log=False)
asyncio.run(asyncio.sleep(0))
thread = threading.Thread(target=lambda: asyncio.run(main()))
pid = os.fork()
if not pid:
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
thread.join()
"""


@pytest.mark.parametrize("ends", ["after", "during"])
def test_a_loop_that_begins_during_a_fork_is_watched(watched, tier, ends):
    """In another thread, when ours have been stopped for the fork: its stall is told, whether it ends after the fork or in it."""
    by_itself = [sys.executable, "-E", "-W", "ignore", "program.py", ends]
    outcome = watched(STALL + STALLS_DURING_A_FORK, tier=tier, args=by_itself)
    assert (outcome.status, outcome.err) == (0, "")
    lengths = [(event["t1"] or 0) - event["t0"] for event in outcome.events("stall")]
    assert max(lengths, default=0) >= 200_000_000
    assert outcome.stalls() or ends == "during"


BEGINS_DURING_A_FORK = """
import asyncio, os, threading

def begin():
    thread.start()
    thread.join(0.5)

thread = threading.Thread(target=lambda: asyncio.run(asyncio.sleep(0)))
os.register_at_fork(before=begin)  # what is registered first runs last
import unjam
unjam.install(record=False)
pid = os.fork()
if not pid:
    asyncio.run(asyncio.sleep(0))
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
thread.join()
asyncio.run(asyncio.sleep(0))
print("done")
"""


def test_a_first_loop_that_begins_during_a_fork(tier):
    """In another thread, when ours have been stopped for the fork: what goes on after it is what was stopped, and nothing is started twice."""
    environ = {**os.environ, "UNJAM_TIER": tier}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BEGINS_DURING_A_FORK],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_exec_ends_one_file_and_begins_the_next(watched, tier):
    """A process that replaces itself has ended in order, and what comes after it is watched as well."""
    outcome = watched(
        program(
            """
            asyncio.run(stall())
            if len(sys.argv) < 2:
                os.execv(sys.executable, [sys.executable, __file__, "again"])
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.err) == (0, "")
    assert ends(outcome) == ["exit", "fork-exec"]
    assert len({process.pid for process in outcome.processes}) == 1
    assert len(outcome.events("loop")) == 2


def test_an_exec_that_fails_changes_nothing(watched, tier):
    """A program that tries to exec what is not there goes on, watched."""
    outcome = watched(
        program(
            """
            try:
                os.execvp("no-such-program-anywhere", ["x"])
            except FileNotFoundError:
                print("went on")
            asyncio.run(stall())
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.out) == (0, "went on\n")
    assert len(outcome.stalls()) == 1
    assert ends(outcome) == ["exit"]


def test_a_killed_process_loses_at_most_its_last_second(environment, recording_folder, tmp_path, tier):
    """After SIGKILL the recording holds the stall that killed it, and says that no end was seen."""
    script = tmp_path / "program.py"
    source = "import asyncio, time\nasync def main(): time.sleep(60)\nprint('up', flush=True)\nasyncio.run(main())"
    script.write_text(source)
    with subprocess.Popen([sys.executable, script], env=environment(tier), stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        while not any(event["e"] == "stall" for each in read(recording_folder).processes for event in each.events):
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    (recorded,) = read(recording_folder).processes
    assert recorded.killed
    assert next(event["t1"] for event in recorded.events if event["e"] == "stall") is None


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("sys.exit(3)", 3),
        ("os._exit(4)", 4),
        ("raise SystemExit(5)", 5),
        ("os.kill(os.getpid(), 15)", -15),
        ("import signal; signal.raise_signal(signal.SIGTERM)", -15),
        ("raise KeyError(1)", 1),
    ],
)
def test_the_program_ends_as_it_would_without_us(watched, tier, ending, status):
    """Exit codes, signals and tracebacks are the program's own."""
    outcome = watched(program(f"asyncio.run(stall())\n{ending}"), tier=tier)
    assert outcome.status == status
    assert "unjam" not in outcome.err
    assert ("KeyError: 1" in outcome.err) == (status == 1)
    assert ends(outcome) == (["exit"] if status >= 0 else ["signal"])


def test_a_server_that_raises_its_signal_again_loses_nothing(watched, tier):
    """Its loop still runs then, in a turn that has not ended: turns, stall and task are recorded up to that."""
    outcome = watched(
        program(
            """
            import signal
            async def main():
                await stall()
                signal.raise_signal(signal.SIGTERM)
            asyncio.run(main())
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.err, outcome.process.killed) == (-signal.SIGTERM, "", False)
    (stall,) = outcome.stalls()
    assert {"main"} == {step["task"]["coroutine"] for step in steps_of(outcome, stall)}
    stats = outcome.events("stats")[-1]
    assert stats["away_ns"] >= 120_000_000


@pytest.mark.parametrize(
    "line",
    [
        "signal.raise_signal(signal.SIGCHLD)",
        "os.kill(os.getpid(), 0)",
        "signal.signal(signal.SIGTERM, print); os.kill(os.getpid(), signal.SIGTERM)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.raise_signal(signal.SIGTERM)",
        "threading.Thread(target=signal.pthread_kill, args=(threading.get_ident(), 0)).start()",
    ],
)
def test_a_signal_that_ends_nothing_ends_no_recording(watched, tier, line):
    """Only what has no handler and a deadly default is an end."""
    outcome = watched(program(f"import signal, threading\nasyncio.run(stall())\n{line}"), tier=tier)
    assert outcome.status == 0
    assert ends(outcome) == ["exit"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("signal.raise_signal()", "TypeError"),
        ("signal.raise_signal(9999)", "OSError"),
        ("signal.raise_signal('x')", "TypeError"),
        ("os.kill(1)", "TypeError"),
        ("os.kill(os.getpid(), 9999)", "OSError"),
    ],
)
def test_a_wrong_call_fails_as_it_always_did(watched, tier, call, error):
    """The error is the original function's."""
    outcome = watched(
        f"""
        import os, signal
        try:
            {call}
        except Exception as error:
            print(type(error).__name__)
        """,
        tier=tier,
    )
    assert (0, f"{error}\n", "") == (outcome.status, outcome.out, outcome.err)


def test_a_signal_reaches_the_thread_that_waits_for_it(watched, tier):
    """Our threads never take a signal that the program waits for with sigwait."""
    outcome = watched(
        program(
            """
            import signal, threading
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
            async def main():
                await stall()
                threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
                print(signal.sigtimedwait([signal.SIGUSR1], 50).si_signo == signal.SIGUSR1)
            asyncio.run(main())
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.out, outcome.err) == (0, "True\n", "")


def test_threads_of_ours_are_not_the_programs(watched, tier):
    """The program counts its own threads only."""
    outcome = watched(
        program(
            """
            import threading
            async def main():
                await stall()
                print(threading.active_count(), [thread.name for thread in threading.enumerate()])
            asyncio.run(main())
            """
        ),
        tier=tier,
    )
    assert (outcome.out, outcome.err) == ("1 ['MainThread']\n", "")


def test_a_subinterpreter_is_left_alone(watched, tier):
    """A second interpreter in the process neither disturbs the watching nor is disturbed."""
    outcome = watched(
        program(
            """
            interpreters = __import__("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
            one = interpreters.create()
            # CPython 3.12.1 by itself frees memory twice at its end when asyncio was imported in both.
            loop = "" if sys.version_info[:2] == (3, 12) else "import asyncio; asyncio.run(asyncio.sleep(0.01))\\n"
            interpreters.run_string(one, loop + "print('inner', flush=True)")
            interpreters.destroy(one)
            asyncio.run(stall())
            """
        ),
        tier=tier,
    )
    assert (outcome.status, outcome.out, outcome.err) == (0, "inner\n", "")
    assert len(outcome.processes) == 1
    assert len(outcome.stalls()) == 1


def test_uvloop_stalls_are_recorded(watched, tier):
    """A loop of uvloop is watched by turns; with the twin by its heartbeat."""
    pytest.importorskip("uvloop")
    outcome = watched(program("import uvloop\nuvloop.run(stall(0.3))"), tier=tier)
    assert (outcome.status, outcome.err) == (0, "")
    (stall,) = outcome.stalls()
    assert stall["t1"] - stall["t0"] >= 250_000_000
    assert [(event["type"], event["steps"]) for event in outcome.events("loop")] == [("uvloop.Loop", False)]


def test_uvloop_is_watched_whenever_it_was_imported(watched, tier):
    """It keeps asyncio's functions as it finds them: before `install`, and between two of them, they are not ours."""
    pytest.importorskip("uvloop")
    outcome = watched(
        program(
            """
            import unjam
            unjam.uninstall()
            import uvloop
            before = dict(vars(uvloop.Loop))
            for _ in range(2):
                unjam.install(log=False)
                uvloop.run(stall(0.3))
                unjam.uninstall()
            assert before == dict(vars(uvloop.Loop))
            """
        ),
        tier=tier,
    )
    assert (0, "") == (outcome.status, outcome.err)
    assert ["uvloop.Loop"] * 2 == [event["type"] for event in outcome.events("loop")]


def test_each_install_begins_a_recording_of_its_own(watched, tier):
    """What the second one tells does not rest on what only the first one was told: stacks are written again."""
    outcome = watched(
        program(
            """
            import unjam
            unjam.uninstall()
            for _ in range(3):
                with unjam.watch() as watching:
                    asyncio.run(stall(0.3))
                print("hold" in {finding.culprit.function for finding in watching.findings if finding.culprit})
                unjam.uninstall()
            """
        ),
        tier=tier,
    )
    assert (0, "True\n" * 3, "") == (outcome.status, outcome.out, outcome.err)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_install_inside_a_running_loop(watched, tier, tmp_path, loop):
    """unjam.install() from a coroutine, or from another thread, watches the loops that run already."""
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    outcome = watched(
        program(
            f"""
            import {loop}, unjam, threading
            unjam.uninstall()
            async def main():
                unjam.install(tier={tier!r})
                unjam.install(tier={tier!r})
                await stall()
            {loop}.run(main())
            """
        ),
        tier=tier,
    )
    assert outcome.status == 0
    assert "unaffected" not in outcome.err
    assert len(outcome.stalls()) == 1


def test_install_from_another_thread_sees_the_loop_that_runs(watched, tier):
    """The loop of the main thread is found by its stack, and its next stall is seen."""
    outcome = watched(
        program(
            """
            import unjam, threading
            unjam.uninstall()
            async def main():
                ready = asyncio.Event()
                loop = asyncio.get_running_loop()
                def install():
                    unjam.install()
                    loop.call_soon_threadsafe(ready.set)
                threading.Thread(target=install).start()
                await ready.wait()
                await asyncio.sleep(0.05)
                await stall()
            asyncio.run(main())
            """
        ),
        tier=tier,
    )
    assert outcome.status == 0
    assert "unaffected" not in outcome.err
    assert len(outcome.stalls()) == 1


def test_uninstall_puts_everything_back(watched, tier):
    """What unjam changed is as it was before, in a process that has run loops."""
    outcome = watched(
        """
        import os, gc, signal, sys, atexit, unjam
        unjam.uninstall()
        import asyncio, asyncio.events, asyncio.timeouts, asyncio.tasks, concurrent.futures.thread as pool
        def state():
            return (os._exit, os.execv, os.execve, os.kill, signal.raise_signal, list(gc.callbacks), list(sys.meta_path), dict(vars(asyncio.Handle)),
                    asyncio._set_running_loop, asyncio.events._set_running_loop, dict(vars(pool._WorkItem)), dict(vars(pool)),
                    dict(vars(asyncio.timeouts.Timeout)), dict(vars(asyncio.tasks)))
        before = state()
        for _ in range(2):
            unjam.install()
            assert state() != before
            asyncio.run(asyncio.sleep(0.01))
            unjam.uninstall()
            assert state() == before
        print("the same", len(os.listdir("/proc/self/task")))
        """,
        tier=tier,
    )
    assert (outcome.status, outcome.out, outcome.err) == (0, "the same 1\n", "")
    assert ends(outcome) == ["uninstall", "uninstall", "uninstall"]
    assert os.path.basename(outcome.recording.folder).endswith("-program")


def test_a_thread_of_ours_that_is_late_at_the_end_is_waited_for(watched):
    """What is still to be told of the last stall is told, though the machine holds up who tells it just as the program ends."""
    outcome = watched(
        program(
            """
            from unjam import monitor

            def judged(stall, findings):
                time.sleep(0.4)
                watched.write({"e": "note", "t": time.monotonic_ns()})

            watched = monitor.current()
            watched.tell().judged.append(judged)
            asyncio.run(stall(0.1))
            """
        )
    )
    assert (outcome.status, outcome.err) == (0, "")
    assert len(outcome.events("note")) >= 1
