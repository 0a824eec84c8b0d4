"""What is known where a call is made, from what its function has asked or done before it, and on which branch it stands."""

from __future__ import annotations

from collections.abc import Iterator

from unjam.static.branches import OFF_LOOP
from unjam.static.facts import Span
from unjam.static.program import Call, Function, Program
from unjam.static.source import Branch, CallSite, Outline

_GIVES_RUNNING = ("get_running_loop()", "_get_running_loop()")
"""What gives the loop that runs in this thread; the second gives None where there is none."""


def inside(span: Span, outer: Span) -> bool:
    """Whether a span lies within another one."""
    return outer[:2] <= span[:2] and span[2:] <= outer[2:]


def said_at(outline: Outline, site: CallSite) -> Iterator[str]:
    """What is so where a call is made: what its branches say, of names that are given nothing else in between."""
    for branch in outline.branches:
        if branch.said and branch.scope == site.scope and inside(site.span, branch.span):
            for text in branch.said:
                if not is_set_between(outline, site, _subject(text), branch.span):
                    yield text


def always_before(outline: Outline, first: CallSite, then: CallSite) -> bool:
    """Whether one call of a function has always been made when another one is reached."""
    return (
        first.scope == then.scope
        and first.span < then.span
        and all(
            inside(then.span, branch.span)
            for branch in outline.branches
            if branch.scope == first.scope and inside(first.span, branch.span)
        )
    )


def is_set_between(outline: Outline, site: CallSite, name: str, since: Span) -> bool:
    """Whether a variable or an attribute is given a value before a call and after something else."""
    return any(
        each.target == name and each.scope == site.scope and since[:2] < each.span[:2] < site.span[:2]
        for each in outline.assignments
    )


def _subject(text: str) -> str:
    """The variable that a condition is about: `process` in `process.poll() is None`."""
    return text.removeprefix("not ").partition(" ")[0].rpartition("()")[0].rpartition(".")[0]


class OffLoop:
    """Knows the branches of one program on which no loop runs in the thread."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[str, tuple[Branch, ...]] = {}

    def makes(self, function: Function, call: Call) -> bool:
        """Whether a function makes a call on such a branch."""
        return any(
            branch.scope == function.index and inside(call.span, branch.span)
            for branch in self._branches(function.path)
        )

    def _branches(self, path: str) -> tuple[Branch, ...]:
        if path not in self._known:
            outline = self._program.outlines[path]
            found = (each for each in outline.branches if any(_says_no_loop(outline, each, text) for text in each.said))
            self._known[path] = tuple(found)
        return self._known[path]


def _says_no_loop(outline: Outline, branch: Branch, text: str) -> bool:
    """`loop is None` where the loop that runs was asked for, and `not loop.is_running()` where this thread's was."""
    if text == OFF_LOOP:
        return True
    asked = text.removeprefix("not ").removesuffix(" is None")
    if text in {f"not {asked}", f"{asked} is None"} and not asked.endswith(".is_running()"):
        return asked.endswith("_get_running_loop()") or _is_only(outline, branch, asked, _GIVES_RUNNING)
    loop = asked.removesuffix(".is_running()")
    return text == f"not {loop}.is_running()" and (
        loop.endswith("get_event_loop()") or _is_only(outline, branch, loop, ("get_event_loop()",))
    )


def _is_only(outline: Outline, branch: Branch, name: str, givers: tuple[str, ...]) -> bool:
    """Whether a local name is given nothing but what these give, or None."""
    if not name.isidentifier() or name in outline.scopes[branch.scope].parameters:
        return False
    given = [each for each in outline.assignments if each.scope == branch.scope and each.target == name]
    return bool(given) and all(each.form == "call" and each.value.rpartition(".")[2] in givers for each in given)
