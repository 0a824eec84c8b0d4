"""An alarm whose waiting thread needs the GIL only when it is over: the loop's thread puts it off while all is well (Linux).

A lock that is waited for with a timeout wakes its thread at the end of it, whatever has happened: that thread asks for the GIL, and a busy
loop pays for it. A timer of the kernel may be put off by another thread, for 1 us.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from unjam.native.originals import allocate_lock, original

POLL: Any = original("select", "poll") if sys.platform == "linux" else None

HIGH_FD = 200
"""Programs that close what they do not know take the low numbers for their own files soon after."""

LATE_S = 0.1
"""A timer that does not ring so long after its time has been closed by the program: the wait ends all the same."""

CLOCK_MONOTONIC, TFD_TIMER_ABSTIME, TFD_FLAGS = 1, 1, os.O_CLOEXEC | os.O_NONBLOCK if sys.platform == "linux" else 0
"""As include/uapi/linux/time.h and timerfd.h of Linux have them; the flags of timerfd_create are those of open(2)."""


class LockAlarm:
    """One that cannot be put off."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def wait(self, timeout_s: float) -> bool:
        """Wait so long at the most; whether it was rung."""
        return bool(self._lock.acquire(timeout=timeout_s))

    def ring(self) -> None:
        """End the wait, or the next one."""
        try:
            self._lock.release()
        except RuntimeError:
            pass  # It has been rung already.

    def put_off(self, until_ns: int) -> bool:
        """False: it cannot be."""
        del until_ns
        return False

    def close(self) -> None:
        """Nothing is kept open."""


class TimerAlarm:
    """One that waits for a timer of the kernel; `set_timer(fd, ns)` sets it to a time of CLOCK_MONOTONIC, and returns whether it could."""

    def __init__(self, fd: int, set_timer: Any) -> None:
        self._fd, self._set = fd, set_timer
        self._poll = POLL()
        self._poll.register(fd, 1)  # POLLIN
        self._rung = False
        self._instead: LockAlarm | None = None

    def wait(self, timeout_s: float) -> bool:
        """Wait so long at the most, or until the time that it was put off to; whether it was rung."""
        if self._instead is None and not self._set(self._fd, time.monotonic_ns() + round(timeout_s * 1e9)):
            self._instead = LockAlarm()  # the program has closed it
        # In this order: who rings says so before the timer is set.
        if self._instead is not None:
            rung = self._rung or self._instead.wait(timeout_s)
        else:
            if not self._rung:
                self._poll.poll((timeout_s + LATE_S) * 1000)
            rung = self._rung
        self._rung = False
        return rung

    def ring(self) -> None:
        """End the wait, or the next one."""
        self._rung = True
        if self._instead is not None:
            self._instead.ring()
        else:
            self._set(self._fd, 1)

    def put_off(self, until_ns: int) -> bool:
        """Let the wait go on until then; False where it cannot."""
        done = self._instead is None and bool(self._set(self._fd, until_ns))
        if self._rung:
            self.ring()  # it was rung meanwhile, and the timer set again after that
        return done

    def close(self) -> None:
        """Give the timer back, if the descriptor is still that."""
        fd, self._fd = self._fd, -1
        try:
            if os.readlink(f"/proc/self/fd/{fd}") == "anon_inode:[timerfd]":
                os.close(fd)
        except OSError:
            pass


def make_alarm() -> LockAlarm | TimerAlarm:
    """The best one that there is here."""
    try:
        made = _timer() if sys.platform == "linux" else None
    except Exception:  # noqa: BLE001 -- no ctypes, a C library without timers, a sandbox that refuses: whatever it is, the lock does
        made = None
    return LockAlarm() if made is None else TimerAlarm(*made)


def _timer() -> tuple[int, Any] | None:
    # os.timerfd_settime (CPython 3.13) lets the GIL go at each call, which a program with a thread that computes would pay for with 5 ms.
    import ctypes
    import fcntl

    if ctypes.sizeof(ctypes.c_long) != 8:  # noqa: PLR2004 -- struct itimerspec is four of them only there
        return None
    library, times = ctypes.PyDLL(None), ctypes.c_long * 4
    settime = library.timerfd_settime
    low = library.timerfd_create(CLOCK_MONOTONIC, TFD_FLAGS)
    if low < 0:
        return None
    fd = low
    try:
        fd = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, HIGH_FD)
        os.close(low)
    except OSError:
        pass  # fewer descriptors are allowed

    def set_timer(number: int, at_ns: int) -> bool:
        return bool(settime(number, TFD_TIMER_ABSTIME, times(0, 0, at_ns // 10**9, at_ns % 10**9), None) == 0)

    if not set_timer(fd, 1):
        os.close(fd)
        return None
    return fd, set_timer
