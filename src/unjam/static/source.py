"""The shape of one source file as far as calls are concerned: scopes, calls, `with` blocks, imports, comments.

Everything here is a plain tuple, so that the outline of a file can be kept as JSON under the hash of its text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from unjam.static.facts import Span


class Repeated(IntEnum):
    """How a call is made again where it stands."""

    NOT = 0
    APART = 1
    """In a loop that awaits something else in between, so that others run meanwhile."""
    AT_ONCE = 2
    """In a loop that awaits nothing else: what each call takes adds up."""


class Kept(IntEnum):
    """Whether what a call gives is kept, so that it is not made again."""

    NOT = 0
    BY_KEY = 1
    """It is kept for what it was asked for, by one object or as long as a function runs: another one asks anew."""
    FOR_GOOD = 2
    """A class or a module keeps it, or an object that begins to be used: the call is made once."""


class Argument(NamedTuple):
    """One argument of a call.

    `form` is name, call, lambda, list, constant, star or other; `text` the dotted name or value, of a list or of flags joined by `|` the
    names in it.
    """

    position: int
    """0-based; -1 for a keyword argument."""
    keyword: str
    span: Span
    form: str
    text: str


class CallSite(NamedTuple):
    """One call as written. `use` says what becomes of its value (see `walker`); `once`: whether it fills what it guards."""

    span: Span
    scope: int
    text: str
    """The callee as a dotted name; `()` stands for a call in it (`Path().read_text`), "" where it has no such form."""
    arguments: tuple[Argument, ...]
    use: str
    once: Kept
    looped: bool = False
    """Whether it stands in a `while` or an `async for`, which may never end; a `for` goes through what is there, and who counts ends."""
    repeated: Repeated = Repeated.NOT
    """Of the loops and comprehensions around it, the one that makes it most often."""

    def argument(self, position: int, keyword: str = "") -> Argument | None:
        """The argument at that position or of that name."""
        for argument in self.arguments:
            if argument.position == position >= 0 or (keyword and argument.keyword == keyword):
                return argument
        return None


class Decorator(NamedTuple):
    """One decorator: its dotted name, its first argument where that is a string, its keywords, where it stands."""

    text: str
    first: str
    keywords: tuple[str, ...]
    line: int


class Scope(NamedTuple):
    """One body of code: the module, a function or a lambda. Classes have none: their bodies belong to what is around."""

    name: str
    """Qualified name without `<locals>`; "" for the module."""
    line: int
    """Line of the name."""
    span: Span
    kind: str
    """module, function, coroutine, generator, async-generator or lambda."""
    parent: int
    owner: str
    """Qualified name of the class it is a method of, or ""."""
    parameters: tuple[str, ...]
    decorators: tuple[Decorator, ...]

    @property
    def is_async(self) -> bool:
        """Whether its body can only run on a loop."""
        return self.kind in {"coroutine", "async-generator"}

    @property
    def is_generator(self) -> bool:
        """Whether calling it runs nothing yet."""
        return self.kind == "generator"


class WithBlock(NamedTuple):
    """One item of a synchronous `with`. `awaits` is the line of the first await, async for or async with inside, or 0."""

    span: Span
    scope: int
    text: str
    first_line: int
    last_line: int
    awaits: int


class ImportLine(NamedTuple):
    """One import statement inside a function: it runs when the function does."""

    module: str
    line: int
    scope: int
    names: tuple[str, ...] = ()
    """Of `from module import name`: the names, each of which may be a module below it."""


class Assignment(NamedTuple):
    """`target = value`, where target is a name, `self.name`, or an element of either (`names[*]`). `form` and `value` are those of an Argument."""

    scope: int
    target: str
    form: str
    value: str
    span: Span


class Branch(NamedTuple):
    """Statements of a scope that do not always run, and what is so where they do (see `branches`)."""

    span: Span
    scope: int
    said: tuple[str, ...]


class Allowance(NamedTuple):
    """One allowance in source: the codes it names (none: all), and its reason. `form` is noqa, allow or block.

    `last` is the last line of a block, 0 for a comment; `until` its end as an ISO date, "" for none.
    """

    line: int
    codes: tuple[str, ...]
    reason: str
    form: str
    last: int = 0
    until: str = ""


@dataclass(slots=True)
class Outline:
    """One file. `problem` says why its text could not be parsed, "" where it was."""

    path: str
    lines: int = 0
    problem: str = ""
    scopes: list[Scope] = field(default_factory=list)
    calls: list[CallSite] = field(default_factory=list)
    implicit: list[CallSite] = field(default_factory=list)
    """Calls that no parentheses show and the type checker does not tell: `in`, and to go through what a child process writes."""
    blocks: list[WithBlock] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    awaits: list[tuple[int, int]] = field(default_factory=list)
    """Scope and line of each await, async for and async with."""
    iterated: set[tuple[int, str]] = field(default_factory=set)
    """Scope and dotted name of what a `for`, a comprehension, `yield from` or a star goes through."""
    globals: set[tuple[int, str]] = field(default_factory=set)
    """Scope and name of each variable of the module that a function sets."""
    imports: list[ImportLine] = field(default_factory=list)
    top_imports: list[ImportLine] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    """What a name of the file stands for: `np` is numpy, `get` is requests.get; relative ones start with dots."""
    assignments: list[Assignment] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    """Dotted annotations of parameters and variables, by `scope:name`; of what a container holds, by `scope:name[*]`."""
    returns: list[tuple[int, str, str]] = field(default_factory=list)
    """Scope, form and value (as of an Argument) of what functions return; their annotation has the form `annotation`."""
    bases: dict[str, list[str]] = field(default_factory=dict)
    """Dotted names of the bases of each class."""
    allowances: list[Allowance] = field(default_factory=list)
