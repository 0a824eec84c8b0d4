"""The twin's watchdog: a thread that looks at each loop every tick, and knows that it is late when the GIL is kept from it."""

from __future__ import annotations

import _thread
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from unjam.failure import report_failure
from unjam.native import _twin_os as system
from unjam.native._twin_alarm import LockAlarm, TimerAlarm, make_alarm
from unjam.native._twin_loop import FinishedTurn, Slot
from unjam.native._twin_sampler import Sampler, Seen
from unjam.native._twin_stall import AGAIN_NS, Accounts, EarlyLines, Stall
from unjam.native.originals import allocate_lock
from unjam.native.quiet_thread import QuietThread

IDLE_LOOKS = 7
"""After this many looks in which no loop turned the watchdog sleeps until one does: 0.2 s at the usual threshold of 50 ms."""

CALM_SHARE = 3, 5
"""While every turn is short it looks once in so much of a threshold, 30 ms of 50: each look takes the GIL, for which the loop pays more
than for all else."""

YOUNG = 25
"""A turn that has lasted a twenty-fifth of the threshold, 2 ms, may become a stall, and is looked at again after a tick; nearly all end
before. So a stall is first seen 32 ms after it began at the latest, and 30 where the loop puts the look off."""

IDLE_WAIT_S = 1.0
"""It looks around this often even then."""

SUSPENDED_NS = 100_000_000
"""Oversleeping less than this is never called a suspension: a busy machine does that too."""


STOP_NS = 250_000_000
"""A stop of the process is told of by itself from this length on: a virtual machine stands still for less again and again."""

PAUSE_S = 1.0
"""How long a fork waits for the thread, which nearly always rests."""

STOP_S = 0.5
"""How long the end of watching waits for the thread, which ends at once where it is given a CPU: what it has in hand would be lost."""

READ_EVERY_NS = 100_000_000
"""Reading a file gives the GIL up and has to wait for it again, so a healthy loop is not read more often than this."""


class Base(NamedTuple):
    """A thread's run-queue delay while all was well, the turns of its loop by then, and when the delay was read.

    The thread ran after `ran_ns`: what it waited for a CPU as it was read, which is booked when that is over, it did since then.
    """

    run_delay_ns: int | None
    turns: int
    read_ns: int
    ran_ns: int


class Glance(NamedTuple):
    """Where the threads of the loops that had been away for a while were at a moment, since when they were, and how long we had wanted to look."""

    at_ns: int
    waited_ns: int
    began: dict[Slot, int]
    seen: dict[int, Seen]


class Look(NamedTuple):
    """One look at a loop: where its thread was (None: not looked at), how long the look waited for the GIL, and stood still.

    `began` is when the turn began in which it was seen, which may have ended since: the GIL is let go after that.
    """

    seen: Seen | None
    began: int
    asked_ns: int
    suspended_ns: int


class Watchdog:
    """Looks at the loops of `slots`; `emit` are what writes and passes an event on, and what only passes it on."""

    def __init__(
        self,
        slots: dict[int, Slot],
        sampler: Sampler,
        emit: tuple[Callable[[dict[str, Any]], None], Callable[[dict[str, Any]], None]],
        tick_ns: int,
    ) -> None:
        self._slots, self._sampler = slots, sampler
        self._emit, self._tell = emit
        self._early_lines = EarlyLines()
        self._tick_ns = tick_ns
        self._leaving: list[Slot] = []
        self._flushing: list[_thread.LockType] = []
        # By slot, not by loop: a loop that runs again has a new slot while its last one may still have to be completed.
        self._stalls: dict[Slot, Stall] = {}
        self._bases: dict[Slot, Base] = {}
        self._alarm: LockAlarm | TimerAlarm = LockAlarm()
        self._thread = QuietThread(self._run)
        self._stopping = self._held = False
        self._process_cpu = time.process_time_ns()
        self._own_delay = 0
        self._throttled = system.throttled_ns()
        self._idle_looks = self._turns = self._read_ns = self._read_before_ns = 0
        self._due_ns = 0  # when its wait will be over, 0: it does not wait
        self._woken_ns = 0  # when it was first woken since it last looked, 0: not since then
        self._seen_for_ns = 0
        self._calm = True
        self._ident = 0
        self._glances: deque[Glance] = deque()

    def start(self) -> None:
        """Start the thread, for the first time or again."""
        self._stopping = False
        if isinstance(self._alarm, LockAlarm):
            self._alarm = make_alarm()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; gives up waiting after `STOP_S`."""
        self._stopping = True
        self.wake()
        if self._thread.join(STOP_S):
            self.let_go()

    def pause(self) -> None:
        """Have the thread at rest: the process forks."""
        self._held = self._thread.hold(PAUSE_S)

    def resume(self) -> None:
        """Go on after `pause`: the loops could not be looked at meanwhile."""
        if self._held:
            self._held = False
            self._seen_for_ns = time.monotonic_ns()
            self._thread.let_go()

    def let_go(self) -> None:
        """Keep nothing open, and have no loop put the alarm off: the thread has ended, or this is a forked child."""
        for slot in tuple(self._slots.values()):
            slot.put_off = None
        alarm, self._alarm = self._alarm, LockAlarm()
        alarm.close()

    def finish(self) -> None:
        """Write what has been left to a thread that is gone."""
        self._tick(time.monotonic_ns(), 0)

    def wake(self) -> None:
        """Look now."""
        self._woken_ns = self._woken_ns or time.monotonic_ns()
        self._alarm.ring()

    def flush(self, timeout_s: float) -> None:
        """Have the line written of every stall that has ended, and a fresh one of every open one; waits for it."""
        now = time.monotonic_ns()
        slots = [*self._slots.values(), *self._leaving]
        if any(slot.finished or now - (slot.away_since or now) >= slot.threshold for slot in slots):
            written = allocate_lock()
            written.acquire()
            self._flushing.append(written)
            self.wake()
            written.acquire(timeout=timeout_s)

    def look_for_it(self) -> None:
        """Look in another thread of ours, which has just got the GIL while the watchdog still waits for it.

        Nobody can know who gets the GIL where several threads wait, and the turn may be over before the watchdog does.
        """
        now, since = time.monotonic_ns(), min(filter(None, (self._due_ns, self._woken_ns)), default=0)
        since = max(since, self._seen_for_ns)
        if self._due_ns and self._sampler.is_late(now - since):
            glance = self._glance(now, now - since)
            if glance.seen:
                self._seen_for_ns = now
                self._glances.append(glance)

    def leave(self, slot: Slot) -> None:
        """The loop has stopped: complete its stalls, then forget it."""
        self._leaving.append(slot)
        self.wake()

    def _run(self) -> None:
        self._ident = _thread.get_ident()
        system.listen(self._came_back)
        try:
            self._own_starved()
            while not self._stopping:
                timeout_s = self._next_wait_s()
                woken, overslept = self._wait(timeout_s)
                now = time.monotonic_ns()
                if woken or not self._all_is_well(now, overslept):
                    self._tick(now, overslept)
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("the watchdog stopped", error)
        finally:
            system.listen(None)

    def _wait(self, timeout_s: float) -> tuple[bool, int]:
        """Wait for so long or until woken; returns whether it was woken, and for how long it has wanted to look since.

        Who is woken at the beginning of a turn has to wait for the GIL like one whose time is over.
        """
        began = time.monotonic_ns()
        self._due_ns = began + round(timeout_s * 1e9)
        with self._thread.at_rest:
            woken = self._alarm.wait(timeout_s)
        since = max(began, self._woken_ns, self._seen_for_ns) if woken else max(self._due_ns, self._seen_for_ns)
        self._due_ns = self._woken_ns = 0
        return woken, max(0, time.monotonic_ns() - since)

    def _next_wait_s(self) -> float:
        turns, away = 0, False
        slots = tuple(self._slots.values())
        for slot in slots:
            turns += slot.turns
            away = away or slot.away_since != 0
        quiet = turns == self._turns and not away
        self._turns = turns
        self._idle_looks = self._idle_looks + 1 if quiet else 0
        busy = self._idle_looks < IDLE_LOOKS
        calm = self._calm and not self._stalls and busy and len(slots) == 1
        for slot in slots:
            slot.put_off = self._put_off if calm else None
        if busy:
            return self._busy_wait_ns(slots) / 1e9
        for slot in slots:
            slot.have_waker()
        # A loop that woke up before it could see that we sleep has to be seen here.
        return self._tick_ns / 1e9 if any(slot.away_since for slot in slots) else IDLE_WAIT_S

    def _busy_wait_ns(self, slots: tuple[Slot, ...]) -> int:
        if self._stalls or not self._calm:
            return self._tick_ns
        share, of = CALM_SHARE
        calm = min((slot.threshold for slot in slots), default=0) * share // of
        return min(READ_EVERY_NS, max(calm, self._tick_ns))

    def _put_off(self, now: int) -> None:
        """A turn of the only loop begins, in whose thread this is: all is well, so that the next look may be as far from here as from the last.

        Nobody is waited for whose time is over: who wants the GIL already is to know for how long.
        """
        due, slots = self._due_ns, tuple(self._slots.values())
        if now < due and len(slots) == 1:
            later = min(now + self._busy_wait_ns(slots), self._read_ns + READ_EVERY_NS)
            if later > due and self._alarm.put_off(later):
                self._due_ns = later

    def _all_is_well(self, now: int, overslept: int) -> bool:
        """Whether there is nothing to look at: what a look costs is paid by the loop, which waits for the GIL meanwhile."""
        if self._stalls or self._leaving or self._flushing:
            return False
        if overslept >= self._tick_ns or now - self._read_ns >= READ_EVERY_NS:
            return False
        slots = tuple(self._slots.values())
        self._calm = not any(slot.away_since and now - slot.away_since >= slot.threshold // YOUNG for slot in slots)
        if not self._calm or any(slot.finished or slot not in self._bases for slot in slots):
            return False
        self._process_cpu = time.process_time_ns()
        return True

    def _tick(self, now: int, overslept: int) -> None:
        self._glances.append(self._glance(now, overslept))
        while self._glances:
            self._take_in(self._glances.popleft())

    def _glance(self, now: int, waited_ns: int) -> Glance:
        # Each is read once: the loop goes on while it is looked at.
        since = {slot: slot.away_since for slot in tuple(self._slots.values())}
        began = {slot: began for slot, began in since.items() if self._is_due(slot, began, now)}
        return Glance(now, waited_ns, began, self._sampler.see(list(began)))

    def _came_back(self, took_ns: int) -> None:
        """A call of the system has ended: if native code kept the GIL meanwhile, it is seen now or never, as the next such call lets the GIL go."""
        if self._sampler.is_late(took_ns) and _thread.get_ident() == self._ident:
            glance = self._glance(time.monotonic_ns(), took_ns)
            if glance.seen:
                self._glances.append(glance)

    def _take_in(self, glance: Glance) -> None:
        now, waited_ns, began, seen = glance
        asked, suspended = self._explain(waited_ns)
        if suspended >= STOP_NS:
            self._emit({"e": "stopped", "t": now, "t0": now - suspended, "t1": now})
        self._read_before_ns, self._read_ns = self._read_ns, now
        leaving, self._leaving = self._leaving, []
        flushing, self._flushing = self._flushing, []
        for slot in [*self._slots.values(), *leaving]:
            self._look_at(slot, now, Look(seen.get(slot.ident), began.get(slot, 0), asked, suspended))
        if self._glances:
            self._leaving.extend(leaving)
            self._flushing.extend(flushing)
            return
        for slot in leaving:
            self._stalls.pop(slot, None)
            self._bases.pop(slot, None)
            self._sampler.forget(slot)
        if flushing:
            self._write_open()
        for written in flushing:
            written.release()

    def _is_due(self, slot: Slot, began: int, now: int) -> bool:
        """Whether this loop's thread, which has been away since `began`, has to be looked at now."""
        stall = self._stalls.get(slot)
        late = began and now - began >= slot.threshold // 4 and not slot.finished
        return bool(late) and (stall is None or stall.began != began or stall.sample_due(now))

    def _write_open(self) -> None:
        now = time.monotonic_ns()
        for stall in self._stalls.values():
            if stall.slot.away_since == stall.began and now - stall.began >= stall.slot.threshold:
                self._emit(self._event(stall, now, self._accounts(stall.slot)))

    def _event(self, stall: Stall, now: int, end: Accounts, turn: FinishedTurn | None = None) -> dict[str, Any]:
        stall.leave_out_sleep(time.monotonic_ns(), end, asleep=False)
        delay = system.run_delay_ns(_thread.get_native_id()) if stall.held else None
        starved = 0 if delay is None else max(0, delay - stall.own_delay_ns)
        return stall.event(now, end, turn, mistaken=self._sampler.most_mistaken(starved))

    def _explain(self, overslept: int) -> tuple[int, int]:
        """How much of an oversleep was spent asking for the GIL, and how much with the whole process stopped."""
        process_cpu = time.process_time_ns()
        busy, self._process_cpu = process_cpu - self._process_cpu, process_cpu
        if overslept < self._tick_ns:
            return overslept, 0
        starved = self._own_starved()
        if starved is None:
            return overslept, 0  # who is given no CPU looks like who was stopped
        asked = max(0, overslept - starved)
        return (0, asked) if asked > SUSPENDED_NS and busy < asked // 20 else (asked, 0)

    def _own_starved(self) -> int | None:
        """How long this very thread has wanted a CPU and had none since this was last asked; None: not measured here."""
        delay = system.run_delay_ns(_thread.get_native_id())
        if delay is None:
            return None
        before, self._own_delay = self._own_delay, delay
        return delay - before

    def _look_at(self, slot: Slot, now: int, look: Look) -> None:
        began = look.began or slot.away_since
        over = slot.away_since != began or bool(slot.finished)
        # Who had to wait for the GIL until the call that kept it was over has seen that call, though its turn may have ended since.
        late = now - began >= slot.threshold // 4
        if began and ((look.seen is not None and self._sampler.is_late(look.asked_ns)) if over else late):
            self._sample(slot, began, now, look)
        if self._glances:  # They may be of turns that have ended, which are completed after them.
            return
        while slot.finished:
            self._complete(slot, slot.finished.popleft())
        if not began or slot.away_since != began or now - began < slot.threshold // 4:
            self._end(slot)
            self._set_base(slot, time.monotonic_ns())

    def _sample(self, slot: Slot, began: int, now: int, look: Look) -> None:
        ended = next((turn for turn in slot.finished if turn.began_ns == began), None)
        stall = self._stall(slot, began, ended.cpu_before_ns if ended else slot.cpu_before())
        stall.suspended_ns += min(look.suspended_ns, now - began)
        if look.seen is not None:
            asked = min(look.asked_ns, now - began)
            sample = self._sampler.judge(slot, look.seen, now, asked, over=slot.away_since != began)
            stall.add(sample)
            if sample.state in {"kernel", "gil"}:
                stall.leave_out_sleep(sample.at_ns, sample.accounts, asleep=True)
            if sample.holds_gil:
                stall.gil_asked_ns = max(stall.gil_asked_ns or 0, asked)
        # The loop may have come back while the sample was taken.
        if slot.away_since == began and stall.line_due(now):
            written = now - began >= AGAIN_NS or self._early_lines.is_due(now)
            (self._emit if written else self._tell)(self._event(stall, now, self._accounts(slot)))
        elif slot.away_since == began and stall.still_due(now):
            self._emit({"e": "still", "t": now, "stall": slot.ids.of(began)})

    def _complete(self, slot: Slot, turn: FinishedTurn) -> None:
        stall = self._stall(slot, turn.began_ns, turn.cpu_before_ns)
        # The loop may have gone on as it was sampled: its own notes are of this very turn.
        stall.base = Accounts(turn.cpu_before_ns, stall.base.run_delay_ns, stall.base.throttled_ns)
        end = self._accounts(slot)
        if end.cpu_ns is not None:
            end.cpu_ns = turn.cpu_ns
        self._emit(self._event(stall, time.monotonic_ns(), end, turn))
        slot.ids.forget(turn.began_ns)
        self._end(slot)

    def _end(self, slot: Slot) -> None:
        if self._stalls.pop(slot, None) is not None:
            self._sampler.rest(slot)

    def _stall(self, slot: Slot, began: int, cpu_ns: int | None) -> Stall:
        """The stall that began then, when the thread had used so much of the CPU."""
        stall = self._stalls.get(slot)
        if stall is None or stall.began != began:
            base = self._bases.get(slot)
            accounts = Accounts(cpu_ns, None if base is None else base.run_delay_ns, self._throttled)
            stall = self._stalls[slot] = Stall(slot, began, accounts, self._own_delay)
            if base is not None:
                used = Accounts(system.cpu_ns(slot.tid), system.run_delay_ns(slot.tid))
                stall.leave_open(time.monotonic_ns(), used, began - base.ran_ns)
            self._sampler.begin_at_latest(slot, began, accounts)
        return stall

    def _set_base(self, slot: Slot, now: int) -> None:
        """Note the thread's run-queue delay while all is well: a stall's own part is counted from here."""
        base = self._bases.get(slot)
        if base is not None and base.turns == slot.turns and slot.counts_turns:
            return
        own_delay = self._own_delay
        if base is None or now - base.read_ns >= READ_EVERY_NS:
            base = Base(system.run_delay_ns(slot.tid), slot.turns, now, self._read_before_ns)
            self._own_starved()
            if self._throttled is not None:
                self._throttled = system.throttled_ns()
        else:
            base = base._replace(turns=slot.turns)
        if self._glances:  # Not all was well meanwhile.
            self._own_delay = own_delay
            return
        self._sampler.begin(slot, now, Accounts(system.cpu_ns(slot.tid), base.run_delay_ns))
        self._bases[slot] = base

    def _accounts(self, slot: Slot) -> Accounts:
        return Accounts(system.cpu_ns(slot.tid), system.run_delay_ns(slot.tid), system.throttled_ns())
