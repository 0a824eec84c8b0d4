"""A synchronous iterator read in a pool's threads, a batch for each hop."""

from __future__ import annotations

from collections import deque
from contextvars import copy_context
from itertools import islice
from threading import get_ident
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from unjam.bridge.calls import HEARD, Call
from unjam.bridge.ports import current_port
from unjam.bridge.supervision import shield, supervise
from unjam.bridge.workers import WORKERS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

    from unjam.bridge.bulkhead import Bulkhead
    from unjam.bridge.options import Options
    from unjam.bridge.ports import Timer

T = TypeVar("T")


class _Reader(Generic[T]):
    """The iterator and what was read from it. One thread reads at a time; the loop takes from the other end."""

    def __init__(self, iterable: Iterable[T], max_items: int) -> None:
        self._iterable = iterable
        self._iterator: Iterator[T] | None = None
        self._max_items = max_items
        self.items: deque[T] = deque()

    def fill(self) -> bool:
        """Read one batch, in a thread; whether that was the end.

        The hop for which it does so is looked up: as an argument of its own it would be garbage for the collector only.
        """
        hop = WORKERS[get_ident()].call
        assert isinstance(hop, _Hop), "only a hop reads"
        if self._iterator is None:
            self._iterator = iter(self._iterable)
        room, append = self._max_items, self.items.append
        for item in islice(self._iterator, self._max_items):
            append(item)
            if room == self._max_items:
                hop.port.post(hop.first_item)
            room -= 1
            if hop.enough:
                break
        else:
            return room > 0
        if hop.cancelled:
            self.close()
        return False

    @property
    def begun(self) -> bool:
        """Whether there is anything to close."""
        return self._iterator is not None

    def close(self) -> None:
        """Close a generator, in a thread."""
        iterator, self._iterator, self._iterable = self._iterator, None, ()
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


class _Hop(Call):
    """One batch on its way. Its future is set at its arrival, and before that when its first item has waited `max_wait`.

    Then it is `enough`: what is read next is the last of the batch, and so waits for nothing but the hop's end. A timer for
    each further item would do as well, but a slow source would be read far ahead of a consumer who may leave.
    """

    max_wait = 0.0
    enough = False
    """Whether to read no more; written on the consumer's loop."""
    timer: Timer | None = None
    orphan: _Reader[Any] | None = None
    """What is to be closed when the hop arrives, its consumer having gone."""

    def arrive(self) -> None:
        """Take note of the outcome and wake the consumer; runs on its loop."""
        if self.stopping:
            self.landed = True
            return
        self.arrived = True
        self.call_off()
        self._wake()
        self.expired, self.future = None, HEARD
        if self.orphan is not None:
            self.exception = None
            _detach(self, self.orphan)

    def leave(self) -> bool:
        """As Call; the thread stops reading, too."""
        withdrawn = super().leave()
        self.enough = True
        return withdrawn

    def first_item(self) -> None:
        """Do not let it wait for the rest of the batch for longer than `max_wait`; runs on the consumer's loop."""
        if not self.arrived:
            self.timer = self.port.call_later(self.max_wait, self._in_time)

    def call_off(self) -> None:
        """Let go of the timer, which refers to the hop and so to all that the iterator has."""
        timer, self.timer = self.timer, None
        if timer is not None:
            timer.cancel()

    def _in_time(self) -> None:
        self.enough = True
        self._wake()

    def _wake(self) -> None:
        if not self.future.done():
            if self.expired is not None:
                self.future.set_exception(self.expired)
            else:
                self.future.set_result(None)


def _detach(hop: _Hop, reader: _Reader[Any]) -> Call:
    """Have the iterator closed in a thread, without anybody who waits; there is always room for that."""
    closing = Call(hop.bulkhead, hop.port, reader.close, (), {})
    closing.target = hop.target
    closing.context = hop.context
    closing.certain = True
    hop.bulkhead.admit(closing)
    return closing


async def iterate(
    bulkhead: Bulkhead, options: Options, iterable: Iterable[T], max_items: int, max_wait: float
) -> AsyncGenerator[T, None]:
    """Yield what `iterable` yields, see `Pool.aiter`."""
    reader = _Reader(iterable, max_items)
    items = reader.items
    context = copy_context()
    target = iterable if type(iterable) is GeneratorType else type(iterable)
    hop: _Hop | None = None
    ended = False
    try:
        while not ended:
            hop = _Hop(bulkhead, current_port(), reader.fill, (), {})
            hop.context, hop.max_wait, hop.target, hop.goes_on = context, max_wait, target, reader.begun
            _admit(hop)
            arrived, late = False, None
            while not arrived and late is None:
                try:
                    await supervise(hop, options)
                except TimeoutError as exc:
                    late = exc
                arrived = hop.arrived
                if not arrived and late is None:
                    hop.future = hop.port.future()
                while items:
                    yield items.popleft()
            if late is not None:
                try:
                    raise late
                finally:
                    del late  # its traceback refers to this frame
            ended = hop.result or hop.exception is not None
        _raise_outcome(hop)
    finally:
        if hop is not None and not ended:
            await _finish(hop, reader)


def _raise_outcome(hop: _Hop | None) -> None:
    """Raise what ended the iterator; the exception must not refer to itself through the hop."""
    if hop is None or hop.exception is None:
        return
    exception, hop.exception = hop.exception, None
    try:
        raise exception
    finally:
        del exception


def _admit(hop: _Hop) -> None:
    """Queue it; one that is refused counts as arrived, as it never will."""
    try:
        hop.bulkhead.admit(hop)
    except BaseException:
        hop.arrived = True
        raise


async def _finish(hop: _Hop, reader: _Reader[Any]) -> None:
    """Close the iterator of a consumer that left early: now, or when the thread that reads comes back.

    Where the last hop got no thread (refused, out of time or cancelled in the queue) nobody waits for one that closes either.
    """
    hop.call_off()
    if not hop.arrived:
        hop.orphan = reader
        hop.leave()
        return
    hop.exception = None
    if not reader.begun:
        return
    closing = _detach(hop, reader)
    if hop.started:
        with shield():
            await closing.future
