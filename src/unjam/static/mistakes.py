"""UJ206, and the calls that are made before their result is handed to a thread: what goes wrong when blocking is fixed."""

from __future__ import annotations

from collections.abc import Iterator

from unjam.knowledge.offloads import Handoff, Where
from unjam.model.findings import Evidence, Grade
from unjam.static.accuse import Accusation
from unjam.static.effects import Effects
from unjam.static.entries import callables
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
        for function, call, site, handoff in self._handoffs():
            for text in self._wrong(function, site, handoff):
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
        places = {}
        for function, call, site, handoff in self._handoffs():
            argument = site.argument(handoff.position, handoff.keyword)
            if argument is not None and self._is_plain_call(call, argument):
                places[function.path, argument.span[0]] = handoff.name
        return places

    def _handoffs(self) -> Iterator[tuple[Function, Call, CallSite, Handoff]]:
        for function in self._reach.functions():
            for call in function.calls:
                if call.site is None or not call.site.arguments:
                    continue
                handoff = self._effects.handoff(function, call)
                if handoff is not None and handoff.where in _POOLS:
                    yield function, call, call.site, handoff

    def _is_plain_call(self, call: Call, argument: Argument) -> bool:
        """Whether the argument is a call that gives no callable."""
        if argument.form != "call" or argument.text.rpartition(".")[2].removesuffix("()") in _MAKES_CALLABLE:
            return False
        return not any(targets for index, targets in call.arguments if index == argument.position)

    def _wrong(self, function: Function, site: CallSite, handoff: Handoff) -> Iterator[str]:
        if handoff.awaited and handoff.keywords and site.use == "statement":
            yield "{name}(...) gives a coroutine that nobody awaits: nothing runs"
        extra = [argument.keyword for argument in site.arguments if argument.keyword not in {"", *_OWN_KEYWORDS}]
        if not handoff.keywords and extra:
            yield f"{{name}} takes no keyword arguments: {', '.join(extra)} raises TypeError"
        argument = site.argument(handoff.position, handoff.keyword)
        if argument is not None:
            yield from self._wrong_callable(function, argument)

    def _wrong_callable(self, function: Function, argument: Argument) -> Iterator[str]:
        for symbol in callables(self._program, function, argument):
            callee = self._program.functions.get(symbol)
            if callee is not None and callee.scope.kind == "coroutine" and not callee.scope.decorators:
                yield f"{callee.name} is a coroutine function: the thread only makes the coroutine, and nothing runs it"
                return
        owner = self._receiver(function, argument)
        if owner in _LOOP_OWNED:
            yield f"{argument.text} belongs to the loop's thread, and is called from the pool's"

    def _receiver(self, function: Function, argument: Argument) -> str:
        for call in function.calls:
            if call.span == argument.span and call.kind == "reference" and call.targets:
                return call.targets[0].receiver.replace(":", ".")
        return self._namer.qualified(function, argument.text).rpartition(".")[0] if "." in argument.text else ""
