"""What every thread does: the wait its innermost frames show, the locks its `with` blocks hold, the jobs it runs."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from dataclasses import dataclass, field
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from typing import TYPE_CHECKING, Any, Final

from unjam.model.findings import Grade, Location
from unjam.native.frames import current_frames
from unjam.probes.frame_values import local_values
from unjam.probes.locks import is_tracked_type, tracked_wait
from unjam.probes.waits_exits import EXIT_STACKS, taken_over
from unjam.probes.waits_kernel import KernelWait, kernel_wait, native_id, times_run
from unjam.probes.waits_memory import LOCK_TYPE, NOTHING, RLOCK_TYPE, Held
from unjam.probes.waits_names import reachable
from unjam.probes.waits_read import MISSING, callable_name, own_dict, read, text
from unjam.probes.waits_scene import Claim, Scene, location
from unjam.probes.waits_table import THREAD_WAITS, Target, module_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from types import FrameType

MOST_NAMED: Final = 8
"""Frames in which a name for one object is looked for: a thousand threads that wait for it call it alike."""
MOST_FRAMES: Final = 2_000
"""Frames walked of one stack: enough for any program that is not in a runaway recursion."""
MOST_TRIES: Final = 4
"""Times that a stack is walked which ends in what can be suspended."""
_SUSPENDS: Final = CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR


@dataclass(slots=True)
class Seen:
    """One thread as found: what it waits for, and what it does for others."""

    key: str
    ident: int
    label: str
    target: Target | None = None
    site: Location | None = None
    ends_ms: float | None = None
    kernel: KernelWait = field(default_factory=lambda: KernelWait("unreadable"))
    sig: str = ""
    stack: int = -1
    frames: set[int] = field(default_factory=set)
    """Addresses of the coroutine frames on its stack."""
    loop: Any = None
    runner_loop: Any = None
    parked: bool = False
    """It waits in the select of its loop."""
    job: Any = None
    """The concurrent future of the pool's job that it runs."""
    job_name: str = ""
    pools: list[tuple[Any, Any]] = field(default_factory=list)
    """The executor that this thread works for, and its queue."""
    released: set[int] = field(default_factory=set)
    """Locks that a Condition.wait of it has given back for now."""


def look_at_threads(scene: Scene, *, leave_out: int) -> list[Seen]:
    """Look at every thread but the one of ident `leave_out`."""
    known = threads_by_ident()
    seen: list[Seen] = []
    for ident, stack in each_stack(scene):
        chain = without_ours(stack) if ident != leave_out else []
        if chain:
            seen.append(_look(scene, ident, chain, known.get(ident), own_wait(stack[0])))
        del chain, stack
    return seen


_MAIN_IDENT: Final = threading.main_thread().ident or 0
"""Of the real main thread, where nothing was patched before this module was imported."""


def threads_by_ident() -> dict[int, Any]:
    """Return the Thread objects by the ident of the real thread, without the lock of threading.enumerate().

    gevent files the main thread under the ident of its greenlet, which no real thread has.
    """
    known: dict[int, Any] = dict(threading._active)  # type: ignore[attr-defined]
    main = threading._main_thread  # type: ignore[attr-defined]
    filed = {ident for ident, thread in known.items() if thread is main}
    if _MAIN_IDENT not in known and filed.isdisjoint(current_frames()):
        known[_MAIN_IDENT] = main
    return known


def each_stack(scene: Scene) -> Iterator[tuple[int, list[FrameType]]]:
    """Yield ident and stack of each thread, innermost first; no frame is kept over a pause, and who uses one drops it at once."""
    frames = current_frames()
    for ident in list(frames):
        stack = _stack(ident, frames.pop(ident, None))
        if stack:
            yield ident, stack
        del stack
        if scene.pause():
            frames.clear()
            frames = current_frames()


def _stack(ident: int, frame: FrameType | None) -> list[FrameType]:
    """Walk a stack, innermost first, cut at `MOST_FRAMES`; empty where the thread has ended.

    A thread that goes on meanwhile may suspend a coroutine of it, below which nothing is then: where a stack ends so, it is walked anew.
    """
    stack: list[FrameType] = []
    for _ in range(MOST_TRIES):
        stack.clear()
        while frame is not None and len(stack) < MOST_FRAMES:
            stack.append(frame)
            frame = frame.f_back
        if not stack or not stack[-1].f_code.co_flags & _SUSPENDS:
            break
        frame = current_frames().get(ident)
    return stack


def own_wait(frame: FrameType) -> Target | None:
    """Return what a thread waits for in code of ours; None where that is nothing, or ends by itself."""
    place = (module_of(frame), frame.f_code.co_qualname)
    if place == ("unjam.bridge.waiting", "_serve_until"):
        values = local_values(frame)
        # With something in its box it is about to wake up.
        return ("bridge", values["request"]) if values["frame"].box.empty() else None
    if place == ("unjam.bridge.lanes", "Lane._serve"):
        values = local_values(frame)
        return None if values["ending"] or not values["box"].empty() else ("lane", values["self"])
    if place in _IDLE_IN_BRIDGE:
        return "idle", None
    lock = tracked_wait(frame.f_code, lambda: local_values(frame))
    return None if lock is None else ("lock", lock)


_BLOCKED: Final = frozenset({"futex", "unreadable"})
_BLOCKED_IN_BRIDGE: Final = _BLOCKED | {"call"}
"""States of a thread that waits in code of ours; one that waits for a loop or a call may sit in a read of what wakes it up."""
_IDLE_IN_BRIDGE: Final = frozenset({("unjam.bridge.workqueue", "WorkQueue._sleep")})


def thread_key(scene: Scene, ident: int, thread: Any) -> str:
    """Return the key of a thread: of its Thread object, because idents are used again."""
    return f"thread:{scene.identities.serial(thread)}" if thread is not None else f"thread:i{ident}"


def _look(scene: Scene, ident: int, chain: list[FrameType], thread: Any, waits: Target | None) -> Seen:
    fields = own_dict(thread) if thread is not None else {}
    name = text(fields.get("_name"), f"ident {ident}")
    tid = native_id(thread)
    seen = Seen(thread_key(scene, ident, thread), ident, f"thread {name}")
    if tid is not None:
        seen.kernel = kernel_wait(tid)
    seen.stack = scene.stack([(f.f_code, f.f_lineno or 0) for f in reversed(chain)])
    depth = _find_wait(scene, seen, chain)
    blocked = _BLOCKED_IN_BRIDGE if waits is not None and waits[0] in {"bridge", "idle"} else _BLOCKED
    if seen.target is None and waits is not None and seen.kernel.state in blocked and not seen.kernel.timed:
        seen.target = waits
        give_name(scene, chain[0], waits[1])
    if seen.target is None and seen.kernel.state == "futex":
        _find_lock(scene, seen, chain[:3])
    if seen.target is not None:
        # An exit stack enters on behalf of the frame below, which has the names.
        user = next((frame for frame in chain[depth:] if module_of(frame) != "contextlib"), chain[-1])
        if seen.target[0] != "lane":  # none of the program's frames is on the stack of a thread that is held
            seen.site = location(user.f_code, user.f_lineno)
        give_name(scene, user, seen.target[1])
        seen.sig = thread_signature(chain[0], thread)
    for inner in chain:
        _duties(scene, seen, inner)
    for inner in chain:
        if inner.f_code.co_exceptiontable:
            note_held(scene, inner, Claim(seen.key, "is held by", Grade.EXACT, ""), released=seen.released)
    return seen


def thread_signature(innermost: FrameType, thread: Any) -> str:
    """Return what stays equal as long as a waiting thread does not run: its instruction, and how often it was scheduled."""
    tid = native_id(thread)
    runs = times_run(tid) if tid is not None else None
    return f"{id(innermost):x}:{innermost.f_lasti}:{runs}"


def give_name(scene: Scene, frame: FrameType, wanted: Any) -> None:
    """Note how the frame that waits calls what it waits for."""
    if wanted is None or type(wanted) is int or id(wanted) in scene.names:
        return
    tries = scene.nameless[id(wanted)] = scene.nameless.get(id(wanted), 0) + 1
    if tries > MOST_NAMED:
        return
    for path, value in reachable(frame):
        if value is wanted:
            scene.names[id(wanted)] = path
            return


def without_ours(stack: list[FrameType]) -> list[FrameType]:
    """Return a stack without frames of ours; empty for a thread of ours."""
    own = [module_of(frame).startswith("unjam.") for frame in stack]
    return [frame for frame, ours in zip(stack, own, strict=True) if not ours] if not own[-1] else []


def _find_wait(scene: Scene, seen: Seen, chain: list[FrameType]) -> int:
    """Climb from the innermost frame through known waiting functions; the outermost of them says what for.

    Returns the index of the first frame that is not one of them: the place that waits.
    """
    depth = 0
    timeouts: list[float] = []
    for frame in chain:
        place = (module_of(frame), frame.f_code.co_qualname)
        if place not in THREAD_WAITS:
            break
        waits = THREAD_WAITS[place]
        depth += 1
        values = local_values(frame)
        target = waits(values) if waits is not None else None
        end, limit = values.get("endtime"), values.get("timeout")
        if type(end) is float:  # queue, threading: when it will be over, on this clock
            timeouts.append(max(0.0, end - time.monotonic()))
        elif (type(limit) is int or type(limit) is float) and limit >= 0:
            timeouts.append(limit)
        if target is not None and target[0] == "condition":
            target = _condition(scene, seen, target[1])
        seen.target = target or seen.target
    if seen.target is not None and (seen.kernel.state in {"call", "running"} and seen.target[0] != "select"):
        seen.target = None
    if seen.kernel.timed or (timeouts and seen.kernel.state != "futex"):
        seen.ends_ms = min(timeouts) * 1e3 if timeouts else -1.0
    _parked(seen, chain, depth)
    return depth


def _condition(scene: Scene, seen: Seen, condition: Any) -> Target:
    """Return what a Condition.wait waits for: to be notified, or, notified already, for its lock."""
    lock = read(condition, "_lock")
    key = scene.lock_key(lock)
    if key is not None:
        if seen.kernel.state == "futex" and key == scene.key_waited_for(seen.kernel.address):
            return "lock", lock
        seen.released.add(id(lock))
    return "condition", condition


def _parked(seen: Seen, chain: list[FrameType], depth: int) -> None:
    """A loop is parked only if its own round called the select: a select of the user's is I/O on the loop."""
    if seen.target is None or seen.target[0] != "select":
        return
    caller = chain[depth] if depth < len(chain) else None
    seen.parked = caller is not None and caller.f_code.co_qualname == "BaseEventLoop._run_once"
    seen.target = None


def _find_lock(scene: Scene, seen: Seen, chain: list[FrameType]) -> None:
    """Find which lock lies at the futex of a thread that waits in C: among the objects its frames name, else unnamed."""
    wanted = scene.key_waited_for(seen.kernel.address)
    for frame in chain:
        for path, value in reachable(frame):
            if scene.lock_key(value) == wanted:
                own = module_of(frame).partition(".")[0] not in sys.stdlib_module_names
                (scene.names if own else scene.library_names).setdefault(id(value), path)
                seen.target = ("lock", value)
                break
        if seen.target is not None:
            break
    else:
        seen.target = ("futex", scene.memory.waited_for(seen.kernel.address) or seen.kernel.address)
    if seen.kernel.timed:
        seen.ends_ms = -1.0


def _duties(scene: Scene, seen: Seen, frame: FrameType) -> None:
    """Note what the frame does for others: runs a loop, a pool's job, a pool's worker."""
    code = frame.f_code
    if code.co_flags & CO_COROUTINE:
        seen.frames.add(id(frame))
        return
    duty = (module_of(frame), code.co_qualname)
    if duty == ("asyncio.base_events", "BaseEventLoop.run_forever") and seen.loop is None:
        seen.loop = local_values(frame).get("self")
    elif duty == ("asyncio.runners", "Runner.run") and seen.runner_loop is None:
        seen.runner_loop = own_dict(local_values(frame).get("self")).get("_loop")
    elif duty == ("concurrent.futures.thread", "_WorkItem.run") and seen.job is None:
        item = own_dict(local_values(frame).get("self"))
        seen.job, seen.job_name = item.get("future"), job_name(item)
    elif duty == ("concurrent.futures.thread", "_worker"):
        values = local_values(frame)
        reference = values.get("executor_reference")
        executor = reference() if type(reference) is weakref.ref else None
        if executor is not None:
            seen.pools.append((executor, values.get("work_queue")))
    elif duty == ("anyio._backends._asyncio", "WorkerThread.run"):
        future = local_values(frame).get("future")
        if future is not None:
            claim = Claim(seen.key, "is set by", Grade.EXACT, "local `future` of anyio's worker")
            scene.setters.setdefault(id(future), []).append(claim)


def job_name(item: dict[str, Any]) -> str:
    """Return what a _WorkItem with these fields calls; `task` holds it from 3.14 on."""
    task = item.get("task")
    return callable_name(item.get("fn", task[0] if type(task) is tuple and task else None))


def note_held(
    scene: Scene,
    frame: FrameType,
    holder: Claim,
    *,
    released: Collection[int] = (),
    coroutine: Any = None,
    exits: Mapping[int, Any] = NOTHING,
    known: Mapping[int, Any] = NOTHING,
) -> None:
    """Note for every `with` block around the frame's instruction that its manager is held by `holder`, an exit stack's too.

    `known` maps addresses to objects that are at hand anyway; others are looked for by the names in the frame. `coroutine` and
    `exits` are as for `Memory.held`, `released` are the addresses of locks that are given back for now.
    """
    if scene.memory.reason:
        return
    for held in scene.memory.held(frame, frame.f_lasti, coroutine, exits):
        if is_tracked_type(held.type_address):
            continue  # Who holds it is recorded.
        value = known.get(held.address, MISSING)
        if value is MISSING and (held.address not in scene.names or held.type_address in EXIT_STACKS):
            value = _named(scene, frame, held.address)
        inside = [inner for inner in taken_over(value) if not is_tracked_type(id(type(inner)))]
        locks = [_lock_of(scene, Held(id(inner), id(type(inner)), held.line), inner) for inner in inside]
        for key, address in [_lock_of(scene, held, value), *locks]:
            if address not in released:
                why, sure, site = scene.block(frame.f_code, held.line)
                grade = holder.grade if sure else Grade.INFERRED
                scene.holders.setdefault(key, []).append(Claim(holder.key, holder.verb, grade, why, site))


_REAL_LOCKS: Final = (id(LOCK_TYPE), id(RLOCK_TYPE))


def _named(scene: Scene, frame: FrameType, address: int) -> Any:
    for path, value in reachable(frame):
        if id(value) == address:
            scene.names.setdefault(address, path)
            return value
    return MISSING


def _lock_of(scene: Scene, held: Held, value: Any) -> tuple[str, int]:
    """Return key and address of what the manager of a `with` locks: itself, or the lock inside a threading.Condition."""
    if held.type_address in _REAL_LOCKS:
        return scene.lock_key_at(held.address), held.address
    lock = read(value, "_lock") if type(value) is threading.Condition else MISSING
    inner = scene.lock_key(lock) if lock is not MISSING else None
    if inner is None:
        return f"held:{held.address:x}", held.address
    scene.names.setdefault(id(lock), scene.names.get(held.address, "a Condition") + "'s lock")
    return inner, id(lock)
