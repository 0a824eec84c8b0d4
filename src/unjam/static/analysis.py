"""The analysis itself, step by step: types and outlines, the program, what runs on the loop, what blocks there."""

from __future__ import annotations

import gc
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from unjam.knowledge.clients import CLIENTS
from unjam.knowledge.records import Weight
from unjam.model.findings import Evidence
from unjam.static import cache, checker, imports, libraries, missing
from unjam.static.accuse import Accusation, Knowledge, Writer, blocking, fingerprint
from unjam.static.allowances import Allowances
from unjam.static.beside import tools
from unjam.static.buffers import Buffers
from unjam.static.chains import Chains
from unjam.static.check import Options
from unjam.static.config import Config
from unjam.static.effects import Effects
from unjam.static.entries import Entries
from unjam.static.facts import facts_of
from unjam.static.grouping import merged
from unjam.static.guarding import guarded, step
from unjam.static.inside import Inside
from unjam.static.leaves import Catalog, Leaves
from unjam.static.locks import Locks
from unjam.static.mistakes import Mistakes
from unjam.static.names import Namer
from unjam.static.outlines import read as read_outlines
from unjam.static.program import Function, Program, joined
from unjam.static.project import Project, demos, text_of
from unjam.static.protocols import implementations
from unjam.static.reach import Reach
from unjam.static.result import Coverage, Problem, Result, Severity
from unjam.static.serving import Serving, imported
from unjam.static.source import Outline


def analysed(
    project: Project, options: Options, config: Config, say: Callable[[str], None], run: checker.Run
) -> Result:
    """Analyse a project that the type checker has been asked for. Raises NotAvailable and FactsError."""
    collecting = gc.isenabled()
    gc.disable()  # millions of small tuples are made and none of them is ever part of a cycle
    try:
        return Analysis(project, options, config, say).result(run)
    finally:
        if collecting:
            gc.enable()


class Analysis:
    """One analysis, step by step; `program` and `reach` stay for who wants to ask more of them."""

    program: Program
    reach: Reach

    def __init__(self, project: Project, options: Options, config: Config, say: Callable[[str], None]) -> None:
        self._project = project
        self._config = config
        self._known = Knowledge.shipped()
        self._options = options
        self._say = say
        self._catalog = Catalog((*config.sinks, *self._known.records, *CLIENTS))
        self._result = Result(str(project.root), skipped=dict(project.skipped))

    def result(self, run: checker.Run) -> Result:
        """Run all steps. Raises NotAvailable and FactsError."""
        project = self._project
        self._say(f"checking {len(project.files):,} files")
        outlines, unread = read_outlines(project, fresh=self._options.fresh)
        self._result.skipped |= unread
        self._say("reading types")
        facts = facts_of(run)
        run.release()
        self._say("following calls")
        program = self.program = joined(facts, outlines)
        program.meant = implementations(program)
        self._result.skipped |= program.skipped
        self._result.notices += missing.notices(project, outlines, checker.stubs(cache.folder()))
        self._judge(program)
        return self._result

    def _judge(self, program: Program) -> None:
        namer = Namer(program)
        effects = Effects(program, namer, self._config.offloads)
        entries = Entries(
            program, namer, effects, tests=self._options.tests or self._config.tests, own=self._config.entry_points
        )
        reach = self.reach = Reach(program, effects, namer, entries.found())
        notices = self._result.notices
        inside = step("installed packages", lambda: self._packages(program), Inside(), notices)
        leaves = Leaves(program, self._catalog, namer, inside)
        self._result.coverage = step("coverage", lambda: _coverage(program, reach, leaves), Coverage(), notices)
        locks, mistakes = Locks(program, reach, leaves, namer), Mistakes(program, reach, effects, namer)
        blocking_calls = list(guarded(program, reach.functions(), lambda each: _blocking(each, leaves, effects)))
        found = [
            *step("who else holds a lock", lambda: list(locks.gathered(blocking_calls)), blocking_calls, notices),
            *locks.held_over_await(),
            *mistakes.accusations(),
            *step("imports", lambda: list(imports.accusations(program, reach, namer)), list[Accusation](), notices),
        ]
        buffers = Buffers(program, reach, namer)
        files = imported(program, namer)
        by_hand = self._by_hand(program, reach, namer, files)
        chains = Chains(program, reach, by_hand, Serving(program, reach, namer, files, by_hand))
        writer = Writer(program, chains, self._known, mistakes.called_too_early(), buffers)
        one_for_each = step("findings of one file or client", lambda: merged(found, program), found, notices)
        problems = list(self._allowed(one_for_each, writer, program, by_hand))
        self._result.skipped |= program.skipped
        self._result.problems = sorted(self._fingerprinted(problems), key=_order)

    def _by_hand(
        self, program: Program, reach: Reach, namer: Namer, files: Mapping[str, frozenset[str]]
    ) -> frozenset[str]:
        """The files of programs that somebody runs by hand; tools are what is meant where nothing else is to be checked."""
        found = tools(program, reach.entries, namer, files)
        return demos(self._project) | (found if self._project.reported - found else frozenset())

    def _packages(self, program: Program) -> Inside:
        """What the packages that the project imports do inside."""
        if not self._options.libraries:
            return Inside()
        own = {name.partition(".")[0] for name in program.module_paths}
        imported = {module.partition(".")[0] for each in program.outlines.values() for module in _imports(each)}
        tops = imported - own - sys.stdlib_module_names - {""}
        project = self._project
        found, unread = libraries.summaries(
            tops, project.site_packages, project.python_version, self._catalog, self._say
        )
        by_reason: dict[str, list[str]] = defaultdict(list)
        for top, reason in unread.items():
            by_reason[reason].append(top)
        for reason, skipped in by_reason.items():
            self._result.notices.append(f"{', '.join(skipped)}: {reason}; calls into it are followed no further")
        return found

    @property
    def problems(self) -> list[Problem]:
        """What was found."""
        return self._result.problems

    def _allowed(
        self, accusations: list[Accusation], writer: Writer, program: Program, by_hand: frozenset[str]
    ) -> Iterator[Problem]:
        allowances = Allowances(self._project, program, self._config, self._options.today)
        for accusation in accusations:
            judged = guarded(program, (accusation.function,), partial(_judged, accusation, writer, allowances))
            for problem in judged:
                if problem is None:
                    self._result.allowed += 1
                elif problem.path in self._project.reported:
                    where = {problem.path} if problem.path in by_hand else {caller.file for caller in problem.callers}
                    yield _run_by_hand(problem) if where and where <= by_hand else problem
        self._result.notices += allowances.notices()
        self._result.holds_until = allowances.holds_until()

    def _fingerprinted(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        seen: Counter[str] = Counter()
        texts: dict[str, list[str]] = {}
        for problem in sorted(problems, key=lambda each: (each.path, each.line, each.column)):
            if problem.path not in texts:
                texts[problem.path] = text_of(problem.path).splitlines()
            lines = texts[problem.path]
            text = lines[problem.line - 1] if problem.line <= len(lines) else ""
            shown = self._project.relative(problem.path)
            first = fingerprint(problem, shown, text, 0)
            yield replace(problem, fingerprint=fingerprint(problem, shown, text, seen[first]))
            seen[first] += 1


_ONLY_AT_RUN_TIME = frozenset({"UJ301", "UJ302", "UJ303", "UJ304", "UJ306"})
"""Of these, what takes microseconds mostly is no fault at all: nobody wants to read of every `str` and `logger.info`."""


def _run_by_hand(problem: Problem) -> Problem:
    """A finding of an example or a tool, or that only those lead to: nobody waits for it but who runs them."""
    why = Evidence("source", "only an example or a tool beside the service leads here, and those are run by hand")
    finding = replace(problem.finding, evidence=(*problem.finding.evidence, why))
    return replace(problem, finding=finding, severity=Severity.NOTE)


def _imports(outline: Outline) -> Iterator[str]:
    yield from (line.module for line in (*outline.top_imports, *outline.imports))


def _judged(
    accusation: Accusation, writer: Writer, allowances: Allowances, _function: Function
) -> Iterator[Problem | None]:
    """The problem, None where it is allowed, and nothing where no way of the loop leads there."""
    if writer.reached(accusation):
        yield allowances.judge(accusation, writer)


def _blocking(function: Function, leaves: Leaves, effects: Effects) -> Iterator[Accusation]:
    handed = (each for call in function.calls for each in effects.called_here(function, call))
    for call in (*function.calls, *handed):
        leaf = leaves.leaf(function, call)
        if leaf is not None and not (leaf.weight is Weight.MICROSECONDS and leaf.record.rule in _ONLY_AT_RUN_TIME):
            yield blocking(function, call, leaf)


def _coverage(program: Program, reach: Reach, leaves: Leaves) -> Coverage:
    calls = resolved = on_loop = 0
    for function in reach.functions():
        on_loop += 1
        for call in function.calls:
            if call.kind == "call":
                calls += 1
                resolved += call.resolved or leaves.named(function, call)
    lines = sum(each.lines for each in program.outlines.values())
    return Coverage(len(program.outlines), lines, len(program.functions), on_loop, calls, resolved)


def _order(problem: Problem) -> tuple[int, str, int, int]:
    return -problem.severity, problem.path, problem.line, problem.column
