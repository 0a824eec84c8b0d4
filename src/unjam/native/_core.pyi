"""The contract of an engine tier: `_core` (C) and `_fallback` (Python) both keep it.

An engine watches loops and emits event lines (docs/recording.md) as bytes, each ending in a newline. It writes them to the
descriptor given to `start` by itself, so that a GIL that is never released again cannot keep them, and hands the same lines to
`drain`. Every function may be called from any thread and is a no-op where it has nothing to do, unless stated.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, Self, TypedDict, TypeVar

_R = TypeVar("_R")

TIER: Final[str]
"""'native' or 'python'."""

class LoopStats(TypedDict):
    """Cumulative since `register_loop`; None is "not observed". The keys are those of the `stats` event."""

    loop: int
    turns: int | None
    steps: int | None
    away_ns: int | None
    alive_ns: int
    longest_turn_ns: int | None
    longest_step_ns: int | None
    lag: dict[int, int]
    in_select: bool
    """True while the loop waits in its select."""
    away_since_ns: int | None
    """When the present turn began, on CLOCK_MONOTONIC; None while in select."""

def check() -> dict[str, str]:
    """Try every source of facts once: {source: ""} where it works, else the reason why not.

    Sources: turns, steps, stacks, gil, syscall, schedstat, cpu-clock, cgroup. `stacks` is the self-check: a walk without the GIL
    must equal sys._getframe, deep and in a generator.
    """

def start(*, threshold_ns: int, tick_ns: int, fd: int = -1, keep: int = 0) -> None:
    """Begin to watch: start the watchdog. `fd` takes the event lines (-1: none), `keep` lines are kept for `drain`."""

def stop() -> None:
    """Stop the watchdog and undo every patch that is still ours, in reverse order. May be started again."""

def flush(timeout_s: float) -> int:
    """Have a line written of every stall that has ended, and a fresh one of every open one; returns how many stalls there were.

    Waits until those lines are with `drain`, `timeout_s` at the most; where there is nothing to write it returns at once.
    """

def pause() -> None:
    """Have no thread of the engine at work for a moment: the process forks. Patches, loops, statistics and open stalls stay."""

def resume() -> None:
    """Go on after `pause`."""

def set_threshold(threshold_ns: int) -> None:
    """Change the threshold while watching."""

def register_loop(
    loop_id: int,
    epoll_fd: int,
    thread_ident: int = 0,
    instead_of: int = 0,
    followed: tuple[Any, Any, int, bool] = ...,
) -> bool:
    """Watch a loop that runs in the calling thread (or in the thread of that ident, for a loop found running).

    `epoll_fd` is the loop's own (-1: not known, then each step is taken for a turn). Writes no event. A loop that rests goes on.
    True where it does, or where it has taken the place of `instead_of`, which rests and is registered no more from then on.

    C core only: `followed` has its runs followed by the engine (`follow_runs`). It is the loop, what stands for it, 1 for a loop of
    asyncio, 2 for uvloop's, 0 for another, and whether a new loop that follows it in its thread takes over number and statistics.
    """

def follow_runs(changed: Callable[[Any], None] | None, descriptor_of: Callable[[Any], int]) -> None:
    """C core only: call `changed(loop)` from what `telling_runs` gives, where the engine does not know by itself what to do.

    It does where a loop that it follows comes to the end of a run (it rests from then on) or runs again, and where a new one takes
    over from one that is over: then `descriptor_of(loop)` is its epoll descriptor, and the attribute `get` of what stood for the
    other becomes a weak reference to it.
    """

def telling_runs(original: Callable[[Any], None] | None) -> Callable[[Any], None]:
    """C core only: a function that calls the original, where there is one, and has its loop (None: none) run in this thread."""

def keep_record(loop_id: int) -> None:
    """C core only: no other loop takes over from this one: somebody has been told of it."""

def is_resting(loop_id: int) -> bool | None:
    """C core only: whether the present run of a loop is over; None where it is not registered, as after the end of its thread."""

def end_rest(loop_id: int) -> LoopStats | None:
    """C core only: as `loop_stats` and `unregister_loop` in one, for a loop that rests; None, and nothing done, where it runs."""

def mark() -> int:
    """C core only: how many stalls there were; -1 where one is open, or not written yet."""

def rest_loop(loop_id: int) -> bool:
    """Its run is over, in the calling thread, and it may run again: statistics are kept. False: not here, so unregister it."""

def unregister_loop(loop_id: int) -> None:
    """Stop watching it. Called when the loop stops running, in its thread; closes an open stall."""

def loop_stats(loop_id: int) -> LoopStats | None:
    """What is known of the loop now; None when it is not registered."""

def install_steps(handle_type: type, on_failure: Callable[[Any, BaseException], None]) -> None:
    """Replace `handle_type._run` by one that counts and times steps.

    `on_failure(handle, exception)` does what the original does with an exception of a callback.
    """

def uninstall_steps() -> None:
    """Put the original back if ours is still there."""

def set_step_observer(observe: Callable[[int, int, Any, int, int, int, int], None] | None) -> None:
    """Call `observe(loop_id, stall_id, handle, t0_ns, t1_ns, more, more_ns)` in the loop's thread after steps that make its turn late.

    That is: once a turn has passed a fifth of the threshold, after each of its steps that is as long as that, and after some of those that took
    at least a 500th of the threshold (0.1 ms of 50 ms; in the Python tier of any length), so few that this adds one percent. `more` is how many
    such steps it was not told of since, and `more_ns` how long they took together; 0 with a long one. `stall_id` is 0 while the turn is not a stall yet: the observer may
    be told of a step whose turn never becomes one. An observer that raises is called no more.
    """

def set_victim_observer(observe: Callable[[int, int, Any, int, int, int, int], None] | None, most: int = 20) -> None:
    """Call `observe(loop_id, stall_id, handle, ready_ns, now_ns, ended_ns, turn)` before the first `most` steps that may have waited for a stall.

    Those are the steps after the long one in the same turn (`turn` 0, `ended_ns` 0), and those of the next turn (1), which is told as 2 where
    the thread gave up its CPU in between: its select slept, so that nothing was ready, or it waited for the GIL. And the first `most` of each
    turn up to the fourth, most of which did not wait: a client that connected in the stall is heard in that. `ready_ns` is the stall's t0: nothing waited longer because of it. `ended_ns` is its
    t1. An observer that raises is called no more.
    """

class Tally:
    """What the steps of one context took of their loop, and how long they waited for it: the sums of one request.

    The steps are those whose context has the tally in the variable given to `set_tally`: of the task that set it, and of the
    tasks that this one starts. Called in the loop's thread; meant to be subclassed. What is kept for the subclass is None at first: with
    it an instance needs no dict.
    """

    scope: Any
    """What was given to `of`; None since `finish`."""
    name_of: Any
    name: Any
    holds: Any
    delays: Any

    @property
    def own_ns(self) -> int:
        """Time on the loop so far, the present step included where that is one of its own."""

    @property
    def waited_ns(self) -> int | None:
        """Time for which its steps were ready, or at most so long, and others ran; None where turns are not observed.

        A step counts as ready from the begin of its turn, or of one of the two before it if the loop did not sleep in between; the
        step that calls `begin`, of as many turns before it as most of them come after the loop has slept.
        """

    def timing(self) -> bytes:
        """Both as the value of a Server-Timing header, in milliseconds: made here because every response carries it."""

    def begin(self) -> bool:
        """Count from now on, the rest of the present step included; false where the steps of this loop are not observed."""

    def end(self) -> None:
        """Count no more."""

    @classmethod
    def of(cls, scope: Any, name_of: Callable[[Any], str]) -> Self | None:
        """A new one for `scope`, begun, and the variable's value from here on.

        None where the present value is of another scope that is not finished, or the steps of this loop are not observed. While nobody
        has called `set_tally`, it returns `cls.anew(scope, name_of)`.
        """

    def finish(self) -> None:
        """Count no more, and let go of the scope. Before that, `keep_name()` is called where there are holds or delays."""

    def passing(
        self, send: Callable[[Any], _R], kinds: frozenset[str], change: Callable[[Any, Any], Any]
    ) -> Callable[[Any], _R]:
        """A callable that sends on what it is called with; a message whose "type" is in `kinds` as `change(self, message)` gives it."""

def set_tally(
    variable: ContextVar[Any] | None, observe: Callable[[int, Any, int, int, bool], int | None] | None
) -> None:
    """Count steps into the tallies that are values of `variable`, on asyncio and on uvloop (there with the C core only).

    `observe(loop_id, who, t0_ns, t1_ns, waited)` is called in the loop's thread with each wait of a tally of at least a fifth of
    the threshold, as it ends (`waited` true), and with each step as long as that, which a tally, a handle or, on uvloop, nobody
    known (None) held the loop for. Where it knows better since when a tally was ready, it returns that, and the wait counts from there.
    An observer that raises is called no more. None, None: nobody asks any more.
    """

class TrackedLock:
    """A threading.Lock with the real one inside; its twin is in _twin_locks.py. Not to be derived from, as the real one.

    With the C core nothing comes between taking or giving back and the end of the call, so that an exception of a signal handler
    leaves the lock as it would leave a real one.
    """

    _inner: Any
    """The real lock."""
    holder: tuple[Any, ...] | None
    """As `holder_here` at the time it was taken; None: free, or not known."""

class TrackedRLock:
    """The same for a threading.RLock; the twin derives from the real type instead, and is its own real lock."""

    _inner: Any
    holder: tuple[Any, ...] | None
    depth: int
    """How often its holder has it."""

def holder_here() -> tuple[int, int, Any, Any, Any, int] | None:
    """Since when (ns of CLOCK_MONOTONIC), ident, Thread, task (weak references or None), code and line of who calls.

    None where there was no memory for it.
    """

def set_lock_records(
    active: dict[int, Any], through: frozenset[str], running_loop: Any = None, task_of: Any = None
) -> None:
    """Say where holders are found: the Thread objects by ident, and the modules that take a lock for their caller, by name.

    `running_loop()` gives the loop that runs in this thread, `task_of(loop)` or the dict `task_of` its present task; without
    them no task is recorded. They must be written in C: Python code among them would let signal handlers in.
    """

def scheduled_site(handle: Any) -> tuple[str, int, str] | None:
    """Where a handle whose callback has no Python frame (a C callable, a partial of one) was scheduled: file, line, function."""

def gc_callback(phase: str, info: dict[str, int]) -> None:
    """To be appended to gc.callbacks: emits `gc` events of 5 ms and more at close to no cost."""

def drain(timeout_s: float) -> list[bytes]:
    """Wait without the GIL until lines are there, `wake` is called or the time is over; returns and removes them."""

def wake() -> None:
    """Let the `drain` that waits return now; where none does, the next one that would."""

def emit(line: bytes, *, urgent: bool = True) -> None:
    """Write one event line of the Python half to the same descriptor and the same `drain`, which it ends if it is `urgent`."""

def lost() -> int:
    """How many lines were dropped so far (full descriptor, full buffer)."""

def stack_of(thread_ident: int) -> list[tuple[str, int, str, int, int, int, str]] | None:
    """The Python stack of a thread now, outermost first, as in the `stack` event; None where it cannot be had whole."""

def thread_state(thread_ident: int) -> dict[str, Any]:
    """What the operating system says of a thread now: the fields of a sample group but its stack."""

def read_words(address: int, count: int, /) -> tuple[int, ...]:
    """Words of 8 bytes of our own memory, none where it cannot be read. Keeps the GIL; the C core only."""

def read_of_thread(tid: int, name: str, /) -> bytes | None:
    """The first 256 bytes of /proc/self/task/TID/NAME, None where it cannot be read. Keeps the GIL; the C core only."""

def after_fork_in_child() -> None:
    """Forget everything of the parent: no loop, no thread, no descriptor. Called before anything else in a fork's child."""
