"""Which files are programs that somebody runs by hand beside the service: what blocks there keeps no user of the service waiting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from unjam.knowledge.entrypoints import MAINS
from unjam.static.entries import Entry
from unjam.static.names import Namer
from unjam.static.program import Program
from unjam.static.project import is_test
from unjam.static.source import Outline

_ASKS = frozenset({"argparse", "click", "docopt", "fire", "getopt", "optparse", "tqdm", "typer"})
"""What reads the words of a command line, or draws a bar for who looks on."""


def tools(
    program: Program, entries: Mapping[str, Entry], namer: Namer, imports: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """The files of such programs: each runs a loop of its own for who gives it its words, nothing imports it, it serves nothing.

    What only they import is theirs; `imports` are the files that each file imports. Where nothing else serves, the program is what there is.
    """
    served = (symbol for symbol, entry in entries.items() if entry.label and not entry.startup)
    serving = {program.functions[symbol].path for symbol in served if symbol in program.functions}
    importers: dict[str, set[str]] = {path: set() for path in imports}
    for path, imported in imports.items():
        for each in () if is_test(path) else imported:
            importers[each].add(path)
    found = {
        path
        for path, outline in program.outlines.items()
        if not importers[path] and _is_run(outline, namer) and serving and not serving & _reachable(path, imports)
    }
    waiting = [*found]
    while waiting:
        for each in imports[waiting.pop()]:
            if importers[each] and importers[each] <= found and each not in found:
                found.add(each)
                waiting.append(each)
    return frozenset(found)


def _is_run(outline: Outline, namer: Namer) -> bool:
    """Whether a file runs a loop, reads what is said to it on the command line, and ends: what goes on for good is a service."""
    tops = {line.module.partition(".")[0] for line in outline.top_imports}
    if not tops & _ASKS or any(site.looped for site in outline.calls):
        return False
    return any(
        namer.in_module(outline.path, site.text) in MAINS or site.text.endswith(".run_until_complete")
        for site in outline.calls
    )


def _reachable(path: str, imports: Mapping[str, Iterable[str]]) -> set[str]:
    """A file and all that it imports, by however many steps."""
    seen, waiting = {path}, [path]
    while waiting:
        new = set(imports.get(waiting.pop(), ())) - seen
        seen |= new
        waiting.extend(new)
    return seen


__all__ = ["tools"]
