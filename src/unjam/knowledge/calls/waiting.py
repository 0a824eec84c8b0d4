"""Waits for threads and processes: locks, queues, futures, and loops run inside loops."""

from __future__ import annotations

from unjam.knowledge.records import Call, Gil, Weight, family

_THREADING = "https://docs.python.org/3/library/threading.html"
_QUEUE = "https://docs.python.org/3/library/queue.html"
_FUTURES = "https://docs.python.org/3/library/concurrent.futures.html"
_PROCESSES = "https://docs.python.org/3/library/multiprocessing.html"
_LOOP = "https://docs.python.org/3/library/asyncio-eventloop.html"

CALLS: tuple[Call, ...] = (
    *(
        call
        for prefix in (
            "threading.Lock",
            "threading.RLock",
            "_thread.lock",
            "_thread.LockType",
            "_thread.RLock",
            "threading._RLock",
        )
        for call in family(
            prefix,
            "acquire __enter__",
            "UJ201",
            gil=Gil.RELEASES,
            remedy="short-lock",
            twin="asyncio.Lock.acquire",
            source=_THREADING + "#lock-objects",
        )
    ),
    *family(
        "threading.Condition",
        "wait wait_for acquire __enter__",
        "UJ201",
        gil=Gil.RELEASES,
        remedy="await-event",
        twin="asyncio.Condition.wait",
        source=_THREADING + "#condition-objects",
    ),
    *(
        call
        for prefix in ("threading.Semaphore", "threading.BoundedSemaphore")
        for call in family(
            prefix,
            "acquire __enter__",
            "UJ201",
            gil=Gil.RELEASES,
            remedy="lock-thread",
            twin="asyncio.Semaphore.acquire",
            frames=("threading:Semaphore.acquire",),
            source=_THREADING + "#semaphore-objects",
        )
    ),
    Call(
        "threading.Barrier.wait",
        "UJ201",
        Gil.RELEASES,
        remedy="lock-thread",
        twin="asyncio.Barrier.wait",
        source=_THREADING,
    ),
    *family(
        "multiprocessing.synchronize",
        "Lock.acquire RLock.acquire Semaphore.acquire BoundedSemaphore.acquire Condition.wait SemLock.__enter__ SemLock.acquire",
        "UJ201",
        gil=Gil.RELEASES,
        remedy="lock-thread",
        source=_PROCESSES + "#synchronization-primitives",
    ),
    *family(
        "filelock",
        "BaseFileLock.acquire BaseFileLock.__enter__ FileLock.acquire SoftFileLock.acquire UnixFileLock.acquire",
        "UJ201",
        gil=Gil.RELEASES,
        remedy="async-twin",
        twin="filelock.AsyncFileLock",
        frames=tuple(
            f"filelock.{module}:BaseFileLock.{method}"
            for module in ("_api", "_core._lock")  # up to and from 4.0 on
            for method in ("acquire", "__enter__")
        ),
        source="https://py-filelock.readthedocs.io/en/latest/",
    ),
    *family(
        "portalocker",
        "lock Lock.acquire Lock.__enter__",
        "UJ201",
        remedy="lock-thread",
        source="https://portalocker.readthedocs.io",
    ),
    *family("fasteners", "InterProcessLock.acquire InterProcessLock.__enter__", "UJ201", remedy="lock-thread"),
    Call(
        "redis.lock.Lock.acquire",
        "UJ201",
        Gil.RELEASES,
        remedy="async-twin",
        twin="redis.asyncio.lock.Lock.acquire",
        source="https://redis.readthedocs.io/en/stable/lock.html",
    ),
    *(
        call
        for prefix in ("queue.Queue", "queue.LifoQueue", "queue.PriorityQueue")
        for call in family(
            prefix,
            "get put join",
            "UJ202",
            gil=Gil.RELEASES,
            remedy="asyncio-queue",
            twin="asyncio.Queue.{name}",
            frames=("queue:Queue.{name}",),
            source=_QUEUE,
        )
    ),
    *(
        call
        for prefix in ("queue.SimpleQueue", "_queue.SimpleQueue")
        for call in family(
            prefix, "get", "UJ202", gil=Gil.RELEASES, remedy="asyncio-queue", twin="asyncio.Queue.get", source=_QUEUE
        )
    ),
    *family(
        "multiprocessing.queues",
        "Queue.get Queue.put JoinableQueue.join SimpleQueue.get SimpleQueue.put Queue.join_thread",
        "UJ202",
        gil=Gil.RELEASES,
        remedy="to-thread",
        source=_PROCESSES + "#pipes-and-queues",
    ),
    Call(
        "threading.Event.wait",
        "UJ203",
        Gil.RELEASES,
        remedy="await-event",
        twin="asyncio.Event.wait",
        source=_THREADING + "#event-objects",
    ),
    Call(
        "threading.Thread.join",
        "UJ203",
        Gil.RELEASES,
        remedy="await-thread",
        twin="asyncio.to_thread",
        frames=("threading:Thread._wait_for_tstate_lock",),
        source=_THREADING + "#threading.Thread.join",
    ),
    *family(
        "concurrent.futures.Future",
        "result exception",
        "UJ203",
        gil=Gil.RELEASES,
        remedy="await-future",
        twin="asyncio.wrap_future",
        frames=("concurrent.futures._base:Future.{name}",),
        source=_FUTURES + "#future-objects",
    ),
    Call(
        "concurrent.futures.wait",
        "UJ203",
        Gil.RELEASES,
        remedy="await-future",
        twin="asyncio.wait",
        frames=("concurrent.futures._base:wait",),
        source=_FUTURES + "#concurrent.futures.wait",
    ),
    Call(
        "concurrent.futures.as_completed",
        "UJ203",
        Gil.RELEASES,
        remedy="await-future",
        twin="asyncio.as_completed",
        frames=("concurrent.futures._base:as_completed",),
        source=_FUTURES + "#concurrent.futures.as_completed",
    ),
    *(
        call
        for prefix, module in (
            ("concurrent.futures.ThreadPoolExecutor", "thread:ThreadPoolExecutor"),
            ("concurrent.futures.ProcessPoolExecutor", "process:ProcessPoolExecutor"),
            ("concurrent.futures.Executor", "_base:Executor"),
        )
        for call in family(
            prefix,
            "shutdown __exit__",
            "UJ203",
            gil=Gil.RELEASES,
            remedy="end-pool-later",
            twin="loop.run_in_executor",
            frames=(f"concurrent.futures.{module}.{{name}}",),
            source=_FUTURES + "#concurrent.futures.Executor.shutdown",
        )
    ),
    Call(
        "concurrent.futures.Executor.map",
        "UJ203",
        Gil.RELEASES,
        weight=Weight.MILLISECONDS,
        remedy="await-future",
        twin="loop.run_in_executor",
        frames=(
            "concurrent.futures._base:Executor.map",
            "concurrent.futures._base:Executor.map.<locals>.result_iterator",
            "concurrent.futures._base:_result_or_cancel",
            "concurrent.futures.process:_chain_from_iterable_of_lists",
        ),
        source=_FUTURES + "#concurrent.futures.Executor.map",
    ),
    Call(
        "multiprocessing.Process.join",
        "UJ203",
        Gil.RELEASES,
        remedy="to-thread",
        frames=("multiprocessing.process:BaseProcess.join",),
        source=_PROCESSES + "#multiprocessing.Process.join",
    ),
    *family(
        "multiprocessing.pool.Pool",
        "map apply starmap join __exit__",
        "UJ203",
        gil=Gil.RELEASES,
        remedy="process-pool",
        source=_PROCESSES + "#multiprocessing.pool.Pool",
    ),
    *family(
        "multiprocessing.pool",
        "ApplyResult.get ApplyResult.wait IMapIterator.next",
        "UJ203",
        gil=Gil.RELEASES,
        source=_PROCESSES,
    ),
    *family(
        "multiprocessing.connection",
        "Connection.recv Connection.recv_bytes Connection.send Connection.send_bytes Connection.poll wait Client Listener.accept "
        "_ConnectionBase.recv _ConnectionBase.recv_bytes _ConnectionBase.send _ConnectionBase.send_bytes _ConnectionBase.poll",
        "UJ203",
        gil=Gil.RELEASES,
        remedy="to-thread",
        source=_PROCESSES + "#connection-objects",
    ),
    *family(
        "joblib",
        "Parallel.__call__",
        "UJ203",
        frames=("joblib.parallel:Parallel.__call__",),
        remedy="to-thread",
        source="https://joblib.readthedocs.io/en/stable/parallel.html",
    ),
    *family("celery.result", "AsyncResult.get AsyncResult.wait ResultSet.get", "UJ203", remedy="to-thread"),
    *family(
        "ray",
        "get wait",
        "UJ203",
        remedy="await-future",
        source="https://docs.ray.io/en/latest/ray-core/actors/async_api.html",
    ),
    *family(
        "dask.distributed",
        "Client.gather Future.result wait",
        "UJ203",
        remedy="async-client",
        twin="Client(asynchronous=True)",
    ),
    Call(
        "asyncio.run",
        "UJ205",
        remedy="await-instead",
        frames=("asyncio.runners:run", "asyncio.runners:Runner.run", "nest_asyncio:_patch_asyncio.<locals>.run"),
        source="https://docs.python.org/3/library/asyncio-runner.html#asyncio.run",
    ),
    Call(
        "asyncio.Runner.run",
        "UJ205",
        remedy="await-instead",
        source="https://docs.python.org/3/library/asyncio-runner.html",
    ),
    *family(
        "asyncio.AbstractEventLoop",
        "run_until_complete run_forever",
        "UJ205",
        remedy="await-instead",
        frames=(
            "asyncio.base_events:BaseEventLoop.{name}",
            "asyncio.events:AbstractEventLoop.{name}",
            "nest_asyncio:_patch_loop.<locals>.{name}",
        ),
        source=_LOOP,
    ),
    *family("asyncio.BaseEventLoop", "run_until_complete run_forever", "UJ205", remedy="await-instead", source=_LOOP),
    Call("uvloop.run", "UJ205", remedy="await-instead", source="https://github.com/MagicStack/uvloop"),
    Call(
        "anyio.run",
        "UJ205",
        remedy="await-instead",
        frames=("anyio._core._eventloop:run",),
        source="https://anyio.readthedocs.io/en/stable/api.html#anyio.run",
    ),
    Call(
        "anyio.from_thread.run",
        "UJ205",
        remedy="await-instead",
        source="https://anyio.readthedocs.io/en/stable/threads.html",
    ),
    Call(
        "asgiref.sync.async_to_sync",
        "UJ205",
        remedy="await-instead",
        frames=("asgiref.sync:AsyncToSync.__call__",),
        source="https://docs.djangoproject.com/en/stable/topics/async/#async-to-sync",
    ),
    Call(
        "asgiref.sync.AsyncToSync.__call__",
        "UJ205",
        remedy="await-instead",
        source="https://docs.djangoproject.com/en/stable/topics/async/",
    ),
)
