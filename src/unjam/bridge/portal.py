"""A way onto one particular loop from anywhere, and a loop in a thread of its own for programs that have none."""

from __future__ import annotations

import asyncio
import traceback
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Event, Thread, get_ident
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from unjam.bridge.frames import current_frames
from unjam.bridge.ports import current_port
from unjam.bridge.waiting import Request, wait_on
from unjam.bridge.watching import WATCH
from unjam.bridge.workers import WORKERS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from unjam.bridge.ports import Port

P = ParamSpec("P")
R = TypeVar("R")


class Portal:
    """A way onto one loop, to be used from any thread."""

    def __init__(self, port: Port) -> None:
        self._port = port

    @classmethod
    def current(cls) -> Portal:
        """Return the portal of the loop that runs in this thread; raises NoLoop where none does."""
        return cls(current_port())

    def wait(self, afn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """As `unjam.bridge.wait`, on this loop.

        On a thread that runs another loop it blocks that loop, as any synchronous call does, and is refused with
        WouldDeadlock where the two loops would wait for each other.
        """
        return wait_on(self._port, WORKERS.get(get_ident()), afn, args, kwargs)

    def submit(self, afn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Start `afn(*args, **kwargs)` on the loop; cancelling the future cancels it there.

        Raises NoLoop where the loop does not run; the future gets it where the loop stops before the coroutine has ended.
        """
        future: Future[R] = Future()

        def finish(request: Request) -> None:
            WATCH.discard(request)
            if isinstance(request.exception, asyncio.CancelledError):
                future.cancel()
            if not future.set_running_or_notify_cancel():
                return
            exception, request.exception = request.exception, None
            if exception is not None:
                future.set_exception(exception)
            else:
                future.set_result(request.result)

        worker = WORKERS.get(get_ident())
        request = Request(self._port, worker.call if worker is not None else None, (afn, args, kwargs), finish)
        future.add_done_callback(lambda done: request.cancel() if done.cancelled() else None)
        WATCH.add(request)
        if WATCH.thread is None:
            WATCH.start()
        self._port.post(request.begin)
        return future


@contextmanager
def loop_thread(
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    name: str = "unjam-loop",
    exit_timeout: float | None = None,
) -> Iterator[Portal]:
    """Run an event loop in a daemon thread, and give the way onto it; at the end its tasks are cancelled and it is closed.

    `loop_factory` as for `asyncio.Runner` (`uvloop.new_event_loop`). Raises TimeoutError where the thread has not ended
    `exit_timeout` seconds after that (None: waits for ever), naming where it is; and what ended the loop before its time.
    """
    ready = Event()
    opened: list[tuple[Portal, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stop, port = asyncio.Event(), current_port()
        opened.append((Portal(port), asyncio.get_running_loop(), stop))
        ready.set()
        try:
            await stop.wait()
        finally:
            port.leaving = True

    failure: list[BaseException] = []

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                runner.run(main())
        except BaseException as exc:  # noqa: BLE001 - it belongs to whoever opened the thread
            failure.append(exc)
        finally:
            ready.set()

    thread = Thread(target=run, name=name, daemon=True)
    thread.start()
    ready.wait()
    if not opened:
        raise failure[0]
    portal, loop, stop = opened[0]
    try:
        yield portal
    finally:
        with suppress(RuntimeError):  # the loop has come to an end by itself
            loop.call_soon_threadsafe(stop.set)
        thread.join(exit_timeout)
        if thread.is_alive():
            raise TimeoutError(
                f"loop thread {name!r} did not end within {exit_timeout:g} s; it is at\n{_where(thread)}"
            )
        if failure:
            raise failure[0]


def _where(thread: Thread) -> str:
    frame = current_frames().get(thread.ident or 0)
    return "".join(traceback.format_stack(frame)) if frame is not None else "(a place that could not be looked at)"
