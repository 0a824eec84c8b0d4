"""UJ204, and how bad a lock on the loop is: that depends on what its other holders do while they hold it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from unjam.knowledge.records import Weight
from unjam.model.findings import Evidence, Grade
from unjam.static.accuse import Accusation
from unjam.static.guarding import guarded
from unjam.static.leaves import Leaves
from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.reach import Reach
from unjam.static.result import Severity
from unjam.static.source import WithBlock

_PLAIN = (
    "Condition.acquire",
    "Condition.__enter__",
    "Lock.acquire",
    "Lock.__enter__",
    "LockType.acquire",
    "LockType.__enter__",
    "lock.acquire",
    "lock.__enter__",
)
_THREADING = frozenset(
    f"{module}.{name}"
    for module in ("threading", "_thread", "multiprocessing.synchronize", "multiprocessing")
    for name in ("Lock", "RLock", "LockType", "lock", "_RLock", "Condition", "Semaphore", "BoundedSemaphore")
)
_NOT_WORK = frozenset({"UJ201", "UJ301", "UJ302", "UJ303", "UJ304", "UJ305", "UJ306"})
"""What does not count as work done under a lock: other locks, and what is only suspected."""

_DEEPEST = 3
"""Calls between a `with` and what is waited for under it: further down it is mostly a branch that is rarely taken."""


class Locks:
    """Looks at the locks of one program."""

    def __init__(self, program: Program, reach: Reach, leaves: Leaves, namer: Namer) -> None:
        self._program = program
        self._reach = reach
        self._leaves = leaves
        self._namer = namer

    def held_over_await(self) -> Iterator[Accusation]:
        """Threading locks that are held across an await: UJ204."""
        return guarded(self._program, self._reach.functions(), self._held)

    def _held(self, function: Function) -> Iterator[Accusation]:
        outline = self._program.outlines[function.path]
        for block in outline.blocks if function.scope.is_async else ():
            if block.scope == function.index and block.awaits and self._is_lock(function, block):
                yield self._over_await(function, block)

    def _over_await(self, function: Function, block: WithBlock) -> Accusation:
        return Accusation(
            function,
            block.span,
            "UJ204",
            block.text,
            Severity.ERROR,
            Grade.EXACT,
            f"{block.text} is a threading lock held across the await on line {block.awaits}: "
            "whoever else wants it blocks this loop, and so stops the one who would release it",
            (
                Evidence(
                    "source", f"line {block.span[0]} takes it, line {block.awaits} awaits, line {block.last_line} ends"
                ),
            ),
        )

    def _is_lock(self, function: Function, block: WithBlock) -> bool:
        for call in function.calls:
            if call.span == block.span and call.kind == "with-enter":
                return any(target.receiver.replace(":", ".") in _THREADING for target in call.targets)
        return self._namer.qualified(function, block.text) in _THREADING

    def ranked(self, accusation: Accusation) -> Accusation:
        """A plain lock is a note, unless somebody who holds the same one waits under it for as long as somebody else takes."""
        if accusation.rule != "UJ201" or not accusation.leaf.endswith(_PLAIN):
            return accusation
        for holder, block in self._sections(accusation):
            leaf = self._work(holder, block)
            if leaf:
                text = f"{holder.name} holds the same lock over {leaf} (line {block.span[0]})"
                return replace(accusation, evidence=(*accusation.evidence, Evidence("source", text)))
        return replace(accusation, severity=Severity.NOTE)

    def gathered(self, accusations: Iterable[Accusation]) -> Iterator[Accusation]:
        """The accusations, ranked; of all that take one lock only the worst is more than a note."""
        ranked = [self.ranked(accusation) for accusation in accusations]
        told: dict[tuple[str, str, str], Accusation] = {}
        for accusation in ranked:
            if accusation.rule == "UJ201" and accusation.severity > Severity.NOTE:
                known = told.setdefault(self._lock(accusation), accusation)
                if known.severity < accusation.severity:
                    told[self._lock(accusation)] = accusation
        for accusation in ranked:
            first = told.get(self._lock(accusation)) if accusation.rule == "UJ201" else None
            if first is None or first is accusation or accusation.severity is Severity.NOTE:
                yield accusation
            else:
                text = f"line {first.line} takes the same lock, and is told as {first.severity.label}"
                evidence = (*accusation.evidence, Evidence("source", text))
                yield replace(accusation, severity=Severity.NOTE, evidence=evidence)

    def _lock(self, accusation: Accusation) -> tuple[str, str, str]:
        """What tells a lock from others as far as the text goes: file, class for an attribute of self, name."""
        text = self._taken(accusation)
        owner = accusation.function.scope.owner if text.startswith("self.") else ""
        return accusation.function.path, owner, text or f"line {accusation.line}"

    def _sections(self, accusation: Accusation) -> Iterator[tuple[Function, WithBlock]]:
        """The `with` blocks on the same lock: same file, same class, same text."""
        function = accusation.function
        outline = self._program.outlines[function.path]
        text = self._taken(accusation)
        for block in outline.blocks:
            same_class = outline.scopes[block.scope].owner == function.scope.owner or not text.startswith("self.")
            if block.text == text and same_class and block.span != accusation.span:
                holder = self._program.function_of(function.path, block.scope)
                if holder is not None:
                    yield holder, block

    def _taken(self, accusation: Accusation) -> str:
        for call in accusation.function.calls:
            if call.span == accusation.span and call.site is not None:
                return call.site.text.removesuffix(".acquire")
        blocks = self._program.outlines[accusation.function.path].blocks
        return next((block.text for block in blocks if block.span == accusation.span), "")

    def _work(self, holder: Function, block: WithBlock) -> str:
        under = [call for call in holder.calls if block.first_line <= call.span[0] <= block.last_line]
        return self._first(holder, under, _DEEPEST)

    def _first(self, function: Function, calls: Iterable[Call], depth: int) -> str:
        """The first of some calls of a function that waits without bound, at most `depth` calls down; "" for none."""
        return next((leaf for call in calls if (leaf := self._waits(function, call, depth))), "")

    def _waits(self, function: Function, call: Call, depth: int) -> str:
        leaf = self._leaves.leaf(function, call)
        if leaf is not None and leaf.record.rule not in _NOT_WORK and leaf.weight is Weight.UNBOUNDED:
            return leaf.name
        for symbol, grade in self._reach.called(function, call) if depth else ():
            callee = self._program.functions[symbol]
            runs = not callee.scope.is_async and (grade is Grade.EXACT or depth == _DEEPEST)
            found = self._first(callee, callee.calls, depth - 1) if runs else ""
            if found:
                return found
        return ""
