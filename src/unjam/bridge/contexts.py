"""A synchronous context manager entered and left on one thread of a pool."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager, _GeneratorContextManager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

from unjam.bridge.lanes import Lane
from unjam.bridge.lineage import LINEAGE
from unjam.bridge.supervision import supervise

if TYPE_CHECKING:
    from types import TracebackType

    from unjam.bridge.bulkhead import Bulkhead
    from unjam.bridge.options import Options

T = TypeVar("T")


class ThreadContext(AbstractAsyncContextManager[T, bool | None]):
    """Holds one thread from enter to exit. Calls of the body to the same pool run on that thread and nowhere else.

    So the exit never queues, a body that uses its pool needs one slot only, and what is bound to its thread stays on it.
    Enter and exit run in one context, so that contextvar tokens of the one are good in the other.
    """

    def __init__(self, bulkhead: Bulkhead, options: Options, cm: AbstractContextManager[T, bool | None]) -> None:
        self._bulkhead = bulkhead
        self._options = options
        self._cm = cm
        self._entered = False

    async def __aenter__(self) -> T:
        self._context = copy_context()
        self._lane = lane = Lane(self._bulkhead, _known_as(self._cm), self)
        lane.open()
        enter = lane.give(self._enter, context=self._context)
        try:
            value: T = await supervise(enter, self._options)
        except BaseException:
            if not lane.withdraw():
                # Where the enter succeeds after its caller has gone, nobody else would leave.
                lane.give(self._undo, context=self._context, certain=True)
                lane.end()
            raise
        self._token = LINEAGE.set(lane.frame)
        return value

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> bool | None:
        with suppress(ValueError):  # entered in another context, as fixtures are: the frame will be found closed
            LINEAGE.reset(self._token)
        leave = self._lane.give(type(self._cm).__exit__, self._cm, kind, exc, tb, context=self._context, certain=True)
        self._lane.end()
        return await supervise(leave, self._options)  # type: ignore[no-any-return]

    def _enter(self) -> T:
        value = type(self._cm).__enter__(self._cm)
        self._entered = True
        return value

    def _undo(self) -> None:
        if self._entered:
            self._cm.__exit__(None, None, None)


def _known_as(cm: object) -> object:
    """Return what the user wrote: the function of a `contextmanager`, which forgets it when it is entered, else the class."""
    return cm.__dict__.get("func", type(cm)) if type(cm) is _GeneratorContextManager else type(cm)
