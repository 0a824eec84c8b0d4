"""Pools of unjam.bridge in the graph, at moments that no program keeps still for."""

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest

from unjam.bridge import Channel, Pool, bulkhead, workqueue
from unjam.probes.waits import Collector


def graph_of_the_running_loop():
    """CPython 3.14 has no list of all tasks: whoever collects says which loops there are, as the monitor does."""
    loop = asyncio.get_running_loop()
    return Collector(loops=lambda: [(loop, threading.get_ident())]).collect()


def test_a_call_is_queued_also_where_its_thread_has_not_come_yet(monkeypatch):
    """A machine without a free CPU lets a thread that was started wait before it says which it is: its calls are no orphans."""
    monkeypatch.setattr(bulkhead.Thread, "start", lambda _thread: None)

    async def main():
        task = asyncio.ensure_future(Pool("late", 1).run(int))
        await asyncio.sleep(0)
        graph = graph_of_the_running_loop()
        task.cancel()
        return graph

    graph = asyncio.run(main())
    pools = [key for key, node in graph.nodes.items() if node.kind == "executor" and "late" in node.label]
    assert len(pools) == 1
    assert [edge.verb for edge in graph.edges if edge.target == pools[0]] == ["is queued in"]


@pytest.mark.parametrize("alone", [True, False], ids=["by its bell", "by its queue"])
def test_a_thread_without_a_call_is_idle(alone, monkeypatch):
    """However it is to be woken, a pool's thread that has nothing to do waits for nobody."""
    monkeypatch.setattr(workqueue, "TRAFFIC", SimpleNamespace(alone=alone))

    async def main():
        pool = Pool(f"idle-{alone}", 1)
        await pool.run(int)
        ends = time.monotonic() + 20
        while time.monotonic() < ends:
            graph = Collector().collect()
            [state] = [
                node.facts["state"] for node in graph.nodes.values() if node.label == f"thread {pool._bulkhead.name}-0"
            ]
            if state == "idle worker":
                break
            await asyncio.sleep(0.001)
        return state

    assert asyncio.run(main()) == "idle worker"


def test_who_waits_for_a_channel_waits_for_those_who_have_it():
    """At either end: the future is no orphan, the channel is where its end comes from."""

    async def main():
        empty, full = Channel(1), Channel(1)
        full.put(1)
        tasks = [asyncio.ensure_future(empty.aget()), asyncio.ensure_future(full.aput(2))]
        await asyncio.sleep(0)
        graph = graph_of_the_running_loop()
        for task in tasks:
            task.cancel()
        return graph

    graph = asyncio.run(main())
    ends = {
        edge.verb: graph.nodes[edge.source] for edge in graph.edges if graph.nodes[edge.target].label == "a Channel"
    }
    assert {"waits for an item of", "waits for room in"} == ends.keys()
    assert [("future", None)] * 2 == [(node.kind, node.facts.get("setter")) for node in ends.values()]
