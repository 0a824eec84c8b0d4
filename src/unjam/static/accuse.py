"""From calls on the loop to findings: one for each blocking call, with the chain that leads there and what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from unjam.knowledge import index
from unjam.knowledge.records import Advice, Weight
from unjam.knowledge.records import Call as Record
from unjam.knowledge.remedies import REMEDIES
from unjam.model.findings import Evidence, Finding, Grade, Link, Location, Remedy
from unjam.static.advised import Advised
from unjam.static.buffers import Buffers
from unjam.static.chains import Chains, Way
from unjam.static.facts import Span
from unjam.static.inside import Leaf
from unjam.static.leaves import FILE_LIKE
from unjam.static.program import Call, Function, Program
from unjam.static.ranking import Rank, Ranking
from unjam.static.result import Problem, Severity
from unjam.static.source import Kept, Repeated

_SEVERITIES = {
    Weight.UNBOUNDED: Severity.ERROR,
    Weight.MILLISECONDS: Severity.WARNING,
    Weight.MICROSECONDS: Severity.NOTE,
}
_CPU = frozenset({"UJ301", "UJ302", "UJ303", "UJ304"})
"""How long these take depends on their input, which source does not show: suspected, and notes."""
_SAME_ELSEWHERE = frozenset(
    ["ASYNC210", "ASYNC212", "ASYNC220", "ASYNC221", "ASYNC222", "ASYNC230", "ASYNC240", "ASYNC250", "ASYNC251"]
)
"""Codes of others for blocking calls in coroutines: https://flake8-async.readthedocs.io/en/latest/rules.html#blocking-sync-calls-in-async-functions."""
_ALWAYS = frozenset({"ssl.create_default_context"})
"""What a package does for each of its clients; certificates of one's own are loaded where somebody has named them."""
_KEPT = frozenset(
    {
        "inspect.findsource",
        "inspect.getmodule",
        "inspect.getsource",
        "inspect.getsourcelines",
        "inspect.stack",
        "importlib.import_module",
        "importlib.__import__",
        "builtins.__import__",
        "pkgutil.resolve_name",
        "platform.platform",
        "platform.processor",
        "tiktoken.encoding_for_model",
        "tiktoken.get_encoding",
    }
)
"""What takes long the first time only: the interpreter keeps what is imported, `linecache` the text of a module, `platform` what the machine is, tiktoken
its tables (https://github.com/openai/tiktoken/blob/main/tiktoken/load.py)."""


@dataclass(frozen=True, slots=True)
class Accusation:
    """One place on the loop that breaks a rule, before anybody asked how the loop gets there."""

    function: Function
    span: Span
    rule: str
    leaf: str
    severity: Severity
    grade: Grade
    message: str
    evidence: tuple[Evidence, ...] = ()
    record: Record | None = None
    below: tuple[Link, ...] = ()
    """Links under the user's line: the way through a library down to the leaf."""
    remedies: tuple[Remedy, ...] = ()
    once: Kept = Kept.NOT
    also: tuple[int, ...] = ()
    looped: bool = True
    """Whether it stands in a loop that may not end, as far as is known."""
    repeated: Repeated = Repeated.NOT
    """How it is made again in loops."""

    @property
    def line(self) -> int:
        """The line to blame."""
        return self.span[0]


def blocking(function: Function, call: Call, leaf: Leaf) -> Accusation:
    """The accusation of a call that the knowledge base knows."""
    span, site = call.span, call.site
    cpu = leaf.record.rule in _CPU
    once = Kept.FOR_GOOD if leaf.record.name in _KEPT else site.once if site is not None else Kept.NOT
    severity = Severity.NOTE if cpu and leaf.weight is not Weight.UNBOUNDED else _SEVERITIES[leaf.weight]
    if leaf.below and leaf.weight is Weight.MILLISECONDS and leaf.record.name not in _ALWAYS:
        severity = Severity.NOTE  # a package that reads a file of its own mostly does so once, or where it is asked to
    if leaf.below:
        return _inside(function, call, leaf, severity, once=once)
    grade = Grade.SUSPECTED if cpu else leaf.grade
    shown = readable(leaf.name)
    by = _proof(leaf)
    return Accusation(
        function,
        span,
        leaf.record.rule,
        leaf.name,
        severity,
        grade,
        f"{shown} {'takes CPU time on' if cpu else 'blocks'} the event loop",
        (Evidence("source", by),),
        leaf.record,
        leaf.below,
        once=once,
        looped=site is None or site.looped,
        repeated=site.repeated if site is not None else Repeated.NOT,
    )


def _proof(leaf: Leaf) -> str:
    if leaf.grade is Grade.EXACT:
        return f"it resolves to {leaf.name}"
    if leaf.name.startswith(FILE_LIKE):
        return f"it resolves to {leaf.name}, which something in memory may be as well"
    return f"it is {leaf.name} by name; its type is not known"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known before any source is read; `advice` is by key, `by_rule` names the keys that go with a rule."""

    records: tuple[Record, ...]
    causes: Mapping[str, str]
    advice: Mapping[str, Advice]
    by_rule: Mapping[str, tuple[str, ...]]

    @classmethod
    def shipped(cls) -> Knowledge:
        """The knowledge base of this version of unjam."""
        rules = index.rules()
        causes = {rule.code: rule.cause for rule in rules}
        return cls(index.calls(), causes, REMEDIES, {rule.code: rule.advice for rule in rules})


def _inside(function: Function, call: Call, leaf: Leaf, severity: Severity, *, once: Kept) -> Accusation:
    """The accusation of a call into a package that blocks further down."""
    top = leaf.below[0]
    text = f"{top.function} of an installed package leads to {readable(leaf.name)}, which blocks the event loop"
    by = f"read in the package's own source, {len(leaf.below)} calls down"
    evidence = (Evidence("source", by),)
    rule = leaf.record.rule
    return Accusation(
        function,
        call.span,
        rule,
        leaf.name,
        severity,
        Grade.INFERRED,
        text,
        evidence,
        leaf.record,
        leaf.below,
        once=once,
        looped=call.site is None or call.site.looped,
    )


def readable(name: str) -> str:
    """A leaf as people write it: `open`, `with threading.Lock`."""
    text = name.removeprefix("builtins.").replace("_thread.LockType", "threading.Lock").replace("_io.", "io.")
    owner, _, method = text.rpartition(".")
    return f"with {owner}" if method in {"__enter__", "__exit__"} else text


class Writer:
    """Turns accusations into problems. `early` are the calls whose result is handed to a pool, with its name."""

    def __init__(
        self,
        program: Program,
        chains: Chains,
        known: Knowledge,
        early: Mapping[tuple[str, int], str],
        buffers: Buffers,
    ) -> None:
        self._buffers = buffers
        self._ranking = Ranking(program)
        self._advised = Advised(program, self._ranking.small, known.advice, known.by_rule)
        self._program = program
        self._chains = chains
        self._known = known
        self._early = early

    def reached(self, accusation: Accusation) -> bool:
        """Whether a way of the loop leads to it that does not give it something in memory for its file."""
        return self._way(accusation, frozenset()) is not None

    def _way(self, accusation: Accusation, cut: frozenset[tuple[str, int]]) -> Way | None:
        function = accusation.function
        if accusation.rule == "UJ102" and not accusation.below:
            site = self._ranking.small.site(accusation)
            cut |= self._buffers.innocent(function, site) if site is not None else frozenset()
        return self._chains.way(function.symbol, cut)

    def problem(self, accusation: Accusation, cut: frozenset[tuple[str, int]] = frozenset()) -> Problem | None:
        """The problem, or None where every way of the loop to it goes over an allowed line."""
        function = accusation.function
        way = self._way(accusation, cut)
        if way is None:
            return None
        rank = self._ranking.ranked(accusation, way, self._accepted(accusation))
        line, column, end_line, end_column = accusation.span
        return Problem(
            self._finding(accusation, way, rank),
            rank.severity,
            function.path,
            line,
            column,
            end_line,
            end_column,
            way.entry.label,
            tuple(self._chains.location(symbol) for symbol in way.callers),
            rank.once,
            accusation.also,
        )

    def _accepted(self, accusation: Accusation) -> str:
        """The code of flake8-async or ruff by which the line says that its author knows of the blocking call, or nothing."""
        allowances = self._program.outlines[accusation.function.path].allowances
        codes = (
            code for each in allowances if each.form == "noqa" and each.line == accusation.line for code in each.codes
        )
        return next((code for code in codes if code in _SAME_ELSEWHERE), "")

    def places(self, accusation: Accusation) -> tuple[tuple[str, int], ...]:
        """Path and line of every call on the shown way, the blamed one last."""
        way = self._way(accusation, frozenset())
        return tuple(self._steps(accusation, way)) if way is not None else ()

    def _finding(self, accusation: Accusation, way: Way, rank: Rank) -> Finding:
        function = accusation.function
        chain = self._chains.links(way, function.symbol, accusation.line) + accusation.below
        return Finding(
            accusation.rule,
            self._known.causes.get(accusation.rule, ""),
            min(accusation.grade, way.grade),
            accusation.message,
            Location(function.path, accusation.line, function.name),
            accusation.leaf,
            chain,
            evidence=tuple(self._evidence(accusation, way, rank)),
            remedies=accusation.remedies or tuple(self._advised.remedies(accusation, way)),
        )

    def _evidence(self, accusation: Accusation, way: Way, rank: Rank) -> Iterator[Evidence]:
        yield from accusation.evidence
        for path, line in self._steps(accusation, way):
            if (path, line) in self._early:
                pool = self._early[path, line]
                yield Evidence(
                    "source", f"line {line} calls it at once and hands the result to {pool}: pass the function"
                )
        if rank.why:
            yield Evidence("source", rank.why)
        for edge in way.edges:
            if edge.grade is not Grade.EXACT:
                callee = edge.callee.partition(":")[2]
                yield Evidence("source", f"{callee} is one of several functions that line {edge.line} may run")

    def _steps(self, accusation: Accusation, way: Way) -> Iterator[tuple[str, int]]:
        for edge in way.edges:
            yield self._program.functions[edge.caller].path, edge.line
        yield accusation.function.path, accusation.line


def fingerprint(problem: Problem, shown_path: str, text: str, again: int) -> str:
    """A name for the finding that stays when lines move: rule, file, function, leaf, and the text of the line."""
    culprit = problem.finding.culprit
    parts = (
        problem.rule,
        shown_path,
        culprit.function if culprit else "",
        problem.finding.leaf,
        " ".join(text.split()),
    )
    digest = hashlib.sha256("\0".join((*parts, str(again))).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]
