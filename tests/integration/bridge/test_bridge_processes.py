"""Pools of processes and interpreters, forks, and the end of a program."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import time
import types
import weakref

import pytest
from bridge_jobs import (
    NoNotes,
    fails,
    kill_self,
    pid_and_start,
    raise_frozen,
    raise_unpicklable,
    square,
    until_cancelled,
    wrapped,
)

from unjam.bridge import Pool, cancelled, interpreter, process
from unjam.bridge.process import Child
from unjam.errors import NotAvailable, WorkerDied


async def until(condition):
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, "the condition never came true"
        await asyncio.sleep(0.005)


def test_functions_run_in_other_processes():
    """limit processes at most, each used again, results and wrapped functions included."""

    async def main():
        pool = Pool("p", 2, kind="process")
        pids = await asyncio.gather(*[pool.run(os.getpid) for _ in range(12)])
        results = await asyncio.gather(*[pool.run(square, n) for n in range(5)], wrapped(41))
        stuck = await pool.aclose(60)
        return set(pids), results, stuck

    pids, results, stuck = asyncio.run(main())
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids
    assert results == [0, 1, 4, 9, 16, 42]
    assert stuck == []


def test_errors_come_back_with_their_traceback_as_a_note():
    """The exception is of its type; one that cannot travel becomes a RuntimeError with its text."""

    async def main():
        pool = Pool("p", 1, kind="process")
        with pytest.raises(KeyError) as plain:
            await pool.run(fails, KeyError("missing"))
        with pytest.raises(RuntimeError) as odd:
            await pool.run(fails, StopIteration(1))
        with pytest.raises(SystemExit) as ended:
            await pool.run(sys.exit, 3)
        with pytest.raises(Exception, match=r"pickle|local object"):
            await pool.run(lambda: None)
        with pytest.raises(RuntimeError, match="cannot be pickled"):
            await pool.run(raise_unpicklable)
        return plain.value, odd.value, ended.value, await pool.run(square, 3)

    plain, odd, ended, alive = asyncio.run(main())
    assert "in fails" in plain.__notes__[0]
    assert isinstance(odd.__cause__, StopIteration)
    assert (ended.code, alive) == (3, 9)


def test_an_exception_that_takes_no_note_comes_back_all_the_same():
    """A frozen dataclass refuses its traceback's text, and no process ends of that."""

    async def main():
        pool = Pool("p", 1, kind="process")
        with pytest.raises(RuntimeError, match="Frozen") as frozen:
            await pool.run(raise_frozen)
        with pytest.raises(NoNotes) as without:
            await pool.run(fails, NoNotes("kept"))
        return str(frozen.value), without.value.args, await pool.run(square, 3), await pool.aclose(60)

    text, args, result, _ = asyncio.run(main())
    assert "cannot be pickled" in text
    assert (args, result) == (("kept",), 9)


def test_a_process_that_dies_is_named_and_replaced():
    """Its call gets WorkerDied with the exit code; the next one finds a new process."""

    async def main():
        pool = Pool("p", 1, kind="process")
        with pytest.raises(WorkerDied, match="exit code 7"):
            await pool.run(os._exit, 7)
        with pytest.raises(WorkerDied, match="exit code -9"):
            await pool.run(kill_self)
        return await pool.run(square, 5)

    assert asyncio.run(main()) == 25


def test_kill_ends_the_process(tmp_path):
    """on_cancel="kill", at a timeout or a cancellation: the caller goes on when the process is dead and its slot free."""
    path = tmp_path / "pid"

    async def main():
        pool = Pool("p", 1, kind="process")
        with pytest.raises(TimeoutError):
            await pool.options(timeout=0.05, on_cancel="kill").run(time.sleep, 600)
        assert pool.stats().busy == 0
        task = asyncio.create_task(pool.options(on_cancel="kill").run(pid_and_start, path))
        await until(path.exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.stats().busy == 0
        return await pool.run(square, 6)

    assert asyncio.run(main()) == 36
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), 0)


def test_a_kill_that_comes_with_the_answer_hits_nobody_else(monkeypatch):
    """The call has its result, the process dies, and the next call finds another one."""
    killed = []

    class Late(Child):
        """Is killed by its caller in the moment in which the answer has come."""

        def run(self, job, gone):
            answer = super().run(job, gone)
            if not killed:
                [worker] = pool._bulkhead.workers
                worker.call.kill()
                killed.append(self._process.pid)
            return answer

    monkeypatch.setattr(process, "Child", Late)
    pool = Pool("p", 1, kind="process")

    async def main():
        return await pool.run(os.getpid), await pool.run(os.getpid), await pool.aclose(60)

    first, second, stuck = asyncio.run(main())
    assert (first, stuck) == (killed[0], [])
    assert second != first


def test_a_kill_after_the_answer_is_none():
    """What comes too late for its call leaves the process to the next one."""

    async def main():
        pool = Pool("p", 1, kind="process")
        bulkhead, calls = pool._bulkhead, []
        admit = bulkhead.admit
        bulkhead.admit = lambda call: (calls.append(call), admit(call))
        pid = await pool.run(os.getpid)
        calls[0].kill()
        calls[0].leave()
        assert await pool.run(cancelled) is False
        return pid == await pool.run(os.getpid), await pool.aclose(60)

    assert asyncio.run(main()) == (True, [])


def test_a_process_that_died_while_idle_is_replaced():
    """It ended under nobody's call, so no call hears of it."""

    async def main():
        pool = Pool("p", 1, kind="process")
        pid = await pool.run(os.getpid)
        os.kill(pid, signal.SIGKILL)
        [worker] = pool._bulkhead.workers
        await until(lambda: not worker.remote.alive())
        return pid != await pool.run(os.getpid), await pool.aclose(60)

    assert asyncio.run(main()) == (True, [])


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")
def test_processes_that_die_leave_no_descriptors():
    """Not even until the next collection of garbage."""

    async def main():
        pool = Pool("p", 1, kind="process")
        await pool.run(int)
        gc.collect()
        gc.disable()
        before = len(os.listdir("/proc/self/fd"))
        try:
            for _ in range(5):
                with pytest.raises(WorkerDied):
                    await pool.run(os._exit, 3)
            await pool.run(int)
            return before, len(os.listdir("/proc/self/fd"))
        finally:
            gc.enable()
            await pool.aclose(60)

    before, after = asyncio.run(main())
    assert after <= before + 1  # what wakes a thread is made when it first sleeps


def test_a_program_without_a_guard_is_told_of_it(tmp_path):
    """The processes import its file: what starts them there fails in each, and says why."""
    path = tmp_path / "program.py"
    path.write_text(
        "import asyncio\n"
        "from unjam.bridge import Pool\n"
        "async def main():\n"
        "    await Pool('p', 1, kind='process').run(int)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "while it was being started, exit code 1" in done.stderr
    assert "if __name__ == '__main__':" in done.stderr.splitlines()[-1]


def test_a_process_hears_that_its_caller_has_gone(tmp_path):
    """cancelled() is true in a child too, for that call only."""
    path = tmp_path / "told"

    async def main():
        pool = Pool("p", 1, kind="process")
        await pool.run(square, 1)
        task = asyncio.create_task(pool.run(until_cancelled, path))
        await until(lambda: pool.stats().calls)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await pool.run(cancelled) is False

    asyncio.run(main())
    assert path.read_text() == "told"


def test_aclose_kills_a_process_that_is_stuck(tmp_path):
    """It is named, then killed: processes need not be left behind."""
    path = tmp_path / "pid"

    async def main():
        pool = Pool("p", 1, kind="process")
        task = asyncio.create_task(pool.run(pid_and_start, path))
        await until(path.exists)
        [stuck] = await pool.aclose(0.01)
        with pytest.raises(WorkerDied):
            await task
        return stuck.call

    assert asyncio.run(main()) == "pid_and_start"


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="3.14 has interpreters")
def test_interpreters_are_refused_where_there_are_none():
    """Before 3.14 the error names what to use instead."""
    with pytest.raises(NotAvailable, match="kind='process'"):
        Pool("p", kind="interpreter")


def test_an_interpreter_runs_one_job_at_a_time(monkeypatch):
    """The pool drives concurrent.interpreters as it drives processes (a stand-in before 3.14)."""
    if sys.version_info < (3, 14):
        monkeypatch.setitem(sys.modules, "concurrent.interpreters", types.SimpleNamespace(create=StandIn))

    async def main():
        pool = Pool("p", 2, kind="interpreter")
        results = await asyncio.gather(*[pool.run(square, n) for n in range(5)])
        with pytest.raises(KeyError):
            await pool.run(fails, KeyError("x"))
        return results, await pool.aclose(60)

    assert asyncio.run(main()) == ([0, 1, 4, 9, 16], [])


@pytest.mark.skipif(sys.version_info < (3, 14), reason="needs interpreters, which come with 3.14")
@pytest.mark.parametrize("closing", ["await pool.aclose(60)", "pass"])
def test_a_program_that_used_interpreters_ends_quietly(program, closing):
    """Right after aclose, or without it: exit code 0, and no word of interpreters that are left."""
    source = f"""
        import asyncio, math
        from unjam.bridge import Pool

        async def main():
            pool = Pool("p", 2, kind="interpreter")
            print(await asyncio.gather(*[pool.run(math.factorial, n) for n in range(4)]))
            {closing}

        asyncio.run(main())
    """
    assert program(source) == "[1, 1, 2, 6]\n"


def test_the_end_of_a_program_closes_each_interpreter_once(monkeypatch):
    """What its thread has closed is not closed again; what could not be closed then is."""
    closed = []

    class Counting(StandIn):
        def close(self):
            closed.append(self)
            if len(closed) == 1:
                raise RuntimeError("it still runs something")

    monkeypatch.setitem(sys.modules, "concurrent.interpreters", types.SimpleNamespace(create=Counting))
    monkeypatch.setattr(interpreter, "LIVING", weakref.WeakSet())
    first, second, third = (interpreter.Subinterpreter(str(n)) for n in range(3))
    with pytest.raises(RuntimeError):
        first.close()
    second.close()
    interpreter._close_all()
    assert [True] * 3 == [owner._closed for owner in (first, second, third)]
    assert len(closed) == 4


class StandIn:
    """As much of concurrent.interpreters.Interpreter as the bridge uses."""

    def exec(self, source):
        compile(source, "source", "exec")

    def call(self, function, job):
        return function(job)

    def close(self):
        pass


def test_a_pool_made_before_a_fork_works_after_it(program):
    """The child has the pool without the parent's threads and calls; both sides go on using it, a channel too."""
    source = """
        import asyncio, os, threading, warnings
        from unjam.bridge import Channel, Pool, loop_thread

        warnings.simplefilter("ignore")  # 3.12 and later warn of forks with threads, which is the point here
        pool, channel, go, kept = Pool("p", 2, max_queue=50), Channel(4), threading.Event(), []

        async def use():
            assert await asyncio.gather(*[pool.run(pow, n, 2) for n in range(20)]) == [n * n for n in range(20)]
            await pool.run(channel.put, "item")
            assert await channel.aget() == "item"

        async def main():
            await use()
            held = [asyncio.ensure_future(pool.run(go.wait, 60)) for _ in range(6)]
            waiting = asyncio.ensure_future(channel.aget())
            kept.extend([*held, waiting])  # in the child they stay as they are
            while pool.stats().busy < 2:
                await asyncio.sleep(0.001)
            pid = os.fork()
            if not pid:
                # The parent's loop cannot go on here (3.14 does not even let its task return), so the child never comes back.
                asyncio.events._set_running_loop(None)
                asyncio.run(child())
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            go.set()
            await asyncio.gather(*held)
            channel.put("late")
            assert await waiting == "late"
            await use()
            return "parent"

        async def child():
            assert pool.stats().busy == pool.stats().queued == 0
            await use()
            with loop_thread() as portal:
                assert portal.wait(asyncio.sleep, 0, "slept") == "slept"

        print(asyncio.run(main()))
    """
    assert program(source) == "parent\n"


def test_a_pool_of_processes_made_before_a_fork_works_after_it(program):
    """The child starts processes of its own; the parent's go on serving the parent, also when the child has ended."""
    source = """
        import asyncio, os, warnings
        from unjam.bridge import Pool

        warnings.simplefilter("ignore")  # 3.12 and later warn of forks with threads, which is the point here
        pool = Pool("p", 1, kind="process")

        async def pid():
            return await asyncio.wait_for(pool.run(os.getpid), 60)

        if __name__ == "__main__":
            mine = asyncio.run(pid())
            child = os.fork()
            if not child:
                own = asyncio.run(pid())
                asyncio.run(pool.aclose(60))
                os._exit(0 if own != mine else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            print(asyncio.run(pid()) == mine, asyncio.run(pool.aclose(60)))
    """
    assert program(source) == "True []\n"


def test_a_worker_that_forks_leaves_no_worker_in_the_child(program):
    """fork inside a call: the child's only thread ends with its call, and the parent's goes on."""
    source = """
        import asyncio, os, warnings
        from unjam.bridge import Pool

        warnings.simplefilter("ignore")  # 3.12 and later warn of forks with threads, which is the point here

        def forks():
            pid = os.fork()
            return os.waitpid(pid, 0)[1] if pid else None

        async def main():
            pool = Pool("p", 1)
            print(await asyncio.wait_for(pool.run(forks), 50))
            print(await pool.run(pow, 3, 2))

        asyncio.run(main())
    """
    assert program(source) == "0\n9\n"


def test_a_stuck_thread_does_not_hold_up_the_end(program):
    """The program ends at once with its own exit code, though two threads and a process are stuck."""
    source = """
        import asyncio, threading, time
        from unjam.bridge import Pool

        async def main():
            pool, processes = Pool("p", 2), Pool("q", 1, kind="process")
            for call in (pool.run(threading.Event().wait), pool.run(time.sleep, 600), processes.run(time.sleep, 600)):
                asyncio.ensure_future(call)
            while pool.stats().busy + processes.stats().busy < 3:
                await asyncio.sleep(0.001)
            print("end")

        if __name__ == "__main__":
            asyncio.run(main())
            raise SystemExit(5)
    """
    assert program(source, code=5) == "end\n"


def test_whatever_is_stuck_does_not_hold_up_the_end(program):
    """Waits, held contexts, pinned objects, iterators, channels, hooks that stop nothing, an open loop thread: it ends at once."""
    source = """
        import asyncio, contextlib, threading
        from unjam.bridge import Channel, Pool, Portal, loop_thread, wait

        never = threading.Event()

        @contextlib.contextmanager
        def held():
            yield
            never.wait()

        def items():
            yield 1
            never.wait()

        async def forever():
            await asyncio.Event().wait()

        async def keeps_a_context(pool):
            async with pool.acontext(held()):
                pass

        async def reads(pool):
            async for _ in pool.aiter(items()):
                pass

        async def main(portal):
            pool = Pool("p", 8)
            stops = pool.options(timeout=0.01, on_cancel=never.wait)
            portal.submit(never.wait)
            calls = [
                pool.run(wait, forever), pool.run(portal.wait, forever), keeps_a_context(pool), reads(pool),
                pool.pinned(object).run(lambda _: never.wait()), pool.run(Channel(1).get), stops.run(never.wait),
                pool.run(Portal.current().wait, forever),
            ]
            tasks = [asyncio.ensure_future(call) for call in calls]
            while pool.stats().busy < len(tasks) or not pool.stats().abandoned:
                await asyncio.sleep(0.001)
            print("end")
            for task in tasks:  # as a program that just leaves them there
                task._log_destroy_pending = False

        opened = loop_thread()
        loop = asyncio.new_event_loop()
        loop.run_until_complete(main(opened.__enter__()))
        raise SystemExit(6)
    """
    assert program(source, code=6) == "end\n"


def test_the_end_waits_when_it_is_asked_to(program):
    """aclose at the end lets abandoned work finish."""
    source = """
        import asyncio, time
        from unjam.bridge import Pool

        began = []

        def slow():
            began.append(True)
            time.sleep(0.2)
            print("finished")

        async def main():
            pool = Pool("p")
            task = asyncio.ensure_future(pool.run(slow))
            while not began:
                await asyncio.sleep(0.001)
            task.cancel()
            print(await pool.aclose(60))

        asyncio.run(main())
    """
    assert program(source) == "finished\n[]\n"


def test_the_island_costs_little_to_import(program):
    """unjam.bridge loads neither multiprocessing nor anyio nor anything else of unjam."""
    source = """
        import sys
        import unjam.bridge
        print([name for name in sys.modules if name.startswith("unjam.") and not name.startswith("unjam.bridge")])
        print([name for name in ("multiprocessing", "anyio", "trio", "uvloop", "unjam.bridge.process") if name in sys.modules])
    """
    assert program(source) == "['unjam.errors']\n[]\n"


def test_ctrl_c_ends_a_wait_of_the_main_thread(program):
    """KeyboardInterrupt comes out of portal.wait at once, and cancels what it waited for."""
    source = """
        import asyncio, os, signal, threading
        from unjam.bridge import loop_thread

        ended = threading.Event()

        async def forever():
            threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
            try:
                await asyncio.sleep(3600)
            finally:
                ended.set()

        with loop_thread() as portal:
            try:
                portal.wait(forever)
            except KeyboardInterrupt:
                print("interrupted", ended.wait(60))
    """
    assert program(source) == "interrupted True\n"
