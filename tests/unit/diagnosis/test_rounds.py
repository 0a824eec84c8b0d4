"""Which await each round of a loop passes, from one instruction back to itself."""

from __future__ import annotations

import ast
import textwrap

import pytest

from unjam.diagnosis.rounds import awaited, passed_await
from unjam.diagnosis.source import Sources
from unjam.model.stacks import Frame

CERTAIN = {
    "in the statement itself": ("while True:\n    work(await queue.get())", "queue.get"),
    "before it": ("while True:\n    item = await queue.get()\n    work(item)", "queue.get"),
    "before it, in a block around it": ("while True:\n    item = await get()\n    if item:\n        work(item)", "get"),
    "before it, in the same branch": ("for x in xs:\n    if x:\n        await get()\n        work(x)", "get"),
    "in the test of the loop": ("while item := await get():\n    work(item)", "get"),
    "in the test of a branch": ("while True:\n    if await get():\n        work(1)", "get"),
    "entering a context": ("while True:\n    async with lock:\n        work(1)", "lock"),
    "in a context that was entered": ("while True:\n    with log:\n        await get()\n    work(1)", "get"),
    "of the loop": ("async for item in stream.lines():\n    work(item)", "stream.lines"),
    "after it": ("while True:\n    work(1)\n    await get()", "get"),
    "after it, in a block around it": ("while True:\n    if x:\n        work(1)\n    await get()", "get"),
    "in a comprehension": ("return [work(await get()) for x in xs]", "get"),
    "as an argument of another": ("while True:\n    work(first, key=(await get(2))[0])", "get"),
}
UNCERTAIN = {
    "none": "while True:\n    work(1)",
    "outside of the loop": "await get()\nwhile True:\n    work(1)",
    "in the other branch": "while True:\n    if x:\n        work(1)\n    else:\n        await get()",
    "in a branch before": "while True:\n    if x:\n        await get()\n    work(1)",
    "in a loop before": "while True:\n    for y in x:\n        await get()\n    work(1)",
    "only sometimes": "while True:\n    x and await get()\n    work(1)",
    "in a value that may not be wanted": "while True:\n    work(await get() if x else 0)",
    "around an inner loop": "while True:\n    await get()\n    for x in xs:\n        work(x)",
    "after it, where a jump may leave it out": "while True:\n    work(1)\n    if x:\n        continue\n    await get()",
    "after it, where an exception may leave it out": "while True:\n    try:\n        work(1)\n    except E:\n        pass\n    await get()",
    "after it, in the inner of two loops": "while True:\n    while x:\n        work(1)\n        await get()",
    "in a function that is only made": "while True:\n    f = lambda: get()\n    work(1)",
    "that is tried": "while True:\n    try:\n        await get()\n    except E:\n        pass\n    work(1)",
}


def passed(body: str):
    """The await that is certain to be passed between two calls of `work`."""
    text = "async def f():\n" + textwrap.indent(body, "    ")
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    work = next(call for call in calls if ast.unparse(call.func) == "work")
    frame = Frame("/srv/f.py", work.lineno, "f", work.col_offset, work.end_lineno, work.end_col_offset, "coroutine")
    around = Sources(lambda _: tuple(text.split("\n"))).read(frame, tuple)
    assert around[0].lineno == work.lineno
    return passed_await(around)


@pytest.mark.parametrize("where", CERTAIN)
def test_an_await_that_each_round_passes(where):
    """It lies on every way from the instruction back to itself."""
    body, name = CERTAIN[where]
    assert awaited(passed(body)) == name


@pytest.mark.parametrize("where", UNCERTAIN)
def test_an_await_that_a_round_may_leave_out(where):
    """Where a single way leads around it, nothing is known of it."""
    assert passed(UNCERTAIN[where]) is None
