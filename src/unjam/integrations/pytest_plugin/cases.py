"""The body of a case of unittest: its test method alone, around which unittest sets up and tears down within the same call of pytest."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from unjam.watching import Watch

RUNS_IT = "_callTestMethod"
"""What unittest calls the test method by (Lib/unittest/case.py, async_case.py), and nothing else."""


def case_of(item: pytest.Item) -> Any:
    """The case whose method this test is; None where it is none, or one that runs its method in a way of its own."""
    cases = sys.modules.get("unittest.case")
    case = getattr(item, "instance", None)
    return case if cases is not None and isinstance(case, cases.TestCase) and hasattr(case, RUNS_IT) else None


def watch_method(case: Any, begin: Callable[[], Callable[[], Watch | None]]) -> Callable[[], Watch | None]:
    """Have what `begin` begins, and returns the end of, watch the test method; returns what gives the watch once all is over."""
    watched: list[Watch | None] = []
    run = getattr(case, RUNS_IT)

    def run_watched(method: Any) -> Any:
        end = begin()
        try:
            return run(method)
        finally:
            watched.append(end())

    def over() -> Watch | None:
        vars(case).pop(RUNS_IT, None)
        return watched[0] if watched else None

    setattr(case, RUNS_IT, run_watched)
    return over
