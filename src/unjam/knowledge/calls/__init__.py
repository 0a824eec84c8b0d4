"""The records of blocking calls, one file an area."""

from __future__ import annotations

from unjam.knowledge.calls import (
    computing,
    crunching,
    databases,
    files,
    http_clients,
    logs,
    network,
    platforms,
    processes,
    remote,
    services,
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
    *http_clients.CALLS,
    *databases.CALLS,
    *services.CALLS,
    *platforms.CALLS,
    *remote.CALLS,
    *computing.CALLS,
    *crunching.CALLS,
    *logs.CALLS,
)
"""All records; of two with the same frame the first counts."""

__all__ = ["CALLS"]
