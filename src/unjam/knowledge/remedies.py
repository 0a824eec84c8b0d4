"""What to do about a blocking call, each with what it costs: one place, so that every half of unjam advises the same."""

from __future__ import annotations

import re
from collections.abc import Mapping

from unjam.knowledge.records import Advice

REMEDIES: dict[str, Advice] = {
    # Waiting for time and for others.
    "asyncio-sleep": Advice(
        "await asyncio.sleep(...) instead of {leaf}",
        "other tasks run meanwhile: what they change must be read again afterwards",
    ),
    "async-twin": Advice(
        "await {twin} instead of {leaf}",
        "the callers up to the nearest coroutine become async; the client object is kept open and shared, not made per call",
    ),
    "to-thread": Advice(
        "await asyncio.to_thread({leaf}, ...)",
        "moves the wait to the default pool of min(32, CPUs + 4) threads: a thread is held for each call, and calls queue when "
        "all are busy; give the call a time-out",
    ),
    "whole-to-thread": Advice(
        "move the whole of {function} into one await asyncio.to_thread(...), not each call in it",
        "one hop of about 100 us instead of one a call; the function must not touch the loop's own objects",
    ),
    "sync-endpoint": Advice(
        "if {function} awaits nothing else, declare it def instead of async def: FastAPI and Starlette call it in a thread then",
        "it then runs in anyio's pool of 40 threads, which all such endpoints and dependencies share",
    ),
    # Files.
    "file-thread": Advice(
        "await asyncio.to_thread(...) around the whole piece of file work that {leaf} belongs to",
        "a hop to a thread costs about 100 us, so a look-up of some microseconds on a local disk is better left alone; "
        "disk threads share the default pool",
    ),
    "read-once": Advice(
        "read it once at start-up and keep the result",
        "memory, and changes on disk are seen at the next start only",
    ),
    "tls-context-once": Advice(
        "make one ssl.SSLContext at start-up, in a thread, and hand it to every client (httpx: verify=context)",
        "a context is shared by all clients: certificates changed on disk are seen at the next start only",
    ),
    # Names and servers.
    "async-dns": Advice(
        "await loop.getaddrinfo(...) instead of {leaf}",
        "it runs in the default thread pool, where it queues behind other work; a resolver such as aiodns needs no thread",
    ),
    "async-streams": Advice(
        "await asyncio.open_connection(...), the loop's sock_* methods, or loop.connect_read_pipe(...) for a pipe, instead of {leaf}",
        "reading becomes a stream of awaits: messages must be delimited by the protocol, not by the call",
    ),
    "async-server": Advice(
        "await asyncio.start_server(...) instead of {leaf}",
        "handlers become coroutines: one blocking handler then stalls all connections",
    ),
    "async-client": Advice(
        "use the async client of the same library: {twin}",
        "its own connection pool, opened once on the running loop and closed with it; callers become async",
    ),
    "client-once": Advice(
        "make the client once at start-up, outside the loop or in a thread, and share it",
        "the first start takes the time; what the client reads from disk is not read again",
    ),
    "process-api": Advice(
        "await asyncio.create_subprocess_exec(...) and await process.communicate() instead of {leaf}",
        "the loop must be the one that watches children (the main thread's by default up to Python 3.11); no shell quoting "
        "is done for you",
    ),
    "stdin-thread": Advice(
        "read in a thread: await asyncio.to_thread(input) or loop.connect_read_pipe(...) on sys.stdin",
        "a thread that waits for a person cannot be cancelled: the program ends only after the next line",
    ),
    # Databases.
    "database-async": Advice(
        "use an async driver: {twin}",
        "connections belong to one loop, transactions span awaits, and the ORM's lazy loading stops working silently",
    ),
    "database-thread": Advice(
        "do the whole transaction in one await asyncio.to_thread(...)",
        "one thread and one connection for each transaction in flight: bound both by the same number",
    ),
    "sqlite-thread": Advice(
        "give SQLite one thread of its own (aiosqlite, or a ThreadPoolExecutor of one) and do whole transactions there",
        "writers are one after the other, as SQLite's lock makes them anyway; a connection belongs to its thread unless "
        "check_same_thread=False",
    ),
    "sqlite-wal": Advice(
        "switch the file to WAL (PRAGMA journal_mode=WAL) and keep write transactions short",
        "readers no longer wait for the writer; two more files beside the database, not on network file systems",
    ),
    # Locks, queues, futures.
    "asyncio-lock": Advice(
        "asyncio.Lock where only tasks of one loop share the data",
        "it does not exclude threads, and it is fair: waiters run in the order in which they came",
    ),
    "short-lock": Advice(
        "hold the lock only for the few statements that need it; do slow work before or after",
        "the state may have changed between two critical sections",
    ),
    "lock-thread": Advice(
        "take the lock in a thread, together with the work it protects: await asyncio.to_thread(...)",
        "a pool thread waits instead of the loop: when many wait, the pool is full",
    ),
    "asyncio-queue": Advice(
        "asyncio.Queue where both ends are on the loop; between a thread and the loop unjam.bridge.Channel or "
        "loop.call_soon_threadsafe(queue.put_nowait, item)",
        "call_soon_threadsafe knows no back-pressure: bound the queue on the loop's side",
    ),
    "await-future": Advice(
        "await asyncio.wrap_future(future) instead of {leaf}",
        "the awaiting task can be cancelled, the running call cannot",
    ),
    "await-thread": Advice(
        "let the thread's result come as an awaitable: await asyncio.to_thread(...) instead of starting and joining",
        "runs in the default pool; threads that live as long as the program are joined after the loop has ended",
    ),
    "end-pool-later": Advice(
        "keep the pool for as long as the program runs and shut it down after the loop has ended, or await "
        "asyncio.to_thread(pool.shutdown) instead of {leaf}",
        "its threads stay, idle; whoever shuts it down still waits for what it was given",
    ),
    "await-event": Advice(
        "asyncio.Event, set from other threads by loop.call_soon_threadsafe(event.set)",
        "an asyncio.Event belongs to one loop",
    ),
    "await-instead": Advice(
        "await the coroutine: make {function} async, or start it by asyncio.create_task(...) and return",
        "the callers up to the nearest coroutine become async",
    ),
    "release-before-await": Advice(
        "end the with block before the await, or use asyncio.Lock",
        "state read before the await may be stale after it; asyncio.Lock does not exclude threads",
    ),
    # Work for the CPU.
    "native-thread": Advice(
        "await asyncio.to_thread({leaf}, ...): it releases the GIL, so the loop runs meanwhile",
        "the default pool's threads are shared with file and DNS work; as many at once as there are CPUs, not more",
    ),
    "process-pool": Advice(
        "await loop.run_in_executor(ProcessPoolExecutor(...), function, ...), with a pool made once at start-up",
        "arguments and results are pickled, some 10 MB take longer than the work may be worth; each process takes its own memory",
    ),
    "slice-work": Advice(
        "do it in slices of some milliseconds with await asyncio.sleep(0) between them",
        "takes longer in all; other tasks see the half-done state",
    ),
    "smaller-data": Advice(
        "give it less: page, stream or limit the input, cache the result, or reject what is too big",
        "a change of the interface for those who send or read the data",
    ),
    "faster-json": Advice(
        "a faster encoder (orjson, msgspec): five to ten times less time",
        "it keeps the GIL as well, so it moves the limit, it does not remove it; other types and options than json's",
    ),
    "better-regex": Advice(
        "bound the input and rewrite the pattern without nested repeats (possessive quantifiers and atomic groups since 3.11)",
        "a pattern needs tests of its own; google-re2 runs in linear time but knows fewer constructs",
    ),
    "better-algorithm": Advice(
        "do less of it: profile {function}, index instead of scanning, compute once instead of per call",
        "your time, and memory for what is kept",
    ),
    # The interpreter's own work.
    "gc-freeze": Advice(
        "gc.collect() and gc.freeze() once after start-up, so that long-lived objects are never walked again",
        "what is frozen is never collected if it becomes cyclic garbage; do it after all imports and caches are filled",
    ),
    "close-before-collected": Advice(
        "close what waits when it is freed where it was used, not by the collector: cursors, connections, files, processes "
        "(contextlib.closing, with)",
        "somebody has to know when it is no longer needed",
    ),
    "free-in-pieces": Advice(
        "let it go in pieces, or keep less at once: its last reference frees every object in it, one after the other",
        "the code that holds it has to know its parts; in a thread it would keep the GIL just the same",
    ),
    "break-the-cycle": Advice(
        "break the cycle that keeps it (weakref for the reference back, del of a caught exception), so that it ends with its last use",
        "the cycle has to be found: gc.set_debug(gc.DEBUG_SAVEALL) and gc.garbage at a quiet moment show it",
    ),
    "gc-threshold": Advice(
        "collect the oldest generation less often: gc.set_threshold(50_000, 20, 100), or gc.collect() at a quiet moment",
        "cyclic garbage stays longer: memory grows between collections",
    ),
    "fewer-cycles": Advice(
        "make fewer objects that live long: arrays instead of lists of dicts, slots, weakref for back references",
        "a change of the data model",
    ),
    "no-explicit-collect": Advice(
        "leave gc.collect() out of requests; where it is needed, call it at a quiet moment",
        "memory is returned later",
    ),
    "import-early": Advice(
        "import it at the top of the module, or once at start-up before the loop serves",
        "start-up takes the time instead, also for those who never use the feature",
    ),
    "import-thread": Advice(
        "await asyncio.to_thread(importlib.import_module, name) before the first use",
        "an import keeps the GIL for much of its time, so the loop still suffers a part; modules with thread-affine state may mind",
    ),
    "queue-handler": Advice(
        "logging.handlers.QueueHandler on the loop, QueueListener in a thread with the slow handler (3.12: dictConfig knows both)",
        "the last records are lost if the process is killed; the queue needs a bound",
    ),
    "less-logging": Advice(
        "log less on this path, or at a level that is off",
        "less to read when something goes wrong",
    ),
    # The loop's own work.
    "spread-steps": Advice(
        "start fewer at once: bound the fan-out by asyncio.Semaphore or work through a queue with a fixed number of workers",
        "each batch takes as long as before, the whole longer; the rest of the program keeps its turn",
    ),
    "cheaper-steps": Advice(
        "do the same work in fewer callbacks: one timer for all, one task that handles a batch",
        "one failure in a batch must not lose the others",
    ),
    "yield-sometimes": Advice(
        "await asyncio.sleep(0) after every so many rounds of the loop in {function}",
        "one turn of the loop each time, some 10 us",
    ),
    "batch-calls": Advice(
        "one call instead of many: executemany, a join, a pipeline, one read of the whole",
        "a bigger answer to hold in memory at once",
    ),
    # Others who take what the loop needs.
    "hog-process": Advice(
        "move the work of thread {thread} to a process: ProcessPoolExecutor, or a worker outside this program",
        "arguments and results are pickled; each process takes its own memory",
    ),
    "hog-slices": Advice(
        "make the thread's work shorter at a time: slices with time.sleep(0) between them, or a library that releases the GIL",
        "takes longer in all; sys.setswitchinterval helps against bytecode only, never against a native call",
    ),
    "more-cpu": Advice(
        "raise the CPU limit of the container or unit, or run fewer processes and threads on this machine",
        "money, or throughput elsewhere; a quota below one CPU always stops the loop for whole periods",
    ),
    "fewer-threads": Advice(
        "start no more busy threads than the quota has CPUs (OMP_NUM_THREADS, pool sizes, workers)",
        "less parallel work inside one process",
    ),
    "leave-suspended": Advice(
        "nothing in the program: the process or the machine was stopped from outside",
        "time-outs that ran meanwhile may fire at once",
    ),
    # Pools and time-outs.
    "own-pool": Advice(
        "give slow calls a pool of their own (a ThreadPoolExecutor or unjam.bridge.Pool of their own), so that short ones such as DNS "
        "never queue behind them",
        "threads; one more number to choose: calls a second times seconds a call",
    ),
    "bigger-pool": Advice(
        "make the pool bigger (asyncio: loop.set_default_executor; anyio: current_default_thread_limiter().total_tokens)",
        "each thread takes memory and, while it computes, the GIL; what is behind it (connections, a server) must bear the number",
    ),
    "shorter-pool-calls": Advice(
        "make what occupies the workers shorter: a time-out on each call, an async client instead of a thread",
        "calls that are cut off must be safe to repeat",
    ),
    "fix-the-stall": Advice(
        "fix what kept the loop away and leave the time-out as it is; raising it only hides the stall",
        "none for the time-out; see the finding that it names",
    ),
    # Waits that never end.
    "lock-order": Advice(
        "take the locks in the same order everywhere, or only one at a time",
        "one more rule to keep; an assertion in tests finds those who break it",
    ),
    "bounded-wait": Advice(
        "give the wait a time-out and handle its end",
        "a time-out turns a hang into an error, it does not remove the cycle",
    ),
    "no-wait-in-worker": Advice(
        "never wait in a worker for work of the same pool: submit it to another pool, or chain it by callbacks",
        "a second pool, or code in two halves",
    ),
    "always-set": Advice(
        "set the future on every path, errors and cancellation included (try/except around the whole, set_exception)",
        "a few lines; a future without a reader then logs its exception",
    ),
    "keep-consumer": Advice(
        "let the consumer survive errors, call task_done() in finally, and hold a reference to its task",
        "errors must be logged or counted, or they are never seen",
    ),
    "with-lock": Advice(
        "take locks by with only, so that every way out releases them",
        "none; where acquire and release lie in different functions, the code must be cut differently",
    ),
    "mend-handoff": Advice(
        "await the hand-off, pass the function with its arguments, keywords through functools.partial",
        "the call takes a thread of the pool for as long as it lasts",
    ),
    "look-closer": Advice(
        "look again with more to see: unjam doctor says what could not be observed here and why, and a lower --threshold takes more samples",
        "a lower threshold tells of more and shorter stalls",
    ),
    "leave-alone": Advice(
        "leave it: it takes microseconds, less than the hop to a thread",
        "on a network file system the same call may take seconds",
    ),
}
"""Remedies by key. What is advised for UJ303 never holds a thread: a thread that keeps the GIL stops the loop as well."""

INSTEAD_OF_THE_RULES: Mapping[str, tuple[str, ...]] = {
    "close-before-collected": ("break-the-cycle",),
    "free-in-pieces": ("smaller-data",),
    **dict.fromkeys(("await-future", "await-thread", "await-event"), ("to-thread",)),
    "end-pool-later": ("await-thread",),
}
"""What is advised beside a call's own remedy where its rule's ways out would not help."""

UNKNOWN_CAUSE = ("look-closer",)
"""What to advise where no rule was found: also that must end in something to do."""

_CHANGES = re.compile(
    r"(p?write|f?truncate|f?sync|fdatasync|flush|lockf|flock|(safe_)?dump|remove|unlink|renames?$|replace|mk|make|rm|copy|move|touch|"
    r"(sym|hard)?link|utime|chmod|chown|setxattr|sendfile|unpack|extract|save|(Named)?Temporary|add(file)?$|set_key|print|close)"
)


def changes(leaf: str) -> bool:
    """Whether a call of that name changes what it is called for, by its name: then there is nothing to read once and keep."""
    return _CHANGES.match(leaf.rpartition(".")[2]) is not None
