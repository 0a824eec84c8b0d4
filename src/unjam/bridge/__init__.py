"""Bounded pools and channels between threads and loops.

    pool, options          a bulkhead as users see it; how its calls are treated
    bulkhead, workers      the bound itself; its threads
    calls, supervision     one call on its way; time limits and callers that leave
    lineage, waiting       who waits for whom; from a thread to a loop and back
    portal, channel        a way onto one loop; a queue between threads and loops
    ports, _anyio          the way back onto an asyncio loop; onto trio
"""

from __future__ import annotations

from unjam.bridge.channel import Channel
from unjam.bridge.events import PoolEvent
from unjam.bridge.pool import Pool
from unjam.bridge.portal import Portal, loop_thread
from unjam.bridge.waiting import wait
from unjam.bridge.workers import cancelled

__all__ = ["Channel", "Pool", "PoolEvent", "Portal", "cancelled", "loop_thread", "wait"]
