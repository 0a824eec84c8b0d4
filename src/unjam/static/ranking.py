"""How bad a finding is: by what the call costs, and by how often the loop gets there, as far as source shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from unjam.static.result import Severity
from unjam.static.small import Small, is_told
from unjam.static.source import CallSite, Kept

if TYPE_CHECKING:
    from unjam.static.accuse import Accusation
    from unjam.static.chains import Way
    from unjam.static.program import Function, Program

RELOADED = "importlib.reload"
"""What somebody asks for who has changed a module."""
CONSOLE = "UJ108"
"""What a program asks once at its console keeps nobody waiting who would not wait for the answer anyway."""
_FILES = "UJ102"
"""Milliseconds at a time: they count where somebody comes again and again."""
_MISTAKES = frozenset({"UJ204", "UJ205", "UJ206"})
"""What is wrong however often it is done."""
_OWN = frozenset({"UJ103", "UJ107", "UJ202", "UJ203"})
"""Waits for what a program holds itself: sockets, processes, queues, threads."""
_READY = frozenset({"os.read", "socket.socket.accept", "socket.socket.recv", "socket.socket.recvfrom"})
"""What takes what is there, where a loop has seen that something is."""
_STARTS_TASKS = frozenset(
    ["TaskGroup", "create_task", "ensure_future", "gather", "run_coroutine_threadsafe", "start_soon"]
)
"""What gives a loop something to do beside the coroutine that runs."""
_WORKS_BESIDE = _STARTS_TASKS - {"run_coroutine_threadsafe"} | frozenset(
    [
        "TCPSite",
        "create_server",
        "create_unix_server",
        "run_app",
        "run_polling",
        "serve",
        "serve_forever",
        "start_polling",
        "start_server",
        "start_unix_server",
    ]
)
"""What gives the loop that it is called on something to do beside, or has it wait for whoever comes."""
_READER = "callback of add_reader"
_SETS_UP = re.compile(r"""['"](?:\\n|\\t|\s)*(?:CREATE|ALTER|DROP|PRAGMA|VACUUM)\b""", re.IGNORECASE)
_WORKS = re.compile(r"""['"](?:\\n|\\t|\s)*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH)\b""", re.IGNORECASE)


class Rank(NamedTuple):
    """The severity, whether the call happens once, and why it is ranked lower than its cost says; "" where it is not."""

    severity: Severity
    once: bool
    why: str = ""


class Ranking:
    """Ranks the findings of one program."""

    def __init__(self, program: Program) -> None:
        self.small = Small(program)
        self._program = program

    def ranked(self, accusation: Accusation, way: Way, accepted: str) -> Rank:
        """`accepted` is the code by which the line says that its author knows of the call, or nothing."""
        severity = accusation.severity
        single = way.single and not accusation.looped
        kept = max(accusation.once, way.once)
        once = bool(kept) or self._starts(accusation, way) or single
        if once and severity > Severity.NOTE:
            severity = Severity(severity - 1)
        why = self._mere(accusation, way, accepted) or (
            self._mild(accusation, way) if severity is Severity.WARNING else ""
        )
        if why:
            return Rank(Severity.NOTE, once, why)
        if severity > Severity.NOTE and not self._is_awaited(accusation, way):
            if way.unasked:
                return Rank(Severity.NOTE, once, _UNASKED)
            if severity is Severity.WARNING and accusation.rule == _FILES:
                return Rank(Severity.NOTE, once, _LITTLE)
        return Rank(severity, once, _STARTS if single else _KEPT if kept else "")

    def _starts(self, accusation: Accusation, way: Way) -> bool:
        """Whether only hooks of the start or the end lead there, and no task without end that one of them leaves behind."""
        site = self.small.site(accusation)
        return way.startup and not way.goes_on(looped=site is not None and site.looped)

    def _is_awaited(self, accusation: Accusation, way: Way) -> bool:
        """Whether somebody is known to wait for it: a framework's or the loop's call leads there, or it goes on without end beside what serves."""
        if way.entry.label or accusation.rule in _MISTAKES or is_told(self._program.outlines[accusation.function.path]):
            return True
        return (accusation.looped or _looped(way)) and self._works_beside(accusation, way)

    def _mere(self, accusation: Accusation, way: Way, accepted: str) -> str:
        """Why it is a note whatever it costs."""
        starts = self._starts(accusation, way) or (way.single and way.serves and not accusation.looped)
        kept = max(accusation.once, way.once) is Kept.FOR_GOOD and accusation.rule not in _MISTAKES
        reasons = (
            (accepted, f"the line says noqa {accepted}: its author knows that it blocks"),
            (accusation.leaf == RELOADED, "a module is loaded again when somebody has changed it, which is rare"),
            (starts, _STARTS),
            (kept, _KEPT),
            (
                way.alone and not self._works_beside(accusation, way),
                "a loop of its own runs it, and nobody else is known to wait there",
            ),
            (way.ends and accusation.rule in _OWN, "by its name it waits for what it ends, which is rare"),
            (accusation.leaf in _READY and way.entry.label == _READER, "it is called when there is something to read"),
            (
                accusation.rule == CONSOLE and not self._keeps_waiting(accusation, way),
                "it asks once, and nobody is served meanwhile who would not wait for the answer anyway",
            ),
        )
        return next((why for holds, why in reasons if holds), "")

    def _keeps_waiting(self, accusation: Accusation, way: Way) -> bool:
        """Whether a question at the console keeps others waiting again and again.

        A route leads to it, or it is asked in a loop of what starts tasks, or of a program that serves beside its main coroutine.
        """
        if way.entry.label or not (accusation.looped or _looped(way)):
            return bool(way.entry.label)
        paths = {self._program.functions[edge.caller].path for edge in way.edges} | {accusation.function.path}
        sites = (site for path in paths for site in self._program.outlines[path].calls)
        return (way.serves and not way.single) or any(site.text.rpartition(".")[2] in _STARTS_TASKS for site in sites)

    def _works_beside(self, accusation: Accusation, way: Way) -> bool:
        """Whether a class on the way, or a file for what is in none, gives the loop more to do or begins to serve."""
        return any(
            site.text.rpartition(".")[2] in _WORKS_BESIDE or (site.use == "awaited" and site.text.endswith(".start"))
            for site in self._written(accusation, way)
        )

    def _written(self, accusation: Accusation, way: Way) -> Iterator[CallSite]:
        functions = [*(self._program.functions[edge.caller] for edge in way.edges), accusation.function]
        for path, owner in {(each.path, each.scope.owner) for each in functions}:
            outline = self._program.outlines[path]
            yield from (site for site in outline.calls if outline.scopes[site.scope].owner == owner)

    def _mild(self, accusation: Accusation, way: Way) -> str:
        """Why local work of milliseconds is a note."""
        if way.rare:
            return "by its name it is run when something begins or ends, which is rare"
        if accusation.rule == "UJ106" and _sets_up(accusation.function):
            return "its statements set the database up, which is rare"
        if accusation.leaf == "subprocess.Popen":
            return "asyncio starts its processes on the loop as well: only to wait for one would be won"
        return self.small.why(accusation, way)


_STARTS = "only what runs at the start, at the end or on a signal leads here, so it costs once"
_KEPT = "the result is kept, so it costs once"
_UNASKED = "the program serves, and nothing that serves is known to lead here"
_LITTLE = "it costs milliseconds, and nothing that is served, nor a callback of the loop, is known to lead here"


def _looped(way: Way) -> bool:
    return any(edge.looped for edge in way.edges)


def _sets_up(function: Function) -> bool:
    sites = (call.site for call in function.calls if call.site is not None)
    texts = [argument.text for site in sites for argument in site.arguments if argument.form == "constant"]
    return any(map(_SETS_UP.match, texts)) and not any(map(_WORKS.match, texts))


__all__ = ["Rank", "Ranking"]
