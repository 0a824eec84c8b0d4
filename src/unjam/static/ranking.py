"""How bad a finding is: by what the call costs, and by how often the loop gets there, as far as source shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from unjam.static.result import Severity

if TYPE_CHECKING:
    from unjam.static.accuse import Accusation
    from unjam.static.chains import Way
    from unjam.static.program import Function, Program
    from unjam.static.source import CallSite, WithBlock

RELOADED = "importlib.reload"
"""What somebody asks for who has changed a module."""
CONSOLE = "UJ108"
"""What a program asks once at its console keeps nobody waiting who would not wait for the answer anyway."""
FETCHED_ONCE = frozenset({"tiktoken.get_encoding", "tiktoken.encoding_for_model"})
"""What the package keeps on the disk and in the process: https://github.com/openai/tiktoken/blob/main/tiktoken/load.py."""
_OPENS = frozenset({"builtins.open", "io.open", "pathlib.Path.open"})
_TEXTS = ("pathlib.Path.read_text", "pathlib.Path.write_text", "_io.TextIOWrapper.", "typing.TextIO.")
"""What works on a text, which in a program's own files has some kilobytes: 15 to 50 us, less than the hop to a thread."""
_CERTIFICATES = ("httpx.AsyncClient", "httpx.Client", "ssl.")
"""What reads the certificates of a machine: 10 to 30 ms, less than the stall of 50 ms that is reported while running."""
_TELLS = "homeassistant"
"""A framework that tells its users of each file that is opened on its loop: https://developers.home-assistant.io/docs/asyncio_blocking_operations/."""
_PARSES = re.compile(r"(?:^|\.)(?:json|yaml|toml|tomllib|tomli)\.(?:safe_)?loads?$")
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
        self._program = program

    def ranked(self, accusation: Accusation, way: Way, accepted: str) -> Rank:
        """`accepted` is the code by which the line says that its author knows of the call, or nothing."""
        severity = accusation.severity
        single = way.single and not accusation.looped
        once = accusation.once or way.once or way.startup or single
        if once and severity > Severity.NOTE:
            severity = Severity(severity - 1)
        why = self._mere(accusation, way, accepted) or (
            self._mild(accusation, way) if severity is Severity.WARNING else ""
        )
        if why:
            return Rank(Severity.NOTE, once, why)
        return Rank(severity, once, _STARTS if single else _KEPT if accusation.once or way.once else "")

    def _mere(self, accusation: Accusation, way: Way, accepted: str) -> str:
        """Why it is a note whatever it costs."""
        if accepted:
            return f"the line says noqa {accepted}: its author knows that it blocks"
        if accusation.leaf == RELOADED:
            return "a module is loaded again when somebody has changed it, which is rare"
        if way.startup:
            return _STARTS
        if accusation.rule == CONSOLE and not (way.entry.label or accusation.looped or _looped(way)):
            return "it asks once, and nobody is served meanwhile who would not wait for the answer anyway"
        if accusation.leaf in FETCHED_ONCE:
            return "it is fetched once for a machine, and kept in the process"
        return ""

    def _mild(self, accusation: Accusation, way: Way) -> str:
        """Why local work of milliseconds is a note."""
        if way.rare:
            return "by its name it is run when something begins or ends, which is rare"
        if accusation.rule == "UJ106" and self._sets_up(accusation.function):
            return "its statements set the database up, which is rare"
        if accusation.rule == "UJ102" and not accusation.below and self._is_seldom(accusation, way):
            return self._small(accusation)
        return ""

    def _is_seldom(self, accusation: Accusation, way: Way) -> bool:
        """Whether no loop leads here, and no route to a text but what is always the same, or is small by what is made of it."""
        if accusation.repeated or any(edge.repeated for edge in way.edges) or self._is_told(accusation.function):
            return False
        certificates = accusation.leaf.startswith(_CERTIFICATES)
        return certificates or not way.entry.label or self._is_fixed(accusation) or self._is_parsed(accusation)

    def _is_parsed(self, accusation: Accusation) -> bool:
        """Whether a text that is read is parsed whole, as settings and translations are: `json.load(stream)`."""
        site = self.site(accusation)
        if site is None or self.writes(accusation):
            return False
        calls = self._program.outlines[accusation.function.path].calls
        inside = (each for each in calls if each.scope == site.scope and _PARSES.search(each.text))
        if site.use == "with":
            ends = [block.last_line for block in self._blocks(accusation) if block.span == site.span]
            return any(site.span[0] <= each.span[0] <= end for each in inside for end in ends)
        return any(each.span[:2] < site.span[:2] and site.span[2:] <= each.span[2:] for each in inside)

    def _blocks(self, accusation: Accusation) -> list[WithBlock]:
        return self._program.outlines[accusation.function.path].blocks

    def _small(self, accusation: Accusation) -> str:
        if accusation.leaf.startswith(_CERTIFICATES):
            return "reading certificates takes 10 to 30 ms, and no loop leads here"
        if accusation.leaf.startswith(_TEXTS) or self._opens_text(accusation):
            return "a small text takes less than the hop to a thread, and no loop leads here"
        return ""

    def _opens_text(self, accusation: Accusation) -> bool:
        mode = self._mode(accusation)
        return accusation.leaf in _OPENS and (mode == "" or (mode[:1] in {"'", '"'} and "b" not in mode))

    def _mode(self, accusation: Accusation) -> str:
        site = self.site(accusation)
        mode = site.argument(0 if accusation.leaf == "pathlib.Path.open" else 1, "mode") if site is not None else None
        return "" if mode is None else mode.text or "?"

    def writes(self, accusation: Accusation) -> bool:
        """Whether the call, or a file opened by it, writes: then there is nothing to read once and keep."""
        if accusation.leaf.rpartition(".")[2].startswith("write"):
            return True
        mode = self._mode(accusation) if accusation.leaf in _OPENS else ""
        return mode[:1] in {"'", '"'} and bool(set("wax+") & set(mode))

    def _is_fixed(self, accusation: Accusation) -> bool:
        """Whether it reads a file whose path is a constant: `open(SETTINGS)`, `self.ID_FILE.read_text()`."""
        site = self.site(accusation)
        if site is None or self.writes(accusation):
            return False
        first = site.argument(0, "file") if accusation.leaf in {"builtins.open", "io.open"} else None
        text = first.text if first is not None else site.text.rpartition(".")[0]
        constant = first is not None and first.form == "constant"
        return constant or text.rpartition(".")[2].isupper()

    def _is_told(self, function: Function) -> bool:
        imports = self._program.outlines[function.path].top_imports
        return any(line.module.partition(".")[0] == _TELLS for line in imports)

    def _sets_up(self, function: Function) -> bool:
        sites = (call.site for call in function.calls if call.site is not None)
        texts = [argument.text for site in sites for argument in site.arguments if argument.form == "constant"]
        return any(map(_SETS_UP.match, texts)) and not any(map(_WORKS.match, texts))

    def site(self, accusation: Accusation) -> CallSite | None:
        """The call as it is written."""
        calls = self._program.outlines[accusation.function.path].calls
        return next((site for site in calls if site.span == accusation.span), None)


_STARTS = "only what runs at the start, at the end or on a signal leads here, so it costs once"
_KEPT = "the result is kept, so it costs once"


def _looped(way: Way) -> bool:
    return any(edge.looped for edge in way.edges)


__all__ = ["Rank", "Ranking"]
