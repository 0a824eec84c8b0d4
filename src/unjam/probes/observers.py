"""Others who are told of late steps and of those who waited, beside the recording: what happens in the loop's thread itself."""

from __future__ import annotations

from unjam.failure import report_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Observer: TypeAlias = Callable[..., None]


class Observers:
    """`steps` and `victims` are called with what the engine's observers are (native/_core.pyi); one that raises is called no more."""

    def __init__(self) -> None:
        self.steps: list[Observer] = []
        self.victims: list[Observer] = []

    def after(self, first: Observer, others: list[Observer]) -> Observer:
        """An observer that calls `first`, and then the others of the moment."""

        def observe(*told: Any) -> None:
            first(*told)
            for other in tuple(others):
                try:
                    other(*told)
                except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
                    others.remove(other)
                    report_failure("what was to be done about late steps failed", error)

        return observe
