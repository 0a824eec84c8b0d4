"""What is no fault of the test: time of pytest, debuggers and tracers, of its own assertions, and of first use."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from unjam.diagnosis.garbage import AUTOMATIC
from unjam.integrations.pytest_plugin.wording import FIRST_CALL, OF_THE_RUN
from unjam.model.findings import Remedy
from unjam.watching import NO_BLOCK, NOBODYS

if TYPE_CHECKING:
    from unjam.model.findings import Finding

HARNESS = re.compile(
    r"[\\/](?:_pytest|pluggy|xdist|execnet|hypothesis|coverage|pytest_cov|pytest_asyncio|pytest_aiohttp|pytest_django"
    r"|anyio[\\/]pytest_plugin|unittest[\\/](?:case|util|async_case)|numpy[\\/]testing|pandas[\\/]_testing"
    r"|pytest_timeout|pdb|bdb|pydevd|_pydevd_bundle|_pydevd_frame_eval|debugpy|ipdb|pudb|IPython[\\/]core[\\/]debugger)"
    r"(?:[\\/]|\.py$)"
)
"""Files of what runs tests, looks into them or compares for them."""

COMPUTING = frozenset({"UJ301", "UJ302", "UJ303", "UJ304"})
"""What an assertion does by itself: compare, and throw away."""

TRACED = frozenset({"UJ301", "UJ401", "UJ402", "UJ403"})
"""What becomes slower when every line is traced."""

TRACING_FACTOR = 4.0
"""Under a tracer the limit for Python code is so many times as long: a tracer is called on every line, which costs a tight loop several
times its own time. A chosen value: below it nobody is accused, above it the code is slow of itself."""

FIRST_USE = frozenset({"UJ305"})
"""An import happens once in a process, in whichever test comes first."""


COLLECTING = (
    Remedy(
        "call gc.collect() where no loop runs, before the loop begins or in a fixture",
        "none: it walks the objects of the whole run, wherever it is called",
    ),
    Remedy(
        'allow it: @pytest.mark.unjam(allow="UJ304", reason="...")',
        "what the program itself collects in that test is allowed, too",
    ),
)
"""What to do about a test that collects by itself: there are no requests to leave it out of."""


def as_of_a_test(finding: Finding, file: str) -> Finding:
    """The finding with what can be done about it, where the code of the test in that file did it by itself."""
    own = finding.rule == "UJ304" and finding.culprit is not None and finding.culprit.file == file
    return replace(finding, remedies=COLLECTING) if own and not is_of_the_run(finding) else finding


def is_harness(finding: Finding) -> bool:
    """Whether the time went to what runs below the test's own line, but is none of it."""
    own = next((index for index, link in enumerate(finding.chain) if link.kind == "user"), -1)
    return any(HARNESS.search(link.file) for link in finding.chain[own + 1 :]) or _is_assertion(finding)


def is_first_use(finding: Finding) -> bool:
    """Whether it can happen only once in a process: an import, or a function without arguments whose value is kept."""
    return finding.rule in FIRST_USE or any(
        link.kind == "user" and link.function.rpartition(".")[2] in _kept_functions(link.file) for link in finding.chain
    )


def is_of_the_run(finding: Finding) -> bool:
    """Whether the collector began by itself: it walks what the whole run has left, in whichever test its turn comes."""
    return finding.rule == "UJ304" and finding.leaf.startswith(AUTOMATIC)


def remark_of(finding: Finding) -> str:
    """Why a finding fails nobody, where that is not plain from its rule."""
    if is_first_use(finding):
        return FIRST_CALL
    return OF_THE_RUN if is_of_the_run(finding) else ""


def fails(finding: Finding, *, max_block_ms: float, traced: bool) -> bool:
    """Whether a finding is the test's own fault, and long enough to fail it."""
    if finding.rule in NOBODYS | NO_BLOCK or finding.culprit is None or remark_of(finding):
        return False
    factor = TRACING_FACTOR if traced and finding.rule in TRACED else 1.0
    return finding.max_ms >= max_block_ms * factor


def _is_assertion(finding: Finding) -> bool:
    culprit = finding.culprit
    if culprit is None or finding.rule not in COMPUTING:
        return False
    return any(first <= culprit.line <= last for first, last in _assertions(culprit.file))


@lru_cache(256)
def _assertions(file: str) -> tuple[tuple[int, int], ...]:
    """First and last line of each `assert` of a file."""
    asserts = (node for node in ast.walk(_tree(file)) if isinstance(node, ast.Assert))
    return tuple((node.lineno, node.end_lineno or node.lineno) for node in asserts)


@lru_cache(256)
def _kept_functions(file: str) -> frozenset[str]:
    """Names of the functions without arguments that `functools.cache` or `lru_cache` keeps the value of."""
    return frozenset(
        node.name
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.FunctionDef)
        and not ast.unparse(node.args)
        and any(re.match(r"(?:functools\.)?(?:lru_)?cache\b", ast.unparse(each)) for each in node.decorator_list)
    )


@lru_cache(64)
def _tree(file: str) -> ast.Module:
    from unjam.telling import source_lines

    try:
        return ast.parse("\n".join(source_lines(file) or ()))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])
