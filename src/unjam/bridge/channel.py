"""A bounded queue between any number of threads, tasks and loops, on either end."""

from __future__ import annotations

import os
from collections import deque
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar
from weakref import WeakSet

from unjam.bridge.arguments import whole
from unjam.bridge.ports import current_port, running_port
from unjam.errors import ChannelClosed, WouldDeadlock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import TracebackType

    from unjam.bridge.ports import Port

T = TypeVar("T")

# An async consumer that always finds something would never let its loop turn; after this many items it does. 256 items
# take some 50 us.
YIELD_EVERY = 256


class _ThreadWaiter:
    """A thread that waits for its turn to try again."""

    def __init__(self) -> None:
        self._gate = Lock()
        self._gate.acquire()

    def wake(self) -> bool:
        self._gate.release()
        return True

    def wait(self, seconds: float) -> bool:
        return self._gate.acquire(timeout=seconds)


class _LoopWaiter:
    """A task that waits for its turn to try again."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.future = port.future()

    def wake(self) -> bool:
        """Return whether its loop runs; one that rests finds the wake when it runs again, and tries again then."""
        self._port.post(self._arrive)
        return self._port.running()

    def _arrive(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


_Waiters: TypeAlias = deque[_ThreadWaiter | _LoopWaiter]


class Channel(Generic[T]):
    """Items in the order in which they were put, `capacity` of them at most; `put`/`get` for threads, `aput`/`aget` for tasks.

    After `close` nothing can be put; what was put before can still be taken, then takers get ChannelClosed and iterations
    end. An item that was put is taken exactly once, whoever is cancelled meanwhile.

    No lock is held anywhere, so that a signal handler or a finalizer may use a channel too. Room is a deque of `capacity`
    tokens: who puts takes one first, who took an item gives it back. Who finds nothing queues up as a waiter and tries
    once more before sleeping; who adds something wakes the first waiter after adding. As deque operations exclude each
    other, one of the two sees the other. A woken waiter may find that somebody was faster and waits again; one that
    leaves although it was woken wakes the next.
    """

    def __init__(self, capacity: int) -> None:
        whole("capacity", capacity, 1)
        self.capacity = capacity
        self._items: deque[T] = deque()
        self._room: deque[None] = deque([None] * capacity)
        self._getters: _Waiters = deque()
        self._putters: _Waiters = deque()
        self._closed = False
        CHANNELS.add(self)

    def put(self, item: T, *, timeout: float | None = None) -> None:
        """Put an item; waits for room, `timeout` seconds at most.

        Raises ChannelClosed, TimeoutError, and WouldDeadlock where it would block a running loop's thread.
        """
        try:
            self._room.pop()
        except IndexError:
            self._block(self._putters, self._room.pop, timeout)
        if self._closed:
            self._return_room()
            raise ChannelClosed(_CLOSED)
        self._items.append(item)
        if self._getters:
            _wake_one(self._getters)

    async def aput(self, item: T) -> None:
        """As `put`, from a task."""
        try:
            self._room.pop()
        except IndexError:
            await self._suspend(self._putters, self._room.pop)
        if self._closed:
            self._return_room()
            raise ChannelClosed(_CLOSED)
        self._items.append(item)
        if self._getters:
            _wake_one(self._getters)

    def get(self, *, timeout: float | None = None) -> T:
        """Take the oldest item; waits for one, `timeout` seconds at most.

        Raises ChannelClosed, TimeoutError, and WouldDeadlock where it would block a running loop's thread.
        """
        try:
            item = self._items.popleft()
        except IndexError:
            item = self._block(self._getters, self._items.popleft, timeout)
        self._return_room()
        return item

    async def aget(self) -> T:
        """As `get`, from a task; one that finds an item does not suspend."""
        try:
            item = self._items.popleft()
        except IndexError:
            item = await self._suspend(self._getters, self._items.popleft)
        self._return_room()
        return item

    def close(self) -> None:
        """Refuse what is not in yet; from any thread, as often as one likes."""
        self._closed = True
        _wake_all(self._putters)
        _wake_all(self._getters)

    @property
    def closed(self) -> bool:
        """Whether `close` was called; there may still be items to take."""
        return self._closed

    def __len__(self) -> int:
        return len(self._items)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                item = self.get()
            except ChannelClosed:
                return
            yield item

    async def __aiter__(self) -> AsyncIterator[T]:
        items = self._items
        while True:
            for _ in range(YIELD_EVERY):
                try:
                    item = items.popleft()
                except IndexError:
                    break
                self._return_room()
                yield item
            else:
                await current_port().checkpoint()
            try:
                item = await self.aget()
            except ChannelClosed:
                return
            yield item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _return_room(self) -> None:
        """Give a token back, and wake who may wait for it: putters, or getters that wait for the end."""
        self._room.append(None)
        if self._putters:
            _wake_one(self._putters)
        if self._closed:
            _wake_all(self._getters)

    def _over(self, waiters: _Waiters) -> bool:
        """Whether waiting is in vain. For getters: when closed with every token at home, nothing is in nor on its way in."""
        return self._closed and (waiters is self._putters or len(self._room) == self.capacity)

    def _block(self, waiters: _Waiters, take: Callable[[], Any], timeout: float | None) -> Any:
        """Let this thread wait until `take` succeeds."""
        ends = None if timeout is None else monotonic() + timeout
        while True:
            waiter = _ThreadWaiter()
            with _Queued(waiters, waiter) as queued:
                try:
                    return take()
                except IndexError:
                    pass
                if self._over(waiters):
                    raise ChannelClosed(_CLOSED)
                if running_port() is not None:
                    raise WouldDeadlock(_BLOCKS)
                if not waiter.wait(-1 if ends is None else max(0.0, ends - monotonic())):
                    raise TimeoutError(
                        f"the channel was {'full' if waiters is self._putters else 'empty'} for {timeout:g} s"
                    )
                queued.served = True

    async def _suspend(self, waiters: _Waiters, take: Callable[[], Any]) -> Any:
        """Let this task wait until `take` succeeds."""
        port = current_port()
        while True:
            waiter = _LoopWaiter(port)
            with _Queued(waiters, waiter) as queued:
                try:
                    return take()
                except IndexError:
                    pass
                if self._over(waiters):
                    raise ChannelClosed(_CLOSED)
                await waiter.future
                queued.served = True


_CLOSED = "the channel is closed"
_BLOCKS = "this would block the event loop of this thread: use `await channel.aget()` or `aput()`"


class _Queued:
    """Keeps a waiter in a queue. One that was woken while it left for another reason passes the wake on."""

    def __init__(self, waiters: _Waiters, waiter: _ThreadWaiter | _LoopWaiter) -> None:
        self._waiters = waiters
        self._waiter = waiter
        self.served = False

    def __enter__(self) -> Self:
        self._waiters.append(self._waiter)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if self.served:
            return
        try:
            self._waiters.remove(self._waiter)
        except ValueError:
            _wake_one(self._waiters)


def _wake_one(waiters: _Waiters) -> None:
    """Wake the first waiter who can try again now, and those before it."""
    try:
        while not waiters.popleft().wake():
            pass
    except IndexError:
        pass


def _wake_all(waiters: _Waiters) -> None:
    for _ in range(len(waiters)):
        _wake_one(waiters)


CHANNELS: WeakSet[Channel[Any]] = WeakSet()


def existing() -> list[Channel[Any]]:
    """Return the channels that are alive. One that is made meanwhile in another thread may disturb the look, which is repeated."""
    while True:
        try:
            return list(CHANNELS)
        except RuntimeError:  # the set changed its size
            continue


def _forget_after_fork() -> None:
    """In a forked child nobody waits: the waiters are the parent's."""
    for channel in existing():
        channel._getters.clear()  # noqa: SLF001 - this module's own class
        channel._putters.clear()  # noqa: SLF001


os.register_at_fork(after_in_child=_forget_after_fork)
