"""What happens around a call besides running it: time limits, callers that leave, contextvars that come back."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from threading import Thread
from typing import TYPE_CHECKING, Any

from unjam.bridge.deadlines import Deadline
from unjam.bridge.events import tell
from unjam.bridge.lineage import LINEAGE
from unjam.errors import QueueTimeout

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from unjam.bridge.calls import Call
    from unjam.bridge.options import Options

_ABSENT = object()


async def supervise(call: Call, options: Options) -> Any:
    """Await an admitted call under `options`."""
    port, bulkhead = call.port, call.bulkhead
    stuck = limit = queue = None
    call.bounded = options.timeout is not None or options.queue_timeout is not None
    if bulkhead.on_event is not None:
        stuck = Deadline(call, bulkhead.stuck_after, lambda: tell(call, "stuck"))
    if options.timeout is not None:
        limit = Deadline(call, options.timeout, lambda: _overrun(call, options))
    if options.queue_timeout is not None:
        queue = port.call_later(options.queue_timeout, lambda: _overdue(call, options))
    try:
        return await call.future
    except BaseException as exc:
        await outlive(call, options, exc)
        raise
    finally:
        # A call that runs on without its caller may still get stuck.
        for timer in (limit, queue, stuck if call.arrived else None):
            if timer is not None:
                timer.cancel()
        if options.context_back and call.arrived:
            bring_back(call.context)


async def outlive(call: Call, options: Options, exc: BaseException) -> None:
    """Part from a call whose caller got `exc` out of its await: at once, or when the thread has ended."""
    if call.future.done() and not call.future.cancelled():
        return  # the call's own outcome
    if not call.cancelled:
        if call.leave():
            return
        tell(call, "abandoned")
        _ask_to_stop(call, options)
    if options.on_cancel == "abandon" or isinstance(exc, GeneratorExit):
        return
    with shield():
        while not call.arrived:
            call.future = call.port.future()
            try:
                await call.future
            except BaseException:
                # Further cancellations are absorbed: the first is raised when the thread has ended.
                if not call.future.cancelled() and not call.arrived:
                    raise


def shield() -> AbstractContextManager[object]:
    """Keep a cancelled anyio or trio scope from cancelling what is awaited in here; asyncio itself cancels once only."""
    if "anyio" not in sys.modules and "trio" not in sys.modules:
        return nullcontext()
    from unjam.bridge import _anyio

    return _anyio.shield()


def _overrun(call: Call, options: Options) -> None:
    """Have its caller get TimeoutError, now or when the thread has ended."""
    call.expired = TimeoutError(
        f"{call.name} ran longer than {options.timeout:g} s in pool {call.bulkhead.name!r}; "
        "it keeps its slot until it has really ended"
    )
    if call.cancelled or call.leave():
        return
    tell(call, "timeout")
    _ask_to_stop(call, options)
    if options.on_cancel == "abandon" and not call.future.done():
        call.future.set_exception(call.expired)


def _overdue(call: Call, options: Options) -> None:
    """End its wait for a slot, unless it has one by now."""
    bulkhead = call.bulkhead
    if bulkhead.withdraw(call):
        call.refuse(QueueTimeout(bulkhead.name, options.queue_timeout or 0.0, bulkhead.limit))
        tell(call, "queue-timeout")


def _ask_to_stop(call: Call, options: Options) -> None:
    """Pass the end of the wait on to what runs; a callable in a thread of its own, because it may block."""
    if options.on_cancel == "kill":
        call.kill()
    elif callable(options.on_cancel):
        call.stopping = True
        thread = Thread(target=_stop, args=(call, options.on_cancel), name=f"stop {call.name}", daemon=True)
        try:
            thread.start()
        except RuntimeError as exc:  # no more threads: the call ends when it does
            call.stopped()
            call.port.report(f"nothing could stop a call of pool {call.bulkhead.name!r}", exc)


def _stop(call: Call, stop: Callable[[], object]) -> None:
    try:
        stop()
    finally:
        call.port.post(call.stopped)


def bring_back(context: Context) -> None:
    """Set every contextvar here that has another value in `context`; one that was reset there keeps its value here."""
    for var, value in context.items():
        if var is not LINEAGE and var.get(_ABSENT) is not value:
            var.set(value)
