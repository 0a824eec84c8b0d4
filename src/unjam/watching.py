"""Watching a stretch of the program from inside: what held its loops meanwhile, as findings."""

from __future__ import annotations

import functools
import inspect
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from unjam import monitor
from unjam.errors import LoopBlocked, NotAvailable, UsageError
from unjam.memory import Memory
from unjam.model.durations import duration_of
from unjam.model.stretches import parts_from
from unjam.probes.loop_stats import since

if TYPE_CHECKING:
    from unjam.model.allowances import Allow
    from unjam.model.findings import Finding
    from unjam.model.session import Event, LoopReport, Process, Session

F = TypeVar("F", bound=Callable[..., Any])

MOST_EVENTS = 20_000
"""Events kept of one watch: an hour of a stalling service. What comes after is counted in `Session.dropped`."""

FLUSH_S = 5.0
"""How long the end of a watch waits for events on their way, at the most. They take a millisecond, unless the GIL is held or the
first stall is being told of: that imports what thinks about stalls, which takes a busy machine a second or two."""


TELLING = frozenset({"stall", "pool", "poolcall", "timeout"})
"""Kinds of events from which findings are made: without one of them there is nothing to think about."""

NOBODYS = frozenset({"UJ502", "UJ503", ""})
"""Too little CPU, and a machine that stood still: nothing in the stretch did that. Without a rule: nobody saw what held the loop."""

NO_BLOCK = frozenset({"UJ601", "UJ701"})
"""A full pool and what came of it: worth telling, but the loop was not held."""

_memories: dict[int, tuple[monitor.Monitor, Memory]] = {}
"""One for each monitor that was ever watched through, by its identity: a process has one, seldom two after another."""


def memory_of(watched: monitor.Monitor) -> Memory:
    """What a monitor's events refer to, remembered from the first call on."""
    kept = _memories.get(id(watched))
    if kept is None:
        memory = Memory(watched)
        watched.subscribe(memory.remember)
        _memories.clear()
        kept = _memories[id(watched)] = watched, memory
    return kept[1]


class Gathered:
    """The events that came while somebody watched, no more than `MOST_EVENTS`."""

    __slots__ = ("dropped", "events", "tells")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.events: list[Event] = []
        self.dropped = 0
        self.tells = False

    def take(self, event: Event) -> None:
        """Keep an event; called by the drainer."""
        if event["e"] == "stack":
            return
        if len(self.events) < MOST_EVENTS:
            self.events.append(event)
            self.tells = self.tells or event["e"] in TELLING
        else:
            self.dropped += 1


class Watch:
    """A stretch of the program that is watched: a context manager, plain or `async`, and a decorator.

    `findings` and `loops` hold what was found once it has ended; until then they are empty. All loops of the process are
    watched, whatever thread they run in. Where the process is not watched yet, watching begins here and ends here.
    """

    def __init__(
        self,
        *,
        threshold: str | float | None = None,
        fail: bool = False,
        allow: Sequence[Allow] = (),
        loops: bool = True,
    ) -> None:
        """See `watch`; `allow` is allowed in this stretch beside what the project allows. Without `loops` there are only findings."""
        self._threshold_ns = 0 if threshold is None else duration_of(threshold, what="threshold")
        self._fail = fail
        self._allow = allow
        self._watched: monitor.Monitor | None = None
        self._gathered = Gathered()
        self._began_ns = self._stalls_before = 0
        self._monitor: monitor.Monitor | None = None
        self._ours = False
        self._threshold_before_ns = 0
        self._ended_ns = 0
        self._memory: Memory | None = None
        self._known: list[Event] = []
        self._header: dict[str, Any] = {}
        self._session: Session | None = None
        self._wants_loops = loops
        self._loops_before: dict[int, Event] = {}
        self._ended_before = 0
        self._end_loops: Callable[[], None] | None = None

    @property
    def session(self) -> Session | None:
        """Everything that is known of the stretch, as the reports take it; None until it has ended."""
        if self._session is None and self._watched is not None:
            from unjam.allowed import allowances_of
            from unjam.diagnosis.diagnose import diagnose
            from unjam.model.session import Recording
            from unjam.telling import source_lines

            threshold_ms = self._threshold_ns / 1e6 or None
            recording = Recording("", {}, (self._seen(),))
            allowances = allowances_of(self._watched, self._allow)
            self._session = diagnose(recording, source=source_lines, threshold_ms=threshold_ms, allowances=allowances)
        return self._session

    @property
    def anything(self) -> bool:
        """Whether there is anything to draw conclusions from: most stretches have no stall, and thinking about them costs."""
        return self._gathered.tells and self._watched is not None

    @property
    def threshold_ms(self) -> float:
        """What counts as a stall in this stretch; 0 where it is left to the process."""
        return self._threshold_ns / 1e6

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What held the loops, worst first."""
        session = self.session if self.anything else None
        return session.findings if session else ()

    @property
    def loops(self) -> tuple[LoopReport, ...]:
        """The loops that ran, with how long they were away."""
        session = self.session
        return session.loops if session else ()

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._session = self._watched = None
        self._monitor = self._installed()
        if self._monitor is None:
            return self  # it is switched off: nothing is seen, nothing is found
        self._memory = memory_of(self._monitor)
        self._known = self._memory.known()
        self._gathered = Gathered()
        self._stalls_before = -1 if self._monitor.is_away() else self._monitor.stalls()
        self._began_ns = time.monotonic_ns()
        self._monitor.subscribe(self._gathered.take)
        if self._wants_loops:
            self._loops_before = {each["loop"]: each for each in self._monitor.loop_events() if each["e"] == "stats"}
            self._ended_before = self._monitor.loops_ended()
            self._end_loops = self._monitor.tell_loops()
        return self

    def __exit__(self, *error: object) -> None:
        """End, and draw the conclusions. Raises LoopBlocked with `fail`, where the body itself raised nothing."""
        watched = self._monitor
        if watched is None:
            return
        self._flush(watched)
        watched.unsubscribe(self._gathered.take)
        self._header, self._ended_ns = watched.header(), time.monotonic_ns()
        self._watched = watched
        self._monitor = None
        if self._ours:
            monitor.uninstall()
            self._ours = False
        elif self._threshold_before_ns:
            watched.set_threshold(self._threshold_before_ns)
            self._threshold_before_ns = 0
        held = [each for each in self.findings if each.rule not in NOBODYS | NO_BLOCK] if self._fail else []
        if held and not any(error):
            raise LoopBlocked(held)

    def _flush(self, watched: monitor.Monitor) -> None:
        """Wait for what is on its way: stalls, and the last words of loops that have ended meanwhile. Mostly there is nothing."""
        end_loops, self._end_loops = self._end_loops, None
        if end_loops is None:
            watched.flush(FLUSH_S, stalls_before=self._stalls_before)
            return
        end_loops()
        # What is known first, then who has ended: a loop that ends between the two is among the former.
        present = watched.loop_events()
        any_ended = watched.loops_ended() != self._ended_before
        watched.flush(FLUSH_S, stalls_before=-1 if any_ended else self._stalls_before)
        self._gathered.events += present

    async def __aenter__(self) -> Self:
        """As `with`."""
        return self.__enter__()

    async def __aexit__(self, *error: object) -> None:
        """As `with`."""
        self.__exit__(*error)

    def __call__(self, function: F) -> F:
        """Watch each call of a function, plain or `async`; each call is a watch of its own."""
        _check_function(function)
        watched: Any
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def watched(*args: Any, **kwargs: Any) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

        else:

            @functools.wraps(function)
            def watched(*args: Any, **kwargs: Any) -> Any:
                with self._again():
                    return function(*args, **kwargs)

        return watched  # type: ignore[no-any-return]

    def take_over(self, watched: monitor.Monitor, gathered: Gathered, *, known: list[Event], began_ns: int) -> None:
        """Be the watch of a stretch that somebody else has watched from then on and that ends now."""
        self._watched, self._gathered, self._known, self._began_ns = watched, gathered, known, began_ns
        self._memory, self._header = memory_of(watched), watched.header()
        self._ended_ns = time.monotonic_ns()

    def _again(self) -> Watch:
        again = Watch(fail=self._fail, allow=self._allow, loops=self._wants_loops)
        again._threshold_ns = self._threshold_ns
        return again

    def _installed(self) -> monitor.Monitor | None:
        watched = monitor.current()
        if watched is None and os.environ.get("UNJAM") == "0":
            return None
        if watched is None:
            settings = monitor.settings_here()
            threshold_ns = self._threshold_ns or settings.threshold_ns
            monitor.install_settings(settings.replace(threshold_ns=threshold_ns, record=False, log=False))
            watched, self._ours = monitor.current(), True
        if watched is None:
            raise NotAvailable("this process cannot be watched: unjam doctor says why")
        if 0 < self._threshold_ns < watched.settings.threshold_ns:
            self._threshold_before_ns = watched.settings.threshold_ns
            watched.set_threshold(self._threshold_ns)
        return watched

    def _seen(self) -> Process:
        """What was seen of the stretch, as if it were a process of its own. A stall that ended before it is none of its."""
        from unjam.model.session import Process

        began = self._began_ns
        events = [self._of_the_stretch(event) for event in self._gathered.events if _ended_ns(event, began) >= began]
        events = parts_from(events, began)
        return Process(
            pid=os.getpid(),
            header={**self._header, "t": began},
            events=(*self._known, *events, {"e": "end", "t": self._ended_ns, "reason": "watch"}),
            stacks=self._memory.stacks if self._memory is not None else {},
            dropped=self._gathered.dropped,
        )

    def _of_the_stretch(self, event: Event) -> Event:
        """Statistics are of the whole life of a loop: what was before is taken off."""
        return since(self._loops_before.get(event["loop"]), event) if event["e"] == "stats" else event


class Stretches:
    """Watches one stretch after another, such as the tests of a suite: of those in which no loop stalled nothing is made.

    Not to be used by several threads at once, or one inside another.
    """

    def __init__(self, watched: monitor.Monitor) -> None:
        self._monitor = watched
        self._memory = memory_of(watched)
        self._gathered = Gathered()
        self._known: list[Event] = []
        self._stalls_before = self._began_ns = 0
        self._seen_threshold = ""
        watched.subscribe(self._gathered.take)

    def sees(self, threshold: str) -> bool:
        """Whether its monitor is still the one of this process, and takes for a stall what is as long as the threshold."""
        return monitor.current() is self._monitor and (
            threshold == self._seen_threshold or self._is_long_enough(threshold)
        )

    def _is_long_enough(self, threshold: str) -> bool:
        if duration_of(threshold, what="threshold") < self._monitor.settings.threshold_ns:
            return False
        self._seen_threshold = threshold
        return True

    def begin(self) -> None:
        """A stretch begins."""
        if self._gathered.events:
            self._gathered.clear()
        self._known = self._memory.known()
        self._stalls_before = self._mark()
        self._began_ns = time.monotonic_ns()

    def _mark(self) -> int:
        """How many stalls there have been so far; -1 where one goes on, or is still to be written."""
        mark = getattr(self._monitor.engine, "mark", None)
        if mark is not None:
            return int(mark())
        return -1 if self._monitor.is_away() else self._monitor.stalls()

    def end(self, *, threshold: str, allow: Sequence[Allow] = ()) -> Watch | None:
        """It has ended; what was found in it, as if a `Watch` with this threshold had seen it. None where there was nothing."""
        self._monitor.flush(FLUSH_S, stalls_before=self._stalls_before)
        if not self._gathered.tells:
            return None
        gathered, self._gathered = self._gathered, Gathered()
        self._monitor.subscribe(self._gathered.take)
        self._monitor.unsubscribe(gathered.take)
        watch = Watch(threshold=threshold, allow=allow, loops=False)
        watch.take_over(self._monitor, gathered, known=self._known, began_ns=self._began_ns)
        return watch


def _check_function(function: object) -> None:
    """Raise UsageError for what cannot be watched call by call."""
    name = getattr(function, "__qualname__", type(function).__name__)
    if not callable(function) or isinstance(function, type):
        raise UsageError(f"unjam.watch decorates functions and coroutine functions, not {name}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UsageError(f"unjam.watch: the body of the generator {name} runs after the call: put a with block into it")


def _ended_ns(event: Event, now: int) -> int:
    return int(event["t1"] or now) if event["e"] == "stall" else now


@overload
def watch(function: F, /) -> F: ...
@overload
def watch(*, threshold: str | float | None = None, fail: bool = False) -> Watch: ...
def watch(function: Any = None, /, *, threshold: str | float | None = None, fail: bool = False) -> Any:
    """Watch a stretch of the program: `with unjam.watch() as w:`, `async with`, `@unjam.watch`, `@unjam.watch(fail=True)`.

    `threshold` is a duration such as "50ms", or seconds; without it that of `install`, or 50 ms. With `fail` the end raises
    `unjam.errors.LoopBlocked` where anything held a loop; a machine without a free CPU, full pools, false timeouts and what nobody saw
    are among the findings, and raise nothing. With UNJAM=0 nothing is watched. Raises UsageError for a threshold
    that is none, and for anything to decorate but a function or a coroutine function.
    """
    made = Watch(threshold=threshold, fail=fail)
    return made if function is None else made(function)
