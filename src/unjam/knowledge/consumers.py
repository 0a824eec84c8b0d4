"""What goes through an iterable that it is given: a generator's body runs there and then."""

from __future__ import annotations

CONSUMERS = frozenset(
    [
        "list",
        "tuple",
        "set",
        "frozenset",
        "dict",
        "sorted",
        "sum",
        "any",
        "all",
        "max",
        "min",
        "next",
        "enumerate",
        "zip",
        "map",
        "filter",
        "iter",
        "reversed",
        "join",
        "extend",
        "update",
        "writelines",
        "fromkeys",
        "chain",
        "islice",
        "deque",
    ]
)
"""Functions and methods that run the generator that they are given."""
