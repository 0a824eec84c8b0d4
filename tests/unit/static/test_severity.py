"""How bad a finding is where that is up to the whole program, not to what stands at its line."""

from __future__ import annotations

import pytest

from unjam.static.result import Severity

pytestmark = pytest.mark.timeout(600)  # the type checker is CPU-bound, and a busy machine gives it a tenth of a core

ASKS = """\
import asyncio


async def main():
    {before}
    while True:
        print(input("> "))


async def beside():
    await asyncio.sleep(1)


asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("before", "severity"),
    [("await beside()", Severity.NOTE), ("task = asyncio.create_task(beside())", Severity.ERROR)],
)
def test_question_at_the_console_is_bad_where_the_loop_has_more_to_do(project, checked, before, severity):
    """A program that only talks to who sits before it keeps nobody waiting, one that works meanwhile does."""
    found = checked(project(app_py=ASKS.format(before=before))).problems
    assert [problem.severity for problem in found if problem.rule == "UJ108"] == [severity]
