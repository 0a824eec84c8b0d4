"""Laws of looking at other threads: never beside another interpreter, whose memory CPython would mix up with ours."""

import asyncio
import sys
import threading
from types import SimpleNamespace

import pytest

from unjam.bridge import Pool, frames, loop_thread


@pytest.fixture
def beside_another(monkeypatch):
    """Another interpreter with memory of its own, beside which CPython must not be asked for frames."""

    def refuse():
        raise AssertionError("asked for frames beside another interpreter")

    monkeypatch.setattr(frames, "OWN_MEMORY", True)
    monkeypatch.setitem(sys.modules, "_interpreters", SimpleNamespace(list_all=lambda: [(0, 0), (1, 0)]))
    monkeypatch.setattr(sys, "_current_frames", refuse)


def test_frames_are_those_of_all_threads():
    """Alone in the process, a thread is found by its ident, where it is."""
    here = frames.current_frames()[threading.get_ident()]
    assert here.f_back.f_code is test_frames_are_those_of_all_threads.__code__


def test_stats_beside_another_interpreter_name_calls_without_stacks(run, until, beside_another):
    """What runs, for how long, and its file and line are known all the same."""
    go = threading.Event()

    def work():
        go.wait(60)

    async def main():
        pool = Pool("p", 1)
        task = asyncio.create_task(pool.run(work))
        await until(lambda: pool.stats().busy)
        (call,) = pool.stats().calls
        go.set()
        await task
        return call.call.rpartition(".")[2], call.file == __file__, call.line > 0, call.stack

    assert ("work", True, True, ()) == run(main())


def test_a_loop_thread_that_does_not_end_is_named_beside_another_interpreter(beside_another):
    """The error comes all the same, and says that nobody looked."""
    go, entered = threading.Event(), threading.Event()

    async def blocks():
        entered.set()
        go.wait(60)

    opened = loop_thread(exit_timeout=0.02)
    portal = opened.__enter__()
    portal.submit(blocks)
    assert entered.wait(60)
    with pytest.raises(TimeoutError, match="could not be looked at"):
        opened.__exit__(None, None, None)
    go.set()
