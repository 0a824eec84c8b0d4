"""What a frame holds, read from the process's own memory: equal to what its `with` blocks say, in every shape of code."""

import asyncio
import sys
import threading

import pytest

from unjam.probes.waits_kernel import kernel_wait
from unjam.probes.waits_memory import SUPPORTED, Memory

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] not in SUPPORTED, reason="the memory layout of this version is not known"
)

A, B, C = threading.Lock(), threading.RLock(), threading.Lock()


@pytest.fixture
def memory():
    memory = Memory()
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
