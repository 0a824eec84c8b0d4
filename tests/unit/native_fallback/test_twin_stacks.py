"""Laws of stacks as the twin writes them."""

import sys
import threading
import traceback
from collections import defaultdict

from unjam.model.shared_frames import WholeStacks
from unjam.native import _twin_tally
from unjam.native._fallback import Engine
from unjam.native._twin_stacks import INNERMOST, OUTERMOST, StackTable, begun, describe, walk


def test_a_stack_is_what_a_traceback_says():
    """File, line, columns and order are those of the traceback module."""

    def inner():
        return describe(walk(sys._getframe())), traceback.extract_stack()

    ours, expected = inner()
    assert [(file, line) for file, line, *_ in ours] == [(frame.filename, frame.lineno) for frame in expected]
    assert ours[-1][2] == "test_a_stack_is_what_a_traceback_says.<locals>.inner"
    _, line, _, column, end_line, end_column, kind = ours[-1]
    source = open(__file__).read().splitlines()[line - 1]
    assert (end_line, kind) == (line, "f")
    assert source[column:end_column] == "walk(sys._getframe())"


def test_kinds_of_frames():
    """Coroutines, generators, asynchronous generators, modules and class bodies are told from functions."""
    seen = {}

    def note(kind):
        seen[kind] = describe(walk(sys._getframe(1)))[-1][6]

    async def coroutine():
        note("coroutine")

    def generator():
        note("generator")
        yield

    async def async_generator():
        note("async generator")
        yield

    def run(coroutine):
        try:
            coroutine.send(None)
        except (StopIteration, StopAsyncIteration):
            pass

    run(coroutine())
    next(generator())
    run(async_generator().__anext__())
    exec(compile("note('module')\nclass A:\n    note('class')\n", "<string>", "exec"), {"note": note})
    assert seen == {"coroutine": "c", "generator": "g", "async generator": "a", "module": "m", "class": "k"}


def test_a_runaway_recursion_keeps_both_ends():
    """Of a very deep stack the innermost and the outermost frames are kept."""

    def deep(n):
        return deep(n - 1) if n else walk(sys._getframe())

    places = deep(600)
    assert len(places) == INNERMOST + OUTERMOST
    assert places[0][0].co_name == "deep"
    assert places[-1] == walk(sys._getframe())[-1][:1] + places[-1][1:]


def test_equal_stacks_have_one_number():
    """A stack is written once; the same frames have the same number."""
    table = StackTable()
    one = [("a.py", 1, "f", 0, 1, 2, "f")]
    other = [("a.py", 2, "f", 0, 2, 2, "f")]
    assert [table.number(list(stack)) for stack in (one, other, one)] == [(1, True), (2, True), (1, False)]


def test_no_frame_is_no_stack():
    """A thread that has ended has no stack."""
    assert describe(walk(None)) == []


def test_a_function_that_has_not_begun_is_not_on_the_stack():
    """The GIL is given up at a function's entry, before its first line: what is to be seen there is the call of it."""

    def entered():
        return 1

    here = walk(sys._getframe())
    code = entered.__code__
    assert begun([(code, 0, code.co_firstlineno), *here]) == here
    assert begun([(code, 2, code.co_firstlineno + 1), *here])[0][0] is code


def test_a_resumed_generator_is_on_the_stack():
    """The interpreter's place after a yield is the yield's own line, not the beginning of the generator."""

    def rows():
        frames.append(walk(sys._getframe()))
        yield 1
        yield 2

    frames = []
    generator = rows()
    next(generator)
    suspended = walk(generator.gi_frame)
    assert begun(suspended) == suspended


def test_two_threads_never_share_a_number():
    """The watchdog and a loop's own thread number stacks at the same time: each stack keeps one number of its own."""
    table, numbers = StackTable(), defaultdict(set)

    def number():
        for line in range(500):
            numbers[line].add(table.number([("a.py", line, "f", 0, line, 1, "f")])[0])

    threads = [threading.Thread(target=number) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {len(given) for given in numbers.values()} == {1}
    assert len({next(iter(given)) for given in numbers.values()}) == 500


def test_frames_that_stacks_share_are_written_once(monkeypatch):
    """As the C core does; after a line was lost a stack stands for itself again, as what it refers to may be among the lost."""
    monkeypatch.setattr(_twin_tally.tallies, "slots", {})
    engine, told = Engine(), []
    engine.emit = told.append

    def deep(depth):
        if depth:
            deep(depth - 1)
        else:
            engine.place(sys._getframe())

    deep(2)
    deep(3)
    engine.output.lost += 1
    deep(4)
    whole = WholeStacks()
    assert ["base" in event for event in told] == [False, True, False]
    assert [len(whole.restore(event)["f"]) for event in told] == [len(told[0]["f"]) + more for more in range(3)]
