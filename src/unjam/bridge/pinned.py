"""Objects that must be made, used and closed on one thread: sqlite3 connections, COM, GUI toolkits."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar
from warnings import warn
from weakref import finalize

from unjam.bridge.lanes import Lane
from unjam.bridge.naming import named
from unjam.bridge.supervision import supervise
from unjam.errors import PoolClosed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from unjam.bridge.bulkhead import Bulkhead
    from unjam.bridge.options import Options

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_ABSENT = object()


class _Cell(Generic[T]):
    """The object itself; touched on its own thread only, and free of references to Pinned, which may be dropped."""

    def __init__(self, factory: Callable[[], T]) -> None:
        self._factory = factory
        self._value: Any = _ABSENT
        self.open = False
        """Whether there is something to close; for those who must not touch it."""

    def apply(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._value is _ABSENT:
            self._value = value = self._factory()
            self.open = callable(getattr(value, "close", None))
        return fn(self._value, *args, **kwargs)

    def close(self) -> None:
        value, self._value, self.open = self._value, _ABSENT, False
        close = getattr(value, "close", None)
        if callable(close):
            close()


def _dropped(lane: Lane, cell: _Cell[Any], name: str) -> None:
    """Let go of the thread of a Pinned that nobody has any more; it closes what is open."""
    lane.end()
    if cell.open:
        warn(f"a pinned {name} was dropped without `aclose`; its thread closes it", ResourceWarning, stacklevel=2)


class Pinned(Generic[T]):
    """An object that lives on one thread of a pool, made there when it is first used. It holds its slot until `aclose`.

    One that is dropped without it is closed all the same, with a ResourceWarning where it has a `close()`.

    Its calls run one after the other, from whatever loop they come. What they return may be bound to the thread as well
    (a cursor): use it in a function given to `run`.
    """

    def __init__(
        self, bulkhead: Bulkhead, options: Options, factory: Callable[[], T], target: Callable[..., T]
    ) -> None:
        self._bulkhead = bulkhead
        self._options = options
        self._cell = _Cell(factory)
        self._target = target
        self._lock = Lock()
        self._lane: Lane | None = None
        self._closed = False

    async def run(self, fn: Callable[Concatenate[T, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `fn(the object, *args, **kwargs)` on the object's thread; raises PoolClosed after `aclose`."""
        call = self._open().give(self._cell.apply, fn, args, kwargs, target=fn)
        return await supervise(call, self._options)  # type: ignore[no-any-return]

    async def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call the object's method of that name, on its thread."""
        return await self.run(lambda value: getattr(value, method)(*args, **kwargs))

    async def aclose(self) -> None:
        """Close the object on its thread, with its `close()` if it has one, and give the slot back."""
        with self._lock:
            lane, self._lane, self._closed = self._lane, None, True
        if lane is None:
            return
        if lane.withdraw():
            return
        closing = lane.give(self._cell.close, certain=True)
        lane.end()
        await supervise(closing, self._options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.aclose()

    def _open(self) -> Lane:
        with self._lock:
            if self._closed:
                raise PoolClosed(f"{self._bulkhead.name} (pinned {named(self._target).name})")
            if self._lane is None:
                lane = Lane(self._bulkhead, self._target, self, last=self._cell.close)
                lane.open()
                finalize(self, _dropped, lane, self._cell, named(self._target).name).atexit = False
                self._lane = lane
            return self._lane
