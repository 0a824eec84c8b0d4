"""UJ206, and the calls that are made before their result is handed to a thread: what goes wrong when blocking is fixed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from unjam.knowledge.offloads import Handoff, Where
from unjam.model.findings import Evidence, Grade
from unjam.static.accuse import Accusation
from unjam.static.effects import Effects
from unjam.static.entries import callables
from unjam.static.facts import Target
from unjam.static.guarding import guarded
from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.reach import Reach
from unjam.static.result import Severity
from unjam.static.source import Argument, CallSite

_POOLS = frozenset({Where.THREAD, Where.PROCESS})
_LOOP_OWNED = frozenset(
    f"asyncio.{module}.{name}"
    for module, names in {
        "queues": ("Queue", "PriorityQueue", "LifoQueue"),
        "locks": ("Event", "Lock", "Condition", "Semaphore"),
        "futures": ("Future",),
        "tasks": ("Task",),
        "streams": ("StreamWriter", "StreamReader"),
    }.items()
    for name in names
) | {
    "asyncio.Queue",
    "asyncio.Event",
    "asyncio.Lock",
    "asyncio.Future",
    "asyncio.Task",
    "_asyncio.Future",
    "_asyncio.Task",
}
"""Objects of the loop's thread: none of their methods may be called from another one (asyncio-dev, "Concurrency")."""
_READS = frozenset(
    [
        "done",
        "cancelled",
        "empty",
        "full",
        "qsize",
        "is_set",
        "locked",
        "get_name",
        "is_closing",
        "get_extra_info",
        "result",
        "exception",
    ]
)
"""What of those only looks: wrong at worst about the moment, from whatever thread."""
_LOOP_UNSAFE = frozenset(
    f"asyncio.events.AbstractEventLoop.{name}"
    for name in [
        "call_soon",
        "call_later",
        "call_at",
        "create_task",
        "create_future",
        "add_reader",
        "add_writer",
        "stop",
        "close",
    ]
)
_STARTS_LOOP = frozenset({"new_event_loop", "run", "Runner", "run_until_complete"})
_SQLITE = frozenset({"sqlite3.Connection", "sqlite3.Cursor"})
"""They refuse to work in another thread than the one that made them (sqlite3.connect, check_same_thread)."""
_OWN_KEYWORDS = frozenset({"executor", "func", "**"})
_MAKES_CALLABLE = ("partial", "methodcaller", "itemgetter", "attrgetter", "wraps", "copy_context")


class Mistakes:
    """Looks at every hand-off to a pool in code on the loop."""

    def __init__(self, program: Program, reach: Reach, effects: Effects, namer: Namer) -> None:
        self._program = program
        self._reach = reach
        self._effects = effects
        self._namer = namer

    def accusations(self) -> Iterator[Accusation]:
        """Hand-offs that do not work."""
        return guarded(self._program, self._reach.functions(), self._mistaken)

    def _mistaken(self, function: Function) -> Iterator[Accusation]:
        for call, site, handoff in self._handoffs(function):
            for text in self._wrong(function, call, site, handoff):
                name = handoff.name.rpartition(".")[2]
                yield Accusation(
                    function,
                    call.span,
                    "UJ206",
                    site.text,
                    Severity.ERROR,
                    Grade.EXACT,
                    text.replace("{name}", name),
                    (Evidence("source", f"line {call.span[0]} hands a callable to {site.text}"),),
                )

    def called_too_early(self) -> dict[tuple[str, int], str]:
        """Places (path, line) of calls whose result, not they themselves, is handed to a pool; with the pool's name."""
        return dict(guarded(self._program, self._reach.functions(), self._early))

    def _early(self, function: Function) -> Iterator[tuple[tuple[str, int], str]]:
        for call, site, handoff in self._handoffs(function):
            argument = site.argument(handoff.position, handoff.keyword)
            if argument is not None and self._is_plain_call(call, argument):
                yield (function.path, argument.span[0]), handoff.name

    def _handoffs(self, function: Function) -> Iterator[tuple[Call, CallSite, Handoff]]:
        for call in function.calls:
            if call.site is None or not call.site.arguments:
                continue
            handoff = self._effects.handoff(function, call)
            if handoff is not None and handoff.where in _POOLS:
                yield call, call.site, handoff

    def _is_plain_call(self, call: Call, argument: Argument) -> bool:
        """Whether the argument is a call that gives no callable."""
        if argument.form != "call" or argument.text.rpartition(".")[2].removesuffix("()") in _MAKES_CALLABLE:
            return False
        return not any(targets for index, targets in call.arguments if index == argument.position)

    def _wrong(self, function: Function, call: Call, site: CallSite, handoff: Handoff) -> Iterator[str]:
        if handoff.awaited and handoff.keywords and site.use == "statement":
            yield "{name}(...) gives a coroutine that nobody awaits: nothing runs"
        extra = [argument.keyword for argument in site.arguments if argument.keyword not in {"", *_OWN_KEYWORDS}]
        if not handoff.keywords and extra:
            yield f"{{name}} takes no keyword arguments: {', '.join(extra)} raises TypeError"
        argument = site.argument(handoff.position, handoff.keyword)
        if argument is not None and self._is_plain_call(call, argument) and self._gives_a_value(function, argument):
            yield f"{argument.text}() is called at once, on the loop, and {{name}} gets its result: pass the function itself"
        elif argument is not None:
            yield from self._wrong_callable(function, argument)

    def _gives_a_value(self, function: Function, argument: Argument) -> bool:
        """Whether the argument calls a function of the project in which nothing is seen that could be given back to call."""
        for call in function.calls:
            if call.span == argument.span and call.kind == "call":
                callees = [self._program.functions.get(target.symbol) for target in call.targets]
                return bool(callees) and not call.arguments and not any(map(self._may_give_callable, callees))
        return False

    def _may_give_callable(self, callee: Function | None) -> bool:
        if callee is None or callee.scope.decorators or callee.scope.name.endswith("__init__"):
            return True
        given = (call.kind == "reference" or (call.site and call.site.use == "returned") for call in callee.calls)
        return any(given) or any(True for _ in self._program.nested(callee.symbol))

    def _wrong_callable(self, function: Function, argument: Argument) -> Iterator[str]:
        for symbol in callables(self._program, function, argument):
            callee = self._program.functions.get(symbol)
            if callee is not None and callee.scope.kind == "coroutine" and not callee.scope.decorators:
                yield f"{callee.name} is a coroutine function: the thread only makes the coroutine, and nothing runs it"
                return
            if callee is not None:
                yield from self._wrong_body(callee)
        owner = self._receiver(function, argument)
        if owner in _LOOP_OWNED and argument.text.rpartition(".")[2] not in _READS:
            yield f"{argument.text} belongs to the loop's thread, and is called from the pool's"
        elif owner in _SQLITE and not self._shares_connections:
            yield f"{argument.text} is of a connection that another thread made: sqlite3 raises ProgrammingError"

    def _wrong_body(self, callee: Function) -> Iterator[str]:
        """The first call of a function in a pool on an object of the loop's thread."""
        texts = {call.site.text.rpartition(".")[2] for call in callee.calls if call.site is not None}
        if callee.scope.is_async or texts & _STARTS_LOOP:
            return
        for call in callee.calls:
            if call.site is not None and any(map(_needs_the_loop, call.targets)):
                line = call.span[0]
                yield f"{callee.name} calls {call.site.text} (line {line}) from the pool's thread: it belongs to the loop's"
                return

    @cached_property
    def _shares_connections(self) -> bool:
        """Whether some connection of the project is made for any thread: then which one is used where is not known."""
        sites = (site for outline in self._program.outlines.values() for site in outline.calls)
        return any(argument.keyword == "check_same_thread" for site in sites for argument in site.arguments)

    def _receiver(self, function: Function, argument: Argument) -> str:
        for call in function.calls:
            if call.span == argument.span and call.kind == "reference" and call.targets:
                return call.targets[0].receiver.replace(":", ".")
        return self._namer.qualified(function, argument.text).rpartition(".")[0] if "." in argument.text else ""


def _needs_the_loop(target: Target) -> bool:
    owner, method = target.receiver.replace(":", "."), target.symbol.rpartition(".")[2]
    return (owner in _LOOP_OWNED and method not in _READS) or target.symbol.replace(":", ".") in _LOOP_UNSAFE
