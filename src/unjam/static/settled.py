"""Which waits are over before they begin: by what the same function has asked, awaited or set before it."""

from __future__ import annotations

from unjam.static.facts import Span
from unjam.static.flow import always_before, inside, is_set_between, said_at
from unjam.static.program import Function, Program
from unjam.static.source import CallSite, Outline

_OVER = {
    "wait": (".poll() is not None", ".returncode is not None", ".is_set()"),
    "join": ("not .is_alive()",),
}
"""Of methods that wait: what is so of their object where there is nothing left to wait for."""
PIPES = ("subprocess.Popen.stdout.", "subprocess.Popen.stderr.")
"""How the names of what is read of a child process begin."""
_TELLS = {"setblocking": frozenset({"False", "0"}), "settimeout": frozenset({"0", "0.0"})}
"""What tells a socket whether to wait, and with what not to."""
_AWAITS = frozenset({"gather", "wrap_future"})
"""What waits for all of what it is given."""


class Settled:
    """Judges waits of one program."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def is_over(self, function: Function, site: CallSite, name: str) -> bool:
        """Whether what a call would wait for has happened: `process.wait()` after `while process.poll() is None: ...`."""
        outline = self._program.outlines[function.path]
        receiver, _, method = site.text.rpartition(".")
        if name.startswith(PIPES):
            return self._has_written(outline, site, receiver)
        said = {_said_of(receiver, text) for text in _OVER.get(method, ())}
        if said and not said.isdisjoint(said_at(outline, site)):
            return True
        return name.endswith(("Future.result", "Future.exception")) and _is_awaited(outline, site, receiver)

    def _has_written(self, outline: Outline, site: CallSite, stream: str) -> bool:
        """Whether a child process has ended before its stream is read, or reading it is told not to wait."""
        process = stream.rpartition(".")[0]
        said = {_said_of(process, text) for text in _OVER["wait"]}
        ends = {f"{process}.wait", f"{process}.communicate"}
        return not said.isdisjoint(said_at(outline, site)) or any(
            (each.text in ends and not each.arguments and always_before(outline, each, site))
            or (each.text == "os.set_blocking" and _first(each).startswith(f"{stream}."))
            for each in outline.calls
            if each.scope == site.scope
        )

    def never_waits(self, function: Function, receiver: str, site: CallSite) -> bool:
        """Whether a socket is told not to wait: last before the call in its function, else wherever its file tells it anything."""
        kept = receiver.rpartition(".")[2]
        told = [
            each
            for each in self._program.outlines[function.path].calls
            if each.text.rpartition(".")[2] in _TELLS
            and each.arguments
            and each.text.rpartition(".")[0].rpartition(".")[2] == kept
        ]
        here = [each for each in told if each.scope == site.scope and each.span < site.span]
        return bool(told) and all(map(_tells_not_to_wait, here[-1:] or told))

    def leaves_nothing(self, function: Function, entered: Span) -> bool:
        """Whether all work that is given to the pool of a `with` has been awaited when it ends."""
        outline = self._program.outlines[function.path]
        name = next((each.target for each in outline.assignments if each.span == entered), "")
        block = next((each for each in outline.blocks if each.span == entered), None)
        if not name or block is None:
            return False
        within = [each for each in outline.calls if block.first_line <= each.span[0] <= block.last_line]
        given = [each for each in within if _is_of(each, name)]
        return bool(given) and all(_is_awaited_whole(each, within) for each in given)


def _said_of(receiver: str, text: str) -> str:
    return f"not {receiver}{text.removeprefix('not ')}" if text.startswith("not ") else f"{receiver}{text}"


def _is_awaited(outline: Outline, site: CallSite, receiver: str) -> bool:
    """Whether the function has awaited the future by `await wrap_future(future)`."""
    return any(
        each.use == "awaited"
        and each.text.rpartition(".")[2] == "wrap_future"
        and (given := each.argument(0, "future")) is not None
        and given.text == receiver
        and always_before(outline, each, site)
        and not is_set_between(outline, site, receiver, each.span)
        for each in outline.calls
    )


def _tells_not_to_wait(site: CallSite) -> bool:
    return site.arguments[0].text in _TELLS[site.text.rpartition(".")[2]]


def _is_of(site: CallSite, pool: str) -> bool:
    return site.text.startswith(f"{pool}.") or any(argument.text == pool for argument in site.arguments)


def _is_awaited_whole(site: CallSite, within: list[CallSite]) -> bool:
    """Whether what a call hands to a pool is awaited: by `await`, in an `await gather(...)`, or by its name."""
    if site.text.rpartition(".")[2] not in {"run_in_executor", "submit"}:
        return False
    waits = [each for each in within if each.use == "awaited" and each.text.rpartition(".")[2] in _AWAITS]
    kept = site.use.partition(":")[2]
    is_kept = kept and any(each.text.endswith("wrap_future") and _first(each) == kept for each in waits)
    return site.use == "awaited" or bool(is_kept) or any(inside(site.span, each.span) for each in waits)


def _first(site: CallSite) -> str:
    return site.arguments[0].text if site.arguments else ""
