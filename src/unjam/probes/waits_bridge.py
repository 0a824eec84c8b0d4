"""Pools of unjam.bridge in the graph: who runs and who queues in them, and for which coroutine a thread sits in `wait`.

A call's future is set by the thread that has the call: the one that runs it, or the one that serves it while it waits itself. A call
that nobody has is queued in its pool. The bridge's objects are our own, so their attributes may be read; what users gave them may not.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

from unjam.model.findings import Grade
from unjam.probes.waits_loops import loop_key
from unjam.probes.waits_read import callable_name, text, type_name
from unjam.probes.waits_scene import Claim, Scene
from unjam.probes.waits_tasks import is_task, task_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unjam.probes.waits_threads import Seen


def look_at_bridge(scene: Scene, threads: list[Seen]) -> None:
    """Add every pool of the bridge that has threads, and note for each call's future who will set it."""
    module = sys.modules.get("unjam.bridge.bulkhead")
    living = getattr(module, "living", None)  # None while another thread is still importing it
    by_ident = {seen.ident: seen for seen in threads}
    for pool in living() if living is not None else ():
        workers = [worker for worker in list(pool.workers) if worker.ident in by_ident]
        if workers or pool.waiting:  # a thread that has just been started may not have come to say which it is
            _add_pool(scene, pool, workers, by_ident)
        scene.pause()


def look_at_channels(scene: Scene) -> None:
    """Note for each task that waits at an end of a channel that others end its wait: whoever has the channel, as with any queue."""
    module = sys.modules.get("unjam.bridge.channel")
    existing = getattr(module, "existing", None)  # None while another thread is still importing it
    for channel in existing() if existing is not None else ():
        ends = ((channel._getters, "waits for an item of"), (channel._putters, "waits for room in"))
        for waiters, verb in ends:
            for waiter in waiters.copy():
                future = getattr(waiter, "future", None)
                if future is not None:
                    _add_channel_wait(scene, channel, future, verb)
        scene.pause()


def _add_channel_wait(scene: Scene, channel: Any, future: Any, verb: str) -> None:
    key = f"queue:{scene.identities.serial(channel)}"
    if key not in scene.nodes:
        scene.add(key, "queue", "a Channel", needs="any", size=len(channel._items), maxsize=channel.capacity)
    scene.setters.setdefault(id(future), []).append(Claim(key, verb, Grade.EXACT, "the channel's waiters"))


def _add_pool(scene: Scene, pool: Any, workers: list[Any], by_ident: dict[int, Seen]) -> None:
    key = f"executor:{scene.identities.serial(pool)}"
    waiting = pool.waiting.copy()
    queued = sum(call.counted for call in waiting)
    busy = sum(worker.call is not None for worker in workers)
    counts = {"workers": len(workers), "limit": pool.limit, "queued": queued, "busy": busy}
    scene.add(key, "executor", f"the pool {text(pool.name, '?')}", needs="any", sig=str(len(workers)), **counts)
    scene.objects[key] = pool
    if len(workers) >= pool.limit:
        for worker in workers:
            claim = Claim(by_ident[worker.ident].key, "needs a free worker:", Grade.EXACT, "its worker threads")
            scene.edge(key, claim)
    for call in waiting:
        places = tuple(getattr(call, "offers", ()))  # a set that its own threads change
        lent = [found for place in places if (found := getattr(place, "worker", None)) is not None]
        if call.counted or not lent:  # the first calls of a held thread wait until it comes
            _set_by(scene, call, key, "is queued in", "the pool's queue")
        for worker in lent:
            if worker.ident in by_ident:
                _set_by(scene, call, by_ident[worker.ident].key, "is lent to", "offered to the loop in that thread")
    for worker in workers:
        thread = by_ident[worker.ident].key
        for call in _stacked(worker):
            _set_by(scene, call, thread, "runs on", "the worker's call")
            for given in _given(call.frame):
                _set_by(scene, given, thread, "is given to", "what the waiting thread is to serve")


def _stacked(worker: Any) -> Iterator[Any]:
    """Yield the call that a thread runs, and those below it that it helps."""
    call = worker.call
    while call is not None:
        yield call
        call = call.outer


def _given(frame: Any) -> list[Any]:
    """Return the calls in the box of a thread that serves while it waits (SimpleQueue: a list up to 3.12, its items from 3.13)."""
    if frame is None:
        return []
    inside = gc.get_referents(frame.box)
    items = next((list(each) for each in inside if type(each) is list), inside)
    return [item[0] for item in items if type(item) is tuple and item and item[0] is not None]


def _set_by(scene: Scene, call: Any, key: str, how: str, why: str) -> None:
    claims = scene.setters.setdefault(id(call.future), [])
    function = callable_name(call.fn if call.target is None else call.target)
    scene.calls[id(call.future)] = f"the call {function or '?'}()"
    claims.append(Claim(key, how, Grade.EXACT, why))
    if call.bounded:
        timer = scene.add("timer", "timer", "a timer")
        claims.append(Claim(timer, "is ended by", Grade.EXACT, "the call has a time-out"))


def request_claim(scene: Scene, request: Any) -> Claim:
    """Return the claim of a thread that sits in `unjam.bridge.wait`, and add what it waits for."""
    key = f"wait:{scene.identities.serial(request)}"
    coroutine = callable_name(request.afn) or "?"
    if key not in scene.nodes:
        scene.add(key, "future", f"the outcome of {coroutine}()", needs="any", sig=str(request.task is None))
        task, loop = request.task, getattr(request.port, "loop", None)
        if request.finished:
            return Claim(key, "waits for", Grade.EXACT, "unjam.bridge.wait")
        if is_task(task):
            scene.edge(key, Claim(task_key(scene, task), "comes from", Grade.EXACT, "the task of the wait"))
        elif task is None and loop is not None:
            scene.edge(key, Claim(loop_key(scene, loop), "has yet to begin on", Grade.EXACT, "posted to that loop"))
    return Claim(key, "waits for", Grade.EXACT, "unjam.bridge.wait")


def lane_claim(scene: Scene, lane: Any) -> Claim:
    """Return the claim of a thread that is held and has nothing to do, and add who holds it: the task in the body of its `async with`.

    Where no such block is seen - an exit stack that is closed by hand, an object without a `with` - nobody is named, and anybody
    might end it.
    """
    key = f"lane:{scene.identities.serial(lane)}"
    keeper = lane.keeper()
    if key not in scene.nodes:
        what = "pinned object" if type_name(keeper).endswith("Pinned") else "acontext"
        scene.add(key, "lane", f"the end of the {what} in `async with`", needs="all", sig=key)
        scene.objects[key] = keeper
        holders = scene.holders.get(f"held:{id(keeper):x}", []) if keeper is not None else []
        if len({holder.key for holder in holders}) == 1:
            scene.edge(key, holders[0]._replace(verb="comes with the end of the body in"))
    return Claim(key, "is held until", Grade.EXACT, "unjam.bridge keeps a thread for it")
