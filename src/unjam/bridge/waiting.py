"""From a thread to a loop and back: `wait` runs a coroutine there and serves nested work meanwhile."""

from __future__ import annotations

import os
from asyncio import CancelledError
from contextvars import copy_context
from inspect import isawaitable
from queue import Empty
from threading import Lock, get_ident
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

from unjam.bridge.bulkhead import relieve_all
from unjam.bridge.lineage import LINEAGE, Frame, may_take
from unjam.bridge.naming import named
from unjam.bridge.ports import Port, ports, running_port
from unjam.bridge.watching import WATCH
from unjam.bridge.workers import WORKERS
from unjam.errors import NoLoop, UsageError, WouldDeadlock

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Awaitable, Callable, Mapping

    from unjam.bridge.calls import Call
    from unjam.bridge.ports import Timer
    from unjam.bridge.workers import Worker

P = ParamSpec("P")
R = TypeVar("R")


class Request:
    """A coroutine function that runs on a loop for somebody elsewhere; `finish` is called with it at the end, there.

    `call` is the one that asks for it, if a pool's thread does. Raises NoLoop where the loop takes nothing (more), UsageError
    where there is nothing to call.
    """

    def __init__(
        self,
        port: Port,
        call: Call | None,
        wanted: tuple[Callable[..., Awaitable[Any]], tuple[Any, ...], Mapping[str, Any]],
        finish: Callable[[Request], object],
    ) -> None:
        self.port = port
        self.own = call is not None and call.port is port
        """Whether it is part of what this very loop awaits, and so ends before that does."""
        if not port.running() or (port.leaving and not self.own):
            raise NoLoop(_ended(port))
        self.afn, self.args, self.kwargs = wanted
        if not callable(self.afn):
            _refuse_coroutine(self.afn)
        self._finish: list[Callable[[Request], object]] = [finish]
        self.context = copy_context()
        self.task: Timer | Task[None] | None = None
        self.cancelled = False
        self.finished = False
        self.result: Any = None
        self.exception: BaseException | None = None

    def begin(self) -> None:
        """Start it; runs on the loop."""
        if self.cancelled:
            if self.exception is None:
                self.fail(CancelledError())
            return
        if self.port.leaving and not self.own:
            self.fail(NoLoop(_ended(self.port)))
            return
        self.port.start(self)

    async def serve(self) -> None:
        """Run it and hand its outcome over, be it what it may: it is the caller's, not the loop's."""
        try:
            outcome = self.afn(*self.args, **self.kwargs)
            if type(outcome) is not CoroutineType and not isawaitable(outcome):
                _refuse_function(self.afn, outcome)
            self.result = await outcome
        except BaseException as exc:
            self.exception = exc
            if isinstance(exc, self.port.ends_tasks):
                raise
        finally:
            self.finished = True
            self._tell()

    def ended(self, _task: Task[None]) -> None:
        """Take note that its task ended; one that was cancelled before its first step never got to `serve`."""
        if not self.finished:
            self.fail(CancelledError())

    def outcome(self) -> Any:
        """Return or raise it, once."""
        exception, self.exception = self.exception, None
        if exception is None:
            return self.result
        try:
            raise exception
        finally:
            del exception  # its traceback refers to this frame, and to that of `serve`

    def fail(self, exception: BaseException) -> None:
        """End it without its coroutine."""
        if self._finish:
            self.exception = exception
        self._tell()

    def _tell(self) -> None:
        """Tell of the end, once: from then on neither who waits nor his future can be reached through a traceback."""
        try:
            finish = self._finish.pop()
        except IndexError:
            return
        finish(self)

    def refuse(self, exception: BaseException) -> None:
        """End a wait that its loop cannot end, from any thread; what of it has begun is cancelled when the loop turns again."""
        self.cancelled = True
        self.fail(exception)
        self.cancel()

    def cancel(self) -> None:
        """Cancel it, from any thread."""
        self.port.post(self._cancel)

    def _cancel(self) -> None:
        self.cancelled = True
        if self.task is not None:
            self.task.cancel()


def wait(afn: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `afn(*args, **kwargs)` on the loop, wait for it in this thread, and return what it returns.

    In a pool's thread the loop is the one that awaits the call; elsewhere it is the one loop that the bridge knows. A
    cancelled caller cancels a `wait` in progress. Contextvars go to the coroutine and do not come back.

    Raises WouldDeadlock where the wait could never end: on that loop's own thread, or below a wait that blocks it. Raises
    NoLoop where there is no loop, or several and nothing says which: use `Portal.wait` then.
    """
    worker = WORKERS.get(get_ident())
    if worker is None or worker.call is None:
        return wait_on(_only_port(), None, afn, args, kwargs)
    return wait_on(worker.call.port, worker, afn, args, kwargs)


def wait_on(
    port: Port,
    worker: Worker | None,
    afn: Callable[..., Awaitable[R]],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> R:
    """As `wait`, on the loop of `port`; `worker` is this thread's, if it is a pool's."""
    here, above = running_port() or (worker.under if worker is not None else None), LINEAGE.get()
    below = _loops_below(worker, here) if here is not None else []
    call = worker.call if worker is not None else None
    frame = Frame(call.bulkhead if call is not None else None, blocked=here)
    try:
        request = Request(port, call, (afn, args, kwargs), frame.tell)
        if below or above is not None:
            _refuse_cycle(port, below, above)
    except BaseException:
        frame.close()
        raise
    request.context.run(LINEAGE.set, frame)
    if call is not None:
        call.inner, call.frame = request, frame
    try:
        WATCH.add(request)
        if WATCH.thread is None:
            WATCH.start()
        port.post(request.begin)
        if call is not None and (below or port.blocked_on is not None or port.worker is not None):
            relieve_all()  # that loop may not turn: it waits as well, or a call runs on top of it; or this stops another
        _serve_until(request, frame, worker)
    except BaseException:
        request.cancel()
        raise
    finally:
        WATCH.discard(request)
        frame.close()
        if call is not None:
            call.inner = call.frame = None
        if below:
            _unblock(below)
    return request.outcome()  # type: ignore[no-any-return]


def _serve_until(request: Request, frame: Frame, worker: Worker | None) -> None:
    """Wait until `request` comes back into the box, and serve the calls that come before it."""
    box, bell = frame.box, frame.bell
    while True:
        if bell is not None:
            os.read(bell, 8)
        try:
            item = box.get(bell is None)
        except Empty:  # the ring was for whoever had this bell before
            continue
        if item is request:
            return
        assert worker is not None, "only frames of a pool's thread are offered calls"
        if may_take(item[0], frame):
            item[0].execute(worker)
        del item  # or it would be kept with its arguments and its result for as long as the thread waits
        if frame.box.empty():
            relieve_all()


def _refuse_coroutine(value: Any) -> NoReturn:
    """Say what is to be given instead; what was made for nothing is not complained of as well."""
    if type(value) is CoroutineType:
        value.close()
        name = value.__name__
        raise UsageError(f"give the coroutine function and its arguments, ({name}, ...), not the coroutine {name}(...)")
    raise UsageError(f"a coroutine function is needed, not {value!r}")


def _refuse_function(fn: object, outcome: object) -> NoReturn:
    raise UsageError(
        f"{named(fn).name} returned a {type(outcome).__name__}, which cannot be awaited: "
        "only a coroutine function can be run on a loop, anything else is called where it is needed"
    )


_cycle_lock = Lock()


def _loops_below(worker: Worker | None, here: Port) -> list[tuple[Port, Port | None]]:
    """Return the loops that cannot turn while this thread waits, each with what it was blocked on before."""
    if worker is None:
        return [(here, here.blocked_on)]
    return [(port, port.blocked_on) for port in ports() if port.worker is worker and port.running()]


def _refuse_cycle(target: Port, below: list[tuple[Port, Port | None]], above: Frame | None) -> None:
    """Raise WouldDeadlock where `target` cannot turn before this wait ends; otherwise note what these loops wait for."""
    loops = [port for port, _ in below]
    if target in loops:
        raise WouldDeadlock("this thread runs the loop on which it would wait: await the coroutine instead")
    if above is not None and any(frame.blocked is target for frame in above):
        raise WouldDeadlock("the loop on which this would wait is itself blocked in a wait for this call")
    with _cycle_lock:
        port: Port | None = target
        while port is not None:
            if port in loops:
                raise WouldDeadlock(
                    "the loop on which this would wait is itself blocked in a wait for this thread's loop"
                )
            port = port.blocked_on
        for loop in loops:
            loop.blocked_on = target


def _unblock(below: list[tuple[Port, Port | None]]) -> None:
    """Take note that these loops turn again: what they want to hold had to wait for that."""
    for loop, before in below:
        loop.blocked_on = before
    relieve_all()


def _only_port() -> Port:
    here = running_port()
    if here is not None:
        return here
    running = [port for port in ports() if port.running()]
    if len(running) == 1:
        return running[0]
    if running:
        raise NoLoop("several event loops are running: say which with `portal.wait` (Portal.current() on that loop)")
    raise NoLoop(
        "no event loop is known to the bridge: start one with `loop_thread()`, or call Portal.current() on yours"
    )


def _ended(port: Port) -> str:
    state = "is closed" if port.closed() else "is being closed" if port.leaving else "does not run"
    return f"the loop on which this would wait {state}"
