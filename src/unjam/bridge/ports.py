"""The way back onto a loop: one mailbox per loop, emptied by one callback however many threads post to it."""

from __future__ import annotations

import os
import select
import selectors
import sys
from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop, BaseEventLoop, CancelledError, Future, Task, get_running_loop, sleep
from asyncio.events import _get_running_loop, _set_running_loop
from asyncio.selector_events import BaseSelectorEventLoop
from collections import deque
from contextlib import suppress
from functools import partial
from itertools import count
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakValueDictionary, finalize

from unjam.bridge.lineage import may_take
from unjam.bridge.workers import WORKERS
from unjam.bridge.workqueue import TRAFFIC
from unjam.errors import NoLoop

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from unjam.bridge.calls import Call
    from unjam.bridge.waiting import Request


class Timer(Protocol):
    """What `call_later` gives: something that can be called off."""

    def cancel(self) -> object:
        """Call it off."""


class Port(ABC):
    """The mailbox of one loop; the rest of what the bridge needs from a loop is in the subclasses.

    A post appends, then looks at `awake`; the drain lowers `awake`, then takes. As append and take of one deque exclude
    each other, either the drain sees the item or the poster sees the lowered flag and wakes the loop: no post is lost,
    with or without a GIL. Two posters may both wake it, which costs an empty drain.
    """

    wake: Callable[[], object]
    """Has `drain` called on the loop; from any thread, and without effect once the loop is closed."""
    future: Callable[[], Future[Any]]
    """Makes something to await on the loop."""
    closed: Callable[[], bool]
    """Whether nothing will ever be taken from the mailbox again."""
    running: Callable[[], bool]
    """Whether what is in the mailbox would be taken soon."""
    ends_tasks: tuple[type[BaseException], ...] = (CancelledError, GeneratorExit)
    """What must come out of a task where it was raised in it."""

    def __init__(self) -> None:
        self.items: deque[Callable[[], object]] = deque()
        self.awake = False
        self.worker = WORKERS.get(get_ident())
        """The pool's thread in which the loop runs, if it is one."""
        self.blocked_on: Port | None = None
        """The port for which the thread of this loop waits, see `waiting`."""
        self.lent = False
        """Whether a call runs on top of this loop."""
        self.leaving = False
        """Whether it takes nothing more from outside: its tasks are being cancelled, and what begins now would outlive that."""

    @abstractmethod
    def attach(self) -> None:
        """Be found by the loop; runs on it."""

    @abstractmethod
    def detach(self) -> None:
        """Be found no more."""

    @property
    def turns(self) -> bool:
        """Whether nothing in the thread of this loop keeps it from turning, as far as the bridge knows."""
        return not self.lent and self.blocked_on is None

    def post(self, arrive: Callable[[], object]) -> None:
        """Have `arrive` called on the loop, from any thread."""
        self.items.append(arrive)
        if not self.awake:
            self.awake = True
            self.wake()

    def drain(self) -> None:
        """Call what was posted; runs on the loop."""
        self.awake = False
        items = self.items
        try:
            # As many as are there now: a fast poster must not keep the loop here.
            present = len(items)
            TRAFFIC.alone = present == 1
            for _ in range(present):
                items.popleft()()
        except BaseException:
            self.wake()
            raise

    def lend(self, call: Call) -> None:
        """Run a call in the pool's thread below this loop, as if no loop ran there; runs on the loop.

        The call may run a loop of its own. Waiting for this one is refused all the same: it is `under` the call.
        """
        worker = self.worker
        if worker is None or WORKERS.get(get_ident()) is not worker:
            self.worker = WORKERS.get(get_ident())  # the loop runs in another thread than when it was first seen
            call.offers.discard(self)
        elif may_take(call, self):
            loop, under = _get_running_loop(), worker.under
            worker.under, self.lent = self, True
            _set_running_loop(None)
            try:
                call.execute(worker)
            finally:
                _set_running_loop(loop)
                worker.under, self.lent = under, False
        from unjam.bridge.bulkhead import relieve_all  # which stands above the ports

        relieve_all()

    @abstractmethod
    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Have `callback` called on the loop; to be called there."""

    @abstractmethod
    async def checkpoint(self) -> None:
        """Let the loop turn once."""

    @abstractmethod
    def start(self, request: Request) -> None:
        """Run a request on the loop; to be called there."""

    @abstractmethod
    def report(self, text: str, exception: BaseException) -> None:
        """Tell of an error that has no caller; to be called on the loop."""


class AsyncioPort(Port):
    """The mailbox of an asyncio loop, uvloop's included."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop
        stock = getattr(type(loop), "create_future", None) is BaseEventLoop.create_future
        self.future = partial(Future, loop=loop) if stock else loop.create_future
        self.closed = loop.is_closed
        self.running = loop.is_running
        self.wake = self._call_soon
        if hasattr(os, "eventfd") and _reads_descriptors(loop):
            self._hang_bell(loop)

    def attach(self) -> None:
        """As Port: an attribute of the loop, so that a loop that is dropped without being closed is collected with its port."""
        try:
            self.loop.unjam_port = self  # type: ignore[attr-defined]
        except AttributeError:  # it has no attributes of its own
            OTHERS[self.loop] = self

    def detach(self) -> None:
        """As Port."""
        with suppress(AttributeError):
            del self.loop.unjam_port  # type: ignore[attr-defined]
        OTHERS.pop(self.loop, None)

    def _hang_bell(self, loop: AbstractEventLoop) -> None:
        """Wake the loop by an eventfd that leads straight into the drain.

        It saves the self-pipe's two reads and one handle for every wake (uvloop: one handle and one turn), a fifth of what a
        lone hop costs. It is closed when nobody can post any more, not when the loop closes, lest a late post writes to
        somebody else's descriptor.
        """
        bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.wake = partial(os.eventfd_write, bell, 1)
        epoll = _epoll_of(loop)
        if epoll is None:
            loop.add_reader(bell, self._answer, bell)
        else:
            # Told of each write instead of what is in it, nobody needs to read it: a twentieth of a hop. Its counter holds
            # 2**64 - 2 of them.
            loop.add_reader(bell, self.drain)
            epoll.modify(bell, select.EPOLLIN | select.EPOLLET)
        finalize(self, os.close, bell).atexit = False

    def _answer(self, bell: int) -> None:
        os.eventfd_read(bell)
        self.drain()

    def _call_soon(self) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(self.drain)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """As Port."""
        return self.loop.call_later(seconds, callback)

    async def checkpoint(self) -> None:
        """As Port."""
        await sleep(0)

    def start(self, request: Request) -> None:
        """As Port; where the loop has no task factory of its own, without a turn of the loop (3.12)."""
        loop = self.loop
        if loop.get_task_factory() is not None:
            request.task = task = loop.create_task(request.serve(), context=request.context)
            task.add_done_callback(request.ended)
        elif sys.version_info >= (3, 12):
            request.task = Task(request.serve(), loop=loop, context=request.context, eager_start=True)
        else:
            request.task = _begun(loop, request)

    def report(self, text: str, exception: BaseException) -> None:
        """As Port."""
        self.loop.call_exception_handler({"message": text, "exception": exception})


def _reads_descriptors(loop: AbstractEventLoop) -> bool:
    """Whether its `add_reader` calls back from the very wait: asyncio's selector loops, uvloop and what is made of them."""
    return isinstance(loop, BaseSelectorEventLoop) or any(
        kind.__module__ == "uvloop.loop" for kind in type(loop).__mro__
    )


def _epoll_of(loop: Any) -> Any:
    """Return the epoll object in which the loop waits, None where that is none of the standard library's own."""
    selector = getattr(loop, "_selector", None)
    if type(selector) is not getattr(selectors, "EpollSelector", None):
        return None
    return getattr(selector, "_selector", None)


def _begun(loop: AbstractEventLoop, request: Request) -> Task[None]:
    """Make a request's task and run its first step at once: 3.11 has no eager tasks, and a turn costs a system call.

    A task asks its loop to `call_soon` its first step; for the moment of its making the loop keeps that step instead. Where
    it cannot (it has no attributes of its own, or somebody else has replaced this one) the step comes in the next turn.
    """
    own, steps = getattr(loop, "__dict__", {"call_soon": None}), []

    def keep(callback: Callable[..., object], *args: Any, context: Context | None = None) -> object:
        if context is request.context:
            steps.append(callback)
            return None
        return type(loop).call_soon(loop, callback, *args, context=context)  # for a signal handler that ran just now

    taken = own.setdefault("call_soon", keep)
    try:
        task = Task(request.serve(), loop=loop, context=request.context)
    finally:
        if taken is keep:
            del own["call_soon"]
    if steps:
        request.context.run(steps[0])
    else:
        task.add_done_callback(request.ended)
    return task


OTHERS: dict[object, Port] = {}
"""Ports of what has no attributes of its own (trio's tokens). Those that are closed are dropped when the next loop is seen."""

_PORTS: WeakValueDictionary[int, Port] = WeakValueDictionary()
_numbers = count()


def ports() -> list[Port]:
    """Return all there are, the oldest first: of the loops in one thread the last is the innermost."""
    return [port for found in _PORTS.valuerefs() if (port := found()) is not None]


def current_port() -> Port:
    """Return the port of the loop that runs in this thread.

    Raises NoLoop where none runs.
    """
    port: Port | None
    try:
        loop: Any = get_running_loop()
        port = loop.unjam_port
    except (AttributeError, RuntimeError):
        port = running_port()
    if port is None:
        raise NoLoop("no event loop runs in this thread")
    return port


def running_port() -> Port | None:
    """Return the port of the loop that runs in this thread, if one does."""
    loop = _get_running_loop()
    if loop is not None:
        return getattr(loop, "unjam_port", None) or OTHERS.get(loop) or open_port(loop, AsyncioPort)
    if "trio" not in sys.modules:
        return None
    from unjam.bridge import _anyio

    return _anyio.trio_port()


def open_port(loop: Any, kind: Callable[[Any], Port]) -> Port:
    """Make the port of a loop that was not seen before; runs on it."""
    for known in ports():
        if known.closed():
            known.detach()
    port = kind(loop)
    port.attach()
    _PORTS[next(_numbers)] = port
    return port


def _forget_after_fork() -> None:
    """Drop the parent's loops: they do not run in the child, which must not ring their bells either."""
    for port in ports():
        port.detach()
    _PORTS.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
