"""From what somebody waits for to who would end that wait: futures, locks, queues, pools, limiters."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from unjam.model.findings import Grade
from unjam.model.waits import GET, JOIN, PUT
from unjam.native.frames import current_frames
from unjam.probes.locks import inner_lock, recorded_holder
from unjam.probes.waits_bridge import lane_claim, request_claim
from unjam.probes.waits_memory import RLOCK_OWNER, RLOCK_TYPE
from unjam.probes.waits_read import MISSING, exactly, is_a, number, own_dict, read, text, type_name
from unjam.probes.waits_scene import Claim, Scene, location
from unjam.probes.waits_tasks import is_task, task_key
from unjam.probes.waits_threads import thread_key

if TYPE_CHECKING:
    from unjam.probes.waits_table import Target

MOST_CHILDREN: Final = 10_000
"""Futures followed of one gather() or wait()."""


class Resolver:
    """Adds the nodes and edges behind a wait; every object is looked at once."""

    def __init__(self, scene: Scene, jobs: dict[int, tuple[str, str]]) -> None:
        self._scene = scene
        self._jobs = jobs
        """By address of a concurrent future: the thread that runs it or the executor that has it queued, and its function."""
        self._readers: dict[str, Any] = {}
        """By kind of wait: the method of this class that says what it is for."""
        self._todo: list[tuple[str, Any]] = []
        self._seen: set[str] = set()

    def claim(self, target: Target) -> Claim | None:
        """Return the claim on what a wait is for, and add what lies behind it; None where that says nothing."""
        kind, value = target
        found = self._readers.get(kind, MISSING)
        if found is MISSING:
            found = self._readers[kind] = getattr(self, "_" + kind.replace(".", "_"), None)
        first = found(value) if found is not None else None
        while self._todo:
            name, waiting = self._todo.pop()
            getattr(self, name)(waiting)
            self._scene.pause()
        return first

    def _new(self, key: str) -> bool:
        fresh = key not in self._seen
        self._seen.add(key)
        return fresh

    # What threads wait for.

    def _lock(self, lock: Any) -> Claim:
        scene = self._scene
        key = scene.lock_key(lock) or f"lock:{id(lock):x}"
        if self._new(key):
            kind = "RLock" if is_a(inner_lock(lock), RLOCK_TYPE) else "Lock"
            self._add_lock(key, f"threading.{kind}", lock)
        if scene.memory.reason:
            return Claim(key, "waits for", Grade.EXACT, "the thread is in its acquire()")
        return Claim(key, "waits for", Grade.PROVED, "the kernel: its futex is this lock")

    def _add_lock(self, key: str, kind: str, lock: Any) -> None:
        scene = self._scene
        holders = list(scene.holders.get(key, ()))
        recorded = self._recorded(lock)
        if recorded is not None:
            holders = [recorded]
        elif is_a(lock, RLOCK_TYPE):
            holders = self._rlock_owner(lock, holders)
        elif scene.memory.locked(scene.memory.state(id(inner_lock(lock)))) is False:
            holders = []
        self._held(key, kind, lock, holders)

    def _held(self, key: str, kind: str, lock: Any, holders: list[Claim], **facts: Any) -> None:
        """Add a lock. Two who both seem to hold it are a contradiction: then nobody is named."""
        scene = self._scene
        name = scene.name_of(lock)
        label = f"{kind} `{name}`" if name else f"a {kind} at {id(lock):#x}"
        keys = {holder.key for holder in holders}
        owner = "" if len(keys) == 1 else "unknown" if not keys else "contradictory"
        scene.objects[key] = lock
        scene.add(key, "lock", label, needs="all", sig=f"{id(lock):x}", **(facts | ({"owner": owner} if owner else {})))
        if len(keys) == 1:
            scene.edge(key, max(holders, key=lambda claim: claim.grade))

    def _rlock_owner(self, lock: Any, holders: list[Claim]) -> list[Claim]:
        """An RLock knows its owner's ident; an ident is used again, so a frame that holds it says more."""
        scene = self._scene
        ident = 0 if scene.memory.reason else scene.memory.word(id(lock) + RLOCK_OWNER)
        if not ident:
            return [] if not scene.memory.reason else holders
        owner = threading._active.get(ident)  # type: ignore[attr-defined]
        frames = current_frames()
        if frames and ident not in frames:
            key = scene.add(f"ended:{ident}", "ended", "a thread that has ended")
            return [Claim(key, "is held by", Grade.EXACT, "the lock's owner field; no thread has that ident now")]
        key = thread_key(scene, ident, owner)
        # A task that holds it ran on that thread when it took it.
        same = [claim for claim in holders if claim.key == key or claim.key.startswith("task")]
        return same or [Claim(key, "is held by", Grade.INFERRED, "the lock's owner field, a thread ident")]

    def _recorded(self, lock: Any) -> Claim | None:
        """Return the recorded holder: the task if it was one, else the thread; one that has ended will not release it."""
        scene = self._scene
        holder = recorded_holder(lock)
        if holder is None:
            return None
        seconds = (time.monotonic_ns() - holder.since) / 1e9
        why, site = f"recorded when it was taken, {seconds:.1f} s ago", location(holder.code, holder.line)
        task = holder.task() if holder.task is not None else None
        thread = holder.thread() if holder.thread is not None else None
        grade = Grade.PROVED
        if task is not None and _pending(task):
            key = task_key(scene, task)
        elif holder.task is not None:
            key = scene.add(f"ended:{holder.since}", "ended", "a task that has ended")
        elif holder.thread is None:  # A thread that threading does not know: another one may have its ident by now.
            key, grade = thread_key(scene, holder.ident, threading._active.get(holder.ident)), Grade.SUSPECTED  # type: ignore[attr-defined]
        elif thread is not None and threading._active.get(holder.ident) is thread:  # type: ignore[attr-defined]
            key = thread_key(scene, holder.ident, thread)
        else:
            name = f" {text(own_dict(thread).get('_name'))}" if thread is not None else ""
            key = scene.add(f"ended:{holder.since}", "ended", f"thread{name}, which has ended")
        return Claim(key, "is held by", grade, why, site)

    def _futex(self, address: int) -> Claim | None:
        """Return the claim on a lock that no frame names: known only if somebody holds it in a `with`."""
        key = f"lock:{address:x}"
        scene = self._scene
        if key not in scene.holders and key not in scene.nodes:
            return None
        if self._new(key):
            holders = scene.holders[key]
            scene.add(key, "lock", f"a lock at {address:#x}", needs="all", sig=key)
            if len({claim.key for claim in holders}) == 1:
                scene.edge(key, holders[0])
        return Claim(key, "waits for", Grade.PROVED, "the kernel: its futex is this lock")

    def _thread(self, thread: Any) -> Claim | None:
        ident = own_dict(thread).get("_ident")
        key = thread_key(self._scene, ident if type(ident) is int else 0, thread)
        return Claim(key, "waits for the end of", Grade.EXACT, "Thread.join")

    def _shutdown(self, _: Any) -> Claim | None:
        """The interpreter waits at its end for all threads that are not daemons."""
        scene = self._scene
        key = scene.add("shutdown", "shutdown", "the end of all threads", needs="all", sig="shutdown")
        for ident, thread in dict(threading._active).items():  # type: ignore[attr-defined]
            if own_dict(thread).get("_daemonic") is False and not is_a(thread, threading._MainThread):  # type: ignore[attr-defined]
                scene.edge(
                    key, Claim(thread_key(scene, ident, thread), "needs the end of", Grade.EXACT, "not a daemon")
                )
        return Claim(key, "waits for", Grade.EXACT, "threading._shutdown")

    # Futures.

    def _cfuture(self, future: Any) -> Claim:
        key = f"cfuture:{self._scene.identities.serial(future)}"
        if self._new(key):
            self._todo.append(("_add_cfuture", future))
        return Claim(key, "waits for", Grade.EXACT, "Future.result")

    def _add_cfuture(self, future: Any) -> None:
        scene = self._scene
        fields = own_dict(future)
        key = f"cfuture:{scene.identities.serial(future)}"
        state = fields.get("_state")
        if state not in {"PENDING", "RUNNING"}:
            scene.add(key, "future", "a future that is done", sig="done")
            return
        job, function = self._jobs.get(id(future), (None, ""))
        label = f"the pool's job {function}()" if function else self._named(future, "a concurrent future")
        scene.add(key, "future", label, needs="any", sig=str(state))
        if job is not None:
            queued = job.startswith("executor")
            verb = "is queued in" if queued else "runs on"
            why = "the executor's queue" if queued else "the worker's _WorkItem"
            scene.edge(key, Claim(job, verb, Grade.EXACT, why))
            return
        self._set_by(key, future, fields.get("_done_callbacks"))

    def _future(self, future: Any) -> Claim | None:
        if future is None or future is MISSING:
            return None
        if is_task(future):
            return Claim(task_key(self._scene, future), "waits for", Grade.EXACT, "awaits it")
        if self._is_cfuture(future):
            return self._cfuture(future)
        key = f"future:{self._scene.identities.serial(future)}"
        if self._new(key):
            self._todo.append(("_add_future", future))
        return Claim(key, "waits for", Grade.EXACT, "the task's _fut_waiter")

    def _io(self, future: Any) -> Claim | None:
        """Return the claim on I/O, unless the future behind it is known to come from somewhere else."""
        claim = self._future(future)
        if claim is None or self._source(future, read(future, "_callbacks")) is not None:
            return claim
        key = self._scene.add(f"io:{id(future):x}", "io", "network or pipe I/O")
        return Claim(key, "waits for", Grade.EXACT, "an asyncio transport or stream")

    def _is_cfuture(self, value: Any) -> bool:
        return is_a(value, getattr(sys.modules.get("concurrent.futures._base"), "Future", None))

    def _add_future(self, future: Any) -> None:
        scene = self._scene
        key = f"future:{scene.identities.serial(future)}"
        if read(future, "_state") != "PENDING":
            scene.add(key, "future", "a future that is done", sig="done")
            return
        children = read(future, "_children")
        if type(children) is list:
            self._all_of(key, "a gather()", children)
            return
        label = scene.calls.get(id(future)) or self._named(future, "a future")
        scene.add(key, "future", label, needs="any")
        self._set_by(key, future, read(future, "_callbacks"))

    def _set_by(self, key: str, future: Any, callbacks: Any) -> None:
        """Add edges to whatever is known to set a future; none: it is an orphan as far as can be seen."""
        scene = self._scene
        source = self._source(future, callbacks)
        claims = list(scene.setters.get(id(future), ()))
        if source is not None:
            claim = self._future(source)
            claims += [Claim(claim.key, "is set by", Grade.EXACT, "chained futures")] if claim else []
        elif id(future) not in scene.calls:
            scene.objects[key] = future
        for claim in claims:
            scene.edge(key, claim)
        if not claims:
            scene.know(key, setter="unknown")
            scene.want(key, future)

    def _source(self, future: Any, callbacks: Any) -> Any:
        """Return the future that another one copies: asyncio.futures._chain_future, asyncio.shield (closures of callbacks)."""
        if type(callbacks) is not list:
            return None
        for entry in callbacks:
            callback = entry[0] if type(entry) is tuple and entry else entry
            if type(callback) is not FunctionType:
                continue
            wanted = _COPIES.get((callback.__module__, callback.__code__.co_qualname))
            free = callback.__code__.co_freevars
            if wanted in free and callback.__closure__ is not None:
                inner = callback.__closure__[free.index(wanted)].cell_contents
                return inner if inner is not future else None
        return None

    def _all_of(self, key: str, label: str, children: list[Any]) -> None:
        """Add something that ends when all of these do, or by one that fails: it is stuck only if all of them are."""
        scene = self._scene
        pending = [child for child in children[:MOST_CHILDREN] if _pending(child)]
        scene.add(key, "future", f"{label} of {len(children)}", needs="any", pending=len(pending))
        for child in pending:
            claim = self._future(child)
            if claim is not None:
                scene.edge(key, Claim(claim.key, "needs", Grade.EXACT, "one of its futures"))
            scene.pause()

    def _futures(self, futures: Any) -> Claim | None:
        if not exactly(futures, _CONTAINERS):
            return None
        key = f"futures:{id(futures):x}"
        if self._new(key):
            self._all_of(key, "a wait()", list(futures))
        return Claim(key, "waits for", Grade.EXACT, "wait()")

    def _taskgroup(self, group: Any) -> Claim | None:
        tasks = read(group, "_tasks")
        if tasks is MISSING:  # anyio keeps them in the group's cancel scope
            tasks = read(read(group, "cancel_scope"), "_tasks")
        if type(tasks) is not set:
            return None
        key = f"taskgroup:{id(group):x}"
        if self._new(key):
            self._all_of(key, "a TaskGroup", list(tasks))
        return Claim(key, "waits for", Grade.EXACT, "TaskGroup.__aexit__")

    def _named(self, value: Any, label: str) -> str:
        name = self._scene.name_of(value)
        return f"{label} `{name}`" if name else label

    def _lane(self, lane: Any) -> Claim:
        return lane_claim(self._scene, lane)

    def _bridge(self, request: Any) -> Claim:
        return request_claim(self._scene, request)

    # Primitives. Who would notify, set or release one is known only where something at hand says so.

    def _alock(self, lock: Any) -> Claim:
        key = f"alock:{self._scene.identities.serial(lock)}"
        if self._new(key):
            locked = read(lock, "_locked") is True
            recorded = self._recorded(lock)
            holders = [recorded] if recorded else self._scene.holders.get(f"held:{id(lock):x}", [])
            self._held(key, "asyncio.Lock", lock, list(holders) if locked else [], locked=locked)
        return Claim(key, "waits for", Grade.EXACT, "Lock.acquire")

    def _anyiolock(self, lock: Any) -> Claim:
        key = f"alock:{self._scene.identities.serial(lock)}"
        if self._new(key):
            owner = read(lock, "_owner_task")
            known = is_task(owner)
            holder = (
                [Claim(task_key(self._scene, owner), "is held by", Grade.PROVED, "anyio records it")] if known else []
            )
            self._held(key, "anyio.Lock", lock, holder)
        return Claim(key, "waits for", Grade.EXACT, "Lock.acquire")

    def _asemaphore(self, semaphore: Any) -> Claim:
        return self._permits("asyncio", semaphore)

    def _semaphore(self, semaphore: Any) -> Claim:
        return self._permits("threading", semaphore)

    def _permits(self, module: str, semaphore: Any) -> Claim:
        """A semaphore is stuck only if all its holders are; a plain one does not know how many permits it began with."""
        scene = self._scene
        key = f"semaphore:{scene.identities.serial(semaphore)}"
        if self._new(key):
            kind = "BoundedSemaphore" if type_name(semaphore).endswith("BoundedSemaphore") else "Semaphore"
            holders = scene.holders.get(f"held:{id(semaphore):x}", [])
            bound = number(semaphore, "_bound_value") or number(semaphore, "_initial_value")
            value = number(semaphore, "_value")
            scene.objects[key] = semaphore
            blocked = value == 0 and bound in {None, len(holders)}
            scene.add(
                key, "semaphore", self._named(semaphore, f"{module}.{kind}"), needs="any", value=value, permits=bound
            )
            for holder in holders if blocked else ():
                grade = holder.grade if bound else min(holder.grade, Grade.SUSPECTED)
                scene.edge(key, Claim(holder.key, holder.verb, grade, holder.why, holder.site))
        return Claim(key, "waits for", Grade.EXACT, "Semaphore.acquire")

    def _event(self, event: Any) -> Claim:
        return self._signal("threading.Event", event, own_dict(event).get("_flag"))

    def _aevent(self, event: Any) -> Claim:
        return self._signal("asyncio.Event", event, own_dict(event).get("_value"))

    def _signal(self, label: str, event: Any, flag: Any) -> Claim:
        """An event is set by whoever is known to hold a reference to its set(); that may not be all."""
        scene = self._scene
        key = f"event:{scene.identities.serial(event)}"
        if self._new(key):
            scene.objects[key] = event
            scene.add(key, "event", self._named(event, label), needs="any", set=flag is True)
            if flag is False:
                scene.want(key, event)
                for claim in scene.setters.get(id(event), ()):
                    scene.edge(key, claim)
        return Claim(key, "waits for", Grade.EXACT, f"{label}.wait")

    def _plain(self, kind: str, label: str, value: Any) -> Claim:
        key = f"{kind}:{self._scene.identities.serial(value)}"
        if self._new(key):
            self._scene.add(key, kind, self._named(value, label))
        return Claim(key, "waits for", Grade.EXACT, label)

    def _condition(self, condition: Any) -> Claim:
        return self._plain("condition", "threading.Condition", condition)

    def _acondition(self, condition: Any) -> Claim:
        return self._plain("condition", "asyncio.Condition", condition)

    def _barrier(self, barrier: Any) -> Claim:
        return self._plain("barrier", "a Barrier", barrier)

    def _timer(self, _: Any) -> Claim:
        if self._new("timer"):
            self._scene.add("timer", "timer", "a timer")
        return Claim("timer", "waits for", Grade.EXACT, "asyncio.sleep")

    def _process(self, _: Any) -> Claim:
        key = self._scene.add("process", "process", "another process")
        return Claim(key, "waits for", Grade.EXACT, "waits for a child process")

    # Queues.

    def _queue_get(self, queue: Any) -> Claim:
        return self._queue(queue, GET)

    def _queue_put(self, queue: Any) -> Claim:
        return self._queue(queue, PUT)

    def _queue_join(self, queue: Any) -> Claim:
        return self._queue(queue, JOIN)

    _aqueue_get, _aqueue_put, _aqueue_join = _queue_get, _queue_put, _queue_join

    def _queue(self, queue: Any, verb: str) -> Claim:
        scene = self._scene
        key = f"queue:{scene.identities.serial(queue)}"
        if self._new(key):
            scene.objects[key] = queue
            store = read(queue, "queue")
            items = read(queue, "_queue") if store is MISSING else store
            scene.add(
                key,
                "queue",
                self._named(queue, type_name(queue).replace("asyncio.queues.", "asyncio.")),
                needs="any",
                size=len(items) if exactly(items, (deque, list)) else None,
                unfinished=_either(queue, "unfinished_tasks", "_unfinished_tasks"),
                maxsize=_either(queue, "maxsize", "_maxsize"),
            )
        if verb != GET:
            scene.want(key, queue)
        return Claim(key, verb, Grade.EXACT, "the queue of the waiting call")

    # Limiters.

    def _limiter(self, limiter: Any) -> Claim:
        """An anyio CapacityLimiter: stuck only if every token is held by a task that is."""
        scene = self._scene
        key = f"limiter:{scene.identities.serial(limiter)}"
        if self._new(key):
            borrowers = read(limiter, "_borrowers")
            total = read(limiter, "_total_tokens")
            tasks = [b for b in list(borrowers) if is_task(b)] if type(borrowers) is set else []
            full = type(borrowers) is set and len(tasks) == len(borrowers) == total
            scene.add(
                key,
                "limiter",
                self._named(limiter, "anyio.CapacityLimiter"),
                needs="any",
                tokens=_plain_number(total),
                borrowed=len(tasks),
            )
            for task in tasks if full else ():
                scene.edge(key, Claim(task_key(scene, task), "is held by", Grade.PROVED, "anyio records it"))
        return Claim(key, "waits for a token of", Grade.EXACT, "CapacityLimiter.acquire")


_CONTAINERS: Final = (list, tuple, set, frozenset)
_COPIES: Final = {
    ("asyncio.futures", "_chain_future.<locals>._call_check_cancel"): "source",
    ("asyncio.tasks", "shield.<locals>._outer_done_callback"): "inner",
}


def _pending(future: Any) -> bool:
    state = read(future, "_state")
    return type(state) is str and state in {"PENDING", "RUNNING"}


def _either(value: Any, *names: str) -> int | None:
    return next((found for name in names if (found := number(value, name)) is not None), None)


def _plain_number(value: Any) -> float | None:
    return value if type(value) is int or type(value) is float else None
