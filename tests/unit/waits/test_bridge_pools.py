"""Pools of unjam.bridge in the graph, at moments that no program keeps still for."""

import asyncio

from unjam.bridge import Pool, bulkhead
from unjam.probes.waits import Collector


def test_a_call_is_queued_also_where_its_thread_has_not_come_yet(monkeypatch):
    """A machine without a free CPU lets a thread that was started wait before it says which it is: its calls are no orphans."""
    monkeypatch.setattr(bulkhead.Thread, "start", lambda _thread: None)

    async def main():
        task = asyncio.ensure_future(Pool("late", 1).run(int))
        await asyncio.sleep(0)
        graph = Collector().collect()
        task.cancel()
        return graph

    graph = asyncio.run(main())
    pools = [key for key, node in graph.nodes.items() if node.kind == "executor" and "late" in node.label]
    assert len(pools) == 1
    assert [edge.verb for edge in graph.edges if edge.target == pools[0]] == ["is queued in"]
