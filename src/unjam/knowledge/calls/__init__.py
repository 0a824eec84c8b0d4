"""The records of blocking calls, one file an area."""

from __future__ import annotations

from unjam.knowledge.calls import (
    computing,
    files,
    logs,
    network,
    processes,
    sleeping,
    waiting,
)
from unjam.knowledge.records import Call

CALLS: tuple[Call, ...] = (
    *sleeping.CALLS,
    *files.CALLS,
    *network.CALLS,
    *processes.CALLS,
    *waiting.CALLS,
    *computing.CALLS,
    *logs.CALLS,
)
"""All records; of two with the same frame the first counts."""

__all__ = ["CALLS"]
