"""Functions that run out of this interpreter: what both kinds of it share, and what is sent."""

from __future__ import annotations

import pickle
import sys
import traceback
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol

from unjam.bridge.workers import WORKERS
from unjam.errors import NotAvailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from unjam.bridge.options import Kind


class Remote(Protocol):
    """A place where functions run one at a time, driven by one thread of a pool."""

    def run(self, job: bytes, gone: Callable[[], bool]) -> bytes:
        """Have `execute(job)` run there; raises WorkerDied when the place is gone.

        `gone` says whether the caller has left already: `cancel` may have come before the job.
        """

    def alive(self) -> bool:
        """Whether it can run another one."""

    def kill(self) -> None:
        """End it at once where that can be done, whatever it is doing; from any thread."""

    def cancel(self) -> None:
        """Tell the running function that its caller has gone; from any thread."""

    def close(self) -> None:
        """Let it end, if it has not; from its own thread, between calls."""


def carrier(kind: Kind) -> Callable[..., Any]:
    """Return the function that a pool's thread runs to have another one run elsewhere.

    Raises NotAvailable where this Python has no such place.
    """
    make = _maker(kind)

    def elsewhere(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        worker = WORKERS[get_ident()]
        call = worker.call
        assert call is not None, "only a pool's thread runs this, for a call"
        job = pickle.dumps((_reference(fn), args, kwargs), pickle.HIGHEST_PROTOCOL)
        remote = worker.remote
        if remote is not None and not remote.alive():
            remote.close()
            remote = None
        if remote is None:
            remote = make(worker.name)
        worker.remote = remote
        if call.move(remote):
            remote.kill()
        answer = b""
        try:
            answer = remote.run(job, lambda: call.cancelled)
        finally:
            killed = call.move(None)
            if killed:
                remote.close()
            if killed or not answer:
                worker.remote = None
        return _opened(answer)

    return elsewhere


def _opened(answer: bytes) -> Any:
    """Return or raise what came back."""
    outcome, raised, text = pickle.loads(answer)  # noqa: S301 - our own child sent it
    if not raised:
        return outcome
    with suppress(Exception):  # a class may refuse it: a frozen dataclass does
        outcome.add_note(f"In the pool's other process or interpreter:\n{text}")
    raise outcome


def _maker(kind: Kind) -> Callable[[str], Remote]:
    if kind == "process":
        from unjam.bridge.process import Child

        return Child
    if sys.version_info < (3, 14) and "concurrent.interpreters" not in sys.modules:
        raise NotAvailable(
            "kind='interpreter' needs Python 3.14 (concurrent.interpreters); kind='process' does the same"
        )
    from unjam.bridge.interpreter import Subinterpreter

    return Subinterpreter


class _Wrapped:
    """A function that a decorator (`Pool.wrap`) replaced under its own name: found by that name, and unwrapped there."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return _unwrapped, (self._module, self._name)


def _named(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module) or __import__(module, fromlist=["_"])
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _unwrapped(module: str, name: str) -> Any:
    return _named(module, name).__wrapped__


def _reference(fn: Callable[..., Any]) -> Any:
    module, name = getattr(fn, "__module__", None), getattr(fn, "__qualname__", None)
    if module and name and getattr(_named(module, name), "__wrapped__", None) is fn:
        return _Wrapped(module, name)
    return fn


def execute(job: bytes) -> bytes:
    """Run a job and return its outcome, both pickled; runs in the other place."""
    try:
        fn, args, kwargs = pickle.loads(job)  # noqa: S301 - our own parent sent it
        return pickle.dumps((fn(*args, **kwargs), False, ""), pickle.HIGHEST_PROTOCOL)
    except BaseException as exc:  # noqa: BLE001 - all of it belongs to the caller
        return _pickled(exc)


def _pickled(exc: BaseException) -> bytes:
    """Tracebacks do not travel; their text does, as a note."""
    text = "".join(traceback.format_exception(exc))
    try:
        outcome = pickle.dumps((exc, True, text), pickle.HIGHEST_PROTOCOL)
        pickle.loads(outcome)  # noqa: S301 - what was just made: some exceptions pickle and do not come back
    except Exception:  # noqa: BLE001 - whatever a foreign __reduce__ raises
        return pickle.dumps((RuntimeError(f"an exception that cannot be pickled:\n{text}"), True, text))
    return outcome
