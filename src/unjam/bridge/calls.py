"""One call on its way: from the loop into a thread, and its outcome back onto the loop."""

from __future__ import annotations

from contextvars import copy_context
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, cast

from unjam.bridge.naming import named
from unjam.bridge.standstill import NESTED

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Mapping
    from threading import Lock

    from unjam.bridge.bulkhead import Bulkhead
    from unjam.bridge.lineage import Frame
    from unjam.bridge.ports import Port
    from unjam.bridge.remote import Remote
    from unjam.bridge.waiting import Request
    from unjam.bridge.workers import Worker


class Call:
    """A function with its arguments, and where it has got to.

        queued ──claim──> running ──> ended ──post──> arrived
           └────claim──> withdrawn

    A claim takes the call out of `bulkhead.waiting`, which one thread only can do: a call may therefore lie in several
    queues (its pool's and those of waiting ancestors), and one withdrawn never starts. Times are monotonic nanoseconds.
    Attributes that most calls never change are class attributes, because a call is made for every hop.
    """

    started = 0
    counted = False
    """Whether it weighs on its pool's load; calls on a thread that is held anyway do not."""
    holds = False
    """Whether it only holds its thread for other calls (an `acontext`, a `Pinned`)."""
    cancelled = False
    """Whether the caller has gone; written on the caller's loop."""
    bounded = False
    """Whether its caller has set a time limit: it hears something in any case."""
    certain = False
    """Whether it must run though its caller leaves: what leaves a context, or closes something."""
    apart = False
    """Whether it is none of the calls of the body in which it is made, as it outlives that: what holds a pinned object."""
    bound: Worker | None = None
    """The held thread that alone is to run it: of calls in the body of an `acontext`."""
    goes_on = False
    """Whether it needs no room in the queue, as what it goes on with was let in: the next batch of an iterator."""
    killed = False
    remote: Remote | None = None
    """Where it runs just now, if that is elsewhere. Under the pool's lock: what is meant for this call must not reach the next one there."""
    stopping = False
    """Whether a callable that was to stop it is still at it, and might stop whatever comes next in its place."""
    landed = False
    """Whether it has ended meanwhile."""
    arrived = False
    expired: BaseException | None = None
    """What the caller gets instead of the outcome, once its time was up."""
    result: Any = None
    exception: BaseException | None = None
    inner: Request | None = None
    """The `wait` in which its thread sits."""
    frame: Frame | None = None
    """Through which its thread serves others while it sits there, or is held."""
    offers: set[Frame | Port]
    """Who else than its pool's threads was asked to run it; of calls in NESTED."""
    outer: Call | None = None
    """The call below it on the same thread, which it helps."""
    target: object = None
    """What the user named - a function, a generator, a class - where `fn` only carries it (to a process, to a held thread)."""

    def __init__(
        self, bulkhead: Bulkhead, port: Port, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self.bulkhead = bulkhead
        self.port = port
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.context = copy_context()
        self.future: Future[Any] = port.future()
        self.submitted = monotonic_ns()

    def execute(self, worker: Worker, spare: Lock | None = None) -> bool:
        """Run it in this thread, which is `worker`'s, and return True, unless another thread has it or the caller took it back.

        `spare` is released before the caller hears of the end, so that his next call finds the thread idle.
        """
        bulkhead = self.bulkhead
        try:
            bulkhead.waiting.remove(self)
        except KeyError:
            if spare is not None:
                spare.release()
            return False
        self.started = started = monotonic_ns()
        self.outer = outer = worker.call
        worker.call = self
        try:
            # To unpack what is empty takes longer than the call (3.11: 220 ns for both, 160 for `args`, 40 without).
            run = self.context.run
            if self.kwargs:
                self.result = run(self.fn, *self.args, **self.kwargs)
            else:
                self.result = run(self.fn, *self.args) if self.args else run(self.fn)
        except BaseException as exc:  # noqa: BLE001 - all of it belongs to the caller: SystemExit ends the caller's loop
            self.exception = _deliverable(exc)
        worker.call = outer
        if not self.holds:
            worker.waits[(started - self.submitted).bit_length()] += 1
            worker.runs[(monotonic_ns() - started).bit_length()] += 1
            if outer is not None and not outer.holds:
                worker.helped += 1
        if self.counted:
            bulkhead.live.discard(self)
        if bulkhead.closed or NESTED:
            bulkhead.released(self)
        if spare is not None:
            spare.release()
        self.port.post(self.arrive)
        return True

    def arrive(self) -> None:
        """Hand the outcome to the caller; runs on the caller's loop."""
        if self.stopping:
            self.landed = True
            return
        self.arrived = True
        future, self.future = self.future, HEARD
        if self.exception is not None or self.expired is not None:
            self._fail(future)
        elif not future.done():
            future.set_result(self.result)

    def stopped(self) -> None:
        """Take note that who was to stop it has come back; runs on the caller's loop."""
        self.stopping = False
        if self.landed:
            self.arrive()

    def _fail(self, future: Future[Any]) -> None:
        """Raise what came of it, once: a traceback refers to frames that refer to this call, and so to its arguments."""
        exception = self.exception if self.expired is None else self.expired
        self.exception = self.expired = None
        if not future.done() and exception is not None:
            future.set_exception(exception)

    def refuse(self, exception: BaseException) -> None:
        """End a withdrawn call with `exception`; runs on the caller's loop."""
        self.arrived = True
        # Nobody awaits a call that only holds its thread.
        if not self.holds and not self.future.done():
            self.future.set_exception(exception)
        self.expired, self.future = None, HEARD

    def leave(self) -> bool:
        """Take note that nobody waits for it any more; True when it will not start. Runs on the caller's loop."""
        self.cancelled = True
        if self.bulkhead.withdraw(self):
            self.arrived = True
            return True
        if self.inner is not None:
            self.inner.cancel()
        if self.remote is not None:
            with self.bulkhead.lock:
                if self.remote is not None:
                    self.remote.cancel()
        return False

    def kill(self) -> None:
        """End the process in which it runs, or will run if that is just being started."""
        with self.bulkhead.lock:
            self.killed = True
            if self.remote is not None:
                self.remote.kill()

    def move(self, remote: Remote | None) -> bool:
        """Say that it runs there now, None: back here. Return whether it was killed, after which nothing runs there any more."""
        with self.bulkhead.lock:
            self.remote = remote
            return self.killed

    @property
    def name(self) -> str:
        """The qualified name of what the user asked for."""
        return named(self.wanted).name

    @property
    def wanted(self) -> object:
        """What the user named."""
        return self.fn if self.target is None else self.target


class _Heard:
    """Stands for the future of any call whose caller has been told how it ended."""

    def done(self) -> bool:
        return True

    def cancelled(self) -> bool:
        return False


HEARD = cast("Future[Any]", _Heard())


def _deliverable(exc: BaseException) -> BaseException:
    """Make `exc` fit for a future, without `execute`'s own frame; whatever its class makes of `with_traceback`."""
    trace = exc.__traceback__
    exc = BaseException.with_traceback(exc, trace.tb_next if trace is not None else None)
    if not isinstance(exc, StopIteration | GeneratorExit):
        return exc
    # Either would end the coroutine that awaits the call, or never reach it (PEP 479).
    wrapped = RuntimeError(f"the function raised {type(exc).__name__}")
    wrapped.__cause__ = exc
    return wrapped
