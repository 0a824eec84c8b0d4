"""What is left of a time-out, and what is waited for below one."""

import asyncio
import queue
import threading
import time

import pytest

from unjam.probes.waits import Collector

LIMIT_S = 600.0


def until_seen(wanted):
    """A graph that holds what is wanted, and that."""
    while True:
        graph = Collector().collect()
        found = wanted(graph)
        if found:
            return graph, found


def test_the_rest_of_a_time_out_is_told():
    """Where the function that waits keeps its end, and not how long it may wait in all."""
    waited = queue.Queue()
    thread = threading.Thread(target=waited.get, kwargs={"timeout": LIMIT_S}, name="getter")
    thread.start()

    def edges(graph):
        own = {key for key, node in graph.nodes.items() if node.kind == "thread" and "getter" in node.label}
        return [edge for edge in graph.edges if edge.source in own and edge.ends_ms is not None]

    _, (before,) = until_seen(edges)
    time.sleep(0.2)
    _, (after,) = until_seen(edges)
    waited.put(None)
    thread.join()
    assert before.ends_ms <= LIMIT_S * 1e3
    assert after.ends_ms < before.ends_ms - 190


@pytest.mark.parametrize("limit", [None, LIMIT_S])
def test_a_task_in_wait_for_waits_for_what_is_inside(limit):
    """CPython 3.11 waits for a task that it makes; from 3.12 on the coroutine is awaited itself, and no future is there."""

    async def waiter(event):
        await asyncio.wait_for(event.wait(), limit)

    async def main():
        event = asyncio.Event()
        task = asyncio.create_task(waiter(event), name="the waiter")
        await asyncio.sleep(0)

        def edges(graph):
            own = {key for key, node in graph.nodes.items() if node.kind == "task" and "the waiter" in node.label}
            return [edge for edge in graph.edges if edge.source in own]

        graph, found = await asyncio.to_thread(until_seen, edges)
        event.set()
        await task
        return [graph.nodes[edge.target] for edge in found]

    targets = asyncio.run(main())
    assert [target for target in targets if "done" in target.label] == []
    assert [target for target in targets if "Event" in target.label or target.kind == "task"] != []


def test_threads_are_seen_without_the_tasks():
    """Who only asks for the holder of a lock does not pay for ten thousand tasks."""
    gate, done = threading.Lock(), threading.Event()

    def hold():
        with gate:
            done.wait()

    async def main():
        task = asyncio.create_task(asyncio.sleep(600))
        threads = [threading.Thread(target=hold, name="holder"), threading.Thread(target=gate.acquire, name="waiter")]
        threads[0].start()
        while not gate.locked():
            time.sleep(0.001)
        threads[1].start()
        held = []
        while not held:
            graph = await asyncio.to_thread(Collector().collect, with_tasks=False)
            held = [graph.nodes[edge.target].label for edge in graph.edges if edge.verb == "is held by"]
        done.set()
        for thread in threads:
            thread.join()
        task.cancel()
        return held, [node for node in graph.nodes.values() if node.kind == "task"]

    held, tasks = asyncio.run(main())
    assert held == ["thread holder"]
    assert tasks == []
