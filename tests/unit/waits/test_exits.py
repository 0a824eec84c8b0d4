"""Laws of what an exit stack holds: the managers that its end will leave, and nothing else."""

import asyncio
import sys
import threading
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, nullcontext

from unjam.probes.waits_exits import taken_over


@contextmanager
def manager():
    yield


@asynccontextmanager
async def async_manager():
    yield


def test_what_was_entered_is_taken_over():
    """Locks, generators and stacks within stacks, in the order in which they were entered."""
    lock, made, inner = threading.Lock(), manager(), ExitStack()
    with ExitStack() as stack:
        stack.enter_context(lock)
        stack.enter_context(inner)
        inner.enter_context(made)
        assert [lock, inner, made] == list(taken_over(stack))
    assert [] == list(taken_over(stack))


def test_an_asynchronous_stack_has_both_kinds():
    """Entered with or without await."""

    async def main():
        lock, made = threading.Lock(), async_manager()
        async with AsyncExitStack() as stack:
            stack.enter_context(lock)
            await stack.enter_async_context(made)
            return [lock, made] == list(taken_over(stack))

    assert asyncio.run(main())


def test_what_is_only_called_is_not_held():
    """A callback may do anything, and so may a class derived from a stack or an object that has one.

    From CPython 3.15 on a stack keeps the pushed exit of a lock just as that of one entered.
    """

    class Mine(ExitStack):
        pass

    lock = threading.Lock()
    with ExitStack() as stack, Mine() as derived:
        stack.callback(lock.locked)
        stack.push(lock.__exit__)
        derived.enter_context(nullcontext())
        pushed = [lock] if sys.version_info >= (3, 15) else []
        assert [pushed, [], []] == [list(taken_over(value)) for value in (stack, derived, lock)]
        stack.pop_all()
