"""`--unjam-hang`: a test that does not get on fails, and says who waits for whom, instead of running into the limit of CI.

    the test begins ──looks──> nothing moved for so long ──cancel──> its task ends, and the test fails
                                                         └─ still there ──signal──> it is interrupted, twice ──> the process ends

Nothing of it is tied to a loop: a thread of our own looks at the process, as `unjam hang` would from outside. That thread imports
nothing: a fork beside it would leave the child a lock that nobody holds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from types import FrameType
from typing import Any

import pytest

from unjam.failure import report_failure
from unjam.integrations.pytest_plugin.limits import hang_s_of, limits_of
from unjam.integrations.pytest_plugin.looking import Looks, Phase, is_debugged
from unjam.integrations.pytest_plugin.progress import cancel_main
from unjam.integrations.pytest_plugin.summary import colour_failures
from unjam.native.originals import sleep
from unjam.native.quiet_thread import QuietThread

TICK_S = 0.1
"""How often it is looked whether it is time to look: no test notices, and a limit of one second still works."""

DUMP_S = 0.1
"""For so long before and after faulthandler dumps the stacks of a test that takes long, our thread sleeps: they are read without the
GIL, and CPython 3.12 and 3.13 were seen to crash where a frame ended meanwhile."""

FIRST_LOOK, NEXT_LOOK = 0.25, 0.125
"""Of the limit, when it is looked first and how often after that: a test that is over by then is never looked at."""

QUIET = 0.7
"""Of the limit, how long nothing may have moved, once the whole limit is over: what is left of it after the first look, less one tick."""

CANCEL_S, GRACE_S = 1.0, 5.0
"""How long a test may take to end after its task has been cancelled, and after it has been interrupted; the latter is as long as
the limit at the most."""

LAST_LOOK_S = 5.0
"""How long a fork waits for a look to be over at the most: as long as a look at a large process takes on a busy machine."""

ATTEMPTS = 2
"""Interruptions: the second one is for those who wait again in their clean-up."""

BEFORE_TIMEOUT, BEFORE_TIMEOUT_S = 0.2, 1.0
"""Of the time that pytest-timeout leaves, and at least so many seconds, by which we are earlier: who waits for whom must be known
before it ends the test."""

TESTS_FAILED = 1
"""pytest's exit code for it."""

SIGNAL = getattr(signal, "SIGRTMAX", signal.SIGINT) - (1 if hasattr(signal, "SIGRTMAX") else 0)
"""What interrupts the main thread: a signal that programs seldom use."""

_present: Hanging | None = None
"""The one of this process, for forks."""


def begin_hanging(config: pytest.Config) -> None:
    """Look after tests from now on, where any may be found to hang."""
    global _present
    is_first, _present = _present is None, Hanging(config)
    config.pluginmanager.register(_present, "unjam-hanging")
    if is_first and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before_fork, after_in_parent=_after_fork)


def _before_fork() -> None:
    if _present is not None:
        _present.pause()


def _after_fork() -> None:
    if _present is not None:
        _present.resume()


class Hanging:
    """The hooks around each test, and the thread that looks."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._stderr = _real_stderr()
        self._phase: Phase | None = None
        self._timeout_at = float("inf")
        self._dump_s = _dump_s(config)
        self._dump_at = float("inf")
        self._debugged = False
        self._exit_status = 0
        self._leaving_since: float | None = None
        self._leave_after_s = hang_s_of(config)
        self._before: Any = None
        self._can_interrupt = False
        self._looks = Looks()
        self._thread: Any = None
        self._held = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Each part of a test has the whole time."""
        self._dump_at = time.monotonic() + self._dump_s
        return (yield from self._looked_after(item))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """As above."""
        return (yield from self._looked_after(item))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """As above."""
        return (yield from self._looked_after(item))

    @pytest.hookimpl(optionalhook=True)
    def pytest_timeout_set_timer(self, settings: Any) -> None:
        """pytest-timeout will end the test: it must be known before that who waits for whom."""
        self._timeout_at = time.monotonic() + settings.timeout

    @pytest.hookimpl(optionalhook=True)
    def pytest_timeout_cancel_timer(self) -> None:
        """It will not any more."""
        self._timeout_at = float("inf")

    def pytest_enter_pdb(self) -> None:
        """Somebody looks at the test: it waits for them."""
        self._debugged = True

    def pytest_leave_pdb(self) -> None:
        """It goes on; what it does from here on is what counts."""
        if self._phase is not None:
            self._phase.began, self._phase.graph = time.monotonic(), None
        self._debugged = False

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Remember how the run ended."""
        self._exit_status = int(exitstatus)

    def pytest_unconfigure(self) -> None:
        """The thread stays for the end of the process, which may hang for threads that tests have left."""
        if self._can_interrupt:
            self._can_interrupt = False
            signal.signal(SIGNAL, self._before or signal.SIG_DFL)

    def pause(self) -> None:
        """Have the thread at rest: the process forks."""
        self._held = self._thread is not None and self._thread.hold(LAST_LOOK_S)

    def resume(self) -> None:
        """Go on after it."""
        if self._held:
            self._held = False
            self._thread.let_go()

    def _looked_after(self, item: pytest.Item) -> Generator[None, Any, Any]:
        own, now = limits_of(item), time.monotonic()
        left_s = self._timeout_at - now
        limit_s = (
            min(own.hang_s, left_s - max(BEFORE_TIMEOUT_S, BEFORE_TIMEOUT * left_s))
            if left_s < float("inf")
            else own.hang_s
        )
        if own.off or limit_s <= 0:
            return (yield)
        phase = Phase(
            item.nodeid, str(item.path), limit_s, now, threading.get_ident(), next_look=now + FIRST_LOOK * limit_s
        )
        self._begin(phase)
        try:
            result = yield
        except BaseException:
            if phase.text:
                colour_failures(self._config)
                raise pytest.fail.Exception(phase.text, pytrace=False) from None
            raise
        finally:
            self._phase = None
        if phase.text:
            colour_failures(self._config)
            pytest.fail(phase.text, pytrace=False)
        return result

    def _begin(self, phase: Phase) -> None:
        if self._thread is None:
            if threading.current_thread() is threading.main_thread():
                self._before = signal.signal(SIGNAL, self._interrupted)
                self._can_interrupt = True
            self._thread = QuietThread(self._run)
            self._thread.start()
        self._phase = phase

    def _interrupted(self, _number: int, _frame: FrameType | None) -> None:
        """In the main thread, wherever it is: the test fails here, as with pytest-timeout."""
        phase = self._phase
        if phase is not None and phase.text:
            pytest.fail(phase.text, pytrace=False)

    def _run(self) -> None:
        while True:
            with self._thread.at_rest:
                sleep(pause_s(time.monotonic(), self._dump_at))
            phase = self._phase
            try:
                if phase is not None and not (self._debugged or is_debugged()):
                    self._look_at(phase)
                elif self._leave_after_s and not threading.main_thread().is_alive():
                    self._look_at_the_end()
            except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
                report_failure("a test that hangs is not found", error)
                return

    def _look_at(self, phase: Phase) -> None:
        now = time.monotonic()
        if phase.text:
            if now >= phase.next_look:
                self._interrupt(phase, now)
            return
        if now < phase.next_look:
            return
        phase.next_look = phase.look_after(now, max(TICK_S, NEXT_LOOK * phase.limit_s))
        if not self._looks.is_quiet(phase) or now - phase.began < phase.limit_s:
            return
        if now - phase.quiet_since >= QUIET * phase.limit_s:
            text = self._looks.told(now - phase.began)
            if self._phase is phase:
                phase.text = text
                self._interrupt(phase, now)

    def _interrupt(self, phase: Phase, now: float) -> None:
        """Have the test end in its own thread, the gentle way first; where none does, end the process."""
        if not phase.is_cancelled:
            phase.is_cancelled = True
            if cancel_main(phase.main):
                phase.next_look = now + CANCEL_S
                return
        if phase.attempts >= ATTEMPTS or not self._can_interrupt:
            self._end(f"{phase.nodeid}: {phase.text}\n\nit does not end when it is interrupted", TESTS_FAILED)
        phase.attempts += 1
        phase.next_look = now + min(GRACE_S, max(1.0, phase.limit_s))
        if self._phase is phase:
            signal.pthread_kill(phase.main, SIGNAL)

    def _look_at_the_end(self) -> None:
        """The interpreter waits for threads that the program has left running: it does so for ever."""
        now = time.monotonic()
        if self._leaving_since is None:
            self._leaving_since = now
        elif now - self._leaving_since >= self._leave_after_s:
            left = [t.name for t in threading.enumerate() if t.is_alive() and not t.daemon]
            text = self._looks.told(now - self._leaving_since).partition("\n")[2]
            self._end(f"the tests are over, but threads still run: {', '.join(left)}\n{text}", self._exit_status)

    def _end(self, text: str, status: int) -> None:
        with contextlib.suppress(OSError):
            os.write(self._stderr, f"\nunjam: {text}\nunjam: pytest ends here\n".encode(errors="backslashreplace"))
        with contextlib.suppress(OSError, ValueError):
            sys.__stdout__.flush() if sys.__stdout__ is not None else None
        os._exit(status)


def pause_s(now: float, dump_at: float) -> float:
    """How long our thread sleeps: a tick, or until a dump of faulthandler is over that would come in one."""
    left_s = dump_at - now
    return left_s + DUMP_S if -DUMP_S < left_s < TICK_S + DUMP_S else TICK_S


def _dump_s(config: pytest.Config) -> float:
    """After how long pytest has the stacks of a test dumped: infinity for never."""
    try:
        return float(config.getini("faulthandler_timeout") or 0) or float("inf")
    except ValueError:  # -p no:faulthandler
        return float("inf")


def _real_stderr() -> int:
    """A descriptor of the terminal: pytest has not taken the second one yet, or gives it back meanwhile."""
    try:
        return os.dup(2)
    except OSError:
        return 2
