"""The ways to look facts up: by rule code, by qualified name, by frame."""

from __future__ import annotations

from unjam.knowledge.records import Call, Rule


def rule(code: str) -> Rule:
    """Return the rule of that code; raises KeyError where there is none."""
    raise KeyError(code)


def rules() -> tuple[Rule, ...]:
    """All rules, by code."""
    return ()


def by_code(code: str) -> tuple[Call, ...]:
    """All calls of that rule."""
    return tuple(call for call in calls() if call.rule == code)


def by_name(name: str) -> Call | None:
    """The record of a qualified name: the exact one first, else the longest `prefix.*`."""
    del name
    return None


def by_frame(module: str, function: str) -> Call | None:
    """The record of a frame on a Python stack; `module` is dotted, `function` the qualified name in it."""
    del module, function
    return None


def calls() -> tuple[Call, ...]:
    """All records."""
    return ()
