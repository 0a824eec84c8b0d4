"""Which local work takes less than would be gained by moving it: a text, a piece of a file, a row, some certificates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from unjam.knowledge.remedies import changes
from unjam.static.result import Severity
from unjam.static.source import CallSite, Repeated

if TYPE_CHECKING:
    from unjam.static.accuse import Accusation
    from unjam.static.chains import Way
    from unjam.static.program import Function, Program
    from unjam.static.source import Outline

_OPENS = frozenset({"builtins.open", "io.open", "pathlib.Path.open"})
_FILES = ("_io.", "builtins.open", "io.", "pathlib.Path.", "typing.BinaryIO.", "typing.IO.")
"""What opens, reads and writes one file."""
_TEXTS = (
    "pathlib.Path.read_text",
    "pathlib.Path.write_text",
    "_io.TextIOWrapper.",
    "typing.TextIO.",
    "configparser.",
    "importlib.resources.read_text",
)
"""What works on a text, which in a program's own files has some kilobytes: 15 to 50 us, less than the hop to a thread."""
_CERTIFICATES = ("httpx.AsyncClient", "httpx.Client", "ssl.")
"""What reads the certificates of a machine: 10 to 30 ms, less than the stall of 50 ms that is reported while running."""
_TELLS = "homeassistant"
"""A framework that tells its users of each file and each import on its loop: https://developers.home-assistant.io/docs/asyncio_blocking_operations/."""
_SECRETS = frozenset(
    [
        "ca",
        "cert",
        "certificate",
        "certificates",
        "certs",
        "credential",
        "credentials",
        "crypto",
        "pem",
        "pkey",
        "secret",
        "secrets",
        "ssl",
        "tls",
    ]
)
"""Words for certificates, keys and the like, which have some kilobytes."""
_ROW = re.compile(r"""['"](?:\\n|\\t|\s)*SELECT\b(?!.*\bLIKE\b).*\bWHERE\b""", re.IGNORECASE | re.DOTALL)
"""A statement that looks rows up; `LIKE` reads a whole table."""
_MODERATE = frozenset(
    {
        "filecmp.cmp",
        "kubernetes.config.load_incluster_config",
        "kubernetes.config.load_kube_config",
        "os.open",
        "os.removedirs",
        "os.renames",
        "os.write",
        "psutil.pids",
        "shutil.chown",
        "shutil.copy",
        "shutil.copy2",
        "shutil.copyfile",
        "shutil.copymode",
        "shutil.copystat",
        "tarfile.is_tarfile",
        "zipfile.is_zipfile",
    }
)
"""What takes some hundred microseconds in ordinary use, about a millisecond at most: one file copied, one opened, settings of a client."""
_WORDS = re.compile(r"[\W_]+")
"""What parts the words of names."""
_ASIDE = frozenset({"connect", "cursor", "close", "fetchone"})
"""What is done with a database for one row beside executing the statement that asks for it."""


class Small:
    """Judges accusations of one program."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def why(self, accusation: Accusation, way: Way) -> str:
        """Why it takes so little, or is done so rarely where no route or handler leads to it; "" where it may be worth moving."""
        if accusation.below or is_told(self._program.outlines[accusation.function.path]):
            return ""
        if way.made and accusation.severity is Severity.WARNING:
            return "only the making of an object leads here, and no route or handler is known to make one for each who asks"
        repeated = max((accusation.repeated, *(edge.repeated for edge in way.edges)))
        what = self._what(accusation)
        if accusation.rule == "UJ102" and accusation.leaf.startswith(_CERTIFICATES) and not what:
            return "" if repeated else "reading certificates takes 10 to 30 ms, and no loop leads here"
        if what:
            return f"{what} takes less than the hop to a thread"
        if not way.served and accusation.leaf in _MODERATE:
            return "it takes about a millisecond, and no route or handler is known to ask for it"
        return ""

    def _what(self, accusation: Accusation) -> str:
        if accusation.rule == "UJ102" and (accusation.leaf.startswith(_TEXTS) or self._opens_text(accusation)):
            return "a small text"
        if accusation.rule == "UJ102" and self._takes_a_piece(accusation):
            return "a piece of the file"
        if accusation.rule == "UJ102" and self._is_secret(accusation):
            return "a certificate or a key"
        is_row = accusation.leaf.startswith("sqlite3.") and self._looks_a_row_up(accusation.function)
        return "one row of a local database" if is_row else ""

    def _is_secret(self, accusation: Accusation) -> bool:
        """Whether a file is opened, read or written that is a certificate or the like by what the call, or its function, is about."""
        site = self.site(accusation)
        if accusation.leaf.startswith("ssl.SSLContext.load_"):
            return True
        if site is None or not accusation.leaf.startswith(_FILES):
            return False
        texts = (
            accusation.function.name.rpartition(".")[2],
            site.text,
            *(argument.text for argument in site.arguments),
        )
        return any(not _SECRETS.isdisjoint(_WORDS.split(text.lower())) for text in texts)

    def _opens_text(self, accusation: Accusation) -> bool:
        """Whether it opens a text that is no table: those have as many rows as there are."""
        mode = self._mode(accusation)
        text = accusation.leaf in _OPENS and (mode == "" or (mode[:1] in {"'", '"'} and "b" not in mode))
        name = self._stream(accusation)
        calls = self._program.outlines[accusation.function.path].calls if text and name else ()
        return text and not any(_is_table(each, name) for each in calls if each.scope == accusation.function.index)

    def _stream(self, accusation: Accusation) -> str:
        """The name that the file is given which is opened."""
        assigned = self._program.outlines[accusation.function.path].assignments
        return next((each.target for each in assigned if each.span == accusation.span), "")

    def _mode(self, accusation: Accusation) -> str:
        site = self.site(accusation)
        mode = site.argument(0 if accusation.leaf == "pathlib.Path.open" else 1, "mode") if site is not None else None
        return "" if mode is None else mode.text or "?"

    def _takes_a_piece(self, accusation: Accusation) -> bool:
        """`with open(path, "rb") as stream: stream.read(112)`, where nobody else gets the stream."""
        outline = self._program.outlines[accusation.function.path]
        name, site = self._stream(accusation), self.site(accusation)
        if accusation.leaf not in _OPENS or site is None or site.use != "with" or not name:
            return False
        block = next(each for each in outline.blocks if each.span == accusation.span)
        inside = [each for each in outline.calls if block.first_line <= each.span[0] <= block.last_line]
        handed = any(argument.text == name for each in inside for argument in each.arguments)
        used = [each for each in inside if each.text.rpartition(".")[0] == name]
        used_here = all(each.scope == block.scope and _is_a_piece(each) for each in used)
        return bool(used) and used_here and not handed and (block.scope, name) not in outline.iterated

    def _looks_a_row_up(self, function: Function) -> bool:
        """Whether all that a function does with a database is to look one row up, by a statement that is written there."""
        sites = [call.site for call in function.calls if call.site is not None]
        statements = [site.argument(0) for site in sites if site.text.endswith(".execute")]
        methods = {site.text.rpartition(".")[2] for site in self._of_databases(function)}
        alone = {"fetchone"} <= methods <= _ASIDE | {"execute"}
        return alone and bool(statements) and all(each and _ROW.match(each.text) for each in statements)

    def _of_databases(self, function: Function) -> Iterator[CallSite]:
        for call in function.calls:
            names = (target.symbol for target in call.targets)
            if call.site is not None and any(name.startswith(("sqlite3", "_sqlite3")) for name in names):
                yield call.site

    def writes(self, accusation: Accusation) -> bool:
        """Whether the call, or a file opened by it, writes: then there is nothing to read once and keep."""
        if changes(accusation.leaf):
            return True
        mode = self._mode(accusation) if accusation.leaf in _OPENS else ""
        return mode[:1] in {"'", '"'} and bool(set("wax+") & set(mode))

    def site(self, accusation: Accusation) -> CallSite | None:
        """The call as it is written."""
        calls = self._program.outlines[accusation.function.path].calls
        return next((site for site in calls if site.span == accusation.span), None)


def is_told(outline: Outline) -> bool:
    """Whether a file is of a framework that tells its users of files and imports on its loop, however small."""
    return any(line.module.partition(".")[0] == _TELLS for line in outline.top_imports)


def _is_table(site: CallSite, stream: str) -> bool:
    return site.text.startswith("csv.") and any(argument.text == stream for argument in site.arguments)


def _is_a_piece(site: CallSite) -> bool:
    """Whether a method of a stream takes a bounded piece of it, and not one after the other."""
    method = site.text.rpartition(".")[2]
    bounded = method in {"seek", "tell", "readline"} or (method == "read" and bool(site.arguments))
    return bounded and site.repeated is not Repeated.AT_ONCE


__all__ = ["Small", "is_told"]
