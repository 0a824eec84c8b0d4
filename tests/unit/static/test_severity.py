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


BASE = """\
import queue


class Base:
    def __init__(self):
        self.jobs = queue.Queue({bound})
        self.other = queue.Queue(8)
"""
BELOW = """\
from base import Base


class Below(Base):
    async def handle(self):
        self.jobs.put(1)
"""


@pytest.mark.parametrize(("bound", "told"), [("", 0), ("8", 1)])
def test_queue_of_a_base_class_is_known_by_its_name(project, checked, bound, told):
    """Of several queues of a program the one counts that is kept under the name which is put on, whichever file makes it."""
    found = checked(project(base_py=BASE.format(bound=bound), below_py=BELOW)).problems
    assert [problem.rule for problem in found] == ["UJ202"] * told
