"""Findings that the user has allowed: taken out of the accusations, and still told with their cost."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Sequence

from unjam.diagnosis.source import Sources
from unjam.model.allowances import Allow, comment_in, covers
from unjam.model.findings import Finding
from unjam.model.session import Allowed


def sort_out(
    findings: Iterable[Finding], sources: Sources, tables: Sequence[Allow], *, root: str
) -> tuple[list[Finding], list[Allowed]]:
    """Split findings into those that count and those that are allowed; `tables` hold for paths relative to `root`."""
    counting: list[Finding] = []
    allowed: list[Allowed] = []
    for finding in findings:
        reason = _reason(finding, sources, tables, root)
        if reason is None:
            counting.append(finding)
        else:
            allowed.append(Allowed(finding, reason))
    return counting, allowed


def _reason(finding: Finding, sources: Sources, tables: Sequence[Allow], root: str) -> str | None:
    """Why it is allowed ("" where no reason is given); None where it is not."""
    if not finding.rule or finding.culprit is None:
        return None
    path = os.path.relpath(finding.culprit.file, root) if root else finding.culprit.file
    for allow in tables:
        if allow.covers(finding.rule, path, finding.culprit.function):
            return allow.reason
    return next(_in_source(finding, sources), None)


def _in_source(finding: Finding, sources: Sources) -> Iterator[str]:
    """Reasons of comments and blocks around any line of the user's own on the way to the culprit."""
    for link in finding.chain:
        tree = sources.tree(link.file) if link.kind == "user" else None
        lines = sources.lines(link.file) if tree else None
        if tree is None or lines is None or link.line > len(lines):
            continue
        places = [lines[link.line - 1]]
        for node in ast.walk(tree):
            if isinstance(node, _BLOCKS) and node.lineno <= link.line <= (node.end_lineno or 0):
                yield from _of_block(node, finding.rule)
                if isinstance(node, _FUNCTIONS):
                    places.append(lines[node.lineno - 1])
        for comment in filter(None, map(comment_in, places)):
            if covers(comment.codes, finding.rule):
                yield comment.reason


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = (*_FUNCTIONS, ast.With, ast.AsyncWith)


def _of_block(node: ast.AST, rule: str) -> Iterator[str]:
    """Reasons of `with unjam.allow(...)` and of `@unjam.allow(...)`."""
    used = node.decorator_list if isinstance(node, _FUNCTIONS) else []
    if isinstance(node, (ast.With, ast.AsyncWith)):
        used = [item.context_expr for item in node.items]
    for call in used:
        if isinstance(call, ast.Call) and ast.unparse(call.func) in {"unjam.allow", "allow"}:
            codes = tuple(str(part.value) for part in call.args if isinstance(part, ast.Constant))
            if covers(codes, rule):
                yield next(filter(None, map(_reason_in, call.keywords)), "")


def _reason_in(word: ast.keyword) -> str:
    return str(word.value.value) if word.arg == "reason" and isinstance(word.value, ast.Constant) else ""
