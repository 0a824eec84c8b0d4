"""Which classes a Protocol stands for: those of the project that have its methods, with the same parameters."""

from __future__ import annotations

from collections import defaultdict

from unjam.static.program import Program

MOST_MEANT = 6
"""Classes that have the methods of one protocol: with more, those are too common to say which of them is meant."""


def implementations(program: Program) -> dict[str, tuple[str, ...]]:
    """The methods of protocols by symbol, with those of the classes that fit; classes that inherit are overrides anyway."""
    protocols = set(_protocols(program))
    if not protocols:
        return {}
    owners: dict[str, list[str]] = defaultdict(list)
    for owner, methods in program.methods.items():
        if owner not in protocols:
            for name in methods:
                owners[name].append(owner)
    found: dict[str, tuple[str, ...]] = {}
    for protocol in protocols:
        wanted = program.methods.get(protocol, {})
        fitting = [owner for owner in _smallest(wanted, owners) if _fits(program, owner, wanted)]
        if 0 < len(fitting) <= MOST_MEANT:
            found |= {
                symbol: tuple(program.methods[owner][name] for owner in fitting) for name, symbol in wanted.items()
            }
    return found


def _protocols(program: Program) -> list[str]:
    """The classes that name Protocol among their own bases."""
    named = []
    for outline in program.outlines.values():
        module = program.facts.modules.get(outline.path)
        for name, bases in outline.bases.items():
            if module is not None and any(base.rpartition(".")[2] == "Protocol" for base in bases):
                named.append(f"{module.name}:{name}")
    return named


def _smallest(wanted: dict[str, str], owners: dict[str, list[str]]) -> list[str]:
    return min((owners.get(name, []) for name in wanted), key=len, default=[])


def _fits(program: Program, owner: str, wanted: dict[str, str]) -> bool:
    methods = program.methods[owner]
    return all(name in methods and _alike(program, symbol, methods[name]) for name, symbol in wanted.items())


def _alike(program: Program, one: str, other: str) -> bool:
    mine, yours = program.functions[one].scope, program.functions[other].scope
    return mine.is_async == yours.is_async and mine.parameters == yours.parameters
