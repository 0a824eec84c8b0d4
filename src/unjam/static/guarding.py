"""Work done function by function: what is too much for us in one of them must not cost the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from unjam.static.program import Function, Program
from unjam.static.project import failed

T = TypeVar("T")


def guarded(program: Program, functions: Iterable[Function], work: Callable[[Function], Iterable[T]]) -> Iterator[T]:
    """What `work` finds in each function; the file of one in which it fails is listed with the reason."""
    for function in functions:
        try:
            found = list(work(function))
        except Exception as error:  # noqa: BLE001  a fault of ours in one function must not cost the others
            _skipped(program, function, error)
        else:
            yield from found


def every(program: Program, work: Callable[[Function], None]) -> None:
    """Do `work` for each function of a program; the file of one in which it fails is listed with the reason."""
    for function in program.functions.values():
        try:
            work(function)
        except Exception as error:  # noqa: BLE001  as above
            _skipped(program, function, error)


def _skipped(program: Program, function: Function, error: Exception) -> None:
    program.skipped.setdefault(function.path, failed(error, "checking a part of it"))


def step(name: str, work: Callable[[], T], otherwise: T, notices: list[str]) -> T:
    """What a step that needs all functions finds; where it fails, `otherwise`, and a notice that says what is missing."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001  a fault of ours in one step must not cost the others
        notices.append(f"{name} could not be looked at ({type(error).__name__}: {error})")
        return otherwise
