"""Collects the wait-for graph of the own process: facts only, in short slices; what they mean is decided elsewhere."""

from __future__ import annotations

import gc
import os
import platform
import sys
import time
import weakref
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from unjam.model.findings import Grade
from unjam.model.waits import TURN, Graph
from unjam.native.frames import OWN_MEMORY, has_others
from unjam.native.originals import get_ident
from unjam.probes.waits_again import looked_again
from unjam.probes.waits_bridge import look_at_bridge, look_at_channels
from unjam.probes.waits_doubt import doubt
from unjam.probes.waits_loops import look_at_loops, loop_key
from unjam.probes.waits_memory import Memory
from unjam.probes.waits_objects import Resolver
from unjam.probes.waits_read import Identities, number, own_dict, text, type_name
from unjam.probes.waits_scene import Claim, Scene
from unjam.probes.waits_setters import look_for_setters
from unjam.probes.waits_tasks import TaskSeen, all_tasks, look_at_task
from unjam.probes.waits_threads import Seen, job_name, look_at_threads

GREEN: Final = ("gevent.hub", "eventlet.hubs")
"""Modules that are imported where greenlets take the place of threads."""
MOST_TASKS: Final = 20_000
"""Tasks looked at in one collection; what is left out is counted."""


def no_loops() -> Iterable[tuple[Any, int]]:
    """Return no loops: what is known where nobody records them."""
    return ()


class Collector:
    """Collects again and again, so that two graphs of one collector can be compared: numbers of objects stay theirs.

    `loops` gives loops with the idents of the threads that run them. One thread at a time may collect.
    """

    def __init__(self, *, loops: Callable[[], Iterable[tuple[Any, int]]] = no_loops) -> None:
        self._loops = loops
        self._identities = Identities()
        self._memory: Memory | None = None
        self._seen_loops: list[weakref.ref[Any]] = []

    def collect(self, *, suspects: Collection[str] = (), with_tasks: bool = True) -> Graph:
        """Return who waits for whom now. Leaves out the calling thread.

        Without tasks it is who waits for whom among threads: that takes the same however many tasks there are.

        `suspects` are the keys of nodes that seemed stuck in a graph of this collector before: what might yet be ended by
        something alive is then looked into.
        """
        began = time.monotonic_ns()
        if self._memory is None:
            self._memory = Memory()
        self._identities.forget_dead()
        self._memory.forget()
        scene = Scene(self._memory, self._identities)
        told = list(self._loops())
        threads = look_at_threads(scene, leave_out=get_ident())
        tasks = self._tasks(scene, told, threads) if with_tasks else []
        loops = look_at_loops(scene, told, threads, tasks)
        look_at_bridge(scene, threads)
        look_at_channels(scene)
        resolver = Resolver(scene, jobs(scene, threads))
        _join_threads(scene, resolver, threads)
        _join_tasks(scene, resolver, threads, tasks)
        if with_tasks:
            look_for_setters(scene, threads, tasks)
        if suspects:
            doubt(scene, threads, tasks, loops, suspects)
        return scene.graph(
            pid=os.getpid(),
            python=platform.python_version(),
            t=began,
            not_observed=(*self._not_observed(threads), *scene.unseen),
        )

    def look_again(self, first: Graph) -> Graph:
        """Return a graph of this collector in which nothing is stuck, told which of its threads and tasks have moved."""
        assert self._memory is not None
        scene = Scene(self._memory, self._identities)
        loops = [loop for reference in self._seen_loops if (loop := reference()) is not None]
        return looked_again(scene, first, all_tasks(loops)[:MOST_TASKS], time.monotonic_ns())

    def key_of(self, task: Any) -> str:
        """Return the key that a task has in the graphs of this collector."""
        return f"task:{self._identities.serial(task)}"

    def close(self) -> None:
        """Give descriptors back."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _tasks(self, scene: Scene, told: list[tuple[Any, int]], threads: list[Seen]) -> list[TaskSeen]:
        loops = [loop for loop, _ in told] + [
            loop for seen in threads for loop in (seen.loop, seen.runner_loop) if loop
        ]
        self._seen_loops = list(_weakly(loops))
        listed = all_tasks(loops)
        if len(listed) > MOST_TASKS:
            scene.truncated["tasks"] = len(listed) - MOST_TASKS
        found: list[TaskSeen] = []
        for task in listed[:MOST_TASKS]:
            seen = look_at_task(scene, task)
            if seen is not None:
                found.append(seen)
            scene.pause()
        return found

    def _not_observed(self, threads: list[Seen]) -> tuple[str, ...]:
        found: list[str] = []
        if self._memory is not None and self._memory.reason:
            found.append(f"holders of locks taken by `with`: {self._memory.reason}")
        if OWN_MEMORY and has_others():
            found.append(
                "threads: another interpreter runs in this process, and asking CPython for all frames could end it"
            )
        if any(seen.kernel.state == "unreadable" for seen in threads):
            found.append("what the kernel says of a waiting thread: /proc/self/task/*/syscall is not readable")
        green = next((name for name in GREEN if name in sys.modules), None)
        if green is not None:
            found.append(
                f"greenlets: {green.partition('.')[0]} runs many in one thread, and only the one that runs now is seen"
            )
        return tuple(found)


def _weakly(loops: Iterable[Any]) -> Iterable[weakref.ref[Any]]:
    for loop in loops:
        try:
            yield weakref.ref(loop)
        except TypeError:
            continue  # One of another make; its tasks are looked at once.


def jobs(scene: Scene, threads: list[Seen]) -> dict[int, tuple[str, str]]:
    """Add the thread pools; returns for each job's future who runs it or has it queued, and the name of its function."""
    found: dict[int, tuple[str, str]] = {}
    workers: dict[int, list[Seen]] = {}
    pools: dict[int, tuple[Any, Any]] = {}
    for seen in threads:
        for executor, queue in seen.pools:
            workers.setdefault(id(executor), []).append(seen)
            pools[id(executor)] = (executor, queue)
    for address, (executor, queue) in pools.items():
        key = f"executor:{scene.identities.serial(executor)}"
        queued = queued_jobs(queue)
        found |= {id(future): (key, name) for future, name in queued}
        _add_pool(scene, key, executor, workers[address], len(queued))
    found |= {id(seen.job): (seen.key, seen.job_name) for seen in threads if seen.job is not None}
    return found


def queued_jobs(queue: Any) -> list[tuple[Any, str]]:
    """Return the futures and names of the work items in an executor's SimpleQueue, in order."""
    items = gc.get_referents(queue)
    items = next((list(inside) for inside in items if type(inside) is list), items)
    fields = [own_dict(item) for item in items if type_name(item) == "concurrent.futures.thread._WorkItem"]
    return [(item["future"], job_name(item)) for item in fields if "future" in item]


def _add_pool(scene: Scene, key: str, executor: Any, workers: list[Seen], queued: int) -> None:
    limit = number(executor, "_max_workers") or 0
    name = text(own_dict(executor).get("_thread_name_prefix")) or "?"
    full = len(workers) >= limit > 0
    busy = sum(worker.job is not None for worker in workers)
    scene.add(
        key,
        "executor",
        f"thread pool {name}",
        needs="any",
        sig=str(len(workers)),
        workers=len(workers),
        limit=limit,
        queued=queued,
        busy=busy,
    )
    for worker in workers if full else ():
        scene.edge(key, Claim(worker.key, "needs a free worker:", Grade.EXACT, "its worker threads"))


def _join_threads(scene: Scene, resolver: Resolver, threads: list[Seen]) -> None:
    for seen in threads:
        facts = {"ident": seen.ident, "state": _state(seen)}
        claim = resolver.claim(seen.target) if seen.target is not None else None
        if claim is not None:
            facts["waits"] = claim.why
        scene.add(seen.key, "thread", seen.label, needs="all", sig=seen.sig, stack=seen.stack, **facts)
        if claim is not None:
            unread = seen.kernel.state == "unreadable"
            grade = min(claim.grade, Grade.INFERRED) if unread else claim.grade
            scene.edge(seen.key, Claim(claim.key, claim.verb, grade, claim.why, seen.site), ends_ms=seen.ends_ms)
        scene.pause()


def _state(seen: Seen) -> str:
    if seen.parked:
        return "in the select of its loop"
    if seen.target is not None:
        return "idle worker" if seen.target[0] == "idle" else "waits"
    return {"running": "runs", "call": "in a system call", "futex": "waits"}.get(seen.kernel.state, "unknown")


def _join_tasks(scene: Scene, resolver: Resolver, threads: list[Seen], tasks: list[TaskSeen]) -> None:
    frames = {address: seen for seen in threads for address in seen.frames}
    for task in tasks:
        on = next((frames[address] for address in task.frames if address in frames), None) if task.running else None
        claim = resolver.claim(task.target) if task.target is not None and not task.running else None
        facts: dict[str, Any] = {
            "coroutine": task.coroutine,
            "state": "runs" if task.running else "waits" if claim else "ready",
        }
        scene.add(task.key, "task", task.label, needs="all", sig=task.sig, stack=task.stack, **facts)
        if on is not None:
            scene.edge(task.key, Claim(on.key, "runs on", Grade.EXACT, "its frame is on that stack", task.site))
        elif not task.running:
            if claim is not None:
                scene.edge(
                    task.key, Claim(claim.key, claim.verb, claim.grade, claim.why, task.site), ends_ms=task.ends_ms
                )
            if task.loop is not None:
                scene.edge(task.key, Claim(loop_key(scene, task.loop), TURN, Grade.EXACT, "its loop"))
        scene.pause()
