"""Watching this process: from `install`, over the first loop, forks and execs, to the end."""

from __future__ import annotations

import _thread
import atexit
import os
import sys
import time

from unjam.failure import report_failure, say
from unjam.model.durations import duration_of
from unjam.model.lines import encode
from unjam.model.project import project_of
from unjam.model.settings import Settings, parse_dump_after
from unjam.probes.exits import ExitHooks
from unjam.probes.observers import Observers
from unjam.probes.patching import ImportWatch, Patches
from unjam.recording.header import header, program_name
from unjam.recording.writer import ProcessFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from unjam.control.inside import Control
    from unjam.native import Choice
    from unjam.probes.drain import Listeners, Subscriber
    from unjam.probes.first_pool import FirstPool
    from unjam.probes.locks import LockTracker
    from unjam.probes.loop_hooks import LoopHooks
    from unjam.probes.pool_totals import PoolTotal
    from unjam.probes.timeouts import Timeouts
    from unjam.probes.wiring import Probes
    from unjam.telling import Telling

TELL_S = 2.0
"""How long the end of a process waits for what is still to be told of its stalls, where that was asked for."""


class Monitor:
    """Watches this process. Nothing but a file and a finder exist until the program runs its first loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder_at_start = _folder_at_start()
        self._file: ProcessFile | None = None
        self._pid = os.getpid()
        self._lock = _thread.allocate_lock()
        self._aside = False
        self._imports = ImportWatch()
        self._patches = Patches()
        self._hooks: LoopHooks | None = None
        self._pools: FirstPool | None = None
        self._timeouts: Timeouts | None = None
        self._choice: Choice | None = None
        self._subscribers: list[Subscriber] = []
        self._header: dict[str, Any] = {}
        self._make_probes: type[Probes] | None = None
        self._make_listeners: type[Listeners] | None = None
        self._probes: Probes | None = None
        self._ended: Probes | None = None
        self._telling: Telling | None = None
        self._control: Control | None = None
        self._locks: LockTracker | None = None
        self._counts_waits = False
        self._loops_wanted = 0
        self.observers = Observers()
        self.every_second: list[Callable[[], None]] = []

    def start(self) -> None:
        """Write the header, and wait for asyncio to be imported."""
        self._open_file()
        if self.settings.track_locks:
            from unjam.probes.locks import LockTracker

            self._locks = LockTracker(self._imports, self.settings.tier)
            self._locks.install()
        ExitHooks(self).install(self._patches, self._imports)
        atexit.register(self.end)
        self._imports.when_imported("asyncio.events", self._hook_asyncio)
        self._imports.when_imported("uvloop", self._hook_uvloop)
        if self.settings.live or self.settings.log or "unjam.telling" in sys.modules:
            from unjam.telling import wire

            wire(self.tell(), self.settings)

    def end(self, reason: str = "exit") -> None:
        """Stop observing and write what is left; does nothing the second time."""
        if self._pid != os.getpid():
            return
        try:
            control, self._control = self._control, None
            if control is not None:
                control.stop()
            probes, self._probes = self._probes, None
            self._ended = probes or self._ended
            self._have_loops_told_here()
            if probes is not None:
                if self._telling is not None:
                    probes.drainer.tell_all(TELL_S)
                probes.stop()
            if self._telling is not None:
                self._telling.finish()
            self._tick()
            self._write_end(reason)
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("the end of the recording is missing", error)

    def before_deadly_signal(self) -> None:
        """Complete the recording as far as it goes: the process ends itself by a signal, unless that is blocked just now."""
        if self._pid != os.getpid():
            return
        if self._probes is not None:
            self._probes.drainer.tell_all(TELL_S)
            if self._telling is not None:
                self._telling.finish()
            self._probes.loops.write_now()
        self._write({"e": "end", "t": time.monotonic_ns(), "reason": "signal"})

    def before_exec(self) -> None:
        """End the file here: what the process becomes has its own."""
        if self._pid == os.getpid():
            if self._probes is not None:
                self._probes.finish()
            self._write({"e": "end", "t": time.monotonic_ns(), "reason": "fork-exec"})

    def after_failed_exec(self) -> None:
        """Go on: the program could not be started."""
        if self._probes is not None:
            self._probes.drainer.start()

    def uninstall(self) -> None:
        """Undo everything that is still ours, in reverse."""
        self._imports.stop()
        for probe in (self._timeouts, self._pools, self._locks):
            if probe is not None:
                probe.uninstall()
        if self._hooks is not None:
            self._hooks.undo()
        self.end("uninstall")
        atexit.unregister(self.end)
        self._patches.undo()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have it called with each event from now on, in a thread of ours."""
        self._subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Have it called no more."""
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)

    def tell(self) -> Telling:
        """What tells of stalls while the program runs; made when it is first asked for."""
        telling = self._telling
        if telling is None:
            from unjam.telling import Telling

            telling = self._telling = Telling(self)
            self.subscribe(telling.receive)
            # Logging, imported by now, closes its handlers at the exit: the last lines must come before that.
            atexit.register(self.end)
        return telling

    @property
    def engine(self) -> Any:
        """The engine that watches, which keeps the contract of native/_core.pyi; None before the first loop."""
        return None if self._probes is None else self._probes.engine

    def write(self, event: dict[str, Any]) -> None:
        """Add an event to the recording (docs/recording.md), and pass it to the subscribers."""
        self._write(event)

    def loop_totals(self) -> list[tuple[bool, dict[str, Any]]]:
        """What is known now of each loop, cumulative: whether it runs in the main thread, and its `LoopStats`."""
        probes = self._probes or self._ended
        return [] if probes is None else probes.loops.totals()

    def loop_events(self) -> list[dict[str, Any]]:
        """The `loop` and `stats` events of each loop that is known, as of now."""
        return [] if self._probes is None else self._probes.loops.events()

    def loops_ended(self) -> int:
        """How many loops have come to their end so far."""
        return 0 if self._probes is None else self._probes.loops.ended

    def tell_loops(self) -> Callable[[], None]:
        """Have every loop told of until what is returned is called, also where nothing is recorded."""
        self._loops_wanted += 1
        if self._probes is not None:
            self._probes.loops.tell_all()

        def end() -> None:
            self._loops_wanted -= 1

        return end

    def pool_totals(self) -> list[PoolTotal]:
        """The pools that have run anything, summed up by name."""
        return [] if self._pools is None else self._pools.totals()

    def count_waits(self) -> None:
        """Count how long each call queues for a pool; asked for before the first loop it holds from there on."""
        self._counts_waits = True
        if self._pools is not None:
            self._pools.count_waits()

    def lost(self) -> int:
        """How many events were lost so far."""
        return 0 if self._probes is None else int(self._probes.engine.lost())

    def header(self) -> dict[str, Any]:
        """The `process` event as it is known by now."""
        return dict(self._header)

    def events_so_far(self) -> list[dict[str, Any]]:
        """What this process has recorded until now; empty where nothing is recorded."""
        if self._probes is None or self._file is None:
            return []
        from unjam.recording.reader import parse_events

        with self._file.reopened() as file:
            return parse_events(file)

    def flush(self, timeout_s: float, *, stalls_before: int = -1) -> int:
        """Wait until what has happened so far has reached the subscribers; returns how many stalls there were.

        That takes `timeout_s` at the most, and no time where there have been no more stalls than `stalls_before`.
        """
        return 0 if self._probes is None else self._probes.drainer.flush(timeout_s, stalls_before=stalls_before)

    def stalls(self) -> int:
        """How many stalls there have been so far."""
        return 0 if self._probes is None else int(self._probes.engine.flush(0.0))

    def is_away(self) -> bool:
        """Whether a loop is in a stall just now; what is told of that may still be on its way when it goes on."""
        if self._probes is None:
            return False
        return self._probes.loops.any_away(time.monotonic_ns() - self.settings.threshold_ns)

    def set_threshold(self, threshold_ns: int) -> None:
        """Change what counts as a stall from now on."""
        self.settings = self.settings.replace(threshold_ns=threshold_ns)
        self._header["threshold_ns"] = threshold_ns
        if self._probes is not None:
            self._probes.engine.set_threshold(threshold_ns)

    def before_fork(self) -> None:
        """Have no thread of ours at work across a fork: the child would miss what it holds."""
        if self._control is not None:
            self._control.pause()
        if self._probes is not None:
            self._probes.pause()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._probes is not None:
            self._probes.resume()
        if self._control is not None:
            self._control.resume()

    def after_fork_in_child(self) -> None:
        """Become the monitor of a new process, with a file of its own; its loops are still to come."""
        self._pid = os.getpid()
        self._lock = _thread.allocate_lock()
        if self._choice is not None:
            self._choice.engine.after_fork_in_child()
        if self._probes is not None:
            self._probes.abandon()
            self._probes = None
            self._have_loops_told_here()
        self._ended = None
        if self._telling is not None:
            self._telling.after_fork_in_child()
        if self._control is not None:
            self._control.abandon()
            self._control = None
        if self._pools is not None:
            self._pools.after_fork_in_child()
        self._close_file()
        if not self._aside:
            self._open_file()

    def _open_file(self) -> None:
        folder = self.settings.folder
        if folder:
            try:
                self._file = ProcessFile(folder, self._pid)
            except OSError as error:
                say(f"unjam: nothing is recorded: {folder}: {error.strerror}; your program is unaffected")
        self._header = header(self.settings)
        self._write(self._header)

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _write(self, event: dict[str, Any]) -> None:
        self._write_line(encode(event))

    def _write_line(self, line: bytes) -> None:
        """Write a line, and pass it to the subscribers where the engine runs."""
        if self._probes is not None:
            self._probes.engine.emit(line)
        elif self._file is not None:
            self._file.write(line)

    def loop_of(self, number: int) -> Any:
        """The loop of that number; None where it is gone."""
        return None if self._probes is None else self._probes.loops.loop_of(number)

    def number_of(self, loop: Any) -> int:
        """The number of a loop in the recording; 0 where it has none."""
        return 0 if self._probes is None else self._probes.loops.number_of(loop)

    def _write_end(self, reason: str) -> None:
        lost = self._ended.drainer.lost() if self._ended is not None else None
        if lost is not None:  # the engine's descriptor is not ours any more; the file is opened anew
            self._write(lost)
        self._write({"e": "end", "t": time.monotonic_ns(), "reason": reason})
        self._close_file()

    def _hook_asyncio(self, events: ModuleType) -> None:
        # All that will be needed is imported here: a thread that imports while another forks would leave the child a lock
        # that nobody holds any more. What watches pools comes within the import of what makes them.
        import unjam.control.holders
        import unjam.control.inside
        import unjam.control.recent  # noqa: F401 -- all are for later
        from unjam.native import choose
        from unjam.probes.drain import Listeners
        from unjam.probes.first_pool import FirstPool
        from unjam.probes.loop_hooks import LoopHooks
        from unjam.probes.loops import running_loops
        from unjam.probes.timeouts import Timeouts
        from unjam.probes.wiring import Probes

        self._choice = choose(self.settings.tier)
        self._make_probes, self._make_listeners = Probes, Listeners
        self._hooks = LoopHooks(self._running, self._choice.engine)
        self._hooks.hook_asyncio(events)
        self._pools = FirstPool(self._write_line, threshold_ns=self.settings.threshold_ns)
        self._pools.install(self._imports)
        if self._counts_waits:
            self._pools.count_waits()
        self._timeouts = Timeouts(self._write_line, number_of=self.number_of)
        self._timeouts.install(self._imports)
        for ident, tid, loop in running_loops():
            self._begun().loops.started(loop, ident, tid)

    def _hook_uvloop(self, uvloop: ModuleType) -> None:
        if self._hooks is not None:
            self._hooks.hook_uvloop(uvloop)

    def _running(self, loop: Any) -> None:
        """The calling thread runs this loop from now on, or none."""
        if self._aside or self._pid != os.getpid() or (loop is None and self._probes is None):
            return
        try:
            (self._probes or self._begun()).loops.running(loop)
        except Exception:
            self._aside = True
            raise

    def _have_loops_told_here(self) -> None:
        """Nobody is there to be told of loops: the next one has somebody made."""
        if self._hooks is not None and self._hooks.is_active:
            self._hooks.running = self._running

    def _begun(self) -> Probes:
        """The probes; the first loop starts them, never while another thread forks."""
        with _forks, self._lock:
            if self._probes is None:
                self._probes = self._begin()
                if self._hooks is not None:
                    self._hooks.running = self._probes.loops.running
            return self._probes

    def _begin(self) -> Probes:
        choice, make, make_listeners, pools = self._choice, self._make_probes, self._make_listeners, self._pools
        assert choice is not None
        assert make is not None
        assert make_listeners is not None
        each_second = (self._tick,) if pools is None else (pools.tick, self._tick)
        listeners = make_listeners(self._subscribers, each_second, self._settled)
        fd = self._file.fd if self._file else -1
        probes = make(choice, self.settings, fd, listeners, self.observers, wanted=lambda: self._loops_wanted > 0)
        missing = [{"what": what, "reason": reason} for what, reason in choice.sources.items() if reason]
        observed = {"tier": choice.engine.TIER, "tier_reason": choice.reason, "not_observed": missing}
        self._header = {**header(self.settings), **observed}
        self._write(self._header)
        probes.start()
        self._open_control(probes)
        return probes

    def _settled(self, stall: int) -> None:
        """All is known of a stall that is over."""
        if self._telling is not None:
            self._telling.settled(stall)

    def _tick(self) -> None:
        """What is done every second beside the recording; whoever fails is called no more."""
        for follower in tuple(self.every_second):
            try:
                follower()
            except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
                self._call_no_more(follower)
                report_failure("what was to be done every second failed", error)

    def _call_no_more(self, follower: Callable[[], None]) -> None:
        try:
            self.every_second.remove(follower)
        except ValueError:
            return  # the thread that ends the monitor and the drainer were at it both

    def _open_control(self, probes: Probes) -> None:
        """Answer from now on who asks how this process does; a failure of that leaves the watching as it is."""
        from unjam.control.inside import Control, Source

        source = Source(probes, header=lambda: self._header, subscribe=self.subscribe)
        try:
            self._control = Control(source, self.settings.dump_after_ns)
            self._control.start()
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("nobody can ask this process", error)


_monitor: Monitor | None = None
_forks_are_watched = False
_followers: list[Callable[[Monitor], None]] = []


def install(
    *,
    threshold: str | float | None = None,
    folder: str | os.PathLike[str] | None = None,
    src: tuple[str, ...] | None = None,
    live: bool | None = None,
    log: bool | None = None,
    record: bool = True,
    tier: str | None = None,
    dump_after: str | None = None,
    track_locks: bool | None = None,
) -> None:
    """Watch this process from now on, its loops that run already included. Does nothing where it is watched already.

    `threshold` is a duration such as "50ms", or seconds; `dump_after` a duration, or "0" for never. What is not given comes
    from UNJAM_THRESHOLD, UNJAM_DIR, UNJAM_SRC, UNJAM_LIVE, UNJAM_LOG, UNJAM_TIER, UNJAM_DUMP_AFTER and UNJAM_TRACK_LOCKS, and
    after those from `[tool.unjam]` in or above the working directory; without a folder a new one is made below `.unjam`,
    unless `record` is false. Each stall is logged at its end as one line of the logger `unjam`, unless that is switched off.
    With UNJAM=0 nothing is watched. Raises UsageError where a value cannot be.
    """
    if os.environ.get("UNJAM") == "0":
        return
    settings = settings_here()
    changes: dict[str, Any] = {
        "src": src,
        "live": live,
        "log": settings.log if log is None else log,
        "tier": tier,
        "folder": folder,
        "record": record,
        "track_locks": track_locks,
    }
    if threshold is not None:
        changes["threshold_ns"] = duration_of(threshold, what="threshold")
    if dump_after is not None:
        changes["dump_after_ns"] = parse_dump_after(dump_after, what="dump_after")
    install_settings(settings.replace(**{name: value for name, value in changes.items() if value is not None}))


def settings_here() -> Settings:
    """What the environment says, and after it the project in or above the working directory; logging is on unless they say no."""
    here = project_of(_folder_at_start())
    settings = Settings.from_environ(os.environ, here)
    is_told = "log" in here.table or "UNJAM_LOG" in os.environ
    return settings if is_told else settings.replace(log=True)


def install_settings(settings: Settings) -> None:
    """Watch this process by these settings; where that fails, say so in one line and step aside."""
    global _monitor  # noqa: PLW0603 -- a process has one monitor
    if _monitor is not None or not _in_main_interpreter():
        return
    monitor = Monitor(settings if settings.folder or not settings.record else _with_folder(settings))
    try:
        monitor.start()
        _watch_forks()
    except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
        monitor.uninstall()
        report_failure("this process is not watched", error)
        return
    _monitor = monitor
    for follower in tuple(_followers):
        _follow(follower, monitor)


def when_watched(follower: Callable[[Monitor], None]) -> Callable[[], None]:
    """Call `follower(monitor)` now, where this process is watched, and whenever it begins to be; returns what ends that."""
    _followers.append(follower)
    if _monitor is not None:
        _follow(follower, _monitor)

    def remove() -> None:
        if follower in _followers:
            _followers.remove(follower)

    return remove


def _follow(follower: Callable[[Monitor], None], monitor: Monitor) -> None:
    try:
        follower(monitor)
    except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
        report_failure("what builds on watching failed", error)


def uninstall() -> None:
    """Stop watching, and put everything back that is still ours."""
    global _monitor
    monitor, _monitor = _monitor, None
    if monitor is not None:
        monitor.uninstall()


def current() -> Monitor | None:
    """The monitor of this process; None where it is not watched."""
    return _monitor


def _folder_at_start() -> str:
    """The working directory, "/" where it has been removed."""
    try:
        return os.getcwd()
    except OSError:
        return "/"


def _with_folder(settings: Settings) -> Settings:
    from unjam.recording.folder import create

    try:
        return settings.replace(folder=create(program_name()))
    except OSError as error:
        say(f"unjam: nothing is recorded: {error.filename}: {error.strerror}; your program is unaffected")
        return settings


def _watch_forks() -> None:
    """Be told of forks; that cannot be undone, so it is done once and asks for the monitor of the moment."""
    global _forks_are_watched  # noqa: PLW0603 -- see above
    if _forks_are_watched or not hasattr(os, "register_at_fork"):
        return
    _forks_are_watched = True
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


_forks = _thread.RLock()
"""Held during a fork: what is stopped before it is what goes on after it, whatever other threads do meanwhile."""


def _before_fork() -> None:
    _forks.acquire()
    _at_fork("before_fork")


def _after_fork_in_parent() -> None:
    _at_fork("after_fork_in_parent")
    _forks.release()


def _after_fork_in_child() -> None:
    global _forks  # noqa: PLW0603 -- the thread that holds it may have another ident here
    _forks = _thread.RLock()
    _at_fork("after_fork_in_child")


def _at_fork(method: str) -> None:
    if _monitor is not None:
        try:
            getattr(_monitor, method)()
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("a fork is not watched", error)


def _in_main_interpreter() -> bool:
    """Whether this is the main interpreter: another one has its own modules, and its loops are not watched."""
    try:
        interpreters: Any = __import__("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
    except ImportError:
        return True  # an interpreter that cannot have others
    return _number(interpreters.get_current()) == _number(interpreters.get_main())


def _number(interpreter: Any) -> int:
    return int(interpreter[0] if isinstance(interpreter, tuple) else interpreter)
