"""What a pool is doing and has done, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from time import monotonic_ns
from typing import TYPE_CHECKING, Any

from unjam.bridge.bulkhead import Bulkhead, living
from unjam.bridge.calls import Call
from unjam.bridge.frames import current_frames
from unjam.bridge.naming import named
from unjam.bridge.workers import BUCKETS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from unjam.bridge.options import Kind
    from unjam.bridge.workers import Worker


_EXECUTE = Call.execute.__code__


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of times; bucket n holds those of [2**(n-1), 2**n) nanoseconds."""

    counts: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many were counted."""
        return sum(self.counts)

    def quantile(self, q: float) -> float | None:
        """Return the upper end, in seconds, of the bucket below which a fraction `q` lies; None where nothing was counted."""
        wanted, seen = q * self.count, 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                return (1 << bucket) / 1e9
        return None


@dataclass(frozen=True, slots=True)
class RunningCall:
    """A call that holds a slot. `file` and `line` are where the function itself is (line 0: it has no Python frame).

    `abandoned`: its caller has gone. `held`: it only holds its thread, for an `acontext` or a pinned object, whose calls run
    there; for as long as it likes. `stack` is what runs above it, the function first, as "file:line function";
    empty where another interpreter runs in this process (from CPython 3.12 on it cannot be asked for safely).
    """

    call: str
    thread: str
    seconds: float
    file: str
    line: int
    abandoned: bool
    held: bool
    stack: tuple[str, ...]

    def __str__(self) -> str:
        where = f", {PurePath(self.file).name}:{self.line}" if self.file else ""
        return f"{self.call}, {'held for ' if self.held else ''}{self.seconds:.1f} s{where}"


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """One moment of one pool in numbers. Times in seconds.

    Now: `busy` slots held, `abandoned` ones among them for which nobody waits any more, `queued` calls that no thread has
    begun, `oldest_wait` of them (None: none waits). Since the start: `rejected` for want of room, `withdrawn` before they
    began, `helped` along by a waiting thread; `wait` times in the queue and `run` times of calls that ended.
    """

    name: str
    kind: Kind
    limit: int
    busy: int
    abandoned: int
    queued: int
    oldest_wait: float | None
    rejected: int
    withdrawn: int
    helped: int
    stuck_after: float
    wait: Histogram
    run: Histogram


@dataclass(frozen=True, slots=True)
class PoolStats(PoolCounts):
    """The same, and the `calls` that hold a slot, longest first."""

    calls: tuple[RunningCall, ...]

    @property
    def oldest(self) -> RunningCall | None:
        """The call that has held its slot longest."""
        return self.calls[0] if self.calls else None

    @property
    def stuck(self) -> tuple[RunningCall, ...]:
        """The calls that have run for `stuck_after` or longer; a thread that is only held runs nothing."""
        return tuple(call for call in self.calls if call.seconds >= self.stuck_after and not call.held)


def pools() -> tuple[PoolStats, ...]:
    """Return every pool of this process that is alive: what a monitor reads, from any thread."""
    return tuple(snapshot(bulkhead) for bulkhead in _by_name())


def pool_counts() -> tuple[PoolCounts, ...]:
    """As `pools`, numbers only, which names no call and looks at nobody's stack: what a scrape of metrics reads."""
    return tuple(PoolCounts(**_counts(bulkhead)) for bulkhead in _by_name())


def _by_name() -> list[Bulkhead]:
    return sorted(living(), key=lambda bulkhead: bulkhead.name)


def snapshot(bulkhead: Bulkhead) -> PoolStats:
    """Look at a pool without stopping it; the numbers may be a call apart."""
    counts, calls = _counts(bulkhead), running_calls(bulkhead)
    counts["busy"], counts["abandoned"] = len(calls), sum(call.abandoned for call in calls)
    return PoolStats(**counts, calls=tuple(calls))


def _counts(bulkhead: Bulkhead) -> dict[str, Any]:
    workers, holders = list(bulkhead.workers), [_bottom(call) for _, call in _holders(bulkhead)]
    waits = [call.submitted for call in bulkhead.waiting.copy()]
    return {
        "name": bulkhead.name,
        "kind": bulkhead.kind,
        "limit": bulkhead.limit,
        "busy": len(holders),
        "abandoned": sum(call.cancelled for call, _ in holders),
        "queued": len(waits),
        "oldest_wait": (monotonic_ns() - min(waits)) / 1e9 if waits else None,
        "rejected": bulkhead.rejected,
        "withdrawn": bulkhead.withdrawn,
        "helped": sum(worker.helped for worker in workers),
        "stuck_after": bulkhead.stuck_after,
        "wait": _merged(worker.waits for worker in workers),
        "run": _merged(worker.runs for worker in workers),
    }


def running_calls(bulkhead: Bulkhead) -> list[RunningCall]:
    """Return the calls that hold a slot, longest first."""
    frames = current_frames()
    calls = [_running(worker, call, frames.get(worker.ident)) for worker, call in _holders(bulkhead)]
    return sorted(calls, key=lambda call: -call.seconds)


def _holders(bulkhead: Bulkhead) -> list[tuple[Worker, Call]]:
    return [(worker, call) for worker in list(bulkhead.workers) if (call := worker.call) is not None]


def _bottom(call: Call) -> tuple[Call, int]:
    """Return the call that has the slot, with its depth: the lowest, unless that only holds the thread for the one above."""
    chain = [call]
    while chain[0].outer is not None:
        chain.insert(0, chain[0].outer)
    depth = 1 if chain[0].holds and len(chain) > 1 else 0
    return chain[depth], depth


def _running(worker: Worker, call: Call, frame: FrameType | None) -> RunningCall:
    """Describe the call that has the slot."""
    call, depth = _bottom(call)
    # A thread that is only held is in the bridge's own code.
    stack = [] if call.holds else _above(frame, depth)
    name, file, line = named(call.wanted)
    carried = next((n for n, (at, _, function) in enumerate(stack) if (at, function) == (file, name)), None)
    if carried is not None:
        stack = stack[carried:]
    if stack and (carried is not None or call.target is None):
        file, line, _ = stack[0]
    return RunningCall(
        call=name,
        thread=worker.name,
        seconds=(monotonic_ns() - (call.started or call.submitted)) / 1e9,
        file=file,
        line=line,
        abandoned=call.cancelled,
        held=call.holds,
        stack=tuple(f"{name}:{at} {function}" for name, at, function in stack),
    )


def _above(frame: FrameType | None, depth: int) -> list[tuple[str, int, str]]:
    """Return the frames above the call at `depth`, outermost first: each call has one `Call.execute` below it."""
    found: list[tuple[str, int, str]] = []
    starts: list[int] = []
    while frame is not None:
        code = frame.f_code
        if code is _EXECUTE:
            starts.append(len(found))
        else:
            found.append((code.co_filename, frame.f_lineno or 0, code.co_qualname))
        frame = frame.f_back
    if depth >= len(starts):
        return []
    return found[: starts[-1 - depth]][::-1]


def _merged(rows: Iterable[list[int]]) -> Histogram:
    total = [0] * BUCKETS
    for row in rows:
        for bucket, count in enumerate(row):
            total[bucket] += count
    return Histogram(tuple(total))
