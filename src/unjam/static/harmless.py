"""Which calls of the knowledge base cannot block as they are written: by their arguments, by what they work on."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar

from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.settled import Settled
from unjam.static.source import CallSite

_OF_A_FILE = frozenset(
    {"sqlite3.connect", "PIL.Image.open", "zipfile.ZipFile", "pypdf.PdfReader", "PyPDF2.PdfReader", "docx.Document"}
)
"""What works on a file, or on something in memory that is like one."""
_OF_BUFFERS = frozenset(
    {"bz2", "gzip", "librosa", "lzma", "mutagen", "openpyxl", "pdfplumber", "pptx", "soundfile", "tarfile"}
)
"""Packages that read and write a stream as well as a path."""
_BUFFERS = frozenset({"BytesIO", "StringIO"})
_FETCHED = frozenset({"text", "content", "body", "data", "read()", "text()", "getvalue()"})
"""Last parts of what holds a text that is here already."""
_COME = ("httpx.Response.", "sqlalchemy.engine.Result.", "sqlalchemy.engine.ScalarResult.")
"""Classes of which all has come where one was awaited: https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html."""
_QUEUE = re.compile(r"Queue$")
_TASKS = frozenset({"create_task", "ensure_future", "gather", "shield", "wait_for"})
"""What takes coroutines."""
_WAITING = {
    "concurrent.futures.as_completed": ("", -1, 1),
    "concurrent.futures.wait": ("", -1, 1),
    "multiprocessing.connection.wait": ("", -1, 1),
    "select.select": ("", -1, 3),
    "acquire": ("blocking", 0, 1),
    "get": ("block", 0, 1),
    "put": ("block", 1, 2),
    "result": ("", -1, 0),
    "exception": ("", -1, 0),
    "wait": ("", -1, 0),
    "join": ("", -1, 0),
    "poll": ("", -1, 0),
    "select": ("", -1, 0),
    "shutdown": ("wait", 0, -1),
}
"""Of functions and methods that wait: the flag that says not to, and the positions of the flag and of the time-out."""
_FLAGS = {
    "fcntl.flock": ("LOCK_NB", "LOCK_UN"),
    "fcntl.lockf": ("LOCK_NB", "LOCK_UN"),
    "os.wait3": ("WNOHANG",),
    "os.wait4": ("WNOHANG",),
    "os.waitid": ("WNOHANG",),
    "os.waitpid": ("WNOHANG",),
    "socket.getaddrinfo": ("AI_NUMERICHOST",),
}
"""Flags by which a function waits for nobody, or gives back; with a numeric address nothing is looked up."""
_SHORT = frozenset({"sqlite3.Connection.close"})
"""What gives back what is held, and writes only where a log is to be written back by the last one who closes."""
_STATEMENTS = frozenset({"execute", "executemany", "executescript"})
"""Methods of connections and cursors of DB-API (PEP 249, and what sqlite3 adds)."""
_ASKS = re.compile(r"""['"](?:\\n|\\t|\s)*(?:SELECT|EXPLAIN)\b""", re.IGNORECASE)
"""A statement, as it is written, that begins no transaction in sqlite3."""
_DEEP = re.compile(r"\*\*|\*/")
"""Patterns that go down into folders."""
_COMPARING = frozenset({"psutil.cpu_percent", "psutil.cpu_times_percent", "psutil.Process.cpu_percent"})
_CONTEXT = re.compile(r"ctx|context", re.IGNORECASE)
"""What names of TLS contexts say."""
_NOTHING = frozenset({"None", "0", "0.0"})


class Harmless:
    """Judges the calls of one program that have a record."""

    def __init__(self, program: Program, namer: Namer) -> None:
        self._program = program
        self._namer = namer
        self._settled = Settled(program)

    def does_not_block(self, function: Function, call: Call, name: str) -> bool:
        """Whether a call that resolves to `name` cannot block as it is written."""
        if name == "sqlite3.Connection.__exit__" and self._has_nothing_to_commit(function, call):
            return True
        if call.site is None:
            return name.startswith("requests.Response.") and not self._streams(function)
        return any(rule(self, function, call.site, name) for rule in self._RULES)

    def _streams(self, function: Function) -> bool:
        """Whether a file asks for a response without its body: only then `response.content` waits, else it is there already."""
        arguments = (site.argument(-1, "stream") for site in self._program.outlines[function.path].calls)
        return any(argument is not None and argument.text != "False" for argument in arguments)

    def _has_nothing_to_commit(self, function: Function, call: Call) -> bool:
        """`with connection:` commits at its end, which waits for no disk where its last line has committed, or all that it did was to ask."""
        outline = self._program.outlines[function.path]
        block = next((block for block in outline.blocks if block.span == call.span), None)
        if block is None:
            return False
        inside = [
            each
            for each in outline.calls
            if each.span > call.span and block.first_line <= each.span[0] <= block.last_line
        ]
        if any(each.text.endswith(".commit") and each.span[2] == block.last_line for each in inside):
            return True
        statements = [each for each in inside if each.text.rpartition(".")[2] in _STATEMENTS]
        asked = all((first := each.argument(0)) and _ASKS.match(first.text) for each in statements)
        receivers = {
            part for each in statements for part in (each.text.rpartition(".")[0], each.text.partition(".")[0])
        }
        handed = any(argument.text in receivers for each in inside for argument in each.arguments)
        return bool(statements) and asked and not handed

    def needs_no_certificates(self, call: Call, name: str) -> bool:
        """Whether a call into a package that leads to a TLS context asks for one that reads no certificates."""
        return call.site is not None and name.startswith("ssl.") and _unverified(call.site)

    def is_cheap(self, function: Function, call: Call, name: str) -> bool:
        """Whether a call that resolves to `name` takes microseconds as it is written: an empty file, a line on the console, the end of a pool without work."""
        if call.site is not None and name.endswith((".write", ".writelines", ".flush")):
            return self._namer.qualified(function, call.site.text).startswith(("sys.stdout.", "sys.stderr."))
        if name.endswith("Executor.__exit__"):
            return self._settled.leaves_nothing(function, call.span)
        return name in _SHORT or self._only_makes(function, call, name) or self._lists_one_folder(call, name)

    def _lists_one_folder(self, call: Call, name: str) -> bool:
        """`path.glob("*.png")` lists one folder, as `os.listdir` does; `**` goes down into all below it.

        `glob.glob` does so only where it is told to.
        """
        if name in {"glob.glob", "glob.iglob"}:
            recursive = call.site.argument(-1, "recursive") if call.site is not None else None
            return call.site is not None and (recursive is None or recursive.text == "False")
        pattern = call.site.argument(0) if call.site is not None and name == "pathlib.Path.glob" else None
        return pattern is not None and pattern.text[:1] in {"'", '"'} and not _DEEP.search(pattern.text)

    def _only_makes(self, function: Function, call: Call, name: str) -> bool:
        """`with open(path, "w"): pass` and `open(path, "w").close()` make an entry of a folder, or an empty file."""
        site = call.site
        mode = site.argument(1, "mode") if site is not None else None
        if site is None or mode is None or name != "builtins.open" or mode.text.strip("'")[:1] not in {"w", "x", "a"}:
            return False
        if site.use != "with":
            texts = {each.site.text for each in function.calls if each.site and each.span[:2] == call.span[:2]}
            return f"{site.text}().close" in texts
        outline = self._program.outlines[function.path]
        block = next((block for block in outline.blocks if block.span == call.span), None)
        if block is None:
            return False
        inside = (each for each in outline.calls if block.first_line <= each.span[0] <= block.last_line)
        return all(each.span <= call.span for each in inside)

    def _does_not_wait(self, _function: Function, site: CallSite, name: str) -> bool:
        """`acquire(False)`, `get(block=False)`, `result(timeout=0)`, `wait(0)`."""
        method = name.rpartition(".")[2]
        spot = _WAITING.get(name) or _WAITING.get(method)
        if spot is None:
            return False
        flag, flag_at, timeout_at = spot
        flagged = site.argument(flag_at, flag)
        timeout = site.argument(timeout_at, "timeout")
        return bool((flagged and flagged.text == "False") or (timeout and timeout.text in {"0", "0.0"}))

    def _polls(self, function: Function, site: CallSite, name: str) -> bool:
        """`poll()` of a connection between processes waits only where it is told how long; after it `recv()` takes what is there.

        So does `get()` of a queue in a function that asks whether it is `empty()`.
        """
        asks = "poll" if name == "multiprocessing.connection.Connection.recv" else ""
        asks = "empty" if name.endswith("Queue.get") else asks
        if asks:
            receiver = site.text.rpartition(".")[0]
            return any(each.site is not None and each.site.text == f"{receiver}.{asks}" for each in function.calls)
        return name == "multiprocessing.connection.Connection.poll" and not site.arguments

    def _is_told_not_to_wait(self, function: Function, site: CallSite, name: str) -> bool:
        """A socket that is made non-blocking, or a call with `MSG_DONTWAIT`; to connect a datagram socket sends nothing.

        So is what is asked for with `LOCK_NB`, `WNOHANG` and the like.
        """
        if name in _FLAGS:
            return any(flag in argument.text for argument in site.arguments for flag in _FLAGS[name])
        if not name.startswith(("socket.socket.", "_socket.socket.")):
            return False
        if any("MSG_DONTWAIT" in argument.text for argument in site.arguments):
            return True
        receiver, _, method = site.text.rpartition(".")
        made = self._made(function, receiver) if method == "connect" else []
        if made and all(any("SOCK_DGRAM" in each.text for each in one.arguments) for one in made):
            return True
        return self._settled.never_waits(function, receiver, site)

    def _is_over(self, function: Function, site: CallSite, name: str) -> bool:
        """What it would wait for has happened before."""
        return self._settled.is_over(function, site, name)

    def _compares_with_before(self, _function: Function, site: CallSite, name: str) -> bool:
        """`psutil.cpu_percent()` without an interval compares with the call before and waits for nothing."""
        interval = site.argument(0, "interval")
        return name in _COMPARING and (interval is None or interval.text in _NOTHING)

    def _is_done(self, function: Function, site: CallSite, name: str) -> bool:
        """`.result()` of what the same function has asked `.done()` or just waited for, or of tenacity's last attempt."""
        receiver, _, method = site.text.rpartition(".")
        if method not in {"result", "exception"} or not name.endswith(("Future.result", "Future.exception")):
            return False
        texts = {other.site.text for other in function.calls if other.site is not None}
        waited = any(text.endswith(("as_completed", "wait")) for text in texts)
        return waited or f"{receiver}.done" in texts or receiver.rpartition(".")[2] == "last_attempt"

    def _asks_first(self, function: Function, _site: CallSite, name: str) -> bool:
        """`asyncio.run` in a function that looks whether a loop runs already."""
        if name.rpartition(".")[2] not in {"run", "run_until_complete"} or not name.startswith(("asyncio.", "uvloop.")):
            return False
        asked = {call.site.text.rpartition(".")[2] for call in function.calls if call.site is not None}
        return bool(asked & {"get_running_loop", "is_running", "_get_running_loop"})

    def _not_taken(self, _function: Function, site: CallSite, name: str) -> bool:
        """`Executor.map` hands work to the pool; who goes through its results waits for them."""
        use = site.use.partition(":")[0]
        return name.endswith("Executor.map") and use not in {"iterated", "assigned", "returned"}

    def _in_memory(self, function: Function, site: CallSite, name: str) -> bool:
        """`sqlite3.connect(":memory:")`, `Image.open(BytesIO(data))`, and what is read of an archive made so: no file.

        A stream that the function has opened itself is told where it was opened.
        """
        owner, _, method = name.rpartition(".")
        first = site.argument(0)
        if name in _OF_A_FILE or (name.endswith((".__init__", ".__new__")) and owner in _OF_A_FILE):
            return first is not None and (
                first.text == "':memory:'"
                or is_buffer(self._namer, function, first.text)
                or self._latest(function, site, first.text) in _BUFFERS
                or self._opened(function, first.text)
            )
        if owner not in _OF_A_FILE or method.startswith("extract"):
            return False
        made = self._made(function, site.text.rpartition(".")[0])
        return bool(made) and all(
            (first := site.argument(0)) and is_buffer(self._namer, function, first.text) for site in made
        )

    def _latest(self, function: Function, site: CallSite, name: str) -> str:
        """The class of what a name of a function was given last, where that is made by a call."""
        assigned = (each for each in self._program.outlines[function.path].assignments if each.scope == function.index)
        before = [each for each in assigned if each.target == name and each.span < site.span]
        last = max(before, key=lambda each: each.span, default=None)
        return last.value.removesuffix("()").rpartition(".")[2] if last is not None else ""

    def _of_a_buffer(self, function: Function, site: CallSite, name: str) -> bool:
        """`soundfile.write(buffer, ...)`, `tarfile.open(fileobj=BytesIO(data))`: the file is in memory."""
        arguments = site.arguments if name.partition(".")[0] in _OF_BUFFERS else ()
        return any(is_buffer(self._namer, function, argument.text) for argument in arguments)

    def _opened(self, function: Function, name: str) -> bool:
        """Whether a function gives that name to a stream that it opens."""
        assigned = (each for each in self._program.outlines[function.path].assignments if each.scope == function.index)
        return any(each.target == name and each.value.rpartition(".")[2] == "open()" for each in assigned)

    def _made(self, function: Function, receiver: str) -> list[CallSite]:
        """The calls whose value a file gives to a name or an attribute of that name."""
        outline = self._program.outlines[function.path]
        spans = {
            each.span
            for each in outline.assignments
            if each.form == "call" and receiver and f".{each.target}".endswith(f".{receiver}")
        }
        return [site for site in outline.calls if site.span in spans]

    def _is_fetched(self, function: Function, site: CallSite, name: str) -> bool:
        """`feedparser.parse(text)`: only an address or a file is read, and what was awaited or read is a text."""
        first = site.argument(0)
        if name != "feedparser.parse" or first is None:
            return False
        outline = self._program.outlines[function.path]
        values = [
            (each.form, each.value)
            for each in outline.assignments
            if each.scope == function.index and each.target == first.text
        ]
        return all(
            form == "awaited" or text.rpartition(".")[2] in _FETCHED
            for form, text in values or [(first.form, first.text)]
        )

    def _has_transport(self, _function: Function, site: CallSite, name: str) -> bool:
        """`httpx.AsyncClient(transport=...)` and `verify=context` make no TLS context of their own, and `verify=False` one without certificates."""
        if name not in {"httpx.AsyncClient", "httpx.Client"}:
            return False
        verify = site.argument(-1, "verify")
        has_context = verify is not None and bool(_CONTEXT.search(verify.text))
        return has_context or site.argument(-1, "transport") is not None or _unverified(site)

    def _is_here(self, function: Function, site: CallSite, name: str) -> bool:
        """A response of httpx or a result of SQLAlchemy that was awaited: its body has been read, its rows have come."""
        if not name.startswith(_COME):
            return False
        receiver = site.text.rpartition(".")[0]
        outline = self._program.outlines[function.path]
        here = (each for each in outline.assignments if each.scope == function.index and each.target == receiver)
        made = receiver.removesuffix("()")
        return any(each.form == "awaited" for each in here) or any(
            each.text == made
            and each.use == "awaited"
            and each.span[:2] >= site.span[:2]
            and each.span[2:] <= site.span[2:]
            for each in outline.calls
        )

    def _has_room(self, function: Function, site: CallSite, name: str) -> bool:
        """`put` on a queue that was made without a bound never waits; what a queue does with itself is its own business.

        Where the file does not make it, none that the program keeps under that name has a bound, or none that it makes at all.
        """
        if site.text in {"self.put", "self.get"} and name.startswith(("queue.", "_queue.")):
            return True
        if not name.endswith("Queue.put"):
            return False
        receiver = site.text.rpartition(".")[0]
        here = [each for each in self._made(function, receiver) if _QUEUE.search(each.text)]
        made = here or self._kept_queues.get(receiver.rpartition(".")[2]) or self._queues
        return bool(made) and all(not each.arguments for each in made)

    @cached_property
    def _kept_queues(self) -> dict[str, list[CallSite]]:
        """Those that are kept as an attribute, by its name: another file may put on what a base class has made."""
        found: dict[str, list[CallSite]] = {}
        for outline in self._program.outlines.values():
            names = {each.span: each.target for each in outline.assignments if each.target.startswith("self.")}
            for site in outline.calls:
                if _is_queue(site) and site.span in names:
                    found.setdefault(names[site.span].rpartition(".")[2], []).append(site)
        return found

    @cached_property
    def _queues(self) -> list[CallSite]:
        """Where the program makes queues between threads or processes."""
        sites = (site for outline in self._program.outlines.values() for site in outline.calls)
        return [site for site in sites if _is_queue(site)]

    def _is_run_elsewhere(self, function: Function, site: CallSite, _name: str) -> bool:
        """`ensure_future(credentials.refresh())`: what a loop is given to run is a coroutine, whatever its class has of that name."""
        return any(
            each.site is not None
            and each.site.text.rpartition(".")[2] in _TASKS
            and any(argument.span == site.span for argument in each.site.arguments)
            for each in function.calls
        )

    _RULES: ClassVar[tuple[Callable[..., bool], ...]] = (
        _does_not_wait,
        _polls,
        _is_told_not_to_wait,
        _is_over,
        _compares_with_before,
        _is_done,
        _is_here,
        _has_room,
        _is_run_elsewhere,
        _asks_first,
        _not_taken,
        _in_memory,
        _of_a_buffer,
        _is_fetched,
        _has_transport,
    )


def _is_queue(site: CallSite) -> bool:
    return bool(_QUEUE.search(site.text)) and not site.text.startswith("asyncio.")


def is_buffer(namer: Namer, function: Function, text: str) -> bool:
    """Whether a name or an expression of a function's body is something in memory."""
    return bool(text) and namer.qualified(function, text).rpartition(".")[2].removesuffix("()") in _BUFFERS


def _unverified(site: CallSite) -> bool:
    verify = site.argument(-1, "verify")
    return verify is not None and verify.text == "False"
