"""What a frame holds, read from the process's own memory: equal to what its `with` blocks say, in every shape of code."""

import asyncio
import ctypes
import gc
import mmap
import os
import sys
import threading
from types import BuiltinMethodType

import pytest

from unjam.native import _core
from unjam.probes import waits_kernel
from unjam.probes.waits import Collector
from unjam.probes.waits_kernel import kernel_wait
from unjam.probes.waits_memory import SUPPORTED, Memory

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] not in SUPPORTED, reason="the memory layout of this version is not known"
)

A, B, C = threading.Lock(), threading.RLock(), threading.Lock()


@pytest.fixture(params=["native", "python"])
def memory(request):
    """Read by the C core, and by Python."""
    memory = Memory(_core if request.param == "native" else False)
    assert memory.reason == ""
    yield memory
    memory.close()


def holding(memory):
    """Return the locks held by the caller's frame, innermost first."""
    frame = sys._getframe(1)
    names = {id(A): "A", id(B): "B", id(C): "C"}
    return "".join(names.get(held.address, "?") for held in memory.held(frame, frame.f_lasti))


def test_nested_blocks(memory):
    """Each block counts from its entry to its exit."""
    assert holding(memory) == ""
    with A:
        assert holding(memory) == "A"
        with B:
            assert holding(memory) == "BA"
        assert holding(memory) == "A"
    assert holding(memory) == ""


def test_several_managers_in_one_block(memory):
    """`with A, B` holds both, the last one innermost."""
    with A, B, C:
        assert holding(memory) == "CBA"


def test_inside_loops_and_handlers(memory):
    """Iterators, exceptions and finally blocks on the stack do not shift what is found."""
    for _ in range(2):
        with A:
            for _ in zip([1], [2], strict=True):
                try:
                    with B:
                        assert holding(memory) == "BA"
                        raise KeyError  # noqa: TRY301 -- a handler on the stack is what is tested
                except KeyError:
                    assert holding(memory) == "A"
                    with C:
                        assert holding(memory) == "CA"
                finally:
                    assert holding(memory) == "A"
    assert holding(memory) == ""


def test_with_cells_and_arguments(memory):
    """Cell and free variables, and arguments that are cells, are counted before the value stack."""

    def outer(first, *rest, second=2, **words):
        def inner():
            with B:
                return holding(memory), first, rest, second, words

        with A:
            return holding(memory), inner()

    assert outer(1, 2, x=3)[0] == "A"
    assert outer(1, 2, x=3)[1][0] == "B"


def test_in_generators_and_coroutines(memory):
    """A suspended frame is read as a running one."""

    def generator():
        with A:
            yield

    async def coroutine():
        with C:
            await asyncio.sleep(0)

    suspended = generator()
    next(suspended)
    assert [held.address for held in memory.held(suspended.gi_frame, suspended.gi_frame.f_lasti)] == [id(A)]
    suspended.close()
    running = coroutine()
    running.send(None)
    assert [held.address for held in memory.held(running.cr_frame, running.cr_frame.f_lasti)] == [id(C)]
    running.close()
    assert not A.locked()


def test_the_line_is_that_of_the_with(memory):
    """A holder is named by the line at which it took the lock."""
    line = sys._getframe().f_lineno + 1
    with A:
        held = memory.held(sys._getframe(), sys._getframe().f_lasti)
    assert [each.line for each in held] == [line]


def test_a_wrong_address_is_no_crash(memory):
    """Whatever is read from nowhere is nothing."""
    assert (memory.words(8, 4), memory.word(2**63), memory.locked(16)) == ((), 0, None)


def test_the_kernel_names_the_lock_and_the_time_out(memory):
    """A thread that waits for a lock is in futex on its semaphore; a time-out shows."""
    for arguments, timed in (((), False), ((True, 30), True)):
        lock = threading.Lock()
        lock.acquire()
        thread = threading.Thread(target=lock.acquire, args=arguments, daemon=True)
        thread.start()
        while (wait := kernel_wait(thread.native_id)).state != "futex" or memory.waited_for(
            wait.address
        ) != memory.state(id(lock)):
            assert thread.is_alive()
            assert wait.state != "unreadable"
        assert wait.timed == timed
        lock.release()
        thread.join()


def test_a_suspended_coroutine_is_read_by_its_own_address(memory):
    """The frame of a coroutine lies inside it: reading it there finds what its frame object leads to, with exits at hand or not."""

    async def waiting():
        with A, B:
            await asyncio.sleep(0)

    for _ in range(2):  # The first one teaches where it lies.
        coroutine = waiting()
        coroutine.send(None)
        frame = coroutine.cr_frame
        plain = memory.held(frame, frame.f_lasti)
        exits = {
            id(each): each.__self__
            for each in gc.get_referents(coroutine)
            if type(each) is BuiltinMethodType and each.__name__ == "__exit__"
        }
        assert (
            plain == memory.held(frame, frame.f_lasti, coroutine) == memory.held(frame, frame.f_lasti, coroutine, exits)
        )
        assert [held.address for held in plain] == [id(B), id(A)]
        coroutine.close()


def test_words_beyond_any_memory_are_none(memory):
    """What cannot be an address, or reaches beyond what can be read, is unreadable and no error."""
    assert [memory.words(address, 1) for address in (-8, 0, 1 << 63, 1 << 64)] == [()] * 4
    with mmap.mmap(-1, 2 * mmap.PAGESIZE) as region:
        last_word = ctypes.addressof(ctypes.c_char.from_buffer(region)) + mmap.PAGESIZE - 8
        region.resize(mmap.PAGESIZE)
        assert [len(memory.words(last_word, count)) for count in (1, 2)] == [1, 0]


def test_the_core_reads_of_threads_what_python_reads(monkeypatch):
    """/proc says the same to both; a thread that is not there is None to both."""
    tid = threading.get_native_id()
    by_core = [_core.read_of_thread(tid, "comm"), _core.read_of_thread(1 << 30, "comm")]
    monkeypatch.setitem(sys.modules, "unjam.native._core", None)
    assert by_core == [waits_kernel._proc(tid, "comm"), waits_kernel._proc(1 << 30, "comm")]
    assert by_core[0].strip()


def test_a_collection_gives_the_gil_up_in_its_pauses_only(monkeypatch):
    """With the C core no read of a thread or a coroutine is a call that gives the GIL up: a computing thread would keep it for 5 ms each."""
    read = []

    def counted(name, original):
        return lambda *args, **kwargs: (read.append(name), original(*args, **kwargs))[1]

    async def main():
        lock = asyncio.Lock()

        async def holding():
            async with lock:
                await asyncio.sleep(60)

        tasks = [asyncio.create_task(holding()) for _ in range(20)]
        await asyncio.sleep(0)
        collector = Collector()
        await asyncio.to_thread(collector.collect)  # opens and imports what it needs
        for name in ("open", "read", "close", "pread"):
            monkeypatch.setattr(os, name, counted(name, getattr(os, name)))
        graph = await asyncio.to_thread(collector.collect)
        monkeypatch.undo()
        collector.close()
        for task in tasks:
            task.cancel()
        return graph

    threads = [threading.Thread(target=GO.wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    try:
        graph = asyncio.run(main())
    finally:
        GO.set()
    assert sum(node.kind == "thread" for node in graph.nodes.values()) > 20
    assert sum(edge.verb == "is held by" for edge in graph.edges) == 1
    assert read == []


GO = threading.Event()
