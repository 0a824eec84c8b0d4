"""The ways to look facts up: by rule code, by qualified name, by frame."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from unjam.knowledge.records import Call, Rule


def rule(code: str) -> Rule:
    """Return the rule of that code; raises KeyError where there is none."""
    return _rules()[code]


def rules() -> tuple[Rule, ...]:
    """All rules, by code."""
    return tuple(_rules().values())


def calls() -> tuple[Call, ...]:
    """All records."""
    # Imported at first use: a watched process that never stalls never pays for the records.
    from unjam.knowledge.calls import CALLS

    return CALLS


def by_code(code: str) -> tuple[Call, ...]:
    """All calls of that rule."""
    return _by_code().get(code, ())


def by_name(name: str) -> Call | None:
    """The record of a qualified name: the exact one first, else the longest `prefix.*`.

    A name without a dot is a builtin; a constructor is known by its class or by `__init__`.
    """
    names = _by_name()
    full = name if "." in name else f"builtins.{name}"
    exact = names.get(full) or names.get(full.removesuffix(".__init__")) or names.get(f"{full}.__init__")
    return exact or next((names[prefix] for prefix in _wildcards(full) if prefix in names), None)


def by_frame(module: str, function: str) -> Call | None:
    """The record of a frame on a Python stack; `module` is dotted, `function` the qualified name in it."""
    return _by_frame().get(f"{module}:{function}") or by_name(f"{module}.{function}")


def _wildcards(name: str) -> Iterator[str]:
    """The `prefix.*` that could cover `name`, longest first; what is private is no public callable of anything."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        if _private(parts[length]):
            return
        yield ".".join(parts[:length]) + ".*"


def _private(part: str) -> bool:
    return part.startswith("<") or (
        part.startswith("_") and part not in {"__init__", "__call__", "__enter__", "__exit__"}
    )


@cache
def _rules() -> dict[str, Rule]:
    from unjam.knowledge.rules import RULES

    return {each.code: each for each in RULES}


@cache
def _by_code() -> dict[str, tuple[Call, ...]]:
    return {code: tuple(call for call in calls() if call.rule == code) for code in _rules()}


@cache
def _by_name() -> dict[str, Call]:
    return {call.name: call for call in reversed(calls())}


@cache
def _by_frame() -> dict[str, Call]:
    return {frame: call for call in reversed(calls()) for frame in call.frames}
