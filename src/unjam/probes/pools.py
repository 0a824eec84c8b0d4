"""Thread pools: how long calls queue for a worker, and what holds the workers meanwhile.

Three kinds of pool are seen: every ThreadPoolExecutor (the default executor of asyncio and asgiref's single thread are such),
anyio's capacity limiter, and the pools of unjam.bridge. A call costs one object and two clock
reads; names are made only for calls that queued for at least the threshold, or that others queued behind.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from _thread import get_ident
from typing import Any

from unjam.model.lines import encode, printable
from unjam.probes.bridge_pools import BridgePools
from unjam.probes.patching import ImportWatch, Patches
from unjam.probes.pool_state import UNLIMITED, Depth, Job, Living, PoolState
from unjam.probes.pool_totals import PoolTotals
from unjam.probes.submitters import submitter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from unjam.probes.pool_totals import PoolTotal


class Pools:
    """The pools of this process. `tick` is called about once a second and emits what has gathered since."""

    def __init__(self, emit: Callable[[bytes], None], *, threshold_ns: int) -> None:
        self._emit = emit
        self._threshold_ns = threshold_ns
        self._patches = Patches()
        self._executors = Living()
        self._limiters = Living()
        self._bridge = BridgePools(threshold_ns)
        self._of_thread: dict[int, PoolState] = {}
        self._totals = PoolTotals()
        self._looking = threading.Lock()
        self._counts_waits = False
        self._installed = False

    def install(self, imports: ImportWatch) -> None:
        """Watch executors and limiters as soon as their modules are imported."""
        self._installed = True
        imports.when_imported("concurrent.futures.thread", self._patch_executors)
        imports.when_imported("anyio._backends._asyncio", self._patch_anyio)
        imports.when_imported("unjam.bridge.pool", self._patch_bridge)

    def uninstall(self) -> None:
        """Undo what is still ours; calls under way end uncounted."""
        self._installed = False
        self._patches.undo()

    def tick(self) -> None:
        """Emit one `pool` and some `poolcall` events for each pool in which somebody waited for at least the threshold."""
        names = {thread.ident or 0: printable(thread.name) for thread in list(threading._active.values())}  # type: ignore[attr-defined]
        for executor, state in self._executors.items():
            self._tell(state, _depth_of_queue(executor._work_queue), names)
        for limiter, state in self._limiters.items():
            state.limit = _tokens(limiter)
            self._tell(state, _depth(list(state.waiting)), names)
        with self._looking:
            ended = self._executors.take_ended() + self._limiters.take_ended()
            for state in ended:
                self._totals.keep(state)
        for state in ended:
            self._tell(state, Depth(queued=0, oldest=0), names)
        for state, depth in self._bridge.look():
            self._tell(state, depth, names)

    def count_waits(self) -> None:
        """Count from now on how long each call queues: some tenths of a microsecond a call."""
        self._counts_waits = True
        for _, state in [*self._executors.items(), *self._limiters.items()]:
            state.count_waits()

    def totals(self) -> list[PoolTotal]:
        """The pools of this process now, summed up by name; a pool that has not run anything yet is none of them."""
        with self._looking:
            living = [(state, executor._work_queue.qsize()) for executor, state in self._executors.items()]
            living += [(state, len(state.waiting)) for _, state in self._limiters.items()]
            for state in [*self._executors.ended, *self._limiters.ended]:
                self._totals.keep(state)
                state.waits = None
            bridge = sys.modules.get("unjam.bridge")
            return self._totals.sums(living, () if bridge is None else bridge.pool_counts())

    def after_fork_in_child(self) -> None:
        """Forget the parent's workers: none of them is in the child, and what the parent counted is the parent's."""
        self._executors, self._limiters = Living(), Living()
        self._of_thread.clear()
        self._bridge.after_fork_in_child()
        self._totals = PoolTotals()
        self._looking = threading.Lock()

    def waited_ns(self, job: Job) -> int:
        """How long a call has queued, or did queue before it started."""
        return (job.started or time.monotonic_ns()) - job.submitted

    def _tell(self, state: PoolState, depth: Depth, names: dict[int, str]) -> None:
        for event in state.events(depth, names):
            self._emit(encode(event))

    def _patch_executors(self, module: ModuleType) -> None:
        if not self._installed:
            return
        self._patches.replace(module._WorkItem, "__init__", _submitting)
        self._patches.replace(module._WorkItem, "run", self._running)
        self._patches.replace(module, "_worker", self._working)

    def _patch_anyio(self, module: ModuleType) -> None:
        if self._installed:
            self._patches.replace(module.AsyncIOBackend, "run_sync_in_worker_thread", self._limiting)

    def _patch_bridge(self, module: ModuleType) -> None:
        if self._installed:
            self._bridge.patch(self._patches, module)

    def _working(self, original: Callable[..., None]) -> Callable[..., None]:
        def _worker(executor_reference: Any, /, *rest: Any) -> None:
            executor = executor_reference()
            if executor is not None:
                self._of_thread[get_ident()] = self._state_of(executor)
            del executor  # The worker must not keep alive the executor whose end it waits for.
            try:
                original(executor_reference, *rest)
            finally:
                self._of_thread.pop(get_ident(), None)

        return _worker

    def _running(self, original: Callable[..., None]) -> Callable[..., None]:
        state_of = self._of_thread.get

        def run(item: Any, /, *rest: Any) -> None:
            ident = get_ident()
            state = state_of(ident)
            job = getattr(item.future, "_unjam_job", None)
            if state is None or job is None:
                original(item, *rest)
                return
            state.started(job, ident)
            try:
                if rest:
                    original(item, *rest)
                else:
                    original(item)  # spreading nothing costs a tenth of a microsecond
            finally:
                state.ended(job, ident)

        return run

    def _limiting(self, original: classmethod[Any, Any, Any]) -> classmethod[Any, Any, Any]:
        pools = self

        async def run_sync_in_worker_thread(cls: Any, func: Any, /, *args: Any, **options: Any) -> Any:
            state = pools._state_of_limiter(options.get("limiter"), cls)
            unjam_job = Job(func, submitter(sys._getframe(1)))
            state.waiting.add(unjam_job)
            try:
                return await original.__get__(None, cls)(_Timed(func, unjam_job, state), *args, **options)
            finally:
                state.waiting.discard(unjam_job)

        return classmethod(run_sync_in_worker_thread)

    def _state_of(self, executor: Any) -> PoolState:
        state = self._executors.get(executor)
        if state is None:
            name, kind = _named(executor)
            state = PoolState(name, kind, limit=executor._max_workers, threshold_ns=self._threshold_ns)
            self._add(self._executors, executor, state)
        return state

    def _state_of_limiter(self, given: Any, backend: Any) -> PoolState:
        limiter = backend.current_default_thread_limiter() if given is None else given
        state = self._limiters.get(limiter)
        if state is None:
            name = "anyio's default thread limiter" if given is None else "an anyio thread limiter"
            state = PoolState(name, "anyio", limit=_tokens(limiter), threshold_ns=self._threshold_ns)
            self._add(self._limiters, limiter, state)
        return state

    def _add(self, living: Living, pool: Any, state: PoolState) -> None:
        if self._counts_waits:
            state.count_waits()
        living.add(pool, state)


class _Timed:
    """A function on its way through anyio's limiter to a worker thread."""

    __slots__ = ("_function", "_job", "_state")

    def __init__(self, function: Callable[..., Any], job: Job, state: PoolState) -> None:
        self._function = function
        self._job = job
        self._state = state

    def __call__(self, *args: Any) -> Any:
        ident = get_ident()
        self._state.waiting.discard(self._job)
        self._state.started(self._job, ident)
        try:
            return self._function(*args)
        finally:
            self._state.ended(self._job, ident)


def _submitting(original: Callable[..., None]) -> Callable[..., None]:
    frame = sys._getframe

    def __init__(self: Any, future: Any, fn: Any, args: Any, kwargs: Any) -> None:  # noqa: N807 -- it replaces one
        original(self, future, fn, args, kwargs)
        future._unjam_job = Job(fn, submitter(frame(2)))

    def init_with_task(self: Any, future: Any, task: Any) -> None:
        original(self, future, task)
        plain = task[0] if type(task) is tuple and task else task
        future._unjam_job = Job(plain, submitter(frame(2)))

    return init_with_task if sys.version_info >= (3, 14) else __init__


def _named(executor: Any) -> tuple[str, str]:
    asgiref = sys.modules.get("asgiref.sync")
    if asgiref is not None and executor is asgiref.SyncToAsync.single_thread_executor:
        return "asgiref's single thread", "asgiref"
    prefix = executor._thread_name_prefix
    if prefix == "asyncio":
        return "asyncio's default executor", "executor"
    return printable(prefix), "executor"


def _depth_of_queue(queue: Any) -> Depth:
    queued = queue.qsize()
    jobs = [job for job in map(_job_of, _items(queue)) if job is not None] if queued else []
    return _depth(jobs)


def _depth(jobs: list[Job]) -> Depth:
    now = time.monotonic_ns()
    return Depth(len(jobs), max((now - job.submitted for job in jobs), default=0))


def _tokens(limiter: Any) -> float:
    total = limiter._total_tokens
    return total if type(total) is int else UNLIMITED


def _items(queue: Any) -> list[Any]:
    """What a SimpleQueue holds, without taking it: its list up to 3.12, its items from 3.13."""
    found = gc.get_referents(queue)
    return [*found, *(item for held in found if type(held) is list for item in held)]


def _job_of(item: Any) -> Job | None:
    work_item = sys.modules["concurrent.futures.thread"]._WorkItem
    job = getattr(item.future, "_unjam_job", None) if type(item) is work_item else None
    return job if type(job) is Job else None
