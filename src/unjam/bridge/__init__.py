"""Bounded pools and channels between threads and loops.

pool, options            a bulkhead as users see it; how its calls are treated (arguments: what is refused)
bulkhead, workers        the bound itself; its threads (workqueue: how they are woken)
calls, supervision       one call on its way; time limits (deadlines) and callers that leave
lanes                    a thread that is held: contexts (acontext), pinned
iteration                a synchronous iterator, a batch for each hop
lineage, waiting         who waits for whom; from a thread to a loop and back (bells: how it is woken)
standstill               pools that wait for each other, and who gets them going
portal, channel          a way onto one loop; a queue between threads and loops
remote                   functions that run in a process, an interpreter
stats, naming, events    what a pool is doing (frames: where), how its calls are told; what it tells
ports, _anyio            the way back onto an asyncio loop; onto trio
"""

from __future__ import annotations

from unjam.bridge.channel import Channel
from unjam.bridge.events import PoolEvent
from unjam.bridge.pinned import Pinned
from unjam.bridge.pool import Pool
from unjam.bridge.portal import Portal, loop_thread
from unjam.bridge.stats import Histogram, PoolCounts, PoolStats, RunningCall, pool_counts, pools
from unjam.bridge.waiting import wait
from unjam.bridge.workers import cancelled

__all__ = [
    "Channel",
    "Histogram",
    "Pinned",
    "Pool",
    "PoolCounts",
    "PoolEvent",
    "PoolStats",
    "Portal",
    "RunningCall",
    "cancelled",
    "loop_thread",
    "pool_counts",
    "pools",
    "wait",
]
