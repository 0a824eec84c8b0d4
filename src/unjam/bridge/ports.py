"""The way back onto a loop: one mailbox per loop, emptied by one callback however many threads post to it."""

from __future__ import annotations

import sys
from asyncio import AbstractEventLoop, Future, Task, get_running_loop, sleep
from asyncio.events import _get_running_loop
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from unjam.errors import NoLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from unjam.bridge.waiting import Request


class Timer(Protocol):
    """What `call_later` gives: something that can be called off."""

    def cancel(self) -> object:
        """Call it off."""


class Port:
    """The mailbox of one asyncio loop (or uvloop's).

    A post appends, then looks at `awake`; the drain lowers `awake`, then takes. As append and take of one deque exclude
    each other, either the drain sees the item or the poster sees the lowered flag and wakes the loop: no post is lost,
    with or without a GIL. Two posters may both wake it, which costs an empty drain.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self.items: deque[Callable[[], object]] = deque()
        self.awake = False
        self.blocked_on: Port | None = None
        """The port for which the thread of this loop waits, see `waiting`."""

    def post(self, arrive: Callable[[], object]) -> bool:
        """Have `arrive` called on the loop, from any thread; False when the loop has been closed."""
        self.items.append(arrive)
        if not self.awake:
            self.awake = True
            try:
                self.loop.call_soon_threadsafe(self._drain)
            except RuntimeError:
                return False
        return True

    def _drain(self) -> None:
        self.awake = False
        items = self.items
        try:
            # As many as are there now: a fast poster must not keep the loop here.
            for _ in range(len(items)):
                items.popleft()()
        except BaseException:
            self.loop.call_soon(self._drain)
            raise

    def future(self) -> Future[Any]:
        """Something to await on this loop."""
        return self.loop.create_future()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Have `callback` called on the loop; to be called there."""
        return self.loop.call_later(seconds, callback)

    async def checkpoint(self) -> None:
        """Let the loop turn once."""
        await sleep(0)

    def running(self) -> bool:
        """Whether somebody would empty the mailbox."""
        return self.loop.is_running()

    def here(self) -> bool:
        """Whether the loop runs in the calling thread."""
        return _get_running_loop() is self.loop

    def start(self, request: Request) -> None:
        """Run a request as a task of the loop; to be called there."""
        loop = self.loop
        if sys.version_info >= (3, 12) and loop.get_task_factory() is None:
            request.task = Task(request.serve(), loop=loop, context=request.context, eager_start=True)
        else:
            request.task = loop.create_task(request.serve(), context=request.context)

    def report(self, text: str, exception: BaseException) -> None:
        """Tell the loop's exception handler about an error that has no caller; to be called on the loop."""
        self.loop.call_exception_handler({"message": text, "exception": exception})


PORTS: dict[object, Port] = {}
"""By loop (or trio token). Closed loops are dropped when the next one is seen, so at most one generation outlives."""


def current_port() -> Port:
    """Return the port of the loop that runs in this thread.

    Raises NoLoop where none runs.
    """
    try:
        loop = get_running_loop()
    except RuntimeError:
        port = _trio_port()
        if port is None:
            raise NoLoop("no event loop runs in this thread") from None
        return port
    try:
        return PORTS[loop]
    except KeyError:
        return _open(loop)


def running_port() -> Port | None:
    """Return the port of the loop that runs in this thread, if one does."""
    loop = _get_running_loop()
    if loop is None:
        return _trio_port()
    return PORTS.get(loop) or _open(loop)


def _open(loop: AbstractEventLoop) -> Port:
    for key in list(PORTS):
        if isinstance(key, AbstractEventLoop) and key.is_closed():
            PORTS.pop(key, None)
    return PORTS.setdefault(loop, Port(loop))


def _trio_port() -> Port | None:
    if "trio" not in sys.modules:
        return None
    from unjam.bridge import _anyio  # noqa: PLC0415 - on demand: only where trio is in use

    return _anyio.trio_port()
